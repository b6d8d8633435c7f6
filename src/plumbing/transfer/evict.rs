//! Data that a remote holds, dropped here.
//!
//! A blob goes when a dataset of the remote leads to it, the remote lists all of it, and has the packs that it is in as
//! long as it says. What is listed there and led to by nothing, a collection of garbage may take at any time; so it stays
//! here. A chunk that a blob needs which stays, stays with it: a blob that is here is here whole.

use std::collections::{HashMap, HashSet};

use super::incoming::end_of;
use super::index::RemoteIndex;
use super::{Peer, RecordKey, TransferError};
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo, RecordKind};
use crate::codec::pack_index::PackName;
use crate::codec::segment::Placed;
use crate::model::{Monitor, RefEntry};
use crate::plumbing::reachable::{Start, mark_reachable};
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
    /// Blobs that stay, since no dataset of the remote leads to them, or it has them not whole.
    pub kept: u64,
}

/// Drops the data that the remote holds, whose newest entries are given. Whoever calls holds the locks that keep everybody
/// else from the database, of which `db` is a view that asks nobody, and has made sure that what goes is fetched when it is
/// needed.
///
/// # Errors
/// When the remote lacks a pack that it lists, or fails; when an index is damaged; when the disk is full or fails: what
/// was dropped until then can be fetched.
pub fn evict(
    peer: &Peer<'_>,
    db: &ObjectDb,
    entries: &[RefEntry],
    dry_run: bool,
    monitor: &Monitor<'_>,
) -> Result<EvictOutcome, TransferError> {
    db.reopen()?;
    db.check_indexes()?;
    monitor.progress.phase("Finding what the remote holds", None, None);
    // On what a removed dataset named nobody may rely.
    let entries = entries.iter().filter(|entry| entry.version.is_some());
    let mut index = RemoteIndex::new(peer, entries.clone().flat_map(|entry| entry.segments.iter().cloned()))?;
    let tips = entries.filter_map(|entry| entry.version.map(Start::Version)).collect();
    let led_to = led_to(db, tips, monitor)?;
    let mut finder = Finder { peer, db, index: &mut index, ends: HashMap::new(), monitor };
    let going = RecordSet::new(db);
    finder.whole_blobs(&led_to, &going)?;
    finder.chunked_blobs(&led_to, &going)?;
    confirm(peer, &finder.ends)?;
    let (outcome, packs) = count(db, &going)?;
    if !dry_run && !packs.is_empty() {
        monitor.progress.phase("Dropping what the remote holds", None, None);
        let stays = |pack: &PackName, offset: u64, info: &RecordInfo| {
            !going.contains(info.kind, &info.id) && going.is_place(pack, offset, info)
        };
        let done = rewrite_packs(db, &packs, stays, monitor.interrupt)?;
        if let Some((_, error)) = done.damaged.into_iter().next() {
            return Err(error.into());
        }
    }
    Ok(outcome)
}

/// What the remote's datasets lead to, as far as it is here.
fn led_to(db: &ObjectDb, tips: Vec<Start>, monitor: &Monitor<'_>) -> Result<RecordSet, StoreError> {
    let set = RecordSet::new(db);
    let pass_over = |_, _, error| match error {
        StoreError::Missing { .. } => Ok(()),
        error => Err(error),
    };
    mark_reachable(db, &set, tips, monitor, &pass_over)?;
    Ok(set)
}

/// What goes in figures, and the packs that hold any of it, in whichever line of whichever index.
fn count(db: &ObjectDb, going: &RecordSet) -> Result<(EvictOutcome, HashSet<PackName>), StoreError> {
    let (mut outcome, mut packs) = (EvictOutcome::default(), HashSet::new());
    let seen = going.like();
    for file in db.indexes().iter() {
        for entry in file.entries() {
            let entry = entry?;
            let kind = entry.locator.kind;
            let is_blob = matches!(kind, RecordKind::Blob | RecordKind::ChunkedBlob);
            let first = seen.insert(kind, &entry.id) == Some(true);
            if going.contains(kind, &entry.id) {
                outcome.bytes += RECORD_HEADER_LEN as u64 + u64::from(entry.locator.stored_len);
                outcome.blobs += u64::from(is_blob && first);
                packs.insert(file.pack_name(entry.locator.pack));
            } else {
                outcome.kept += u64::from(is_blob && first);
            }
        }
    }
    Ok((outcome, packs))
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
    fn whole_blobs(&mut self, led_to: &RecordSet, going: &RecordSet) -> Result<(), TransferError> {
        let mut batch = Vec::new();
        for record in led_to.iter() {
            let (id, place) = record?;
            if place.locator.kind == RecordKind::Blob {
                batch.push((RecordKind::Blob, id));
            }
            if batch.len() >= BATCH {
                self.whole_batch(&std::mem::take(&mut batch), going)?;
            }
        }
        self.whole_batch(&batch, going)
    }

    fn whole_batch(&mut self, batch: &[RecordKey], going: &RecordSet) -> Result<(), TransferError> {
        self.monitor.interrupt.check()?;
        let places = self.index.find(self.peer, batch)?;
        for ((kind, id), place) in batch.iter().zip(places) {
            if let Some(placed) = place {
                self.note(&placed);
                going.insert(*kind, id);
            }
        }
        Ok(())
    }

    fn chunked_blobs(&mut self, led_to: &RecordSet, going: &RecordSet) -> Result<(), TransferError> {
        let mut held = HashSet::new();
        for record in led_to.iter() {
            let (id, place) = record?;
            if place.locator.kind != RecordKind::ChunkedBlob {
                continue;
            }
            self.monitor.interrupt.check()?;
            let places = self.index.find(self.peer, &self.parts((RecordKind::ChunkedBlob, id))?)?;
            if places.iter().all(Option::is_some) {
                places.iter().flatten().for_each(|placed| self.note(placed));
                held.insert(id);
            }
        }
        let needed = self.needed_by_others(&held)?;
        for id in held {
            for (kind, id) in self.parts((RecordKind::ChunkedBlob, id))? {
                if !needed.contains(kind, &id) {
                    going.insert(kind, &id);
                }
            }
        }
        Ok(())
    }

    /// The parts of all large blobs that are here but those that are held there.
    fn needed_by_others(&self, held: &HashSet<[u8; 32]>) -> Result<RecordSet, TransferError> {
        let needed = RecordSet::new(self.db);
        for file in self.db.indexes().iter() {
            for entry in file.entries() {
                let entry = entry?;
                if entry.locator.kind == RecordKind::ChunkedBlob && !held.contains(&entry.id) {
                    for (kind, id) in self.parts((RecordKind::ChunkedBlob, entry.id))? {
                        needed.insert(kind, &id);
                    }
                }
            }
        }
        Ok(needed)
    }

    /// The root of a chunk list and all records below it; of a part that is not here, itself.
    fn parts(&self, root: RecordKey) -> Result<Vec<RecordKey>, StoreError> {
        let mut parts = vec![root];
        let mut pending = vec![root];
        while let Some((kind, id)) = pending.pop() {
            let list = match self.db.chunk_list(kind, &id) {
                Err(StoreError::Missing { .. }) => continue,
                list => list?,
            };
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
        let end = end_of(placed);
        let known = self.ends.entry(placed.pack).or_default();
        *known = end.max(*known);
    }
}

/// The packs that the remote has, and their lengths.
pub(super) fn packs_there(peer: &Peer<'_>) -> Result<HashMap<PackName, u64>, TransferError> {
    let mut there = HashMap::new();
    peer.list(keys::PACKS, &mut |key, len| {
        there.extend(keys::pack_name(key).map(|name| (name, len)));
        Ok(())
    })?;
    Ok(there)
}

/// Demands that the remote has packs, each at least so long.
fn confirm(peer: &Peer<'_>, ends: &HashMap<PackName, u64>) -> Result<(), TransferError> {
    let there = if ends.is_empty() { HashMap::new() } else { packs_there(peer)? };
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
