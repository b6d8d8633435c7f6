//! `dsv pull`: the current dataset as it is on a remote.

use std::ffi::OsString;

use super::fast_forward::fast_forward;
use super::fetch::{Fetched, Scope, fetch_entry};
use super::sync_events::{self, BroughtEvents};
use super::{Error, Repository, merge, remotes, restore};
use crate::model::{DatasetName, Head, Monitor, RemoteName, VersionId};
use crate::plumbing::checkout::CheckoutStats;
use crate::plumbing::merge_base::is_ancestor;
use crate::plumbing::transfer::log;

/// What to pull.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// Merge what is there, where both sides have versions that the other has not.
    pub merge: bool,
    /// Paths and patterns that a sparse worktree is to have besides what it has.
    pub paths: Vec<OsString>,
}

/// How the own dataset stands to what was fetched.
#[derive(Debug, Clone)]
pub enum Step {
    /// It was there already, or is ahead.
    Nothing,
    /// It went on to what was fetched.
    Forward {
        /// Where it was.
        from: Option<VersionId>,
        /// Where it is.
        to: VersionId,
        /// Files written and removed.
        stats: CheckoutStats,
    },
    /// What was fetched was merged into it, or is being merged.
    Merged(Box<merge::Outcome>),
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The remote.
    pub remote: RemoteName,
    /// The dataset.
    pub dataset: DatasetName,
    /// What was fetched.
    pub fetched: Fetched,
    /// The events that came.
    pub events: BroughtEvents,
    /// What became of the own dataset.
    pub step: Step,
    /// Files that were asked for and were not there.
    pub brought: CheckoutStats,
    /// Requests that it took, retries included; not those for what was needed on demand.
    pub requests: u64,
}

/// Fetches the current dataset and goes on to what is there, if that descends from what is here.
///
/// # Errors
/// When both sides have versions that the other has not, and they are not to be merged; when something uncommitted would be lost; when the remote
/// fails.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let Head::Dataset(dataset) = repo.refs().head()? else { return Err(Error::DetachedHead) };
    let remote = remotes::open(repo, options.remote.as_ref())?;
    let peer = remote.peer(repo, monitor.interrupt);
    monitor.progress.phase("Looking at the remote", None, None);
    let Some(entry) = log::newest(&peer, &dataset)? else {
        return Err(Error::NotOnRemote { dataset, url: peer.url() });
    };
    // Before objects: what was deleted need not be there.
    let events = sync_events::bring(repo, &remote, monitor)?;
    let fetched = fetch_entry(repo, &remote, &entry, Scope::Usual, monitor)?;
    let ours = repo.refs().read(&dataset)?;
    let step = match (ours, entry.version) {
        (_, None) => Step::Nothing,
        (Some(ours), Some(theirs)) if is_ancestor(repo.db(), theirs, ours, monitor.interrupt)? => {
            if ours == theirs || !repo.db().tombstones().contains(&ours) {
                Step::Nothing
            } else {
                // Others deleted it, and went back behind it.
                let why = format!("pull: deleted on {}", remote.name);
                let stats = fast_forward(repo, &dataset, Some(ours), theirs, None, &why, monitor)?;
                Step::Forward { from: Some(ours), to: theirs, stats }
            }
        }
        (Some(ours), Some(theirs)) if !is_ancestor(repo.db(), ours, theirs, monitor.interrupt)? => {
            if !options.merge {
                let remote = remote.name;
                return Err(Error::Diverged { dataset, remote, ours, theirs });
            }
            let label = repo.db().version(&theirs)?.full_label();
            let message = Some(format!("Merge {label} of {}", remote.name));
            let options = merge::Options { versions: vec![theirs], message, ..merge::Options::default() };
            Step::Merged(Box::new(merge::run(repo, &options, monitor)?))
        }
        (from, Some(to)) => {
            monitor.progress.phase("Checking out", None, None);
            let why = format!("pull: from {}", remote.name);
            let stats = fast_forward(repo, &dataset, from, to, None, &why, monitor)?;
            Step::Forward { from, to, stats }
        }
    };
    let mut brought = CheckoutStats::default();
    if !options.paths.is_empty() {
        monitor.progress.phase("Checking out", None, None);
        let paths = options.paths.clone();
        let options = restore::Options { paths, absent_only: true, ..restore::Options::default() };
        brought = restore::run(repo, &options, monitor)?.stats;
    }
    let requests = remote.client.stats().requests();
    Ok(Outcome { remote: remote.name, dataset, fetched, events, step, brought, requests })
}
