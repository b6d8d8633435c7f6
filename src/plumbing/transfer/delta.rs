//! What new trees hold that old ones do not: nodes and blobs, found by reading only nodes that differ.
//!
//! Both sides are read level by level. What stands on both sides is left out of either before the next level is
//! read, so that the cost is that of the difference. Trees of different heights meet at other levels,
//! which costs reads and loses nothing: what was ever seen on the old side is not taken for new.

use std::collections::{HashMap, HashSet};

use super::TransferError;
use crate::codec::tree::TreeNode;
use crate::model::{BlobId, TreeId};

/// Reads nodes of trees. A reader of a remote fetches those of one call together.
pub(super) trait Nodes {
    /// Gives each of these nodes to `each`, in any order.
    ///
    /// # Errors
    /// When one is missing or damaged, or `each` fails.
    fn read(
        &mut self,
        ids: &[TreeId],
        each: &mut dyn FnMut(TreeId, TreeNode) -> Result<(), TransferError>,
    ) -> Result<(), TransferError>;
}

/// Tells of each of these nodes whether it is known.
pub(super) type Known<'a> = &'a mut dyn FnMut(&[TreeId]) -> Result<Vec<bool>, TransferError>;

/// What is new.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// Nodes, the nearest to the roots first: a reader that comes from there meets them in this order.
    pub(super) nodes: Vec<TreeId>,
    /// Blobs and their lengths as the trees tell them, in no order.
    pub(super) blobs: Vec<(BlobId, u64)>,
    /// Blobs that only the old trees hold, of the directories that changed: what is new may resemble them.
    pub(super) replaced: Vec<(BlobId, u64)>,
}

/// One side of the comparison.
#[derive(Default)]
struct Side {
    /// Nodes to be read next.
    level: Vec<TreeId>,
    /// Every node that was ever in `level`.
    seen: HashSet<TreeId>,
    blobs: HashMap<BlobId, u64>,
}

impl Side {
    fn begin(&mut self, roots: &[TreeId]) {
        self.extend(roots.to_vec());
    }

    fn extend(&mut self, ids: Vec<TreeId>) {
        self.level = ids.into_iter().filter(|id| self.seen.insert(*id)).collect();
    }

    /// Reads the level and goes on to the next one.
    fn descend(&mut self, nodes: &mut dyn Nodes) -> Result<(), TransferError> {
        let level = std::mem::take(&mut self.level);
        let mut below = Vec::new();
        let blobs = &mut self.blobs;
        nodes.read(&level, &mut |_, node| {
            match node {
                TreeNode::Inner { children, .. } => below.extend(children.into_iter().map(|child| child.id)),
                TreeNode::Leaf(entries) => {
                    for entry in entries {
                        if entry.kind.is_dir() {
                            below.push(TreeId::new(entry.id));
                        } else {
                            blobs.insert(BlobId::new(entry.id), entry.blob_len());
                        }
                    }
                }
            }
            Ok(())
        })?;
        self.extend(below);
        Ok(())
    }
}

/// Compares trees. `known` tells of nodes that are not new although no old tree holds them; what lies below them is
/// not looked at.
///
/// # Errors
/// When a node is missing or damaged.
pub(super) fn delta(
    old_nodes: &mut dyn Nodes,
    old_roots: &[TreeId],
    new_nodes: &mut dyn Nodes,
    new_roots: &[TreeId],
    known: Known<'_>,
) -> Result<Delta, TransferError> {
    let (mut old, mut new) = (Side::default(), Side::default());
    old.begin(old_roots);
    new.begin(new_roots);
    let mut nodes = Vec::new();
    loop {
        new.level.retain(|id| !old.seen.contains(id));
        let known = known(&new.level)?;
        let mut known = known.iter();
        new.level.retain(|_| !known.next().copied().unwrap_or(false));
        if new.level.is_empty() {
            break;
        }
        old.level.retain(|id| !new.seen.contains(id));
        nodes.extend_from_slice(&new.level);
        new.descend(new_nodes)?;
        old.descend(old_nodes)?;
    }
    new.blobs.retain(|id, _| !old.blobs.contains_key(id));
    Ok(Delta { nodes, blobs: new.blobs.into_iter().collect(), replaced: old.blobs.into_iter().collect() })
}
