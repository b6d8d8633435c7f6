//! `delete`, and what `gc` frees then.

use insta::assert_snapshot;

use super::{noise, pets};
use crate::support::sandbox::Sandbox;

fn stored(sandbox: &Sandbox) -> u64 {
    let packs = std::fs::read_dir(sandbox.work().join(".dsv/objects")).unwrap();
    packs.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn the_newest_version_goes_and_its_space_is_freed() {
    let sandbox = pets();
    sandbox.ok(["switch", "dogs"]);
    sandbox.write("big", noise(1, 100_000));
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Big"]);
    assert_snapshot!(sandbox.fails(3, ["delete", "dogs@1.0.1"]), @"
    error: the folder stands on dogs@1.0.1
    hint: go to another version first, with 'dsv switch NAME' or 'dsv checkout REV'
    ");
    sandbox.ok(["switch", "cats"]);
    assert_snapshot!(sandbox.fails(2, ["delete", "dogs"]), @"
    error: 'dogs' is a dataset of 2 versions
    hint: --entire-dataset deletes all of them; 'dogs@latest' names the newest one, 'dsv log dogs' lists them
    ");
    assert_snapshot!(sandbox.ok(["delete", "dogs@latest", "--dry-run"]), @"
    Would delete dogs@1.0.1  9443c7b924f9
      dogs is at a1f972588481 now
    ");
    assert_snapshot!(sandbox.ok(["delete", "dogs@latest"]), @"
    Deleted dogs@1.0.1  9443c7b924f9
      dogs is at a1f972588481 now
    ");
    assert_snapshot!(sandbox.fails(3, ["show", "dogs@1.0.1"]), @"
    error: there is no 'dogs@1.0.1'
    hint: the newest version is dogs@1.0.0; 'dsv log dogs' lists all
    ");
    let before = stored(&sandbox);
    sandbox.ok(["gc", "--grace", "0s"]);
    assert!(stored(&sandbox) + 90_000 <= before, "{before} {}", stored(&sandbox));
    sandbox.ok(["fsck", "--full"]);
    // Its label is not given again.
    sandbox.ok(["switch", "dogs"]);
    sandbox.write("dogs.csv", "rex\nbello\n");
    assert!(sandbox.ok(["commit", "-a", "-m", "Bello"]).starts_with("dogs@1.0.2"));
    sandbox.write("dogs.csv", "rex\n");
    assert_snapshot!(sandbox.fails(3, ["commit", "-a", "-m", "x", "--label", "1.0.1"]), @"
    error: dogs@1.0.1 existed and was deleted; a label is not given twice
    hint: leave --label out to get the next one
    ");
}

#[test]
fn a_version_in_the_middle_goes_and_no_child_loses_anything() {
    let sandbox = pets();
    sandbox.write("big", noise(1, 100_000));
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Big"]);
    sandbox.write("big", noise(2, 100_000));
    sandbox.write("kept", noise(3, 100_000));
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Other big"]);
    assert_snapshot!(sandbox.fails(3, ["delete", "cats@1.0.2"]), @"
    error: cats@1.0.2 is a parent of cats@1.0.3
    hint: they keep all their files; --force deletes it, and its own files go with the next 'dsv gc'
    ");
    assert_snapshot!(sandbox.ok(["delete", "cats@1.0.2", "--force"]), @"
    Deleted cats@1.0.2  c94a27200da5
      cats@1.0.3, which came from it, keeps all its files
    ");
    assert_snapshot!(sandbox.fails(3, ["delete", "cats@1.0.2", "--force"]), @"
    error: there is no 'cats@1.0.2'
    hint: the newest version is cats@1.0.3; 'dsv log cats' lists all
    ");
    let before = stored(&sandbox);
    sandbox.ok(["gc", "--grace", "0s"]);
    assert!(stored(&sandbox) + 90_000 <= before);
    sandbox.ok(["fsck", "--full"]);
    sandbox.ok(["verify"]);
    assert_snapshot!(sandbox.ok(["log", "--oneline", "--stat"]), @"
    3f28e55e9c58 cats@1.0.3 (HEAD, cats) Other big
      2 files added (195 KiB)
    c94a27200da5 cats@1.0.2 (deleted) Big
    e6fc2e95400a cats@1.0.1 More cats
      1 file modified (4 B)
    10456d814ff0 cats@1.0.0 First cats
      2 files added (5 B)
    ");
    assert_eq!(sandbox.ok(["show", "cats@1.0.3"]).lines().last(), Some("2 files added (195 KiB)"));
    assert_snapshot!(sandbox.fails(3, ["checkout", "HEAD~1"]), @"error: cats@1.0.2 was deleted by Eva Example <eva@example.org>");
    // It can be pushed, cloned, verified and collected like any other line.
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push"]);
    sandbox.ok(["verify", "--remote", "origin"]);
    sandbox.ok(["gc", "--remote", "origin", "--grace", "1h"]);
    sandbox.ok(["clone".as_ref(), remote.as_os_str(), "twin".as_ref()]);
    sandbox.ok(["-C", "twin", "fsck", "--full"]);
    sandbox.ok(["-C", "twin", "verify"]);
    assert_eq!(sandbox.ok(["-C", "twin", "log", "--oneline"]).lines().count(), 4);
}

#[test]
fn a_deletion_is_told_to_a_remote_and_comes_to_others() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats", "dogs"]);
    sandbox.ok([
        "clone".as_ref(),
        "--dataset".as_ref(),
        "cats".as_ref(),
        remote.as_os_str(),
        "twin".as_ref(),
    ]);
    sandbox.ok(["switch", "dogs"]);
    assert_snapshot!(sandbox.ok(["delete", "cats@1.0.1", "--remote"]), @"
    Deleted cats@1.0.1  e6fc2e95400a
      cats is at 10456d814ff0 now
      on origin, too
    ");
    assert_snapshot!(sandbox.ok(["list", "--remote"]), @"
    DATASET  VERSIONS  NEWEST  FILES  SIZE  STATE  CHANGED           TAGS
    cats            1  1.0.0       2   5 B  final  2026-11-23 14:05
    dogs            1  1.0.0       3  10 B  final  2026-11-23 14:05
    ");
    // The other one goes back behind it.
    assert_snapshot!(sandbox.ok(["-C", "twin", "pull"]), @"
    cats went from e6fc2e95400a to 10456d814ff0
      1 file written (2 B)
      1 event fetched
    ");
    assert_eq!(sandbox.read("twin/table.csv"), b"1\n");
    sandbox.ok(["-C", "twin", "verify"]);
    assert_snapshot!(sandbox.ok(["switch", "cats"]), @"
    On dataset cats at cats@1.0.0  10456d814ff0
      1 file written (3 B), 1 file removed
    ");
    assert_snapshot!(sandbox.fails(3, ["delete", "dogs", "--entire-dataset", "--remote", "nowhere"]), @"
    error: there is no remote 'nowhere'
    hint: 'dsv remote list' shows them
    ");
    assert_snapshot!(sandbox.ok(["delete", "dogs", "--entire-dataset", "--remote"]), @"
    Deleted dogs@1.0.0  a1f972588481
      the dataset dogs is gone
      on origin, too
    ");
    assert_snapshot!(sandbox.ok(["list", "--remote"]), @"
    DATASET  VERSIONS  NEWEST  FILES  SIZE  STATE  CHANGED           TAGS
    cats            1  1.0.0       2   5 B  final  2026-11-23 14:05
    ");
    sandbox.ok(["verify", "--remote", "origin"]);
}

#[test]
fn others_published_it_meanwhile() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats", "dogs"]);
    sandbox.ok([
        "clone".as_ref(),
        "--dataset".as_ref(),
        "dogs".as_ref(),
        remote.as_os_str(),
        "twin".as_ref(),
    ]);
    assert_snapshot!(sandbox.ok(["-C", "twin", "publish", "dogs", "--remote"]), @"
    Published dogs@1.0.0  a1f972588481
      origin was told
    ");
    assert_snapshot!(sandbox.fails(3, ["delete", "dogs@1.0.0", "--remote"]), @"
    error: dogs@1.0.0 is published and cannot become deleted
    hint: what is published stays as it is; 'dsv archive' takes it out of lists
    ");
    // Who deletes without asking does so for nothing once the two meet.
    let other = pets();
    other.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    other.ok(["delete", "dogs@1.0.0"]);
    other.ok(["fetch"]);
    assert!(other.ok(["search", "name=dogs"]).contains("published"));
}
