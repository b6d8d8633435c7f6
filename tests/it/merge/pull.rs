//! Two people who both made versions.

use insta::assert_snapshot;

use super::version;
use crate::support::sandbox::Sandbox;

/// Eva's repository and Ada's clone of it, with a version of each that the other has not. Paths are relative, since versions tell the
/// command that made them.
fn two() -> Sandbox {
    let sandbox = Sandbox::repository();
    version(&sandbox, "First", &[("a", Some(b"1")), ("clash", Some(b"\0"))]);
    sandbox.ok(["remote", "add", "origin", "../remote"]);
    sandbox.ok(["push", "-q"]);
    sandbox.ok(["clone", "-q", "../remote", "../clone"]);
    sandbox.write("../clone/theirs", "t");
    sandbox.write("../clone/clash", b"\x002");
    sandbox.ok(["-C", "../clone", "add", "-q", "."]);
    sandbox.ok(["-C", "../clone", "commit", "-q", "-m", "Theirs"]);
    sandbox.ok(["-C", "../clone", "push", "-q"]);
    sandbox
}

#[test]
fn pull_merges_what_is_there() {
    let sandbox = two();
    version(&sandbox, "Ours", &[("ours", Some(b"o"))]);
    assert_snapshot!(sandbox.fails(3, ["pull"]), @"
    error: 'cats' has versions here (e6c8d3b1442c) and on origin (1b41a6ae7a9b) that the other has not
    hint: 'dsv pull --merge' merges them; 'dsv diff cats origin/cats' shows how they differ
    ");
    assert_snapshot!(sandbox.ok(["pull", "--merge"]), @"
    cats@1.0.2  c32b9c7cd984  Merge cats@1.0.1 of origin
      1 file added (1 B), 1 file modified (2 B)
    ");
    assert_eq!((sandbox.read("ours"), sandbox.read("theirs")), (b"o".to_vec(), b"t".to_vec()));
    sandbox.ok(["push", "-q"]);
    assert_snapshot!(sandbox.ok(["pull", "--merge"]), @"cats is up to date with origin");
}

#[test]
fn pull_stops_at_conflicts() {
    let sandbox = two();
    version(&sandbox, "Ours", &[("clash", Some(b"\x003"))]);
    let pulled = sandbox.run(["pull", "--merge"]).expect(1);
    assert_snapshot!(pulled.text(&sandbox), @"
    Taken: 1 file added (1 B)
    1 conflict:
      both changed it  ours  2 B  906c5d2485ca  theirs  2 B  fa61e3dec343  clash
    ");
    sandbox.fails(3, ["pull", "--merge"]);
    sandbox.ok(["merge", "-q", "--both", "clash"]);
    sandbox.ok(["merge", "-q", "--continue"]);
    assert_eq!(sandbox.read("clash~cats@1.0.1"), b"\x002");
    let sandbox = two();
    version(&sandbox, "Ours", &[("clash", Some(b"\x003"))]);
    let run = sandbox.run(["pull", "--merge", "--json"]).expect(1);
    let answer: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
    assert_eq!(answer["merge"]["conflicts"][0]["path"], "clash");
}
