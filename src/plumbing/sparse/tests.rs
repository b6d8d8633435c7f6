//! A sparse index and a full one beside it: the same edits stage the same, make the same trees and the same differences.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::model::{EntryKind, ObjectId};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::TreeChange;
use crate::plumbing::read_tree::read_tree;
use crate::plumbing::test_index::Fixture;
use crate::plumbing::tree_edit::{Edit, apply};
use crate::plumbing::write_tree::write_tree;
use crate::store::Writer;

impl Fixture {
    fn tree(&self, files: &BTreeMap<RepoPath, u8>) -> TreeId {
        let edit = |n: &u8| match n {
            0 => Edit::empty_directory(),
            n => Edit::file(EntryKind::File, u64::from(*n), ObjectId::Sha256([*n; 32])),
        };
        // What lies below another one wins, as if it was put there later.
        let edits = files.iter().map(|(path, n)| (path.clone(), edit(n))).collect();
        let writer = Writer::new(&self.db).unwrap();
        let tree = apply(&writer, None, &edits).unwrap();
        // It is stored even when it is empty.
        apply(&writer, None, &BTreeMap::new()).unwrap();
        writer.finish().unwrap();
        tree.id
    }

    fn commit(&self, index: &mut IndexEditor) -> (TreeId, Totals) {
        let writer = Writer::new(&self.db).unwrap();
        let tree = write_tree(index, &writer).unwrap();
        writer.finish().unwrap();
        index.save().unwrap();
        (tree.id, tree.totals)
    }

    fn diff(&self, tree: &TreeId, index: &StagingIndex) -> Vec<TreeChange> {
        diff_index(&self.db, Some(tree), index).unwrap()
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn staged(n: u8) -> Staged {
    let (kind, id) = match n {
        0 => (EntryKind::Directory, empty_tree().object()),
        n => (EntryKind::File, ObjectId::Sha256([n; 32])),
    };
    Staged { kind, size: u64::from(n), id, stat: None, absent: false }
}

/// All that is staged, whether it is there or not.
fn all(db: &ObjectDb, index: &StagingIndex) -> BTreeMap<RepoPath, Staged> {
    let held = index.iter().map(Result::unwrap).map(|entry| (entry.path, entry.staged));
    let mut all: BTreeMap<_, _> = held.collect();
    let sink = &mut |path, entry: Entry| {
        assert!(all.insert(path, absent(&entry)).is_none(), "held and not checked out");
        Ok(true)
    };
    Behind::new(db, index).not_checked_out(index, &RepoPath::root(), sink).unwrap();
    all.values_mut().for_each(|staged| *staged = Staged { stat: None, absent: false, ..*staged });
    all
}

#[derive(Debug, Clone)]
enum Step {
    /// A file, or an empty directory; in the worktree or not.
    Set(String, u8, bool),
    Remove(String),
    RemoveAll(String),
    /// Back to what the tree has.
    Restore(String),
    CheckOut(String),
    Commit,
    NewBase,
    /// To another tree, which is one of two.
    ReadTree(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    let path = || "[ab](/[ab]){0,3}";
    prop_oneof![
        6 => (path(), 0u8..5, any::<bool>()).prop_map(|(at, n, there)| Step::Set(at, n, there)),
        2 => path().prop_map(Step::Remove),
        2 => "([ab](/[ab]){0,2})?".prop_map(Step::RemoveAll),
        2 => path().prop_map(Step::Restore),
        3 => path().prop_map(Step::CheckOut),
        1 => Just(Step::Commit),
        1 => Just(Step::NewBase),
        1 => any::<bool>().prop_map(Step::ReadTree),
    ]
}

fn any_files() -> impl Strategy<Value = BTreeMap<RepoPath, u8>> {
    proptest::collection::btree_map("[ab](/[ab]){0,3}".prop_map(|at| path(&at)), 0u8..5, 0..9)
}

struct Pair<'a> {
    fixture: &'a Fixture,
    sparse: IndexEditor,
    full: IndexEditor,
    /// What both stood for when they were last equal to a tree.
    tree: TreeId,
}

impl Pair<'_> {
    fn take(&mut self, step: Step, trees: &[TreeId; 2]) {
        let behind = Behind::new(&self.fixture.db, &self.sparse);
        match step {
            Step::Set(at, n, there) => {
                self.full.set(&path(&at), staged(n)).unwrap();
                let staged = Staged { absent: !there, ..staged(n) };
                behind.set(&mut self.sparse, &path(&at), staged).unwrap();
            }
            Step::Remove(at) => {
                let is_staged = behind.staged(&self.sparse, &path(&at)).unwrap().is_some();
                assert_eq!(is_staged, self.full.get(&path(&at)).unwrap().is_some());
                self.full.remove(&path(&at)).unwrap();
                if is_staged {
                    self.sparse.remove_all(&path(&at)).unwrap();
                }
            }
            Step::RemoveAll(at) => {
                self.full.remove_all(&path(&at)).unwrap();
                behind.remove_all(&mut self.sparse, &path(&at)).unwrap();
            }
            Step::Restore(at) => {
                let entry = behind.in_tree(&path(&at)).unwrap().filter(is_entry);
                let Some(wanted) = entry.as_ref().map(absent) else { return };
                self.full.set(&path(&at), Staged { absent: false, ..wanted }).unwrap();
                behind.stage_absent(&mut self.sparse, &path(&at), Some(&wanted)).unwrap();
            }
            Step::CheckOut(at) => {
                let entry = behind.entry(&self.sparse, &path(&at)).unwrap().filter(is_entry);
                if let Some(entry) = entry.filter(|_| !self.sparse.has_below(&path(&at)).unwrap()) {
                    self.sparse.set(&path(&at), Staged { absent: false, ..absent(&entry) }).unwrap();
                    behind.settle(&mut self.sparse, std::iter::once(&path(&at))).unwrap();
                    assert!(!self.sparse.is_edited(&path(&at)));
                }
            }
            Step::Commit => {
                let (tree, totals) = self.fixture.commit(&mut self.full);
                assert_eq!(self.fixture.commit(&mut self.sparse), (tree, totals));
                self.tree = tree;
            }
            Step::NewBase => {
                self.sparse.save().unwrap();
                self.reopen();
            }
            Step::ReadTree(other) => {
                let tree = trees[usize::from(other)];
                read_tree(&self.fixture.db, &mut self.full, &tree).unwrap();
                read_tree(&self.fixture.db, &mut self.sparse, &tree).unwrap();
                self.tree = tree;
            }
        }
    }

    fn reopen(&mut self) {
        let db = &self.fixture.db;
        let before = all(db, &self.sparse);
        // Only one may hold the lock.
        let other = self.fixture.index("other");
        drop(std::mem::replace(&mut self.sparse, other));
        self.sparse = self.fixture.index("sparse");
        assert_eq!(all(db, &self.sparse), before);
    }

    /// What is there and what is not checked out is all that is staged.
    fn check_totals(&self) {
        let sum = |index: &StagingIndex, counts: fn(&Staged) -> bool| {
            let staged = index.iter().map(|entry| entry.unwrap().staged).filter(counts);
            let files = staged.filter(|staged| !staged.kind.is_dir());
            files.fold(Totals::default(), |sum, s| sum.plus(Totals { files: 1, bytes: s.size }))
        };
        let here = sum(&self.sparse, |staged| !staged.absent);
        let rest = Behind::new(&self.fixture.db, &self.sparse).totals(&self.sparse).unwrap();
        assert_eq!(rest.plus(here), sum(&self.full, |_| true));
    }

    fn compare(&self, trees: &[TreeId; 2]) {
        let db = &self.fixture.db;
        let mut expected = all(db, &self.full);
        expected.values_mut().for_each(|staged| staged.stat = None);
        assert_eq!(all(db, &self.sparse), expected);
        self.check_totals();
        for tree in trees.iter().chain([&self.tree]) {
            assert_eq!(self.fixture.diff(tree, &self.sparse), self.fixture.diff(tree, &self.full));
        }
        let behind = Behind::new(db, &self.sparse);
        for at in ["a", "a/a", "b", "b/a/b", "a/b/a/b"].map(path) {
            let found = behind.staged(&self.sparse, &at).unwrap();
            assert_eq!(found.map(|s| Staged { absent: false, ..s }), self.full.get(&at).unwrap());
            let stages = self.full.get(&at).unwrap().is_some() || self.full.has_below(&at).unwrap();
            assert_eq!(behind.stages(&self.sparse, &at).unwrap(), stages, "{at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_sparse_index_stages_what_a_full_one_stages(
        files in any_files(),
        others in any_files(),
        steps in proptest::collection::vec(any_step(), 1..25),
    ) {
        let fixture = Fixture::new();
        let trees = [fixture.tree(&files), fixture.tree(&others)];
        let (mut sparse, mut full) = (fixture.index("sparse"), fixture.index("full"));
        sparse.set_sparse(trees[0]);
        read_tree(&fixture.db, &mut full, &trees[0]).unwrap();
        let mut pair = Pair { fixture: &fixture, sparse, full, tree: trees[0] };
        pair.compare(&trees);
        for step in steps {
            pair.take(step, &trees);
            pair.compare(&trees);
        }
        pair.take(Step::Commit, &trees);
        pair.compare(&trees);
    }
}

#[test]
fn a_removed_directory_is_one_edit_and_reads_nothing_below_it() {
    let fixture = Fixture::new();
    let many = (0..5_000).map(|n| (path(&format!("dir/{n:05}")), 1 + (n % 200) as u8));
    let tree = fixture.tree(&many.chain([(path("other"), 1)]).collect());
    let mut index = fixture.index("sparse");
    index.set_sparse(tree);
    let behind = Behind::new(&fixture.db, &index);
    let before = fixture.db.counters().tree_nodes.load(Ordering::Relaxed);
    behind.remove_all(&mut index, &path("dir")).unwrap();
    index.set(&path("dir/new"), staged(3)).unwrap();
    let (_, totals) = fixture.commit(&mut index);
    assert!(fixture.db.counters().tree_nodes.load(Ordering::Relaxed) - before < 5);
    assert_eq!(totals, Totals { files: 2, bytes: 4 });
    assert_eq!(index.changed_since_tree(), []);
}
