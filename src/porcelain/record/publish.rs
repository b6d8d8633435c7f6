//! `dsv publish`: protects versions for good, here and on a remote.

use super::{RecordError, Recorded, append};
use crate::model::{EventAction, Monitor, RemoteName, Step, VersionId};
use crate::plumbing::merge_base::is_ancestor;
use crate::plumbing::transfer::log;
use crate::porcelain::remotes::{self, OpenRemote};
use crate::porcelain::{Error, Repository, sync_events};

/// What to publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The versions.
    pub versions: Vec<VersionId>,
    /// Protect them on a remote, too, where they have to be: the one named, or the one that is meant without a name.
    pub remote: Option<Option<RemoteName>>,
    /// Tell what would change, and change nothing.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Versions that are protected from now on.
    pub published: Vec<Recorded>,
    /// Versions that were so already.
    pub unchanged: Vec<Recorded>,
    /// The remote that was told.
    pub remote: Option<RemoteName>,
}

/// Publishes versions.
///
/// # Errors
/// When one is not here, was deleted, or is not on the remote: then nothing changes. When the remote fails: then they are
/// published here, and the next push tells it.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = match &options.remote {
        Some(name) => Some(remotes::open(repo, name.as_ref())?),
        None => None,
    };
    let there =
        remote.as_ref().map(|remote| tips_with(repo, remote, &options.versions, monitor)).transpose()?;
    let mut outcome = Outcome::default();
    {
        let _objects = repo.lock_objects(monitor)?;
        let lock = repo.lock_refs(monitor)?;
        let events = repo.events().read()?;
        for id in &options.versions {
            let version = Recorded::read(repo, &events, *id)?;
            if version.record.published.is_some() {
                outcome.unchanged.push(version);
            } else {
                version.check(Step::Publish)?;
                outcome.published.push(version);
            }
        }
        if !options.dry_run {
            let facts = outcome.published.iter().map(|version| (version.id, EventAction::Published));
            append(repo, &lock, &events, facts.collect())?;
        }
    }
    if let (Some(remote), Some(tips)) = (remote, there) {
        if !options.dry_run {
            sync_events::send(repo, &remote, &tips, false, monitor)?;
        }
        outcome.remote = Some(remote.name);
    }
    Ok(outcome)
}

/// The newest versions on a remote that lead to all of these.
fn tips_with(
    repo: &Repository,
    remote: &OpenRemote,
    versions: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<Vec<VersionId>, Error> {
    let peer = remote.peer(repo, monitor.interrupt);
    let tips: Vec<VersionId> =
        log::all_newest(&peer)?.into_iter().filter_map(|entry| entry.version).collect();
    let mut known = Vec::new();
    for tip in tips {
        if repo.version_if_here(&tip)?.is_some() {
            known.push(tip);
        }
    }
    for id in versions {
        let mut is_there = false;
        for tip in &known {
            is_there = is_there || is_ancestor(repo.db(), *id, *tip, monitor.interrupt)?;
        }
        if !is_there {
            let (what, remote) = (repo.db().version(id)?.full_label(), remote.client.url().to_string());
            return Err(RecordError::NotThere { what, remote }.into());
        }
    }
    Ok(known)
}
