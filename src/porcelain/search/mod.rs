//! `dsv search`: versions by what is known of them. It reads what is here, remotes' versions as they were last fetched among
//! it, and asks nobody.

mod query;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::catalog::{Catalog, Known};
use super::{Error, Repository};
use crate::model::{DatasetName, Monitor, VersionId, VersionState};

pub use query::{Query, QueryError, Term};

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What a version must have, all of it.
    pub query: Query,
    /// Also versions that are archived.
    pub archived: bool,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The newest first.
    pub found: Vec<Found>,
    /// How many more there are than the limit allows.
    pub omitted: u64,
}

/// A version that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The version and its record.
    pub known: Known,
    /// The remotes by which alone it is known; none when a dataset here leads to it.
    pub remotes: BTreeSet<String>,
}

/// Searches.
///
/// # Errors
/// When a version is damaged, or the monitor asks to end.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let events = repo.events().read()?;
    let own = repo.refs().list()?;
    let tracked = repo.refs().tracking().list()?;
    let mut names: Vec<DatasetName> = own.iter().map(|(name, _)| name.clone()).collect();
    names.extend(tracked.iter().map(|tracked| tracked.dataset.clone()));
    names.sort_unstable();
    names.dedup();
    let mut own_tips: Vec<VersionId> = own.into_iter().map(|(_, id)| id).collect();
    own_tips.extend(repo.refs().head_version()?);
    // What a person tagged is wanted, whatever leads to it.
    own_tips.extend(events.tags().into_values().flatten());
    let tips = own_tips.iter().copied().chain(tracked.iter().map(|tracked| tracked.version));
    let catalog = Catalog::read(repo, &events, &names, tips, monitor)?;
    let mut known: Vec<Known> = catalog.versions;
    known.retain(|known| {
        known.state() != VersionState::Deleted
            && (options.archived || known.record.archived.is_none())
            && options.query.matches(known)
    });
    known.sort_unstable_by_key(|known| Reverse((known.version.time.seconds, known.id)));
    let limit = options.limit.unwrap_or(usize::MAX);
    let omitted = known.len().saturating_sub(limit) as u64;
    known.truncate(limit);
    let mut found: Vec<Found> =
        known.into_iter().map(|known| Found { known, remotes: BTreeSet::new() }).collect();
    if tracked.iter().any(|tracked| !own_tips.contains(&tracked.version)) {
        tell_remotes(repo, &mut found, &own_tips, &tracked, monitor)?;
    }
    Ok(Outcome { found, omitted })
}

/// Tells of versions that no dataset here leads to which remotes do.
fn tell_remotes(
    repo: &Repository,
    found: &mut [Found],
    own: &[VersionId],
    tracked: &[crate::store::Tracked],
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    use crate::plumbing::history::all_here;
    let here = all_here(repo.db(), own.iter().copied(), monitor)?;
    for tracked in tracked.iter().filter(|tracked| !here.contains_key(&tracked.version)) {
        let there = all_here(repo.db(), [tracked.version], monitor)?;
        for one in found.iter_mut().filter(|one| !here.contains_key(&one.known.id)) {
            if there.contains_key(&one.known.id) {
                one.remotes.insert(tracked.remote.to_string());
            }
        }
    }
    Ok(())
}
