//! `dsv rename` and `dsv move`: another name, or another project, for a dataset.

use super::catalog::{Catalog, Known};
use super::record::{self, RecordError};
use super::{Error, Repository, remotes};
use crate::model::{DatasetName, EventAction, Expected, Head, Monitor, RemoteName, VersionId, VersionState};
use crate::plumbing::transfer::RemoveOptions;

/// What to rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The dataset.
    pub from: DatasetName,
    /// Its new name.
    pub to: DatasetName,
    /// Rename it on a remote, too: the one named, or the one that is meant without a name.
    pub remote: Option<Option<RemoteName>>,
    /// Tell what would happen, and do nothing.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its newest version; `None` when it has none yet.
    pub version: Option<VersionId>,
    /// How many versions it has.
    pub versions: u64,
    /// The remote where it has the new name, too.
    pub remote: Option<RemoteName>,
    /// Remotes that still have it under the old name.
    pub remotes: Vec<RemoteName>,
}

/// The name of a dataset in another project; in none, when that is empty.
///
/// # Errors
/// When the project is no name.
pub fn in_project(dataset: &DatasetName, project: &str) -> Result<DatasetName, Error> {
    let last = dataset.as_str().rsplit('/').next().unwrap_or_default();
    let project = project.trim_matches('/');
    let name = if project.is_empty() { last.to_owned() } else { format!("{project}/{last}") };
    Ok(DatasetName::new(name)?)
}

/// Gives a dataset another name. Its versions, which never change, keep the one that they were made under, and are found by
/// either: `NEW@1.2.0` finds what was made as `OLD@1.2.0`.
///
/// # Errors
/// When there is no such dataset, the new name is taken, or one of its versions is published: then nothing changes. When the
/// remote fails: then it is renamed here.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let Options { from, to, .. } = options;
    let _index = repo.lock_index(monitor)?;
    let head = repo.refs().head()?;
    let current = head.dataset() == Some(from);
    let id = repo.refs().read(from)?;
    if id.is_none() && !current {
        return Err(Error::NoSuchDataset { name: from.clone() });
    }
    if head.dataset() == Some(to) {
        return Err(Error::CurrentDataset { name: to.clone(), what: "moved" });
    }
    if repo.refs().read(to)?.is_some() || repo.drafts().read(to)?.is_some() {
        return Err(Error::DatasetExists { name: to.clone() });
    }
    if repo.drafts().read(from)?.is_some() {
        repo.check_no_draft()?;
        return Err(super::draft::DraftError::Aside { name: from.clone() }.into());
    }
    let events = repo.events().read()?;
    let catalog = Catalog::read(repo, &events, std::slice::from_ref(from), id, monitor)?;
    let is_own = |known: &&Known| known.dataset == *from && known.state() != VersionState::Deleted;
    let own = || catalog.versions.iter().filter(is_own);
    if let Some(published) = own().find(|known| known.record.published.is_some()) {
        return Err(RecordError::HoldsPublished { version: published.full_label() }.into());
    }
    let tracked = repo.refs().tracking().list()?;
    let remotes =
        tracked.into_iter().filter(|tracked| tracked.dataset == *from).map(|tracked| tracked.remote);
    let mut outcome =
        Outcome { version: id, versions: own().count() as u64, remote: None, remotes: remotes.collect() };
    if options.dry_run {
        return Ok(outcome);
    }
    {
        let lock = repo.lock_refs(monitor)?;
        let note = repo.note(format!("rename: {from} to {to}"))?;
        // The event first, and the new name before the old one goes: whatever happens between, all is found.
        if let Some(id) = id {
            let renamed = EventAction::Renamed { from: from.clone(), to: to.clone() };
            record::append(repo, &lock, &events, vec![(id, renamed)])?;
            move_ref(repo, &lock, options, id, &note)?;
        }
        if current {
            repo.refs().set_head(&lock, Some(&head), &Head::Dataset(to.clone()), &note)?;
        }
        if let (Some(id), false) = (id, nests(from, to)) {
            repo.refs().update(&lock, from, Expected::Is(id), None, &note)?;
        }
    }
    if let (Some(name), Some(id)) = (&options.remote, id) {
        let remote = remotes::open(repo, name.as_ref())?;
        let push = super::push::Options {
            remote: Some(remote.name.clone()),
            datasets: vec![to.clone()],
            ..Default::default()
        };
        super::push::run(repo, &push, monitor)?;
        let how = RemoveOptions {
            expected: Some(id),
            who: repo.author()?.to_string(),
            time: repo.now(),
            why: format!("rename to {to}"),
        };
        super::push::remove_there(repo, &remote, from, &how, monitor)?;
        outcome.remotes.retain(|other| *other != remote.name);
        outcome.remote = Some(remote.name);
    }
    Ok(outcome)
}

/// Whether one name is a folder of the other: then both cannot be there at a time.
fn nests(one: &DatasetName, other: &DatasetName) -> bool {
    let below = |a: &DatasetName, b: &DatasetName| {
        a.as_str().strip_prefix(b.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

fn move_ref(
    repo: &Repository,
    lock: &crate::store::RefsLock,
    options: &Options,
    id: VersionId,
    note: &crate::store::Note,
) -> Result<(), Error> {
    let Options { from, to, .. } = options;
    if nests(from, to) {
        // The log of refs says where it was, should this be all that happens.
        repo.refs().update(lock, from, Expected::Is(id), None, note)?;
    }
    match repo.refs().update(lock, to, Expected::Absent, Some(id), note) {
        Err(error) if nests(from, to) => {
            repo.refs().update(lock, from, Expected::Absent, Some(id), note)?;
            Err(error.into())
        }
        moved => Ok(moved?),
    }
}
