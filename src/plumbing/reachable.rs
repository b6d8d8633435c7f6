//! Everything that versions, trees and blobs lead to, marked in a set of records.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::codec::pack::RecordKind;
use crate::codec::tree::TreeNode;
use crate::model::{BlobId, Monitor, ObjectId, TreeId, VersionId};
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, RecordSet, StoreError};

/// Where a walk begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// A version, its tree unless it was deleted, and its parents.
    Version(VersionId),
    /// A tree and all below it.
    Tree(TreeId),
    /// A blob, with the chunks that it is made of.
    Blob(BlobId),
    /// A node of a chunk list, of the kind `ChunkedBlob` or `ChunkNode`.
    ChunkList(RecordKind, [u8; 32]),
}

/// Adds to `set` everything that can be reached from `starts` and is not in it yet: what was marked
/// before is not followed again.
///
/// `on_problem` is told of every record that is missing or cannot be read, and decides whether to go on;
/// it is called from several threads. Progress counts each tree, version and blob as a file.
///
/// # Errors
/// What `on_problem` returns; when the monitor asks to end.
pub fn mark_reachable(
    db: &ObjectDb,
    set: &RecordSet,
    starts: Vec<Start>,
    monitor: &Monitor<'_>,
    on_problem: &(dyn Fn(RecordKind, [u8; 32], StoreError) -> Result<(), StoreError> + Sync),
) -> Result<(), StoreError> {
    let marker = Marker { db, set, on_problem };
    work_through(monitor.threads, starts, |start, more| {
        monitor.interrupt.check()?;
        let files = marker.follow(start, more)?;
        monitor.progress.advance(files, 0);
        Ok(())
    })
}

/// Whether all of these blobs are here, with the chunks that they are made of.
///
/// # Errors
/// When the monitor asks to end.
pub fn are_whole(
    db: &ObjectDb,
    blobs: impl IntoIterator<Item = BlobId>,
    monitor: &Monitor<'_>,
) -> Result<bool, StoreError> {
    let lacks = AtomicBool::new(false);
    let note = |_, _, _| {
        lacks.store(true, Ordering::Relaxed);
        Ok(())
    };
    let starts = blobs.into_iter().map(Start::Blob).collect();
    mark_reachable(db, &RecordSet::new(db), starts, monitor, &note)?;
    Ok(!lacks.into_inner())
}

struct Marker<'a> {
    db: &'a ObjectDb,
    set: &'a RecordSet,
    on_problem: &'a (dyn Fn(RecordKind, [u8; 32], StoreError) -> Result<(), StoreError> + Sync),
}

impl Marker<'_> {
    /// Marks a record; true when it is to be followed.
    fn mark(&self, kind: RecordKind, id: &[u8; 32]) -> Result<bool, StoreError> {
        match self.set.insert(kind, id) {
            Some(new) => Ok(new),
            None => {
                let missing = self.missing(kind, id);
                (self.on_problem)(kind, *id, missing).map(|()| false)
            }
        }
    }

    fn missing(&self, kind: RecordKind, id: &[u8; 32]) -> StoreError {
        match self.set.unreadable().first() {
            Some(index) => StoreError::Damaged { path: index.path.clone(), source: index.error.clone() },
            None => StoreError::Missing { kind, id: ObjectId::Sha256(*id) },
        }
    }

    /// What a record holds, if it can be read.
    fn read<T>(
        &self,
        kind: RecordKind,
        id: &[u8; 32],
        read: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read() {
            Ok(value) => Ok(Some(value)),
            Err(error) => (self.on_problem)(kind, *id, error).map(|()| None),
        }
    }

    /// Follows one step; returns how many objects were marked on the way.
    fn follow(&self, start: Start, more: &mut Vec<Start>) -> Result<u64, StoreError> {
        match start {
            Start::Version(id) => {
                if !self.mark(RecordKind::Version, id.as_bytes())? {
                    return Ok(0);
                }
                let version = self.read(RecordKind::Version, id.as_bytes(), || self.db.version(&id))?;
                if let Some(version) = version {
                    more.extend(version.parents.into_iter().map(Start::Version));
                    if !self.db.tombstones().contains(&id) {
                        more.push(Start::Tree(version.tree));
                    }
                }
                Ok(1)
            }
            Start::Tree(id) => self.follow_tree(&id, more),
            Start::Blob(id) => Ok(u64::from(self.mark_blob(&id, more)?)),
            Start::ChunkList(kind, id) => {
                if let Some(list) = self.read(kind, &id, || self.db.chunk_list(kind, &id))? {
                    self.follow_pieces(&list, more)?;
                }
                Ok(0)
            }
        }
    }

    fn follow_tree(&self, id: &TreeId, more: &mut Vec<Start>) -> Result<u64, StoreError> {
        if !self.mark(RecordKind::Tree, id.as_bytes())? {
            return Ok(0);
        }
        let mut marked = 1;
        match self.read(RecordKind::Tree, id.as_bytes(), || self.db.tree_node(id))? {
            None => {}
            Some(TreeNode::Inner { children, .. }) => {
                more.extend(children.iter().map(|child| Start::Tree(child.id)));
            }
            Some(TreeNode::Leaf(entries)) => {
                for entry in entries {
                    if entry.kind.is_dir() {
                        more.push(Start::Tree(TreeId::new(entry.id)));
                    } else {
                        marked += u64::from(self.mark_blob(&BlobId::new(entry.id), more)?);
                    }
                }
            }
        }
        Ok(marked)
    }

    /// True when the blob was not marked before.
    fn mark_blob(&self, id: &BlobId, more: &mut Vec<Start>) -> Result<bool, StoreError> {
        if let Some(new) = self.set.insert(RecordKind::Blob, id.as_bytes()) {
            return Ok(new);
        }
        match self.set.insert(RecordKind::ChunkedBlob, id.as_bytes()) {
            Some(new) => {
                if new {
                    more.push(Start::ChunkList(RecordKind::ChunkedBlob, *id.as_bytes()));
                }
                Ok(new)
            }
            None => self.mark(RecordKind::Blob, id.as_bytes()),
        }
    }

    fn follow_pieces(
        &self,
        list: &crate::codec::chunk_list::ChunkList,
        more: &mut Vec<Start>,
    ) -> Result<(), StoreError> {
        for piece in &list.pieces {
            if list.level == 0 {
                self.mark(RecordKind::Chunk, piece.id.as_bytes())?;
            } else if self.mark(RecordKind::ChunkNode, piece.id.as_bytes())? {
                more.push(Start::ChunkList(RecordKind::ChunkNode, *piece.id.as_bytes()));
            }
        }
        Ok(())
    }
}
