//! Large files on their way here: the lists of their chunks, then the chunks, and the proof that these make up the file.
//!
//! A list that lies would be taken for the file of that id by whoever adds the true one, so that the root of a list is kept
//! only when the chunks have the file's SHA-256. They are hashed as they come, in order; what came too early waits, as long
//! as there is room. A file of which that did not succeed to its end is read again from there, once all is durable.
//!
//! Of many or very large files only a part of the lists is in memory: files are opened in groups, and of the files of a
//! group some nodes at a time, side by side, since files that were added together lie in the same packs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::fetch::{Fetcher, undecodable};
use super::proof::Proof;
use super::{RecordKey, TransferError, quiet};
use crate::codec::chunk_list::{ChunkList, Piece};
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo, RecordKind};
use crate::codec::{DecodeError, decompress};
use crate::model::{BlobId, Monitor};
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, WriteStats, Writer};

/// Bytes of files after which a group is closed, unless it has [`MIN_GROUP`] files at the most.
const GROUP_BYTES: u64 = 16 << 30;
/// Files that are opened together at least, where there are so many.
const MIN_GROUP: usize = 16;
/// Files that are opened together at the most.
const MAX_GROUP: usize = 4096;
/// Nodes of lists that are read at once: some of 150,000 chunks.
const NODES: usize = 1024;
/// Raw bytes of chunks that may wait for those before them.
pub(super) const ROOM: usize = 128 << 20;

/// A file that is stored as chunks, and its length where that is known.
pub(super) type LargeBlob = (BlobId, Option<u64>);

/// The root of a list, which is kept when its file is proved.
pub(super) struct Root {
    pub(super) info: RecordInfo,
    /// As it lies in a pack, header included.
    pub(super) record: Vec<u8>,
    pub(super) proof: Proof,
}

/// A file whose chunks are being brought.
struct Open {
    root: Root,
    /// Nodes that were not read yet, with their level, in order.
    nodes: VecDeque<(u8, Piece)>,
    /// Chunks that were not brought yet, leaf by leaf.
    leaves: VecDeque<Vec<Piece>>,
}

/// Files in groups, see the head of this file.
fn groups(blobs: &[LargeBlob]) -> impl Iterator<Item = &[LargeBlob]> {
    let mut rest = blobs;
    std::iter::from_fn(move || {
        let (mut bytes, mut count) = (0_u64, 0);
        for (_, size) in rest {
            if count >= MAX_GROUP || (bytes >= GROUP_BYTES && count >= MIN_GROUP) {
                break;
            }
            bytes = bytes.saturating_add(size.unwrap_or_default());
            count += 1;
        }
        let (group, behind) = rest.split_at(count);
        rest = behind;
        (!group.is_empty()).then_some(group)
    })
}

/// Brings the chunks and nodes of large files; the roots are still to be kept.
///
/// # Errors
/// When a record is missing there or damaged, when a list makes no sense, when the remote or the disk fails.
pub(super) fn bring_large(
    fetcher: &mut Fetcher<'_, '_>,
    blobs: &[LargeBlob],
) -> Result<Vec<Root>, TransferError> {
    let mut roots = Vec::new();
    for group in groups(blobs) {
        let mut files = open(fetcher, group)?;
        while files.iter().any(|file| !file.nodes.is_empty() || !file.leaves.is_empty()) {
            read_nodes(fetcher, &mut files)?;
            bring_chunks(fetcher, &mut files)?;
        }
        fetcher.monitor.progress.advance(files.len() as u64, 0);
        roots.extend(files.into_iter().map(|file| file.root));
    }
    Ok(roots)
}

/// The roots of the lists of these files.
fn open(fetcher: &mut Fetcher<'_, '_>, group: &[LargeBlob]) -> Result<Vec<Open>, TransferError> {
    let sizes: HashMap<[u8; 32], Option<u64>> =
        group.iter().map(|(id, size)| (*id.as_bytes(), *size)).collect();
    let keys: Vec<RecordKey> =
        group.iter().map(|(id, _)| (RecordKind::ChunkedBlob, *id.as_bytes())).collect();
    let mut files = Vec::with_capacity(keys.len());
    fetcher.metadata(&keys, &quiet(fetcher.monitor), &mut |key, stored, raw| {
        let list = decode(key, raw)?;
        if sizes.get(&key.1).is_some_and(|size| size.is_some_and(|size| size != list.len())) {
            return Err(wrong(key, "its length is not what the tree says"));
        }
        // What is here already was proved when it came here.
        let Some((info, record)) = stored else { return Ok(()) };
        let root = Root { info, record, proof: Proof::new(list.len()) };
        let (mut nodes, mut leaves) = (VecDeque::new(), VecDeque::new());
        match list.level {
            0 => leaves.push_back(list.pieces),
            level => nodes.extend(list.pieces.into_iter().map(|piece| (level - 1, piece))),
        }
        files.push(Open { root, nodes, leaves });
        Ok(())
    })?;
    // As the trees list them, and not as they came.
    let ranks: HashMap<[u8; 32], usize> =
        group.iter().enumerate().map(|(at, (id, _))| (*id.as_bytes(), at)).collect();
    files.sort_by_key(|file| ranks.get(&file.root.info.id).copied());
    Ok(files)
}

/// Reads the next nodes of each file until each has leaves or is at its end.
fn read_nodes(fetcher: &mut Fetcher<'_, '_>, files: &mut [Open]) -> Result<(), TransferError> {
    loop {
        let without = |file: &&mut Open| file.leaves.is_empty() && !file.nodes.is_empty();
        let share = files.iter_mut().filter(without).count().max(1);
        let share = (NODES / share).max(1);
        let mut taken: Vec<(&mut Open, Vec<(u8, Piece)>)> = Vec::new();
        for file in files.iter_mut().filter(without).take(NODES) {
            let level = file.nodes.front().map(|(level, _)| *level);
            let run = file.nodes.iter().take_while(|(of, _)| Some(*of) == level).take(share).count();
            let nodes = file.nodes.drain(..run).collect();
            taken.push((file, nodes));
        }
        if taken.is_empty() {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let ids = taken.iter().flat_map(|(_, nodes)| nodes).map(|(_, piece)| *piece.id.as_bytes());
        let keys: Vec<RecordKey> =
            ids.filter(|id| seen.insert(*id)).map(|id| (RecordKind::ChunkNode, id)).collect();
        let mut lists = HashMap::with_capacity(keys.len());
        fetcher.metadata(&keys, &quiet(fetcher.monitor), &mut |key, _, raw| {
            lists.insert(key.1, decode(key, raw)?);
            Ok(())
        })?;
        for (file, nodes) in taken {
            file.put_below(&nodes, &lists)?;
        }
    }
}

impl Open {
    fn key(&self) -> RecordKey {
        (self.root.info.kind, self.root.info.id)
    }

    /// Puts what lies below nodes that were read in their place.
    fn put_below(
        &mut self,
        nodes: &[(u8, Piece)],
        lists: &HashMap<[u8; 32], ChunkList>,
    ) -> Result<(), TransferError> {
        let mut below = Vec::new();
        for (level, piece) in nodes {
            let list = lists.get(piece.id.as_bytes());
            let Some(list) = list.filter(|list| list.level == *level && list.len() == piece.len) else {
                return Err(wrong(self.key(), "a part of it is of another level or length"));
            };
            match level.checked_sub(1) {
                None => self.leaves.push_back(list.pieces.clone()),
                Some(level) => below.extend(list.pieces.iter().map(|piece| (level, *piece))),
            }
        }
        below.into_iter().rev().for_each(|node| self.nodes.push_front(node));
        Ok(())
    }
}

/// Brings the chunks of all leaves that were read.
fn bring_chunks(fetcher: &mut Fetcher<'_, '_>, files: &mut [Open]) -> Result<(), TransferError> {
    let mut leaves: Vec<VecDeque<Vec<Piece>>> =
        files.iter_mut().map(|file| std::mem::take(&mut file.leaves)).collect();
    let mut wanted = Vec::new();
    let mut seen = HashSet::new();
    let mut arrivals = Vec::new();
    let mut here = 0;
    // A leaf of each file in turn: the order in which they lie in packs when they were added together, and a good one otherwise.
    while leaves.iter().any(|of_file| !of_file.is_empty()) {
        for (at, of_file) in leaves.iter_mut().enumerate() {
            let Some(leaf) = of_file.pop_front() else { continue };
            for piece in &leaf {
                let id = *piece.id.as_bytes();
                let is_new = seen.insert(id);
                if is_new && !fetcher.writer.contains(RecordKind::Chunk, &id)? {
                    wanted.push((RecordKind::Chunk, id));
                } else {
                    here += piece.len;
                }
                arrivals.push((id, at));
            }
            files[at].root.proof.expect(leaf);
        }
    }
    drop(seen);
    fetcher.monitor.progress.advance(0, here);
    arrivals.sort_unstable();
    arrivals.dedup();
    let places = fetcher.places(&wanted)?;
    drop(wanted);
    let (writer, db, room) = (fetcher.writer, &**fetcher.db, &fetcher.room);
    let files = &*files;
    fetcher.records(places, &|came| {
        writer.put_record(came.info, &came.record)?;
        let from = arrivals.partition_point(|(id, _)| *id < came.info.id);
        for (_, at) in arrivals[from..].iter().take_while(|(id, _)| *id == came.info.id) {
            files[*at].root.proof.offer(db, room, &came.info.id, &came.raw)?;
        }
        Ok(())
    })?;
    work_through(fetcher.monitor.threads, (0..files.len()).collect(), |at, _| {
        fetcher.monitor.interrupt.check()?;
        files[at].root.proof.end_round(db, room)
    })
}

/// Keeps the roots, each after its chunks have proved it. What the files consist of is durable by now.
///
/// # Errors
/// When the chunks of one make up another file; when the disk is full or fails.
pub(super) fn keep_roots(
    db: &Arc<ObjectDb>,
    roots: Vec<Root>,
    monitor: &Monitor<'_>,
) -> Result<WriteStats, TransferError> {
    if roots.is_empty() {
        return Ok(WriteStats::default());
    }
    let writer = Writer::new(db)?;
    let left = roots.iter().map(|root| root.proof.left()).sum();
    if left > 0 {
        monitor.progress.phase("Verifying", None, Some(left));
    }
    work_through(monitor.threads, roots, |Root { info, record, proof }, _| {
        let key = (info.kind, info.id);
        let raw = decompress(info.compression, &record[RECORD_HEADER_LEN..], info.raw_len as usize);
        let list = decode(key, &raw.map_err(|source| undecodable(key, source))?)?;
        proof.finish(db, &BlobId::from_bytes(info.id), list, monitor)?;
        writer.put_record(info, &record).map(drop).map_err(TransferError::from)
    })?;
    Ok(writer.finish()?)
}

fn decode(key: RecordKey, raw: &[u8]) -> Result<ChunkList, TransferError> {
    ChunkList::decode(raw).map_err(|source| undecodable(key, source))
}

fn wrong(key: RecordKey, why: &str) -> TransferError {
    undecodable(key, DecodeError::malformed("chunk list", why))
}
