//! `update-ref`, `symbolic-ref`, `for-each-ref`: refs as scripts see them.

use crate::model::{DatasetName, ErrorKind, Expected, Head, RefName, VersionId};
use crate::store::{Note, ObjectDb, Refs, RefsLock, StoreError};

/// Why a ref was not moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed, or the ref is not what was expected.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A ref would name what is not there.
    #[error("there is no version {0}")]
    NoVersion(VersionId),
    /// `HEAD` was to be removed.
    #[error("HEAD cannot be removed")]
    HeadStays,
    /// Where a remote is, only the remote tells.
    #[error("refs of remotes are moved by 'dsv fetch' and 'dsv push' alone")]
    Tracking,
    /// `HEAD` is not symbolic.
    #[error("HEAD is detached: it names the version {}, no dataset", .0.short(12))]
    Detached(VersionId),
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::NoVersion(_) => ErrorKind::NotFound,
            Self::HeadStays => ErrorKind::Usage,
            Self::Detached(_) | Self::Tracking => ErrorKind::Refused,
        }
    }
}

/// Moves, makes or (`new` is `None`) removes a ref. `HEAD` stands for the dataset that it names, or is
/// moved itself where it is detached.
///
/// # Errors
/// When the ref is not what is expected, `new` is no version of the database, or the system fails.
pub fn update_ref(
    db: &ObjectDb,
    refs: &Refs,
    lock: &RefsLock,
    name: &RefName,
    expected: Expected,
    new: Option<VersionId>,
    note: &Note,
) -> Result<(), Error> {
    if let Some(id) = new {
        check_version(db, id)?;
    }
    let head = match name {
        RefName::Dataset(name) => return Ok(refs.update(lock, name, expected, new, note)?),
        RefName::Tracking(..) => return Err(Error::Tracking),
        RefName::Head => refs.head()?,
    };
    match (&head, new) {
        (Head::Dataset(name), _) => Ok(refs.update(lock, name, expected, new, note)?),
        (Head::Detached(_), None) => Err(Error::HeadStays),
        (Head::Detached(found), Some(_)) if !expected.allows(Some(*found)) => {
            Err(StoreError::HeadMoved.into())
        }
        (Head::Detached(_), Some(id)) => Ok(refs.set_head(lock, Some(&head), &Head::Detached(id), note)?),
    }
}

fn check_version(db: &ObjectDb, id: VersionId) -> Result<(), Error> {
    match db.version(&id) {
        Ok(_) => Ok(()),
        Err(StoreError::Missing { .. }) => Err(Error::NoVersion(id)),
        Err(error) => Err(error.into()),
    }
}

/// The dataset that `HEAD` names.
///
/// # Errors
/// When it is detached or cannot be read.
pub fn symbolic_ref(refs: &Refs) -> Result<DatasetName, Error> {
    match refs.head()? {
        Head::Dataset(name) => Ok(name),
        Head::Detached(id) => Err(Error::Detached(id)),
    }
}

/// All datasets whose full or short name begins with `prefix` up to its end or to a slash, in order.
///
/// # Errors
/// When a ref is damaged or cannot be read.
pub fn for_each_ref(refs: &Refs, prefix: &str) -> Result<Vec<(RefName, VersionId)>, Error> {
    let begins = |name: &str| {
        let prefix = prefix.trim_end_matches('/');
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    let list = refs.list()?.into_iter().map(|(name, id)| (RefName::Dataset(name), id));
    let wanted = list.filter(|(name, _)| {
        let full = name.to_string();
        let short = full.strip_prefix(crate::model::DATASET_REFS).unwrap_or(&full);
        begins(&full) || begins(short)
    });
    Ok(wanted.collect())
}

#[cfg(test)]
mod tests;
