//! Files of the worktree into the object database: read, hash, compress and write as one parallel
//! pipeline.
//!
//! Every file is proved unchanged while it was read: the facts that `fstat` tells after the last byte
//! must be those from before the first one. A file that changed is read again, a few times.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::Sender;

use crate::model::{BlobId, EntryKind, ErrorKind, Interrupted, Monitor, RepoPath};
use crate::store::{BlobCompressors, StoreError, WHOLE_BLOB_MAX, Writer};
use crate::sys::{File, FileKind, Fs, Stat, bytes_to_path};

/// Files that a thread takes at once.
const BATCH: usize = 64;
/// A file of at least this size gets all threads for itself.
const LARGE: u64 = 32 * 1024 * 1024;
/// How often a file that changes is read before it is given up.
const ATTEMPTS: usize = 4;
/// Problems of this many files are kept; the rest is counted.
const MAX_PROBLEMS: usize = 20;

/// A file to be stored and what it is thought to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToStore {
    /// Where it lies in the dataset, and below the root.
    pub path: RepoPath,
    /// A regular file or a symbolic link.
    pub kind: FileKind,
    /// Its size in bytes; another one costs an attempt.
    pub size: u64,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Where it lies in the dataset.
    pub path: RepoPath,
    /// File, executable or symlink.
    pub kind: EntryKind,
    /// Bytes of the blob.
    pub size: u64,
    /// The blob.
    pub id: BlobId,
    /// Facts that prove it unchanged later.
    pub stat: Stat,
}

/// Why one file could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The operating system failed.
    #[error("cannot {action} '{path}'")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: RepoPath,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It kept changing.
    #[error("'{path}' keeps changing while it is read")]
    Changing {
        /// The file.
        path: RepoPath,
    },
    /// It is a socket, pipe or device.
    #[error("'{path}' is a socket, pipe or device")]
    Unsupported {
        /// The file.
        path: RepoPath,
    },
}

impl FileProblem {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match ErrorKind::of_io(source) {
                // It was there when the folder was listed.
                ErrorKind::NotFound => ErrorKind::FileChanged,
                kind => kind,
            },
            Self::Changing { .. } => ErrorKind::FileChanged,
            Self::Unsupported { .. } => ErrorKind::UnsupportedFile,
        }
    }
}

/// Why files could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreFilesError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Some files could not be read; nothing was staged.
    #[error("{count} of the files could not be stored")]
    Files {
        /// How many.
        count: u64,
        /// The first ones, in order of path.
        problems: Vec<FileProblem>,
        /// The kind of the first one.
        kind: ErrorKind,
    },
}

impl StoreFilesError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Files { kind, .. } => *kind,
        }
    }
}

/// What one worker sends to the caller's thread.
enum Message {
    Stored(Vec<StoredFile>),
    Problem(FileProblem),
    Large(FileToStore),
}

/// Stores all files below `root`; `sink` gets each stored one, in no order, on the caller's thread.
///
/// Progress counts files and bytes as they are stored.
///
/// # Errors
/// When the database fails, the monitor asks to end, or any file could not be stored; then all others
/// were tried, and what was stored is garbage unless the caller refers to it.
pub fn store_files(
    writer: &Writer,
    root: &Path,
    files: impl Iterator<Item = FileToStore> + Send,
    monitor: &Monitor<'_>,
    sink: &mut dyn FnMut(StoredFile),
) -> Result<(), StoreFilesError> {
    let files = Mutex::new(files);
    let (messages_out, messages) = crossbeam_channel::bounded(64);
    let mut problems = Problems::default();
    let mut large = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..monitor.threads.max(1))
            .map(|_| {
                let messages_out = messages_out.clone();
                scope.spawn(|| work(writer, root, &files, monitor, messages_out))
            })
            .collect();
        drop(messages_out);
        for message in &messages {
            match message {
                Message::Stored(stored) => stored.into_iter().for_each(&mut *sink),
                Message::Problem(problem) => problems.add(problem),
                Message::Large(file) => large.push(file),
            }
        }
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
    })?;
    let mut thread = FileStorer::new(writer, root)?;
    large.sort_by(|a, b| a.path.cmp(&b.path));
    for file in large {
        match thread.store(file, Some(monitor))? {
            Ok(stored) => {
                monitor.progress.advance(1, 0);
                sink(stored);
            }
            Err(problem) => problems.add(problem),
        }
    }
    problems.into_result()
}

fn work(
    writer: &Writer,
    root: &Path,
    files: &Mutex<impl Iterator<Item = FileToStore>>,
    monitor: &Monitor<'_>,
    out: Sender<Message>,
) -> Result<(), StoreFilesError> {
    let mut thread = FileStorer::new(writer, root)?;
    loop {
        let batch: Vec<_> =
            files.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let mut stored = Vec::with_capacity(batch.len());
        let mut bytes = 0;
        for file in batch {
            monitor.interrupt.check()?;
            let message = if file.kind == FileKind::File && file.size >= LARGE {
                Message::Large(file)
            } else {
                match thread.store(file, None)? {
                    Ok(file) => {
                        bytes += file.size;
                        stored.push(file);
                        continue;
                    }
                    Err(problem) => Message::Problem(problem),
                }
            };
            // The caller's thread ends only after this one.
            let _ = out.send(message);
        }
        monitor.progress.advance(stored.len() as u64, bytes);
        let _ = out.send(Message::Stored(stored));
    }
}

/// What one thread needs to store files.
struct FileStorer<'a> {
    writer: &'a Writer,
    fs: &'a dyn Fs,
    root: &'a Path,
    compressors: BlobCompressors,
    buf: Vec<u8>,
    path: PathBuf,
}

impl<'a> FileStorer<'a> {
    fn new(writer: &'a Writer, root: &'a Path) -> Result<Self, StoreError> {
        let compressors = writer.blob_compressors()?;
        Ok(Self { writer, fs: &**writer.db().fs(), root, compressors, buf: Vec::new(), path: PathBuf::new() })
    }

    /// Stores one file; with a monitor, on all its threads. The outer error is the database's, the
    /// inner one the file's.
    fn store(
        &mut self,
        file: FileToStore,
        monitor: Option<&Monitor<'_>>,
    ) -> Result<Result<StoredFile, FileProblem>, StoreError> {
        let FileToStore { path, kind, size } = file;
        match bytes_to_path(path.as_bytes()) {
            Ok(below) => self.path = self.root.join(below),
            Err(source) => return Ok(Err(FileProblem::Io { action: "name", path, source })),
        }
        let mut expected = size;
        for _ in 0..ATTEMPTS {
            let read = match kind {
                FileKind::File => self.store_regular(expected, monitor),
                FileKind::Symlink => self.store_symlink(),
                FileKind::Directory | FileKind::Other => return Ok(Err(FileProblem::Unsupported { path })),
            };
            let read = match read {
                Ok(read) => read,
                Err(ReadError::Store(error)) => return Err(error),
                Err(ReadError::File(action, source)) => {
                    return Ok(Err(FileProblem::Io { action, path, source }));
                }
            };
            if read.before == read.after && read.after.size == read.size {
                let kind = match read.after.kind {
                    FileKind::File if read.after.executable() => EntryKind::Executable,
                    FileKind::File => EntryKind::File,
                    FileKind::Symlink => EntryKind::Symlink,
                    FileKind::Directory | FileKind::Other => {
                        return Ok(Err(FileProblem::Unsupported { path }));
                    }
                };
                return Ok(Ok(StoredFile { path, kind, size: read.size, id: read.id, stat: read.before }));
            }
            expected = read.after.size;
        }
        Ok(Err(FileProblem::Changing { path }))
    }

    fn store_regular(&mut self, expected: u64, monitor: Option<&Monitor<'_>>) -> Result<ReadFile, ReadError> {
        let mut file = self.fs.open_nofollow(&self.path).map_err(|e| ReadError::File("open", e))?;
        let before = file.stat().map_err(|e| ReadError::File("stat", e))?;
        if before.kind != FileKind::File {
            // Reading a pipe would wait for ever.
            return Ok(ReadFile {
                id: BlobId::from_bytes([0; 32]),
                size: before.size,
                before,
                after: before,
            });
        }
        let (id, size) = if expected <= WHOLE_BLOB_MAX {
            read_small(&mut *file, expected, &mut self.buf)?;
            if self.buf.len() as u64 > WHOLE_BLOB_MAX {
                // It grew: the facts differ, and the next attempt takes the other way.
                (BlobId::from_bytes([0; 32]), self.buf.len() as u64)
            } else {
                (self.writer.put_small_blob(&self.buf, &mut self.compressors.whole)?, self.buf.len() as u64)
            }
        } else {
            let mut source = FileSource(&mut *file);
            match monitor {
                Some(monitor) => self.writer.put_large_blob(&mut source, &mut self.compressors, monitor)?,
                None => self.writer.put_blob(&mut source, &mut self.compressors)?,
            }
        };
        let after = file.stat().map_err(|e| ReadError::File("stat", e))?;
        Ok(ReadFile { id, size, before, after })
    }

    fn store_symlink(&mut self) -> Result<ReadFile, ReadError> {
        let before = self.fs.stat(&self.path).map_err(|e| ReadError::File("stat", e))?;
        let target = self.fs.read_link(&self.path).map_err(|e| ReadError::File("read the link", e))?;
        let id = self.writer.put_small_blob(&target, &mut self.compressors.whole)?;
        let after = self.fs.stat(&self.path).map_err(|e| ReadError::File("stat", e))?;
        Ok(ReadFile { id, size: target.len() as u64, before, after })
    }
}

/// A file that was read and stored, and its facts before and after.
struct ReadFile {
    id: BlobId,
    size: u64,
    before: Stat,
    after: Stat,
}

enum ReadError {
    Store(StoreError),
    File(&'static str, std::io::Error),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Source(source) => Self::File("read", source),
            error => Self::Store(error),
        }
    }
}

struct FileSource<'a>(&'a mut dyn File);

impl Read for FileSource<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buf)
    }
}

/// Reads a file that should have `expected` bytes; one byte more is asked for, so that growth shows
/// without a call of its own.
fn read_small(file: &mut dyn File, expected: u64, buf: &mut Vec<u8>) -> Result<(), ReadError> {
    let expected = usize::try_from(expected).unwrap_or(usize::MAX);
    buf.resize(expected + 1, 0);
    let mut filled = 0;
    while filled < buf.len() {
        match file.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::File("read", error)),
        }
        if filled == expected {
            break;
        }
    }
    buf.truncate(filled);
    Ok(())
}

#[derive(Default)]
struct Problems {
    count: u64,
    kept: Vec<FileProblem>,
}

impl Problems {
    fn add(&mut self, problem: FileProblem) {
        self.count += 1;
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(problem);
        }
    }

    fn into_result(mut self) -> Result<(), StoreFilesError> {
        self.kept.sort_by_cached_key(|problem| problem.to_string());
        match self.kept.first() {
            None => Ok(()),
            Some(first) => {
                Err(StoreFilesError::Files { count: self.count, kind: first.kind(), problems: self.kept })
            }
        }
    }
}
