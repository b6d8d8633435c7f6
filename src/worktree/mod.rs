//! The user's files: what is staged, what changed, and how content comes to the disk.

mod error;
mod ignore;
mod index;
mod materialize;
mod scan;
mod stat;

pub use crate::codec::staging_index::{EntryRef, Staged, StatFacts};
pub use error::WorktreeError;
pub use ignore::{BadPattern, IGNORE_FILE, IgnoreRules};
pub use index::{DirEntries, DirView, IndexEditor, StagedEntry, StagingIndex};
pub use materialize::{MaterializeError, Materializer, Target};
pub use scan::{
    Change, Difference, Problem, ProblemKind, ScanCounts, ScanOptions, ScanOutcome, UntrackedMode, scan,
    scan_with,
};
pub use stat::file_system_now;
