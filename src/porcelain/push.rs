//! `dsv push`: versions of the own datasets, and all that they need, to a remote.

use super::fast_forward::fast_forward;
use super::fetch::{Scope, fetch_entry, note};
use super::record::{RecordError, Recorded};
use super::remotes::{self, OpenRemote};
use super::sync_events;
use super::{Error, Repository};
use crate::model::{DatasetName, Expected, Monitor, RemoteName, VersionId};
use crate::plumbing::history::all_here;
use crate::plumbing::merge_base::is_ancestor;
use crate::plumbing::rebase;
use crate::plumbing::transfer::{
    PushOptions, PushOutcome, RemoveOptions, TransferError, log, push, remember_entry, remove_dataset,
};

/// How often the own versions are put on top of what others pushed meanwhile. Of so many who push at once, one lands in each
/// round.
const ATTEMPTS: usize = 64;

/// What to push.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// The datasets; the current one unless told.
    pub datasets: Vec<DatasetName>,
    /// All datasets that have a version.
    pub all: bool,
    /// Where others have pushed meanwhile, put the own versions on top of theirs, if they changed other paths.
    pub rebase: bool,
    /// Move the datasets there even where what is there gets lost by that, provided that it is what was last seen there.
    pub force_with_lease: bool,
}

/// What became of one dataset.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version that it had there when it was last looked at, if that is here.
    pub before: Option<VersionId>,
    /// The version that it has there now.
    pub version: VersionId,
    /// What was sent.
    pub sent: PushOutcome,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The remote.
    pub remote: RemoteName,
    /// Where it is, for people.
    pub url: String,
    /// In the order in which they were pushed.
    pub datasets: Vec<Pushed>,
    /// Events that were sent, such as tags added and removed.
    pub events: u64,
    /// Requests that it took, retries included.
    pub requests: u64,
}

/// Sends datasets one after the other, each whole before its ref on the remote moves.
///
/// # Errors
/// When a dataset there has versions that the own does not descend from, or the remote fails: what was pushed before
/// stays pushed.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = remotes::open(repo, options.remote.as_ref())?;
    let mut datasets = Vec::new();
    for (dataset, mut version) in wanted(repo, options)? {
        let before = repo.refs().tracking().read(&remote.name, &dataset)?;
        let before =
            before.map(|id| Ok::<_, Error>(repo.version_if_here(&id)?.map(|_| id))).transpose()?.flatten();
        let mut attempts = 0;
        let sent = loop {
            attempts += 1;
            match push_one(repo, &remote, &dataset, version, options, monitor) {
                Err(Error::Transfer(TransferError::Diverged { .. }))
                    if options.rebase && attempts < ATTEMPTS =>
                {
                    version = rebase(repo, &remote, &dataset, version, monitor)?;
                }
                sent => break sent?,
            }
        };
        note(repo, &remote, &dataset, Some(version), monitor)?;
        datasets.push(Pushed { dataset, before, version, sent });
    }
    let new = datasets.iter().any(|pushed| pushed.sent.moved && pushed.sent.entry.previous.is_none());
    let mut tips: Vec<VersionId> = datasets.iter().map(|pushed| pushed.version).collect();
    // What was deleted is behind the one before.
    tips.extend(datasets.iter().filter_map(|pushed| pushed.before));
    let events = sync_events::send(repo, &remote, &tips, new, monitor)?;
    let (url, requests) = (remote.client.url().to_string(), remote.client.stats().requests());
    Ok(Outcome { remote: remote.name, url, datasets, events, requests })
}

fn push_one(
    repo: &Repository,
    remote: &OpenRemote,
    dataset: &DatasetName,
    version: VersionId,
    options: &Options,
    monitor: &Monitor<'_>,
) -> Result<PushOutcome, Error> {
    // Nobody removes objects while they are sent.
    let _objects = repo.lock_objects(monitor)?;
    Recorded::read(repo, &repo.events().read()?, version)?.check_there()?;
    let there = repo.refs().tracking().read(&remote.name, dataset)?;
    let expected = match options.force_with_lease {
        true => {
            check_published(repo, remote, there, version, monitor)?;
            Some(Expected::unchanged(there))
        }
        false => past_deleted(repo, there, version, monitor)?,
    };
    let how = PushOptions {
        expected,
        who: repo.author()?.to_string(),
        host: repo.env().host.clone(),
        time: repo.now(),
        why: if options.rebase { "push --rebase" } else { "push" }.to_owned(),
    };
    let peer = remote.peer(repo, monitor.interrupt);
    let sent = push(&peer, repo.db(), dataset, version, &how, monitor)?;
    if remote.is_promisor {
        remember_entry(&peer, &sent.entry)?;
    }
    Ok(sent)
}

/// Where the newest version on a remote was deleted, the ref there may go back behind it.
fn past_deleted(
    repo: &Repository,
    there: Option<VersionId>,
    version: VersionId,
    monitor: &Monitor<'_>,
) -> Result<Option<Expected>, Error> {
    let deleted = repo.events().read()?.deleted();
    let Some(newest) = there.filter(|there| deleted.contains(there)) else { return Ok(None) };
    let mut at = Some(newest);
    while let Some(id) = at.filter(|id| deleted.contains(id)) {
        at = repo.db().version(&id)?.parents.first().copied();
    }
    let goes_on = match at {
        Some(kept) => is_ancestor(repo.db(), kept, version, monitor.interrupt)?,
        None => true,
    };
    Ok(goes_on.then_some(Expected::Is(newest)))
}

/// Refuses to leave published versions behind that the dataset leads to on the remote.
fn check_published(
    repo: &Repository,
    remote: &OpenRemote,
    there: Option<VersionId>,
    version: VersionId,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    sync_events::bring(repo, remote, monitor)?;
    let published = repo.events().read()?.published();
    let Some(there) = there.filter(|_| !published.is_empty()) else { return Ok(()) };
    let stay = all_here(repo.db(), [version], monitor)?;
    let mut lost: Vec<String> = all_here(repo.db(), [there], monitor)?
        .into_iter()
        .filter(|(id, _)| published.contains(id) && !stay.contains_key(id))
        .map(|(_, version)| version.full_label())
        .collect();
    lost.sort_unstable();
    if lost.is_empty() { Ok(()) } else { Err(RecordError::LosesPublished { versions: lost }.into()) }
}

/// Removes a dataset from a remote. Nothing of what it led to is removed by that.
pub(super) fn remove_there(
    repo: &Repository,
    remote: &OpenRemote,
    dataset: &DatasetName,
    how: &RemoveOptions,
    monitor: &Monitor<'_>,
) -> Result<bool, Error> {
    let removed = remove_dataset(&remote.peer(repo, monitor.interrupt), dataset, how)?;
    note(repo, remote, dataset, None, monitor)?;
    Ok(removed)
}

/// Puts the own versions on top of what the remote has now; the own dataset, and the worktree where it is the current
/// one, go on to that.
fn rebase(
    repo: &Repository,
    remote: &OpenRemote,
    dataset: &DatasetName,
    ours: VersionId,
    monitor: &Monitor<'_>,
) -> Result<VersionId, Error> {
    let peer = remote.peer(repo, monitor.interrupt);
    let entry = log::newest(&peer, dataset)?;
    let Some((entry, theirs)) = entry.and_then(|entry| entry.version.map(|theirs| (entry, theirs))) else {
        return Ok(ours);
    };
    fetch_entry(repo, remote, &entry, Scope::Usual, monitor)?;
    monitor.progress.phase("Rebasing", None, None);
    let new = {
        let _objects = repo.lock_objects(monitor)?;
        rebase::run(repo.db(), ours, theirs, &repo.events().read()?, monitor)?
    };
    fast_forward(
        repo,
        dataset,
        Some(ours),
        new,
        None,
        &format!("rebase: on {}/{dataset}", remote.name),
        monitor,
    )?;
    Ok(new)
}

fn wanted(repo: &Repository, options: &Options) -> Result<Vec<(DatasetName, VersionId)>, Error> {
    if options.all {
        return Ok(repo.refs().list()?);
    }
    let current = repo.refs().head()?.dataset().cloned();
    let names = match options.datasets.as_slice() {
        [] => vec![current.ok_or(Error::DetachedHead)?],
        names => names.to_vec(),
    };
    let version = |name: DatasetName| match repo.refs().read(&name)? {
        Some(id) => Ok((name, id)),
        None if repo.refs().head()?.dataset() == Some(&name) => Err(Error::NoVersion),
        None => Err(Error::NoSuchDataset { name }),
    };
    names.into_iter().map(version).collect()
}
