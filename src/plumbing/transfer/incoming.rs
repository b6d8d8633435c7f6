//! Records of a remote on their way here: in coalesced ranges, by several threads, each proved before it is kept.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::{Peer, RecordKey, TransferError};
use crate::codec::DecodeError;
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo, RecordKind};
use crate::codec::pack_index::PackName;
use crate::codec::segment::Placed;
use crate::model::Monitor;
use crate::plumbing::check_record;
use crate::remote::keys;

/// Bytes that are read and thrown away rather than asked for apart.
const GAP: u64 = 128 * 1024;
/// Bytes of a range that is asked for at once, unless a single record is longer.
const RANGE: u64 = 8 * 1024 * 1024;

/// A record that came and was proved.
pub(super) struct Arrived {
    pub(super) info: RecordInfo,
    /// Its bytes as they lie in a pack, header included.
    pub(super) record: Bytes,
    /// What it holds. Like the record, it may keep what came with it in memory.
    pub(super) raw: Bytes,
}

impl Arrived {
    fn new(info: RecordInfo, record: Bytes, raw: Option<Vec<u8>>) -> Self {
        let raw = raw.map_or_else(|| record.slice(RECORD_HEADER_LEN..), Bytes::from);
        Self { info, record, raw }
    }

    pub(super) const fn key(&self) -> RecordKey {
        (self.info.kind, self.info.id)
    }
}

/// What is done with a record that was proved. Called by several threads.
pub(super) type EachProved<'a> = &'a (dyn Fn(&Arrived) -> Result<(), TransferError> + Sync);

/// Records of one pack that are asked for together, in order of offset.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    records: Vec<Placed>,
    start: u64,
    end: u64,
    /// Place of the first of them among all that is wanted.
    rank: usize,
}

/// Where a record ends in its pack.
pub(super) fn end_of(placed: &Placed) -> u64 {
    u64::from(placed.offset) + RECORD_HEADER_LEN as u64 + u64::from(placed.stored_len)
}

/// Ranges that hold all these records, of each pack as few as the gaps between them allow. That comes first of which a record
/// was named first, since it is waited for.
fn coalesce(records: &[Placed]) -> Vec<Wanted> {
    // By numbers: to compare names and to move whole places would take longer than all else here.
    let mut numbers: HashMap<PackName, u32> = HashMap::new();
    let mut order = Vec::with_capacity(records.len());
    for (rank, placed) in records.iter().enumerate() {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        order.push((*numbers.entry(placed.pack).or_insert(next), placed.offset, rank));
    }
    order.sort_unstable();
    order.dedup_by(|(_, _, later), (_, _, earlier)| records[*later] == records[*earlier]);
    let mut ranges: Vec<Wanted> = Vec::new();
    for (_, _, rank) in order {
        let placed = records[rank];
        let (start, end) = (u64::from(placed.offset), end_of(&placed));
        match ranges.last_mut() {
            Some(range)
                if range.records[0].pack == placed.pack
                    && start <= range.end + GAP
                    && end - range.start <= RANGE =>
            {
                range.end = range.end.max(end);
                range.rank = range.rank.min(rank);
                range.records.push(placed);
            }
            _ => ranges.push(Wanted { records: vec![placed], start, end, rank }),
        }
    }
    ranges.sort_by_key(|range| range.rank);
    ranges
}

/// Fetches records and gives each, proved, to `each`; called by several threads, about in the order of the records. Progress
/// counts files and the bytes that came.
///
/// # Errors
/// When a record is not where the index says or is not what it should be; when the remote fails; what `each`
/// returns.
pub(super) fn fetch_records(
    peer: &Peer<'_>,
    records: Vec<Placed>,
    monitor: &Monitor<'_>,
    each: EachProved<'_>,
) -> Result<(), TransferError> {
    fetch_ahead(peer, records, 0, monitor, each)
}

/// As [`fetch_records`], and reads on behind what is wanted up to so many bytes from its beginning: metadata that
/// lies there, which whoever reads a tree or a history wants next, is given to `each` as well, except what its own
/// bytes do not prove.
///
/// # Errors
/// As [`fetch_records`].
pub(super) fn fetch_ahead(
    peer: &Peer<'_>,
    records: Vec<Placed>,
    ahead: u64,
    monitor: &Monitor<'_>,
    each: EachProved<'_>,
) -> Result<(), TransferError> {
    let ranges = coalesce(&records);
    drop(records);
    let threads = peer.client.connections().min(ranges.len());
    let todo = Mutex::new(ranges.into_iter());
    let failed = Mutex::new(None);
    let work = || {
        loop {
            if failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return;
            }
            let Some(range) = todo.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
            if let Err(error) = fetch_range(peer, &range, ahead, monitor, each) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn fetch_range(
    peer: &Peer<'_>,
    range: &Wanted,
    ahead: u64,
    monitor: &Monitor<'_>,
    each: EachProved<'_>,
) -> Result<(), TransferError> {
    monitor.interrupt.check()?;
    let key = keys::pack(&range.records[0].pack);
    let len = range.end - range.start;
    let pieces = match ahead > len {
        true => peer.get_window(&key, range.start..range.end, ahead)?.into(),
        false => peer.get_pieces(&key, range.start..range.end)?,
    };
    for placed in &range.records {
        let place = |at: u64| usize::try_from(at - range.start).unwrap_or(usize::MAX);
        let record = pieces.slice(place(u64::from(placed.offset))..place(end_of(placed))).unwrap_or_default();
        each(&prove(placed, record).map_err(|source| peer.damaged(&key, source))?)?;
    }
    let received = pieces.len() as u64;
    if ahead > len {
        let bytes = pieces.into_bytes();
        let wanted: HashSet<RecordKey> =
            range.records.iter().map(|placed| (placed.kind, placed.id)).collect();
        for record in whole_records(bytes) {
            let Ok((info, stored)) = RecordInfo::decode_record(&record) else { break };
            let proves_itself = !info.kind.is_data() && info.kind != RecordKind::ChunkedBlob;
            // What was not asked for is no reason to fail.
            if proves_itself
                && !wanted.contains(&(info.kind, info.id))
                && let Ok(raw) = check_record(&info, stored)
            {
                let raw = owned(raw);
                each(&Arrived::new(info, record, raw))?;
            }
        }
    }
    let files = range.records.iter().filter(|placed| placed.kind.is_file()).count();
    monitor.progress.advance(files as u64, received);
    Ok(())
}

/// The records that bytes of a pack hold whole, from the first byte on. Where the pack's table begins, there is none.
fn whole_records(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let (info, _) = RecordInfo::decode_header(&bytes).ok()?;
        let len = usize::try_from(info.record_len()).ok().filter(|len| *len <= bytes.len())?;
        Some(bytes.split_to(len))
    })
}

/// Checks that bytes are the record that the index speaks of, and that its content is what its id says.
fn prove(placed: &Placed, record: Bytes) -> Result<Arrived, DecodeError> {
    let (info, stored) = RecordInfo::decode_record(&record)?;
    if (info.kind, info.id) != (placed.kind, placed.id) {
        return Err(DecodeError::malformed("record", "another one lies where the index points"));
    }
    let raw = owned(check_record(&info, stored)?);
    Ok(Arrived::new(info, record, raw))
}

/// Raw bytes that are not the stored ones.
fn owned(raw: Cow<'_, [u8]>) -> Option<Vec<u8>> {
    match raw {
        Cow::Borrowed(_) => None,
        Cow::Owned(raw) => Some(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(pack: u8, offset: u32, len: u32) -> Placed {
        let (id, kind) = ([offset as u8; 32], RecordKind::Blob);
        Placed {
            id,
            kind,
            pack: [pack; 32],
            offset,
            stored_len: len - RECORD_HEADER_LEN as u32,
            raw_len: len,
        }
    }

    #[test]
    fn what_lies_close_is_asked_for_together_and_what_is_named_first_first() {
        let near = (GAP - 1) as u32;
        let records = vec![
            placed(1, 300_000 + near, 100),
            placed(2, 5, 100),
            placed(1, 105 + near, 100),
            placed(1, 5, 100),
            placed(1, 5, 100),
        ];
        let ranges = coalesce(&records);
        let spans: Vec<_> = ranges.iter().map(|r| (r.records[0].pack[0], r.start, r.end)).collect();
        let near = u64::from(near);
        assert_eq!(spans, [(1, 300_000 + near, 300_100 + near), (2, 5, 105), (1, 5, 205 + near)]);
    }

    #[test]
    fn a_range_is_no_longer_than_it_may_be() {
        let step = 1024 * 1024;
        let records: Vec<_> = (0..32).map(|n| placed(1, 5 + n * step, step)).collect();
        let ranges = coalesce(&records);
        assert!(ranges.iter().all(|range| range.end - range.start <= RANGE));
        assert_eq!(ranges.len(), 4);
    }
}
