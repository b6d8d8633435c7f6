//! Why bytes are not what a format says.

use crate::model::ErrorKind;

/// Bytes that a decoder refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first bytes are not those of the format.
    #[error("not a {what}: wrong magic bytes")]
    BadMagic {
        /// The format that was expected.
        what: &'static str,
    },
    /// The format number is newer than this program.
    #[error("{what} has format {found}, this dsv reads up to {supported}; upgrade dsv to read it")]
    NewerFormat {
        /// The format that was expected.
        what: &'static str,
        /// Its number in the bytes.
        found: u32,
        /// The highest number known here.
        supported: u32,
    },
    /// The bytes end before the value does.
    #[error("{what} is cut off at byte {offset}")]
    Truncated {
        /// The format that was expected.
        what: &'static str,
        /// Where bytes were missing.
        offset: u64,
    },
    /// A checksum or an id does not match the bytes.
    #[error("{what} does not match its checksum")]
    Checksum {
        /// The format that was expected.
        what: &'static str,
    },
    /// The bytes break a rule of the format.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// The format that was expected.
        what: &'static str,
        /// The rule.
        why: String,
    },
}

impl DecodeError {
    /// A broken rule.
    pub(crate) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { what, why: why.into() }
    }

    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NewerFormat { .. } => ErrorKind::UnsupportedFormat,
            Self::BadMagic { .. }
            | Self::Truncated { .. }
            | Self::Checksum { .. }
            | Self::Malformed { .. } => ErrorKind::Corrupt,
        }
    }
}
