//! `dsv abort`: sets the open draft aside.

use super::create::some_tree;
use super::{Draft, DraftError, DraftState};
use crate::model::{Head, Monitor, Step, VersionId};
use crate::plumbing::Writer;
use crate::plumbing::checkout::{CheckoutError, CheckoutStats};
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
    let mut draft = match repo.open_draft()? {
        Some(draft) => draft,
        None => half_aborted(repo)?.ok_or(DraftError::NoneOpen)?,
    };
    if draft.staged.is_none() {
        draft.check(Step::Abort)?;
    }
    let (_, _, changes) = status::summarize(diff_index(repo.db(), some_tree(draft.base).as_ref(), &index)?);
    let head = Head::from(draft.from.clone());
    let version = repo.refs().resolve(&head)?;
    if options.dry_run {
        return Ok(Outcome { draft, changes, head, version, stats: CheckoutStats::default() });
    }
    let _objects = repo.lock_objects(monitor)?;
    let staged = match draft.staged {
        Some(staged) => staged,
        None => {
            let writer = Writer::new(repo.db())?;
            let staged = write_tree(&mut index, &writer)?.id;
            writer.finish()?;
            staged
        }
    };
    draft.state = DraftState::Aborted;
    draft.staged = Some(staged);
    // Before the first file goes: what it holds is found again whatever happens.
    repo.drafts().write(&draft)?;
    let target = version.map(|id| repo.db().version(&id)).transpose()?.map(|version| version.tree);
    let moved = checkout::between(repo, &mut index, some_tree(staged), target, monitor);
    if let Err(error @ Error::Checkout(CheckoutError::WouldOverwrite { .. } | CheckoutError::Undone(_))) =
        moved
    {
        // Nothing was touched: it is open as before.
        draft.state = DraftState::Uploading;
        draft.staged = None;
        repo.drafts().write(&draft)?;
        return Err(error);
    }
    let mut stats = moved?;
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

/// A draft of the dataset on which the worktree stands that was being set aside when that was ended.
fn half_aborted(repo: &Repository) -> Result<Option<Draft>, Error> {
    let Head::Dataset(dataset) = repo.refs().head()? else { return Ok(None) };
    let draft = repo.drafts().read(&dataset)?.filter(|draft| draft.staged.is_some());
    let tip = repo.refs().read(&dataset)?;
    Ok(draft.filter(|draft| draft.tip == tip && Head::from(draft.from.clone()) != Head::Dataset(dataset)))
}
