//! Paths as people give them: of any bytes, as patterns, and of nothing at all.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

/// Two versions: `a` and the folder `d`, then another `a` and a new `b`.
pub(super) fn two_versions() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.write("a", "1");
    sandbox.write("d/x", "1");
    sandbox.write("d/y", "1");
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "1"]);
    sandbox.write("a", "2");
    sandbox.write("b", "2");
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "2"]);
    sandbox
}

#[test]
fn paths_need_not_be_text() {
    let sandbox = Sandbox::repository();
    let raw = OsStr::from_bytes(b"caf\xe9");
    let put = |content: &str| fs::write(sandbox.work().join(raw), content).unwrap();
    put("1");
    sandbox.write("café", "1");
    let run = |words: &[&str], path: &[u8]| {
        let path = OsString::from_vec(path.to_vec());
        sandbox.ok(words.iter().map(OsStr::new).chain([path.as_os_str()]))
    };
    run(&["add", "-q"], b"caf\xe9");
    assert_eq!(run(&["ls-files"], b"caf\xe9"), "\"caf\\351\"\n");
    sandbox.ok(["commit", "-qm", "1"]);
    put("22");
    assert!(run(&["status"], b"caf\xe9").contains(r#"modified  2 B  "caf\351""#));
    assert!(run(&["diff", "--"], b"caf\xe9").contains(r#""caf\351""#));
    run(&["restore", "-f"], b"caf\xe9");
    put("22");
    run(&["checkout", "-f", "HEAD", "--"], b"caf\xe9");
    assert_eq!(fs::read(sandbox.work().join(raw)).unwrap(), b"1");
    assert!(run(&["log", "--oneline", "--"], b"caf\xe9").contains("cats@1.0.0"));
    assert!(run(&["ls", "HEAD"], b"caf\xe9").contains(r"caf\351"));
    run(&["update-index", "--add"], b"caf\xe9");
    let new = OsStr::from_bytes(b"caf\xff");
    sandbox.ok([OsStr::new("mv"), raw, new]);
    run(&["rm", "-f"], b"caf\xff");
    assert!(!sandbox.work().join(new).exists());
}

#[test]
fn a_wildcard_stands_for_one_character_or_one_byte_that_is_none() {
    let sandbox = Sandbox::repository();
    fs::write(sandbox.work().join(OsStr::from_bytes(b"caf\xe9")), "1").unwrap();
    sandbox.write("café", "1");
    sandbox.write("cafés", "1");
    sandbox.ok(["add", "-q", "caf?"]);
    assert_eq!(sandbox.ok(["ls-files"]), "café\n\"caf\\351\"\n");
    assert_snapshot!(sandbox.fails(2, ["add", "caf[é"]), @r"
    error: 'caf[é' is not a valid pattern
      because: a '[' is never closed
    ");
}

#[test]
fn whatever_is_given_must_be_known() {
    let sandbox = two_versions();
    let untouched = || assert_eq!(sandbox.ok(["ls-files"]), "a\nb\nd/x\nd/y\n");
    for words in [
        &["rm", "a", "typo"][..],
        &["rm", "--cached", "a", "typo"],
        &["rm", "a", "*.typo"],
        &["restore", "a", "typo"],
        &["restore", "--staged", "a", "typo"],
        &["restore", "--source", "HEAD~1", "a", "typo"],
        &["checkout", "HEAD~1", "--", "a", "typo"],
        &["ls", "HEAD", "a", "typo"],
        &["ls-files", "a", "typo"],
    ] {
        let error = sandbox.fails(3, words);
        assert!(error.contains("error: no tracked file matches ") && error.contains("typo"), "{error}");
        untouched();
    }
    assert_eq!(sandbox.read("a"), b"2");
    sandbox.write("new", "1");
    for words in [
        &["status", "a", "typo"][..],
        &["status", "*.typo"],
        &["diff", "--", "a", "typo"],
        &["diff", "HEAD~1", "--", "typo"],
        &["diff", "--staged", "--", "typo"],
        &["diff", "HEAD~1", "HEAD", "--", "typo"],
        &["log", "--", "a", "typo"],
    ] {
        let error = sandbox.fails(3, words);
        assert!(error.contains("error: no file or folder is known as ") && error.contains("typo"), "{error}");
    }
    assert_snapshot!(sandbox.fails(3, ["diff", "--", "typo"]), @r"
    error: no file or folder is known as typo
    hint: check the spelling; paths are relative to the current folder
    ");
    // What is known somewhere is asked for in vain without being an error.
    for words in [
        &["status", "new", "d", "."][..],
        &["status", "n*"],
        &["diff", "--", "new", "d/x"],
        &["diff", "--staged", "--", "a"],
        &["log", "--", "d", "new"],
    ] {
        sandbox.ok(words);
    }
    sandbox.ok(["rm", "-q", "b"]);
    sandbox.ok(["commit", "-qm", "3"]);
    sandbox.ok(["log", "--", "b"]);
    sandbox.ok(["diff", "HEAD~1", "HEAD", "--", "b"]);
}

/// What `dsv ls-files` lists and what stands in `.gitignore`.
fn tracked_and_ignored(sandbox: &Sandbox) -> (String, String) {
    (sandbox.ok(["ls-files"]), String::from_utf8(sandbox.read(".gitignore")).unwrap())
}

#[test]
fn what_keeps_git_away_is_no_data() {
    let sandbox = Sandbox::repository();
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    sandbox.write("a", "1");
    for _ in 0..2 {
        sandbox.ok(["add", "-q", "."]);
        assert_eq!(tracked_and_ignored(&sandbox), ("a\n".to_owned(), "/a\n".to_owned()));
    }
    sandbox.ok(["commit", "-qm", "1"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    sandbox.ok(["verify"]);
    assert_snapshot!(sandbox.fails(3, ["add", ".gitignore"]), @r"
    error: '.gitignore' is where git is told what dsv tracks, and no data
    hint: git is to track it; or 'dsv config core.gitignore false' ends that dsv writes to it
    ");
    sandbox.ok(["rm", "-q", "a"]);
    sandbox.ok(["commit", "-qm", "2"]);
    sandbox.ok(["checkout", "-f", "-q", "HEAD~1"]);
    assert!(sandbox.work().join(".gitignore").exists());
}

#[test]
fn git_that_comes_later_is_told_what_is_tracked() {
    let sandbox = two_versions();
    sandbox.write("code.py", "1");
    assert!(!sandbox.work().join(".gitignore").exists());
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    assert_snapshot!(sandbox.run(["add", "a"]).expect(0).err, @"3 lines added to .gitignore, so that git leaves the data to dsv");
    assert_snapshot!(tracked_and_ignored(&sandbox).1, @r"
    /a
    /b
    /d/
    ");
    // A person's decision stands.
    sandbox.write(".gitignore", "/a\n/b\n!/d/\n");
    sandbox.ok(["add", "-u"]);
    assert_eq!(tracked_and_ignored(&sandbox).1, "/a\n/b\n!/d/\n");
    // Where single files are listed, so are the others.
    sandbox.write(".gitignore", "/a\n/b\n/d/x\n");
    sandbox.ok(["add", "-u"]);
    assert_eq!(tracked_and_ignored(&sandbox).1, "/a\n/b\n/d/x\n/d/y\n");
}
