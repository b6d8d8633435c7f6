//! What differs between the worktree and the staging index.
//!
//! The walk is shared by [`Monitor::threads`] threads; the listing of a large directory is cut into batches,
//! so that one directory of a million files keeps all of them busy. Each batch of sorted names is
//! merged with the same range of the index. A file that is what it was costs one `lstat` and no
//! allocation. Nothing is read and nothing is hashed here: where the facts prove nothing, the file *may* be
//! modified, and the caller looks.
//!
//! Links are not followed, so that no loop can hold the walk. What cannot be examined is a [`Problem`]
//! and does not end it.

mod compare;
mod queue;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{StagingIndex, WorktreeError};
use crate::model::{EntryKind, ErrorKind, Monitor, PathError, RepoPath, Totals, quote_path};
use crate::sys::Fs;

/// What to look at, and how closely.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Look only at these paths and at what is below them; everything when there are none.
    pub roots: Vec<RepoPath>,
    /// What to tell of files that are not staged.
    pub untracked: UntrackedMode,
    /// Whether the executable bit means something here.
    pub executable_bit: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { roots: Vec::new(), untracked: UntrackedMode::default(), executable_bit: cfg!(unix) }
    }
}

/// What to tell of files that are not staged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UntrackedMode {
    /// A directory with nothing staged below it is one item that counts what is in it.
    #[default]
    Directories,
    /// Every file, and every empty directory.
    Files,
    /// Nothing; directories with nothing staged below them are not even entered.
    None,
}

/// A path at which worktree and index differ, or may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Where.
    pub path: RepoPath,
    /// How.
    pub change: Change,
}

/// How worktree and index differ at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Staged, and no longer there. When something else is there now, that is another difference.
    Vanished {
        /// What is staged.
        kind: EntryKind,
        /// Its size in bytes.
        size: u64,
    },
    /// Certainly not what is staged: another kind or another size.
    Modified {
        /// What is staged.
        from: EntryKind,
        /// What is there.
        to: EntryKind,
        /// Bytes that are there.
        size: u64,
    },
    /// Of the same kind and size, but the facts do not prove it to be unchanged: its content must be hashed.
    MaybeModified {
        /// What it is.
        kind: EntryKind,
        /// Its size in bytes.
        size: u64,
    },
    /// There, and not staged. A [`EntryKind::Directory`] stands for all that is in it, which is nothing
    /// when it is an empty directory.
    Untracked {
        /// What it is.
        kind: EntryKind,
        /// Files and their bytes.
        files: u64,
        /// See `files`.
        bytes: u64,
    },
}

/// Something that could not be examined, and why.
#[derive(Debug)]
pub struct Problem {
    /// Its path in the dataset; not checked, since the name may be the problem.
    pub path: Vec<u8>,
    /// What is wrong.
    pub what: ProblemKind,
}

/// Why something could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum ProblemKind {
    /// No dataset can hold it.
    #[error("is a socket, a pipe or a device")]
    Unsupported,
    /// A directory cannot be listed, or a file not examined.
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    /// A directory is a repository of its own.
    #[error("is another repository; its files are not looked at")]
    NestedRepository,
    /// The path cannot be in a dataset.
    #[error("cannot be part of a dataset")]
    BadPath(#[source] PathError),
    /// A path that was asked for goes through a link.
    #[error("lies beyond the symbolic link {link}")]
    BeyondSymlink {
        /// The link.
        link: RepoPath,
    },
    /// A line of an ignore file is no pattern.
    #[error("line {line} is skipped: {why}")]
    BadPattern {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl Problem {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match &self.what {
            ProblemKind::Unsupported => ErrorKind::UnsupportedFile,
            ProblemKind::Unreadable(error) => ErrorKind::of_io(error),
            ProblemKind::NestedRepository => ErrorKind::Refused,
            ProblemKind::BadPath(_) => ErrorKind::InvalidPath,
            ProblemKind::BeyondSymlink { .. } => ErrorKind::OutsideWorktree,
            ProblemKind::BadPattern { .. } => ErrorKind::Usage,
        }
    }
}

impl Problem {
    /// Whether it leaves open what is there, rather than telling of something that is passed over.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self.what, ProblemKind::Unreadable(_))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", quote_path(&self.path), self.what)
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.what.source()
    }
}

/// What the walk cost, and what it found unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanCounts {
    /// Directories that were listed.
    pub listed: u64,
    /// `lstat` calls within them.
    pub stats: u64,
    /// Entries that are what is staged.
    pub unchanged: Totals,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct ScanOutcome {
    /// All differences, in byte order of path.
    pub differences: Vec<Difference>,
    /// All problems, in byte order of path.
    pub problems: Vec<Problem>,
    /// Paths of [`ScanOptions::roots`] that are ignored, and not staged.
    pub ignored: Vec<RepoPath>,
    /// Paths of [`ScanOptions::roots`] that neither exist nor are staged.
    pub missing: Vec<RepoPath>,
    /// What it cost.
    pub counts: ScanCounts,
}

/// Compares the worktree at `root` with the index.
///
/// # Errors
/// When the index is damaged, or the work was interrupted.
pub fn scan(
    fs: &dyn Fs,
    root: &Path,
    index: &StagingIndex,
    options: &ScanOptions,
    monitor: Monitor<'_>,
) -> Result<ScanOutcome, WorktreeError> {
    let found = Mutex::new(Vec::new());
    let lock = || found.lock().unwrap_or_else(PoisonError::into_inner);
    let mut outcome = scan_with(fs, root, index, options, monitor, &|mut some| lock().append(&mut some))?;
    outcome.differences = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.differences.sort_unstable();
    Ok(outcome)
}

/// As [`scan`], but gives the differences away as they are found: a few hundred at a time, in no order, from
/// any of the threads, which wait while `sink` does. The outcome holds everything else.
///
/// # Errors
/// As [`scan`].
pub fn scan_with(
    fs: &dyn Fs,
    root: &Path,
    index: &StagingIndex,
    options: &ScanOptions,
    monitor: Monitor<'_>,
    sink: &(dyn Fn(Vec<Difference>) + Sync),
) -> Result<ScanOutcome, WorktreeError> {
    monitor.progress.phase("Scanning", None, None);
    walk::Walk::new(fs, root, index, options, monitor, sink).run()
}
