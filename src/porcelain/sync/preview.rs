//! What a sync would change, without storing or remembering anything.

use std::collections::BTreeMap;

use super::{Gathered, Options, Outcome, SyncError, Target, check_place, not_empty, source, totals_at};
use crate::model::{Entry, EntryKind, ErrorKind, Monitor, RepoPath, Totals, TreeId};
use crate::plumbing::diff_index::is_entry;
use crate::plumbing::diff_tree::{DiffOptions, TreeChange, collect_changes};
use crate::plumbing::hash_file::hash_file;
use crate::plumbing::host::{IoContext, bytes_to_path};
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{StageOptions, look};
use crate::plumbing::tree_edit::{WrittenTree, empty_tree};
use crate::plumbing::tree_walk::Lookups;
use crate::porcelain::{Error, Repository};
use crate::worktree::{Change, StagingIndex, WorktreeError};

/// Finds out what differs between the folder and its place in the dataset. A file that is not known to be what the dataset has is
/// read.
///
/// # Errors
/// As [`super::run`].
pub(super) fn run(
    repo: &Repository,
    options: &Options,
    target: &Target,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let tip = repo.refs().read(&target.dataset)?;
    let base = tip.map(|id| repo.db().version(&id)).transpose()?.map(|version| version.tree);
    check_place(repo, base.as_ref(), &target.to)?;
    let there = totals_at(repo, base.as_ref(), &target.to)?;
    if !target.exists && there.is_none() {
        return Err(SyncError::Missing { path: options.folder.clone() }.into());
    }
    let index = remembered(repo, target)?;
    let behind = Behind::new(repo.db(), &index);
    let (differences, found) = look(&target.folder, &index, &behind, &StageOptions::default(), monitor)?;
    let preview = Preview { repo, target, lookups: Lookups::new(repo.db()), base, monitor };
    let mut changes = preview.since_remembered(&index)?;
    for difference in differences {
        let new = match difference.change {
            Change::Vanished { .. } => None,
            Change::Modified { to: kind, size, .. }
            | Change::MaybeModified { kind, size }
            | Change::Untracked { kind, bytes: size, .. } => Some((kind, size)),
        };
        match preview.differs(&difference.path, new)? {
            Some(change) => drop(changes.insert(difference.path, change)),
            None => drop(changes.remove(&difference.path)),
        }
    }
    let changes: Vec<TreeChange> = changes.into_values().collect();
    let count = |is_counted: fn(&TreeChange) -> bool| {
        let files = changes.iter().filter(|change| is_counted(change));
        files
            .map(|change| change.old.as_ref().or(change.new.as_ref()).map_or(0, |entry| entry.files))
            .sum::<u64>()
    };
    let came = count(|change| change.old.is_none());
    let went = count(|change| change.new.is_none());
    let before = there.unwrap_or_default().files;
    target.check_not_lost(options, (before + came).saturating_sub(went), before)?;
    let tree = WrittenTree { id: empty_tree(), totals: Totals::default() };
    Ok(target.outcome(Gathered { tree, changes, files_read: 0, stored_bytes: 0, warnings: found.warnings }))
}

/// What is remembered of the folder, if that can be read.
fn remembered(repo: &Repository, target: &Target) -> Result<StagingIndex, Error> {
    let dir = source::place(repo, &target.folder, &target.dataset, &target.to);
    let open = |dir: &std::path::Path| StagingIndex::open(&**repo.fs(), dir);
    let is_here = |index: &StagingIndex| match index.known_tree().filter(|tree| *tree != empty_tree()) {
        Some(tree) => Ok::<_, Error>(repo.own_db()?.tree_node(&tree).is_ok()),
        None => index.is_empty().map_err(Error::from),
    };
    match open(&dir) {
        Ok(index) if is_here(&index)? => Ok(index),
        Err(error) if error.kind() != ErrorKind::Corrupt => Err(error.into()),
        _ => Ok::<_, WorktreeError>(open(&repo.layout().dsv.join("no-index"))?).map_err(Error::from),
    }
}

struct Preview<'a> {
    repo: &'a Repository,
    target: &'a Target,
    lookups: Lookups<'a>,
    base: Option<TreeId>,
    monitor: &'a Monitor<'a>,
}

impl Preview<'_> {
    /// What the dataset has otherwise than the folder was when it was last looked at.
    fn since_remembered(&self, index: &StagingIndex) -> Result<BTreeMap<RepoPath, TreeChange>, Error> {
        let there = match (&self.base, self.target.to.is_root()) {
            (Some(base), true) => Some(*base),
            (Some(base), false) if not_empty(base).is_some() => {
                self.lookups.lookup(base, &self.target.to)?.map(|entry| TreeId::new(entry.id))
            }
            _ => None,
        };
        let known = index.known_tree();
        let (old, new) = (there.as_ref().and_then(not_empty), known.as_ref().and_then(not_empty));
        let changes = collect_changes(self.repo.db(), old, new, DiffOptions::default())?;
        let placed = |change: TreeChange| {
            let path = self.target.to.join_path(&change.path);
            (change.path.clone(), TreeChange { path, ..change })
        };
        Ok(changes.into_iter().map(placed).collect())
    }

    /// How a file of the folder differs from what the dataset has in its place.
    fn differs(&self, path: &RepoPath, new: Option<(EntryKind, u64)>) -> Result<Option<TreeChange>, Error> {
        let placed = self.target.to.join_path(path);
        let old = match self.base.as_ref().and_then(not_empty) {
            Some(base) => self.lookups.lookup(base, &placed)?.filter(is_entry),
            None => None,
        };
        let Some((kind, size)) = new else {
            return Ok(old.map(|old| TreeChange { path: placed, old: Some(old), new: None }));
        };
        let Some(name) = placed.name() else { return Ok(None) };
        // It is not known what the bytes of a new file are.
        let mut entry =
            Entry { name, kind, size, files: u64::from(!kind.is_dir()), id: empty_tree().object() };
        if let Some(old) = &old
            && (old.kind, old.size) == (kind, size)
            && !kind.is_dir()
        {
            let absolute =
                self.target.folder.join(bytes_to_path(path.as_bytes()).at("name", &self.target.folder)?);
            let hashed = hash_file(&**self.repo.fs(), &absolute, self.monitor.interrupt);
            self.monitor.interrupt.check()?;
            entry.id = hashed.at("read", &absolute)?.0.object();
        }
        let is_same = old.as_ref().is_some_and(|old| old.same_content(&entry));
        Ok((!is_same).then_some(TreeChange { path: placed, old, new: Some(entry) }))
    }
}
