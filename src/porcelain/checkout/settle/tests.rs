#![expect(clippy::disallowed_methods, reason = "prepares files behind the back of the code under test")]

use std::ffi::OsString;

use super::super::{Options, Wanted, fill, run};
use super::*;
use crate::model::{ErrorKind, Head};
use crate::plumbing::Writer;
use crate::plumbing::tree_edit::{Edit, apply as edit_tree};
use crate::plumbing::tree_walk::lookup;
use crate::porcelain::{Environment, add, commit, init};
use crate::worktree::StagingIndex;

/// A repository with a version of `a`, `b`, `d/x` and `d/y`, all of which are in the worktree.
struct Fixture {
    folder: tempfile::TempDir,
    repo: Repository,
    tree: TreeId,
}

const FILES: [&str; 4] = ["a", "b", "d/x", "d/y"];

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = Environment::system(folder.path());
        init::run(&env, &init::Options::default(), &Monitor::quiet()).unwrap();
        let repo = Repository::open(env, folder.path()).unwrap();
        let mut fixture = Self { folder, repo, tree: empty_tree() };
        FILES.iter().for_each(|path| fixture.put(path, path));
        fixture.tree = fixture.commit(".");
        fixture
    }

    /// The same, of which nothing is in the worktree.
    fn empty() -> Self {
        let fixture = Self::new();
        let version = fixture.repo.refs().head_version().unwrap();
        let head = Head::Detached(version.unwrap());
        let options = Options { head, version, create: false, force: false, sparse: Some(Wanted::default()) };
        run(&fixture.repo, &options, &Monitor::quiet()).unwrap();
        FILES.iter().for_each(|path| std::fs::remove_file(fixture.folder.path().join(path)).unwrap());
        std::fs::remove_dir(fixture.folder.path().join("d")).unwrap();
        let mut index = fixture.repo.edit_index(&Monitor::quiet()).unwrap();
        FILES.iter().for_each(|path| index.forget(&self::path(path)));
        index.save().unwrap();
        drop(index);
        fixture
    }

    fn put(&self, path: &str, text: &str) {
        let full = self.folder.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }

    fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join(path)).ok()
    }

    fn has(&self, path: &str) -> bool {
        self.folder.path().join(path).symlink_metadata().is_ok()
    }

    fn add(&self, what: &str) {
        let paths = vec![self.folder.path().join(what).into_os_string()];
        add::run(&self.repo, &add::Options { paths, ..Default::default() }, &Monitor::quiet()).unwrap();
    }

    fn commit(&self, what: &str) -> TreeId {
        self.add(what);
        let options = commit::Options { message: Some("Step".to_owned()), ..Default::default() };
        commit::run(&self.repo, &options, &Monitor::quiet()).unwrap().version.tree
    }

    /// The tree of the version with the texts of these paths changed; without one it goes.
    fn tree(&self, changes: &[(&str, Option<&str>)]) -> TreeId {
        let writer = Writer::new(self.repo.db()).unwrap();
        let edit = |(path, text): &(&str, Option<&str>)| {
            let edit = text.map_or(Edit::Remove, |text| {
                let blob = writer.put_small_blob(text.as_bytes(), &mut writer.compressor().unwrap()).unwrap();
                Edit::file(crate::model::EntryKind::File, text.len() as u64, blob.object())
            });
            (self::path(path), edit)
        };
        let tree = edit_tree(&writer, Some(&self.tree), &changes.iter().map(edit).collect()).unwrap();
        writer.finish().unwrap();
        tree.id
    }

    fn settle(&self, to: TreeId) -> Result<CheckoutStats, Error> {
        let mut index = self.repo.edit_index(&Monitor::quiet()).unwrap();
        settle(&self.repo, &mut index, to, &Monitor::quiet())
    }

    fn index(&self) -> StagingIndex {
        self.repo.index().unwrap()
    }

    /// Demands that exactly this is staged.
    fn assert_staged(&self, tree: TreeId) {
        let index = self.index();
        assert_eq!(index.known_tree(), Some(tree));
        assert_eq!(diff_index(self.repo.db(), not_empty(&tree), &index).unwrap(), []);
        assert_eq!(Wanted::read(&self.repo).unwrap().is_some(), index.is_sparse());
    }

    /// The names and lengths of what the index consists of.
    fn index_files(&self) -> Vec<(OsString, u64)> {
        let entries = std::fs::read_dir(self.repo.layout().index()).unwrap().map(Result::unwrap);
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name(), entry.metadata().unwrap().len())).collect();
        files.sort();
        files
    }

    /// The paths at which the worktree is not what is staged.
    fn unstaged(&self) -> Vec<RepoPath> {
        let status =
            crate::porcelain::status::run(&self.repo, &Default::default(), &Monitor::quiet()).unwrap();
        let changed = status.changed.into_iter().map(|(path, ..)| path);
        changed.chain(status.untracked.into_iter().map(|untracked| untracked.path)).collect()
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn is_lost<T: std::fmt::Debug>(done: Result<T, Error>) {
    assert_eq!(done.unwrap_err().kind(), ErrorKind::WouldOverwrite);
}

#[test]
fn an_equal_tree_is_nothing_to_do() {
    let f = Fixture::new();
    let before = f.index_files();
    assert_eq!(f.settle(f.tree).unwrap(), CheckoutStats::default());
    assert_eq!(f.index_files(), before);
    assert!(!f.index().is_sparse());
    f.assert_staged(f.tree);
}

#[test]
fn a_full_worktree_becomes_sparse_when_something_is_not_there() {
    let f = Fixture::new();
    let to = f.tree(&[("new/one", Some("1")), ("c", Some("2")), ("d/z", Some("3"))]);
    assert_eq!(f.settle(to).unwrap(), CheckoutStats::default());
    assert!(f.index().is_sparse());
    f.assert_staged(to);
    assert!(!f.has("new") && !f.has("c") && !f.has("d/z"));
    assert_eq!(f.text("d/x").unwrap(), "d/x");
    assert_eq!(f.unstaged(), []);
    // The files come when they are asked for.
    fill(&f.repo, false, &Monitor::quiet()).unwrap();
    assert_eq!(f.text("new/one").unwrap(), "1");
    assert!(!f.index().is_sparse());
    f.assert_staged(to);
}

#[test]
fn a_full_index_is_not_written_anew() {
    let f = Fixture::new();
    let mut index = f.repo.edit_index(&Monitor::quiet()).unwrap();
    index.set_full(f.tree, []);
    index.save().unwrap();
    drop(index);
    let before = f.index_files();
    f.settle(f.tree(&[("new/one", Some("1"))])).unwrap();
    let after = f.index_files();
    let base = |files: &[(OsString, u64)]| {
        files.iter().find(|(name, _)| name.to_string_lossy().ends_with(".idx")).cloned().unwrap()
    };
    assert_eq!(base(&before), base(&after));
    let journal = |files: &[(OsString, u64)]| files.iter().find(|(name, _)| name == "journal").unwrap().1;
    assert!(journal(&after) < journal(&before) + 100, "{before:?} {after:?}");
}

#[test]
fn a_full_worktree_stays_full_when_nothing_is_away() {
    let f = Fixture::new();
    let to = f.tree(&[("a", Some("other")), ("d/x", None), ("b", None)]);
    let stats = f.settle(to).unwrap();
    assert_eq!((stats.written, stats.removed), (1, 2));
    assert!(!f.index().is_sparse());
    f.assert_staged(to);
    assert_eq!(f.text("a").unwrap(), "other");
    assert!(!f.has("b") && !f.has("d/x") && f.has("d/y"));
    assert_eq!(f.unstaged(), []);
}

#[test]
fn what_is_there_is_brought_to_the_tree_and_what_is_not_stays_away() {
    let f = Fixture::new();
    let to = f.tree(&[("a", None), ("a/deep", Some("1")), ("d", Some("file")), ("b", Some("2"))]);
    f.settle(to).unwrap();
    assert!(f.index().is_sparse());
    f.assert_staged(to);
    // The file went since a folder is there now, and the folder since a file is.
    assert!(!f.has("a") && !f.has("d"));
    assert_eq!(f.text("b").unwrap(), "2");
    assert_eq!(f.unstaged(), []);
}

#[test]
fn an_empty_worktree_stays_empty() {
    let f = Fixture::empty();
    let to = f.tree(&[("a", Some("other")), ("d/x", None), ("new", Some("1"))]);
    assert_eq!(f.settle(to).unwrap(), CheckoutStats::default());
    f.assert_staged(to);
    assert!(FILES.iter().all(|path| !f.has(path)));
    f.settle(empty_tree()).unwrap();
    f.assert_staged(empty_tree());
}

#[test]
fn what_a_sparse_worktree_holds_follows() {
    let f = Fixture::new();
    let first = f.tree(&[("new", Some("1"))]);
    f.settle(first).unwrap();
    let to = f.tree(&[("a", Some("other")), ("d", None), ("e", Some("2")), ("new", Some("3"))]);
    f.settle(to).unwrap();
    f.assert_staged(to);
    assert_eq!(f.text("a").unwrap(), "other");
    assert_eq!(f.text("b").unwrap(), "b");
    assert!(!f.has("d") && !f.has("e") && !f.has("new"));
    assert_eq!(f.unstaged(), []);
}

#[test]
fn what_is_not_committed_is_not_lost() {
    let f = Fixture::new();
    f.put("a", "mine");
    f.put("new", "mine");
    f.put("d/x", "mine");
    let before = f.index_files();
    for changes in [
        [("a", Some("other")), ("z", Some("1"))],
        [("a", None), ("z", Some("1"))],
        [("new", Some("other")), ("z", Some("1"))],
        [("new/below", Some("other")), ("z", Some("1"))],
        [("d", Some("file")), ("z", Some("1"))],
    ] {
        is_lost(f.settle(f.tree(&changes)));
        assert_eq!(f.index_files(), before, "{changes:?}");
    }
    assert_eq!(Wanted::read(&f.repo).unwrap(), None);
    assert_eq!(f.text("a").unwrap(), "mine");
    // What is the same in both, or what is to come there, is in nobody's way.
    f.put("a", "a");
    f.settle(f.tree(&[("new", Some("mine")), ("z", Some("1"))])).unwrap();
    assert_eq!(f.text("d/x").unwrap(), "mine");
    assert!(f.index().get(&path("new")).unwrap().is_some());
}

#[test]
fn what_was_never_staged_is_as_if_it_were_nothing() {
    let f = Fixture::empty();
    std::fs::remove_dir_all(f.repo.layout().index()).unwrap();
    f.settle(f.tree).unwrap();
    f.assert_staged(f.tree);
}

#[test]
fn what_lies_in_an_empty_worktree_is_not_lost() {
    let f = Fixture::empty();
    f.put("a", "mine");
    f.put("d/x", "d/x");
    f.put("new/below", "mine");
    for changes in [[("a", Some("other"))], [("a", None)], [("new", Some("file"))], [("new/below", Some(""))]]
    {
        is_lost(f.settle(f.tree(&changes)));
    }
    // What is as the old tree has it goes with it.
    let to = f.tree(&[("d", None), ("z", Some("1"))]);
    f.settle(to).unwrap();
    assert!(!f.has("d"));
    assert_eq!(f.text("a").unwrap(), "mine");
    f.settle(f.tree(&[("a", Some("mine"))])).unwrap();
    assert!(f.index().get(&path("a")).unwrap().is_some());
}

#[test]
fn what_lies_among_many_is_found() {
    let f = Fixture::new();
    f.put("d/17", "mine");
    let names: Vec<String> = (0..100).map(|number| format!("d/{number}")).collect();
    let to = f.tree(&names.iter().map(|name| (name.as_str(), Some("1"))).collect::<Vec<_>>());
    is_lost(f.settle(to));
    f.put("d/17", "1");
    f.settle(to).unwrap();
    f.assert_staged(to);
    assert!(f.index().get(&path("d/17")).unwrap().is_some());
    assert!(!f.has("d/18"));
}

#[test]
fn what_is_staged_only_is_refused() {
    let f = Fixture::new();
    f.put("a", "mine");
    f.add("a");
    is_lost(f.settle(f.tree(&[("z", Some("1"))])));
    is_lost(f.settle(f.tree));
}

#[test]
fn an_index_that_lost_its_tree_is_compared_with_the_version() {
    let f = Fixture::new();
    std::fs::remove_dir_all(f.repo.layout().index()).unwrap();
    let mut index = f.repo.edit_index(&Monitor::quiet()).unwrap();
    for name in FILES {
        let entry = lookup(f.repo.db(), &f.tree, &path(name)).unwrap().unwrap();
        index.set(&path(name), Staged { absent: false, ..absent(&entry) }).unwrap();
    }
    assert_eq!(index.known_tree(), None);
    index.save().unwrap();
    drop(index);
    let to = f.tree(&[("z", Some("1"))]);
    f.settle(to).unwrap();
    f.assert_staged(to);
    assert_eq!(f.unstaged(), []);
    assert!(f.has("a"));
}
