//! Where everything lies on a remote, below its prefix.
//!
//! The last part of a key below a dataset's name begins with a minus sign, which no part of a name does: a dataset
//! `a` and a dataset `a/b` have no key in common.

use crate::model::{DatasetName, VersionId};

/// Format number and feature flags, for people and other programs.
pub const FORMAT: &str = "format";
/// In front of all packs.
pub const PACKS: &str = "packs/";
/// In front of all index segments.
pub const SEGMENTS: &str = "index/";
/// In front of all logs of refs.
pub const REFS: &str = "refs/datasets/";
/// In front of all heads.
pub const HEADS: &str = "heads/";
/// In front of all files of events.
pub const EVENTS: &str = "events/";
/// In front of the marks of all uploads.
pub const UPLOADS: &str = "uploads/";

/// In front of the lists of what is about to be removed.
pub const GARBAGE: &str = "gc/";
/// A copy of the newest list of what is about to be removed, or of an older one.
pub const CONDEMNED_HEAD: &str = "gc/-head.json";
/// Written by whoever collects garbage, to learn what time it is for the store.
pub const CLOCK: &str = "gc/-clock";

const HEAD_NAME: &str = "/-head.json";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The key of a pack.
pub fn pack(name: &[u8; 32]) -> String {
    let name = hex(name);
    format!("{PACKS}{}/{name}.pack", &name[..2])
}

/// The name of the pack at a key.
pub fn pack_name(key: &str) -> Option<[u8; 32]> {
    let (folder, name) = key.strip_prefix(PACKS)?.split_once('/')?;
    let name = name.strip_suffix(".pack").filter(|name| name.starts_with(folder))?;
    crate::model::parse_hex(name).ok()
}

/// The key of an index segment; `name` is the SHA-256 of its bytes as 64 hexadecimal digits.
pub fn segment(name: &str) -> String {
    format!("{SEGMENTS}{name}.seg")
}

/// The name of the index segment at a key.
pub fn segment_name(key: &str) -> Option<&str> {
    let name = key.strip_prefix(SEGMENTS)?.strip_suffix(".seg")?;
    crate::model::parse_hex(name).is_ok().then_some(name)
}

/// The key of a file of events; `name` is the SHA-256 of its bytes as 64 hexadecimal digits.
pub fn events(name: &str) -> String {
    format!("{EVENTS}{name}.jsonl")
}

/// The name of the file of events at a key.
pub fn events_name(key: &str) -> Option<&str> {
    let name = key.strip_prefix(EVENTS)?.strip_suffix(".jsonl")?;
    crate::model::parse_hex(name).is_ok().then_some(name)
}

/// The key of a list of what is about to be removed.
pub fn condemned_list(number: u64) -> String {
    format!("{GARBAGE}-{number:012}.json")
}

/// The dataset and the number of the entry of a log of refs at a key.
pub fn entry_of(key: &str) -> Option<(DatasetName, u64)> {
    let (dataset, number) = key.strip_prefix(REFS)?.strip_suffix(".json")?.rsplit_once("/-")?;
    let (dataset, number) = (DatasetName::new(dataset).ok()?, number.parse().ok()?);
    (ref_entry(&dataset, number) == key).then_some((dataset, number))
}

/// The key of an entry of a dataset's log of refs.
pub fn ref_entry(dataset: &DatasetName, number: u64) -> String {
    format!("{REFS}{dataset}/-{number:012}.json")
}

/// The key of the copy of a dataset's newest entry.
pub fn head(dataset: &DatasetName) -> String {
    format!("{HEADS}{dataset}{HEAD_NAME}")
}

/// The dataset whose head lies at a key.
pub fn dataset_of_head(key: &str) -> Option<DatasetName> {
    DatasetName::new(key.strip_prefix(HEADS)?.strip_suffix(HEAD_NAME)?).ok()
}

/// The key of the mark of an upload.
pub fn upload(dataset: &DatasetName, version: &VersionId) -> String {
    format!("{UPLOADS}{dataset}/-{version}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_from_keys() {
        let name = DatasetName::new("vision/cats").unwrap();
        assert_eq!(head(&name), "heads/vision/cats/-head.json");
        assert_eq!(dataset_of_head(&head(&name)), Some(name.clone()));
        assert_eq!(ref_entry(&name, 7), "refs/datasets/vision/cats/-000000000007.json");
        assert_eq!(entry_of(&ref_entry(&name, 7)), Some((name.clone(), 7)));
        for bad in [
            "refs/datasets/cats/-7.json",
            "refs/datasets/cats/-00000000000x.json",
            "refs/datasets/-000000000007.json",
        ] {
            assert_eq!(entry_of(bad), None, "{bad}");
        }
        assert_eq!(pack_name(&pack(&[0xab; 32])), Some([0xab; 32]));
        assert_eq!(segment_name(&segment(&"ab".repeat(32))), Some("ab".repeat(32).as_str()));
        assert_eq!(segment_name("index/ab.seg"), None);
        for bad in ["packs/aa/x.pack", "packs/ab.pack", "heads/../-head.json", "index/x", ""] {
            assert_eq!((pack_name(bad), dataset_of_head(bad)), (None, None), "{bad}");
        }
    }
}
