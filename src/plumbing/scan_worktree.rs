//! What differs between the worktree and what is staged, whether the staging index is sparse or not.
//!
//! A scan knows only what the index holds. Behind a sparse one stands a tree: a file that the index does not hold may
//! be one of the tree's that was never checked out and lies there all the same, and a folder may be one of its
//! directories. So here every file is looked at, whatever is asked for, and then looked up in the tree.

use std::collections::HashMap;
use std::path::Path;

use super::sparse::Behind;
use super::tree_edit::empty_tree;
use super::write_tree::WriteTreeError;
use crate::model::{Entry, EntryKind, Monitor, RepoPath};
use crate::sys::Fs;
use crate::worktree::{Change, Difference, ScanOptions, ScanOutcome, StagingIndex, UntrackedMode, scan};

/// Compares the worktree at `root` with what is staged. What the tree behind a sparse index has and what is not
/// checked out is no difference; a file that lies at such a path may be.
///
/// # Errors
/// When the index or a node is damaged, or the work was interrupted.
pub fn scan_worktree(
    fs: &dyn Fs,
    root: &Path,
    index: &StagingIndex,
    behind: &Behind<'_>,
    options: &ScanOptions,
    monitor: Monitor<'_>,
) -> Result<ScanOutcome, WriteTreeError> {
    if !index.is_sparse() {
        return Ok(scan(fs, root, index, options, monitor)?);
    }
    let every_file = ScanOptions { untracked: UntrackedMode::Files, ..options.clone() };
    let mut found = scan(fs, root, index, &every_file, monitor)?;
    let mut missing = Vec::new();
    for path in found.missing {
        if behind.entry(index, &path)?.is_none() {
            missing.push(path);
        }
    }
    found.missing = missing;
    let mut folders = Folders { index, behind, new: HashMap::new(), counted: HashMap::new() };
    let mut differences = Vec::new();
    for difference in found.differences {
        let Some(difference) = against_tree(index, behind, difference, options.executable_bit)? else {
            continue;
        };
        let is_untracked = matches!(difference.change, Change::Untracked { .. });
        match options.untracked {
            UntrackedMode::None if is_untracked => {}
            UntrackedMode::Directories if is_untracked => differences.extend(folders.count(difference)?),
            _ => differences.push(difference),
        }
    }
    differences.extend(folders.differences());
    differences.sort_unstable();
    found.differences = differences;
    Ok(found)
}

/// The difference from what the tree has, when the index does not hold the path; nothing when it is none.
fn against_tree(
    index: &StagingIndex,
    behind: &Behind<'_>,
    difference: Difference,
    executable_bit: bool,
) -> Result<Option<Difference>, WriteTreeError> {
    let Change::Untracked { kind, bytes: size, .. } = difference.change else { return Ok(Some(difference)) };
    let Some(entry) = behind.entry(index, &difference.path)? else { return Ok(Some(difference)) };
    if kind.is_dir() {
        // What is in the directory is not checked out, or it is an empty one.
        return Ok((!entry.kind.is_dir()).then_some(difference));
    }
    // A file in the place of a directory is as new as one in a new place.
    if entry.kind.is_dir() {
        return Ok(Some(difference));
    }
    let change = compare(&entry, kind, size, executable_bit);
    Ok(Some(Difference { path: difference.path, change }))
}

fn compare(entry: &Entry, kind: EntryKind, size: u64, executable_bit: bool) -> Change {
    let means_nothing = !executable_bit && kind == EntryKind::File && entry.kind == EntryKind::Executable;
    let kind = if means_nothing { entry.kind } else { kind };
    let same_kind = entry.kind == kind || entry.kind == EntryKind::ExternalLink;
    if same_kind && entry.size == size {
        Change::MaybeModified { kind, size }
    } else {
        Change::Modified { from: entry.kind, to: kind, size }
    }
}

/// Folders in which nothing is staged, each told as one item.
struct Folders<'a> {
    index: &'a StagingIndex,
    behind: &'a Behind<'a>,
    /// Whether a folder is one of them.
    new: HashMap<RepoPath, bool>,
    /// Files and bytes in the topmost ones.
    counted: HashMap<RepoPath, (u64, u64)>,
}

impl Folders<'_> {
    /// Counts a difference in the topmost folder in which nothing is staged; gives it back where there is none.
    fn count(&mut self, difference: Difference) -> Result<Option<Difference>, WriteTreeError> {
        let Change::Untracked { kind, files, bytes } = difference.change else { return Ok(Some(difference)) };
        let mut topmost = None;
        for folder in difference.path.ancestors().skip(usize::from(!kind.is_dir())) {
            if !self.is_new(&folder)? {
                break;
            }
            topmost = Some(folder);
        }
        let Some(topmost) = topmost else { return Ok(Some(difference)) };
        let sum = self.counted.entry(topmost).or_default();
        *sum = (sum.0 + files, sum.1 + bytes);
        Ok(None)
    }

    fn is_new(&mut self, path: &RepoPath) -> Result<bool, WriteTreeError> {
        if let Some(known) = self.new.get(path) {
            return Ok(*known);
        }
        let in_tree = self.behind.entry(self.index, path)?.is_some_and(|entry| {
            // A file that has become a folder: then the folder is new.
            entry.kind.is_dir() && entry.id != empty_tree().object()
        });
        let is_new = !in_tree && self.index.get(path)?.is_none_or(|staged| !staged.kind.is_dir());
        let is_new = is_new && !self.index.has_below(path)?;
        self.new.insert(path.clone(), is_new);
        Ok(is_new)
    }

    fn differences(self) -> impl Iterator<Item = Difference> {
        self.counted.into_iter().map(|(path, (files, bytes))| {
            let change = Change::Untracked { kind: EntryKind::Directory, files, bytes };
            Difference { path, change }
        })
    }
}
