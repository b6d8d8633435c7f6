//! `dsv status`: what is staged, changed and untracked.

use std::ffi::OsString;

use super::merge::{self, UnderWay};
use super::pathspec::{Pathspec, Places};
use super::{Draft, Error, Repository, checkout, draft, remotes};
use crate::model::{DatasetName, EntryKind, Head, Label, Monitor, RemoteName, RepoPath, Totals, VersionId};
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::{DiffTotals, Rename, TreeChange, take_renames};
use crate::plumbing::refresh::Refresh;
use crate::plumbing::scan_worktree::scan_worktree;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{Verdict, examine};
use crate::worktree::{Change, Difference, Problem, ScanCounts, ScanOptions, UntrackedMode};

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Paths and patterns; everything when there are none.
    pub paths: Vec<OsString>,
    /// Every untracked file, instead of folders with counts.
    pub all: bool,
}

/// How a tracked file differs from what is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorktreeChange {
    /// Its content or kind is another one.
    Modified,
    /// It is gone.
    Deleted,
}

/// A file or folder that is not tracked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untracked {
    /// Where.
    pub path: RepoPath,
    /// A directory stands for all that is in it.
    pub is_dir: bool,
    /// Files and bytes.
    pub totals: Totals,
}

/// The state of the worktree.
#[derive(Debug)]
pub struct Outcome {
    /// Where the worktree stands.
    pub head: Head,
    /// The draft that is open.
    pub draft: Option<Draft>,
    /// What it inherits from, by full labels.
    pub draft_parents: Vec<String>,
    /// Drafts that lie aside.
    pub aside: Vec<Draft>,
    /// Uploads of versions that have not ended.
    pub unfinished: Vec<(RemoteName, VersionId)>,
    /// The version that it comes from.
    pub version: Option<(VersionId, Label)>,
    /// The dataset for which that version was made: another one after a dataset was renamed or branched off.
    pub made_for: Option<DatasetName>,
    /// The merge that is under way.
    pub merge: Option<UnderWay>,
    /// Staged and not committed, renames taken out.
    pub staged: Vec<TreeChange>,
    /// Staged under a new path.
    pub renamed: Vec<Rename>,
    /// What is staged amounts to.
    pub staged_totals: DiffTotals,
    /// Tracked files that differ from what is staged, with the size that they have or had.
    pub changed: Vec<(RepoPath, WorktreeChange, u64)>,
    /// What is not tracked.
    pub untracked: Vec<Untracked>,
    /// What could not be examined.
    pub problems: Vec<Problem>,
    /// Tracked files that are what was staged.
    pub unchanged: Totals,
    /// Files that are staged and not in the worktree because nobody asked for them, and their bytes; `None` when the
    /// worktree is to hold all.
    pub not_checked_out: Option<Totals>,
    /// What the walk cost.
    pub counts: ScanCounts,
    /// Bytes that had to be hashed to know.
    pub hashed_bytes: u64,
}

impl Outcome {
    /// Whether something could not be read, so that it is not known what it is.
    pub fn has_unreadable(&self) -> bool {
        self.problems.iter().any(Problem::is_unreadable)
    }

    /// Whether there is nothing to stage and nothing to commit.
    pub fn is_clean(&self) -> bool {
        self.staged.is_empty()
            && self.renamed.is_empty()
            && self.changed.is_empty()
            && self.untracked.is_empty()
            && self.merge.is_none()
            && !self.has_unreadable()
    }
}

/// Compares version, staging index and worktree. Files are hashed only where their facts prove nothing.
///
/// # Errors
/// When the repository is damaged, a path lies outside, or the work was interrupted.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let spec = Pathspec::new(repo, &options.paths)?;
    let index = repo.index()?;
    let head = repo.refs().head()?;
    let version = repo.head_version()?;
    let draft = repo.open_draft()?;
    let tree = repo.head_tree()?;
    let mut staged = diff_index(repo.db(), tree.as_ref(), &index)?;
    staged.retain(|change| spec.matches(&change.path));
    let (staged, renamed, staged_totals) = summarize(staged);

    // Patterns are matched against files, which folders would hide.
    let each = options.all || spec.filter().is_some();
    let untracked_mode = if each { UntrackedMode::Files } else { UntrackedMode::Directories };
    let scan_options = ScanOptions { roots: spec.roots(), untracked: untracked_mode, ..Default::default() };
    let behind = Behind::new(repo.db(), &index);
    let found = scan_worktree(&**repo.fs(), repo.root(), &index, &behind, &scan_options, *monitor)?;
    if !spec.is_empty() {
        let differing: Vec<RepoPath> = found.differences.iter().map(|one| one.path.clone()).collect();
        spec.all_known(repo, &Places { index: Some(&index), found: &differing, ..Default::default() })?;
    }
    let mut outcome = Outcome {
        head,
        draft_parents: repo.parents(draft.as_ref())?.iter().map(|(_, parent)| parent.full_label()).collect(),
        aside: draft::aside(repo)?,
        unfinished: remotes::unfinished_uploads(repo)?,
        draft,
        made_for: version.as_ref().map(|(_, version)| version.dataset.clone()),
        version: version.map(|(id, version)| (id, version.label)),
        merge: merge::under_way(repo)?,
        staged,
        renamed,
        staged_totals,
        changed: Vec::new(),
        untracked: Vec::new(),
        problems: found.problems,
        unchanged: found.counts.unchanged,
        not_checked_out: checkout::absent(repo, &index)?,
        counts: found.counts,
        hashed_bytes: 0,
    };
    let mut refresh = None;
    let gits = repo.gits_file()?;
    let is_gits =
        |one: &Difference| gits.as_ref() == Some(&one.path) && matches!(one.change, Change::Untracked { .. });
    let chosen = found.differences.into_iter().filter(|one| spec.matches(&one.path) && !is_gits(one));
    for difference in chosen {
        if let Change::MaybeModified { size, .. } = difference.change {
            outcome.hashed_bytes += size;
            refresh.get_or_insert_with(|| Refresh::begin(repo.fs(), &repo.layout().index()).ok());
        }
        match examine(repo.root(), &index, &behind, difference, monitor)? {
            Err(problem) => outcome.problems.push(problem),
            Ok(Verdict::Differs(difference)) => outcome.add(difference.path, difference.change),
            Ok(Verdict::Unchanged(path, stat)) => {
                outcome.unchanged = outcome.unchanged.plus(Totals { files: 1, bytes: stat.size });
                if let (Some(Some(refresh)), Some(staged)) = (&mut refresh, index.get(&path)?) {
                    refresh.note(path, staged, &stat);
                }
            }
        }
    }
    outcome.problems.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(refresh) = refresh.flatten() {
        repo.remember(refresh, monitor);
    }
    Ok(outcome)
}

impl Outcome {
    fn add(&mut self, path: RepoPath, change: Change) {
        match change {
            Change::Vanished { size, .. } => self.changed.push((path, WorktreeChange::Deleted, size)),
            Change::Modified { size, .. } | Change::MaybeModified { size, .. } => {
                self.changed.push((path, WorktreeChange::Modified, size));
            }
            Change::Untracked { kind, files, bytes } => {
                let is_dir = kind == EntryKind::Directory;
                self.untracked.push(Untracked { path, is_dir, totals: Totals { files, bytes } });
            }
        }
    }
}

/// Takes renames out of changes and counts both.
pub(super) fn summarize(mut changes: Vec<TreeChange>) -> (Vec<TreeChange>, Vec<Rename>, DiffTotals) {
    let renames = take_renames(&mut changes);
    let mut totals = DiffTotals::default();
    changes.iter().for_each(|change| totals.count(change));
    for rename in &renames {
        totals.renamed = totals.renamed.plus(rename.entry.totals());
    }
    (changes, renames, totals)
}
