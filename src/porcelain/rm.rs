//! `dsv rm`: paths leave the dataset.

use super::checkout::{adopt, apply_chosen, check_behind, content, not_checked_out, staged_paths};
use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::checkout::PathChange;
use crate::plumbing::sparse::Behind;
use crate::plumbing::tree_walk::lookup;
use crate::worktree::StagingIndex;

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one.
    pub paths: Vec<String>,
    /// Keep the files; they become untracked.
    pub cached: bool,
    /// Remove also what is not committed.
    pub force: bool,
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
    if !options.cached {
        adopt(repo, &mut index, &spec, monitor)?;
    }
    let held = staged_paths(&index, &spec)?;
    let behind = Behind::new(repo.db(), &index);
    let others = not_held(&behind, &index, &spec)?;
    let mut removed: Vec<_> = held.iter().chain(&others).cloned().collect();
    removed.sort_unstable();
    removed.dedup();
    if removed.is_empty() {
        return Err(Error::NoMatch { paths: options.paths.clone() });
    }
    if options.cached {
        held.iter().try_for_each(|path| index.remove(path))?;
        others.iter().try_for_each(|path| behind.remove_all(&mut index, path))?;
        index.save()?;
        return Ok(Outcome { removed });
    }
    let tree = repo.head_tree()?;
    if !options.force {
        check_behind(repo, &index, |path, _| others.iter().any(|other| path.starts_with(other)))?;
    }
    let mut changes = Vec::with_capacity(held.len());
    for path in &held {
        let old = tree.map(|tree| lookup(repo.db(), &tree, path)).transpose()?.flatten();
        changes.push(PathChange { path: path.clone(), old: old.as_ref().map(content), new: None });
    }
    apply_chosen(repo, &mut index, &changes, options.force, monitor, |index| {
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
