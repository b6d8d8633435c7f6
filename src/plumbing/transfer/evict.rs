//! Data that a remote holds, dropped here.
//!
//! A blob goes when the remote lists all of it and has the packs that it is in, as long as it says. A chunk that a blob
//! needs which stays, stays with it: a blob that is here is here whole.

use std::collections::{HashMap, HashSet};

use super::fetch::find_any_form;
use super::index::RemoteIndex;
use super::{Peer, RecordKey, TransferError};
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo, RecordKind};
use crate::codec::pack_index::PackName;
use crate::codec::segment::Placed;
use crate::model::Monitor;
use crate::remote::keys;
use crate::store::consolidate::rewrite_packs;
use crate::store::{ObjectDb, RecordSet, StoreError};

/// Records that are looked up at once.
const BATCH: usize = 100_000;

/// What was dropped, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvictOutcome {
    /// Blobs of which the bytes are here no more.
    pub blobs: u64,
    /// Bytes that their records took.
    pub bytes: u64,
    /// Blobs that stay, since the remote does not hold them.
    pub kept: u64,
}

/// Drops the data that the remote holds. Whoever calls holds the locks that keep everybody else from the database, and
/// has made sure that it is fetched from there when it is needed.
///
/// # Errors
/// When the remote lacks a pack that it lists, or fails; when the disk is full or fails: what was dropped until then
/// can be fetched.
pub fn evict(
    peer: &Peer<'_>,
    db: &ObjectDb,
    index: &mut RemoteIndex,
    dry_run: bool,
    monitor: &Monitor<'_>,
) -> Result<EvictOutcome, TransferError> {
    monitor.progress.phase("Finding what the remote holds", None, None);
    let mut finder = Finder { peer, db, index, ends: HashMap::new(), monitor };
    let going = RecordSet::new(db);
    let mut outcome = EvictOutcome::default();
    finder.whole_blobs(&going, &mut outcome)?;
    finder.chunked_blobs(&going, &mut outcome)?;
    let ends = finder.ends;
    confirm(peer, &ends)?;
    let mut packs = HashSet::new();
    for record in going.iter() {
        let (_, place) = record?;
        outcome.bytes += RECORD_HEADER_LEN as u64 + u64::from(place.locator.stored_len);
        packs.insert(place.pack);
    }
    if !dry_run && !packs.is_empty() {
        monitor.progress.phase("Dropping what the remote holds", None, None);
        let stays = |_: &PackName, _: u64, info: &RecordInfo| !going.contains(info.kind, &info.id);
        let done = rewrite_packs(db, &packs, stays, monitor.interrupt)?;
        if let Some((_, error)) = done.damaged.into_iter().next() {
            return Err(error.into());
        }
    }
    Ok(outcome)
}

struct Finder<'a, 'p> {
    peer: &'a Peer<'p>,
    db: &'a ObjectDb,
    index: &'a mut RemoteIndex,
    /// Packs that hold what goes, and how long they must be.
    ends: HashMap<PackName, u64>,
    monitor: &'a Monitor<'a>,
}

impl Finder<'_, '_> {
    /// Calls `each` with batches of the local records of a kind.
    fn batches(
        &mut self,
        kind: RecordKind,
        mut each: impl FnMut(&mut Self, &[RecordKey]) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let mut batch = Vec::new();
        for file in self.db.indexes().iter() {
            for number in 0..file.len() {
                let entry = file.entry(number)?;
                if entry.locator.kind == kind {
                    batch.push((kind, entry.id));
                }
                if batch.len() >= BATCH {
                    self.monitor.interrupt.check()?;
                    each(self, &batch)?;
                    batch.clear();
                }
            }
        }
        each(self, &batch)
    }

    fn whole_blobs(&mut self, going: &RecordSet, outcome: &mut EvictOutcome) -> Result<(), TransferError> {
        self.batches(RecordKind::Blob, |finder, batch| {
            for ((kind, id), place) in batch.iter().zip(find_any_form(finder.peer, finder.index, batch)?) {
                match place {
                    Some(placed) if placed.kind == RecordKind::Blob => {
                        finder.note(&placed);
                        outcome.blobs += u64::from(going.insert(*kind, id) == Some(true));
                    }
                    _ => outcome.kept += 1,
                }
            }
            Ok(())
        })
    }

    fn chunked_blobs(&mut self, going: &RecordSet, outcome: &mut EvictOutcome) -> Result<(), TransferError> {
        let mut held = Vec::new();
        let needed = RecordSet::new(self.db);
        self.batches(RecordKind::ChunkedBlob, |finder, roots| {
            for root in roots {
                let parts = finder.parts(*root)?;
                let places = finder.index.find(finder.peer, &parts)?;
                if places.iter().all(Option::is_some) {
                    places.iter().flatten().for_each(|placed| finder.note(placed));
                    held.push(*root);
                } else {
                    parts.iter().for_each(|(kind, id)| _ = needed.insert(*kind, id));
                    outcome.kept += 1;
                }
            }
            Ok(())
        })?;
        for root in held {
            outcome.blobs += 1;
            for (kind, id) in self.parts(root)? {
                if !needed.contains(kind, &id) {
                    going.insert(kind, &id);
                }
            }
        }
        Ok(())
    }

    /// The root of a chunk list and all records below it.
    fn parts(&self, root: RecordKey) -> Result<Vec<RecordKey>, StoreError> {
        let mut parts = vec![root];
        let mut pending = vec![root];
        while let Some((kind, id)) = pending.pop() {
            let list = self.db.chunk_list(kind, &id)?;
            let below = if list.level == 0 { RecordKind::Chunk } else { RecordKind::ChunkNode };
            for piece in &list.pieces {
                let part = (below, *piece.id.as_bytes());
                parts.push(part);
                if below == RecordKind::ChunkNode {
                    pending.push(part);
                }
            }
        }
        Ok(parts)
    }

    fn note(&mut self, placed: &Placed) {
        let end = u64::from(placed.offset) + RECORD_HEADER_LEN as u64 + u64::from(placed.stored_len);
        let known = self.ends.entry(placed.pack).or_default();
        *known = end.max(*known);
    }
}

/// Demands that the remote has packs, each at least so long.
fn confirm(peer: &Peer<'_>, ends: &HashMap<PackName, u64>) -> Result<(), TransferError> {
    let mut there = HashMap::new();
    if !ends.is_empty() {
        peer.list(keys::PACKS, &mut |key, len| {
            there.extend(keys::pack_name(key).map(|name| (name, len)));
            Ok(())
        })?;
    }
    for (name, end) in ends {
        let key = keys::pack(name);
        match there.get(name) {
            None => return Err(peer.missing(&key)),
            Some(len) if len < end => {
                return Err(peer.malformed(&key, "pack", format!("it has {len} bytes and not {end}")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
