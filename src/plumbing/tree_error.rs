//! What can go wrong with trees.

use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::codec::tree::{ChildNode, TreeNode};
use crate::model::{ErrorKind, Interrupted, PathError, RepoPath, TreeId};
use crate::store::{ObjectDb, StoreError};

/// Why a tree could not be read, compared or made.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The database failed, or a node is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A name or path that no dataset can have.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Something that is no directory was to become the root.
    #[error("the root of a dataset can only be a directory")]
    RootIsNoEntry,
    /// Two entries have one name, or they came in a wrong order.
    #[error("'{path}' is out of order or there twice")]
    OutOfOrder {
        /// The second one.
        path: RepoPath,
    },
}

impl TreeError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Path(_) | Self::RootIsNoEntry => ErrorKind::InvalidPath,
            Self::OutOfOrder { .. } => ErrorKind::Corrupt,
        }
    }
}

/// A tree whose nodes do not fit together.
pub(super) fn malformed(id: &TreeId, why: &str) -> TreeError {
    let source = DecodeError::malformed("tree", why);
    StoreError::Undecodable { kind: RecordKind::Tree, id: id.object(), source }.into()
}

/// Reads a child of a node and checks that it is what its parent says.
pub(super) fn read_child(db: &ObjectDb, child: &ChildNode, level: u8) -> Result<TreeNode, TreeError> {
    let node = db.tree_node(&child.id)?;
    let first = match &node {
        TreeNode::Leaf(entries) => entries.first().map(|entry| &entry.name),
        TreeNode::Inner { children, .. } => children.first().map(|child| &child.first),
    };
    if node.level() != level || first != Some(&child.first) {
        return Err(malformed(&child.id, "its level or first name is not what its parent says"));
    }
    Ok(node)
}
