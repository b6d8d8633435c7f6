//! Folders outside of the cache that are being copied to: noted, so that somebody removes what is left when the copying
//! is killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::path_of;
use super::tree::remove_tree;
use super::{Cache, CacheError};
use crate::model::PlaceNote;
use crate::store::{LockRequest, StoreError};
use crate::sys::{IoContext, IoError, LockError, LockGuard, LockMode, is_temp_name, publish};

/// Between two attempts to lock a note, which others hold for a moment only.
const PAUSE: Duration = Duration::from_millis(5);

/// A folder that is being copied to; dropped before it is ended, it is removed.
#[derive(Debug)]
pub struct PendingFolder<'a> {
    cache: &'a Cache,
    folder: PathBuf,
    note: PathBuf,
    _lock: Box<dyn LockGuard>,
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
    pub(super) fn pending(&self) -> PathBuf {
        self.root.join("pending")
    }

    /// Notes that a folder of a temporary name will be made, after removing those that others noted who were killed.
    ///
    /// # Errors
    /// When the note cannot be locked, since then others would take who made it for killed; when interrupted; when the system
    /// fails.
    pub fn begin_folder(
        &self,
        folder: &Path,
        request: &LockRequest<'_>,
    ) -> Result<PendingFolder<'_>, CacheError> {
        self.remove_pending()?;
        let pending = self.pending();
        self.fs.create_dir_all(&pending).at("create", &pending)?;
        let (name, bytes) = self.place_note(folder)?;
        let note = pending.join(name);
        let mut waited = Duration::ZERO;
        loop {
            request.interrupt.check()?;
            publish(&self.fs, &note, &bytes)?;
            let lock = self.fs.try_lock(&note, LockMode::Exclusive).at("lock", &note)?;
            // Until it was locked, others may have taken it for one of the dead and removed it.
            if let Some(lock) = lock
                && self.fs.read(&note).is_ok_and(|there| there == bytes)
            {
                return Ok(PendingFolder { cache: self, folder: folder.to_owned(), note, _lock: lock });
            }
            if waited >= request.timeout {
                let holder = "another process".to_owned();
                return Err(StoreError::from(LockError::Held { path: note, holder, waited }).into());
            }
            request.clock.sleep(PAUSE);
            waited += PAUSE;
        }
    }

    /// Removes the folders of those who were killed.
    pub(super) fn remove_pending(&self) -> Result<(), IoError> {
        for (note, _) in self.paths(&self.pending())? {
            if is_temp_name(note.file_name().unwrap_or_default().as_encoded_bytes()) {
                continue;
            }
            let Some(lock) = self.fs.try_lock(&note, LockMode::Exclusive).at("lock", &note)? else {
                continue;
            };
            let settled = match self.read_place(&note)? {
                Some(place) => self.remove_folder(&place),
                None => true,
            };
            if settled {
                self.fs.remove_file(&note).at("remove", &note)?;
            }
            drop(lock);
        }
        Ok(())
    }

    /// Removes a folder that was noted; false when it may be there and cannot be removed from here: it stays noted.
    fn remove_folder(&self, place: &PlaceNote) -> bool {
        let Ok(path) = path_of(place) else { return true };
        // What bears another name is none of ours, whatever a note says.
        if !is_temp_name(path.file_name().unwrap_or_default().as_encoded_bytes()) {
            return true;
        }
        self.sees(place, &path) && remove_tree(&self.fs, &path).is_ok()
    }
}
