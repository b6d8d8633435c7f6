//! The files of refs: a dataset's ref, and `HEAD`.
//!
//! Wire form of a ref: 64 lower-case hexadecimal digits and a line feed. `HEAD` holds the same, or
//! `ref: `, the full name of a dataset's ref and a line feed.

use super::DecodeError;
use crate::model::{DATASET_REFS, DatasetName, Head, VersionId};

/// More than any ref's file may hold, in bytes.
pub const MAX_REF_FILE_LEN: usize = 1024;

const SYMBOLIC: &str = "ref: ";

/// The content of a ref's file.
pub fn encode_ref(id: &VersionId) -> String {
    format!("{id}\n")
}

/// Decodes the content of a ref's file.
///
/// # Errors
/// When it is not an id and a line feed.
pub fn decode_ref(bytes: &[u8]) -> Result<VersionId, DecodeError> {
    let malformed = || DecodeError::malformed("ref", "expected 64 hexadecimal digits and a line feed");
    let id: VersionId = line(bytes).ok_or_else(malformed)?.parse().map_err(|_| malformed())?;
    if encode_ref(&id).as_bytes() == bytes { Ok(id) } else { Err(malformed()) }
}

/// The content of `HEAD`.
pub fn encode_head(head: &Head) -> String {
    match head {
        Head::Dataset(name) => format!("{SYMBOLIC}{DATASET_REFS}{name}\n"),
        Head::Detached(id) => encode_ref(id),
    }
}

/// Decodes the content of `HEAD`.
///
/// # Errors
/// When it is neither an id nor the name of a dataset's ref.
pub fn decode_head(bytes: &[u8]) -> Result<Head, DecodeError> {
    let Some(name) = line(bytes).and_then(|line| line.strip_prefix(SYMBOLIC)) else {
        return decode_ref(bytes).map(Head::Detached);
    };
    let Some(name) = name.strip_prefix(DATASET_REFS) else {
        return Err(DecodeError::malformed("HEAD", "it names no dataset's ref"));
    };
    let name = DatasetName::new(name).map_err(|error| DecodeError::malformed("HEAD", error.to_string()))?;
    Ok(Head::Dataset(name))
}

/// The text of a file that is one line.
fn line(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()?.strip_suffix('\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_kinds_of_head_come_back() {
        let id = VersionId::from_bytes([0xab; 32]);
        for head in [Head::Detached(id), Head::Dataset(DatasetName::new("vision/cats").unwrap())] {
            assert_eq!(decode_head(encode_head(&head).as_bytes()).unwrap(), head);
        }
        assert_eq!(encode_ref(&id), "ab".repeat(32) + "\n");
    }

    #[test]
    fn anything_else_is_refused() {
        let id = "ab".repeat(32);
        for bad in
            ["", "\n", &id, &format!("{id}\n\n"), &format!("{}\n", id.to_uppercase()), &format!(" {id}\n")]
        {
            assert!(decode_ref(bad.as_bytes()).is_err(), "{bad:?}");
            assert!(decode_head(bad.as_bytes()).is_err(), "{bad:?}");
        }
        for bad in
            ["ref: cats\n", "ref: refs/datasets/cats", "ref: refs/datasets/../x\n", "ref: refs/datasets/\n"]
        {
            assert!(decode_head(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode_ref(&bytes);
            let _ = decode_head(&bytes);
        }

        #[test]
        fn any_text_never_panics(text in "(ref: )?(refs/datasets/)?.{0,70}\n?") {
            if let Ok(head) = decode_head(text.as_bytes()) {
                prop_assert_eq!(encode_head(&head), text);
            }
        }
    }
}
