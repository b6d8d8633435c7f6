//! Walking from versions to their parents.

use std::collections::{HashMap, HashSet};

use crate::model::{ErrorKind, Interrupt, Interrupted, Version, VersionId};
use crate::plumbing::tree_error::TreeError;
use crate::store::{ObjectDb, StoreError};

/// Why a history could not be walked.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The database failed, or a version is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tree is missing or damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl HistoryError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
        }
    }
}

/// What a walk does at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Goes on to its parents.
    Parents,
    /// Leaves out what lies behind it.
    Stop,
}

/// Visits each version that can be reached from `starts` once, in no definite order.
///
/// # Errors
/// When a version is missing or damaged; when interrupted.
pub fn walk(
    db: &ObjectDb,
    starts: impl IntoIterator<Item = VersionId>,
    interrupt: &Interrupt,
    mut visit: impl FnMut(VersionId, Version) -> Step,
) -> Result<(), HistoryError> {
    let mut pending: Vec<VersionId> = starts.into_iter().collect();
    let mut seen: HashSet<VersionId> = pending.iter().copied().collect();
    while let Some(id) = pending.pop() {
        interrupt.check()?;
        let version = db.version(&id)?;
        let parents = version.parents.clone();
        if visit(id, version) == Step::Parents {
            pending.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
    }
    Ok(())
}

/// All versions that can be reached from `starts`, these included.
///
/// # Errors
/// As [`walk`].
pub fn ancestors(
    db: &ObjectDb,
    starts: impl IntoIterator<Item = VersionId>,
    interrupt: &Interrupt,
) -> Result<HashMap<VersionId, Version>, HistoryError> {
    let mut found = HashMap::new();
    walk(db, starts, interrupt, |id, version| {
        found.insert(id, version);
        Step::Parents
    })?;
    Ok(found)
}
