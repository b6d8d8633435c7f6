//! One directory's nodes, level by level, from its entries in order.

use super::{WrittenTree, empty_tree};
use crate::codec::Compressor;
use crate::codec::boundary::{Splitter, name_hash};
use crate::codec::tree::{ChildNode, TreeNode};
use crate::model::{Entry, EntryName, ObjectId, RepoPath, Totals};
use crate::plumbing::tree_error::TreeError;
use crate::store::{ObjectDb, StoreError, Writer};

/// Where nodes are written to.
pub(super) struct NodeWriter<'a> {
    writer: &'a Writer,
    compressor: Compressor,
    empty: ObjectId,
    empty_is_written: bool,
}

impl<'a> NodeWriter<'a> {
    pub(super) fn new(writer: &'a Writer) -> Result<Self, TreeError> {
        let compressor = writer.compressor()?;
        Ok(Self { writer, compressor, empty: empty_tree().object(), empty_is_written: false })
    }

    pub(super) fn db(&self) -> &'a ObjectDb {
        self.writer.db()
    }

    fn put(&mut self, node: &TreeNode) -> Result<WrittenTree, StoreError> {
        let id = self.writer.put_tree_node(node, &mut self.compressor)?;
        Ok(WrittenTree { id, totals: node.totals() })
    }

    /// An empty directory may be set by its id alone, before any was ever stored.
    fn see_to_empty_tree(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if entry.kind.is_dir() && entry.id == self.empty && !self.empty_is_written {
            self.put(&TreeNode::empty())?;
            self.empty_is_written = true;
        }
        Ok(())
    }
}

/// A directory that was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub(super) tree: WrittenTree,
    /// Entries in it, those of subdirectories not counted.
    pub(super) entries: u64,
}

/// The nodes of one directory that are not complete yet: at most one for each level.
///
/// Items of one level are cut by what they are alone, starting anew behind each cut. So a stored
/// node may be taken as it is wherever its items would begin a new node of its level and of all below.
#[derive(Default)]
pub(super) struct Levels {
    entries: Vec<Entry>,
    cuts: Splitter,
    /// `inner[n]` holds nodes of level `n`, of which one of level `n + 1` will be made.
    inner: Vec<Inner>,
    /// The last entry of the last complete leaf.
    last: Option<EntryName>,
}

#[derive(Default)]
struct Inner {
    children: Vec<ChildNode>,
    cuts: Splitter,
    /// The first child was taken from a stored tree.
    first_is_stored: bool,
}

impl Levels {
    /// Adds the next entry.
    pub(super) fn push(&mut self, entry: Entry, nodes: &mut NodeWriter<'_>) -> Result<(), TreeError> {
        let last = self.entries.last().map(|entry| &entry.name).or(self.last.as_ref());
        if last.is_some_and(|last| *last >= entry.name) {
            return Err(TreeError::OutOfOrder { path: RepoPath::from(entry.name) });
        }
        nodes.see_to_empty_tree(&entry)?;
        let ends = self.cuts.ends_after(name_hash(entry.name.as_bytes(), 0));
        self.entries.push(entry);
        if ends { self.end_leaf(nodes) } else { Ok(()) }
    }

    /// Whether a stored node of this level may be taken as it is.
    pub(super) fn is_between_nodes(&self, level: u8) -> bool {
        self.entries.is_empty()
            && self.inner.iter().take(usize::from(level)).all(|inner| inner.children.is_empty())
    }

    /// Takes a stored node of a level for which [`Levels::is_between_nodes`].
    pub(super) fn push_stored(
        &mut self,
        level: u8,
        node: ChildNode,
        nodes: &mut NodeWriter<'_>,
    ) -> Result<(), TreeError> {
        self.push_node(usize::from(level), node, true, nodes)
    }

    fn push_node(
        &mut self,
        level: usize,
        node: ChildNode,
        stored: bool,
        nodes: &mut NodeWriter<'_>,
    ) -> Result<(), TreeError> {
        if self.inner.len() <= level {
            self.inner.resize_with(level + 1, Inner::default);
        }
        let inner = &mut self.inner[level];
        if inner.children.is_empty() {
            inner.first_is_stored = stored;
        }
        let ends = inner.cuts.ends_after(name_hash(node.first.as_bytes(), seed(level + 1)));
        inner.children.push(node);
        if ends { self.end_inner(level, nodes) } else { Ok(()) }
    }

    fn end_leaf(&mut self, nodes: &mut NodeWriter<'_>) -> Result<(), TreeError> {
        let entries = std::mem::take(&mut self.entries);
        let Some(first) = entries.first().map(|entry| entry.name.clone()) else { return Ok(()) };
        self.last = entries.last().map(|entry| entry.name.clone());
        let node = TreeNode::Leaf(entries);
        self.put_below(0, first, &node, nodes)
    }

    /// Makes a node of level `level + 1` of what `inner[level]` holds.
    fn end_inner(&mut self, level: usize, nodes: &mut NodeWriter<'_>) -> Result<(), TreeError> {
        let children = std::mem::take(&mut self.inner[level].children);
        let Some(first) = children.first().map(|child| child.first.clone()) else { return Ok(()) };
        let node = TreeNode::Inner { level: seed(level + 1), children };
        self.put_below(level + 1, first, &node, nodes)
    }

    fn put_below(
        &mut self,
        level: usize,
        first: EntryName,
        node: &TreeNode,
        nodes: &mut NodeWriter<'_>,
    ) -> Result<(), TreeError> {
        let WrittenTree { id, totals } = nodes.put(node)?;
        let child = ChildNode { first, entries: node.entry_count(), totals, id };
        self.push_node(level, child, false, nodes)
    }

    /// Ends all nodes and writes the root.
    pub(super) fn finish(mut self, nodes: &mut NodeWriter<'_>) -> Result<Directory, TreeError> {
        if self.inner.is_empty() {
            let node = TreeNode::Leaf(self.entries);
            return Ok(Directory { tree: nodes.put(&node)?, entries: node.entry_count() });
        }
        self.end_leaf(nodes)?;
        // Ending a node can make one more level.
        let mut level = 0;
        while level + 1 < self.inner.len() {
            self.end_inner(level, nodes)?;
            level += 1;
        }
        let Inner { mut children, first_is_stored, .. } = self.inner.pop().unwrap_or_default();
        match children.pop() {
            Some(only) if children.is_empty() => only_node(only, level, first_is_stored, nodes.db()),
            last => {
                children.extend(last);
                let node = TreeNode::Inner { level: seed(level + 1), children };
                Ok(Directory { tree: nodes.put(&node)?, entries: node.entry_count() })
            }
        }
    }
}

/// The root when a level has one node only. A node that was stored as the last one of its level may have
/// one child only; then that is the root.
fn only_node(mut root: ChildNode, level: usize, stored: bool, db: &ObjectDb) -> Result<Directory, TreeError> {
    if stored && level > 0 {
        while let TreeNode::Inner { mut children, .. } = db.tree_node(&root.id)? {
            match children.pop() {
                Some(only) if children.is_empty() => root = only,
                _ => break,
            }
        }
    }
    let ChildNode { id, totals, entries, .. } = root;
    Ok(Directory { tree: WrittenTree { id, totals }, entries })
}

/// Levels are few: each has at most a 32nd of the nodes of the one below.
fn seed(level: usize) -> u8 {
    u8::try_from(level).unwrap_or(u8::MAX)
}

impl Directory {
    /// Files and bytes below it.
    pub(super) const fn totals(&self) -> Totals {
        self.tree.totals
    }
}
