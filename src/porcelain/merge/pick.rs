//! `dsv cherry-pick` and `dsv revert`: what one version changed, done here too, or undone.

use super::step::{self, Plan, Trees};
use super::{End, MergeError, Outcome, refuse_under_way};
use crate::model::{Favour, Head, MergeAction, MergeState, Monitor, Version, VersionId};
use crate::plumbing::labels::LabelChoice;
use crate::plumbing::merge_tree::{self, Base};
use crate::porcelain::{Error, Repository};
use crate::store::Writer;

/// What to pick or to revert, and how.
#[derive(Debug, Clone, Default)]
pub struct PickOptions {
    /// Against which parent a merge version's changes are meant, from 1.
    pub mainline: Option<u32>,
    /// The side that is taken where the current version has changed the same.
    pub favour: Option<Favour>,
    /// The message; that of the picked version, or `Revert "…"`, unless told.
    pub message: Option<String>,
    /// The label of the new version.
    pub label: LabelChoice,
    /// Leave it to the person to commit.
    pub no_commit: bool,
    /// Tell what would be done, and do nothing; of several versions, of each as if it were the first.
    pub dry_run: bool,
}

/// Does here what versions changed, one after the other; each becomes a version with the message and author of that one. The
/// last of what is told may wait for conflicts to be solved; then the others wait as well.
///
/// # Errors
/// As [`run`](super::run); when a version changes nothing here. Versions that were made before stay.
pub fn cherry_pick(
    repo: &Repository,
    versions: &[VersionId],
    options: &PickOptions,
    monitor: &Monitor<'_>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::new();
    for (at, id) in versions.iter().enumerate() {
        let todo = versions[at + 1..].to_vec();
        let outcome = one(repo, MergeAction::CherryPick, *id, options, todo, monitor)?;
        let waits = matches!(outcome.end, End::Waits);
        outcomes.push(outcome);
        if waits {
            break;
        }
    }
    Ok(outcomes)
}

/// Undoes what a version changed, in a version on top of the current one.
///
/// # Errors
/// As [`run`](super::run); when nothing of it is left here.
pub fn revert(
    repo: &Repository,
    version: VersionId,
    options: &PickOptions,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    one(repo, MergeAction::Revert, version, options, Vec::new(), monitor)
}

/// Picks what was to be picked after one that has been ended.
pub(super) fn go_on(
    repo: &Repository,
    state: &MergeState,
    outcomes: &mut Vec<Outcome>,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let options = PickOptions { mainline: state.mainline, ..PickOptions::default() };
    outcomes.extend(cherry_pick(repo, &state.todo, &options, monitor)?);
    Ok(())
}

fn one(
    repo: &Repository,
    action: MergeAction,
    id: VersionId,
    options: &PickOptions,
    todo: Vec<VersionId>,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    refuse_under_way(repo)?;
    repo.check_no_draft()?;
    let Head::Dataset(dataset) = repo.refs().head()? else { return Err(Error::DetachedHead) };
    let (head, version) = repo.head_version()?.ok_or(Error::NoVersion)?;
    let target = repo.db().version(&id)?;
    let parent = parent(repo, id, &target, options.mainline)?;
    step::refuse_staged(repo, &index, &version)?;
    monitor.progress.phase("Merging", None, None);
    let objects = repo.lock_objects(monitor)?;
    let trees = merge(repo, action, (&version, &target, parent.as_ref()), options, monitor)?;
    if trees.changes.is_empty() && trees.conflicts.is_empty() {
        return Err(MergeError::NothingToDo { action }.into());
    }
    let message = options.message.clone().unwrap_or_else(|| message(action, id, &target));
    let plan = Plan {
        action,
        head,
        version,
        theirs: vec![id],
        trees,
        message,
        label: options.label.clone(),
        author: (action == MergeAction::CherryPick).then(|| target.author.clone()),
        mainline: options.mainline,
        todo,
    };
    if options.dry_run {
        return Ok(plan.told());
    }
    step::check_label(repo, &plan, &dataset, monitor)?;
    let stats = step::bring(repo, &mut index, &plan, monitor)?;
    drop((index, objects));
    step::finish(repo, plan, stats, options.no_commit, monitor)
}

/// The version against which the changes of another one are meant.
fn parent(
    repo: &Repository,
    id: VersionId,
    version: &Version,
    mainline: Option<u32>,
) -> Result<Option<Version>, Error> {
    let parents = &version.parents;
    let at = match mainline {
        None if parents.len() > 1 => {
            return Err(MergeError::WhichParent { id, parents: parents.len() }.into());
        }
        None => 0,
        Some(number) => (number as usize).wrapping_sub(1),
    };
    match (parents.get(at), mainline) {
        (Some(parent), _) => Ok(Some(repo.db().version(parent)?)),
        (None, None) => Ok(None),
        (None, Some(number)) => Err(MergeError::NoParent { id, number }.into()),
    }
}

fn merge(
    repo: &Repository,
    action: MergeAction,
    (version, target, parent): (&Version, &Version, Option<&Version>),
    options: &PickOptions,
    monitor: &Monitor<'_>,
) -> Result<Trees, Error> {
    let (before, after) = (parent.map(|parent| parent.tree), Some(target.tree));
    let before_label = || parent.map_or_else(|| "before".to_owned(), Version::full_label);
    let (base, theirs, label) = match action {
        MergeAction::Revert => (after, before, before_label()),
        MergeAction::Merge | MergeAction::CherryPick => (before, after, target.full_label()),
    };
    let base = Base { tree: base, ..Base::default() };
    let tree_options = merge_tree::Options {
        base: &base,
        ours: Some(version.tree),
        theirs,
        favour: options.favour,
        label: &label,
    };
    let writer = Writer::new(repo.db())?;
    let outcome = merge_tree::run(&writer, &tree_options, monitor)?;
    if !options.dry_run {
        writer.finish()?;
    }
    let mut trees = Trees::default();
    trees.add(outcome);
    Ok(trees)
}

fn message(action: MergeAction, id: VersionId, version: &Version) -> String {
    match action {
        MergeAction::Revert => format!(
            "Revert \"{}\"\n\nThis undoes what {} ({}) changed.",
            version.subject(),
            version.full_label(),
            id.short(12)
        ),
        MergeAction::Merge | MergeAction::CherryPick => version.message.clone(),
    }
}
