//! The version that is being made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DatasetName, Head, Label, TagName, Time, TreeId, VersionId, VersionState, hex_id};

/// The format of drafts that is written, and the highest one that is read.
pub const DRAFT_FORMAT: u32 = 1;

/// How far a draft has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftState {
    /// It is being made; what is staged is what it holds.
    Uploading,
    /// An error ended an upload of it.
    Failed,
    /// It was set aside.
    Aborted,
}

impl From<DraftState> for VersionState {
    fn from(state: DraftState) -> Self {
        match state {
            DraftState::Uploading => Self::Uploading,
            DraftState::Failed => Self::Failed,
            DraftState::Aborted => Self::Aborted,
        }
    }
}

/// Where the worktree stood before a draft was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// On a dataset.
    Dataset(DatasetName),
    /// At a version.
    Version(#[serde(with = "hex_id")] VersionId),
}

impl From<Head> for Stand {
    fn from(head: Head) -> Self {
        match head {
            Head::Dataset(name) => Self::Dataset(name),
            Head::Detached(id) => Self::Version(id),
        }
    }
}

impl From<Stand> for Head {
    fn from(stand: Stand) -> Self {
        match stand {
            Stand::Dataset(name) => Self::Dataset(name),
            Stand::Version(id) => Self::Detached(id),
        }
    }
}

/// A draft: what the next version of a dataset is made from, and what is to be said of it.
///
/// It is open while the worktree stands on its dataset: then the staging index is what it holds. One that was set aside
/// names a tree instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Draft {
    /// The format, at least 1.
    pub format: u32,
    /// The dataset.
    pub dataset: DatasetName,
    /// The dataset's newest version when it was opened; the next one follows that.
    #[serde(with = "hex_id::optional")]
    pub tip: Option<VersionId>,
    /// The versions that it is made from, in order.
    #[serde(with = "hex_id::list")]
    pub parents: Vec<VersionId>,
    /// What the parents give together.
    #[serde(with = "hex_id")]
    pub base: TreeId,
    /// What it holds, when it was set aside.
    #[serde(with = "hex_id::optional")]
    pub staged: Option<TreeId>,
    /// How far it has come.
    pub state: DraftState,
    /// Why it failed.
    pub reason: Option<String>,
    /// The label that it is to have, unless the next one.
    pub label: Option<Label>,
    /// Tags that it is to bear.
    pub tags: BTreeSet<TagName>,
    /// How it is to be described.
    pub description: Option<String>,
    /// Keys and JSON values for its manifest.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Where the worktree stood before.
    pub from: Stand,
    /// Whether the worktree held all files of its version before.
    pub from_full: bool,
    /// Who opened it.
    pub who: String,
    /// On which machine.
    pub host: String,
    /// When.
    pub time: Time,
}
