//! Proves that records are what their ids say.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::codec::chunk_list::ChunkList;
use crate::codec::pack::{RecordInfo, RecordKind};
use crate::codec::tree::TreeNode;
use crate::codec::{DecodeError, decode_version, decompress};
use crate::model::{ChunkId, Monitor, ObjectId};
use crate::store::{PackFile, StoreError, runs};

/// Bytes of a pack that a thread reads and checks at once.
const RUN_LEN: u64 = 4 * 1024 * 1024;

/// Checks that stored bytes, whose checksum was checked, decompress, are what the id says, and decode. Returns the raw bytes.
///
/// The root of a chunk list bears the id of a whole blob, which only its chunks can prove: it is decoded
/// and no more.
///
/// # Errors
/// The first of these that does not hold.
pub fn check_record<'a>(info: &RecordInfo, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, DecodeError> {
    let raw = decompress(info.compression, stored, info.raw_len as usize)?;
    let id = match info.kind {
        RecordKind::Blob | RecordKind::Tree | RecordKind::Version => Sha256::digest(&raw).into(),
        RecordKind::ChunkNode | RecordKind::Chunk => *ChunkId::of(&raw).as_bytes(),
        RecordKind::ChunkedBlob => info.id,
    };
    if id != info.id {
        return Err(DecodeError::Malformed {
            what: "record",
            why: format!("its bytes have the id {}", ObjectId::Sha256(id)),
        });
    }
    match info.kind {
        RecordKind::Tree => drop(TreeNode::decode(&raw)?),
        RecordKind::Version => drop(decode_version(&raw)?),
        RecordKind::ChunkedBlob | RecordKind::ChunkNode => drop(ChunkList::decode(&raw)?),
        RecordKind::Blob | RecordKind::Chunk => {}
    }
    Ok(raw)
}

/// A record that is not what it should be.
#[derive(Debug)]
pub struct BadRecord {
    /// Where its header begins.
    pub offset: u64,
    /// What the pack's table says of it.
    pub info: RecordInfo,
    /// What is wrong.
    pub error: StoreError,
}

/// Reads and checks records of one pack with all threads of the monitor; the bad ones are returned in
/// order of offset. Progress counts records and bytes.
///
/// # Errors
/// When the monitor asks to end. A failure of the system is told of the records that it keeps from
/// being read.
pub(super) fn check_pack_records(
    pack: &PackFile,
    records: &[(u64, RecordInfo)],
    monitor: &Monitor<'_>,
) -> Result<Vec<BadRecord>, StoreError> {
    let todo = Mutex::new(runs(records, RUN_LEN));
    let bad = Mutex::new(Vec::new());
    let work = || -> Result<(), StoreError> {
        loop {
            monitor.interrupt.check()?;
            let Some(run) = todo.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                return Ok(());
            };
            let found = check_run(pack, run);
            bad.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            let bytes = run.iter().map(|(_, info)| info.record_len()).sum();
            monitor.progress.advance(run.len() as u64, bytes);
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..monitor.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done = done.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })?;
    let mut bad = bad.into_inner().unwrap_or_else(PoisonError::into_inner);
    bad.sort_by_key(|record: &BadRecord| record.offset);
    Ok(bad)
}

fn check_run(pack: &PackFile, run: &[(u64, RecordInfo)]) -> Vec<BadRecord> {
    let read = match pack.read_run(run) {
        Ok(read) => read,
        // One by one, so that only those are bad which cannot be read.
        Err(_) if run.len() > 1 => {
            return run.iter().flat_map(|record| check_run(pack, std::slice::from_ref(record))).collect();
        }
        Err(error) => {
            return run
                .first()
                .map(|&(offset, info)| BadRecord { offset, info, error })
                .into_iter()
                .collect();
        }
    };
    let checked = pack.records_of(&read).zip(run).filter_map(|(record, &(offset, info))| {
        let checked = record.and_then(|record| {
            check_record(&info, record.stored).map_err(|source| StoreError::DamagedRecord {
                kind: info.kind,
                id: ObjectId::Sha256(info.id),
                path: pack.path().to_owned(),
                offset,
                source,
            })
        });
        checked.err().map(|error| BadRecord { offset, info, error })
    });
    checked.collect()
}
