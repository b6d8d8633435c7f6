//! Walking from versions to their parents.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::model::{ErrorKind, Interrupt, Interrupted, Monitor, Version, VersionId};
use crate::plumbing::tree_error::TreeError;
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, StoreError};

/// Why a history could not be walked.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The database failed, or a version is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tree is missing or damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl HistoryError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
        }
    }
}

/// What a walk does at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Goes on to its parents.
    Parents,
    /// Leaves out what lies behind it.
    Stop,
}

/// Visits each version that can be reached from `starts` once, in no definite order.
///
/// # Errors
/// When a version is missing or damaged; when interrupted.
pub fn walk(
    db: &ObjectDb,
    starts: impl IntoIterator<Item = VersionId>,
    interrupt: &Interrupt,
    mut visit: impl FnMut(VersionId, Version) -> Step,
) -> Result<(), HistoryError> {
    let mut pending: Vec<VersionId> = starts.into_iter().collect();
    let mut seen: HashSet<VersionId> = pending.iter().copied().collect();
    while let Some(id) = pending.pop() {
        interrupt.check()?;
        let version = db.version(&id)?;
        let parents = version.parents.clone();
        if visit(id, version) == Step::Parents {
            pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
    }
    Ok(())
}

/// All versions that can be reached from `starts`, these included.
///
/// # Errors
/// As [`walk`].
pub fn ancestors(
    db: &ObjectDb,
    starts: impl IntoIterator<Item = VersionId>,
    interrupt: &Interrupt,
) -> Result<HashMap<VersionId, Version>, HistoryError> {
    let mut found = HashMap::new();
    walk(db, starts, interrupt, |id, version| {
        found.insert(id, version);
        Step::Parents
    })?;
    Ok(found)
}

/// A version, or if it was deleted the nearest one before it, by first parents, that was not; `None` when there is none.
///
/// # Errors
/// When a version is missing or damaged.
pub fn kept(db: &ObjectDb, id: &VersionId) -> Result<Option<Version>, StoreError> {
    let mut id = *id;
    loop {
        let version = db.version(&id)?;
        if !db.tombstones().contains(&id) {
            return Ok(Some(version));
        }
        match version.parents.first() {
            Some(parent) => id = *parent,
            None => return Ok(None),
        }
    }
}

/// As [`ancestors`], read by several threads; of a version that is not here, and of what lies behind it, nothing.
///
/// # Errors
/// When a version is damaged; when interrupted.
pub fn all_here(
    db: &ObjectDb,
    starts: impl IntoIterator<Item = VersionId>,
    monitor: &Monitor<'_>,
) -> Result<HashMap<VersionId, Version>, HistoryError> {
    let starts: Vec<VersionId> = starts.into_iter().collect();
    let seen: Mutex<HashSet<VersionId>> = Mutex::new(starts.iter().copied().collect());
    let found = Mutex::new(HashMap::new());
    let starts = seen.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
    work_through(monitor.threads, starts, |id, more: &mut Vec<VersionId>| {
        monitor.interrupt.check()?;
        let version = match db.version(&id) {
            Err(StoreError::Missing { .. }) => return Ok(()),
            read => read?,
        };
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            more.extend(version.parents.iter().copied().filter(|parent| seen.insert(*parent)));
        }
        found.lock().unwrap_or_else(PoisonError::into_inner).insert(id, version);
        Ok::<_, HistoryError>(())
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}
