//! `dsv gc --remote`, by the real program and a folder.

use std::time::{Duration, SystemTime};

use insta::assert_snapshot;

use crate::support::repo::worktree;
use crate::transfer::{Two, large};

/// Makes everything in the bucket older than it is.
fn age(two: &Two, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    for key in two.keys() {
        let file = std::fs::File::options().write(true).open(two.bucket().join(key)).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified.min(then)).unwrap();
    }
}

/// A dataset that was moved back from a version with three mebibytes of its own.
fn moved_back() -> Two {
    let two = Two::pushed();
    let first = two.ok(&["rev-parse", "HEAD"]);
    two.sandbox.write("large.bin", large(1));
    two.ok(&["commit", "-a", "-m", "Second"]);
    two.ok(&["push"]);
    two.ok(&["checkout", first.trim()]);
    two.ok(&["branch", "-f", "cats", first.trim()]);
    two.ok(&["switch", "cats"]);
    two.ok(&["push", "--force-with-lease"]);
    two
}

#[test]
fn what_is_left_over_is_condemned_and_then_removed() {
    let two = moved_back();
    let told = two.ok(&["gc", "--remote", "origin"]);
    assert!(told.starts_with("Nothing to remove on origin, file://$ROOT/bucket; 6.0 MiB in "), "{told}");
    age(&two, 40);
    let planned = two.ok(&["gc", "--remote", "origin", "-n"]);
    assert!(planned.contains("\n  to condemn  "), "{planned}");
    let condemned = two.sandbox.run(["gc", "--remote", "origin"]).expect(0);
    assert!(condemned.text(&two.sandbox).contains("\n  condemned  "), "{}", condemned.text(&two.sandbox));
    assert_snapshot!(condemned.err, @"hint: run 'dsv gc --remote origin' again then; what is condemned stays until that");
    let waiting = two.sandbox.json(["gc", "--remote", "origin", "--json"]);
    assert!(waiting["waiting"]["bytes"].as_u64() > Some(3 << 20), "{waiting}");
    age(&two, 20);
    let removed = two.sandbox.json(["gc", "--remote", "origin", "--json"]);
    assert_eq!((&removed["removed"], &removed["condemned"]["objects"]), (&waiting["waiting"], &0.into()));
    assert!(removed["kept"]["bytes"].as_u64() < Some(4 << 20), "{removed}");
    two.clone("bob");
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    two.ok(&["verify", "--remote", "origin"]);
    // Who has the version that went sends it again.
    two.sandbox.write("large.bin", large(1));
    two.ok(&["commit", "-a", "-m", "Second"]);
    two.ok(&["push"]);
    two.ok(&["verify", "--remote", "origin"]);
}

#[test]
fn it_is_refused_where_it_makes_no_sense() {
    let two = Two::pushed();
    assert_snapshot!(two.sandbox.fails(2, ["gc", "--remote", "origin", "--grace", "59m"]), @r"
    error: a time of grace of less than an hour is too short for a remote
    hint: somebody may be pushing, and others may read what was just replaced; give --grace 1h or more
    ");
    assert_snapshot!(two.sandbox.fails(3, ["gc", "--remote", "lab"]), @r"
    error: there is no remote 'lab'
    hint: 'dsv remote list' shows them
    ");
    two.sandbox.fails(2, ["gc", "--remote", "origin", "--forget-moves"]);
    for key in two.keys_below("index/") {
        std::fs::remove_file(two.bucket().join(key)).unwrap();
    }
    let told = two.sandbox.fails(4, ["gc", "--remote", "origin"]);
    assert!(told.contains("is missing on"), "{told}");
}

#[test]
fn an_empty_remote_stays_empty() {
    let two = Two::committed();
    assert_snapshot!(two.ok(&["gc", "--remote", "origin"]), @"Nothing to remove on origin, file://$ROOT/bucket; 0 B in 0 objects kept");
    assert_eq!(two.keys().len(), 0);
}

#[test]
fn what_is_not_here_is_read_there_and_not_brought() {
    let two = Two::pushed();
    two.sandbox.write("notes/more", "of another version");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Second"]);
    two.ok(&["push"]);
    two.ok(&["clone", two.bucket().to_str().unwrap(), "../part", "--no-data"]);
    two.sandbox.write("notes/more", "of a version that was not there yet");
    two.ok(&["commit", "-a", "-m", "Third"]);
    two.ok(&["push"]);
    let objects = two.path("part/.dsv/objects");
    let here = || {
        let entries = std::fs::read_dir(&objects).unwrap().map(|entry| entry.unwrap());
        let mut here: Vec<_> =
            entries.map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).collect();
        here.sort();
        here
    };
    let before = here();
    two.other("part", &["gc", "--remote", "origin"]);
    assert_eq!(here(), before);
}
