//! A tree from another one and what changes in it, at the cost of what changes.
//!
//! Directories without edits stay as they are. In a directory with edits the old tree is followed
//! from its root, and only nodes are read whose range of names holds an edit, or where the cuts of
//! the new list have not fallen in with the old ones again.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::levels::{Levels, NodeWriter};
use super::{Edit, WrittenTree, empty_tree};
use crate::codec::staging_index::dir_order;
use crate::codec::tree::{ChildNode, TreeNode};
use crate::model::{Entry, EntryKind, EntryName, RepoPath, TreeId};
use crate::plumbing::tree_error::{TreeError, read_child};
use crate::store::Writer;

/// Makes `base` (an empty tree when `None`) into another tree: as if the edits were done one after the
/// other in order of path, so that an edit of a directory comes before those below it.
///
/// The nodes of `base` must be in the database, not only in the writer.
///
/// # Errors
/// When a node of `base` that is needed cannot be read, the root was to become something else than a
/// directory, or the disk is full or fails.
pub fn apply(
    writer: &Writer,
    base: Option<&TreeId>,
    edits: &BTreeMap<RepoPath, Edit>,
) -> Result<WrittenTree, TreeError> {
    let mut edits: Vec<_> =
        edits.iter().map(|(path, edit)| PathEdit { path: path.as_bytes(), edit: *edit }).collect();
    // In this order all edits below a directory are one slice, right behind that of itself.
    edits.sort_by(|a, b| dir_order(a.path, b.path));
    let (mut base, mut below) = (base.copied(), edits.as_slice());
    if let Some((PathEdit { path: b"", edit }, rest)) = edits.split_first() {
        base = match edit {
            Edit::Set { kind: EntryKind::Directory, id, .. } => Some(TreeId::new(*id)),
            Edit::Set { .. } => return Err(TreeError::RootIsNoEntry),
            Edit::Remove => None,
        };
        below = rest;
    }
    edit_directories(base, Groups { edits: below, name_at: 0 }, &mut NodeWriter::new(writer)?)
}

/// Edits a directory and those below it. They wait on a stack of their own, since they may lie as deep as
/// a thread's stack does not reach.
fn edit_directories(
    base: Option<TreeId>,
    edits: Groups<'_>,
    nodes: &mut NodeWriter<'_>,
) -> Result<WrittenTree, TreeError> {
    let mut above = Vec::new();
    let mut current = OpenDirectory::open(base, edits, nodes)?;
    loop {
        if let Some(below) = current.advance(nodes)? {
            let below = OpenDirectory::open(below.base, below.edits, nodes)?;
            above.push(std::mem::replace(&mut current, below));
            continue;
        }
        let old = current.base;
        let tree = current.levels.finish(nodes)?.tree;
        let Some(parent) = above.pop() else { return Ok(tree) };
        current = parent;
        current.take_edited(old, tree, nodes)?;
    }
}

/// An edit and its whole path.
#[derive(Clone, Copy)]
struct PathEdit<'a> {
    path: &'a [u8],
    edit: Edit,
}

/// The edits at and below one name of a directory.
struct Group<'a> {
    name: &'a [u8],
    own: Option<Edit>,
    below: Groups<'a>,
}

/// The edits in a directory, one name after the other.
#[derive(Clone)]
struct Groups<'a> {
    edits: &'a [PathEdit<'a>],
    /// Where the names in this directory begin in the paths.
    name_at: usize,
}

impl Groups<'_> {
    fn sets_something(&self) -> bool {
        self.edits.iter().any(|e| matches!(e.edit, Edit::Set { .. }))
    }
}

impl<'a> Iterator for Groups<'a> {
    type Item = Group<'a>;

    fn next(&mut self) -> Option<Group<'a>> {
        let rest = &self.edits.first()?.path[self.name_at..];
        let name = rest.split(|&b| b == b'/').next().unwrap_or_default();
        let end = self.name_at + name.len();
        let len = self.edits.partition_point(|e| {
            let rest = &e.path[self.name_at..];
            rest.strip_prefix(name).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        });
        let (group, others) = self.edits.split_at(len);
        self.edits = others;
        let (own, below) = match group.split_first() {
            Some((first, below)) if first.path.len() == end => (Some(first.edit), below),
            _ => (None, group),
        };
        Some(Group { name, own, below: Groups { edits: below, name_at: end + 1 } })
    }
}

/// A directory on its way from its old tree to the new one.
struct OpenDirectory<'a> {
    base: Option<TreeId>,
    /// What is left of the open leaf of the old tree.
    leaf: IntoIter<Entry>,
    /// What is left of the inner nodes above it, the root's first, each with the level of its children.
    inner: Vec<(u8, IntoIter<ChildNode>)>,
    edits: Peekable<Groups<'a>>,
    levels: Levels,
    /// The name of the directory below that is being edited.
    waits_for: Option<EntryName>,
}

/// A directory that is to be edited before its parent can go on.
struct Below<'a> {
    base: Option<TreeId>,
    edits: Groups<'a>,
}

impl<'a> OpenDirectory<'a> {
    fn open(base: Option<TreeId>, edits: Groups<'a>, nodes: &NodeWriter<'_>) -> Result<Self, TreeError> {
        let mut directory = Self {
            base,
            leaf: Vec::new().into_iter(),
            inner: Vec::new(),
            edits: edits.peekable(),
            levels: Levels::default(),
            waits_for: None,
        };
        if let Some(id) = base.filter(|id| *id != empty_tree()) {
            directory.enter(nodes.db().tree_node(&id)?);
        }
        Ok(directory)
    }

    fn enter(&mut self, node: TreeNode) {
        match node {
            TreeNode::Leaf(entries) => self.leaf = entries.into_iter(),
            TreeNode::Inner { level, children } => self.inner.push((level - 1, children.into_iter())),
        }
    }

    /// Takes over the old tree with the edits, until a directory below has to be edited or the end.
    fn advance(&mut self, nodes: &mut NodeWriter<'_>) -> Result<Option<Below<'a>>, TreeError> {
        loop {
            let next =
                self.leaf.as_slice().first().map(|entry| &entry.name).or_else(|| first_of(&self.inner));
            if let Some(edit) = self.edits.next_if(|edit| is_before(edit, next)) {
                if let Some(below) = self.edit(None, edit, nodes)? {
                    return Ok(Some(below));
                }
            } else if let Some(entry) = self.leaf.next() {
                match self.edits.next_if(|edit| edit.name == entry.name.as_bytes()) {
                    None => self.levels.push(entry, nodes)?,
                    Some(edit) => {
                        if let Some(below) = self.edit(Some(entry), edit, nodes)? {
                            return Ok(Some(below));
                        }
                    }
                }
            } else if !self.next_node(nodes)? {
                return Ok(None);
            }
        }
    }

    /// Takes the next node as it is or opens it; false at the end of the old tree.
    fn next_node(&mut self, nodes: &mut NodeWriter<'_>) -> Result<bool, TreeError> {
        let Some((level, children)) = self.inner.last_mut() else { return Ok(false) };
        let level = *level;
        let Some(child) = children.next() else {
            self.inner.pop();
            return Ok(true);
        };
        let end = first_of(&self.inner);
        let untouched = self.edits.peek().is_none_or(|edit| !is_before(edit, end));
        if untouched && self.levels.is_between_nodes(level) {
            self.levels.push_stored(level, child, nodes)?;
        } else {
            self.enter(read_child(nodes.db(), &child, level)?);
        }
        Ok(true)
    }

    /// Adds what becomes of one name, unless that is to be found out below it.
    fn edit(
        &mut self,
        old: Option<Entry>,
        edit: Group<'a>,
        nodes: &mut NodeWriter<'_>,
    ) -> Result<Option<Below<'a>>, TreeError> {
        let Group { name, own, below: edits } = edit;
        let entry = match own {
            None => old,
            Some(Edit::Remove) => None,
            Some(Edit::Set { kind, size, files, id }) => {
                let files = if kind.is_dir() { files } else { 1 };
                Some(Entry { name: EntryName::new(name)?, kind, size, files, id })
            }
        };
        let base = entry.as_ref().filter(|entry| entry.kind.is_dir()).map(|entry| TreeId::new(entry.id));
        // Where no directory is, nothing below it can be removed.
        if !edits.edits.is_empty() && (base.is_some() || edits.sets_something()) {
            self.waits_for = Some(EntryName::new(name)?);
            return Ok(Some(Below { base, edits }));
        }
        entry.map_or(Ok(()), |entry| self.levels.push(entry, nodes)).map(|()| None)
    }

    /// Goes on with what became of the directory below.
    fn take_edited(
        &mut self,
        old: Option<TreeId>,
        tree: WrittenTree,
        nodes: &mut NodeWriter<'_>,
    ) -> Result<(), TreeError> {
        let became_empty = tree.id == empty_tree() && old != Some(empty_tree());
        match self.waits_for.take() {
            Some(name) if !became_empty => self.levels.push(tree.entry(name), nodes),
            _ => Ok(()),
        }
    }
}

/// The first name behind the open leaf.
fn first_of(inner: &[(u8, IntoIter<ChildNode>)]) -> Option<&EntryName> {
    inner.iter().rev().find_map(|(_, children)| children.as_slice().first()).map(|child| &child.first)
}

/// Whether an edit's name is less than `end`; everything is before `None`.
fn is_before(edit: &Group<'_>, end: Option<&EntryName>) -> bool {
    end.is_none_or(|end| edit.name < end.as_bytes())
}
