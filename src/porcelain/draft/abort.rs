//! `dsv abort`: sets the open draft aside.

use super::create::some_tree;
use super::{Draft, DraftError, DraftState};
use crate::model::{Head, Monitor, Step, VersionId};
use crate::plumbing::Writer;
use crate::plumbing::checkout::CheckoutStats;
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::DiffTotals;
use crate::plumbing::write_tree::write_tree;
use crate::porcelain::{Error, Repository, checkout, status};

/// How to end it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Tell what would be set aside, and do nothing.
    pub dry_run: bool,
}

/// What was set aside.
#[derive(Debug)]
pub struct Outcome {
    /// The draft.
    pub draft: Draft,
    /// What it changes of what it inherited.
    pub changes: DiffTotals,
    /// Where the worktree stands now.
    pub head: Head,
    /// The version that it holds.
    pub version: Option<VersionId>,
    /// What became of the worktree.
    pub stats: CheckoutStats,
}

/// Sets the open draft aside with all that is staged; the worktree goes back to where it stood before.
///
/// # Errors
/// When none is open, or something that is not staged would be lost: then nothing changes.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    let mut draft = repo.open_draft()?.ok_or(DraftError::NoneOpen)?;
    draft.check(Step::Abort)?;
    let (_, _, changes) = status::summarize(diff_index(repo.db(), some_tree(draft.base).as_ref(), &index)?);
    let head = Head::from(draft.from.clone());
    let version = repo.refs().resolve(&head)?;
    if options.dry_run {
        return Ok(Outcome { draft, changes, head, version, stats: CheckoutStats::default() });
    }
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    let staged = write_tree(&mut index, &writer)?.id;
    writer.finish()?;
    draft.state = DraftState::Aborted;
    draft.staged = Some(staged);
    let target = version.map(|id| repo.db().version(&id)).transpose()?.map(|version| version.tree);
    let mut stats = checkout::between(repo, &mut index, some_tree(staged), target, monitor)?;
    repo.drafts().write(&draft)?;
    {
        let lock = repo.lock_refs(monitor)?;
        let note = repo.note(format!("abort: {}", draft.dataset))?;
        repo.refs().set_head(&lock, None, &head, &note)?;
    }
    drop(index);
    if draft.from_full {
        stats = stats.plus(checkout::fill(repo, false, monitor)?);
    }
    Ok(Outcome { draft, changes, head, version, stats })
}
