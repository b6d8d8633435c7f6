//! What versions are looked for.
//!
//! A query is a list of terms, all of which must hold. As text, a term is a word, which must be in the dataset's name, the
//! label, the message, the description or a remark; or `KEY=VALUE`, where `=` may be `!=`, `<`, `<=`, `>` or `>=`:
//!
//! | key | is |
//! |---|---|
//! | `project` | the part of the name before the last slash, or its beginning |
//! | `name` | the dataset's name, whole or without its project; a pattern |
//! | `label` | a label, the beginning of one, or a requirement as `>=1.2, <2` |
//! | `tag`, `state`, `author` | a tag; `final` or `published`; a part of the author's name or address |
//! | `time` | when it was made |
//! | `files`, `bytes` | how much it holds |
//! | any other | metadata: equal as text or as numbers |

use std::cmp::Ordering;
use std::str::FromStr;

use super::Known;
use crate::model::{ErrorKind, TagName, Time, VersionState};
use crate::plumbing::labels::LabelQuery;
use crate::porcelain::pathspec::{Glob, GlobError};

/// Why a text is no query.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A key needs another value.
    #[error("'{value}' is no {what}")]
    BadValue {
        /// What was given.
        value: String,
        /// What is needed.
        what: &'static str,
    },
    /// A key cannot be compared so.
    #[error("'{key}' can only be compared with =, or with !=")]
    BadOperator {
        /// The key.
        key: String,
    },
    /// A pattern is malformed.
    #[error("'{pattern}' is not a valid pattern")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        #[source]
        source: GlobError,
    },
}

impl QueryError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Not,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Operator {
    /// Key, operator and value of a term, if it is one.
    fn split(text: &str) -> Option<(&str, Self, &str)> {
        let at = text.find(['=', '!', '<', '>'])?;
        let (key, rest) = text.split_at(at);
        let is_key =
            !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let operators = [
            ("!=", Self::Not),
            ("<=", Self::AtMost),
            (">=", Self::AtLeast),
            ("==", Self::Equal),
            ("=", Self::Equal),
            ("<", Self::Less),
            (">", Self::More),
        ];
        let found =
            operators.into_iter().find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)));
        found.filter(|_| is_key).map(|(operator, value)| (key, operator, value))
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Not => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

#[derive(Debug, Clone)]
enum LabelTest {
    Query(LabelQuery),
    Requirement(semver::VersionReq),
}

#[derive(Debug, Clone)]
enum Test {
    /// In lower case.
    Word(String),
    Project(String),
    Name(Glob),
    Label(LabelTest),
    Tag(TagName),
    State(VersionState),
    /// In lower case.
    Author(String),
    Time(Operator, i64),
    Files(Operator, u64),
    Bytes(Operator, u64),
    Metadata(String, Operator, String),
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub struct Term {
    test: Test,
    negated: bool,
}

/// Terms that must hold, all of them.
#[derive(Debug, Clone, Default)]
pub struct Query {
    terms: Vec<Term>,
}

impl FromStr for Query {
    type Err = QueryError;

    /// From words and `KEY=VALUE` terms with blanks between; `and` between them says nothing more.
    fn from_str(text: &str) -> Result<Self, QueryError> {
        let words = text.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("and"));
        Ok(Self { terms: words.map(Term::parse).collect::<Result<_, _>>()? })
    }
}

impl Query {
    /// Adds what must hold as well.
    pub fn add(&mut self, term: Term) {
        self.terms.push(term);
    }

    /// Adds what another one demands.
    pub fn extend(&mut self, other: Self) {
        self.terms.extend(other.terms);
    }

    /// Whether everything holds of a version.
    pub fn matches(&self, known: &Known) -> bool {
        self.terms.iter().all(|term| term.matches(known))
    }
}

impl Term {
    /// From text.
    ///
    /// # Errors
    /// When a key has a value, or is compared in a way, that makes no sense.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        match Operator::split(text) {
            Some((key, operator, value)) => Self::compare(key, operator, value),
            None => Ok(Self { test: Test::Word(text.to_lowercase()), negated: false }),
        }
    }

    /// `KEY=VALUE`.
    ///
    /// # Errors
    /// As [`Term::parse`].
    pub fn equal(key: &str, value: &str) -> Result<Self, QueryError> {
        Self::compare(key, Operator::Equal, value)
    }

    /// Made at or after a time.
    pub const fn since(time: Time) -> Self {
        Self { test: Test::Time(Operator::AtLeast, time.seconds), negated: false }
    }

    /// Made at or before a time.
    pub const fn until(time: Time) -> Self {
        Self { test: Test::Time(Operator::AtMost, time.seconds), negated: false }
    }

    fn compare(key: &str, operator: Operator, value: &str) -> Result<Self, QueryError> {
        let bad = |what| QueryError::BadValue { value: value.to_owned(), what };
        let test = match key {
            "files" => return Ok(Test::Files(operator, value.parse().map_err(|_| bad("number"))?).into()),
            "bytes" => return Ok(Test::Bytes(operator, value.parse().map_err(|_| bad("number"))?).into()),
            "time" => {
                let time: Time = value.parse().map_err(|_| bad("time such as 2026-11-23T00:00:00Z"))?;
                return Ok(Test::Time(operator, time.seconds).into());
            }
            "project" => Test::Project(value.trim_end_matches('/').to_owned()),
            "name" | "dataset" => Test::Name(
                Glob::new(value.as_bytes())
                    .map_err(|source| QueryError::BadPattern { pattern: value.to_owned(), source })?,
            ),
            "label" | "version" => Test::Label(label_test(value).ok_or_else(|| bad("label"))?),
            "tag" => Test::Tag(TagName::new(value).map_err(|_| bad("tag"))?),
            "state" => Test::State(VersionState::from_word(value).ok_or_else(|| bad("state"))?),
            "author" => Test::Author(value.to_lowercase()),
            key => return Ok(Test::Metadata(key.to_owned(), operator, value.to_owned()).into()),
        };
        match operator {
            Operator::Equal | Operator::Not => Ok(Self { test, negated: operator == Operator::Not }),
            Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast => match test {
                Test::Label(_) => {
                    let sign = ["=", "!=", "<", "<=", ">", ">="][operator as usize];
                    let requirement = semver::VersionReq::parse(&format!("{sign}{value}"));
                    let requirement = requirement.map_err(|_| bad("label"))?;
                    Ok(Test::Label(LabelTest::Requirement(requirement)).into())
                }
                _ => Err(QueryError::BadOperator { key: key.to_owned() }),
            },
        }
    }

    fn matches(&self, known: &Known) -> bool {
        self.test.holds(known) != self.negated
    }
}

impl From<Test> for Term {
    fn from(test: Test) -> Self {
        Self { test, negated: false }
    }
}

fn label_test(text: &str) -> Option<LabelTest> {
    match LabelQuery::parse(text) {
        Some(query) => Some(LabelTest::Query(query)),
        None => semver::VersionReq::parse(text).ok().map(LabelTest::Requirement),
    }
}

impl Test {
    fn holds(&self, known: &Known) -> bool {
        let (version, record) = (&known.version, &known.record);
        let name = known.dataset.as_str();
        match self {
            Self::Word(word) => {
                let has = |text: &str| text.to_lowercase().contains(word.as_str());
                has(name)
                    || version.label.to_string().contains(word.as_str())
                    || has(&version.message)
                    || record.description.as_deref().is_some_and(has)
                    || record.notes.iter().any(|note| has(&note.text))
            }
            Self::Project(project) => {
                name.strip_prefix(project.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
            Self::Name(glob) => {
                let last = name.rsplit('/').next().unwrap_or_default();
                glob.matches(name.as_bytes()) || glob.matches(last.as_bytes())
            }
            Self::Label(LabelTest::Query(query)) => query.matches(&version.label),
            Self::Label(LabelTest::Requirement(wanted)) => wanted.matches(version.label.as_semver()),
            Self::Tag(tag) => record.tags.contains(tag),
            Self::State(state) => known.state() == *state,
            Self::Author(text) => version.author.to_string().to_lowercase().contains(text.as_str()),
            Self::Time(operator, seconds) => operator.holds(version.time.seconds.cmp(seconds)),
            Self::Files(operator, files) => operator.holds(version.totals.files.cmp(files)),
            Self::Bytes(operator, bytes) => operator.holds(version.totals.bytes.cmp(bytes)),
            Self::Metadata(key, operator, wanted) => match version.metadata.get(key) {
                Some(value) => compare_json(value, wanted).is_some_and(|ordering| operator.holds(ordering)),
                None => *operator == Operator::Not,
            },
        }
    }
}

/// As numbers where both are some, else as text.
fn compare_json(value: &serde_json::Value, wanted: &str) -> Option<Ordering> {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match (text.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.partial_cmp(&other),
        _ => Some(text.as_str().cmp(wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Author, DatasetName, FoldedRecord, Origin, Totals, TreeId, Version, VersionId};

    fn known() -> Known {
        let metadata = serde_json::json!({"rows": 120_000, "source": "survey", "ok": true});
        let version = Version {
            tree: TreeId::from_bytes([1; 32]),
            parents: Vec::new(),
            dataset: DatasetName::new("vision/cats").unwrap(),
            label: "1.4.2".parse().unwrap(),
            author: Author { name: "Ada Lovelace".into(), email: "ada@example.org".into() },
            time: "2026-03-01T12:00:00Z".parse().unwrap(),
            message: "More Tabbies\n\nfrom the archive".into(),
            metadata: serde_json::from_value(metadata).unwrap(),
            origin: Origin::default(),
            totals: Totals { files: 7, bytes: 700 },
        };
        let record = FoldedRecord {
            tags: [TagName::new("gold").unwrap()].into(),
            description: Some("Indoor cats".into()),
            ..FoldedRecord::default()
        };
        let dataset = version.dataset.clone();
        Known { id: VersionId::from_bytes([2; 32]), version, dataset, record }
    }

    #[test]
    fn terms() {
        let known = known();
        let holds = |text: &str| text.parse::<Query>().unwrap().matches(&known);
        for text in [
            "",
            "tabbies",
            "INDOOR archive",
            "1.4",
            "project=vision",
            "name=cats",
            "name=vision/c*",
            "label=1",
            "label=1.4",
            "label=1.4.2",
            "label=^1.2",
            "label>=1.4",
            "label<2",
            "tag=gold",
            "tag!=silver",
            "state=final",
            "state!=published",
            "author=ada",
            "author=EXAMPLE.org",
            "time>2026-02-01T00:00:00Z",
            "files=7",
            "files<=7",
            "bytes>699",
            "rows=120000",
            "rows>1e5",
            "rows=120000 and state=final",
            "source=survey",
            "source!=scrape",
            "ok=true",
            "missing!=1",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "dogs",
            "project=vis",
            "project=cats",
            "name=dog*",
            "label=1.5",
            "label=2",
            "label>1.4.2",
            "tag=silver",
            "state=published",
            "author=bob",
            "time<2026-02-01T00:00:00Z",
            "files>7",
            "rows<1e5",
            "source=scrape",
            "missing=1",
            "tabbies dogs",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for bad in ["files=many", "time>yesterday", "state=ready", "tag=", "label=?!", "name=[", "tag>gold"] {
            assert!(bad.split(' ').any(|word| Term::parse(word).is_err()), "{bad}");
        }
    }
}
