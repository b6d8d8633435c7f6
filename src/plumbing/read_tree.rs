//! `read-tree`: the staging index becomes a tree.

use super::diff_index::diff_index;
use super::tree_edit::empty_tree;
use super::write_tree::WriteTreeError;
use crate::model::TreeId;
use crate::store::ObjectDb;
use crate::worktree::{IndexEditor, Staged};

/// Makes the index equal to a tree; the caller saves it. The worktree is not touched. What is staged
/// already stays, with the facts that prove its file unchanged; returns how many paths were not.
///
/// # Errors
/// When the index or a node is damaged.
pub fn read_tree(db: &ObjectDb, index: &mut IndexEditor, tree: &TreeId) -> Result<u64, WriteTreeError> {
    let changes = diff_index(db, Some(tree), index)?;
    let changed = changes.len() as u64;
    for change in changes {
        // Of a sparse index, what is not checked out is in the tree from now on.
        if index.is_sparse() && index.get(&change.path)?.is_none_or(|staged| staged.absent) {
            continue;
        }
        match change.old {
            Some(entry) => {
                let staged =
                    Staged { kind: entry.kind, size: entry.size, id: entry.id, stat: None, absent: false };
                index.set(&change.path, staged)?;
            }
            None => index.remove(&change.path)?,
        }
    }
    // Whoever commits the empty tree stores it.
    if index.is_sparse() || *tree != empty_tree() {
        index.set_tree(*tree);
    }
    Ok(changed)
}

#[cfg(test)]
mod tests;
