//! The worktree into the staging index: what is new, changed or gone.

use std::path::Path;
use std::sync::Arc;

use super::TreeError;
use super::hash_file::hash_file;
use super::links::bytes_of;
use super::scan_worktree::scan_worktree;
use super::sparse::Behind;
use super::store_files::{FileToStore, StoreFilesError, StoredFile, store_files};
use super::tree_edit::empty_tree;
use super::write_tree::WriteTreeError;
use crate::model::{EntryKind, ErrorKind, Interrupted, Monitor, RepoPath, Totals};
use crate::store::{ObjectDb, Writer};
use crate::sys::{FileKind, Fs, IoContext, IoError, Stat, bytes_to_path};
use crate::worktree::{
    Change, Difference, IndexEditor, Materializer, Problem, ProblemKind, ScanOptions, Staged, StagingIndex,
    StatFacts, UntrackedMode, WorktreeError,
};

/// What to stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageOptions {
    /// Only these paths and what is below them; everything when there are none.
    pub roots: Vec<RepoPath>,
    /// Only what is staged already: changes and removals, nothing new.
    pub update: bool,
    /// Which paths to take; everything when there is none. Applied to what differs.
    pub only: Option<PathFilter>,
}

/// A choice of paths.
#[derive(Clone)]
pub struct PathFilter(pub Arc<dyn Fn(&RepoPath) -> bool + Send + Sync>);

impl std::fmt::Debug for PathFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PathFilter")
    }
}

impl PartialEq for PathFilter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PathFilter {}

/// What happened to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageAction {
    /// It was not staged before.
    Added,
    /// Its content or kind is another one.
    Modified,
    /// It is no longer staged.
    Removed,
}

/// What was staged.
#[derive(Debug, Default)]
pub struct StageOutcome {
    /// Every path that changed, in byte order.
    pub changes: Vec<(RepoPath, StageAction)>,
    /// Files that were new, and their bytes.
    pub added: Totals,
    /// Files that were changed, and the bytes that they have now.
    pub modified: Totals,
    /// Files that are gone, and the bytes that they had.
    pub removed: Totals,
    /// Files that were read and found to be what was staged.
    pub confirmed: u64,
    /// Folders that are repositories of their own, and lines of ignore files that are no patterns.
    pub warnings: Vec<Problem>,
}

/// Why nothing was staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The worktree or the index cannot be read.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The staging index, or the tree behind it, cannot be read.
    #[error(transparent)]
    Staged(#[from] WriteTreeError),
    /// Files could not be stored.
    #[error(transparent)]
    Store(#[from] StoreFilesError),
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A path that was asked for does not exist.
    #[error("'{path}' does not exist and is not staged")]
    Missing {
        /// The path.
        path: RepoPath,
    },
    /// A path that was asked for is ignored.
    #[error("'{path}' is ignored by a .dsvignore file")]
    Ignored {
        /// The path.
        path: RepoPath,
    },
    /// Something in the worktree cannot be examined or be part of a dataset.
    #[error("{count} of the paths cannot be added")]
    Problems {
        /// How many.
        count: usize,
        /// All of them.
        problems: Vec<Problem>,
        /// The kind of the first one.
        kind: ErrorKind,
    },
}

impl StageError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Worktree(error) => error.kind(),
            Self::Staged(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Io(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Ignored { .. } => ErrorKind::Refused,
            Self::Problems { kind, .. } => *kind,
        }
    }
}

/// Stages what differs between the worktree at `root` and the index. The caller saves the index if this
/// succeeds, and forgets it if not: then nothing has changed.
///
/// # Errors
/// When a path cannot be read or be part of a dataset, or does not exist; when the disk is full or fails.
pub fn stage(
    root: &Path,
    index: &mut IndexEditor,
    writer: &Writer,
    options: &StageOptions,
    monitor: &Monitor<'_>,
) -> Result<StageOutcome, StageError> {
    let behind = Behind::new(writer.db(), index);
    let (differences, mut outcome) = look(root, index, &behind, options, monitor)?;
    let mut files = Vec::new();
    let mut bytes = 0;
    for Difference { path, change } in differences {
        // A link whose file is what it leads to stays one.
        if is_link(index, &behind, &path, change)? {
            let difference = Difference { path: path.clone(), change };
            if let Verdict::Unchanged(path, stat) = confirm(root, index, &behind, difference, monitor)? {
                note_link(index, &behind, &path, &stat)?;
                outcome.confirmed += 1;
                continue;
            }
        }
        match change {
            Change::Vanished { kind, size } => {
                index.remove(&path)?;
                outcome.removed =
                    outcome.removed.plus(Totals { files: u64::from(!kind.is_dir()), bytes: size });
                outcome.changes.push((path, StageAction::Removed));
            }
            Change::Untracked { kind: EntryKind::Directory, .. } => {
                let (kind, size, id) = (EntryKind::Directory, 0, empty_tree().object());
                behind.set(index, &path, Staged { kind, size, id, stat: None, absent: false })?;
                outcome.changes.push((path, StageAction::Added));
            }
            Change::Modified { to: kind, size, .. }
            | Change::MaybeModified { kind, size }
            | Change::Untracked { kind, bytes: size, .. } => {
                bytes += size;
                let kind = if kind == EntryKind::Symlink { FileKind::Symlink } else { FileKind::File };
                files.push(FileToStore { path, kind, size });
            }
        }
    }
    monitor.progress.phase("Adding", Some(files.len() as u64), Some(bytes));
    let began_ns = index.opened_ns();
    let mut failed = None;
    store_files(writer, root, files.into_iter(), monitor, &mut |stored| {
        if failed.is_none() {
            failed = note(index, &behind, stored, began_ns, &mut outcome).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    outcome.changes.sort_unstable();
    Ok(outcome)
}

/// Whether a file that may be modified is in the place of a link.
fn is_link(
    index: &StagingIndex,
    behind: &Behind<'_>,
    path: &RepoPath,
    change: Change,
) -> Result<bool, WriteTreeError> {
    let may = matches!(change, Change::MaybeModified { .. });
    Ok(may && behind.staged(index, path)?.is_some_and(|staged| staged.kind == EntryKind::ExternalLink))
}

/// Notes the facts of a file that is what a link leads to.
fn note_link(
    index: &mut IndexEditor,
    behind: &Behind<'_>,
    path: &RepoPath,
    stat: &Stat,
) -> Result<(), WriteTreeError> {
    let Some(staged) = behind.staged(index, path)? else { return Ok(()) };
    let (facts, is_held) = (StatFacts::of_read(stat, index.opened_ns()), index.get(path)?.is_some());
    behind.set(index, path, Staged { stat: Some(facts), absent: false, ..staged })?;
    if !is_held {
        index.note_in_tree(path)?;
    }
    Ok(())
}

/// The differences to stage, after everything that forbids it was looked for. The outcome bears warnings only.
///
/// # Errors
/// When a path cannot be part of a dataset, or does not exist; when the index or a node is damaged.
pub fn look(
    root: &Path,
    index: &StagingIndex,
    behind: &Behind<'_>,
    options: &StageOptions,
    monitor: &Monitor<'_>,
) -> Result<(Vec<Difference>, StageOutcome), StageError> {
    let untracked = if options.update { UntrackedMode::None } else { UntrackedMode::Files };
    let scan_options = ScanOptions { roots: options.roots.clone(), untracked, ..Default::default() };
    let fs = &**behind.db().fs();
    let mut found = scan_worktree(fs, root, index, behind, &scan_options, *monitor)?;
    if let Some(path) = found.missing.into_iter().next() {
        return Err(StageError::Missing { path });
    }
    if let Some(path) = found.ignored.into_iter().next() {
        return Err(StageError::Ignored { path });
    }
    let is_warning = |problem: &Problem| {
        matches!(problem.what, ProblemKind::NestedRepository | ProblemKind::BadPattern { .. })
    };
    let (warnings, mut problems): (Vec<_>, Vec<_>) = found.problems.into_iter().partition(is_warning);
    if let Some(filter) = &options.only {
        found.differences.retain(|difference| (filter.0)(&difference.path));
    }
    if !problems.is_empty() {
        // Nothing will be staged: then it is told at once what else cannot be.
        problems.extend(found.differences.iter().filter_map(|one| unreadable(fs, root, one)));
        problems.sort_by(|a, b| a.path.cmp(&b.path));
    }
    if let Some(first) = problems.first() {
        return Err(StageError::Problems { count: problems.len(), kind: first.kind(), problems });
    }
    Ok((found.differences, StageOutcome { warnings, ..Default::default() }))
}

/// The problem with a file that would have to be read and cannot be opened.
fn unreadable(fs: &dyn Fs, root: &Path, difference: &Difference) -> Option<Problem> {
    let is_file = |kind: EntryKind| matches!(kind, EntryKind::File | EntryKind::Executable);
    let read = match difference.change {
        Change::Modified { to: kind, .. }
        | Change::MaybeModified { kind, .. }
        | Change::Untracked { kind, .. } => is_file(kind),
        Change::Vanished { .. } => false,
    };
    let path = difference.path.as_bytes();
    let open = |path| fs.open_nofollow(&root.join(path)).map(drop);
    let error = bytes_to_path(path).and_then(open).err().filter(|_| read)?;
    Some(Problem { path: path.to_vec(), what: ProblemKind::Unreadable(error) })
}

fn note(
    index: &mut IndexEditor,
    behind: &Behind<'_>,
    stored: StoredFile,
    began_ns: i64,
    outcome: &mut StageOutcome,
) -> Result<(), WriteTreeError> {
    let StoredFile { path, kind, size, id, stat } = stored;
    let stat = Some(StatFacts::of_read(&stat, began_ns));
    let staged = Staged { kind, size, id: id.object(), stat, absent: false };
    let before = behind.staged(index, &path)?;
    let is_held = index.get(&path)?.is_some();
    behind.set(index, &path, staged)?;
    if !is_held && before.is_some_and(|before| before.same_content(&staged)) {
        index.note_in_tree(&path)?;
    }
    let totals = Totals { files: 1, bytes: size };
    match before {
        Some(before) if before.same_content(&staged) => outcome.confirmed += 1,
        Some(_) => {
            outcome.modified = outcome.modified.plus(totals);
            outcome.changes.push((path, StageAction::Modified));
        }
        None => {
            outcome.added = outcome.added.plus(totals);
            outcome.changes.push((path, StageAction::Added));
        }
    }
    Ok(())
}

/// What [`stage`] would do, without storing or staging anything.
///
/// # Errors
/// As [`stage`], but for the disk.
pub fn plan(
    db: &ObjectDb,
    root: &Path,
    index: &StagingIndex,
    options: &StageOptions,
    monitor: &Monitor<'_>,
) -> Result<StageOutcome, StageError> {
    let behind = Behind::new(db, index);
    let (differences, mut outcome) = look(root, index, &behind, options, monitor)?;
    for difference in differences {
        let path = difference.path.clone();
        let Verdict::Differs(changed) = confirm(root, index, &behind, difference, monitor)? else {
            outcome.confirmed += 1;
            continue;
        };
        let (action, totals) = match changed.change {
            Change::Vanished { kind, size } => {
                (StageAction::Removed, Totals { files: u64::from(!kind.is_dir()), bytes: size })
            }
            Change::Untracked { files, bytes, .. } => (StageAction::Added, Totals { files, bytes }),
            Change::Modified { size, .. } | Change::MaybeModified { size, .. } => {
                (StageAction::Modified, Totals { files: 1, bytes: size })
            }
        };
        let sum = match action {
            StageAction::Added => &mut outcome.added,
            StageAction::Modified => &mut outcome.modified,
            StageAction::Removed => &mut outcome.removed,
        };
        *sum = sum.plus(totals);
        outcome.changes.push((path, action));
    }
    Ok(outcome)
}

/// What a closer look at a difference showed.
#[derive(Debug)]
pub enum Verdict {
    /// It is one.
    Differs(Difference),
    /// The file holds what is staged, and its facts from before the first byte was read are these.
    Unchanged(RepoPath, Stat),
}

/// Settles whether a file that may be modified is: it is hashed.
///
/// # Errors
/// When the file cannot be read, or the work was interrupted.
pub fn confirm(
    root: &Path,
    index: &StagingIndex,
    behind: &Behind<'_>,
    difference: Difference,
    monitor: &Monitor<'_>,
) -> Result<Verdict, StageError> {
    let Change::MaybeModified { kind, size } = difference.change else {
        return Ok(Verdict::Differs(difference));
    };
    let absolute = root.join(bytes_to_path(difference.path.as_bytes()).at("name", root)?);
    let hashed = hash_file(&**behind.db().fs(), &absolute, monitor.interrupt);
    monitor.interrupt.check()?;
    let (id, _, stat) = hashed.at("read", &absolute)?;
    let staged = behind.staged(index, &difference.path)?;
    let held = staged
        .map(|staged| bytes_of(behind.db(), staged.kind, &staged.id))
        .transpose()
        .map_err(TreeError::from)
        .map_err(WriteTreeError::from)?;
    if held.flatten() == Some(id.object()) {
        return Ok(Verdict::Unchanged(difference.path, stat));
    }
    let change = Change::Modified { from: kind, to: kind, size };
    Ok(Verdict::Differs(Difference { path: difference.path, change }))
}

/// As [`confirm`], but a file that cannot be read is a problem that ends nothing.
///
/// # Errors
/// When the index or a node is damaged, or the work was interrupted.
pub fn examine(
    root: &Path,
    index: &StagingIndex,
    behind: &Behind<'_>,
    difference: Difference,
    monitor: &Monitor<'_>,
) -> Result<Result<Verdict, Problem>, StageError> {
    let path = difference.path.as_bytes().to_vec();
    match confirm(root, index, behind, difference, monitor) {
        Err(StageError::Io(error)) => Ok(Err(Problem { path, what: ProblemKind::Unreadable(error.source) })),
        settled => settled.map(Ok),
    }
}

/// Where a path of the dataset lies on the disk.
///
/// # Errors
/// When the system cannot name it.
pub fn locate(fs: &Arc<dyn Fs>, root: &Path, path: &RepoPath) -> Result<std::path::PathBuf, IoError> {
    Materializer::new(Arc::clone(fs), root).locate(path)
}
