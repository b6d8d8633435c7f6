//! What can go wrong in the local database.

use std::path::PathBuf;

use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::model::{ErrorKind, Interrupted, NameError, ObjectId};
use crate::sys::{IoError, LockError};

/// A failure of the local database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// What was to be stored could not be read.
    #[error("reading failed")]
    Source(#[source] std::io::Error),
    /// A lock could not be had.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A file of the database is not what its format says.
    #[error("'{}' is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// A record of a pack is not what its format says.
    #[error("the {} {id} is damaged, at byte {offset} of '{}'", kind.as_str(), path.display())]
    DamagedRecord {
        /// What the record holds.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
        /// The pack.
        path: PathBuf,
        /// Where its header begins.
        offset: u64,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// An object's bytes are intact but are not what the object's kind says.
    #[error("the {} {id} cannot be read", kind.as_str())]
    Undecodable {
        /// What was expected.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// An object is not in the database.
    #[error("the {} {id} is missing", kind.as_str())]
    Missing {
        /// What was expected.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
    },
    /// A ref is not what its writer expected.
    #[error("{name} moved meanwhile: expected {}, found {}", shown(expected), shown(found))]
    RefMoved {
        /// The ref.
        name: String,
        /// What the writer expected; `None` for no ref.
        expected: Option<ObjectId>,
        /// What is there.
        found: Option<ObjectId>,
    },
    /// A ref's file does not hold an id.
    #[error("the ref '{name}' is damaged: it holds no version id")]
    DamagedRef {
        /// The ref.
        name: String,
    },
    /// A ref's name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A ref cannot be made below another one, or the other way round.
    #[error("'{name}' cannot exist beside '{other}': one would be a folder of the other")]
    RefInTheWay {
        /// The new ref.
        name: String,
        /// The one that exists.
        other: String,
    },
    /// A repository or store format that this program does not know.
    #[error("'{}' {why}; upgrade dsv to use it", path.display())]
    UnsupportedFormat {
        /// The format file.
        path: PathBuf,
        /// What is not known.
        why: String,
    },
}

fn shown(id: &Option<ObjectId>) -> String {
    id.map_or_else(|| "no version".to_owned(), |id| id.to_hex_with_len(12).to_string())
}

impl StoreError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            Self::Source(error) => ErrorKind::of_io(error),
            Self::Lock(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Damaged { source, .. }
            | Self::DamagedRecord { source, .. }
            | Self::Undecodable { source, .. } => source.kind(),
            // An object that something refers to and that is not there is damage, not a wrong name.
            Self::Missing { .. } | Self::DamagedRef { .. } => ErrorKind::Corrupt,
            Self::RefMoved { .. } => ErrorKind::Conflict,
            Self::Name(_) => ErrorKind::InvalidName,
            Self::RefInTheWay { .. } => ErrorKind::AlreadyExists,
            Self::UnsupportedFormat { .. } => ErrorKind::UnsupportedFormat,
        }
    }
}
