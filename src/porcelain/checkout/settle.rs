//! The staging index goes on to another tree, and the files of that tree that are not in the worktree stay away.
//!
//! It costs what differs between the two trees, and nothing at all where the index holds nothing: then only what lies in the
//! worktree is looked at. No file is looked at that is the same in both.

use std::collections::HashMap;
use std::io;

use super::{apply, content, sparse, staged_content};
use crate::model::{Entry, ErrorKind, Monitor, RepoPath, TreeId};
use crate::plumbing::Writer;
use crate::plumbing::checkout::{CheckoutError, CheckoutStats, Obstacle, PathChange};
use crate::plumbing::diff_index::{diff_index, is_entry};
use crate::plumbing::diff_tree::{DiffOptions, TreeChange, diff_trees};
use crate::plumbing::host::{FileKind, IoContext};
use crate::plumbing::sparse::absent;
use crate::plumbing::stage::locate;
use crate::plumbing::tree_edit::empty_tree;
use crate::plumbing::tree_walk::{lookup, lookup_name};
use crate::plumbing::write_tree::write_tree;
use crate::porcelain::{Error, Repository};
use crate::worktree::{IndexEditor, Staged};

/// With more paths than this in a folder, the folder is listed once instead of a look at each.
const LISTED_FROM: usize = 32;

/// Brings the index to a tree, and of the worktree what is there: files that differ in the tree become what they are in it, or
/// go. What is not there does not come; where something does not, the index is sparse from then on. The index is saved. When
/// it fails it is to be forgotten.
///
/// # Errors
/// When anything is staged that is in no tree, or something uncommitted would be lost: then nothing is touched.
pub(in crate::porcelain) fn settle(
    repo: &Repository,
    index: &mut IndexEditor,
    to: TreeId,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    let known = equalled(repo, index)?;
    if known == to {
        index.save()?;
        return Ok(CheckoutStats::default());
    }
    let plan = Plan::make(repo, index, known, to)?;
    let begins = plan.stays_away && !index.is_sparse();
    if begins {
        index.set_sparse(known);
    }
    for (path, entry) in &plan.adopted {
        index.set(path, Staged { absent: false, ..absent(entry) })?;
        index.note_in_tree(path)?;
    }
    sparse::beginning(repo, begins, &sparse::Wanted::default(), || {
        apply(repo, index, &plan.changes, false, monitor, |index| {
            index.set_tree(to);
            Ok(())
        })
    })
}

/// The tree that the index equals, which the index knows from then on.
fn equalled(repo: &Repository, index: &mut IndexEditor) -> Result<TreeId, Error> {
    match index.known_tree() {
        Some(known) if diff_index(repo.db(), not_empty(&known), index)?.is_empty() => return Ok(known),
        // Nothing was ever staged, whatever the version has.
        None if index.is_empty()? => return Ok(empty_tree()),
        _ => {}
    }
    let head = repo.head_tree()?;
    let staged = diff_index(repo.db(), head.as_ref(), index)?;
    if !staged.is_empty() {
        let obstacles = staged.into_iter().map(|change| (change.path, Obstacle::Staged)).collect();
        return Err(CheckoutError::WouldOverwrite { obstacles }.into());
    }
    let tree = head.unwrap_or_else(empty_tree);
    index.set_tree(tree);
    Ok(tree)
}

/// Whether what is staged is what an attempt to settle on a tree staged, all of it or a part: another one can go on from
/// there.
///
/// # Errors
/// When the index or a node is damaged.
pub(in crate::porcelain) fn is_half_settled(
    repo: &Repository,
    index: &IndexEditor,
    to: &TreeId,
) -> Result<bool, Error> {
    for change in diff_index(repo.db(), repo.head_tree()?.as_ref(), index)? {
        let in_tree = match not_empty(to).map(|to| lookup(repo.db(), to, &change.path)) {
            Some(Err(error)) if error.kind() != ErrorKind::Corrupt => return Err(error.into()),
            Some(Ok(entry)) => entry.filter(is_entry),
            // Nothing is there, or `gc` came since.
            Some(Err(_)) | None => None,
        };
        let is_same = match (&change.new, &in_tree) {
            (Some(new), Some(there)) => new.same_content(there),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a tree of what such an attempt left staged, from which the index can go on.
///
/// # Errors
/// When the index is damaged, or the disk is full or fails.
pub(in crate::porcelain) fn take_half_settled(
    repo: &Repository,
    index: &mut IndexEditor,
) -> Result<(), Error> {
    let writer = Writer::new(repo.db())?;
    write_tree(index, &writer)?;
    writer.finish()?;
    Ok(())
}

/// A tree, unless it is the empty one, which need not be stored.
fn not_empty(tree: &TreeId) -> Option<&TreeId> {
    Some(tree).filter(|tree| **tree != empty_tree())
}

fn tree_of(entry: Option<&Entry>) -> Option<TreeId> {
    let tree = entry.filter(|entry| entry.kind.is_dir()).map(|entry| TreeId::new(entry.id));
    tree.filter(|tree| *tree != empty_tree())
}

/// What is to be done.
struct Plan<'a> {
    repo: &'a Repository,
    index: &'a IndexEditor,
    changes: Vec<PathChange>,
    /// Files that lie where nothing was checked out and the old tree has something: they are taken for that.
    adopted: Vec<(RepoPath, Entry)>,
    /// What differs and the index does not hold: files may lie there.
    not_held: Vec<TreeChange>,
    /// What would be lost.
    obstacles: Vec<(RepoPath, Obstacle)>,
    /// Whether the new tree has something that is not in the worktree and was not in the old tree.
    stays_away: bool,
}

/// What was made of a [`Plan`].
struct Made {
    changes: Vec<PathChange>,
    adopted: Vec<(RepoPath, Entry)>,
    stays_away: bool,
}

impl<'a> Plan<'a> {
    fn make(repo: &'a Repository, index: &'a IndexEditor, old: TreeId, new: TreeId) -> Result<Made, Error> {
        let (changes, adopted, not_held, obstacles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut plan = Plan { repo, index, changes, adopted, not_held, obstacles, stays_away: false };
        let (old, new) = (not_empty(&old), not_empty(&new));
        if index.is_empty()? {
            plan.stays_away = new.is_some();
            plan.lying(&RepoPath::root(), old, new)?;
        } else {
            let options = DiffOptions { whole_directories: true };
            diff_trees(repo.db(), old, new, options, &mut |change| plan.differs(change))?;
            plan.look_at_not_held()?;
        }
        let Plan { mut changes, adopted, obstacles, stays_away, .. } = plan;
        if !obstacles.is_empty() {
            return Err(CheckoutError::WouldOverwrite { obstacles }.into());
        }
        changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(Made { changes, adopted, stays_away })
    }

    /// Takes up what differs between the two trees at a path.
    fn differs(&mut self, change: TreeChange) -> Result<(), Error> {
        let held = self.index.get(&change.path)?.filter(|staged| !staged.absent);
        if let Some(held) = held {
            self.stays_away |= tree_of(change.new.as_ref()).is_some();
            let new = change.new.as_ref().filter(|entry| is_entry(entry)).map(content);
            self.changes.push(PathChange { path: change.path, old: Some(staged_content(&held)), new });
            return Ok(());
        }
        self.stays_away |= change.new.is_some();
        if tree_of(change.old.as_ref()).is_some() {
            for entry in self.index.iter_below(&change.path) {
                let entry = entry?;
                let old = Some(staged_content(&entry.staged));
                self.changes.push(PathChange { path: entry.path, old, new: None });
            }
            // In a full worktree, all that the old tree has there is held.
            if self.index.is_sparse() {
                self.not_held.push(TreeChange { new: None, ..change });
            }
        } else {
            self.not_held.push(change);
        }
        Ok(())
    }

    /// Looks at what lies in the worktree where the trees differ and the index holds nothing.
    fn look_at_not_held(&mut self) -> Result<(), Error> {
        let not_held = std::mem::take(&mut self.not_held);
        let kinds = on_disk(self.repo, not_held.iter().map(|change| &change.path))?;
        for (change, kind) in not_held.into_iter().zip(kinds) {
            if let Some(kind) = kind {
                self.meet(change.path, kind, change.old.as_ref(), change.new.as_ref())?;
            }
        }
        Ok(())
    }

    /// Looks at all that lies in a folder and below, and that the index does not hold, where a tree has something.
    fn lying(&mut self, folder: &RepoPath, old: Option<&TreeId>, new: Option<&TreeId>) -> Result<(), Error> {
        if old == new {
            return Ok(());
        }
        let db = self.repo.db();
        for (name, kind) in list(self.repo, folder)? {
            // No tree has what cannot be a name in one, such as the repository itself.
            let Ok(name) = crate::model::EntryName::new(name) else { continue };
            let in_tree = |tree: Option<&TreeId>| {
                tree.map(|tree| lookup_name(db, tree, &name)).transpose().map(Option::flatten)
            };
            let (old, new) = (in_tree(old)?, in_tree(new)?);
            let path = folder.join(&name);
            if (old.is_some() || new.is_some()) && self.index.get(&path)?.is_none() {
                self.meet(path, kind, old.as_ref(), new.as_ref())?;
            }
        }
        Ok(())
    }

    /// Takes up something that lies in the worktree and that the index does not hold, from what the trees have there.
    fn meet(
        &mut self,
        path: RepoPath,
        kind: FileKind,
        old: Option<&Entry>,
        new: Option<&Entry>,
    ) -> Result<(), Error> {
        let file = |entry: Option<&Entry>| entry.filter(|entry| !entry.kind.is_dir()).cloned();
        let (old_file, new_file) = (file(old), file(new));
        let becomes = new_file.as_ref().map(content);
        if kind == FileKind::Directory {
            if let (Some(_), true) = (&becomes, old_file != new_file) {
                self.changes.push(PathChange { path: path.clone(), old: None, new: becomes });
            }
            return self.lying(&path, tree_of(old).as_ref(), tree_of(new).as_ref());
        }
        // What the old tree has there as well was met before.
        let is_same = old_file.as_ref().map(content) == becomes;
        if let (Some(entry), false) = (&old_file, is_same) {
            self.changes.push(PathChange { path: path.clone(), old: Some(content(entry)), new: becomes });
            self.adopted.push((path, entry.clone()));
        } else if becomes.is_some() && !is_same {
            self.changes.push(PathChange { path, old: None, new: becomes });
        } else if new.is_some_and(|new| new.kind.is_dir()) && old.is_none() {
            self.obstacles.push((path, Obstacle::Untracked));
        }
        Ok(())
    }
}

/// What lies in the worktree at each of these paths.
pub(super) fn on_disk<'p>(
    repo: &Repository,
    paths: impl Iterator<Item = &'p RepoPath>,
) -> Result<Vec<Option<FileKind>>, Error> {
    let mut folders: HashMap<RepoPath, Vec<(usize, &RepoPath)>> = HashMap::new();
    let mut count = 0;
    for (at, path) in paths.enumerate() {
        folders.entry(path.parent().unwrap_or_else(RepoPath::root)).or_default().push((at, path));
        count += 1;
    }
    let mut kinds = vec![None; count];
    for (folder, paths) in folders {
        if paths.len() < LISTED_FROM {
            for (at, path) in paths {
                kinds[at] = kind_of(repo, path)?;
            }
            continue;
        }
        let listed: HashMap<_, _> = list(repo, &folder)?.into_iter().collect();
        for (at, path) in paths {
            kinds[at] = path.name().and_then(|name| listed.get(name.as_bytes())).copied();
        }
    }
    Ok(kinds)
}

/// What is on the disk at a path.
fn kind_of(repo: &Repository, path: &RepoPath) -> Result<Option<FileKind>, Error> {
    let absolute = locate(repo.fs(), repo.root(), path)?;
    match repo.fs().stat(&absolute) {
        Ok(stat) => Ok(Some(stat.kind)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Ok(Err(error).at("stat", &absolute)?),
    }
}

/// What lies in a folder; nothing when there is none.
fn list(repo: &Repository, folder: &RepoPath) -> Result<Vec<(Vec<u8>, FileKind)>, Error> {
    let absolute = locate(repo.fs(), repo.root(), folder)?;
    match repo.fs().list(&absolute).and_then(|dir| dir.entries()) {
        Ok(entries) => Ok(entries),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Ok(Err(error).at("list", &absolute)?),
    }
}

/// Whether a path is not there, which it is not below a file either.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
