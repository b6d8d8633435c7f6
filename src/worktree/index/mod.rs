//! The staging index: what the next version will hold.
//!
//! It lies in its own directory as two files. `journal` names, by its generation, the base file
//! `base-<generation in 16 hex digits>.idx`, and holds what changed since that was written. Opening maps
//! the base and reads the journal, which is kept short; a million entries are never parsed.
//!
//! # Saving
//!
//! A save appends one frame to the journal and makes it durable. When the journal would grow too
//! long, a new base is published under the next generation, and then a new journal that names it: that
//! rename is the instant at which the old state becomes the new one. The old base is removed
//! afterwards. A crash at any instant leaves the state before or after the save, and at worst a
//! base that nobody names, which the next new base sweeps away.
//!
//! Readers never lock. One that read the old journal and comes too late for the old base begins again.
//!
//! # The known tree
//!
//! After a commit or a checkout the index equals a tree. It remembers which ([`StagingIndex::known_tree`])
//! and the paths that changed since ([`StagingIndex::changed_since_tree`]), so that the next tree can be
//! made from that one by the edits alone.
//!
//! # Sparse
//!
//! A *sparse* index ([`StagingIndex::is_sparse`]) stands for a version of which only a part is in the worktree.
//! It holds *entries* for what is there and for what was edited; whatever else the known tree has is staged as
//! it is in the tree, and is not missed in the worktree. So reading an entry here says what the index *holds*: who
//! wants to know what is *staged* asks the tree as well, which is up to the layer that can read trees.
//!
//! - An entry that is not edited is what the tree has, and is in the worktree.
//! - An entry that is edited stands in place of what the tree has at and below the path.
//! - A path that is edited and has no entry is gone, with all that the tree has below it.

mod editor;
mod merge;
mod overlay;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::WorktreeError;
use crate::codec::DecodeError;
use crate::codec::staging_index::{Base, Journal, Op, STAGING_BASE, STAGING_JOURNAL, Staged};
use crate::model::{RepoPath, TreeId};
use crate::sys::{Fs, IoContext, Map};

pub use editor::IndexEditor;
pub use merge::{DirEntries, DirView};
use overlay::Overlay;

/// The file that names the base and holds what changed since.
const JOURNAL_NAME: &str = "journal";
/// How often a reader begins again when the base is replaced under its hands.
const ATTEMPTS: usize = 100;

/// The name of a base file.
fn base_name(generation: u64) -> String {
    format!("base-{generation:016x}.idx")
}

/// A path and what is staged there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedEntry {
    /// Where; never the root.
    pub path: RepoPath,
    /// What.
    pub staged: Staged,
}

/// A mapped file as the codec takes it.
struct Mapped(Map);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped({} bytes)", self.as_ref().len())
    }
}

/// The journal file as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct JournalState {
    /// Bytes of the file; not known after a write that failed.
    len: Option<u64>,
    /// Where the next frame goes; less than `len` when a crash tore the last one.
    kept: u64,
}

/// What is staged: a view that does not change while it is held. Cheap to open, whatever its size.
///
/// Entries are files, links and empty directories; a directory that holds something is never an entry. No
/// entry lies below another one.
#[derive(Debug)]
pub struct StagingIndex {
    dir: PathBuf,
    generation: u64,
    base: Option<Base<Mapped>>,
    journal: Option<JournalState>,
    overlay: Overlay,
    tree: Option<TreeId>,
    /// Whatever is neither held nor edited is what the tree has; there is a tree then.
    sparse: bool,
    /// Paths that differ from the known tree and are in the base as they are.
    edited_in_base: BTreeSet<RepoPath>,
}

impl StagingIndex {
    /// Opens the index in `dir`; where there is none, an empty one.
    ///
    /// # Errors
    /// When a file cannot be read, is damaged, or is of a newer format.
    pub fn open(fs: &dyn Fs, dir: &Path) -> Result<Self, WorktreeError> {
        let mut missing = None;
        for _ in 0..ATTEMPTS {
            let Some(journal) = read_journal(fs, dir)? else { return Ok(Self::empty(dir)) };
            match Self::open_at(fs, dir, &journal) {
                // Another process has just published a new base: its journal names that one.
                Err(WorktreeError::IndexMissing { path }) => missing = Some(path),
                other => return other,
            }
        }
        let path = missing.unwrap_or_else(|| dir.join(JOURNAL_NAME));
        Err(WorktreeError::IndexMissing { path })
    }

    fn empty(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            generation: 0,
            base: None,
            journal: None,
            overlay: Overlay::default(),
            tree: None,
            sparse: false,
            edited_in_base: BTreeSet::new(),
        }
    }

    fn open_at(fs: &dyn Fs, dir: &Path, bytes: &[u8]) -> Result<Self, WorktreeError> {
        let in_journal = |source| unreadable(&dir.join(JOURNAL_NAME), source);
        let journal = Journal::open(bytes).map_err(in_journal)?;
        let mut index = Self::empty(dir);
        index.generation = journal.generation();
        index.journal = Some(JournalState { len: Some(bytes.len() as u64), kept: journal.kept_len() as u64 });
        if index.generation > 0 {
            index.base = Some(open_base(fs, dir, index.generation)?);
        }
        for op in journal.ops() {
            op.and_then(|op| index.replay(op)).map_err(in_journal)?;
        }
        Ok(index)
    }

    fn replay(&mut self, op: Op<'_>) -> Result<(), DecodeError> {
        match op {
            Op::Set { path, staged, edited } => self.replay_put(path, Some(staged), edited),
            Op::Remove { path, edited } => self.replay_put(path, None, edited),
            Op::Tree(tree) => {
                self.become_tree(tree);
                Ok(())
            }
            Op::Edited { path } => {
                self.edited_in_base.insert(entry_path(STAGING_JOURNAL.name, path)?);
                Ok(())
            }
            Op::Sparse if self.tree.is_none() => {
                Err(DecodeError::malformed(STAGING_JOURNAL.name, "sparse over no tree"))
            }
            Op::Sparse => {
                self.sparse = true;
                Ok(())
            }
        }
    }

    /// Frames are written after conflicts were resolved, so that nothing is to be looked at but the path.
    fn replay_put(&mut self, path: &[u8], value: Option<Staged>, edited: bool) -> Result<(), DecodeError> {
        let path = entry_path(STAGING_JOURNAL.name, path)?;
        self.put(&path, value, edited, false);
        Ok(())
    }

    /// Notes what a path became; `dirty` when that is still to be saved.
    fn put(&mut self, path: &RepoPath, value: Option<Staged>, edited: bool, dirty: bool) {
        let (dir, name) = split(path.as_bytes());
        self.overlay.put(dir, name, value, edited, dirty);
        if self.sparse && !edited {
            self.edited_in_base.remove(path);
        }
    }

    fn become_tree(&mut self, tree: TreeId) {
        self.tree = Some(tree);
        self.edited_in_base.clear();
        self.overlay.clear_edited();
        if self.sparse {
            self.overlay.drop_absent();
        }
    }

    /// The tree that the index equalled when it was last said to equal one.
    pub const fn known_tree(&self) -> Option<TreeId> {
        self.tree
    }

    /// The paths that were set or removed since the index equalled [`Self::known_tree`], in byte order;
    /// each may well be what it was. Without a known tree, this says nothing.
    pub fn changed_since_tree(&self) -> Vec<RepoPath> {
        let mut paths = self.edited_in_base.clone();
        let edited = self.overlay.iter().filter(|(_, _, record)| record.edited);
        // What is in the overlay came in as a checked path.
        paths.extend(edited.filter_map(|(dir, name, _)| RepoPath::new(join(&dir, name)).ok()));
        paths.into_iter().collect()
    }

    /// Whether whatever is neither held nor edited is what the known tree has.
    pub const fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// Whether a path was set or removed since the index equalled the known tree.
    pub fn is_edited(&self, path: &RepoPath) -> bool {
        let (dir, name) = split(path.as_bytes());
        match self.overlay.get(dir, name) {
            Some(record) => record.edited,
            None => self.edited_in_base.contains(path),
        }
    }

    /// Whether what a sparse index holds decides about a path, so that what the tree has there does not count:
    /// there is an entry at it or above it, or one of these was removed.
    ///
    /// # Errors
    /// When the index is damaged there.
    pub fn decides(&self, path: &RepoPath) -> Result<bool, WorktreeError> {
        for path in path.ancestors() {
            if self.is_edited(&path) || self.get(&path)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is staged at a path; of a sparse index, the entry that it holds there.
    ///
    /// # Errors
    /// When the index is damaged there.
    pub fn get(&self, path: &RepoPath) -> Result<Option<Staged>, WorktreeError> {
        if path.is_root() {
            return Ok(None);
        }
        let (dir, name) = split(path.as_bytes());
        if let Some(record) = self.overlay.get(dir, name) {
            return Ok(record.value);
        }
        let Some(base) = &self.base else { return Ok(None) };
        base.find(dir, name).map_err(|e| self.damaged(e))
    }

    /// Checks the whole of the base file; the journal was checked when it was opened.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), WorktreeError> {
        self.base.as_ref().map_or(Ok(()), |base| base.check().map_err(|e| self.damaged(e)))
    }

    /// Whether nothing is staged.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn is_empty(&self) -> Result<bool, WorktreeError> {
        Ok(!self.has_below(&RepoPath::root())?)
    }

    /// Whether anything is staged below this directory.
    ///
    /// # Errors
    /// When the index is damaged there.
    pub fn has_below(&self, dir: &RepoPath) -> Result<bool, WorktreeError> {
        self.has_below_bytes(dir.as_bytes())
    }

    pub(super) fn has_below_bytes(&self, dir: &[u8]) -> Result<bool, WorktreeError> {
        for view in self.dirs_at_or_below(dir) {
            if view?.entries().next().transpose()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All entries, in order of (directory, name), where a directory comes before what lies below it.
    pub fn iter(&self) -> impl Iterator<Item = Result<StagedEntry, WorktreeError>> + '_ {
        self.iter_below(&RepoPath::root())
    }

    /// The entries below a directory, in the same order.
    pub fn iter_below(
        &self,
        dir: &RepoPath,
    ) -> impl Iterator<Item = Result<StagedEntry, WorktreeError>> + use<'_> {
        self.dirs_at_or_below(dir.as_bytes()).flat_map(move |view| {
            let (path, entries, error) = match view {
                Ok(view) => (view.path().to_vec(), Some(view.entries()), None),
                Err(error) => (Vec::new(), None, Some(Err(error))),
            };
            error.into_iter().chain(entries.into_iter().flatten().map(move |entry| {
                let entry = entry?;
                let path =
                    entry_path(STAGING_BASE.name, &join(&path, entry.name)).map_err(|e| self.damaged(e))?;
                Ok(StagedEntry { path, staged: entry.staged })
            }))
        })
    }

    /// A failure of the base.
    fn damaged(&self, source: DecodeError) -> WorktreeError {
        unreadable(&self.dir.join(base_name(self.generation)), source)
    }
}

fn unreadable(path: &Path, source: DecodeError) -> WorktreeError {
    WorktreeError::IndexUnreadable { path: path.to_owned(), source }
}

/// The journal's bytes; `None` when there is no index yet.
fn read_journal(fs: &dyn Fs, dir: &Path) -> Result<Option<Vec<u8>>, WorktreeError> {
    let path = dir.join(JOURNAL_NAME);
    match fs.read(&path).at("read", &path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open_base(fs: &dyn Fs, dir: &Path, generation: u64) -> Result<Base<Mapped>, WorktreeError> {
    let path = dir.join(base_name(generation));
    let map = match fs.map(&path).at("map", &path) {
        Err(error) if error.is_not_found() => return Err(WorktreeError::IndexMissing { path }),
        other => other?,
    };
    let base = Base::open(Mapped(map)).map_err(|source| unreadable(&path, source))?;
    if base.generation() != generation {
        let why = format!("generation {} under the name of {generation}", base.generation());
        return Err(unreadable(&path, DecodeError::malformed(STAGING_BASE.name, why)));
    }
    Ok(base)
}

/// The path of an entry from bytes that nobody checked.
fn entry_path(what: &'static str, path: &[u8]) -> Result<RepoPath, DecodeError> {
    let checked = RepoPath::new(path).map_err(|e| DecodeError::malformed(what, e.to_string()))?;
    if checked.is_root() {
        return Err(DecodeError::malformed(what, "the root is no entry"));
    }
    Ok(checked)
}

/// Directory and name of a path that is not the root.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (&[], path),
    }
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
