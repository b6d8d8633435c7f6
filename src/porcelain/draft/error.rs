//! Why a draft cannot be opened, ended or gone on with.

use crate::model::{DatasetName, ErrorKind};
use crate::plumbing::checkout::CheckoutError;

/// Why a draft cannot be opened, ended or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Files of the worktree that are not committed are where the draft has others. Nothing was touched.
    #[error(transparent)]
    InTheWay(#[from] CheckoutError),
    /// One is open.
    #[error("a draft of '{name}' is open")]
    Open {
        /// Its dataset.
        name: DatasetName,
    },
    /// One of that dataset lies aside.
    #[error("a draft of '{name}' was set aside")]
    Aside {
        /// Its dataset.
        name: DatasetName,
    },
    /// There is none of that dataset.
    #[error("there is no draft of '{name}'")]
    None {
        /// The dataset.
        name: DatasetName,
    },
    /// None is open.
    #[error("no draft is open")]
    NoneOpen,
    /// None lies aside, or several do.
    #[error("{} drafts lie aside", if names.is_empty() { "no".to_owned() } else { names.len().to_string() })]
    Which {
        /// Their datasets.
        names: Vec<String>,
    },
    /// What is staged would become part of it.
    #[error("{staged} staged changes are not committed")]
    Staged {
        /// How many.
        staged: usize,
    },
    /// The dataset has another newest version than when the draft was opened.
    #[error("'{name}' was moved since the draft was opened{}", newest.as_ref().map_or_else(String::new, |newest| format!(", to {newest}")))]
    Moved {
        /// The dataset.
        name: DatasetName,
        /// Its newest version, if it has any.
        newest: Option<String>,
    },
    /// The dataset's newest version is not among what the draft is made from.
    #[error("'{name}' exists, and its newest version {newest} is not among the parents")]
    NotFromNewest {
        /// The dataset.
        name: DatasetName,
        /// Its newest version.
        newest: String,
    },
}

impl DraftError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InTheWay(error) => error.kind(),
            Self::Open { .. } | Self::Staged { .. } | Self::NotFromNewest { .. } | Self::Moved { .. } => {
                ErrorKind::Refused
            }
            Self::Aside { .. } => ErrorKind::AlreadyExists,
            Self::None { .. } | Self::NoneOpen => ErrorKind::NotFound,
            Self::Which { names } if names.is_empty() => ErrorKind::NotFound,
            Self::Which { .. } => ErrorKind::Ambiguous,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::InTheWay(_) => {
                "commit them with 'dsv commit -a -m MESSAGE', or move them away; nothing was changed".to_owned()
            }
            Self::Open { name } => format!(
                "'dsv commit' makes it a version, 'dsv abort' sets it aside ('dsv resume {name}' brings it back)"
            ),
            Self::Aside { name } => {
                format!("'dsv resume {name}' goes on with it, 'dsv delete --draft {name}' is rid of it")
            }
            Self::None { .. } => "'dsv list --all' shows drafts; 'dsv create NAME' opens one".to_owned(),
            Self::NoneOpen => "open one with 'dsv create NAME'; 'dsv list --all' shows those that lie aside".to_owned(),
            Self::Which { names } if names.is_empty() => "'dsv create NAME' opens one".to_owned(),
            Self::Which { names } => format!("name one of {}", names.join(", ")),
            Self::Staged { .. } => {
                "commit them first with 'dsv commit -m MESSAGE', or bring back what was there with 'dsv restore --staged .'".to_owned()
            }
            Self::Moved { name, .. } => format!(
                "'dsv resume {name} --as NAME' goes on with it as a dataset of its own; 'dsv merge' brings both together"
            ),
            Self::NotFromNewest { name, .. } => {
                format!("add it with '--parents {name}', or choose another name for the new dataset")
            }
        })
    }
}
