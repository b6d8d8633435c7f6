//! `dsv fetch`: what a remote has that is not here.

use super::remotes::{self, OpenRemote};
use super::sync_events::{self, BroughtEvents};
use super::{Error, Repository, fsck};
use crate::model::{DatasetName, Monitor, RefEntry, RemoteName, VersionId};
use crate::plumbing::StoreError;
use crate::plumbing::transfer::index::RemoteIndex;
use crate::plumbing::transfer::{FetchOptions, FetchOutcome, FetchScope, fetch, log, remember_entry};

/// What to fetch.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// The datasets; all unless told.
    pub datasets: Vec<DatasetName>,
    /// Bring everything, also what would be fetched when it is needed; a repository that lacks nothing then fetches
    /// nothing on demand any more.
    pub full: bool,
}

/// How much of a dataset to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// What is not here; of a remote that is asked on demand, the history alone.
    Usual,
    /// All of it.
    Full,
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
    /// The events that came, of all datasets.
    pub events: BroughtEvents,
    /// Whether objects are still fetched from it when they are needed.
    pub on_demand: bool,
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
    // Before objects: what was deleted need not be there.
    let events = sync_events::bring(repo, &remote, monitor)?;
    let mut datasets = Vec::new();
    for name in names {
        let Some(entry) = log::newest(&peer, &name)? else {
            return Err(Error::NotOnRemote { dataset: name, url: peer.url() });
        };
        let scope = if options.full { Scope::Full } else { Scope::Usual };
        datasets.push(fetch_entry(repo, &remote, &entry, scope, monitor)?);
    }
    let mut on_demand = remote.is_promisor;
    if options.full && on_demand && lacks_nothing(repo, monitor)? {
        remotes::set_promisor(repo, &remote.name, false, monitor)?;
        on_demand = false;
    }
    Ok(Outcome { remote: remote.name, datasets, events, on_demand })
}

/// Whether everything is here that anything refers to.
fn lacks_nothing(repo: &Repository, monitor: &Monitor<'_>) -> Result<bool, Error> {
    let checked = fsck::run(repo, &fsck::Options::default(), monitor)?;
    Ok(checked.is_whole() && checked.counts.promised == 0)
}

/// Brings what an entry leads to, and then notes that the dataset is there.
pub(super) fn fetch_entry(
    repo: &Repository,
    remote: &OpenRemote,
    entry: &RefEntry,
    scope: Scope,
    monitor: &Monitor<'_>,
) -> Result<Fetched, Error> {
    let dataset = entry.dataset.clone();
    let before = repo.refs().tracking().read(&remote.name, &dataset)?;
    let mut brought = FetchOutcome::default();
    let _objects = repo.lock_objects(monitor)?;
    let peer = remote.peer(repo, monitor.interrupt);
    if remote.is_promisor {
        remember_entry(&peer, entry)?;
    }
    // What a promisor has comes when it is needed, all but the history.
    let (what, complete) = match scope {
        Scope::Usual if remote.is_promisor => (FetchScope::Versions, complete(repo)?),
        Scope::Usual => (FetchScope::All, complete(repo)?),
        Scope::Full => (FetchScope::All, Vec::new()),
    };
    if let Some(tip) = entry.version.filter(|tip| Some(*tip) != before || scope == Scope::Full) {
        let mut index = RemoteIndex::new(&peer, entry.segments.iter().cloned())?;
        let options = FetchOptions { complete, scope: what };
        brought = fetch(&peer, repo.db(), &mut index, &[tip], &options, monitor)?;
    }
    note(repo, remote, &dataset, entry.version, monitor)?;
    Ok(Fetched { dataset, before, now: entry.version, brought })
}

/// Brings the manifests that an entry leads to, and nothing else: enough to tell of them. Nothing refers to them then.
pub(super) fn bring_history(
    repo: &Repository,
    remote: &OpenRemote,
    entry: &RefEntry,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let Some(tip) = entry.version else { return Ok(()) };
    match repo.own_db()?.version(&tip) {
        Err(StoreError::Missing { .. }) => {}
        read => return Ok(read.map(drop)?),
    }
    let _objects = repo.lock_objects(monitor)?;
    let peer = remote.peer(repo, monitor.interrupt);
    let mut index = RemoteIndex::new(&peer, entry.segments.iter().cloned())?;
    let options = FetchOptions { complete: complete(repo)?, scope: FetchScope::Versions };
    fetch(&peer, repo.db(), &mut index, &[tip], &options, monitor)?;
    Ok(())
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
