//! Bytes that external links lead to: the way to them.
//!
//! What a link brings lies in the database as a blob that nothing refers to: it is read from there as long as it is there,
//! and goes when garbage is collected.

use std::sync::Arc;

use super::{ObjectDb, StoreError};
use crate::model::{BlobId, ErrorKind, ExternalLink, Monitor, ObjectId};

/// A link that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLink {
    /// The blob that describes it.
    pub id: BlobId,
    /// What leads to it, for people.
    pub path: String,
}

/// Whoever can read what external links lead to.
pub trait LinkSource: Send + Sync + std::fmt::Debug {
    /// Brings what links lead to into the database, as far as it is not there, and tells the id of each, in their order. What
    /// was brought before costs no request as long as it is there.
    ///
    /// # Errors
    /// When a source is not what was recorded, or cannot be read; then what did come is kept.
    fn bring(
        &self,
        db: &Arc<ObjectDb>,
        links: &[WantedLink],
        monitor: &Monitor<'_>,
    ) -> Result<Vec<BlobId>, StoreError>;

    /// The id of what a link leads to, where somebody has read it; nothing is asked.
    ///
    /// # Errors
    /// When the link is missing or damaged.
    fn known(&self, db: &ObjectDb, link: &BlobId) -> Result<Option<BlobId>, StoreError>;
}

/// Why what a link leads to could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The source is not what was recorded.
    #[error("'{path}' links to '{}', which changed: recorded were {recorded}, there are {found}", link.url)]
    Changed {
        /// What leads to it.
        path: String,
        /// The link.
        link: Box<ExternalLink>,
        /// What was recorded, in words.
        recorded: String,
        /// What is there, in words.
        found: String,
    },
    /// The source is not there.
    #[error("'{path}' links to '{}', which is gone", link.url)]
    Gone {
        /// What leads to it.
        path: String,
        /// The link.
        link: Box<ExternalLink>,
    },
    /// The source has the length and the ETag that were recorded, and other bytes.
    #[error("'{path}' links to '{}', which has other bytes than were recorded: {found} and not {expected}", link.url)]
    WrongBytes {
        /// What leads to it.
        path: String,
        /// The link.
        link: Box<ExternalLink>,
        /// Their id when they were first read.
        expected: ObjectId,
        /// Their id now.
        found: ObjectId,
    },
    /// The source cannot be read.
    #[error("'{path}' links to '{}', which cannot be read", link.url)]
    Unreadable {
        /// What leads to it.
        path: String,
        /// The link.
        link: Box<ExternalLink>,
        /// The stable kind of what failed.
        kind: ErrorKind,
        /// What to do next, where that is known.
        hint: Option<String>,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nobody here can read links.
    #[error("'{path}' is an external link, which cannot be read here")]
    NoSource {
        /// What leads to it.
        path: String,
    },
}

impl LinkError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Changed { .. } | Self::Gone { .. } | Self::WrongBytes { .. } => ErrorKind::SourceChanged,
            Self::Unreadable { kind, .. } => *kind,
            Self::NoSource { .. } => ErrorKind::Refused,
        }
    }

    /// What the person can do next, when there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Changed { .. } | Self::WrongBytes { .. } => Some(
                "'dsv add --refresh PATH' takes what is there now; versions that recorded the old state stay as they are"
                    .to_owned(),
            ),
            Self::Gone { .. } => Some(
                "bring it back, link another source with 'dsv add --link URL --to PATH', or 'dsv rm PATH'".to_owned(),
            ),
            Self::Unreadable { hint, .. } => hint.clone(),
            Self::NoSource { .. } => None,
        }
    }
}
