//! Two people and one remote, by the real program.

use insta::assert_snapshot;

use super::{Two, large};
use crate::support::repo::{assert_whole, open_real, worktree};

#[test]
fn what_one_pushes_the_other_clones() {
    let two = Two::pushed();
    two.clone("bob");
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    assert_whole(&open_real(&two.path("bob")));
    assert_snapshot!(two.other("bob", &["log", "--oneline"]), @"ffa863ab93b4 cats@1.0.0 (HEAD, cats, origin/cats) First");
    assert_snapshot!(two.other("bob", &["status"]), @r"
    On dataset cats at 1.0.0  ffa863ab93b4
    Nothing to commit; 41 files (3.0 MiB) unchanged
    ");
    assert_snapshot!(two.ok(&["ls-remote"]), @"cats  ffa863ab93b4  2026-11-23 14:05:09 +0100  Eva Example <eva@example.org>");
    assert_snapshot!(two.ok(&["push"]), @"cats is up to date on origin, file://$ROOT/bucket");
    // Everything is in a few objects, and nothing is left of the upload.
    let keys = two.keys();
    assert_eq!(two.keys_below("packs/").len(), 2, "{keys:?}");
    assert_eq!(two.keys_below("index/").len(), 1, "{keys:?}");
    assert_eq!(two.keys_below("uploads/").len(), 0, "{keys:?}");
}

#[test]
fn work_goes_both_ways() {
    let two = Two::pushed();
    two.clone("bob");
    std::fs::write(two.path("bob/d0/f0"), "by bob").unwrap();
    std::fs::remove_file(two.path("bob/d1/f1")).unwrap();
    two.other("bob", &["commit", "-a", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    assert_snapshot!(two.ok(&["fetch"]), @"origin/cats is at c2a1f7646ae0: 1 version fetched, 1.4 KiB in 5 records");
    assert_snapshot!(two.ok(&["diff", "--summary", "cats", "origin/cats"]), @"1 file modified (6 B), 1 file removed (12 B)");
    assert_snapshot!(two.ok(&["pull"]), @r"
    cats went from ffa863ab93b4 to c2a1f7646ae0
      1 file written (6 B), 1 file removed
    ");
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    assert_snapshot!(two.ok(&["pull"]), @"cats is up to date with origin");
    assert_eq!(two.sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn nobody_loses_what_the_other_pushed() {
    let two = Two::pushed();
    two.clone("bob");
    std::fs::write(two.path("bob/bobs"), "by bob").unwrap();
    two.other("bob", &["add", "bobs"]);
    two.other("bob", &["commit", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    two.sandbox.write("adas", "by ada");
    two.ok(&["add", "adas"]);
    two.ok(&["commit", "-m", "Ada's"]);
    let before = two.keys();
    assert_snapshot!(two.sandbox.fails(3, ["push"]), @r"
    error: 'cats' on 'file://$ROOT/bucket' is at 68c96a35df60, which 6a7894a14e0a does not descend from
    hint: somebody pushed meanwhile: 'dsv pull' brings it here, and 'dsv push --rebase' puts yours on top
    ");
    assert_eq!(two.keys(), before);
    assert_snapshot!(two.sandbox.fails(3, ["pull"]), @r"
    error: 'cats' has versions here (6a7894a14e0a) and on origin (68c96a35df60) that the other has not
    hint: 'dsv pull --merge' merges them; 'dsv diff cats origin/cats' shows how they differ
    ");
}

#[test]
fn changes_of_other_paths_are_put_on_top() {
    let two = Two::pushed();
    two.clone("bob");
    std::fs::write(two.path("bob/bobs"), "by bob").unwrap();
    two.other("bob", &["add", "bobs"]);
    two.other("bob", &["commit", "-m", "Bob's", "--minor"]);
    two.other("bob", &["push"]);
    two.sandbox.write("adas", "by ada");
    two.ok(&["add", "adas"]);
    two.ok(&["commit", "-m", "Ada's"]);
    two.sandbox.write("d0/f0", "by ada");
    two.ok(&["commit", "-a", "-m", "Ada's second", "--major"]);
    two.sandbox.write("d0/f4", "not committed");
    two.ok(&["push", "--rebase"]);
    assert_eq!(two.sandbox.read("bobs"), b"by bob");
    assert_eq!(two.sandbox.read("d0/f4"), b"not committed");
    two.sandbox.write("d0/f4", "content of 4");
    let labels = two.ok(&["log", "--oneline"]);
    let labels: Vec<_> = labels.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(labels, ["cats@2.0.0", "cats@1.1.1", "cats@1.1.0", "cats@1.0.0"]);
    two.other("bob", &["pull"]);
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    assert_eq!(two.sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn changes_of_one_path_are_not_put_on_top() {
    let two = Two::pushed();
    two.clone("bob");
    std::fs::write(two.path("bob/d0/f0"), "by bob").unwrap();
    std::fs::remove_dir_all(two.path("bob/d1")).unwrap();
    std::fs::write(two.path("bob/d1"), "a file now").unwrap();
    two.other("bob", &["add", "."]);
    two.other("bob", &["commit", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    two.sandbox.write("d0/f0", "by ada");
    two.sandbox.write("d1/new", "by ada");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Ada's"]);
    let before = (two.ok(&["rev-parse", "cats"]), worktree(&two.path("work")));
    let told = two.sandbox.fails(3, ["push", "--rebase"]);
    assert!(told.contains("2 paths were changed on both sides") && told.contains("d1/new"), "{told}");
    assert_eq!((two.ok(&["rev-parse", "cats"]), worktree(&two.path("work"))), before);
}

#[test]
fn a_lease_moves_the_dataset_only_from_what_was_seen() {
    let two = Two::pushed();
    two.clone("bob");
    std::fs::write(two.path("bob/bobs"), "by bob").unwrap();
    two.other("bob", &["add", "bobs"]);
    two.other("bob", &["commit", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    two.sandbox.write("adas", "by ada");
    two.ok(&["add", "adas"]);
    two.ok(&["commit", "-m", "Ada's"]);
    let told = two.sandbox.fails(3, ["push", "--force-with-lease"]);
    assert!(told.contains("moved meanwhile"), "{told}");
    two.ok(&["fetch"]);
    two.ok(&["push", "--force-with-lease"]);
    two.clone("carl");
    assert_eq!(worktree(&two.path("carl")), worktree(&two.path("work")));
}

#[test]
fn a_pull_keeps_what_is_not_committed() {
    let two = Two::pushed();
    two.clone("bob");
    std::fs::write(two.path("bob/d0/f0"), "by bob").unwrap();
    two.other("bob", &["commit", "-a", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    two.sandbox.write("d0/f0", "not committed");
    let told = two.sandbox.fails(3, ["pull"]);
    assert!(told.contains("d0/f0"), "{told}");
    assert_eq!(two.sandbox.read("d0/f0"), b"not committed");
    // What it brought is here, and the dataset where it was.
    assert_eq!(two.ok(&["rev-parse", "cats"]), two.ok(&["rev-parse", "HEAD"]));
    assert_ne!(two.ok(&["rev-parse", "cats"]), two.ok(&["rev-parse", "origin/cats"]));
    two.sandbox.write("d0/f0", "content of 0");
    two.ok(&["pull"]);
    assert_eq!(two.sandbox.read("d0/f0"), b"by bob");
}

#[test]
fn a_change_of_a_large_file_sends_little() {
    let two = Two::pushed();
    let mut bytes = large(0);
    bytes.splice(1_000_000..1_000_000, *b"inserted");
    two.sandbox.write("large.bin", &bytes);
    two.ok(&["commit", "-a", "-m", "Second"]);
    let sent = two.sandbox.json(["push", "--json"]);
    assert!(sent[0]["bytes"].as_u64().unwrap() < 600_000, "{sent}");
    two.clone("bob");
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    assert_whole(&open_real(&two.path("bob")));
}

#[test]
fn what_was_never_committed_is_never_sent() {
    let two = Two::committed();
    two.sandbox.write("secret", large(7));
    two.ok(&["add", "secret"]);
    let sent = two.sandbox.json(["push", "--json"]);
    let bytes = sent[0]["bytes"].as_u64().unwrap();
    assert!((3 << 20..4 << 20).contains(&bytes), "{sent}");
}

#[test]
fn datasets_of_one_remote_share_what_they_hold() {
    let two = Two::pushed();
    two.ok(&["switch", "-c", "dogs"]);
    two.sandbox.write("dogs", "woof");
    two.ok(&["add", "dogs"]);
    two.ok(&["commit", "-m", "Dogs"]);
    let sent = two.sandbox.json(["push", "--json"]);
    assert!(sent[0]["bytes"].as_u64().unwrap() < 20_000, "{sent}");
    let told = two.sandbox.fails(3, ["clone", two.bucket().to_str().unwrap(), "../none"]);
    assert!(told.contains("cats, dogs"), "{told}");
    assert!(!two.path("none").exists());
    two.ok(&["clone", two.bucket().to_str().unwrap(), "../dogs", "--dataset", "dogs"]);
    assert_eq!(worktree(&two.path("dogs")), worktree(&two.path("work")));
    two.other("dogs", &["fetch"]);
    assert_eq!(two.other("dogs", &["rev-parse", "origin/cats"]), two.ok(&["rev-parse", "cats"]));
}

#[test]
fn a_new_dataset_at_a_version_that_is_there_is_whole() {
    let two = Two::pushed();
    two.ok(&["switch", "-c", "dogs"]);
    two.ok(&["push"]);
    two.ok(&["clone", two.bucket().to_str().unwrap(), "../dogs", "--dataset", "dogs"]);
    assert_eq!(worktree(&two.path("dogs")), worktree(&two.path("work")));
}

#[test]
fn wrong_names_and_places_leave_nothing_behind() {
    let two = Two::committed();
    let bucket = two.bucket();
    let bucket = bucket.to_str().unwrap();
    assert_snapshot!(two.sandbox.fails(3, ["clone", bucket, "../x"]), @r"
    error: 'file://$ROOT/bucket' has no dataset
    hint: send one with 'dsv push'
    ");
    assert!(!two.path("x").exists());
    assert_snapshot!(two.sandbox.fails(3, ["push", "--remote", "lab"]), @r"
    error: there is no remote 'lab'
    hint: 'dsv remote list' shows them
    ");
    assert_snapshot!(two.sandbox.fails(3, ["push", "birds"]), @r"
    error: there is no dataset 'birds'
    hint: 'dsv branch' lists them; begin one with 'dsv switch -c NAME'
    ");
    assert_snapshot!(two.sandbox.fails(3, ["remote", "add", "origin", bucket]), @r"
    error: the remote 'origin' exists already
    hint: change it with 'dsv remote set-url', or choose another name
    ");
    assert_snapshot!(two.sandbox.fails(2, ["remote", "add", "x", "ftp://host/x"]), @r"
    error: the URL of the remote has an unknown scheme
    hint: write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///FOLDER, or the path of a folder
    ");
    two.ok(&["push"]);
    assert_snapshot!(two.sandbox.fails(3, ["clone", bucket, "."]), @r"
    error: '$ROOT/work/.' is not empty
    hint: name another folder, or an empty one
    ");
    two.ok(&["remote", "remove", "origin"]);
    assert_snapshot!(two.sandbox.fails(3, ["push"]), @r"
    error: no remote is known here
    hint: add one with 'dsv remote add origin URL'
    ");
}
