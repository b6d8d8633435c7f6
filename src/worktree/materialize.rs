//! Content onto the disk: files, links and folders of the worktree.
//!
//! A file that replaces another is written under a temporary name and renamed, so that at each instant the
//! old or the new one is whole. A file where there was none is created exclusively under its own
//! name. Nothing is ever written through a symbolic link: every folder on the way is checked once.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{ErrorKind, RepoPath};
use crate::sys::{CreateOptions, File, FileKind, Fs, IoContext, IoError, PendingFile, Stat, bytes_to_path};

/// Why a path could not be materialised.
#[derive(Debug, thiserror::Error)]
pub enum MaterializeError<E> {
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A file, a link or a special file is where a folder must be.
    #[error("'{path}' is in the way: it is no folder")]
    InTheWay {
        /// What is in the way.
        path: RepoPath,
    },
    /// What is there is not what was found there before.
    #[error("'{path}' changed meanwhile")]
    Changed {
        /// The path.
        path: RepoPath,
    },
    /// The content could not be had.
    #[error(transparent)]
    Content(E),
}

impl<E> MaterializeError<E> {
    /// The stable kind, given that of the content's error.
    pub fn kind(&self, content: impl FnOnce(&E) -> ErrorKind) -> ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            Self::InTheWay { .. } | Self::Changed { .. } => ErrorKind::WouldOverwrite,
            Self::Content(error) => content(error),
        }
    }
}

/// What is at a path before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nothing; a file that appears meanwhile is an error, not a loss.
    Absent,
    /// Something that may be replaced while it has these facts; whatever it is where there are none.
    Replace(Option<Stat>),
}

/// Writes below one root, from many threads.
pub struct Materializer {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    /// Folders that are known to be real folders.
    folders: RwLock<HashSet<RepoPath>>,
}

impl std::fmt::Debug for Materializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Materializer").field("root", &self.root).finish_non_exhaustive()
    }
}

/// An error of a call that has no content.
type Plain = MaterializeError<std::convert::Infallible>;

impl Materializer {
    /// A materialiser of a worktree.
    pub fn new(fs: Arc<dyn Fs>, root: &Path) -> Self {
        Self { fs, root: root.to_owned(), folders: RwLock::default() }
    }

    /// Where a path lies on the disk.
    ///
    /// # Errors
    /// When the system cannot name it.
    pub fn locate(&self, path: &RepoPath) -> Result<PathBuf, IoError> {
        let below = bytes_to_path(path.as_bytes()).at("name", &self.root)?;
        Ok(self.root.join(below))
    }

    /// Writes a file of which `write` gives the content; returns its facts.
    ///
    /// # Errors
    /// When a folder on the way is none, the system fails, or `write` does; then the path is as it was.
    pub fn write_file<E>(
        &self,
        path: &RepoPath,
        target: Target,
        options: CreateOptions,
        write: impl FnOnce(&mut dyn File) -> Result<(), MaterializeError<E>>,
    ) -> Result<Stat, MaterializeError<E>> {
        let absolute = self.locate(path)?;
        self.make_parents(path)?;
        match target {
            Target::Absent => self.write_new(&absolute, options, write),
            Target::Replace(found) => self.replace(path, found, options, write),
        }
    }

    fn write_new<E>(
        &self,
        absolute: &Path,
        options: CreateOptions,
        write: impl FnOnce(&mut dyn File) -> Result<(), MaterializeError<E>>,
    ) -> Result<Stat, MaterializeError<E>> {
        let mut file = self.fs.create(absolute, options).at("create", absolute)?;
        let written = write(&mut *file).and_then(|()| {
            file.flush().at("write", absolute)?;
            Ok(file.stat().at("stat", absolute)?)
        });
        if written.is_err() {
            drop(file);
            // It did not exist before; the error that is reported is the first one.
            let _ = self.fs.remove_file(absolute);
        }
        written
    }

    fn replace<E>(
        &self,
        path: &RepoPath,
        found: Option<Stat>,
        options: CreateOptions,
        write: impl FnOnce(&mut dyn File) -> Result<(), MaterializeError<E>>,
    ) -> Result<Stat, MaterializeError<E>> {
        let absolute = &*self.locate(path)?;
        let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(Err(io::Error::from(io::ErrorKind::InvalidInput)).at("write", absolute)?);
        };
        let mut pending = PendingFile::create_with(&self.fs, folder, options)?;
        write(pending.file())?;
        pending.file().flush().at("write", absolute)?;
        self.check_unchanged(path, absolute, found)?;
        pending.place_as(name)?;
        // The rename changes the ctime, which the index relies on.
        Ok(self.fs.stat(absolute).at("stat", absolute)?)
    }

    /// Makes a symbolic link; returns its facts.
    ///
    /// # Errors
    /// When a folder on the way is none, or the system fails.
    pub fn write_symlink<E>(
        &self,
        path: &RepoPath,
        target: Target,
        link: &[u8],
    ) -> Result<Stat, MaterializeError<E>> {
        let absolute = self.locate(path)?;
        self.make_parents(path)?;
        if let Target::Replace(found) = target {
            self.check_unchanged(path, &absolute, found)?;
            self.remove_if_there(&absolute)?;
        }
        self.fs.symlink(link, &absolute).at("create the link", &absolute)?;
        Ok(self.fs.stat(&absolute).at("stat", &absolute)?)
    }

    /// Makes a folder and those above it; one that exists is fine.
    ///
    /// # Errors
    /// When a folder on the way is none, or the system fails.
    pub fn make_folder<E>(&self, path: &RepoPath) -> Result<(), MaterializeError<E>> {
        if path.is_root() || self.known(path) {
            return Ok(());
        }
        self.make_parents(path)?;
        let absolute = self.locate(path)?;
        match self.fs.create_dir(&absolute) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if self.fs.stat(&absolute).at("stat", &absolute)?.kind != FileKind::Directory {
                    return Err(MaterializeError::InTheWay { path: path.clone() });
                }
            }
            made => made.at("create", &absolute)?,
        }
        self.folders.write().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        Ok(())
    }

    /// Demands that a file is still the one that was found, or gone. As late as can be: what is written to it
    /// from then on is lost.
    fn check_unchanged<E>(
        &self,
        path: &RepoPath,
        absolute: &Path,
        found: Option<Stat>,
    ) -> Result<(), MaterializeError<E>> {
        let Some(found) = found else { return Ok(()) };
        match self.fs.stat(absolute) {
            // The ctime changes also when another name of the same file goes.
            Ok(now) if (Stat { ctime_ns: found.ctime_ns, ..now }) == found => Ok(()),
            Ok(_) => Err(MaterializeError::Changed { path: path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Ok(Err(error).at("stat", absolute)?),
        }
    }

    /// Forgets which folders were real ones: what was found before is looked at again before it is relied on.
    pub fn forget_folders(&self) {
        self.folders.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn make_parents<E>(&self, path: &RepoPath) -> Result<(), MaterializeError<E>> {
        path.parent().map_or(Ok(()), |parent| self.make_folder(&parent))
    }

    fn known(&self, path: &RepoPath) -> bool {
        self.folders.read().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// Removes the file or link that was found at a path, if there was one, and the folders above it that
    /// have become empty, up to the root or to one that `keep` names.
    ///
    /// # Errors
    /// When it has changed, or the system fails; a path that does not exist is fine.
    pub fn remove(
        &self,
        path: &RepoPath,
        target: Target,
        keep: impl Fn(&RepoPath) -> bool,
    ) -> Result<(), Plain> {
        if let Target::Replace(found) = target
            && self.parent_is_real(path)?
        {
            let absolute = self.locate(path)?;
            self.check_unchanged(path, &absolute, found)?;
            self.remove_if_there(&absolute)?;
        }
        self.remove_empty_parents(path, keep)
    }

    /// Removes an empty folder, if it is one, and those above it that have become empty.
    ///
    /// # Errors
    /// When the system fails.
    pub fn remove_folder(&self, path: &RepoPath, keep: impl Fn(&RepoPath) -> bool) -> Result<(), Plain> {
        if self.remove_if_empty(path)? { self.remove_empty_parents(path, keep) } else { Ok(()) }
    }

    fn remove_empty_parents(&self, path: &RepoPath, keep: impl Fn(&RepoPath) -> bool) -> Result<(), Plain> {
        let mut folder = path.parent();
        while let Some(path) = folder.filter(|path| !path.is_root() && !keep(path)) {
            if !self.remove_if_empty(&path)? {
                break;
            }
            folder = path.parent();
        }
        Ok(())
    }

    /// Whether every folder above a path is a real one: else what lies at the path is not ours.
    fn parent_is_real(&self, path: &RepoPath) -> Result<bool, IoError> {
        Ok(self.walk_above(path)?.is_none()
            && path.parent().is_none_or(|parent| parent.is_root() || self.known(&parent)))
    }

    /// Whether the folder of a path was found to be a real one before.
    fn parent_is_known(&self, path: &RepoPath) -> bool {
        path.parent().is_none_or(|parent| parent.is_root() || self.known(&parent))
    }

    /// The topmost ancestor of a path that exists and is no folder.
    ///
    /// # Errors
    /// When the system fails.
    pub fn obstacle_above(&self, path: &RepoPath) -> Result<Option<RepoPath>, IoError> {
        self.walk_above(path)
    }

    /// Looks at the ancestors of a path from the top, up to the first that is no folder or does not exist;
    /// returns it in the former case. Folders that are found are known from now on.
    fn walk_above(&self, path: &RepoPath) -> Result<Option<RepoPath>, IoError> {
        if self.parent_is_known(path) {
            return Ok(None);
        }
        let mut above = RepoPath::root();
        let parent = path.parent().unwrap_or_default();
        for name in parent.components() {
            above = above.join(&name);
            if self.known(&above) {
                continue;
            }
            let absolute = self.locate(&above)?;
            match self.fs.stat(&absolute) {
                Ok(stat) if stat.kind == FileKind::Directory => {
                    self.folders.write().unwrap_or_else(PoisonError::into_inner).insert(above.clone());
                }
                Ok(_) => return Ok(Some(above)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error).at("stat", &absolute),
            }
        }
        Ok(None)
    }

    fn remove_if_there(&self, absolute: &Path) -> Result<(), IoError> {
        match self.fs.remove_file(absolute) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.at("remove", absolute),
        }
    }

    fn remove_if_empty(&self, path: &RepoPath) -> Result<bool, IoError> {
        if !self.parent_is_real(path)? {
            return Ok(false);
        }
        let absolute = self.locate(path)?;
        self.folders.write().unwrap_or_else(PoisonError::into_inner).remove(path);
        match self.fs.remove_dir(&absolute) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).at("remove", &absolute),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::OsFs;

    type Result<T> = std::result::Result<T, MaterializeError<std::convert::Infallible>>;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).unwrap()
    }

    fn put(m: &Materializer, at: &str, target: Target, bytes: &[u8]) -> Result<Stat> {
        m.write_file(&path(at), target, CreateOptions::default(), |file| {
            Ok(file.write_all(bytes).at("write", at)?)
        })
    }

    fn fixture() -> (tempfile::TempDir, Materializer) {
        let dir = tempfile::tempdir().unwrap();
        let materializer = Materializer::new(Arc::new(OsFs), dir.path());
        (dir, materializer)
    }

    #[test]
    fn files_come_with_their_folders_and_go_with_them() {
        let (dir, m) = fixture();
        let stat = put(&m, "a/b/c", Target::Absent, b"one").unwrap();
        assert_eq!((stat.size, stat), (3, OsFs.stat(&dir.path().join("a/b/c")).unwrap()));
        assert!(put(&m, "a/b/c", Target::Absent, b"two").is_err());
        let stat = put(&m, "a/b/c", Target::Replace(None), b"three").unwrap();
        assert_eq!(stat, OsFs.stat(&dir.path().join("a/b/c")).unwrap());
        put(&m, "a/d", Target::Absent, b"").unwrap();
        m.remove(&path("a/b/c"), Target::Replace(None), |_| false).unwrap();
        assert!(!dir.path().join("a/b").exists() && dir.path().join("a/d").exists());
        m.remove(&path("a/d"), Target::Replace(None), |kept| kept == &path("a")).unwrap();
        assert!(dir.path().join("a").exists());
        m.remove(&path("a/d"), Target::Replace(None), |_| false).unwrap();
        assert!(!dir.path().join("a").exists());
        assert!(dir.path().exists());
    }

    #[test]
    fn failed_content_leaves_the_path_as_it_was() {
        let (dir, m) = fixture();
        put(&m, "old", Target::Absent, b"old").unwrap();
        for (at, target) in [("old", Target::Replace(None)), ("new", Target::Absent)] {
            let failed = m.write_file(&path(at), target, CreateOptions::default(), |_| {
                Err(MaterializeError::Content("no"))
            });
            assert!(matches!(failed, Err(MaterializeError::Content("no"))));
        }
        assert_eq!(OsFs.read(&dir.path().join("old")).unwrap(), b"old");
        assert_eq!(OsFs.list(dir.path()).unwrap().entries().unwrap().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_or_removed_through_a_link() {
        let (dir, m) = fixture();
        let outside = tempfile::tempdir().unwrap();
        put(&Materializer::new(Arc::new(OsFs), outside.path()), "precious", Target::Absent, b"!").unwrap();
        let target = crate::sys::path_to_bytes(outside.path()).unwrap().to_vec();
        m.write_symlink::<()>(&path("a"), Target::Absent, &target).unwrap();
        assert!(matches!(put(&m, "a/b", Target::Absent, b"x"), Err(MaterializeError::InTheWay { .. })));
        m.remove(&path("a/precious"), Target::Replace(None), |_| false).unwrap();
        m.remove_folder(&path("a/precious"), |_| false).unwrap();
        assert!(outside.path().join("precious").exists());
        assert!(dir.path().join("a").is_symlink());
    }
}
