//! The user's files: what is staged, what changed, and how content comes to the disk.

mod error;
mod index;
mod materialize;
mod stat;

pub use crate::codec::staging_index::{EntryRef, Staged, StatFacts};
pub use error::WorktreeError;
pub use index::{DirEntries, DirView, IndexEditor, StagedEntry, StagingIndex};
pub use materialize::{MaterializeError, Materializer, Target};
