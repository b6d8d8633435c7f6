//! Conflicts solved by a choice of side.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use super::MergeError;
use super::state::{current, is_beside, is_solved, staged_as, write};
use crate::model::{ConflictKind, Favour, MergeConflict, MergeState, MergedEntry, Monitor, RepoPath};
use crate::plumbing::checkout::{CheckoutStats, Content, PathChange};
use crate::plumbing::sparse::Behind;
use crate::porcelain::checkout::apply;
use crate::porcelain::{Error, Pathspec, Repository};
use crate::worktree::{Staged, StagingIndex};

/// What to solve.
#[derive(Debug, Clone)]
pub struct SolveOptions {
    /// Paths and patterns. Of a folder or a pattern, what is solved already is left as it is.
    pub paths: Vec<OsString>,
    /// The side that is taken.
    pub side: Favour,
    /// Replace what was changed by hand.
    pub force: bool,
}

/// What was solved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// The paths, in byte order.
    pub paths: Vec<RepoPath>,
    /// What is left to be solved.
    pub left: Vec<RepoPath>,
    /// Files written and removed.
    pub stats: CheckoutStats,
}

/// Takes a side where there are conflicts: its content is brought into worktree and staging index.
///
/// # Errors
/// When no merge is under way, or nothing is in conflict at a path; when something that was changed by hand would be lost and
/// `force` is not set: then nothing is touched.
pub fn solve(repo: &Repository, options: &SolveOptions, monitor: &Monitor<'_>) -> Result<Solved, Error> {
    let mut index = repo.edit_index(monitor)?;
    let state = current(repo, repo.refs().head_version()?)?;
    let Some(mut state) = state else { return Err(MergeError::NotUnderWay.into()) };
    if !state.applied {
        return Err(MergeError::UnderWay { action: state.action }.into());
    }
    let chosen = choose(repo, &index, &state, &options.paths)?;
    let mut changes = BTreeMap::new();
    let mut away = BTreeMap::new();
    let behind = Behind::new(repo.db(), &index);
    for at in &chosen {
        let conflict = &state.conflicts[*at];
        let is_away = index.is_sparse() && index.get(&conflict.path)?.is_none_or(|staged| staged.absent);
        for (path, wanted) in targets(conflict, options.side)? {
            if is_away {
                away.insert(path, wanted.as_ref().map(absent));
                continue;
            }
            let staged = behind.staged(&index, &path)?.as_ref().map(staged_as);
            let old = if is_known(conflict, staged) { staged } else { conflict.ours };
            let change = PathChange {
                path: path.clone(),
                old: old.as_ref().map(content),
                new: wanted.as_ref().map(content),
            };
            changes.insert(path, change);
        }
    }
    let changes: Vec<_> = changes.into_values().collect();
    let stats = apply(repo, &mut index, &changes, options.force, monitor, |index| {
        let mut away = away.iter();
        Ok(away.try_for_each(|(path, wanted)| behind.stage_absent(index, path, wanted.as_ref()))?)
    })?;
    chosen.iter().for_each(|at| state.conflicts[*at].solved = Some(options.side));
    write(repo, &state)?;
    let mut left = Vec::new();
    for conflict in &state.conflicts {
        if !is_solved(repo, &index, conflict)? {
            left.push(conflict.path.clone());
        }
    }
    let paths = chosen.iter().map(|at| state.conflicts[*at].path.clone()).collect();
    Ok(Solved { paths, left, stats })
}

/// The numbers of the conflicts that are meant. A file and what the other side has below it are solved as one.
fn choose(
    repo: &Repository,
    index: &StagingIndex,
    state: &MergeState,
    paths: &[OsString],
) -> Result<BTreeSet<usize>, Error> {
    if paths.is_empty() {
        return Err(Error::NoPaths { verb: "merge" });
    }
    let spec = Pathspec::new(repo, paths)?;
    let (texts, named) = (spec.texts(), spec.roots());
    let mut met = vec![false; texts.len()];
    let mut chosen = BTreeSet::new();
    for (at, conflict) in state.conflicts.iter().enumerate() {
        let is_meant = spec.meets(&conflict.path, &mut met);
        if is_meant && (named.contains(&conflict.path) || !is_solved(repo, index, conflict)?) {
            chosen.insert(at);
        }
    }
    let unmet: Vec<_> = texts.into_iter().zip(met).filter(|(_, met)| !met).map(|(text, _)| text).collect();
    if !unmet.is_empty() {
        return Err(MergeError::NoConflict { paths: unmet }.into());
    }
    while let Some(more) = clashing_with(state, &chosen) {
        chosen.insert(more);
    }
    Ok(chosen)
}

/// A conflict that is not chosen, and at or below which one of the chosen ones has its file, or the other way round.
fn clashing_with(state: &MergeState, chosen: &BTreeSet<usize>) -> Option<usize> {
    let of_chosen = || chosen.iter().map(|at| &state.conflicts[*at]).filter(|conflict| clashes(conflict));
    let is_met = |path: &RepoPath| {
        of_chosen().any(|other| other.path.starts_with(path) || path.starts_with(&other.path))
    };
    let others =
        state.conflicts.iter().enumerate().filter(|(at, conflict)| clashes(conflict) && !chosen.contains(at));
    others.filter(|(_, conflict)| is_met(&conflict.path)).map(|(at, _)| at).next()
}

fn clashes(conflict: &MergeConflict) -> bool {
    conflict.kind == ConflictKind::FileDirectory
}

/// What is to be at the path of a conflict, and beside it.
fn targets(
    conflict: &MergeConflict,
    side: Favour,
) -> Result<Vec<(RepoPath, Option<MergedEntry>)>, MergeError> {
    let path = || conflict.path.clone();
    let mut targets = Vec::new();
    match (side, conflict.theirs, &conflict.beside) {
        (Favour::Ours, ..) | (Favour::Both, None, _) => targets.push((path(), conflict.ours)),
        (Favour::Theirs, theirs, _) => targets.push((path(), theirs)),
        (Favour::Both, Some(_), None) => return Err(MergeError::NoName { path: path() }),
        (Favour::Both, theirs, Some(beside)) if *beside == conflict.path => targets.push((path(), theirs)),
        (Favour::Both, theirs, Some(beside)) => {
            targets.extend([(path(), conflict.ours), (beside.clone(), theirs)]);
        }
    }
    // What lay beside it by an earlier choice goes.
    if let Some(beside) = conflict.beside.as_ref().filter(|_| side != Favour::Both && is_beside(conflict)) {
        targets.push((beside.clone(), None));
    }
    Ok(targets)
}

/// Whether what is staged is in a version, so that it can be replaced.
fn is_known(conflict: &MergeConflict, staged: Option<MergedEntry>) -> bool {
    [conflict.ours, conflict.theirs, conflict.base, None].contains(&staged)
}

const fn content(entry: &MergedEntry) -> Content {
    Content { kind: entry.kind, size: entry.size, id: entry.id }
}

const fn absent(entry: &MergedEntry) -> Staged {
    Staged { kind: entry.kind, size: entry.size, id: entry.id, stat: None, absent: true }
}
