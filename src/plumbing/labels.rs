//! Labels: which one a new version gets, and which version has one.
//!
//! A version's label is higher than every label of its dataset in its history; whoever makes a version
//! keeps to that. So a search for a label ends where labels are lower, and does not walk all history.

use super::history::{HistoryError, Step, walk};
use crate::model::{DatasetName, ErrorKind, Interrupt, KnownAs, Label, Version, VersionId};
use crate::store::ObjectDb;

/// What a person wants of a new label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LabelChoice {
    /// The next patch.
    #[default]
    Patch,
    /// The next minor version.
    Minor,
    /// The next major version.
    Major,
    /// This one.
    Exactly(Label),
}

/// Why a version cannot have a label.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The history could not be walked.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Another version of the dataset has it.
    #[error("{dataset}@{label} exists already, it is the version {}", id.short(12))]
    Taken {
        /// The dataset.
        dataset: DatasetName,
        /// The label.
        label: Label,
        /// The version that has it.
        id: VersionId,
    },
    /// A version that was deleted had it.
    #[error("{dataset}@{label} existed and was deleted; a label is not given twice")]
    OfDeleted {
        /// The dataset.
        dataset: DatasetName,
        /// The label.
        label: Label,
    },
    /// It is lower than one in the history.
    #[error("the label {label} is not higher than {newest}, the newest of '{dataset}'")]
    Backward {
        /// The dataset.
        dataset: DatasetName,
        /// The label that was asked for.
        label: Label,
        /// The highest label in the history.
        newest: Label,
    },
}

impl LabelError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::History(error) => error.kind(),
            Self::Taken { .. } | Self::OfDeleted { .. } => ErrorKind::AlreadyExists,
            Self::Backward { .. } => ErrorKind::Refused,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::History(_) => None,
            Self::Taken { .. } | Self::OfDeleted { .. } => {
                Some("leave --label out to get the next one".to_owned())
            }
            Self::Backward { newest, .. } => Some(format!(
                "leave --label out to get {}, or take --minor ({}) or --major ({})",
                newest.next_patch(),
                newest.next_minor(),
                newest.next_major()
            )),
        }
    }
}

/// Which labels are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelQuery {
    /// This one.
    Exactly(Label),
    /// The highest with this major number.
    Major(u64),
    /// The highest with these major and minor numbers.
    Minor(u64, u64),
}

impl LabelQuery {
    /// `1`, `1.2` or a whole label; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(label) = text.parse() {
            return Some(Self::Exactly(label));
        }
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u64>().ok()).flatten()
        };
        match text.split_once('.') {
            None => number(text).map(Self::Major),
            Some((major, minor)) => Some(Self::Minor(number(major)?, number(minor)?)),
        }
    }

    /// Whether a label is one of those.
    pub fn matches(&self, label: &Label) -> bool {
        let (major, minor, _) = label.numbers();
        match self {
            Self::Exactly(wanted) => label == wanted,
            Self::Major(wanted) => major == *wanted,
            Self::Minor(wanted_major, wanted_minor) => (major, minor) == (*wanted_major, *wanted_minor),
        }
    }

    /// Whether all that is looked for is higher than a label: nothing of it lies behind that version.
    fn is_above(&self, label: &Label) -> bool {
        let (major, minor, _) = label.numbers();
        match self {
            Self::Exactly(wanted) => label < wanted,
            Self::Major(wanted) => major < *wanted,
            Self::Minor(wanted_major, wanted_minor) => (major, minor) < (*wanted_major, *wanted_minor),
        }
    }
}

/// The versions of a dataset with the highest label that the query asks for, behind and at `tips`; more than
/// one where two people gave one label to two versions that were merged later. Full releases come
/// before pre-releases, unless one is asked for.
///
/// # Errors
/// When a version is missing or damaged; when interrupted.
pub fn find(
    db: &ObjectDb,
    tips: &[VersionId],
    dataset: &KnownAs,
    query: &LabelQuery,
    interrupt: &Interrupt,
) -> Result<Vec<(VersionId, Version)>, HistoryError> {
    let mut found: Vec<(VersionId, Version)> = Vec::new();
    walk(db, tips.iter().copied(), interrupt, |id, version| {
        if !dataset.is(&version.dataset) {
            return Step::Parents;
        }
        if query.is_above(&version.label) {
            return Step::Stop;
        }
        if !query.matches(&version.label) {
            return Step::Parents;
        }
        let release = version.label.as_semver().pre.is_empty();
        found.push((id, version));
        // What lies behind is lower; but behind a pre-release the highest release may lie.
        if release { Step::Stop } else { Step::Parents }
    })?;
    let rank = |version: &Version| (version.label.as_semver().pre.is_empty(), version.label.clone());
    let best = found.iter().map(|(_, version)| rank(version)).max();
    found.retain(|(_, version)| Some(rank(version)) == best);
    found.sort_by_key(|(id, _)| *id);
    Ok(found)
}

/// The highest label of a dataset at or behind these versions.
///
/// # Errors
/// When a version is missing or damaged; when interrupted.
pub fn newest(
    db: &ObjectDb,
    starts: &[VersionId],
    dataset: &KnownAs,
    interrupt: &Interrupt,
) -> Result<Option<(Label, VersionId)>, HistoryError> {
    let mut newest: Option<(Label, VersionId)> = None;
    walk(db, starts.iter().copied(), interrupt, |id, version| {
        if !dataset.is(&version.dataset) {
            return Step::Parents;
        }
        if newest.as_ref().is_none_or(|(label, _)| *label < version.label) {
            newest = Some((version.label, id));
        }
        Step::Stop
    })?;
    Ok(newest)
}

/// The label of a new version of a dataset with these parents.
///
/// # Errors
/// When the label that is asked for exists or is not higher than all before; when a version cannot be
/// read.
pub fn choose(
    db: &ObjectDb,
    parents: &[VersionId],
    dataset: &KnownAs,
    choice: &LabelChoice,
    interrupt: &Interrupt,
) -> Result<Label, LabelError> {
    let highest = newest(db, parents, dataset, interrupt)?.map(|(label, _)| label);
    // A label is never given twice, even if the first version that bore it is gone.
    let Some(highest) = highest.into_iter().chain(dataset.deleted.last().cloned()).max() else {
        return Ok(match choice {
            LabelChoice::Exactly(label) => label.clone(),
            LabelChoice::Patch | LabelChoice::Minor | LabelChoice::Major => Label::first(),
        });
    };
    let label = match choice {
        LabelChoice::Patch => highest.next_patch(),
        LabelChoice::Minor => highest.next_minor(),
        LabelChoice::Major => highest.next_major(),
        LabelChoice::Exactly(label) => label.clone(),
    };
    if label > highest {
        return Ok(label);
    }
    let query = LabelQuery::Exactly(label.clone());
    if let Some((id, _)) = find(db, parents, dataset, &query, interrupt)?.into_iter().next() {
        return Err(LabelError::Taken { dataset: dataset.name.clone(), label, id });
    }
    if dataset.deleted.contains(&label) {
        return Err(LabelError::OfDeleted { dataset: dataset.name.clone(), label });
    }
    Err(LabelError::Backward { dataset: dataset.name.clone(), label, newest: highest })
}

#[cfg(test)]
mod tests;
