//! What can go wrong with the user's files and with what is known of them.

use std::path::PathBuf;

use crate::codec::DecodeError;
use crate::model::{ErrorKind, Interrupted};
use crate::sys::IoError;

/// A failure in the worktree or in the staging index.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A file of the staging index is not what its format says, or is of a newer format.
    #[error("the staging index '{}' cannot be read", path.display())]
    IndexUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The journal of the staging index names a base file that does not exist.
    #[error("the staging index is damaged: '{}' is missing", path.display())]
    IndexMissing {
        /// The file.
        path: PathBuf,
    },
    /// The staging index is not what it was when it was opened, though it was locked.
    #[error("the staging index '{}' was changed by another program", path.display())]
    IndexChanged {
        /// The file.
        path: PathBuf,
    },
    /// The root of a dataset cannot be staged as an entry.
    #[error("the root of the dataset is no entry")]
    RootIsNoEntry,
}

impl WorktreeError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::IndexUnreadable { source, .. } => source.kind(),
            Self::IndexMissing { .. } => ErrorKind::Corrupt,
            Self::IndexChanged { .. } => ErrorKind::Conflict,
            Self::RootIsNoEntry => ErrorKind::InvalidPath,
        }
    }
}
