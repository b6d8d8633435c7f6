//! `dsv resume`: goes on with a draft that was set aside.

use super::create::{settle, some_tree, stand_on};
use super::{Draft, DraftError, DraftState};
use crate::model::{DatasetName, Monitor, Step};
use crate::plumbing::checkout::CheckoutStats;
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::DiffTotals;
use crate::porcelain::{Error, Repository, checkout, merge, status};

/// Which draft.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Its dataset; the only one that lies aside unless told.
    pub dataset: Option<DatasetName>,
    /// Go on with it as a draft of this dataset, which must not exist.
    pub as_dataset: Option<DatasetName>,
}

/// What is open again.
#[derive(Debug)]
pub struct Outcome {
    /// The draft.
    pub draft: Draft,
    /// What it changes of what it inherited.
    pub changes: DiffTotals,
    /// What became of the worktree.
    pub stats: CheckoutStats,
}

/// Opens a draft again, with all that was staged.
///
/// # Errors
/// When none lies aside, or another one is open; when something is staged or would be lost; when the dataset has got a newer
/// version since. Then nothing changes.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    merge::refuse_under_way(repo)?;
    let mut draft = choose(repo, options)?;
    // One that is open and failed goes on as it is.
    if draft.staged.is_none() {
        draft.check(Step::Resume)?;
        draft.state = DraftState::Uploading;
        draft.reason = None;
        repo.drafts().write(&draft)?;
        let (_, _, changes) =
            status::summarize(diff_index(repo.db(), some_tree(draft.base).as_ref(), &index)?);
        return Ok(Outcome { draft, changes, stats: CheckoutStats::default() });
    }
    repo.check_no_draft()?;
    draft.check(Step::Resume)?;
    let was = draft.dataset.clone();
    match &options.as_dataset {
        Some(name) => become_draft_of(repo, &mut draft, name)?,
        None => check_not_moved(repo, &draft)?,
    }
    let before = repo.head_tree()?;
    let staged = diff_index(repo.db(), before.as_ref(), &index)?.len();
    let holds = draft.staged.unwrap_or(draft.base);
    // What an attempt that was ended has staged is no work of anybody's.
    let goes_on = staged > 0 && checkout::is_half_settled(repo, &index, &holds)?;
    if staged > 0 && !goes_on {
        return Err(DraftError::Staged { staged }.into());
    }
    draft.from = repo.refs().head()?.into();
    draft.from_full = !index.is_sparse();
    draft.state = DraftState::Uploading;
    let _objects = repo.lock_objects(monitor)?;
    if goes_on {
        checkout::take_half_settled(repo, &mut index)?;
    }
    let mut stats = settle(repo, &mut index, holds, monitor)?;
    // What it inherits stays away; what was worked on comes back.
    let (base, holds) = (some_tree(draft.base), some_tree(holds));
    stats = stats.plus(checkout::bring_changed(repo, &mut index, base, holds, monitor)?);
    draft.staged = None;
    // Its tree is held by the staging index now.
    stand_on(repo, &draft, "resume", monitor)?;
    repo.drafts().write(&draft)?;
    if was != draft.dataset {
        repo.drafts().remove(&was)?;
    }
    let (_, _, changes) = status::summarize(diff_index(repo.db(), some_tree(draft.base).as_ref(), &index)?);
    Ok(Outcome { draft, changes, stats })
}

/// Refuses a draft whose dataset has got another newest version since: the next one would not follow that.
fn check_not_moved(repo: &Repository, draft: &Draft) -> Result<(), Error> {
    let tip = repo.refs().read(&draft.dataset)?;
    if tip == draft.tip {
        return Ok(());
    }
    let newest = tip.map(|tip| repo.db().version(&tip)).transpose()?.map(|version| version.full_label());
    Err(DraftError::Moved { name: draft.dataset.clone(), newest }.into())
}

fn become_draft_of(repo: &Repository, draft: &mut Draft, name: &DatasetName) -> Result<(), Error> {
    if repo.refs().read(name)?.is_some() || repo.drafts().read(name)?.is_some() {
        return Err(Error::DatasetExists { name: name.clone() });
    }
    repo.refs().check_room(name)?;
    draft.dataset = name.clone();
    draft.tip = None;
    // It was chosen among the labels of another dataset.
    draft.label = None;
    Ok(())
}

fn choose(repo: &Repository, options: &Options) -> Result<Draft, Error> {
    if let Some(name) = &options.dataset {
        return repo.drafts().read(name)?.ok_or_else(|| DraftError::None { name: name.clone() }.into());
    }
    let mut drafts = super::all(repo)?;
    if let Some(failed) = drafts.iter().position(|draft| draft.state == DraftState::Failed) {
        return Ok(drafts.swap_remove(failed));
    }
    drafts.retain(|draft| draft.staged.is_some());
    match drafts.len() {
        1 => Ok(drafts.remove(0)),
        _ => {
            let names = drafts.into_iter().map(|draft| draft.dataset.to_string()).collect();
            Err(DraftError::Which { names }.into())
        }
    }
}
