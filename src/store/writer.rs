//! Writing objects: from any number of threads into two open packs, one for data and one for
//! metadata. Full packs are made durable by a thread of their own, so that nobody waits for the disk.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use sha2::{Digest, Sha256};

use super::index_file::{IndexFile, index_file_name};
use super::odb::{ObjectDb, StoreOptions};
use super::pack_writer::{PackWriter, SealedPack, record_info};
use super::{StoreError, consolidate};
use crate::codec::pack::{MAX_RAW_LEN, RecordInfo, RecordKind};
use crate::codec::pack_index::encode_index;
use crate::codec::tree::TreeNode;
use crate::codec::{Compressor, encode_version};
use crate::model::{BlobId, TreeId, Version, VersionId};
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
    data: Mutex<Option<PackWriter>>,
    metadata: Mutex<Option<PackWriter>>,
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
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("db", &self.db).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a session.
    pub fn new(db: &Arc<ObjectDb>) -> Self {
        Self {
            db: Arc::clone(db),
            data: Mutex::new(None),
            metadata: Mutex::new(None),
            session: Arc::default(),
            full: None,
            sealer: Mutex::default(),
        }
        .with_sealer()
    }

    fn with_sealer(mut self) -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(MAX_WAITING_PACKS);
        let (db, session) = (Arc::clone(&self.db), Arc::clone(&self.session));
        self.sealer = Mutex::new(Some(std::thread::spawn(move || seal_all(&db, &session, &receiver))));
        self.full = Some(sender);
        self
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
        compressor(self.db.options.level, &self.db)
    }

    /// A compressor for chunks; one for each thread.
    ///
    /// # Errors
    /// When memory is short.
    pub fn chunk_compressor(&self) -> Result<Compressor, StoreError> {
        compressor(self.db.options.chunk_level, &self.db)
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
    /// When the disk is full or fails.
    pub fn put(
        &self,
        kind: RecordKind,
        id: [u8; 32],
        raw: &[u8],
        compressor: &mut Compressor,
    ) -> Result<bool, StoreError> {
        assert!(raw.len() <= MAX_RAW_LEN, "a record of {} bytes", raw.len());
        if !self.claim(kind, id, raw.len() as u64)? {
            return Ok(false);
        }
        let (compression, stored) = compressor.compress(raw).at("compress for", &self.db.objects)?;
        let info = record_info(kind, id, compression, stored.len(), raw.len());
        self.append(info, stored)?;
        Ok(true)
    }

    /// Stores a record that is compressed already, for example one taken from another pack.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn put_stored(&self, info: RecordInfo, stored: &[u8]) -> Result<bool, StoreError> {
        let new = self.claim(info.kind, info.id, u64::from(info.raw_len))?;
        if new {
            self.append(info, stored)?;
        }
        Ok(new)
    }

    /// Reserves an id for this caller; false when it is stored or reserved.
    fn claim(&self, kind: RecordKind, id: [u8; 32], raw_len: u64) -> Result<bool, StoreError> {
        let known = self.db.contains(kind, &id)?;
        let mut session = self.lock_session();
        let new = !known && session.pending.insert((id, kind));
        if !new {
            session.stats.deduplicated_bytes += raw_len;
        }
        Ok(new)
    }

    fn append(&self, info: RecordInfo, stored: &[u8]) -> Result<(), StoreError> {
        let header = info.encode_header(stored);
        let open = if info.kind.is_data() { &self.data } else { &self.metadata };
        let full = {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            let mut pack = match open.take() {
                Some(pack) => pack,
                None => PackWriter::create(&self.db.fs, &self.db.objects)?,
            };
            pack.append(info, &header, stored)?;
            if pack.len() < self.db.options.pack_target {
                *open = Some(pack);
                None
            } else {
                Some(pack)
            }
        };
        {
            let stats = &mut self.lock_session().stats;
            stats.records += 1;
            stats.raw_bytes += u64::from(info.raw_len);
            stats.stored_bytes += info.record_len();
        }
        full.map_or(Ok(()), |pack| self.send(pack))
    }

    fn send(&self, pack: PackWriter) -> Result<(), StoreError> {
        let sent = self.full.as_ref().is_some_and(|full| full.send(pack).is_ok());
        if sent {
            return Ok(());
        }
        // The sealer ends early only by an error; the first thread to notice takes it.
        self.join_sealer()?;
        let source = std::io::Error::other("an earlier pack could not be written");
        Ok(Err(source).at("write to", &self.db.objects)?)
    }

    fn join_sealer(&self) -> Result<(), StoreError> {
        let sealer = self.sealer.lock().unwrap_or_else(PoisonError::into_inner).take();
        sealer.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }

    fn lock_session(&self) -> std::sync::MutexGuard<'_, Session> {
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
    /// When the disk is full or fails; what was sealed before stays, and is garbage unless referred to.
    pub fn finish(mut self) -> Result<WriteStats, StoreError> {
        for open in [&self.data, &self.metadata] {
            let pack = open.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(pack) = pack {
                self.send(pack)?;
            }
        }
        drop(self.full.take());
        self.join_sealer()?;
        consolidate::after_writing(&self.db)?;
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

fn compressor(level: i32, db: &ObjectDb) -> Result<Compressor, StoreError> {
    Ok(Compressor::new(level).at("compress for", &db.objects)?)
}

fn seal_all(db: &ObjectDb, session: &Mutex<Session>, full: &Receiver<PackWriter>) -> Result<(), StoreError> {
    for pack in full {
        let sealed = pack.seal()?;
        publish_index(db, &sealed)?;
        consolidate::merge_indexes(db)?;
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in &sealed.entries {
            session.pending.remove(&(entry.id, entry.locator.kind));
        }
    }
    Ok(())
}

/// Publishes the index of one sealed pack and adds it to the snapshot.
pub(super) fn publish_index(db: &ObjectDb, sealed: &SealedPack) -> Result<(), StoreError> {
    let bytes = encode_index(&[sealed.name], &sealed.entries);
    let path = db.objects.join(index_file_name(&bytes));
    publish(&db.fs, &path, &bytes)?;
    db.add_index(IndexFile::open(&*db.fs, &path)?);
    Ok(())
}
