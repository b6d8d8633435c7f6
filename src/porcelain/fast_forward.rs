//! The current dataset goes on to a version that descends from its own, and the worktree with it.

use super::checkout::{self, Wanted, go_sparse};
use super::{Error, Repository, merge};
use crate::model::{DatasetName, Expected, Head, Monitor, VersionId};
use crate::plumbing::checkout::CheckoutStats;
use crate::worktree::IndexEditor;

/// Moves a dataset. Where it is the current one, the worktree follows: what differs between the two versions only is
/// touched. With `sparse`, the worktree becomes one that holds only what is wanted.
///
/// # Errors
/// When something uncommitted would be lost, or a draft of the current dataset is open: then nothing is touched; when the dataset moved
/// meanwhile.
pub(super) fn fast_forward(
    repo: &Repository,
    dataset: &DatasetName,
    before: Option<VersionId>,
    to: VersionId,
    sparse: Option<Wanted>,
    why: &str,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    let is_current = repo.refs().head()? == Head::Dataset(dataset.clone());
    if !is_current {
        move_ref(repo, dataset, before, to, why, monitor)?;
        return Ok(CheckoutStats::default());
    }
    let mut index = repo.edit_index(monitor)?;
    merge::refuse_under_way(repo)?;
    repo.check_no_draft()?;
    let stats = bring(repo, &mut index, before, to, sparse, monitor)?;
    // With the lock of the index still held, so that no commit comes in between.
    move_ref(repo, dataset, before, to, why, monitor)?;
    Ok(stats)
}

/// Brings worktree and index to a version. A sparse worktree stays so, and takes of what is new what is wanted.
fn bring(
    repo: &Repository,
    index: &mut IndexEditor,
    before: Option<VersionId>,
    to: VersionId,
    sparse: Option<Wanted>,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    let old = before.map(|id| repo.db().version(&id)).transpose()?.map(|version| version.tree);
    let new = repo.db().version(&to)?.tree;
    if index.is_sparse() || sparse.is_some() {
        let head = repo.refs().head()?;
        let options = checkout::Options { head, version: Some(to), create: false, force: false, sparse };
        return Ok(go_sparse(repo, &options, index, old, Some(new), monitor)?.0);
    }
    checkout::between(repo, index, old, Some(new), monitor)
}

fn move_ref(
    repo: &Repository,
    dataset: &DatasetName,
    before: Option<VersionId>,
    to: VersionId,
    why: &str,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let lock = repo.lock_refs(monitor)?;
    let note = repo.note(why)?;
    Ok(repo.refs().update(&lock, dataset, Expected::unchanged(before), Some(to), &note)?)
}
