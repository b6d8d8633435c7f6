//! `dsv evict`: drops the data that a remote holds, to be fetched again when it is needed.

use super::remotes;
use super::{Error, Repository};
use crate::model::{Monitor, RemoteName};
use crate::plumbing::evict;

pub use crate::plumbing::evict::Outcome;

/// What to drop.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// Find out what could be dropped, and do nothing.
    pub dry_run: bool,
}
