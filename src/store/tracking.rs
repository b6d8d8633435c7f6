//! Tracking refs: where the datasets of remotes were when they were last looked at.
//!
//! The ref of the dataset `a/b` of the remote `origin` is the file `refs/remotes/origin/a/b/-version`. No part of a
//! dataset's name begins with a minus sign, so a remote may hold datasets of which one's name is a folder of
//! the other's, which a repository may not. Everything a tracking ref leads to is here or can be had from its remote.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{create_dirs, read_small};
use super::{Layout, RefsLock, StoreError};
use crate::codec::ref_file::{MAX_REF_FILE_LEN, decode_ref, encode_ref};
use crate::model::{DatasetName, RefName, RemoteName, VersionId};
use crate::sys::{FileKind, Fs, IoContext, publish};

/// The name of the file in a dataset's folder.
const FILE_NAME: &str = "-version";

/// The tracking refs of one repository.
#[derive(Debug)]
pub struct TrackingRefs {
    fs: Arc<dyn Fs>,
    remotes: PathBuf,
}

/// Where a dataset of a remote was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tracked {
    /// The remote.
    pub remote: RemoteName,
    /// Its dataset.
    pub dataset: DatasetName,
    /// The dataset's newest version there.
    pub version: VersionId,
}

impl TrackingRefs {
    /// The tracking refs in a repository's folder.
    pub fn new(fs: Arc<dyn Fs>, layout: &Layout) -> Self {
        Self { fs, remotes: layout.refs().join("remotes") }
    }

    fn path(&self, remote: &RemoteName, dataset: &DatasetName) -> PathBuf {
        let folder = self.remotes.join(remote.as_str());
        dataset.as_str().split('/').fold(folder, |path, part| path.join(part)).join(FILE_NAME)
    }

    /// Where a dataset of a remote was; `None` when it was never seen.
    ///
    /// # Errors
    /// When the ref is damaged or cannot be read.
    pub fn read(&self, remote: &RemoteName, dataset: &DatasetName) -> Result<Option<VersionId>, StoreError> {
        let Some(bytes) = read_small(&*self.fs, &self.path(remote, dataset), MAX_REF_FILE_LEN)? else {
            return Ok(None);
        };
        let name = || RefName::Tracking(remote.clone(), dataset.clone());
        decode_ref(&bytes).map(Some).map_err(|source| StoreError::DamagedRef { name: name(), source })
    }

    /// All of them, in order of remote and dataset.
    ///
    /// # Errors
    /// When one is damaged or cannot be read.
    pub fn list(&self) -> Result<Vec<Tracked>, StoreError> {
        let mut found = Vec::new();
        for (name, _) in self.entries(&self.remotes)? {
            if let Ok(remote) = RemoteName::new(name.clone()) {
                self.collect(&self.remotes.join(&name), "", &remote, &mut found)?;
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Those of one remote, in order of dataset.
    ///
    /// # Errors
    /// As [`TrackingRefs::list`].
    pub fn of_remote(&self, remote: &RemoteName) -> Result<Vec<Tracked>, StoreError> {
        let mut found = Vec::new();
        self.collect(&self.remotes.join(remote.as_str()), "", remote, &mut found)?;
        found.sort_unstable();
        Ok(found)
    }

    fn entries(&self, folder: &Path) -> Result<Vec<(String, FileKind)>, StoreError> {
        let entries = match self.fs.list(folder).and_then(|folder| folder.entries()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.at("list", folder)?,
        };
        Ok(entries
            .into_iter()
            .filter_map(|(name, kind)| Some((String::from_utf8(name).ok()?, kind)))
            .collect())
    }

    fn collect(
        &self,
        folder: &Path,
        prefix: &str,
        remote: &RemoteName,
        found: &mut Vec<Tracked>,
    ) -> Result<(), StoreError> {
        for (name, kind) in self.entries(folder)? {
            if kind != FileKind::Directory {
                continue;
            }
            let Ok(dataset) = DatasetName::new(format!("{prefix}{name}")) else { continue };
            if let Some(version) = self.read(remote, &dataset)? {
                found.push(Tracked { remote: remote.clone(), dataset: dataset.clone(), version });
            }
            self.collect(&folder.join(&name), &format!("{dataset}/"), remote, found)?;
        }
        Ok(())
    }

    /// Notes where a dataset of a remote is. Returns when that is durable.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn set(
        &self,
        _lock: &RefsLock,
        remote: &RemoteName,
        dataset: &DatasetName,
        version: &VersionId,
    ) -> Result<(), StoreError> {
        let path = self.path(remote, dataset);
        if let Some(folder) = path.parent() {
            create_dirs(&*self.fs, folder)?;
        }
        publish(&self.fs, &path, encode_ref(version).as_bytes())?;
        Ok(())
    }

    /// Forgets a dataset of a remote, which was removed there.
    ///
    /// # Errors
    /// When the system fails.
    pub fn forget(
        &self,
        _lock: &RefsLock,
        remote: &RemoteName,
        dataset: &DatasetName,
    ) -> Result<(), StoreError> {
        let path = self.path(remote, dataset);
        match self.fs.remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", &path)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Interrupt;
    use crate::store::LockRequest;
    use crate::sys::{OsFs, SystemClock};

    #[test]
    fn refs_come_back_though_one_is_a_folder_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let fs: Arc<dyn Fs> = OsFs::new();
        let layout = Layout::new(dir.path().to_owned(), None);
        let interrupt = Interrupt::new();
        let request = LockRequest {
            owner: "test",
            timeout: Duration::from_secs(10),
            clock: &SystemClock,
            interrupt: &interrupt,
            on_wait: &|_| {},
        };
        let lock = RefsLock::acquire(&*fs, &layout, &request).unwrap();
        let refs = TrackingRefs::new(Arc::clone(&fs), &layout);
        let origin = RemoteName::new("origin").unwrap();
        let (a, ab) = (DatasetName::new("a").unwrap(), DatasetName::new("a/b").unwrap());
        let (one, two) = (VersionId::from_bytes([1; 32]), VersionId::from_bytes([2; 32]));
        refs.set(&lock, &origin, &ab, &two).unwrap();
        refs.set(&lock, &origin, &a, &two).unwrap();
        refs.set(&lock, &origin, &a, &one).unwrap();
        let tracked = |dataset: &DatasetName, version| Tracked {
            remote: origin.clone(),
            dataset: dataset.clone(),
            version,
        };
        assert_eq!(refs.list().unwrap(), [tracked(&a, one), tracked(&ab, two)]);
        refs.forget(&lock, &origin, &a).unwrap();
        refs.forget(&lock, &origin, &a).unwrap();
        assert_eq!(refs.of_remote(&origin).unwrap(), [tracked(&ab, two)]);
        assert_eq!(refs.read(&origin, &a).unwrap(), None);
        assert!(RemoteName::new("a/b").is_err());
    }
}
