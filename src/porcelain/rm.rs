//! `dsv rm`: paths leave the dataset.

use std::ffi::OsString;

use super::checkout::{apply_chosen, content, staged_paths};
use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::checkout::PathChange;
use crate::plumbing::tree_walk::lookup;

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
    if options.cached {
        removed.iter().try_for_each(|path| index.remove(path))?;
        index.save()?;
        return Ok(Outcome { removed });
    }
    let head = repo.head_version()?;
    let tree = Repository::tree_of(head.as_ref().map(|(_, version)| version));
    let mut changes = Vec::with_capacity(removed.len());
    for path in &removed {
        let old = tree.map(|tree| lookup(repo.db(), &tree, path)).transpose()?.flatten();
        changes.push(PathChange { path: path.clone(), old: old.as_ref().map(content), new: None });
    }
    apply_chosen(repo, &mut index, &changes, options.force, monitor)?;
    Ok(Outcome { removed })
}
