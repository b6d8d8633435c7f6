//! What differs between two trees. Nodes with equal ids are equal: only those that differ are read, so
//! that the cost is that of the difference.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::tree_error::{TreeError, malformed, read_child};
use crate::codec::tree::{ChildNode, TreeNode};
use crate::model::{Entry, EntryKind, EntryName, MAX_DEPTH, ObjectId, RepoPath, Totals, TreeId};
use crate::store::ObjectDb;

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeChange {
    /// Where.
    pub path: RepoPath,
    /// What was there; a directory only when it was empty, or directories were not entered.
    pub old: Option<Entry>,
    /// What is there now.
    pub new: Option<Entry>,
}

/// How to compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// Give a directory that is on one side only as one change, instead of every file in it.
    pub whole_directories: bool,
}

/// Files and bytes that differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiffTotals {
    /// On the new side only.
    pub added: Totals,
    /// On both sides, with other content or of another kind; bytes are those of the new side.
    pub modified: Totals,
    /// On the old side only.
    pub removed: Totals,
    /// Removed here and added there with the same content; counted in neither.
    pub renamed: Totals,
}

impl DiffTotals {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts one change.
    pub fn count(&mut self, change: &TreeChange) {
        match (&change.old, &change.new) {
            (None, Some(new)) => self.added = self.added.plus(new.totals()),
            (Some(old), None) => self.removed = self.removed.plus(old.totals()),
            (Some(_), Some(new)) => self.modified = self.modified.plus(new.totals()),
            (None, None) => {}
        }
    }
}

/// Gives every path that differs to `sink`, in byte order of the names within each directory. No tree at
/// all is the same as an empty one.
///
/// # Errors
/// When a node is missing or damaged, or `sink` fails.
pub fn diff_trees<E: From<TreeError>>(
    db: &ObjectDb,
    old: Option<&TreeId>,
    new: Option<&TreeId>,
    options: DiffOptions,
    sink: &mut dyn FnMut(TreeChange) -> Result<(), E>,
) -> Result<(), E> {
    if old == new {
        return Ok(());
    }
    Differ { db, options, sink }.directories(&RepoPath::root(), old, new, 0)
}

/// As [`diff_trees`], collected.
///
/// # Errors
/// When a node is missing or damaged.
pub fn collect_changes(
    db: &ObjectDb,
    old: Option<&TreeId>,
    new: Option<&TreeId>,
    options: DiffOptions,
) -> Result<Vec<TreeChange>, TreeError> {
    let mut changes = Vec::new();
    diff_trees(db, old, new, options, &mut |change| {
        changes.push(change);
        Ok::<_, TreeError>(())
    })?;
    Ok(changes)
}

struct Differ<'a, E> {
    db: &'a ObjectDb,
    options: DiffOptions,
    sink: &'a mut dyn FnMut(TreeChange) -> Result<(), E>,
}

impl<E: From<TreeError>> Differ<'_, E> {
    fn directories(
        &mut self,
        at: &RepoPath,
        old: Option<&TreeId>,
        new: Option<&TreeId>,
        depth: usize,
    ) -> Result<(), E> {
        if depth >= MAX_DEPTH {
            let id = old.or(new).copied().unwrap_or_else(|| TreeId::from_bytes([0; 32]));
            return Err(malformed(&id, "directories lie too deep inside each other").into());
        }
        let mut old = Cursor::new(self.db, old)?;
        let mut new = Cursor::new(self.db, new)?;
        loop {
            // No name comes after all others.
            let order = match (old.next_name(), new.next_name()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.cmp(new),
            };
            if step_nodes(&mut old, &mut new, order)? {
                continue;
            }
            let before = if order.is_le() { old.leaf.pop() } else { None };
            let after = if order.is_ge() { new.leaf.pop() } else { None };
            self.entries(at, before, after, depth)?;
        }
    }

    fn entries(
        &mut self,
        at: &RepoPath,
        old: Option<Entry>,
        new: Option<Entry>,
        depth: usize,
    ) -> Result<(), E> {
        if let (Some(old), Some(new)) = (&old, &new)
            && old.same_content(new)
        {
            return Ok(());
        }
        let Some(name) = old.as_ref().or(new.as_ref()).map(|entry| &entry.name) else { return Ok(()) };
        let path = at.join(name);
        let (old_tree, new_tree) = (tree_of(&old), tree_of(&new));
        if old_tree.is_none() && new_tree.is_none() {
            return (self.sink)(TreeChange { path, old, new });
        }
        let one_sided = old_tree.is_none() || new_tree.is_none();
        if one_sided && self.options.whole_directories {
            return (self.sink)(TreeChange { path, old, new });
        }
        // An empty directory is an entry of its own; one that holds something is not.
        let shown =
            |entry: &Option<Entry>| entry.clone().filter(|e| !e.kind.is_dir() || self.is_empty_dir(e));
        let (old_shown, new_shown) = (shown(&old), shown(&new));
        if old_shown.is_some() || new_shown.is_some() {
            (self.sink)(TreeChange { path: path.clone(), old: old_shown, new: new_shown })?;
        }
        self.directories(&path, old_tree.as_ref(), new_tree.as_ref(), depth + 1)
    }

    /// Whether a directory has no entries: no files, and no empty directories either.
    fn is_empty_dir(&self, entry: &Entry) -> bool {
        entry.files == 0 && TreeId::new(entry.id) == super::tree_edit::empty_tree()
    }
}

fn tree_of(entry: &Option<Entry>) -> Option<TreeId> {
    entry.as_ref().filter(|entry| entry.kind == EntryKind::Directory).map(|entry| TreeId::new(entry.id))
}

/// A place in the entries of one directory that can step over whole nodes.
struct Cursor<'a> {
    db: &'a ObjectDb,
    /// Nodes that are still to be read, the next one last, with their level.
    pending: Vec<(ChildNode, u8)>,
    /// The rest of the open leaf, the next entry last.
    leaf: Vec<Entry>,
}

impl<'a> Cursor<'a> {
    fn new(db: &'a ObjectDb, tree: Option<&TreeId>) -> Result<Self, TreeError> {
        let mut cursor = Self { db, pending: Vec::new(), leaf: Vec::new() };
        if let Some(tree) = tree {
            let root = db.tree_node(tree)?;
            cursor.open(root);
        }
        Ok(cursor)
    }

    fn open(&mut self, node: TreeNode) {
        match node {
            TreeNode::Leaf(mut entries) => {
                entries.reverse();
                self.leaf = entries;
            }
            TreeNode::Inner { level, children } => {
                self.pending.extend(children.into_iter().rev().map(|child| (child, level - 1)));
            }
        }
    }

    /// The next node, unless the cursor is within a leaf.
    fn node(&self) -> Option<&(ChildNode, u8)> {
        if self.leaf.is_empty() { self.pending.last() } else { None }
    }

    /// The smallest name that can come next.
    fn next_name(&self) -> Option<&EntryName> {
        self.leaf
            .last()
            .map(|entry| &entry.name)
            .or_else(|| self.pending.last().map(|(child, _)| &child.first))
    }

    /// Opens the next node.
    fn descend(&mut self) -> Result<(), TreeError> {
        if let Some((child, level)) = self.pending.pop() {
            let node = read_child(self.db, &child, level)?;
            self.open(node);
        }
        Ok(())
    }
}

/// Steps over a node that both sides have, or opens what has to be opened before entries can be compared;
/// false when the entries that come next are open.
///
/// A node is opened only when its first name is due and the other side has no equal node there: while one side
/// is behind, the other's node may still be met as a whole.
fn step_nodes(old: &mut Cursor<'_>, new: &mut Cursor<'_>, order: Ordering) -> Result<bool, TreeError> {
    match (order, old.node(), new.node()) {
        (Ordering::Equal, Some((a, _)), Some((b, _))) if a.id == b.id => {
            old.pending.pop();
            new.pending.pop();
        }
        // The higher node may hold the lower one as a child.
        (Ordering::Equal, Some((_, a)), Some((_, b))) if a > b => old.descend()?,
        (Ordering::Equal, Some((_, a)), Some((_, b))) if a < b => new.descend()?,
        (Ordering::Equal, Some(_), Some(_)) => {
            old.descend()?;
            new.descend()?;
        }
        (Ordering::Less | Ordering::Equal, Some(_), _) => old.descend()?,
        (Ordering::Greater | Ordering::Equal, _, Some(_)) => new.descend()?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// A path that was removed and one that was added with the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The old path.
    pub from: RepoPath,
    /// The new path.
    pub to: RepoPath,
    /// What it is, as it stands under the new path.
    pub entry: Entry,
}

/// Removed files of one content, or of one content and one name, the first in order of path last. Those that
/// have been paired by the other key are taken off when they are met.
#[derive(Default)]
struct Candidates(Vec<usize>);

impl Candidates {
    fn take(&mut self, gone: &[bool]) -> Option<usize> {
        std::iter::from_fn(|| self.0.pop()).find(|number| !gone[*number])
    }
}

fn name_of(path: &RepoPath) -> &[u8] {
    path.as_bytes().rsplit(|&b| b == b'/').next().unwrap_or_default()
}

/// Takes pairs of equal content out of removed and added files. Of several candidates, the one with the
/// same name comes first, then the first in order of path; so the pairs are the same for everyone. Empty files
/// and directories are never paired: they are all equal.
pub fn take_renames(changes: &mut Vec<TreeChange>) -> Vec<Rename> {
    let mut of_content: HashMap<(EntryKind, ObjectId), Candidates> = HashMap::new();
    let mut of_name: HashMap<(EntryKind, ObjectId, &[u8]), Candidates> = HashMap::new();
    for (number, change) in changes.iter().enumerate().rev() {
        if let (Some(old), None) = (&change.old, &change.new)
            && old.size > 0
            && !old.kind.is_dir()
        {
            of_content.entry((old.kind, old.id)).or_default().0.push(number);
            of_name.entry((old.kind, old.id, name_of(&change.path))).or_default().0.push(number);
        }
    }
    let mut gone = vec![false; changes.len()];
    let mut renames = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        let (None, Some(new)) = (&change.old, &change.new) else { continue };
        let same_name = of_name.get_mut(&(new.kind, new.id, name_of(&change.path)));
        let same_name = same_name.and_then(|candidates| candidates.take(&gone));
        let any = || of_content.get_mut(&(new.kind, new.id))?.take(&gone);
        let Some(from) = same_name.or_else(any) else { continue };
        gone[from] = true;
        gone[number] = true;
        let (from, to) = (changes[from].path.clone(), change.path.clone());
        renames.push(Rename { from, to, entry: new.clone() });
    }
    let mut gone = gone.into_iter();
    changes.retain(|_| !gone.next().unwrap_or(false));
    renames
}

#[cfg(test)]
mod tests;
