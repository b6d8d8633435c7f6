//! Merges where not all files are there.

use super::version;
use crate::support::sandbox::Sandbox;

/// A clone with some of the files, and a dataset `exp` on the remote that has changed others.
fn sparse() -> Sandbox {
    let sandbox = Sandbox::repository();
    let (remote, clone) = (sandbox.root().join("remote"), sandbox.root().join("clone"));
    version(
        &sandbox,
        "First",
        &[
            ("here/a", Some(b"1")),
            ("here/b", Some(b"\x001")),
            ("away/a", Some(b"1")),
            ("away/b", Some(b"\x001")),
        ],
    );
    sandbox.ok(["remote", "add", "origin", remote.to_str().unwrap()]);
    sandbox.ok(["switch", "-q", "-c", "exp"]);
    version(
        &sandbox,
        "Theirs",
        &[
            ("here/a", Some(b"2")),
            ("here/b", Some(b"\x002")),
            ("away/a", Some(b"2")),
            ("away/b", Some(b"\x002")),
            ("away/new", Some(b"n")),
        ],
    );
    sandbox.ok(["switch", "-q", "cats"]);
    sandbox.ok(["push", "-q", "--all"]);
    sandbox.ok([
        "clone",
        "-q",
        "--filter",
        "here",
        "--dataset",
        "cats",
        remote.to_str().unwrap(),
        clone.to_str().unwrap(),
    ]);
    sandbox
}

fn at(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let clone = sandbox.root().join("clone");
    ["-C", clone.to_str().unwrap()].iter().chain(arguments).map(|word| (*word).to_owned()).collect()
}

#[test]
fn only_what_is_there_is_touched() {
    let sandbox = sparse();
    let clone = sandbox.root().join("clone");
    let run = |arguments: &[&str]| sandbox.ok(at(&sandbox, arguments));
    std::fs::write(clone.join("here/b"), b"\x003").unwrap();
    run(&["add", "-q", "here"]);
    run(&["commit", "-q", "-m", "Ours"]);
    run(&["rm", "-q", "away/b"]);
    run(&["commit", "-q", "-m", "Ours too"]);
    run(&["fetch", "-q", "exp"]);
    let files = || crate::support::repo::worktree(&clone);
    let before = (files(), run(&["rev-parse", "HEAD"]), run(&["status"]));

    for solve in [None, Some("--theirs"), Some("--both"), Some("--ours")] {
        sandbox.run(at(&sandbox, &["merge", "origin/exp"])).expect(1);
        assert_eq!(std::fs::read(clone.join("here/a")).unwrap(), b"2");
        assert_eq!(std::fs::read(clone.join("here/b")).unwrap(), b"\x003");
        assert!(!clone.join("away").exists());
        if let Some(side) = solve {
            run(&["merge", "-q", side, "."]);
        }
        run(&["merge", "--abort"]);
        assert_eq!(before, (files(), run(&["rev-parse", "HEAD"]), run(&["status"])), "{solve:?}");
    }

    sandbox.run(at(&sandbox, &["merge", "origin/exp"])).expect(1);
    run(&["merge", "-q", "--theirs", "."]);
    assert_eq!(std::fs::read(clone.join("here/b")).unwrap(), b"\x002");
    run(&["merge", "-q", "--continue"]);
    assert!(!clone.join("away").exists());
    assert_eq!(run(&["diff-tree", "HEAD", "origin/exp"]), "");
    let status = run(&["status", "--json"]);
    assert!(status.contains("\"clean\":true"), "{status}");
}
