//! `dsv list`: the datasets, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, Known};
use super::draft::{self, Draft};
use super::pathspec::{Glob, GlobError};
use super::remotes::{self, OpenRemote};
use super::{Error, Repository, VersionSummary, fetch, sync_events};
use crate::model::{DatasetName, Monitor, RemoteName, TagName, Time, Upload, VersionId, VersionState};
use crate::plumbing::transfer::{log, uploads};
use crate::store::Events;

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only datasets whose names match; a pattern without wildcards is a name, or a project.
    pub pattern: Option<String>,
    /// Also what is archived, and drafts and uploads that have not ended.
    pub all: bool,
    /// List what a remote has, the one named or the one that is meant without a name, instead of what is here.
    pub remote: Option<Option<RemoteName>>,
}

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// In order of name.
    pub datasets: Vec<Row>,
    /// Drafts, the open one first; only with [`Options::all`].
    pub drafts: Vec<Draft>,
    /// Uploads that have not ended; of a remote only.
    pub uploads: Vec<Upload>,
    /// Uploads of versions from here that have not ended; only with [`Options::all`].
    pub unfinished: Vec<(RemoteName, VersionId)>,
    /// How many datasets were left out since they are archived.
    pub archived: u64,
}

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: DatasetName,
    /// Whether the worktree stands on it.
    pub current: bool,
    /// Versions that were made for it, those that were deleted left out.
    pub versions: u64,
    /// The newest one; `None` when its manifest is not here.
    pub newest: Option<VersionSummary>,
    /// The state of the newest one.
    pub state: VersionState,
    /// Whether the newest one is archived, and so the dataset.
    pub archived: bool,
    /// The tags of all its versions.
    pub tags: BTreeSet<TagName>,
    /// The description of the newest version that has one.
    pub description: Option<String>,
    /// When it last changed: a version was made, or an event happened to one.
    pub changed: Option<Time>,
}

/// Lists datasets.
///
/// # Errors
/// When the pattern is malformed, a version is damaged, the remote fails, or the monitor asks to end.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let filter = NameFilter::new(options.pattern.as_deref())?;
    let mut outcome = match &options.remote {
        Some(name) => of_remote(repo, name.as_ref(), &filter, monitor)?,
        None => of_repository(repo, &filter, monitor)?,
    };
    if options.all {
        if options.remote.is_none() {
            outcome.unfinished = remotes::unfinished_uploads(repo)?;
            outcome.drafts =
                draft::all(repo)?.into_iter().filter(|draft| filter.takes(&draft.dataset)).collect();
        }
    } else {
        let before = outcome.datasets.len();
        outcome.datasets.retain(|row| !row.archived);
        outcome.archived = (before - outcome.datasets.len()) as u64;
    }
    Ok(outcome)
}

fn of_repository(repo: &Repository, filter: &NameFilter, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let tips = repo.refs().list()?;
    let events = repo.events().read()?;
    let mut datasets = rows(repo, &events, &tips, monitor)?;
    datasets.retain(|row| filter.takes(&row.name));
    let head = repo.refs().head()?;
    for row in &mut datasets {
        row.current = head.dataset() == Some(&row.name);
    }
    Ok(Outcome { datasets, ..Outcome::default() })
}

fn of_remote(
    repo: &Repository,
    name: Option<&RemoteName>,
    filter: &NameFilter,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let remote: OpenRemote = remotes::open(repo, name)?;
    monitor.progress.phase("Looking at the remote", None, None);
    let peer = remote.peer(repo, monitor.interrupt);
    let mut entries = log::all_newest(&peer)?;
    entries.retain(|entry| entry.version.is_some() && filter.takes(&entry.dataset));
    for entry in &entries {
        fetch::bring_history(repo, &remote, entry, monitor)?;
    }
    sync_events::bring(repo, &remote, monitor)?;
    let tips: Vec<_> =
        entries.into_iter().filter_map(|entry| Some((entry.dataset, entry.version?))).collect();
    let datasets = rows(repo, &repo.events().read()?, &tips, monitor)?;
    let mut uploads = uploads::list(&peer)?;
    uploads.retain(|upload| filter.takes(&upload.dataset));
    Ok(Outcome { datasets, uploads, ..Outcome::default() })
}

fn rows(
    repo: &Repository,
    events: &Events,
    tips: &[(DatasetName, VersionId)],
    monitor: &Monitor<'_>,
) -> Result<Vec<Row>, Error> {
    let names: Vec<DatasetName> = tips.iter().map(|(name, _)| name.clone()).collect();
    let catalog = Catalog::read(repo, events, &names, tips.iter().map(|(_, id)| *id), monitor)?;
    let mut rows: BTreeMap<&DatasetName, Row> =
        names.iter().map(|name| (name, Row::new(name.clone()))).collect();
    let mut last: BTreeMap<VersionId, Time> = BTreeMap::new();
    for (_, event) in &events.events {
        let time = last.entry(event.version).or_insert(event.time);
        *time = event.time.max(*time);
    }
    for known in &catalog.versions {
        if let Some(row) = rows.get_mut(&known.dataset) {
            row.count(known, last.get(&known.id));
        }
    }
    let mut by_id: BTreeMap<VersionId, &Known> = BTreeMap::new();
    by_id.extend(catalog.versions.iter().map(|known| (known.id, known)));
    for (name, tip) in tips {
        let (Some(row), Some(known)) = (rows.get_mut(name), by_id.get(tip)) else { continue };
        row.set_newest(known);
    }
    Ok(rows.into_values().collect())
}

impl Row {
    fn new(name: DatasetName) -> Self {
        Self {
            name,
            current: false,
            versions: 0,
            newest: None,
            state: VersionState::Final,
            archived: false,
            tags: BTreeSet::new(),
            description: None,
            changed: None,
        }
    }

    fn count(&mut self, known: &Known, event: Option<&Time>) {
        if known.state() == VersionState::Deleted {
            return;
        }
        self.versions += 1;
        self.tags.extend(known.record.tags.iter().cloned());
        let changed = [Some(known.version.time), event.copied(), self.changed];
        self.changed = changed.into_iter().flatten().max();
    }

    fn set_newest(&mut self, known: &Known) {
        self.state = known.state();
        self.archived = known.record.archived.is_some();
        self.description.clone_from(&known.record.description);
        // A dataset that was begun at a version of another one has none of its own yet.
        self.changed = self.changed.or(Some(known.version.time));
        self.newest = Some(VersionSummary::of(known.id, known.version.clone()));
    }
}

/// Which names are wanted.
#[derive(Debug)]
pub(super) struct NameFilter(Option<(String, Glob)>);

impl NameFilter {
    /// A filter; of all names when there is no pattern.
    pub(super) fn new(pattern: Option<&str>) -> Result<Self, Error> {
        let bad = |pattern: &str| {
            let pattern = pattern.to_owned();
            |source: GlobError| Error::BadPattern { pattern, source }
        };
        let pattern = pattern.map(|text| text.trim_end_matches('/'));
        let glob =
            |text: &str| Ok::<_, Error>((text.to_owned(), Glob::new(text.as_bytes()).map_err(bad(text))?));
        Ok(Self(pattern.map(glob).transpose()?))
    }

    /// Whether a name is wanted: it matches, or its project does.
    pub(super) fn takes(&self, name: &DatasetName) -> bool {
        let Some((text, glob)) = &self.0 else { return true };
        let is_below =
            |name: &str| name.strip_prefix(text.as_str()).is_some_and(|rest| rest.starts_with('/'));
        glob.matches(name.as_str().as_bytes()) || is_below(name.as_str())
    }
}
