//! What is not checked out is known by its path all the same, and what is not here at all is not asked for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use dsv::codec::tree::TreeNode;
use dsv::model::{Entry, EntryKind, EntryName, ErrorKind, Expected, ObjectId, Totals, Version, VersionId};
use dsv::plumbing::tree_walk::Entries;
use dsv::porcelain::{Error, Repository, checkout, diff, log, status};
use dsv::store::Writer;
use tempfile::TempDir;

use super::safety::{beside, empty};
use super::{add_paths, bring, go, make_version, put, remove, rename, staged_changes, state, visit, want};
use crate::support::repo::{create, monitor, open_real, worktree};
use crate::support::scratch;

fn look(repo: &Repository, path: &str) -> Result<status::Outcome, Error> {
    let options = status::Options { paths: vec![repo.root().join(path).into()], ..Default::default() };
    status::run(repo, &options, &monitor())
}

fn compare(repo: &Repository, path: &str) -> Result<diff::Outcome, Error> {
    let options = diff::Options { paths: vec![repo.root().join(path).into()], ..Default::default() };
    diff::run(repo, &options, &monitor())
}

fn history(repo: &Repository, path: &str) -> Result<log::Outcome, Error> {
    let paths = vec![repo.repo_path(&repo.root().join(path)).unwrap()];
    log::run(repo, &log::Options { paths, ..Default::default() }, &monitor())
}

#[test]
fn what_is_not_checked_out_is_known_by_its_path() {
    let (_folders, repos, _) = beside(&[&[("a", "1"), ("dir/b", "2"), ("dir/sub/c", "3")]]);
    for repo in &repos {
        // The folder has a new name that no version knows.
        rename(repo, "dir", "new").unwrap();
        for path in ["a", "new", "new/b", "new/sub"] {
            history(repo, path).unwrap();
        }
        for path in ["a", "new/b", "new/s*", "new", "*"] {
            look(repo, path).unwrap();
            compare(repo, path).unwrap();
            bring(repo, path, None, false, false).unwrap();
        }
        for path in ["x", "new/x", "x*", "new/x*", "dir/*"] {
            let removed = remove(repo, path, true, false).map(drop);
            let brought = bring(repo, path, None, false, false).map(drop);
            for done in [removed, brought] {
                assert_eq!(done.unwrap_err().kind(), ErrorKind::NotFound, "{path}");
            }
        }
        assert_eq!(look(repo, "x").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(compare(repo, "x").unwrap_err().kind(), ErrorKind::NotFound);
        remove(repo, "new/*", true, false).unwrap();
        remove(repo, "a", true, false).unwrap();
    }
    assert_eq!(staged_changes(&repos[0], None), staged_changes(&repos[1], None));
}

#[test]
fn what_is_wanted_may_have_any_name() {
    let name = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let names = [name(b"caf\xe9"), name(b"two\nlines"), name(b"other")];
    let folder = scratch();
    let repo = create(folder.path());
    names.iter().for_each(|name| std::fs::write(folder.path().join(name), "1").unwrap());
    add_paths(&repo, &["."]);
    make_version(&repo, false).unwrap();
    empty(folder.path());
    let repo = open_real(folder.path());
    let wanted = names[..2].to_vec();
    want(&repo, wanted.clone(), false).unwrap();
    assert_eq!(checkout::Wanted::read(&repo).unwrap().unwrap().patterns, wanted);
    let there: Vec<_> = worktree(folder.path()).into_keys().map(OsString::from).collect();
    assert_eq!(there, wanted);
    for bad in ["../out", "a/../b", "/etc", "x/[*"] {
        let error = go(&repo, &[bad], false).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidPath | ErrorKind::Usage), "{bad}: {error}");
    }
    assert_eq!(checkout::Wanted::read(&repo).unwrap().unwrap().patterns, wanted);
}

/// Two versions of a dataset with a directory `far` of which nothing but its id is here, as may be in a clone of a part, and
/// a sparse worktree at the second one.
fn with_a_part_elsewhere() -> (TempDir, Repository, [VersionId; 2]) {
    let folder = scratch();
    let repo = create(folder.path());
    let [first, second] = ["1", "2"].map(|text| {
        put(folder.path(), "near/a", text.as_bytes());
        put(folder.path(), "near/b", b"always");
        add_paths(&repo, &["."]);
        make_version(&repo, false).unwrap()
    });
    let new_first = with_far(&repo, first, Vec::new());
    let new_second = with_far(&repo, second, vec![new_first]);
    let lock = repo.lock_refs(&monitor()).unwrap();
    let (name, note) = ("cats".parse().unwrap(), repo.note("far").unwrap());
    repo.refs().update(&lock, &name, Expected::Is(second), Some(new_second), &note).unwrap();
    drop(lock);
    empty(folder.path());
    let repo = open_real(folder.path());
    go(&repo, &[], false).unwrap();
    (folder, repo, [new_first, new_second])
}

/// A version with one more directory than another one.
fn with_far(repo: &Repository, id: VersionId, parents: Vec<VersionId>) -> VersionId {
    let version = repo.db().version(&id).unwrap();
    let far = Entry {
        name: EntryName::new("far").unwrap(),
        kind: EntryKind::Directory,
        size: 5_000,
        files: 40,
        id: ObjectId::Sha256([7; 32]),
    };
    // It comes before the others.
    let others = Entries::new(repo.db(), &version.tree, None).unwrap().map(Result::unwrap);
    let entries: Vec<Entry> = [far].into_iter().chain(others).collect();
    let totals = entries.iter().map(Entry::totals).fold(Totals::default(), Totals::plus);
    let writer = Writer::new(repo.db()).unwrap();
    let tree = writer.put_tree_node(&TreeNode::Leaf(entries), &mut writer.compressor().unwrap()).unwrap();
    let id = writer.put_version(&Version { tree, totals, parents, ..version }).unwrap();
    writer.finish().unwrap();
    id
}

#[test]
fn what_is_not_here_is_not_asked_for() {
    let (folder, repo, ids) = with_a_part_elsewhere();
    let root = folder.path();
    let files = |repo: &Repository| repo.head_version().unwrap().unwrap().1.totals.files;
    assert!(state(&repo).is_clean());
    assert_eq!(state(&repo).not_checked_out.map(|totals| totals.files), Some(42));

    bring(&repo, "near", None, false, false).unwrap();
    put(root, "near/a", b"3");
    put(root, "new", b"3");
    assert_eq!(compare(&repo, ".").unwrap().changes.len(), 1);
    assert_eq!(look(&repo, "near").unwrap().changed.len(), 1);
    add_paths(&repo, &["."]);
    rename(&repo, "near/b", "near/c").unwrap();
    remove(&repo, "new", true, false).unwrap();
    add_paths(&repo, &["new"]);
    bring(&repo, "new", None, true, false).unwrap();
    add_paths(&repo, &["."]);
    make_version(&repo, false).unwrap();
    assert_eq!(files(&repo), 43);
    assert!(state(&repo).is_clean());
    remove(&repo, "near", false, false).unwrap();
    make_version(&repo, false).unwrap();
    assert_eq!(files(&repo), 41);

    // Other versions are as far away as they differ.
    for id in ids {
        visit(&repo, id, false).unwrap();
        assert!(state(&repo).is_clean());
        bring(&repo, "near/a", None, false, false).unwrap();
        go(&repo, &["near/*"], false).unwrap();
    }
    bring(&repo, "near/a", Some(ids[0]), false, false).unwrap();
    assert_eq!(std::fs::read(root.join("near/a")).unwrap(), b"1");
    assert_eq!(staged_changes(&repo, None).len(), 1);

    // Whoever asks for it is told, and nothing changes.
    for done in [
        bring(&repo, "far", None, false, false).map(drop),
        checkout::fill(&repo, false, &monitor()).map(drop),
    ] {
        done.unwrap_err();
        assert!(repo.index().unwrap().is_sparse() && !root.join("far").exists());
        assert_eq!(staged_changes(&repo, None).len(), 1);
    }
}
