//! `dsv archive` and `dsv restore-archived`: versions that lists leave out unless asked for all.

use super::{Recorded, append};
use crate::model::{EventAction, Monitor, VersionId};
use crate::porcelain::{Error, Repository};

/// Which versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The versions.
    pub versions: Vec<VersionId>,
    /// Bring them back instead.
    pub restore: bool,
    /// Tell what would change, and change nothing.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Versions whose record changed.
    pub changed: Vec<Recorded>,
    /// Versions that were so already.
    pub unchanged: Vec<Recorded>,
}

/// Archives versions, or brings them back. Nothing of theirs is moved or removed.
///
/// # Errors
/// When a version is not here, or a lock cannot be had: then nothing changes.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let _objects = repo.lock_objects(monitor)?;
    let lock = repo.lock_refs(monitor)?;
    let events = repo.events().read()?;
    let mut outcome = Outcome::default();
    let mut facts = Vec::new();
    for id in &options.versions {
        let version = Recorded::read(repo, &events, *id)?;
        if version.record.archived.is_some() == options.restore {
            let action = if options.restore { EventAction::Restored } else { EventAction::Archived };
            facts.push((*id, action));
            outcome.changed.push(version);
        } else {
            outcome.unchanged.push(version);
        }
    }
    if !options.dry_run {
        append(repo, &lock, &events, facts)?;
    }
    Ok(outcome)
}
