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
fn beside(versions: &[&[(&str, &str)]]) -> ([TempDir; 2], [Repository; 2], Vec<VersionId>) {
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
        is_lost(bring(repo, "n/under", Some(ids[0]), false, true));
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
        is_lost(bring(repo, "d/x", None, false, true));
        assert_eq!(std::fs::read(outside.path().join("x")).unwrap(), b"mine");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
        std::fs::remove_file(at("d")).unwrap();
        bring(repo, "d/x", None, false, false).unwrap();
        assert_eq!(std::fs::read(at("d/x")).unwrap(), b"2");
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
fn empty(root: &Path) {
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
