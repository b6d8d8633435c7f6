//! A file system that remembers every change, so that [`super::crash`] can rebuild what a crash leaves.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use dsv::sys::{CreateOptions, Directory, File, Fs, LockGuard, LockMode, Map, OsFs, Stat};

use super::tree::{Tree, read_tree};

/// One change that was made, or one promise of durability that was given. Paths are relative to the
/// recorded folder. A handle names one opening of a file, so that a write finds its file whatever that
/// is called by then.
#[derive(Clone)]
pub(crate) enum Op {
    Create {
        path: PathBuf,
        handle: usize,
        options: CreateOptions,
    },
    /// A file that was there before is opened to be appended to.
    Reopen {
        path: PathBuf,
        handle: usize,
    },
    Write {
        handle: usize,
        offset: u64,
        bytes: Arc<[u8]>,
    },
    SetLen {
        handle: usize,
        len: u64,
    },
    SyncFile {
        handle: usize,
    },
    CreateDir {
        path: PathBuf,
    },
    Symlink {
        path: PathBuf,
        target: Vec<u8>,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    RemoveFile {
        path: PathBuf,
    },
    RemoveDir {
        path: PathBuf,
    },
    SetExecutable {
        path: PathBuf,
        executable: bool,
    },
    /// A file gets a second name.
    HardLink {
        from: PathBuf,
        to: PathBuf,
    },
    SetReadOnly {
        path: PathBuf,
        read_only: bool,
    },
    /// The time of the last change is set.
    SetModified {
        path: PathBuf,
    },
    SyncDir {
        path: PathBuf,
    },
    /// Everything that was done until now is made durable.
    SyncAll,
    /// The test noted that it has come this far: what was promised before must hold from here on.
    Mark(String),
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { path, handle, options } => {
                let mark = if options.executable { " (x)" } else { "" };
                write!(f, "create {} as #{handle}{mark}", path.display())
            }
            Self::Reopen { path, handle } => write!(f, "reopen {} as #{handle}", path.display()),
            Self::Write { handle, offset, bytes } => write!(f, "write #{handle} {offset}+{}", bytes.len()),
            Self::SetLen { handle, len } => write!(f, "set length of #{handle} to {len}"),
            Self::SyncFile { handle } => write!(f, "sync #{handle}"),
            Self::CreateDir { path } => write!(f, "create directory {}", path.display()),
            Self::Symlink { path, .. } => write!(f, "symlink {}", path.display()),
            Self::Rename { from, to } => write!(f, "rename {} to {}", from.display(), to.display()),
            Self::RemoveFile { path } => write!(f, "remove {}", path.display()),
            Self::RemoveDir { path } => write!(f, "remove directory {}", path.display()),
            Self::SetExecutable { path, executable } => write!(f, "chmod {} {executable}", path.display()),
            Self::HardLink { from, to } => write!(f, "link {} to {}", from.display(), to.display()),
            Self::SetReadOnly { path, read_only } => write!(f, "protect {} {read_only}", path.display()),
            Self::SetModified { path } => write!(f, "set time of {}", path.display()),
            Self::SyncAll => write!(f, "sync everything"),
            Self::SyncDir { path } => write!(f, "sync directory /{}", path.display()),
            Self::Mark(text) => write!(f, "-- {text}"),
        }
    }
}

/// What happened to a folder: its content before, every change in order, its content after.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) before: Tree,
    pub(crate) ops: Vec<Op>,
    pub(crate) after: Tree,
}

/// What the file system and its open files share.
#[derive(Debug)]
struct Shared {
    root: PathBuf,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    ops: Vec<Op>,
    handles: usize,
}

impl Shared {
    /// Held during a change and until it is written down, so that the order of the log is the order of
    /// the changes, whatever the threads.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// The path below the recorded folder, links in its directories resolved.
    ///
    /// A change elsewhere is a mistake of the test: it would be missing from every image.
    fn relative(&self, path: &Path) -> PathBuf {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_else(|| panic!("{} has no name", path.display()));
        self.relative_directory(parent).join(name)
    }

    fn relative_directory(&self, path: &Path) -> PathBuf {
        let real = path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let below = real.strip_prefix(&self.root);
        below.unwrap_or_else(|_| panic!("{} is outside the recorded folder", path.display())).to_owned()
    }
}

/// Does as [`OsFs`] and remembers every change below one folder, each in the order in which it took
/// place. Reads and failed calls are not remembered.
#[derive(Debug)]
pub(crate) struct RecordingFs {
    shared: Arc<Shared>,
    before: Tree,
}

impl RecordingFs {
    /// Starts to record what happens below `root`.
    pub(crate) fn new(root: &Path) -> Arc<Self> {
        let root = root.canonicalize().unwrap();
        let before = read_tree(&root);
        Arc::new(Self { shared: Arc::new(Shared { root, log: Mutex::default() }), before })
    }

    /// Notes in the log that the test has come this far.
    pub(crate) fn mark(&self, text: &str) {
        self.shared.log().ops.push(Op::Mark(text.to_owned()));
    }

    /// What was recorded so far.
    pub(crate) fn recording(&self) -> Recording {
        let ops = self.shared.log().ops.clone();
        Recording { before: self.before.clone(), ops, after: read_tree(&self.shared.root) }
    }
}

/// A file opened for writing.
struct RecordedFile {
    inner: Box<dyn File>,
    shared: Arc<Shared>,
    handle: usize,
    position: u64,
    append: bool,
}

impl File for RecordedFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.position += read as u64;
        Ok(read)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_exact_at(buf, offset)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        let mut log = self.shared.log();
        let offset = if self.append { self.inner.stat()?.size } else { self.position };
        self.inner.write_all(buf)?;
        self.position = offset + buf.len() as u64;
        log.ops.push(Op::Write { handle: self.handle, offset, bytes: buf.into() });
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut log = self.shared.log();
        self.inner.sync()?;
        log.ops.push(Op::SyncFile { handle: self.handle });
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut log = self.shared.log();
        self.inner.set_len(len)?;
        log.ops.push(Op::SetLen { handle: self.handle, len });
        Ok(())
    }

    fn stat(&self) -> io::Result<Stat> {
        self.inner.stat()
    }
}

impl Fs for RecordingFs {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        OsFs.open(path)
    }

    fn open_nofollow(&self, path: &Path) -> io::Result<Box<dyn File>> {
        OsFs.open_nofollow(path)
    }

    fn create(&self, path: &Path, options: CreateOptions) -> io::Result<Box<dyn File>> {
        let mut log = self.shared.log();
        let existed = OsFs.stat(path).is_ok();
        let inner = OsFs.create(path, options)?;
        let shared = Arc::clone(&self.shared);
        let (path, handle) = (shared.relative(path), log.handles);
        log.handles += 1;
        log.ops.push(if existed {
            Op::Reopen { path, handle }
        } else {
            Op::Create { path, handle, options }
        });
        Ok(Box::new(RecordedFile { inner, shared, handle, position: 0, append: options.append }))
    }

    fn map(&self, path: &Path) -> io::Result<Map> {
        OsFs.map(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        OsFs.stat(path)
    }

    fn list(&self, path: &Path) -> io::Result<Box<dyn Directory>> {
        OsFs.list(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.create_dir(path)?;
        log.ops.push(Op::CreateDir { path: self.shared.relative(path) });
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.rename(from, to)?;
        log.ops.push(Op::Rename { from: self.shared.relative(from), to: self.shared.relative(to) });
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.remove_file(path)?;
        log.ops.push(Op::RemoveFile { path: self.shared.relative(path) });
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.remove_dir(path)?;
        log.ops.push(Op::RemoveDir { path: self.shared.relative(path) });
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.sync_dir(path)?;
        log.ops.push(Op::SyncDir { path: self.shared.relative_directory(path) });
        Ok(())
    }

    fn sync_all(&self, path: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        // Not that of the system, which takes long: nothing is cut off in earnest. Elsewhere it would be a mistake of
        // the test.
        self.shared.relative_directory(path);
        log.ops.push(Op::SyncAll);
        Ok(())
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        OsFs.read_link(path)
    }

    fn symlink(&self, target: &[u8], path: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.symlink(target, path)?;
        log.ops.push(Op::Symlink { path: self.shared.relative(path), target: target.to_owned() });
        Ok(())
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.set_executable(path, executable)?;
        log.ops.push(Op::SetExecutable { path: self.shared.relative(path), executable });
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path, options: CreateOptions) -> io::Result<u64> {
        // As a creation and writes, which is what it is to a disk.
        let bytes = OsFs.read(from)?;
        self.create(to, options)?.write_all(&bytes)?;
        Ok(bytes.len() as u64)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.hard_link(from, to)?;
        log.ops.push(Op::HardLink { from: self.shared.relative(from), to: self.shared.relative(to) });
        Ok(())
    }

    fn set_read_only(&self, path: &Path, read_only: bool) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.set_read_only(path, read_only)?;
        log.ops.push(Op::SetReadOnly { path: self.shared.relative(path), read_only });
        Ok(())
    }

    fn set_modified(&self, path: &Path, mtime_ns: i64) -> io::Result<()> {
        let mut log = self.shared.log();
        OsFs.set_modified(path, mtime_ns)?;
        log.ops.push(Op::SetModified { path: self.shared.relative(path) });
        Ok(())
    }

    fn try_lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn LockGuard>>> {
        let mut log = self.shared.log();
        let existed = OsFs.stat(path).is_ok();
        let guard = OsFs.try_lock(path, mode)?;
        if !existed {
            let handle = log.handles;
            log.handles += 1;
            let (path, options) = (self.shared.relative(path), CreateOptions::default());
            log.ops.push(Op::Create { path, handle, options });
        }
        Ok(guard)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        OsFs.canonicalize(path)
    }
}
