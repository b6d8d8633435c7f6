//! The power fails or a call does while a copy is made or removed: it is there as a whole, or not at all.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use dsv::plumbing::cache::{Cache, CacheError, TrimOptions};
use dsv::sys::Fs;
use rustix::io::Errno;

use super::{Made, assert_files_whole, fetched, leftovers, lock, open, open_with, same_as, some_files};
use crate::support::crash::CrashPlan;
use crate::support::fault::{Fault, FaultPlan, FaultyFs, Lacks, Scope};
use crate::support::record::RecordingFs;
use crate::support::repo::monitor;
use crate::support::tree::read_tree;

fn remove_all(cache: &Cache) -> Result<(), CacheError> {
    let lock = lock(cache)?;
    let options = TrimOptions { max_bytes: 0, keep: None, even_linked: true };
    cache.trim(&lock, &options, &monitor())?;
    Ok(cache.settle(lock)?)
}

/// Whatever happened to the cache, work in it goes on, and nothing is left of what happened.
fn goes_on(made: &Made, cache: &Cache) {
    made.fetch(cache.root());
    made.make(cache).unwrap();
    assert!(made.is_whole(cache), "it was made and is not there");
    assert_files_whole(cache.root());
    let lock = lock(cache).unwrap();
    cache.remove_leftovers(i64::MAX).unwrap();
    cache.settle(lock).unwrap();
    assert_eq!(leftovers(cache.root()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn a_crash_leaves_a_copy_whole_or_not_at_all() {
    let made = Made::new(1, some_files());
    let folder = fetched(&made);
    let recorder = RecordingFs::new(folder.path());
    let cache = open_with(Arc::clone(&recorder) as Arc<dyn Fs>, folder.path()).unwrap();
    made.make(&cache).unwrap();
    recorder.mark("made");
    remove_all(&cache).unwrap();
    recorder.mark("removed");
    let plan = CrashPlan { random: 2, ..CrashPlan::default() };
    let images = recorder.recording().for_each_crash(plan, |image| {
        assert_files_whole(image.root);
        let cache = open(image.root);
        let there = made.is_whole(&cache);
        assert!(!image.passed("removed") || !there, "it was removed and is there");
        goes_on(&made, &cache);
    });
    assert!(images > 100, "{images}");
}

#[test]
fn a_crash_after_it_was_made_loses_nothing() {
    let made = Made::new(1, some_files());
    let folder = fetched(&made);
    let recorder = RecordingFs::new(folder.path());
    let cache = open_with(Arc::clone(&recorder) as Arc<dyn Fs>, folder.path()).unwrap();
    made.make(&cache).unwrap();
    recorder.mark("made");
    let mut after = 0;
    recorder.recording().for_each_crash(CrashPlan::default(), |image| {
        if image.passed("made") {
            after += 1;
            assert!(made.is_whole(&open(image.root)), "it was made and is not there");
        }
    });
    assert!(after > 0);
}

#[test]
fn a_failing_call_leaves_a_copy_whole_or_not_at_all() {
    let made = Made::new(1, some_files());
    let before = read_tree(fetched(&made).path());
    for plan in FaultPlan::all() {
        let hits = plan.sweep(|faulty| {
            let folder = same_as(&before);
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let outcome = open_with(fs, folder.path()).and_then(|cache| made.make(&cache));
            if faulty.hit().is_none() {
                outcome.as_ref().unwrap();
            }
            assert_files_whole(folder.path());
            let cache = open(folder.path());
            let there = made.is_whole(&cache);
            assert!(outcome.is_err() || there, "it was made and is not there");
            goes_on(&made, &cache);
        });
        assert!(hits > 0, "{plan:?} was never met");
    }
}

/// Another process may remove a copy while one looks for it.
#[test]
fn a_copy_that_vanishes_while_it_is_looked_at_is_not_there() {
    let made = Made::new(1, some_files());
    let folder = fetched(&made);
    made.make(&open(folder.path())).unwrap();
    let plan = FaultPlan { scope: Scope::Reads, ..FaultPlan::once(Fault::Gone) };
    let hits = plan.sweep(|faulty| {
        let cache = open_with(Arc::clone(faulty) as Arc<dyn Fs>, folder.path()).unwrap();
        let found = made.find(&cache).unwrap();
        let listed = cache.list().unwrap();
        assert!(faulty.hit().is_some() || (found.is_some() && listed.len() == 1));
    });
    assert!(hits > 8, "{hits}");
}

#[test]
fn without_hard_links_files_are_copied() {
    for error in [Errno::XDEV, Errno::PERM, Errno::MLINK, Errno::OPNOTSUPP] {
        let made = Made::new(1, some_files());
        let folder = fetched(&made);
        let fs = FaultyFs::lacking(Lacks { hard_links: Some(error), ..Lacks::default() });
        let cache = open_with(fs, folder.path()).unwrap();
        made.make(&cache).unwrap();
        assert!(made.is_whole(&cache), "{error}");
        for (path, mode) in [("a/same", 0o444), ("a/run.sh", 0o555)] {
            let facts = made.find(&cache).unwrap().unwrap().copy.path.join(path).metadata().unwrap();
            assert_eq!((facts.permissions().mode() & 0o777, facts.nlink()), (mode, 1), "{error} {path}");
        }
        // They take room of their own, which is counted, and leaves.
        let lock = lock(&cache).unwrap();
        let trimmed = cache.trim(&lock, &TrimOptions::default(), &monitor()).unwrap();
        assert_eq!(trimmed.removed.len(), 1);
        assert!(trimmed.freed > 2 * 70_000, "{}", trimmed.freed);
        assert_eq!(trimmed.kept, 0);
    }
    let made = Made::new(1, some_files());
    let folder = fetched(&made);
    let fs = FaultyFs::lacking(Lacks { hard_links: Some(Errno::IO), ..Lacks::default() });
    let cache = open_with(fs, folder.path()).unwrap();
    assert!(made.make(&cache).is_err() && !made.is_whole(&cache));
}

#[test]
fn a_failing_call_while_it_is_removed_leaves_a_copy_whole_or_not_at_all() {
    let made = Made::new(1, some_files());
    for plan in FaultPlan::all() {
        let hits = plan.sweep(|faulty| {
            let folder = fetched(&made);
            made.make(&open(folder.path())).unwrap();
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let outcome = open_with(fs, folder.path()).and_then(|cache| remove_all(&cache));
            let cache = open(folder.path());
            let there = made.is_whole(&cache);
            assert!(outcome.is_err() || !there, "it was removed and is there");
            goes_on(&made, &cache);
        });
        assert!(hits > 0, "{plan:?} was never met");
    }
}
