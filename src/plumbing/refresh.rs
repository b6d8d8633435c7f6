//! Remembering that files which had to be hashed hold what is staged, so that they are not hashed again.

use std::path::Path;
use std::sync::Arc;

use crate::model::RepoPath;
use crate::sys::{Fs, IoError, Stat};
use crate::worktree::{IndexEditor, Staged, StatFacts, WorktreeError, file_system_now};

/// Facts that the staging index does not know yet.
#[derive(Debug)]
pub struct Refresh {
    /// From before the first file was read, by the clock of the file system.
    began_ns: i64,
    fresh: Vec<(RepoPath, Staged)>,
}

impl Refresh {
    /// Must be called before any file is read; `dir` is the folder of the staging index.
    ///
    /// # Errors
    /// When nothing can be written there: then there is nothing to remember either.
    pub fn begin(fs: &Arc<dyn Fs>, dir: &Path) -> Result<Self, IoError> {
        Ok(Self { began_ns: file_system_now(fs, dir)?, fresh: Vec::new() })
    }

    /// Takes a file that was read and found to hold what is staged; `stat` is from before its first byte was
    /// read. Where that proves nothing, as for times in the future, nothing is remembered.
    pub fn note(&mut self, path: RepoPath, staged: Staged, stat: &Stat) {
        let facts = StatFacts::of_read(stat, self.began_ns);
        if !facts.racy {
            self.fresh.push((path, Staged { stat: Some(facts), ..staged }));
        }
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Saves the facts of all files that are still staged as they were.
    ///
    /// # Errors
    /// When the index is damaged, or the disk is full or fails.
    pub fn save(self, index: &mut IndexEditor) -> Result<(), WorktreeError> {
        for (path, fresh) in self.fresh {
            if index.get(&path)?.is_some_and(|staged| staged.same_content(&fresh)) {
                index.set(&path, fresh)?;
            }
        }
        index.save()
    }
}
