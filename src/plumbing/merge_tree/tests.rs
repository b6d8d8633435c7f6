//! Merges beside a plain model: datasets as maps from paths to what is there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{EntryName, ObjectId};
use crate::plumbing::diff_tree::{DiffOptions, collect_changes};
use crate::plumbing::test_history::Scratch;
use crate::plumbing::tree_walk::walk_all;

/// Kind and content of each path; none lies below another.
type Flat = BTreeMap<RepoPath, (EntryKind, ObjectId)>;

/// Contents: texts of two lines that change apart from each other, and bytes that are no text.
const TEXTS: u8 = 9;
const CONTENTS: u8 = 12;

fn content(number: u8) -> Vec<u8> {
    if number < TEXTS {
        return format!("first {}\nmiddle\nstays\nlast {}\n", number / 3, number % 3).into_bytes();
    }
    vec![0, number]
}

struct Fixture {
    scratch: Scratch,
    blobs: Vec<(ObjectId, u64)>,
    /// What is stored already.
    trees: RefCell<BTreeMap<Flat, TreeId>>,
}

impl Fixture {
    fn new() -> Self {
        let scratch = Scratch::new();
        let writer = Writer::new(&scratch.db).unwrap();
        let mut compressors = writer.blob_compressors().unwrap();
        let blobs = (0..CONTENTS).map(|number| {
            let bytes = content(number);
            let (id, len) = writer.put_blob(&mut &*bytes, &mut compressors).unwrap();
            (id.object(), len)
        });
        let blobs = blobs.collect();
        writer.finish().unwrap();
        Self { scratch, blobs, trees: RefCell::default() }
    }

    fn item(&self, kind: EntryKind, number: u8) -> (EntryKind, ObjectId) {
        match kind {
            EntryKind::Directory => (kind, empty_tree().object()),
            kind => (kind, self.blobs[usize::from(number)].0),
        }
    }

    fn file(&self, number: u8) -> (EntryKind, ObjectId) {
        self.item(EntryKind::File, number)
    }

    fn size(&self, id: ObjectId) -> u64 {
        self.blobs.iter().find(|(known, _)| *known == id).map_or(0, |(_, size)| *size)
    }

    fn tree(&self, flat: &Flat) -> TreeId {
        if let Some(known) = self.trees.borrow().get(flat) {
            return *known;
        }
        let tree = self.write_tree(flat);
        self.trees.borrow_mut().insert(flat.clone(), tree);
        tree
    }

    fn write_tree(&self, flat: &Flat) -> TreeId {
        let edit = |(kind, id): &(EntryKind, ObjectId)| match kind {
            EntryKind::Directory => Edit::empty_directory(),
            kind => Edit::file(*kind, self.size(*id), *id),
        };
        let edits = flat.iter().map(|(path, item)| (path.clone(), edit(item))).collect();
        let writer = Writer::new(&self.scratch.db).unwrap();
        let tree = apply(&writer, None, &edits).unwrap();
        writer.finish().unwrap();
        tree.id
    }

    fn flat(&self, tree: TreeId) -> Flat {
        let all = walk_all(&self.scratch.db, &tree).unwrap().map(Result::unwrap);
        all.filter(|(_, entry)| is_entry(entry)).map(|(path, entry)| (path, (entry.kind, entry.id))).collect()
    }

    /// Merges, and checks what the outcome says of itself.
    fn merge(
        &self,
        sides: [&Flat; 3],
        contested: &BTreeSet<RepoPath>,
        favour: Option<Favour>,
    ) -> (Outcome, Flat) {
        let [base, ours, theirs] = sides.map(|flat| self.tree(flat));
        let base = Base { tree: Some(base), contested: contested.clone() };
        let options =
            Options { base: &base, ours: Some(ours), theirs: Some(theirs), favour, label: "theirs" };
        let writer = Writer::new(&self.scratch.db).unwrap();
        let outcome = run(&writer, &options, &Monitor::quiet()).unwrap();
        writer.finish().unwrap();
        let (db, tree) = (&self.scratch.db, outcome.tree.id);
        let mut changes = collect_changes(db, Some(&ours), Some(&tree), DiffOptions::default()).unwrap();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let told = |changes: &[TreeChange]| -> BTreeSet<RepoPath> {
            changes.iter().filter(|change| !of_empty_directories(change)).map(|c| c.path.clone()).collect()
        };
        assert_eq!(told(&outcome.changes), told(&changes), "what is told to be taken is not what was taken");
        let flat = self.flat(tree);
        (outcome, flat)
    }
}

/// That an empty directory goes because something came into it is told by no change of its own.
fn of_empty_directories(change: &TreeChange) -> bool {
    [&change.old, &change.new].into_iter().flatten().all(|entry| entry.kind.is_dir())
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

/// Puts something at a path; what cannot be there together with it goes.
fn put(flat: &mut Flat, at: RepoPath, item: Option<(EntryKind, ObjectId)>) {
    flat.retain(|known, _| !known.starts_with(&at) && (item.is_none() || !at.starts_with(known)));
    if let Some(item) = item {
        flat.insert(at, item);
    }
}

/// A path and what is put there.
type Step = (Vec<u8>, Option<(EntryKind, u8)>);

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![
        6 => Just(EntryKind::File),
        2 => Just(EntryKind::Executable),
        1 => Just(EntryKind::Symlink),
        1 => Just(EntryKind::Directory),
    ];
    let item = proptest::option::weighted(0.8, (kind, 0..CONTENTS));
    proptest::collection::vec((proptest::collection::vec(0..3u8, 1..4), item), 0..most)
}

fn take_steps(fixture: &Fixture, flat: &Flat, steps: &[Step]) -> Flat {
    let mut flat = flat.clone();
    for (names, item) in steps {
        let names = names.iter().map(|name| EntryName::new(vec![b'a' + name]).unwrap());
        let at = names.fold(RepoPath::root(), |path, name| path.join(&name));
        put(&mut flat, at, item.map(|(kind, number)| fixture.item(kind, number)));
    }
    flat
}

fn is_filled(flat: &Flat, path: &RepoPath) -> bool {
    flat.keys().any(|other| other != path && other.starts_with(path))
}

/// Whether what one side has at a path was dealt with: it is there, or the other side changed it and this one had left it
/// alone, or the outcome tells what became of it.
fn is_accounted(
    at: &RepoPath,
    [base, side, other, result]: [&Flat; 4],
    outcome: &Outcome,
    told: impl Fn(&Conflict) -> bool,
) -> bool {
    let item = side.get(at);
    let is_there = result.get(at) == item;
    let left_alone = base.get(at) == item && other.get(at) != item;
    // An empty directory gives way to what comes into it, and to a file above it.
    let gives_way = is_filled(result, at)
        || at.ancestors().any(|above| result.get(&above).is_some_and(|(kind, _)| !kind.is_dir()));
    let filled = item.is_some_and(|(kind, _)| kind.is_dir()) && gives_way;
    let carried = outcome.carried.iter().any(|carried| carried.from == *at || carried.to == *at);
    let by_lines = outcome.merged_by_lines.contains(at);
    // The content of one side with the bit of the other.
    let apart = match (base.get(at), item, other.get(at), result.get(at)) {
        (Some(base), Some(item), Some(other), Some(result)) => {
            merged(&base.0, &item.0, &other.0) == Some(&result.0)
                && merged(&base.1, &item.1, &other.1) == Some(&result.1)
        }
        _ => false,
    };
    let in_conflict = outcome.conflicts.iter().chain(&outcome.favoured).any(|c| c.path == *at && told(c));
    is_there || left_alone || filled || carried || by_lines || apart || in_conflict
}

/// What becomes of a thing that either side may have changed.
fn merged<'a, T: PartialEq>(base: &T, one: &'a T, other: &'a T) -> Option<&'a T> {
    match () {
        () if one == other || other == base => Some(one),
        () if one == base => Some(other),
        () => None,
    }
}

fn files(flat: &Flat) -> Flat {
    flat.iter().filter(|(_, (kind, _))| !kind.is_dir()).map(|(path, item)| (path.clone(), *item)).collect()
}

fn item_of(entry: Option<&Entry>) -> Option<(EntryKind, ObjectId)> {
    entry.map(|entry| (entry.kind, entry.id))
}

fn swapped(conflict: &Conflict) -> Conflict {
    Conflict {
        ours: conflict.theirs.clone(),
        theirs: conflict.ours.clone(),
        beside: None,
        ..conflict.clone()
    }
}

fn check(fixture: &Fixture, [base, ours, theirs]: [&Flat; 3], contested: &BTreeSet<RepoPath>) {
    let (outcome, result) = fixture.merge([base, ours, theirs], contested, None);
    assert!(outcome.favoured.is_empty());
    for at in ours.keys() {
        let is_kept = |conflict: &Conflict| result.get(at) == item_of(conflict.ours.as_ref()).as_ref();
        assert!(is_accounted(at, [base, ours, theirs, &result], &outcome, is_kept), "ours lost {at:?}");
    }
    for at in theirs.keys() {
        let is_told = |conflict: &Conflict| theirs.get(at) == item_of(conflict.theirs.as_ref()).as_ref();
        assert!(is_accounted(at, [base, theirs, ours, &result], &outcome, is_told), "theirs lost {at:?}");
    }
    for at in contested.iter().filter(|at| ours.get(*at) != theirs.get(*at)) {
        assert!(outcome.conflicts.iter().any(|conflict| conflict.path == *at), "{at:?} is contested");
    }
    // Nothing comes from nowhere.
    for (at, item) in &result {
        let known = [ours, theirs].iter().any(|side| side.values().any(|known| known == item));
        assert!(
            known || ours.contains_key(at) && theirs.contains_key(at),
            "{at:?} holds what neither side has"
        );
    }
    // The sides can be swapped.
    let (other, other_result) = fixture.merge([base, theirs, ours], contested, None);
    let unnamed = |conflict: &Conflict| Conflict { beside: None, ..conflict.clone() };
    assert_eq!(
        outcome.conflicts.iter().map(unnamed).collect::<Vec<_>>(),
        other.conflicts.iter().map(swapped).collect::<Vec<_>>()
    );
    let apart = |flat: &Flat| -> Flat {
        let in_conflict = |path: &RepoPath| outcome.conflicts.iter().any(|conflict| conflict.path == *path);
        files(flat).into_iter().filter(|(path, _)| !in_conflict(path)).collect()
    };
    assert_eq!(apart(&result), apart(&other_result));
    if outcome.conflicts.is_empty() {
        assert_eq!(outcome.tree, other.tree);
    }
    // To take theirs is what they do when they take ours.
    let (taken, taken_result) = fixture.merge([base, ours, theirs], contested, Some(Favour::Theirs));
    let (_, kept_result) = fixture.merge([base, theirs, ours], contested, Some(Favour::Ours));
    assert_eq!(files(&taken_result), files(&kept_result));
    assert_eq!((&taken.favoured, taken.conflicts.len()), (&outcome.conflicts, 0));
    // With both, each side's files are all there.
    let (both, both_result) = fixture.merge([base, ours, theirs], contested, Some(Favour::Both));
    assert!(both.conflicts.is_empty());
    for conflict in &both.favoured {
        if conflict.ours.as_ref().is_some_and(|ours| !ours.kind.is_dir()) {
            assert_eq!(both_result.get(&conflict.path), ours.get(&conflict.path));
        }
        if let (Some(beside), Some(entry)) = (&conflict.beside, &conflict.theirs) {
            assert!(*beside == conflict.path || !ours.contains_key(beside) && !theirs.contains_key(beside));
            if !entry.kind.is_dir() {
                assert_eq!(both_result.get(beside), theirs.get(&conflict.path));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_silently(
        base in steps(12), ours in steps(6), theirs in steps(6), common in steps(3),
        contested in proptest::collection::vec(proptest::collection::vec(0..3u8, 1..4), 0..3),
    ) {
        let fixture = Fixture::new();
        let base = take_steps(&fixture, &Flat::new(), &base);
        let both = take_steps(&fixture, &base, &common);
        let (ours, theirs) = (take_steps(&fixture, &both, &ours), take_steps(&fixture, &both, &theirs));
        check(&fixture, [&base, &ours, &theirs], &BTreeSet::new());
        let contested = contested.iter().map(|names| {
            let names: Vec<String> = names.iter().map(|name| char::from(b'a' + name).to_string()).collect();
            path(&names.join("/"))
        });
        check(&fixture, [&base, &ours, &theirs], &contested.collect());
    }

    #[test]
    fn what_lies_apart_always_merges(base in steps(16), ours in steps(8), theirs in steps(8)) {
        let fixture = Fixture::new();
        let base = take_steps(&fixture, &Flat::new(), &base);
        // Ours works below a, theirs elsewhere.
        let below_a = |steps: Vec<Step>, wanted: bool| -> Vec<Step> {
            steps.into_iter().filter(|(names, _)| (names[0] == 0) == wanted).collect()
        };
        let (our_steps, their_steps) = (below_a(ours, true), below_a(theirs, false));
        let (ours, theirs) = (take_steps(&fixture, &base, &our_steps), take_steps(&fixture, &base, &their_steps));
        let (outcome, result) = fixture.merge([&base, &ours, &theirs], &BTreeSet::new(), None);
        prop_assert_eq!(outcome.conflicts, []);
        prop_assert_eq!(result, take_steps(&fixture, &ours, &their_steps));
    }
}

fn flat(items: &[(&str, (EntryKind, ObjectId))]) -> Flat {
    items.iter().map(|(at, item)| (path(at), *item)).collect()
}

fn kinds(outcome: &Outcome) -> Vec<(String, ConflictKind)> {
    outcome.conflicts.iter().map(|conflict| (conflict.path.to_string(), conflict.kind)).collect()
}

#[test]
fn each_kind_of_conflict() {
    let fixture = Fixture::new();
    let (f, binary) = (|number| fixture.file(number), |number| fixture.file(TEXTS + number));
    let link = |number| fixture.item(EntryKind::Symlink, number);
    let base = flat(&[("both", binary(0)), ("gone", f(0)), ("kind", f(0)), ("node", f(0)), ("text", f(0))]);
    let ours = flat(&[
        ("both", binary(1)),
        ("gone", f(1)),
        ("kind", link(1)),
        ("new", f(2)),
        ("node/x", f(3)),
        ("text", f(3)),
    ]);
    let theirs = flat(&[("both", binary(2)), ("kind", f(2)), ("new", f(3)), ("node", f(4)), ("text", f(1))]);
    let (outcome, result) = fixture.merge([&base, &ours, &theirs], &BTreeSet::new(), None);
    let expected = [
        ("both", ConflictKind::Content),
        ("gone", ConflictKind::ChangedRemoved),
        ("kind", ConflictKind::Kind),
        ("new", ConflictKind::Added),
        ("node", ConflictKind::FileDirectory),
        ("node/x", ConflictKind::FileDirectory),
    ];
    assert_eq!(kinds(&outcome), expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert_eq!(outcome.merged_by_lines, [path("text")]);
    assert_eq!(result[&path("text")], f(4));
    let (both, result) = fixture.merge([&base, &ours, &theirs], &BTreeSet::new(), Some(Favour::Both));
    let beside: Vec<_> = both.favoured.iter().map(|conflict| conflict.beside.clone()).collect();
    let named = |name: &str| Some(path(name));
    assert_eq!(
        beside,
        [named("both~theirs"), None, named("kind~theirs"), named("new~theirs"), named("node~theirs"), None]
    );
    assert_eq!((result[&path("node/x")], result[&path("node~theirs")]), (f(3), f(4)));
    assert_eq!(result[&path("gone")], f(1));
}

#[test]
fn a_file_where_theirs_has_a_directory_is_kept_beside_it() {
    let fixture = Fixture::new();
    let f = |number| fixture.file(number);
    let ours = flat(&[("a", f(1)), ("a~theirs", f(2))]);
    let theirs = flat(&[("a/x", f(3)), ("a/y/z", f(4))]);
    let (_, result) = fixture.merge([&Flat::new(), &ours, &theirs], &BTreeSet::new(), Some(Favour::Both));
    assert_eq!(
        result,
        flat(&[("a", f(1)), ("a~theirs", f(2)), ("a~theirs-2/x", f(3)), ("a~theirs-2/y/z", f(4))])
    );
}

#[test]
fn a_change_goes_along_with_a_move() {
    let fixture = Fixture::new();
    let binary = |number| fixture.file(TEXTS + number);
    let (base, moved) = (flat(&[("a", binary(0))]), flat(&[("b/c", binary(0))]));
    let changed = flat(&[("a", binary(1)), ("z", binary(2))]);
    for sides in [[&base, &moved, &changed], [&base, &changed, &moved]] {
        let (outcome, result) = fixture.merge(sides, &BTreeSet::new(), None);
        assert_eq!(outcome.conflicts, []);
        assert_eq!(outcome.carried, [Carried { from: path("a"), to: path("b/c") }]);
        assert_eq!(result, flat(&[("b/c", binary(1)), ("z", binary(2))]));
    }
    // Of two files with the same content nobody knows which one went where.
    let base = flat(&[("a", binary(0)), ("d", binary(0))]);
    let changed = flat(&[("a", binary(1)), ("d", binary(0))]);
    let (outcome, _) = fixture.merge([&base, &moved, &changed], &BTreeSet::new(), None);
    assert_eq!(kinds(&outcome), [("a".to_owned(), ConflictKind::ChangedRemoved)]);
}

#[test]
fn the_executable_bit_is_merged_apart() {
    let fixture = Fixture::new();
    let binary = |kind, number| fixture.item(kind, TEXTS + number);
    let base = flat(&[("a", binary(EntryKind::File, 0))]);
    let bit = flat(&[("a", binary(EntryKind::Executable, 0))]);
    let content = flat(&[("a", binary(EntryKind::File, 1))]);
    for sides in [[&base, &bit, &content], [&base, &content, &bit]] {
        let (outcome, result) = fixture.merge(sides, &BTreeSet::new(), None);
        assert_eq!(outcome.conflicts, []);
        assert_eq!(result, flat(&[("a", binary(EntryKind::Executable, 1))]));
    }
}

#[test]
fn a_merge_reads_what_differs() {
    let fixture = Fixture::new();
    let many: Flat =
        (0..5000).map(|n| (path(&format!("{:02}/{n:04}", n % 20)), fixture.file((n % 9) as u8))).collect();
    let (mut ours, mut theirs) = (many.clone(), many.clone());
    ours.insert(path("03/0003"), fixture.file(11));
    theirs.insert(path("07/0007"), fixture.file(10));
    let nodes = || fixture.scratch.db.counters().tree_nodes.load(std::sync::atomic::Ordering::Relaxed);
    let [base, our, their] = [&many, &ours, &theirs].map(|flat| fixture.tree(flat));
    let base = Base { tree: Some(base), ..Base::default() };
    let options =
        Options { base: &base, ours: Some(our), theirs: Some(their), favour: None, label: "theirs" };
    let before = nodes();
    let writer = Writer::new(&fixture.scratch.db).unwrap();
    let outcome = run(&writer, &options, &Monitor::quiet()).unwrap();
    assert_eq!((outcome.changes.len(), outcome.conflicts.len()), (1, 0));
    let read = nodes() - before;
    assert!(read < 40, "{read} nodes were read");
}

/// A history of versions with these trees.
fn version(
    fixture: &Fixture,
    flat: &Flat,
    second: i64,
    parents: &[crate::model::VersionId],
) -> crate::model::VersionId {
    fixture.scratch.version_of(fixture.tree(flat), &format!("cats@1.0.{second}"), second, parents)
}

#[test]
fn crossed_lines_have_one_base() {
    let fixture = Fixture::new();
    let f = |number: u8| fixture.file(TEXTS + number);
    let db: &Arc<_> = &fixture.scratch.db;
    let root = version(&fixture, &flat(&[("both", f(0)), ("one", f(0)), ("two", f(0))]), 1, &[]);
    let one = version(&fixture, &flat(&[("both", f(1)), ("one", f(1)), ("two", f(0))]), 2, &[root]);
    let two = version(&fixture, &flat(&[("both", f(2)), ("one", f(0)), ("two", f(1))]), 3, &[root]);
    // Each side merged the other's line, and solved the conflict in its own way; one of them went back to the root's.
    let ours = flat(&[("both", f(0)), ("one", f(1)), ("two", f(1))]);
    let theirs = flat(&[("both", f(2)), ("one", f(1)), ("two", f(1))]);
    let our = version(&fixture, &ours, 4, &[one, two]);
    let their = version(&fixture, &theirs, 5, &[two, one]);
    let base = merge_bases(db, &[our], &[their], &Monitor::quiet()).unwrap().unwrap();
    assert_eq!(base.contested, BTreeSet::from([path("both")]));
    let found = fixture.flat(base.tree.unwrap());
    assert_eq!((found[&path("one")], found[&path("two")]), (f(1), f(1)));
    let writer = Writer::new(db).unwrap();
    let (ours, theirs) = (fixture.tree(&ours), fixture.tree(&theirs));
    let options =
        Options { base: &base, ours: Some(ours), theirs: Some(theirs), favour: None, label: "theirs" };
    let outcome = run(&writer, &options, &Monitor::quiet()).unwrap();
    assert_eq!(kinds(&outcome), [("both".to_owned(), ConflictKind::Content)]);
    // Where lines never met there is no base.
    let alone = version(&fixture, &Flat::new(), 6, &[]);
    assert_eq!(merge_bases(db, &[our], &[alone], &Monitor::quiet()).unwrap(), None);
}
