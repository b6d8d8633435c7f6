//! `dsv diff`: what differs between versions, what is staged, and the worktree.

mod content;

use std::collections::BTreeMap;
use std::ffi::OsString;

pub use content::{ContentDiff, TEXT_LIMIT, content};

use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{Entry, EntryKind, Monitor, ObjectId, RepoPath, Totals, TreeId};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::{
    DiffOptions, DiffTotals, Rename, TreeChange, collect_changes, take_renames,
};
use crate::plumbing::hash_file::hash_file;
use crate::plumbing::host::IoContext;
use crate::plumbing::scan_worktree::scan_worktree;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{Verdict, examine, locate};
use crate::worktree::{Change, Problem, ScanOptions, Staged, StagingIndex, UntrackedMode};

/// What is compared with what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sides {
    /// What is staged with the worktree.
    #[default]
    Worktree,
    /// A tree with the worktree.
    TreeAndWorktree(TreeId),
    /// A tree with what is staged; the current version's unless told.
    Staged(Option<TreeId>),
    /// Two trees.
    Trees(TreeId, TreeId),
}

/// How to compare.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What is compared.
    pub sides: Sides,
    /// Paths and patterns; everything when there are none.
    pub paths: Vec<OsString>,
    /// The totals are all that is asked for: directories on one side only may be given as one change.
    pub totals_only: bool,
}

/// A file, link or empty directory on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes.
    pub size: u64,
    /// 1; below a directory, the files in it.
    pub files: u64,
    /// Its content; `None` for a file of the worktree that did not need to be hashed.
    pub id: Option<ObjectId>,
}

/// A path that differs. In the worktree only tracked paths are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Where.
    pub path: RepoPath,
    /// What was there.
    pub old: Option<FileState>,
    /// What is there now.
    pub new: Option<FileState>,
}

/// What differs.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Paths in byte order, renames taken out.
    pub changes: Vec<FileChange>,
    /// Paths that moved with their content, in order of the old path.
    pub renames: Vec<Rename>,
    /// What both amount to.
    pub totals: DiffTotals,
    /// What of the worktree could not be examined.
    pub problems: Vec<Problem>,
}

impl Outcome {
    /// Whether something could not be read, so that it is not known whether it differs.
    pub fn has_unreadable(&self) -> bool {
        self.problems.iter().any(Problem::is_unreadable)
    }
}

impl From<&Entry> for FileState {
    fn from(entry: &Entry) -> Self {
        let Entry { kind, size, files, id, .. } = *entry;
        Self { kind, size, files, id: Some(id) }
    }
}

impl From<Staged> for FileState {
    fn from(staged: Staged) -> Self {
        let Staged { kind, size, id, .. } = staged;
        Self { kind, size, files: u64::from(!kind.is_dir()), id: Some(id) }
    }
}

impl From<TreeChange> for FileChange {
    fn from(change: TreeChange) -> Self {
        let TreeChange { path, old, new } = change;
        Self { path, old: old.as_ref().map(FileState::from), new: new.as_ref().map(FileState::from) }
    }
}

impl FileState {
    const fn totals(&self) -> Totals {
        Totals { files: self.files, bytes: self.size }
    }
}

/// Compares. Files of the worktree are hashed only where nothing else can tell whether they differ.
///
/// # Errors
/// When the repository is damaged, a path lies outside, or the work was interrupted.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let spec = Pathspec::new(repo, &options.paths)?;
    let trees = match options.sides {
        Sides::Trees(old, new) => vec![old, new],
        Sides::TreeAndWorktree(tree) | Sides::Staged(Some(tree)) => vec![tree],
        Sides::Worktree | Sides::Staged(None) => Vec::new(),
    };
    spec.all_known(repo, &Places { trees: &trees, ..Default::default() })?;
    let mut outcome = Outcome::default();
    let (mut hashed, unhashed) = match options.sides {
        Sides::Trees(old, new) => (tree_changes(repo, &old, &new, &spec, options.totals_only)?, Vec::new()),
        Sides::Staged(tree) => {
            let tree = match tree {
                Some(tree) => Some(tree),
                None => repo.head_version()?.map(|(_, version)| version.tree),
            };
            (staged_changes(repo, tree, &repo.index()?, &spec)?, Vec::new())
        }
        Sides::Worktree => {
            let index = repo.index()?;
            let behind = Behind::new(repo.db(), &index);
            let mut changes = Vec::new();
            for (path, new) in worktree_states(repo, &index, &spec, &mut outcome.problems, monitor)? {
                let old = behind.staged(&index, &path)?.map(FileState::from);
                changes.push(FileChange { path, old, new });
            }
            (Vec::new(), changes)
        }
        Sides::TreeAndWorktree(tree) => worktree_changes(repo, tree, &spec, &mut outcome.problems, monitor)?,
    };
    outcome.renames = take_renames(&mut hashed);
    outcome.renames.sort_by(|a, b| a.from.cmp(&b.from));
    outcome.changes = hashed.into_iter().map(FileChange::from).chain(unhashed).collect();
    outcome.changes.sort_by(|a, b| a.path.cmp(&b.path));
    outcome.totals = totals(&outcome.changes, &outcome.renames);
    Ok(outcome)
}

fn totals(changes: &[FileChange], renames: &[Rename]) -> DiffTotals {
    let mut totals = DiffTotals::default();
    for change in changes {
        let (sum, state) = match (&change.old, &change.new) {
            (Some(_), Some(new)) => (&mut totals.modified, new),
            (None, Some(new)) => (&mut totals.added, new),
            (Some(old), None) => (&mut totals.removed, old),
            (None, None) => continue,
        };
        *sum = sum.plus(state.totals());
    }
    for rename in renames {
        totals.renamed = totals.renamed.plus(rename.entry.totals());
    }
    totals
}

fn tree_changes(
    repo: &Repository,
    old: &TreeId,
    new: &TreeId,
    spec: &Pathspec,
    totals_only: bool,
) -> Result<Vec<TreeChange>, Error> {
    let (old, new) = (Some(old), Some(new));
    if totals_only && spec.is_empty() {
        let options = DiffOptions { whole_directories: true };
        let changes = collect_changes(repo.db(), old, new, options)?;
        // Where both sides have something of their own, files may have moved.
        let removed = changes.iter().any(|change| change.new.is_none());
        let added = changes.iter().any(|change| change.old.is_none());
        let is_dir = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.kind.is_dir());
        let replaced = changes.iter().any(|change| {
            change.old.is_some() && change.new.is_some() && (is_dir(&change.old) || is_dir(&change.new))
        });
        if !((removed && added) || replaced) {
            return Ok(changes);
        }
    }
    let mut changes = collect_changes(repo.db(), old, new, DiffOptions::default())?;
    changes.retain(|change| spec.matches(&change.path));
    Ok(changes)
}

fn staged_changes(
    repo: &Repository,
    tree: Option<TreeId>,
    index: &StagingIndex,
    spec: &Pathspec,
) -> Result<Vec<TreeChange>, Error> {
    let mut changes = diff_index(repo.db(), tree.as_ref(), index)?;
    changes.retain(|change| spec.matches(&change.path));
    Ok(changes)
}

/// Tracked paths whose files are not what is staged, and what they are; nothing where they are gone.
fn worktree_states(
    repo: &Repository,
    index: &StagingIndex,
    spec: &Pathspec,
    problems: &mut Vec<Problem>,
    monitor: &Monitor<'_>,
) -> Result<Vec<(RepoPath, Option<FileState>)>, Error> {
    let options =
        ScanOptions { roots: spec.roots(), untracked: UntrackedMode::None, ..ScanOptions::default() };
    let behind = Behind::new(repo.db(), index);
    let found = scan_worktree(&**repo.fs(), repo.root(), index, &behind, &options, *monitor)?;
    problems.extend(found.problems);
    let mut states = Vec::new();
    for difference in found.differences {
        if !spec.matches(&difference.path) {
            continue;
        }
        let difference = match examine(repo.root(), index, &behind, difference, monitor)? {
            Ok(Verdict::Differs(difference)) => difference,
            Ok(Verdict::Unchanged(..)) => continue,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let state = match difference.change {
            Change::Vanished { .. } => None,
            Change::Modified { to: kind, size, .. } | Change::MaybeModified { kind, size } => {
                Some(FileState { kind, size, files: 1, id: None })
            }
            Change::Untracked { .. } => continue,
        };
        states.push((difference.path, state));
    }
    Ok(states)
}

/// From a tree to the worktree by way of what is staged: changes whose contents are known, and the others.
fn worktree_changes(
    repo: &Repository,
    tree: TreeId,
    spec: &Pathspec,
    problems: &mut Vec<Problem>,
    monitor: &Monitor<'_>,
) -> Result<(Vec<TreeChange>, Vec<FileChange>), Error> {
    let index = repo.index()?;
    let behind = Behind::new(repo.db(), &index);
    let staged = staged_changes(repo, Some(tree), &index, spec)?;
    let mut hashed: BTreeMap<RepoPath, TreeChange> =
        staged.into_iter().map(|change| (change.path.clone(), change)).collect();
    let mut unhashed = Vec::new();
    for (path, state) in worktree_states(repo, &index, spec, problems, monitor)? {
        let staged = hashed.remove(&path);
        let old = match &staged {
            Some(change) => change.old.as_ref().map(FileState::from),
            None => behind.staged(&index, &path)?.map(FileState::from),
        };
        match (state, staged) {
            // It was staged anew and is gone.
            (None, Some(TreeChange { old: None, .. })) => {}
            (None, Some(change)) => {
                hashed.insert(path, TreeChange { new: None, ..change });
            }
            (Some(new), Some(_)) => {
                if !is_again(repo, &path, old.as_ref(), &new, monitor)? {
                    unhashed.push(FileChange { path, old, new: Some(new) });
                }
            }
            (new, None) => unhashed.push(FileChange { path, old, new }),
        }
    }
    Ok((hashed.into_values().collect(), unhashed))
}

/// Whether a file that differs from what is staged is again what it was.
fn is_again(
    repo: &Repository,
    path: &RepoPath,
    old: Option<&FileState>,
    new: &FileState,
    monitor: &Monitor<'_>,
) -> Result<bool, Error> {
    let Some(old) = old.filter(|old| (old.kind, old.size) == (new.kind, new.size)) else {
        return Ok(false);
    };
    let file = locate(repo.fs(), repo.root(), path)?;
    let hashed = hash_file(&**repo.fs(), &file, monitor.interrupt);
    monitor.interrupt.check()?;
    Ok(old.id == Some(hashed.at("read", &file)?.0.object()))
}

#[cfg(test)]
mod tests;
