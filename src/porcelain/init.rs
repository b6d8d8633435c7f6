//! `dsv init`: makes a repository.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::settings::{STORE_PATH, Scope, Settings};
use super::{Environment, Error, Repository};
use crate::model::{DatasetName, Head, Monitor};
use crate::plumbing::host::{Fs, IoContext, publish};
use crate::store::{
    DSV_DIR, Layout, Note, Refs, RefsLock, check_readable, check_writable, read_format, register_user,
    write_format,
};

/// What to make.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder of the data, made when missing; the environment's unless told.
    pub dir: Option<PathBuf>,
    /// The dataset to begin with; named after the folder unless told.
    pub dataset: Option<DatasetName>,
    /// A store to share with other repositories, made when missing.
    pub store: Option<PathBuf>,
}

/// What was made, or was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The folder that holds `.dsv`.
    pub root: PathBuf,
    /// False when there was a repository already, which was left as it is.
    pub created: bool,
    /// The file that says what the repository is was lost, and written anew.
    pub repaired: bool,
    /// Where the worktree stands.
    pub head: Head,
    /// The shared store, if there is one.
    pub store: Option<PathBuf>,
}

/// Makes a repository, or finds that there is one. The file `format` is written last: without it there
/// is no repository, and a second `init` finishes what a first one began. Where there are refs already, the file
/// was lost; then it is written anew, and where the worktree stands stays as it is.
///
/// # Errors
/// When the folder cannot be written to, or the store cannot be one.
pub fn run(env: &Environment, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let dir = options.dir.as_ref().map_or_else(|| env.cwd.clone(), |dir| env.cwd.join(dir));
    env.fs.create_dir_all(&dir).at("create", &dir)?;
    let root = env.fs.canonicalize(&dir).at("open", &dir)?;
    let layout = Layout::new(root.join(DSV_DIR), None);
    env.fs.create_dir_all(&layout.dsv).at("create", &layout.dsv)?;
    let settings = Settings::read(&*env.fs, Some(&layout.config()), env.user_config.as_deref())?;
    if read_format(&*env.fs, &layout.format())?.is_some() {
        return existing(env, root);
    }
    let timeout = settings.lock_timeout()?;
    let lock = env.locked(timeout, monitor, |request| RefsLock::acquire(&*env.fs, &layout, request))?;
    if read_format(&*env.fs, &layout.format())?.is_some() {
        drop(lock);
        return existing(env, root);
    }
    create(env, options, &root, layout, settings, &lock)
}

fn existing(env: &Environment, root: PathBuf) -> Result<Outcome, Error> {
    let repository = Repository::open(env.clone(), &root)?;
    let store = repository.settings().store_path()?;
    Ok(Outcome { head: repository.refs().head()?, root, created: false, repaired: false, store })
}

fn create(
    env: &Environment,
    options: &Options,
    root: &Path,
    own: Layout,
    mut settings: Settings,
    lock: &RefsLock,
) -> Result<Outcome, Error> {
    let known = settings.store_path()?;
    let store = match options.store.as_ref().or(known.as_ref()) {
        Some(dir) => Some(prepare_store(&env.fs, &env.cwd.join(dir))?),
        None => None,
    };
    let layout = Layout::new(own.dsv, store.as_deref());
    for folder in folders(&layout) {
        env.fs.create_dir_all(&folder).at("create", &folder)?;
    }
    publish(&env.fs, &layout.gitignore(), b"# All of this is dsv's.\n*\n")?;
    if let Some(store) = &store {
        let Some(text) = store.to_str() else {
            return Err(Error::NoStore { path: store.clone(), why: "its path is no UTF-8" });
        };
        settings.set_any(&env.fs, Scope::Repository, &STORE_PATH, text)?;
        register_user(&env.fs, &layout)?;
    }
    let refs = Refs::new(Arc::clone(&env.fs), &layout);
    let (head, repaired) = head_to_be(env, options, root, &layout, &refs)?;
    let note = Note { who: env.user.clone(), time: env.now(), why: "init".to_owned() };
    if !repaired || env.fs.stat(&layout.head()).is_err() {
        refs.set_head(lock, None, &head, &note)?;
    }
    for folder in folders(&layout) {
        env.fs.sync_dir(&folder).at("sync", &folder)?;
    }
    env.fs.sync_dir(&layout.dsv).at("sync", &layout.dsv)?;
    write_format(&env.fs, &layout.format())?;
    env.fs.sync_dir(root).at("sync", root)?;
    Ok(Outcome { root: root.to_owned(), created: !repaired, repaired, head, store })
}

/// Where the worktree is to stand, and whether that is known from a repository that lost its file `format`.
fn head_to_be(
    env: &Environment,
    options: &Options,
    root: &Path,
    layout: &Layout,
    refs: &Refs,
) -> Result<(Head, bool), Error> {
    if let Some(first) = refs.names()?.into_iter().next() {
        // HEAD may be lost with it.
        let head = match env.fs.stat(&layout.head()) {
            Ok(_) => refs.head()?,
            Err(_) => Head::Dataset(options.dataset.clone().unwrap_or(first)),
        };
        return Ok((head, true));
    }
    if options.dataset.is_none()
        && let Ok(head) = refs.head()
    {
        return Ok((head, false));
    }
    let dataset = options.dataset.clone().unwrap_or_else(|| {
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
        DatasetName::from_lossy(&name.unwrap_or_default())
    });
    Ok((Head::Dataset(dataset), false))
}

/// Every folder of a repository, parents first.
fn folders(layout: &Layout) -> Vec<PathBuf> {
    let refs = layout.refs();
    let mut folders = vec![layout.index(), layout.objects.clone(), refs.join("datasets"), refs];
    for file in [layout.events(), layout.ref_log(), layout.refs_lock()] {
        folders.extend(file.parent().map(Path::to_owned));
    }
    folders
}

/// Makes a folder a shared store, unless it is one.
fn prepare_store(fs: &Arc<dyn Fs>, dir: &Path) -> Result<PathBuf, Error> {
    fs.create_dir_all(dir).at("create", dir)?;
    let dir = fs.canonicalize(dir).at("open", dir)?;
    let file = dir.join("format");
    let no_store = |why| Error::NoStore { path: dir.clone(), why };
    match fs.stat(&dir.join("HEAD")) {
        Ok(_) => return Err(no_store("it is a repository of its own")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).at("stat", &dir)?,
    }
    if let Some(format) = read_format(&**fs, &file)? {
        check_readable(&format, &file)?;
        check_writable(&format, &file)?;
        return Ok(dir);
    }
    let entries = fs.list(&dir).and_then(|dir| dir.entries()).at("list", &dir)?;
    // What an earlier attempt may have left is no obstacle.
    if entries.iter().any(|(name, _)| name != b"objects" && !name.starts_with(b".")) {
        return Err(no_store("it holds other files"));
    }
    let objects = dir.join("objects");
    fs.create_dir_all(&objects).at("create", &objects)?;
    fs.sync_dir(&dir).at("sync", &dir)?;
    write_format(fs, &file)?;
    Ok(dir)
}

#[cfg(test)]
mod tests;
