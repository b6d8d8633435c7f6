//! What can go wrong with links.

use crate::model::{ErrorKind, LinkUrlError, RepoPath};

/// Why links could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A text is no URL that can be linked to. Never repeats what may be secret in it.
    #[error("the URL to link to {why}")]
    Url {
        /// What is wrong with it.
        why: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// There is no such object.
    #[error("there is nothing at '{url}'")]
    Nothing {
        /// Where.
        url: String,
        /// Whether a folder was looked into.
        folder: bool,
    },
    /// An object has a name that no link, or no file of a dataset, can have.
    #[error("'{key}' in '{place}' cannot be linked to")]
    BadKey {
        /// The bucket.
        place: String,
        /// The object.
        key: String,
        /// What is wrong with it.
        #[source]
        source: LinkUrlError,
    },
    /// An object has a name that no file of a dataset can have.
    #[error("'{key}' cannot be the path of a file")]
    BadPath {
        /// The object.
        key: String,
        /// What is wrong with it.
        #[source]
        source: crate::model::PathError,
    },
    /// Something that is no link is where one is to be.
    #[error("'{path}' is {}", if *tracked { "a file of the dataset, and no link" } else { "a file here that is not tracked" })]
    InTheWay {
        /// What is in the way.
        path: RepoPath,
        /// Whether it is staged.
        tracked: bool,
    },
    /// Two sources were to be linked to at one path.
    #[error("two of the sources would be '{path}'")]
    Twice {
        /// The path.
        path: RepoPath,
    },
    /// No link is among the paths.
    #[error("there is no external link at {}", paths.join(", "))]
    NoLink {
        /// What was given.
        paths: Vec<String>,
    },
}

impl LinkError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Url { .. } => ErrorKind::Usage,
            Self::Nothing { .. } | Self::NoLink { .. } => ErrorKind::NotFound,
            Self::BadKey { .. } | Self::BadPath { .. } => ErrorKind::InvalidPath,
            Self::InTheWay { .. } | Self::Twice { .. } => ErrorKind::WouldOverwrite,
        }
    }

    /// What the person can do next, when there is something.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Url { hint, .. } => hint,
            Self::Nothing { folder: false, .. } => {
                "check the spelling; the URL of a folder ends in '/', and '*' and '**' stand for names"
            }
            Self::Nothing { folder: true, .. } => {
                "check the spelling, and whether you may list what is there"
            }
            Self::BadKey { .. } | Self::BadPath { .. } => "leave it out by a pattern that does not match it",
            Self::InTheWay { tracked: true, .. } => {
                "'dsv rm' it first, or link to another place with --to PATH"
            }
            Self::InTheWay { tracked: false, .. } => "move it away, or link to another place with --to PATH",
            Self::Twice { .. } => "link them one by one, each with its own --to PATH",
            Self::NoLink { .. } => "'dsv ls -l' tells links from files",
        };
        Some(text.to_owned())
    }
}
