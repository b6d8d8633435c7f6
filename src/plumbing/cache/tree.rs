//! Whole trees of files: copied, removed, counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CacheError;
use crate::model::Monitor;
use crate::plumbing::work_stack::work_through;
use crate::sys::{CreateOptions, FileKind, Fs, IoContext, IoError, Stat, bytes_to_path};

/// Copies a folder with all that is in it to a new one, which everybody may write to who may write to what he makes.
///
/// # Errors
/// When something is there, or the system fails; then a part of it is there.
pub fn copy_tree(fs: &Arc<dyn Fs>, from: &Path, to: &Path, monitor: &Monitor<'_>) -> Result<(), CacheError> {
    fs.create_dir(to).at("create", to)?;
    work_through(monitor.threads, vec![(from.to_owned(), to.to_owned())], |(from, to), more| {
        for_each(fs, &from, &mut |name, stat, path| {
            monitor.interrupt.check()?;
            let target = to.join(name);
            match stat.kind {
                FileKind::Directory => {
                    fs.create_dir(&target).at("create", &target)?;
                    more.push((path, target));
                    return Ok(());
                }
                FileKind::Symlink => {
                    let link = fs.read_link(&path).at("read", &path)?;
                    fs.symlink(&link, &target).at("create the link", &target)?;
                }
                FileKind::File | FileKind::Other => {
                    let options = CreateOptions { executable: stat.executable(), ..Default::default() };
                    fs.copy(&path, &target, options).at("write", &target)?;
                }
            }
            monitor.progress.advance(1, stat.size);
            Ok(())
        })
    })
}

/// Calls `each` with name, facts and path of all that is in a folder.
fn for_each<E: From<IoError>>(
    fs: &Arc<dyn Fs>,
    folder: &Path,
    each: &mut dyn FnMut(&Path, Stat, PathBuf) -> Result<(), E>,
) -> Result<(), E> {
    let listed = fs.list(folder).at("list", folder)?;
    for (name, _) in listed.entries().at("list", folder)? {
        let stat = listed.stat(&name).at("stat", folder)?;
        let name = bytes_to_path(&name).at("list", folder)?;
        each(name, stat, folder.join(name))?;
    }
    Ok(())
}

/// Calls `each` with the facts of every file and link below a folder.
pub(super) fn for_each_file(
    fs: &Arc<dyn Fs>,
    folder: &Path,
    each: &mut dyn FnMut(Stat),
) -> Result<(), IoError> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for_each(fs, &folder, &mut |_, stat, path| {
            match stat.kind {
                FileKind::Directory => folders.push(path),
                FileKind::File | FileKind::Symlink | FileKind::Other => each(stat),
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Removes a folder or file with all that is in it, read-only as it may be; one that is gone is fine.
pub(super) fn remove_tree(fs: &Arc<dyn Fs>, path: &Path) -> Result<(), IoError> {
    let gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    match fs.stat(path) {
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error).at("stat", path),
        Ok(stat) if stat.kind != FileKind::Directory => return fs.remove_file(path).at("remove", path),
        Ok(_) => {}
    }
    fs.set_read_only(path, false).at("open for removal", path)?;
    for (name, kind) in fs.list(path).and_then(|dir| dir.entries()).at("list", path)? {
        let below = path.join(bytes_to_path(&name).at("list", path)?);
        match kind {
            FileKind::Directory => remove_tree(fs, &below)?,
            _ => fs.remove_file(&below).at("remove", &below)?,
        }
    }
    fs.remove_dir(path).at("remove", path)
}
