//! `dsv restore`, and `dsv checkout REV -- PATH`: paths as they were.

use std::collections::BTreeMap;

use super::checkout::{apply_chosen, content, dirty_paths, staged_paths};
use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath, TreeId, VersionId};
use crate::plumbing::checkout::{CheckoutStats, Content, PathChange};
use crate::plumbing::tree_walk::{lookup, walk_all};
use crate::worktree::{Staged, StagingIndex};

/// What to bring back.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one.
    pub paths: Vec<String>,
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
/// When no path is given or one is unknown; when a changed file would be lost and `force` is not set.
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
            if staged_paths(&index, &spec)?.is_empty() {
                return Err(Error::NoMatch { paths: options.paths.clone() });
            }
            dirty_paths(repo, &index, &spec, monitor)?
        }
        Some(id) => {
            let version = repo.db().version(&id)?;
            let mut changes = Vec::new();
            for (path, new) in wanted(repo, Some(&version.tree), &index, &spec)? {
                let staged = index.get(&path)?;
                let old = staged.map(|Staged { kind, size, id, .. }| Content { kind, size, id });
                changes.push(PathChange { path, old, new });
            }
            changes.extend(
                dirty_paths(repo, &index, &spec, monitor)?
                    .into_iter()
                    .filter(|dirty| changes.iter().all(|change| change.path != dirty.path))
                    .collect::<Vec<_>>(),
            );
            changes
        }
    };
    let stats = apply_chosen(repo, &mut index, &changes, options.force, monitor)?;
    Ok(Outcome { stats, unstaged: 0 })
}

/// Paths whose staged content is not that of a tree, with what the tree has there.
fn wanted(
    repo: &Repository,
    tree: Option<&TreeId>,
    index: &StagingIndex,
    spec: &Pathspec,
) -> Result<BTreeMap<RepoPath, Option<Content>>, Error> {
    let mut paths: BTreeMap<RepoPath, Option<Content>> =
        staged_paths(index, spec)?.into_iter().map(|path| (path, None)).collect();
    let mut known = !paths.is_empty();
    if let Some(tree) = tree {
        for root in spec.roots() {
            if let Some(entry) = lookup(repo.db(), tree, &root)?.filter(|entry| !entry.kind.is_dir()) {
                known = true;
                paths.insert(root.clone(), Some(content(&entry)));
            }
        }
        for item in walk_all(repo.db(), tree)? {
            let (path, entry) = item?;
            let empty = crate::plumbing::tree_edit::empty_tree().object();
            if spec.matches(&path) && (!entry.kind.is_dir() || entry.id == empty) {
                known = true;
                paths.insert(path, Some(content(&entry)));
            }
        }
    }
    if !known {
        return Err(Error::NoMatch { paths: spec.roots().iter().map(ToString::to_string).collect() });
    }
    let mut different = BTreeMap::new();
    for (path, content) in paths {
        let staged = index.get(&path)?;
        let same = match (&content, &staged) {
            (Some(content), Some(staged)) => content.is(staged),
            (None, None) => true,
            _ => false,
        };
        if !same {
            different.insert(path, content);
        }
    }
    Ok(different)
}
