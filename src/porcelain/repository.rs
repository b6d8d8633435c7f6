//! An open repository: what every verb works on.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::settings::Settings;
use super::{Environment, Error, remotes};
use crate::model::{Author, DatasetName, Interrupt, KnownAs, Monitor, RepoPath, Time, TreeId, VersionId};
use crate::plumbing::host::{Fs, IoContext, Lock};
use crate::plumbing::rev_parse::{Names, Resolved};
use crate::plumbing::transfer::{Links, OnDemand};
use crate::store::{
    DSV_DIR, Drafts, EventLog, IndexLock, Layout, LockRequest, Note, ObjectDb, ObjectsLock, Refs, RefsLock,
    StoreError, check_readable, check_writable, is_registered, read_format, register_user,
};

/// How long who reads links waits for the lock of objects where no setting says so.
const LINK_LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// A repository whose format and settings were checked, with handles of all that it holds.
#[derive(Debug)]
pub struct Repository {
    env: Environment,
    root: PathBuf,
    layout: Layout,
    settings: Settings,
    db: Arc<ObjectDb>,
    links: Arc<Links>,
    refs: Refs,
    events: EventLog,
    drafts: Drafts,
}

impl Repository {
    /// Opens the repository that holds the environment's folder.
    ///
    /// # Errors
    /// When there is none, or as [`Repository::open`].
    pub fn discover(env: Environment) -> Result<Self, Error> {
        let root = Self::find(&env)?;
        Self::open(env, &root)
    }

    /// The innermost folder at or above the environment's that holds a `.dsv`.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(env: &Environment) -> Result<PathBuf, Error> {
        let start = env.fs.canonicalize(&env.cwd).at("open", &env.cwd)?;
        let is_dir = |root: &&Path| {
            // A link is followed: listing does so.
            env.fs.list(&root.join(DSV_DIR)).is_ok()
        };
        match start.ancestors().find(is_dir) {
            Some(root) => Ok(root.to_owned()),
            None => Err(Error::NotARepository { start }),
        }
    }

    /// Opens the repository in a folder, the one that holds `.dsv`.
    ///
    /// # Errors
    /// When there is none, its format or a setting is not understood, or its shared store is away.
    pub fn open(env: Environment, root: &Path) -> Result<Self, Error> {
        let root = env.fs.canonicalize(root).at("open", root)?;
        let dsv = root.join(DSV_DIR);
        if env.fs.list(&dsv).is_err() {
            return Err(Error::NotARepository { start: root });
        }
        let own = Layout::new(dsv.clone(), None);
        let Some(format) = read_format(&*env.fs, &own.format())? else {
            return Err(Error::Unfinished { root });
        };
        check_readable(&format, &own.format())?;
        let settings = Settings::read(&*env.fs, Some(&own.config()), env.user_config.as_deref())?;
        let store = settings.store_path()?;
        if let Some(path) = &store {
            let file = path.join("format");
            let Some(format) = read_format(&*env.fs, &file)? else {
                return Err(Error::StoreAway { path: path.clone() });
            };
            check_readable(&format, &file)?;
        }
        let layout = Layout::new(dsv, store.as_deref());
        let db = open_db(&env, &layout, &settings)?;
        let refs = Refs::new(Arc::clone(&env.fs), &layout);
        let events = EventLog::new(Arc::clone(&env.fs), &layout);
        let links = Arc::new(link_sources(&env, &layout, &settings));
        let source: Arc<Links> = Arc::clone(&links);
        db.set_link_source(source);
        let drafts = Drafts::new(Arc::clone(&env.fs), &layout);
        let repository = Self { env, root, layout, settings, db, links, refs, events, drafts };
        repository.know_deleted(&repository.db);
        let sources = remotes::promisors(&repository.env, &repository.layout, &repository.settings)?;
        if !sources.is_empty() {
            let timeout = repository.settings.lock_timeout()?;
            let promisor = OnDemand::new(repository.open_db()?, sources, repository.env.interrupt)
                .shown_by(repository.env.progress.clone())
                .locked_by(shared_objects_lock(&repository.env, &repository.layout, timeout));
            repository.db.set_promisor(Arc::new(promisor));
        }
        // Who only reads may be unable to write there; whoever writes objects tries again in earnest.
        let _ = repository.register();
        Ok(repository)
    }

    /// Puts the repository on the list of those that use its shared store, where a copied or moved one is
    /// missing: `gc`, run in another one, would take what it refers to for garbage.
    fn register(&self) -> Result<(), Error> {
        if !self.layout.is_shared() || is_registered(&**self.fs(), &self.layout)? {
            return Ok(());
        }
        self.check_writable()?;
        Ok(register_user(self.fs(), &self.layout)?)
    }

    /// The machine and the person.
    pub const fn env(&self) -> &Environment {
        &self.env
    }

    /// The file system.
    pub const fn fs(&self) -> &Arc<dyn Fs> {
        &self.env.fs
    }

    /// The worktree's root, the folder that holds `.dsv`; absolute, links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything lies.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The objects.
    pub const fn db(&self) -> &Arc<ObjectDb> {
        &self.db
    }

    /// The way to what external links lead to.
    pub const fn links(&self) -> &Arc<Links> {
        &self.links
    }

    /// The objects that are here, of which nothing is fetched when it is missing.
    ///
    /// # Errors
    /// When the folder of objects cannot be read.
    pub fn own_db(&self) -> Result<Arc<ObjectDb>, Error> {
        if self.is_partial() { self.open_db() } else { Ok(Arc::clone(&self.db)) }
    }

    fn open_db(&self) -> Result<Arc<ObjectDb>, Error> {
        let db = self.bare_db()?;
        self.know_deleted(&db);
        Ok(db)
    }

    /// The objects that are here; nothing is known of which versions were deleted.
    ///
    /// # Errors
    /// When the folder of objects cannot be read.
    pub fn bare_db(&self) -> Result<Arc<ObjectDb>, Error> {
        open_db(&self.env, &self.layout, &self.settings)
    }

    /// Tells a database which versions were deleted, when it asks.
    fn know_deleted(&self, db: &ObjectDb) {
        let events = EventLog::new(Arc::clone(self.fs()), &self.layout);
        // Where the log cannot be read, all must be there.
        db.tombstones().set_source(move || events.read().map(|events| events.deleted()).unwrap_or_default());
    }

    /// Whether objects may be missing here that a remote has.
    pub fn is_partial(&self) -> bool {
        self.db.promisor().is_some()
    }

    /// The refs.
    pub const fn refs(&self) -> &Refs {
        &self.refs
    }

    /// The events.
    pub const fn events(&self) -> &EventLog {
        &self.events
    }

    /// The drafts.
    pub const fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// The time to record.
    pub fn now(&self) -> Time {
        self.env.now()
    }

    /// Who makes versions and events: what the face says, else the settings, else the account.
    ///
    /// # Errors
    /// When a file of settings holds a wrong value.
    pub fn author(&self) -> Result<Author, Error> {
        let name = match &self.env.author_name {
            Some(name) => Some(name.clone()),
            None => self.settings.user_name()?,
        };
        let email = match &self.env.author_email {
            Some(email) => Some(email.clone()),
            None => self.settings.user_email()?,
        };
        Ok(Author { name: name.unwrap_or_else(|| self.env.user.clone()), email: email.unwrap_or_default() })
    }

    /// What the log of refs is told of a move.
    ///
    /// # Errors
    /// As [`Repository::author`].
    pub fn note(&self, why: impl Into<String>) -> Result<Note, Error> {
        Ok(Note { who: self.author()?.to_string(), time: self.now(), why: why.into() })
    }

    /// The names and deleted labels of a dataset.
    ///
    /// # Errors
    /// When the log of events cannot be read.
    pub fn known_as(&self, dataset: &DatasetName) -> Result<KnownAs, Error> {
        Ok(self.events.read()?.known_as(dataset))
    }

    /// Where revisions are looked up; long walks end when `interrupt` is set.
    pub fn names<'a>(&'a self, interrupt: &'a Interrupt) -> Names<'a> {
        Names { db: &self.db, refs: &self.refs, events: &self.events, interrupt }
    }

    /// The version that a person names.
    ///
    /// # Errors
    /// As [`Names::version`].
    pub fn resolve_version(&self, text: &str) -> Result<VersionId, Error> {
        Ok(self.names(Monitor::quiet().interrupt).version(text)?)
    }

    /// The directory that a person names: a version's root, `REV:dir`, or a tree by its id.
    ///
    /// # Errors
    /// As [`Names::tree`].
    pub fn resolve_tree(&self, text: &[u8]) -> Result<TreeId, Error> {
        Ok(self.names(Monitor::quiet().interrupt).tree(text)?)
    }

    /// Whatever a person names: a version, a tree, a file, `REV:path`.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn resolve(&self, text: &[u8]) -> Result<Resolved, Error> {
        Ok(self.names(Monitor::quiet().interrupt).object(text)?)
    }

    /// Refuses to write what a newer program demands to be written otherwise. Every lock asks it.
    ///
    /// # Errors
    /// When the repository or its store has a feature that this program does not know.
    pub fn check_writable(&self) -> Result<(), Error> {
        let store = self.layout.objects.with_file_name("format");
        let own = self.layout.format();
        for path in [&own, &store] {
            if let Some(format) = read_format(&**self.fs(), path)? {
                check_writable(&format, path)?;
            }
            if own == store {
                break;
            }
        }
        Ok(())
    }

    fn locked<T>(
        &self,
        monitor: &Monitor<'_>,
        lock: impl FnOnce(&dyn Fs, &Layout, &LockRequest<'_>) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        self.check_writable()?;
        let held =
            self.with_lock_request(monitor, |request| Ok(lock(&**self.fs(), &self.layout, request)?))?;
        // A `gc` may have run before it was had: what it removed must not be taken for there.
        self.db.reopen()?;
        Ok(held)
    }

    /// Tells how this repository's locks are waited for.
    pub(super) fn with_lock_request<T>(
        &self,
        monitor: &Monitor<'_>,
        work: impl FnOnce(&LockRequest<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.env.locked(self.settings.lock_timeout()?, monitor, work)
    }

    /// Waits for the lock of whoever changes the staging index or the worktree. Of several locks it is
    /// taken first, then that of objects, then that of refs.
    ///
    /// # Errors
    /// When another holds it too long, when interrupted, or when nothing may be written here.
    pub fn lock_index(&self, monitor: &Monitor<'_>) -> Result<Lock, Error> {
        self.locked(monitor, |fs, layout, request| IndexLock::acquire(fs, layout, request))
            .map(IndexLock::into_lock)
    }

    /// Waits for a share in the lock of objects: for whoever adds objects, until a ref or the staging
    /// index refers to them.
    ///
    /// # Errors
    /// As [`Repository::lock_index`].
    pub fn lock_objects(&self, monitor: &Monitor<'_>) -> Result<ObjectsLock, Error> {
        let lock = self.locked(monitor, |fs, layout, request| ObjectsLock::shared(fs, layout, request))?;
        // Under the lock: no `gc` has read the list and not yet removed what it found unused.
        self.register()?;
        Ok(lock)
    }

    /// Waits to be alone with the objects: for whoever removes some.
    ///
    /// # Errors
    /// As [`Repository::lock_index`].
    pub fn lock_objects_alone(&self, monitor: &Monitor<'_>) -> Result<ObjectsLock, Error> {
        self.locked(monitor, |fs, layout, request| ObjectsLock::exclusive(fs, layout, request))
    }

    /// Waits for the lock of whoever changes refs or events.
    ///
    /// # Errors
    /// As [`Repository::lock_index`].
    pub fn lock_refs(&self, monitor: &Monitor<'_>) -> Result<RefsLock, Error> {
        self.locked(monitor, |fs, layout, request| RefsLock::acquire(fs, layout, request))
    }

    /// The path in the dataset of a path that a person gave, relative to the environment's folder or
    /// absolute. Nothing needs to be there; the last component is not followed when it is a link.
    ///
    /// # Errors
    /// When it lies outside of the worktree, or cannot be part of a dataset.
    pub fn repo_path(&self, path: &Path) -> Result<RepoPath, Error> {
        let outside = || Error::OutsideWorktree { path: path.to_owned(), root: self.root.clone() };
        let full = lexical(&self.env.cwd.join(path));
        let below = match full.strip_prefix(&self.root) {
            Ok(below) => below.to_owned(),
            // The folder may have been reached by way of a link.
            Err(_) => self.resolved(&full).strip_prefix(&self.root).map_err(|_| outside())?.to_owned(),
        };
        let mut bytes = Vec::new();
        for part in below.components() {
            let Component::Normal(name) = part else { return Err(outside()) };
            if !bytes.is_empty() {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(name.as_encoded_bytes());
        }
        Ok(RepoPath::new(bytes)?)
    }

    /// The path with links resolved in what exists of its parents; of a folder that is the root, in all.
    pub(super) fn resolved(&self, full: &Path) -> PathBuf {
        if let Ok(whole) = self.fs().canonicalize(full)
            && whole == self.root
        {
            return whole;
        }
        let (Some(parent), Some(name)) = (full.parent(), full.file_name()) else { return full.to_owned() };
        match self.fs().canonicalize(parent) {
            Ok(parent) => parent.join(name),
            Err(_) => self.resolved(parent).join(name),
        }
    }
}

/// How whoever brings objects in the middle of a read waits until nobody removes some.
fn shared_objects_lock(
    env: &Environment,
    layout: &Layout,
    timeout: Duration,
) -> impl Fn(&Monitor<'_>) -> Result<ObjectsLock, StoreError> + Send + Sync + use<> {
    let (env, layout) = (env.clone(), layout.clone());
    move |monitor: &Monitor<'_>| {
        env.locked(timeout, monitor, |request| ObjectsLock::shared(&*env.fs, &layout, request))
    }
}

/// The way to what external links lead to. A wrong setting is told by those who cannot do without it.
fn link_sources(env: &Environment, layout: &Layout, settings: &Settings) -> Links {
    let timeout = settings.lock_timeout().unwrap_or(LINK_LOCK_TIMEOUT);
    let connect = remotes::link_connector(env, Some(layout.clone()), settings.connections().ok());
    Links::new(layout.link_memory(), connect, env.interrupt)
        .shown_by(env.progress.clone())
        .locked_by(shared_objects_lock(env, layout, timeout))
}

fn open_db(env: &Environment, layout: &Layout, settings: &Settings) -> Result<Arc<ObjectDb>, Error> {
    Ok(Arc::new(ObjectDb::open(Arc::clone(&env.fs), &layout.objects, settings.store_options()?)?))
}

/// The path without `.` and `..`, by its text alone.
pub(super) fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = out.pop(),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests;
