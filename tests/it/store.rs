//! The object database under several users at once, and when the disk fails.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dsv::codec::pack::RecordKind;
use dsv::model::{BlobId, ErrorKind, Interrupt};
use dsv::plumbing::host::{Fs, OsFs};
use dsv::store::consolidate::{remove_packs, rewrite_packs};
use dsv::store::{ObjectDb, PackFile, StoreError, StoreOptions, Writer};

use crate::support::crash::CrashPlan;
use crate::support::fault::FaultPlan;
use crate::support::mini::noise;
use crate::support::record::{Op, RecordingFs};
use crate::support::scratch;
use crate::support::tree::{read_tree, write_tree};

fn open(fs: Arc<dyn Fs>, folder: &Path) -> Result<Arc<ObjectDb>, StoreError> {
    ObjectDb::open(fs, &folder.join("objects"), StoreOptions::default()).map(Arc::new)
}

fn put(db: &Arc<ObjectDb>, seed: u64) -> Result<BlobId, StoreError> {
    let writer = Writer::new(db)?;
    let id = writer.put_small_blob(&noise(seed, 300), &mut writer.compressor()?)?;
    writer.finish().map(|_| id)
}

fn has(db: &Arc<ObjectDb>, id: &BlobId, seed: u64) -> bool {
    db.get(RecordKind::Blob, id.as_bytes()).is_ok_and(|bytes| bytes == noise(seed, 300))
}

#[test]
fn every_pack_is_streamed_past_the_page_cache() {
    let folder = scratch();
    let recorder = RecordingFs::new(folder.path());
    let db = open(Arc::clone(&recorder) as Arc<dyn Fs>, folder.path()).unwrap();
    for seed in 0..3 {
        put(&db, seed).unwrap();
    }
    let ops = recorder.recording().ops;
    let mut packs = 0;
    for op in &ops {
        let Op::Rename { from, to } = op else { continue };
        if to.extension().is_some_and(|extension| extension == "pack") {
            let made = ops.iter().find_map(|op| match op {
                Op::Create { path, options, .. } if path == from => Some(options.stream),
                _ => None,
            });
            assert_eq!(made, Some(true), "{}", to.display());
            packs += 1;
        }
    }
    assert_eq!(packs, 3);
}

#[test]
fn readers_find_everything_while_packs_and_indexes_are_replaced() {
    let folder = scratch();
    let writer_db = open(OsFs::new(), folder.path()).unwrap();
    let known = std::sync::Mutex::new(vec![put(&writer_db, 0).unwrap()]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..2 {
            let (known, done, folder) = (&known, &done, folder.path());
            scope.spawn(move || {
                let db = open(OsFs::new(), folder).unwrap();
                let mut at = reader;
                while !done.load(Ordering::Relaxed) {
                    let count = known.lock().unwrap().len();
                    at = (at * 7 + 3) % count;
                    let id = known.lock().unwrap()[at];
                    let read = db.get(RecordKind::Blob, id.as_bytes());
                    assert_eq!(read.unwrap(), noise(at as u64, 300), "{at}");
                }
            });
        }
        // Two writers, each with its own view, so that each consolidates what the other wrote.
        let other = open(OsFs::new(), folder.path()).unwrap();
        for seed in 1..150 {
            let id = put(if seed % 2 == 0 { &writer_db } else { &other }, seed).unwrap();
            known.lock().unwrap().push(id);
        }
        done.store(true, Ordering::Relaxed);
    });
    let files = std::fs::read_dir(folder.path().join("objects")).unwrap().count();
    assert!(files < 50, "{files}");
}

#[test]
fn a_writer_does_not_believe_an_old_view() {
    let folder = scratch();
    let (one, two) = (open(OsFs::new(), folder.path()).unwrap(), open(OsFs::new(), folder.path()).unwrap());
    let id = put(&one, 1).unwrap();
    assert!(has(&two, &id, 1));
    // As `gc` does, in another process.
    let packs: HashSet<_> = one.indexes().iter().flat_map(|index| index.packs()).collect();
    remove_packs(&one, &packs).unwrap();
    assert!(two.contains(RecordKind::Blob, id.as_bytes()).unwrap(), "the old view still lists it");
    put(&two, 1).unwrap();
    assert!(has(&open(OsFs::new(), folder.path()).unwrap(), &id, 1));
}

#[test]
fn a_record_is_read_where_it_is_whole() {
    let folder = scratch();
    let db = open(OsFs::new(), folder.path()).unwrap();
    let id = put(&db, 1).unwrap();
    let packs: HashSet<_> = db.indexes().iter().flat_map(|index| index.packs()).collect();
    // A copy beside it, as a consolidation leaves it that was ended before it removed the old pack.
    let before = read_tree(folder.path());
    put(&db, 2).unwrap();
    let all: HashSet<_> = db.indexes().iter().flat_map(|index| index.packs()).collect();
    rewrite_packs(&db, &all, |_, _, _| true, &Interrupt::new()).unwrap();
    let mut both = read_tree(folder.path());
    both.extend(before);
    write_tree(&both, folder.path());
    let first = packs.iter().next().unwrap();
    let pack = folder.path().join("objects").join(dsv::store::pack_file_name(first));
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[80] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    assert!(has(&open(OsFs::new(), folder.path()).unwrap(), &id, 1));
    std::fs::remove_file(&pack).unwrap();
    assert!(has(&open(OsFs::new(), folder.path()).unwrap(), &id, 1));
}

#[test]
fn damage_to_one_pack_stops_no_writer() {
    let folder = scratch();
    let db = open(OsFs::new(), folder.path()).unwrap();
    let ids: Vec<_> = (0..20).map(|seed| put(&db, seed).unwrap()).collect();
    let pack = std::fs::read_dir(folder.path().join("objects")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|extension| extension == "pack").then_some(path)
    });
    let pack = pack.unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[80] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    let later: Vec<_> = (20..80).map(|seed| put(&db, seed).unwrap()).collect();
    assert!(pack.exists(), "what is left of it may be wanted");
    let db = open(OsFs::new(), folder.path()).unwrap();
    let readable = ids.iter().chain(&later).zip(0..).filter(|(id, seed)| has(&db, id, *seed)).count();
    assert_eq!(readable, 79);
    assert!(db.files().unwrap().len() < 60);
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let folder = scratch();
    let db = open(OsFs::new(), folder.path()).unwrap();
    let writer = Writer::new(&db).unwrap();
    let bytes = vec![0; dsv::codec::pack::MAX_RAW_LEN + 1];
    let error = writer.put_small_blob(&bytes, &mut writer.compressor().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    writer.finish().unwrap();
}

#[test]
fn records_are_found_without_the_table_and_behind_damage() {
    let folder = scratch();
    let db = open(OsFs::new(), folder.path()).unwrap();
    let writer = Writer::new(&db).unwrap();
    let mut compressor = writer.compressor().unwrap();
    for seed in 0..10 {
        writer.put_small_blob(&noise(seed, 300), &mut compressor).unwrap();
    }
    writer.finish().unwrap();
    let pack = folder
        .path()
        .join("objects")
        .join(dsv::store::pack_file_name(&db.indexes()[0].packs().next().unwrap()));
    let whole = std::fs::read(&pack).unwrap();
    let found = |bytes: &[u8]| {
        std::fs::write(&pack, bytes).unwrap();
        let pack = PackFile::open(&OsFs, &pack).unwrap();
        pack.scan().map(|record| record.unwrap().offset).collect::<Vec<_>>()
    };
    let all = found(&whole);
    assert_eq!(all.len(), 10);
    for end in [whole.len() - 1, whole.len() - 300, all[9] as usize + 100, all[5] as usize + 10] {
        let left = found(&whole[..end]);
        let expected: Vec<_> = all.iter().copied().filter(|at| *at as usize + 350 <= end).collect();
        assert_eq!(left, expected);
    }
    let mut damaged = whole.clone();
    damaged[all[3] as usize + 3] ^= 0xff;
    let left = found(&damaged);
    assert_eq!(left.len(), 9);
    assert!(!left.contains(&all[3]));
}

/// Enough small packs for the next writer to consolidate.
fn many_small(folder: &Path) -> Vec<BlobId> {
    let db = open(OsFs::new(), folder).unwrap();
    (0..24).map(|seed| put(&db, seed).unwrap()).collect()
}

#[test]
fn a_crash_while_consolidating_loses_nothing() {
    let folder = scratch();
    let ids = many_small(folder.path());
    let recorder = RecordingFs::new(folder.path());
    let fs: Arc<dyn Fs> = recorder.clone();
    put(&open(fs, folder.path()).unwrap(), 24).unwrap();
    recorder.mark("written");
    let recording = recorder.recording();
    let last = put(&open(OsFs::new(), folder.path()).unwrap(), 24).unwrap();
    let packs = std::fs::read_dir(folder.path().join("objects")).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "pack")
    });
    assert_eq!(packs.count(), 1, "it consolidated");
    recording.for_each_crash(CrashPlan { one_write_in: 3, ..Default::default() }, |image| {
        let db = open(OsFs::new(), image.root).unwrap();
        for (id, seed) in ids.iter().zip(0..) {
            assert!(has(&db, id, seed), "{seed}");
        }
        assert!(!image.passed("written") || has(&db, &last, 24));
    });
}

#[test]
fn any_failing_call_of_a_writer_is_told_or_harmless() {
    let folder = scratch();
    let ids = many_small(folder.path());
    let whole = read_tree(folder.path());
    for plan in FaultPlan::all() {
        plan.sweep(|fs| {
            write_tree(&whole, folder.path());
            let fs: Arc<dyn Fs> = fs.clone();
            let written = open(fs, folder.path()).and_then(|db| put(&db, 99));
            let db = open(OsFs::new(), folder.path()).unwrap();
            for (id, seed) in ids.iter().zip(0..) {
                assert!(has(&db, id, seed), "{seed}");
            }
            match written {
                Ok(id) => assert!(has(&db, &id, 99)),
                Err(error) => assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}"),
            }
        });
    }
}

/// All records that packs hold, whatever the indexes say.
fn in_packs(folder: &Path) -> HashSet<[u8; 32]> {
    let packs = std::fs::read_dir(folder.join("objects")).unwrap().map(|entry| entry.unwrap().path());
    let packs = packs.filter(|path| path.extension().is_some_and(|extension| extension == "pack"));
    let tables = packs.map(|path| PackFile::open(&OsFs, &path).unwrap().table().unwrap().records);
    tables.flatten().map(|(_, info)| info.id).collect()
}

#[test]
fn bit_rot_in_an_index_costs_no_record() {
    // From the end: checksum, locators (17 bytes), ids: a raw length, an offset, a pack, a kind, an id.
    for back in [10, 18, 22, 25, 30] {
        let folder = scratch();
        let ids = many_small(folder.path());
        let index = std::fs::read_dir(folder.path().join("objects")).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension().is_some_and(|extension| extension == "idx").then_some(path)
        });
        let index = index.unwrap();
        let mut bytes = std::fs::read(&index).unwrap();
        let at = bytes.len() - back;
        bytes[at] ^= 1;
        std::fs::remove_file(&index).unwrap();
        std::fs::write(&index, &bytes).unwrap();
        let db = open(OsFs::new(), folder.path()).unwrap();
        for seed in 24..100 {
            put(&db, seed).unwrap();
        }
        let there = in_packs(folder.path());
        assert!(ids.iter().all(|id| there.contains(id.as_bytes())), "{back}");
        // It stays to be found, and nothing that a flipped line says was written anew.
        let unsound = open(OsFs::new(), folder.path()).unwrap();
        let unsound = unsound.indexes().iter().filter(|index| index.check().is_err()).count();
        assert_eq!(unsound, 1, "{back}");
        assert!(index.exists());
        assert!(std::fs::read_dir(folder.path().join("objects")).unwrap().count() < 80);
    }
}

#[test]
fn threads_that_share_a_database_find_everything_while_another_consolidates() {
    const READERS: usize = 4;
    let folder = scratch();
    let shared = open(OsFs::new(), folder.path()).unwrap();
    let writer = open(OsFs::new(), folder.path()).unwrap();
    for round in 0..40 {
        let id = put(&writer, round).unwrap();
        shared.refresh().unwrap();
        // No pack is open yet, and all are replaced: each reader meets a missing pack, and only one of them
        // is the first to look at the folder again.
        let all: HashSet<_> = writer.indexes().iter().flat_map(|index| index.packs()).collect();
        rewrite_packs(&writer, &all, |_, _, _| true, &Interrupt::new()).unwrap();
        let start = std::sync::Barrier::new(READERS);
        std::thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    start.wait();
                    let read = shared.get(RecordKind::Blob, id.as_bytes());
                    assert_eq!(read.unwrap(), noise(round, 300), "{round}");
                });
            }
        });
    }
}

#[test]
fn writers_of_the_same_records_lose_none() {
    let folder = scratch();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let db = open(OsFs::new(), folder.path()).unwrap();
                for seed in 0..120 {
                    let id = put(&db, seed).unwrap();
                    assert!(has(&db, &id, seed), "{seed}");
                }
            });
        }
    });
    let db = open(OsFs::new(), folder.path()).unwrap();
    for seed in 0..120 {
        let id = put(&db, seed).unwrap();
        assert!(has(&db, &id, seed), "{seed}");
    }
    for pack in db.indexes().iter().flat_map(|index| index.packs()) {
        let path = folder.path().join("objects").join(dsv::store::pack_file_name(&pack));
        assert!(path.exists(), "{}", path.display());
    }
}
