//! `dsv fsck`: is the repository whole?

use super::{Error, Repository};
use crate::model::Monitor;
use crate::plumbing::fsck;

pub use crate::plumbing::fsck::{Counts, Finding, Lost, Options, Outcome};

/// Checks everything, and names what is lost.
///
/// # Errors
/// When a lock cannot be had, the folder of objects cannot be listed, or the monitor asks to end. Damage
/// is part of the outcome.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let db = repo.own_db()?;
    let promisor = repo.db().promisor().map(|promisor| &**promisor);
    repo.with_lock_request(monitor, |locks| {
        let place = fsck::Place { fs: repo.fs(), layout: repo.layout(), db: &db, promisor, locks: *locks };
        Ok(fsck::run(&place, *options, monitor)?)
    })
}
