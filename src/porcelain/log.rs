//! `dsv log`: versions, the newest first.

use std::collections::{HashMap, HashSet};

use super::about::AllMarks;
use super::{Error, Marks, Repository};
use crate::model::{Head, Monitor, RepoPath, Version, VersionId};
use crate::plumbing::diff_tree::DiffTotals;
use crate::plumbing::rev_list::{self, Listed};
use crate::plumbing::stage::locate;

/// Which versions to show, and what of them.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to start; at `HEAD` when there is none.
    pub starts: Vec<VersionId>,
    /// Start at all datasets, tags and `HEAD` as well; nothing at all is no failure then.
    pub all: bool,
    /// Leave out these and everything behind them.
    pub exclude: Vec<VersionId>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Only versions in which one of these paths is not what it is in every parent.
    pub paths: Vec<RepoPath>,
    /// Count what each version changed.
    pub stat: bool,
    /// Follow the lines of descent over versions that `paths` leaves out.
    pub graph: bool,
}

/// The versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Where the worktree stands.
    pub head: Head,
    /// Newest first; never a parent before its child.
    pub entries: Vec<LogEntry>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub id: VersionId,
    /// Its manifest.
    pub version: Version,
    /// The names that lead to it.
    pub marks: Marks,
    /// Where the lines of descent lead from here: to its parents, or with [`Options::graph`] and paths to
    /// the nearest versions behind it that are shown.
    pub lines: Vec<VersionId>,
    /// What it changed in comparison with its first parent, below the paths that were asked for.
    pub stat: Option<DiffTotals>,
}

/// Lists versions.
///
/// # Errors
/// When `HEAD` has no version yet, a version or tree is missing or damaged, or when interrupted.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let marks = AllMarks::read(repo)?;
    let starts = starts(repo, options, &marks, monitor)?;
    let mut query = rev_list::Options {
        exclude: options.exclude.clone(),
        limit: options.limit,
        paths: options.paths.clone(),
        ..Default::default()
    };
    let listed = rev_list::run(repo.db(), &starts, &query, monitor)?;
    check_paths(repo, options, &starts, monitor)?;
    let mut shortcuts = if options.graph && !options.paths.is_empty() {
        (query.limit, query.paths) = (None, Vec::new());
        nearest_shown(&listed, &rev_list::run(repo.db(), &starts, &query, monitor)?)
    } else {
        HashMap::new()
    };
    let mut entries = Vec::with_capacity(listed.len());
    for Listed { id, version } in listed {
        monitor.interrupt.check()?;
        // Of what was deleted it is not known any more.
        let stat = match options.stat && !repo.db().tombstones().contains(&id) {
            true => Some(repo.change_totals(&version, &options.paths, monitor)?),
            false => None,
        };
        let lines = shortcuts.remove(&id).unwrap_or_else(|| version.parents.clone());
        entries.push(LogEntry { marks: marks.of(&id), id, version, lines, stat });
    }
    Ok(Outcome { head: repo.refs().head()?, entries })
}

/// Demands that each path is known now, or was in some version.
fn check_paths(
    repo: &Repository,
    options: &Options,
    starts: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let mut unknown = Vec::new();
    for path in &options.paths {
        let query = rev_list::Options { paths: vec![path.clone()], limit: Some(1), ..Default::default() };
        let known = is_here(repo, path)? || !rev_list::run(repo.db(), starts, &query, monitor)?.is_empty();
        unknown.extend((!known).then(|| path.to_string()));
    }
    if unknown.is_empty() { Ok(()) } else { Err(Error::UnknownPath { paths: unknown }) }
}

/// Whether a path is staged or on the disk.
fn is_here(repo: &Repository, path: &RepoPath) -> Result<bool, Error> {
    if path.is_root() || repo.fs().stat(&locate(repo.fs(), repo.root(), path)?).is_ok() {
        return Ok(true);
    }
    Ok(repo.first_not_staged([path])?.is_none())
}

fn starts(
    repo: &Repository,
    options: &Options,
    marks: &AllMarks,
    monitor: &Monitor<'_>,
) -> Result<Vec<VersionId>, Error> {
    let mut starts = options.starts.clone();
    if options.all {
        for id in marks.versions() {
            // A tag may stand at a version that is not in this repository.
            if repo.version_if_here(&id)?.is_some() {
                starts.push(id);
            }
        }
    } else if starts.is_empty() {
        starts.push(repo.names(monitor.interrupt).version("HEAD")?);
    }
    Ok(starts)
}

/// Of each shown version the nearest ones behind it that are shown. `all` has children before parents.
fn nearest_shown(shown: &[Listed], all: &[Listed]) -> HashMap<VersionId, Vec<VersionId>> {
    let is_shown: HashSet<VersionId> = shown.iter().map(|listed| listed.id).collect();
    let mut behind: HashMap<VersionId, Vec<VersionId>> = HashMap::new();
    for Listed { id, version } in all.iter().rev() {
        let mut lines = Vec::new();
        for parent in &version.parents {
            let next = match is_shown.contains(parent) {
                true => std::slice::from_ref(parent),
                false => behind.get(parent).map_or(&[][..], Vec::as_slice),
            };
            for id in next {
                if !lines.contains(id) {
                    lines.push(*id);
                }
            }
        }
        behind.insert(*id, lines);
    }
    behind
}

#[cfg(test)]
mod tests;
