//! `dsv restore`, and `dsv checkout REV -- PATH`: paths as they were.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::checkout::{apply_chosen, content, dirty_paths};
use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath, TreeId, VersionId};
use crate::plumbing::checkout::{CheckoutStats, Content, PathChange};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::tree_walk::lookup;
use crate::worktree::{Staged, StagingIndex};

/// What to bring back.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one.
    pub paths: Vec<OsString>,
    /// Bring them back from this version; from what is staged, or with `staged` from the current version,
    /// unless told.
    pub source: Option<VersionId>,
    /// Bring back what is staged and leave the files alone.
    pub staged: bool,
    /// Replace what is not committed.
    pub force: bool,
}

/// What was brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files written and removed.
    pub stats: CheckoutStats,
    /// Paths of the staging index that changed.
    pub unstaged: u64,
}

/// Brings back files from what is staged, or files and what is staged from a version.
///
/// # Errors
/// When no path is given or one is unknown; when a changed file, or what is staged and not committed, would
/// be lost and `force` is not set.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if options.paths.is_empty() {
        return Err(Error::NoPaths { verb: "restore" });
    }
    let spec = Pathspec::new(repo, &options.paths)?;
    let mut index = repo.edit_index(monitor)?;
    if options.staged {
        let source = match options.source {
            Some(id) => Some(repo.db().version(&id)?),
            None => repo.head_version()?.map(|(_, version)| version),
        };
        let tree = Repository::tree_of(source.as_ref());
        let mut unstaged = 0;
        for (path, wanted) in wanted(repo, tree.as_ref(), &index, &spec)? {
            match wanted {
                // The facts of the file are kept: it may well be what is staged now.
                Some(Content { kind, size, id }) => {
                    let stat =
                        index.get(&path)?.filter(|staged| staged.id == id).and_then(|staged| staged.stat);
                    index.set(&path, Staged { kind, size, id, stat })?;
                }
                None => index.remove(&path)?,
            }
            unstaged += 1;
        }
        index.save()?;
        return Ok(Outcome { unstaged, ..Default::default() });
    }
    let changes = match options.source {
        None => {
            spec.all_tracked(repo, &Places { index: Some(&index), ..Default::default() })?;
            dirty_paths(repo, &index, &spec, monitor)?
        }
        Some(id) => {
            let version = repo.db().version(&id)?;
            let current = repo.head_version()?;
            let head = Repository::tree_of(current.as_ref().map(|(_, version)| version));
            let mut changes = BTreeMap::new();
            for dirty in dirty_paths(repo, &index, &spec, monitor)? {
                changes.insert(dirty.path.clone(), dirty);
            }
            for (path, new) in wanted(repo, Some(&version.tree), &index, &spec)? {
                let old = committed(repo, head.as_ref(), &path, index.get(&path)?)?;
                changes.insert(path.clone(), PathChange { path, old, new });
            }
            changes.into_values().collect()
        }
    };
    let stats = apply_chosen(repo, &mut index, &changes, options.force, monitor)?;
    Ok(Outcome { stats, unstaged: 0 })
}

/// What may be staged at a path without being lost when it is replaced: what `HEAD` has there. Where nothing is staged, or
/// an empty folder, nothing can be lost.
fn committed(
    repo: &Repository,
    head: Option<&TreeId>,
    path: &RepoPath,
    staged: Option<Staged>,
) -> Result<Option<Content>, Error> {
    match staged {
        Some(staged) if !staged.kind.is_dir() => {
            let entry = head.map(|tree| lookup(repo.db(), tree, path)).transpose()?.flatten();
            Ok(entry.as_ref().map(content))
        }
        staged => Ok(staged.map(|Staged { kind, size, id, .. }| Content { kind, size, id })),
    }
}

/// Paths whose staged content is not that of a tree, with what the tree has there.
///
/// # Errors
/// When neither has something that was given.
fn wanted(
    repo: &Repository,
    tree: Option<&TreeId>,
    index: &StagingIndex,
    spec: &Pathspec,
) -> Result<BTreeMap<RepoPath, Option<Content>>, Error> {
    let trees: Vec<TreeId> = tree.copied().into_iter().collect();
    spec.all_tracked(repo, &Places { index: Some(index), trees: &trees, ..Default::default() })?;
    let mut different = BTreeMap::new();
    for change in diff_index(repo.db(), tree, index)? {
        if spec.matches(&change.path) {
            different.insert(change.path, change.old.as_ref().map(content));
        }
    }
    Ok(different)
}
