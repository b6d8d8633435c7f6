//! A folder that is a part of the worktree: to sync it is to add it and to commit.

use super::{Note, Options, Outcome, SyncError, Target, check_staged, totals_at};
use crate::model::{Monitor, is_never_data};
use crate::plumbing::diff_tree::DiffTotals;
use crate::plumbing::host::IoContext;
use crate::porcelain::{Error, Repository, add, commit};

/// Stages what differs in the folder and commits it.
///
/// # Errors
/// As [`super::run`].
pub(super) fn run(
    repo: &Repository,
    options: &Options,
    target: &Target,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    if check_staged(repo, &repo.edit_index(monitor)?)? && !options.dry_run {
        // What was staged then becomes part of this version.
        Note::new(repo).remove()?;
    }
    let there = totals_at(repo, repo.head_tree()?.as_ref(), &target.to)?;
    if !target.exists && there.is_none() {
        return Err(SyncError::Missing { path: options.folder.clone() }.into());
    }
    target.check_not_lost(options, names(repo, target)?, there.unwrap_or_default().files)?;
    let dry_run = options.dry_run;
    let paths = vec![target.folder.clone().into_os_string()];
    let added = add::run(repo, &add::Options { paths, dry_run, ..Default::default() }, monitor)?;
    let staged = added.staged;
    let (added_files, modified, removed) = (staged.added, staged.modified, staged.removed);
    let totals = DiffTotals { added: added_files, modified, removed, ..DiffTotals::default() };
    let mut outcome = Outcome {
        folder: target.folder.clone(),
        dataset: target.dataset.clone(),
        to: target.to.clone(),
        changes: staged.changes,
        totals,
        version: None,
        files_read: staged.confirmed + staged.added.files + staged.modified.files,
        stored_bytes: added.stored.stored_bytes,
        warnings: staged.warnings,
        pushed: None,
    };
    if dry_run || outcome.changes.is_empty() {
        return Ok(outcome);
    }
    let commit = commit::Options {
        message: Some(target.message(options, &totals)),
        all: false,
        label: options.label.clone(),
        metadata: options.metadata.clone(),
    };
    let made = commit::run(repo, &commit, monitor)?;
    outcome.totals = made.changes;
    outcome.version = Some((made.id, made.version));
    Ok(outcome)
}

/// How many things lie in the folder: none where a disk is not mounted.
fn names(repo: &Repository, target: &Target) -> Result<u64, Error> {
    if !target.exists {
        return Ok(0);
    }
    let names = repo.fs().list(&target.folder).and_then(|dir| dir.entries()).at("list", &target.folder)?;
    Ok(names.iter().filter(|(name, _)| !is_never_data(name)).count() as u64)
}
