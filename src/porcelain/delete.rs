//! `dsv delete`: versions and datasets that are wanted no more.
//!
//! What a version holds is reachable from itself, so no other one loses anything; files that it alone has are removed by the
//! next `gc`. A version in the middle of a line leaves its manifest behind, so that the line stays one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::catalog::{Catalog, Known};
use super::record::{self, RecordError};
use super::remotes::{self, OpenRemote};
use super::{Error, Repository, push, sync_events};
use crate::model::{DatasetName, EventAction, Expected, Monitor, RemoteName, Step, VersionId, VersionState};
use crate::plumbing::transfer::RemoveOptions;
use crate::store::Events;

/// What to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// One version.
    Version(VersionId),
    /// A dataset with all its versions.
    Dataset(DatasetName),
}

/// How to delete it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What.
    pub what: What,
    /// Even when other versions were made from it.
    pub force: bool,
    /// On a remote, too: the one named, or the one that is meant without a name.
    pub remote: Option<Option<RemoteName>>,
    /// Tell what would go, and do nothing.
    pub dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The versions.
    pub deleted: Vec<Known>,
    /// Datasets whose newest version is another one now; `None` when none is left.
    pub moved: BTreeMap<DatasetName, Option<VersionId>>,
    /// Versions that were made from one of them and stay, by their full labels.
    pub children: Vec<String>,
    /// The remote where they are deleted, too.
    pub remote: Option<RemoteName>,
}

/// Deletes.
///
/// # Errors
/// When a version is published or already deleted, the worktree stands on it, or others were made from it and it is not forced:
/// then nothing changes. When the remote fails: then it is deleted here, and the same again tells the remote.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = match &options.remote {
        Some(name) => Some(remotes::open(repo, name.as_ref())?),
        None => None,
    };
    if let Some(remote) = remote.as_ref().filter(|_| !options.dry_run) {
        monitor.progress.phase("Looking at the remote", None, None);
        // Whether others published it is known only then.
        sync_events::bring(repo, remote, monitor)?;
    }
    let _index = repo.lock_index(monitor)?;
    let events = repo.events().read()?;
    let plan = Plan::make(repo, &events, options, remote.is_some(), monitor)?;
    let mut outcome = plan.outcome;
    if options.dry_run {
        return Ok(outcome);
    }
    {
        let lock = repo.lock_refs(monitor)?;
        let note = repo.note(format!("delete: {}", plan.name))?;
        let gone = outcome.deleted.iter().filter(|known| known.state() != VersionState::Deleted);
        let facts = gone.map(|known| {
            let (dataset, label) = (known.version.dataset.clone(), known.version.label.clone());
            (known.id, EventAction::Deleted { dataset, label })
        });
        let facts = facts.collect();
        // Refs first: a crash leaves versions that nothing leads to, and not a dataset whose newest one is gone.
        for (name, to) in &outcome.moved {
            let from = repo.refs().read(name)?;
            repo.refs().update(&lock, name, Expected::unchanged(from), *to, &note)?;
        }
        record::append(repo, &lock, &events, facts)?;
    }
    if let Some(remote) = remote {
        tell(repo, &remote, &outcome, monitor)?;
        outcome.remote = Some(remote.name);
    }
    Ok(outcome)
}

struct Plan {
    name: String,
    outcome: Outcome,
}

impl Plan {
    fn make(
        repo: &Repository,
        events: &Events,
        options: &Options,
        again: bool,
        monitor: &Monitor<'_>,
    ) -> Result<Self, Error> {
        let refs = repo.refs().list()?;
        let names: Vec<DatasetName> = refs.iter().map(|(name, _)| name.clone()).collect();
        let named = match &options.what {
            What::Version(id) => Some(*id),
            What::Dataset(_) => None,
        };
        let tips = refs.iter().map(|(_, id)| *id).chain(named).chain(repo.refs().head_version()?);
        let catalog = Catalog::read(repo, events, &names, tips, monitor)?;
        let (name, going) = chosen(repo, options, &catalog, &refs, monitor)?;
        for known in &going {
            let is_told_again = again && known.state() == VersionState::Deleted;
            if !is_told_again {
                check_step(known)?;
            }
        }
        let ids: HashSet<VersionId> = going.iter().map(|known| known.id).collect();
        check_head(repo, &going, &ids)?;
        let by_id: BTreeMap<VersionId, &Known> =
            catalog.versions.iter().map(|known| (known.id, known)).collect();
        let children = catalog.versions.iter().filter(|known| {
            let is_child = known.version.parents.iter().any(|parent| ids.contains(parent));
            is_child && !ids.contains(&known.id) && known.state() != VersionState::Deleted
        });
        let mut children: Vec<String> = children.map(Known::full_label).collect();
        let drafts = super::draft::all(repo)?;
        let drafts = drafts.iter().filter(|draft| draft.parents.iter().any(|parent| ids.contains(parent)));
        children.extend(drafts.map(|draft| format!("the draft of {}", draft.dataset)));
        let mut moved = BTreeMap::new();
        for (dataset, tip) in &refs {
            if !ids.contains(tip) {
                continue;
            }
            if matches!(&options.what, What::Dataset(name) if name == dataset) {
                moved.insert(dataset.clone(), None);
                continue;
            }
            if by_id.get(tip).is_some_and(|known| known.dataset != *dataset) {
                children.push(format!("the dataset '{dataset}'"));
            }
            moved.insert(dataset.clone(), before(&by_id, dataset, *tip, &ids));
        }
        children.sort_unstable();
        if !children.is_empty() && !options.force {
            return Err(RecordError::HasChildren { what: name, children }.into());
        }
        let deleted = going.into_iter().cloned().collect();
        Ok(Self { name, outcome: Outcome { deleted, moved, children, remote: None } })
    }
}

/// The versions that are to go, and what they are called together.
fn chosen<'c>(
    repo: &Repository,
    options: &Options,
    catalog: &'c Catalog,
    refs: &[(DatasetName, VersionId)],
    monitor: &Monitor<'_>,
) -> Result<(String, Vec<&'c Known>), Error> {
    match &options.what {
        What::Version(id) => {
            let known = catalog.versions.iter().find(|known| known.id == *id);
            let known =
                known.ok_or_else(|| Error::NoSuchDataset { name: DatasetName::from_lossy(&id.short(12)) })?;
            Ok((known.full_label(), vec![known]))
        }
        What::Dataset(name) => {
            let Some((_, tip)) = refs.iter().find(|(known, _)| known == name) else {
                return Err(Error::NoSuchDataset { name: name.clone() });
            };
            // Those of its line that were made for it, and no version of that name in the line of another one.
            let line = crate::plumbing::history::ancestors(repo.db(), [*tip], monitor.interrupt)?;
            let own = |known: &&Known| {
                known.dataset == *name
                    && known.state() != VersionState::Deleted
                    && line.contains_key(&known.id)
            };
            Ok((format!("the dataset '{name}'"), catalog.versions.iter().filter(own).collect()))
        }
    }
}

fn check_step(known: &Known) -> Result<(), RecordError> {
    let what = known.full_label();
    known.state().after(Step::Delete).map(drop).map_err(|illegal| RecordError::Illegal { what, illegal })
}

/// Refuses what the worktree stands on.
fn check_head(repo: &Repository, going: &[&Known], ids: &HashSet<VersionId>) -> Result<(), Error> {
    let Some(head) = repo.refs().head_version()?.filter(|head| ids.contains(head)) else { return Ok(()) };
    let what = going.iter().find(|known| known.id == head).map(|known| known.full_label());
    Err(RecordError::IsHead { what: what.unwrap_or_default() }.into())
}

/// The newest version of a dataset's line before `tip` that stays.
fn before(
    known: &BTreeMap<VersionId, &Known>,
    dataset: &DatasetName,
    tip: VersionId,
    going: &HashSet<VersionId>,
) -> Option<VersionId> {
    let mut seen = BTreeSet::new();
    let mut at = known.get(&tip)?.version.parents.first().copied();
    while let Some(id) = at.filter(|id| seen.insert(*id)) {
        let one = known.get(&id)?;
        if one.dataset != *dataset {
            return None;
        }
        if !going.contains(&id) && one.state() != VersionState::Deleted {
            return Some(id);
        }
        at = one.version.parents.first().copied();
    }
    None
}

/// Deletes on a remote what was deleted here.
fn tell(
    repo: &Repository,
    remote: &OpenRemote,
    outcome: &Outcome,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    // The events before the refs move, while versions there lead to those that go.
    let mut tips: Vec<VersionId> = outcome.deleted.iter().map(|known| known.id).collect();
    tips.extend(outcome.moved.values().flatten());
    sync_events::send(repo, remote, &tips, false, monitor)?;
    for (dataset, to) in &outcome.moved {
        let there = repo.refs().tracking().read(&remote.name, dataset)?;
        let Some(there) = there.filter(|there| outcome.deleted.iter().any(|known| known.id == *there)) else {
            continue;
        };
        match to {
            Some(_) => {
                let options = push::Options {
                    remote: Some(remote.name.clone()),
                    datasets: vec![dataset.clone()],
                    ..Default::default()
                };
                push::run(repo, &options, monitor)?;
            }
            None => {
                let how = RemoveOptions {
                    expected: Some(there),
                    who: repo.author()?.to_string(),
                    time: repo.now(),
                    why: "delete".to_owned(),
                };
                push::remove_there(repo, remote, dataset, &how, monitor)?;
            }
        }
    }
    Ok(())
}
