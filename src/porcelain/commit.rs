//! `dsv commit`: what is staged becomes a version.

use std::collections::BTreeMap;

use super::{Error, Repository, status};
use crate::model::{Expected, Head, Monitor, Origin, Version, VersionId};
use crate::plumbing::commit_tree;
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::DiffTotals;
use crate::plumbing::git::GitWorktree;
use crate::plumbing::stage::{StageOptions, stage};
use crate::plumbing::write_tree::write_tree;
use crate::store::Writer;

pub use crate::plumbing::labels::LabelChoice;

/// How to commit.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Why.
    pub message: String,
    /// Stage changes and removals of tracked files before.
    pub all: bool,
    /// The label.
    pub label: LabelChoice,
    /// Keys and values for the manifest.
    pub metadata: BTreeMap<String, serde_json::Value>,
}

/// The new version.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its id.
    pub id: VersionId,
    /// Its manifest.
    pub version: Version,
    /// What changed since the parent.
    pub changes: DiffTotals,
    /// Bytes that were added to the store for it, after deduplication and compression.
    pub stored_bytes: u64,
}

/// Makes a version of what is staged and moves the dataset to it.
///
/// # Errors
/// [`Error::NoMessage`], [`Error::NothingStaged`]; when `HEAD` is on no dataset, or the label exists or steps back; when another
/// process moved the dataset meanwhile.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if options.message.trim().is_empty() {
        return Err(Error::NoMessage);
    }
    let mut index = repo.edit_index(monitor)?;
    let Head::Dataset(dataset) = repo.refs().head()? else { return Err(Error::DetachedHead) };
    let head = repo.head_version()?;
    let parent = head.as_ref().map(|(_, version)| version);
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    if options.all {
        let update = StageOptions { update: true, ..Default::default() };
        stage(repo.root(), &mut index, &writer, &update, monitor)?;
    }
    let tree = Repository::tree_of(parent);
    let changes = diff_index(repo.db(), tree.as_ref(), &index)?;
    if changes.is_empty() {
        return Err(Error::NothingStaged);
    }
    let (_, _, changes) = status::summarize(changes);
    monitor.progress.phase("Committing", None, None);
    let written = write_tree(&mut index, &writer)?;
    let wanted = commit_tree::Options {
        tree: written.id,
        totals: written.totals,
        parents: head.iter().map(|(id, _)| *id).collect(),
        dataset,
        label: options.label.clone(),
        author: repo.author()?,
        time: repo.now(),
        message: options.message.trim_end().to_owned(),
        metadata: options.metadata.clone(),
        origin: origin(repo),
    };
    let (id, version) = commit_tree::run(&writer, wanted, monitor.interrupt)?;
    let stored = writer.finish()?.stored_bytes;

    let refs = repo.lock_refs(monitor)?;
    let expected = Expected::unchanged(head.map(|(id, _)| id));
    let note = repo.note(format!("commit: {}", version.subject()))?;
    repo.refs().update(&refs, &version.dataset, expected, Some(id), &note)?;
    drop(refs);
    index.save()?;
    let stored_bytes = stored + repo.stored_since_commit();
    repo.forget_stored()?;
    Ok(Outcome { id, version, changes, stored_bytes })
}

/// The code around the dataset, and the command.
fn origin(repo: &Repository) -> Origin {
    let worktree = GitWorktree::find(&**repo.fs(), repo.root());
    let git = worktree.and_then(|worktree| {
        let mut origin = worktree.origin(&**repo.fs())?;
        origin.dirty = repo.env().git_status.as_ref().and_then(|git| git.is_dirty(repo.root()));
        Some(origin)
    });
    Origin { git, command: repo.env().command.clone() }
}
