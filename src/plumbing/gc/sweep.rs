//! Temporary files that crashes left.

use std::path::Path;
use std::sync::Arc;

use crate::model::{MAX_DEPTH as MAX_WORKTREE_DEPTH, is_never_data};
use crate::store::{DSV_DIR, Layout, StoreError, StoreFile, StoreFileKind};
use crate::sys::{FileKind, Fs, IoContext, bytes_to_path, is_temp_name};

/// A temporary file in a folder whose writers hold no lock is left alone for so long.
const UNLOCKED_AGE_NS: i64 = 60 * 60 * 1_000_000_000;
/// Deeper folders hold no refs.
const MAX_DEPTH: usize = 64;

/// Adds the temporary files of one repository. Its locks of staging index and refs are held: whoever
/// made the files below those is dead.
pub(super) fn find_temporaries(
    fs: &dyn Fs,
    layout: &Layout,
    now_ns: i64,
    found: &mut Vec<StoreFile>,
) -> Result<(), StoreError> {
    let logs = layout.ref_log();
    let events = layout.events();
    let locked = [Some(layout.index()), Some(layout.refs())];
    let folders = [logs.parent(), events.parent()].map(|folder| folder.map(Path::to_owned));
    for folder in locked.into_iter().chain(folders).flatten() {
        find_in(fs, &folder, MAX_DEPTH, i64::MAX, found)?;
    }
    find_in(fs, &layout.dsv, 0, now_ns.saturating_sub(UNLOCKED_AGE_NS), found)?;
    layout.dsv.parent().map_or(Ok(()), |root| find_in_worktree(fs, root, 0, found))
}

/// Files that a checkout left which was killed. A folder that cannot be read is passed over: it is the user's; so is
/// a repository of its own, whose locks are not held.
fn find_in_worktree(
    fs: &dyn Fs,
    folder: &Path,
    depth: usize,
    found: &mut Vec<StoreFile>,
) -> Result<(), StoreError> {
    let Ok(listed) = fs.list(folder) else { return Ok(()) };
    let Ok(entries) = listed.entries() else { return Ok(()) };
    if depth > MAX_WORKTREE_DEPTH || (depth > 0 && entries.iter().any(|(name, _)| name == DSV_DIR.as_bytes()))
    {
        return Ok(());
    }
    for (name, kind) in entries {
        let path = folder.join(bytes_to_path(&name).at("list", folder)?);
        if kind == FileKind::Directory && !is_never_data(&name) {
            find_in_worktree(fs, &path, depth + 1, found)?;
        } else if kind == FileKind::File && is_temp_name(&name) {
            let Ok(stat) = listed.stat(&name) else { continue };
            let (kind, len, mtime_ns) = (StoreFileKind::Temporary, stat.size, stat.mtime_ns);
            found.push(StoreFile { path, kind, len, mtime_ns });
        }
    }
    Ok(())
}

/// Temporary files in a folder and so many levels below it that were last written before `before_ns`.
fn find_in(
    fs: &dyn Fs,
    folder: &Path,
    depth: usize,
    before_ns: i64,
    found: &mut Vec<StoreFile>,
) -> Result<(), StoreError> {
    let listed = match fs.list(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        listed => listed.at("list", folder)?,
    };
    for (name, kind) in listed.entries().at("list", folder)? {
        let path = folder.join(bytes_to_path(&name).at("list", folder)?);
        match kind {
            FileKind::Directory if depth > 0 => find_in(fs, &path, depth - 1, before_ns, found)?,
            FileKind::File if is_temp_name(&name) => {
                let Ok(stat) = listed.stat(&name) else { continue };
                if stat.mtime_ns < before_ns {
                    let (kind, len, mtime_ns) = (StoreFileKind::Temporary, stat.size, stat.mtime_ns);
                    found.push(StoreFile { path, kind, len, mtime_ns });
                }
            }
            FileKind::Directory | FileKind::File | FileKind::Symlink | FileKind::Other => {}
        }
    }
    Ok(())
}

/// Removes files; one that is gone is fine.
pub(super) fn remove<'a>(fs: &Arc<dyn Fs>, paths: impl Iterator<Item = &'a Path>) -> Result<(), StoreError> {
    for path in paths {
        match fs.remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.at("remove", path)?,
        }
    }
    Ok(())
}
