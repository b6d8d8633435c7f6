//! `dsv mv`: a path gets another name, in the worktree and in what is staged.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use super::error::TARGET_EXISTS;
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::host::{FileKind, IoContext, Stat};
use crate::plumbing::stage::locate;
use crate::worktree::{Materializer, Staged, StagingIndex, StatFacts};

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

/// Renames a file or folder, tracked or untracked files in it included, and stages the new paths. No byte is read.
///
/// # Errors
/// When the source is not tracked, the target exists, one of them lies beyond a link, or a new path would be too
/// long or too deep: then nothing is moved.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    let from = repo.repo_path(Path::new(&options.from))?;
    let mut to = repo.repo_path(Path::new(&options.to))?;
    let fs = repo.fs();
    let is_folder = |path: &Path| fs.stat(path).is_ok_and(|stat| stat.kind == FileKind::Directory);
    let mut target = locate(fs, repo.root(), &to)?;
    if is_folder(&target)
        && let Some(name) = from.name()
    {
        to = to.join(&name);
        target = locate(fs, repo.root(), &to)?;
    }
    check(repo, &index, &from, &to, &target)?;
    let moving = moving(repo, &index, &from, &to)?;
    if moving.is_empty() {
        return Err(Error::NoMatch { paths: vec![from.to_string()] });
    }
    let source = locate(fs, repo.root(), &from)?;
    if let Some(parent) = target.parent() {
        fs.create_dir_all(parent).at("create", parent)?;
    }
    fs.rename(&source, &target).at("rename", &source)?;
    let files = moving.len() as u64;
    for Moving { from, to, mut staged, proved } in moving {
        let found = fs.stat(&locate(fs, repo.root(), &to)?).ok();
        staged.stat = proved.zip(found).and_then(|(before, after)| same_file(&before, &after));
        index.remove(&from)?;
        index.set(&to, staged)?;
    }
    index.save()?;
    Ok(Outcome { from, to, files })
}

/// Refuses moves that would lose something, or lead out of the worktree.
fn check(
    repo: &Repository,
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
    if materializer.obstacle_above(to)?.is_some() {
        return refuse("the target lies beyond a link or a file");
    }
    if repo.fs().stat(target).is_ok() || index.get(to)?.is_some() || index.has_below(to)? {
        return refuse(TARGET_EXISTS);
    }
    Ok(())
}

/// The tracked files at and below a path, with what they will be called.
fn moving(
    repo: &Repository,
    index: &StagingIndex,
    from: &RepoPath,
    to: &RepoPath,
) -> Result<Vec<Moving>, Error> {
    let mut tracked: Vec<_> = index.get(from)?.map(|staged| (from.clone(), staged)).into_iter().collect();
    for entry in index.iter_below(from) {
        let entry = entry?;
        tracked.push((entry.path, entry.staged));
    }
    let mut moving = Vec::with_capacity(tracked.len());
    for (path, staged) in tracked {
        let below = path.strip_prefix(from).unwrap_or_default();
        // Both parts are paths, and together they may be too much for one.
        let to = RepoPath::new(to.join_path(&below).as_bytes())?;
        let stat = repo.fs().stat(&locate(repo.fs(), repo.root(), &path)?).ok();
        let proves = |stat: &Stat| staged.stat.is_some_and(|facts| facts.proves_unchanged(stat));
        moving.push(Moving { from: path, to, staged, proved: stat.filter(proves) });
    }
    Ok(moving)
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
