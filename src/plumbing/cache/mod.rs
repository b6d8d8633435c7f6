//! The machine's cache: read-only copies of versions, for whoever wants to read them and has no repository.
//!
//! | path | what |
//! |---|---|
//! | `objects/` | packs and indexes, of all remotes |
//! | `remotes/<SHA-256 of the URL>/` | what was learned of a remote, as in a repository's `.dsv/cache` |
//! | `files/<aa>/<id>`, `….x` | a blob as a read-only file, whole and proved; executable |
//! | `copies/<key>/` | a copy: a tree of folders with second names of these files, and links |
//! | `copies/<key>.json` | what it is a copy of; without this it is none. Its mtime tells when it was used last |
//! | `sources/<aa>/<id>` | what an external link was found to lead to: the id of a blob |
//! | `links/<name>` | on which host and where a link was made to a copy, which stays while the link does |
//! | `pending/<name>` | a folder elsewhere that is being copied to |
//! | `lock`, `locks/<aa>` | who fetches, makes or removes; who uses a copy just now |
//! | `unsettled` | something was begun and not ended, or files are part of no copy: what was left is looked for |
//!
//! A copy has its name from the version and what was chosen of it, so that it is never made twice. Everything comes to its
//! name by a rename, once it is whole; one process at a time fetches or removes anything.

mod links;
mod make;
mod pending;
mod place;
mod tree;
mod trim;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

use super::shares::Share;
use crate::codec::json_line::{decode_copy_facts, encode_copy_facts};
use crate::model::{CopyFacts, ErrorKind, Interrupted, ObjectId, VersionId};
use crate::plumbing::checkout::CheckoutError;
use crate::store::{LockRequest, ObjectDb, StoreError, StoreOptions};
use crate::sys::{
    FileKind, Fs, IoContext, IoError, Lock, LockGuard, LockMode, Stat, Wait, acquire, bytes_to_path, publish,
};

pub use links::LinkedCopy;
pub use pending::PendingFolder;
pub use tree::copy_tree;
pub use trim::{TrimOptions, Trimmed};

/// Why the cache could not do something.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files could not be written.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The folder of the cache cannot be made or locked.
    #[error("the cache '{}' cannot be used", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl CacheError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Checkout(error) => error.kind(),
            Self::Io(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Unusable { source, .. } => source.kind(),
        }
    }
}

/// The name of a copy: of which version it is, and what was chosen of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyKey(String);

impl CopyKey {
    /// The name of the copy of some paths of a version, in whatever order they come, and of a part of these; of everything
    /// where nothing is chosen.
    pub fn new(version: &VersionId, paths: &[String], part: Option<Share>) -> Self {
        if paths.is_empty() && part.is_none() {
            return Self(version.to_string());
        }
        let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut hash = Sha256::new();
        for path in paths {
            hash.update(path.as_bytes());
            hash.update([0]);
        }
        if let Some((part, parts)) = part.map(|part| part.numbers()) {
            hash.update(format!("/{part}/{parts}"));
        }
        let choice = ObjectId::Sha256(hash.finalize().into()).to_string();
        Self(format!("{version}-{}", &choice[..16]))
    }

    /// As it stands in the cache.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A copy that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedCopy {
    /// Its name.
    pub key: CopyKey,
    /// What it is a copy of.
    pub facts: CopyFacts,
    /// Its folder.
    pub path: PathBuf,
    /// When it was used last, nanoseconds since the epoch.
    pub used_ns: i64,
}

/// A copy that stays while this is held.
#[derive(Debug)]
pub struct CopyInUse {
    /// The copy.
    pub copy: CachedCopy,
    _lock: Lock,
}

/// Held by the one process that fetches, makes or removes anything.
#[derive(Debug)]
pub struct CacheLock {
    _lock: Lock,
    /// Whether an earlier holder was killed at its work, or files lie there that are part of no copy.
    unsettled: AtomicBool,
    /// Bytes that were freed of what he left.
    recovered: u64,
}

impl CacheLock {
    /// Bytes that were freed of what earlier holders left who were killed.
    pub const fn recovered(&self) -> u64 {
        self.recovered
    }
}

/// The cache in one folder.
#[derive(Debug)]
pub struct Cache {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    /// The name of this machine, which may share the cache with others.
    host: String,
    db: Arc<ObjectDb>,
}

const FACTS: &str = ".json";

impl Cache {
    /// The cache in a folder, which may be missing, as the machine of this name uses it.
    ///
    /// # Errors
    /// When what is there cannot be read.
    pub fn open(fs: &Arc<dyn Fs>, root: &Path, host: &str) -> Result<Self, CacheError> {
        let unusable = |source| CacheError::Unusable { path: root.to_owned(), source };
        let db = open_db(fs, root).map_err(unusable)?;
        Ok(Self { fs: Arc::clone(fs), root: root.to_owned(), host: host.to_owned(), db })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The objects that are here; nothing is fetched.
    pub const fn db(&self) -> &Arc<ObjectDb> {
        &self.db
    }

    /// The same objects, for whoever wants to add a promisor.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn another_db(&self) -> Result<Arc<ObjectDb>, StoreError> {
        open_db(&self.fs, &self.root)
    }

    /// The folder of what was learned of a remote.
    pub fn remote(&self, url: &str) -> PathBuf {
        self.root.join("remotes").join(ObjectId::Sha256(Sha256::digest(url).into()).to_string())
    }

    /// The folder where it is remembered what external links were found to lead to.
    pub fn link_memory(&self) -> PathBuf {
        self.root.join("sources")
    }

    fn copies(&self) -> PathBuf {
        self.root.join("copies")
    }

    fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    fn copy_path(&self, key: &CopyKey) -> PathBuf {
        self.copies().join(&key.0)
    }

    fn facts_path(&self, key: &CopyKey) -> PathBuf {
        self.copies().join(format!("{}{FACTS}", key.0))
    }

    fn unsettled_path(&self) -> PathBuf {
        self.root.join("unsettled")
    }

    /// Files of locks are never removed; so that they stay few, copies share them by the first digits of their names.
    fn use_lock_path(&self, key: &CopyKey) -> PathBuf {
        self.root.join("locks").join(&key.0[..2])
    }

    /// Waits to be the one who fetches, makes or removes.
    ///
    /// # Errors
    /// When interrupted, or when nothing can be written there.
    pub fn lock(&self, request: &LockRequest<'_>) -> Result<CacheLock, CacheError> {
        let locked = self.try_to_lock(request);
        locked.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => CacheError::Store(error),
            _ => CacheError::Unusable { path: self.root.clone(), source: error },
        })
    }

    fn acquire(&self, path: &Path, mode: LockMode, request: &LockRequest<'_>) -> Result<Lock, StoreError> {
        let LockRequest { owner, timeout, clock, interrupt, on_wait } = *request;
        let wait = Wait { timeout, clock, interrupt, on_wait: &mut |holder| on_wait(holder) };
        Ok(acquire(&*self.fs, path, mode, owner, wait)?)
    }

    fn try_to_lock(&self, request: &LockRequest<'_>) -> Result<CacheLock, StoreError> {
        for folder in ["", "copies", "files", "links", "locks"].map(|name| self.root.join(name)) {
            self.fs.create_dir_all(&folder).at("create", &folder)?;
        }
        let lock = self.acquire(&self.root.join("lock"), LockMode::Exclusive, request)?;
        let path = self.unsettled_path();
        let unsettled = self.fs.stat(&path).is_ok();
        self.db.reopen()?;
        let mut recovered = 0;
        if unsettled {
            recovered = self.remove_leftovers(request.clock.now_ns())?;
        } else {
            publish(&self.fs, &path, b"")?;
        }
        Ok(CacheLock { _lock: lock, unsettled: AtomicBool::new(unsettled), recovered })
    }

    /// Says that nothing is left half done, and lets others in. If something was, it is counted by now, or the next one will.
    ///
    /// # Errors
    /// When the system fails.
    pub fn settle(&self, lock: CacheLock) -> Result<(), IoError> {
        if !lock.unsettled.load(Ordering::Relaxed) {
            let path = self.unsettled_path();
            self.fs.remove_file(&path).at("remove", &path)?;
        }
        drop(lock);
        Ok(())
    }

    /// A copy, if it is there; it stays while the answer is held. Waits for nobody but who is just removing it.
    ///
    /// # Errors
    /// When interrupted, or when the system fails.
    pub fn find(&self, key: &CopyKey, request: &LockRequest<'_>) -> Result<Option<CopyInUse>, CacheError> {
        if self.read_copy(key)?.is_none() {
            return Ok(None);
        }
        let lock = self.acquire(&self.use_lock_path(key), LockMode::Shared, request)?;
        Ok(self.read_copy(key)?.map(|copy| CopyInUse { copy, _lock: lock }))
    }

    /// Keeps everybody else from a copy; `None` when somebody uses it.
    fn lock_alone(&self, key: &CopyKey) -> Result<Option<Box<dyn LockGuard>>, IoError> {
        let path = self.use_lock_path(key);
        self.fs.try_lock(&path, LockMode::Exclusive).at("lock", path)
    }

    fn read_copy(&self, key: &CopyKey) -> Result<Option<CachedCopy>, IoError> {
        let (path, facts_path) = (self.copy_path(key), self.facts_path(key));
        let bytes = match self.fs.read(&facts_path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.at("read", &facts_path)?,
        };
        // Facts that cannot be read are none: the copy is made anew.
        let Ok(facts) = decode_copy_facts(&bytes) else { return Ok(None) };
        // Others may just be removing it.
        let (Some(folder), Some(file)) = (self.stat(&path)?, self.stat(&facts_path)?) else {
            return Ok(None);
        };
        let is_copy = folder.kind == FileKind::Directory;
        Ok(is_copy.then(|| CachedCopy { key: key.clone(), facts, path, used_ns: file.mtime_ns }))
    }

    /// Facts of a path; `None` when nothing is there.
    fn stat(&self, path: &Path) -> Result<Option<Stat>, IoError> {
        match self.fs.stat(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            stat => stat.map(Some).at("stat", path),
        }
    }

    /// All copies, the one that was used last first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<CachedCopy>, IoError> {
        let mut copies = Vec::new();
        for (name, _) in self.names(&self.copies())? {
            let name = String::from_utf8(name).unwrap_or_default();
            if let Some(key) = name.strip_suffix(FACTS) {
                copies.extend(self.read_copy(&CopyKey(key.to_owned()))?);
            }
        }
        copies.sort_by(|a, b| b.used_ns.cmp(&a.used_ns).then_with(|| a.key.cmp(&b.key)));
        Ok(copies)
    }

    /// Notes that a copy was used. A failure is none of the user's: it may be another person's cache.
    pub fn note_use(&self, key: &CopyKey, now_ns: i64) {
        let _ = self.fs.set_modified(&self.facts_path(key), now_ns);
    }

    fn write_facts(&self, key: &CopyKey, facts: &CopyFacts) -> Result<(), IoError> {
        publish(&self.fs, &self.facts_path(key), &encode_copy_facts(facts))
    }

    /// What is in a folder of the cache; nothing when there is none.
    fn names(&self, folder: &Path) -> Result<Vec<(Vec<u8>, FileKind)>, IoError> {
        match self.fs.list(folder).and_then(|dir| dir.entries()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed.at("list", folder),
        }
    }

    /// What is in a folder of the cache, by path.
    fn paths(&self, folder: &Path) -> Result<Vec<(PathBuf, FileKind)>, IoError> {
        let named = |(name, kind): (Vec<u8>, FileKind)| {
            Ok((folder.join(bytes_to_path(&name).at("list", folder)?), kind))
        };
        self.names(folder)?.into_iter().map(named).collect()
    }
}

fn open_db(fs: &Arc<dyn Fs>, root: &Path) -> Result<Arc<ObjectDb>, StoreError> {
    Ok(Arc::new(ObjectDb::open(Arc::clone(fs), &root.join("objects"), StoreOptions::default())?))
}
