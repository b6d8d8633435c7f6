//! Why the record of a version cannot be changed so.

use crate::model::{DatasetName, ErrorKind, IllegalStep, VersionState};

/// Why a version cannot be published, deleted, renamed or described so.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its state does not allow it.
    #[error("{what} {illegal}")]
    Illegal {
        /// The version or draft, for people.
        what: String,
        /// The state, and what was to happen.
        illegal: IllegalStep,
    },
    /// Other versions were made from it.
    #[error("{what} is a parent of {}", listed(children))]
    HasChildren {
        /// The version.
        what: String,
        /// Those that were made from it.
        children: Vec<String>,
    },
    /// The worktree stands on it.
    #[error("the folder stands on {what}")]
    IsHead {
        /// The version.
        what: String,
    },
    /// A name stands for all versions of a dataset.
    #[error("'{name}' is a dataset of {versions} versions")]
    WholeDataset {
        /// The dataset.
        name: DatasetName,
        /// How many versions it has.
        versions: u64,
    },
    /// A dataset has a version that is protected.
    #[error("{version} is published, and its dataset keeps its name")]
    HoldsPublished {
        /// The version.
        version: String,
    },
    /// Published versions would no longer be led to.
    #[error("{} {} published and would be lost", listed(versions), if versions.len() == 1 { "is" } else { "are" })]
    LosesPublished {
        /// The versions.
        versions: Vec<String>,
    },
    /// A version is not on the remote.
    #[error("{what} is not on {remote}")]
    NotThere {
        /// The version.
        what: String,
        /// The remote.
        remote: String,
    },
    /// A version was deleted.
    #[error("{what} was deleted by {who}")]
    Gone {
        /// The version.
        what: String,
        /// Who did it.
        who: String,
    },
    /// The metadata of a version is part of it.
    #[error("the metadata of {what} is part of that version and cannot change")]
    FixedMetadata {
        /// The version.
        what: String,
    },
    /// A text was empty.
    #[error("the text is empty")]
    EmptyText,
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

impl RecordError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Illegal { .. }
            | Self::HasChildren { .. }
            | Self::IsHead { .. }
            | Self::HoldsPublished { .. }
            | Self::LosesPublished { .. }
            | Self::FixedMetadata { .. } => ErrorKind::Refused,
            Self::WholeDataset { .. } | Self::EmptyText => ErrorKind::Usage,
            Self::NotThere { .. } | Self::Gone { .. } => ErrorKind::NotFound,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Illegal { illegal, .. } if illegal.from == VersionState::Published => {
                "what is published stays as it is; 'dsv archive' takes it out of lists".to_owned()
            }
            Self::Illegal { illegal, .. } if illegal.from == VersionState::Uploading => {
                "a draft ends with 'dsv commit' or 'dsv abort'".to_owned()
            }
            Self::Illegal { illegal, .. } if illegal.from == VersionState::Aborted => {
                "'dsv resume NAME' goes on with it".to_owned()
            }
            Self::HasChildren { .. } => {
                "they keep all their files; --force deletes it, and its own files go with the next 'dsv gc'".to_owned()
            }
            Self::IsHead { .. } => "go to another version first, with 'dsv switch NAME' or 'dsv checkout REV'".to_owned(),
            Self::WholeDataset { name, .. } => format!(
                "--entire-dataset deletes all of them; '{name}@latest' names the newest one, 'dsv log {name}' lists them"
            ),
            Self::LosesPublished { .. } => "a dataset has to go on from what is published".to_owned(),
            Self::NotThere { .. } => "send it first with 'dsv push'".to_owned(),
            Self::FixedMetadata { .. } => {
                "make a new version with other metadata ('dsv commit --meta'), or add a remark with 'dsv note'".to_owned()
            }
            Self::EmptyText => "give it with -m TEXT".to_owned(),
            Self::Illegal { .. } | Self::HoldsPublished { .. } | Self::Gone { .. } => return None,
        })
    }
}
