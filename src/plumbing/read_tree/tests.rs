//! The staging index and trees say the same, by whatever way one was made of the other.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{EntryKind, ObjectId, RepoPath};
use crate::plumbing::test_index::Fixture;
use crate::plumbing::tree_edit::WrittenTree;
use crate::plumbing::tree_walk::walk_all;
use crate::plumbing::write_tree::write_tree;
use crate::store::Writer;

impl Fixture {
    fn write(&self, index: &mut IndexEditor) -> WrittenTree {
        let writer = Writer::new(&self.db).unwrap();
        let tree = write_tree(index, &writer).unwrap();
        writer.finish().unwrap();
        tree
    }

    /// Files and empty directories of a tree.
    fn entries(&self, tree: &TreeId) -> BTreeMap<RepoPath, ObjectId> {
        let all = walk_all(&self.db, tree).unwrap().map(Result::unwrap);
        let is_entry = |kind: EntryKind, id: ObjectId| !kind.is_dir() || id == empty_tree().object();
        all.filter(|(_, entry)| is_entry(entry.kind, entry.id))
            .map(|(path, entry)| (path, entry.id))
            .collect()
    }
}

fn staged_entries(index: &IndexEditor) -> BTreeMap<RepoPath, ObjectId> {
    index.iter().map(|entry| entry.map(|entry| (entry.path, entry.staged.id)).unwrap()).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Set(RepoPath, u8),
    SetEmptyDirectory(RepoPath),
    RemoveAll(RepoPath),
    Write,
}

fn some_step() -> impl Strategy<Value = Step> {
    let name = prop_oneof![Just("a"), Just("a-b"), Just("b")];
    let path = proptest::collection::vec(name, 1..4)
        .prop_map(|names| RepoPath::new(names.join("/")).unwrap())
        .boxed();
    prop_oneof![
        6 => (path.clone(), any::<u8>()).prop_map(|(path, seed)| Step::Set(path, seed)),
        1 => path.clone().prop_map(Step::SetEmptyDirectory),
        3 => path.prop_map(Step::RemoveAll),
        2 => Just(Step::Write),
    ]
}

fn staged(kind: EntryKind, id: ObjectId) -> Staged {
    Staged { kind, size: u64::from(kind == EntryKind::File), id, stat: None, absent: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn an_index_and_its_tree_hold_the_same(steps in proptest::collection::vec(some_step(), 1..40)) {
        let fixture = Fixture::new();
        let mut index = fixture.index("index");
        let mut trees = vec![empty_tree()];
        for step in steps.into_iter().chain([Step::Write]) {
            match step {
                Step::Set(path, seed) => {
                    index.set(&path, staged(EntryKind::File, ObjectId::Sha256([seed; 32]))).unwrap();
                }
                Step::SetEmptyDirectory(path) => {
                    index.set(&path, staged(EntryKind::Directory, empty_tree().object())).unwrap();
                }
                Step::RemoveAll(path) => index.remove_all(&path).unwrap(),
                Step::Write => {
                    let tree = fixture.write(&mut index);
                    prop_assert_eq!(fixture.entries(&tree.id), staged_entries(&index));
                    prop_assert_eq!(diff_index(&fixture.db, Some(&tree.id), &index).unwrap(), []);
                    trees.push(tree.id);
                }
            }
        }
        // From any state to any other, with and without a known tree.
        let mut other = fixture.index("other");
        for (from, to) in trees.iter().zip(trees.iter().skip(1).rev()) {
            for tree in [from, to] {
                read_tree(&fixture.db, &mut other, tree).unwrap();
                prop_assert_eq!(fixture.write(&mut other).id, *tree);
                prop_assert_eq!(staged_entries(&other), fixture.entries(tree));
            }
        }
    }
}

#[test]
fn what_is_staged_already_keeps_its_facts() {
    let fixture = Fixture::new();
    let mut index = fixture.index("index");
    let path = |text: &str| RepoPath::new(text).unwrap();
    let facts = crate::worktree::StatFacts { mtime_ns: 1, ctime_ns: 2, inode: 3, mode: 0o644, racy: false };
    for (name, seed) in [("same", 1), ("changes", 2)] {
        let file = Staged { stat: Some(facts), ..staged(EntryKind::File, ObjectId::Sha256([seed; 32])) };
        index.set(&path(name), file).unwrap();
    }
    let first = fixture.write(&mut index);
    index.set(&path("changes"), staged(EntryKind::File, ObjectId::Sha256([9; 32]))).unwrap();
    assert_eq!(read_tree(&fixture.db, &mut index, &first.id).unwrap(), 1);
    assert_eq!(index.get(&path("same")).unwrap().unwrap().stat, Some(facts));
    assert_eq!(index.get(&path("changes")).unwrap().unwrap().stat, None);
}
