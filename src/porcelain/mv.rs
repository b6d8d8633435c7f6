//! `dsv mv`: a path gets another name, in the worktree and in what is staged.

use std::path::Path;

use super::checkout::adopt;
use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::diff_index::is_entry;
use crate::plumbing::host::IoContext;
use crate::plumbing::sparse::{Behind, absent};
use crate::plumbing::stage::locate;
use crate::worktree::{Staged, StagingIndex, StatFacts};

/// What to move where.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A tracked file or folder.
    pub from: String,
    /// Its new path, or a folder to move it into.
    pub to: String,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The old path.
    pub from: RepoPath,
    /// The new path.
    pub to: RepoPath,
    /// Tracked files that moved.
    pub files: u64,
}

/// Renames a file or folder, tracked or untracked files in it included, and stages the new paths. No byte is read. What is
/// not checked out is only staged under its new path.
///
/// # Errors
/// When the source is not tracked or the target exists: then nothing is moved.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    let from = repo.repo_path(Path::new(&options.from))?;
    adopt(repo, &mut index, &Pathspec::below(from.clone()), monitor)?;
    let mut to = repo.repo_path(Path::new(&options.to))?;
    let fs = repo.fs();
    let mut target = locate(fs, repo.root(), &to)?;
    let behind = Behind::new(repo.db(), &index);
    if (fs.list(&target).is_ok() || is_folder(&behind, &index, &to)?)
        && let Some(name) = from.name()
    {
        to = to.join(&name);
        target = locate(fs, repo.root(), &to)?;
    }
    if from.is_root() || to.starts_with(&from) {
        return Err(Error::CannotMove { from, to, why: "a folder cannot be moved into itself" });
    }
    if fs.stat(&target).is_ok() || behind.stages(&index, &to)? {
        return Err(Error::CannotMove { from, to, why: "the target exists" });
    }
    if lies_below_file(&behind, &index, &to)? {
        return Err(Error::CannotMove { from, to, why: "the target lies below a file" });
    }
    let mut moved: Vec<(RepoPath, Staged)> =
        index.get(&from)?.map(|staged| (from.clone(), staged)).into_iter().collect();
    for entry in index.iter_below(&from) {
        let entry = entry?;
        moved.push((entry.path, entry.staged));
    }
    let held = moved.len();
    behind.not_checked_out(&index, &from, &mut |path, entry| {
        moved.push((path, absent(&entry)));
        Ok(true)
    })?;
    if moved.is_empty() {
        return Err(Error::NoMatch { paths: vec![options.from.clone()] });
    }
    // A rename changes the ctime alone: files that were proved unchanged before still are.
    let mut entries = Vec::with_capacity(moved.len());
    let has_files = moved[..held].iter().any(|(_, staged)| !staged.absent);
    for (path, mut staged) in moved {
        let stat = fs.stat(&locate(fs, repo.root(), &path)?).ok();
        let proved = stat.is_some_and(|stat| staged.stat.is_some_and(|facts| facts.proves_unchanged(&stat)));
        staged.stat = staged.stat.filter(|_| proved);
        entries.push((path, staged));
    }
    let source = locate(fs, repo.root(), &from)?;
    if has_files || fs.stat(&source).is_ok() {
        if let Some(parent) = target.parent() {
            fs.create_dir_all(parent).at("create", parent)?;
        }
        fs.rename(&source, &target).at("rename", &source)?;
    }
    let files = entries.len() as u64;
    if index.is_sparse() {
        index.remove_all(&from)?;
    }
    for (path, mut staged) in entries {
        let below = path.strip_prefix(&from).unwrap_or_default();
        let new = to.join_path(&below);
        if staged.stat.is_some() {
            let stat = fs.stat(&locate(fs, repo.root(), &new)?).ok();
            staged.stat = stat.map(|stat| StatFacts::of_written(&stat));
        }
        index.remove(&path)?;
        if staged.absent {
            behind.stage_absent(&mut index, &new, Some(&staged))?;
        } else {
            behind.set(&mut index, &new, staged)?;
        }
    }
    index.save()?;
    Ok(Outcome { from, to, files })
}

/// Whether a path lies below what is staged as a file in a sparse index, and need not be there to be in the way.
fn lies_below_file(behind: &Behind<'_>, index: &StagingIndex, path: &RepoPath) -> Result<bool, Error> {
    let mut at = path.parent().filter(|_| index.is_sparse());
    while let Some(path) = at.filter(|path| !path.is_root()) {
        if behind.staged(index, &path)?.is_some_and(|staged| !staged.kind.is_dir()) {
            return Ok(true);
        }
        at = path.parent();
    }
    Ok(false)
}

/// Whether something is staged below a path of a sparse index, of which there need be no folder.
fn is_folder(behind: &Behind<'_>, index: &StagingIndex, path: &RepoPath) -> Result<bool, Error> {
    if !index.is_sparse() || path.is_root() {
        return Ok(false);
    }
    let in_tree = behind.entry(index, path)?.is_some_and(|entry| !is_entry(&entry));
    Ok(index.has_below(path)? || (in_tree && behind.stages(index, path)?))
}
