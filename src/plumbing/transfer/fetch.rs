//! What versions on a remote lead to, brought here.
//!
//! First the versions, trees and chunk lists, level by level, of which those are passed over that
//! lead to what is here whole; then the blobs and chunks that are missing, in coalesced ranges; then
//! the lists of large blobs, each once its chunks have proved that they make up the blob of that id. Only when all of that
//! is durable may a ref lead to it. What an earlier attempt brought is not asked for again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::delta::{Nodes, delta};
use super::incoming::{fetch_ahead, fetch_records};
use super::index::RemoteIndex;
use super::select::LocalNodes;
use super::{Peer, RecordKey, TransferError};
use crate::codec::chunk_list::ChunkList;
use crate::codec::pack::{RecordInfo, RecordKind};
use crate::codec::segment::Placed;
use crate::codec::tree::{TreeNode, empty_tree};
use crate::codec::{DecodeError, decode_version, decompress};
use crate::model::{BlobId, Monitor, ObjectId, TreeId, Version, VersionId};
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, StoreError, WHOLE_BLOB_MAX, WriteStats, Writer};

/// Nodes of trees that are held in memory at once.
const BATCH: usize = 4096;
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
        monitor,
    };
    let brought = fetcher.all(tips, options);
    let ((versions, lists), stats) = kept(brought, writer)?;
    let stats = stats.plus(keep_lists(db, &lists, monitor)?);
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
    let brought = fetch_ahead(peer, records, ahead, monitor, &|info, stored| {
        writer.put_stored(*info, stored).map(drop).map_err(TransferError::from)
    });
    let brought = brought.and_then(|()| {
        Fetcher { peer, db, index, writer: &writer, ahead: 0, manifests: Mutex::default(), monitor }
            .blobs(blobs)
    });
    let (lists, _) = kept(brought, writer)?;
    keep_lists(db, &lists, monitor)?;
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

/// What is done with a record: its key, how it is stored where it came from the remote, and its raw bytes.
type EachRecord<'a> =
    &'a mut dyn FnMut(RecordKey, Option<(RecordInfo, Vec<u8>)>, &[u8]) -> Result<(), TransferError>;

struct Fetcher<'a, 'p> {
    peer: &'a Peer<'p>,
    db: &'a Arc<ObjectDb>,
    index: &'a mut RemoteIndex,
    writer: &'a Writer,
    /// Bytes of metadata that are read from the beginning of what is wanted, see [`fetch_ahead`].
    ahead: u64,
    /// Manifests that came ahead of being asked for: the writer has them, and nobody can read them there yet.
    manifests: Mutex<HashMap<RecordKey, Vec<u8>>>,
    monitor: &'a Monitor<'a>,
}

/// A blob, its length where that is known, and whether it is stored as chunks.
type WantedBlob = (BlobId, Option<u64>, bool);

/// The lists of large blobs, which are kept once their chunks are here.
#[derive(Default)]
struct Lists {
    /// The roots as they are stored.
    roots: Vec<(RecordInfo, Vec<u8>)>,
    /// All lists, roots included, by kind and id.
    decoded: HashMap<RecordKey, ChunkList>,
}

impl Fetcher<'_, '_> {
    /// Everything that is wanted of these versions; returns how many of them were not complete here, and the lists of their
    /// large blobs, which are still to be proved.
    fn all(&mut self, tips: &[VersionId], options: &FetchOptions) -> Result<(u64, Lists), TransferError> {
        self.monitor.progress.phase("Fetching versions", None, None);
        let versions = self.versions(tips, &options.complete)?;
        let mut lists = Lists::default();
        if options.scope != FetchScope::Versions {
            self.monitor.progress.phase("Fetching trees", None, None);
            self.ahead = 0;
            let blobs = self.trees(&versions, &options.complete)?;
            if options.scope == FetchScope::All {
                let blobs = blobs.into_iter().map(|(id, size)| (id, Some(size), size > WHOLE_BLOB_MAX));
                lists = self.blobs(blobs.collect())?;
            }
        }
        Ok((versions.len() as u64, lists))
    }

    /// The versions that are not complete here, the newest first.
    fn versions(
        &mut self,
        tips: &[VersionId],
        complete: &[VersionId],
    ) -> Result<Vec<Version>, TransferError> {
        let mut seen: HashSet<VersionId> = complete.iter().copied().collect();
        let mut found = Vec::new();
        let mut level: Vec<VersionId> = tips.iter().copied().filter(|id| seen.insert(*id)).collect();
        while !level.is_empty() {
            let keys: Vec<_> = level.iter().map(|id| (RecordKind::Version, *id.as_bytes())).collect();
            let mut below = Vec::new();
            self.metadata(&keys, &mut |key, _, raw| {
                let version = decode_version(raw).map_err(|source| undecodable(key, source))?;
                below.extend(version.parents.iter().copied());
                found.push(version);
                Ok(())
            })?;
            level = below.into_iter().filter(|id| seen.insert(*id)).collect();
        }
        Ok(found)
    }

    /// The nodes of all their trees, and the blobs that these name, with their lengths.
    fn trees(
        &mut self,
        versions: &[Version],
        complete: &[VersionId],
    ) -> Result<Vec<(BlobId, u64)>, TransferError> {
        let new: Vec<TreeId> = versions.iter().map(|version| version.tree).collect();
        let parents: HashSet<VersionId> = versions.iter().flat_map(|v| v.parents.iter().copied()).collect();
        let db = Arc::clone(self.db);
        let old = complete.iter().filter(|id| parents.contains(id)).map(|id| Ok(db.version(id)?.tree));
        let old: Vec<TreeId> = old.collect::<Result<_, TransferError>>()?;
        let delta = delta(&mut LocalNodes(&db), &old, self, &new, &mut |ids| Ok(vec![false; ids.len()]))?;
        Ok(delta.blobs)
    }

    /// Gives each of these records to `each`, as it is stored and raw, from here or from the remote. What comes from
    /// there is kept, except the roots of chunk lists, which nothing has proved yet.
    fn metadata(&mut self, keys: &[RecordKey], each: EachRecord<'_>) -> Result<(), TransferError> {
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
            fetch_ahead(self.peer, places, self.ahead, self.monitor, &|info, stored| {
                if info.kind != RecordKind::ChunkedBlob {
                    writer.put_stored(*info, stored)?;
                }
                let key = (info.kind, info.id);
                if wanted.contains(&key) {
                    came.lock().unwrap_or_else(PoisonError::into_inner).push((*info, stored.to_vec()));
                } else if info.kind == RecordKind::Version {
                    let raw = decompress(info.compression, stored, info.raw_len as usize);
                    let raw = raw.map_err(|source| undecodable(key, source))?.into_owned();
                    manifests.lock().unwrap_or_else(PoisonError::into_inner).insert(key, raw);
                }
                Ok(())
            })?;
            for (info, stored) in came.into_inner().unwrap_or_else(PoisonError::into_inner) {
                let key = (info.kind, info.id);
                let raw = decompress(info.compression, &stored, info.raw_len as usize)
                    .map_err(|source| undecodable(key, source))?
                    .into_owned();
                each(key, Some((info, stored)), &raw)?;
            }
        }
        Ok(())
    }

    /// Where records are; all of them must be there.
    fn places(&mut self, keys: &[RecordKey]) -> Result<Vec<Placed>, TransferError> {
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

    /// Brings the bytes of blobs that are not here, and the lists of the large ones, which are still to be proved.
    fn blobs(&mut self, blobs: Vec<WantedBlob>) -> Result<Lists, TransferError> {
        let (mut data, mut large) = (Vec::new(), Vec::new());
        for (id, size, chunked) in blobs {
            if self.db.contains_blob(&id)? {
                continue;
            }
            if chunked {
                large.push((id, size));
            } else {
                data.push((RecordKind::Blob, *id.as_bytes()));
            }
        }
        let lists = self.lists(&large)?;
        let chunks: HashSet<[u8; 32]> = lists.chunks().collect();
        for id in chunks {
            if !self.db.contains(RecordKind::Chunk, &id)? {
                data.push((RecordKind::Chunk, id));
            }
        }
        let places = self.places(&data)?;
        let bytes = places.iter().map(|placed| u64::from(placed.stored_len)).sum();
        self.monitor.progress.phase("Fetching data", Some(places.len() as u64), Some(bytes));
        let writer = self.writer;
        fetch_records(self.peer, places, self.monitor, &|info, stored| {
            writer.put_stored(*info, stored).map(drop).map_err(TransferError::from)
        })?;
        Ok(lists)
    }

    fn lists(&mut self, blobs: &[(BlobId, Option<u64>)]) -> Result<Lists, TransferError> {
        let mut lists = Lists::default();
        let lengths: HashMap<[u8; 32], Option<u64>> =
            blobs.iter().map(|(id, size)| (*id.as_bytes(), *size)).collect();
        let mut level: Vec<RecordKey> = lengths.keys().map(|id| (RecordKind::ChunkedBlob, *id)).collect();
        while !level.is_empty() {
            let mut below = Vec::new();
            self.metadata(&level, &mut |key, record, raw| {
                let list = ChunkList::decode(raw).map_err(|source| undecodable(key, source))?;
                if lengths.get(&key.1).is_some_and(|size| {
                    key.0 == RecordKind::ChunkedBlob && size.is_some_and(|size| size != list.len())
                }) {
                    return Err(undecodable(key, malformed("its length is not what the tree says")));
                }
                if list.level > 0 {
                    below.extend(
                        list.pieces.iter().map(|piece| (RecordKind::ChunkNode, *piece.id.as_bytes())),
                    );
                }
                lists.roots.extend(record.filter(|(info, _)| info.kind == RecordKind::ChunkedBlob));
                lists.decoded.insert(key, list);
                Ok(())
            })?;
            below.sort_unstable_by_key(|(_, id)| *id);
            below.dedup();
            below.retain(|key| !lists.decoded.contains_key(key));
            level = below;
        }
        Ok(lists)
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
        self.metadata(&keys, &mut |key, _, raw| {
            let node = TreeNode::decode(raw).map_err(|source| undecodable(key, source))?;
            each(TreeId::from_bytes(key.1), node)
        })
    }
}

impl Lists {
    fn chunks(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        let lists = self.decoded.values().filter(|list| list.level == 0);
        lists.flat_map(|list| list.pieces.iter().map(|piece| *piece.id.as_bytes()))
    }
}

/// Keeps the lists of large blobs, each after its chunks have proved it: a list that lies would otherwise be taken for the
/// blob by whoever adds the true one.
fn keep_lists(db: &Arc<ObjectDb>, lists: &Lists, monitor: &Monitor<'_>) -> Result<WriteStats, TransferError> {
    if lists.roots.is_empty() {
        return Ok(WriteStats::default());
    }
    db.refresh()?;
    let bytes = lists.roots.iter().filter_map(|(info, _)| lists.decoded.get(&(info.kind, info.id)));
    let bytes = bytes.map(ChunkList::len).sum();
    monitor.progress.phase("Verifying", Some(lists.roots.len() as u64), Some(bytes));
    work_through(monitor.threads, (0..lists.roots.len()).collect(), |at, _| {
        let (info, _) = &lists.roots[at];
        let mut hash = Sha256::new();
        hash_list(db, lists, (info.kind, info.id), &mut hash, monitor)?;
        if <[u8; 32]>::from(hash.finalize()) != info.id {
            return Err(undecodable((info.kind, info.id), malformed("its chunks are those of another file")));
        }
        monitor.progress.advance(1, 0);
        Ok(())
    })?;
    let writer = Writer::new(db)?;
    for (info, stored) in &lists.roots {
        writer.put_stored(*info, stored)?;
    }
    Ok(writer.finish()?)
}

fn hash_list(
    db: &ObjectDb,
    lists: &Lists,
    key: RecordKey,
    hash: &mut Sha256,
    monitor: &Monitor<'_>,
) -> Result<(), TransferError> {
    let Some(list) = lists.decoded.get(&key) else {
        return Err(undecodable(key, malformed("a part of it is missing")));
    };
    for piece in &list.pieces {
        let id = *piece.id.as_bytes();
        if list.level > 0 {
            let below = (RecordKind::ChunkNode, id);
            let fits = |node: &ChunkList| node.level + 1 == list.level && node.len() == piece.len;
            if !lists.decoded.get(&below).is_some_and(fits) {
                return Err(undecodable(key, malformed("a part of it is of another level or length")));
            }
            hash_list(db, lists, below, hash, monitor)?;
            continue;
        }
        monitor.interrupt.check()?;
        let raw = db.get(RecordKind::Chunk, &id)?;
        if raw.len() as u64 != piece.len {
            return Err(undecodable(key, malformed("a chunk has another length")));
        }
        hash.update(&raw);
        monitor.progress.advance(0, raw.len() as u64);
    }
    Ok(())
}

fn malformed(why: &str) -> DecodeError {
    DecodeError::malformed("chunk list", why.to_owned())
}

fn undecodable((kind, id): RecordKey, source: DecodeError) -> TransferError {
    StoreError::Undecodable { kind, id: ObjectId::Sha256(id), source }.into()
}
