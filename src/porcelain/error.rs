//! What can go wrong in what a person asked for.

use std::path::PathBuf;

use super::settings::SettingsError;
use crate::model::{ErrorKind, Interrupted, NameError, PathError, quote_path};
use crate::plumbing::gc;
use crate::plumbing::host::IoError;
use crate::store::StoreError;
use crate::worktree::WorktreeError;

/// Why a verb ended without doing what it was asked.
///
/// The text never repeats that of the cause behind it; whoever shows it walks the chain of sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The worktree or the staging index failed.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// `gc` could not find out what is in use, or not remove the rest.
    #[error(transparent)]
    Gc(#[from] gc::Error),
    /// A setting cannot be read or written.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A path cannot be part of a dataset.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// No repository here or above.
    #[error("'{}' is not inside a dsv repository", start.display())]
    NotARepository {
        /// Where the search began.
        start: PathBuf,
    },
    /// There is a `.dsv` that `init` began and did not finish.
    #[error("the repository in '{}' was not finished", root.display())]
    Unfinished {
        /// The folder with `.dsv`.
        root: PathBuf,
    },
    /// The shared store of a repository is not there.
    #[error("the shared store '{}' of this repository is not there", path.display())]
    StoreAway {
        /// Where it should be.
        path: PathBuf,
    },
    /// The folder that is to become a shared store holds something else.
    #[error("'{}' cannot become a shared store: {why}", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// A path that a person gave lies outside of the worktree.
    #[error("{} is outside of the dataset's folder '{}'", shown(path), root.display())]
    OutsideWorktree {
        /// The path as it was given.
        path: PathBuf,
        /// The folder.
        root: PathBuf,
    },
}

/// A path in quotes of one kind or the other.
fn shown(path: &std::path::Path) -> String {
    let text = quote_path(path.as_os_str().as_encoded_bytes());
    if text.starts_with('"') { text } else { format!("'{text}'") }
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Worktree(error) => error.kind(),
            Self::Io(error) => error.kind(),
            Self::Gc(error) => error.kind(),
            Self::Settings(error) => error.kind(),
            Self::Name(_) => ErrorKind::InvalidName,
            Self::Path(_) => ErrorKind::InvalidPath,
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::NotARepository { .. } | Self::Unfinished { .. } => ErrorKind::NotARepository,
            Self::StoreAway { .. } => ErrorKind::NotFound,
            Self::NoStore { .. } => ErrorKind::Refused,
            Self::OutsideWorktree { .. } => ErrorKind::OutsideWorktree,
        }
    }

    /// What the person can do next, when there is something.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Settings(error) => return error.hint(),
            Self::Store(error) => return store_hint(error),
            Self::Gc(error) => return gc_hint(error),
            Self::NotARepository { .. } => "make one with 'dsv init' in the folder of your data",
            Self::Unfinished { .. } => "run 'dsv init' there once more to finish it",
            Self::StoreAway { .. } => "is a disk or a network folder not mounted?",
            Self::NoStore { .. } => "name a folder that is empty or does not exist",
            Self::Worktree(_)
            | Self::Io(_)
            | Self::Name(_)
            | Self::Path(_)
            | Self::Interrupted(_)
            | Self::OutsideWorktree { .. } => return None,
        };
        Some(text.to_owned())
    }
}

fn gc_hint(error: &gc::Error) -> Option<String> {
    match error {
        gc::Error::Store(error) => store_hint(error),
        gc::Error::UnreadableIndex { .. } => {
            Some("'dsv index-pack' makes the index of a pack anew; remove the damaged one then".to_owned())
        }
        gc::Error::UserGone { .. } => Some(
            "is a disk not mounted? If the repository was deleted, run 'dsv gc --forget-missing'".to_owned(),
        ),
        gc::Error::InUseDamaged { .. } | gc::Error::Repository { .. } | gc::Error::StagingIndex { .. } => {
            Some("'dsv fsck', run in that repository, tells what is damaged and what is lost".to_owned())
        }
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    match error.kind() {
        ErrorKind::Locked => {
            Some("try again, or wait longer with 'dsv config set core.lock-timeout SECONDS'".to_owned())
        }
        ErrorKind::Corrupt => Some("'dsv fsck' tells what else is damaged and what is whole".to_owned()),
        ErrorKind::DiskFull => Some("make room and run the command again; nothing was lost".to_owned()),
        _ => None,
    }
}
