//! Copies in the machine's cache, by way of the library: made and removed while the power fails, calls fail, and the file
//! system lacks what it may lack.

mod disk;
mod links;
mod room;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsv::model::{BlobId, CopyFacts, EntryKind, Interrupt, ObjectId, RepoPath, VersionId};
use dsv::plumbing::cache::{Cache, CacheError, CacheLock, CopyInUse, CopyKey};
use dsv::plumbing::checkout::Content;
use dsv::store::{LockRequest, ObjectDb, StoreOptions, Writer};
use dsv::sys::{Fs, OsFs, SystemClock};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::mini::noise;
use crate::support::repo::monitor;
use crate::support::scratch;
use crate::support::tree::{Node, Tree, read_tree, write_tree};

/// Files of a version: path, kind, content.
type Files = Vec<(&'static str, EntryKind, Vec<u8>)>;

/// Small and larger ones, an executable with the content of a file, a link, and an empty folder.
fn some_files() -> Files {
    vec![
        ("a/deep/one", EntryKind::File, b"one".to_vec()),
        ("a/run.sh", EntryKind::Executable, b"one".to_vec()),
        ("a/same", EntryKind::File, b"one".to_vec()),
        ("empty", EntryKind::Directory, Vec::new()),
        ("larger", EntryKind::File, noise(1, 70_000)),
        ("link", EntryKind::Symlink, b"a/same".to_vec()),
    ]
}

/// A version of which a copy can be made: its objects lie in the cache, as if they had just been fetched.
struct Made {
    files: Files,
    number: u8,
}

impl Made {
    fn new(number: u8, files: Files) -> Self {
        Self { files, number }
    }

    fn key(&self) -> CopyKey {
        CopyKey::new(&self.version(), &[], None)
    }

    fn version(&self) -> VersionId {
        VersionId::from_bytes([self.number; 32])
    }

    /// Puts its blobs where they would come to.
    fn fetch(&self, root: &Path) {
        let db = ObjectDb::open(OsFs::new(), &root.join("objects"), StoreOptions::default()).unwrap();
        let writer = Writer::new(&Arc::new(db)).unwrap();
        let mut compressor = writer.compressor().unwrap();
        for (_, _, bytes) in self.files.iter().filter(|(_, kind, _)| !kind.is_dir()) {
            writer.put_small_blob(bytes, &mut compressor).unwrap();
        }
        writer.finish().unwrap();
    }

    fn items(&self) -> Vec<(RepoPath, Content)> {
        let item = |(path, kind, bytes): &(&str, EntryKind, Vec<u8>)| {
            let content = Content { kind: *kind, size: bytes.len() as u64, id: blob(bytes) };
            (RepoPath::new(*path).unwrap(), content)
        };
        self.files.iter().map(item).collect()
    }

    fn facts(&self) -> CopyFacts {
        CopyFacts {
            dataset: "cats".parse().unwrap(),
            label: format!("1.0.{}", self.number).parse().unwrap(),
            version: self.version(),
            url: "file:///bucket".to_owned(),
            paths: Vec::new(),
            part: None,
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|(_, _, bytes)| bytes.len() as u64).sum(),
            made: "2026-11-23T14:05:09+01:00".parse().unwrap(),
        }
    }

    fn make(&self, cache: &Cache) -> Result<(), CacheError> {
        let lock = lock(cache)?;
        let db = cache.another_db()?;
        cache.make(&lock, &db, (&self.key(), &self.facts()), &self.items(), u64::MAX, &monitor())?;
        Ok(cache.settle(lock)?)
    }

    fn find(&self, cache: &Cache) -> Result<Option<CopyInUse>, CacheError> {
        waiting(|request| cache.find(&self.key(), request))
    }

    /// What a copy holds.
    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        for (path, kind, bytes) in &self.files {
            let node = match kind {
                EntryKind::Directory => Node::Directory,
                EntryKind::Symlink => Node::Symlink(bytes.clone()),
                kind => {
                    Node::File { bytes: Arc::new(bytes.clone()), executable: *kind == EntryKind::Executable }
                }
            };
            for parent in Path::new(path).ancestors().skip(1).filter(|parent| *parent != Path::new("")) {
                tree.insert(parent.to_owned(), Node::Directory);
            }
            tree.insert(PathBuf::from(path), node);
        }
        tree
    }

    /// Demands that the copy, if there is one, is whole; returns whether there is one.
    fn is_whole(&self, cache: &Cache) -> bool {
        let Some(found) = self.find(cache).unwrap() else { return false };
        assert!(read_tree(&found.copy.path) == self.tree(), "the copy is not what it is a copy of");
        true
    }
}

fn blob(bytes: &[u8]) -> ObjectId {
    BlobId::from_bytes(Sha256::digest(bytes).into()).object()
}

fn waiting<T>(work: impl FnOnce(&LockRequest<'_>) -> T) -> T {
    work(&LockRequest {
        owner: "test",
        timeout: Duration::from_secs(10),
        clock: &SystemClock,
        interrupt: &Interrupt::new(),
        on_wait: &|_| (),
    })
}

fn lock(cache: &Cache) -> Result<CacheLock, CacheError> {
    waiting(|request| cache.lock(request))
}

fn open(root: &Path) -> Cache {
    Cache::open(&OsFs::new(), root, "lab").unwrap()
}

fn open_with(fs: Arc<dyn Fs>, root: &Path) -> Result<Cache, CacheError> {
    Cache::open(&fs, root, "lab")
}

/// A folder with a cache that holds the objects of a version and no copy of it.
fn fetched(made: &Made) -> TempDir {
    let folder = scratch();
    made.fetch(folder.path());
    folder
}

/// Demands that each file of the cache that has a final name is whole.
fn assert_files_whole(root: &Path) {
    let files = root.join("files");
    let all = if files.exists() { read_tree(&files) } else { Tree::new() };
    for (path, node) in all {
        let Node::File { bytes, executable } = node else { continue };
        let name = path.file_name().unwrap().to_str().unwrap();
        if dsv::sys::is_temp_name(path.iter().next().unwrap().as_encoded_bytes())
            || dsv::sys::is_temp_name(name.as_bytes())
        {
            continue;
        }
        let suffix = if executable { ".x" } else { "" };
        assert_eq!(format!("{}{suffix}", blob(&bytes)), name, "{} bytes", bytes.len());
    }
}

/// Everything in a folder that has a temporary name.
fn leftovers(root: &Path) -> Vec<PathBuf> {
    let is_left = |path: &PathBuf| dsv::sys::is_temp_name(path.file_name().unwrap().as_encoded_bytes());
    read_tree(root).into_keys().filter(is_left).collect()
}

/// A folder that holds the same as another one.
fn same_as(tree: &Tree) -> TempDir {
    let folder = scratch();
    write_tree(tree, folder.path());
    folder
}
