//! What a sparse staging index stands for: what it holds, and behind that its known tree.
//!
//! With an index that is not sparse all this says what the index says, and reads no tree.

use std::collections::BTreeSet;

use super::diff_index::is_entry;
use super::tree_edit::empty_tree;
use super::tree_walk::{Entries, Lookups, Visit, Walk, totals, walk_all};
use super::write_tree::WriteTreeError;
use crate::model::{Entry, RepoPath, Totals, TreeId};
use crate::store::ObjectDb;
use crate::worktree::{IndexEditor, Staged, StagedEntry, StagingIndex, WorktreeError};

/// The known tree behind a sparse index; nothing at all behind any other.
#[derive(Debug)]
pub struct Behind<'a> {
    lookups: Lookups<'a>,
    tree: Option<TreeId>,
}

impl<'a> Behind<'a> {
    /// What is behind an index. It does not know of a tree that the index is told later.
    pub fn new(db: &'a ObjectDb, index: &StagingIndex) -> Self {
        // The empty tree need not be stored, and has nothing.
        let tree = index.known_tree().filter(|tree| index.is_sparse() && *tree != empty_tree());
        Self { lookups: Lookups::new(db), tree }
    }

    /// Where the tree is.
    pub const fn db(&self) -> &'a ObjectDb {
        self.lookups.db()
    }

    /// Looks up paths of any tree.
    pub const fn lookups(&self) -> &Lookups<'a> {
        &self.lookups
    }

    /// What the tree has at a path, whatever the index holds; a directory too, and the root.
    fn in_tree(&self, path: &RepoPath) -> Result<Option<Entry>, WriteTreeError> {
        Ok(self.tree.map(|tree| self.lookups.lookup(&tree, path)).transpose()?.flatten())
    }

    /// What the tree has at a path about which nothing that the index holds decides; a directory too.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn entry(&self, index: &StagingIndex, path: &RepoPath) -> Result<Option<Entry>, WriteTreeError> {
        if self.tree.is_none() || index.decides(path)? {
            return Ok(None);
        }
        self.in_tree(path)
    }

    /// What is staged at a path: the entry that the index holds there, else that of the tree, as absent.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn staged(&self, index: &StagingIndex, path: &RepoPath) -> Result<Option<Staged>, WriteTreeError> {
        if let Some(staged) = index.get(path)? {
            return Ok(Some(staged));
        }
        let entry = self.entry(index, path)?.filter(is_entry);
        let Some(entry) = entry else { return Ok(None) };
        Ok(if index.has_below(path)? { None } else { Some(absent(&entry)) })
    }

    /// Whether anything is staged at a path or below it.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn stages(&self, index: &StagingIndex, path: &RepoPath) -> Result<bool, WriteTreeError> {
        if index.get(path)?.is_some() || index.has_below(path)? {
            return Ok(true);
        }
        self.has_more(index, path)
    }

    /// Whether the tree has anything at a path or below it that is not checked out.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn has_more(&self, index: &StagingIndex, path: &RepoPath) -> Result<bool, WriteTreeError> {
        let mut found = false;
        self.not_checked_out(index, path, &mut |_, _| {
            found = true;
            Ok(false)
        })?;
        Ok(found)
    }

    /// Gives what the tree has at a path or below it, and the index does not hold, to `sink`: files, links and empty
    /// directories, in byte order of the names within each directory, until it answers `false`. Only directories
    /// are read in which there is such a thing.
    ///
    /// # Errors
    /// When the index or a node is damaged, or `sink` fails.
    pub fn not_checked_out(
        &self,
        index: &StagingIndex,
        path: &RepoPath,
        sink: &mut dyn FnMut(RepoPath, Entry) -> Result<bool, WriteTreeError>,
    ) -> Result<(), WriteTreeError> {
        let Some(root) = self.tree else { return Ok(()) };
        let mut below = root;
        if !path.is_root() {
            match self.entry(index, path)? {
                None => return Ok(()),
                Some(entry) if !is_entry(&entry) => below = TreeId::new(entry.id),
                Some(_) if index.has_below(path)? => return Ok(()),
                Some(entry) => return sink(path.clone(), entry).map(|_| ()),
            }
        }
        // What cannot be read is met again below, and told there.
        let enter = |path: &RepoPath, _: &Entry| {
            if holds(index, path).unwrap_or(true) { Visit::Skip } else { Visit::Enter }
        };
        for item in Walk::new(self.db(), &below, path.clone(), enter)? {
            let (path, entry) = item?;
            let is_staged = is_entry(&entry) && !holds(index, &path)? && !index.has_below(&path)?;
            if is_staged && !sink(path, entry)? {
                break;
            }
        }
        Ok(())
    }

    /// The paths at which what is staged may differ from the known tree.
    ///
    /// # Errors
    /// When a node is damaged.
    pub(super) fn changed(&self, index: &StagingIndex) -> Result<BTreeSet<RepoPath>, WriteTreeError> {
        let mut paths: BTreeSet<RepoPath> = index.changed_since_tree().into_iter().collect();
        if self.tree.is_none() {
            return Ok(paths);
        }
        let mut parents = BTreeSet::new();
        for path in paths.clone() {
            let replaced = self.in_tree(&path)?.filter(|entry| !is_entry(entry));
            if let Some(directory) = replaced {
                self.add_below(&path, &TreeId::new(directory.id), &mut paths)?;
            }
            parents.extend(path.parent());
        }
        // A file of the tree that became a directory.
        for path in parents.iter().flat_map(RepoPath::ancestors) {
            if self.in_tree(&path)?.is_some_and(|entry| is_entry(&entry)) {
                paths.insert(path);
            }
        }
        Ok(paths)
    }

    fn add_below(
        &self,
        at: &RepoPath,
        tree: &TreeId,
        paths: &mut BTreeSet<RepoPath>,
    ) -> Result<(), WriteTreeError> {
        for item in walk_all(self.db(), tree)? {
            let (path, entry) = item?;
            if is_entry(&entry) {
                paths.insert(at.join_path(&path));
            }
        }
        Ok(())
    }

    /// Stages something. A file of the tree that is where a directory is needed goes, as one that the index holds.
    ///
    /// # Errors
    /// When the path is the root; when the index or a node is damaged.
    pub fn set(
        &self,
        index: &mut IndexEditor,
        path: &RepoPath,
        staged: Staged,
    ) -> Result<(), WriteTreeError> {
        self.clear_above(index, path)?;
        Ok(index.set(path, staged)?)
    }

    /// Unstages the files of the tree that are where a path needs directories.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn clear_above(&self, index: &mut IndexEditor, path: &RepoPath) -> Result<(), WriteTreeError> {
        if self.tree.is_none() {
            return Ok(());
        }
        for above in path.ancestors().skip(1) {
            if self.entry(index, &above)?.is_some_and(|entry| is_entry(&entry)) {
                index.remove_in_tree(&above);
            }
        }
        Ok(())
    }

    /// Makes a path be staged as `wanted`, or not at all, without a file for it. Where that is what the tree has, the
    /// index holds nothing.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn stage_absent(
        &self,
        index: &mut IndexEditor,
        path: &RepoPath,
        wanted: Option<&Staged>,
    ) -> Result<(), WriteTreeError> {
        let Some(wanted) = wanted else { return Ok(index.remove_all(path)?) };
        let above = path.parent().map_or(Ok(false), |parent| index.decides(&parent))?;
        let same = |entry: &Entry| absent(entry).same_content(wanted);
        if !above
            && self.in_tree(path)?.filter(is_entry).as_ref().is_some_and(same)
            && !index.has_below(path)?
        {
            if index.is_edited(path) || index.get(path)?.is_some() {
                index.forget(path);
            }
            return Ok(());
        }
        self.set(index, path, Staged { stat: None, absent: true, ..*wanted })
    }

    /// Says of those of the paths at which the index holds what the tree has that they are no edits.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn settle<'p>(
        &self,
        index: &mut IndexEditor,
        paths: impl Iterator<Item = &'p RepoPath>,
    ) -> Result<(), WriteTreeError> {
        if self.tree.is_none() {
            return Ok(());
        }
        for path in paths {
            let Some(held) = index.get(path)?.filter(|held| !held.absent) else { continue };
            let entry = self.in_tree(path)?.filter(is_entry);
            if entry.is_some_and(|entry| absent(&entry).same_content(&held)) {
                index.note_in_tree(path)?;
            }
        }
        Ok(())
    }

    /// Unstages a path and all that is staged below it; the root too.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn remove_all(&self, index: &mut IndexEditor, path: &RepoPath) -> Result<(), WriteTreeError> {
        index.remove_all(path)?;
        // The root itself can bear no edit, what is in it can.
        let Some(tree) = self.tree.filter(|_| path.is_root()) else { return Ok(()) };
        for entry in Entries::new(self.db(), &tree, None)? {
            index.remove_all(&RepoPath::from(entry?.name))?;
        }
        Ok(())
    }

    /// Files that are staged and not checked out, and their bytes. Reads the root of the tree, and what is on the way to
    /// edits.
    ///
    /// # Errors
    /// When the index or a node is damaged.
    pub fn totals(&self, index: &StagingIndex) -> Result<Totals, WriteTreeError> {
        if !index.is_sparse() {
            return Ok(Totals::default());
        }
        let all = self.tree.map(|tree| totals(self.db(), &tree)).transpose()?.unwrap_or_default();
        let (mut known, mut away) = (Totals::default(), Totals::default());
        for entry in index.iter() {
            let StagedEntry { path, staged } = entry?;
            if !index.is_edited(&path) {
                known = known.plus(file_totals(&staged));
            }
        }
        for path in self.changed(index)? {
            if !index.is_edited(&path) && index.get(&path)?.is_some() {
                // It only might differ, and was counted above.
                continue;
            }
            let entry = self.in_tree(&path)?.filter(|entry| !entry.kind.is_dir());
            known = known.plus(entry.map_or(Totals::default(), |entry| entry.totals()));
            if let Some(staged) = self.staged(index, &path)?.filter(|staged| staged.absent) {
                away = away.plus(file_totals(&staged));
            }
        }
        let files = all.files.saturating_sub(known.files) + away.files;
        Ok(Totals { files, bytes: all.bytes.saturating_sub(known.bytes) + away.bytes })
    }
}

fn file_totals(staged: &Staged) -> Totals {
    Totals { files: u64::from(!staged.kind.is_dir()), bytes: staged.size }
}

/// Whether the index itself says what is at a path.
fn holds(index: &StagingIndex, path: &RepoPath) -> Result<bool, WorktreeError> {
    Ok(index.is_edited(path) || index.get(path)?.is_some())
}

/// What a tree has, as it is staged where no file is.
pub fn absent(entry: &Entry) -> Staged {
    Staged { kind: entry.kind, size: entry.size, id: entry.id, stat: None, absent: true }
}

#[cfg(test)]
mod tests;
