//! Which version is meant.

use crate::model::{CopyFacts, DatasetName, Interrupt, VersionId, quote_path};
use crate::plumbing::history::{Step, walk};
use crate::plumbing::labels::{LabelQuery, find};
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
    Id(VersionId),
}

impl Wanted {
    /// Reads `DATASET`, `DATASET@latest`, `DATASET@1.2.0`, `DATASET@1.2`, `DATASET@1`, or a whole id, alone or behind
    /// `DATASET@`.
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
            _ => {
                let why = format!(
                    "'{}' is no label: expected 'latest', 1, 1.2, 1.2.0 or a version's whole id",
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
            Which::Latest | Which::Label(_) => None,
        }
    }

    /// Whether a copy may be what is meant, as far as can be told without asking.
    pub(super) fn is_met_by(&self, facts: &CopyFacts) -> bool {
        let same = self.dataset.as_ref().is_none_or(|dataset| *dataset == facts.dataset);
        match &self.which {
            Which::Latest => same,
            Which::Label(query) => same && query.matches(&facts.label),
            Which::Id(id) => *id == facts.version,
        }
    }

    /// The version, given the newest one of the dataset.
    pub(super) fn resolve(
        &self,
        db: &ObjectDb,
        tip: Option<VersionId>,
        url: &str,
        interrupt: &Interrupt,
    ) -> Result<VersionId, Error> {
        match (&self.which, &self.dataset, tip) {
            (Which::Id(id), ..) => match db.version(id) {
                Err(StoreError::Missing { .. }) => Err(self.not_there(url, Vec::new())),
                read => Ok(read.map(|_| *id)?),
            },
            (Which::Label(query), Some(dataset), Some(tip)) => {
                let found = find(db, &[tip], dataset, query, interrupt)?;
                match found.as_slice() {
                    [] => Err(self.not_there(url, labels(db, tip, dataset, interrupt)?)),
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
            (_, _, Some(tip)) => Ok(tip),
            (_, _, None) => Err(self.not_there(url, Vec::new())),
        }
    }

    fn not_there(&self, url: &str, there: Vec<String>) -> Error {
        Error::NoVersionThere { text: self.text.clone(), url: url.to_owned(), there }
    }
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
        for bad in ["", "@1.0.0", "cats@", "cats@new", "a b", "cats@abcd"] {
            assert!(Wanted::parse(bad).is_err(), "{bad}");
        }
    }
}
