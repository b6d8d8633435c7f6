//! A checkout that fails in the middle, and what is in its way.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use insta::assert_snapshot;

use super::paths::two_versions;
use crate::support::repo::worktree;
use crate::support::sandbox::Sandbox;

/// Two versions that differ in many files; the content of one of the first is damaged.
fn damaged_version() -> Sandbox {
    let sandbox = Sandbox::repository();
    for number in 0..300 {
        sandbox.write(&format!("n{number:03}"), format!("first {number}"));
    }
    sandbox.write("folder/only-first", "1");
    fs::create_dir(sandbox.work().join("empty")).unwrap();
    sandbox.write("large", vec![7; 300_000]);
    sandbox.write("precious", "bytes that are nowhere else");
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "1"]);
    for number in 0..300 {
        sandbox.write(&format!("n{number:03}"), format!("second {number}"));
    }
    fs::remove_dir_all(sandbox.work().join("folder")).unwrap();
    sandbox.write("empty/filled", "2");
    sandbox.write("large", vec![8; 300_000]);
    fs::remove_file(sandbox.work().join("precious")).unwrap();
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "2"]);
    sandbox.damage(b"bytes that are nowhere else");
    sandbox
}

#[test]
fn a_checkout_that_fails_is_taken_back() {
    let sandbox = damaged_version();
    let before = worktree(&sandbox.work());
    let error = sandbox.fails(4, ["checkout", "HEAD~1"]);
    let told: Vec<&str> = error.lines().map(|line| line.split("is damaged").next().unwrap()).collect();
    assert_eq!(told[0], "error: 'precious' cannot be brought back", "{error}");
    assert!(
        error.contains("hint: what was changed before it failed was changed back; 'dsv fsck --full'"),
        "{error}"
    );
    assert!(before == worktree(&sandbox.work()));
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn what_the_system_refuses_in_the_middle_is_taken_back() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = damaged_version();
    sandbox.write("z/x", "1");
    for content in ["2", "3"] {
        sandbox.write("z/x", content);
        sandbox.write("n000", content);
        fs::remove_file(sandbox.work().join("n001")).unwrap();
        sandbox.write("n001", content);
        sandbox.ok(["add", "-q", "."]);
        sandbox.ok(["commit", "-qm", content]);
    }
    let mode = |mode| {
        fs::set_permissions(sandbox.work().join("z"), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o555);
    let before = worktree(&sandbox.work());
    let refused = sandbox.run_as_nobody(&["checkout", "HEAD~1"]).expect(3);
    assert!(
        refused.err.contains("hint: what was changed before it failed was changed back"),
        "{}",
        refused.err
    );
    assert!(before == worktree(&sandbox.work()));
    let clean = sandbox.run_as_nobody(&["status", "--json"]).expect(0).text(&sandbox);
    assert!(clean.contains(r#""clean":true"#), "{clean}");
    mode(0o755);
    sandbox.run_as_nobody(&["checkout", "HEAD~1"]).expect(0);
    assert_eq!((sandbox.read("z/x"), sandbox.read("n001")), (b"2".to_vec(), b"2".to_vec()));
}

#[test]
fn a_forced_checkout_that_fails_says_how_far_it_came() {
    let sandbox = damaged_version();
    let error = sandbox.fails(4, ["checkout", "-f", "HEAD~1"]);
    assert!(error.contains(" paths were changed before it failed"), "{error}");
    assert!(error.contains("because: 'precious' cannot be brought back"), "{error}");
    assert!(error.contains("hint: HEAD did not move."), "{error}");
    // File by file it gets past.
    sandbox.ok(["checkout", "-q", "-f", "HEAD~1", "--", "n*", "folder", "empty", "large"]);
    assert_eq!(sandbox.read("n299"), b"first 299");
    let error = sandbox.fails(4, ["restore", "--source", "HEAD~1", "precious"]);
    assert!(error.contains("'precious' cannot be brought back"), "{error}");
    sandbox.ok(["checkout", "-q", "-f", "HEAD"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn what_is_in_the_way_is_named_and_goes_when_forced() {
    let sandbox = two_versions();
    let outside = sandbox.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x"), "precious").unwrap();
    let block = || {
        fs::remove_file(sandbox.work().join("b")).unwrap();
        sandbox.write("b/mine", "1");
        fs::remove_dir_all(sandbox.work().join("d")).unwrap();
        symlink(&outside, sandbox.work().join("d")).unwrap();
    };
    let back = || {
        assert_eq!(
            (sandbox.read("b"), sandbox.read("d/x"), sandbox.read("d/y")),
            (b"2".into(), b"1".into(), b"1".into())
        );
        assert!(!sandbox.work().join("d").is_symlink());
        assert_eq!(fs::read(outside.join("x")).unwrap(), b"precious");
        assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    };
    block();
    assert_snapshot!(sandbox.fails(3, ["restore", "b", "d"]), @r"
    error: 2 uncommitted files would be lost
      b (untracked)
      d (untracked)
    hint: move them away, or commit them with 'dsv add' and 'dsv commit', or give --force to lose them; nothing was changed
    ");
    sandbox.ok(["checkout", "-q", "-f", "HEAD"]);
    back();
    block();
    assert_snapshot!(sandbox.ok(["restore", "-f", "b", "d/x", "d/y"]), @r"Restored: 3 files written (3 B)");
    back();
    fs::remove_file(sandbox.work().join("b")).unwrap();
    sandbox.write("b/clone/.git/HEAD", "x");
    assert_snapshot!(sandbox.fails(3, ["checkout", "-f", "HEAD"]), @r"
    error: 'b' is in the way: it is a folder that holds a repository
    hint: move it away and run the command again
    ");
    assert_eq!(sandbox.read("b/clone/.git/HEAD"), b"x");
}

#[test]
fn a_killed_checkout_leaves_no_part_of_a_large_file() {
    let sandbox = Sandbox::repository();
    let content: Vec<u8> = (0..200_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    sandbox.write("large", &content);
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "1"]);
    for wait in [20, 60, 120] {
        fs::remove_file(sandbox.work().join("large")).unwrap();
        let mut child =
            sandbox.command().args(["checkout", "-f", "HEAD"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        Command::new("kill").args(["-9", &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        if let Ok(found) = fs::metadata(sandbox.work().join("large")) {
            assert_eq!(found.len(), content.len() as u64);
        }
        sandbox.ok(["checkout", "-q", "-f", "HEAD"]);
    }
    assert!(sandbox.read("large") == content);
}
