//! `dsv rm`: paths leave the dataset.

use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::Arc;

use super::checkout::{adopt, apply, check_behind, content, dirty_paths, not_checked_out, staged_paths};
use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{Entry, Monitor, RepoPath, TreeId};
use crate::plumbing::checkout::{CheckoutError, Obstacle, PathChange, check_changes};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{Verdict, examine};
use crate::plumbing::tree_walk::lookup;
use crate::worktree::{Change, Difference, Materializer, StagingIndex};

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one.
    pub paths: Vec<OsString>,
    /// Keep the files; they become untracked.
    pub cached: bool,
    /// Remove also what is not committed.
    pub force: bool,
    /// Tell what would be removed, and remove nothing.
    pub dry_run: bool,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The paths, in byte order; a directory of which not all files are checked out stands for all that is in it.
    pub removed: Vec<RepoPath>,
}

/// Unstages paths and removes their files.
///
/// # Errors
/// When no path is given or tracked; when something uncommitted would be lost and `force` is not set: then
/// nothing is removed.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if options.paths.is_empty() {
        return Err(Error::NoPaths { verb: "rm" });
    }
    let spec = Pathspec::new(repo, &options.paths)?;
    let mut index = repo.edit_index(monitor)?;
    spec.all_tracked(repo, &Places { index: Some(&index), ..Default::default() })?;
    if !options.cached {
        adopt(repo, &mut index, &spec, monitor)?;
    }
    let held = staged_paths(&index, &spec)?;
    let behind = Behind::new(repo.db(), &index);
    let others = not_held(&behind, &index, &spec)?;
    let mut removed: Vec<_> = held.iter().chain(&others).cloned().collect();
    removed.sort_unstable();
    removed.dedup();
    let tree = repo.head_tree()?;
    if options.cached {
        if !options.force {
            check_kept(repo, &index, &removed, tree.as_ref(), &spec, monitor)?;
        }
        if options.dry_run {
            return Ok(Outcome { removed });
        }
        held.iter().try_for_each(|path| index.remove(path))?;
        others.iter().try_for_each(|path| behind.remove_all(&mut index, path))?;
        index.save()?;
        return Ok(Outcome { removed });
    }
    if !options.force {
        check_behind(repo, &index, |path, _| is_among(&removed, path))?;
    }
    let mut changes = Vec::with_capacity(held.len());
    for path in &held {
        let old = tree.map(|tree| lookup(repo.db(), &tree, path)).transpose()?.flatten();
        changes.push(PathChange { path: path.clone(), old: old.as_ref().map(content), new: None });
    }
    if options.dry_run {
        if !options.force {
            check_changes(repo.db(), repo.root(), &index, &changes, monitor)?;
        }
        return Ok(Outcome { removed });
    }
    apply(repo, &mut index, &changes, options.force, monitor, |index| {
        Ok(others.iter().try_for_each(|path| behind.remove_all(index, path))?)
    })?;
    Ok(Outcome { removed })
}

/// What is chosen of the tree behind a sparse index: directories as a whole, unless there are patterns.
fn not_held(behind: &Behind<'_>, index: &StagingIndex, spec: &Pathspec) -> Result<Vec<RepoPath>, Error> {
    let mut paths = Vec::new();
    if spec.filter().is_some() {
        not_checked_out(behind, index, spec, &mut |path, _| paths.push(path))?;
        return Ok(paths);
    }
    for root in spec.roots() {
        if behind.has_more(index, &root)? {
            paths.push(root);
        }
    }
    Ok(paths)
}

/// Whether a path, or a directory that holds it, is among these, which are in order.
fn is_among(paths: &[RepoPath], path: &RepoPath) -> bool {
    paths.first().is_some_and(RepoPath::is_root)
        || path.ancestors().any(|path| paths.binary_search(&path).is_ok())
}

/// Demands that no content is staged which neither the version nor the file has.
fn check_kept(
    repo: &Repository,
    index: &StagingIndex,
    removed: &[RepoPath],
    tree: Option<&TreeId>,
    spec: &Pathspec,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let changes = diff_index(repo.db(), tree, index)?.into_iter();
    let staged = changes.filter_map(|change| Some((change.path, change.new?)));
    let staged: Vec<_> = staged.filter(|(path, _)| is_among(removed, path)).collect();
    if staged.is_empty() {
        return Ok(());
    }
    let dirty = dirty_paths(repo, index, spec, monitor)?;
    let dirty: HashSet<RepoPath> = dirty.into_iter().map(|change| change.path).collect();
    let mut obstacles = Vec::new();
    for (path, entry) in staged {
        if dirty.contains(&path) || is_nowhere(repo, index, &path, &entry, monitor)? {
            obstacles.push((path, Obstacle::Staged));
        }
    }
    if obstacles.is_empty() { Ok(()) } else { Err(CheckoutError::WouldOverwrite { obstacles }.into()) }
}

/// Whether something is staged and not checked out, and no file has the same all the same. That its file is missing is no
/// difference. An empty directory is nothing that can be lost.
fn is_nowhere(
    repo: &Repository,
    index: &StagingIndex,
    path: &RepoPath,
    entry: &Entry,
    monitor: &Monitor<'_>,
) -> Result<bool, Error> {
    if entry.kind.is_dir() || index.get(path)?.is_some_and(|staged| !staged.absent) {
        return Ok(false);
    }
    if Materializer::new(Arc::clone(repo.fs()), repo.root()).obstacle_above(path)?.is_some() {
        return Ok(true);
    }
    let change = Change::MaybeModified { kind: entry.kind, size: entry.size };
    let file = Difference { path: path.clone(), change };
    let verdict = examine(repo.root(), index, &Behind::new(repo.db(), index), file, monitor)?;
    Ok(!matches!(verdict, Ok(Verdict::Unchanged(..))))
}
