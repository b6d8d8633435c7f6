//! The object database: finds and reads records in packs. Readers never lock.
//!
//! A reader works on a snapshot of the index files. Packs and indexes never change under their name;
//! they are only added, merged into new ones, and removed once what they hold is elsewhere. When a
//! record is not found, or a pack is gone, the folder is looked at again before that is believed.
//!
//! An index that is damaged in its header is left out of the snapshot and remembered: what the other
//! indexes list can still be read, and whatever is not found then is blamed on the damaged one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use super::StoreError;
use super::blob_writer::WHOLE_BLOB_MAX;
use super::index_file::{IndexFile, PackCache, is_index_name, pack_file_name};
use super::link_source::LinkSource;
use super::promisor::{Promisor, RecordKey};
use super::tombstones::Tombstones;
use crate::codec::chunk_list::ChunkList;
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo, RecordKind};
use crate::codec::pack_index::{IndexEntry, Locator, PackName};
use crate::codec::tree::{TreeNode, empty_tree};
use crate::codec::{DecodeError, decode_version, decompress};
use crate::model::{BlobId, Monitor, ObjectId, TreeId, Version, VersionId};
use crate::sys::{Fs, IoContext};

/// Where a record was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack.
    pub pack: PackName,
    /// Offset and lengths in it.
    pub locator: Locator,
}

/// What was read since the database was opened; for tests and figures.
#[derive(Debug, Default)]
pub struct Counters {
    /// Tree nodes read.
    pub tree_nodes: AtomicU64,
    /// Records read, tree nodes included.
    pub records: AtomicU64,
    /// Stored bytes read.
    pub stored_bytes: AtomicU64,
}

/// An index file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableIndex {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: DecodeError,
}

/// The index files at one moment.
#[derive(Debug, Default)]
struct Snapshot {
    files: Arc<Vec<Arc<IndexFile>>>,
    unreadable: Arc<Vec<UnreadableIndex>>,
}

/// How often a folder that keeps changing is looked at before an answer is believed.
pub(super) const ATTEMPTS: usize = 6;

/// Largest target for the size of a pack: with one more record of any size its offsets still fit.
const MAX_PACK_TARGET: u64 = 2 * 1024 * 1024 * 1024;

/// Tuning of a database; the defaults fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// A pack is closed when it has grown to so many bytes; more than 2 GiB is taken as 2 GiB.
    pub pack_target: u64,
    /// zstd level of blobs and metadata up to 16 KiB, 1 to 19.
    pub small_level: i32,
    /// zstd level of blobs and metadata above that and up to a mebibyte, 1 to 19.
    pub level: i32,
    /// zstd level of chunks of large files, 1 to 19.
    pub chunk_level: i32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { pack_target: 64 * 1024 * 1024, small_level: 1, level: 3, chunk_level: 1 }
    }
}

/// The object database of one repository, or of several that share it.
pub struct ObjectDb {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) objects: PathBuf,
    pub(super) options: StoreOptions,
    snapshot: RwLock<Snapshot>,
    /// Held while a snapshot is made and put in place, so that none is replaced by an older one.
    refreshing: Mutex<()>,
    packs: PackCache,
    counters: Counters,
    promisor: OnceLock<Arc<dyn Promisor>>,
    tombstones: Tombstones,
    link_source: OnceLock<Arc<dyn LinkSource>>,
}

impl std::fmt::Debug for ObjectDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectDb").field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl ObjectDb {
    /// Opens the database in a folder, which may be empty or missing.
    ///
    /// # Errors
    /// When the folder or an index in it cannot be read. A damaged index is no error here, see
    /// [`ObjectDb::unreadable_indexes`].
    pub fn open(fs: Arc<dyn Fs>, objects: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let options = StoreOptions { pack_target: options.pack_target.min(MAX_PACK_TARGET), ..options };
        let db = Self {
            fs,
            objects: objects.to_owned(),
            options,
            snapshot: RwLock::default(),
            refreshing: Mutex::default(),
            packs: PackCache::default(),
            counters: Counters::default(),
            promisor: OnceLock::new(),
            tombstones: Tombstones::default(),
            link_source: OnceLock::new(),
        };
        db.refresh()?;
        Ok(db)
    }

    /// Says who is asked for what is not here. The first one stays.
    pub fn set_promisor(&self, promisor: Arc<dyn Promisor>) {
        let _ = self.promisor.set(promisor);
    }

    /// Versions whose trees need not be here, since they were deleted.
    pub const fn tombstones(&self) -> &Tombstones {
        &self.tombstones
    }

    /// Who is asked for what is not here; `None` when all must be here.
    pub fn promisor(&self) -> Option<&Arc<dyn Promisor>> {
        self.promisor.get()
    }

    /// Says who reads what external links lead to. The first one stays.
    pub fn set_link_source(&self, source: Arc<dyn LinkSource>) {
        let _ = self.link_source.set(source);
    }

    /// Who reads what external links lead to; `None` when nobody does here.
    pub fn link_source(&self) -> Option<&Arc<dyn LinkSource>> {
        self.link_source.get()
    }

    /// Brings blobs, of which the lengths are known, as far as they are not here and can be had. Many at once cost a
    /// fraction of what they cost one by one.
    ///
    /// # Errors
    /// When an index is damaged, or something did not come.
    pub fn prefetch_blobs(
        &self,
        blobs: impl IntoIterator<Item = (BlobId, u64)>,
        monitor: &Monitor<'_>,
    ) -> Result<(), StoreError> {
        let Some(promisor) = self.promisor.get() else { return Ok(()) };
        let mut wanted: Vec<RecordKey> = Vec::new();
        for (id, size) in blobs {
            if !self.contains_blob(&id)? {
                let kind = if size > WHOLE_BLOB_MAX { RecordKind::ChunkedBlob } else { RecordKind::Blob };
                wanted.push((kind, *id.as_bytes()));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        promisor.bring(&wanted, monitor)?;
        self.refresh().map(drop)
    }

    /// Looks at the folder again; true when something changed.
    ///
    /// # Errors
    /// As [`ObjectDb::open`].
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let _alone = self.lock_refreshing();
        // A merge may remove an index between the listing and the opening: list again.
        let mut attempts = 0;
        let new = loop {
            attempts += 1;
            match self.load() {
                Err(StoreError::Io(error)) if error.is_not_found() && attempts < ATTEMPTS => {}
                loaded => break loaded?,
            }
        };
        let mut snapshot = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let same = same_files(&snapshot.files, &new.files) && snapshot.unreadable == new.unreadable;
        *snapshot = new;
        Ok(!same)
    }

    fn lock_refreshing(&self) -> MutexGuard<'_, ()> {
        self.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        let known: HashMap<PathBuf, Arc<IndexFile>> =
            self.indexes().iter().map(|file| (file.path.clone(), Arc::clone(file))).collect();
        let mut files = Vec::new();
        let mut unreadable = Vec::new();
        for name in self.file_names()? {
            if !is_index_name(&name) {
                continue;
            }
            let path = self.objects.join(name);
            if let Some(file) = known.get(&path) {
                files.push(Arc::clone(file));
                continue;
            }
            match IndexFile::open(&*self.fs, &path) {
                Ok(file) => files.push(Arc::new(file)),
                Err(StoreError::Damaged { path, source: error }) => {
                    unreadable.push(UnreadableIndex { path, error });
                }
                Err(error) => return Err(error),
            }
        }
        // The largest first: most lookups end there. The path makes the order definite.
        files.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.path.cmp(&b.path)));
        unreadable.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Snapshot { files: Arc::new(files), unreadable: Arc::new(unreadable) })
    }

    /// The names of all files in the folder.
    pub(super) fn file_names(&self) -> Result<Vec<String>, StoreError> {
        let entries = match self.fs.list(&self.objects) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.and_then(|dir| dir.entries()).at("list", &self.objects)?,
        };
        Ok(entries.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok()).collect())
    }

    /// The index files of the current snapshot.
    pub fn indexes(&self) -> Arc<Vec<Arc<IndexFile>>> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner).files)
    }

    /// The index files that had to be left out of the current snapshot, in order of path.
    pub fn unreadable_indexes(&self) -> Arc<Vec<UnreadableIndex>> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner).unreadable)
    }

    /// Demands that every line of every index is what was written. By a flipped one, a record that is in use could
    /// be looked for in another pack than its own, which then seems to hold nothing that is wanted.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for the first one that is not.
    pub fn check_indexes(&self) -> Result<(), StoreError> {
        if let Some(UnreadableIndex { path, error }) = self.unreadable_indexes().first() {
            return Err(StoreError::Damaged { path: path.clone(), source: error.clone() });
        }
        self.indexes().iter().try_for_each(|index| index.check())
    }

    /// Adds an index that was just published.
    pub(super) fn add_index(&self, file: IndexFile) {
        let _alone = self.lock_refreshing();
        let mut snapshot = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        if !snapshot.files.iter().any(|known| known.path == file.path) {
            let mut files = (*snapshot.files).clone();
            files.push(Arc::new(file));
            snapshot.files = Arc::new(files);
        }
    }

    /// The folder of packs and indexes.
    pub fn objects_dir(&self) -> &Path {
        &self.objects
    }

    /// The file system that the database lies on.
    pub fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    /// What was read so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where a record is in the snapshot; the folder is not looked at again.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn locate(&self, kind: RecordKind, id: &[u8; 32]) -> Result<Option<Location>, StoreError> {
        locate_in(&self.indexes(), kind, id)
    }

    /// Every place of a record in the snapshot; an interrupted consolidation can leave several.
    fn locate_all(&self, kind: RecordKind, id: &[u8; 32]) -> Vec<Location> {
        let indexes = self.indexes();
        let found = indexes.iter().flat_map(|file| {
            let of_kind = file.find(id).filter_map(Result::ok).filter(|locator| locator.kind == kind);
            of_kind.map(|locator| Location { pack: file.pack_name(locator.pack), locator })
        });
        found.collect()
    }

    /// Whether a record is in the snapshot.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn contains(&self, kind: RecordKind, id: &[u8; 32]) -> Result<bool, StoreError> {
        self.locate(kind, id).map(|found| found.is_some())
    }

    /// Whether a blob is here, whole or as chunks.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn contains_blob(&self, id: &BlobId) -> Result<bool, StoreError> {
        Ok(self.contains(RecordKind::Blob, id.as_bytes())?
            || self.contains(RecordKind::ChunkedBlob, id.as_bytes())?)
    }

    /// All records whose id begins with these hexadecimal digits (`digits` of `prefix`), each id and
    /// kind once.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn find_prefix(&self, prefix: &[u8; 32], digits: usize) -> Result<Vec<IndexEntry>, StoreError> {
        let mut found = Vec::new();
        for file in self.indexes().iter() {
            for entry in file.find_prefix(prefix, digits) {
                found.push(entry?);
            }
        }
        found.sort_by_key(IndexEntry::key);
        found.dedup_by_key(|entry| entry.key());
        Ok(found)
    }

    /// The raw bytes of a record, or `None` when it is not here and cannot be had.
    ///
    /// # Errors
    /// When its pack cannot be read or its bytes are damaged, in each of the places where it lies; when it can be had
    /// and did not come.
    pub fn try_get(&self, kind: RecordKind, id: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.get_here(kind, id)?;
        let (None, Some(promisor)) = (&found, self.promisor.get()) else { return Ok(found) };
        promisor.bring(&[(kind, *id)], &Monitor::quiet())?;
        self.refresh()?;
        self.get_here(kind, id)
    }

    fn get_here(&self, kind: RecordKind, id: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let seen = self.indexes();
            let Some(location) = locate_in(&seen, kind, id)? else {
                // A listing that ran beside a merge may have missed its result: look until it stands still.
                if attempts < ATTEMPTS && self.differs_from(&seen)? {
                    continue;
                }
                return Ok(None);
            };
            let error = match self.read_at(&location, id) {
                Ok(raw) => return Ok(Some(raw)),
                Err(error) => error,
            };
            if let Some(raw) = self.get_elsewhere(&location, id) {
                return Ok(Some(raw));
            }
            // A pack that is gone was replaced, and so were the indexes that list it.
            let gone = matches!(error, StoreError::MissingPack { .. });
            if !gone || attempts >= ATTEMPTS || !self.differs_from(&seen)? {
                return Err(error);
            }
        }
    }

    /// Looks at the folder again; true when there are other indexes now than `seen`, which the caller's answer came
    /// from. Whether this look or that of another thread brought them makes no difference.
    fn differs_from(&self, seen: &[Arc<IndexFile>]) -> Result<bool, StoreError> {
        self.refresh()?;
        Ok(!same_files(seen, &self.indexes()))
    }

    /// The raw bytes of a record from any other place than one that failed.
    fn get_elsewhere(&self, failed: &Location, id: &[u8; 32]) -> Option<Vec<u8>> {
        let places = self.locate_all(failed.locator.kind, id);
        places.iter().filter(|place| place.pack != failed.pack).find_map(|place| self.read_at(place, id).ok())
    }

    /// The raw bytes of a record.
    ///
    /// # Errors
    /// As [`ObjectDb::try_get`]; [`StoreError::Missing`] when it is not here, or what is wrong with an
    /// index that could have listed it.
    pub fn get(&self, kind: RecordKind, id: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        self.try_get(kind, id)?.ok_or_else(|| self.missing(kind, id))
    }

    /// Why a record was not found.
    pub(super) fn missing(&self, kind: RecordKind, id: &[u8; 32]) -> StoreError {
        match self.unreadable_indexes().first() {
            Some(UnreadableIndex { path, error }) => {
                StoreError::Damaged { path: path.clone(), source: error.clone() }
            }
            None => StoreError::Missing { kind, id: ObjectId::Sha256(*id) },
        }
    }

    /// The stored record at a location, header included, its checksum checked.
    ///
    /// # Errors
    /// When the pack cannot be read or the record is damaged.
    pub fn read_record(
        &self,
        location: &Location,
        id: &[u8; 32],
    ) -> Result<(RecordInfo, Vec<u8>), StoreError> {
        let Locator { kind, offset, stored_len, .. } = location.locator;
        let path = || self.objects.join(pack_file_name(&location.pack));
        let damaged = |source| StoreError::DamagedRecord {
            kind,
            id: ObjectId::Sha256(*id),
            path: path(),
            offset: u64::from(offset),
            source,
        };
        let pack = match self.packs.get(&*self.fs, &self.objects, &location.pack) {
            Err(StoreError::Io(error)) if error.is_not_found() => {
                return Err(StoreError::MissingPack { kind, id: ObjectId::Sha256(*id), path: path() });
            }
            opened => opened?,
        };
        let mut bytes = vec![0; RECORD_HEADER_LEN + stored_len as usize];
        match pack.read_exact_at(&mut bytes, u64::from(offset)) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(damaged(DecodeError::Truncated { what: "pack", offset: u64::from(offset) }));
            }
            read => read.at("read", path())?,
        }
        self.counters.records.fetch_add(1, Ordering::Relaxed);
        self.counters.stored_bytes.fetch_add(u64::from(stored_len), Ordering::Relaxed);
        let (info, _) = RecordInfo::decode_record(&bytes).map_err(damaged)?;
        if (info.kind, info.id) != (kind, *id) {
            return Err(damaged(DecodeError::Malformed {
                what: "pack index",
                why: "another record lies where it points".to_owned(),
            }));
        }
        Ok((info, bytes))
    }

    fn read_at(&self, location: &Location, id: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let (info, mut bytes) = self.read_record(location, id)?;
        let stored = &bytes[RECORD_HEADER_LEN..];
        let raw = decompress(info.compression, stored, info.raw_len as usize).map_err(|source| {
            StoreError::DamagedRecord {
                kind: info.kind,
                id: ObjectId::Sha256(*id),
                path: self.objects.join(pack_file_name(&location.pack)),
                offset: u64::from(location.locator.offset),
                source,
            }
        })?;
        match raw {
            std::borrow::Cow::Owned(raw) => Ok(raw),
            std::borrow::Cow::Borrowed(_) => {
                bytes.drain(..RECORD_HEADER_LEN);
                Ok(bytes)
            }
        }
    }

    /// A node of a tree. The empty tree is there without being stored.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn tree_node(&self, id: &TreeId) -> Result<TreeNode, StoreError> {
        if *id == empty_tree() {
            return Ok(TreeNode::empty());
        }
        self.counters.tree_nodes.fetch_add(1, Ordering::Relaxed);
        let bytes = self.get(RecordKind::Tree, id.as_bytes())?;
        TreeNode::decode(&bytes).map_err(|source| undecodable(RecordKind::Tree, id.as_bytes(), source))
    }

    /// A version's manifest.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn version(&self, id: &VersionId) -> Result<Version, StoreError> {
        let bytes = self.get(RecordKind::Version, id.as_bytes())?;
        decode_version(&bytes).map_err(|source| undecodable(RecordKind::Version, id.as_bytes(), source))
    }

    /// A node of a chunk list: the root of a blob (`ChunkedBlob`) or one below (`ChunkNode`).
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn chunk_list(&self, kind: RecordKind, id: &[u8; 32]) -> Result<ChunkList, StoreError> {
        let bytes = self.get(kind, id)?;
        ChunkList::decode(&bytes).map_err(|source| undecodable(kind, id, source))
    }

    /// The length of a blob, without reading its bytes.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn blob_len(&self, id: &BlobId) -> Result<u64, StoreError> {
        match self.locate(RecordKind::Blob, id.as_bytes())? {
            Some(location) => Ok(u64::from(location.locator.raw_len)),
            None => match self.try_get(RecordKind::ChunkedBlob, id.as_bytes())? {
                Some(bytes) => ChunkList::decode(&bytes)
                    .map(|list| list.len())
                    .map_err(|source| undecodable(RecordKind::ChunkedBlob, id.as_bytes(), source)),
                None => self.get(RecordKind::Blob, id.as_bytes()).map(|bytes| bytes.len() as u64),
            },
        }
    }

    /// Forgets open packs and looks at the folder again: what another process removed can then neither be found
    /// nor read any more. For whoever has just got a lock, and after packs were replaced.
    ///
    /// # Errors
    /// As [`ObjectDb::open`].
    pub fn reopen(&self) -> Result<(), StoreError> {
        self.packs.clear();
        self.refresh().map(drop)
    }
}

fn locate_in(
    files: &[Arc<IndexFile>],
    kind: RecordKind,
    id: &[u8; 32],
) -> Result<Option<Location>, StoreError> {
    for file in files {
        for locator in file.find(id) {
            let locator = locator?;
            if locator.kind == kind {
                return Ok(Some(Location { pack: file.pack_name(locator.pack), locator }));
            }
        }
    }
    Ok(None)
}

/// Whether two snapshots have the same files, in whatever order.
fn same_files(a: &[Arc<IndexFile>], b: &[Arc<IndexFile>]) -> bool {
    a.len() == b.len() && b.iter().all(|file| a.iter().any(|other| Arc::ptr_eq(other, file)))
}

pub(super) fn undecodable(kind: RecordKind, id: &[u8; 32], source: DecodeError) -> StoreError {
    StoreError::Undecodable { kind, id: ObjectId::Sha256(*id), source }
}
