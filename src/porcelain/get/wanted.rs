//! Which version is meant.

use crate::model::{CopyFacts, DatasetName, Interrupt, Version, VersionId, quote_path};
use crate::plumbing::history::{HistoryError, Step, walk};
use crate::plumbing::labels::{LabelQuery, find};
use crate::plumbing::merge_base::is_ancestor;
use crate::plumbing::rev_parse::{Candidate, RevError};
use crate::porcelain::Error;
use crate::store::{ObjectDb, StoreError};

/// What was asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// As it was given.
    pub(super) text: String,
    /// The dataset; `None` when a version is named by its id alone.
    pub(super) dataset: Option<DatasetName>,
    which: Which,
}

#[derive(Debug)]
enum Which {
    Latest,
    Label(LabelQuery),
    /// The beginning of an id.
    Beginning(String),
    Id(VersionId),
}

/// The shortest beginning of an id, in digits.
const MIN_DIGITS: usize = 4;

fn is_beginning(text: &str) -> bool {
    text.len() >= MIN_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What a remote says of a dataset.
pub(super) struct Line<'a> {
    /// Its newest version.
    pub(super) tip: VersionId,
    /// The remote, for people.
    pub(super) url: &'a str,
    /// The versions that it ever was at, asked for when the newest does not lead to what is wanted.
    pub(super) earlier: &'a dyn Fn() -> Result<Vec<VersionId>, Error>,
    pub(super) interrupt: &'a Interrupt,
}

impl Wanted {
    /// Reads `DATASET`, `DATASET@latest`, `DATASET@1.2.0`, `DATASET@1.2`, `DATASET@1`, `DATASET@ID` with the first digits of an
    /// id or all of them, or a whole id alone.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let own = text.to_owned();
        if let Ok(id) = text.parse() {
            return Ok(Self { text: own, dataset: None, which: Which::Id(id) });
        }
        let (name, label) = text.split_once('@').unwrap_or((text, "latest"));
        let which = match (label, label.parse(), LabelQuery::parse(label)) {
            ("latest", ..) => Which::Latest,
            (_, Ok(id), _) => Which::Id(id),
            (.., Some(query)) => Which::Label(query),
            _ if is_beginning(label) => Which::Beginning(label.to_owned()),
            _ => {
                let why = format!(
                    "'{}' is no label: expected 'latest', 1, 1.2, 1.2.0 or a version's id",
                    quote_path(label.as_bytes())
                );
                return Err(RevError::Malformed { text: quote_path(text.as_bytes()), why }.into());
            }
        };
        Ok(Self { text: own, dataset: Some(DatasetName::new(name)?), which })
    }

    /// The version, where it is named by its id.
    pub(super) const fn id(&self) -> Option<VersionId> {
        match &self.which {
            Which::Id(id) => Some(*id),
            Which::Latest | Which::Label(_) | Which::Beginning(_) => None,
        }
    }

    /// Whether a copy may be what is meant, as far as can be told without asking.
    pub(super) fn is_met_by(&self, facts: &CopyFacts) -> bool {
        let same = self.dataset.as_ref().is_none_or(|dataset| *dataset == facts.dataset);
        match &self.which {
            Which::Latest => same,
            Which::Label(query) => same && query.matches(&facts.label),
            Which::Beginning(digits) => same && facts.version.to_string().starts_with(digits),
            Which::Id(id) => same && *id == facts.version,
        }
    }

    /// The version, given what the remote says of the dataset; nothing where none is named.
    pub(super) fn resolve(
        &self,
        db: &ObjectDb,
        line: Option<&Line<'_>>,
        url: &str,
    ) -> Result<VersionId, Error> {
        let (Some(dataset), Some(line)) = (&self.dataset, line) else {
            let id = self.id().ok_or_else(|| self.not_there(url, Vec::new()))?;
            return self.there(db, &id, url).map(|_| id);
        };
        let found = match &self.which {
            Which::Latest => return Ok(line.tip),
            Which::Id(id) => {
                let version = self.there(db, id, url)?;
                return self.check_line(db, (dataset, line), id, &version).map(|()| *id);
            }
            Which::Beginning(digits) => beginning_with(db, line, digits)?,
            Which::Label(query) => {
                match find(db, &[line.tip], &dataset.clone().into(), query, line.interrupt)? {
                    none if none.is_empty() => self.digits_of_label(db, line)?,
                    found => found,
                }
            }
        };
        match found.as_slice() {
            [] => Err(self.not_there(url, labels(db, line.tip, dataset, line.interrupt)?)),
            [(id, _)] => Ok(*id),
            several => {
                let candidates = several.iter().map(|(id, version)| Candidate {
                    what: "version",
                    id: id.object(),
                    about: version.subject().to_owned(),
                });
                let text = self.text.clone();
                Err(RevError::Ambiguous { text, candidates: candidates.collect() }.into())
            }
        }
    }

    /// What looks like a label and is none may be the beginning of an id that has no letters.
    fn digits_of_label(&self, db: &ObjectDb, line: &Line<'_>) -> Result<Vec<(VersionId, Version)>, Error> {
        match self.text.split_once('@') {
            Some((_, digits)) if is_beginning(digits) => beginning_with(db, line, digits),
            _ => Ok(Vec::new()),
        }
    }

    fn there(&self, db: &ObjectDb, id: &VersionId, url: &str) -> Result<Version, Error> {
        match db.version(id) {
            Err(StoreError::Missing { .. }) => Err(self.not_there(url, Vec::new())),
            read => Ok(read?),
        }
    }

    /// Demands that a version is one of the dataset's: it is, or was until the dataset was moved away, where it is or behind
    /// that.
    fn check_line(
        &self,
        db: &ObjectDb,
        (dataset, line): (&DatasetName, &Line<'_>),
        id: &VersionId,
        version: &Version,
    ) -> Result<(), Error> {
        if is_ancestor(db, *id, line.tip, line.interrupt)? {
            return Ok(());
        }
        // Others are not worth a look at all of the log.
        if version.dataset == *dataset {
            for tip in (line.earlier)()? {
                match is_ancestor(db, *id, tip, line.interrupt) {
                    Ok(true) => return Ok(()),
                    // It was moved away from so long ago that it is gone.
                    Ok(false) | Err(HistoryError::Store(StoreError::Missing { .. })) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let (dataset, url, label) = (dataset.clone(), line.url.to_owned(), version.full_label());
        Err(Error::NotOfDataset { id: *id, dataset, url, label })
    }

    fn not_there(&self, url: &str, there: Vec<String>) -> Error {
        Error::NoVersionThere { text: self.text.clone(), url: url.to_owned(), there }
    }
}

/// The versions of a dataset whose ids begin with some digits.
fn beginning_with(db: &ObjectDb, line: &Line<'_>, digits: &str) -> Result<Vec<(VersionId, Version)>, Error> {
    let mut found = Vec::new();
    walk(db, [line.tip], line.interrupt, |id, version| {
        if id.to_string().starts_with(digits) {
            found.push((id, version));
        }
        Step::Parents
    })?;
    found.sort_by_key(|(id, _)| *id);
    Ok(found)
}

/// The labels of a dataset, the highest first.
fn labels(
    db: &ObjectDb,
    tip: VersionId,
    dataset: &DatasetName,
    interrupt: &Interrupt,
) -> Result<Vec<String>, Error> {
    let mut labels = Vec::new();
    walk(db, [tip], interrupt, |_, version| {
        if version.dataset == *dataset {
            labels.push(version.label);
        }
        Step::Parents
    })?;
    labels.sort();
    Ok(labels.iter().rev().map(|label| format!("{dataset}@{label}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_for() {
        let id = "ab".repeat(32);
        let parse = |text: &str| Wanted::parse(text).unwrap();
        assert!(matches!(parse("cats").which, Which::Latest));
        assert!(matches!(parse("vision/cats@latest").which, Which::Latest));
        assert!(matches!(parse("cats@1.2").which, Which::Label(LabelQuery::Minor(1, 2))));
        assert!(matches!(parse("cats@1.2.0").which, Which::Label(LabelQuery::Exactly(_))));
        let named = parse(&format!("cats@{id}"));
        assert_eq!((named.dataset.as_ref().unwrap().as_str(), parse(&id).dataset), ("cats", None));
        assert_eq!(named.id(), parse(&id).id());
        assert!(matches!(parse("cats@d2e5").which, Which::Beginning(_)));
        assert!(matches!(parse("cats@2024").which, Which::Label(LabelQuery::Major(2024))));
        for bad in ["", "@1.0.0", "cats@", "cats@new", "a b", "cats@abc", "cats@abcg"] {
            assert!(Wanted::parse(bad).is_err(), "{bad}");
        }
    }
}
