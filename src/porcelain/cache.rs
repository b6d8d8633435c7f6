//! `dsv cache`: what the machine keeps of versions that were got.

use super::get::{locked, max_bytes, open_cache};
use super::{Environment, Error};
use crate::model::Monitor;
use crate::plumbing::cache::{CacheError, TrimOptions};

pub use crate::plumbing::cache::{CachedCopy, CopyKey, LinkedCopy, Trimmed};

/// The copies that are there, the one that was used last first.
///
/// # Errors
/// When there is no place for a cache, or it cannot be read.
pub fn list(env: &Environment) -> Result<Vec<CachedCopy>, Error> {
    Ok(open_cache(env)?.list()?)
}

/// Removes what an ended command left, and what the cache has above its bound, the least recently used first.
///
/// # Errors
/// When the cache cannot be read or written.
pub fn gc(env: &Environment, max: Option<u64>, monitor: &Monitor<'_>) -> Result<Trimmed, Error> {
    let max_bytes = max.map_or_else(|| max_bytes(env), Ok)?;
    trim(env, &TrimOptions { max_bytes, keep: None, even_linked: false }, monitor)
}

/// Removes everything that nobody uses just now.
///
/// # Errors
/// When the cache cannot be read or written.
pub fn clear(env: &Environment, monitor: &Monitor<'_>) -> Result<Trimmed, Error> {
    trim(env, &TrimOptions { max_bytes: 0, keep: None, even_linked: true }, monitor)
}

fn trim(env: &Environment, options: &TrimOptions<'_>, monitor: &Monitor<'_>) -> Result<Trimmed, Error> {
    let cache = open_cache(env)?;
    let lock = locked(env, monitor, |request| cache.lock(request))?;
    let left = cache.remove_leftovers(env.clock.now_ns()).map_err(CacheError::from)?;
    let mut trimmed = cache.trim(&lock, options, monitor)?;
    trimmed.freed += lock.recovered() + left;
    cache.settle(lock)?;
    Ok(trimmed)
}
