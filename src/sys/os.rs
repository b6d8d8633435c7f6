//! The real file system.

#[cfg(not(unix))]
mod portable;
mod stream;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use portable as platform;
#[cfg(unix)]
use unix as platform;

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::fs::{CreateOptions, Directory, File, Fs, LockGuard, LockMode, Map, Stat};
use super::paths::path_to_bytes;
use stream::Streamer;

/// The file system of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFs;

impl OsFs {
    /// The file system as the layers above take it.
    #[expect(clippy::new_ret_no_self, reason = "nobody above `sys` wants the bare type")]
    pub fn new() -> Arc<dyn Fs> {
        Arc::new(Self)
    }
}

/// An open file.
#[derive(Debug)]
struct OsFile {
    file: Arc<std::fs::File>,
    stream: Option<Streamer>,
}

impl OsFile {
    fn boxed(file: std::fs::File, stream: bool) -> Box<dyn File> {
        let file = Arc::new(file);
        let stream = stream.then(|| Streamer::new(Arc::clone(&file)));
        Box::new(Self { file, stream })
    }
}

impl File for OsFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        retry(|| (&*self.file).read(buf))
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        platform::read_exact_at(&self.file, buf, offset)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) => stream.write_all(buf),
            None => (&*self.file).write_all(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.take().map_or(Ok(()), Streamer::finish)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        // Times are left out: the length is all that a reader of the content needs.
        self.file.sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.flush()?;
        self.file.set_len(len)
    }

    fn stat(&self) -> io::Result<Stat> {
        platform::stat_file(&self.file)
    }
}

/// A held lock: the system releases it when the file is closed, however that comes about.
#[derive(Debug)]
struct OsLock {
    _file: std::fs::File,
}

impl LockGuard for OsLock {}

/// A mapped file.
#[derive(Debug)]
struct Mapped(memmap2::Mmap);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that calls the operating system")]
impl Fs for OsFs {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(OsFile::boxed(platform::open(path)?, false))
    }

    fn open_nofollow(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(OsFile::boxed(platform::open_nofollow(path)?, false))
    }

    fn create(&self, path: &Path, options: CreateOptions) -> io::Result<Box<dyn File>> {
        Ok(OsFile::boxed(platform::create(path, options)?, options.stream && !options.append))
    }

    fn map(&self, path: &Path) -> io::Result<Map> {
        let file = platform::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        if metadata.len() == 0 {
            // Systems differ in whether an empty range can be mapped.
            return Ok(Arc::new([0u8; 0]));
        }
        #[expect(
            unsafe_code,
            reason = "mapping a file is unsafe by nature; there is no other way to share its pages"
        )]
        // SAFETY: The trait allows this for files that are never changed once they have their name:
        // packs and indexes, which are published whole under a fresh name and only ever unlinked, which
        // leaves the mapping intact. A stranger who truncates one in place ends the process by SIGBUS; no
        // reference outlives the mapping, since `Mapped` owns it.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        Ok(Arc::new(Mapped(map)))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        platform::stat(path)
    }

    fn list(&self, path: &Path) -> io::Result<Box<dyn Directory>> {
        platform::list(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        platform::sync_dir(path)
    }

    fn sync_all(&self, path: &Path) -> io::Result<()> {
        platform::sync_all(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(path_to_bytes(&std::fs::read_link(path)?)?.to_vec())
    }

    fn symlink(&self, target: &[u8], path: &Path) -> io::Result<()> {
        platform::symlink(target, path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        platform::set_executable(path, executable)
    }

    fn copy(&self, from: &Path, to: &Path, options: CreateOptions) -> io::Result<u64> {
        // Between two files the system copies by itself, and shares the blocks where it can.
        io::copy(&mut &platform::open(from)?, &mut &platform::create(to, options)?)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn set_read_only(&self, path: &Path, read_only: bool) -> io::Result<()> {
        platform::set_read_only(path, read_only)
    }

    fn set_modified(&self, path: &Path, mtime_ns: i64) -> io::Result<()> {
        let since = Duration::from_nanos(u64::try_from(mtime_ns).unwrap_or(0));
        platform::open(path)?.set_modified(UNIX_EPOCH + since)
    }

    fn try_lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn LockGuard>>> {
        let file = platform::open_lock(path)?;
        let attempt = || {
            let outcome = match mode {
                LockMode::Shared => file.try_lock_shared(),
                LockMode::Exclusive => file.try_lock(),
            };
            match outcome {
                Ok(()) => Ok(true),
                Err(std::fs::TryLockError::WouldBlock) => Ok(false),
                Err(std::fs::TryLockError::Error(error)) => Err(error),
            }
        };
        Ok(retry(attempt)?.then(|| Box::new(OsLock { _file: file }) as Box<dyn LockGuard>))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }
}

/// Repeats a call that a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests;
