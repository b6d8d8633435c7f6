//! The syntax of revisions, before anything is looked up.

use super::RevError;
use crate::model::{DATASET_REFS, DatasetName, RepoPath, TagName, quote_path};
use crate::plumbing::labels::LabelQuery;

/// How the full name of a tag begins.
const TAG_REFS: &str = "refs/tags/";
/// Fewest digits of a shortened id.
const MIN_PREFIX: usize = 4;
/// Most suffixes of one revision; far more than a person writes.
const MAX_SUFFIXES: usize = 256;

/// A parsed revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// What stands before the colon.
    pub rev: String,
    /// Its part before the suffixes, understood.
    pub(super) base: Base,
    pub(super) suffixes: Vec<Suffix>,
    /// What stands behind the colon; the empty path is the root.
    pub path: Option<RepoPath>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    Head,
    /// `cats@latest`, `refs/datasets/cats`
    Latest(DatasetName),
    Label {
        dataset: DatasetName,
        query: LabelQuery,
    },
    /// `refs/tags/gold`
    Tag(TagName),
    /// A dataset, a tag or an id.
    Word(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suffix {
    /// `~n`
    Ancestor(usize),
    /// `^n`
    Parent(usize),
}

impl Revision {
    /// Parses a text; nothing is looked up.
    ///
    /// # Errors
    /// [`RevError::Malformed`].
    pub fn parse(text: &[u8]) -> Result<Self, RevError> {
        let fail = |why: &str| Err(RevError::Malformed { text: quote_path(text), why: why.to_owned() });
        let (rev, path) = match text.iter().position(|&b| b == b':') {
            Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
            None => (text, None),
        };
        let Ok(rev) = std::str::from_utf8(rev) else { return fail("it is no UTF-8") };
        if rev.is_empty() {
            return fail(if path.is_some() { "nothing stands before the colon" } else { "it is empty" });
        }
        let path = match path.map(|path| RepoPath::new(path.strip_suffix(b"/").unwrap_or(path))) {
            Some(Err(error)) => return fail(&error.to_string()),
            Some(Ok(path)) => Some(path),
            None => None,
        };
        let (base, suffixes) = rev.split_at(rev.find(['~', '^']).unwrap_or(rev.len()));
        let base = match parse_base(base) {
            Ok(base) => base,
            Err(why) => return fail(&why),
        };
        match parse_suffixes(suffixes) {
            Ok(suffixes) => Ok(Self { rev: rev.to_owned(), base, suffixes, path }),
            Err(why) => fail(why),
        }
    }

    pub(super) fn malformed(&self, why: &str) -> RevError {
        RevError::Malformed { text: self.shown(), why: why.to_owned() }
    }

    /// The whole, for people.
    pub(super) fn shown(&self) -> String {
        match &self.path {
            Some(path) => format!("{}:{path}", self.rev),
            None => self.rev.clone(),
        }
    }

    /// The part that names something, for people.
    pub(super) fn shown_base(&self) -> String {
        self.rev[..self.rev.find(['~', '^']).unwrap_or(self.rev.len())].to_owned()
    }

    /// The dataset, tag or word that is looked up.
    pub(super) fn name(&self) -> &str {
        match &self.base {
            Base::Head => "HEAD",
            Base::Latest(dataset) | Base::Label { dataset, .. } => dataset.as_str(),
            Base::Tag(tag) => tag.as_str(),
            Base::Word(word) => word,
        }
    }
}

fn parse_base(text: &str) -> Result<Base, String> {
    let dataset = |name: &str| DatasetName::new(name).map_err(|error| error.to_string());
    if text.is_empty() {
        return Err("nothing stands before the '~' or '^'".to_owned());
    }
    if text == "HEAD" {
        return Ok(Base::Head);
    }
    if let Some(name) = text.strip_prefix(TAG_REFS) {
        return TagName::new(name).map(Base::Tag).map_err(|error| error.to_string());
    }
    let (name, label) = text.split_once('@').map_or((text, None), |(name, label)| (name, Some(label)));
    let full = name.strip_prefix(DATASET_REFS);
    match label {
        Some("latest") => dataset(full.unwrap_or(name)).map(Base::Latest),
        Some(label) => match LabelQuery::parse(label) {
            Some(query) => Ok(Base::Label { dataset: dataset(full.unwrap_or(name))?, query }),
            None => Err(format!(
                "'{}' is no label: expected 'latest', 1, 1.2 or 1.2.0",
                quote_path(label.as_bytes())
            )),
        },
        None => match full {
            Some(name) => dataset(name).map(Base::Latest),
            // The rules of datasets and tags are the same, and ids keep to them.
            None => dataset(name).map(|name| Base::Word(name.into())),
        },
    }
}

fn parse_suffixes(mut text: &str) -> Result<Vec<Suffix>, &'static str> {
    let mut suffixes = Vec::new();
    while let Some(sign) = text.chars().next() {
        text = &text[sign.len_utf8()..];
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number = match &text[..digits] {
            "" => 1,
            digits => digits.parse().map_err(|_| "a number is too large")?,
        };
        text = &text[digits..];
        suffixes.push(match sign {
            '~' => Suffix::Ancestor(number),
            '^' => Suffix::Parent(number),
            _ => return Err("expected '~', '^' or a number"),
        });
        if suffixes.len() > MAX_SUFFIXES {
            return Err("too many '~' and '^'");
        }
    }
    Ok(suffixes)
}

/// The bytes of a shortened id, zeros behind; `None` for what cannot be one.
pub(super) fn hex_prefix(word: &str) -> Option<[u8; 32]> {
    if !(MIN_PREFIX..=64).contains(&word.len()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, digit) in word.chars().enumerate() {
        let nibble = u8::try_from(digit.to_digit(16)?).ok()?;
        bytes[at / 2] |= nibble << (4 * (1 - at % 2));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts() {
        let revision = Revision::parse(b"vision/cats@1.2~3^2^:a/b/").unwrap();
        let dataset = DatasetName::new("vision/cats").unwrap();
        assert_eq!(revision.base, Base::Label { dataset, query: LabelQuery::Minor(1, 2) });
        assert_eq!(revision.suffixes, [Suffix::Ancestor(3), Suffix::Parent(2), Suffix::Parent(1)]);
        assert_eq!(revision.path.unwrap().to_string(), "a/b");
        assert_eq!(Revision::parse(b"HEAD~").unwrap().suffixes, [Suffix::Ancestor(1)]);
        assert!(Revision::parse(b"HEAD:").unwrap().path.unwrap().is_root());
        assert_eq!(Revision::parse(b"x:\xff").unwrap().path.unwrap().as_bytes(), b"\xff");
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            ":",
            ":a",
            "~",
            "^2",
            "cats@",
            "cats@x",
            "cats@1.2.3.4",
            "@1",
            "a b",
            "HEAD~x",
            "HEAD~99999999999999999999",
            "a//b",
            "x:../y",
            "x:a//b",
            "refs/tags/",
            "refs/datasets/a b",
            "cats@1@2",
        ] {
            let error = Revision::parse(bad.as_bytes()).unwrap_err();
            assert!(matches!(error, RevError::Malformed { .. }), "{bad}");
        }
        assert!(Revision::parse(b"\xff").is_err());
        assert!(Revision::parse(b"a~").is_ok());
        assert!(Revision::parse(format!("a{}", "~".repeat(1000)).as_bytes()).is_err());
    }

    #[test]
    fn shortened_ids() {
        assert_eq!(hex_prefix("abc"), None);
        assert_eq!(hex_prefix("abcg"), None);
        assert_eq!(hex_prefix(&"0".repeat(65)), None);
        assert_eq!(hex_prefix("aBcD1").unwrap()[..3], [0xab, 0xcd, 0x10]);
    }

    proptest! {
        #[test]
        fn any_text_never_panics(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Revision::parse(&text);
        }

        #[test]
        fn any_text_like_a_revision_never_panics(text in "[a-z]{0,3}(@[0-9.]{0,6})?[~^0-9]{0,8}(:[a./]{0,5})?") {
            if let Ok(revision) = Revision::parse(text.as_bytes()) {
                prop_assert!(text.starts_with(&revision.rev));
                let _ = (revision.shown(), revision.shown_base());
            }
        }

        #[test]
        fn any_word_is_a_prefix_or_not(word in ".{0,70}") {
            let _ = hex_prefix(&word);
        }
    }
}
