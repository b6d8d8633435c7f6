//! What a remote says of itself: entries of its logs of refs, uploads under way, and what is about to be removed.

use serde::{Deserialize, Serialize};

use super::hex_id::{self, optional};
use super::{DatasetName, Label, Time, Totals, VersionId};

/// The format of a remote that is written, and the highest one that is read.
pub const REMOTE_FORMAT: u32 = 1;

/// An index segment: which records are in which packs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SegmentInfo {
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes of its metadata section, so that a reader asks for just that.
    pub metadata_bytes: u64,
    /// Records that it lists.
    pub records: u64,
}

/// One move of a dataset's ref on a remote: an object of its log, never changed once it is there.
///
/// The log of a dataset is the numbers from 1 on without a gap. Its newest entry says where the ref is,
/// and names segments that list every record that can be reached from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefEntry {
    /// The format of the remote, at least 1.
    pub format: u32,
    /// What a reader must know of besides.
    pub reader_features: Vec<String>,
    /// The dataset.
    pub dataset: DatasetName,
    /// The entry's number, from 1.
    pub number: u64,
    /// The version from now on; `None` when the dataset was removed.
    #[serde(with = "optional")]
    pub version: Option<VersionId>,
    /// The version of the entry before; `None` when there is none.
    #[serde(with = "optional")]
    pub previous: Option<VersionId>,
    /// Drawn anew for each attempt, so that its writer knows it again after a lost response.
    pub write_id: String,
    /// Who moved it.
    pub who: String,
    /// When.
    pub time: Time,
    /// Why: `push`, `push --rebase`; `gc` when the version stays and only what lies where has changed.
    pub why: String,
    /// Segments that list all that the version needs, in order of name.
    pub segments: Vec<SegmentInfo>,
}

/// An object of a remote that nothing referred to when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CondemnedObject {
    /// Its key: that of a pack or of an index segment.
    pub key: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Since when it is condemned, by the clock of the store; `None` when this list is the first one that names it, and
    /// it is condemned since the list was written.
    pub since: Option<Time>,
    /// Since when it is known to be gone; `None` while it may be there.
    pub gone: Option<Time>,
}

/// What a collection of garbage on a remote wants to be removed: nobody may begin to use what is named here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CondemnedList {
    /// The format of the remote, at least 1.
    pub format: u32,
    /// What a reader must know of besides.
    pub reader_features: Vec<String>,
    /// The list's number, from 1.
    pub number: u64,
    /// Who collected.
    pub who: String,
    /// When, by their clock.
    pub time: Time,
    /// The objects, in order of key.
    pub objects: Vec<CondemnedObject>,
}

/// How far the upload of a version has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UploadState {
    /// Its bytes are on their way.
    Uploading,
    /// An error ended it; it can be resumed.
    Failed,
    /// A person ended it; it can be resumed.
    Aborted,
    /// Every byte was confirmed; the ref is about to move.
    Final,
}

impl UploadState {
    /// The word shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Final => "final",
        }
    }
}

/// A version on its way to a remote: others see it listed, and cannot get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Upload {
    /// The version.
    #[serde(with = "hex_id")]
    pub version: VersionId,
    /// Its dataset there.
    pub dataset: DatasetName,
    /// Its label.
    pub label: Label,
    /// Files and bytes of the version.
    pub files: u64,
    /// Logical bytes of the version.
    pub bytes: u64,
    /// How far it has come.
    pub state: UploadState,
    /// Why it ended, unless it is under way.
    pub reason: Option<String>,
    /// Who sends it.
    pub who: String,
    /// From which machine.
    pub host: String,
    /// When this was written.
    pub time: Time,
    /// Stored bytes to send in all.
    pub to_send: u64,
    /// Stored bytes confirmed so far.
    pub sent: u64,
}

impl Upload {
    /// Files and bytes of the version.
    pub const fn totals(&self) -> Totals {
        Totals { files: self.files, bytes: self.bytes }
    }
}
