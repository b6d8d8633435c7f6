//! `dsv restore`, and `dsv checkout REV -- PATH`: paths as they were.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::checkout::{
    adopt, apply_with, check_behind, content, dirty_paths, not_checked_out, staged_content, staged_paths,
};
use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{EntryKind, Monitor, RepoPath, TreeId, VersionId};
use crate::plumbing::checkout::{
    CheckoutError, CheckoutOptions, CheckoutStats, Content, Obstacle, PathChange,
};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::locate;
use crate::plumbing::tree_walk::lookup;
use crate::worktree::{IndexEditor, Staged, StagingIndex};

/// What to bring back.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; at least one.
    pub paths: Vec<OsString>,
    /// Bring them back from this version; from what is staged, or with `staged` from the current version,
    /// unless told.
    pub source: Option<VersionId>,
    /// Bring back what is staged and leave the files alone.
    pub staged: bool,
    /// Bring only what a sparse worktree has not checked out, and leave files that are there alone.
    pub absent_only: bool,
    /// Replace what is not committed.
    pub force: bool,
}

/// What was brought back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files written and removed.
    pub stats: CheckoutStats,
    /// Paths of the staging index that changed.
    pub unstaged: u64,
}

/// Brings back files from what is staged, or files and what is staged from a version.
///
/// # Errors
/// When no path is given or one is unknown; when a changed file, or what is staged and not committed, would
/// be lost and `force` is not set.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if options.paths.is_empty() {
        return Err(Error::NoPaths { verb: "restore" });
    }
    let spec = Pathspec::new(repo, &options.paths)?;
    let mut index = repo.edit_index(monitor)?;
    if options.staged {
        return unstage(repo, options.source, &mut index, &spec);
    }
    adopt(repo, &mut index, &spec, monitor)?;
    let changes = changes(repo, options, &index, &spec, monitor)?;
    if !options.force {
        nothing_in_the_way(repo, &index, &changes)?;
    }
    if options.source.is_some() && !options.force {
        check_behind(repo, &index, |path, staged| {
            let found = changes.binary_search_by(|change| change.path.cmp(path));
            !staged.kind.is_dir() && found.is_ok_and(|at| changes[at].new != Some(*staged))
        })?;
    }
    // What is to go where the index holds nothing has no file to be removed.
    let (mut gone, mut others) = (Vec::new(), Vec::new());
    for change in changes {
        let is_held = index.get(&change.path)?.is_some();
        if change.new.is_some() || is_held { others.push(change) } else { gone.push(change.path) }
    }
    let behind = Behind::new(repo.db(), &index);
    let how = CheckoutOptions { force: options.force, links: brings_links(&spec) };
    let stats = apply_with(repo, &mut index, &others, how, monitor, |index| {
        gone.iter().for_each(|path| index.remove_in_tree(path));
        let come = others.iter().filter(|change| change.new.is_some());
        come.map(|change| &change.path).try_for_each(|path| Ok(behind.clear_above(index, path)?))
    })?;
    Ok(Outcome { stats, unstaged: 0 })
}

/// Brings back what is staged, and leaves the files alone.
fn unstage(
    repo: &Repository,
    source: Option<VersionId>,
    index: &mut IndexEditor,
    spec: &Pathspec,
) -> Result<Outcome, Error> {
    let tree = match source {
        Some(id) => Some(repo.db().version(&id)?.tree),
        None => repo.head_tree()?,
    };
    let mut unstaged = 0;
    let behind = Behind::new(repo.db(), index);
    let wanted = wanted(repo, tree.as_ref(), index, spec)?;
    forget_removals(index, tree.as_ref(), spec);
    for (path, wanted) in wanted {
        let staged = index.get(&path)?;
        let wanted =
            wanted.map(|Content { kind, size, id }| Staged { kind, size, id, stat: None, absent: false });
        match wanted {
            _ if index.is_sparse() && staged.is_none_or(|staged| staged.absent) => {
                behind.stage_absent(index, &path, wanted.as_ref())?;
            }
            // The facts of the file are kept: it may well be what is staged now.
            Some(wanted) => {
                let stat = staged.filter(|staged| staged.id == wanted.id).and_then(|staged| staged.stat);
                index.set(&path, Staged { stat, ..wanted })?;
            }
            None => index.remove(&path)?,
        }
        unstaged += 1;
    }
    index.save()?;
    Ok(Outcome { unstaged, ..Default::default() })
}

/// The changes that bring back what is chosen, in order of path.
fn changes(
    repo: &Repository,
    options: &Options,
    index: &StagingIndex,
    spec: &Pathspec,
    monitor: &Monitor<'_>,
) -> Result<Vec<PathChange>, Error> {
    let source = options.source;
    if source.is_none() {
        spec.all_tracked(repo, &Places { index: Some(index), ..Default::default() })?;
    }
    let mut changes = BTreeMap::new();
    let dirty = if options.absent_only { Vec::new() } else { dirty_paths(repo, index, spec, monitor)? };
    let links = if brings_links(spec) { links_elsewhere(repo, index, spec)? } else { Vec::new() };
    for change in absent_paths(repo, index, spec)?.into_iter().chain(links).chain(dirty) {
        changes.insert(change.path.clone(), change);
    }
    if let Some(id) = source {
        let version = repo.db().version(&id)?;
        let head = repo.head_tree()?;
        for (path, new) in wanted(repo, Some(&version.tree), index, spec)? {
            let old = committed(repo, head.as_ref(), &path, index.get(&path)?)?;
            changes.insert(path.clone(), PathChange { path, old, new });
        }
    }
    Ok(changes.into_values().collect())
}

/// Demands that no file that is staged and not checked out is where a directory is needed, unless it goes too. One that is
/// there is looked at where it is replaced.
fn nothing_in_the_way(repo: &Repository, index: &StagingIndex, changes: &[PathChange]) -> Result<(), Error> {
    let behind = Behind::new(repo.db(), index);
    let goes = |path: &RepoPath| {
        let found = changes.binary_search_by(|change| change.path.cmp(path));
        found.is_ok_and(|at| changes[at].new.is_none())
    };
    let mut obstacles = BTreeMap::new();
    for change in changes.iter().filter(|change| index.is_sparse() && change.new.is_some()) {
        for path in change.path.ancestors().skip(1) {
            let staged = behind.staged(index, &path)?;
            if staged.is_some_and(|staged| staged.absent && !staged.kind.is_dir()) && !goes(&path) {
                obstacles.insert(path, Obstacle::Staged);
            }
        }
    }
    let obstacles: Vec<_> = obstacles.into_iter().collect();
    if obstacles.is_empty() { Ok(()) } else { Err(CheckoutError::WouldOverwrite { obstacles }.into()) }
}

/// What is staged, chosen, and not checked out; the change brings it.
fn absent_paths(repo: &Repository, index: &StagingIndex, spec: &Pathspec) -> Result<Vec<PathChange>, Error> {
    let mut changes = Vec::new();
    if !index.is_sparse() {
        return Ok(changes);
    }
    for path in staged_paths(index, spec)? {
        if let Some(staged) = index.get(&path)?.filter(|staged| staged.absent) {
            let staged = Some(staged_content(&staged));
            changes.push(PathChange { path, old: staged, new: staged });
        }
    }
    not_checked_out(&Behind::new(repo.db(), index), index, spec, &mut |path, entry| {
        changes.push(PathChange { path, old: None, new: Some(content(&entry)) });
    })?;
    Ok(changes)
}

/// Whether what external links lead to is brought: when paths or patterns say so, and not with all of the folder, which may
/// lead to more than a disk holds.
fn brings_links(spec: &Pathspec) -> bool {
    spec.filter().is_some() || !spec.roots().iter().any(RepoPath::is_root)
}

/// External links that are chosen, and of which no file is there; the change brings what they lead to.
pub(super) fn links_elsewhere(
    repo: &Repository,
    index: &StagingIndex,
    spec: &Pathspec,
) -> Result<Vec<PathChange>, Error> {
    let mut changes = Vec::new();
    for path in staged_paths(index, spec)? {
        let Some(staged) = index.get(&path)?.filter(|staged| staged.kind == EntryKind::ExternalLink) else {
            continue;
        };
        if repo.fs().stat(&locate(repo.fs(), repo.root(), &path)?).is_err() {
            let staged = Some(staged_content(&staged));
            changes.push(PathChange { path, old: staged, new: staged });
        }
    }
    Ok(changes)
}

/// Lets go that whole directories of the known tree were removed, where all of them is to come back.
fn forget_removals(index: &mut IndexEditor, tree: Option<&TreeId>, spec: &Pathspec) {
    if !index.is_sparse() || index.known_tree().as_ref() != tree || spec.filter().is_some() {
        return;
    }
    for path in index.changed_since_tree() {
        let is_removal = index.get(&path).is_ok_and(|staged| staged.is_none());
        if is_removal && spec.matches(&path) {
            index.forget(&path);
        }
    }
}

/// What may be staged at a path without being lost when it is replaced: what `HEAD` has there. Where nothing is staged, or
/// an empty folder, nothing can be lost.
fn committed(
    repo: &Repository,
    head: Option<&TreeId>,
    path: &RepoPath,
    staged: Option<Staged>,
) -> Result<Option<Content>, Error> {
    match staged {
        Some(staged) if !staged.kind.is_dir() => {
            let entry = head.map(|tree| lookup(repo.db(), tree, path)).transpose()?.flatten();
            Ok(entry.as_ref().map(content))
        }
        staged => Ok(staged.as_ref().map(staged_content)),
    }
}

/// Paths whose staged content is not that of a tree, with what the tree has there.
///
/// # Errors
/// When neither has something that was given.
fn wanted(
    repo: &Repository,
    tree: Option<&TreeId>,
    index: &StagingIndex,
    spec: &Pathspec,
) -> Result<BTreeMap<RepoPath, Option<Content>>, Error> {
    let trees: Vec<TreeId> = tree.copied().into_iter().collect();
    spec.all_tracked(repo, &Places { index: Some(index), trees: &trees, ..Default::default() })?;
    let mut different = BTreeMap::new();
    for change in diff_index(repo.db(), tree, index)? {
        if spec.matches(&change.path) {
            different.insert(change.path, change.old.as_ref().map(content));
        }
    }
    Ok(different)
}
