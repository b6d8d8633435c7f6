//! Histories and trees of odd shapes.

use insta::assert_snapshot;

use super::{apart, state, version};
use crate::support::sandbox::Sandbox;

#[test]
fn a_file_and_a_folder_are_solved_as_one() {
    let made = || {
        apart(
            &[("node", Some(b"1")), ("other", Some(b"o"))],
            &[("node", Some(b"2"))],
            &[("node", None), ("node/x", Some(b"3")), ("node/y", Some(b"4"))],
        )
    };
    let sandbox = made();
    let merged = sandbox.run(["merge", "exp"]).expect(1);
    assert_snapshot!(merged.text(&sandbox), @"
    3 conflicts:
      file and folder  ours  1 B  d4735e3a265e  theirs    -                node
      file and folder  ours    -                theirs  1 B  4e07408562be  node/x
      file and folder  ours    -                theirs  1 B  4b227777d4dd  node/y
    ");
    sandbox.ok(["merge", "-q", "--theirs", "node"]);
    assert_eq!((sandbox.read("node/x"), sandbox.read("node/y")), (b"3".to_vec(), b"4".to_vec()));
    sandbox.ok(["merge", "-q", "--ours", "node/x"]);
    assert_eq!(sandbox.read("node"), b"2");
    sandbox.ok(["merge", "-q", "--both", "node"]);
    assert_eq!((sandbox.read("node"), sandbox.read("node~exp@1.0.0/y")), (b"2".to_vec(), b"4".to_vec()));
    sandbox.ok(["merge", "-q", "--continue"]);
    assert_snapshot!(sandbox.ok(["ls-tree", "-r", "--name-only", "HEAD"]), @"
    node
    node~exp@1.0.0/x
    node~exp@1.0.0/y
    other
    ");
    let sandbox = made();
    let before = state(&sandbox);
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.ok(["merge", "-q", "--both", "."]);
    sandbox.ok(["merge", "--abort"]);
    assert!(before == state(&sandbox));
}

#[test]
fn crossed_lines_are_merged() {
    let sandbox = apart(
        &[("both", Some(b"\0")), ("one", Some(b"0")), ("two", Some(b"0"))],
        &[("both", Some(b"\x001")), ("one", Some(b"1"))],
        &[("both", Some(b"\x002")), ("two", Some(b"1"))],
    );
    let ours = sandbox.ok(["rev-parse", "cats"]);
    sandbox.ok(["merge", "--ours", "exp"]);
    sandbox.ok(["switch", "-q", "exp"]);
    sandbox.ok(["merge", "-q", "--no-ff", "--ours", ours.trim()]);
    version(&sandbox, "More", &[("more", Some(b"m"))]);
    sandbox.ok(["switch", "-q", "cats"]);
    assert_eq!(sandbox.ok(["merge-base", "--all", "cats", "exp"]).lines().count(), 2);
    // Each side solved the conflict in its own way, so it is one again; the rest is agreed on.
    let merged = sandbox.run(["merge", "exp"]).expect(1);
    assert_snapshot!(merged.text(&sandbox), @"
    Taken: 1 file added (1 B)
    1 conflict:
      both changed it  ours  2 B  2215e8ac4e2b  theirs  2 B  fa61e3dec343  both
    ");
    assert_eq!(sandbox.read("more"), b"m");
    sandbox.ok(["merge", "--abort"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn what_never_met_is_merged_only_if_that_is_wished() {
    let sandbox = Sandbox::repository();
    version(&sandbox, "First", &[("a", Some(b"\0a")), ("same", Some(b"s"))]);
    let tree = sandbox.ok(["write-tree"]);
    let alone = sandbox.ok(["commit-tree", tree.trim(), "--dataset", "alone", "-m", "Alone"]);
    sandbox.ok(["update-ref", "alone", alone.trim()]);
    version(&sandbox, "Second", &[("a", Some(b"\0b")), ("own", Some(b"o"))]);
    let before = state(&sandbox);
    assert_snapshot!(sandbox.fails(3, ["merge", "alone"]), @"
    error: 2f739bb360f0 and 99f592c323a7 have no version in common
    hint: give --allow-unrelated to merge them all the same; what both have and is not the same is a conflict then
    ");
    assert!(before == state(&sandbox));
    let merged = sandbox.run(["merge", "--allow-unrelated", "alone"]).expect(1);
    assert_snapshot!(merged.text(&sandbox), @"
    1 conflict:
      both added it  ours  2 B  57eb35615d47  theirs  2 B  022a6979e6da  a
    ");
    sandbox.ok(["merge", "-q", "--theirs", "a"]);
    sandbox.ok(["merge", "-q", "--continue"]);
    assert_snapshot!(sandbox.ok(["ls-tree", "-r", "--name-only", "HEAD"]), @"
    a
    own
    same
    ");
}

#[test]
fn a_change_goes_along_with_a_move() {
    let sandbox = apart(
        &[("raw.bin", Some(b"\0long enough")), ("keep", Some(b"k"))],
        &[("raw.bin", Some(b"\0changed here"))],
        &[("raw.bin", None), ("data/raw.bin", Some(b"\0long enough"))],
    );
    assert_snapshot!(sandbox.ok(["merge", "exp"]), @"
    cats@1.0.2  4df037537d39  Merge exp@1.0.0
      1 file renamed (13 B)
      changed and moved: raw.bin -> data/raw.bin
    ");
    assert_eq!(sandbox.read("data/raw.bin"), b"\0changed here");
    assert!(!sandbox.work().join("raw.bin").exists());
}

#[test]
fn merge_tree_prints_the_tree_and_the_conflicts() {
    let sandbox = super::in_conflict();
    let base = sandbox.ok(["merge-base", "cats", "exp"]);
    let before = state(&sandbox);
    let merged = sandbox.run(["merge-tree", base.trim(), "cats", "exp"]).expect(1);
    assert_snapshot!(merged.text(&sandbox), @"
    75d3632f297ad33fcbf21de0aa3dc8f0d4eed3d416f422e4dfd2c40d1508ee69
    C file file file b935494395c9021b85f493b5f7f200233d8f827009180f376bc9d789c7b56c6a f58c469be63d4339afeca2ecafd580e8c10c64e9897d6c665c195d428fe2a708 04c0fd7f6721a8c9e6a52d0c8a2ada4620eac87e51c7fb8d73eb569f58b19090	a.bin
    C file file file 0e8bb5ad8351f2dd56f2369659cc3afffa60c41eb74ea26f505b88a87c9fc0e7 6e79fe91173357534d4b7639d12c8016ae09bfe41dd2c1a2359f53a33e59ff73 36d33da689312bb6b77e6a331411d7be7ab67900c11c21800579d12a27bc2ab4	b.bin
    R file file - d13ab4f9804cc5e1eb2b474a32b7bd24396231e679ab5c8d1213a0a0f31aadee f1bc73874b1a0d9811d29e2faaa774c121a54c55e8b792b5747f45d6fe81a01f -	gone.bin
    R file - file c7d673fcfe5db00e41ae7e61c93c84c0276e4ea2c230c82cf5cade5a6cc5566e - ff016bd14036c01d3e1c4d1b94581452697cbe69066dac70ab8ba9f38c6d1950	mine.bin
    ");
    let records = sandbox.run(["merge-tree", "-z", base.trim(), "cats", "exp"]).expect(1).out;
    assert_eq!(records.iter().filter(|byte| **byte == 0).count(), 5);
    let text = sandbox.ok(["merge-tree", "--both", base.trim(), "cats", "exp"]);
    assert_eq!(text.lines().count(), 1);
    assert!(sandbox.ok(["ls-tree", text.trim()]).contains("a~theirs.bin"));
    let answer = sandbox.json(["merge-tree", "--json", "--theirs", base.trim(), "cats", "exp"]);
    assert_eq!(
        (answer["conflicts"].as_array().unwrap().len(), answer["favoured"].as_array().unwrap().len()),
        (0, 4)
    );
    assert!(before == state(&sandbox));
}
