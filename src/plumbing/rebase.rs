//! Versions of one's own put on top of those of others, path by path: possible where both changed different paths.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diff_tree::{DiffOptions, TreeChange, collect_changes};
use super::history::HistoryError;
use super::labels::LabelChoice;
use super::tree_edit::{Edit, apply};
use super::{TreeError, commit_tree, merge_base, rev_list};
use crate::model::{ErrorKind, Label, Monitor, RepoPath, Version, VersionId};
use crate::store::{Events, ObjectDb, StoreError, Writer};

/// Why versions cannot be put on top of others.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tree is missing or damaged, or cannot be written.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The history cannot be walked.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A version could not be made.
    #[error(transparent)]
    CommitTree(#[from] commit_tree::Error),
    /// The two lines of versions never met.
    #[error("{} and {} have no version in common", ours.short(12), theirs.short(12))]
    Unrelated {
        /// One's own.
        ours: VersionId,
        /// The others'.
        theirs: VersionId,
    },
    /// One's own versions are no line.
    #[error("the version {} has {parents} parents, and only a line of versions can be put on top of another", id.short(12))]
    NotALine {
        /// The version.
        id: VersionId,
        /// Number of its parents.
        parents: usize,
    },
    /// Both sides changed the same paths.
    #[error("{} changed on both sides", if paths.len() == 1 { "one path was".to_owned() } else { format!("{} paths were", paths.len()) })]
    Conflict {
        /// The paths, in byte order.
        paths: Vec<RepoPath>,
    },
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::History(error) => error.kind(),
            Self::CommitTree(error) => error.kind(),
            Self::Unrelated { .. } | Self::NotALine { .. } | Self::Conflict { .. } => ErrorKind::Conflict,
        }
    }
}

/// Makes each version that leads to `ours` and not to `theirs` anew on top of `theirs`, the oldest first: its changes, its
/// author, time, message and metadata, and a label that steps as its own did; `events` tell what its dataset was called. Returns
/// the newest. No ref is moved.
///
/// # Errors
/// [`Error::Conflict`] when both sides changed a path, or one a path below or above one of the other's; when the lines never
/// met or one's own is no line; when the disk is full or fails.
pub fn run(
    db: &Arc<ObjectDb>,
    ours: VersionId,
    theirs: VersionId,
    events: &Events,
    monitor: &Monitor<'_>,
) -> Result<VersionId, Error> {
    let bases = merge_base::run(db, &ours, &theirs, monitor.interrupt)?;
    let base = *bases.first().ok_or(Error::Unrelated { ours, theirs })?;
    let listing = rev_list::Options { exclude: vec![theirs], ..Default::default() };
    let mut own = rev_list::run(db, &[ours], &listing, monitor)?;
    own.reverse();
    if let Some(listed) = own.iter().find(|listed| listed.version.parents.len() != 1) {
        return Err(Error::NotALine { id: listed.id, parents: listed.version.parents.len() });
    }
    let base = db.version(&base)?;
    let other = db.version(&theirs)?;
    let their_paths =
        paths(&collect_changes(db, Some(&base.tree), Some(&other.tree), DiffOptions::default())?);
    let mut changes = Vec::new();
    for listed in &own {
        let parent = db.version(&listed.version.parents[0])?;
        let change =
            collect_changes(db, Some(&parent.tree), Some(&listed.version.tree), DiffOptions::default())?;
        changes.push((parent, change));
    }
    let own_paths: BTreeSet<RepoPath> = changes.iter().flat_map(|(_, change)| paths(change)).collect();
    let conflicts = overlap(&own_paths, &their_paths);
    if !conflicts.is_empty() {
        return Err(Error::Conflict { paths: conflicts });
    }
    let (mut tip, mut tree) = (theirs, other.tree);
    for (listed, (parent, change)) in own.into_iter().zip(changes) {
        let writer = Writer::new(db)?;
        let written = apply(&writer, Some(&tree), &edits(change))?;
        let label = step(&parent, &listed.version);
        let Version { dataset, author, time, message, metadata, origin, .. } = listed.version;
        let (parents, totals) = (vec![tip], written.totals);
        let tree_id = written.id;
        let wanted = commit_tree::Options {
            tree: tree_id,
            totals,
            parents,
            dataset: events.known_as(&dataset),
            label,
            author,
            time,
            message,
            metadata,
            origin,
        };
        (tip, _) = commit_tree::run(&writer, wanted, monitor.interrupt)?;
        tree = tree_id;
        writer.finish()?;
    }
    Ok(tip)
}

fn paths(changes: &[TreeChange]) -> BTreeSet<RepoPath> {
    changes.iter().map(|change| change.path.clone()).collect()
}

/// Paths of one set that are in the other, or lie below or above one that is.
fn overlap(one: &BTreeSet<RepoPath>, other: &BTreeSet<RepoPath>) -> Vec<RepoPath> {
    let touches = |path: &RepoPath| {
        let above = std::iter::successors(Some(path.clone()), RepoPath::parent);
        let below =
            other.range(path.clone()..).take_while(|next| next.as_bytes().starts_with(path.as_bytes()));
        above.into_iter().any(|path| other.contains(&path))
            || below.into_iter().any(|next| next.starts_with(path))
    };
    one.iter().filter(|path| touches(path)).cloned().collect()
}

fn edits(changes: Vec<TreeChange>) -> BTreeMap<RepoPath, Edit> {
    let edit = |change: &TreeChange| match &change.new {
        None => Edit::Remove,
        Some(entry) if entry.kind.is_dir() => Edit::empty_directory(),
        Some(entry) => Edit::file(entry.kind, entry.size, entry.id),
    };
    changes.into_iter().map(|change| (change.path.clone(), edit(&change))).collect()
}

/// The step that a version's label took from its parent's.
fn step(parent: &Version, version: &Version) -> LabelChoice {
    let numbers = |label: &Label| label.numbers();
    if parent.dataset != version.dataset {
        return LabelChoice::Patch;
    }
    let ((major, minor, _), (new_major, new_minor, _)) = (numbers(&parent.label), numbers(&version.label));
    match () {
        () if new_major > major => LabelChoice::Major,
        () if new_minor > minor => LabelChoice::Minor,
        () => LabelChoice::Patch,
    }
}
