//! `dsv add`: stages what is new, changed or gone.

use std::collections::BTreeSet;

use super::pathspec::Pathspec;
use super::{Error, Repository};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::git::{GitWorktree, add_to_gitignore};
use crate::plumbing::stage::{StageOptions, StageOutcome, plan, stage};
use crate::store::{WriteStats, Writer};
use crate::worktree::StagingIndex;

pub use crate::plumbing::stage::StageAction;

/// What to stage.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one, unless `update` is set.
    pub paths: Vec<String>,
    /// Only what is staged already: changes and removals, nothing new.
    pub update: bool,
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
    let stage_options = StageOptions { roots: spec.roots(), update: options.update, only: spec.filter() };
    if options.dry_run {
        let index = repo.index()?;
        let staged = plan(repo.db(), repo.root(), &index, &stage_options, monitor)?;
        check_patterns(repo, &spec, &staged, &index)?;
        return Ok(Outcome { staged, ..Default::default() });
    }
    let mut index = repo.edit_index(monitor)?;
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    let staged = stage(repo.root(), &mut index, &writer, &stage_options, monitor)?;
    check_patterns(repo, &spec, &staged, &index)?;
    let stored = writer.finish()?;
    index.save()?;
    repo.note_stored(stored.stored_bytes)?;
    let gitignored = list_in_gitignore(repo, &spec, &staged)?;
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

/// Keeps git away from what is tracked here, when the dataset lies in a git worktree.
fn list_in_gitignore(
    repo: &Repository,
    spec: &Pathspec,
    staged: &StageOutcome,
) -> Result<Vec<String>, Error> {
    let fs = repo.fs();
    if !repo.settings().gitignore()? || GitWorktree::find(&**fs, repo.root()).is_none() {
        return Ok(Vec::new());
    }
    // What was named is listed as it was named; of the whole folder, what lies at its top.
    let roots = if spec.filter().is_none() { spec.roots() } else { Vec::new() };
    let added = staged.changes.iter().filter(|(_, action)| *action == StageAction::Added);
    let mut tops = BTreeSet::new();
    for (path, _) in added {
        let named = roots.iter().find(|root| !root.is_root() && path.starts_with(root));
        let top = || path.components().next().map(RepoPath::from);
        tops.extend(named.cloned().or_else(top));
    }
    let tops: Vec<RepoPath> = tops.into_iter().collect();
    Ok(add_to_gitignore(fs, repo.root(), &tops)?)
}
