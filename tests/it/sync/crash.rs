//! The power fails, or a call does, while a folder is taken in: the dataset is what it was or what it was to become, and the next
//! one goes on, though the folder has changed meanwhile.

use std::path::Path;
use std::sync::Arc;

use dsv::model::ErrorKind;
use dsv::porcelain::{Error, Repository, add, commit, status, sync};
use dsv::sys::Fs;

use crate::support::crash::CrashPlan;
use crate::support::fault::{Fault, FaultPlan};
use crate::support::record::RecordingFs;
use crate::support::repo::{assert_whole, assert_whole_but, create, monitor, open, open_real, version_tree};
use crate::support::scratch;
use crate::support::tree::{Tree, read_tree, write_tree};

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A repository whose worktree holds a file that is about to change and one that is about to go, and the folder.
fn world() -> Tree {
    let folder = scratch();
    let (work, incoming) = (folder.path().join("work"), folder.path().join("incoming"));
    std::fs::create_dir_all(&work).unwrap();
    let repo = create(&work);
    put(&work, "raw/held", "before");
    put(&work, "raw/going", "going");
    put(&work, "own", "own");
    let options = add::Options { paths: vec![work.clone().into()], ..Default::default() };
    add::run(&repo, &options, &monitor()).unwrap();
    let message = Some("First".to_owned());
    commit::run(&repo, &commit::Options { message, ..Default::default() }, &monitor()).unwrap();
    put(&incoming, "held", "after");
    put(&incoming, "new/file", "new");
    read_tree(folder.path())
}

fn take_in(repo: &Repository) -> Result<sync::Outcome, Error> {
    let folder = repo.root().parent().unwrap().join("incoming");
    let to = Some(dsv::model::RepoPath::new("raw").unwrap());
    sync::run(repo, &sync::Options { folder, to, ..Default::default() }, &monitor())
}

/// What the dataset holds.
fn files(repo: &Repository) -> Tree {
    version_tree(repo, &repo.refs().head_version().unwrap().unwrap())
}

/// Before and after.
fn ends() -> [Tree; 2] {
    let folder = scratch();
    write_tree(&world(), folder.path());
    let repo = open_real(&folder.path().join("work"));
    let before = files(&repo);
    take_in(&repo).unwrap();
    [before, files(&repo)]
}

/// The next one goes on, and so does one after the folder has changed.
fn go_on(root: &Path, after: &Tree) {
    let repo = open_real(&root.join("work"));
    take_in(&repo).unwrap();
    assert!(files(&repo) == *after, "the second run has another end");
    let status = status::run(&repo, &status::Options::default(), &monitor()).unwrap();
    // A checkout is not synced to the disk: what lay in the worktree may be what it was.
    assert!(status.staged.is_empty(), "{status:?}");
}

#[test]
fn sync_survives_a_crash() {
    let [before, after] = ends();
    let folder = scratch();
    write_tree(&world(), folder.path());
    let recorder = RecordingFs::new(folder.path());
    let work = folder.path().join("work");
    take_in(&open(Arc::clone(&recorder) as Arc<dyn Fs>, &work).unwrap()).unwrap();
    recorder.mark("done");
    let plan = CrashPlan { one_write_in: 8, random: 1, ..CrashPlan::default() };
    let mut changed = 0;
    let images = recorder.recording().for_each_crash(plan, |image| {
        let repo = open_real(&image.root.join("work"));
        assert_whole_but(&repo, |finding| {
            !image.passed("done") && matches!(finding, dsv::porcelain::fsck::Finding::Line { .. })
        });
        let found = files(&repo);
        assert!(found == before || found == after);
        assert!(!image.passed("done") || found == after, "what was promised does not hold");
        // Where the disk kept garbage in a file of the worktree, that is taken for somebody's work.
        match take_in(&repo) {
            Err(error) if error.kind() == ErrorKind::WouldOverwrite => return,
            taken => drop(taken.unwrap()),
        }
        changed += 1;
        put(image.root, "incoming/new/file", "newer");
        take_in(&open_real(&image.root.join("work"))).unwrap();
        put(image.root, "incoming/new/file", "new");
        go_on(image.root, &after);
    });
    assert!(images > 20 && changed > 20, "{images} {changed}");
}

#[test]
fn what_a_crash_left_staged_is_no_obstacle_when_the_folder_has_changed() {
    let [before, after] = ends();
    let folder = scratch();
    write_tree(&world(), folder.path());
    let recorder = RecordingFs::new(folder.path());
    take_in(&open(Arc::clone(&recorder) as Arc<dyn Fs>, &folder.path().join("work")).unwrap()).unwrap();
    let mut between = 0;
    let plan = CrashPlan { one_write_in: 8, random: 1, ..CrashPlan::default() };
    recorder.recording().for_each_crash(plan, |image| {
        let repo = open_real(&image.root.join("work"));
        let status = status::run(&repo, &status::Options::default(), &monitor()).unwrap();
        if files(&repo) != before || status.staged.is_empty() {
            return;
        }
        between += 1;
        put(image.root, "incoming/new/file", "newer");
        match take_in(&repo) {
            Err(error) if error.kind() == ErrorKind::WouldOverwrite => return,
            taken => drop(taken.unwrap()),
        }
        put(image.root, "incoming/new/file", "new");
        go_on(image.root, &after);
    });
    assert!(between > 0, "no crash came in between");
}

#[test]
fn sync_survives_failing_calls() {
    let [before, after] = ends();
    let world = world();
    let plans = [FaultPlan::once(Fault::ShortRead)].into_iter().chain(FaultPlan::all());
    for plan in plans {
        let hits = plan.sweep(|faulty| {
            let folder = scratch();
            write_tree(&world, folder.path());
            let work = folder.path().join("work");
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let outcome = open(fs, &work).and_then(|repo| take_in(&repo));
            if plan.fault == Fault::ShortRead || faulty.hit().is_none() {
                outcome.as_ref().unwrap();
            }
            let repo = open_real(&work);
            assert_whole(&repo);
            let found = files(&repo);
            assert!(found == before || found == after);
            assert!(outcome.is_err() || found == after, "it said that it was done");
            go_on(folder.path(), &after);
        });
        assert!(hits > 0, "{plan:?} was never met");
    }
}
