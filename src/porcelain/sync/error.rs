//! Why a folder outside of the worktree cannot be taken in.

use std::path::PathBuf;

use crate::model::{ErrorKind, RepoPath};
use crate::plumbing::checkout::CheckoutError;
use crate::porcelain::Error;
use crate::porcelain::error::how_to_keep;

/// Why a folder outside of the worktree cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// What is staged would become part of the version.
    #[error("{}", if *staged == 1 { "a staged change is not committed".to_owned() } else { format!("{staged} staged changes are not committed") })]
    Staged {
        /// How many.
        staged: usize,
    },
    /// Nothing is in the folder, and the dataset has files there: a disk may not be mounted.
    #[error(
        "'{}' {}, and the dataset has {} {}",
        folder.display(),
        if *exists { "is empty" } else { "does not exist" },
        if *files == 1 { "a file".to_owned() } else { format!("{files} files") },
        if at.is_root() { "there".to_owned() } else { format!("at '{at}'") }
    )]
    Empty {
        /// The folder.
        folder: PathBuf,
        /// Where its files are in the dataset.
        at: RepoPath,
        /// How many there are.
        files: u64,
        /// Whether the folder exists.
        exists: bool,
    },
    /// There is no such file or folder.
    #[error("'{}' does not exist", path.display())]
    Missing {
        /// As it was given.
        path: PathBuf,
    },
    /// A file was given where a folder is needed.
    #[error("'{}' is no folder", path.display())]
    NoFolder {
        /// As it was given.
        path: PathBuf,
    },
    /// A pattern matches nothing.
    #[error("no file matches '{pattern}'")]
    NoMatch {
        /// As it was given.
        pattern: String,
    },
    /// The folder holds the worktree.
    #[error("'{}' holds this repository", folder.display())]
    HoldsWorktree {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder lies in the worktree, and was to become something else than it is there.
    #[error("'{}' lies in the worktree, at '{place}'", folder.display())]
    InWorktree {
        /// The folder.
        folder: PathBuf,
        /// Its path in the dataset.
        place: RepoPath,
    },
    /// The dataset has a file where the folder was to be.
    #[error("'{path}' is a file in the dataset")]
    FileThere {
        /// The file.
        path: RepoPath,
    },
    /// What is in the worktree cannot follow the new version.
    #[error(transparent)]
    InTheWay(CheckoutError),
    /// The version was made, and could not be pushed.
    #[error("{version} is committed here, and was not pushed")]
    NotPushed {
        /// Its full label.
        version: String,
        /// Why.
        #[source]
        source: Box<Error>,
    },
}

impl SyncError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Staged { .. }
            | Self::Empty { .. }
            | Self::HoldsWorktree { .. }
            | Self::InWorktree { .. }
            | Self::FileThere { .. } => ErrorKind::Refused,
            Self::Missing { .. } | Self::NoMatch { .. } => ErrorKind::NotFound,
            Self::NoFolder { .. } => ErrorKind::Usage,
            Self::InTheWay(error) => error.kind(),
            Self::NotPushed { source, .. } => source.kind(),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Staged { .. } => {
                "commit them first with 'dsv commit -m MESSAGE', or bring back what was there with 'dsv restore --staged .'"
            }
            Self::Empty { .. } => {
                "is a disk not mounted? If the files are really gone, --allow-empty removes them from the dataset; nothing was changed"
            }
            Self::Missing { .. } => "check the spelling; paths are relative to the current folder",
            Self::NoFolder { .. } => {
                "give the folder that it lies in, or stage it with 'dsv add --from FILE --to PATH'"
            }
            Self::NoMatch { .. } => "quote the pattern, and check the folder in front of it",
            Self::HoldsWorktree { .. } => {
                "a repository cannot take itself in; move it out of that folder, or sync folders beside it"
            }
            Self::InWorktree { .. } => {
                "it is part of the dataset where it is: leave --to and --dataset out, or move it out of the worktree"
            }
            Self::FileThere { .. } => {
                "give another PATH, or remove the file first with 'dsv rm' and 'dsv commit'"
            }
            Self::InTheWay(CheckoutError::WouldOverwrite { obstacles }) => {
                return Some(format!("{}; nothing was changed", how_to_keep(obstacles)));
            }
            Self::InTheWay(_) => return None,
            Self::NotPushed { source, .. } => {
                let why = source.hint().map_or_else(String::new, |hint| format!("{hint}; "));
                return Some(format!("{why}the next 'dsv sync' or 'dsv push' sends it"));
            }
        };
        Some(text.to_owned())
    }
}
