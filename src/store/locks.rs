//! The three locks of a repository, as values: who writes refs or events shows that it holds theirs.
//!
//! They are taken in this order, so that no two processes wait for each other: index, objects, refs.

use std::path::Path;
use std::time::Duration;

use super::consolidate::LOCK_NAME;
use super::{Layout, StoreError};
use crate::model::Interrupt;
use crate::sys::{Clock, Fs, IoContext, Lock, LockError, LockMode, Wait, acquire};

/// Who wants a lock, and how it waits.
#[derive(Clone, Copy)]
pub struct LockRequest<'a> {
    /// What others are told of the holder: command, process, host, since when.
    pub owner: &'a str,
    /// How long to wait at most.
    pub timeout: Duration,
    /// Passes the time between attempts.
    pub clock: &'a dyn Clock,
    /// Ends the wait early.
    pub interrupt: &'a Interrupt,
    /// Called once, after a moment of waiting, with what the holder says of itself.
    pub on_wait: &'a dyn Fn(&str),
}

impl std::fmt::Debug for LockRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LockRequest").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl LockRequest<'_> {
    fn acquire(&self, fs: &dyn Fs, path: &Path, mode: LockMode) -> Result<Lock, StoreError> {
        let once = || {
            let wait = Wait {
                timeout: self.timeout,
                clock: self.clock,
                interrupt: self.interrupt,
                on_wait: &mut |holder| (self.on_wait)(holder),
            };
            acquire(fs, path, mode, self.owner, wait)
        };
        match (once(), path.parent()) {
            (Err(LockError::Io(error)), Some(folder)) if error.is_not_found() => {
                fs.create_dir_all(folder).at("create", folder)?;
                Ok(once()?)
            }
            (got, _) => Ok(got?),
        }
    }
}

/// Held by whoever changes refs or events.
#[derive(Debug)]
pub struct RefsLock {
    _lock: Lock,
}

impl RefsLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// When another holds it until the timeout, when interrupted, or when the system fails.
    pub fn acquire(fs: &dyn Fs, layout: &Layout, request: &LockRequest<'_>) -> Result<Self, StoreError> {
        let lock = request.acquire(fs, &layout.refs_lock(), LockMode::Exclusive)?;
        Ok(Self { _lock: lock })
    }
}

/// Held by whoever changes the staging index or, by way of it, the worktree.
#[derive(Debug)]
pub struct IndexLock {
    lock: Lock,
}

impl IndexLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// As [`RefsLock::acquire`].
    pub fn acquire(fs: &dyn Fs, layout: &Layout, request: &LockRequest<'_>) -> Result<Self, StoreError> {
        let lock = request.acquire(fs, &layout.index_lock(), LockMode::Exclusive)?;
        Ok(Self { lock })
    }

    /// The lock as the editor of the index takes it.
    pub fn into_lock(self) -> Lock {
        self.lock
    }
}

/// Held by whoever changes what is remembered of folders outside of the worktree. It is taken after that of the index.
#[derive(Debug)]
pub struct SourcesLock {
    lock: Lock,
}

impl SourcesLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// As [`RefsLock::acquire`].
    pub fn acquire(fs: &dyn Fs, layout: &Layout, request: &LockRequest<'_>) -> Result<Self, StoreError> {
        let lock = request.acquire(fs, &layout.sources_lock(), LockMode::Exclusive)?;
        Ok(Self { lock })
    }

    /// The lock as the editor of an index takes it.
    pub fn into_lock(self) -> Lock {
        self.lock
    }
}

/// Held by whoever adds objects, with others, until something refers to them; and by whoever removes
/// objects, alone.
#[derive(Debug)]
pub struct ObjectsLock {
    _lock: Lock,
}

impl ObjectsLock {
    /// Waits until nobody removes objects.
    ///
    /// # Errors
    /// As [`RefsLock::acquire`].
    pub fn shared(fs: &dyn Fs, layout: &Layout, request: &LockRequest<'_>) -> Result<Self, StoreError> {
        let lock = request.acquire(fs, &layout.objects_lock(), LockMode::Shared)?;
        Ok(Self { _lock: lock })
    }

    /// Waits until nobody adds or removes objects.
    ///
    /// # Errors
    /// As [`RefsLock::acquire`].
    pub fn exclusive(fs: &dyn Fs, layout: &Layout, request: &LockRequest<'_>) -> Result<Self, StoreError> {
        let lock = request.acquire(fs, &layout.objects_lock(), LockMode::Exclusive)?;
        Ok(Self { _lock: lock })
    }
}

/// Held by whoever merges packs or indexes, and by whoever wants them to stay where they are meanwhile.
#[derive(Debug)]
pub struct ConsolidationLock {
    _lock: Lock,
}

impl ConsolidationLock {
    /// Waits until nobody consolidates.
    ///
    /// # Errors
    /// As [`RefsLock::acquire`].
    pub fn acquire(fs: &dyn Fs, objects: &Path, request: &LockRequest<'_>) -> Result<Self, StoreError> {
        let lock = request.acquire(fs, &objects.join(LOCK_NAME), LockMode::Exclusive)?;
        Ok(Self { _lock: lock })
    }
}
