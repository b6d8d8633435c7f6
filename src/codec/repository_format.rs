//! The file `format` of a repository or of a shared store: who may read it and who may write.
//!
//! Wire form, TOML:
//!
//! ```toml
//! format = 1
//! reader-features = []
//! writer-features = []
//! ```
//!
//! A program that does not know the number or a reader feature must not read; one that does not know
//! a writer feature may read and must not write.

use std::collections::BTreeSet;

use toml_edit::{Array, DocumentMut, value};

use super::DecodeError;

/// The number that is written, and the highest one that is read.
pub const REPOSITORY_FORMAT: u32 = 1;
/// The reader features that this program knows.
pub const READER_FEATURES: &[&str] = &[];
/// The writer features that this program knows.
pub const WRITER_FEATURES: &[&str] = &[];

/// Most bytes that the file may hold.
pub const MAX_FORMAT_FILE_LEN: usize = 64 * 1024;

const WHAT: &str = "format file";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFormat {
    /// The format's number, 1 or more.
    pub number: u32,
    /// What a reader must know of.
    pub reader_features: BTreeSet<String>,
    /// What a writer must know of.
    pub writer_features: BTreeSet<String>,
}

impl Default for RepositoryFormat {
    fn default() -> Self {
        Self { number: REPOSITORY_FORMAT, reader_features: BTreeSet::new(), writer_features: BTreeSet::new() }
    }
}

impl RepositoryFormat {
    /// The content of the file.
    pub fn encode(&self) -> String {
        let mut document = DocumentMut::new();
        document["format"] = value(i64::from(self.number));
        document["reader-features"] = value(self.reader_features.iter().collect::<Array>());
        document["writer-features"] = value(self.writer_features.iter().collect::<Array>());
        document.to_string()
    }

    /// Decodes the content of the file. Keys that are not known are passed over: whoever adds one that
    /// matters raises the number or adds a feature.
    ///
    /// # Errors
    /// When it is no TOML, or a key is missing or of the wrong type.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let malformed = |why: String| DecodeError::malformed(WHAT, why);
        if bytes.len() > MAX_FORMAT_FILE_LEN {
            return Err(malformed(format!("{} bytes", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?;
        let document: DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| malformed(error.message().to_owned()))?;
        let number = document.get("format").and_then(toml_edit::Item::as_integer);
        let number = number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|&number| number > 0)
            .ok_or_else(|| malformed("the key 'format' is no number".to_owned()))?;
        Ok(Self {
            number,
            reader_features: features(&document, "reader-features")?,
            writer_features: features(&document, "writer-features")?,
        })
    }

    /// What keeps this program from reading: the newer number, or the features it does not know.
    pub fn unreadable(&self) -> Option<String> {
        if self.number > REPOSITORY_FORMAT {
            return Some(format!(
                "has format {}, and this dsv knows formats up to {REPOSITORY_FORMAT}",
                self.number
            ));
        }
        unknown(&self.reader_features, READER_FEATURES)
            .map(|names| format!("uses {names} for all that it holds"))
    }

    /// What keeps this program from writing.
    pub fn unwritable(&self) -> Option<String> {
        self.unreadable().or_else(|| {
            unknown(&self.writer_features, WRITER_FEATURES)
                .map(|names| format!("demands {names} of whoever writes"))
        })
    }
}

fn features(document: &DocumentMut, key: &str) -> Result<BTreeSet<String>, DecodeError> {
    let malformed = || DecodeError::malformed(WHAT, format!("the key '{key}' is no list of words"));
    let array = document.get(key).and_then(toml_edit::Item::as_array).ok_or_else(malformed)?;
    array.iter().map(|word| word.as_str().map(str::to_owned).ok_or_else(malformed)).collect()
}

/// The features that are not known, for people.
fn unknown(features: &BTreeSet<String>, known: &[&str]) -> Option<String> {
    let names: Vec<String> = features
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| format!("'{}'", crate::model::quote_path(name.as_bytes())))
        .collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("the unknown feature {one}")),
        many => Some(format!("the unknown features {}", many.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_file_is_pinned_and_comes_back() {
        let format = RepositoryFormat::default();
        assert_eq!(format.encode(), "format = 1\nreader-features = []\nwriter-features = []\n");
        assert_eq!(RepositoryFormat::decode(format.encode().as_bytes()).unwrap(), format);
        assert_eq!((format.unreadable(), format.unwritable()), (None, None));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let newer = RepositoryFormat { number: 2, ..Default::default() };
        assert_eq!(newer.unreadable().unwrap(), "has format 2, and this dsv knows formats up to 1");
        let reader =
            RepositoryFormat { reader_features: BTreeSet::from(["sealed".into()]), ..Default::default() };
        let reader = RepositoryFormat::decode(reader.encode().as_bytes()).unwrap();
        assert!(reader.unreadable().unwrap().contains("'sealed'"));
        let writer = RepositoryFormat {
            writer_features: BTreeSet::from(["a".into(), "b".into()]),
            ..Default::default()
        };
        assert_eq!(writer.unreadable(), None);
        assert!(writer.unwritable().unwrap().contains("'a', 'b'"));
    }

    #[test]
    fn broken_files_are_refused() {
        let lists = "reader-features = []\nwriter-features = []\n";
        for bad in [
            "",
            "format = 1",
            "format = \"1\"",
            &format!("format = 0\n{lists}"),
            &format!("format = -1\n{lists}"),
            "format = 1\nreader-features = [1]\nwriter-features = []",
            "=",
        ] {
            assert!(RepositoryFormat::decode(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_never_panics(text in "(format = [0-9]{1,20}\n)?.{0,60}") {
            let _ = RepositoryFormat::decode(text.as_bytes());
        }
    }
}
