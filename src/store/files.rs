//! Small files and folders of the repository.

use std::io;
use std::path::Path;

use super::StoreError;
use crate::sys::{Fs, IoContext};

/// Creates a folder and those above it, each durably.
pub(super) fn create_dirs(fs: &dyn Fs, folder: &Path) -> Result<(), StoreError> {
    match fs.create_dir(folder) {
        Ok(()) => sync_parent(fs, folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
                return Ok(Err(error).at("create", folder)?);
            };
            create_dirs(fs, parent)?;
            match fs.create_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                created => {
                    created.at("create", folder)?;
                    sync_parent(fs, folder)
                }
            }
        }
        Err(error) => Ok(Err(error).at("create", folder)?),
    }
}

fn sync_parent(fs: &dyn Fs, path: &Path) -> Result<(), StoreError> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => Ok(fs.sync_dir(parent).at("sync", parent)?),
        None => Ok(()),
    }
}

/// Whether there is no file of that path: nothing, a folder, or a file where a folder would have to be.
pub(super) fn absent(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}

/// The first `limit` bytes of a file; `None` when there is none, or a folder.
pub(super) fn read_small(fs: &dyn Fs, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let mut file = match fs.open(path) {
        Err(error) if absent(&error) => return Ok(None),
        opened => opened.at("open", path)?,
    };
    let mut bytes = vec![0; limit];
    let mut filled = 0;
    while filled < limit {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error).at("read", path)?),
        }
    }
    bytes.truncate(filled);
    Ok(Some(bytes))
}
