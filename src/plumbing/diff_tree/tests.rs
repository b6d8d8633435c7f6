//! A difference is exactly what differs, and costs what differs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;

use super::*;
use crate::plumbing::tree_edit::{Edit, apply};
use crate::plumbing::tree_walk::{Entries, lookup, walk_all};
use crate::store::{StoreOptions, Writer};
use crate::sys::OsFs;

struct Fixture {
    _dir: tempfile::TempDir,
    db: Arc<ObjectDb>,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let db = ObjectDb::open(Arc::new(OsFs), &dir.path().join("objects"), StoreOptions::default()).unwrap();
    Fixture { db: Arc::new(db), _dir: dir }
}

impl Fixture {
    fn tree(&self, base: Option<&TreeId>, edits: &BTreeMap<RepoPath, Edit>) -> TreeId {
        let writer = Writer::new(&self.db).unwrap();
        let tree = apply(&writer, base, edits).unwrap();
        writer.finish().unwrap();
        tree.id
    }

    fn changes(&self, old: &TreeId, new: &TreeId) -> Vec<TreeChange> {
        collect_changes(&self.db, Some(old), Some(new), DiffOptions::default()).unwrap()
    }

    fn files(&self, tree: &TreeId) -> BTreeMap<RepoPath, Entry> {
        walk_all(&self.db, tree).unwrap().map(Result::unwrap).filter(|(_, e)| !e.kind.is_dir()).collect()
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn content(seed: u64) -> Edit {
    let mut id = [1; 32];
    id[..8].copy_from_slice(&seed.to_le_bytes());
    Edit::file(EntryKind::File, seed, ObjectId::Sha256(id))
}

fn place(n: u64) -> RepoPath {
    path(&format!("{}/file-{n:06}", if n.is_multiple_of(5) { n % 300 } else { 999 }))
}

/// Many files in one folder, some in others.
fn large() -> BTreeMap<RepoPath, Edit> {
    (0..20_000).map(|n| (place(n), content(n))).collect()
}

#[test]
fn a_small_difference_of_large_trees_reads_few_nodes() {
    let f = fixture();
    let old = f.tree(None, &large());
    let edits = BTreeMap::from([
        (path("999/file-000001"), content(77)),
        (path("999/file-010002"), Edit::Remove),
        (path("999/file-0100025"), content(1)),
        (path("7/new"), content(2)),
    ]);
    let new = f.tree(Some(&old), &edits);
    let before = f.db.counters().tree_nodes.load(Relaxed);
    let changes = f.changes(&old, &new);
    let read = f.db.counters().tree_nodes.load(Relaxed) - before;
    let shown: Vec<_> =
        changes.iter().map(|c| (c.path.to_string(), c.old.is_some(), c.new.is_some())).collect();
    let expected = [
        ("7/new", false, true),
        ("999/file-000001", true, true),
        ("999/file-010002", true, false),
        ("999/file-0100025", false, true),
    ];
    assert_eq!(shown, expected.map(|(path, old, new)| (path.to_owned(), old, new)));
    assert!(read <= 24, "{read} nodes were read");
    assert!(f.changes(&new, &new).is_empty());
}

#[test]
fn directories_appear_whole_or_as_files() {
    let f = fixture();
    let old = f.tree(None, &BTreeMap::from([(path("a"), content(1)), (path("e"), Edit::empty_directory())]));
    let new = [(path("a/b/c"), content(2)), (path("a/d"), content(3)), (path("e/f"), content(4))];
    let new = f.tree(None, &BTreeMap::from(new));
    let sign = |on: bool, sign| if on { sign } else { "" };
    let shown = |options| {
        let changes = collect_changes(&f.db, Some(&old), Some(&new), options).unwrap();
        let line = |c: &TreeChange| {
            format!("{}{}{}", sign(c.old.is_some(), "-"), sign(c.new.is_some(), "+"), c.path)
        };
        changes.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(shown(DiffOptions::default()), ["-a", "+a/b/c", "+a/d", "-e", "+e/f"]);
    assert_eq!(shown(DiffOptions { whole_directories: true }), ["-+a", "-e", "+e/f"]);
    assert_eq!(collect_changes(&f.db, None, Some(&new), DiffOptions::default()).unwrap().len(), 3);
}

#[test]
fn renames_pair_equal_contents() {
    let f = fixture();
    let tree =
        |files: &[(&str, u64)]| f.tree(None, &files.iter().map(|&(p, c)| (path(p), content(c))).collect());
    let old = tree(&[("x/one", 1), ("x/two", 1), ("gone", 5), ("zero", 0)]);
    let new = tree(&[("y/two", 1), ("y/uno", 1), ("null", 0)]);
    let mut changes = f.changes(&old, &new);
    let renames: Vec<_> = take_renames(&mut changes).iter().map(|r| format!("{}>{}", r.from, r.to)).collect();
    assert_eq!(renames, ["x/two>y/two", "x/one>y/uno"]);
    assert_eq!(changes.iter().map(|c| c.path.to_string()).collect::<Vec<_>>(), ["gone", "null", "zero"]);
}

#[test]
fn lookups_and_listings() {
    let f = fixture();
    let tree = f.tree(None, &large());
    for n in [0, 1, 77, 9_999, 19_999] {
        assert_eq!(lookup(&f.db, &tree, &place(n)).unwrap().unwrap().size, n);
    }
    for missing in ["x", "999/file", "999/zzz", "999/file-000001/below"] {
        assert_eq!(lookup(&f.db, &tree, &path(missing)).unwrap(), None, "{missing}");
    }
    let folder = TreeId::new(lookup(&f.db, &tree, &path("999")).unwrap().unwrap().id);
    let start = EntryName::new("file-010001").unwrap();
    let all: Vec<_> = Entries::new(&f.db, &folder, None).unwrap().map(Result::unwrap).collect();
    let from: Vec<_> = Entries::new(&f.db, &folder, Some(&start)).unwrap().map(Result::unwrap).collect();
    assert_eq!(from[0].name, start);
    assert_eq!(from, all[all.len() - from.len()..]);
    assert!(all.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(f.files(&tree).len(), 20_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_difference_is_what_differs(
        base in proptest::collection::btree_map(0u32..3000, 0u64..5, 0..1500),
        edits in proptest::collection::btree_map(0u32..3000, proptest::option::of(0u64..5), 0..60),
    ) {
        let f = fixture();
        let folder = |n: u32| if n.is_multiple_of(3) { "a" } else { "b/c" };
        let at = |n: u32| path(&format!("{}/{}{n}", folder(n), "x".repeat(n as usize % 7)));
        let old = f.tree(None, &base.iter().map(|(&n, &c)| (at(n), content(c))).collect());
        let edits = edits.iter().map(|(&n, c)| (at(n), c.map_or(Edit::Remove, content))).collect();
        let new = f.tree(Some(&old), &edits);
        let (before, after) = (f.files(&old), f.files(&new));
        let mut expected = BTreeMap::new();
        for at in before.keys().chain(after.keys()) {
            if before.get(at) != after.get(at) {
                expected.insert(at.clone(), (before.get(at).cloned(), after.get(at).cloned()));
            }
        }
        let file = |entry: &Option<Entry>| entry.as_ref().is_none_or(|e| !e.kind.is_dir());
        let found = f.changes(&old, &new).into_iter().filter(|c| file(&c.old) && file(&c.new));
        prop_assert_eq!(found.map(|c| (c.path, (c.old, c.new))).collect::<BTreeMap<_, _>>(), expected);
    }
}

#[test]
fn many_equal_files_are_paired_at_once() {
    const FILES: usize = 40_000;
    let entry = |name: String| Entry {
        name: EntryName::new(name).unwrap(),
        kind: EntryKind::File,
        size: 1,
        files: 1,
        id: ObjectId::Sha256([1; 32]),
    };
    let change = |folder: &str, number: usize, old: bool| {
        let entry = entry(format!("{folder}-{number:06}"));
        let path = RepoPath::new(folder).unwrap().join(&entry.name);
        let (old, new) = if old { (Some(entry), None) } else { (None, Some(entry)) };
        TreeChange { path, old, new }
    };
    let gone = (0..FILES).map(|number| change("a", number, true));
    let mut changes: Vec<_> = gone.chain((0..FILES).map(|number| change("b", number, false))).collect();
    let began = std::time::Instant::now();
    let renames = take_renames(&mut changes);
    assert_eq!((renames.len(), changes.len()), (FILES, 0));
    assert!(renames.iter().all(|rename| rename.from.to_string()[4..] == rename.to.to_string()[4..]));
    // Comparing each with each takes a minute.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}
