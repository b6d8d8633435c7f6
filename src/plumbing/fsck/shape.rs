//! Whether a tree is built as the format demands: one set of entries, one tree.

use std::sync::Arc;

use crate::codec::boundary::{Splitter, name_hash};
use crate::codec::tree::TreeNode;
use crate::model::{EntryName, Totals, TreeId};

/// What a parent must say of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    level: u8,
    entries: u64,
    pub(super) totals: Totals,
    /// The first name, and the last one that the node itself shows; `None` for an empty directory.
    names: Option<(EntryName, EntryName)>,
    items: usize,
}

impl Summary {
    pub(super) fn of(node: &TreeNode) -> Self {
        let names = match node {
            TreeNode::Leaf(entries) => entries.first().zip(entries.last()).map(|(a, b)| (&a.name, &b.name)),
            TreeNode::Inner { children, .. } => {
                children.first().zip(children.last()).map(|(a, b)| (&a.first, &b.first))
            }
        };
        let items = match node {
            TreeNode::Leaf(entries) => entries.len(),
            TreeNode::Inner { children, .. } => children.len(),
        };
        Self {
            level: node.level(),
            entries: node.entry_count(),
            totals: node.totals(),
            names: names.map(|(first, last)| (first.clone(), last.clone())),
            items,
        }
    }
}

/// Checks a node's cuts, and what it says of its children and of the directories that it lists; a
/// child without a summary is lost and passed over. `last` tells that no node of its level follows
/// in the directory.
pub(super) fn check(
    node: &TreeNode,
    last: bool,
    summary: impl Fn(&TreeId) -> Option<Arc<Summary>>,
) -> Result<(), String> {
    check_cuts(node, last)?;
    match node {
        TreeNode::Leaf(entries) => {
            for entry in entries.iter().filter(|entry| entry.kind.is_dir()) {
                let Some(root) = summary(&TreeId::new(entry.id)) else { continue };
                if root.totals != entry.totals() {
                    return Err(format!("the number of files or bytes in '{}' is wrong", entry.name));
                }
                if root.level > 0 && root.items == 1 {
                    return Err(format!("'{}' has more levels than it needs", entry.name));
                }
            }
        }
        TreeNode::Inner { level, children } => {
            for (at, child) in children.iter().enumerate() {
                let Some(found) = summary(&child.id) else { continue };
                let next = children.get(at + 1).map(|next| &next.first);
                let Some((first, last)) = &found.names else {
                    return Err("a child is empty".to_owned());
                };
                if found.level + 1 != *level || *first != child.first || next.is_some_and(|next| last >= next)
                {
                    return Err(format!("the child from '{}' on is of another place", child.first));
                }
                if (found.entries, found.totals) != (child.entries, child.totals) {
                    return Err(format!(
                        "the number of entries, files or bytes from '{}' on is wrong",
                        child.first
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Whether the node ends where the rule says: not before and not behind.
fn check_cuts(node: &TreeNode, last: bool) -> Result<(), String> {
    let names: Vec<&EntryName> = match node {
        TreeNode::Leaf(entries) => entries.iter().map(|entry| &entry.name).collect(),
        TreeNode::Inner { children, .. } => children.iter().map(|child| &child.first).collect(),
    };
    let mut splitter = Splitter::default();
    let Some((end, inside)) = names.split_last() else {
        return if last { Ok(()) } else { Err("it is empty".to_owned()) };
    };
    let level = node.level();
    if inside.iter().any(|name| splitter.ends_after(name_hash(name.as_bytes(), level))) {
        return Err("it should have been cut before".to_owned());
    }
    if !splitter.ends_after(name_hash(end.as_bytes(), level)) && !last {
        return Err("it is cut too early".to_owned());
    }
    Ok(())
}
