//! Drafts: the version that is being made, opened by `dsv create` and ended by `dsv commit` or `dsv abort`.
//!
//! A repository has one open draft at the most, that of the dataset on which the worktree stands; what is staged is what it
//! holds, over what its parents give together. Any number can lie aside, each with a tree of its own.

pub mod abort;
pub mod create;
mod error;
pub mod meta;
pub mod resume;
pub mod upload;

pub use crate::model::{Draft, DraftState};
pub use error::DraftError;

use super::{Error, Repository};
use crate::model::{DatasetName, Head, Version, VersionId};

/// All drafts: the open one first, then those that lie aside in order of name.
///
/// # Errors
/// When one cannot be read.
pub fn all(repo: &Repository) -> Result<Vec<Draft>, Error> {
    Ok(repo.open_draft()?.into_iter().chain(aside(repo)?).collect())
}

/// The drafts that lie aside, in order of name.
///
/// # Errors
/// When one cannot be read.
pub fn aside(repo: &Repository) -> Result<Vec<Draft>, Error> {
    let mut drafts = repo.drafts().list()?;
    // One that is neither open nor has a tree is what a crash left of one that was being opened or was committed.
    drafts.retain(|draft| draft.staged.is_some());
    Ok(drafts)
}

/// Removes a draft that lies aside; what it holds goes with the next `gc`.
///
/// # Errors
/// When there is none, or it is open.
pub fn delete(repo: &Repository, dataset: &DatasetName, dry_run: bool) -> Result<Draft, Error> {
    let draft = repo.drafts().read(dataset)?.ok_or_else(|| DraftError::None { name: dataset.clone() })?;
    if draft.staged.is_none() {
        return Err(DraftError::Open { name: dataset.clone() }.into());
    }
    if !dry_run {
        repo.drafts().remove(dataset)?;
    }
    Ok(draft)
}

impl Repository {
    /// The draft that what is staged belongs to.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open_draft(&self) -> Result<Option<Draft>, Error> {
        let Head::Dataset(dataset) = self.refs().head()? else { return Ok(None) };
        let draft = self.drafts().read(&dataset)?;
        let Some(draft) = draft.filter(|draft| draft.staged.is_none()) else { return Ok(None) };
        let tip = self.refs().read(&dataset)?;
        // Committed, and a crash came before it could be removed.
        Ok(if tip == draft.tip { Some(draft) } else { None })
    }

    /// Demands that no draft is open: the worktree is about to stand elsewhere.
    pub(super) fn check_no_draft(&self) -> Result<(), Error> {
        match self.open_draft()? {
            Some(draft) => Err(DraftError::Open { name: draft.dataset }.into()),
            None => Ok(()),
        }
    }

    /// The versions that are parents of the next one, and the tree that they give together.
    pub(super) fn parents(&self, draft: Option<&Draft>) -> Result<Vec<(VersionId, Version)>, Error> {
        match draft {
            None => Ok(self.head_version()?.into_iter().collect()),
            Some(draft) => draft.parents.iter().map(|id| Ok((*id, self.db().version(id)?))).collect(),
        }
    }
}
