//! A remote that lies: each lie is found, named, and leaves the repository here whole.

use std::path::Path;

use super::Two;
use crate::support::repo::{assert_whole, open_real};

/// Changes a bucket that holds one dataset, then demands that a clone fails with this code and says this; and that a
/// repository that had the dataset before stays whole when it fetches.
fn lie(code: i32, says: &str, change: impl Fn(&Two)) {
    let two = Two::pushed();
    two.clone("bob");
    two.sandbox.write("more", "more");
    two.ok(&["add", "more"]);
    two.ok(&["commit", "-m", "More"]);
    two.ok(&["push"]);
    change(&two);
    let bucket = two.bucket();
    for (folder, arguments) in
        [("work", vec!["clone", bucket.to_str().unwrap(), "../carl"]), ("bob", vec!["fetch"])]
    {
        let told = two.other_fails(folder, code, &arguments);
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(told.contains("error: "), "{told}");
    }
    if code > 3 {
        let run = two.sandbox.run(["verify", "--remote", "origin"]).expect(1);
        let found = run.text(&two.sandbox);
        assert!(found.contains("damaged"), "{found}");
    }
    assert_whole(&open_real(&two.path("bob")));
    let carl = two.path("carl");
    if carl.join(".dsv").exists() {
        let repo = open_real(&carl);
        assert_whole(&repo);
        assert!(repo.refs().list().unwrap().is_empty());
    }
}

fn change_file(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

fn each(two: &Two, prefix: &str, change: impl Fn(&mut Vec<u8>) + Copy) {
    for key in two.keys_below(prefix) {
        change_file(&two.bucket().join(key), change);
    }
}

/// Changes the newest entry of the log and its copy.
fn entry(two: &Two, change: impl Fn(&mut serde_json::Value) + Copy) {
    for key in ["heads/cats/-head.json", "refs/datasets/cats/-000000000002.json"] {
        change_file(&two.bucket().join(key), |bytes| {
            let mut entry = serde_json::from_slice(bytes).unwrap();
            change(&mut entry);
            *bytes = serde_json::to_vec(&entry).unwrap();
        });
    }
}

#[test]
fn wrong_bytes_in_packs() {
    lie(4, "is damaged", |two| {
        each(two, "packs/", |bytes| {
            for at in (60..bytes.len() - 40).step_by(50) {
                bytes[at] ^= 1;
            }
        });
    });
}

#[test]
fn truncated_packs() {
    lie(5, "bytes of", |two| each(two, "packs/", |bytes| bytes.truncate(30)));
}

#[test]
fn missing_packs() {
    lie(4, "is missing", |two| {
        for key in two.keys_below("packs/") {
            std::fs::remove_file(two.bucket().join(key)).unwrap();
        }
    });
}

#[test]
fn a_segment_with_wrong_bytes() {
    lie(4, "is damaged", |two| each(two, "index/", |bytes| bytes[100] ^= 1));
}

#[test]
fn missing_segments() {
    lie(4, "is missing", |two| {
        for key in two.keys_below("index/") {
            std::fs::remove_file(two.bucket().join(key)).unwrap();
        }
    });
}

#[test]
fn an_entry_that_points_at_nothing() {
    lie(4, "is not on", |two| entry(two, |entry| entry["version"] = "ab".repeat(32).into()));
}

#[test]
fn an_entry_without_the_segments_that_it_needs() {
    lie(4, "is not on", |two| entry(two, |entry| entry["segments"] = serde_json::json!([])));
}

#[test]
fn an_entry_of_a_newer_format() {
    lie(3, "upgrade dsv", |two| entry(two, |entry| entry["format"] = 2.into()));
    lie(3, "unknown feature 'sealed'", |two| {
        entry(two, |entry| entry["reader-features"] = serde_json::json!(["sealed"]))
    });
}

#[test]
fn an_entry_of_another_dataset() {
    lie(4, "is damaged", |two| entry(two, |entry| entry["dataset"] = "dogs".into()));
}

#[test]
fn segments_with_names_and_lengths_that_make_no_sense() {
    lie(4, "is damaged", |two| entry(two, |entry| entry["segments"][0]["name"] = "../../etc/passwd".into()));
    lie(4, "is damaged", |two| entry(two, |entry| entry["segments"][0]["metadata-bytes"] = u64::MAX.into()));
}

#[test]
fn one_damaged_record_is_named_and_hides_none_of_the_others() {
    let two = Two::pushed();
    let fine = two.sandbox.json(["verify", "--remote", "origin", "--json"]);
    assert_eq!(fine["whole"], true);
    assert_eq!(fine["data_records"], fine["data_records_read"]);
    let sampled = two.sandbox.json(["verify", "--remote", "origin", "--sample", "30%", "--json"]);
    assert_eq!(sampled["data_records"], fine["data_records"]);
    let read = sampled["data_records_read"].as_u64().unwrap();
    assert!(0 < read && read < fine["data_records"].as_u64().unwrap(), "{sampled}");
    let largest = two
        .keys_below("packs/")
        .into_iter()
        .max_by_key(|key| two.bucket().join(key).metadata().unwrap().len());
    change_file(&two.bucket().join(largest.unwrap()), |bytes| bytes[1_000_000] ^= 1);
    let run = two.sandbox.run(["verify", "--remote", "origin", "--json"]).expect(1);
    let found: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
    assert_eq!(found["findings"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["data_records_read"].as_u64().unwrap() + 1, fine["data_records"].as_u64().unwrap());
}
