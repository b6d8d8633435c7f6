//! `dsv tag`: words attached to versions. Several versions may bear one; it stands for the newest of them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::about::VersionSummary;
use super::{Error, Repository, record};
use crate::model::{EventAction, Monitor, TagName, VersionId};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// List tags and the versions that bear them.
    List {
        /// Only this one.
        tag: Option<TagName>,
        /// Only those that this version bears, and it alone.
        version: Option<VersionId>,
    },
    /// Attach one to a version.
    Add {
        /// The word.
        tag: TagName,
        /// The version; the one that the worktree stands on unless told.
        version: Option<VersionId>,
    },
    /// Take one away.
    Delete {
        /// The word.
        tag: TagName,
        /// From this version; from all that bear it unless told.
        version: Option<VersionId>,
        /// Tell from which it would be taken, and take it from none.
        dry_run: bool,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self::List { tag: None, version: None }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Tags in order.
    List(Vec<Tag>),
    /// A version bears a tag.
    Added {
        /// The word.
        tag: TagName,
        /// The version.
        version: VersionSummary,
        /// False when it bore the tag already.
        new: bool,
    },
    /// Versions bear a tag no more.
    Deleted {
        /// The word.
        tag: TagName,
        /// The versions, in order of id.
        versions: Vec<VersionId>,
    },
}

/// A tag and the versions that bear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The word.
    pub name: TagName,
    /// The versions, newest first: the tag stands for the first.
    pub versions: Vec<VersionSummary>,
    /// Versions that are not in this repository.
    pub absent: Vec<VersionId>,
}

/// Lists or changes tags.
///
/// # Errors
/// When a tag or version is unknown, the log of events cannot be read or written, or a lock cannot be had.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    match options {
        Options::List { tag, version } => list(repo, tag.as_ref(), *version),
        Options::Add { tag, version } => add(repo, tag, *version, monitor),
        Options::Delete { tag, version, dry_run } => delete(repo, tag, *version, *dry_run, monitor),
    }
}

fn list(repo: &Repository, only: Option<&TagName>, of: Option<VersionId>) -> Result<Outcome, Error> {
    let mut tags = Vec::new();
    for (name, ids) in repo.events().read()?.tags() {
        let ids = ids.into_iter().filter(|id| of.is_none_or(|of| of == *id)).collect::<BTreeSet<_>>();
        if !ids.is_empty() && only.is_none_or(|only| *only == name) {
            tags.push(tag_of(repo, name, ids)?);
        }
    }
    match only {
        Some(tag) if tags.is_empty() => Err(Error::NoTag { tag: tag.clone(), version: of }),
        _ => Ok(Outcome::List(tags)),
    }
}

fn tag_of(repo: &Repository, name: TagName, ids: BTreeSet<VersionId>) -> Result<Tag, Error> {
    let mut tag = Tag { name, versions: Vec::new(), absent: Vec::new() };
    for id in ids {
        match repo.version_if_here(&id)? {
            Some(version) => tag.versions.push(VersionSummary::of(id, version)),
            None => tag.absent.push(id),
        }
    }
    tag.versions.sort_by_key(|version| Reverse((version.time.seconds, version.id)));
    Ok(tag)
}

fn add(
    repo: &Repository,
    tag: &TagName,
    version: Option<VersionId>,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    // Nothing may remove the version between the look at it and the tag that keeps it.
    let _objects = repo.lock_objects(monitor)?;
    let id = match version {
        Some(id) => id,
        None => repo.names(monitor.interrupt).version("HEAD")?,
    };
    let version = VersionSummary::of(id, repo.db().version(&id)?);
    let lock = repo.lock_refs(monitor)?;
    let events = repo.events().read()?;
    let new = !events.record(&id).tags.contains(tag);
    if new {
        record::append(repo, &lock, &events, vec![(id, EventAction::TagAdded { tag: tag.clone() })])?;
    }
    Ok(Outcome::Added { tag: tag.clone(), version, new })
}

fn delete(
    repo: &Repository,
    tag: &TagName,
    version: Option<VersionId>,
    dry_run: bool,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let lock = repo.lock_refs(monitor)?;
    let events = repo.events().read()?;
    let bearers = events.tags().remove(tag).unwrap_or_default();
    let versions: Vec<_> = bearers.into_iter().filter(|id| version.is_none_or(|only| only == *id)).collect();
    if versions.is_empty() {
        return Err(Error::NoTag { tag: tag.clone(), version });
    }
    let removed = |id: &VersionId| (*id, EventAction::TagRemoved { tag: tag.clone() });
    if !dry_run {
        record::append(repo, &lock, &events, versions.iter().map(removed).collect())?;
    }
    Ok(Outcome::Deleted { tag: tag.clone(), versions })
}

#[cfg(test)]
mod tests;
