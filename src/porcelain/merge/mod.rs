//! `dsv merge`: what others made of the data, and what was made of it here, become one version.
//!
//! All that merges is brought into worktree and staging index; of what is in conflict, ours stays there until it is solved. What is
//! under way is known from a file ([`MergeState`]), which is written before anything is touched and removed when all is done: whatever
//! ends the program in between, the merge can be gone on with ([`proceed`]) and taken back ([`abort`]).

mod end;
mod error;
mod pick;
mod solve;
mod state;
mod step;

use crate::model::{DatasetName, Favour, Head, MergeAction, Monitor, Version, VersionId};
use crate::plumbing::checkout::CheckoutStats;
use crate::plumbing::labels::LabelChoice;
use crate::plumbing::merge_base::is_ancestor;
use crate::plumbing::merge_tree::{self, Base, Carried, Conflict, merge_bases};
use crate::plumbing::tree_edit::WrittenTree;
use crate::porcelain::fast_forward::fast_forward;
use crate::porcelain::{Error, Repository, commit};
use crate::store::Writer;

pub use crate::model::{MergeConflict, MergeState};
pub use end::{Aborted, abort, proceed};
pub use error::MergeError;
pub use pick::{PickOptions, cherry_pick, revert};
pub use solve::{SolveOptions, Solved, solve};
pub use state::{ConflictStatus, UnderWay, under_way};
use step::{Plan, Trees};

pub(super) use state::{check_solved, forget, refuse_under_way, to_commit};

/// What to merge, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The versions that are merged into the current one; at least one.
    pub versions: Vec<VersionId>,
    /// The side that is taken where both changed a path.
    pub favour: Option<Favour>,
    /// The message; `Merge cats@1.2.0` unless told.
    pub message: Option<String>,
    /// The label of the new version.
    pub label: LabelChoice,
    /// Leave it to the person to commit.
    pub no_commit: bool,
    /// Make a version also where going on to the other one would do.
    pub no_ff: bool,
    /// Merge also versions that have none in common.
    pub allow_unrelated: bool,
    /// Tell what would be done, and do nothing.
    pub dry_run: bool,
}

/// How it ended.
#[derive(Debug, Clone)]
pub enum End {
    /// The current version has it all.
    UpToDate,
    /// The dataset went on to a version that has all of the current one.
    Forward(VersionId, Version),
    /// It would go on to that version, but nothing was done, as it was wished.
    WouldForward(VersionId, Version),
    /// A version was made.
    Made(Box<commit::Outcome>),
    /// It is in worktree and staging index, and waits for somebody to solve conflicts, or to commit it.
    Waits,
    /// Nothing was done, as it was wished.
    DryRun,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it was.
    pub action: MergeAction,
    /// How it ended.
    pub end: End,
    /// What was taken from the other side, and what was in conflict.
    pub trees: Trees,
    /// What is to be solved.
    pub conflicts: Vec<ConflictStatus>,
    /// Files written and removed.
    pub stats: CheckoutStats,
    /// Versions that are still to be picked.
    pub todo: usize,
}

impl Outcome {
    fn nothing(end: End) -> Self {
        Self {
            action: MergeAction::Merge,
            end,
            trees: Trees::default(),
            conflicts: Vec::new(),
            stats: CheckoutStats::default(),
            todo: 0,
        }
    }

    /// Whether something is left to be solved.
    pub fn has_conflicts(&self) -> bool {
        self.conflicts.iter().any(|conflict| !conflict.solved)
    }
}

/// Merges versions into the current one.
///
/// # Errors
/// When something is staged, or another merge is under way; when something uncommitted would be lost: then nothing is
/// touched; when the versions have nothing in common.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let mut index = repo.edit_index(monitor)?;
    refuse_under_way(repo)?;
    repo.check_no_draft()?;
    let Head::Dataset(dataset) = repo.refs().head()? else { return Err(Error::DetachedHead) };
    let (head, version) = repo.head_version()?.ok_or(Error::NoVersion)?;
    let versions = not_merged(repo, head, &options.versions, monitor)?;
    if versions.is_empty() {
        return Ok(Outcome::nothing(End::UpToDate));
    }
    if let Some((to, target)) = forward(repo, options, &dataset, head, &versions, monitor)? {
        if options.dry_run {
            return Ok(Outcome::nothing(End::WouldForward(to, target)));
        }
        drop(index);
        let why = format!("merge: forward to {}", target.full_label());
        let stats = fast_forward(repo, &dataset, Some(head), to, None, &why, monitor)?;
        return Ok(Outcome { stats, ..Outcome::nothing(End::Forward(to, target)) });
    }
    step::refuse_staged(repo, &index, &version)?;
    monitor.progress.phase("Merging", None, None);
    let objects = repo.lock_objects(monitor)?;
    let trees = merge(repo, options, (head, &version), &versions, monitor)?;
    let labels: Vec<_> = versions.iter().map(|(_, version)| version.full_label()).collect();
    let plan = Plan {
        action: MergeAction::Merge,
        head,
        version,
        theirs: versions.iter().map(|(id, _)| *id).collect(),
        trees,
        message: options.message.clone().unwrap_or_else(|| format!("Merge {}", labels.join(", "))),
        label: options.label.clone(),
        author: None,
        mainline: None,
        todo: Vec::new(),
    };
    if options.dry_run {
        return Ok(plan.told());
    }
    step::check_label(repo, &plan, &dataset, monitor)?;
    let stats = step::bring(repo, &mut index, &plan, monitor)?;
    drop((index, objects));
    step::finish(repo, plan, stats, options.no_commit, monitor)
}

/// The versions that the current one does not have, each once, and none that another one of them has.
fn not_merged(
    repo: &Repository,
    head: VersionId,
    versions: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<Vec<(VersionId, Version)>, Error> {
    let mut found: Vec<(VersionId, Version)> = Vec::new();
    for (at, id) in versions.iter().enumerate() {
        let others = versions.iter().enumerate().filter(|(other_at, other)| {
            // Of one that is there twice, the first counts.
            if other == &id { *other_at < at } else { true }
        });
        let mut is_merged = is_ancestor(repo.db(), *id, head, monitor.interrupt)?;
        for (other_at, other) in others {
            is_merged |= other_at != at && is_ancestor(repo.db(), *id, *other, monitor.interrupt)?;
        }
        if !is_merged {
            found.push((*id, repo.db().version(id)?));
        }
    }
    Ok(found)
}

/// The version to which the dataset can go on without a new one: it was made for this dataset, and has all of the current one.
fn forward(
    repo: &Repository,
    options: &Options,
    dataset: &DatasetName,
    head: VersionId,
    versions: &[(VersionId, Version)],
    monitor: &Monitor<'_>,
) -> Result<Option<(VersionId, Version)>, Error> {
    let [(id, version)] = versions else { return Ok(None) };
    let is_forward = !options.no_ff
        && repo.known_as(dataset)?.is(&version.dataset)
        && is_ancestor(repo.db(), head, *id, monitor.interrupt)?;
    Ok(is_forward.then(|| (*id, version.clone())))
}

/// Merges the trees, one after the other.
fn merge(
    repo: &Repository,
    options: &Options,
    (head, version): (VersionId, &Version),
    versions: &[(VersionId, Version)],
    monitor: &Monitor<'_>,
) -> Result<Trees, Error> {
    let mut merged = vec![head];
    let mut trees =
        Trees { tree: WrittenTree { id: version.tree, totals: version.totals }, ..Trees::default() };
    for (id, theirs) in versions {
        let base = match merge_bases(repo.db(), &merged, &[*id], monitor)? {
            Some(base) => base,
            None if options.allow_unrelated => Base::default(),
            None => return Err(MergeError::Unrelated { ours: head, theirs: *id }.into()),
        };
        let label = theirs.full_label();
        let tree_options = merge_tree::Options {
            base: &base,
            ours: Some(trees.tree.id),
            theirs: Some(theirs.tree),
            favour: options.favour,
            label: &label,
        };
        let writer = Writer::new(repo.db())?;
        let outcome = merge_tree::run(&writer, &tree_options, monitor)?;
        if versions.len() > 1 && !outcome.conflicts.is_empty() {
            let count = outcome.conflicts.len();
            return Err(MergeError::SeveralInConflict { theirs: *id, count }.into());
        }
        // What is only told is not kept, unless the next one needs it.
        if !options.dry_run || versions.len() > 1 {
            writer.finish()?;
        }
        trees.add(outcome);
        merged.push(*id);
    }
    if versions.len() > 1 {
        trees.count_anew(repo, version)?;
    }
    Ok(trees)
}

/// How a conflict is written down.
fn noted(conflict: &Conflict) -> MergeConflict {
    let entry = |entry: &crate::model::Entry| crate::model::MergedEntry {
        kind: entry.kind,
        size: entry.size,
        id: entry.id,
    };
    MergeConflict {
        path: conflict.path.clone(),
        kind: conflict.kind,
        base: conflict.base.as_ref().map(entry),
        ours: conflict.ours.as_ref().map(entry),
        theirs: conflict.theirs.as_ref().map(entry),
        beside: conflict.beside.clone(),
        solved: None,
    }
}

/// What a label's choice is called in the state of a merge.
fn label_word(label: &LabelChoice) -> String {
    match label {
        LabelChoice::Patch => "patch".to_owned(),
        LabelChoice::Minor => "minor".to_owned(),
        LabelChoice::Major => "major".to_owned(),
        LabelChoice::Exactly(label) => label.to_string(),
    }
}

/// The choice of a word.
fn label_choice(word: &str) -> Result<LabelChoice, Error> {
    Ok(match word {
        "patch" => LabelChoice::Patch,
        "minor" => LabelChoice::Minor,
        "major" => LabelChoice::Major,
        label => LabelChoice::Exactly(label.parse()?),
    })
}

/// Carried changes of a merge, for whoever shows them.
pub type CarriedChange = Carried;
