//! `pack-objects`: chosen objects as packs in a folder of their own, to be carried elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use crate::codec::pack::RecordKind;
use crate::codec::pack_index::PackName;
use crate::model::{Monitor, ObjectId};
use crate::plumbing::reachable::{Start, mark_reachable};
use crate::store::{ObjectDb, RecordSet, StoreError, StoreOptions, WriteStats, Writer};

/// What to take along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The objects themselves: of a version its manifest, of a tree one node; of a blob all its bytes.
    Objects,
    /// All that they lead to.
    Reachable,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The packs, data and metadata apart, in order of name.
    pub packs: Vec<PackName>,
    /// What they hold.
    pub stats: WriteStats,
}

/// Writes objects into packs in `folder`, with their index; the folder is then a database of its own.
///
/// Records are copied as they are stored, their checksums checked. Progress counts records and bytes.
///
/// # Errors
/// When an object is missing or damaged, the disk is full or fails, or the monitor asks to end.
pub fn run(
    db: &Arc<ObjectDb>,
    objects: &[ObjectId],
    scope: Scope,
    folder: &Path,
    monitor: &Monitor<'_>,
) -> Result<Outcome, StoreError> {
    db.refresh()?;
    let set = RecordSet::new(db);
    let mut starts = Vec::new();
    for id in objects {
        let start = start_of(&set, id)?;
        match (scope, start) {
            (Scope::Objects, Start::Version(id)) => drop(set.insert(RecordKind::Version, id.as_bytes())),
            (Scope::Objects, Start::Tree(id)) => drop(set.insert(RecordKind::Tree, id.as_bytes())),
            (_, start) => starts.push(start),
        }
    }
    monitor.progress.phase("Listing", None, None);
    mark_reachable(db, &set, starts, monitor, &|_, _, error| Err(error))?;

    let target = Arc::new(ObjectDb::open(Arc::clone(db.fs()), folder, StoreOptions::default())?);
    let writer = Writer::new(&target)?;
    monitor.progress.phase("Packing", Some(set.len()), None);
    copy(db, &set, &writer, monitor)?;
    let stats = writer.finish()?;
    let mut packs: Vec<_> = target.indexes().iter().flat_map(|file| file.packs()).collect();
    packs.sort_unstable();
    packs.dedup();
    Ok(Outcome { packs, stats })
}

/// What an id names; a version before a tree before a blob, where it names several.
fn start_of(set: &RecordSet, id: &ObjectId) -> Result<Start, StoreError> {
    use crate::model::{BlobId, TreeId, VersionId};
    let (version, tree, blob) = (VersionId::new(*id), TreeId::new(*id), BlobId::new(*id));
    let has = |kind| set.place(kind, blob.as_bytes()).is_some();
    if has(RecordKind::Version) {
        Ok(Start::Version(version))
    } else if has(RecordKind::Tree) {
        Ok(Start::Tree(tree))
    } else if has(RecordKind::Blob) || has(RecordKind::ChunkedBlob) {
        Ok(Start::Blob(blob))
    } else {
        Err(StoreError::Missing { kind: RecordKind::Blob, id: *id })
    }
}

/// Copies all records of a set, with all threads.
fn copy(db: &ObjectDb, set: &RecordSet, writer: &Writer, monitor: &Monitor<'_>) -> Result<(), StoreError> {
    let records = Mutex::new(set.iter());
    let work = || -> Result<(), StoreError> {
        loop {
            monitor.interrupt.check()?;
            let Some(record) = records.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                return Ok(());
            };
            let (id, location) = record?;
            let (info, bytes) = db.read_record(&location, &id)?;
            writer.put_record(info, &bytes)?;
            monitor.progress.advance(1, info.record_len());
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..monitor.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done = done.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}
