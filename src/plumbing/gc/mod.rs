//! `gc`: removes from the object database what nothing refers to.
//!
//! Kept is whatever can be reached from the datasets, `HEAD`, tags and staged files of every
//! repository that uses the database, and from what refs named of late. Besides, a pack that is younger
//! than a time of grace stays as it is. While it is found out what is in use, and until all is
//! done, nobody writes to any of these repositories: their locks are held.
//!
//! It is all or nothing before the first file is removed: when something that is in use is missing or
//! cannot be read, or a repository cannot be looked at, nothing is removed at all, since what depends on
//! that cannot be known.
//!
//! Order, so that a crash loses nothing: new packs, their index, indexes without the old packs, then the
//! old packs. What a crash leaves is removed by the next run.

mod plan;
mod roots;
mod sweep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::DecodeError;
use crate::model::{ErrorKind, Monitor};
use crate::store::consolidate::{remove_packs, rewrite_packs};
use crate::store::{
    IndexLock, Layout, LockRequest, ObjectDb, ObjectsLock, Promisor, RecordSet, RefsLock, StoreError,
    forget_user, users_of_store,
};
use crate::sys::{Fs, IoContext, IoError};
use crate::worktree::WorktreeError;

pub use plan::{PackPlan, Plan};
use roots::{Marking, Roots};

/// How `gc` works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Make the plan and do nothing.
    pub dry_run: bool,
    /// Packs that were written in this time before now stay.
    pub grace: Duration,
    /// What refs named in this time before now stays; nothing for that reason when there is none.
    pub keep_named: Option<Duration>,
    /// A pack is rewritten when less than this share of its bytes is in use, in percent.
    pub rewrite_below: u64,
    /// Strike repositories that are gone off the list of those that use the store, instead of giving up.
    pub forget_missing: bool,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Options {
    fn default() -> Self {
        Self {
            dry_run: false,
            grace: 14 * DAY,
            keep_named: Some(90 * DAY),
            rewrite_below: 75,
            forget_missing: false,
        }
    }
}

/// What was done, or would be.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The plan.
    pub plan: Plan,
    /// Whether it was carried out.
    pub done: bool,
    /// Bytes in use only since refs named them of late.
    pub named: u64,
    /// Packs that were to be rewritten and stayed, since they are damaged. `fsck --full` tells more.
    pub damaged: Vec<PathBuf>,
}

/// Why nothing was removed, or not all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database or a lock failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An index cannot be read: it is not known what the packs hold.
    #[error("nothing was removed, since the index '{}' cannot be read", path.display())]
    UnreadableIndex {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// Something that is in use is missing or damaged.
    #[error("nothing was removed, since something that is in use is damaged")]
    InUseDamaged {
        /// What.
        #[source]
        source: StoreError,
    },
    /// A repository that uses the store is not there.
    #[error("nothing was removed, since the repository '{}' uses this store and is not there", path.display())]
    UserGone {
        /// Its `.dsv`.
        path: PathBuf,
    },
    /// What a repository refers to cannot be read.
    #[error("nothing was removed, since the repository '{}' cannot be read", path.display())]
    Repository {
        /// Its `.dsv`.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The staging index of a repository cannot be read.
    #[error("nothing was removed, since the repository '{}' cannot be read", path.display())]
    StagingIndex {
        /// Its `.dsv`.
        path: PathBuf,
        /// Why.
        #[source]
        source: WorktreeError,
    },
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::UnreadableIndex { source, .. } => source.kind(),
            Self::InUseDamaged { source } => source.kind(),
            Self::UserGone { .. } => ErrorKind::Refused,
            Self::Repository { source, .. } => source.kind(),
            Self::StagingIndex { source, .. } => source.kind(),
        }
    }
}

/// Where `gc` works.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file system.
    pub fs: &'a Arc<dyn Fs>,
    /// The repository that it was called in.
    pub layout: &'a Layout,
    /// Its object database, which asks nobody for what is not here.
    pub db: &'a ObjectDb,
    /// Who has what may be missing here.
    pub promisor: Option<&'a dyn Promisor>,
    /// How to wait for the locks.
    pub locks: LockRequest<'a>,
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Finds out what is not in use and, unless it is a dry run, removes it.
///
/// # Errors
/// When a lock cannot be had; when something that is in use cannot be read; when the disk fails or is
/// full, or the monitor asks to end: then a part may be done, and nothing that is in use is lost.
pub fn run(place: &Place<'_>, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let Place { fs, db, locks, .. } = *place;
    let Held { users, .. } = &lock_everything(place, options)?;
    db.reopen()?;
    db.check_indexes().map_err(|error| match error {
        StoreError::Damaged { path, source } => Error::UnreadableIndex { path, source },
        error => error.into(),
    })?;
    let now_ns = locks.clock.now_ns();
    let used = RecordSet::new(db);
    monitor.progress.phase("Finding what is in use", None, None);
    let since = |time: Duration| now_ns.saturating_sub(nanoseconds(time)) / 1_000_000_000;
    let named = mark(place, users, options.keep_named.map_or(i64::MAX, since), &used, monitor)?;
    let since_ns = now_ns.saturating_sub(nanoseconds(options.grace));
    let plan = plan::make(db, &used, options, since_ns)?.with_temporaries(fs, users, now_ns)?;
    if options.dry_run {
        return Ok(Outcome { plan, named, ..Outcome::default() });
    }
    Ok(Outcome { named, ..carry_out(fs, db, &used, plan, monitor)? })
}

/// All repositories that use the store, and the locks that keep everything in them as it is.
struct Held {
    users: Vec<Layout>,
    _index: Vec<IndexLock>,
    _objects: ObjectsLock,
    _refs: Vec<RefsLock>,
}

fn lock_everything(place: &Place<'_>, options: &Options) -> Result<Held, Error> {
    let Place { fs, layout, locks, .. } = *place;
    let mut known = users(place, options)?;
    loop {
        let index = known.iter().map(|user| IndexLock::acquire(&**fs, user, &locks));
        let index = index.collect::<Result<_, _>>()?;
        let objects = ObjectsLock::exclusive(&**fs, layout, &locks)?;
        // One that came while the locks were waited for may refer to what would be removed.
        let users = users(place, options)?;
        if users == known {
            let refs = known.iter().map(|user| RefsLock::acquire(&**fs, user, &locks));
            let refs = refs.collect::<Result<_, _>>()?;
            return Ok(Held { users, _index: index, _objects: objects, _refs: refs });
        }
        known = users;
    }
}

/// All repositories that use the store, this one among them, in order of path.
fn users(place: &Place<'_>, options: &Options) -> Result<Vec<Layout>, Error> {
    let Place { fs, layout, .. } = *place;
    let mut paths = vec![fs.canonicalize(&layout.dsv).at("open", &layout.dsv).map_err(StoreError::from)?];
    for path in users_of_store(&**fs, layout)? {
        match fs.canonicalize(&path) {
            Ok(path) => paths.push(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !options.forget_missing {
                    return Err(Error::UserGone { path });
                }
                if !options.dry_run {
                    forget_user(&**fs, layout, &path)?;
                }
            }
            Err(error) => {
                let source = IoError { path: path.clone(), action: "open", source: error }.into();
                return Err(Error::Repository { path, source });
            }
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths.into_iter().map(|dsv| Layout { dsv, objects: layout.objects.clone() }).collect())
}

/// Marks what the repositories refer to; returns the bytes of what only refs since then named.
fn mark(
    place: &Place<'_>,
    users: &[Layout],
    since: i64,
    used: &RecordSet,
    monitor: &Monitor<'_>,
) -> Result<u64, Error> {
    let Place { fs, db, promisor, .. } = *place;
    let roots = users.iter().map(|user| Roots::read(fs, user, since)).collect::<Result<Vec<_>, _>>()?;
    let deleted = roots::deleted_everywhere(&roots);
    db.tombstones().set_source(move || deleted.clone());
    for (user, roots) in users.iter().zip(&roots) {
        roots.mark_in_use(fs, user, Marking { db, used, promisor, monitor })?;
    }
    // After what is in use in any of them: what was marked before is not followed again, and here holes
    // are no failure.
    if roots.iter().all(Roots::names_nothing_of_late) {
        return Ok(0);
    }
    let before = stored_bytes(used)?;
    roots.iter().try_for_each(|roots| roots.mark_recent(db, used, monitor))?;
    Ok(stored_bytes(used)? - before)
}

/// Bytes that the marked records take in packs.
fn stored_bytes(used: &RecordSet) -> Result<u64, Error> {
    let lens = used.iter().map(|record| Ok(u64::from(record?.1.locator.stored_len)));
    Ok(lens.sum::<Result<u64, StoreError>>()?)
}

fn carry_out(
    fs: &Arc<dyn Fs>,
    db: &ObjectDb,
    used: &RecordSet,
    plan: Plan,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    monitor.progress.phase("Removing", None, None);
    // Before anything is written: a pack that a crash left unlisted may be just the one that is written
    // again, under the same name.
    sweep::remove(fs, plan.unlisted.iter().chain(&plan.temporaries).map(|file| file.path.as_path()))?;
    remove_packs(db, &plan.remove.iter().map(|pack| pack.name).collect())?;
    monitor.progress.phase("Rewriting packs", None, None);
    let wanted = |pack: &_, offset, info: &crate::codec::pack::RecordInfo| {
        used.contains(info.kind, &info.id) && used.is_place(pack, offset, info)
    };
    let mut rewrite = plan.rewrite.iter().map(|pack| pack.name).collect();
    let mut damaged = Vec::new();
    // Once more without those that turn out to be damaged, which stay as they are.
    for _ in 0..2 {
        let done = rewrite_packs(db, &rewrite, wanted, monitor.interrupt)?;
        if done.damaged.is_empty() {
            break;
        }
        for (name, _) in done.damaged {
            rewrite.remove(&name);
            damaged.extend(plan.rewrite.iter().find(|pack| pack.name == name).map(|pack| pack.path.clone()));
        }
    }
    Ok(Outcome { plan, done: true, damaged, named: 0 })
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
