//! The whole way of a merge, as a person sees it.

use insta::assert_snapshot;

use super::{apart, in_conflict, state, version};
use crate::support::sandbox::Sandbox;

#[test]
fn what_lies_apart_is_merged_at_once() {
    let sandbox = apart(
        &[("a", Some(b"1")), ("t.csv", Some(b"x\n1\n2\n3\n4\n")), ("gone", Some(b"g"))],
        &[("a", Some(b"2")), ("t.csv", Some(b"x\none\n2\n3\n4\n"))],
        &[("new/b", Some(b"3")), ("t.csv", Some(b"x\n1\n2\n3\nfour\n")), ("gone", None)],
    );
    let before = state(&sandbox);
    assert_snapshot!(sandbox.ok(["merge", "-n", "exp"]), @"
    Would take: 1 file added (1 B), 1 file modified (15 B), 1 file removed (1 B)
      merged by lines: t.csv
    ");
    assert!(before == state(&sandbox), "it was to be told only");
    assert_snapshot!(sandbox.ok(["merge", "exp"]), @"
    cats@1.0.2  a9ae6b7d1c6e  Merge exp@1.0.0
      1 file added (1 B), 1 file modified (15 B), 1 file removed (1 B)
      merged by lines: t.csv
    ");
    assert_eq!(sandbox.read("t.csv"), b"x\none\n2\n3\nfour\n");
    assert_eq!(sandbox.read("new/b"), b"3");
    assert!(!sandbox.work().join("gone").exists());
    assert_snapshot!(sandbox.ok(["status"]), @"
    On dataset cats at 1.0.2  a9ae6b7d1c6e
    Nothing to commit; 3 files (17 B) unchanged
    ");
    assert_snapshot!(sandbox.ok(["log", "--oneline", "--graph"]), @r"
    * a9ae6b7d1c6e cats@1.0.2 (HEAD, cats) Merge exp@1.0.0
    |\
    | * 38cc568c8863 exp@1.0.0 (exp) Theirs
    * | 5136134cf01c cats@1.0.1 Ours
    |/
    * fb48db67e0c2 cats@1.0.0 Base
    ");
    assert_snapshot!(sandbox.ok(["merge", "exp"]), @"Up to date: the current version has it all");
    let answer = sandbox.json(["merge", "--json", "exp"]);
    assert_eq!((&answer["result"], &answer["version"]), (&"up-to-date".into(), &serde_json::Value::Null));
    assert!(!sandbox.work().join(".dsv/merge.json").exists());
}

#[test]
fn a_dataset_goes_forward_where_that_does() {
    let sandbox = Sandbox::repository();
    version(&sandbox, "First", &[("a", Some(b"1"))]);
    version(&sandbox, "Second", &[("a", Some(b"2"))]);
    sandbox.ok(["branch", "ahead"]);
    sandbox.ok(["checkout", "-q", "HEAD~1"]);
    sandbox.ok(["branch", "-f", "cats", "HEAD"]);
    sandbox.ok(["switch", "-q", "cats"]);
    assert_snapshot!(sandbox.ok(["merge", "--dry-run", "ahead"]), @"
    Would go forward to cats@1.0.1  bd6fce0f2089
    ");
    assert_snapshot!(sandbox.ok(["merge", "ahead"]), @"
    Forward to cats@1.0.1  bd6fce0f2089
      1 file written, 0 files removed
    ");
    assert_eq!(sandbox.read("a"), b"2");
    // A version that was made for another dataset is none to go on to.
    sandbox.ok(["switch", "-q", "-c", "exp"]);
    version(&sandbox, "Third", &[("a", Some(b"3"))]);
    sandbox.ok(["switch", "-q", "cats"]);
    let answer = sandbox.json(["merge", "--json", "exp", "-m", "All of it", "--minor"]);
    assert_eq!((&answer["result"], &answer["label"]), (&"made".into(), &"1.1.0".into()));
    assert_eq!(answer["parents"].as_array().unwrap().len(), 2);
    assert_eq!(sandbox.read("a"), b"3");
    // And where a version is wanted, one is made.
    sandbox.ok(["checkout", "-q", "HEAD~1"]);
    sandbox.ok(["branch", "-f", "cats", "HEAD"]);
    sandbox.ok(["switch", "-q", "cats"]);
    sandbox.ok(["switch", "-q", "-c", "other"]);
    sandbox.ok(["switch", "-q", "cats"]);
    version(&sandbox, "Fourth", &[("a", Some(b"4"))]);
    sandbox.ok(["branch", "fourth"]);
    sandbox.ok(["checkout", "-q", "HEAD~1"]);
    sandbox.ok(["branch", "-f", "cats", "HEAD"]);
    sandbox.ok(["switch", "-q", "cats"]);
    let answer = sandbox.json(["merge", "--json", "--no-ff", "fourth"]);
    assert_eq!(answer["parents"].as_array().unwrap().len(), 2);
}

#[test]
fn conflicts_are_listed_solved_and_committed() {
    let sandbox = in_conflict();
    let told = sandbox.run(["merge", "-n", "exp"]).expect(1);
    assert_snapshot!(told.text(&sandbox), @"
    Would take: 1 file added (1 B)
    4 conflicts:
      both changed it    ours   5 B  f58c469be63d  theirs   7 B  04c0fd7f6721  a.bin
      both changed it    ours   8 B  6e79fe911733  theirs   9 B  36d33da68931  b.bin
      theirs removed it  ours  14 B  f1bc73874b1a  theirs     -                gone.bin
      ours removed it    ours     -                theirs  14 B  ff016bd14036  mine.bin
    ");
    let merged = sandbox.run(["merge", "exp"]).expect(1);
    assert_snapshot!(merged.text(&sandbox), @"
    Taken: 1 file added (1 B)
    4 conflicts:
      both changed it    ours   5 B  f58c469be63d  theirs   7 B  04c0fd7f6721  a.bin
      both changed it    ours   8 B  6e79fe911733  theirs   9 B  36d33da68931  b.bin
      theirs removed it  ours  14 B  f1bc73874b1a  theirs     -                gone.bin
      ours removed it    ours     -                theirs  14 B  ff016bd14036  mine.bin
    ");
    assert_snapshot!(merged.err, @"hint: 'dsv merge --ours|--theirs|--both PATH' solves one, or edit and 'dsv add' it; then 'dsv merge --continue', or '--abort' to go back");
    // What merges is there, and ours stays where it does not.
    assert_eq!(sandbox.read("theirs/new"), b"t");
    assert_eq!(sandbox.read("a.bin"), b"\0ours");
    assert!(!sandbox.work().join("mine.bin").exists());
    let status = sandbox.run(["status"]).expect(0);
    assert_snapshot!(status.text(&sandbox), @"
    On dataset cats at 1.0.1  8f01384becbb
    A merge of 139258beca29 is under way, 4 conflicts to solve
      both changed it    ours   5 B  f58c469be63d  theirs   7 B  04c0fd7f6721  a.bin
      both changed it    ours   8 B  6e79fe911733  theirs   9 B  36d33da68931  b.bin
      theirs removed it  ours  14 B  f1bc73874b1a  theirs     -                gone.bin
      ours removed it    ours     -                theirs  14 B  ff016bd14036  mine.bin

    Staged for the next version (1 file, 1 B)
      added  1 B  theirs/new
    ");
    assert_snapshot!(status.err, @"hint: 'dsv merge --ours|--theirs|--both PATH' solves one, or edit and 'dsv add' it; then 'dsv merge --continue', or '--abort' to go back");
    let answer = sandbox.json(["status", "--json"]);
    assert_eq!(answer["merge"]["conflicts"].as_array().unwrap().len(), 4);
    assert_eq!((&answer["clean"], &answer["merge"]["halfway"]), (&false.into(), &false.into()));

    // Nothing that moves HEAD goes on beside it.
    assert_snapshot!(sandbox.fails(3, ["commit", "-m", "Too early"]), @"
    error: 4 conflicts are not solved
      a.bin
      b.bin
      gone.bin
      mine.bin
    hint: choose with 'dsv merge --ours|--theirs|--both PATH', or edit the file and 'dsv add' it; 'dsv merge --abort' goes back
    ");
    assert_snapshot!(sandbox.fails(3, ["switch", "exp"]), @"
    error: a merge is under way
    hint: 'dsv merge --continue' ends it, 'dsv merge --abort' goes back
    ");
    assert_snapshot!(sandbox.fails(3, ["revert", "HEAD"]), @"
    error: a merge is under way
    hint: 'dsv merge --continue' ends it, 'dsv merge --abort' goes back
    ");
    assert_snapshot!(sandbox.fails(2, ["merge", "exp"]), @"
    error: a merge is under way, and no side is given for these paths
    hint: 'dsv merge --ours|--theirs|--both PATH' solves conflicts, --continue makes the version, --abort goes back
    ");
    assert_snapshot!(sandbox.fails(3, ["merge", "--ours", "same"]), @"
    error: nothing is in conflict at same
    hint: 'dsv status' lists the conflicts
    ");
    assert_eq!(sandbox.run(["merge", "--continue"]).expect(1).text(&sandbox).lines().count(), 5);

    assert_snapshot!(sandbox.ok(["merge", "--theirs", "a.bin"]), @"
    Solved 1 conflict with theirs
    3 conflicts are left; dsv status lists them
    ");
    assert_eq!(sandbox.read("a.bin"), b"\0theirs");
    assert_snapshot!(sandbox.ok(["merge", "--both", "b.bin"]), @"
    Solved 1 conflict with both
    2 conflicts are left; dsv status lists them
    ");
    assert_eq!(sandbox.read("b.bin"), b"\0ours b!");
    assert_eq!(sandbox.read("b~exp@1.0.0.bin"), b"\0theirs b");
    // By hand: another content, and a choice of what ours has, which is nothing.
    sandbox.write("gone.bin", b"\0by hand");
    sandbox.ok(["add", "-q", "gone.bin"]);
    let status = sandbox.run(["status"]).expect(0);
    assert_snapshot!(status.text(&sandbox), @"
    On dataset cats at 1.0.1  8f01384becbb
    A merge of 139258beca29 is under way, 1 conflict to solve
      ours removed it  ours  -    theirs  14 B  ff016bd14036  mine.bin

    Staged for the next version (4 files, 25 B)
      modified  7 B  a.bin
      added     9 B  b~exp@1.0.0.bin
      modified  8 B  gone.bin
      added     1 B  theirs/new
    ");
    assert_snapshot!(sandbox.ok(["merge", "--ours", "."]), @"Solved 1 conflict with ours");
    assert!(!sandbox.work().join("mine.bin").exists());
    assert_eq!(sandbox.read("gone.bin"), b"\0by hand");
    assert_snapshot!(sandbox.ok(["merge", "--continue", "-m", "Together"]), @"
    cats@1.0.2  addec7800cbe  Together
      2 files added (10 B), 2 files modified (15 B)
    ");
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    assert_snapshot!(sandbox.ok(["ls-tree", "-r", "-l", "HEAD"]), @"
    file 04c0fd7f6721a8c9e6a52d0c8a2ada4620eac87e51c7fb8d73eb569f58b19090 7	a.bin
    file 6e79fe91173357534d4b7639d12c8016ae09bfe41dd2c1a2359f53a33e59ff73 8	b.bin
    file 36d33da689312bb6b77e6a331411d7be7ab67900c11c21800579d12a27bc2ab4 9	b~exp@1.0.0.bin
    file b6519bb7005639ae14e459039f292221825b522c7626634c1e4f55306915981b 8	gone.bin
    file 65c74c15a686187bb6bbf9958f494fc6b80068034a659a9ad44991b08c58f2d2 1	ours/new
    file 0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5 4	same
    file e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8 1	theirs/new
    ");
    assert_snapshot!(sandbox.fails(3, ["merge", "--continue"]), @"
    error: no merge is under way
    hint: begin one with 'dsv merge REV'
    ");
    assert_snapshot!(sandbox.fails(3, ["merge", "--abort"]), @"
    error: no merge is under way
    hint: begin one with 'dsv merge REV'
    ");
    assert_eq!(sandbox.ok(["rev-list", "HEAD^2", "-n", "1"]), sandbox.ok(["rev-parse", "exp"]));
}

#[test]
fn commit_ends_a_merge_as_well() {
    let sandbox = in_conflict();
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.ok(["merge", "-q", "--theirs", "."]);
    sandbox.ok(["commit", "-q", "-m", "Theirs", "--label", "3.0.0"]);
    let version = sandbox.ok(["cat-file", "-p", "HEAD"]);
    assert_eq!(version.lines().filter(|line| line.starts_with("parent ")).count(), 2, "{version}");
    assert_eq!(sandbox.ok(["diff-tree", "HEAD", "exp"]).lines().count(), 1);
    assert!(!sandbox.work().join(".dsv/merge.json").exists());
}

#[test]
fn a_side_can_be_chosen_for_all() {
    for (side, a, names) in
        [("--ours", &b"\0ours"[..], 6), ("--theirs", b"\0theirs", 6), ("--both", b"\0ours", 9)]
    {
        let sandbox = in_conflict();
        sandbox.ok(["merge", side, "exp"]);
        assert_eq!(sandbox.read("a.bin"), a, "{side}");
        assert_eq!(sandbox.ok(["ls-tree", "-r", "HEAD"]).lines().count(), names, "{side}");
        let strategy = in_conflict();
        let answer = strategy.json(["merge", "--json", "--strategy", &side[2..], "exp"]);
        assert_eq!(answer["favoured"].as_array().unwrap().len(), 4);
        assert_eq!(strategy.ok(["ls-tree", "-r", "HEAD"]), sandbox.ok(["ls-tree", "-r", "HEAD"]));
    }
}

#[test]
fn a_merge_can_wait_for_its_commit() {
    let sandbox = apart(&[("a", Some(b"1"))], &[("b", Some(b"2"))], &[("c", Some(b"3"))]);
    let waiting = sandbox.run(["merge", "--no-commit", "exp"]).expect(0);
    assert_snapshot!(waiting.text(&sandbox), @"Taken: 1 file added (1 B)");
    assert_snapshot!(waiting.err, @"hint: 'dsv merge --continue' makes the version, 'dsv merge --abort' goes back");
    sandbox.write("a", b"with it");
    sandbox.ok(["add", "-q", "a"]);
    assert_snapshot!(sandbox.ok(["merge", "--continue"]), @"
    cats@1.0.2  9a97959363f6  Merge exp@1.0.0
      1 file added (1 B), 1 file modified (7 B)
    ");
    assert_eq!(sandbox.ok(["ls-tree", "-r", "HEAD"]).lines().count(), 3);
}

#[test]
fn a_choice_can_be_changed() {
    let sandbox = in_conflict();
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.ok(["merge", "-q", "--both", "b.bin"]);
    sandbox.ok(["merge", "-q", "--theirs", "b.bin"]);
    assert!(!sandbox.work().join("b~exp@1.0.0.bin").exists());
    assert_eq!(sandbox.read("b.bin"), b"\0theirs b");
    sandbox.ok(["merge", "-q", "--ours", "b.bin"]);
    assert_eq!(sandbox.read("b.bin"), b"\0ours b!");
    // What was made by hand is not replaced without a word.
    sandbox.write("b.bin", b"\0by hand");
    assert_snapshot!(sandbox.fails(3, ["merge", "--theirs", "b.bin"]), @"
    error: 1 uncommitted file would be lost
      b.bin (modified)
    hint: commit them with 'dsv commit -a -m MESSAGE', or give --force to lose them; nothing was changed
    ");
    sandbox.ok(["add", "-q", "b.bin"]);
    sandbox.fails(3, ["merge", "--theirs", "b.bin"]);
    assert_eq!(sandbox.read("b.bin"), b"\0by hand");
    sandbox.ok(["merge", "-q", "--force", "--theirs", "b.bin"]);
    assert_eq!(sandbox.read("b.bin"), b"\0theirs b");
}

#[test]
fn several_versions_are_merged_at_once() {
    let sandbox = Sandbox::repository();
    version(&sandbox, "Base", &[("a", Some(b"1")), ("clash", Some(b"\0"))]);
    for name in ["one", "two"] {
        sandbox.ok(["switch", "-q", "-c", name, "cats"]);
        version(&sandbox, name, &[(name, Some(name.as_bytes())), ("clash", Some(name.as_bytes()))]);
        sandbox.ok(["switch", "-q", "cats"]);
    }
    assert_snapshot!(sandbox.fails(3, ["merge", "one", "two"]), @"
    error: c8f31bfb7c94 has a conflict with the others
    hint: merge them one after the other; nothing was changed
    ");
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    let answer = sandbox.json(["merge", "--json", "--ours", "one", "two"]);
    assert_eq!(answer["parents"].as_array().unwrap().len(), 3);
    assert_eq!((sandbox.read("one"), sandbox.read("two")), (b"one".to_vec(), b"two".to_vec()));
    assert_eq!(sandbox.read("clash"), b"one");
}
