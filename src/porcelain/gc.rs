//! `dsv gc`: frees the room that nothing needs any more.

use std::time::Duration;

use super::{Error, Repository};
use crate::model::Monitor;
use crate::plumbing::gc;

pub use crate::plumbing::gc::{Outcome, PackPlan, Plan};

/// What to remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Make the plan and do nothing.
    pub dry_run: bool,
    /// How long what nothing refers to stays; 14 days unless told. Besides, what refs named stays for
    /// as long as the setting `gc.log-days` says.
    pub grace: Option<Duration>,
    /// Keep nothing for the reason that refs named it of late.
    pub forget_moves: bool,
    /// Strike repositories that are gone off the list of those that use the store.
    pub forget_missing: bool,
}

/// Removes what no dataset, tag, staged file or recent move of a ref needs, in none of the repositories
/// that use the store. Uncommitted and staged files stay.
///
/// # Errors
/// When another process writes for too long; when something that is in use is damaged: then nothing is
/// removed; when the disk is full or fails.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let defaults = gc::Options::default();
    let days = repo.settings().gc_log_days()?;
    let options = gc::Options {
        dry_run: options.dry_run,
        grace: options.grace.unwrap_or(defaults.grace),
        keep_named: (!options.forget_moves).then(|| Duration::from_secs(days * 24 * 60 * 60)),
        forget_missing: options.forget_missing,
        ..defaults
    };
    if !options.dry_run {
        repo.check_writable()?;
    }
    let db = repo.bare_db()?;
    let promisor = repo.db().promisor().map(|promisor| &**promisor);
    repo.with_lock_request(monitor, |locks| {
        let place = gc::Place { fs: repo.fs(), layout: repo.layout(), db: &db, promisor, locks: *locks };
        Ok(gc::run(&place, &options, monitor)?)
    })
}
