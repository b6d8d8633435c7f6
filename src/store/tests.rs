//! What every user of the database relies on: what was written comes back, once.

use std::io::Read;
use std::sync::Arc;

use super::*;
use crate::codec::pack::RecordKind;
use crate::model::{BlobId, Monitor};
use crate::sys::OsFs;

struct Fixture {
    _dir: tempfile::TempDir,
    db: Arc<ObjectDb>,
}

fn fixture(options: StoreOptions) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let db = ObjectDb::open(Arc::new(OsFs), &dir.path().join("objects"), options).unwrap();
    Fixture { db: Arc::new(db), _dir: dir }
}

/// Deterministic bytes that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn read_back(db: &Arc<ObjectDb>, id: &BlobId) -> Vec<u8> {
    let mut bytes = Vec::new();
    db.open_blob(id).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn blobs_of_all_sizes_come_back_from_either_path() {
    let fixture = fixture(StoreOptions { pack_target: 3_000_000, ..Default::default() });
    let sizes = [0, 1, 5000, 1 << 20, (1 << 20) + 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 13_000_000];
    let writer = Writer::new(&fixture.db).unwrap();
    let mut compressors = writer.blob_compressors().unwrap();
    let mut ids = Vec::new();
    for (seed, &size) in sizes.iter().enumerate() {
        let bytes = noise(seed as u64, size);
        let (id, len) = writer.put_blob(&mut &bytes[..], &mut compressors).unwrap();
        let again = writer.put_large_blob(&mut &bytes[..], &mut compressors, &Monitor::quiet()).unwrap();
        assert_eq!((id, len), again);
        ids.push(id);
    }
    writer.finish().unwrap();
    let reopened =
        Arc::new(ObjectDb::open(Arc::new(OsFs), fixture.db.objects_dir(), StoreOptions::default()).unwrap());
    for (seed, (id, &size)) in ids.iter().zip(&sizes).enumerate() {
        assert!(read_back(&reopened, id) == noise(seed as u64, size), "{size}");
        assert_eq!(reopened.blob_len(id).unwrap(), size as u64);
    }
}

#[test]
fn many_commits_leave_few_files() {
    let fixture = fixture(StoreOptions::default());
    let mut ids = Vec::new();
    for seed in 0..120 {
        let writer = Writer::new(&fixture.db).unwrap();
        ids.push(writer.put_small_blob(&noise(seed, 1000), &mut writer.compressor().unwrap()).unwrap());
        writer.finish().unwrap();
    }
    let files = fixture.db.file_names().unwrap();
    assert!(files.len() < 50, "{files:?}");
    for (seed, id) in ids.iter().enumerate() {
        assert_eq!(read_back(&fixture.db, id), noise(seed as u64, 1000));
    }
}

#[test]
fn equal_bytes_are_stored_once_by_many_threads() {
    let fixture = fixture(StoreOptions::default());
    let writer = Writer::new(&fixture.db).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut compressor = writer.compressor().unwrap();
                for seed in 0..50 {
                    writer.put_small_blob(&noise(seed, 3000), &mut compressor).unwrap();
                }
            });
        }
    });
    let stats = writer.finish().unwrap();
    assert_eq!((stats.records, stats.raw_bytes, stats.deduplicated_bytes), (50, 150_000, 7 * 150_000));
}

#[test]
fn an_unfinished_writer_leaves_nothing() {
    let fixture = fixture(StoreOptions::default());
    let writer = Writer::new(&fixture.db).unwrap();
    let id = writer.put_small_blob(b"hello", &mut writer.compressor().unwrap()).unwrap();
    drop(writer);
    assert!(!fixture.db.contains(RecordKind::Blob, id.as_bytes()).unwrap());
    assert!(fixture.db.file_names().unwrap().is_empty());
    assert_eq!(fixture.db.open_blob(&id).unwrap_err().kind(), crate::model::ErrorKind::Corrupt);
}
#[test]
fn an_insertion_stores_little_more_than_itself() {
    let fixture = fixture(StoreOptions::default());
    let mut bytes = noise(1, 40_000_000);
    let store = |bytes: &[u8]| {
        let writer = Writer::new(&fixture.db).unwrap();
        let mut compressors = writer.blob_compressors().unwrap();
        writer.put_large_blob(&mut &bytes[..], &mut compressors, &Monitor::quiet()).unwrap();
        writer.finish().unwrap().stored_bytes
    };
    assert!(store(&bytes) > 40_000_000);
    bytes.splice(12_000_000..12_000_000, noise(2, 1_000_000));
    let second = store(&bytes);
    assert!(second < 1_600_000, "{second}");
    assert_eq!(store(&bytes), 0);
}
