//! Version manifests.
//!
//! Wire form after the header `dsvv` 1: bincode of `VersionWire`. Metadata values are JSON texts in
//! serde_json's compact form with sorted keys, since bincode does not describe itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::header::VERSION;
use super::{DecodeError, wire};
use crate::model::{Author, DatasetName, GitOrigin, Label, Origin, Time, Totals, TreeId, Version, VersionId};

/// Most parents of one version.
pub const MAX_PARENTS: usize = 4096;

#[derive(Serialize, Deserialize)]
struct VersionWire<'a> {
    tree: [u8; 32],
    parents: Vec<[u8; 32]>,
    dataset: &'a str,
    label: String,
    author_name: &'a str,
    author_email: &'a str,
    /// Seconds since the epoch, and seconds east of UTC.
    time: (i64, i32),
    message: &'a str,
    /// In order of key.
    metadata: Vec<(&'a str, String)>,
    #[serde(borrow)]
    git: Option<GitWire<'a>>,
    command: Option<&'a str>,
    files: u64,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct GitWire<'a> {
    commit: &'a str,
    branch: Option<&'a str>,
    dirty: Option<bool>,
    remote: Option<&'a str>,
}

/// The bytes of a manifest; their SHA-256 is the version's id.
pub fn encode_version(version: &Version) -> Vec<u8> {
    let git = version.origin.git.as_ref().map(|git| GitWire {
        commit: &git.commit,
        branch: git.branch.as_deref(),
        dirty: git.dirty,
        remote: git.remote.as_deref(),
    });
    let wire = VersionWire {
        tree: *version.tree.as_bytes(),
        parents: version.parents.iter().map(|id| *id.as_bytes()).collect(),
        dataset: version.dataset.as_str(),
        label: version.label.to_string(),
        author_name: &version.author.name,
        author_email: &version.author.email,
        time: (version.time.seconds, version.time.offset),
        message: &version.message,
        metadata: version.metadata.iter().map(|(key, value)| (key.as_str(), value.to_string())).collect(),
        git,
        command: version.origin.command.as_deref(),
        files: version.totals.files,
        bytes: version.totals.bytes,
    };
    wire::encode(VERSION, &wire)
}

/// Decodes and checks a manifest; not its id.
///
/// # Errors
/// When a rule of the format is broken.
pub fn decode_version(bytes: &[u8]) -> Result<Version, DecodeError> {
    let wire: VersionWire<'_> = wire::decode(VERSION, bytes)?;
    let malformed = |why: String| DecodeError::malformed(VERSION.name, why);
    if wire.parents.len() > MAX_PARENTS {
        return Err(malformed(format!("{} parents", wire.parents.len())));
    }
    if !wire.metadata.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(malformed("metadata is not in order of key".to_owned()));
    }
    let mut metadata = BTreeMap::new();
    for (key, text) in &wire.metadata {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|e| malformed(format!("metadata '{key}': {e}")))?;
        let canonical = value.to_string();
        if canonical != *text {
            return Err(malformed(format!("metadata '{key}' is not in canonical form")));
        }
        metadata.insert((*key).to_owned(), value);
    }
    Ok(Version {
        tree: TreeId::from_bytes(wire.tree),
        parents: wire.parents.into_iter().map(VersionId::from_bytes).collect(),
        dataset: DatasetName::new(wire.dataset).map_err(|e| malformed(e.to_string()))?,
        label: wire.label.parse::<Label>().map_err(|e| malformed(e.to_string()))?,
        author: Author { name: wire.author_name.to_owned(), email: wire.author_email.to_owned() },
        time: Time { seconds: wire.time.0, offset: wire.time.1 },
        message: wire.message.to_owned(),
        metadata,
        origin: Origin { git: wire.git.map(git_from_wire), command: wire.command.map(str::to_owned) },
        totals: Totals { files: wire.files, bytes: wire.bytes },
    })
}

fn git_from_wire(wire: GitWire<'_>) -> GitOrigin {
    GitOrigin {
        commit: wire.commit.to_owned(),
        branch: wire.branch.map(str::to_owned),
        dirty: wire.dirty,
        remote: wire.remote.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Version {
        Version {
            tree: TreeId::from_bytes([1; 32]),
            parents: vec![VersionId::from_bytes([2; 32])],
            dataset: DatasetName::new("vision/cats").unwrap(),
            label: "1.2.0".parse().unwrap(),
            author: Author { name: "Ada".into(), email: "ada@example.org".into() },
            time: Time { seconds: 1_700_000_000, offset: 3600 },
            message: "First\n\nBody".into(),
            metadata: BTreeMap::from([("rows".into(), serde_json::json!({"b": 1, "a": [1.5, null]}))]),
            origin: Origin {
                git: Some(GitOrigin {
                    commit: "c".repeat(40),
                    branch: Some("main".into()),
                    dirty: Some(true),
                    remote: None,
                }),
                command: Some("dsv commit".into()),
            },
            totals: Totals { files: 3, bytes: 1000 },
        }
    }

    #[test]
    fn round_trip() {
        let version = sample();
        assert_eq!(decode_version(&encode_version(&version)).unwrap(), version);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut headed = VERSION.header().to_vec();
            headed.extend(&bytes);
            let _ = decode_version(&headed);
        }

        #[test]
        fn damaged_manifests_never_panic(at in 0usize..400, bit in 0u8..8) {
            let mut bytes = encode_version(&sample());
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(version) = decode_version(&bytes) {
                prop_assert_eq!(encode_version(&version), bytes);
            }
        }
    }
}
