//! What is known of a merge under way.

use super::MergeError;
use crate::model::{Favour, MergeConflict, MergeState, MergedEntry, VersionId};
use crate::plumbing::sparse::Behind;
use crate::porcelain::{Error, Repository};
use crate::store::{read_merge, remove_merge, write_merge};
use crate::worktree::{Staged, StagingIndex};

/// A conflict, and whether it is solved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictStatus {
    /// The conflict.
    pub conflict: MergeConflict,
    /// Whether somebody chose a side, or staged something else than our side has.
    pub solved: bool,
}

/// A merge that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// What is known of it.
    pub state: MergeState,
    /// Its conflicts, in byte order of path.
    pub conflicts: Vec<ConflictStatus>,
}

/// The merge that is under way, if there is one.
///
/// # Errors
/// When what is known of it, or the staging index, is damaged.
pub fn under_way(repo: &Repository) -> Result<Option<UnderWay>, Error> {
    let Some(state) = current(repo, repo.refs().head_version()?)? else { return Ok(None) };
    let index = repo.index()?;
    let conflicts = state.conflicts.iter().map(|conflict| {
        Ok(ConflictStatus { conflict: conflict.clone(), solved: is_solved(repo, &index, conflict)? })
    });
    let conflicts = conflicts.collect::<Result<_, Error>>()?;
    Ok(Some(UnderWay { state, conflicts }))
}

/// What the file says, whatever became of it.
fn read(repo: &Repository) -> Result<Option<MergeState>, Error> {
    read_merge(&**repo.fs(), repo.layout()).map_err(|source| match source.kind() {
        crate::model::ErrorKind::Corrupt | crate::model::ErrorKind::UnsupportedFormat => {
            MergeError::Unreadable { source }.into()
        }
        _ => source.into(),
    })
}

/// The merge that is under way. One of which the version is there was ended, and the file is what a crash left behind.
pub(super) fn current(repo: &Repository, head: Option<VersionId>) -> Result<Option<MergeState>, Error> {
    let Some(state) = read(repo)? else { return Ok(None) };
    let Some(head) = head.filter(|head| *head != state.head) else { return Ok(Some(state)) };
    let is_ended = repo.db().version(&head)?.parents == state.parents();
    Ok(Some(state).filter(|_| !is_ended))
}

/// Demands that no merge is under way, and clears away what a crash left of one that was ended; the caller holds the lock of the
/// staging index.
///
/// # Errors
/// When one is.
pub(in crate::porcelain) fn refuse_under_way(repo: &Repository) -> Result<(), Error> {
    match current(repo, repo.refs().head_version()?)? {
        Some(state) => Err(MergeError::UnderWay { action: state.action }.into()),
        None => forget(repo),
    }
}

/// The merge that a commit ends.
///
/// # Errors
/// When the dataset was moved since it began, or it stopped half-way.
pub(in crate::porcelain) fn to_commit(
    repo: &Repository,
    head: Option<VersionId>,
) -> Result<Option<MergeState>, Error> {
    let Some(state) = current(repo, head)? else {
        forget(repo)?;
        return Ok(None);
    };
    match head {
        Some(head) if head != state.head => Err(MergeError::HeadMoved { head }.into()),
        // What is staged may be a part of it, or nothing.
        _ if !state.applied => Err(MergeError::UnderWay { action: state.action }.into()),
        _ => Ok(Some(state)),
    }
}

/// Demands that every conflict is solved.
///
/// # Errors
/// [`MergeError::Unsolved`].
pub(in crate::porcelain) fn check_solved(
    repo: &Repository,
    index: &StagingIndex,
    state: &MergeState,
) -> Result<(), Error> {
    let mut paths = Vec::new();
    for conflict in &state.conflicts {
        if !is_solved(repo, index, conflict)? {
            paths.push(conflict.path.clone());
        }
    }
    if paths.is_empty() { Ok(()) } else { Err(MergeError::Unsolved { paths }.into()) }
}

/// Whether somebody chose a side, or something else is staged than our side has.
pub(super) fn is_solved(
    repo: &Repository,
    index: &StagingIndex,
    conflict: &MergeConflict,
) -> Result<bool, Error> {
    if conflict.solved.is_some() {
        return Ok(true);
    }
    let staged = Behind::new(repo.db(), index).staged(index, &conflict.path)?;
    Ok(staged.as_ref().map(staged_as) != conflict.ours)
}

pub(super) const fn staged_as(staged: &Staged) -> MergedEntry {
    MergedEntry { kind: staged.kind, size: staged.size, id: staged.id }
}

/// Writes down what is known.
///
/// # Errors
/// When there are too many conflicts for that.
pub(super) fn write(repo: &Repository, state: &MergeState) -> Result<(), Error> {
    if write_merge(repo.fs(), repo.layout(), state)? {
        return Ok(());
    }
    Err(MergeError::TooManyConflicts { count: state.conflicts.len() }.into())
}

/// Says that no merge is under way.
///
/// # Errors
/// When the file cannot be removed.
pub(in crate::porcelain) fn forget(repo: &Repository) -> Result<(), Error> {
    Ok(remove_merge(repo.fs(), repo.layout())?)
}

/// Whether theirs lies beside ours, where both were chosen.
pub(super) fn is_beside(conflict: &MergeConflict) -> bool {
    conflict.solved == Some(Favour::Both) && conflict.beside.as_ref() != Some(&conflict.path)
}
