//! What was merged, into worktree and staging index, and on to a version.

use super::state::{self, ConflictStatus};
use super::{CarriedChange, End, MergeError, Outcome, label_choice, label_word, noted};
use crate::model::{
    Author, DatasetName, MergeAction, MergeState, Monitor, RepoPath, TreeId, Version, VersionId,
};
use crate::plumbing::checkout::{CheckoutError, CheckoutStats, PathChange, check_changes};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::{DiffOptions, DiffTotals, TreeChange, collect_changes};
use crate::plumbing::labels::{self, LabelChoice};
use crate::plumbing::merge_tree::{self, Conflict};
use crate::plumbing::tree_edit::{WrittenTree, empty_tree};
use crate::porcelain::checkout::{self, apply, content, go_sparse, path_change};
use crate::porcelain::{Error, Repository, commit, status};
use crate::worktree::{IndexEditor, StagingIndex};

/// What became of the trees.
#[derive(Debug, Clone)]
pub struct Trees {
    /// The merged one, with ours in place of conflicts.
    pub(super) tree: WrittenTree,
    /// What is taken from the other side.
    pub(super) changes: Vec<TreeChange>,
    /// What is taken from the other side amounts to.
    pub taken: DiffTotals,
    /// What is to be solved.
    pub conflicts: Vec<Conflict>,
    /// Conflicts that were solved by the side that was chosen for all.
    pub favoured: Vec<Conflict>,
    /// Texts of which both sides changed lines.
    pub merged_by_lines: Vec<RepoPath>,
    /// Changes that went along with files which the other side moved.
    pub carried: Vec<CarriedChange>,
}

impl Default for Trees {
    fn default() -> Self {
        Self {
            tree: WrittenTree { id: empty_tree(), totals: crate::model::Totals::default() },
            changes: Vec::new(),
            taken: DiffTotals::default(),
            conflicts: Vec::new(),
            favoured: Vec::new(),
            merged_by_lines: Vec::new(),
            carried: Vec::new(),
        }
    }
}

impl Trees {
    /// What was solved by the side that was chosen for all.
    pub fn favoured(&self) -> Vec<ConflictStatus> {
        let status = |conflict: &Conflict| ConflictStatus { conflict: noted(conflict), solved: true };
        self.favoured.iter().map(status).collect()
    }

    /// Adds what one merge of trees came to.
    pub(super) fn add(&mut self, outcome: merge_tree::Outcome) {
        self.tree = outcome.tree;
        (_, _, self.taken) = status::summarize(outcome.changes.clone());
        self.changes = outcome.changes;
        self.conflicts = outcome.conflicts;
        self.favoured.extend(outcome.favoured);
        self.merged_by_lines.extend(outcome.merged_by_lines);
        self.carried.extend(outcome.carried);
    }

    /// Finds out what differs from a version, after several merges.
    pub(super) fn count_anew(&mut self, repo: &Repository, version: &Version) -> Result<(), Error> {
        let (old, new) = (Some(version.tree), Some(self.tree.id));
        self.changes = collect_changes(repo.db(), old.as_ref(), new.as_ref(), DiffOptions::default())?;
        (_, _, self.taken) = status::summarize(self.changes.clone());
        Ok(())
    }
}

/// All that is needed to bring what was merged and to make a version of it.
pub(super) struct Plan {
    pub(super) action: MergeAction,
    pub(super) head: VersionId,
    /// The manifest of `head`.
    pub(super) version: Version,
    pub(super) theirs: Vec<VersionId>,
    pub(super) trees: Trees,
    pub(super) message: String,
    pub(super) label: LabelChoice,
    pub(super) author: Option<Author>,
    pub(super) mainline: Option<u32>,
    pub(super) todo: Vec<VersionId>,
}

impl Plan {
    /// What would be done.
    pub(super) fn told(self) -> Outcome {
        Outcome {
            action: self.action,
            end: End::DryRun,
            conflicts: statuses(&self.trees),
            trees: self.trees,
            stats: CheckoutStats::default(),
            todo: self.todo.len(),
        }
    }

    fn state(&self) -> MergeState {
        MergeState {
            action: self.action,
            applied: false,
            head: self.head,
            theirs: self.theirs.clone(),
            tree: self.trees.tree.id,
            message: self.message.clone(),
            label: label_word(&self.label),
            author: self.author.clone(),
            mainline: self.mainline,
            todo: self.todo.clone(),
            conflicts: self.trees.conflicts.iter().map(noted).collect(),
        }
    }
}

fn statuses(trees: &Trees) -> Vec<ConflictStatus> {
    let status = |conflict: &Conflict| ConflictStatus { conflict: noted(conflict), solved: false };
    trees.conflicts.iter().map(status).collect()
}

/// Demands that nothing is staged.
pub(super) fn refuse_staged(repo: &Repository, index: &StagingIndex, version: &Version) -> Result<(), Error> {
    let staged = diff_index(repo.db(), Some(&version.tree), index)?;
    if staged.is_empty() {
        return Ok(());
    }
    let paths = staged.into_iter().map(|change| change.path).collect();
    Err(MergeError::Staged { paths }.into())
}

/// Brings what was merged into worktree and index. What it is about is durable before anything is touched; where nothing was
/// touched, that is forgotten again.
pub(super) fn bring(
    repo: &Repository,
    index: &mut IndexEditor,
    plan: &Plan,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    refuse_changed_conflicts(repo, index, &plan.trees, monitor)?;
    let mut state = plan.state();
    state::write(repo, &state)?;
    let changes: Vec<_> = plan.trees.changes.iter().cloned().map(path_change).collect();
    let moved = move_worktree(repo, index, plan.version.tree, &state, &changes, monitor);
    if moved.as_ref().is_err_and(|error| !matches!(error, Error::Merge(MergeError::Halfway { .. }))) {
        state::forget(repo)?;
    }
    let stats = moved?;
    state.applied = true;
    state::write(repo, &state)?;
    Ok(stats)
}

/// Demands that files in conflict are what was committed, since solving them or going back replaces them.
fn refuse_changed_conflicts(
    repo: &Repository,
    index: &StagingIndex,
    trees: &Trees,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let mut changes = Vec::new();
    for conflict in &trees.conflicts {
        let ours = conflict.ours.as_ref().map(content);
        // What is not checked out has no file, and one that lies there is looked at when it is in the way.
        let is_held = index.get(&conflict.path)?.is_some_and(|staged| !staged.absent);
        if ours.is_some() && is_held {
            changes.push(PathChange { path: conflict.path.clone(), old: ours, new: ours });
        }
    }
    Ok(check_changes(repo.db(), repo.root(), index, &changes, monitor)?)
}

/// Makes worktree and index from what the current version has to what was merged.
pub(super) fn move_worktree(
    repo: &Repository,
    index: &mut IndexEditor,
    from: TreeId,
    state: &MergeState,
    changes: &[PathChange],
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, Error> {
    let moved = if index.is_sparse() {
        let options = checkout::Options {
            head: repo.refs().head()?,
            version: None,
            create: false,
            force: false,
            sparse: None,
        };
        go_sparse(repo, &options, index, Some(from), Some(state.tree), monitor).map(|(stats, _)| stats)
    } else {
        apply(repo, index, changes, false, monitor, |index| {
            // Something else may have been staged since it was interrupted.
            if diff_index(repo.db(), Some(&state.tree), index)?.is_empty() {
                index.set_tree(state.tree);
            }
            Ok(())
        })
    };
    moved.map_err(|error| match error {
        // Nothing was touched, or all is as it was.
        Error::Checkout(ref checkout)
            if !matches!(checkout, CheckoutError::Partly { .. } | CheckoutError::Interrupted(_)) =>
        {
            error
        }
        error => MergeError::Halfway { action: state.action, source: Box::new(error) }.into(),
    })
}

/// Makes the version, unless somebody has to do something first.
pub(super) fn finish(
    repo: &Repository,
    plan: Plan,
    stats: CheckoutStats,
    no_commit: bool,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let conflicts = statuses(&plan.trees);
    let end = if conflicts.is_empty() && !no_commit {
        let state = MergeState { applied: true, ..plan.state() };
        End::Made(Box::new(make(repo, &state, monitor)?))
    } else {
        End::Waits
    };
    Ok(Outcome { action: plan.action, end, conflicts, trees: plan.trees, stats, todo: plan.todo.len() })
}

/// Demands that the version can have its label, before anything is touched.
pub(super) fn check_label(
    repo: &Repository,
    plan: &Plan,
    dataset: &DatasetName,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let parents = plan.state().parents();
    Ok(labels::choose(repo.db(), &parents, &repo.known_as(dataset)?, &plan.label, monitor.interrupt)
        .map(drop)?)
}

/// Makes a version of what is staged, as the state says.
pub(super) fn make(
    repo: &Repository,
    state: &MergeState,
    monitor: &Monitor<'_>,
) -> Result<commit::Outcome, Error> {
    let options = commit::Options {
        message: Some(state.message.clone()),
        label: label_choice(&state.label)?,
        ..commit::Options::default()
    };
    commit::run(repo, &options, monitor)
}
