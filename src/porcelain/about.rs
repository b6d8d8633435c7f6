//! What lists and views tell of versions: the names that lead to them, and what they changed.

use std::collections::{BTreeSet, HashMap};

use super::{Error, Repository, status};
use crate::model::{
    DatasetName, FoldedRecord, Label, Monitor, RepoPath, TagName, Time, Totals, Version, VersionId,
};
use crate::plumbing::StoreError;
use crate::plumbing::diff_tree::{DiffOptions, DiffTotals, Rename, TreeChange, diff_trees};
use crate::plumbing::history::kept;
use crate::plumbing::tree_edit::empty_tree;
use crate::plumbing::tree_walk::{lookup, walk_all};

/// The names that lead to one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether the worktree stands on it.
    pub head: bool,
    /// Datasets whose newest version it is, in order.
    pub datasets: Vec<DatasetName>,
    /// Datasets of remotes whose newest version it was when they were last seen, in order: `origin/cats`.
    pub tracked: Vec<String>,
    /// Tags that it bears.
    pub tags: BTreeSet<TagName>,
    /// What else its events amount to.
    pub record: FoldedRecord,
}

/// The names of all versions that have any.
#[derive(Debug, Clone, Default)]
pub(super) struct AllMarks(HashMap<VersionId, Marks>);

impl AllMarks {
    pub(super) fn read(repo: &Repository) -> Result<Self, Error> {
        let mut marks: HashMap<VersionId, Marks> = HashMap::new();
        if let Some(id) = repo.refs().head_version()? {
            marks.entry(id).or_default().head = true;
        }
        for (name, id) in repo.refs().list()? {
            marks.entry(id).or_default().datasets.push(name);
        }
        for tracked in repo.refs().tracking().list()? {
            let name = format!("{}/{}", tracked.remote, tracked.dataset);
            marks.entry(tracked.version).or_default().tracked.push(name);
        }
        for (id, record) in repo.events().read()?.records() {
            let marks = marks.entry(id).or_default();
            marks.tags.clone_from(&record.tags);
            marks.record = record;
        }
        Ok(Self(marks))
    }

    pub(super) fn of(&self, id: &VersionId) -> Marks {
        self.0.get(id).cloned().unwrap_or_default()
    }

    /// The versions that have names here, in order of id.
    pub(super) fn versions(&self) -> Vec<VersionId> {
        let here = |marks: &Marks| marks.head || !marks.datasets.is_empty() || !marks.tags.is_empty();
        let mut ids: Vec<_> = self.0.iter().filter(|(_, marks)| here(marks)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }
}

/// What a list tells of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    /// Its id.
    pub id: VersionId,
    /// The dataset that it was made for.
    pub dataset: DatasetName,
    /// Its label within that dataset.
    pub label: Label,
    /// When it was made.
    pub time: Time,
    /// The first line of its message.
    pub subject: String,
    /// Files and bytes.
    pub totals: Totals,
}

impl VersionSummary {
    /// The summary of a version.
    pub fn of(id: VersionId, version: Version) -> Self {
        let subject = version.subject().to_owned();
        let Version { dataset, label, time, totals, .. } = version;
        Self { id, dataset, label, time, subject, totals }
    }
}

/// What a version changed, in comparison with its first parent, or with nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files and bytes, all of them.
    pub totals: DiffTotals,
    /// Paths that were added, modified or removed.
    pub changed: Vec<TreeChange>,
    /// Files that were found under another name.
    pub renamed: Vec<Rename>,
    /// How many more paths there are than the two lists hold.
    pub omitted: u64,
}

impl Repository {
    /// The version, or `None` when a name leads to what is not in this repository.
    pub(super) fn version_if_here(&self, id: &VersionId) -> Result<Option<Version>, Error> {
        match self.db().version(id) {
            Err(StoreError::Missing { .. }) => Ok(None),
            read => Ok(Some(read?)),
        }
    }

    /// What a version changed; the lists hold at most `limit` paths together.
    pub(super) fn changes_of(
        &self,
        version: &Version,
        limit: usize,
        monitor: &Monitor<'_>,
    ) -> Result<Changes, Error> {
        let parent = version.parents.first().map(|parent| kept(self.db(), parent)).transpose()?.flatten();
        let Some(parent) = parent else { return self.first_changes(version, limit, monitor) };
        let (mut changed, mut renamed, totals) =
            status::summarize(self.differences(&parent, version, &[], monitor)?);
        let all = changed.len() + renamed.len();
        changed.truncate(limit);
        renamed.truncate(limit - changed.len());
        let omitted = (all - changed.len() - renamed.len()) as u64;
        Ok(Changes { totals, changed, renamed, omitted })
    }

    /// What the first version of a line changed: all of it is new, and not more of it is read than shown.
    fn first_changes(
        &self,
        version: &Version,
        limit: usize,
        monitor: &Monitor<'_>,
    ) -> Result<Changes, Error> {
        let totals = DiffTotals { added: version.totals, ..DiffTotals::default() };
        let mut changes = Changes { totals, ..Changes::default() };
        let mut files = 0;
        for found in walk_all(self.db(), &version.tree)? {
            monitor.interrupt.check()?;
            let (path, entry) = found?;
            if entry.kind.is_dir() && entry.id != empty_tree().object() {
                continue;
            }
            if changes.changed.len() == limit {
                break;
            }
            files += entry.files;
            changes.changed.push(TreeChange { path, old: None, new: Some(entry) });
        }
        changes.omitted = version.totals.files.saturating_sub(files);
        Ok(changes)
    }

    /// Files and bytes that a version changed, below the given paths only if there are any.
    pub(super) fn change_totals(
        &self,
        version: &Version,
        paths: &[RepoPath],
        monitor: &Monitor<'_>,
    ) -> Result<DiffTotals, Error> {
        let parent = version.parents.first().map(|parent| kept(self.db(), parent)).transpose()?.flatten();
        if let Some(parent) = parent {
            let (_, _, totals) = status::summarize(self.differences(&parent, version, paths, monitor)?);
            return Ok(totals);
        }
        if paths.is_empty() {
            return Ok(DiffTotals { added: version.totals, ..DiffTotals::default() });
        }
        let mut added = Totals::default();
        for path in outermost(paths) {
            if path.is_root() {
                added = added.plus(version.totals);
            } else if let Some(entry) = lookup(self.db(), &version.tree, path)? {
                added = added.plus(entry.totals());
            }
        }
        Ok(DiffTotals { added, ..DiffTotals::default() })
    }

    fn differences(
        &self,
        old: &Version,
        new: &Version,
        paths: &[RepoPath],
        monitor: &Monitor<'_>,
    ) -> Result<Vec<TreeChange>, Error> {
        let mut found = Vec::new();
        let mut sink = |change: TreeChange| {
            monitor.interrupt.check()?;
            if paths.is_empty() || paths.iter().any(|path| change.path.starts_with(path)) {
                found.push(change);
            }
            Ok::<_, Error>(())
        };
        diff_trees(self.db(), Some(&old.tree), Some(&new.tree), DiffOptions::default(), &mut sink)?;
        Ok(found)
    }
}

/// The paths that do not lie below another one of them, each once.
fn outermost(paths: &[RepoPath]) -> Vec<&RepoPath> {
    let mut sorted: Vec<&RepoPath> = paths.iter().collect();
    sorted.sort();
    sorted.dedup();
    let inner = |path: &RepoPath| sorted.iter().any(|other| *other != path && path.starts_with(other));
    sorted.iter().copied().filter(|path| !inner(path)).collect()
}
