//! `dsv commit`: what is staged becomes a version.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::{Error, Repository, merge, record, status};
use crate::model::{EventAction, Expected, Head, MergeAction, Monitor, Origin, Version, VersionId};
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
    /// Why; of a draft, what it inherits from unless told.
    pub message: Option<String>,
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
    let mut index = repo.edit_index(monitor)?;
    let Head::Dataset(dataset) = repo.refs().head()? else { return Err(Error::DetachedHead) };
    let draft = repo.open_draft()?;
    let parents = repo.parents(draft.as_ref())?;
    let message = message(options, draft.as_ref(), &parents)?;
    let head = repo.refs().read(&dataset)?;
    let merge = merge::to_commit(repo, head)?;
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    if options.all {
        let update = StageOptions { update: true, ..Default::default() };
        stage(repo.root(), &mut index, &writer, &update, monitor)?;
    }
    let tree = repo.head_tree()?;
    let changes = diff_index(repo.db(), tree.as_ref(), &index)?;
    // A draft that changes nothing of what it inherits is a version all the same, unless it inherits the newest one alone.
    let says_something = draft.as_ref().is_some_and(|draft| {
        !draft.parents.is_empty() && (draft.parents.iter().ne(&draft.tip) || !draft.metadata.is_empty())
    });
    let is_merge = merge.as_ref().is_some_and(|merge| merge.action == MergeAction::Merge);
    if changes.is_empty() && !says_something && !is_merge {
        return Err(Error::NothingStaged);
    }
    if let Some(merge) = &merge {
        merge::check_solved(repo, &index, merge)?;
    }
    let (_, _, changes) = status::summarize(changes);
    monitor.progress.phase("Committing", None, None);
    let written = write_tree(&mut index, &writer)?;
    let wanted = commit_tree::Options {
        tree: written.id,
        totals: written.totals,
        parents: match &merge {
            Some(merge) => merge.parents(),
            None => parents.iter().map(|(id, _)| *id).collect(),
        },
        dataset: repo.known_as(&dataset)?,
        label: label(options, draft.as_ref()),
        author: merge.as_ref().and_then(|merge| merge.author.clone()).map_or_else(|| repo.author(), Ok)?,
        time: repo.now(),
        message,
        metadata: metadata(options, draft.as_ref()),
        origin: origin(repo),
    };
    let (id, version) = commit_tree::run(&writer, wanted, monitor.interrupt)?;
    let stored = writer.finish()?.stored_bytes;

    let refs = repo.lock_refs(monitor)?;
    if let Some(draft) = &draft {
        // Before the ref moves: what a crash leaves then are facts of a version that nothing leads to.
        record::append(repo, &refs, &repo.events().read()?, facts(draft, id))?;
    }
    let expected = Expected::unchanged(head);
    let verb = merge.as_ref().map_or("commit", |merge| merge.action.as_str());
    let note = repo.note(format!("{verb}: {}", version.subject()))?;
    repo.refs().update(&refs, &version.dataset, expected, Some(id), &note)?;
    drop(refs);
    index.save()?;
    if merge.is_some() {
        merge::forget(repo)?;
    }
    if draft.is_some() {
        repo.drafts().remove(&version.dataset)?;
    }
    let stored_bytes = stored + repo.stored_since_commit();
    repo.forget_stored()?;
    Ok(Outcome { id, version, changes, stored_bytes })
}

/// What the version is to say of itself.
fn message(
    options: &Options,
    draft: Option<&Draft>,
    parents: &[(VersionId, Version)],
) -> Result<String, Error> {
    match (&options.message, draft) {
        (Some(message), _) if !message.trim().is_empty() => Ok(message.trim_end().to_owned()),
        (None, Some(draft)) => Ok(match (&draft.description, parents) {
            (Some(description), _) => description.clone(),
            (None, []) => format!("Create {}", draft.dataset),
            (None, parents) => {
                let parents: Vec<String> = parents.iter().map(|(_, parent)| parent.full_label()).collect();
                format!("Create {} from {}", draft.dataset, parents.join(", "))
            }
        }),
        _ => Err(Error::NoMessage),
    }
}

fn label(options: &Options, draft: Option<&Draft>) -> LabelChoice {
    match (&options.label, draft.and_then(|draft| draft.label.as_ref())) {
        (LabelChoice::Patch, Some(label)) => LabelChoice::Exactly(label.clone()),
        (label, _) => label.clone(),
    }
}

/// That of the draft and that of the commit, which comes first.
fn metadata(options: &Options, draft: Option<&Draft>) -> BTreeMap<String, serde_json::Value> {
    let mut metadata = draft.map(|draft| draft.metadata.clone()).unwrap_or_default();
    metadata.extend(options.metadata.clone());
    metadata
}

/// What was to be said of the version once it is there.
fn facts(draft: &Draft, id: VersionId) -> Vec<(VersionId, EventAction)> {
    let tags = draft.tags.iter().map(|tag| EventAction::TagAdded { tag: tag.clone() });
    let description = draft.description.iter().map(|text| EventAction::DescriptionSet { text: text.clone() });
    tags.chain(description).map(|action| (id, action)).collect()
}

/// The code around the dataset, and the command.
pub(super) fn origin(repo: &Repository) -> Origin {
    let worktree = GitWorktree::find(&**repo.fs(), repo.root());
    let git = worktree.and_then(|worktree| {
        let mut origin = worktree.origin(&**repo.fs())?;
        origin.dirty = repo.env().git_status.as_ref().and_then(|git| git.is_dirty(repo.root()));
        Some(origin)
    });
    Origin { git, command: repo.env().command.clone() }
}
