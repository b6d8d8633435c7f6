//! The file system as this crate uses it: one trait, so that tests can record, fail and replay it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a directory entry is, without following links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A socket, pipe or device.
    Other,
}

/// What `lstat` tells of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since the epoch; 0 where the system has none.
    pub ctime_ns: i64,
    /// Inode number; 0 where the system has none.
    pub inode: u64,
    /// The device that holds it; 0 where the system has none.
    pub device: u64,
    /// Permission bits (`0o7777`); on systems without them 0o644 or 0o444.
    pub mode: u32,
}

impl Stat {
    /// Whether the owner may execute it.
    pub const fn executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// How a file is to be created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// Set the executable bits (as the umask allows).
    pub executable: bool,
    /// Append to a file that exists, instead of demanding that there is none.
    pub append: bool,
    /// Much will be written in one go, and not be read again soon: keep it out of the page cache where
    /// that is possible. Not together with `append`.
    pub stream: bool,
    /// Nobody may write to it later; who creates it writes its content.
    pub read_only: bool,
}

/// An open file.
pub trait File: Send + Sync {
    /// Reads from the current position; 0 at the end.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize>;
    /// Fills `buf` from `offset` on; the position is not used.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before that; any failure of the operating system.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `buf` at the current position.
    ///
    /// # Errors
    /// Any failure of the operating system; then an unknown part was written.
    fn write_all(&mut self, buf: &[u8]) -> io::Result<()>;
    /// Returns when content and length are durable.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn sync(&mut self) -> io::Result<()>;
    /// Hands to the system what was written and is still in our hands, as happens with
    /// [`CreateOptions::stream`]. Before this, neither [`File::stat`] nor a reader sees all of it.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn flush(&mut self) -> io::Result<()>;
    /// Cuts or extends the file to `len` bytes.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Facts of the open file.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn stat(&self) -> io::Result<Stat>;
}

/// An open directory, whose entries can be asked for from many threads.
pub trait Directory: Send + Sync {
    /// Names and kinds of all entries, without `.` and `..`, in no order. Where the file system does
    /// not tell the kind, it is asked for.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn entries(&self) -> io::Result<Vec<(Vec<u8>, FileKind)>>;
    /// Facts of one entry, without following links and without resolving the directory's path again.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn stat(&self, name: &[u8]) -> io::Result<Stat>;
}

/// The bytes of a file, mapped or read.
pub type Map = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// By any number of holders at once.
    Shared,
    /// By one holder alone.
    Exclusive,
}

/// A held lock; released when dropped and when the process dies.
pub trait LockGuard: Send + Sync + fmt::Debug {}

/// Everything this crate asks of the operating system's file system.
///
/// Paths are absolute or relative to the process's folder; links are never followed in the last
/// component except by [`Fs::open`], [`Fs::map`] and [`Fs::list`].
pub trait Fs: Send + Sync + fmt::Debug {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Opens a regular file for reading; a symbolic link in the last component is an error, and a
    /// pipe or device does not block.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn open_nofollow(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Creates a file for writing.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one and `append` is not set; any failure of the operating system.
    fn create(&self, path: &Path, options: CreateOptions) -> io::Result<Box<dyn File>>;
    /// The whole of a file.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = self.open(path)?;
        let mut bytes = Vec::new();
        let mut buf = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buf)? {
                0 => return Ok(bytes),
                n => bytes.extend_from_slice(&buf[..n]),
            }
        }
    }
    /// Maps a file that is never changed once it has this name.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn map(&self, path: &Path) -> io::Result<Map>;
    /// Facts of a path, links not followed.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Opens a directory for listing.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn list(&self, path: &Path) -> io::Result<Box<dyn Directory>>;
    /// Creates one directory.
    ///
    /// # Errors
    /// `AlreadyExists`; any failure of the operating system.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory and those above it; one that exists is fine.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        match self.create_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let Some(parent) = path.parent() else { return Err(e) };
                self.create_dir_all(parent)?;
                self.create_dir_all(path)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }
    /// Renames, replacing a file at `to`.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or a symbolic link.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Returns when creations, renames and removals in this directory are durable.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Returns when everything that was written to the file system of this directory is durable: for very many files, which
    /// one by one would take far longer.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn sync_all(&self, path: &Path) -> io::Result<()>;
    /// The target of a symbolic link, as bytes.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Creates a symbolic link.
    ///
    /// # Errors
    /// `AlreadyExists`; any failure of the operating system.
    fn symlink(&self, target: &[u8], path: &Path) -> io::Result<()>;
    /// Sets or clears the executable bits, as the umask allows.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()>;
    /// Copies the content of a file to a new one; returns its length. Where the file system can, both share what lies on
    /// the disk.
    ///
    /// # Errors
    /// `AlreadyExists`; any failure of the operating system, after which a part of it may be there.
    fn copy(&self, from: &Path, to: &Path, options: CreateOptions) -> io::Result<u64>;
    /// Gives a file a second name.
    ///
    /// # Errors
    /// `TooManyLinks`, `CrossesDevices`, `Unsupported`; any failure of the operating system.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Says whether a file or a directory may be written to; does nothing where there is no such thing.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn set_read_only(&self, path: &Path, read_only: bool) -> io::Result<()>;
    /// Sets the time of the last change of a file's content, in nanoseconds since the epoch.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn set_modified(&self, path: &Path, mtime_ns: i64) -> io::Result<()>;
    /// Takes a lock on a file that is created when missing; `None` when another holds it.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn try_lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn LockGuard>>>;
    /// The absolute path with every link resolved.
    ///
    /// # Errors
    /// Any failure of the operating system.
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf>;
}
