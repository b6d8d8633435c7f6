//! A sparse index that is damaged, and files that cannot be brought.

use dsv::model::ErrorKind;
use dsv::porcelain::{Error, Repository, checkout};

use super::safety::empty;
use super::{bring, go, state};
use crate::support::repo::{monitor, open_real, worktree};
use crate::support::sandbox::Sandbox;

/// A version of these files, each of which holds its own name and more; none of them is there.
pub(super) fn committed(files: &[&str]) -> (Sandbox, Repository) {
    let sandbox = Sandbox::repository();
    files.iter().for_each(|path| sandbox.write(path, content(path)));
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "1"]);
    empty(&sandbox.work());
    let repo = open_real(&sandbox.work());
    (sandbox, repo)
}

fn content(path: &str) -> String {
    format!("what is in {path} and nowhere else")
}

/// Files that are there.
pub(super) fn there(repo: &Repository) -> Vec<String> {
    worktree(repo.root()).into_keys().map(|path| path.to_str().unwrap().to_owned()).collect()
}

fn not_checked_out(repo: &Repository) -> Option<u64> {
    state(repo).not_checked_out.map(|totals| totals.files)
}

#[test]
fn a_damaged_index_stays_sparse() {
    let (sandbox, repo) = committed(&["a", "d/x", "d/y"]);
    go(&repo, &["d/x"], false).unwrap();
    let journal = sandbox.work().join(".dsv/index/journal");
    let damage = || {
        let mut bytes = std::fs::read(&journal).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&journal, bytes).unwrap();
        let error = sandbox.fails(4, ["status"]);
        assert!(error.contains("hint: 'dsv read-tree HEAD' makes the index anew"), "{error}");
    };
    damage();
    sandbox.ok(["read-tree", "HEAD"]);
    assert_eq!(not_checked_out(&repo), Some(2));
    assert!(state(&repo).is_clean());
    // As where the first attempt was ended before it could save.
    std::fs::remove_file(&journal).unwrap();
    sandbox.fails(4, ["status"]);
    sandbox.fails(4, ["add", "d/x"]);
    sandbox.ok(["read-tree", "HEAD"]);
    assert_eq!(not_checked_out(&repo), Some(2));
    std::fs::remove_file(&journal).unwrap();
    go(&repo, &["d/x"], false).unwrap();
    assert_eq!(not_checked_out(&repo), Some(2));

    damage();
    sandbox.write("d/x", "changed");
    sandbox.ok(["read-tree", "HEAD"]);
    assert_eq!(state(&repo).changed.len(), 1);
    sandbox.ok(["commit", "-a", "-qm", "2"]);
    assert_eq!(repo.head_version().unwrap().unwrap().1.totals.files, 3);
    assert_eq!(checkout::Wanted::read(&repo).unwrap().unwrap().patterns, ["d/x"]);
    checkout::fill(&repo, false, &monitor()).unwrap();
    assert_eq!(there(&repo), ["a", "d/x", "d/y"]);
    assert_eq!(checkout::Wanted::read(&repo).unwrap(), None);
}

#[test]
fn what_cannot_be_brought_leaves_all_as_it_was() {
    let (sandbox, _) = committed(&["a", "b", "c", "d/x"]);
    sandbox.damage(content("c").as_bytes());
    let repo = open_real(&sandbox.work());
    let is_corrupt = |done: Result<(), Error>| {
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.hint().unwrap().starts_with("what was changed before it failed was changed back"));
    };
    // A worktree that was to become sparse does not.
    is_corrupt(go(&repo, &["."], false).map(drop));
    assert_eq!(there(&repo), [""; 0]);
    assert!(!repo.index().unwrap().is_sparse());
    assert_eq!(checkout::Wanted::read(&repo).unwrap(), None);

    go(&repo, &["d"], false).unwrap();
    bring(&repo, "a", None, false, false).unwrap();
    let before = || {
        assert_eq!(there(&repo), ["a", "d/x"]);
        assert_eq!(not_checked_out(&repo), Some(2));
        assert!(state(&repo).is_clean());
        assert_eq!(checkout::Wanted::read(&repo).unwrap().unwrap().patterns, ["d"]);
    };
    before();
    is_corrupt(checkout::fill(&repo, false, &monitor()).map(drop));
    before();
    is_corrupt(bring(&repo, ".", None, false, false).map(drop));
    before();
    is_corrupt(go(&repo, &["*"], false).map(drop));
    before();
    bring(&repo, "b", None, false, false).unwrap();
    assert_eq!(there(&repo), ["a", "b", "d/x"]);
}
