//! What is made of a copy: a folder of one's own, or a link.

use std::io;
use std::path::{Path, PathBuf};

use super::locked;
use crate::model::Monitor;
use crate::plumbing::cache::{Cache, CachedCopy, CopyInUse, copy_tree};
use crate::plumbing::host::{FileKind, IoContext, path_to_bytes, temp_name};
use crate::porcelain::repository::lexical;
use crate::porcelain::{Environment, Error};

/// What to make of what was got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing: it is read in the cache.
    #[default]
    Cache,
    /// A copy that may be written to, as this folder.
    Copy(PathBuf),
    /// A symbolic link to it at this path.
    Link(PathBuf),
}

impl Delivery {
    /// Finds out before anything is fetched whether it can be made.
    pub(super) fn check(&self, env: &Environment, cache: &Cache) -> Result<(), Error> {
        match self {
            Self::Cache => Ok(()),
            Self::Copy(folder) => check_folder(env, &target(env, folder)),
            Self::Link(link) => check_link(env, cache, &target(env, link)),
        }
    }

    /// Makes it; returns where the files can be read.
    pub(super) fn deliver(
        &self,
        env: &Environment,
        cache: &Cache,
        used: &CopyInUse,
        monitor: &Monitor<'_>,
    ) -> Result<PathBuf, Error> {
        match self {
            Self::Cache => Ok(used.copy.path.clone()),
            Self::Copy(folder) => {
                let target = target(env, folder);
                make_folder(env, cache, used, &target, monitor)?;
                Ok(target)
            }
            Self::Link(link) => {
                let target = target(env, link);
                make_link(env, cache, used, &target)?;
                Ok(target)
            }
        }
    }
}

fn target(env: &Environment, path: &Path) -> PathBuf {
    lexical(&env.cwd.join(path))
}

fn check_folder(env: &Environment, target: &Path) -> Result<(), Error> {
    let occupied = || Error::CloneTarget { path: target.to_owned() };
    match env.fs.stat(target).map(|stat| stat.kind) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(FileKind::Directory) => {}
        Ok(_) => return Err(occupied()),
        stat => drop(stat.at("look at", target)?),
    }
    if !env.fs.list(target).and_then(|dir| dir.entries()).at("list", target)?.is_empty() {
        return Err(occupied());
    }
    // Whoever stands in it would be in a folder that is gone.
    let real = env.fs.canonicalize(target).at("open", target)?;
    if env.fs.canonicalize(&env.cwd).is_ok_and(|cwd| cwd.starts_with(&real)) {
        return Err(Error::CurrentFolder { path: target.to_owned() });
    }
    Ok(())
}

fn check_link(env: &Environment, cache: &Cache, target: &Path) -> Result<(), Error> {
    match env.fs.stat(target).map(|stat| stat.kind) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(FileKind::Symlink) if cache.is_link(target) => Ok(()),
        Ok(_) => Err(Error::LinkTarget { path: target.to_owned() }),
        Err(error) => Ok(Err(error).at("look at", target)?),
    }
}

/// The folder that something comes to, made if it is missing.
fn parent<'a>(env: &Environment, target: &'a Path) -> Result<&'a Path, Error> {
    let parent = target.parent().unwrap_or(target);
    env.fs.create_dir_all(parent).at("create", parent)?;
    Ok(parent)
}

/// Copies beside the folder, and gives it the name once all is there.
fn make_folder(
    env: &Environment,
    cache: &Cache,
    used: &CopyInUse,
    target: &Path,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let CachedCopy { facts, path, .. } = &used.copy;
    monitor.progress.phase("Copying files", Some(facts.files), Some(facts.bytes));
    let temp = parent(env, target)?.join(temp_name());
    // Removed when this ends early, however that comes about.
    let _pending = locked(env, monitor, |request| cache.begin_folder(&temp, request))?;
    copy_tree(&env.fs, path, &temp, monitor)?;
    check_folder(env, target)?;
    match env.fs.remove_dir(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.at("replace", target)?,
    }
    Ok(env.fs.rename(&temp, target).at("rename a folder to", target)?)
}

fn make_link(env: &Environment, cache: &Cache, used: &CopyInUse, target: &Path) -> Result<(), Error> {
    let temp = parent(env, target)?.join(temp_name());
    let bytes = path_to_bytes(&used.copy.path).at("name", &used.copy.path)?;
    // Nobody forgets the note before the link is there: the copy is in use.
    cache.note_link(used, target)?;
    env.fs.symlink(bytes, &temp).at("create the link", &temp)?;
    let placed = check_link(env, cache, target)
        .and_then(|()| Ok(env.fs.rename(&temp, target).at("rename a link to", target)?));
    if placed.is_err() {
        // The first error is the one that is told.
        let _ = env.fs.remove_file(&temp);
    }
    placed
}
