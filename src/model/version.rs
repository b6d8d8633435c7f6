//! A version's manifest.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DatasetName, Label, Time, Totals, TreeId, VersionId};

/// Who made a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// A person's name.
    pub name: String,
    /// An address, possibly empty.
    pub email: String,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.email.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{} <{}>", self.name, self.email)
        }
    }
}

/// The state of the git worktree around the dataset when a version was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitOrigin {
    /// The commit that was checked out, as git prints it.
    pub commit: String,
    /// The branch, unless the head was detached.
    pub branch: Option<String>,
    /// Whether tracked files had uncommitted changes; `None` when that could not be told.
    pub dirty: Option<bool>,
    /// The URL of the remote `origin`, without credentials.
    pub remote: Option<String>,
}

/// Where a version comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The enclosing git worktree, if there is one.
    pub git: Option<GitOrigin>,
    /// The command that made the version, as one line.
    pub command: Option<String>,
}

/// An immutable manifest: one tree, any number of parents, and what was known when it was made.
///
/// Its id is the SHA-256 of its encoding. Facts that may change later are events, not fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The files.
    pub tree: TreeId,
    /// The versions it was made from, the first one first; of any dataset.
    pub parents: Vec<VersionId>,
    /// The dataset it was made for.
    pub dataset: DatasetName,
    /// Its semantic version within that dataset.
    pub label: Label,
    /// Who made it.
    pub author: Author,
    /// When.
    pub time: Time,
    /// Why.
    pub message: String,
    /// Keys and JSON values that the author gave.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Code and command that made it.
    pub origin: Origin,
    /// Files and bytes of the tree.
    pub totals: Totals,
}

impl Version {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// `vision/cats@1.2.0`.
    pub fn full_label(&self) -> String {
        format!("{}@{}", self.dataset, self.label)
    }
}
