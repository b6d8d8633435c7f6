//! `dsv add`: stages what is new, changed or gone.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::git::{GITIGNORE, GitWorktree, GitignoreFile, top_level};
use crate::plumbing::host::FileKind;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{PathFilter, StageOptions, StageOutcome, locate, plan, stage};
use crate::store::{WriteStats, Writer};
use crate::worktree::StagingIndex;

pub use crate::plumbing::stage::StageAction;

/// What to stage.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one, unless `update` is set.
    pub paths: Vec<OsString>,
    /// Only what is staged already: changes and removals, nothing new.
    pub update: bool,
    /// Of folders, only the files right in them.
    pub non_recursive: bool,
    /// Tell what would be staged, and do nothing.
    pub dry_run: bool,
}

/// What was staged.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The paths, and what they amount to.
    pub staged: StageOutcome,
    /// What storing the files took.
    pub stored: WriteStats,
    /// Lines that were added to `.gitignore`, so that git leaves the data alone.
    pub gitignored: Vec<String>,
}

/// Stages what differs between the worktree and the staging index.
///
/// # Errors
/// When no path is given, or one does not exist or cannot be added: then nothing is staged.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if options.paths.is_empty() && !options.update {
        return Err(Error::NoPaths { verb: "add" });
    }
    let spec = Pathspec::new(repo, &options.paths)?;
    let gits = repo.gits_file()?;
    let options_for = |index: &StagingIndex| -> Result<StageOptions, Error> {
        let only = without_gits_file(repo, &spec, options.non_recursive, gits.as_ref(), index)?;
        Ok(StageOptions { roots: spec.roots(), update: options.update, only })
    };
    if options.dry_run {
        let index = repo.index()?;
        let stage_options = options_for(&index)?;
        let staged = plan(repo.db(), repo.root(), &index, &stage_options, monitor)?;
        check_patterns(repo, &spec, &staged, &index)?;
        return Ok(Outcome { staged, ..Default::default() });
    }
    let mut index = repo.edit_index(monitor)?;
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    let stage_options = options_for(&index)?;
    let staged = stage(repo.root(), &mut index, &writer, &stage_options, monitor)?;
    check_patterns(repo, &spec, &staged, &index)?;
    let stored = writer.finish()?;
    index.save()?;
    repo.note_stored(stored.stored_bytes)?;
    let gitignored = match gits {
        Some(_) => list_in_gitignore(repo, &spec, &index, &staged)?,
        None => Vec::new(),
    };
    Ok(Outcome { staged, stored, gitignored })
}

/// Demands that every pattern means something.
fn check_patterns(
    repo: &Repository,
    spec: &Pathspec,
    staged: &StageOutcome,
    index: &StagingIndex,
) -> Result<(), Error> {
    match spec.unmatched(repo, staged.changes.iter().map(|(path, _)| path), index)? {
        Some(pattern) => Err(Error::NoFile { pattern: pattern.to_owned() }),
        None => Ok(()),
    }
}

impl Repository {
    /// The file in which git is told of what is tracked here, when the dataset lies in a git worktree: it is no data, unless it
    /// is tracked already.
    ///
    /// # Errors
    /// When a file of settings holds a wrong value.
    pub(super) fn gits_file(&self) -> Result<Option<RepoPath>, Error> {
        let is_kept = self.settings().gitignore()? && GitWorktree::find(&**self.fs(), self.root()).is_some();
        Ok(if is_kept { Some(RepoPath::new(GITIGNORE)?) } else { None })
    }
}

/// What is chosen, without the file that is git's.
fn without_gits_file(
    repo: &Repository,
    spec: &Pathspec,
    flat: bool,
    gits: Option<&RepoPath>,
    index: &StagingIndex,
) -> Result<Option<PathFilter>, Error> {
    let chosen = || match flat {
        true => {
            let spec = spec.clone();
            Some(PathFilter(Arc::new(move |path| spec.matches_flat(path))))
        }
        false => spec.filter(),
    };
    let Some(gits) = gits else { return Ok(chosen()) };
    if Behind::new(repo.db(), index).staged(index, gits)?.is_some() {
        return Ok(chosen());
    }
    if spec.roots().contains(gits) {
        return Err(Error::GitsFile { path: gits.clone() });
    }
    let (chosen, gits) = (chosen(), gits.clone());
    let is_chosen = move |path: &RepoPath| chosen.as_ref().is_none_or(|chosen| (chosen.0)(path));
    let spec = spec.clone();
    Ok(Some(PathFilter(Arc::new(move |path| *path != gits && spec.matches(path) && is_chosen(path)))))
}

/// Keeps git away from what is tracked here, when the dataset lies in a git worktree.
fn list_in_gitignore(
    repo: &Repository,
    spec: &Pathspec,
    index: &StagingIndex,
    staged: &StageOutcome,
) -> Result<Vec<String>, Error> {
    let fs = repo.fs();
    let file = GitignoreFile::read(&**fs, repo.root())?;
    // What was named is listed as it was named; of the whole folder, what lies at its top.
    let roots = if spec.filter().is_none() { spec.roots() } else { Vec::new() };
    let added = staged.changes.iter().filter(|(_, action)| *action == StageAction::Added);
    let mut paths = BTreeSet::new();
    for (path, _) in added {
        let named = roots.iter().find(|root| !root.is_root() && path.starts_with(root));
        let top = || path.components().next().map(RepoPath::from);
        let Some(path) = named.cloned().or_else(top) else { continue };
        let is_dir = is_dir(repo, &path)?;
        paths.insert((path, is_dir));
    }
    let tops: BTreeSet<RepoPath> =
        paths.iter().filter_map(|(path, _)| path.components().next().map(RepoPath::from)).collect();
    for (path, is_dir) in top_level(&**fs, repo.root())? {
        if !tops.contains(&path) && !file.decides(&path, is_dir) {
            paths.extend(unlisted(&file, index, &path, is_dir)?);
        }
    }
    Ok(file.add(fs, &paths)?)
}

fn is_dir(repo: &Repository, path: &RepoPath) -> Result<bool, Error> {
    let stat = repo.fs().stat(&locate(repo.fs(), repo.root(), path)?);
    Ok(stat.is_ok_and(|stat| stat.kind == FileKind::Directory))
}

/// What is tracked at or below a path and was not listed, since git came later: the path itself, or where some of it is
/// listed, the files that are not.
fn unlisted(
    file: &GitignoreFile,
    index: &StagingIndex,
    path: &RepoPath,
    is_dir: bool,
) -> Result<Vec<(RepoPath, bool)>, Error> {
    let tracked: Vec<RepoPath> =
        index.iter_below(path).map(|entry| entry.map(|entry| entry.path)).collect::<Result<_, _>>()?;
    let (listed, unlisted): (Vec<_>, Vec<_>) =
        tracked.into_iter().partition(|path| file.decides(path, false));
    let is_tracked = index.get(path)?.is_some() || !unlisted.is_empty();
    Ok(match (is_tracked, listed.is_empty()) {
        (false, _) => Vec::new(),
        (true, true) => vec![(path.clone(), is_dir)],
        (true, false) => unlisted.into_iter().map(|path| (path, false)).collect(),
    })
}
