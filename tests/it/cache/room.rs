//! What the cache takes, and what leaves when it is too much.

use std::path::Path;

use dsv::model::EntryKind;
use dsv::plumbing::cache::{Cache, TrimOptions, Trimmed};

use super::{Made, fetched, leftovers, lock, open, some_files};
use crate::support::mini::noise;
use crate::support::repo::monitor;
use crate::support::tree::{Node, read_tree};

/// A version of files of these sizes.
fn of_sizes(number: u8, sizes: &'static [(&'static str, usize)]) -> Made {
    let files = sizes.iter().enumerate().map(|(at, (path, size))| {
        (*path, EntryKind::File, noise(u64::from(number) * 100 + at as u64, *size))
    });
    Made::new(number, files.collect())
}

fn make(cache: &Cache, made: &Made) {
    made.fetch(cache.root());
    made.make(cache).unwrap();
}

fn keep_within(cache: &Cache, max_bytes: u64) -> Trimmed {
    let lock = lock(cache).unwrap();
    let options = TrimOptions { max_bytes, ..TrimOptions::default() };
    let trimmed = cache.keep_within(&lock, &options, &monitor()).unwrap();
    cache.settle(lock).unwrap();
    trimmed
}

/// Bytes of all files that are there, each once, whatever names it has.
fn bytes_of_files(root: &Path) -> usize {
    let all = read_tree(&root.join("files"));
    all.values().map(|node| if let Node::File { bytes, .. } = node { bytes.len() } else { 0 }).sum()
}

/// Bytes of all files and packs.
fn bytes_taken(root: &Path) -> u64 {
    let packs = std::fs::read_dir(root.join("objects")).unwrap().flatten();
    packs.map(|entry| entry.metadata().unwrap().len()).sum::<u64>() + bytes_of_files(root) as u64
}

#[test]
fn files_that_lost_their_copy_count() {
    let two = of_sizes(1, &[("a", 70_000), ("b", 70_000)]);
    let small = of_sizes(2, &[("c", 20_000)]);
    let third = of_sizes(3, &[("d", 60_000)]);
    let folder = fetched(&two);
    let cache = open(folder.path());
    make(&cache, &two);
    cache.note_use(&two.key(), 1);
    make(&cache, &small);
    // The copy leaves, and one of its files is enough.
    assert_eq!(keep_within(&cache, 150_000).removed.len(), 1);
    assert_eq!(bytes_of_files(folder.path()), 90_000);
    make(&cache, &third);
    keep_within(&cache, 145_000);
    assert!(bytes_taken(folder.path()) <= 145_000, "{}", bytes_taken(folder.path()));
    assert_eq!(cache.list().unwrap().len(), 2);
}

#[test]
fn files_that_a_killed_process_left_count_whoever_finds_them() {
    let killed = of_sizes(1, &[("a", 70_000)]);
    let small = of_sizes(2, &[("c", 20_000)]);
    let folder = fetched(&killed);
    let cache = open(folder.path());
    make(&cache, &killed);
    make(&cache, &small);
    // As if it had been killed before it was a copy.
    let lock_of_killed = lock(&cache).unwrap();
    std::fs::remove_file(folder.path().join(format!("copies/{}.json", killed.key().as_str()))).unwrap();
    drop(lock_of_killed);
    // Somebody comes who has nothing to make, then one who has.
    let other = lock(&cache).unwrap();
    cache.settle(other).unwrap();
    // More than the copy that is left takes, together with the packs.
    keep_within(&cache, 115_000);
    assert!(bytes_taken(folder.path()) <= 115_000, "{}", bytes_taken(folder.path()));
    keep_within(&cache, 50_000);
    assert_eq!(bytes_of_files(folder.path()), 20_000);
}

#[test]
fn everything_unused_leaves_for_one_large_request() {
    let sizes: [&'static [(&'static str, usize)]; 3] =
        [&[("a", 30_000), ("b", 30_000)], &[("c", 30_000), ("d", 30_000)], &[("e", 100_000)]];
    let all: Vec<Made> = sizes.iter().zip(1..).map(|(sizes, number)| of_sizes(number, sizes)).collect();
    let folder = fetched(&all[0]);
    let cache = open(folder.path());
    for made in &all {
        make(&cache, made);
    }
    let lock = lock(&cache).unwrap();
    let key = all[2].key();
    let options = TrimOptions { max_bytes: 101_000, keep: Some(&key), even_linked: false };
    let trimmed = cache.keep_within(&lock, &options, &monitor()).unwrap();
    cache.settle(lock).unwrap();
    assert_eq!(trimmed.removed.len(), 2);
    assert!(trimmed.kept <= 101_000, "{}", trimmed.kept);
    assert_eq!(bytes_of_files(folder.path()), 100_000);
    assert!(all[2].is_whole(&cache));
}

#[test]
fn a_pack_that_no_index_lists_is_removed() {
    let made = Made::new(1, some_files());
    let folder = fetched(&made);
    let cache = open(folder.path());
    let lock_of_killed = lock(&cache).unwrap();
    let objects = folder.path().join("objects");
    for entry in std::fs::read_dir(&objects).unwrap().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "idx") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    drop(lock_of_killed);
    let lock = lock(&cache).unwrap();
    assert!(lock.recovered() > 70_000, "{}", lock.recovered());
    cache.settle(lock).unwrap();
    let left = read_tree(&objects).into_keys().filter(|path| path.extension().is_some_and(|e| e == "pack"));
    assert_eq!(left.count(), 0);
    assert_eq!(leftovers(folder.path()), [""; 0].map(std::path::PathBuf::from));
    // And one that an index lists stays.
    made.fetch(folder.path());
    drop(super::lock(&cache).unwrap());
    let lock = super::lock(&cache).unwrap();
    cache.settle(lock).unwrap();
    made.make(&cache).unwrap();
    assert!(made.is_whole(&cache));
}
