//! Why a revision names nothing, or too much.

use crate::model::{DatasetName, ErrorKind, Interrupted, Label, ObjectId, RepoPath, Version, VersionId};
use crate::plumbing::cat_file::ObjectKind;
use crate::plumbing::history::HistoryError;
use crate::plumbing::tree_error::TreeError;
use crate::store::StoreError;

/// One meaning of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// `dataset`, `tag`, `version`, `tree` or `blob`.
    pub what: &'static str,
    /// What it leads to.
    pub id: ObjectId,
    /// Label and subject of a version; else empty.
    pub about: String,
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, id, about } = self;
        let line = format!("{what:<8} {} {about}", id.to_hex_with_len(12));
        f.write_str(line.trim_end())
    }
}

impl Candidate {
    pub(super) fn version(what: &'static str, id: VersionId, version: &Version) -> Self {
        let about = format!("{} {}", version.full_label(), version.subject());
        Self { what, id: id.object(), about: about.trim_end().to_owned() }
    }
}

/// Why a text names no object.
#[derive(Debug, thiserror::Error)]
pub enum RevError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tree is missing or damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The history cannot be walked.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The search was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The text breaks the syntax.
    #[error("'{text}' is no revision: {why}")]
    Malformed {
        /// What was given.
        text: String,
        /// The rule that it breaks.
        why: String,
    },
    /// Nothing bears the name.
    #[error("there is no dataset, tag or version '{text}'")]
    NotFound {
        /// What was given.
        text: String,
        /// Names that are similar.
        near: Vec<String>,
    },
    /// A dataset was made and has no version yet.
    #[error("the dataset '{dataset}' has no version yet")]
    NoVersionYet {
        /// The dataset.
        dataset: DatasetName,
    },
    /// No version of the dataset has such a label.
    #[error("there is no '{text}'")]
    NoLabel {
        /// What was given.
        text: String,
        /// The dataset.
        dataset: DatasetName,
        /// The highest label that there is.
        newest: Option<Label>,
    },
    /// There are several meanings.
    #[error("'{text}' is ambiguous: it has {} meanings", candidates.len())]
    Ambiguous {
        /// What was given.
        text: String,
        /// All meanings.
        candidates: Vec<Candidate>,
    },
    /// The version was deleted, and its files with it.
    #[error("{version} was deleted")]
    Deleted {
        /// The version, by its full label.
        version: String,
    },
    /// A version has fewer parents.
    #[error("'{rev}': {of} has no {}", ordinal_parent(*number))]
    NoParent {
        /// What was given.
        rev: String,
        /// The version, by its full label.
        of: String,
        /// Which parent was asked for, from 1.
        number: usize,
    },
    /// Nothing lies at the path.
    #[error("there is no '{path}' in '{rev}'")]
    NoPath {
        /// What stands before the colon.
        rev: String,
        /// The path.
        path: RepoPath,
    },
    /// It is an object of another kind than is needed.
    #[error("'{text}' is a {}, not a {expected}", found.as_str())]
    WrongKind {
        /// What was given.
        text: String,
        /// What it names.
        found: ObjectKind,
        /// What is needed.
        expected: &'static str,
    },
}

/// Whether this would be the beginning of an id if it were longer.
fn is_short_prefix(text: &str) -> bool {
    (2..4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn ordinal_parent(number: usize) -> String {
    match number {
        1 => "parent".to_owned(),
        n => format!("parent number {n}"),
    }
}

impl RevError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::History(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Malformed { .. } => ErrorKind::InvalidName,
            Self::NotFound { .. }
            | Self::NoVersionYet { .. }
            | Self::NoLabel { .. }
            | Self::NoParent { .. }
            | Self::Deleted { .. }
            | Self::NoPath { .. } => ErrorKind::NotFound,
            Self::Ambiguous { .. } => ErrorKind::Ambiguous,
            Self::WrongKind { .. } => ErrorKind::Usage,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { text, .. } if is_short_prefix(text) => {
                Some("the beginning of an id needs 4 digits or more; 'dsv log' lists the versions".to_owned())
            }
            Self::NotFound { near, .. } if !near.is_empty() => {
                Some(format!("did you mean {}?", near.join(" or ")))
            }
            Self::NotFound { .. } => {
                Some("'dsv branch' lists the datasets, 'dsv log' the versions".to_owned())
            }
            Self::NoVersionYet { .. } => Some("make one with 'dsv add' and 'dsv commit'".to_owned()),
            Self::NoLabel { dataset, newest: Some(label), .. } => {
                Some(format!("the newest version is {dataset}@{label}; 'dsv log {dataset}' lists all"))
            }
            Self::Ambiguous { candidates, .. } => {
                let advice = match candidates.iter().find(|c| matches!(c.what, "dataset" | "tag")) {
                    Some(_) => "write refs/datasets/NAME, refs/tags/NAME or more digits of the id",
                    None => "write more digits of the id",
                };
                Some(advice.to_owned())
            }
            Self::WrongKind { text, found: ObjectKind::Tree, expected: "file" } => {
                Some(format!("'dsv ls {text}' lists what is in it"))
            }
            Self::NoPath { rev, .. } => Some(format!("'dsv ls {rev}' lists what there is")),
            Self::Store(_)
            | Self::Tree(_)
            | Self::History(_)
            | Self::Interrupted(_)
            | Self::Malformed { .. }
            | Self::NoLabel { .. }
            | Self::NoParent { .. }
            | Self::Deleted { .. }
            | Self::WrongKind { .. } => None,
        }
    }
}

/// Up to three names that a person may have meant.
pub(super) fn near(word: &str, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let folded = word.to_lowercase();
    let mut scored: Vec<(usize, String)> = names
        .into_iter()
        .filter_map(|name| {
            let other = name.to_lowercase();
            let last = other.rsplit('/').next().unwrap_or_default();
            let distance = edits(&folded, &other).min(edits(&folded, last));
            (distance <= folded.chars().count() / 3 + 1).then_some((distance, name))
        })
        .collect();
    scored.sort();
    scored.dedup();
    scored.truncate(3);
    scored.into_iter().map(|(_, name)| name).collect()
}

/// Fewest letters that must be put in, taken out or changed to make one word of the other.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        let names = ["cats", "vision/cats", "dogs", "Cast"].map(str::to_owned);
        assert_eq!(near("cat", names.clone()), ["Cast", "cats", "vision/cats"]);
        assert_eq!(near("elephants", names), [""; 0]);
    }
}
