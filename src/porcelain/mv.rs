//! `dsv mv`: a path gets another name, in the worktree and in what is staged.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use super::checkout::adopt;
use super::error::TARGET_EXISTS;
use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{EntryKind, Monitor, RepoPath};
use crate::plumbing::diff_index::is_entry;
use crate::plumbing::host::{FileKind, IoContext, Stat};
use crate::plumbing::sparse::{Behind, absent};
use crate::plumbing::stage::locate;
use crate::worktree::{IndexEditor, Materializer, Staged, StagingIndex, StatFacts};

/// What to move where.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A tracked file or folder.
    pub from: OsString,
    /// Its new path, or a folder to move it into.
    pub to: OsString,
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

/// A tracked file that moves.
struct Moving {
    from: RepoPath,
    to: RepoPath,
    staged: Staged,
    /// What the disk told before the move, where it proved that the file is what is staged.
    proved: Option<Stat>,
}

/// Renames a file or folder, tracked or untracked files in it included, and stages the new paths. No byte is read. What is
/// not checked out is only staged under its new path.
///
/// # Errors
/// When the source is not tracked, the target exists, one of them lies beyond a link, or a new path would be too
/// long or too deep: then nothing is moved.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    let from = repo.repo_path(Path::new(&options.from))?;
    adopt(repo, &mut index, &Pathspec::below(from.clone()), monitor)?;
    let mut to = repo.repo_path(Path::new(&options.to))?;
    let fs = repo.fs();
    let is_folder = |path: &Path| fs.stat(path).is_ok_and(|stat| stat.kind == FileKind::Directory);
    let mut target = locate(fs, repo.root(), &to)?;
    let behind = Behind::new(repo.db(), &index);
    if (is_folder(&target) || is_staged_folder(&behind, &index, &to)?)
        && let Some(name) = from.name()
    {
        to = to.join(&name);
        target = locate(fs, repo.root(), &to)?;
    }
    check(repo, &behind, &index, &from, &to, &target)?;
    let moving = moving(repo, &behind, &index, &from, &to)?;
    if moving.is_empty() {
        return Err(Error::NoMatch { paths: vec![from.to_string()] });
    }
    let source = locate(fs, repo.root(), &from)?;
    // What is not checked out has no file to be renamed; what is, must have one, unless it is a link to what is elsewhere.
    let has_file = |one: &Moving| !one.staged.absent && one.staged.kind != EntryKind::ExternalLink;
    if moving.iter().any(has_file) || fs.stat(&source).is_ok() {
        if let Some(parent) = target.parent() {
            fs.create_dir_all(parent).at("create", parent)?;
        }
        fs.rename(&source, &target).at("rename", &source)?;
    }
    let files = moving.len() as u64;
    if index.is_sparse() {
        index.remove_all(&from)?;
    }
    moving.into_iter().try_for_each(|one| stage(repo, &behind, &mut index, one))?;
    index.save()?;
    Ok(Outcome { from, to, files })
}

/// Refuses moves that would lose something, or lead out of the worktree.
fn check(
    repo: &Repository,
    behind: &Behind<'_>,
    index: &StagingIndex,
    from: &RepoPath,
    to: &RepoPath,
    target: &Path,
) -> Result<(), Error> {
    let refuse = |why| Err(Error::CannotMove { from: from.clone(), to: to.clone(), why });
    if from == to {
        return refuse("they are the same");
    }
    if from.is_root() || to.starts_with(from) {
        return refuse("a folder cannot be moved into itself");
    }
    let materializer = Materializer::new(Arc::clone(repo.fs()), repo.root());
    if materializer.obstacle_above(from)?.is_some() {
        return refuse("the source lies beyond a link or a file");
    }
    if materializer.obstacle_above(to)?.is_some() || lies_below_file(behind, index, to)? {
        return refuse("the target lies beyond a link or a file");
    }
    if repo.fs().stat(target).is_ok() || behind.stages(index, to)? {
        return refuse(TARGET_EXISTS);
    }
    Ok(())
}

/// Whether a path lies below what is staged as a file in a sparse index, and need not be there to be in the way.
fn lies_below_file(behind: &Behind<'_>, index: &StagingIndex, path: &RepoPath) -> Result<bool, Error> {
    for above in path.ancestors().skip(1).filter(|_| index.is_sparse()) {
        if behind.staged(index, &above)?.is_some_and(|staged| !staged.kind.is_dir()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether something is staged below a path of a sparse index, of which there need be no folder.
fn is_staged_folder(behind: &Behind<'_>, index: &StagingIndex, path: &RepoPath) -> Result<bool, Error> {
    if !index.is_sparse() || path.is_root() {
        return Ok(false);
    }
    let in_tree = behind.entry(index, path)?.is_some_and(|entry| !is_entry(&entry));
    Ok(index.has_below(path)? || (in_tree && behind.stages(index, path)?))
}

/// The tracked files at and below a path, with what they will be called.
fn moving(
    repo: &Repository,
    behind: &Behind<'_>,
    index: &StagingIndex,
    from: &RepoPath,
    to: &RepoPath,
) -> Result<Vec<Moving>, Error> {
    let mut tracked: Vec<_> = index.get(from)?.map(|staged| (from.clone(), staged)).into_iter().collect();
    for entry in index.iter_below(from) {
        let entry = entry?;
        tracked.push((entry.path, entry.staged));
    }
    behind.not_checked_out(index, from, &mut |path, entry| {
        tracked.push((path, absent(&entry)));
        Ok(true)
    })?;
    let mut moving = Vec::with_capacity(tracked.len());
    for (path, staged) in tracked {
        let below = path.strip_prefix(from).unwrap_or_default();
        // Both parts are paths, and together they may be too much for one.
        let to = RepoPath::new(to.join_path(&below).as_bytes())?;
        let proved = proved(repo, &path, &staged)?;
        moving.push(Moving { from: path, to, staged, proved });
    }
    Ok(moving)
}

/// What the disk tells of a file, where that proves that it is what is staged.
fn proved(repo: &Repository, path: &RepoPath, staged: &Staged) -> Result<Option<Stat>, Error> {
    let Some(facts) = staged.stat else { return Ok(None) };
    let stat = repo.fs().stat(&locate(repo.fs(), repo.root(), path)?).ok();
    Ok(stat.filter(|stat| facts.proves_unchanged(stat)))
}

/// Stages what has moved under its new path.
fn stage(
    repo: &Repository,
    behind: &Behind<'_>,
    index: &mut IndexEditor,
    moved: Moving,
) -> Result<(), Error> {
    let Moving { from, to, mut staged, proved } = moved;
    index.remove(&from)?;
    if staged.absent {
        return Ok(behind.stage_absent(index, &to, Some(&staged))?);
    }
    let found = repo.fs().stat(&locate(repo.fs(), repo.root(), &to)?).ok();
    staged.stat = proved.zip(found).and_then(|(before, after)| same_file(&before, &after));
    Ok(behind.set(index, &to, staged)?)
}

/// The facts of a file after a rename, which changes the ctime alone. `None` when more has changed: it was written
/// in between, and is not proved to be what is staged.
fn same_file(before: &Stat, after: &Stat) -> Option<StatFacts> {
    (Stat { ctime_ns: before.ctime_ns, ..*after } == *before).then(|| StatFacts::of_written(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_while_it_moved_is_not_proved() {
        let before = Stat {
            kind: FileKind::File,
            size: 3,
            mtime_ns: 1,
            ctime_ns: 2,
            inode: 3,
            device: 4,
            mode: 0o644,
        };
        let facts = same_file(&before, &Stat { ctime_ns: 9, ..before }).unwrap();
        assert_eq!((facts.ctime_ns, facts.mtime_ns), (9, 1));
        let changed = [
            Stat { size: 4, ..before },
            Stat { mtime_ns: 2, ..before },
            Stat { inode: 4, ..before },
            Stat { mode: 0o755, ..before },
        ];
        assert!(changed.iter().all(|after| same_file(&before, after).is_none()));
    }
}
