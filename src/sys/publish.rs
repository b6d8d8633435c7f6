//! The one way a file comes to its name: unique sibling temporary, write, fsync, rename, fsync of the
//! directory. Whoever looks, at any instant and after any crash, sees the old content or the new.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::error::{IoContext, IoError};
use super::fs::{CreateOptions, File, Fs};
use crate::model::TEMP_PREFIX;

/// Names tried before the directory is held to be broken; one is enough unless someone guesses them.
const ATTEMPTS: usize = 16;

/// A name that no other call returns: process, a number drawn once by each process (process ids repeat
/// in containers and across machines), and a counter.
pub fn temp_name() -> String {
    static NONCE: OnceLock<u64> = OnceLock::new();
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let nonce = NONCE.get_or_init(|| RandomState::new().hash_one(0u8)) & 0xffff_ffff;
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{TEMP_PREFIX}{}-{nonce:08x}-{count}", std::process::id())
}

/// 32 hexadecimal digits that nobody else draws, on whatever machine.
pub fn random_hex() -> String {
    // Each state has keys of its own, which the system's source of randomness made.
    (0..2u8).map(|half| format!("{:016x}", RandomState::new().hash_one((half, std::process::id())))).collect()
}

/// A file being written, which has no name yet that anyone would look for. Dropped before it is
/// published, it vanishes.
pub struct PendingFile {
    fs: Arc<dyn Fs>,
    directory: PathBuf,
    temp: PathBuf,
    file: Box<dyn File>,
    /// The name was given away; nothing is left to remove.
    renamed: bool,
}

impl fmt::Debug for PendingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingFile").field("temp", &self.temp).finish_non_exhaustive()
    }
}

impl PendingFile {
    /// Creates an empty file in the directory that the published one shall be in.
    ///
    /// # Errors
    /// When the directory is missing or cannot be written to.
    pub fn create(fs: &Arc<dyn Fs>, directory: &Path) -> Result<Self, IoError> {
        Self::create_with(fs, directory, CreateOptions::default())
    }

    /// As [`PendingFile::create`], with options; `append` is not for files that are published.
    ///
    /// # Errors
    /// When the directory is missing or cannot be written to.
    pub fn create_with(fs: &Arc<dyn Fs>, directory: &Path, options: CreateOptions) -> Result<Self, IoError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let temp = directory.join(temp_name());
            match fs.create(&temp, options) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {}
                Err(source) => return Err(IoError { path: temp, action: "create", source }),
                Ok(file) => {
                    let directory = directory.to_owned();
                    return Ok(Self { fs: Arc::clone(fs), directory, temp, file, renamed: false });
                }
            }
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// Any failure of the operating system; the file is then good for nothing but to be dropped.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), IoError> {
        self.file.write_all(bytes).at("write", &self.temp)
    }

    /// The open file.
    pub fn file(&mut self) -> &mut dyn File {
        &mut *self.file
    }

    /// Where the file is until it is published.
    pub fn temp_path(&self) -> &Path {
        &self.temp
    }

    /// Makes the content durable, then gives it its name, replacing a file of that name, then makes the
    /// name durable.
    ///
    /// # Errors
    /// When the content could not be made durable or the rename failed, nothing has changed. When only
    /// the last step failed, the new content is there to see, but whether it survives a crash is unknown.
    pub fn publish_as(self, name: impl AsRef<Path>) -> Result<(), IoError> {
        let fs = Arc::clone(&self.fs);
        let directory = self.directory.clone();
        self.publish_without_dir_sync(name)?;
        fs.sync_dir(&directory).at("sync", &directory)
    }

    /// As [`PendingFile::publish_as`], but leaves it to the caller to sync the directory, once for many
    /// files. Until then a crash may take the name away again, never leave it with half the content.
    ///
    /// # Errors
    /// Any failure of the operating system; then nothing has changed.
    pub fn publish_without_dir_sync(mut self, name: impl AsRef<Path>) -> Result<(), IoError> {
        self.file.sync().at("sync", &self.temp)?;
        self.rename(name.as_ref())
    }

    /// Gives the file its name and waits for no disk: for what can be made again, such as a file of the
    /// worktree. After a crash it may be empty or gone.
    ///
    /// # Errors
    /// Any failure of the operating system; then nothing has changed.
    pub fn place_as(mut self, name: impl AsRef<Path>) -> Result<(), IoError> {
        self.rename(name.as_ref())
    }

    fn rename(&mut self, name: &Path) -> Result<(), IoError> {
        let target = self.directory.join(name);
        self.fs.rename(&self.temp, &target).at("rename a file to", &target)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing can be done about a failure here; the name tells what the file is.
            let _ = self.fs.remove_file(&self.temp);
        }
    }
}

/// Writes a whole file, replacing the one at `path`; returns when it is durable.
///
/// # Errors
/// As [`PendingFile::publish_as`].
pub fn publish(fs: &Arc<dyn Fs>, path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput)).at("write", path);
    };
    // The parent of a bare name is empty, which no system call takes for the current folder.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut pending = PendingFile::create(fs, directory)?;
    pending.write_all(bytes)?;
    pending.publish_as(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::is_temp_name;
    use crate::sys::OsFs;

    fn names(fs: &Arc<dyn Fs>, directory: &Path) -> Vec<String> {
        let entries = fs.list(directory).unwrap().entries().unwrap();
        let mut names: Vec<_> = entries.into_iter().map(|(n, _)| String::from_utf8(n).unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let fs = OsFs::new();
        let path = folder.path().join("ref");
        publish(&fs, &path, b"old").unwrap();
        publish(&fs, &path, b"new").unwrap();
        assert_eq!(fs.read(&path).unwrap(), b"new");
        assert_eq!(names(&fs, folder.path()), ["ref"]);
    }

    #[test]
    fn a_dropped_file_vanishes_and_bears_a_recognisable_name_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let fs = OsFs::new();
        let mut pending = PendingFile::create(&fs, folder.path()).unwrap();
        pending.write_all(b"half").unwrap();
        let present = names(&fs, folder.path());
        assert!(present.len() == 1 && is_temp_name(present[0].as_bytes()), "{present:?}");
        drop(pending);
        assert_eq!(names(&fs, folder.path()), [""; 0]);
    }

    #[test]
    fn a_failed_rename_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let fs = OsFs::new();
        fs.create_dir(&folder.path().join("dir")).unwrap();
        let error = publish(&fs, &folder.path().join("dir"), b"x").unwrap_err();
        assert!(error.path.ends_with("dir"), "{error}");
        assert_eq!(names(&fs, folder.path()), ["dir"]);
        let missing = publish(&fs, &folder.path().join("none/file"), b"x").unwrap_err();
        assert_eq!(missing.kind(), crate::model::ErrorKind::NotFound);
    }

    #[test]
    fn only_our_own_names_are_temporary() {
        assert!(is_temp_name(temp_name().as_bytes()));
        assert_ne!(temp_name(), temp_name());
        for other in [
            ".tmp-dsv-",
            ".tmp-dsv-notes",
            ".tmp-dsv-1-2",
            ".tmp-dsv-1-2-3-4",
            "a.tmp-dsv-1-2-3",
            ".tmp-dsv-1-g-3",
        ] {
            assert!(!is_temp_name(other.as_bytes()), "{other}");
        }
    }
}
