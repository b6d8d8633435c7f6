//! What changes about a version after it was made: its record, and the verbs that add to it.
//!
//! A manifest never changes. Each of these verbs appends events, of which every repository and remote has a set; a version's
//! record is folded from them, so that two people who do so at the same time never are in each other's way.

pub mod archive;
pub mod describe;
mod error;
pub mod publish;

pub use error::RecordError;

use super::{Error, Repository};
use crate::model::{Event, EventAction, FoldedRecord, Step, Version, VersionId};
use crate::store::{Events, RefsLock};

/// A version and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: VersionId,
    /// Its manifest.
    pub version: Version,
    /// What its events amount to.
    pub record: FoldedRecord,
}

impl Recorded {
    /// Reads a version and picks its record.
    ///
    /// # Errors
    /// When the version is not here, or damaged.
    pub(super) fn read(repo: &Repository, events: &Events, id: VersionId) -> Result<Self, Error> {
        Ok(Self { id, version: repo.db().version(&id)?, record: events.record(&id) })
    }

    /// Demands that it was not deleted.
    ///
    /// # Errors
    /// When it was; the error says by whom.
    pub(super) fn check_there(&self) -> Result<(), RecordError> {
        match &self.record.deleted {
            Some(by) => Err(RecordError::Gone { what: self.version.full_label(), who: by.who.clone() }),
            None => Ok(()),
        }
    }

    /// Demands that a step can be taken from the version's state.
    ///
    /// # Errors
    /// When it cannot; the error names both states.
    pub(super) fn check(&self, step: Step) -> Result<(), RecordError> {
        let what = self.version.full_label();
        self.record.state().after(step).map(drop).map_err(|illegal| RecordError::Illegal { what, illegal })
    }
}

/// Appends facts about versions, each after all that is known of its version, even if another machine's clock was ahead.
///
/// # Errors
/// When the log of events cannot be written, or a setting is wrong.
pub(super) fn append(
    repo: &Repository,
    lock: &RefsLock,
    events: &Events,
    facts: Vec<(VersionId, EventAction)>,
) -> Result<(), Error> {
    let who = repo.author()?.to_string();
    let mut new: Vec<Event> = Vec::with_capacity(facts.len());
    for (version, action) in facts {
        let mut time = repo.now();
        let known = events.events.iter().map(|(_, event)| event).chain(&new);
        let latest = known.filter(|event| event.version == version).map(|event| event.time.seconds).max();
        time.seconds = latest.map_or(time.seconds, |latest| latest.max(time.seconds));
        let sequence = events.next_sequence(time.seconds) + new.len() as u64;
        new.push(Event { version, action, who: who.clone(), time, host: repo.env().host.clone(), sequence });
    }
    repo.events().append(lock, &new)?;
    Ok(())
}

impl Repository {
    /// What the events of a version amount to.
    ///
    /// # Errors
    /// When the log of events cannot be read.
    pub fn record(&self, id: &VersionId) -> Result<FoldedRecord, Error> {
        Ok(self.events().read()?.record(id))
    }
}
