//! `dsv info`: how much there is, and what it costs.

use super::{Error, Repository};
use crate::model::{Monitor, Totals, Version, VersionId};
use crate::plumbing::count_objects::{self, FileCount};
use crate::plumbing::history::{Step, walk};
use crate::plumbing::reachable::Start;
use crate::plumbing::usage::{Usage, usage};

/// What to look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// The version; the current one unless told.
    pub version: Option<VersionId>,
}

/// One version.
#[derive(Debug, Clone)]
pub struct VersionInfo {
    /// Its id.
    pub id: VersionId,
    /// Its manifest, which has the number and the logical bytes of its files.
    pub version: Version,
    /// What its tree costs, alone.
    pub usage: Usage,
}

/// Everything that datasets lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryInfo {
    /// Datasets that have a version.
    pub datasets: u64,
    /// Versions.
    pub versions: u64,
    /// Files and logical bytes of all versions together, as if each were a copy.
    pub totals: Totals,
    /// What they cost together.
    pub usage: Usage,
}

/// How much there is.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The version; `None` before the first commit.
    pub version: Option<VersionInfo>,
    /// All versions of all datasets.
    pub history: HistoryInfo,
    /// The files of the store, whoever they serve.
    pub store: count_objects::Outcome,
}

impl Outcome {
    /// Packs and indexes together.
    pub const fn store_files(&self) -> FileCount {
        let store = &self.store;
        FileCount {
            files: store.packs.files + store.unlisted_packs.files + store.indexes.files,
            bytes: store.packs.bytes + store.unlisted_packs.bytes + store.indexes.bytes,
        }
    }
}

/// How many times smaller `part` is than `whole`; `None` when there is nothing.
pub fn ratio(whole: u64, part: u64) -> Option<f64> {
    (whole > 0 && part > 0).then(|| whole as f64 / part as f64)
}

/// Adds up what can be reached from the version, and from all datasets.
///
/// # Errors
/// When a record is missing or damaged, or the work was interrupted.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let id = match options.version {
        Some(id) => Some(id),
        None => repo.head_version()?.map(|(id, _)| id),
    };
    monitor.progress.phase("Counting", None, None);
    let version = match id {
        None => None,
        Some(id) => {
            let version = repo.db().version(&id)?;
            let usage = usage(repo.db(), vec![Start::Tree(version.tree)], monitor)?;
            Some(VersionInfo { id, version, usage })
        }
    };
    let datasets = repo.refs().list()?;
    let mut tips: Vec<VersionId> = datasets.iter().map(|(_, id)| *id).collect();
    tips.sort_unstable();
    tips.dedup();
    let mut history = HistoryInfo { datasets: datasets.len() as u64, ..HistoryInfo::default() };
    walk(repo.db(), tips.iter().copied(), monitor.interrupt, |_, version| {
        history.versions += 1;
        history.totals = history.totals.plus(version.totals);
        Step::Parents
    })?;
    history.usage = usage(repo.db(), tips.into_iter().map(Start::Version).collect(), monitor)?;
    let store = count_objects::run(repo.db(), monitor)?;
    Ok(Outcome { version, history, store })
}
