//! A save of the staging index is there whole or not at all, whatever fails and whenever the power does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsv::model::{EntryKind, Interrupt, ObjectId, RepoPath, TreeId};
use dsv::sys::{Fs, Lock, LockMode, OsFs, SystemClock, Wait, acquire};
use dsv::worktree::{IndexEditor, Staged, StagingIndex, WorktreeError};

use crate::support::crash::CrashPlan;
use crate::support::fault::{Fault, FaultPlan};
use crate::support::record::RecordingFs;
use crate::support::scratch;

/// With names as long as ours, enough for a base: a journal holds no more than a mebibyte beside a small one.
const MANY: u64 = 1_200;

/// The entries, the known tree, whether the index is sparse over it, and what was edited since.
type State = (BTreeMap<RepoPath, u64>, Option<TreeId>, bool, Vec<RepoPath>);

/// The lock lies outside of what is recorded: nothing that a crash leaves of it matters.
fn lock(folder: &Path) -> Lock {
    let interrupt = Interrupt::new();
    let wait = Wait {
        timeout: Duration::from_secs(10),
        clock: &SystemClock,
        interrupt: &interrupt,
        on_wait: &mut |_| (),
    };
    acquire(&OsFs, &folder.join("lock"), LockMode::Exclusive, "test", wait).unwrap()
}

fn path(n: u64) -> RepoPath {
    RepoPath::new(format!("d{}/{n:0>900}", n % 5)).unwrap()
}

fn stage(editor: &mut IndexEditor, paths: impl Iterator<Item = u64>, seed: u64) {
    stage_as(editor, paths, seed, false);
}

fn stage_as(editor: &mut IndexEditor, paths: impl Iterator<Item = u64>, seed: u64, absent: bool) {
    for n in paths {
        let path = path(n);
        let staged = Staged {
            kind: EntryKind::File,
            size: seed,
            id: ObjectId::Sha256([seed as u8; 32]),
            stat: None,
            absent,
        };
        editor.set(&path, staged).unwrap();
    }
}

fn state_of(index: &StagingIndex) -> State {
    let entries = index.iter().map(|entry| entry.unwrap());
    let entries = entries.map(|entry| (entry.path, entry.staged.size)).collect();
    // Without a tree, what is edited means nothing.
    let edited = index.known_tree().map(|_| index.changed_since_tree()).unwrap_or_default();
    (entries, index.known_tree(), index.is_sparse(), edited)
}

fn open(fs: &Arc<dyn Fs>, index: &Path, locks: &Path) -> Result<IndexEditor, WorktreeError> {
    IndexEditor::open(fs, index, lock(locks))
}

/// What is done before a save.
type Change = fn(&mut IndexEditor);

/// The saves that are tried: small ones, a tree, one that makes a base, one on top of that.
fn saves() -> Vec<Change> {
    vec![
        |editor| stage(editor, 0..3, 1),
        |editor| {
            stage(editor, 1..2, 2);
            editor.set_tree(TreeId::from_bytes([1; 32]));
        },
        |editor| stage(editor, 0..MANY, 3),
        |editor| {
            stage(editor, 5..7, 4);
            editor.remove(&path(1)).unwrap();
        },
        |editor| stage(editor, 0..MANY, 5),
    ]
}

/// The same of an index that is sparse, and full in the end.
fn sparse_saves() -> Vec<Change> {
    vec![
        |editor| {
            stage(editor, 0..3, 1);
            editor.set_sparse(TreeId::from_bytes([1; 32]));
        },
        |editor| {
            editor.remove_all(&RepoPath::new("elsewhere/dir").unwrap()).unwrap();
            stage_as(editor, 3..6, 2, true);
        },
        |editor| stage(editor, 0..MANY, 3),
        |editor| {
            stage_as(editor, MANY..MANY + 2, 4, true);
            editor.forget(&RepoPath::new("elsewhere/dir").unwrap());
        },
        |editor| editor.set_tree(TreeId::from_bytes([2; 32])),
        |editor| editor.set_full(TreeId::from_bytes([2; 32]), [(path(7), None)]),
    ]
}

/// The state after each of the saves, the first one before any.
fn states(saves: fn() -> Vec<Change>) -> Vec<State> {
    let (folder, locks) = (scratch(), scratch());
    let mut editor = open(&OsFs::new(), folder.path(), locks.path()).unwrap();
    let mut states = vec![state_of(&editor)];
    for save in saves() {
        save(&mut editor);
        states.push(state_of(&editor));
    }
    states
}

#[test]
fn a_crash_leaves_the_state_before_or_after_a_save() {
    survives_a_crash(saves);
}

#[test]
fn a_crash_leaves_the_state_before_or_after_a_save_of_a_sparse_index() {
    survives_a_crash(sparse_saves);
}

fn survives_a_crash(saves: fn() -> Vec<Change>) {
    let (folder, locks) = (scratch(), scratch());
    let recorder = RecordingFs::new(folder.path());
    let fs = Arc::clone(&recorder) as Arc<dyn Fs>;
    let mut editor = open(&fs, folder.path(), locks.path()).unwrap();
    for (number, save) in saves().into_iter().enumerate() {
        save(&mut editor);
        editor.save().unwrap();
        recorder.mark(&format!("save {}", number + 1));
    }
    drop(editor);
    let states = states(saves);
    let plan = CrashPlan { one_write_in: 3, random: 2, ..CrashPlan::default() };
    let images = recorder.recording().for_each_crash(plan, |image| {
        let promised = (1..states.len()).rev().find(|n| image.passed(&format!("save {n}"))).unwrap_or(0);
        let found = state_of(&StagingIndex::open(&OsFs, image.root).unwrap());
        let next = (promised + 1).min(states.len() - 1);
        assert!(
            found == states[promised] || found == states[next],
            "not the state of save {promised} or {next}"
        );
        // Work goes on, over whatever the crash left behind.
        let mut editor = open(&OsFs::new(), image.root, locks.path()).unwrap();
        stage(&mut editor, 100_000..100_001, 9);
        editor.save().unwrap();
        let mut expected = found;
        expected.0.insert(path(100_000), 9);
        if expected.1.is_some() {
            expected.3.push(path(100_000));
            expected.3.sort_unstable();
        }
        assert!(state_of(&StagingIndex::open(&OsFs, image.root).unwrap()) == expected);
    });
    assert!(images > 30, "{images}");
}

#[test]
fn a_failed_call_leaves_the_state_before_or_after_a_save_and_it_can_be_repeated() {
    survives_failing_calls(saves);
}

#[test]
fn a_failed_call_leaves_a_sparse_index_before_or_after_a_save_and_it_can_be_repeated() {
    survives_failing_calls(sparse_saves);
}

fn survives_failing_calls(saves: fn() -> Vec<Change>) {
    let states = states(saves);
    // What the system calls the failure makes no difference here.
    let plans = [
        FaultPlan::once(Fault::Io),
        FaultPlan::from_then_on(Fault::NoSpace),
        FaultPlan::once(Fault::TornWrite),
        FaultPlan::from_then_on(Fault::TornWrite),
    ];
    for plan in plans {
        plan.sweep(|faulty| {
            let (folder, locks) = (scratch(), scratch());
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let Ok(mut editor) = open(&fs, folder.path(), locks.path()) else { return };
            for (number, save) in saves().into_iter().enumerate() {
                save(&mut editor);
                let saved = editor.save();
                let found = state_of(&StagingIndex::open(&OsFs, folder.path()).unwrap());
                let (before, after) = (&states[number], &states[number + 1]);
                assert!(
                    found == *after || (saved.is_err() && found == *before),
                    "after save {number}: {saved:?}"
                );
                if saved.is_err() && (plan.sticky || editor.save().is_err()) {
                    return;
                }
            }
            assert!(state_of(&StagingIndex::open(&OsFs, folder.path()).unwrap()) == states[states.len() - 1]);
        });
    }
}
