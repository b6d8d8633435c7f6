//! What is not here and need not be, because a remote has it.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::trees::Trees;
use crate::codec::pack::RecordKind;
use crate::model::ObjectId;
use crate::store::{Promisor, RecordKey, StoreError};

/// Objects that were looked for and not found. Whether they are elsewhere is asked for all at once.
#[derive(Debug)]
pub(super) struct Absent<'a> {
    promisor: &'a dyn Promisor,
    found: Mutex<Answer>,
}

#[derive(Debug)]
enum Answer {
    /// Everything that was looked for so far.
    Unknown(HashSet<RecordKey>),
    /// What of it is elsewhere.
    Promised(HashSet<RecordKey>),
}

impl<'a> Absent<'a> {
    pub(super) fn new(promisor: &'a dyn Promisor) -> Self {
        Self { promisor, found: Mutex::new(Answer::Unknown(HashSet::new())) }
    }

    fn lock(&self) -> MutexGuard<'_, Answer> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object that is not here is no loss, or no loss as long as it is not known to be one.
    pub(super) fn excuses(&self, kind: RecordKind, id: &[u8; 32]) -> bool {
        match &mut *self.lock() {
            Answer::Unknown(absent) => {
                absent.insert((kind, *id));
                true
            }
            Answer::Promised(promised) => promised.contains(&(kind, *id)),
        }
    }

    /// Whether an object is known to be elsewhere.
    pub(super) fn is_promised(&self, kind: RecordKind, id: &[u8; 32]) -> bool {
        matches!(&*self.lock(), Answer::Promised(promised) if promised.contains(&(kind, *id)))
    }
}

impl Trees<'_> {
    /// Finds out which of the absent objects are elsewhere, and notes the others as lost; returns the number of those
    /// that are.
    pub(super) fn settle_absent(&self) -> Result<u64, StoreError> {
        let Some(absent) = &self.absent else { return Ok(0) };
        let Answer::Unknown(wanted) =
            std::mem::replace(&mut *absent.lock(), Answer::Promised(HashSet::new()))
        else {
            return Ok(0);
        };
        if wanted.is_empty() {
            return Ok(0);
        }
        self.monitor.progress.phase(
            "Asking the remote for what is not here",
            Some(wanted.len() as u64),
            None,
        );
        let wanted: Vec<RecordKey> = wanted.into_iter().collect();
        let holds = absent.promisor.holds(&wanted, self.is_full(), self.monitor)?;
        let promised = wanted.iter().zip(&holds).filter(|(_, held)| **held).map(|(key, _)| *key);
        *absent.lock() = Answer::Promised(promised.collect());
        for ((kind, id), _) in wanted.iter().zip(&holds).filter(|(_, held)| !**held) {
            self.lose(StoreError::Missing { kind: *kind, id: ObjectId::Sha256(*id) })?;
        }
        Ok(holds.iter().filter(|held| **held).count() as u64)
    }
}
