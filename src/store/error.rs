//! What can go wrong in the local database.

use std::path::PathBuf;

use super::link_source::LinkError;
use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::model::{DatasetName, ErrorKind, Expected, Interrupted, NameError, ObjectId, RefName, VersionId};
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
    /// An object that is not here can be had, and did not come.
    #[error("something that is not here could not be fetched from '{url}'")]
    NotFetched {
        /// Where it can be had.
        url: String,
        /// The stable kind of what failed.
        kind: ErrorKind,
        /// What to do next, where that is known.
        hint: Option<String>,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What an external link leads to could not be had.
    #[error(transparent)]
    Link(#[from] Box<LinkError>),
    /// The pack that holds a record is not there.
    #[error("the {} {id} is lost: its pack '{}' is missing", kind.as_str(), path.display())]
    MissingPack {
        /// What the record holds.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
        /// Where the pack should be.
        path: PathBuf,
    },
    /// An object is larger than a record may be.
    #[error("a {} of {len} bytes is too large: at most {max} can be stored", kind.as_str())]
    TooLarge {
        /// What was to be stored.
        kind: RecordKind,
        /// Its length in bytes.
        len: u64,
        /// The largest length.
        max: u64,
    },
    /// A ref is not what its writer expected.
    #[error(
        "the dataset '{name}' moved meanwhile: expected {}, found {}",
        expectation(expected),
        shown(found)
    )]
    RefMoved {
        /// The dataset.
        name: DatasetName,
        /// What the writer expected.
        expected: Expected,
        /// What is there.
        found: Option<VersionId>,
    },
    /// `HEAD` is not what its writer expected.
    #[error("HEAD moved meanwhile")]
    HeadMoved,
    /// A ref's file does not hold what it should.
    #[error("the ref '{name}' is damaged")]
    DamagedRef {
        /// The ref.
        name: RefName,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// A ref's name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A ref cannot be made below another one, or the other way round.
    #[error("the dataset '{name}' cannot exist beside '{other}': one would be a folder of the other")]
    RefInTheWay {
        /// The new ref.
        name: DatasetName,
        /// The one that exists.
        other: DatasetName,
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

fn shown(id: &Option<VersionId>) -> String {
    id.map_or_else(|| "no version".to_owned(), |id| id.short(12))
}

fn expectation(expected: &Expected) -> String {
    match expected {
        Expected::Any => "anything".to_owned(),
        Expected::Absent => shown(&None),
        Expected::Is(id) => shown(&Some(*id)),
    }
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
            | Self::Undecodable { source, .. }
            | Self::DamagedRef { source, .. } => source.kind(),
            // An object that something refers to and that is not there is damage, not a wrong name.
            Self::Missing { .. } | Self::MissingPack { .. } => ErrorKind::Corrupt,
            Self::NotFetched { kind, .. } => *kind,
            Self::Link(error) => error.kind(),
            Self::TooLarge { .. } => ErrorKind::Refused,
            Self::RefMoved { .. } | Self::HeadMoved => ErrorKind::Conflict,
            Self::Name(_) => ErrorKind::InvalidName,
            Self::RefInTheWay { .. } => ErrorKind::AlreadyExists,
            Self::UnsupportedFormat { .. } => ErrorKind::UnsupportedFormat,
        }
    }
}
