//! Names of datasets, their labels, and tags.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a dataset or tag, in bytes.
const MAX_LEN: usize = 255;

/// Why a text is no name of that kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a valid {what}: {why}")]
pub struct NameError {
    /// `dataset name`, `tag` or `label`.
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

/// One component of a name: what survives as a file name everywhere and never collides with the
/// syntax of revisions.
fn check_component(component: &str) -> Option<&'static str> {
    if component.is_empty() {
        return Some("a part between slashes is empty");
    }
    if component.starts_with(['.', '-', '+']) {
        return Some("a part starts with '.', '-' or '+'");
    }
    if component.ends_with('.') || component.contains("..") {
        return Some("a part ends with '.' or contains '..'");
    }
    if component.ends_with(".lock") || component.ends_with(".tmp") {
        return Some("a part ends with '.lock' or '.tmp'");
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    (!component.chars().all(allowed)).then_some("only letters, digits, '.', '_', '-' and '+' are allowed")
}

fn check_name(what: &'static str, text: &str) -> Result<(), NameError> {
    let fail = |why| Err(NameError { what, text: text.to_owned(), why });
    if text.len() > MAX_LEN {
        return fail("longer than 255 bytes");
    }
    if text == "HEAD" || text == "latest" {
        return fail("the word is reserved");
    }
    text.split('/').find_map(check_component).map_or(Ok(()), fail)
}

macro_rules! name_newtype {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// When a rule of names is broken; the error names the rule.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check_name($what, &text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name_newtype! {
    /// A named line of versions; hierarchical, `vision/cats` is the dataset `cats` of project `vision`.
    DatasetName, "dataset name"
}
name_newtype! {
    /// A word attached to versions; not unique.
    TagName, "tag"
}

/// The name of a remote, a single part: `origin`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteName(String);

impl RemoteName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// When a rule of names is broken; the error names the rule.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        check_name("remote name", &text)?;
        if text.contains('/') {
            return Err(NameError { what: "remote name", text, why: "a slash is not allowed" });
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RemoteName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl DatasetName {
    /// The name nearest to `text` that is valid, for a default taken from a folder's name.
    pub fn from_lossy(text: &str) -> Self {
        let mapped: String = text
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
            .collect();
        let trimmed = mapped.trim_matches(['.', '-']).replace("..", ".");
        Self::new(trimmed).unwrap_or_else(|_| Self("data".to_owned()))
    }
}

/// A version's semantic version within its dataset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Label(semver::Version);

impl Label {
    /// The label of a dataset's first version.
    pub const fn first() -> Self {
        Self(semver::Version::new(1, 0, 0))
    }

    /// A label from its three numbers.
    pub const fn from_numbers(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// Major, minor, patch.
    pub const fn numbers(&self) -> (u64, u64, u64) {
        (self.0.major, self.0.minor, self.0.patch)
    }

    /// The next patch; of a pre-release, its release.
    #[must_use]
    pub fn next_patch(&self) -> Self {
        let (major, minor, patch) = self.numbers();
        let step = u64::from(self.0.pre.is_empty());
        Self::from_numbers(major, minor, patch.saturating_add(step))
    }

    /// The next minor version.
    #[must_use]
    pub const fn next_minor(&self) -> Self {
        Self::from_numbers(self.0.major, self.0.minor.saturating_add(1), 0)
    }

    /// The next major version.
    #[must_use]
    pub const fn next_major(&self) -> Self {
        Self::from_numbers(self.0.major.saturating_add(1), 0, 0)
    }

    /// The semantic version.
    pub const fn as_semver(&self) -> &semver::Version {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Label {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        semver::Version::parse(text).map(Self).map_err(|_| NameError {
            what: "label",
            text: text.to_owned(),
            why: "expected a semantic version such as 1.2.0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dataset_names() {
        for good in ["cats", "vision/cats", "größe_2", "a.b-c+d", "日本"] {
            assert!(DatasetName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", "/a", "a/", "a//b", "a b", "a@b", "a~1", "a^", "a:b", "-a", ".a", "a..b", "HEAD", "a.lock",
            "a\n",
        ] {
            assert!(DatasetName::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(DatasetName::from_lossy("My data (final)").as_str(), "My-data--final");
        assert_eq!(DatasetName::from_lossy("...").as_str(), "data");
    }

    #[test]
    fn labels_step() {
        let label: Label = "1.2.3".parse().unwrap();
        assert_eq!(label.next_patch().to_string(), "1.2.4");
        assert_eq!(label.next_minor().to_string(), "1.3.0");
        assert_eq!(label.next_major().to_string(), "2.0.0");
        assert_eq!("2.0.0-rc.1".parse::<Label>().unwrap().next_patch().to_string(), "2.0.0");
        assert!("1.2".parse::<Label>().is_err());
    }
}
