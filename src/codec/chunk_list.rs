//! Chunk lists: how a large blob is put together from chunks.
//!
//! The list is a tree of nodes, so that a large file with a small change shares nearly all of its
//! list with the earlier one. A node of level 0 lists chunks; a node above lists nodes of one level
//! less. Every node but the root is addressed by the BLAKE3 of its bytes; the root is stored under
//! the SHA-256 of the blob. Where nodes are cut is decided by [`super::boundary`].
//!
//! Wire form after the header `dsvc` 1: bincode of `ChunkListWire`.

use serde::{Deserialize, Serialize};

use super::header::CHUNK_LIST;
use super::{DecodeError, wire};
use crate::model::ChunkId;

/// Deepest list that is read.
pub const MAX_LEVEL: u8 = 8;

/// One item of a chunk list: a chunk, or a node of one level less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Bytes of the blob that it stands for; never 0.
    pub len: u64,
    /// BLAKE3 of the chunk, or of the node's bytes.
    pub id: ChunkId,
}

/// One node of a chunk list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkList {
    /// 0 when the pieces are chunks.
    pub level: u8,
    /// In order; at least one.
    pub pieces: Vec<Piece>,
}

#[derive(Serialize, Deserialize)]
struct ChunkListWire {
    level: u8,
    pieces: Vec<Piece>,
}

impl Serialize for ChunkId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChunkId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(Self)
    }
}

impl ChunkList {
    /// Bytes of the blob that the node stands for.
    pub fn len(&self) -> u64 {
        self.pieces.iter().fold(0, |n, piece| n.saturating_add(piece.len))
    }

    /// Whether it stands for no bytes, which no valid node does.
    pub const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The bytes of the node.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(CHUNK_LIST, &ChunkListWire { level: self.level, pieces: self.pieces.clone() })
    }

    /// Decodes and checks a node; not its id.
    ///
    /// # Errors
    /// When a rule of the format is broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let ChunkListWire { level, pieces } = wire::decode(CHUNK_LIST, bytes)?;
        if level > MAX_LEVEL || pieces.is_empty() || pieces.iter().any(|piece| piece.len == 0) {
            return Err(DecodeError::malformed(
                CHUNK_LIST.name,
                "too deep, without pieces, or an empty piece",
            ));
        }
        if pieces.iter().try_fold(0u64, |sum, piece| sum.checked_add(piece.len)).is_none() {
            return Err(DecodeError::malformed(CHUNK_LIST.name, "the lengths overflow"));
        }
        Ok(Self { level, pieces })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_trip_and_rules() {
        let list = ChunkList { level: 1, pieces: vec![Piece { len: 70_000, id: ChunkId([5; 32]) }] };
        assert_eq!(ChunkList::decode(&list.encode()).unwrap(), list);
        let empty = ChunkList { level: 0, pieces: vec![] };
        assert!(ChunkList::decode(&empty.encode()).is_err());
        let huge = Piece { len: u64::MAX, id: ChunkId([5; 32]) };
        assert!(ChunkList::decode(&ChunkList { level: 0, pieces: vec![huge, huge] }.encode()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut headed = CHUNK_LIST.header().to_vec();
            headed.extend(&bytes);
            if let Ok(list) = ChunkList::decode(&headed) {
                prop_assert_eq!(list.encode(), headed);
            }
        }
    }
}
