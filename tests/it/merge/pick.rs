//! What one version changed, undone or done elsewhere.

use insta::assert_snapshot;

use super::{in_conflict, state, version};
use crate::support::sandbox::Sandbox;

/// Three versions, each about paths of its own but for the last.
fn three() -> Sandbox {
    let sandbox = Sandbox::repository();
    version(&sandbox, "First", &[("a", Some(b"\x001")), ("b", Some(b"1"))]);
    version(&sandbox, "Second", &[("a", Some(b"\x002")), ("new", Some(b"n"))]);
    version(&sandbox, "Third", &[("b", Some(b"3"))]);
    sandbox
}

#[test]
fn revert_undoes_a_version_below_others() {
    let sandbox = three();
    let before = state(&sandbox);
    assert_snapshot!(sandbox.ok(["revert", "-n", "HEAD~1"]), @"Would take: 1 file modified (2 B), 1 file removed (1 B)");
    assert!(before == state(&sandbox));
    assert_snapshot!(sandbox.ok(["revert", "HEAD~1"]), @r#"
    cats@1.0.3  54c239cafc08  Revert "Second"
      1 file modified (2 B), 1 file removed (1 B)
    "#);
    assert_eq!((sandbox.read("a"), sandbox.read("b")), (b"\x001".to_vec(), b"3".to_vec()));
    assert!(!sandbox.work().join("new").exists());
    assert_snapshot!(sandbox.ok(["cat-file", "-p", "HEAD"]).lines().last().unwrap(), @"This undoes what cats@1.0.1 (03082e1cb518) changed.");
    assert_snapshot!(sandbox.fails(1, ["revert", "HEAD~2"]), @"error: there is nothing to revert: the current version has it all");
    // The first version had nothing before it.
    sandbox.ok(["revert", "-q", "HEAD"]);
    assert_eq!(sandbox.read("a"), b"\x002");
}

#[test]
fn a_revert_in_conflict_is_solved_as_a_merge_is() {
    let sandbox = three();
    version(&sandbox, "Fourth", &[("a", Some(b"\x004"))]);
    let before = state(&sandbox);
    let reverted = sandbox.run(["revert", "HEAD~2"]).expect(1);
    assert_snapshot!(reverted.text(&sandbox), @"
    Taken: 1 file removed (1 B)
    1 conflict:
      both changed it  ours  2 B  11e1f558223f  theirs  2 B  2215e8ac4e2b  a
    ");
    assert_snapshot!(sandbox.ok(["status"]), @"
    On dataset cats at 1.0.3  1ec1e1c89f92
    A revert of 03082e1cb518 is under way, 1 conflict to solve
      both changed it  ours  2 B  11e1f558223f  theirs  2 B  2215e8ac4e2b  a

    Staged for the next version (1 file, 1 B)
      removed  1 B  new
    ");
    sandbox.ok(["merge", "--abort"]);
    assert!(before == state(&sandbox));
    sandbox.run(["revert", "HEAD~2"]).expect(1);
    sandbox.ok(["merge", "-q", "--theirs", "a"]);
    assert_snapshot!(sandbox.ok(["merge", "--continue"]), @r#"
    cats@1.0.4  7ee8ac5eb2f1  Revert "Second"
      1 file modified (2 B), 1 file removed (1 B)
    "#);
    assert_eq!(sandbox.read("a"), b"\x001");
    let manifest = sandbox.ok(["cat-file", "-p", "HEAD"]);
    assert_eq!(manifest.lines().filter(|line| line.starts_with("parent ")).count(), 1);
}

#[test]
fn versions_are_picked_with_their_message_and_author() {
    let sandbox = three();
    sandbox.ok(["switch", "-q", "-c", "exp", "HEAD~2"]);
    version(&sandbox, "Own", &[("own", Some(b"o"))]);
    let mut other = three();
    other.set("DSV_AUTHOR_NAME", "Ada");
    assert_snapshot!(sandbox.ok(["cherry-pick", "cats~1", "cats"]), @"
    exp@1.0.1  08ca513ad50b  Second
      1 file added (1 B), 1 file modified (2 B)
    exp@1.0.2  58c7709744e0  Third
      1 file modified (1 B)
    ");
    assert_eq!((sandbox.read("a"), sandbox.read("b")), (b"\x002".to_vec(), b"3".to_vec()));
    assert_eq!(sandbox.read("own"), b"o");
    assert_snapshot!(sandbox.fails(1, ["cherry-pick", "cats"]), @"error: there is nothing to pick: the current version has it all");
    // The author is who made it, whoever picks it.
    let mut sandbox = three();
    sandbox.ok(["switch", "-q", "-c", "exp", "HEAD~1"]);
    sandbox.set("DSV_AUTHOR_NAME", "Ada");
    sandbox.ok(["cherry-pick", "-q", "cats"]);
    assert!(sandbox.ok(["cat-file", "-p", "HEAD"]).contains("author Eva Example"));
}

#[test]
fn what_is_still_to_be_picked_waits() {
    let sandbox = three();
    sandbox.ok(["switch", "-q", "-c", "exp", "HEAD~2"]);
    version(&sandbox, "Own", &[("a", Some(b"\x00own"))]);
    let picked = sandbox.run(["cherry-pick", "cats~1", "cats"]).expect(1);
    assert_snapshot!(picked.text(&sandbox), @"
    Taken: 1 file added (1 B)
    1 conflict:
      both changed it  ours  4 B  2f5f8b95bf43  theirs  2 B  fa61e3dec343  a
    1 version to pick afterwards
    ");
    sandbox.ok(["merge", "-q", "--theirs", "a"]);
    assert_snapshot!(sandbox.ok(["merge", "--continue"]), @"
    exp@1.0.1  b5aec73e08bc  Second
      1 file added (1 B), 1 file modified (2 B)
    exp@1.0.2  0c4be2611523  Third
      1 file modified (1 B)
    ");
    assert_eq!((sandbox.read("a"), sandbox.read("b")), (b"\x002".to_vec(), b"3".to_vec()));
}

#[test]
fn of_a_merge_the_parent_is_named() {
    let sandbox = in_conflict();
    sandbox.ok(["merge", "-q", "--theirs", "exp"]);
    assert_snapshot!(sandbox.fails(2, ["revert", "HEAD"]), @"
    error: the version a4d6e531096a has 2 parents
    hint: say with -m N against which parent its changes are meant; 'dsv show' lists them
    ");
    sandbox.fails(2, ["revert", "-m", "3", "HEAD"]);
    sandbox.ok(["revert", "-q", "-m", "1", "HEAD"]);
    assert_eq!(sandbox.read("a.bin"), b"\0ours");
    assert_eq!(sandbox.ok(["diff-tree", "HEAD", "HEAD~2"]), "");
}
