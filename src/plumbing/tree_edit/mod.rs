//! Making trees: from all entries ([`TreeBuilder`], [`build_directory`]), or from a tree and what
//! changes in it ([`apply`]).
//!
//! Whichever way, the same set of entries gives the same id, and memory is bounded by the depth of the
//! dataset and the size of a node; nodes that are stored already are not stored again.
//!
//! # Empty directories
//!
//! The entries of a dataset are its files, links and *empty directories*, which are entries of their
//! own: kind [`EntryKind::Directory`] with the id [`empty_tree`]. A directory that holds something
//! exists because of what it holds. So, as in git, a directory whose last entry is removed vanishes,
//! and so does what held nothing but that directory; to keep it, the empty directory is set. An
//! empty directory into which something is put is no entry any more, and vanishes with that.

mod apply;
mod builder;
mod levels;
#[cfg(test)]
mod tests;

use super::tree_error::TreeError;
use crate::model::{Entry, EntryKind, EntryName, ObjectId, Totals, TreeId};
use crate::store::Writer;

pub use crate::codec::tree::empty_tree;
pub use apply::apply;
pub use builder::TreeBuilder;
use levels::{Levels, NodeWriter};

/// A tree that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenTree {
    /// Its id.
    pub id: TreeId,
    /// Files and bytes in and below it.
    pub totals: Totals,
}

impl WrittenTree {
    /// The entry of this tree in its parent.
    pub const fn entry(self, name: EntryName) -> Entry {
        let Totals { files, bytes } = self.totals;
        Entry { name, kind: EntryKind::Directory, size: bytes, files, id: self.id.object() }
    }
}

/// What happens to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// The path becomes this, whatever was there; a directory that was there goes with all that is
    /// below it, and what lies in the way above becomes a directory.
    Set {
        /// What it becomes.
        kind: EntryKind,
        /// Bytes of the file, or of all files below the directory.
        size: u64,
        /// Files below the directory; taken as 1 for everything else.
        files: u64,
        /// The blob; for a directory the tree, which is in the database or was given to the writer.
        id: ObjectId,
    },
    /// The path goes, with all that is below it; nothing happens when nothing is there.
    Remove,
}

impl Edit {
    /// The path becomes a file or a link.
    pub const fn file(kind: EntryKind, size: u64, id: ObjectId) -> Self {
        Self::Set { kind, size, files: 1, id }
    }

    /// The path becomes a directory that holds this.
    pub const fn tree(tree: WrittenTree) -> Self {
        let Totals { files, bytes } = tree.totals;
        Self::Set { kind: EntryKind::Directory, size: bytes, files, id: tree.id.object() }
    }

    /// The path becomes an empty directory.
    pub fn empty_directory() -> Self {
        Self::tree(WrittenTree { id: empty_tree(), totals: Totals::default() })
    }
}

/// Writes one directory from its entries in byte order of name. Of subdirectories the trees are known.
///
/// # Errors
/// When the entries are out of order or fail themselves, or the disk is full or fails.
pub fn build_directory<E: From<TreeError>>(
    writer: &Writer,
    entries: impl IntoIterator<Item = Result<Entry, E>>,
) -> Result<WrittenTree, E> {
    let mut nodes = NodeWriter::new(writer)?;
    let mut levels = Levels::default();
    for entry in entries {
        levels.push(entry?, &mut nodes)?;
    }
    Ok(levels.finish(&mut nodes)?.tree)
}
