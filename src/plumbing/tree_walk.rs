//! Reading trees: one entry, one directory, everything below. Only the nodes that are needed are read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::tree_error::{TreeError, malformed, read_child};
use crate::codec::tree::{ChildNode, TreeNode};
use crate::model::{Entry, EntryName, MAX_DEPTH, RepoPath, Totals, TreeId};
use crate::store::ObjectDb;

/// The entry at a path below a tree; `None` for the root and for what is not there.
///
/// # Errors
/// When a node is missing or damaged.
pub fn lookup(db: &ObjectDb, tree: &TreeId, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
    lookup_by(tree, path, |current, name| lookup_name(db, current, name))
}

/// Follows a path from a tree down, where `find` looks up a name in one directory.
fn lookup_by(
    tree: &TreeId,
    path: &RepoPath,
    find: impl Fn(&TreeId, &EntryName) -> Result<Option<Entry>, TreeError>,
) -> Result<Option<Entry>, TreeError> {
    let mut current = *tree;
    let mut found = None::<Entry>;
    for name in path.components() {
        if let Some(entry) = &found {
            if !entry.kind.is_dir() {
                return Ok(None);
            }
            current = TreeId::new(entry.id);
        }
        found = find(&current, &name)?;
        if found.is_none() {
            return Ok(None);
        }
    }
    Ok(found)
}

/// The entry of a name in one directory.
///
/// # Errors
/// When a node is missing or damaged.
pub fn lookup_name(db: &ObjectDb, tree: &TreeId, name: &EntryName) -> Result<Option<Entry>, TreeError> {
    let mut node = db.tree_node(tree)?;
    loop {
        match node {
            TreeNode::Leaf(entries) => {
                let at = entries.binary_search_by(|entry| entry.name.cmp(name));
                return Ok(at.ok().map(|at| entries[at].clone()));
            }
            TreeNode::Inner { level, children } => match child_of(&children, name) {
                Some(child) => node = read_child(db, child, level - 1)?,
                None => return Ok(None),
            },
        }
    }
}

/// The child that holds a name, if any does.
fn child_of<'a>(children: &'a [ChildNode], name: &EntryName) -> Option<&'a ChildNode> {
    let after = children.partition_point(|child| child.first <= *name);
    after.checked_sub(1).map(|at| &children[at])
}

/// Most nodes that [`Lookups`] keeps: some megabytes at worst.
const MAX_KEPT: usize = 128;

/// Looks up many paths. Nodes that were read are kept for a while, so that paths which lie near each other cost one
/// reading.
#[derive(Debug)]
pub struct Lookups<'a> {
    db: &'a ObjectDb,
    nodes: RefCell<HashMap<TreeId, Rc<TreeNode>>>,
}

impl<'a> Lookups<'a> {
    /// Nothing was read yet.
    pub fn new(db: &'a ObjectDb) -> Self {
        Self { db, nodes: RefCell::default() }
    }

    /// Where it looks.
    pub const fn db(&self) -> &'a ObjectDb {
        self.db
    }

    /// As [`lookup`].
    ///
    /// # Errors
    /// When a node is missing or damaged.
    pub fn lookup(&self, tree: &TreeId, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        lookup_by(tree, path, |current, name| self.name(current, name))
    }

    fn name(&self, tree: &TreeId, name: &EntryName) -> Result<Option<Entry>, TreeError> {
        let mut node = self.node(tree, || Ok(self.db.tree_node(tree)?))?;
        loop {
            let next = match &*node {
                TreeNode::Leaf(entries) => {
                    let at = entries.binary_search_by(|entry| entry.name.cmp(name));
                    return Ok(at.ok().map(|at| entries[at].clone()));
                }
                TreeNode::Inner { level, children } => match child_of(children, name) {
                    Some(child) => self.node(&child.id, || read_child(self.db, child, level - 1))?,
                    None => return Ok(None),
                },
            };
            node = next;
        }
    }

    fn node(
        &self,
        id: &TreeId,
        read: impl FnOnce() -> Result<TreeNode, TreeError>,
    ) -> Result<Rc<TreeNode>, TreeError> {
        if let Some(node) = self.nodes.borrow().get(id) {
            return Ok(Rc::clone(node));
        }
        let node = Rc::new(read()?);
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() >= MAX_KEPT {
            nodes.clear();
        }
        nodes.insert(*id, Rc::clone(&node));
        Ok(node)
    }
}

/// The entries of one directory in order of name, read node by node.
#[derive(Debug)]
pub struct Entries<'a> {
    db: &'a ObjectDb,
    /// Nodes that are still to be read, the next one last, with their level.
    pending: Vec<(ChildNode, u8)>,
    leaf: std::vec::IntoIter<Entry>,
    start: Option<EntryName>,
}

impl<'a> Entries<'a> {
    /// All entries of a directory, or those from a name on.
    ///
    /// # Errors
    /// When the root node is missing or damaged.
    pub fn new(db: &'a ObjectDb, tree: &TreeId, start: Option<&EntryName>) -> Result<Self, TreeError> {
        let mut entries =
            Self { db, pending: Vec::new(), leaf: Vec::new().into_iter(), start: start.cloned() };
        let root = db.tree_node(tree)?;
        entries.open(root);
        Ok(entries)
    }

    fn open(&mut self, node: TreeNode) {
        match node {
            TreeNode::Leaf(entries) => {
                let skip =
                    self.start.take().map_or(0, |start| entries.partition_point(|entry| entry.name < start));
                self.leaf = entries.into_iter();
                if skip > 0 {
                    self.leaf.nth(skip - 1);
                }
            }
            TreeNode::Inner { level, children } => {
                let skip = self.start.as_ref().map_or(0, |start| {
                    children.partition_point(|child| child.first <= *start).saturating_sub(1)
                });
                self.pending.extend(children.into_iter().skip(skip).rev().map(|child| (child, level - 1)));
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.leaf.next() {
                return Some(Ok(entry));
            }
            let (child, level) = self.pending.pop()?;
            match read_child(self.db, &child, level) {
                Ok(node) => self.open(node),
                Err(error) => {
                    self.pending.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

/// What a walk does with a directory that it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Goes into it.
    Enter,
    /// Leaves it out.
    Skip,
}

/// Everything below a directory, depth first, each directory in order of name; a directory is given before
/// what lies below it.
#[derive(Debug)]
pub struct Walk<'a, F> {
    db: &'a ObjectDb,
    enter: F,
    open: Vec<(RepoPath, Entries<'a>)>,
}

impl<'a, F: FnMut(&RepoPath, &Entry) -> Visit> Walk<'a, F> {
    /// A walk below a tree that stands at the path `at`; `enter` decides which directories are entered.
    ///
    /// # Errors
    /// When the root node is missing or damaged.
    pub fn new(db: &'a ObjectDb, tree: &TreeId, at: RepoPath, enter: F) -> Result<Self, TreeError> {
        Ok(Self { db, enter, open: vec![(at, Entries::new(db, tree, None)?)] })
    }

    fn step(&mut self) -> Result<Option<(RepoPath, Entry)>, TreeError> {
        while let Some((at, entries)) = self.open.last_mut() {
            let Some(entry) = entries.next().transpose()? else {
                self.open.pop();
                continue;
            };
            let path = at.join(&entry.name);
            if entry.kind.is_dir() && (self.enter)(&path, &entry) == Visit::Enter {
                let tree = TreeId::new(entry.id);
                if self.open.len() >= MAX_DEPTH {
                    return Err(malformed(&tree, "directories lie too deep inside each other"));
                }
                self.open.push((path.clone(), Entries::new(self.db, &tree, None)?));
            }
            return Ok(Some((path, entry)));
        }
        Ok(None)
    }
}

impl<F: FnMut(&RepoPath, &Entry) -> Visit> Iterator for Walk<'_, F> {
    type Item = Result<(RepoPath, Entry), TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.open.clear();
        }
        step
    }
}

/// Everything below a tree, directories included.
///
/// # Errors
/// When the root node is missing or damaged.
pub fn walk_all<'a>(
    db: &'a ObjectDb,
    tree: &TreeId,
) -> Result<Walk<'a, impl FnMut(&RepoPath, &Entry) -> Visit + use<>>, TreeError> {
    Walk::new(db, tree, RepoPath::root(), |_, _| Visit::Enter)
}

/// Files and bytes of a tree, from its root node alone.
///
/// # Errors
/// When the node is missing or damaged.
pub fn totals(db: &ObjectDb, tree: &TreeId) -> Result<Totals, TreeError> {
    Ok(db.tree_node(tree)?.totals())
}
