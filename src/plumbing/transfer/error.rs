//! Why objects could not be sent or fetched.

use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::model::{DatasetName, ErrorKind, Interrupted, ObjectId, VersionId};
use crate::plumbing::TreeError;
use crate::plumbing::history::HistoryError;
use crate::remote::RemoteError;
use crate::store::StoreError;
use crate::sys::IoError;

/// A transfer that did not end well. What was there before, here and there, is as it was.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The local database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The remote failed.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A tree is missing or damaged here.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The history could not be walked.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The local file system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// An object of the remote is not what its format says, or what refers to it.
    #[error("'{key}' on '{url}' is damaged")]
    Damaged {
        /// The remote.
        url: String,
        /// The object.
        key: String,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// An object that something on the remote refers to is not there.
    #[error("'{key}' is missing on '{url}'")]
    MissingObject {
        /// The remote.
        url: String,
        /// The object.
        key: String,
    },
    /// No segment lists a record that a version needs.
    #[error("the {} {id} is not on '{url}', though a version there needs it", kind.as_str())]
    MissingRecord {
        /// The remote.
        url: String,
        /// What the record holds.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
    },
    /// A remote that objects were on has no dataset any more.
    #[error("there is no dataset on '{url}' any more")]
    NothingThere {
        /// The remote.
        url: String,
    },
    /// The remote was written by a newer program.
    #[error("'{url}' {why}; upgrade dsv to use it")]
    UnsupportedFormat {
        /// The remote.
        url: String,
        /// What is not known.
        why: String,
    },
    /// The store does not show an object as it was sent.
    #[error("'{key}' has {found} on '{url}' after {expected} bytes were sent")]
    NotConfirmed {
        /// The remote.
        url: String,
        /// The object.
        key: String,
        /// Bytes sent.
        expected: u64,
        /// What is there, for people.
        found: String,
    },
    /// The dataset on the remote has versions that the one to be sent does not descend from.
    #[error("'{dataset}' on '{url}' is at {}, which {} does not descend from", theirs.short(12), ours.short(12))]
    Diverged {
        /// The remote.
        url: String,
        /// The dataset.
        dataset: DatasetName,
        /// Where it is there.
        theirs: VersionId,
        /// What was to be sent.
        ours: VersionId,
    },
    /// The dataset on the remote is not where the caller expected it.
    #[error("'{dataset}' on '{url}' moved meanwhile: {} is there", found(theirs))]
    Moved {
        /// The remote.
        url: String,
        /// The dataset.
        dataset: DatasetName,
        /// Where it is there.
        theirs: Option<VersionId>,
    },
}

fn found(id: &Option<VersionId>) -> String {
    id.map_or_else(|| "no version".to_owned(), |id| id.short(12))
}

impl TransferError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Remote(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::History(error) => error.kind(),
            Self::Io(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Damaged { source, .. } => source.kind(),
            Self::MissingObject { .. } | Self::MissingRecord { .. } | Self::NotConfirmed { .. } => {
                ErrorKind::Corrupt
            }
            Self::NothingThere { .. } => ErrorKind::RemoteNotFound,
            Self::UnsupportedFormat { .. } => ErrorKind::UnsupportedFormat,
            Self::Diverged { .. } | Self::Moved { .. } => ErrorKind::Conflict,
        }
    }
}
