//! Refs: the names that move.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::hex_id::optional;
use super::{DatasetName, RemoteName, Time, VersionId};

/// How the full name of a dataset's ref begins.
pub const DATASET_REFS: &str = "refs/datasets/";

/// How the full name of a ref begins that tells where a dataset was on a remote when it was last looked at.
pub const TRACKING_REFS: &str = "refs/remotes/";

/// What a writer of a ref expects to find; every write states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there.
    Any,
    /// No ref.
    Absent,
    /// This version.
    Is(VersionId),
}

impl Expected {
    /// That nothing changed since this was read.
    pub fn unchanged(read: Option<VersionId>) -> Self {
        read.map_or(Self::Absent, Self::Is)
    }

    /// Whether what was found is what was expected.
    pub fn allows(self, found: Option<VersionId>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Is(id) => found == Some(id),
        }
    }
}

/// Where the worktree stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a dataset; the next commit moves it. It may have no version yet.
    Dataset(DatasetName),
    /// At a version, on no dataset.
    Detached(VersionId),
}

impl Head {
    /// The dataset, unless detached.
    pub const fn dataset(&self) -> Option<&DatasetName> {
        match self {
            Self::Dataset(name) => Some(name),
            Self::Detached(_) => None,
        }
    }
}

/// A ref by its full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RefName {
    /// `HEAD`
    Head,
    /// `refs/datasets/<name>`
    Dataset(DatasetName),
    /// `refs/remotes/<remote>/<name>`: where the dataset was on a remote when it was last looked at.
    Tracking(RemoteName, DatasetName),
}

impl RefName {
    /// Takes a full name, or a dataset's name without what is in front of it.
    ///
    /// # Errors
    /// When the name is no dataset's. What begins with `refs/` is a full name.
    pub fn from_any(text: &str) -> Result<Self, super::NameError> {
        if text == "HEAD" {
            return Ok(Self::Head);
        }
        let name = text.strip_prefix(DATASET_REFS);
        if name.is_none() && text.starts_with("refs/") {
            let why = "a full name is refs/datasets/NAME";
            return Err(super::NameError { what: "ref", text: text.to_owned(), why });
        }
        DatasetName::new(name.unwrap_or(text)).map(Self::Dataset)
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Dataset(name) => write!(f, "{DATASET_REFS}{name}"),
            Self::Tracking(remote, name) => write!(f, "{TRACKING_REFS}{remote}/{name}"),
        }
    }
}

impl From<RefName> for String {
    fn from(name: RefName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for RefName {
    type Error = super::NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if let Some((remote, name)) = text.strip_prefix(TRACKING_REFS).and_then(|rest| rest.split_once('/')) {
            return Ok(Self::Tracking(RemoteName::new(remote)?, DatasetName::new(name)?));
        }
        match text.strip_prefix(DATASET_REFS) {
            Some(name) => DatasetName::new(name).map(Self::Dataset),
            None if text == "HEAD" => Ok(Self::Head),
            None => Err(super::NameError { what: "ref", text, why: "expected HEAD or refs/datasets/<name>" }),
        }
    }
}

/// One line of the log of refs: a ref moved, or was about to when the system failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefMove {
    /// The ref.
    #[serde(rename = "ref")]
    pub name: RefName,
    /// What it named before; of a symbolic `HEAD`, what that led to.
    #[serde(with = "optional")]
    pub old: Option<VersionId>,
    /// What it names from then on; `None` when it was removed.
    #[serde(with = "optional")]
    pub new: Option<VersionId>,
    /// When.
    pub time: Time,
    /// Who moved it.
    pub who: String,
    /// Why: `commit: more cats`, `switch to dogs`.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations() {
        let (one, two) = (VersionId::from_bytes([1; 32]), VersionId::from_bytes([2; 32]));
        assert!(Expected::Any.allows(None) && Expected::Any.allows(Some(one)));
        assert!(Expected::Absent.allows(None) && !Expected::Absent.allows(Some(one)));
        assert!(Expected::Is(one).allows(Some(one)));
        assert!(!Expected::Is(one).allows(Some(two)) && !Expected::Is(one).allows(None));
        assert_eq!(Expected::unchanged(None), Expected::Absent);
    }

    #[test]
    fn full_names_parse_back() {
        for text in ["HEAD", "refs/datasets/vision/cats", "refs/remotes/origin/vision/cats"] {
            assert_eq!(RefName::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for bad in ["cats", "refs/heads/cats", "refs/datasets/", "refs/datasets/../x", "head"] {
            assert!(RefName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(RefName::from_any("cats").unwrap().to_string(), "refs/datasets/cats");
        assert!(RefName::from_any("a b").is_err());
    }
}
