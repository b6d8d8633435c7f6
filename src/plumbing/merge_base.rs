//! `merge-base`: where two lines of versions parted.

use std::collections::{HashSet, VecDeque};

use super::history::{HistoryError, ancestors};
use crate::model::{Interrupt, VersionId};
use crate::store::ObjectDb;

/// The best common ancestors of two versions, the newest first: those from which no other common
/// ancestor descends. There are several where lines crossed, none where they never met.
///
/// # Errors
/// When a version is missing or damaged; when interrupted.
pub fn run(
    db: &ObjectDb,
    one: &VersionId,
    other: &VersionId,
    interrupt: &Interrupt,
) -> Result<Vec<VersionId>, HistoryError> {
    best(db, &[*one], &[*other], interrupt)
}

/// The same of two sides that are made of several versions each.
///
/// # Errors
/// As [`run`].
pub fn best(
    db: &ObjectDb,
    one: &[VersionId],
    other: &[VersionId],
    interrupt: &Interrupt,
) -> Result<Vec<VersionId>, HistoryError> {
    let ours = ancestors(db, one.iter().copied(), interrupt)?;
    let theirs = ancestors(db, other.iter().copied(), interrupt)?;
    let common = || ours.iter().filter(|(id, _)| theirs.contains_key(id));
    // Every ancestor of a common ancestor is common too, so one that is not the best is the parent of
    // another.
    let beaten: HashSet<VersionId> =
        common().flat_map(|(_, version)| version.parents.iter().copied()).collect();
    let mut best: Vec<_> = common().filter(|(id, _)| !beaten.contains(id)).collect();
    best.sort_by_key(|(id, version)| (std::cmp::Reverse(version.time.seconds), **id));
    Ok(best.into_iter().map(|(id, _)| *id).collect())
}

/// Whether one version can be reached from another; each can be reached from itself. Reads no more of the history
/// than it takes to find it.
///
/// # Errors
/// When a version on the way is missing or damaged; when interrupted.
pub fn is_ancestor(
    db: &ObjectDb,
    ancestor: VersionId,
    descendant: VersionId,
    interrupt: &Interrupt,
) -> Result<bool, HistoryError> {
    let mut pending = VecDeque::from([descendant]);
    let mut seen = HashSet::from([descendant]);
    while let Some(id) = pending.pop_front() {
        if id == ancestor {
            return Ok(true);
        }
        interrupt.check()?;
        pending.extend(db.version(&id)?.parents.into_iter().filter(|parent| seen.insert(*parent)));
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
