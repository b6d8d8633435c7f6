//! Who uses a shared store: one file for each repository, named by the hash of its path and holding
//! the path, so that repositories come and go without a lock.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::create_dirs;
use super::{Layout, StoreError};
use crate::model::ChunkId;
use crate::sys::{Fs, IoContext, bytes_to_path, is_temp_name, path_to_bytes, publish};

/// Lists a repository among the users of its shared store. `gc` keeps what any of them refers to.
///
/// # Errors
/// When the system fails.
pub fn register_user(fs: &Arc<dyn Fs>, layout: &Layout) -> Result<(), StoreError> {
    create_dirs(&**fs, &layout.store_users())?;
    let bytes = path_to_bytes(&layout.dsv).at("list", &layout.dsv)?;
    Ok(publish(fs, &user_file(layout, &layout.dsv)?, bytes)?)
}

/// Whether a repository is on that list.
///
/// # Errors
/// When the system fails.
pub fn is_registered(fs: &dyn Fs, layout: &Layout) -> Result<bool, StoreError> {
    let path = user_file(layout, &layout.dsv)?;
    match fs.stat(&path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Ok(Err(error).at("stat", &path)?),
    }
}

/// The file that lists a repository.
fn user_file(layout: &Layout, dsv: &Path) -> Result<PathBuf, StoreError> {
    let bytes = path_to_bytes(dsv).at("list", dsv)?;
    Ok(layout.store_users().join(ChunkId::of(bytes).to_string()))
}

/// Strikes a repository off the list; one that is not on it is fine.
///
/// # Errors
/// When the system fails.
pub fn forget_user(fs: &dyn Fs, layout: &Layout, dsv: &Path) -> Result<(), StoreError> {
    let folder = layout.store_users();
    let path = user_file(layout, dsv)?;
    match fs.remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed.at("remove", &path)?,
    }
    Ok(fs.sync_dir(&folder).at("sync", &folder)?)
}

/// The `.dsv` folders of all repositories that were listed, in order; some may be gone.
///
/// # Errors
/// When the list cannot be read.
pub fn users_of_store(fs: &dyn Fs, layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    let folder = layout.store_users();
    let entries = match fs.list(&folder).and_then(|folder| folder.entries()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.at("list", &folder)?,
    };
    let mut users = Vec::new();
    for (name, _) in entries.iter().filter(|(name, _)| !is_temp_name(name)) {
        let path = folder.join(bytes_to_path(name).at("list", &folder)?);
        let bytes = fs.read(&path).at("read", &path)?;
        users.push(Path::to_owned(bytes_to_path(&bytes).at("read", &path)?));
    }
    users.sort();
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::OsFs;

    #[test]
    fn each_user_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let fs = OsFs::new();
        let layout = |name: &str| Layout::new(folder.path().join(name), Some(&folder.path().join("store")));
        assert_eq!(users_of_store(&*fs, &layout("a")).unwrap(), [""; 0].map(PathBuf::from));
        for name in ["b", "a\n", "b"] {
            register_user(&fs, &layout(name)).unwrap();
            assert!(is_registered(&*fs, &layout(name)).unwrap());
        }
        assert!(!is_registered(&*fs, &layout("c")).unwrap());
        let users = users_of_store(&*fs, &layout("a")).unwrap();
        assert_eq!(users, [folder.path().join("a\n"), folder.path().join("b")]);
        for _ in 0..2 {
            forget_user(&*fs, &layout("a"), &folder.path().join("b")).unwrap();
        }
        assert_eq!(users_of_store(&*fs, &layout("a")).unwrap(), [folder.path().join("a\n")]);
    }
}
