//! The power fails while a verb is at work: the repository is in the state before or after it, and whole.

use std::sync::Arc;

use dsv::model::{ErrorKind, Head};
use dsv::porcelain::{checkout, fsck};
use dsv::sys::Fs;

use crate::support::crash::CrashPlan;
use crate::support::record::RecordingFs;
use crate::support::repo::{assert_whole_but, monitor, open, open_real, state_of, version_tree, worktree};
use crate::support::scenario::Scenario;
use crate::support::scratch;
use crate::support::tree::write_tree;

/// Between syncs one write in eight is tried; each sync and each change of names is.
fn survives(scenario: &Scenario) {
    let folder = scratch();
    write_tree(&scenario.folder, folder.path());
    let recorder = RecordingFs::new(folder.path());
    let repo = open(Arc::clone(&recorder) as Arc<dyn Fs>, folder.path()).unwrap();
    (scenario.verb)(&repo).unwrap();
    recorder.mark("done");
    let plan = CrashPlan { one_write_in: 8, random: 1, ..CrashPlan::default() };
    let images = recorder.recording().for_each_crash(plan, |image| {
        let repo = open_real(image.root);
        // What a disk held before may end with a line feed, and is then a line of the log that was being
        // written; readers pass over it. Once the verb is done there must be none.
        assert_whole_but(&repo, |finding| {
            !image.passed("done") && matches!(finding, fsck::Finding::Line { .. })
        });
        let later = scenario.assert_either(&repo);
        assert!(!image.passed("done") || later, "what was promised does not hold");
        go_on(scenario, image.root);
    });
    assert!(images > 20, "{images}");
}

/// Work goes on: the verb, run again, reaches its end over whatever the crash left behind. Where the disk
/// kept garbage in a file of the worktree, that is taken for somebody's work until `force` is given.
fn go_on(scenario: &Scenario, root: &std::path::Path) {
    let repo = open_real(root);
    match (scenario.verb)(&repo) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NothingToDo => {
            assert!(state_of(&repo) == scenario.after, "nothing to do, but it was not done");
            return;
        }
        Err(error) if error.kind() == ErrorKind::WouldOverwrite => {
            // Where the verb itself has no force, it is undone by hand.
            let Head::Detached(id) = scenario.after.head else { return };
            let options = checkout::Options {
                head: Head::Detached(id),
                version: Some(id),
                create: false,
                force: true,
                sparse: None,
            };
            checkout::run(&repo, &options, &monitor()).unwrap();
            // What was removed may be back, and is nobody's now.
            let there = worktree(root);
            let wanted = version_tree(&repo, &id);
            assert!(wanted.iter().all(|(path, node)| there.get(path) == Some(node)), "not what it is to be");
            let mut extra = there.iter().filter(|(path, _)| !wanted.contains_key(*path));
            assert!(extra.all(|(path, node)| scenario.folder.get(path) == Some(node)), "from nowhere");
        }
        Err(error) => panic!("the second run failed: {error:?}"),
    }
    assert!(state_of(&open_real(root)) == scenario.after, "the second run has another end");
}

#[test]
fn add_survives_a_crash() {
    survives(&Scenario::add());
}

#[test]
fn commit_survives_a_crash() {
    survives(&Scenario::commit());
}

#[test]
fn checkout_survives_a_crash() {
    survives(&Scenario::checkout());
}

#[test]
fn create_survives_a_crash() {
    survives(&Scenario::create());
}

#[test]
fn commit_of_a_draft_survives_a_crash() {
    survives(&Scenario::commit_draft());
}

#[test]
fn abort_survives_a_crash() {
    survives(&Scenario::abort());
}

#[test]
fn delete_survives_a_crash() {
    survives(&Scenario::delete());
}

#[test]
fn gc_survives_a_crash() {
    survives(&Scenario::gc());
}
