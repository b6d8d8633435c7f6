//! `dsv verify --remote`: whether a remote holds, whole and unharmed, all that its datasets lead to.

use super::{Error, Repository, remotes, sync_events};
use crate::model::{Monitor, RemoteName};
use crate::plumbing::transfer::{Peer, verify};

pub use crate::plumbing::transfer::{VerifyOptions as Checks, VerifyOutcome};

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// Which datasets, and how much of them.
    pub checks: Checks,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where the remote is, for people.
    pub url: String,
    /// What was found there.
    pub found: VerifyOutcome,
}

/// Reads a remote and proves what is there. Nothing is changed, here or there, but that events come.
///
/// # Errors
/// When the remote cannot be reached, or the monitor asks to end. Damage is no error.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = remotes::open(repo, options.remote.as_ref())?;
    // What is known here says nothing of what is there.
    let peer = Peer { fresh: true, ..remote.peer(repo, monitor.interrupt) };
    monitor.progress.phase("Looking at the remote", None, None);
    // Which versions were deleted.
    sync_events::bring(repo, &remote, monitor)?;
    let checks = Checks { deleted: repo.events().read()?.deleted(), ..options.checks.clone() };
    let found = verify(&peer, &checks, monitor)?;
    Ok(Outcome { url: peer.url(), found })
}
