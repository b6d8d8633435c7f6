//! `dsv evict`: drops the data that a remote holds, to be fetched again when it is needed.

use super::remotes;
use super::{Error, Repository};
use crate::model::{Monitor, RemoteName};
use crate::plumbing::transfer::{EvictOutcome, Peer, evict, log, remember_entry};

/// What to drop.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// Find out what could be dropped, and do nothing.
    pub dry_run: bool,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The remote.
    pub remote: RemoteName,
    /// What was dropped.
    pub evicted: EvictOutcome,
}

/// Drops the bytes of files that the remote holds, after a look at the remote. Files of the worktree stay; versions and
/// trees stay; what the remote does not hold stays.
///
/// # Errors
/// When others use the store, too; when the remote lacks something that it lists, or fails: then nothing is dropped.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if repo.layout().is_shared() {
        return Err(Error::EvictShared { store: repo.layout().objects.clone() });
    }
    let remote = remotes::open(repo, options.remote.as_ref())?;
    // What is dropped must be there now, and not have been there once.
    let peer = Peer { fresh: true, ..remote.peer(repo, monitor.interrupt) };
    monitor.progress.phase("Looking at the remote", None, None);
    let entries = log::all_newest(&peer)?;
    for entry in &entries {
        remember_entry(&peer, entry)?;
    }
    let _alone = repo.lock_objects_alone(monitor)?;
    if !options.dry_run {
        // Before anything goes: from now on what is not here is asked for.
        remotes::set_promisor(repo, &remote.name, true, monitor)?;
    }
    let evicted = evict(&peer, &*repo.own_db()?, &entries, options.dry_run, monitor)?;
    Ok(Outcome { remote: remote.name, evicted })
}
