//! Writing objects: from any number of threads into two open packs, one for data and one for
//! metadata. Full packs are made durable by a thread of their own, so that nobody waits for the disk.
//!
//! Packs become durable in the order in which they are handed to that thread, and the open data pack
//! is handed over before every metadata pack: after a crash, what a node or a chunk list refers to is
//! there if the node is, unless it was still on its way from another thread.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use sha2::{Digest, Sha256};

use super::index_file::{IndexFile, index_file_name, pack_file_name};
use super::odb::{ATTEMPTS, ObjectDb, StoreOptions};
use super::pack_writer::{PackWriter, SealedPack, record_info};
use super::{StoreError, consolidate};
use crate::codec::pack::{MAX_RAW_LEN, RecordInfo, RecordKind};
use crate::codec::pack_index::{IndexEntry, encode_index};
use crate::codec::tree::TreeNode;
use crate::codec::{Compressor, encode_version};
use crate::model::{BlobId, ObjectId, TreeId, Version, VersionId};
use crate::sys::{IoContext, publish};

/// Full packs that may wait for the disk; more make the writers wait, so that memory and the page
/// cache are bounded.
const MAX_WAITING_PACKS: usize = 2;

/// What a writer added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Records that were not there before.
    pub records: u64,
    /// Raw bytes of these.
    pub raw_bytes: u64,
    /// Bytes of these in packs, headers included.
    pub stored_bytes: u64,
    /// Raw bytes given that were there already.
    pub deduplicated_bytes: u64,
}

impl WriteStats {
    /// Adds another writer's.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            raw_bytes: self.raw_bytes + other.raw_bytes,
            stored_bytes: self.stored_bytes + other.stored_bytes,
            deduplicated_bytes: self.deduplicated_bytes + other.deduplicated_bytes,
        }
    }
}

/// A session of writing. Nothing it wrote can be found by others before [`Writer::finish`] returns or
/// a pack is full; what it wrote is durable when `finish` returns.
///
/// The caller holds the objects lock, shared, as long as the writer lives and until what it wrote is
/// referred to; else `gc` could take it for garbage.
pub struct Writer {
    db: Arc<ObjectDb>,
    data: OpenPack,
    metadata: OpenPack,
    session: Arc<Mutex<Session>>,
    full: Option<Sender<PackWriter>>,
    sealer: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

/// What the threads of one writer share.
#[derive(Default)]
struct Session {
    /// Ids and kinds in open packs and in those that wait to be sealed: no index lists them yet.
    pending: HashSet<([u8; 32], RecordKind)>,
    stats: WriteStats,
    /// Why the first record that was claimed could not be written. From then on `pending` promises
    /// what is not so, and the session cannot be finished.
    failed: Option<io::ErrorKind>,
}

type OpenPack = Mutex<Option<PackWriter>>;

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("db", &self.db).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a session.
    ///
    /// The folder is looked at again: what `gc` removed before the caller had the lock must not be
    /// taken for stored.
    ///
    /// # Errors
    /// When the folder or an index in it cannot be read.
    pub fn new(db: &Arc<ObjectDb>) -> Result<Self, StoreError> {
        db.refresh()?;
        let session: Arc<Mutex<Session>> = Arc::default();
        let (full, receiver) = crossbeam_channel::bounded(MAX_WAITING_PACKS);
        let sealer = {
            let (db, session) = (Arc::clone(db), Arc::clone(&session));
            std::thread::spawn(move || seal_all(&db, &session, &receiver))
        };
        Ok(Self {
            db: Arc::clone(db),
            data: Mutex::default(),
            metadata: Mutex::default(),
            session,
            full: Some(full),
            sealer: Mutex::new(Some(sealer)),
        })
    }

    /// The database that is written to.
    pub fn db(&self) -> &Arc<ObjectDb> {
        &self.db
    }

    /// The tuning of the database.
    pub fn options(&self) -> StoreOptions {
        self.db.options
    }

    /// A compressor for small blobs and metadata; one for each thread.
    ///
    /// # Errors
    /// When memory is short.
    pub fn compressor(&self) -> Result<Compressor, StoreError> {
        let StoreOptions { small_level, level, .. } = self.db.options;
        compressor(small_level, level, &self.db)
    }

    /// A compressor for chunks; one for each thread.
    ///
    /// # Errors
    /// When memory is short.
    pub fn chunk_compressor(&self) -> Result<Compressor, StoreError> {
        let level = self.db.options.chunk_level;
        compressor(level, level, &self.db)
    }

    /// Whether a record is in the database or was given to this writer.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn contains(&self, kind: RecordKind, id: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.lock_session().pending.contains(&(*id, kind)) || self.db.contains(kind, id)?)
    }

    /// Whether a blob is here in either form.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn contains_blob(&self, id: &BlobId) -> Result<bool, StoreError> {
        Ok(self.contains(RecordKind::Blob, id.as_bytes())?
            || self.contains(RecordKind::ChunkedBlob, id.as_bytes())?)
    }

    /// Stores a record under its id unless it is there; true when it is new.
    ///
    /// The caller vouches that `id` is the id of `raw` for that kind.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for more than [`MAX_RAW_LEN`] bytes; when the disk is full or fails,
    /// and then [`Writer::finish`] fails too.
    pub fn put(
        &self,
        kind: RecordKind,
        id: [u8; 32],
        raw: &[u8],
        compressor: &mut Compressor,
    ) -> Result<bool, StoreError> {
        if raw.len() > MAX_RAW_LEN {
            return Err(StoreError::TooLarge { kind, len: raw.len() as u64, max: MAX_RAW_LEN as u64 });
        }
        if !self.claim(kind, id, raw.len() as u64)? {
            return Ok(false);
        }
        let compressed = compressor.compress(raw).at("compress for", &self.db.objects);
        self.noting_failure(compressed.map_err(StoreError::from).and_then(|(compression, stored)| {
            let info = record_info(kind, id, compression, stored.len(), raw.len());
            self.append(info, &info.encode_header(stored), stored)
        }))?;
        Ok(true)
    }

    /// Stores a record as it lies in another pack, header included, which the caller has checked.
    ///
    /// # Errors
    /// As [`Writer::put`].
    pub fn put_record(&self, info: RecordInfo, record: &[u8]) -> Result<bool, StoreError> {
        debug_assert_eq!(record.len() as u64, info.record_len(), "the record is whole");
        let new = self.claim(info.kind, info.id, u64::from(info.raw_len))?;
        if new {
            self.noting_failure(self.append(info, &[], record))?;
        }
        Ok(new)
    }

    /// Reserves an id for this caller; false when it is stored or reserved.
    fn claim(&self, kind: RecordKind, id: [u8; 32], raw_len: u64) -> Result<bool, StoreError> {
        // Reserved first: between a look at the database and a look at `pending`, the sealer could move
        // the record from the one to the other.
        if self.lock_session().pending.insert((id, kind)) {
            match self.db.contains(kind, &id) {
                Ok(false) => return Ok(true),
                known => {
                    self.lock_session().pending.remove(&(id, kind));
                    known?;
                }
            }
        }
        self.lock_session().stats.deduplicated_bytes += raw_len;
        Ok(false)
    }

    /// Remembers that a claimed record was not written.
    fn noting_failure(&self, written: Result<(), StoreError>) -> Result<(), StoreError> {
        if let Err(error) = &written {
            let kind =
                if let StoreError::Io(error) = error { error.source.kind() } else { io::ErrorKind::Other };
            self.lock_session().failed.get_or_insert(kind);
        }
        written
    }

    /// Appends a record, whose bytes are `head` and then `rest`.
    fn append(&self, info: RecordInfo, head: &[u8], rest: &[u8]) -> Result<(), StoreError> {
        let kept = if info.kind.is_data() { &self.data } else { &self.metadata };
        {
            let mut open = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let mut pack = match open.take() {
                Some(pack) => pack,
                None => PackWriter::create(&self.db.fs, &self.db.objects)?,
            };
            pack.append(info, head, rest)?;
            if pack.len() < self.db.options.pack_target {
                *open = Some(pack);
            } else {
                if !info.kind.is_data() {
                    self.send_open(&mut self.data.lock().unwrap_or_else(PoisonError::into_inner))?;
                }
                // Under the lock, so that packs are sent in the order in which they became full.
                self.send(pack)?;
            }
        }
        let stats = &mut self.lock_session().stats;
        stats.records += 1;
        stats.raw_bytes += u64::from(info.raw_len);
        stats.stored_bytes += info.record_len();
        Ok(())
    }

    fn send_open(&self, open: &mut MutexGuard<'_, Option<PackWriter>>) -> Result<(), StoreError> {
        open.take().map_or(Ok(()), |pack| self.send(pack))
    }

    fn send(&self, pack: PackWriter) -> Result<(), StoreError> {
        let sent = self.full.as_ref().is_some_and(|full| full.send(pack).is_ok());
        if sent {
            return Ok(());
        }
        // The sealer ends early only by an error; the first thread to notice takes it.
        self.noting_failure(self.join_sealer())?;
        self.check_not_failed()
    }

    fn check_not_failed(&self) -> Result<(), StoreError> {
        match self.lock_session().failed {
            None => Ok(()),
            Some(kind) => {
                let source = io::Error::new(kind, "an earlier record or pack could not be written");
                Err(source).at("write to", &self.db.objects).map_err(StoreError::from)
            }
        }
    }

    fn join_sealer(&self) -> Result<(), StoreError> {
        let sealer = self.sealer.lock().unwrap_or_else(PoisonError::into_inner).take();
        sealer.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }

    fn lock_session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a blob that is at most as large as a whole record may be.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn put_small_blob(&self, raw: &[u8], compressor: &mut Compressor) -> Result<BlobId, StoreError> {
        let id = BlobId::from_bytes(Sha256::digest(raw).into());
        if !self.contains(RecordKind::ChunkedBlob, id.as_bytes())? {
            self.put(RecordKind::Blob, *id.as_bytes(), raw, compressor)?;
        }
        Ok(id)
    }

    /// Stores a node of a tree.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn put_tree_node(&self, node: &TreeNode, compressor: &mut Compressor) -> Result<TreeId, StoreError> {
        let bytes = node.encode();
        let id = TreeId::from_bytes(Sha256::digest(&bytes).into());
        self.put(RecordKind::Tree, *id.as_bytes(), &bytes, compressor)?;
        Ok(id)
    }

    /// Stores a manifest.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn put_version(&self, version: &Version) -> Result<VersionId, StoreError> {
        let bytes = encode_version(version);
        let id = VersionId::from_bytes(Sha256::digest(&bytes).into());
        self.put(RecordKind::Version, *id.as_bytes(), &bytes, &mut self.compressor()?)?;
        Ok(id)
    }

    /// What was added so far.
    pub fn stats(&self) -> WriteStats {
        self.lock_session().stats
    }

    /// Makes everything durable and findable.
    ///
    /// # Errors
    /// When the disk is full or fails, now or in any call before; what was sealed before stays, and is
    /// garbage unless referred to.
    pub fn finish(mut self) -> Result<WriteStats, StoreError> {
        self.check_not_failed()?;
        // The data first: see the head of this file.
        for open in [&self.data, &self.metadata] {
            self.send_open(&mut open.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        drop(self.full.take());
        self.join_sealer()?;
        consolidate::after_writing(&self.db);
        Ok(self.stats())
    }
}

/// A writer that is not finished leaves its open packs to be removed, but waits for those on their way.
impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.full.take());
        let _ = self.join_sealer();
    }
}

fn compressor(small: i32, large: i32, db: &ObjectDb) -> Result<Compressor, StoreError> {
    Ok(Compressor::with_levels(small, large).at("compress for", &db.objects)?)
}

fn seal_all(db: &ObjectDb, session: &Mutex<Session>, full: &Receiver<PackWriter>) -> Result<(), StoreError> {
    for pack in full {
        let sealed = pack.seal()?;
        publish_index(db, &sealed)?;
        consolidate::after_sealing(db);
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in &sealed.entries {
            session.pending.remove(&(entry.id, entry.locator.kind));
        }
    }
    Ok(())
}

/// Publishes the index of one sealed pack and adds it to the snapshot.
///
/// Another process may merge the index into another as soon as it is there. Packs are named by what they hold, so it
/// may also have written the very same pack, and merged that into another before the index was there; then the index
/// would list a pack that is gone, and is withdrawn.
///
/// # Errors
/// When the disk is full or fails; [`StoreError::MissingPack`] when the pack is gone and a record of it
/// is in no other.
pub(super) fn publish_index(db: &ObjectDb, sealed: &SealedPack) -> Result<(), StoreError> {
    let bytes = encode_index(&[sealed.name], &sealed.entries);
    let index = db.objects.join(index_file_name(&bytes));
    publish(&db.fs, &index, &bytes)?;
    let pack = db.objects.join(pack_file_name(&sealed.name));
    match db.fs.stat(&pack) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            consolidate::remove_files(db, [index])?;
            return demand_elsewhere(db, sealed, &pack);
        }
        stat => _ = stat.at("stat", &pack)?,
    }
    match IndexFile::open(&*db.fs, &index) {
        Err(StoreError::Io(error)) if error.is_not_found() => demand_elsewhere(db, sealed, &pack),
        opened => {
            db.add_index(opened?);
            Ok(())
        }
    }
}

/// Demands that what a pack holds is listed by other indexes than its own.
fn demand_elsewhere(db: &ObjectDb, sealed: &SealedPack, pack: &Path) -> Result<(), StoreError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        db.reopen()?;
        let Some(IndexEntry { id, locator }) = first_missing(db, sealed)? else { return Ok(()) };
        // A listing that runs beside a merge may miss its result.
        if attempts >= ATTEMPTS {
            let (kind, id) = (locator.kind, ObjectId::Sha256(*id));
            return Err(StoreError::MissingPack { kind, id, path: pack.to_owned() });
        }
    }
}

fn first_missing<'a>(db: &ObjectDb, sealed: &'a SealedPack) -> Result<Option<&'a IndexEntry>, StoreError> {
    for entry in &sealed.entries {
        if !db.contains(entry.locator.kind, &entry.id)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::OsFs;

    fn sealed(db: &ObjectDb, id: [u8; 32]) -> SealedPack {
        let mut pack = PackWriter::create(&db.fs, &db.objects).unwrap();
        let info = record_info(RecordKind::Blob, id, crate::codec::Compression::Raw, 3, 3);
        pack.append(info, &info.encode_header(b"one"), b"one").unwrap();
        pack.seal().unwrap()
    }

    #[test]
    fn an_index_of_a_pack_that_another_process_merged_is_withdrawn() {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        let db = Arc::new(ObjectDb::open(OsFs::new(), &objects, StoreOptions::default()).unwrap());
        let kept = sealed(&db, [1; 32]);
        let lost = sealed(&db, [2; 32]);
        // The record of the first is in another pack, too; that of the second is not.
        let writer = Writer::new(&db).unwrap();
        writer.put(RecordKind::Blob, [1; 32], b"one", &mut writer.compressor().unwrap()).unwrap();
        writer.put(RecordKind::Blob, [3; 32], b"two", &mut writer.compressor().unwrap()).unwrap();
        writer.finish().unwrap();
        for pack in [&kept, &lost] {
            db.fs.remove_file(&objects.join(pack_file_name(&pack.name))).unwrap();
        }
        let before = db.file_names().unwrap().len();
        publish_index(&db, &kept).unwrap();
        assert_eq!(db.get(RecordKind::Blob, &[1; 32]).unwrap(), b"one");
        assert!(matches!(publish_index(&db, &lost), Err(StoreError::MissingPack { .. })));
        assert_eq!(db.file_names().unwrap().len(), before);
    }
}
