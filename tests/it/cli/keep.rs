//! What exists nowhere else is not lost without a word, and the word helps.

use std::fs;

use insta::assert_snapshot;

use super::paths::two_versions;

#[test]
fn unstaging_keeps_what_is_staged_only() {
    let sandbox = two_versions();
    sandbox.write("a", "STAGED");
    sandbox.ok(["add", "-q", "a"]);
    // The file has it, too.
    sandbox.ok(["rm", "--cached", "-q", "a"]);
    sandbox.ok(["add", "-q", "a"]);
    sandbox.write("a", "W");
    assert_snapshot!(sandbox.fails(3, ["rm", "--cached", "a", "b"]), @r"
    error: 1 uncommitted file would be lost
      a (staged)
    hint: commit them with 'dsv commit -m MESSAGE', or give --force to lose them; nothing was changed
    ");
    assert_eq!(sandbox.ok(["ls-files"]), "a\nb\nd/x\nd/y\n");
    fs::remove_file(sandbox.work().join("a")).unwrap();
    sandbox.fails(3, ["rm", "--cached", "a"]);
    sandbox.ok(["rm", "--cached", "-f", "a"]);
    // What a version has may go whatever the file is.
    sandbox.write("b", "other");
    sandbox.ok(["rm", "--cached", "b"]);
}

#[test]
fn the_hint_fits_what_would_be_lost() {
    let sandbox = two_versions();
    sandbox.ok(["checkout", "-q", "HEAD~1"]);
    sandbox.write("b", "mine");
    assert_snapshot!(sandbox.fails(3, ["switch", "cats"]), @r"
    error: 1 uncommitted file would be lost
      b (untracked)
    hint: move them away, or commit them with 'dsv add' and 'dsv commit', or give --force to lose them; nothing was changed
    ");
    sandbox.write("a", "changed");
    let error = sandbox.fails(3, ["switch", "cats"]);
    assert!(error.contains("hint: commit changes with 'dsv commit -a -m MESSAGE' and move what"), "{error}");
    fs::remove_file(sandbox.work().join("b")).unwrap();
    let error = sandbox.fails(3, ["switch", "cats"]);
    assert!(error.contains("hint: commit them with 'dsv commit -a -m MESSAGE', or"), "{error}");
    sandbox.ok(["add", "-q", "a"]);
    let error = sandbox.fails(3, ["switch", "cats"]);
    assert!(error.contains("hint: commit them with 'dsv commit -m MESSAGE', or"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = two_versions();
    sandbox.write("a", "3");
    sandbox.write("b", "3");
    fs::set_permissions(sandbox.work().join("b"), fs::Permissions::from_mode(0o000)).unwrap();
    let status = sandbox.run_as_nobody(&["status"]).expect(1);
    assert_snapshot!(status.err, @r"
    warning: b cannot be read: Permission denied
    hint: dsv add PATH stages, dsv restore --force PATH undoes
    ");
    let text = status.text(&sandbox);
    assert!(text.contains("modified  1 B  a"), "{text}");
    let json = sandbox.run_as_nobody(&["status", "--json"]).expect(1).text(&sandbox);
    assert!(json.contains(r#""problems":["b cannot be read: Permission denied"]"#), "{json}");
    let diff = sandbox.run_as_nobody(&["diff"]).expect(1);
    assert_eq!(diff.err, "warning: b cannot be read: Permission denied\n");
    assert!(diff.text(&sandbox).contains("modified  1 B  +0 B  a"));
    assert_eq!(sandbox.run_as_nobody(&["diff", "HEAD~1"]).expect(1).err, diff.err);
    // To replace it, nobody needs to read it.
    sandbox.run_as_nobody(&["restore", "b"]).expect(3);
    sandbox.run_as_nobody(&["restore", "-f", "b"]).expect(0);
    assert_eq!(sandbox.read("b"), b"2");
}
