//! What is noted of places outside of the cache: links that keep copies, and folders that are being copied to.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsv::model::Interrupt;
use dsv::plumbing::cache::{Cache, LinkedCopy, TrimOptions};
use dsv::store::LockRequest;
use dsv::sys::{Fs, LockMode, OsFs, SystemClock, temp_name};

use super::{Made, fetched, lock, open, open_with, some_files, waiting};
use crate::support::fault::{Fault, FaultPlan, FaultyFs, Lacks, Scope};
use crate::support::repo::monitor;
use crate::support::scratch;

fn on_host(root: &Path, host: &str) -> Cache {
    Cache::open(&OsFs::new(), root, host).unwrap()
}

/// Makes the link and the note of it.
fn link(cache: &Cache, made: &Made, at: &Path) {
    let used = made.find(cache).unwrap().unwrap();
    cache.note_link(&used, at).unwrap();
    symlink(&used.copy.path, at).unwrap();
}

/// Removes all that nothing keeps; returns what links keep.
fn collect(cache: &Cache) -> Vec<LinkedCopy> {
    let lock = lock(cache).unwrap();
    let trimmed = cache.trim(&lock, &TrimOptions::default(), &monitor()).unwrap();
    cache.settle(lock).unwrap();
    assert!(trimmed.in_use.is_empty());
    trimmed.linked
}

/// A cache with a copy, and a folder beside it.
fn made() -> (Made, tempfile::TempDir, tempfile::TempDir) {
    let made = Made::new(1, some_files());
    let folder = fetched(&made);
    made.make(&open(folder.path())).unwrap();
    (made, folder, scratch())
}

#[test]
fn a_link_keeps_its_copy_until_it_is_seen_to_be_gone() {
    let (made, folder, outside) = made();
    let cache = open(folder.path());
    let at = outside.path().join("job/data");
    std::fs::create_dir(outside.path().join("job")).unwrap();
    link(&cache, &made, &at);
    let kept = collect(&cache);
    assert_eq!((kept[0].link.as_path(), &kept[0].host), (at.as_path(), &None));
    // The folder that it is in is gone with it.
    std::fs::remove_dir_all(outside.path().join("job")).unwrap();
    assert!(collect(&cache).is_empty());
    assert!(!made.is_whole(&cache));
    assert_eq!(std::fs::read_dir(folder.path().join("links")).unwrap().count(), 0);
}

#[test]
fn a_link_that_leads_elsewhere_keeps_nothing() {
    for replaced in [true, false] {
        let (made, folder, outside) = made();
        let cache = open(folder.path());
        let at = outside.path().join("data");
        link(&cache, &made, &at);
        std::fs::remove_file(&at).unwrap();
        if replaced {
            symlink("/elsewhere", &at).unwrap();
        } else {
            std::fs::write(&at, "a file").unwrap();
        }
        assert!(collect(&cache).is_empty());
    }
}

#[test]
fn a_link_that_cannot_be_looked_at_keeps_its_copy() {
    let (made, folder, outside) = made();
    let at = outside.path().join("data");
    link(&open(folder.path()), &made, &at);
    for fault in [Fault::Denied, Fault::Io] {
        let hits = FaultPlan { scope: Scope::Reads, ..FaultPlan::once(fault) }.sweep(|faulty| {
            let cache = open_with(Arc::clone(faulty) as Arc<dyn Fs>, folder.path());
            let Ok(cache) = cache else { return };
            let Ok(lock) = lock(&cache) else { return };
            let _ = cache.trim(&lock, &TrimOptions::default(), &monitor());
            drop(lock);
            assert!(made.is_whole(&open(folder.path())), "the link was forgotten");
        });
        assert!(hits > 5, "{hits}");
    }
}

/// Where another file system was, there is the folder that it is mounted on: another device, and no link.
#[test]
fn a_link_on_a_file_system_that_is_not_mounted_keeps_its_copy() {
    let (made, folder, outside) = made();
    let cache = open(folder.path());
    let at = outside.path().join("data");
    link(&cache, &made, &at);
    std::fs::remove_file(&at).unwrap();
    let links = folder.path().join("links");
    let note = std::fs::read_dir(links).unwrap().next().unwrap().unwrap().path();
    let mut place = dsv::codec::place_note::decode_place(&std::fs::read(&note).unwrap()).unwrap();
    place.device += 1;
    std::fs::write(&note, dsv::codec::place_note::encode_place(&place)).unwrap();
    assert_eq!(collect(&cache).len(), 1);
}

#[test]
fn a_link_of_another_host_keeps_its_copy() {
    let (made, folder, outside) = made();
    let far = on_host(folder.path(), "far");
    let at = outside.path().join("data");
    link(&far, &made, &at);
    std::fs::remove_file(&at).unwrap();
    // What is at that path here says nothing of the other one.
    assert_eq!(collect(&open(folder.path())).len(), 1);
    std::fs::write(&at, "a file here").unwrap();
    let kept = collect(&open(folder.path()));
    assert_eq!(kept[0].host.as_deref(), Some("far"));
    assert!(collect(&far).is_empty());
    // All of it can be removed from anywhere, and then nothing is known of the link.
    made.fetch(folder.path());
    made.make(&far).unwrap();
    std::fs::remove_file(&at).unwrap();
    link(&far, &made, &at);
    let cache = open(folder.path());
    let lock = lock(&cache).unwrap();
    let options = TrimOptions { even_linked: true, ..TrimOptions::default() };
    cache.trim(&lock, &options, &monitor()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("links")).unwrap().count(), 0);
}

#[test]
fn a_note_is_not_forgotten_before_the_link_is_there() {
    let (made, folder, outside) = made();
    let (cache, at) = (open(folder.path()), outside.path().join("data"));
    let used = made.find(&cache).unwrap().unwrap();
    cache.note_link(&used, &at).unwrap();
    let other = open(folder.path());
    let lock_of_other = lock(&other).unwrap();
    let trimmed = other.trim(&lock_of_other, &TrimOptions::default(), &monitor()).unwrap();
    other.settle(lock_of_other).unwrap();
    assert_eq!(trimmed.in_use.len(), 1);
    symlink(&used.copy.path, &at).unwrap();
    drop(used);
    assert_eq!(collect(&other).len(), 1);
    assert!(made.is_whole(&other));
}

/// Notes a folder as somebody does who is killed then.
fn noted(cache: &Cache, at: &Path) {
    let pending = waiting(|request| cache.begin_folder(at, request)).unwrap();
    let notes = cache.root().join("pending");
    let note = std::fs::read_dir(&notes).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&note).unwrap();
    drop(pending);
    std::fs::write(note, bytes).unwrap();
    std::fs::create_dir_all(at.join("below")).unwrap();
    std::fs::write(at.join("below/file"), "data").unwrap();
}

fn notes(cache: &Cache) -> usize {
    std::fs::read_dir(cache.root().join("pending")).unwrap().count()
}

fn recover(cache: &Cache) {
    let lock = lock(cache).unwrap();
    cache.remove_leftovers(i64::MAX).unwrap();
    cache.settle(lock).unwrap();
}

#[test]
fn only_what_has_a_temporary_name_is_removed() {
    let (_, folder, outside) = made();
    let cache = open(folder.path());
    let (theirs, ours) = (outside.path().join("theirs"), outside.path().join(temp_name()));
    noted(&cache, &theirs);
    recover(&cache);
    assert!(theirs.join("below/file").exists(), "it removed what it did not make");
    noted(&cache, &ours);
    recover(&cache);
    assert!(!ours.exists());
    assert_eq!(notes(&cache), 0);
}

#[test]
fn a_folder_on_another_host_stays_noted() {
    let (_, folder, outside) = made();
    let far = on_host(folder.path(), "far");
    let at = outside.path().join(temp_name());
    noted(&far, &at);
    recover(&open(folder.path()));
    assert!(at.exists());
    assert_eq!(notes(&far), 1);
    recover(&far);
    assert!(!at.exists());
}

#[test]
fn nobody_goes_on_without_the_lock_of_the_note() {
    let (_, folder, outside) = made();
    let cache = open(folder.path());
    let at = outside.path().join(temp_name());
    let pending = waiting(|request| cache.begin_folder(&at, request)).unwrap();
    let note: PathBuf =
        std::fs::read_dir(folder.path().join("pending")).unwrap().next().unwrap().unwrap().path();
    assert!(OsFs.try_lock(&note, LockMode::Exclusive).unwrap().is_none());
    // The same folder once more, as another process that has the lock would have it.
    let request = LockRequest {
        owner: "test",
        timeout: Duration::ZERO,
        clock: &SystemClock,
        interrupt: &Interrupt::new(),
        on_wait: &|_| (),
    };
    let bytes = std::fs::read(&note).unwrap();
    let locked = FaultyFs::lacking(Lacks { locks: true, ..Lacks::default() });
    let other = open_with(locked, folder.path()).unwrap();
    assert!(other.begin_folder(&at, &request).is_err());
    assert_eq!(std::fs::read(&note).unwrap(), bytes);
    drop(pending);
}
