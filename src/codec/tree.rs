//! Trees: one directory's entries, split into nodes.
//!
//! A *leaf* (level 0) lists entries in byte order of name. A directory whose entries fill more than
//! one leaf has an inner node above them, which lists for each child its first name, its totals, its
//! number of entries and its id; and so on until one root is left. The tree's id is the SHA-256 of
//! the root's bytes. Where nodes are cut is decided by [`super::boundary`].
//!
//! Wire form after the header `dsvt` 1: bincode of `TreeWire`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::header::TREE;
use super::{DecodeError, wire};
use crate::model::{Entry, EntryKind, EntryName, ObjectId, Totals, TreeId};

/// Deepest tree of nodes that is read; far above what [`super::boundary`] can build.
pub const MAX_LEVEL: u8 = 16;

/// A child of an inner node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildNode {
    /// The smallest name below it.
    pub first: EntryName,
    /// Entries of this directory below it.
    pub entries: u64,
    /// Files and bytes below it, those of subdirectories included.
    pub totals: Totals,
    /// The SHA-256 of its bytes.
    pub id: TreeId,
}

/// One decoded node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeNode {
    /// Entries in byte order of name.
    Leaf(Vec<Entry>),
    /// Children of one level less, in byte order of their first names.
    Inner {
        /// At least 1.
        level: u8,
        /// At least one child.
        children: Vec<ChildNode>,
    },
}

#[derive(Serialize, Deserialize)]
struct TreeWire<'a> {
    level: u8,
    #[serde(borrow)]
    leaf: Vec<EntryWire<'a>>,
    #[serde(borrow)]
    inner: Vec<ChildWire<'a>>,
}

#[derive(Serialize, Deserialize)]
struct EntryWire<'a> {
    #[serde(borrow, with = "bytes")]
    name: &'a [u8],
    kind: u8,
    size: u64,
    files: u64,
    id: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct ChildWire<'a> {
    #[serde(borrow, with = "bytes")]
    first: &'a [u8],
    entries: u64,
    files: u64,
    bytes: u64,
    id: [u8; 32],
}

/// Byte strings as one length and the bytes.
mod bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de [u8], D::Error> {
        <&[u8]>::deserialize(deserializer)
    }
}

/// The id of a directory without entries.
pub fn empty_tree() -> TreeId {
    static EMPTY: LazyLock<TreeId> =
        LazyLock::new(|| TreeId::from_bytes(Sha256::digest(TreeNode::empty().encode()).into()));
    *EMPTY
}

impl TreeNode {
    /// The node of a directory without entries.
    pub const fn empty() -> Self {
        Self::Leaf(Vec::new())
    }

    /// 0 for a leaf.
    pub const fn level(&self) -> u8 {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner { level, .. } => *level,
        }
    }

    /// Entries of this directory in and below the node.
    pub fn entry_count(&self) -> u64 {
        match self {
            Self::Leaf(entries) => entries.len() as u64,
            Self::Inner { children, .. } => children.iter().fold(0, |n, c| n.saturating_add(c.entries)),
        }
    }

    /// Files and bytes in and below the node.
    pub fn totals(&self) -> Totals {
        match self {
            Self::Leaf(entries) => entries.iter().map(Entry::totals).fold(Totals::default(), Totals::plus),
            Self::Inner { children, .. } => {
                children.iter().map(|c| c.totals).fold(Totals::default(), Totals::plus)
            }
        }
    }

    /// The bytes of the node.
    pub fn encode(&self) -> Vec<u8> {
        let (leaf, inner) = match self {
            Self::Leaf(entries) => (entries.as_slice(), [].as_slice()),
            Self::Inner { children, .. } => ([].as_slice(), children.as_slice()),
        };
        let wire = TreeWire {
            level: self.level(),
            leaf: leaf.iter().map(entry_to_wire).collect(),
            inner: inner.iter().map(child_to_wire).collect(),
        };
        wire::encode(TREE, &wire)
    }

    /// Decodes and checks a node: order, names, kinds, sizes of the parts; not the ids.
    ///
    /// # Errors
    /// When a rule of the format is broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire: TreeWire<'_> = wire::decode(TREE, bytes)?;
        let malformed = |why: &str| Err(DecodeError::malformed(TREE.name, why));
        if wire.level == 0 {
            if !wire.inner.is_empty() {
                return malformed("a leaf with children");
            }
            if !wire.leaf.is_sorted_by(|a, b| a.name < b.name) {
                return malformed("entries are not in order");
            }
            return wire.leaf.iter().map(entry_from_wire).collect::<Result<_, _>>().map(Self::Leaf);
        }
        if wire.level > MAX_LEVEL {
            return malformed("too many levels");
        }
        if !wire.leaf.is_empty() || wire.inner.is_empty() {
            return malformed("an inner node with entries or without children");
        }
        if !wire.inner.is_sorted_by(|a, b| a.first < b.first) {
            return malformed("children are not in order");
        }
        let children = wire.inner.iter().map(child_from_wire).collect::<Result<_, _>>()?;
        Ok(Self::Inner { level: wire.level, children })
    }
}

fn entry_to_wire(entry: &Entry) -> EntryWire<'_> {
    EntryWire {
        name: entry.name.as_bytes(),
        kind: entry.kind.code(),
        size: entry.size,
        files: entry.files,
        id: raw(entry.id),
    }
}

fn entry_from_wire(wire: &EntryWire<'_>) -> Result<Entry, DecodeError> {
    let malformed = |why: String| DecodeError::malformed(TREE.name, why);
    let kind = EntryKind::from_code(wire.kind)
        .ok_or_else(|| malformed(format!("unknown kind of entry {}; a newer dsv may know it", wire.kind)))?;
    if !kind.is_dir() && wire.files != 1 {
        return Err(malformed("an entry that is no directory counts as one file".to_owned()));
    }
    Ok(Entry {
        name: EntryName::new(wire.name).map_err(|e| malformed(e.to_string()))?,
        kind,
        size: wire.size,
        files: wire.files,
        id: ObjectId::Sha256(wire.id),
    })
}

fn child_to_wire(child: &ChildNode) -> ChildWire<'_> {
    ChildWire {
        first: child.first.as_bytes(),
        entries: child.entries,
        files: child.totals.files,
        bytes: child.totals.bytes,
        id: *child.id.as_bytes(),
    }
}

fn child_from_wire(wire: &ChildWire<'_>) -> Result<ChildNode, DecodeError> {
    Ok(ChildNode {
        first: EntryName::new(wire.first).map_err(|e| DecodeError::malformed(TREE.name, e.to_string()))?,
        entries: wire.entries,
        totals: Totals { files: wire.files, bytes: wire.bytes },
        id: TreeId::from_bytes(wire.id),
    })
}

fn raw(id: ObjectId) -> [u8; 32] {
    *TreeId::new(id).as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, kind: EntryKind, files: u64) -> Entry {
        let id = ObjectId::Sha256([9; 32]);
        Entry { name: EntryName::new(name).unwrap(), kind, size: 300, files, id }
    }

    fn leaf() -> TreeNode {
        TreeNode::Leaf(vec![entry("a", EntryKind::File, 1), entry("b", EntryKind::Directory, 12)])
    }

    fn inner() -> TreeNode {
        let child = |first: &str| ChildNode {
            first: EntryName::new(first).unwrap(),
            entries: 40,
            totals: Totals { files: 50, bytes: 60 },
            id: TreeId::from_bytes([3; 32]),
        };
        TreeNode::Inner { level: 1, children: vec![child("a"), child("n")] }
    }

    #[test]
    fn round_trip() {
        for node in [leaf(), inner(), TreeNode::empty()] {
            assert_eq!(TreeNode::decode(&node.encode()).unwrap(), node);
        }
        assert_eq!(leaf().totals(), Totals { files: 13, bytes: 600 });
        assert_eq!(inner().entry_count(), 80);
    }

    #[test]
    fn rules_are_enforced() {
        let unsorted = TreeNode::Leaf(vec![entry("b", EntryKind::File, 1), entry("a", EntryKind::File, 1)]);
        let twice = TreeNode::Leaf(vec![entry("a", EntryKind::File, 1), entry("a", EntryKind::File, 1)]);
        let miscounted = TreeNode::Leaf(vec![entry("a", EntryKind::File, 2)]);
        let childless = TreeNode::Inner { level: 1, children: vec![] };
        for node in [unsorted, twice, miscounted, childless] {
            assert!(TreeNode::decode(&node.encode()).is_err(), "{node:?}");
        }
        let mut escaping = leaf().encode();
        let at = escaping.iter().position(|&b| b == b'a').unwrap();
        escaping[at] = b'/';
        assert!(TreeNode::decode(&escaping).is_err());
        let mut trailing = leaf().encode();
        trailing.push(0);
        assert!(TreeNode::decode(&trailing).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = TreeNode::decode(&bytes);
            let mut headed = TREE.header().to_vec();
            headed.extend(bytes);
            let _ = TreeNode::decode(&headed);
        }

        #[test]
        fn damaged_nodes_never_panic_and_decode_canonically(at in 0usize..200, bit in 0u8..8) {
            let mut bytes = leaf().encode();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(node) = TreeNode::decode(&bytes) {
                prop_assert_eq!(node.encode(), bytes);
            }
        }
    }
}
