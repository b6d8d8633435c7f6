//! What is not committed is as safe in a sparse worktree as in a full one, and nothing leads out of either.

use std::path::Path;

use dsv::model::{ErrorKind, VersionId};
use dsv::plumbing::write_tree::write_tree;
use dsv::porcelain::Repository;
use dsv::store::Writer;
use tempfile::TempDir;

use super::{add_paths, bring, clone, go, make_version, put, remove, rename, staged_changes, state, visit};
use crate::support::repo::{create, monitor, open_real};
use crate::support::scratch;
use crate::transfer::Two;

/// A repository with a version of these files for each list, and a sparse clone of it in which nothing is checked out.
pub(super) fn beside(versions: &[&[(&str, &str)]]) -> ([TempDir; 2], [Repository; 2], Vec<VersionId>) {
    let full = scratch();
    let repo = create(full.path());
    let mut ids = Vec::new();
    for files in versions {
        drop(remove(&repo, ".", false, true));
        files.iter().for_each(|(path, text)| put(full.path(), path, text.as_bytes()));
        add_paths(&repo, &["."]);
        ids.push(make_version(&repo, false).unwrap());
    }
    let (sparse, _) = clone(&repo, &[]);
    let repos = [repo, open_real(sparse.path())];
    ([full, sparse], repos, ids)
}

fn refused<T>(done: Result<T, dsv::porcelain::Error>, kind: ErrorKind) {
    assert_eq!(done.err().map(|error| error.kind()), Some(kind));
}

fn is_lost<T>(done: Result<T, dsv::porcelain::Error>) {
    refused(done, ErrorKind::WouldOverwrite);
}

#[test]
fn what_is_staged_is_not_replaced_from_another_version() {
    let first: &[_] = &[("a", "1"), ("b", "1"), ("c", "1"), ("n/under", "1")];
    let (_folders, repos, ids) = beside(&[first, &[("a", "2"), ("b", "2")]]);
    for repo in &repos {
        put(repo.root(), "a", b"mine");
        add_paths(repo, &["a"]);
        is_lost(bring(repo, "a", Some(ids[0]), false, false));
        // In the sparse one there is no file, and what is staged is all there is of the move.
        rename(repo, "b", "c").unwrap();
        let staged = staged_changes(repo, None);
        is_lost(bring(repo, "c", Some(ids[0]), false, false));
        rename(repo, "c", "n").unwrap();
        is_lost(bring(repo, "n/under", Some(ids[0]), false, false));
        rename(repo, "n", "elsewhere").unwrap();
        // Neither version has anything there, so that it would go.
        is_lost(bring(repo, "elsewhere", Some(ids[0]), false, false));
        rename(repo, "elsewhere", "c").unwrap();
        assert_eq!(staged_changes(repo, None), staged);
        bring(repo, ".", Some(ids[0]), false, true).unwrap();
        assert_eq!(std::fs::read(repo.root().join("c")).unwrap(), b"1");
        assert!(staged_changes(repo, Some(repo.db().version(&ids[0]).unwrap().tree)).is_empty());
    }
}

#[test]
fn what_is_in_the_way_goes_when_that_is_forced() {
    for written in [false, true] {
        let (_folders, repos, ids) = beside(&[&[("a", "1"), ("n/under", "1")], &[("a", "2"), ("b", "2")]]);
        for repo in &repos {
            // In the sparse one there is no file at `n`.
            rename(repo, "a", "n").unwrap();
            if written {
                write_staged(repo);
            }
            is_lost(bring(repo, "n/under", Some(ids[0]), false, false));
            bring(repo, "n/under", Some(ids[0]), false, true).unwrap();
            assert_eq!(std::fs::read(repo.root().join("n/under")).unwrap(), b"1");
        }
        assert_eq!(staged_changes(&repos[0], None), staged_changes(&repos[1], None));
        for repo in &repos {
            remove(repo, "n", false, true).unwrap();
            assert!(staged_changes(repo, None).iter().all(|change| change.new.is_none()));
            visit(repo, ids[1], true).unwrap();
            put(repo.root(), "n", b"untracked");
            is_lost(visit(repo, ids[0], false));
            visit(repo, ids[0], true).unwrap();
            assert!(!repo.root().join("n").is_file() && state(repo).is_clean());
            put(repo.root(), "n", b"untracked");
            visit(repo, ids[0], true).unwrap();
            assert!(!repo.root().join("n").is_file() && state(repo).is_clean());
        }
    }
}

/// Writes the tree of what is staged, as `dsv write-tree` does: the index equals that from then on, and not what
/// `HEAD` has.
fn write_staged(repo: &Repository) {
    let mut index = repo.edit_index(&monitor()).unwrap();
    let writer = Writer::new(repo.db()).unwrap();
    write_tree(&mut index, &writer).unwrap();
    writer.finish().unwrap();
    index.save().unwrap();
}

#[test]
fn what_was_written_as_a_tree_is_not_committed_yet() {
    let second: &[_] = &[("a", "2"), ("b", "2"), ("dir/d", "2")];
    let third: &[_] = &[("a", "2"), ("b", "2"), ("dir/d", "2"), ("z", "3")];
    let (_folders, repos, ids) = beside(&[&[("a", "1"), ("b", "1"), ("c", "1")], third, second]);
    for repo in &repos {
        put(repo.root(), "a", b"mine");
        add_paths(repo, &["a"]);
        rename(repo, "b", "c").unwrap();
        rename(repo, "dir", "moved").unwrap();
        let staged = staged_changes(repo, None);
        write_staged(repo);
        is_lost(visit(repo, ids[0], false));
        for path in ["a", "c"] {
            is_lost(bring(repo, path, Some(ids[0]), false, false));
            is_lost(remove(repo, path, false, false));
        }
        is_lost(remove(repo, "moved", false, false));
        assert_eq!(staged_changes(repo, None), staged);
        // Where the versions do not differ it is carried over.
        assert_eq!(visit(repo, ids[1], false).unwrap().kept_staged, 5);
        assert_eq!(staged_changes(repo, None), staged);
        is_lost(visit(repo, ids[0], false));
        remove(repo, "moved", false, true).unwrap();
        visit(repo, ids[0], true).unwrap();
        assert!(staged_changes(repo, None).is_empty());
    }
}

#[test]
fn unstaging_keeps_what_is_staged_only() {
    let (_folders, repos, _) = beside(&[&[("a", "1"), ("b", "2"), ("c", "3"), ("dir/d", "4")]]);
    let [full, sparse] = &repos;
    for repo in &repos {
        rename(repo, "a", "moved").unwrap();
        rename(repo, "dir", "elsewhere").unwrap();
    }
    let staged = staged_changes(sparse, None);
    let kept = || {
        for path in ["moved", "elsewhere", "elsewhere/d", "."] {
            is_lost(remove(sparse, path, true, false));
        }
        assert_eq!(staged_changes(sparse, None), staged);
    };
    kept();
    write_staged(sparse);
    kept();
    // Another file does not keep it, the same one does, as do all those of a full worktree.
    put(sparse.root(), "moved", b"2");
    kept();
    put(sparse.root(), "moved", b"1");
    for repo in &repos {
        remove(repo, "moved", true, false).unwrap();
        // What the version has may go.
        remove(repo, "b", true, false).unwrap();
    }
    is_lost(remove(sparse, "elsewhere", true, false));
    remove(full, "elsewhere", true, false).unwrap();
    remove(sparse, "elsewhere", true, true).unwrap();
    assert_eq!(staged_changes(sparse, None), staged_changes(full, None));
}

#[test]
fn what_is_unstaged_beyond_a_link_is_not_kept_there() {
    let (_folders, repos, _) = beside(&[&[("a", "1"), ("d/x", "2")]]);
    let [_, sparse] = &repos;
    let outside = scratch();
    std::fs::write(outside.path().join("moved"), "1").unwrap();
    rename(sparse, "a", "d/moved").unwrap();
    std::os::unix::fs::symlink(outside.path(), sparse.root().join("d")).unwrap();
    is_lost(remove(sparse, "d/moved", true, false));
}

#[test]
fn nothing_is_moved_or_brought_beyond_a_link() {
    let deep = vec!["n"; 600].join("/");
    let deep = format!("from/{deep}");
    let (_folders, repos, _) = beside(&[&[("a", "1"), ("d/x", "2"), (&deep, "3")]]);
    let outside = scratch();
    std::fs::write(outside.path().join("x"), "mine").unwrap();
    for repo in &repos {
        let at = |path: &str| repo.root().join(path);
        drop(std::fs::remove_dir_all(at("d")));
        std::os::unix::fs::symlink(outside.path(), at("d")).unwrap();
        for (from, to) in [("a", "d/new"), ("d/x", "y"), ("a", "d/x")] {
            refused(rename(repo, from, to), ErrorKind::Refused);
        }
        for path in ["d/x", "d", "."] {
            is_lost(bring(repo, path, None, false, false));
        }
        // Whoever forces gets a folder for the link.
        bring(repo, "d/x", None, false, true).unwrap();
        assert!(!at("d").is_symlink());
        assert_eq!(std::fs::read(at("d/x")).unwrap(), b"2");
        assert_eq!(std::fs::read(outside.path().join("x")).unwrap(), b"mine");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
        // Either part is a path, the whole is none.
        refused(rename(repo, "from", &vec!["m"; 600].join("/")), ErrorKind::InvalidPath);
        assert!(!at("m").exists() && staged_changes(repo, None).is_empty());
    }
}

#[test]
fn a_pull_brings_what_is_there_and_what_is_wanted() {
    let two = Two::pushed();
    two.clone("bob");
    let bob = two.path("bob");
    empty(&bob);
    go(&open_real(&bob), &["d1"], false).unwrap();
    put(&bob, "d2/new", b"bob's");
    put(&bob, "d3/f3", b"bob's");
    add_paths(&open_real(&bob), &["d2/new", "d3/f3"]);

    for path in ["d1/f1", "d0/f0", "d1/new", "other/new"] {
        two.sandbox.write(path, "by ada");
    }
    std::fs::remove_file(two.path("work/d1/f5")).unwrap();
    push_all(&two);
    two.other("bob", &["pull"]);
    let read = |path: &str| std::fs::read_to_string(bob.join(path)).ok();
    let [came, bobs] = ["by ada", "bob's"].map(|text| Some(text.to_owned()));
    assert_eq!([read("d1/f1"), read("d1/new")], [came.clone(), came.clone()]);
    assert_eq!([read("d1/f5"), read("d0/f0"), read("other/new")], [None, None, None]);
    assert_eq!([read("d2/new"), read("d3/f3")], [bobs.clone(), bobs.clone()]);
    let there = ada_and_bob(&two);
    assert_eq!(there[0], there[1]);
    let repo = open_real(&bob);
    let found = state(&repo);
    assert!(repo.index().unwrap().is_sparse() && found.changed.is_empty() && found.staged.len() == 2);

    // What is staged, and what was changed since, stops it.
    for path in ["d3/f3", "d1/f1"] {
        two.sandbox.write(path, format!("by ada again: {path}"));
        push_all(&two);
        let before = ada_and_bob(&two)[1];
        put(&bob, path, b"bob's");
        let error = two.other_fails("bob", 3, &["pull"]);
        assert!(error.contains("would be lost") && error.contains(path), "{error}");
        assert_eq!(read(path), bobs);
        assert_eq!(ada_and_bob(&two)[1], before);
        bring(&repo, path, None, true, false).unwrap();
        bring(&repo, path, None, false, true).unwrap();
        two.other("bob", &["pull"]);
        assert_eq!(read(path), Some(format!("by ada again: {path}")));
    }

    two.other("bob", &["commit", "-m", "Bob's"]);
    two.sandbox.write("d1/f9", "by ada at last");
    push_all(&two);
    two.other("bob", &["push", "--rebase"]);
    assert_eq!(read("d1/f9").as_deref(), Some("by ada at last"));
    assert!(state(&open_real(&bob)).is_clean());
}

/// Leaves only what a clone without files has.
pub(super) fn empty(root: &Path) {
    for entry in std::fs::read_dir(root).unwrap().map(Result::unwrap) {
        match (entry.file_name() == ".dsv", entry.file_type().unwrap().is_dir()) {
            (true, _) => std::fs::remove_dir_all(entry.path().join("index")).unwrap(),
            (false, true) => std::fs::remove_dir_all(entry.path()).unwrap(),
            (false, false) => std::fs::remove_file(entry.path()).unwrap(),
        }
    }
}

fn push_all(two: &Two) {
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Ada's"]);
    two.ok(&["push"]);
}

fn ada_and_bob(two: &Two) -> [Option<VersionId>; 2] {
    ["work", "bob"].map(|name| open_real(&two.path(name)).refs().head_version().unwrap())
}
