//! Making, changing and comparing trees of a million entries.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use dsv::model::{Entry, EntryKind, EntryName, ObjectId, RepoPath};
use dsv::plumbing::TreeError;
use dsv::plumbing::tree_edit::{Edit, TreeBuilder, WrittenTree, apply};
use dsv::store::{ObjectDb, StoreOptions, Writer};
use dsv::sys::OsFs;

/// Files of the dataset: so many directories of so many files, and one of [`LARGE`].
const DIRECTORIES: u64 = 800;
const FILES: u64 = 1000;
const LARGE: u64 = 200_000;

fn id(number: u64) -> ObjectId {
    let mut id = [0; 32];
    for (piece, salt) in id.chunks_exact_mut(8).zip(1..) {
        piece.copy_from_slice(&(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (salt << 7)).to_le_bytes());
    }
    ObjectId::Sha256(id)
}

fn entry(number: u64) -> Entry {
    let name = EntryName::new(format!("img_{number:09}.jpg")).unwrap();
    Entry { name, kind: EntryKind::File, size: 1000 + number % 7000, files: 1, id: id(number) }
}

/// Directories in the order of the builder, with the numbers of their files.
fn directories() -> impl Iterator<Item = (String, std::ops::Range<u64>)> {
    let small = (0..DIRECTORIES).rev().map(|n| (format!("train/{n:04}"), n * FILES..(n + 1) * FILES));
    let large = ("test".to_owned(), DIRECTORIES * FILES..DIRECTORIES * FILES + LARGE);
    small.chain([large])
}

fn build(writer: &Writer) -> WrittenTree {
    let mut builder = TreeBuilder::new(writer).unwrap();
    for (path, numbers) in directories() {
        let entries = numbers.map(|number| Ok::<_, TreeError>(entry(number)));
        builder.directory(path.as_bytes(), entries).unwrap();
    }
    builder.finish().unwrap()
}

/// Edits of `count` files all over the dataset.
fn edits(count: u64) -> BTreeMap<RepoPath, Edit> {
    let total = DIRECTORIES * FILES;
    let paths = (0..count).map(|n| {
        let number = n * (total / count) + 17 * n % 100;
        let path = format!("train/{:04}/img_{number:09}.jpg", number / FILES);
        (RepoPath::new(path).unwrap(), Edit::file(EntryKind::File, 5, id(number + 1_000_000_000)))
    });
    paths.collect()
}

pub(crate) fn all(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let options = StoreOptions::default();
        Arc::new(ObjectDb::open(Arc::new(OsFs), &dir.path().join(name), options).unwrap())
    };
    let mut group = criterion.benchmark_group("tree");
    group.sample_size(10);

    let empty = open("empty");
    group.throughput(Throughput::Elements(DIRECTORIES * FILES + LARGE));
    group.bench_function("build a million entries", |bencher| {
        bencher.iter(|| build(&Writer::new(&empty).unwrap()));
    });

    let db = open("objects");
    let writer = Writer::new(&db).unwrap();
    let base = build(&writer);
    writer.finish().unwrap();
    for count in [1, 100, 10_000] {
        let edits = edits(count);
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("apply {count} edits to a million entries"), |bencher| {
            let writer = Writer::new(&db).unwrap();
            bencher.iter(|| black_box(apply(&writer, Some(&base.id), &edits).unwrap()));
        });
    }
    group.finish();
}
