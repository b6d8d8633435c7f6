//! A merge that is under way: the file `merge.json` of a repository.
//!
//! Wire form: canonical JSON as in [`json_line`](super::json_line), without a line feed. Ids are 64 hexadecimal digits. A path is its
//! text; one that is no UTF-8, or begins with `hex:`, is `hex:` and its bytes in hexadecimal digits.

use serde::{Deserialize, Serialize};

use super::DecodeError;
use super::json_line::encode;
use crate::model::{
    Author, BlobId, ConflictKind, EntryKind, Favour, MergeAction, MergeConflict, MergeState, MergedEntry,
    RepoPath, TreeId, VersionId,
};

/// Longest file that is read or written, in bytes.
pub const MAX_MERGE_STATE_LEN: usize = 64 * 1024 * 1024;
/// The number of the format.
const FORMAT: u32 = 1;
const WHAT: &str = "state of a merge";
/// In front of a path that is written as digits.
const HEX: &str = "hex:";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: u32,
    action: String,
    applied: bool,
    head: String,
    theirs: Vec<String>,
    tree: String,
    message: String,
    label: String,
    author: Option<Author>,
    mainline: Option<u32>,
    todo: Vec<String>,
    conflicts: Vec<WireConflict>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireConflict {
    path: String,
    kind: String,
    base: Option<WireEntry>,
    ours: Option<WireEntry>,
    theirs: Option<WireEntry>,
    beside: Option<String>,
    solved: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    kind: String,
    bytes: u64,
    id: String,
}

/// The bytes of the state of a merge.
pub fn encode_merge_state(state: &MergeState) -> Vec<u8> {
    let ids = |ids: &[VersionId]| ids.iter().map(ToString::to_string).collect();
    encode(&Wire {
        format: FORMAT,
        action: state.action.as_str().to_owned(),
        applied: state.applied,
        head: state.head.to_string(),
        theirs: ids(&state.theirs),
        tree: state.tree.to_string(),
        message: state.message.clone(),
        label: state.label.clone(),
        author: state.author.clone(),
        mainline: state.mainline,
        todo: ids(&state.todo),
        conflicts: state.conflicts.iter().map(wire_conflict).collect(),
    })
}

fn wire_conflict(conflict: &MergeConflict) -> WireConflict {
    let entry = |entry: &MergedEntry| WireEntry {
        kind: entry.kind.as_str().to_owned(),
        bytes: entry.size,
        id: entry.id.to_string(),
    };
    WireConflict {
        path: path_text(&conflict.path),
        kind: conflict.kind.as_str().to_owned(),
        base: conflict.base.as_ref().map(entry),
        ours: conflict.ours.as_ref().map(entry),
        theirs: conflict.theirs.as_ref().map(entry),
        beside: conflict.beside.as_ref().map(path_text),
        solved: conflict.solved.map(|favour| favour.as_str().to_owned()),
    }
}

fn path_text(path: &RepoPath) -> String {
    match std::str::from_utf8(path.as_bytes()) {
        Ok(text) if !text.starts_with(HEX) => text.to_owned(),
        _ => path.as_bytes().iter().fold(HEX.to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

/// Decodes the state of a merge.
///
/// # Errors
/// When it is none, is too long or not canonical.
pub fn decode_merge_state(bytes: &[u8]) -> Result<MergeState, DecodeError> {
    if bytes.len() > MAX_MERGE_STATE_LEN {
        return Err(malformed(format!("{} bytes", bytes.len())));
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if wire.format > FORMAT {
        return Err(DecodeError::NewerFormat { what: WHAT, found: wire.format, supported: FORMAT });
    }
    let state = state(&wire)?;
    if encode_merge_state(&state) != bytes {
        return Err(malformed("not in canonical form"));
    }
    Ok(state)
}

fn state(wire: &Wire) -> Result<MergeState, DecodeError> {
    let ids = |ids: &[String]| ids.iter().map(|id| version(id)).collect::<Result<Vec<_>, _>>();
    let action = MergeAction::from_word(&wire.action).ok_or_else(|| malformed("an unknown action"))?;
    let conflicts: Vec<_> = wire.conflicts.iter().map(conflict).collect::<Result<_, _>>()?;
    if !conflicts.is_sorted_by(|a, b| a.path < b.path) {
        return Err(malformed("the paths are out of order, or one is there twice"));
    }
    if wire.theirs.is_empty() {
        return Err(malformed("nothing is merged"));
    }
    Ok(MergeState {
        action,
        applied: wire.applied,
        head: version(&wire.head)?,
        theirs: ids(&wire.theirs)?,
        tree: wire.tree.parse::<TreeId>().map_err(|error| malformed(error.to_string()))?,
        message: wire.message.clone(),
        label: wire.label.clone(),
        author: wire.author.clone(),
        mainline: wire.mainline,
        todo: ids(&wire.todo)?,
        conflicts,
    })
}

fn version(text: &str) -> Result<VersionId, DecodeError> {
    text.parse().map_err(|error: crate::model::ParseIdError| malformed(error.to_string()))
}

fn conflict(wire: &WireConflict) -> Result<MergeConflict, DecodeError> {
    let entries =
        [&wire.base, &wire.ours, &wire.theirs].map(|entry| entry.as_ref().map(merged_entry).transpose());
    let [base, ours, theirs] = entries;
    let favour = |word: &String| Favour::from_word(word).ok_or_else(|| malformed("an unknown side"));
    Ok(MergeConflict {
        path: path(&wire.path)?,
        kind: ConflictKind::from_word(&wire.kind).ok_or_else(|| malformed("an unknown kind of conflict"))?,
        base: base?,
        ours: ours?,
        theirs: theirs?,
        beside: wire.beside.as_deref().map(path).transpose()?,
        solved: wire.solved.as_ref().map(favour).transpose()?,
    })
}

fn merged_entry(wire: &WireEntry) -> Result<MergedEntry, DecodeError> {
    let kind = EntryKind::from_word(&wire.kind).ok_or_else(|| malformed("an unknown kind of entry"))?;
    let id = wire.id.parse::<BlobId>().map_err(|error| malformed(error.to_string()))?;
    Ok(MergedEntry { kind, size: wire.bytes, id: id.object() })
}

fn path(text: &str) -> Result<RepoPath, DecodeError> {
    let bytes = match text.strip_prefix(HEX) {
        None => text.as_bytes().to_vec(),
        Some(digits) => {
            let byte = |pair: &[u8]| {
                let text = std::str::from_utf8(pair).ok().filter(|_| pair.len() == 2)?;
                u8::from_str_radix(text, 16).ok()
            };
            let bytes = digits.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>();
            bytes.ok_or_else(|| malformed("a path of odd digits"))?
        }
    };
    let path = RepoPath::new(bytes).map_err(|error| malformed(error.to_string()))?;
    if path.is_root() { Err(malformed("the root cannot be in conflict")) } else { Ok(path) }
}

fn malformed(why: impl Into<String>) -> DecodeError {
    DecodeError::malformed(WHAT, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> MergeState {
        let version = |byte| VersionId::from_bytes([byte; 32]);
        let entry = |byte| MergedEntry {
            kind: EntryKind::File,
            size: u64::from(byte),
            id: BlobId::from_bytes([byte; 32]).object(),
        };
        let conflict = |path: &[u8], solved| MergeConflict {
            path: RepoPath::new(path).unwrap(),
            kind: ConflictKind::Content,
            base: None,
            ours: Some(entry(1)),
            theirs: Some(entry(2)),
            beside: Some(RepoPath::new([path, b"~cats@1.0.0"].concat()).unwrap()),
            solved,
        };
        MergeState {
            action: MergeAction::Merge,
            applied: true,
            head: version(3),
            theirs: vec![version(4)],
            tree: TreeId::from_bytes([5; 32]),
            message: "Merge cats@1.0.0".to_owned(),
            label: "patch".to_owned(),
            author: None,
            mainline: None,
            todo: Vec::new(),
            conflicts: vec![
                conflict("grün".as_bytes(), None),
                conflict(b"hex:a", Some(Favour::Both)),
                conflict(b"\xff/b", Some(Favour::Ours)),
            ],
        }
    }

    #[test]
    fn a_state_comes_back_whatever_its_paths() {
        let mut state = example();
        state.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        let bytes = encode_merge_state(&state);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            text.contains(r#""path":"hex:ff2f62""#) && text.contains(r#""path":"hex:6865783a61""#),
            "{text}"
        );
        assert_eq!(decode_merge_state(&bytes).unwrap(), state);
    }

    #[test]
    fn torn_and_hostile_ones_are_refused() {
        let mut state = example();
        state.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        let text = String::from_utf8(encode_merge_state(&state)).unwrap();
        for end in 0..text.len() {
            if text.is_char_boundary(end) {
                assert!(decode_merge_state(&text.as_bytes()[..end]).is_err(), "cut off at {end}");
            }
        }
        for (from, to) in [
            ("grün", "../grün"),
            ("grün", ".dsv/HEAD"),
            ("\"path\":\"grün", "\"path\":\"zzz"),
            ("hex:ff2f62\"", "hex:FF2f62\""),
            ("hex:ff2f62\"", "hex:ff2f6\""),
            ("\"hex:ff2f62\"", "\"\""),
            ("\"merge\"", "\"rebase\""),
            ("\"file\"", "\"pipe\""),
            ("\"both\"", "\"mine\""),
            ("\"content\"", "\"taste\""),
            ("0303", "03zz"),
            ("\"applied\"", "\"more\":1,\"applied\""),
            ("\"format\":1", "\"format\":2"),
            ("\"bytes\":1", "\"bytes\":-1"),
            (":true", ": true"),
        ] {
            let bad = text.replacen(from, to, 1);
            assert!(bad != text && decode_merge_state(bad.as_bytes()).is_err(), "{from} -> {to}");
        }
        let newer = text.replace("\"format\":1", "\"format\":2");
        let error = decode_merge_state(newer.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::NewerFormat { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_ones_never_panic(at in 0usize..4000, byte in any::<u8>()) {
            let mut bytes = encode_merge_state(&MergeState { conflicts: Vec::new(), ..example() });
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(state) = decode_merge_state(&bytes) {
                prop_assert_eq!(encode_merge_state(&state), bytes);
            }
        }
    }
}
