//! `dsv checkout` and `dsv switch`: the worktree becomes another version.

mod place;
mod settle;
mod sparse;

use super::pathspec::Pathspec;
use super::record::Recorded;
use super::{Error, Repository, merge};
use crate::model::{Entry, Expected, Head, Monitor, RepoPath, Totals, TreeId, VersionId};
use crate::plumbing::checkout::{
    CheckoutError, CheckoutOptions, CheckoutStats, Content, Obstacle, PathChange, apply_changes,
};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::{DiffOptions, TreeChange, collect_changes};
use crate::plumbing::scan_worktree::scan_worktree;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{Verdict, examine};
use crate::plumbing::tree_edit::empty_tree;
use crate::worktree::{IndexEditor, ProblemKind, ScanOptions, Staged, StagingIndex, UntrackedMode};

pub(super) use place::place;
pub(super) use settle::{is_half_settled, settle, take_half_settled};
pub(super) use sparse::{WANTED_NAME, adopt, go as go_sparse};
pub use sparse::{Wanted, fill};

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
    /// Make the worktree sparse, or want other paths in a sparse one: only files that match are brought, and the
    /// rest of the version is known without being there. A sparse worktree stays so unless [`fill`] makes it whole.
    pub sparse: Option<Wanted>,
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
    let mut index = match options.sparse {
        Some(_) => repo.edit_any_index(monitor)?,
        None => repo.edit_index(monitor)?,
    };
    repo.check_no_draft()?;
    if !options.force {
        merge::refuse_under_way(repo)?;
    }
    let old = repo.head_tree()?;
    let events = repo.events().read()?;
    let target = options.version.map(|id| Recorded::read(repo, &events, id)).transpose()?;
    target.as_ref().map_or(Ok(()), Recorded::check_there)?;
    let target = target.map(|target| target.version);
    let new = Repository::tree_of(target.as_ref());
    if index.is_sparse() || options.sparse.is_some() {
        let (stats, kept_staged) = go_sparse(repo, options, &mut index, old, new, monitor)?;
        move_head(repo, options, monitor)?;
        merge::forget(repo)?;
        return Ok(Outcome { head: options.head.clone(), version: options.version, stats, kept_staged });
    }
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
        Ok(())
    })?;
    move_head(repo, options, monitor)?;
    // Whoever forces gives up a merge that is under way.
    merge::forget(repo)?;
    Ok(Outcome { head: options.head.clone(), version: options.version, stats, kept_staged })
}

/// Brings a worktree and its index from one tree to another. What is staged besides stays, and so does what is not staged.
///
/// # Errors
/// When something uncommitted would be lost: then nothing is touched.
pub(super) fn between(
    repo: &Repository,
    index: &mut IndexEditor,
    old: Option<TreeId>,
    new: Option<TreeId>,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    if index.is_sparse() {
        let options =
            Options { head: repo.refs().head()?, version: None, create: false, force: false, sparse: None };
        return Ok(go_sparse(repo, &options, index, old, new, monitor)?.0);
    }
    let nothing_staged = diff_index(repo.db(), old.as_ref(), index)?.is_empty();
    let changes = collect_changes(repo.db(), old.as_ref(), new.as_ref(), DiffOptions::default())?;
    let changes: Vec<_> = changes.into_iter().map(path_change).collect();
    apply(repo, index, &changes, false, monitor, |index| {
        if nothing_staged {
            index.set_tree(new.unwrap_or_else(empty_tree));
        }
        Ok(())
    })
}

/// Brings files that differ between two trees, where the index holds nothing: it equals the second one.
///
/// # Errors
/// When something uncommitted would be lost: then nothing is touched.
pub(super) fn bring_changed(
    repo: &Repository,
    index: &mut IndexEditor,
    old: Option<TreeId>,
    new: Option<TreeId>,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    let mut missing = Vec::new();
    for change in collect_changes(repo.db(), old.as_ref(), new.as_ref(), DiffOptions::default())? {
        if change.new.is_some() && index.get(&change.path)?.is_none() {
            missing.push(PathChange { old: None, ..path_change(change) });
        }
    }
    apply(repo, index, &missing, false, monitor, |_| Ok(()))
}

/// Files that are staged and not in the worktree because nobody asked for them, and their bytes; `None` when the worktree is to
/// hold all.
pub(super) fn absent(repo: &Repository, index: &StagingIndex) -> Result<Option<Totals>, Error> {
    Ok(index.is_sparse().then(|| Behind::new(repo.db(), index).totals(index)).transpose()?)
}

/// Applies changes and saves the index, whether that went well or not, unless all is as it was. What a sparse index
/// holds then and its tree has is no edit.
pub(super) fn apply(
    repo: &Repository,
    index: &mut IndexEditor,
    changes: &[PathChange],
    force: bool,
    monitor: &Monitor<'_>,
    when_done: impl FnOnce(&mut IndexEditor) -> Result<(), Error>,
) -> Result<CheckoutStats, Error> {
    apply_with(repo, index, changes, CheckoutOptions { force, links: false }, monitor, when_done)
}

/// The same, which may bring what external links lead to.
pub(super) fn apply_with(
    repo: &Repository,
    index: &mut IndexEditor,
    changes: &[PathChange],
    options: CheckoutOptions,
    monitor: &Monitor<'_>,
    when_done: impl FnOnce(&mut IndexEditor) -> Result<(), Error>,
) -> Result<CheckoutStats, Error> {
    let applied = match apply_changes(repo.db(), repo.root(), index, changes, options, monitor) {
        // What is saved already is what fits.
        Err(error @ (CheckoutError::WouldOverwrite { .. } | CheckoutError::Undone(_))) => {
            return Err(error.into());
        }
        applied => applied,
    };
    let settled = Behind::new(repo.db(), index).settle(index, changes.iter().map(|change| &change.path));
    let done = match (&applied, settled) {
        (Ok(_), Ok(())) => when_done(index),
        (_, settled) => settled.map_err(Error::from),
    };
    let saved = index.save();
    let stats = applied?;
    done?;
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
    let behind = Behind::new(repo.db(), index);
    let found = scan_worktree(&**repo.fs(), repo.root(), index, &behind, &options, *monitor)?;
    let mut changes = Vec::new();
    for difference in found.differences {
        if !spec.matches(&difference.path) {
            continue;
        }
        let path = difference.path.clone();
        // What cannot be read is not known to be what is staged.
        match examine(repo.root(), index, &behind, difference, monitor)? {
            Ok(Verdict::Unchanged(..)) => {}
            Ok(Verdict::Differs(_)) | Err(_) => changes.extend(back_to_staged(&behind, index, path)?),
        }
    }
    // What was asked for by a path beyond a link is not looked at, and is not there.
    for problem in found.problems {
        if matches!(problem.what, ProblemKind::BeyondSymlink { .. }) {
            let mut beyond = Vec::new();
            staged_below(index, &RepoPath::new(problem.path)?, spec, &mut beyond)?;
            for path in beyond {
                changes.extend(back_to_staged(&behind, index, path)?);
            }
        }
    }
    Ok(changes)
}

/// The change that brings a staged path back. A file that lies where nothing was checked out replaces nothing that
/// is known.
fn back_to_staged(
    behind: &Behind<'_>,
    index: &StagingIndex,
    path: RepoPath,
) -> Result<Option<PathChange>, Error> {
    let Some(staged) = behind.staged(index, &path)? else { return Ok(None) };
    let old = index.get(&path)?.map(|staged| staged_content(&staged));
    Ok(Some(PathChange { path, old, new: Some(staged_content(&staged)) }))
}

pub(super) const fn staged_content(staged: &Staged) -> Content {
    Content { kind: staged.kind, size: staged.size, id: staged.id }
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

/// Gives what is chosen and not checked out to `sink`: what the tree behind a sparse index has.
pub(super) fn not_checked_out(
    behind: &Behind<'_>,
    index: &StagingIndex,
    spec: &Pathspec,
    sink: &mut dyn FnMut(RepoPath, Entry),
) -> Result<(), Error> {
    let mut roots = spec.roots();
    if roots.is_empty() {
        roots.push(RepoPath::root());
    }
    for root in &roots {
        // What lies below another root comes with that one.
        if roots.iter().any(|other| other != root && root.starts_with(other)) {
            continue;
        }
        behind.not_checked_out(index, root, &mut |path, entry| {
            if spec.matches(&path) {
                sink(path, entry);
            }
            Ok(true)
        })?;
    }
    Ok(())
}

/// Demands that nothing is lost that a sparse index stages as the tree behind it has it and `HEAD` has not, as may be after
/// `write-tree` or `read-tree`. What the index holds itself is looked at where it is changed.
///
/// # Errors
/// When `is_lost` says so of something.
pub(super) fn check_behind(
    repo: &Repository,
    index: &StagingIndex,
    is_lost: impl Fn(&RepoPath, &Content) -> bool,
) -> Result<(), Error> {
    let head = repo.head_tree()?;
    if !index.is_sparse() || index.known_tree() == head {
        return Ok(());
    }
    let mut obstacles = Vec::new();
    for change in diff_index(repo.db(), head.as_ref(), index)? {
        let staged = change.new.as_ref().map(content);
        let is_lost = staged.is_some_and(|staged| is_lost(&change.path, &staged));
        if is_lost && index.get(&change.path)?.is_none() {
            obstacles.push((change.path, Obstacle::Staged));
        }
    }
    if obstacles.is_empty() { Ok(()) } else { Err(CheckoutError::WouldOverwrite { obstacles }.into()) }
}

/// The paths that are chosen and that the index holds, in byte order.
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
