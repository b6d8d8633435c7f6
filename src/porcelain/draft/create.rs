//! `dsv create`: opens a draft that inherits what its parents hold.

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, DraftError, DraftState};
use crate::model::{
    DRAFT_FORMAT, DatasetName, Head, Label, Monitor, Step, TagName, Totals, TreeId, VersionId,
};
use crate::plumbing::Writer;
use crate::plumbing::checkout::{CheckoutError, CheckoutStats};
use crate::plumbing::commit_tree::check_parents;
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::history::ancestors;
use crate::plumbing::labels::{self, LabelChoice};
use crate::plumbing::overlay_tree::{Overridden, overlay};
use crate::plumbing::tree_edit::{WrittenTree, empty_tree};
use crate::porcelain::record::Recorded;
use crate::porcelain::{Error, Repository, checkout, merge};
use crate::worktree::IndexEditor;

/// What to open.
#[derive(Debug, Clone)]
pub struct Options {
    /// The dataset, new or not.
    pub dataset: DatasetName,
    /// The versions that it inherits from, in order: a later one overrides. The dataset's newest version unless told.
    pub parents: Vec<VersionId>,
    /// The label that it is to have; the next one unless told.
    pub label: Option<Label>,
    /// Tags that it is to bear.
    pub tags: BTreeSet<TagName>,
    /// How it is to be described.
    pub description: Option<String>,
    /// Keys and values for its manifest.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Bring all its files into the worktree.
    pub checkout: bool,
}

/// What was opened.
#[derive(Debug)]
pub struct Outcome {
    /// The draft.
    pub draft: Draft,
    /// The parents, by their full labels.
    pub parents: Vec<String>,
    /// Files and bytes that it inherits.
    pub inherited: Totals,
    /// Paths that several parents have, and not alike; the later one is in.
    pub overridden: Vec<Overridden>,
    /// What became of the worktree.
    pub stats: CheckoutStats,
    /// Files that it holds and the worktree does not, and their bytes; `None` when the worktree holds all.
    pub not_checked_out: Option<Totals>,
}

/// Opens a draft. The worktree stands on its dataset then. Files that are there stay if the draft has them alike, and are brought to
/// it if it has them otherwise; what it has besides is known without being there, unless it is asked for.
///
/// # Errors
/// When a draft is open or one of the dataset lies aside; when something is staged, or something that is not committed would be
/// lost; when the label exists or steps back; when a parent is gone, or the dataset's newest version is not among what they
/// come from. Then nothing changes.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let dataset = &options.dataset;
    let mut index = repo.edit_index(monitor)?;
    repo.check_no_draft()?;
    merge::refuse_under_way(repo)?;
    let left = repo.drafts().read(dataset)?;
    if left.as_ref().is_some_and(|draft| draft.staged.is_some()) {
        return Err(DraftError::Aside { name: dataset.clone() }.into());
    }
    let before = repo.head_tree()?;
    let staged = diff_index(repo.db(), before.as_ref(), &index)?.len();
    // What an attempt that was ended has staged is no work of anybody's.
    let goes_on = match left {
        Some(left) if staged > 0 => checkout::is_half_settled(repo, &index, &left.base)?,
        _ => false,
    };
    if staged > 0 && !goes_on {
        return Err(DraftError::Staged { staged }.into());
    }
    let tip = repo.refs().read(dataset)?;
    if tip.is_none() {
        repo.refs().check_room(dataset)?;
    }
    let parents =
        if options.parents.is_empty() { tip.into_iter().collect() } else { options.parents.clone() };
    let labels = check(repo, options, tip, &parents, monitor)?;
    let _objects = repo.lock_objects(monitor)?;
    if goes_on {
        checkout::take_half_settled(repo, &mut index)?;
    }
    let writer = Writer::new(repo.db())?;
    monitor.progress.phase("Merging", None, None);
    let mut overridden = Vec::new();
    let base = merged(repo, &writer, &parents, &mut overridden, monitor)?;
    writer.finish()?;
    let from_full = !index.is_sparse();
    let head = repo.refs().head()?;
    let draft = Draft {
        format: DRAFT_FORMAT,
        dataset: dataset.clone(),
        tip,
        parents,
        base: base.id,
        staged: None,
        state: DraftState::Uploading,
        reason: None,
        label: options.label.clone(),
        tags: options.tags.clone(),
        description: options.description.clone().filter(|text| !text.trim().is_empty()),
        metadata: options.metadata.clone(),
        from: head.into(),
        from_full,
        who: repo.author()?.to_string(),
        host: repo.env().host.clone(),
        time: repo.now(),
    };
    // It counts only once the worktree stands on its dataset.
    repo.drafts().write(&draft)?;
    let mut stats = settle(repo, &mut index, base.id, monitor)?;
    stand_on(repo, &draft, "create", monitor)?;
    drop(index);
    if options.checkout {
        let filled = checkout::fill(repo, false, monitor)?;
        stats = stats.plus(filled);
    }
    let index = repo.index()?;
    let not_checked_out = checkout::absent(repo, &index)?;
    Ok(Outcome { draft, parents: labels, inherited: base.totals, overridden, stats, not_checked_out })
}

/// Refuses what could not be committed later; returns the parents' full labels.
fn check(
    repo: &Repository,
    options: &Options,
    tip: Option<VersionId>,
    parents: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<Vec<String>, Error> {
    check_parents(parents)?;
    let events = repo.events().read()?;
    let mut labels = Vec::new();
    for id in parents {
        let parent = Recorded::read(repo, &events, *id)?;
        parent.check_there()?;
        labels.push(parent.version.full_label());
    }
    if let Some(tip) = tip
        && !ancestors(repo.db(), parents.iter().copied(), monitor.interrupt)?.contains_key(&tip)
    {
        let newest = repo.db().version(&tip)?.full_label();
        return Err(DraftError::NotFromNewest { name: options.dataset.clone(), newest }.into());
    }
    if let Some(label) = &options.label {
        let known_as = events.known_as(&options.dataset);
        let choice = LabelChoice::Exactly(label.clone());
        labels::choose(repo.db(), parents, &known_as, &choice, monitor.interrupt)?;
    }
    Ok(labels)
}

/// What parents give together, each over those before it.
pub(in crate::porcelain) fn merged(
    repo: &Repository,
    writer: &Writer,
    parents: &[VersionId],
    overridden: &mut Vec<Overridden>,
    monitor: &Monitor<'_>,
) -> Result<WrittenTree, Error> {
    let mut merged = WrittenTree { id: empty_tree(), totals: Totals::default() };
    for id in parents {
        let version = repo.db().version(id)?;
        let upper = WrittenTree { id: version.tree, totals: version.totals };
        merged = if merged.id == empty_tree() {
            upper
        } else {
            overlay(writer, merged.id, upper.id, monitor.interrupt, &mut |one| overridden.push(one))?
        };
    }
    Ok(merged)
}

/// Brings the index to the tree of a draft, and tells in the draft's words what is in the way.
pub(super) fn settle(
    repo: &Repository,
    index: &mut IndexEditor,
    to: TreeId,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    match checkout::settle(repo, index, to, monitor) {
        Err(Error::Checkout(error @ CheckoutError::WouldOverwrite { .. })) => {
            Err(DraftError::InTheWay(error).into())
        }
        settled => settled,
    }
}

/// The worktree stands on the draft's dataset from now on.
pub(super) fn stand_on(
    repo: &Repository,
    draft: &Draft,
    why: &str,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let lock = repo.lock_refs(monitor)?;
    let note = repo.note(format!("{why}: {}", draft.dataset))?;
    Ok(repo.refs().set_head(&lock, None, &Head::Dataset(draft.dataset.clone()), &note)?)
}

/// The tree that a draft begins with, as the worktree's verbs take it.
pub(super) fn some_tree(tree: TreeId) -> Option<TreeId> {
    Some(tree).filter(|tree| *tree != empty_tree())
}

impl Draft {
    /// Demands that a step can be taken from its state.
    ///
    /// # Errors
    /// When it cannot; the error names both states.
    pub fn check(&self, step: Step) -> Result<(), Error> {
        let state = crate::model::VersionState::from(self.state);
        let what = format!("the draft of '{}'", self.dataset);
        let illegal = |illegal| crate::porcelain::record::RecordError::Illegal { what, illegal };
        Ok(state.after(step).map(drop).map_err(illegal)?)
    }
}
