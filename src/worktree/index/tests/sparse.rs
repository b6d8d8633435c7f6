//! An index that holds a part of its tree.

use super::*;

const TREE: TreeId = TreeId::from_bytes([7; 32]);
const NEXT: TreeId = TreeId::from_bytes([8; 32]);

fn absent(seed: u64) -> Staged {
    Staged { stat: None, absent: true, ..file(seed) }
}

/// All that an index says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    entries: BTreeMap<RepoPath, Staged>,
    edited: Vec<RepoPath>,
    tree: Option<TreeId>,
    sparse: bool,
}

fn said(index: &StagingIndex) -> Said {
    let entries = index.iter().map(Result::unwrap);
    Said {
        entries: entries.map(|entry| (entry.path, entry.staged)).collect(),
        edited: index.changed_since_tree(),
        tree: index.known_tree(),
        sparse: index.is_sparse(),
    }
}

/// Sparse over a tree, with `here` of it in the worktree.
fn sparse(fixture: &Fixture) -> IndexEditor {
    let mut editor = fixture.edit();
    editor.set(&path("here/a"), file(1)).unwrap();
    editor.set(&path("here/b"), file(2)).unwrap();
    editor.set_sparse(TREE);
    editor
}

#[test]
fn what_was_edited_is_told_apart_from_what_is_there() {
    let fixture = Fixture::new();
    let mut editor = sparse(&fixture);
    assert_eq!((editor.is_sparse(), editor.changed_since_tree()), (true, vec![]));
    editor.set(&path("new/x"), file(3)).unwrap();
    editor.remove_all(&path("dir")).unwrap();
    editor.remove(&path("never/there")).unwrap();
    editor.set(&path("elsewhere"), absent(4)).unwrap();
    assert_eq!(editor.changed_since_tree(), [path("dir"), path("elsewhere"), path("new/x")]);
    for (at, decides) in [
        ("dir", true),
        ("dir/sub/a", true),
        ("here/a", true),
        ("here/a/below", true),
        ("here", false),
        ("here/c", false),
        ("new", false),
        ("new/x", true),
        ("never/there", false),
    ] {
        assert_eq!(editor.decides(&path(at)).unwrap(), decides, "{at}");
    }
    editor.save().unwrap();
    assert_eq!(said(&fixture.read()), said(&editor));
    let before = said(&editor);
    editor.write_base().unwrap();
    assert_eq!(said(&editor), before);
    assert_eq!(said(&fixture.read()), before);
    assert_eq!(fixture.read().get(&path("elsewhere")).unwrap(), Some(absent(4)));
    fixture.read().check().unwrap();
}

#[test]
fn a_tree_takes_over_what_is_absent_and_what_is_gone() {
    for with_base in [false, true] {
        let fixture = Fixture::new();
        let mut editor = sparse(&fixture);
        editor.remove_all(&path("dir")).unwrap();
        editor.remove(&path("here/b")).unwrap();
        editor.set(&path("moved"), absent(4)).unwrap();
        if with_base {
            editor.write_base().unwrap();
            drop(editor);
            editor = fixture.edit();
        }
        editor.save().unwrap();
        editor.set_tree(NEXT);
        assert_eq!(paths(&editor), ["here/a"]);
        assert_eq!(editor.changed_since_tree(), []);
        assert!(!editor.decides(&path("dir/x")).unwrap() && editor.is_sparse());
        editor.save().unwrap();
        assert_eq!(said(&fixture.read()), said(&editor), "with a base: {with_base}");
        editor.write_base().unwrap();
        assert_eq!(said(&fixture.read()), said(&editor), "with a base: {with_base}");
    }
}

#[test]
fn edits_can_be_carried_over_to_another_tree() {
    let fixture = Fixture::new();
    let mut editor = sparse(&fixture);
    editor.set(&path("moved"), absent(4)).unwrap();
    editor.remove_all(&path("dir")).unwrap();
    editor.set(&path("new"), file(5)).unwrap();
    editor.save().unwrap();
    editor.set_tree_but(NEXT, [(path("moved"), Some(absent(4))), (path("dir/x"), None)]);
    assert_eq!(editor.changed_since_tree(), [path("dir/x"), path("moved")]);
    assert_eq!(paths(&editor), ["moved", "new", "here/a", "here/b"]);
    assert!(!editor.decides(&path("dir/y")).unwrap() && editor.decides(&path("dir/x")).unwrap());
    editor.save().unwrap();
    assert_eq!(said(&fixture.read()), said(&editor));
}

#[test]
fn what_is_forgotten_is_again_what_the_tree_has() {
    let fixture = Fixture::new();
    let mut editor = sparse(&fixture);
    editor.remove_all(&path("dir")).unwrap();
    editor.set(&path("dir/kept"), file(3)).unwrap();
    editor.write_base().unwrap();
    editor.forget(&path("dir"));
    editor.forget(&path("here/a"));
    assert_eq!(editor.changed_since_tree(), [path("dir/kept")]);
    assert_eq!(paths(&editor), ["dir/kept", "here/b"]);
    assert!(!editor.decides(&path("dir/x")).unwrap());
    editor.save().unwrap();
    assert_eq!(said(&fixture.read()), said(&editor));
    editor.write_base().unwrap();
    assert_eq!(said(&fixture.read()), said(&editor));
}

#[test]
fn what_the_tree_has_is_no_edit_unless_one_lies_above_it() {
    let fixture = Fixture::new();
    let mut editor = sparse(&fixture);
    editor.set(&path("other/a"), absent(3)).unwrap();
    editor.note_in_tree(&path("other/a")).unwrap();
    assert_eq!(editor.get(&path("other/a")).unwrap().map(|staged| staged.absent), Some(false));
    assert_eq!(editor.changed_since_tree(), []);
    editor.remove_all(&path("dir")).unwrap();
    editor.set(&path("dir/a"), file(4)).unwrap();
    editor.note_in_tree(&path("dir/a")).unwrap();
    editor.note_in_tree(&path("nothing")).unwrap();
    assert_eq!(editor.changed_since_tree(), [path("dir"), path("dir/a")]);
}

#[test]
fn an_index_that_was_filled_is_like_any_other() {
    let fixture = Fixture::new();
    let mut editor = sparse(&fixture);
    editor.save().unwrap();
    editor.set(&path("rest"), file(3)).unwrap();
    editor.remove(&path("here/b")).unwrap();
    editor.set_full(TREE, [(path("here/b"), None)]);
    editor.save().unwrap();
    let index = fixture.read();
    assert_eq!((index.is_sparse(), index.known_tree()), (false, Some(TREE)));
    assert_eq!((paths(&index), index.changed_since_tree()), (paths(&editor), vec![path("here/b")]));
    // Nothing can be absent there.
    editor.set(&path("x"), absent(4)).unwrap();
    assert_eq!(editor.get(&path("x")).unwrap().map(|staged| staged.absent), Some(false));
    editor.save().unwrap();
    assert_eq!(fixture.names().len(), 2);
}

#[test]
fn sparse_over_no_tree_is_refused() {
    let fixture = Fixture::new();
    let mut editor = fixture.edit();
    editor.set(&path("a"), file(1)).unwrap();
    editor.save().unwrap();
    let mut frame = crate::codec::staging_index::Frame::new();
    frame.push(Op::Sparse);
    let mut journal = crate::codec::staging_index::journal_header(0);
    journal.extend(frame.finish(journal.len()));
    fixture.overwrite("journal", &journal);
    let error = StagingIndex::open(&*fixture.fs, &fixture.dir()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[derive(Debug, Clone)]
enum SparseStep {
    Set(String, u64, bool),
    Remove(String),
    RemoveAll(String),
    Forget(String),
    NoteInTree(String),
    SetTree,
    CarryOver,
    NewBase,
    Save,
}

fn any_sparse_step() -> impl Strategy<Value = SparseStep> {
    let path = || "[ab](/[ab-]){0,2}";
    prop_oneof![
        6 => (path(), 0u64..4, any::<bool>()).prop_map(|(at, seed, there)| SparseStep::Set(at, seed, there)),
        2 => path().prop_map(SparseStep::Remove),
        2 => path().prop_map(SparseStep::RemoveAll),
        2 => path().prop_map(SparseStep::Forget),
        2 => path().prop_map(SparseStep::NoteInTree),
        1 => Just(SparseStep::SetTree),
        1 => Just(SparseStep::CarryOver),
        1 => Just(SparseStep::NewBase),
        2 => Just(SparseStep::Save),
    ]
}

fn take(editor: &mut IndexEditor, step: SparseStep) {
    match step {
        SparseStep::Set(at, seed, true) => editor.set(&path(&at), file(seed)).unwrap(),
        SparseStep::Set(at, seed, false) => editor.set(&path(&at), absent(seed)).unwrap(),
        SparseStep::Remove(at) => editor.remove(&path(&at)).unwrap(),
        SparseStep::RemoveAll(at) => editor.remove_all(&path(&at)).unwrap(),
        SparseStep::Forget(at) => editor.forget(&path(&at)),
        SparseStep::NoteInTree(at) => editor.note_in_tree(&path(&at)).unwrap(),
        SparseStep::SetTree => editor.set_tree(NEXT),
        SparseStep::CarryOver => {
            let edits = editor.changed_since_tree().into_iter().step_by(2);
            let edits: Vec<_> = edits.map(|path| (path.clone(), editor.get(&path).unwrap())).collect();
            editor.set_tree_but(TREE, edits);
        }
        SparseStep::NewBase => editor.write_base().unwrap(),
        SparseStep::Save => editor.save().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn whatever_was_saved_is_read_again(steps in proptest::collection::vec(any_sparse_step(), 1..40)) {
        let fixture = Fixture::new();
        let mut editor = sparse(&fixture);
        for step in steps {
            let saves = matches!(step, SparseStep::Save | SparseStep::NewBase);
            let base = matches!(step, SparseStep::NewBase).then(|| said(&editor));
            take(&mut editor, step);
            if let Some(before) = base {
                prop_assert_eq!(said(&editor), before);
            }
            if saves {
                prop_assert_eq!(said(&fixture.read()), said(&editor));
            }
            for entry in editor.iter() {
                let entry = entry.unwrap();
                prop_assert!(!entry.staged.absent || editor.is_edited(&entry.path));
            }
        }
    }
}
