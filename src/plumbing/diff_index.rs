//! What is staged: the difference between a tree and the staging index.

use std::collections::BTreeMap;

use super::diff_tree::{DiffOptions, TreeChange, diff_trees};
use super::sparse::Behind;
use super::tree_edit::empty_tree;
use super::tree_walk::{Lookups, walk_all};
use super::write_tree::{WriteTreeError, staged_entry};
use crate::model::{Entry, RepoPath, TreeId};
use crate::store::ObjectDb;
use crate::worktree::StagingIndex;

/// What the index has that a tree has not, and the other way round, in byte order of path; an empty directory is
/// an entry of its own.
///
/// Where the index is known to have equalled a tree, this costs what differs from the one or the other. Of a sparse
/// index, what is not checked out counts as it is in its tree.
///
/// # Errors
/// When the index or a node is damaged.
pub fn diff_index(
    db: &ObjectDb,
    tree: Option<&TreeId>,
    index: &StagingIndex,
) -> Result<Vec<TreeChange>, WriteTreeError> {
    match (index.known_tree(), tree) {
        (Some(known), _) => diff_known(db, tree, &known, index),
        (None, None) => added(index),
        (None, Some(tree)) => diff_all(db, tree, index),
    }
}

fn staged_at(
    behind: &Behind<'_>,
    index: &StagingIndex,
    path: &RepoPath,
) -> Result<Option<Entry>, WriteTreeError> {
    let staged = behind.staged(index, path)?;
    Ok(staged.zip(path.name()).map(|(staged, name)| staged_entry(name, &staged)))
}

/// What stands at a path of a tree, if that is an entry of a dataset: a file or an empty directory.
fn entry_at(lookups: &Lookups<'_>, tree: &TreeId, path: &RepoPath) -> Result<Option<Entry>, WriteTreeError> {
    Ok(lookups.lookup(tree, path)?.filter(is_entry))
}

/// Whether an entry of a tree is one of the dataset: all are but directories that hold something.
pub fn is_entry(entry: &Entry) -> bool {
    !entry.kind.is_dir() || entry.id == empty_tree().object()
}

fn diff_known(
    db: &ObjectDb,
    tree: Option<&TreeId>,
    known: &TreeId,
    index: &StagingIndex,
) -> Result<Vec<TreeChange>, WriteTreeError> {
    let behind = Behind::new(db, index);
    let mut paths = behind.changed(index)?;
    // The empty tree need not be stored.
    let known = Some(known).filter(|known| **known != empty_tree());
    diff_trees(db, tree, known, DiffOptions::default(), &mut |change| {
        paths.insert(change.path);
        Ok::<_, WriteTreeError>(())
    })?;
    let mut changes = Vec::new();
    for path in paths {
        let old = tree.map(|tree| entry_at(behind.lookups(), tree, &path)).transpose()?.flatten();
        let new = staged_at(&behind, index, &path)?;
        push_if_different(&mut changes, path, old, new);
    }
    Ok(changes)
}

fn push_if_different(changes: &mut Vec<TreeChange>, path: RepoPath, old: Option<Entry>, new: Option<Entry>) {
    let same = match (&old, &new) {
        (Some(old), Some(new)) => old.same_content(new),
        (None, None) => true,
        _ => false,
    };
    if !same {
        changes.push(TreeChange { path, old, new });
    }
}

fn added(index: &StagingIndex) -> Result<Vec<TreeChange>, WriteTreeError> {
    let mut changes = Vec::new();
    for entry in index.iter() {
        let entry = entry?;
        let new = entry.path.name().map(|name| staged_entry(name, &entry.staged));
        changes.push(TreeChange { path: entry.path, old: None, new });
    }
    changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// Compares everything: only after an index lost its tree, which takes tens of thousands of edits at once.
fn diff_all(db: &ObjectDb, tree: &TreeId, index: &StagingIndex) -> Result<Vec<TreeChange>, WriteTreeError> {
    let mut old: BTreeMap<RepoPath, Entry> = BTreeMap::new();
    for item in walk_all(db, tree)? {
        let (path, entry) = item?;
        if is_entry(&entry) {
            old.insert(path, entry);
        }
    }
    let mut changes = Vec::new();
    for TreeChange { path, new, .. } in added(index)? {
        let before = old.remove(&path);
        push_if_different(&mut changes, path, before, new);
    }
    changes.extend(old.into_iter().map(|(path, entry)| TreeChange { path, old: Some(entry), new: None }));
    changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}
