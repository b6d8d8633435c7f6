//! Events of versions, such as tags, to and from a remote: part of push, fetch, pull and clone.

use std::collections::HashSet;

use super::remotes::OpenRemote;
use super::{Error, Repository};
use crate::model::{Monitor, VersionId};
use crate::plumbing::rev_list;
use crate::plumbing::transfer::{receive_events, send_events, unsent_events};

/// What of the events of a remote came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BroughtEvents {
    /// How many were not here.
    pub new: u64,
    /// What was passed over, for people.
    pub skipped: Vec<String>,
}

/// Adds the events of a remote to the own ones.
pub(super) fn bring(
    repo: &Repository,
    remote: &OpenRemote,
    monitor: &Monitor<'_>,
) -> Result<BroughtEvents, Error> {
    let peer = remote.peer(repo, monitor.interrupt);
    let received = receive_events(&peer)?;
    let skipped = received.skipped.clone();
    let mut new = 0;
    if !received.events.is_empty() {
        let lock = repo.lock_refs(monitor)?;
        let before = repo.events().read()?.events.len();
        repo.events().append(&lock, &received.events)?;
        new = (repo.events().read()?.events.len() - before) as u64;
        repo.db().tombstones().forget();
    }
    received.note(&peer)?;
    Ok(BroughtEvents { new, skipped })
}

/// Sends the own events of versions that these lead to; returns how many the remote was not known to have. `new` when one of
/// the datasets was not there before.
pub(super) fn send(
    repo: &Repository,
    remote: &OpenRemote,
    tips: &[VersionId],
    new: bool,
    monitor: &Monitor<'_>,
) -> Result<u64, Error> {
    let peer = remote.peer(repo, monitor.interrupt);
    let all = repo.events().read()?.events;
    let mut unsent = unsent_events(&peer, &all, new);
    if !unsent.is_empty() {
        let there = rev_list::run(repo.db(), tips, &rev_list::Options::default(), monitor)?;
        let there: HashSet<VersionId> = there.into_iter().map(|listed| listed.id).collect();
        // What is not there is nobody's business there.
        unsent.retain(|event| there.contains(&event.version));
        send_events(&peer, &unsent)?;
    }
    Ok(unsent.len() as u64)
}
