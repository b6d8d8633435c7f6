//! Whatever way a tree is made, it is the one that the format's rules give for its entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use sha2::{Digest, Sha256};

use super::*;
use crate::codec::boundary::{MASK, MAX_ITEMS, MIN_ITEMS, name_hash};
use crate::codec::tree::ChildNode;
use crate::codec::tree::TreeNode;
use crate::model::{EntryName, RepoPath};
use crate::store::{ObjectDb, StoreOptions};
use crate::sys::OsFs;

struct Fixture {
    _dir: tempfile::TempDir,
    db: Arc<ObjectDb>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        let db = ObjectDb::open(Arc::new(OsFs), &objects, StoreOptions::default()).unwrap();
        Self { db: Arc::new(db), _dir: dir }
    }

    fn write<T>(&self, work: impl FnOnce(&Writer) -> T) -> T {
        let writer = Writer::new(&self.db).unwrap();
        let result = work(&writer);
        writer.finish().unwrap();
        result
    }

    fn apply(&self, base: Option<&TreeId>, edits: &BTreeMap<RepoPath, Edit>) -> WrittenTree {
        self.write(|writer| apply(writer, base, edits).unwrap())
    }

    fn nodes_read(&self) -> u64 {
        self.db.counters().tree_nodes.load(Ordering::Relaxed)
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn file(seed: u64) -> Edit {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&seed.to_le_bytes());
    let kind = if seed.is_multiple_of(5) { EntryKind::Executable } else { EntryKind::File };
    Edit::file(kind, seed % 1000, ObjectId::Sha256(id))
}

/// What a dataset is: files and empty directories, none below another.
#[derive(Debug, Clone, Default)]
struct Flat(BTreeMap<RepoPath, Edit>);

impl Flat {
    fn apply(&mut self, path: &RepoPath, edit: Edit) {
        self.0.retain(|known, _| !known.starts_with(path));
        if let Edit::Set { .. } = edit {
            self.0.retain(|known, _| !path.starts_with(known));
            self.0.insert(path.clone(), edit);
        }
    }

    /// The tree, made level by level as `docs/format.md` says, and every node of it.
    fn reference(&self, nodes: &mut BTreeSet<TreeId>) -> WrittenTree {
        let below = self.0.iter().map(|(path, edit)| (path.components().collect(), *edit)).collect();
        reference_directory(below, nodes)
    }

    /// The same by [`TreeBuilder`].
    fn build(&self, writer: &Writer) -> WrittenTree {
        let mut dirs: BTreeMap<Vec<EntryName>, Vec<Entry>> = BTreeMap::new();
        for (path, edit) in &self.0 {
            let dir = path.parent().unwrap().components().collect();
            dirs.entry(dir).or_default().push(entry(path.name().unwrap(), *edit));
        }
        let mut builder = TreeBuilder::new(writer).unwrap();
        for (dir, mut entries) in dirs.into_iter().rev() {
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            let dir = dir.iter().fold(RepoPath::root(), |path, name| path.join(name));
            builder.directory::<TreeError>(dir.as_bytes(), entries.into_iter().map(Ok)).unwrap();
        }
        builder.finish().unwrap()
    }
}

fn entry(name: EntryName, edit: Edit) -> Entry {
    let Edit::Set { kind, size, files, id } = edit else { panic!("no entry") };
    Entry { name, kind, size, files, id }
}

type Below = Vec<(Vec<EntryName>, Edit)>;

fn reference_directory(below: Below, nodes: &mut BTreeSet<TreeId>) -> WrittenTree {
    let mut names: BTreeMap<EntryName, Below> = BTreeMap::new();
    for (mut path, edit) in below {
        let name = path.remove(0);
        names.entry(name).or_default().push((path, edit));
    }
    let mut entries = Vec::new();
    for (name, below) in names {
        entries.push(match below.as_slice() {
            [(path, edit)] if path.is_empty() => {
                if *edit == Edit::empty_directory() {
                    nodes.insert(id_of(&TreeNode::empty()));
                }
                entry(name, *edit)
            }
            _ => reference_directory(below, nodes).entry(name),
        });
    }
    let leaves = cut(entries, 0, |entry| &entry.name).into_iter().map(TreeNode::Leaf);
    let mut level: Vec<TreeNode> = leaves.collect();
    for number in 1.. {
        nodes.extend(level.iter().map(id_of));
        if level.len() <= 1 {
            break;
        }
        let children = level.iter().map(child_of).collect();
        let inner = |children| TreeNode::Inner { level: number, children };
        level = cut(children, number, |child: &ChildNode| &child.first).into_iter().map(inner).collect();
    }
    let root = level.pop().unwrap_or(TreeNode::empty());
    nodes.insert(id_of(&root));
    WrittenTree { id: id_of(&root), totals: root.totals() }
}

fn cut<T>(items: Vec<T>, level: u8, name: impl Fn(&T) -> &EntryName) -> Vec<Vec<T>> {
    let mut nodes = vec![Vec::new()];
    for item in items {
        let hash = name_hash(name(&item).as_bytes(), level);
        let node = nodes.last_mut().unwrap();
        node.push(item);
        if (node.len() >= MIN_ITEMS && hash & MASK == 0) || node.len() == MAX_ITEMS {
            nodes.push(Vec::new());
        }
    }
    nodes.retain(|node| !node.is_empty());
    nodes
}

fn child_of(node: &TreeNode) -> ChildNode {
    let first = match node {
        TreeNode::Leaf(entries) => entries[0].name.clone(),
        TreeNode::Inner { children, .. } => children[0].first.clone(),
    };
    ChildNode { first, entries: node.entry_count(), totals: node.totals(), id: id_of(node) }
}

fn id_of(node: &TreeNode) -> TreeId {
    TreeId::from_bytes(Sha256::digest(node.encode()).into())
}

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[test]
fn an_empty_tree_has_one_id() {
    let fixture = Fixture::new();
    let empty = WrittenTree { id: empty_tree(), totals: Totals::default() };
    assert_eq!(fixture.apply(None, &BTreeMap::new()), empty);
    assert_eq!(fixture.write(|writer| TreeBuilder::new(writer).unwrap().finish().unwrap()), empty);
    assert_eq!(Flat::default().reference(&mut BTreeSet::new()), empty);
    assert_eq!(fixture.db.tree_node(&empty.id).unwrap(), TreeNode::empty());
}

#[test]
fn directories_come_and_go_as_documented() {
    let fixture = Fixture::new();
    let step = |base: &WrittenTree, edits: &[(&str, Edit)]| {
        fixture.apply(Some(&base.id), &edits.iter().map(|(p, edit)| (path(p), *edit)).collect())
    };
    let tree_of = |entries: &[(&str, Edit)]| {
        Flat(entries.iter().map(|(p, edit)| (path(p), *edit)).collect()).reference(&mut BTreeSet::new())
    };
    let base = fixture.apply(None, &BTreeMap::from([(path("a/b/c"), file(1)), (path("d"), file(2))]));
    assert_eq!(base, tree_of(&[("a/b/c", file(1)), ("d", file(2))]));
    // What held nothing else goes with its last entry, and so do directories above.
    assert_eq!(step(&base, &[("a/b/c", Edit::Remove)]), tree_of(&[("d", file(2))]));
    // An empty directory is kept where it is set, and goes when something is put into it.
    let kept = step(&base, &[("a/b", Edit::empty_directory())]);
    assert_eq!(kept, tree_of(&[("a/b", Edit::empty_directory()), ("d", file(2))]));
    assert_eq!(step(&kept, &[("a/b/nothing", Edit::Remove)]), kept);
    let filled = step(&kept, &[("a/b/x", file(3))]);
    assert_eq!(step(&filled, &[("a/b/x", Edit::Remove)]), tree_of(&[("d", file(2))]));
    // A file where a directory is, and the other way round.
    assert_eq!(step(&base, &[("a", file(4))]), tree_of(&[("a", file(4)), ("d", file(2))]));
    let below_file = step(&base, &[("d/e", file(5))]);
    assert_eq!(below_file, tree_of(&[("a/b/c", file(1)), ("d/e", file(5))]));
    assert_eq!(step(&base, &[("d/e", Edit::Remove)]), base);
    // A directory's own edit comes before those below it.
    let moved = step(&base, &[("a", Edit::Remove), ("a/n", file(6)), ("d", Edit::tree(below_file))]);
    let expected = [("a/n", file(6)), ("d/a/b/c", file(1)), ("d/d/e", file(5))];
    assert_eq!(moved, tree_of(&expected));
    // The root can be replaced by a directory only.
    assert_eq!(step(&base, &[("", Edit::Remove)]).id, empty_tree());
    assert_eq!(step(&moved, &[("", Edit::tree(base)), ("a/b/c", file(1))]), base);
    let writer = Writer::new(&fixture.db).unwrap();
    let refused = apply(&writer, None, &BTreeMap::from([(RepoPath::root(), file(1))]));
    assert!(matches!(refused, Err(TreeError::RootIsNoEntry)));
}

#[test]
fn disorder_is_refused() {
    let fixture = Fixture::new();
    let writer = Writer::new(&fixture.db).unwrap();
    let entries = |names: &[&str]| -> Vec<Result<Entry, TreeError>> {
        names.iter().map(|name| Ok(entry(EntryName::new(*name).unwrap(), file(1)))).collect()
    };
    for wrong in [["b", "a"], ["a", "a"]] {
        assert!(matches!(build_directory(&writer, entries(&wrong)), Err(TreeError::OutOfOrder { .. })));
    }
    let mut builder = TreeBuilder::new(&writer).unwrap();
    builder.directory(b"a/x", entries(&["b"])).unwrap();
    assert!(matches!(builder.directory(b"a/x", entries(&["b"])), Err(TreeError::OutOfOrder { .. })));
    assert!(matches!(builder.directory(b"b", entries(&["b"])), Err(TreeError::OutOfOrder { .. })));
    // A file and a directory of one name.
    match builder.directory(b"a", entries(&["w", "x"])) {
        Err(TreeError::OutOfOrder { path }) => assert_eq!(path.to_string(), "a/x"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_large_directory_is_what_its_entries_say_after_any_edits() {
    let fixture = Fixture::new();
    let mut rng = Rng(1);
    let mut flat = Flat::default();
    let name = |number: u64| path(&format!("big/{:08x}", number.wrapping_mul(0x9e37_79b1) as u32));
    for number in 0..24_000 {
        flat.0.insert(name(number), file(number));
    }
    let mut tree = fixture.write(|writer| flat.build(writer));
    for round in 0..24 {
        let mut edits = BTreeMap::new();
        for _ in 0..rng.below(30) {
            let at = rng.below(30_000);
            edits.insert(name(at), if rng.below(2) == 0 { file(rng.next()) } else { Edit::Remove });
        }
        let paths: Vec<_> = flat.0.keys().cloned().collect();
        let from = rng.below(paths.len() as u64) as usize;
        let len = rng.below(if round % 3 == 0 { 12_000 } else { 300 }) as usize;
        edits.extend(paths.iter().skip(from).take(len).map(|path| (path.clone(), Edit::Remove)));
        if round % 8 == 7 {
            edits.extend((0..24_000).map(|number| (name(number), file(number))));
        }
        for (path, edit) in &edits {
            match edit {
                Edit::Remove => flat.0.remove(path),
                edit => flat.0.insert(path.clone(), *edit),
            };
        }
        tree = fixture.apply(Some(&tree.id), &edits);
        let mut nodes = BTreeSet::new();
        assert_eq!(tree, flat.reference(&mut nodes), "round {round}");
        for id in nodes {
            fixture.db.tree_node(&id).unwrap();
        }
    }
}

/// Removing all but the end of a list leaves what was the last, short node of each level.
#[test]
fn only_the_end_of_a_large_directory_remains() {
    let fixture = Fixture::new();
    let all: Vec<_> = (0..20_000).map(|number| (path(&format!("{number:05}")), file(number))).collect();
    let tree = fixture.apply(None, &all.iter().cloned().collect());
    for keep in [1, 2, 40, 100, 150, 300, 700, 2000, 9000] {
        let edits = all[..all.len() - keep].iter().map(|(path, _)| (path.clone(), Edit::Remove)).collect();
        let rest = Flat(all[all.len() - keep..].iter().cloned().collect());
        let expected = rest.reference(&mut BTreeSet::new());
        assert_eq!(fixture.apply(Some(&tree.id), &edits), expected, "{keep}");
    }
}

#[test]
fn one_edit_costs_a_path_of_nodes() {
    let fixture = Fixture::new();
    let flat = Flat((0..60_000).map(|n| (path(&format!("d{}/{n:06}", n % 3)), file(n))).collect());
    let tree = fixture.write(|writer| flat.build(writer));
    for at in [0, 1, 29_998, 31_000, 59_999] {
        let edits = BTreeMap::from([(path(&format!("d1/{at:06}")), file(77_777))]);
        let before = fixture.nodes_read();
        let writer = Writer::new(&fixture.db).unwrap();
        apply(&writer, Some(&tree.id), &edits).unwrap();
        let read = fixture.nodes_read() - before;
        assert!(read <= 8, "{read} nodes read");
        let written = writer.finish().unwrap();
        assert!(written.records <= 8, "{} nodes written", written.records);
    }
    let again = Writer::new(&fixture.db).unwrap();
    assert_eq!(flat.build(&again), tree);
    assert_eq!(again.finish().unwrap().records, 0, "nothing is stored twice");
}

#[test]
fn the_deepest_path_can_be_edited() {
    let fixture = Fixture::new();
    let deep = path(&vec!["d"; crate::model::MAX_DEPTH].join("/"));
    let mut flat = Flat::default();
    flat.apply(&deep, file(1));
    let tree = fixture.write(|writer| flat.build(writer));
    assert_eq!(fixture.apply(None, &flat.0), tree);
    assert_eq!(fixture.apply(Some(&tree.id), &BTreeMap::from([(deep, Edit::Remove)])).id, empty_tree());
}

/// Few names, so that paths meet, above and below each other.
fn some_path() -> impl Strategy<Value = RepoPath> {
    let name = prop_oneof![Just("a"), Just("a-b"), Just("b"), Just("c.d")];
    proptest::collection::vec(name, 1..5).prop_map(|names| path(&names.join("/")))
}

fn some_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        5 => any::<u8>().prop_map(|seed| file(u64::from(seed))),
        1 => Just(Edit::empty_directory()),
        3 => Just(Edit::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_history_gives_the_tree_of_its_entries(
        steps in proptest::collection::vec(proptest::collection::btree_map(some_path(), some_edit(), 0..12), 1..6)
    ) {
        let fixture = Fixture::new();
        let mut flat = Flat::default();
        let mut tree: Option<WrittenTree> = None;
        for edits in steps {
            for (path, edit) in &edits {
                flat.apply(path, *edit);
            }
            let applied = fixture.apply(tree.as_ref().map(|tree| &tree.id), &edits);
            let mut nodes = BTreeSet::new();
            prop_assert_eq!(applied, flat.reference(&mut nodes));
            for id in &nodes {
                fixture.db.tree_node(id).unwrap();
            }
            let again = fixture.write(|writer| flat.build(writer));
            prop_assert_eq!(again, applied);
            tree = Some(applied);
        }
    }
}
