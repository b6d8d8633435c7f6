//! `fsck`: is the repository whole, and if it is not, what is lost?
//!
//! The quick check reads every index and every pack's table and compares them; reads every ref, every
//! version and every tree that they lead to, and proves these by their ids; and looks up that every blob,
//! with all its chunks, is where an index says. The full check reads every byte besides: every record
//! against its checksum and its id, every blob that is stored as chunks against its id, and
//! every tree against the rules by which it must have been built.
//!
//! Damage ends nothing: whatever can still be read is checked. Memory is some bits for each record of
//! the database, and a path through a tree.

mod blobs;
mod files;
mod finding;
mod lost;
mod promised;
mod refs;
mod shape;
mod trees;

use std::path::Path;
use std::sync::Arc;

use crate::model::{ErrorKind, Monitor};
use crate::store::{
    ConsolidationLock, Layout, LockRequest, ObjectDb, ObjectsLock, Promisor, RecordSet, StoreError,
};
use crate::sys::Fs;

use finding::Report;
pub use finding::{Finding, Lost};
use promised::Absent;
use trees::Trees;

/// How thorough the check is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Read every byte.
    pub full: bool,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packs.
    pub packs: u64,
    /// Indexes.
    pub indexes: u64,
    /// Records that indexes list.
    pub records: u64,
    /// Versions that refs, tags and `HEAD` lead to.
    pub versions: u64,
    /// Nodes of trees that these lead to, each once.
    pub trees: u64,
    /// Files in these nodes.
    pub files: u64,
    /// Staged files.
    pub staged: u64,
    /// Objects that are not here and that a remote has.
    pub promised: u64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Everything that is not as it should be, in a fixed order.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub more_findings: u64,
    /// Versions, folders and files that cannot be brought back whole, in the order of the walk.
    pub lost: Vec<Lost>,
    /// Lost ones beyond those listed.
    pub more_lost: u64,
    /// What was looked at.
    pub counts: Counts,
}

impl Outcome {
    /// Whether nothing is damaged. What is only untidy does not count.
    pub fn is_whole(&self) -> bool {
        self.more_findings == 0 && self.lost.is_empty() && !self.findings.iter().any(Finding::is_damage)
    }
}

/// What is to be checked.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file system.
    pub fs: &'a Arc<dyn Fs>,
    /// The repository.
    pub layout: &'a Layout,
    /// Its object database, which asks nobody for what is not here.
    pub db: &'a Arc<ObjectDb>,
    /// Who has what may be missing here.
    pub promisor: Option<&'a dyn Promisor>,
    /// How to wait for the locks that keep `gc` and consolidation away meanwhile. A repository that
    /// cannot be written to is checked without.
    pub locks: LockRequest<'a>,
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Checks a repository.
///
/// # Errors
/// When a lock cannot be had, the folder of the database cannot be listed, or the monitor asks to end.
/// Damage is no error.
pub fn run(place: &Place<'_>, options: Options, monitor: &Monitor<'_>) -> Result<Outcome, StoreError> {
    let Place { fs, layout, db, promisor, locks } = *place;
    let _objects = unless_read_only(ObjectsLock::shared(&**fs, layout, &locks))?;
    let _still = unless_read_only(ConsolidationLock::acquire(&**fs, &layout.objects, &locks))?;
    let report = Report::new();
    let roots = refs::check(fs, layout, &report)?;
    // After the refs: what they name was there before them.
    db.refresh()?;
    let bad = RecordSet::new(db);
    let mut counts = Counts::default();
    monitor.progress.phase("Checking packs", None, None);
    let mut unlisted = files::Files { fs, db, bad: &bad, report: &report, full: options.full, monitor }
        .check(&mut counts)?;

    let trees = Trees::new(db, &bad, &report, options.full, monitor, promisor);
    monitor.progress.phase("Checking versions", None, None);
    let versions = trees.versions(&roots)?;
    monitor.progress.phase("Checking trees", None, None);
    trees.check_all(&versions.whole)?;
    trees.count(&mut counts);
    counts.versions = (versions.whole.len() + versions.broken.len()) as u64;
    monitor.progress.phase("Checking staged files", None, None);
    refs::check_staged(fs, layout, &trees, &mut counts)?;
    counts.promised = trees.settle_absent()?;
    if trees.found_loss() {
        monitor.progress.phase("Finding what is lost", None, None);
        lost::name(&trees, &versions)?;
        files::look_into_unlisted(&**fs, &mut unlisted, &report);
    }
    report.note_unlisted(unlisted);
    Ok(report.into_outcome(counts))
}

/// A lock, or none where nothing can be written anyway.
fn unless_read_only<T>(lock: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match lock {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        got => got.map(Some),
    }
}

/// The name of a file, for lists.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
