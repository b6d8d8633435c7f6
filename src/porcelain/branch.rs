//! `dsv branch`: the datasets of a repository, which are what git calls branches.

use super::about::VersionSummary;
use super::record::RecordError;
use super::{Error, Repository, rename};
use crate::model::{DatasetName, Expected, Head, Monitor, Version, VersionId};
use crate::plumbing::StoreError;
use crate::plumbing::history::{Step, ancestors, walk};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Options {
    /// List all.
    #[default]
    List,
    /// Make one.
    Create {
        /// Its name.
        name: DatasetName,
        /// Its newest version; the one that the worktree stands on unless told.
        at: Option<VersionId>,
        /// Move it there when it exists.
        force: bool,
    },
    /// Remove one; its versions stay until nothing refers to them and `gc` removes them.
    Delete {
        /// Its name.
        name: DatasetName,
        /// Even when nothing else leads to some of its versions.
        force: bool,
        /// Tell what would be lost, and remove nothing.
        dry_run: bool,
    },
    /// Give one another name. Its versions keep the name that they were made under.
    Rename {
        /// The old name.
        from: DatasetName,
        /// The new one.
        to: DatasetName,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All datasets.
    List(List),
    /// One was made or moved.
    Set {
        /// Its name.
        name: DatasetName,
        /// What it named before.
        before: Option<VersionId>,
        /// What it names now.
        now: VersionId,
    },
    /// One was removed.
    Deleted {
        /// Its name.
        name: DatasetName,
        /// What it named; `None` when its ref was damaged.
        was: Option<VersionId>,
        /// How many versions nothing else leads to; `None` when that cannot be told.
        lost: Option<u64>,
    },
    /// One has another name.
    Renamed {
        /// The old name.
        from: DatasetName,
        /// The new one.
        to: DatasetName,
        /// Whether the worktree stands on it.
        current: bool,
    },
}

/// All datasets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Where the worktree stands.
    pub head: Head,
    /// In order of name; the current one also when it has no version yet.
    pub datasets: Vec<Dataset>,
}

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: DatasetName,
    /// Whether the worktree stands on it.
    pub current: bool,
    /// Its newest version.
    pub newest: Option<VersionSummary>,
}

/// Lists or changes datasets.
///
/// # Errors
/// When a name is taken or unknown, when the current dataset would move or go, when versions would be
/// lost, or when a lock cannot be had.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    match options {
        Options::List => list(repo),
        Options::Create { name, at, force } => create(repo, name, *at, *force, monitor),
        Options::Delete { name, force, dry_run } => delete(repo, name, *force, *dry_run, monitor),
        Options::Rename { from, to } => {
            let current = repo.refs().head()?.dataset() == Some(from);
            let how = rename::Options { from: from.clone(), to: to.clone(), remote: None, dry_run: false };
            rename::run(repo, &how, monitor)?;
            Ok(Outcome::Renamed { from: from.clone(), to: to.clone(), current })
        }
    }
}

fn list(repo: &Repository) -> Result<Outcome, Error> {
    let head = repo.refs().head()?;
    let mut datasets = Vec::new();
    for (name, id) in repo.refs().list()? {
        let newest = Some(VersionSummary::of(id, repo.db().version(&id)?));
        datasets.push(Dataset { current: head.dataset() == Some(&name), name, newest });
    }
    if let Some(name) = head.dataset()
        && let Err(at) = datasets.binary_search_by(|dataset| dataset.name.cmp(name))
    {
        datasets.insert(at, Dataset { name: name.clone(), current: true, newest: None });
    }
    Ok(Outcome::List(List { head, datasets }))
}

/// Refuses the dataset that the worktree stands on: worktree and staging index belong to its version.
fn check_not_current(repo: &Repository, name: &DatasetName, what: &'static str) -> Result<(), Error> {
    if repo.refs().head()?.dataset() == Some(name) {
        return Err(Error::CurrentDataset { name: name.clone(), what });
    }
    Ok(())
}

fn create(
    repo: &Repository,
    name: &DatasetName,
    at: Option<VersionId>,
    force: bool,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    // Nothing may remove the version between the look at it and the ref that keeps it.
    let _objects = repo.lock_objects(monitor)?;
    let now = match at {
        Some(id) => id,
        None => repo.names(monitor.interrupt).version("HEAD")?,
    };
    repo.db().version(&now)?;
    let lock = repo.lock_refs(monitor)?;
    let before = repo.refs().read(name)?;
    if before.is_some() && !force {
        return Err(Error::DatasetExists { name: name.clone() });
    }
    check_not_current(repo, name, "moved")?;
    if let Some(before) = before {
        check_published(repo, lost_without(repo, name, before, Some(now), monitor)?)?;
    }
    let note = repo.note(format!("branch: at {}", now.short(12)))?;
    repo.refs().update(&lock, name, Expected::unchanged(before), Some(now), &note)?;
    Ok(Outcome::Set { name: name.clone(), before, now })
}

fn delete(
    repo: &Repository,
    name: &DatasetName,
    force: bool,
    dry_run: bool,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let lock = repo.lock_refs(monitor)?;
    check_not_current(repo, name, "deleted")?;
    let (was, expected) = match repo.refs().read(name) {
        Err(StoreError::DamagedRef { .. }) if force => (None, Expected::Any),
        read => {
            let was = read?.ok_or_else(|| Error::NoSuchDataset { name: name.clone() })?;
            (Some(was), Expected::Is(was))
        }
    };
    let lost = match was.map(|was| lost_without(repo, name, was, None, monitor)) {
        Some(Ok(lost)) => {
            let count = lost.len() as u64;
            check_published(repo, lost)?;
            if count > 0 && !force {
                return Err(Error::VersionsLost { name: name.clone(), lost: count });
            }
            Some(count)
        }
        // To be rid of what is damaged may be why it is forced.
        Some(Err(error)) if !force => return Err(error),
        Some(Err(_)) | None => None,
    };
    if !dry_run {
        let note = repo.note("branch: deleted")?;
        repo.refs().update(&lock, name, expected, None, &note)?;
    }
    Ok(Outcome::Deleted { name: name.clone(), was, lost })
}

/// Refuses to lose what is protected.
fn check_published(repo: &Repository, lost: Vec<(VersionId, Version)>) -> Result<(), Error> {
    let published = repo.events().read()?.published();
    let mut lost: Vec<String> = lost
        .into_iter()
        .filter(|(id, _)| published.contains(id))
        .map(|(_, version)| version.full_label())
        .collect();
    lost.sort_unstable();
    if lost.is_empty() { Ok(()) } else { Err(RecordError::LosesPublished { versions: lost }.into()) }
}

/// The versions that nothing but this dataset leads to: no other one, no tag, not `HEAD`, and not `new`.
fn lost_without(
    repo: &Repository,
    name: &DatasetName,
    tip: VersionId,
    new: Option<VersionId>,
    monitor: &Monitor<'_>,
) -> Result<Vec<(VersionId, Version)>, Error> {
    let mut others: Vec<VersionId> =
        repo.refs().list()?.into_iter().filter(|(other, _)| other != name).map(|(_, id)| id).collect();
    others.extend(new);
    if let Head::Detached(id) = repo.refs().head()? {
        others.push(id);
    }
    for id in repo.events().read()?.tags().into_values().flatten() {
        // A tag may stand at a version that is not in this repository.
        if repo.version_if_here(&id)?.is_some() {
            others.push(id);
        }
    }
    if others.contains(&tip) {
        return Ok(Vec::new());
    }
    let kept = ancestors(repo.db(), others, monitor.interrupt)?;
    let mut lost = Vec::new();
    walk(repo.db(), [tip], monitor.interrupt, |id, version| {
        if kept.contains_key(&id) {
            return Step::Stop;
        }
        lost.push((id, version));
        Step::Parents
    })?;
    Ok(lost)
}

#[cfg(test)]
mod tests;
