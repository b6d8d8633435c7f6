//! What the commands say of a folder that holds a part of its version.

use insta::assert_snapshot;

use super::damage::{committed, there};
use super::go;

#[test]
fn what_is_not_checked_out_is_told_and_not_missed() {
    let (sandbox, repo) = committed(&["a", "d/x", "d/y"]);
    go(&repo, &["d/x"], false).unwrap();
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats at 1.0.0  57001cc67d83
    2 files (60 B) not checked out
    Nothing to commit; 1 file (31 B) unchanged
    ");
    assert_eq!(sandbox.json(["status", "--json"])["not_checked_out"]["files"], 2);
    assert_snapshot!(sandbox.ok(["verify"]), @r"
    1 file (31 B) verified, all as they should be
    2 files of the version not checked out, and not looked at
    ");
    assert_eq!(sandbox.json(["verify", "--json"])["not_checked_out"], 2);
    assert_eq!(sandbox.ok(["diff"]), "no file changed\n");

    let listed = sandbox.run(["ls-files"]).expect(0);
    assert_eq!(listed.text(&sandbox), "d/x\n");
    assert!(listed.err.starts_with("the rest is not checked out, and staged as it is in the tree "));
    assert_eq!(sandbox.ok(["ls-files", "a", "d/y"]), "");
    assert_snapshot!(sandbox.fails(3, ["ls-files", "a", "b"]), @r"
    error: no tracked file matches b
    hint: 'dsv ls-files' lists the tracked files
    ");
    sandbox.ok(["update-index", "a", "d"]);
    sandbox.fails(2, ["update-index", "a", "b"]);
    assert_snapshot!(sandbox.fails(3, ["restore", "a", "b"]), @r"
    error: no tracked file matches b
    hint: 'dsv ls-files' lists the tracked files
    ");
    assert_eq!(there(&repo), ["d/x"]);
}

#[test]
fn a_part_is_worked_with_and_made_whole() {
    let (sandbox, repo) = committed(&["a", "d/x", "d/y", "e/z"]);
    go(&repo, &[], false).unwrap();
    assert_snapshot!(sandbox.ok(["checkout", "HEAD", "--", "a"]), @r"Restored: 1 file written (29 B)");
    sandbox.write("a", "changed");
    sandbox.write("d/new", "new");
    sandbox.ok(["add", "-q", "."]);
    assert_snapshot!(sandbox.ok(["mv", "d", "moved"]), @r"Renamed d to moved (3 files)");
    assert_snapshot!(sandbox.ok(["rm", "e"]), @r"Removed 1 file");
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats at 1.0.0  2ffd34369ef3

    Staged for the next version (5 files, 103 B)
      modified   7 B  a
      removed   31 B  e/z
      added      3 B  moved/new
      renamed   31 B  d/x -> moved/x
      renamed   31 B  d/y -> moved/y
    2 files (62 B) not checked out
    ");
    assert_snapshot!(sandbox.fails(3, ["rm", "--cached", "moved"]), @r"
    error: 2 uncommitted files would be lost
      moved/x (staged)
      moved/y (staged)
    hint: commit them with 'dsv commit -m MESSAGE', or give --force to lose them; nothing was changed
    ");
    sandbox.ok(["commit", "-qm", "2"]);
    assert_snapshot!(sandbox.ok(["ls", "-r"]), @r"
     7 B  a
     3 B  moved/new
    31 B  moved/x
    31 B  moved/y
    ");
    assert_eq!(there(&repo), ["a", "moved/new"]);
    assert_snapshot!(sandbox.ok(["checkout", "HEAD~1", "--full"]), @r"
    At cats@1.0.0  2ffd34369ef3, on no dataset
      4 files written (122 B), 1 file removed
    ");
    assert_eq!(there(&repo), ["a", "d/x", "d/y", "e/z"]);
    assert_eq!(sandbox.json(["status", "--json"]).get("not_checked_out"), None);
    assert_eq!(sandbox.json(["checkout", "cats", "--full", "--json"])["written"], 4);
    assert_eq!(there(&repo), ["a", "moved/new", "moved/x", "moved/y"]);
    let both = ["checkout", "HEAD", "--full", "--", "a"];
    assert!(sandbox.fails(2, both).contains("cannot be used with"));
}
