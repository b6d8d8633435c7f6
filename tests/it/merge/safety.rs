//! Nothing that is not committed is lost, and what was ended in the middle can be gone on with and taken back.

use std::sync::Arc;

use dsv::model::ErrorKind;
use dsv::porcelain::merge::{self, Options};
use dsv::porcelain::{Error, Repository};
use dsv::sys::Fs;
use insta::assert_snapshot;

use super::{apart, in_conflict, state};
use crate::support::crash::CrashPlan;
use crate::support::fault::{Fault, FaultPlan};
use crate::support::record::RecordingFs;
use crate::support::repo::{
    assert_whole, assert_whole_but, monitor, open, open_real, state_of, version_tree, worktree,
};
use crate::support::sandbox::Sandbox;
use crate::support::scratch;
use crate::support::tree::{Tree, read_tree, write_tree};

#[test]
fn abort_goes_back_to_the_very_bytes() {
    for solve in [None, Some("--theirs"), Some("--both"), Some("--ours")] {
        let sandbox = in_conflict();
        // What the merge does not touch may be changed, and stays so.
        sandbox.write("same", b"changed by hand");
        sandbox.write("untracked", b"nobody's");
        let before = state(&sandbox);
        sandbox.run(["merge", "exp"]).expect(1);
        if let Some(side) = solve {
            sandbox.ok(["merge", "-q", side, "."]);
        }
        // Changed by hand afterwards: a conflict, and something that was merged.
        sandbox.write("a.bin", b"\0half-way");
        sandbox.write("theirs/new", b"changed");
        sandbox.write("untracked too", b"nobody's");
        sandbox.ok(["merge", "--abort"]);
        std::fs::remove_file(sandbox.work().join("untracked too")).unwrap();
        assert!(before == state(&sandbox), "{solve:?}");
        assert!(!sandbox.work().join(".dsv/merge.json").exists());
        // And it can be done once more.
        sandbox.ok(["merge", "--theirs", "exp"]);
    }
}

#[test]
fn what_is_staged_besides_stays_staged() {
    let sandbox = in_conflict();
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.write("more", b"more");
    sandbox.ok(["add", "-q", "more"]);
    sandbox.ok(["merge", "--abort"]);
    let answer = sandbox.json(["status", "--json"]);
    assert_eq!(answer["staged"].as_array().unwrap().len(), 1);
    assert_eq!(answer["staged"][0]["path"], "more");
    assert_eq!(sandbox.read("more"), b"more");
}

#[test]
fn a_refusal_leaves_everything_as_it_was() {
    let sandbox = in_conflict();
    let refused = |what: &str| {
        let before = state(&sandbox);
        let error = sandbox.fails(3, ["merge", "exp"]);
        assert!(before == state(&sandbox), "{what}");
        assert!(!sandbox.work().join(".dsv/merge.json").exists(), "{what}");
        error
    };
    // A file in conflict, and one that would be replaced, were changed.
    sandbox.write("a.bin", b"\0not committed");
    assert_snapshot!(refused("conflict"), @"
    error: 1 uncommitted file would be lost
      a.bin (modified)
    hint: commit these files, or move them away, and run it again; nothing was changed
    ");
    sandbox.ok(["restore", "-q", "--force", "a.bin"]);
    sandbox.write("theirs/new", b"untracked");
    assert_snapshot!(refused("untracked"), @"
    error: 1 uncommitted file would be lost
      theirs/new (untracked)
    hint: commit these files, or move them away, and run it again; nothing was changed
    ");
    std::fs::remove_dir_all(sandbox.work().join("theirs")).unwrap();
    sandbox.write("staged", b"staged");
    sandbox.ok(["add", "-q", "staged"]);
    assert_snapshot!(refused("staged"), @"
    error: one path is staged and not committed
      staged
    hint: commit them with 'dsv commit -m MESSAGE', or unstage them with 'dsv restore --staged .'; nothing was changed
    ");
    sandbox.ok(["commit", "-q", "-m", "It"]);
    // A label that cannot be had is found out before anything is touched.
    let before = state(&sandbox);
    sandbox.fails(3, ["merge", "--theirs", "--label", "0.1.0", "exp"]);
    assert!(before == state(&sandbox));
    sandbox.ok(["checkout", "-q", "cats~1"]);
    sandbox.fails(3, ["merge", "exp"]);
}

#[test]
fn what_nobody_tracks_is_not_taken_by_abort() {
    let sandbox = apart(
        &[("a", Some(b"1")), ("clash", Some(b"\0"))],
        &[("clash", Some(b"\x001"))],
        &[("a", None), ("a/x", Some(b"2")), ("clash", Some(b"\x002"))],
    );
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.write("a/untracked", b"nobody's");
    let error = sandbox.fails(3, ["merge", "--abort"]);
    assert!(error.contains("a (untracked)"), "{error}");
    assert_eq!(sandbox.read("a/untracked"), b"nobody's");
    std::fs::remove_file(sandbox.work().join("a/untracked")).unwrap();
    sandbox.ok(["merge", "--abort"]);
    assert_eq!(sandbox.read("a"), b"1");
}

#[test]
fn a_damaged_state_can_be_taken_back() {
    let sandbox = in_conflict();
    let before = state(&sandbox);
    let file = sandbox.work().join(".dsv/merge.json");
    for bad in [&b""[..], b"{}", b"\0\0\0\0", b"{\"format\":1,\"action\":\"merge\"}"] {
        sandbox.run(["merge", "exp"]).expect(1);
        std::fs::write(&file, bad).unwrap();
        let error = sandbox.fails(4, ["commit", "-m", "No"]);
        assert!(error.contains("merge --abort"), "{error}");
        for arguments in [&["status"][..], &["merge", "--continue"], &["merge", "exp"], &["switch", "exp"]] {
            sandbox.fails(4, arguments);
        }
        sandbox.ok(["merge", "--abort"]);
        assert!(before == state(&sandbox));
    }
    sandbox.run(["merge", "exp"]).expect(1);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    assert_snapshot!(sandbox.fails(4, ["status"]), @"
    error: what is known of the merge under way cannot be read
      because: '$ROOT/work/.dsv/merge.json' is damaged
      because: state of a merge is malformed: EOF while parsing a string at line 1 column 877
    hint: 'dsv merge --abort' goes back to the current version
    ");
    sandbox.ok(["merge", "--abort"]);
    assert!(before == state(&sandbox));
}

#[test]
fn whoever_forces_gives_a_merge_up() {
    let sandbox = in_conflict();
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.ok(["checkout", "-q", "--force", "cats"]);
    assert!(!sandbox.work().join(".dsv/merge.json").exists());
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn gc_keeps_what_a_merge_needs() {
    let sandbox = in_conflict();
    let exp = sandbox.ok(["rev-parse", "exp"]);
    sandbox.run(["merge", "exp"]).expect(1);
    sandbox.ok(["branch", "-d", "--force", "exp"]);
    std::fs::remove_file(sandbox.work().join(".dsv/logs/refs.jsonl")).unwrap();
    sandbox.ok(["gc", "--grace", "0s"]);
    sandbox.ok(["merge", "-q", "--theirs", "."]);
    sandbox.ok(["merge", "-q", "--continue"]);
    assert_eq!(sandbox.ok(["rev-parse", "HEAD^2"]), exp);
    sandbox.ok(["fsck", "--full"]);
}

/// A repository with a merge to be done, its folder.
fn prepared(sandbox: &Sandbox) -> Tree {
    read_tree(&sandbox.work())
}

fn merge_exp(repo: &Repository) -> Result<(), Error> {
    if merge::under_way(repo)?.is_some() {
        return merge::proceed(repo, None, &monitor()).map(drop);
    }
    let versions = vec![repo.resolve_version("exp")?];
    merge::run(repo, &Options { versions, ..Options::default() }, &monitor()).map(drop)
}

fn small() -> Sandbox {
    apart(
        &[("a", Some(b"1")), ("gone", Some(b"2")), ("text", Some(b"1\n2\n3\n"))],
        &[("b", Some(b"3")), ("text", Some(b"one\n2\n3\n"))],
        &[("a", Some(b"4")), ("c/d", Some(b"5")), ("gone", None), ("text", Some(b"1\n2\nthree\n"))],
    )
}

/// Whatever the power's failure left: the state before or after, or a merge that can be ended both ways.
#[test]
fn a_merge_survives_a_crash() {
    let sandbox = small();
    let folder = scratch();
    write_tree(&prepared(&sandbox), folder.path());
    let before = state_of(&open_real(folder.path()));
    let recorder = RecordingFs::new(folder.path());
    let repo = open(Arc::clone(&recorder) as Arc<dyn Fs>, folder.path()).unwrap();
    merge_exp(&repo).unwrap();
    recorder.mark("done");
    let after = state_of(&open_real(folder.path()));
    assert!(after.version != before.version);
    let plan = CrashPlan { one_write_in: 8, random: 1, ..CrashPlan::default() };
    let (mut abort_next, mut under_way) = (false, 0);
    let images = recorder.recording().for_each_crash(plan, |image| {
        let repo = open_real(image.root);
        assert_whole_but(&repo, |finding| {
            !image.passed("done") && matches!(finding, dsv::porcelain::fsck::Finding::Line { .. })
        });
        let found = state_of(&repo);
        let later = found.version == after.version;
        assert!(later || found.version == before.version);
        assert!(!image.passed("done") || later, "what was promised does not hold");
        if later {
            assert!(found == after, "the dataset moved before the rest was there");
        }
        if merge::under_way(&repo).unwrap().is_some() {
            under_way += 1;
            abort_next = !abort_next;
            if abort_next {
                merge::abort(&repo, &monitor()).unwrap();
                let repo = open_real(image.root);
                assert!(state_of(&repo) == before, "abort led elsewhere");
                return;
            }
        }
        match merge_exp(&open_real(image.root)) {
            // Garbage that the disk kept in a file is taken for somebody's work, until that is given up.
            Err(error) if error.kind() == ErrorKind::WouldOverwrite => {
                merge::abort(&open_real(image.root), &monitor()).unwrap();
                let known = version_tree(&open_real(image.root), &before.version.unwrap());
                for path in worktree(image.root).keys().filter(|path| !known.contains_key(*path)) {
                    std::fs::remove_file(image.root.join(path)).unwrap();
                }
                merge_exp(&open_real(image.root)).unwrap();
            }
            again => again.unwrap(),
        }
        assert!(state_of(&open_real(image.root)).staged == after.staged, "the second run has another end");
    });
    assert!(images > 20 && under_way > 5, "{images} {under_way}");
}

#[test]
fn a_merge_survives_failing_calls() {
    let sandbox = small();
    let folder_before = prepared(&sandbox);
    let (before, after) = {
        let folder = scratch();
        write_tree(&folder_before, folder.path());
        let repo = open_real(folder.path());
        let before = state_of(&repo);
        merge_exp(&repo).unwrap();
        (before, state_of(&open_real(folder.path())))
    };
    for plan in [FaultPlan::once(Fault::ShortRead)].into_iter().chain(FaultPlan::all()) {
        let mut abort_next = false;
        plan.sweep(|faulty| {
            let folder = scratch();
            write_tree(&folder_before, folder.path());
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let outcome = open(fs, folder.path()).and_then(|repo| merge_exp(&repo));
            if plan.fault == Fault::ShortRead || faulty.hit().is_none() {
                outcome.as_ref().unwrap();
            }
            let repo = open_real(folder.path());
            assert_whole(&repo);
            let found = state_of(&repo);
            assert!(found.version == before.version || found == after, "neither before nor after");
            let is_under_way = merge::under_way(&repo).unwrap().is_some();
            if found.version == before.version && !is_under_way {
                assert!(found == before, "half a merge, and nothing tells of it");
            }
            abort_next = is_under_way && !abort_next;
            if abort_next {
                merge::abort(&repo, &monitor()).unwrap();
                assert!(state_of(&open_real(folder.path())) == before, "abort led elsewhere");
                return;
            }
            match merge_exp(&repo) {
                Err(error) if error.kind() == ErrorKind::NothingToDo => {}
                again => again.unwrap(),
            }
            assert!(state_of(&open_real(folder.path())) == after, "the second run has another end");
        });
    }
}
