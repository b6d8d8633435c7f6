//! A worktree that holds a part of its version, and what of it.
//!
//! What is there is brought to the new version, what is not there stays away, unless it is wanted. Edits that are not
//! committed are carried over when the new version has at their paths what the old one had.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::{Options, Pathspec, apply, content, not_checked_out, staged_content};
use crate::model::{Entry, Monitor, RepoPath, TreeId};
use crate::plumbing::checkout::{CheckoutError, CheckoutStats, Content, Obstacle, PathChange, remove_file};
use crate::plumbing::diff_index::{diff_index, is_entry};
use crate::plumbing::diff_tree::{DiffOptions, diff_trees};
use crate::plumbing::host::{IoContext, bytes_to_path, publish};
use crate::plumbing::scan_worktree::scan_worktree;
use crate::plumbing::sparse::Behind;
use crate::plumbing::tree_edit::empty_tree;
use crate::plumbing::tree_walk::{Lookups, Visit, Walk};
use crate::plumbing::write_tree::WriteTreeError;
use crate::porcelain::{Error, Repository};
use crate::worktree::{Change, Difference, IndexEditor, ScanOptions, Staged, StagingIndex, UntrackedMode};

/// The file in the folder of the staging index that says what is wanted. It is there as long as the index is sparse, and so
/// it tells of an index that is damaged that it was.
pub(in crate::porcelain) const WANTED_NAME: &str = "wanted";

/// Which files a sparse worktree takes from new versions: paths, all that is below them, and patterns, relative to the
/// root. With none, no file comes unless it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `*` and `?` stop at `/`, `**` does not.
    pub patterns: Vec<OsString>,
}

impl Wanted {
    /// What is wanted in a repository; `None` when nobody said so, as in a worktree that is not sparse.
    ///
    /// # Errors
    /// When the file that says it cannot be read.
    pub fn read(repo: &Repository) -> Result<Option<Self>, Error> {
        let path = repo.layout().index().join(WANTED_NAME);
        let bytes = match repo.fs().read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.at("read", &path)?,
        };
        let patterns = bytes.split(|byte| *byte == 0).filter(|pattern| !pattern.is_empty());
        let patterns = patterns.map(|pattern| Ok(bytes_to_path(pattern).at("read", &path)?.into()));
        Ok(Some(Self { patterns: patterns.collect::<Result<_, Error>>()? }))
    }

    fn save(&self, repo: &Repository) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for pattern in &self.patterns {
            bytes.extend_from_slice(pattern.as_encoded_bytes());
            bytes.push(0);
        }
        publish(repo.fs(), &repo.layout().index().join(WANTED_NAME), &bytes)?;
        Ok(())
    }

    fn forget(repo: &Repository) -> Result<(), Error> {
        let path = repo.layout().index().join(WANTED_NAME);
        match repo.fs().remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", &path)?),
        }
    }
}

/// Brings every file of a sparse worktree, which is sparse no more then. What is staged stays staged.
///
/// # Errors
/// When something uncommitted would be lost and `force` is not set, or something cannot be brought: then the
/// worktree is still sparse.
pub fn fill(repo: &Repository, force: bool, monitor: &Monitor<'_>) -> Result<CheckoutStats, Error> {
    let mut index = repo.edit_index(monitor)?;
    let Some(tree) = index.known_tree().filter(|_| index.is_sparse()) else {
        return Ok(CheckoutStats::default());
    };
    adopt(repo, &mut index, &Pathspec::default(), monitor)?;
    let behind = Behind::new(repo.db(), &index);
    let mut changes = Vec::new();
    for entry in index.iter() {
        let entry = entry?;
        if entry.staged.absent {
            let staged = Some(staged_content(&entry.staged));
            changes.push(PathChange { path: entry.path, old: staged, new: staged });
        }
    }
    not_checked_out(&behind, &index, &Pathspec::default(), &mut |path, entry| {
        changes.push(PathChange { path, old: None, new: Some(content(&entry)) });
    })?;
    changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    apply(repo, &mut index, &changes, force, monitor, |index| {
        let edits = diff_index(repo.db(), Some(&tree), index)?;
        let edits = edits.into_iter().map(|change| Ok((index.get(&change.path)?, change.path)));
        let edits = edits.collect::<Result<Vec<_>, Error>>()?;
        index.set_full(tree, edits.into_iter().map(|(staged, path)| (path, staged)));
        // Before the index is saved: what is wanted is never said beside a full one.
        Wanted::forget(repo)
    })
}

/// Makes the worktree sparse, if it is not, and brings what is there from the tree of `HEAD` to another one; returns also
/// how many staged paths are kept.
pub(in crate::porcelain) fn go(
    repo: &Repository,
    options: &Options,
    index: &mut IndexEditor,
    head: Option<TreeId>,
    tree: Option<TreeId>,
    monitor: &Monitor<'_>,
) -> Result<(CheckoutStats, usize), Error> {
    let tree = tree.unwrap_or_else(empty_tree);
    let wanted = match &options.sparse {
        Some(wanted) => wanted.clone(),
        None => Wanted::read(repo)?.unwrap_or_default(),
    };
    let spec = Pathspec::of_dataset(&wanted.patterns)?;
    let begins = !index.is_sparse();
    if begins {
        begin(repo, index)?;
    }
    let found = adopt(repo, index, &Pathspec::default(), monitor)?;
    let mut plan = Plan::new(repo, tree);
    let kept = if options.force { Vec::new() } else { plan.carry_over(index, head)? };
    plan.held(index, &kept)?;
    plan.found(index, &kept, found, options.force)?;
    if !wanted.patterns.is_empty() {
        plan.wanted(index, &kept, &spec, options.sparse.is_some())?;
    }
    let (changes, in_the_way) = (plan.changes.into_values().collect::<Vec<_>>(), plan.in_the_way);
    let count = kept.len();
    let stats = beginning(repo, begins, &wanted, || {
        apply(repo, index, &changes, options.force, monitor, |index| {
            index.set_tree_but(tree, kept);
            in_the_way.iter().try_for_each(|path| remove_file(repo.fs(), repo.root(), path))?;
            if options.sparse.is_some() && !begins { wanted.save(repo) } else { Ok(()) }
        })
    })?;
    Ok((stats, count))
}

/// Does what saves the index. Where it `begins` to be sparse, what is wanted is said before, since the index may be saved as sparse
/// also when this is ended half-way; and taken back when it was not saved.
pub(super) fn beginning<T>(
    repo: &Repository,
    begins: bool,
    wanted: &Wanted,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    if begins {
        wanted.save(repo)?;
    }
    let done = work();
    let is_saved = || Ok::<_, Error>(StagingIndex::open(&**repo.fs(), &repo.layout().index())?.is_sparse());
    if begins && done.is_err() && !is_saved()? {
        Wanted::forget(repo)?;
    }
    done
}

/// Takes chosen files that lie in a sparse worktree where nothing was checked out for what the tree has there: the
/// index holds that from then on, and the files are changed or not, like any other. Gives all differences.
pub(in crate::porcelain) fn adopt(
    repo: &Repository,
    index: &mut IndexEditor,
    spec: &Pathspec,
    monitor: &Monitor<'_>,
) -> Result<Vec<Difference>, Error> {
    if !index.is_sparse() {
        return Ok(Vec::new());
    }
    let behind = Behind::new(repo.db(), index);
    let options =
        ScanOptions { roots: spec.roots(), untracked: UntrackedMode::Files, ..ScanOptions::default() };
    let found = scan_worktree(&**repo.fs(), repo.root(), index, &behind, &options, *monitor)?;
    for Difference { path, change } in &found.differences {
        let is_new = matches!(change, Change::Untracked { .. });
        if is_new || !spec.matches(path) || index.get(path)?.is_some() {
            continue;
        }
        if let Some(staged) = behind.staged(index, path)? {
            index.set(path, Staged { absent: false, ..staged })?;
            index.note_in_tree(path)?;
        }
    }
    Ok(found.differences)
}

/// Makes the index sparse over the tree that it equals.
fn begin(repo: &Repository, index: &mut IndexEditor) -> Result<(), Error> {
    let known = match index.known_tree() {
        Some(known) if diff_index(repo.db(), Some(&known), index)?.is_empty() => known,
        None if index.is_empty()? => empty_tree(),
        _ => return Err(Error::StagedBeforeSparse),
    };
    index.set_sparse(known);
    Ok(())
}

/// The way of a sparse worktree to another tree.
struct Plan<'a> {
    repo: &'a Repository,
    to: TreeId,
    lookups: Lookups<'a>,
    changes: BTreeMap<RepoPath, PathChange>,
    /// What lies where the new tree has a directory, and goes since that is forced.
    in_the_way: Vec<RepoPath>,
}

impl<'a> Plan<'a> {
    fn new(repo: &'a Repository, to: TreeId) -> Self {
        let lookups = Lookups::new(repo.db());
        Self { repo, to, lookups, changes: BTreeMap::new(), in_the_way: Vec::new() }
    }

    /// What the new tree has at a path; a directory too.
    fn in_new(&self, path: &RepoPath) -> Result<Option<Entry>, Error> {
        Ok(if self.to == empty_tree() { None } else { self.lookups.lookup(&self.to, path)? })
    }

    fn new_content(&self, path: &RepoPath) -> Result<Option<Content>, Error> {
        Ok(self.in_new(path)?.filter(is_entry).as_ref().map(content))
    }

    /// The staged paths that stay staged.
    fn carry_over(
        &self,
        index: &IndexEditor,
        head: Option<TreeId>,
    ) -> Result<Vec<(RepoPath, Option<Staged>)>, Error> {
        let behind = Behind::new(self.repo.db(), index);
        // What is committed is what `HEAD` has. Only where no version was brought yet, nothing of it was removed.
        let none_yet = index.known_tree().is_none_or(|known| known == empty_tree());
        let old = head.filter(|tree| !none_yet && *tree != empty_tree());
        let (mut kept, mut obstacles) = (Vec::new(), Vec::new());
        for change in diff_index(self.repo.db(), old.as_ref(), index)? {
            let new = self.new_content(&change.path)?;
            if new == change.new.as_ref().map(content) {
                continue;
            }
            if self.same_around(old.as_ref(), &change.path)? {
                kept.push((change.path.clone(), behind.staged(index, &change.path)?));
            } else {
                obstacles.push((change.path, Obstacle::Staged));
            }
        }
        if obstacles.is_empty() { Ok(kept) } else { Err(CheckoutError::WouldOverwrite { obstacles }.into()) }
    }

    /// Whether both trees have the same at a path, and files at the same places above it.
    fn same_around(&self, old: Option<&TreeId>, path: &RepoPath) -> Result<bool, Error> {
        for at in path.ancestors() {
            let old = old.map(|old| self.lookups.lookup(old, &at)).transpose()?.flatten();
            let new = self.in_new(&at)?;
            let counts = |entry: &Entry| at == *path || is_entry(entry);
            let (old, new) = (old.filter(counts), new.filter(counts));
            if old.as_ref().map(content) != new.as_ref().map(content) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is in the worktree becomes what it is in the new tree.
    fn held(&mut self, index: &IndexEditor, kept: &[(RepoPath, Option<Staged>)]) -> Result<(), Error> {
        for entry in index.iter() {
            let entry = entry?;
            if entry.staged.absent || is_kept(kept, &entry.path) {
                continue;
            }
            let old = Some(staged_content(&entry.staged));
            let new = self.new_content(&entry.path)?;
            if old != new {
                self.changes.insert(entry.path.clone(), PathChange { path: entry.path, old, new });
            }
        }
        Ok(())
    }

    /// What lies in the worktree and is not what is staged. With `force` it becomes what the new tree has; without, what
    /// is new must not be in the place of what only the new tree has.
    fn found(
        &mut self,
        index: &IndexEditor,
        kept: &[(RepoPath, Option<Staged>)],
        found: Vec<Difference>,
        force: bool,
    ) -> Result<(), Error> {
        let mut obstacles = Vec::new();
        for Difference { path, change } in found {
            if is_kept(kept, &path) {
                continue;
            }
            if let Change::Untracked { kind, .. } = change {
                let Some((at, entry)) = self.met(index, &path, force)? else { continue };
                if is_entry(&entry) {
                    let change = PathChange { path: at.clone(), old: None, new: Some(content(&entry)) };
                    self.changes.entry(at).or_insert(change);
                } else if !kind.is_dir() && force {
                    self.in_the_way.push(path);
                } else if !kind.is_dir() {
                    obstacles.push((path, Obstacle::Untracked));
                }
            } else if force {
                let old = index.get(&path)?.map(|staged| staged_content(&staged));
                let new = self.new_content(&path)?;
                self.changes.insert(path.clone(), PathChange { path, old, new });
            }
        }
        if obstacles.is_empty() { Ok(()) } else { Err(CheckoutError::WouldOverwrite { obstacles }.into()) }
    }

    /// What of the new tree a new file meets: what is at its path, or a file above it. What the old tree has there as
    /// well was met before, and counts with `all` only.
    fn met(
        &self,
        index: &IndexEditor,
        path: &RepoPath,
        all: bool,
    ) -> Result<Option<(RepoPath, Entry)>, Error> {
        for here in path.ancestors() {
            if let Some(entry) = self.in_new(&here)? {
                let counts = (is_entry(&entry) || here == *path)
                    && (all || self.in_old(index, &here)?.as_ref().map(content) != Some(content(&entry)));
                return Ok(counts.then_some((here, entry)));
            }
        }
        Ok(None)
    }

    /// What the known tree has at a path; a directory too.
    fn in_old(&self, index: &IndexEditor, path: &RepoPath) -> Result<Option<Entry>, Error> {
        let old = index.known_tree().filter(|tree| *tree != empty_tree());
        Ok(old.map(|old| self.lookups.lookup(&old, path)).transpose()?.flatten())
    }

    /// Brings what is wanted and new; with `all`, whatever is wanted.
    fn wanted(
        &mut self,
        index: &IndexEditor,
        kept: &[(RepoPath, Option<Staged>)],
        spec: &Pathspec,
        all: bool,
    ) -> Result<(), Error> {
        let db = self.repo.db();
        let old = index.known_tree().filter(|tree| !all && *tree != empty_tree());
        let mut found = Vec::new();
        if let Some(old) = old {
            let new = Some(&self.to).filter(|tree| **tree != empty_tree());
            diff_trees(db, Some(&old), new, DiffOptions::default(), &mut |change| {
                found.extend(change.new.map(|entry| (change.path, entry)));
                Ok::<_, WriteTreeError>(())
            })?;
        } else {
            for root in spec.roots() {
                self.below(&root, &mut found)?;
            }
        }
        for (path, entry) in found {
            let is_meant = is_entry(&entry) && spec.matches(&path) && !is_kept(kept, &path);
            if is_meant && !is_there(index, &path)? {
                let change = PathChange { path: path.clone(), old: None, new: Some(content(&entry)) };
                self.changes.insert(path, change);
            }
        }
        Ok(())
    }

    /// What the new tree has at a path and below it.
    fn below(&self, root: &RepoPath, found: &mut Vec<(RepoPath, Entry)>) -> Result<(), Error> {
        let tree = match self.in_new(root)? {
            _ if root.is_root() => self.to,
            Some(entry) if !is_entry(&entry) => TreeId::new(entry.id),
            Some(entry) => {
                found.push((root.clone(), entry));
                return Ok(());
            }
            None => return Ok(()),
        };
        if tree != empty_tree() {
            for item in Walk::new(self.repo.db(), &tree, root.clone(), |_, _| Visit::Enter)? {
                found.push(item?);
            }
        }
        Ok(())
    }
}

/// Whether the worktree is to have a file at this path already.
fn is_there(index: &IndexEditor, path: &RepoPath) -> Result<bool, Error> {
    Ok(index.get(path)?.is_some_and(|staged| !staged.absent))
}

/// Whether a path, or one above it, is among the edits that stay, which are in order of path.
fn is_kept(kept: &[(RepoPath, Option<Staged>)], path: &RepoPath) -> bool {
    path.ancestors().any(|path| kept.binary_search_by(|(other, _)| other.cmp(&path)).is_ok())
}
