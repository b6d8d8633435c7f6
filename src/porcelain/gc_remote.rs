//! `dsv gc --remote`: frees the room on a remote that nothing needs any more.

use std::time::Duration;

use super::{Error, Repository, remotes, sync_events};
use crate::model::{Monitor, RemoteName};
use crate::plumbing::transfer::gc::{GcOptions, gc};

pub use crate::plumbing::transfer::gc::{Amount, GcOutcome};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How long what nothing refers to stays, unless told.
pub const GRACE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long it stays at the least: who pushes relies on half of that, and who reads on all of it.
pub const MIN_GRACE: Duration = HOUR;

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// Find out what would be done, and change nothing.
    pub dry_run: bool,
    /// How long what nothing refers to, or what was replaced, stays: [`GRACE`] unless told, at least [`MIN_GRACE`].
    pub grace: Option<Duration>,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The remote.
    pub remote: RemoteName,
    /// Where it is, for people.
    pub url: String,
    /// What was found and done there.
    pub done: GcOutcome,
    /// Requests that it took, retries included.
    pub requests: u64,
}

/// Removes from a remote what no dataset there needs, while others may push to it.
///
/// # Errors
/// [`Error::GraceTooShort`]; when something that is in use there is missing or damaged: then nothing is removed; when the remote
/// fails.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let grace = options.grace.unwrap_or(GRACE);
    if grace < MIN_GRACE {
        return Err(Error::GraceTooShort);
    }
    let remote = remotes::open(repo, options.remote.as_ref())?;
    monitor.progress.phase("Looking at the remote", None, None);
    // Before it is decided what is in use: which versions were deleted, and which are protected.
    sync_events::bring(repo, &remote, monitor)?;
    // What is read here instead of there must stay meanwhile.
    let _objects = repo.lock_objects(monitor)?;
    let options =
        GcOptions { dry_run: options.dry_run, grace, who: repo.author()?.to_string(), time: repo.now() };
    // What is not here is read there, a batch at a time, and need not be kept here.
    let db = repo.own_db()?;
    let done = gc(&remote.peer(repo, monitor.interrupt), &db, &options, monitor)?;
    let (url, requests) = (remote.client.url().to_string(), remote.client.stats().requests());
    Ok(Outcome { remote: remote.name, url, done, requests })
}
