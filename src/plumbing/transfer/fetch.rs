//! What versions on a remote lead to, brought here.
//!
//! First the versions and trees, level by level, of which those are passed over that lead to what is here whole; then the
//! blobs that are missing, in coalesced ranges, and the large ones list by list, see [`super::large`]. Only when all of that
//! is durable may a ref lead to it. What an earlier attempt brought is not asked for again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::delta::{Nodes, delta};
use super::incoming::{Arrived, EachProved, fetch_ahead, fetch_records};
use super::index::RemoteIndex;
use super::large::{ROOM, Root, bring_large, keep_roots};
use super::proof::Room;
use super::select::LocalNodes;
use super::show::{Batch, showing_received};
use super::{Peer, RecordKey, TransferError};
use crate::codec::pack::{RecordInfo, RecordKind};
use crate::codec::segment::Placed;
use crate::codec::tree::{TreeNode, empty_tree};
use crate::codec::{DecodeError, decode_version};
use crate::model::{BlobId, Monitor, ObjectId, TreeId, Version, VersionId};
use crate::store::{ObjectDb, StoreError, WHOLE_BLOB_MAX, WriteStats, Writer};

/// Nodes of trees that are held in memory at once.
const BATCH: usize = 4096;
/// Small blobs of which it is known at once where they are: some 50 MiB of memory.
const SMALL_BATCH: usize = 256 * 1024;
/// Bytes that are read from where a manifest lies: those of earlier versions lie behind it.
const MANIFESTS_AHEAD: u64 = 128 * 1024;

/// What to fetch of the versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FetchScope {
    /// Everything.
    #[default]
    All,
    /// Versions and trees, and no file's bytes.
    Metadata,
    /// The versions' manifests alone.
    Versions,
}

/// How to fetch.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// Versions that are here with all that they lead to.
    pub complete: Vec<VersionId>,
    /// What to bring.
    pub scope: FetchScope,
}

/// What was brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchOutcome {
    /// Versions that were not complete here.
    pub versions: u64,
    /// Records that were not here.
    pub records: u64,
    /// Stored bytes of these.
    pub bytes: u64,
}

/// Brings what `tips` lead to. When this returns, all of it is durable.
///
/// # Errors
/// When the remote lacks something, has it damaged, or fails; when the disk is full or fails.
pub fn fetch(
    peer: &Peer<'_>,
    db: &Arc<ObjectDb>,
    index: &mut RemoteIndex,
    tips: &[VersionId],
    options: &FetchOptions,
    monitor: &Monitor<'_>,
) -> Result<FetchOutcome, TransferError> {
    let writer = Writer::new(db)?;
    let mut fetcher = Fetcher {
        peer,
        db,
        index,
        writer: &writer,
        ahead: MANIFESTS_AHEAD,
        manifests: Mutex::default(),
        room: Room::new(ROOM),
        monitor,
    };
    let brought = fetcher.all(tips, options);
    let ((versions, roots), stats) = kept(brought, writer)?;
    let stats = stats.plus(keep_roots(db, roots, monitor)?);
    Ok(FetchOutcome { versions, records: stats.records, bytes: stats.stored_bytes })
}

/// Makes what came durable, also where the rest did not come: the next attempt does not ask for it again.
fn kept<T>(brought: Result<T, TransferError>, writer: Writer) -> Result<(T, WriteStats), TransferError> {
    let finished = writer.finish();
    Ok((brought?, finished?))
}

/// Brings single records as somebody comes to need them: metadata together with what lies behind it, up to `ahead` bytes;
/// blobs whole. Returns those that no segment lists, of a blob when neither of its forms is listed.
///
/// # Errors
/// As [`fetch`].
pub(super) fn bring(
    peer: &Peer<'_>,
    db: &Arc<ObjectDb>,
    index: &mut RemoteIndex,
    wanted: &[RecordKey],
    ahead: u64,
    monitor: &Monitor<'_>,
) -> Result<Vec<RecordKey>, TransferError> {
    let found = find_any_form(peer, index, wanted)?;
    let mut lacking = Vec::new();
    let (mut records, mut blobs) = (Vec::new(), Vec::new());
    for (key, place) in wanted.iter().zip(found) {
        match place {
            None => lacking.push(*key),
            Some(Placed { kind: kind @ (RecordKind::Blob | RecordKind::ChunkedBlob), id, .. }) => {
                blobs.push((BlobId::from_bytes(id), None, kind == RecordKind::ChunkedBlob));
            }
            Some(placed) => records.push(placed),
        }
    }
    let writer = Writer::new(db)?;
    monitor.progress.phase("Fetching", None, None);
    let brought = fetch_ahead(peer, records, ahead, monitor, &|came| {
        writer.put_record(came.info, &came.record).map(drop).map_err(TransferError::from)
    });
    let (manifests, room) = (Mutex::default(), Room::new(ROOM));
    let mut fetcher = Fetcher { peer, db, index, writer: &writer, ahead: 0, manifests, room, monitor };
    let brought = brought.and_then(|()| fetcher.blobs(blobs));
    let (roots, _) = kept(brought, writer)?;
    keep_roots(db, roots, monitor)?;
    Ok(lacking)
}

/// Where records are, a blob in either form.
pub(super) fn find_any_form(
    peer: &Peer<'_>,
    index: &mut RemoteIndex,
    wanted: &[RecordKey],
) -> Result<Vec<Option<Placed>>, TransferError> {
    let mut places = index.find(peer, wanted)?;
    let other = |(kind, id): RecordKey| match kind {
        RecordKind::Blob => Some((RecordKind::ChunkedBlob, id)),
        RecordKind::ChunkedBlob => Some((RecordKind::Blob, id)),
        _ => None,
    };
    let missing = places.iter().enumerate().filter(|(_, place)| place.is_none());
    let again: Vec<(usize, RecordKey)> =
        missing.filter_map(|(at, _)| Some((at, other(wanted[at])?))).collect();
    let keys: Vec<RecordKey> = again.iter().map(|(_, key)| *key).collect();
    for ((at, _), place) in again.iter().zip(index.find(peer, &keys)?) {
        places[*at] = place;
    }
    Ok(places)
}

/// What is done with a record: its key, how it lies in a pack if it is one that is not kept yet, and its raw bytes.
pub(super) type EachRecord<'a> =
    &'a mut dyn FnMut(RecordKey, Option<(RecordInfo, Vec<u8>)>, &[u8]) -> Result<(), TransferError>;

pub(super) struct Fetcher<'a, 'p> {
    peer: &'a Peer<'p>,
    pub(super) db: &'a Arc<ObjectDb>,
    index: &'a mut RemoteIndex,
    pub(super) writer: &'a Writer,
    /// Bytes of metadata that are read from the beginning of what is wanted, see [`fetch_ahead`].
    ahead: u64,
    /// Manifests that came ahead of being asked for: the writer has them, and nobody can read them there yet.
    manifests: Mutex<HashMap<RecordKey, Vec<u8>>>,
    /// For chunks of large files that come too early.
    pub(super) room: Room,
    pub(super) monitor: &'a Monitor<'a>,
}

/// A blob, its length where that is known, and whether it is stored as chunks.
type WantedBlob = (BlobId, Option<u64>, bool);

impl Fetcher<'_, '_> {
    /// Everything that is wanted of these versions; returns how many of them were not complete here, and the roots of
    /// the lists of their large blobs, which are still to be kept.
    fn all(&mut self, tips: &[VersionId], options: &FetchOptions) -> Result<(u64, Vec<Root>), TransferError> {
        self.monitor.progress.phase("Fetching versions", None, None);
        let versions = self.versions(tips, &options.complete)?;
        let mut roots = Vec::new();
        if options.scope != FetchScope::Versions {
            self.monitor.progress.phase("Fetching trees", None, None);
            self.ahead = 0;
            let blobs = self.trees(&versions, &options.complete)?;
            if options.scope == FetchScope::All {
                let blobs = blobs.into_iter().map(|(id, size)| (id, Some(size), size > WHOLE_BLOB_MAX));
                roots = self.blobs(blobs.collect())?;
            }
        }
        Ok((versions.len() as u64, roots))
    }

    /// The versions that are not complete here, the newest first.
    fn versions(
        &mut self,
        tips: &[VersionId],
        complete: &[VersionId],
    ) -> Result<Vec<(VersionId, Version)>, TransferError> {
        let mut seen: HashSet<VersionId> = complete.iter().copied().collect();
        let mut found = Vec::new();
        let mut level: Vec<VersionId> = tips.iter().copied().filter(|id| seen.insert(*id)).collect();
        while !level.is_empty() {
            let keys: Vec<_> = level.iter().map(|id| (RecordKind::Version, *id.as_bytes())).collect();
            let (mut below, monitor) = (Vec::new(), *self.monitor);
            self.metadata(&keys, &monitor, &mut |key, _, raw| {
                let version = decode_version(raw).map_err(|source| undecodable(key, source))?;
                below.extend(version.parents.iter().copied());
                found.push((VersionId::from_bytes(key.1), version));
                Ok(())
            })?;
            level = below.into_iter().filter(|id| seen.insert(*id)).collect();
        }
        Ok(found)
    }

    /// The nodes of all their trees, and the blobs that these name, with their lengths.
    fn trees(
        &mut self,
        versions: &[(VersionId, Version)],
        complete: &[VersionId],
    ) -> Result<Vec<(BlobId, u64)>, TransferError> {
        let tombstones = self.db.tombstones();
        let kept = versions.iter().filter(|(id, _)| !tombstones.contains(id));
        let new: Vec<TreeId> = kept.map(|(_, version)| version.tree).collect();
        let parents: HashSet<VersionId> =
            versions.iter().flat_map(|(_, v)| v.parents.iter().copied()).collect();
        let db = Arc::clone(self.db);
        let old = complete.iter().filter(|id| parents.contains(id) && !tombstones.contains(id));
        let old = old.map(|id| Ok(db.version(id)?.tree));
        let old: Vec<TreeId> = old.collect::<Result<_, TransferError>>()?;
        let delta = delta(&mut LocalNodes(&db), &old, self, &new, &mut |ids| Ok(vec![false; ids.len()]))?;
        Ok(delta.blobs)
    }

    /// Gives each of these records to `each`, from here or from the remote, shown to `monitor`. What comes from
    /// there is kept, except the roots of chunk lists, which nothing has proved yet.
    pub(super) fn metadata(
        &mut self,
        keys: &[RecordKey],
        monitor: &Monitor<'_>,
        each: EachRecord<'_>,
    ) -> Result<(), TransferError> {
        for batch in keys.chunks(BATCH) {
            let mut missing = Vec::new();
            for (kind, id) in batch {
                let ahead =
                    self.manifests.get_mut().unwrap_or_else(PoisonError::into_inner).remove(&(*kind, *id));
                match ahead {
                    Some(raw) => each((*kind, *id), None, &raw)?,
                    None if self.db.contains(*kind, id)? => {
                        each((*kind, *id), None, &self.db.get(*kind, id)?)?;
                    }
                    None => missing.push((*kind, *id)),
                }
            }
            let places = self.places(&missing)?;
            let came = Mutex::new(Vec::with_capacity(places.len()));
            let (writer, manifests) = (self.writer, &self.manifests);
            let wanted: HashSet<RecordKey> = missing.into_iter().collect();
            fetch_ahead(self.peer, places, self.ahead, monitor, &|Arrived { info, record, raw }| {
                let is_root = info.kind == RecordKind::ChunkedBlob;
                if !is_root {
                    writer.put_record(*info, record)?;
                }
                let (key, raw) = ((info.kind, info.id), raw.to_vec());
                if wanted.contains(&key) {
                    let unproved = is_root.then(|| (*info, record.to_vec()));
                    came.lock().unwrap_or_else(PoisonError::into_inner).push((key, unproved, raw));
                } else if info.kind == RecordKind::Version {
                    manifests.lock().unwrap_or_else(PoisonError::into_inner).insert(key, raw);
                }
                Ok(())
            })?;
            for (key, unproved, raw) in came.into_inner().unwrap_or_else(PoisonError::into_inner) {
                each(key, unproved, &raw)?;
            }
        }
        Ok(())
    }

    /// Where records are; all of them must be there.
    pub(super) fn places(&mut self, keys: &[RecordKey]) -> Result<Vec<Placed>, TransferError> {
        let places = self.index.find(self.peer, keys)?;
        let place = |(place, (kind, id)): (Option<Placed>, &RecordKey)| {
            place.ok_or_else(|| TransferError::MissingRecord {
                url: self.peer.url(),
                kind: *kind,
                id: ObjectId::Sha256(*id),
            })
        };
        places.into_iter().zip(keys).map(place).collect()
    }

    /// Brings the bytes of blobs that are not here; the roots of the lists of the large ones are still to be kept.
    fn blobs(&mut self, blobs: Vec<WantedBlob>) -> Result<Vec<Root>, TransferError> {
        let (mut small, mut large, mut total) = (Vec::new(), Vec::new(), Some(0));
        for (id, size, chunked) in blobs {
            if self.db.contains_blob(&id)? {
                continue;
            }
            total = total.zip(size).map(|(total, size): (u64, u64)| total.saturating_add(size));
            if chunked {
                large.push((id, size));
            } else {
                small.push((RecordKind::Blob, *id.as_bytes()));
            }
        }
        let files = (small.len() + large.len()) as u64;
        self.monitor.progress.phase("Fetching data", Some(files), total);
        let (writer, monitor) = (self.writer, self.monitor);
        for batch in small.chunks(SMALL_BATCH) {
            let places = self.places(batch)?;
            self.records(places, &|came| {
                writer.put_record(came.info, &came.record)?;
                monitor.progress.advance(1, 0);
                Ok(())
            })?;
        }
        bring_large(self, &large)
    }

    /// Fetches records, and shows their raw bytes as they come.
    pub(super) fn records(&self, places: Vec<Placed>, each: EachProved<'_>) -> Result<(), TransferError> {
        let sum = |len: fn(&Placed) -> u32| places.iter().map(|placed| u64::from(len(placed))).sum();
        let batch = Batch { stored: sum(|placed| placed.stored_len), raw: sum(|placed| placed.raw_len) };
        showing_received(self.peer, batch, self.monitor, || {
            fetch_records(self.peer, places, &super::quiet(self.monitor), each)
        })
    }
}

impl Nodes for Fetcher<'_, '_> {
    fn read(
        &mut self,
        ids: &[TreeId],
        each: &mut dyn FnMut(TreeId, TreeNode) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let mut keys = Vec::with_capacity(ids.len());
        for id in ids {
            // The empty tree is there without being stored.
            if *id == empty_tree() {
                each(*id, TreeNode::empty())?;
            } else {
                keys.push((RecordKind::Tree, *id.as_bytes()));
            }
        }
        let monitor = *self.monitor;
        self.metadata(&keys, &monitor, &mut |key, _, raw| {
            let node = TreeNode::decode(raw).map_err(|source| undecodable(key, source))?;
            each(TreeId::from_bytes(key.1), node)
        })
    }
}

pub(super) fn undecodable((kind, id): RecordKey, source: DecodeError) -> TransferError {
    StoreError::Undecodable { kind, id: ObjectId::Sha256(id), source }.into()
}
