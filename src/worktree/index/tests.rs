mod sparse;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::codec::staging_index::{StatFacts, dir_order};
use crate::model::{EntryKind, ErrorKind, Interrupt, ObjectId};
use crate::sys::{Clock, CreateOptions, Lock, LockMode, OsFs, SystemClock, Wait, acquire, is_temp_name};

struct Fixture {
    folder: tempfile::TempDir,
    fs: Arc<dyn Fs>,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), fs: OsFs::new() }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    fn lock(&self) -> Lock {
        let clock: &dyn Clock = &SystemClock;
        let wait = Wait {
            timeout: Duration::from_secs(10),
            clock,
            interrupt: &Interrupt::new(),
            on_wait: &mut |_| (),
        };
        acquire(&*self.fs, &self.folder.path().join("lock"), LockMode::Exclusive, "test", wait).unwrap()
    }

    fn edit(&self) -> IndexEditor {
        IndexEditor::open(&self.fs, &self.dir(), self.lock()).unwrap()
    }

    fn read(&self) -> StagingIndex {
        StagingIndex::open(&*self.fs, &self.dir()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = self.fs.list(&self.dir()).unwrap().entries().unwrap();
        let mut names: Vec<_> =
            entries.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect();
        names.sort();
        names
    }

    fn overwrite(&self, name: &str, bytes: &[u8]) {
        let path = self.dir().join(name);
        self.fs.remove_file(&path).unwrap();
        self.fs.create(&path, CreateOptions::default()).unwrap().write_all(bytes).unwrap();
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn file(seed: u64) -> Staged {
    let id = ObjectId::Sha256(*blake3::hash(&seed.to_le_bytes()).as_bytes());
    let stat = StatFacts { mtime_ns: 1, ctime_ns: seed as i64, inode: seed, mode: 0o644, racy: false };
    Staged { kind: EntryKind::File, size: seed, id, stat: Some(stat), absent: false }
}

fn empty_dir() -> Staged {
    Staged { kind: EntryKind::Directory, size: 0, stat: None, ..file(0) }
}

fn paths(index: &StagingIndex) -> Vec<String> {
    index.iter().map(|entry| entry.unwrap().path.to_string()).collect()
}

#[test]
fn a_missing_index_is_empty() {
    let fixture = Fixture::new();
    let index = fixture.read();
    assert!(index.is_empty().unwrap());
    assert_eq!((index.known_tree(), paths(&index).len()), (None, 0));
    assert_eq!(index.get(&path("a")).unwrap(), None);
    assert_eq!(index.get(&RepoPath::root()).unwrap(), None);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.remove(&path("a")).unwrap();
    editor.save().unwrap();
    assert_eq!(fixture.names(), [""; 0]);
}

#[test]
fn a_small_change_is_appended() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a/b"), file(1)).unwrap();
    assert!(fixture.read().is_empty().unwrap(), "not before it is saved");
    editor.save().unwrap();
    assert_eq!(fixture.names(), ["journal"]);
    let before = fixture.fs.read(&fixture.dir().join("journal")).unwrap();
    editor.set(&path("c"), file(2)).unwrap();
    editor.remove(&path("a/b")).unwrap();
    editor.save().unwrap();
    let after = fixture.fs.read(&fixture.dir().join("journal")).unwrap();
    assert!(after.starts_with(&before) && after.len() < before.len() + 200);
    assert_eq!(paths(&fixture.read()), ["c"]);
    assert_eq!(fixture.read().get(&path("c")).unwrap(), Some(file(2)));
}

#[test]
fn many_changes_make_a_new_base_and_leave_one() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    for round in 0..3 {
        for n in 0..20_000 {
            editor.set(&path(&format!("d{}/f{n}", n % 7)), file(n + round)).unwrap();
        }
        editor.save().unwrap();
    }
    let names = fixture.names();
    assert_eq!(names, ["base-0000000000000003.idx", "journal"]);
    let index = fixture.read();
    assert_eq!(index.iter().count(), 20_000);
    assert_eq!(index.get(&path("d3/f3")).unwrap(), Some(file(5)));
    assert!(index.overlay.is_empty());
}

#[test]
fn files_and_directories_make_way_for_each_other() {
    let fixture = Fixture::new();
    for in_base in [false, true] {
        let mut editor = fixture.edit();
        editor.remove_all(&RepoPath::root()).unwrap();
        for (at, staged) in
            [("a", file(1)), ("d/e", empty_dir()), ("x/y/z", file(2)), ("x/y-z", file(3)), ("xy", file(4))]
        {
            editor.set(&path(at), staged).unwrap();
        }
        if in_base {
            editor.write_base().unwrap();
        }
        editor.set(&path("a/b/c"), file(5)).unwrap();
        assert_eq!(paths(&editor), ["xy", "a/b/c", "d/e", "x/y-z", "x/y/z"]);
        editor.set(&path("d/e/f"), file(6)).unwrap();
        assert_eq!(editor.get(&path("d/e")).unwrap(), None);
        editor.set(&path("x/y"), file(7)).unwrap();
        assert_eq!(paths(&editor), ["xy", "a/b/c", "d/e/f", "x/y", "x/y-z"]);
        editor.set(&path("x"), file(8)).unwrap();
        assert_eq!(paths(&editor), ["x", "xy", "a/b/c", "d/e/f"]);
        // What is known of a directory's ancestors is forgotten when one becomes a file.
        editor.set(&path("a/b"), file(9)).unwrap();
        editor.set(&path("a/b/c"), file(10)).unwrap();
        assert_eq!(paths(&editor), ["x", "xy", "a/b/c", "d/e/f"]);
        assert!(matches!(editor.set(&RepoPath::root(), file(1)), Err(WorktreeError::RootIsNoEntry)));
    }
}

#[test]
fn children_are_directories_with_something_below() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    for at in ["f", "a/x", "a-b/x", "a/b/x", "a/b/c/x", "b/c/d/x", "c/x"] {
        editor.set(&path(at), file(1)).unwrap();
    }
    let children = |index: &StagingIndex, dir: &str| {
        let names = index.child_dirs(dir.as_bytes()).unwrap();
        names.into_iter().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>()
    };
    for in_base in [false, true] {
        if in_base {
            editor.write_base().unwrap();
        }
        assert_eq!(children(&editor, ""), ["a", "a-b", "b", "c"]);
        assert_eq!(children(&editor, "a"), ["b"]);
        assert_eq!(children(&editor, "b/c"), ["d"]);
        assert_eq!(children(&editor, "c"), [""; 0]);
    }
    editor.remove(&path("c/x")).unwrap();
    editor.remove_all(&path("a")).unwrap();
    editor.set(&path("b/e/x"), file(1)).unwrap();
    assert_eq!(children(&editor, ""), ["a-b", "b"]);
    assert_eq!(children(&editor, "b"), ["c", "e"]);
}

#[test]
fn edits_since_the_known_tree_are_remembered() {
    let fixture = Fixture::new();
    let tree = TreeId::from_bytes([7; 32]);
    let mut editor = fixture.edit();
    for at in ["a", "b", "c", "d/e"] {
        editor.set(&path(at), file(1)).unwrap();
    }
    editor.set_tree(tree);
    editor.save().unwrap();
    assert_eq!((fixture.read().known_tree(), fixture.read().changed_since_tree()), (Some(tree), vec![]));

    let renewed = Staged { stat: None, ..file(1) };
    editor.set(&path("a"), renewed).unwrap();
    editor.set(&path("b"), file(2)).unwrap();
    editor.remove(&path("d/e")).unwrap();
    editor.set(&path("new"), file(3)).unwrap();
    let expected = vec![path("b"), path("d/e"), path("new")];
    assert_eq!(editor.changed_since_tree(), expected);
    editor.save().unwrap();
    assert_eq!(fixture.read().changed_since_tree(), expected);
    assert_eq!(fixture.read().get(&path("a")).unwrap(), Some(renewed));

    // A new base does not forget them.
    editor.write_base().unwrap();
    assert_eq!(fixture.read().changed_since_tree(), expected);
    editor.set(&path("b"), Staged { stat: None, ..file(2) }).unwrap();
    assert_eq!(editor.changed_since_tree(), expected);
    editor.set_tree(TreeId::from_bytes([8; 32]));
    editor.save().unwrap();
    assert_eq!(fixture.read().changed_since_tree(), []);
    assert_eq!(fixture.read().known_tree(), Some(TreeId::from_bytes([8; 32])));
}

#[test]
fn a_torn_save_never_was_and_is_cut_off() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a"), file(1)).unwrap();
    editor.save().unwrap();
    let kept = fixture.fs.read(&fixture.dir().join("journal")).unwrap().len();
    editor.set(&path("b"), file(2)).unwrap();
    editor.save().unwrap();
    drop(editor);
    let whole = fixture.fs.read(&fixture.dir().join("journal")).unwrap();
    for len in kept..whole.len() {
        fixture.overwrite("journal", &whole[..len]);
        assert_eq!(paths(&fixture.read()), ["a"]);
    }
    let mut editor = fixture.edit();
    editor.set(&path("c"), file(3)).unwrap();
    editor.save().unwrap();
    assert_eq!(paths(&fixture.read()), ["a", "c"]);
}

#[test]
fn every_crash_while_a_new_base_is_made_leaves_one_whole_state() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a"), file(1)).unwrap();
    editor.write_base().unwrap();
    let old_base = fixture.fs.read(&fixture.dir().join(base_name(1))).unwrap();
    let old_journal = fixture.fs.read(&fixture.dir().join("journal")).unwrap();
    editor.set(&path("b"), file(2)).unwrap();
    editor.write_base().unwrap();
    drop(editor);
    // The new base has its name, the journal still names the old one.
    let new_journal = fixture.fs.read(&fixture.dir().join("journal")).unwrap();
    fixture.overwrite("journal", &old_journal);
    fixture
        .fs
        .create(&fixture.dir().join(base_name(1)), CreateOptions::default())
        .unwrap()
        .write_all(&old_base)
        .unwrap();
    assert_eq!(paths(&fixture.read()), ["a"]);
    let mut editor = fixture.edit();
    editor.set(&path("c"), file(3)).unwrap();
    editor.save().unwrap();
    assert_eq!(paths(&fixture.read()), ["a", "c"]);
    editor.write_base().unwrap();
    assert_eq!(fixture.names(), ["base-0000000000000002.idx", "journal"]);
    assert_eq!(paths(&fixture.read()), ["a", "c"]);
    // The journal has switched, the old base is still there.
    fixture.overwrite("journal", &new_journal);
    fixture.fs.create(&fixture.dir().join(base_name(1)), CreateOptions::default()).unwrap();
    assert_eq!(paths(&fixture.read()), ["a", "c"]);
}

#[test]
fn leftovers_are_swept_with_the_next_base() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a"), file(1)).unwrap();
    for name in [".tmp-dsv-1-abc-3", "base-00000000000000ff.idx", "somebody's notes"] {
        fixture.fs.create(&fixture.dir().join(name), CreateOptions::default()).unwrap();
    }
    editor.write_base().unwrap();
    assert_eq!(fixture.names(), ["base-0000000000000001.idx", "journal", "somebody's notes"]);
}

#[test]
fn damage_is_told_with_the_file() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a"), file(1)).unwrap();
    editor.write_base().unwrap();
    drop(editor);
    let base = fixture.fs.read(&fixture.dir().join(base_name(1))).unwrap();
    let mut damaged = base.clone();
    damaged[10] ^= 1;
    fixture.overwrite(&base_name(1), &damaged);
    let error = fixture.read().get(&path("a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("base-0000000000000001.idx"), "{error}");
    assert!(fixture.read().iter().next().unwrap().is_err());

    let mut newer = base;
    newer[4] = 77;
    fixture.overwrite(&base_name(1), &newer);
    let error = StagingIndex::open(&*fixture.fs, &fixture.dir()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);

    fixture.fs.remove_file(&fixture.dir().join(base_name(1))).unwrap();
    let error = StagingIndex::open(&*fixture.fs, &fixture.dir()).unwrap_err();
    assert!(matches!(error, WorktreeError::IndexMissing { .. }), "{error}");
}

#[test]
fn a_change_behind_the_lock_is_noticed() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a"), file(1)).unwrap();
    editor.save().unwrap();
    let mut journal = fixture
        .fs
        .create(&fixture.dir().join("journal"), CreateOptions { append: true, ..Default::default() })
        .unwrap();
    journal.write_all(b"x").unwrap();
    editor.set(&path("b"), file(2)).unwrap();
    assert_eq!(editor.save().unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn readers_see_a_whole_state_while_a_writer_is_at_work() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("n0"), file(0)).unwrap();
    editor.save().unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while seen < 60 {
                let count = fixture.read().iter().inspect(|entry| assert!(entry.is_ok())).count();
                assert!(count >= seen, "{count} after {seen}");
                seen = count;
            }
        });
        for n in 1..60 {
            editor.set(&path(&format!("n{n}")), file(n)).unwrap();
            if n % 3 == 0 { editor.write_base().unwrap() } else { editor.save().unwrap() }
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_file_rewritten_within_a_tick_is_never_trusted() {
    let fixture = Fixture::new();
    let at = fixture.folder.path().join("data");
    let write = |content: &[u8]| {
        let mut file = fixture.fs.create(&at, CreateOptions { append: true, ..Default::default() }).unwrap();
        file.set_len(0).unwrap();
        file.write_all(content).unwrap();
    };
    // The clock may tick between the two writes or not; both must be noticed.
    for _ in 0..10 {
        write(b"one");
        let mut editor = fixture.edit();
        let staged = Staged { stat: Some(StatFacts::of_written(&fixture.fs.stat(&at).unwrap())), ..file(3) };
        editor.set(&path("data"), staged).unwrap();
        editor.save().unwrap();
        drop(editor);
        write(b"two");
        let facts = fixture.read().get(&path("data")).unwrap().unwrap().stat.unwrap();
        assert!(!facts.proves_unchanged(&fixture.fs.stat(&at).unwrap()));
    }
}

#[test]
fn what_is_saved_gets_its_last_verdict() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    let changed_at = |ns: i64| StatFacts { mtime_ns: ns, ctime_ns: ns, inode: 1, mode: 0o644, racy: false };
    let opened = editor.opened_ns();
    let cases = [
        ("long-ago", opened - 3_000_000_000, false),
        ("soon", opened + 60_000_000_000, true),
        ("ahead", i64::MAX, true),
    ];
    for save_as_base in [false, true] {
        for (name, ns, _) in cases {
            editor.set(&path(name), Staged { stat: Some(changed_at(ns)), ..file(1) }).unwrap();
        }
        if save_as_base {
            (0..15_000).for_each(|n| editor.set(&path(&format!("f{n}")), file(1)).unwrap());
        }
        editor.save().unwrap();
        for (name, _, racy) in cases {
            let facts = fixture.read().get(&path(name)).unwrap().unwrap().stat.unwrap();
            assert_eq!(facts.racy, racy, "{name}");
        }
    }
    assert_eq!(fixture.names().len(), 2);
}

#[test]
fn facts_that_are_old_enough_are_trusted() {
    let fixture = Fixture::new();
    let at = fixture.folder.path().join("data");
    fixture.fs.create(&at, CreateOptions::default()).unwrap().write_all(b"one").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let mut editor = fixture.edit();
    let stat = fixture.fs.stat(&at).unwrap();
    let facts = StatFacts::of_read(&stat, editor.opened_ns());
    editor.set(&path("data"), Staged { stat: Some(facts), ..file(3) }).unwrap();
    editor.save().unwrap();
    let facts = fixture.read().get(&path("data")).unwrap().unwrap().stat.unwrap();
    assert!(facts.proves_unchanged(&stat));
}

#[test]
fn insertions_in_any_order_are_cheap_and_sorted() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    let mut names: Vec<_> =
        (0..30_000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    for name in &names {
        editor.set(&path(name), file(1)).unwrap();
    }
    names.sort();
    assert_eq!(paths(&editor), names);
    let dir = editor.dir(b"").unwrap();
    let from: Vec<_> =
        dir.entries_from(names[777].as_bytes()).unwrap().map(|e| e.unwrap().name.to_vec()).collect();
    assert_eq!(from.len(), 30_000 - 777);
    assert_eq!(from[0], names[777].as_bytes());
}

/// What an index must do, in the plainest way.
#[derive(Debug, Clone, Default)]
struct Model {
    entries: BTreeMap<String, Staged>,
    tree: Option<(TreeId, BTreeMap<String, Staged>)>,
}

impl Model {
    fn set(&mut self, path: &str, staged: Staged) {
        self.entries.retain(|other, _| !below(other, path) && !below(path, other));
        self.entries.insert(path.to_owned(), staged);
    }

    fn remove_all(&mut self, path: &str) {
        self.entries.retain(|other, _| other != path && !below(other, path));
    }
}

fn below(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

#[derive(Debug, Clone)]
enum Step {
    Set(String, u64),
    SetEmptyDir(String),
    Remove(String),
    RemoveAll(String),
    SetTree(u8),
    Save,
    NewBase,
    Reopen,
    Lose,
}

fn any_step() -> impl Strategy<Value = Step> {
    let path = || "[ab](/[ab-]){0,3}";
    prop_oneof![
        8 => (path(), 0u64..4).prop_map(|(path, seed)| Step::Set(path, seed)),
        1 => path().prop_map(Step::SetEmptyDir),
        3 => path().prop_map(Step::Remove),
        1 => path().prop_map(Step::RemoveAll),
        1 => any::<u8>().prop_map(Step::SetTree),
        2 => Just(Step::Save),
        1 => Just(Step::NewBase),
        1 => Just(Step::Reopen),
        1 => Just(Step::Lose),
    ]
}

fn assert_equals(index: &StagingIndex, model: &Model) {
    let mut expected: Vec<_> = model.entries.iter().map(|(at, staged)| (path(at), *staged)).collect();
    expected.sort_by(|(a, _), (b, _)| {
        let ((dir_a, name_a), (dir_b, name_b)) = (split(a.as_bytes()), split(b.as_bytes()));
        dir_order(dir_a, dir_b).then_with(|| name_a.cmp(name_b))
    });
    let found: Vec<_> =
        index.iter().map(|entry| entry.unwrap()).map(|entry| (entry.path, entry.staged)).collect();
    assert_eq!(found, expected);
    assert_eq!(index.known_tree(), model.tree.as_ref().map(|(tree, _)| *tree));
    if let Some((_, tree)) = &model.tree {
        let changed = index.changed_since_tree();
        let differs = |at: &String| match (tree.get(at), model.entries.get(at)) {
            (Some(a), Some(b)) => !a.same_content(b),
            (a, b) => a.is_some() != b.is_some(),
        };
        for at in tree.keys().chain(model.entries.keys()).filter(|at| differs(at)) {
            assert!(changed.contains(&path(at)), "{at} is not among {changed:?}");
        }
    }
    for at in ["a", "a/b", "b/-", "a/b/a", "b/b/b/b"] {
        assert_eq!(index.get(&path(at)).unwrap(), model.entries.get(at).copied());
        assert_eq!(index.has_below(&path(at)).unwrap(), model.entries.keys().any(|other| below(other, at)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn an_index_does_what_a_map_does(steps in proptest::collection::vec(any_step(), 1..60)) {
        let fixture = Fixture::new();
        let mut editor = Some(fixture.edit());
        let (mut now, mut saved) = (Model::default(), Model::default());
        for step in steps {
            let index = editor.as_mut().unwrap();
            match step {
                Step::Set(at, seed) => {
                    index.set(&path(&at), file(seed)).unwrap();
                    now.set(&at, file(seed));
                }
                Step::SetEmptyDir(at) => {
                    index.set(&path(&at), empty_dir()).unwrap();
                    now.set(&at, empty_dir());
                }
                Step::Remove(at) => {
                    index.remove(&path(&at)).unwrap();
                    now.entries.remove(&at);
                }
                Step::RemoveAll(at) => {
                    index.remove_all(&path(&at)).unwrap();
                    now.remove_all(&at);
                }
                Step::SetTree(tree) => {
                    let tree = TreeId::from_bytes([tree; 32]);
                    index.set_tree(tree);
                    now.tree = Some((tree, now.entries.clone()));
                }
                Step::Save => {
                    index.save().unwrap();
                    saved = now.clone();
                }
                Step::NewBase => {
                    index.write_base().unwrap();
                    saved = now.clone();
                }
                Step::Reopen | Step::Lose => {
                    if matches!(step, Step::Reopen) {
                        index.save().unwrap();
                        saved = now.clone();
                    }
                    drop(editor.take());
                    editor = Some(fixture.edit());
                    now = saved.clone();
                }
            }
            assert_equals(editor.as_ref().unwrap(), &now);
            assert_equals(&fixture.read(), &saved);
        }
        prop_assert!(fixture.names().iter().all(|name| !is_temp_name(name.as_bytes())));
    }
}
