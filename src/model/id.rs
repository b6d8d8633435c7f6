//! The names of objects: SHA-256 for what a user sees, BLAKE3 for chunks.

use std::fmt;
use std::str::FromStr;

pub use gix_hash::ObjectId;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an object id: expected 64 hexadecimal digits")]
pub struct ParseIdError {
    /// What was given.
    pub text: String,
}

/// Decodes exactly 64 hexadecimal digits.
///
/// # Errors
/// When the text has another length or another character.
pub fn parse_hex(text: &str) -> Result<[u8; 32], ParseIdError> {
    let bad = || ParseIdError { text: text.to_owned() };
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return Err(bad());
    }
    let nibble = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let mut out = [0u8; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0]).zip(nibble(pair[1])).map(|(h, l)| h << 4 | l).ok_or_else(bad)?;
    }
    Ok(out)
}

macro_rules! object_id_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(ObjectId);

        impl $name {
            /// Takes an id for what the caller knows it to be; nothing is looked up.
            pub const fn new(id: ObjectId) -> Self {
                Self(id)
            }

            /// The id from its 32 raw bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(ObjectId::Sha256(bytes))
            }

            /// The same id without its kind.
            pub const fn object(&self) -> ObjectId {
                self.0
            }

            /// The 32 raw bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                bytes_of(&self.0)
            }

            /// The first `digits` hexadecimal digits, for display only.
            pub fn short(&self, digits: usize) -> String {
                self.0.to_hex_with_len(digits.min(64)).to_string()
            }
        }

        impl From<$name> for ObjectId {
            fn from(id: $name) -> ObjectId {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.to_hex())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self::from_bytes)
            }
        }
    };
}

/// The raw bytes of an object id.
///
/// Only SHA-256 ids exist here: `gix-hash` is built with that kind alone.
fn bytes_of(id: &ObjectId) -> &[u8; 32] {
    let ObjectId::Sha256(bytes) = id else { unreachable!("ids of this crate are SHA-256") };
    bytes
}

object_id_newtype! {
    /// SHA-256 of a file's bytes and of nothing else: what `sha256sum` prints.
    BlobId
}
object_id_newtype! {
    /// SHA-256 of the encoded root node of a directory's tree.
    TreeId
}
object_id_newtype! {
    /// SHA-256 of an encoded version manifest.
    VersionId
}

/// BLAKE3 address of a chunk or of a chunk-list node: the store's affair, never part of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub [u8; 32]);

impl ChunkId {
    /// The address of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The 32 raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_full_hex_and_parses_back() {
        let id = BlobId::from_bytes([0xab; 32]);
        assert_eq!(id.to_string(), "ab".repeat(32));
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        assert_eq!(id.short(7), "abababa");
    }

    #[test]
    fn anything_but_64_hex_digits_is_refused() {
        for bad in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"é".repeat(32)] {
            assert!(bad.parse::<TreeId>().is_err(), "{bad}");
        }
    }
}
