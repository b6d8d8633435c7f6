//! What must be sent: everything that versions lead to and the remote has not.

use std::collections::HashSet;

use super::delta::{Delta, Nodes, delta};
use super::fetch::find_any_form;
use super::index::RemoteIndex;
use super::{Peer, RecordKey, TransferError};
use crate::codec::pack::RecordKind;
use crate::codec::tree::{TreeNode, empty_tree};
use crate::model::{BlobId, Monitor, ObjectId, TreeId, VersionId};
use crate::plumbing::rev_list::{self, Listed};
use crate::store::{ObjectDb, RecordSet, StoreError, WHOLE_BLOB_MAX};

/// Manifests that are sent with a version at the least, where the history has so many: some 50 KiB of them.
const MAX_MANIFESTS: usize = 200;

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Selection {
    /// Versions, trees and chunk lists, in the order in which a reader comes upon them: a version first, then what
    /// is near the root of its tree.
    pub(super) metadata: Vec<RecordKey>,
    /// Blobs and chunks.
    pub(super) data: RecordSet,
    /// Number of versions among the metadata.
    pub(super) versions: u64,
    /// Whether the remote turned out to have something already that none of the versions known to be there
    /// leads to.
    pub(super) found_there: bool,
}

impl Selection {
    /// How many files are sent.
    pub(super) fn files(&self) -> Result<u64, StoreError> {
        let large = self.metadata.iter().filter(|(kind, _)| kind.is_file()).count() as u64;
        self.data
            .iter()
            .try_fold(large, |files, record| Ok(files + u64::from(record?.1.locator.kind.is_file())))
    }
}

/// Trees of the local database.
pub(super) struct LocalNodes<'a>(pub(super) &'a ObjectDb);

impl Nodes for LocalNodes<'_> {
    fn read(
        &mut self,
        ids: &[TreeId],
        each: &mut dyn FnMut(TreeId, TreeNode) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        ids.iter().try_for_each(|id| each(*id, self.0.tree_node(id)?))
    }
}

/// Selects what `tip` leads to. What the versions `there` lead to is known to be on the remote, as is what
/// `index` lists.
///
/// # Errors
/// When something that the versions need is missing or damaged here; when the remote fails.
pub(super) fn select(
    peer: &Peer<'_>,
    db: &ObjectDb,
    index: &mut RemoteIndex,
    tip: VersionId,
    there: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<Selection, TransferError> {
    let (selection, lacking) = select_here(peer, db, index, tip, there, monitor)?;
    if lacking.is_empty() {
        return Ok(selection);
    }
    // What is on neither side may be had of another remote; what came is chosen as all else is.
    db.prefetch_blobs(lacking, monitor)?;
    let (selection, lacking) = select_here(peer, db, index, tip, there, monitor)?;
    match lacking.first() {
        None => Ok(selection),
        Some((id, _)) => Err(StoreError::Missing { kind: RecordKind::Blob, id: id.object() }.into()),
    }
}

/// Selects the files' bytes that a tree leads to and the remote has not: blobs, chunks and lists of chunks, and no tree.
///
/// # Errors
/// As [`select`]; when a file is neither here nor there.
pub(super) fn select_files(
    peer: &Peer<'_>,
    db: &ObjectDb,
    index: &mut RemoteIndex,
    tree: TreeId,
) -> Result<Selection, TransferError> {
    db.refresh()?;
    let mut selector = Selector::new(peer, db, index);
    let mut lists = Vec::new();
    if tree != empty_tree() {
        let delta = selector.delta(&[], tree)?;
        selector.blobs(&delta, &mut lists)?;
    }
    let Selector { data, found_there, lacking, .. } = selector;
    match lacking.first() {
        None => Ok(Selection { metadata: lists, data, versions: 0, found_there }),
        Some((id, _)) => Err(StoreError::Missing { kind: RecordKind::Blob, id: id.object() }.into()),
    }
}

/// What is to be sent of what is here, and the blobs that are neither here nor there, with their lengths.
fn select_here(
    peer: &Peer<'_>,
    db: &ObjectDb,
    index: &mut RemoteIndex,
    tip: VersionId,
    there: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<(Selection, Vec<(BlobId, u64)>), TransferError> {
    db.refresh()?;
    let exclude = there.iter().copied().filter(|id| has_version(db, id)).collect();
    let listing = rev_list::Options { exclude, ..Default::default() };
    let listed = rev_list::run(db, &[tip], &listing, monitor)?;
    let mut selector = Selector::new(peer, db, index);
    let mut groups = Vec::with_capacity(listed.len());
    // A version after its parents, so that it is compared with what is chosen already.
    for version in listed.iter().rev() {
        monitor.interrupt.check()?;
        groups.push(selector.version(version)?);
        monitor.progress.advance(1, 0);
    }
    let Selector { data, mut found_there, lacking, .. } = selector;
    let sent: HashSet<VersionId> = listed.iter().map(|version| version.id).collect();
    // What a version there leads to is relied on as well: here it was left out. The tip may be there itself, by another dataset.
    found_there |= !sent.contains(&tip);
    found_there |= listed.iter().flat_map(|version| &version.version.parents).any(|id| !sent.contains(id));
    let metadata = in_order_of_reading(db, tip, &listed, groups)?;
    Ok((Selection { metadata, data, versions: listed.len() as u64, found_there }, lacking))
}

/// All manifests, the newest first, and then what is near the roots of their trees: what is read of a remote to learn its
/// history is one stretch of one pack. For that, manifests that the remote has are sent again, up to a number.
fn in_order_of_reading(
    db: &ObjectDb,
    tip: VersionId,
    listed: &[Listed],
    groups: Vec<Vec<RecordKey>>,
) -> Result<Vec<RecordKey>, TransferError> {
    let (mut versions, mut others) = (Vec::new(), Vec::new());
    for key in groups.into_iter().rev().flatten() {
        if key.0 == RecordKind::Version { versions.push(key) } else { others.push(key) }
    }
    if !versions.is_empty() {
        let mut seen: HashSet<VersionId> = listed.iter().map(|version| version.id).collect();
        seen.insert(tip);
        let mut line = listed.last().map(|oldest| oldest.version.parents.clone()).unwrap_or_default();
        let mut room = MAX_MANIFESTS.saturating_sub(versions.len());
        while let Some(id) = line.pop().filter(|id| room > 0 && has_version(db, id)) {
            if seen.insert(id) {
                versions.push((RecordKind::Version, *id.as_bytes()));
                line.extend(db.version(&id)?.parents.into_iter().rev());
                room -= 1;
            }
        }
    }
    versions.append(&mut others);
    Ok(versions)
}

fn has_version(db: &ObjectDb, id: &VersionId) -> bool {
    db.contains(RecordKind::Version, id.as_bytes()).unwrap_or(false)
}

struct Selector<'a, 'p> {
    peer: &'a Peer<'p>,
    db: &'a ObjectDb,
    index: &'a mut RemoteIndex,
    data: RecordSet,
    /// Metadata that is chosen.
    chosen: HashSet<RecordKey>,
    /// Chunks of blobs that the remote has, of those that were replaced by what is new.
    old_chunks: HashSet<[u8; 32]>,
    /// Blobs that are neither here nor there.
    lacking: Vec<(BlobId, u64)>,
    found_there: bool,
}

impl<'a, 'p> Selector<'a, 'p> {
    /// Nothing is chosen yet.
    fn new(peer: &'a Peer<'p>, db: &'a ObjectDb, index: &'a mut RemoteIndex) -> Self {
        Self {
            peer,
            db,
            index,
            data: RecordSet::new(db),
            chosen: HashSet::new(),
            old_chunks: HashSet::new(),
            lacking: Vec::new(),
            found_there: false,
        }
    }

    /// What one version adds to what is chosen.
    fn version(&mut self, listed: &Listed) -> Result<Vec<RecordKey>, TransferError> {
        let key = (RecordKind::Version, *listed.id.as_bytes());
        if self.missing_there(vec![key])?.is_empty() {
            return Ok(Vec::new());
        }
        self.chosen.insert(key);
        let mut keys = vec![key];
        let tombstones = self.db.tombstones();
        if tombstones.contains(&listed.id) {
            return Ok(keys);
        }
        let parents = listed.version.parents.iter();
        let parents = parents.filter(|id| has_version(self.db, id) && !tombstones.contains(id));
        let old: Vec<TreeId> =
            parents.map(|id| Ok(self.db.version(id)?.tree)).collect::<Result<_, TransferError>>()?;
        let delta = self.delta(&old, listed.version.tree)?;
        for id in &delta.nodes {
            let key = (RecordKind::Tree, *id.as_bytes());
            if *id != empty_tree() && self.chosen.insert(key) {
                keys.push(key);
            }
        }
        self.blobs(&delta, &mut keys)?;
        Ok(keys)
    }

    fn delta(&mut self, old: &[TreeId], new: TreeId) -> Result<Delta, TransferError> {
        let (db, peer, chosen) = (self.db, self.peer, &self.chosen);
        let (index, found_there) = (&mut *self.index, &mut self.found_there);
        delta(&mut LocalNodes(db), old, &mut LocalNodes(db), &[new], &mut |ids| {
            let keys: Vec<RecordKey> = ids.iter().map(|id| (RecordKind::Tree, *id.as_bytes())).collect();
            let there = index.find(peer, &keys)?;
            *found_there |= there.iter().any(Option::is_some);
            Ok(keys.iter().zip(there).map(|(key, there)| there.is_some() || chosen.contains(key)).collect())
        })
    }

    /// Of these records, those that the remote does not list.
    fn missing_there(&mut self, mut keys: Vec<RecordKey>) -> Result<Vec<RecordKey>, TransferError> {
        if self.index.is_empty() || keys.is_empty() {
            return Ok(keys);
        }
        let there = self.index.find(self.peer, &keys)?;
        self.found_there |= there.iter().any(Option::is_some);
        let mut there = there.iter();
        keys.retain(|_| there.next().is_some_and(Option::is_none));
        Ok(keys)
    }

    fn blobs(&mut self, delta: &Delta, keys: &mut Vec<RecordKey>) -> Result<(), TransferError> {
        let (mut whole, mut chunked, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
        for (id, size) in &delta.blobs {
            let (as_blob, as_chunks) =
                ((RecordKind::Blob, *id.as_bytes()), (RecordKind::ChunkedBlob, *id.as_bytes()));
            if self.data.place(as_blob.0, &as_blob.1).is_some() {
                if !self.data.contains(as_blob.0, &as_blob.1) {
                    whole.push(as_blob);
                }
            } else if self.data.place(as_chunks.0, &as_chunks.1).is_none() {
                elsewhere.push((*id, *size));
            } else if !self.chosen.contains(&as_chunks) {
                chunked.push(as_chunks);
            }
        }
        for (kind, id) in self.missing_there(whole)? {
            self.data.insert(kind, &id);
        }
        self.note_lacking(elsewhere)?;
        let chunked = self.missing_there(chunked)?;
        if !chunked.is_empty() {
            self.note_old_chunks(&delta.replaced)?;
        }
        for (kind, id) in chunked {
            self.chunk_list(kind, id, keys)?;
        }
        Ok(())
    }

    /// Notes which blobs that are not here the remote has not, in the one form or the other.
    fn note_lacking(&mut self, blobs: Vec<(BlobId, u64)>) -> Result<(), TransferError> {
        let keys: Vec<RecordKey> = blobs.iter().map(|(id, _)| (RecordKind::Blob, *id.as_bytes())).collect();
        let there = find_any_form(self.peer, self.index, &keys)?;
        self.found_there |= there.iter().any(Option::is_some);
        let lacking = blobs.into_iter().zip(there).filter(|(_, place)| place.is_none());
        self.lacking.extend(lacking.map(|(blob, _)| blob));
        Ok(())
    }

    /// Chunks of blobs that lie on the remote and were replaced: what replaced them shares most of them.
    fn note_old_chunks(&mut self, replaced: &[(BlobId, u64)]) -> Result<(), TransferError> {
        let large = replaced.iter().filter(|(_, size)| *size > WHOLE_BLOB_MAX);
        let mut lists: Vec<RecordKey> =
            large.map(|(id, _)| (RecordKind::ChunkedBlob, *id.as_bytes())).collect();
        while let Some((kind, id)) = lists.pop() {
            // Of a blob that is chosen itself, or is not here, nothing is known to be there.
            if self.chosen.contains(&(kind, id)) || self.data.place(kind, &id).is_none() {
                continue;
            }
            let list = self.db.chunk_list(kind, &id)?;
            for piece in &list.pieces {
                if list.level == 0 {
                    self.old_chunks.insert(*piece.id.as_bytes());
                } else {
                    lists.push((RecordKind::ChunkNode, *piece.id.as_bytes()));
                }
            }
        }
        Ok(())
    }

    fn chunk_list(
        &mut self,
        kind: RecordKind,
        id: [u8; 32],
        keys: &mut Vec<RecordKey>,
    ) -> Result<(), TransferError> {
        let mut pending = vec![(kind, id)];
        let mut chunks = Vec::new();
        while let Some((kind, id)) = pending.pop() {
            if !self.chosen.insert((kind, id)) {
                continue;
            }
            keys.push((kind, id));
            let list = self.db.chunk_list(kind, &id)?;
            let below = list.pieces.iter().map(|piece| *piece.id.as_bytes());
            if list.level == 0 {
                let new = below
                    .filter(|id| !self.old_chunks.contains(id) && !self.data.contains(RecordKind::Chunk, id));
                chunks.extend(new.map(|id| (RecordKind::Chunk, id)));
            } else {
                let nodes = self.missing_there(below.map(|id| (RecordKind::ChunkNode, id)).collect())?;
                pending.extend(nodes.into_iter().rev());
            }
        }
        chunks.sort_unstable_by_key(|(_, id)| *id);
        chunks.dedup();
        for (kind, id) in self.missing_there(chunks)? {
            if self.data.insert(kind, &id).is_none() {
                return Err(StoreError::Missing { kind, id: ObjectId::Sha256(id) }.into());
            }
        }
        Ok(())
    }
}
