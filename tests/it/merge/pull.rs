//! Two people who both made versions.

use insta::assert_snapshot;

use super::version;
use crate::support::sandbox::Sandbox;

/// Eva's repository and Ada's clone of it, with a version of each that the other has not.
fn two() -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::repository();
    let remote = sandbox.root().join("remote");
    version(&sandbox, "First", &[("a", Some(b"1")), ("clash", Some(b"\0"))]);
    sandbox.ok(["remote", "add", "origin", remote.to_str().unwrap()]);
    sandbox.ok(["push", "-q"]);
    let clone = sandbox.root().join("clone");
    sandbox.ok(["clone", "-q", remote.to_str().unwrap(), clone.to_str().unwrap()]);
    std::fs::write(clone.join("theirs"), "t").unwrap();
    std::fs::write(clone.join("clash"), b"\x002").unwrap();
    let at = clone.to_str().unwrap();
    sandbox.ok(["-C", at, "add", "-q", "."]);
    sandbox.ok(["-C", at, "commit", "-q", "-m", "Theirs"]);
    sandbox.ok(["-C", at, "push", "-q"]);
    (sandbox, clone)
}

#[test]
fn pull_merges_what_is_there() {
    let (sandbox, _) = two();
    version(&sandbox, "Ours", &[("ours", Some(b"o"))]);
    assert_snapshot!(sandbox.fails(3, ["pull"]), @"");
    assert_snapshot!(sandbox.ok(["pull", "--merge"]), @"");
    assert_eq!((sandbox.read("ours"), sandbox.read("theirs")), (b"o".to_vec(), b"t".to_vec()));
    sandbox.ok(["push", "-q"]);
    assert_snapshot!(sandbox.ok(["pull", "--merge"]), @"");
}

#[test]
fn pull_stops_at_conflicts() {
    let (sandbox, _) = two();
    version(&sandbox, "Ours", &[("clash", Some(b"\x003"))]);
    let pulled = sandbox.run(["pull", "--merge"]).expect(1);
    assert_snapshot!(pulled.text(&sandbox), @"");
    sandbox.fails(3, ["pull", "--merge"]);
    sandbox.ok(["merge", "-q", "--both", "clash"]);
    sandbox.ok(["merge", "-q", "--continue"]);
    assert_eq!(sandbox.read("clash~cats@1.0.1"), b"\x002");
    let (sandbox, _) = two();
    version(&sandbox, "Ours", &[("clash", Some(b"\x003"))]);
    let run = sandbox.run(["pull", "--merge", "--json"]).expect(1);
    let answer: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
    assert_eq!(answer["merge"]["conflicts"][0]["path"], "clash");
}
