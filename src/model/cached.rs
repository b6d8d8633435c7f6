//! What the machine's cache tells of a copy of a version.

use serde::{Deserialize, Serialize};

use super::{DatasetName, Label, Time, VersionId, hex_id};

/// A copy of a version, or of some of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CopyFacts {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version's label.
    pub label: Label,
    /// The version.
    #[serde(with = "hex_id")]
    pub version: VersionId,
    /// The remote that it came from, for people.
    pub url: String,
    /// The paths and patterns that were chosen, as they were given; everything when there are none.
    pub paths: Vec<String>,
    /// The number of the part, and how many parts there are.
    pub part: Option<(u32, u32)>,
    /// Files, links and empty directories.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// When it was made.
    pub made: Time,
}

/// A path on one of the hosts that share a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceNote {
    /// The host's name.
    pub host: String,
    /// The device that holds the folder that it lies in. Another one is there while a file system is not mounted.
    pub device: u64,
    /// The path.
    pub path: Vec<u8>,
}
