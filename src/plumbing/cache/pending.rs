//! Folders outside of the cache that are being copied to: noted, so that somebody removes what is left when the copying
//! is killed.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Cache;
use super::tree::remove_tree;
use crate::model::ObjectId;
use crate::sys::{IoContext, IoError, LockGuard, LockMode, bytes_to_path, path_to_bytes, publish};

/// A folder that is being copied to; dropped before it is ended, it is removed.
#[derive(Debug)]
pub struct PendingFolder<'a> {
    cache: &'a Cache,
    folder: PathBuf,
    note: PathBuf,
    _lock: Option<Box<dyn LockGuard>>,
}

impl Drop for PendingFolder<'_> {
    fn drop(&mut self) {
        // Renamed, it is not there; what cannot be removed now is removed by the next one.
        if remove_tree(&self.cache.fs, &self.folder).is_ok() {
            let _ = self.cache.fs.remove_file(&self.note);
        }
    }
}

impl Cache {
    fn pending(&self) -> PathBuf {
        self.root.join("pending")
    }

    /// Notes that a folder will be made, after removing those that others noted who were killed.
    ///
    /// # Errors
    /// When the system fails.
    pub fn begin_folder(&self, folder: &Path) -> Result<PendingFolder<'_>, IoError> {
        self.remove_pending()?;
        let pending = self.pending();
        self.fs.create_dir_all(&pending).at("create", &pending)?;
        let bytes = path_to_bytes(folder).at("name", folder)?;
        let note = pending.join(ObjectId::Sha256(Sha256::digest(bytes).into()).to_string());
        publish(&self.fs, &note, bytes)?;
        let lock = self.fs.try_lock(&note, LockMode::Exclusive).at("lock", &note)?;
        Ok(PendingFolder { cache: self, folder: folder.to_owned(), note, _lock: lock })
    }

    /// Removes the folders of those who were killed.
    pub(super) fn remove_pending(&self) -> Result<(), IoError> {
        for (note, _) in self.paths(&self.pending())? {
            let Ok(bytes) = self.fs.read(&note) else { continue };
            if self.fs.try_lock(&note, LockMode::Exclusive).at("lock", &note)?.is_some() {
                // Another person's folder may be out of reach: it stays noted.
                let folder = bytes_to_path(&bytes).at("name", &note)?;
                if !bytes.is_empty() && remove_tree(&self.fs, folder).is_ok() {
                    self.fs.remove_file(&note).at("remove", &note)?;
                }
            }
        }
        Ok(())
    }
}
