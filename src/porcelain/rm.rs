//! `dsv rm`: paths leave the dataset.

use std::collections::HashSet;
use std::ffi::OsString;

use super::checkout::{apply_chosen, content, dirty_paths, staged_paths};
use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath, TreeId};
use crate::plumbing::checkout::{CheckoutError, Obstacle, PathChange};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::tree_walk::lookup;
use crate::worktree::StagingIndex;

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one.
    pub paths: Vec<OsString>,
    /// Keep the files; they become untracked.
    pub cached: bool,
    /// Remove also what is not committed.
    pub force: bool,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The paths, in byte order.
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
    let removed = staged_paths(&index, &spec)?;
    let head = repo.head_version()?;
    let tree = Repository::tree_of(head.as_ref().map(|(_, version)| version));
    if options.cached {
        if !options.force {
            check_kept(repo, &index, &removed, tree.as_ref(), &spec, monitor)?;
        }
        removed.iter().try_for_each(|path| index.remove(path))?;
        index.save()?;
        return Ok(Outcome { removed });
    }
    let mut changes = Vec::with_capacity(removed.len());
    for path in &removed {
        let old = tree.map(|tree| lookup(repo.db(), &tree, path)).transpose()?.flatten();
        changes.push(PathChange { path: path.clone(), old: old.as_ref().map(content), new: None });
    }
    apply_chosen(repo, &mut index, &changes, options.force, monitor)?;
    Ok(Outcome { removed })
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
    let mut staged: Vec<RepoPath> = diff_index(repo.db(), tree, index)?
        .into_iter()
        .filter(|change| change.new.is_some() && removed.binary_search(&change.path).is_ok())
        .map(|change| change.path)
        .collect();
    if staged.is_empty() {
        return Ok(());
    }
    let dirty = dirty_paths(repo, index, spec, monitor)?;
    let dirty: HashSet<RepoPath> = dirty.into_iter().map(|change| change.path).collect();
    staged.retain(|path| dirty.contains(path));
    if staged.is_empty() {
        return Ok(());
    }
    let obstacles = staged.into_iter().map(|path| (path, Obstacle::Staged)).collect();
    Err(CheckoutError::WouldOverwrite { obstacles }.into())
}
