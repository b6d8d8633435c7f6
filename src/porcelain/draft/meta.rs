//! `dsv meta`: keys and values of versions and drafts.

use std::collections::BTreeMap;

use super::DraftError;
use crate::model::{Monitor, VersionId};
use crate::porcelain::record::RecordError;
use crate::porcelain::{Error, Repository};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// Look at those of a version, or of the open draft.
    Get {
        /// The version.
        version: Option<VersionId>,
        /// Only this one.
        key: Option<String>,
    },
    /// Change those of the open draft.
    Set {
        /// Keys and their new values.
        values: BTreeMap<String, serde_json::Value>,
        /// Keys to take away.
        unset: Vec<String>,
    },
}

/// The keys and values; of the open draft, unless a version was named.
pub type Metadata = BTreeMap<String, serde_json::Value>;

/// Looks at metadata, or changes that of the open draft.
///
/// # Errors
/// When no draft is open and no version is named, or the draft cannot be written.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Metadata, Error> {
    match options {
        Options::Get { version, key } => {
            let mut metadata = match version {
                Some(id) => repo.db().version(id)?.metadata,
                None => match repo.open_draft()? {
                    Some(draft) => draft.metadata,
                    None => repo.head_version()?.ok_or(Error::NoVersion)?.1.metadata,
                },
            };
            if let Some(key) = key {
                metadata.retain(|known, _| known == key);
            }
            Ok(metadata)
        }
        Options::Set { values, unset } => {
            let _index = repo.lock_index(monitor)?;
            let Some(mut draft) = repo.open_draft()? else {
                // Who stands on a version means that one.
                return Err(match repo.head_version()? {
                    Some((_, version)) => RecordError::FixedMetadata { what: version.full_label() }.into(),
                    None => DraftError::NoneOpen.into(),
                });
            };
            unset.iter().for_each(|key| drop(draft.metadata.remove(key)));
            draft.metadata.extend(values.clone());
            repo.drafts().write(&draft)?;
            Ok(draft.metadata)
        }
    }
}
