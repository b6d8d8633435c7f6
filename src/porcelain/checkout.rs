//! `dsv checkout` and `dsv switch`: the worktree becomes another version.

use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{Entry, Expected, Head, Monitor, RepoPath, TreeId, VersionId};
use crate::plumbing::checkout::{
    CheckoutError, CheckoutOptions, CheckoutStats, Content, PathChange, apply_changes,
};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::{DiffOptions, TreeChange, collect_changes};
use crate::plumbing::stage::{Verdict, examine};
use crate::worktree::{IndexEditor, ProblemKind, ScanOptions, Staged, StagingIndex, UntrackedMode, scan};

/// Where to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the worktree stands afterwards.
    pub head: Head,
    /// The version that it holds afterwards; nothing at all when there is none.
    pub version: Option<VersionId>,
    /// Make the dataset of `head`, which must not exist, and start it there.
    pub create: bool,
    /// Replace what is not committed.
    pub force: bool,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where the worktree stands.
    pub head: Head,
    /// The version that it holds.
    pub version: Option<VersionId>,
    /// Files written and removed.
    pub stats: CheckoutStats,
    /// Paths that are still staged and not committed, as they were before.
    pub kept_staged: usize,
}

/// Makes the worktree and the staging index into a version. What differs between the two versions only is touched;
/// changes elsewhere stay as they are.
///
/// # Errors
/// When something uncommitted would be lost and `force` is not set: then nothing is touched.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if let (true, Head::Dataset(name)) = (options.create, &options.head)
        && repo.refs().read(name)?.is_some()
    {
        return Err(Error::DatasetExists { name: name.clone() });
    }
    let mut index = repo.edit_index(monitor)?;
    let before = repo.head_version()?;
    let old = Repository::tree_of(before.as_ref().map(|(_, version)| version));
    let target = options.version.map(|id| repo.db().version(&id)).transpose()?;
    let new = Repository::tree_of(target.as_ref());
    let staged = diff_index(repo.db(), old.as_ref(), &index)?;
    let changes = if options.force {
        forced_changes(repo, new.as_ref(), &index, monitor)?
    } else {
        let changes = collect_changes(repo.db(), old.as_ref(), new.as_ref(), DiffOptions::default())?;
        changes.into_iter().map(path_change).collect()
    };
    let kept_staged = if options.force { 0 } else { staged.len() };
    let stats = apply(repo, &mut index, &changes, options.force, monitor, |index| {
        if let (0, Some(version)) = (kept_staged, &target) {
            index.set_tree(version.tree);
        }
    })?;
    move_head(repo, options, monitor)?;
    Ok(Outcome { head: options.head.clone(), version: options.version, stats, kept_staged })
}

/// Applies changes and saves the index, whether that went well or not, unless all is as it was.
pub(super) fn apply(
    repo: &Repository,
    index: &mut IndexEditor,
    changes: &[PathChange],
    force: bool,
    monitor: &Monitor<'_>,
    when_done: impl FnOnce(&mut IndexEditor),
) -> Result<CheckoutStats, Error> {
    let applied = apply_changes(repo.db(), repo.root(), index, changes, CheckoutOptions { force }, monitor);
    if applied.is_ok() {
        when_done(index);
    }
    // After all was taken back, what is saved already is what fits.
    let saved = if matches!(applied, Err(CheckoutError::Undone(_))) { Ok(()) } else { index.save() };
    let stats = applied?;
    saved?;
    Ok(stats)
}

fn move_head(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<(), Error> {
    let lock = repo.lock_refs(monitor)?;
    let to = match &options.head {
        Head::Dataset(name) => name.to_string(),
        Head::Detached(id) => id.short(12),
    };
    let note = repo.note(format!("checkout: to {to}"))?;
    if let (true, Head::Dataset(name), Some(id)) = (options.create, &options.head, options.version) {
        repo.refs().update(&lock, name, Expected::Absent, Some(id), &note)?;
    }
    Ok(repo.refs().set_head(&lock, None, &options.head, &note)?)
}

/// Everything that makes worktree and index differ from a tree.
fn forced_changes(
    repo: &Repository,
    tree: Option<&TreeId>,
    index: &StagingIndex,
    monitor: &Monitor<'_>,
) -> Result<Vec<PathChange>, Error> {
    let staged = diff_index(repo.db(), tree, index)?;
    // Here what is staged is the old side.
    let swapped =
        staged.into_iter().map(|TreeChange { path, old, new }| TreeChange { path, old: new, new: old });
    let mut changes: Vec<_> = swapped.map(path_change).collect();
    changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let mut more = dirty_paths(repo, index, &Pathspec::default(), monitor)?;
    more.retain(|change| changes.binary_search_by(|known| known.path.cmp(&change.path)).is_err());
    changes.append(&mut more);
    Ok(changes)
}

/// Tracked files that are not on the disk what is staged; the change brings back what is staged.
pub(super) fn dirty_paths(
    repo: &Repository,
    index: &StagingIndex,
    spec: &Pathspec,
    monitor: &Monitor<'_>,
) -> Result<Vec<PathChange>, Error> {
    let options = ScanOptions { roots: spec.roots(), untracked: UntrackedMode::None, ..Default::default() };
    let found = scan(&**repo.fs(), repo.root(), index, &options, *monitor)?;
    let mut changes = Vec::new();
    for difference in found.differences {
        if !spec.matches(&difference.path) {
            continue;
        }
        let path = difference.path.clone();
        // What cannot be read is not known to be what is staged.
        match examine(&**repo.fs(), repo.root(), index, difference, monitor)? {
            Ok(Verdict::Unchanged(..)) => {}
            Ok(Verdict::Differs(_)) | Err(_) => changes.extend(back_to_staged(index, path)?),
        }
    }
    // What was asked for by a path beyond a link is not looked at, and is not there.
    for problem in found.problems {
        if matches!(problem.what, ProblemKind::BeyondSymlink { .. }) {
            let mut beyond = Vec::new();
            staged_below(index, &RepoPath::new(problem.path)?, spec, &mut beyond)?;
            for path in beyond {
                changes.extend(back_to_staged(index, path)?);
            }
        }
    }
    Ok(changes)
}

/// The change that brings a staged path back.
fn back_to_staged(index: &StagingIndex, path: RepoPath) -> Result<Option<PathChange>, Error> {
    let Some(Staged { kind, size, id, .. }) = index.get(&path)? else { return Ok(None) };
    let content = Some(Content { kind, size, id });
    Ok(Some(PathChange { path, old: content, new: content }))
}

pub(super) fn content(entry: &Entry) -> Content {
    Content { kind: entry.kind, size: entry.size, id: entry.id }
}

pub(super) fn path_change(change: TreeChange) -> PathChange {
    PathChange {
        path: change.path,
        old: change.old.as_ref().map(content),
        new: change.new.as_ref().map(content),
    }
}

/// Applies changes that were chosen path by path, as `restore` and `rm` do.
pub(super) fn apply_chosen(
    repo: &Repository,
    index: &mut IndexEditor,
    changes: &[PathChange],
    force: bool,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    apply(repo, index, changes, force, monitor, |_| {})
}

/// The staged paths that are chosen, in the order of the index.
pub(super) fn staged_paths(index: &StagingIndex, spec: &Pathspec) -> Result<Vec<RepoPath>, Error> {
    let mut paths = Vec::new();
    for root in spec.roots() {
        staged_below(index, &root, spec, &mut paths)?;
    }
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// The staged paths at and below one that are chosen.
fn staged_below(
    index: &StagingIndex,
    root: &RepoPath,
    spec: &Pathspec,
    paths: &mut Vec<RepoPath>,
) -> Result<(), Error> {
    if index.get(root)?.is_some() && spec.matches(root) {
        paths.push(root.clone());
    }
    for entry in index.iter_below(root) {
        let path = entry?.path;
        if spec.matches(&path) {
            paths.push(path);
        }
    }
    Ok(())
}
