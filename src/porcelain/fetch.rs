//! `dsv fetch`: what a remote has that is not here.

use super::remotes::{self, OpenRemote};
use super::{Error, Repository};
use crate::model::{DatasetName, Monitor, RefEntry, RemoteName, VersionId};
use crate::plumbing::transfer::index::RemoteIndex;
use crate::plumbing::transfer::{FetchOptions, FetchOutcome, FetchScope, fetch, log, remember_entry};

/// What to fetch.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// The datasets; all unless told.
    pub datasets: Vec<DatasetName>,
    /// Versions and trees alone, or everything.
    pub scope: FetchScope,
}

/// What became of one dataset.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The dataset.
    pub dataset: DatasetName,
    /// Where it was when it was last looked at.
    pub before: Option<VersionId>,
    /// Where it is; `None` when it was removed there.
    pub now: Option<VersionId>,
    /// What was brought for it.
    pub brought: FetchOutcome,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The remote.
    pub remote: RemoteName,
    /// Every dataset that was looked at, in order of name.
    pub datasets: Vec<Fetched>,
}

/// Fetches datasets of a remote and notes where they are. Nothing of the worktree or of the own datasets changes.
///
/// # Errors
/// When the remote fails, has no such dataset, or has something damaged: then what was fetched whole before stays.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = remotes::open(repo, options.remote.as_ref())?;
    let peer = remote.peer(repo, monitor.interrupt);
    monitor.progress.phase("Looking at the remote", None, None);
    let names = match options.datasets.as_slice() {
        [] => log::datasets(&peer)?,
        names => names.to_vec(),
    };
    let mut datasets = Vec::new();
    for name in names {
        let Some(entry) = log::newest(&peer, &name)? else {
            return Err(Error::NotOnRemote { dataset: name, url: peer.url() });
        };
        datasets.push(fetch_entry(repo, &remote, &entry, options.scope, monitor)?);
    }
    Ok(Outcome { remote: remote.name, datasets })
}

/// Brings what an entry leads to, and then notes that the dataset is there.
pub(super) fn fetch_entry(
    repo: &Repository,
    remote: &OpenRemote,
    entry: &RefEntry,
    scope: FetchScope,
    monitor: &Monitor<'_>,
) -> Result<Fetched, Error> {
    let dataset = entry.dataset.clone();
    let before = repo.refs().tracking().read(&remote.name, &dataset)?;
    let mut brought = FetchOutcome::default();
    let _objects = repo.lock_objects(monitor)?;
    let peer = remote.peer(repo, monitor.interrupt);
    // In a repository whose data is elsewhere all but the history is fetched when it is needed.
    let scope = if repo.is_partial() { FetchScope::Versions } else { scope };
    if repo.is_partial() {
        remember_entry(&peer, entry)?;
    }
    if let Some(tip) = entry.version.filter(|tip| Some(*tip) != before) {
        let mut index = RemoteIndex::new(&peer, entry.segments.iter().cloned())?;
        let options = FetchOptions { complete: complete(repo)?, scope };
        brought = fetch(&peer, repo.db(), &mut index, &[tip], &options, monitor)?;
    }
    note(repo, remote, &dataset, entry.version, monitor)?;
    Ok(Fetched { dataset, before, now: entry.version, brought })
}

/// Notes where a dataset is on a remote.
pub(super) fn note(
    repo: &Repository,
    remote: &OpenRemote,
    dataset: &DatasetName,
    version: Option<VersionId>,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let tracking = repo.refs().tracking();
    if tracking.read(&remote.name, dataset)? == version {
        return Ok(());
    }
    let lock = repo.lock_refs(monitor)?;
    match version {
        Some(version) => tracking.set(&lock, &remote.name, dataset, &version)?,
        None => tracking.forget(&lock, &remote.name, dataset)?,
    }
    Ok(())
}

/// The versions that are here with all that they lead to.
fn complete(repo: &Repository) -> Result<Vec<VersionId>, Error> {
    let own = repo.refs().list()?.into_iter().map(|(_, id)| id);
    let tracked = repo.refs().tracking().list()?.into_iter().map(|tracked| tracked.version);
    Ok(own.chain(tracked).collect())
}
