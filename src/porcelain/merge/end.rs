//! How a merge that is under way ends: it is gone on with, or taken back.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{ConflictStatus, current, forget, is_beside, is_solved, write};
use super::step::{Trees, make, move_worktree};
use super::{End, MergeError, Outcome, pick};
use crate::model::{ErrorKind, MergeAction, MergeState, Monitor, RepoPath, TreeId, VersionId};
use crate::plumbing::checkout::{CheckoutError, CheckoutStats, Obstacle, PathChange, check_changes};
use crate::plumbing::diff_index::{diff_index, is_entry};
use crate::plumbing::diff_tree::{DiffOptions, collect_changes};
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::locate;
use crate::plumbing::tree_edit::empty_tree;
use crate::plumbing::tree_walk::Lookups;
use crate::porcelain::checkout::{apply, content, path_change, staged_content};
use crate::porcelain::{Error, Repository};
use crate::worktree::{IndexEditor, Staged};

/// What was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    /// What it was; not known where what told of it was damaged.
    pub action: Option<MergeAction>,
    /// Files written and removed.
    pub stats: CheckoutStats,
}

/// Goes on with what is under way: brings what is not there yet, and makes the version when every conflict is solved; then picks
/// what is still to be picked. What was done is told in order.
///
/// # Errors
/// When nothing is under way, or another program moved the dataset; when the version cannot be made.
pub fn proceed(
    repo: &Repository,
    message: Option<&str>,
    monitor: &Monitor<'_>,
) -> Result<Vec<Outcome>, Error> {
    let mut index = repo.edit_index(monitor)?;
    let (head, version) = repo.head_version()?.ok_or(Error::NoVersion)?;
    let Some(mut state) = current(repo, Some(head))? else {
        forget(repo)?;
        return Err(MergeError::NotUnderWay.into());
    };
    if head != state.head {
        return Err(MergeError::HeadMoved { head }.into());
    }
    let mut stats = CheckoutStats::default();
    if !state.applied {
        let (old, new) = (Some(&version.tree), Some(&state.tree));
        let changes = collect_changes(repo.db(), old, new, DiffOptions::default())?;
        let changes: Vec<_> = changes.into_iter().map(path_change).collect();
        stats = move_worktree(repo, &mut index, version.tree, &state, &changes, monitor)?;
        state.applied = true;
        write(repo, &state)?;
    }
    if let Some(message) = message {
        state.message = message.to_owned();
    }
    let conflicts = state.conflicts.iter().map(|conflict| {
        Ok(ConflictStatus { conflict: conflict.clone(), solved: is_solved(repo, &index, conflict)? })
    });
    let conflicts: Vec<_> = conflicts.collect::<Result<_, Error>>()?;
    let mut outcome = Outcome {
        action: state.action,
        end: End::Waits,
        trees: Trees::default(),
        conflicts,
        stats,
        todo: state.todo.len(),
    };
    if outcome.has_conflicts() {
        return Ok(vec![outcome]);
    }
    drop(index);
    outcome.end = End::Made(Box::new(make(repo, &state, monitor)?));
    let mut outcomes = vec![outcome];
    pick::go_on(repo, &state, &mut outcomes, monitor)?;
    Ok(outcomes)
}

/// Takes back what is under way: every path that it touched becomes what the current version has, also where it was changed by hand
/// since. Other paths are left as they are. Where what is known of it is damaged, every staged path is taken back.
///
/// # Errors
/// When nothing is under way; when files that nobody tracks are in the way: then nothing is touched.
pub fn abort(repo: &Repository, monitor: &Monitor<'_>) -> Result<Aborted, Error> {
    let mut index = repo.edit_index(monitor)?;
    let (head, version) = repo.head_version()?.ok_or(Error::NoVersion)?;
    let state = match current(repo, Some(head)) {
        Ok(None) => {
            forget(repo)?;
            return Err(MergeError::NotUnderWay.into());
        }
        Err(Error::Merge(MergeError::Unreadable { source })) if source.kind() == ErrorKind::Corrupt => None,
        state => state?,
    };
    let touched = touched(repo, &index, &version.tree, state.as_ref())?;
    if let Some(state) = state.as_ref().filter(|state| !state.applied) {
        adopt_written(repo, &mut index, &state.tree, &touched, monitor)?;
    }
    let others = staged_besides(repo, &index, &touched)?;
    let changes = changes_back(repo, &index, &version.tree, &touched)?;
    force_modified(repo, &mut index, &changes, monitor)?;
    let stats = apply(repo, &mut index, &changes, false, monitor, |index| {
        if index.is_sparse() {
            index.set_tree_but(version.tree, others);
        } else if diff_index(repo.db(), Some(&version.tree), index)?.is_empty() {
            index.set_tree(version.tree);
        }
        Ok(())
    })?;
    forget(repo)?;
    Ok(Aborted { action: state.map(|state| state.action), stats })
}

/// The paths that the merge touched, or somebody who solved its conflicts.
fn touched(
    repo: &Repository,
    index: &IndexEditor,
    tree: &TreeId,
    state: Option<&MergeState>,
) -> Result<BTreeSet<RepoPath>, Error> {
    if let Some(state) = state
        && let Ok(mut paths) = differing(repo, &state.head, &state.tree)
    {
        for conflict in &state.conflicts {
            paths.insert(conflict.path.clone());
            paths.extend(conflict.beside.clone().filter(|_| is_beside(conflict)));
        }
        return Ok(paths);
    }
    let staged = diff_index(repo.db(), Some(tree), index)?;
    Ok(staged.into_iter().map(|change| change.path).collect())
}

fn differing(repo: &Repository, head: &VersionId, tree: &TreeId) -> Result<BTreeSet<RepoPath>, Error> {
    let old = repo.db().version(head)?.tree;
    let changes = collect_changes(repo.db(), Some(&old), Some(tree), DiffOptions::default())?;
    Ok(changes.into_iter().map(|change| change.path).collect())
}

/// Takes files for staged that were written just before the program was ended, and are not in the index: else they would stay as
/// files that nobody tracks.
fn adopt_written(
    repo: &Repository,
    index: &mut IndexEditor,
    tree: &TreeId,
    touched: &BTreeSet<RepoPath>,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let lookups = Lookups::new(repo.db());
    for path in touched {
        let entry = lookups.lookup(tree, path)?.filter(|entry| !entry.kind.is_dir());
        let Some(entry) = entry.filter(|_| index.get(path).is_ok_and(|staged| staged.is_none())) else {
            continue;
        };
        let is_there = repo.fs().stat(&locate(repo.fs(), repo.root(), path)?).is_ok();
        let change = PathChange { path: path.clone(), old: None, new: Some(content(&entry)) };
        // What holds something else is somebody's.
        if is_there && check_changes(repo.db(), repo.root(), index, &[change], monitor).is_ok() {
            let staged =
                Staged { kind: entry.kind, size: entry.size, id: entry.id, stat: None, absent: false };
            index.set(path, staged)?;
        }
    }
    Ok(())
}

/// What else is staged in a sparse index, which is to stay.
fn staged_besides(
    repo: &Repository,
    index: &IndexEditor,
    touched: &BTreeSet<RepoPath>,
) -> Result<Vec<(RepoPath, Option<Staged>)>, Error> {
    let Some(known) = index.known_tree().filter(|_| index.is_sparse()) else { return Ok(Vec::new()) };
    let known = Some(known).filter(|known| *known != empty_tree());
    let behind = Behind::new(repo.db(), index);
    let staged = diff_index(repo.db(), known.as_ref(), index)?.into_iter();
    let others = staged.filter(|change| !touched.contains(&change.path));
    others.map(|change| Ok((change.path.clone(), behind.staged(index, &change.path)?))).collect()
}

/// The changes that make the touched paths what the current version has. What is not checked out has no file.
fn changes_back(
    repo: &Repository,
    index: &IndexEditor,
    tree: &TreeId,
    touched: &BTreeSet<RepoPath>,
) -> Result<Vec<PathChange>, Error> {
    let lookups = Lookups::new(repo.db());
    let mut changes = BTreeMap::new();
    for path in touched {
        let staged = index.get(path)?;
        let is_away = index.is_sparse() && staged.is_none_or(|staged| staged.absent);
        if !is_away {
            let new = lookups.lookup(tree, path)?.filter(is_entry);
            let (old, new) = (staged.as_ref().map(staged_content), new.as_ref().map(content));
            changes.insert(path.clone(), PathChange { path: path.clone(), old, new });
        }
    }
    Ok(changes.into_values().collect())
}

/// Takes back what was changed by hand. What nobody tracks is in the way, and stays.
fn force_modified(
    repo: &Repository,
    index: &mut IndexEditor,
    changes: &[PathChange],
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    loop {
        let checked = check_changes(repo.db(), repo.root(), index, changes, monitor);
        let Err(CheckoutError::WouldOverwrite { obstacles }) = checked else { return Ok(checked?) };
        let is_own = |(path, obstacle): &(RepoPath, Obstacle)| {
            let is_meant = changes.binary_search_by(|change| change.path.cmp(path)).is_ok();
            *obstacle == Obstacle::Modified && is_meant
        };
        if !obstacles.iter().all(is_own) {
            let obstacles = obstacles.into_iter().filter(|one| !is_own(one)).collect();
            return Err(CheckoutError::WouldOverwrite { obstacles }.into());
        }
        let paths: BTreeSet<_> = obstacles.into_iter().map(|(path, _)| path).collect();
        let forced: Vec<_> = changes.iter().filter(|change| paths.contains(&change.path)).cloned().collect();
        apply(repo, index, &forced, true, monitor, |_| Ok(()))?;
    }
}
