//! Changing and saving the staging index.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::overlay::{Overlay, Record};
use super::{JOURNAL_NAME, JournalState, StagingIndex, WorktreeError, base_name, join, open_base, split};
use crate::codec::staging_index::{BaseWriter, Frame, Op, STAGED_LEN, Staged, journal_header};
use crate::model::{RepoPath, TreeId};
use crate::sys::{CreateOptions, Fs, IoContext, IoError, Lock, PendingFile, is_temp_name, publish};
use crate::worktree::stat::file_system_now;

/// A journal may always grow to this, so that a small index is a single file.
const MIN_JOURNAL_LIMIT: u64 = 1024 * 1024;
/// And never beyond this, since every reader reads it whole: some hundred thousand paths.
const MAX_JOURNAL_LIMIT: u64 = 16 * 1024 * 1024;
/// Between the two, the part of the base's length that a journal may have.
const JOURNAL_SHARE: u64 = 16;
/// With more edits than this since the known tree, a new base forgets the tree: to make the next one from
/// all entries is then about as fast.
const MAX_EDITED_IN_BASE: usize = 64 * 1024;
/// Bytes gathered before they are written.
const WRITE_BUFFER: usize = 256 * 1024;

/// The staging index in the hands of the one who may change it. Reading goes on as with
/// [`StagingIndex`] and sees what was changed; the disk sees it with [`IndexEditor::save`].
#[derive(Debug)]
pub struct IndexEditor {
    fs: Arc<dyn Fs>,
    index: StagingIndex,
    opened_ns: i64,
    /// The known tree was changed and not saved.
    tree_is_dirty: bool,
    /// The index became sparse, which is not saved.
    sparse_is_dirty: bool,
    /// The index is sparse no more, which only a new base can say.
    needs_base: bool,
    _lock: Lock,
}

impl Deref for IndexEditor {
    type Target = StagingIndex;

    fn deref(&self) -> &StagingIndex {
        &self.index
    }
}

impl IndexEditor {
    /// Opens the index in `dir`, which is created when it is missing. `lock` is the exclusive lock that
    /// all who change this index agree on; it is held until the editor is dropped.
    ///
    /// # Errors
    /// As [`StagingIndex::open`], and when nothing can be written to `dir`.
    pub fn open(fs: &Arc<dyn Fs>, dir: &Path, lock: Lock) -> Result<Self, WorktreeError> {
        let index = StagingIndex::open(&**fs, dir)?;
        if index.journal.is_none() {
            fs.create_dir_all(dir).at("create", dir)?;
        }
        let opened_ns = file_system_now(fs, dir)?;
        let fs = Arc::clone(fs);
        let (tree_is_dirty, sparse_is_dirty, needs_base) = (false, false, false);
        Ok(Self { fs, index, opened_ns, tree_is_dirty, sparse_is_dirty, needs_base, _lock: lock })
    }

    /// When the index was opened, by the clock of the file system, in nanoseconds since the epoch: what
    /// [`StatFacts::of_read`](crate::worktree::StatFacts::of_read) asks for.
    pub const fn opened_ns(&self) -> i64 {
        self.opened_ns
    }

    /// Stages something. Whatever cannot be there together with it goes: a file where a directory is
    /// needed, all that lies below a path that becomes an entry.
    ///
    /// # Errors
    /// When the path is the root, or the index is damaged where it has to be read.
    pub fn set(&mut self, path: &RepoPath, staged: Staged) -> Result<(), WorktreeError> {
        if path.is_root() {
            return Err(WorktreeError::RootIsNoEntry);
        }
        self.clear_ancestors(path)?;
        self.remove_below_only(path)?;
        let absent = staged.absent && self.index.sparse;
        let edited = absent || self.differs_from_tree(path, &staged)?;
        self.index.put(path, Some(Staged { absent, ..staged }), edited, true);
        Ok(())
    }

    /// Unstages a path; nothing happens when nothing is staged there. Of a sparse index, only what it holds is
    /// unstaged.
    ///
    /// # Errors
    /// When the index is damaged where it has to be read.
    pub fn remove(&mut self, path: &RepoPath) -> Result<(), WorktreeError> {
        if self.index.get(path)?.is_some() {
            self.index.put(path, None, true, true);
        }
        Ok(())
    }

    /// Unstages a path and all that lies below it, in a sparse index also what the tree has there; the root
    /// unstages everything that the index holds.
    ///
    /// # Errors
    /// When the index is damaged where it has to be read.
    pub fn remove_all(&mut self, path: &RepoPath) -> Result<(), WorktreeError> {
        self.remove(path)?;
        self.remove_below_only(path)?;
        self.remove_in_tree(path);
        Ok(())
    }

    /// Unstages what the tree behind a sparse index has at a path and below it. What the index holds below stays.
    pub fn remove_in_tree(&mut self, path: &RepoPath) {
        if self.index.sparse && !path.is_root() {
            self.index.put(path, None, true, true);
        }
    }

    /// Says that the index equals this tree, as it does after a commit or a checkout. If it is sparse it stays
    /// so: what it holds is in the tree and the worktree, the rest is in the tree.
    pub fn set_tree(&mut self, tree: TreeId) {
        self.index.become_tree(tree);
        self.tree_is_dirty = true;
    }

    /// As [`IndexEditor::set_tree`], but for edits that are not in the tree: what is staged at these paths, or
    /// that they are gone.
    pub fn set_tree_but(
        &mut self,
        tree: TreeId,
        edits: impl IntoIterator<Item = (RepoPath, Option<Staged>)>,
    ) {
        self.set_tree(tree);
        for (path, value) in edits {
            self.index.put(&path, value, true, true);
        }
    }

    /// Makes the index sparse: what it holds now is in this tree and in the worktree, all else that is in the
    /// tree is staged, and not in the worktree.
    pub fn set_sparse(&mut self, tree: TreeId) {
        self.index.sparse = true;
        self.sparse_is_dirty = true;
        self.set_tree(tree);
    }

    /// Says that the index holds all of this tree but for these edits, and is sparse no more.
    pub fn set_full(&mut self, tree: TreeId, edits: impl IntoIterator<Item = (RepoPath, Option<Staged>)>) {
        self.set_tree_but(tree, edits);
        self.index.sparse = false;
        self.needs_base = true;
    }

    /// Makes a path of a sparse index again what the known tree has there, not checked out. What the index holds
    /// above and below it stays.
    pub fn forget(&mut self, path: &RepoPath) {
        if self.index.sparse && !path.is_root() {
            self.index.put(path, None, false, true);
        }
    }

    /// Says that what a sparse index holds at a path is what the known tree has there, and in the worktree; so it
    /// is no edit. Nothing happens where an edit above the path stands in place of the tree.
    ///
    /// # Errors
    /// When the index is damaged where it has to be read.
    pub fn note_in_tree(&mut self, path: &RepoPath) -> Result<(), WorktreeError> {
        let Some(staged) = self.index.get(path)?.filter(|_| self.index.sparse) else { return Ok(()) };
        let above = path.parent().map_or(Ok(false), |parent| self.index.decides(&parent))?;
        if !above {
            self.index.put(path, Some(Staged { absent: false, ..staged }), false, true);
        }
        Ok(())
    }

    /// Removes entries where `path` needs directories.
    fn clear_ancestors(&mut self, path: &RepoPath) -> Result<(), WorktreeError> {
        let (parent, _) = split(path.as_bytes());
        if self.index.overlay.ancestors_are_clear(parent) {
            return Ok(());
        }
        path.ancestors().skip(1).try_for_each(|dir| self.remove(&dir))?;
        self.index.overlay.note_ancestors_clear(parent);
        Ok(())
    }

    fn remove_below_only(&mut self, path: &RepoPath) -> Result<(), WorktreeError> {
        // Also when nothing is below: what was there before may have left the note behind.
        self.index.overlay.forget_ancestors_clear(path.as_bytes());
        if !self.index.has_below(path)? {
            return Ok(());
        }
        let dirs = self.index.dirs_at_or_below(path.as_bytes()).map(|view| Ok(view?.path().to_vec()));
        for dir in dirs.collect::<Result<Vec<_>, WorktreeError>>()? {
            let names = self.index.dir(&dir)?.entries().map(|entry| Ok(entry?.name.to_vec()));
            for name in names.collect::<Result<Vec<_>, WorktreeError>>()? {
                self.index.overlay.put(&dir, &name, None, true, true);
            }
        }
        Ok(())
    }

    /// Whether staging this makes the path differ from the known tree, as far as can be told cheaply.
    fn differs_from_tree(&self, path: &RepoPath, staged: &Staged) -> Result<bool, WorktreeError> {
        if self.index.tree.is_none() {
            return Ok(true);
        }
        Ok(self.index.is_edited(path) || !self.index.get(path)?.is_some_and(|now| now.same_content(staged)))
    }

    /// Makes all changes durable. Costs what was changed, but for a new base now and then.
    ///
    /// # Errors
    /// When something cannot be written; then the index on the disk is what it was, or, when only the last
    /// step failed, what it was to be. The save can be tried again.
    pub fn save(&mut self) -> Result<(), WorktreeError> {
        if !self.index.overlay.has_dirty() && !self.tree_is_dirty && !self.needs_base {
            return Ok(());
        }
        let now_ns = file_system_now(&self.fs, &self.index.dir)?;
        self.index.overlay.settle(now_ns);
        let (dirty, path_bytes) = self.index.overlay.dirty_size();
        let estimate = (dirty * (STAGED_LEN + 4) + path_bytes + 64) as u64;
        let base_len = self.index.base.as_ref().map_or(0, |base| base.byte_len() as u64);
        let limit = (base_len / JOURNAL_SHARE).clamp(MIN_JOURNAL_LIMIT, MAX_JOURNAL_LIMIT);
        let kept = self.index.journal.map_or(0, |journal| journal.kept);
        if self.needs_base || kept + estimate > limit { self.write_base() } else { self.append() }
    }

    /// What is to be appended to the journal.
    fn frame(&self) -> Frame {
        let mut frame = Frame::new();
        if let Some(tree) = self.index.tree.filter(|_| self.tree_is_dirty) {
            frame.push(Op::Tree(tree));
        }
        if self.sparse_is_dirty {
            frame.push(Op::Sparse);
        }
        for (dir, name, record) in self.index.overlay.dirty() {
            let path = join(&dir, name);
            frame.push(match *record {
                Record { value: Some(staged), edited, .. } => Op::Set { path: &path, staged, edited },
                Record { value: None, edited, .. } => Op::Remove { path: &path, edited },
            });
        }
        frame
    }

    fn append(&mut self) -> Result<(), WorktreeError> {
        let path = self.index.dir.join(JOURNAL_NAME);
        let Some(state) = self.index.journal else {
            let mut bytes = journal_header(0);
            bytes.extend(self.frame().finish(bytes.len()));
            publish(&self.fs, &path, &bytes)?;
            self.note_saved(bytes.len() as u64);
            return Ok(());
        };
        let frame = self.frame().finish(state.kept as usize);
        let append = CreateOptions { append: true, ..Default::default() };
        let mut file = self.fs.create(&path, append).at("open", &path)?;
        let size = file.stat().at("stat", &path)?.size;
        if state.len.is_some_and(|len| len != size) || size < state.kept {
            return Err(WorktreeError::IndexChanged { path });
        }
        // From here on until the end a failure may leave any length.
        self.index.journal = Some(JournalState { len: None, ..state });
        if state.kept < size {
            file.set_len(state.kept).at("truncate", &path)?;
        }
        match file.write_all(&frame).and_then(|()| file.sync()) {
            Ok(()) => {
                self.note_saved(state.kept + frame.len() as u64);
                Ok(())
            }
            Err(source) => {
                // What may have been written is no whole frame, or it is and the save took place; when it
                // cannot be cut off now, the next save does.
                let _ = file.set_len(state.kept);
                Err(IoError { path, action: "write", source }.into())
            }
        }
    }

    /// All changes are in a journal of this length, or in its base.
    fn note_saved(&mut self, journal_len: u64) {
        self.index.journal = Some(JournalState { len: Some(journal_len), kept: journal_len });
        self.index.overlay.clean();
        (self.tree_is_dirty, self.sparse_is_dirty, self.needs_base) = (false, false, false);
    }

    /// Writes everything as a new base, and a journal that names it.
    pub(super) fn write_base(&mut self) -> Result<(), WorktreeError> {
        let generation = self.index.generation + 1;
        let name = base_name(generation);
        let mut pending = PendingFile::create(&self.fs, &self.index.dir)?;
        self.stream_base(generation, &mut pending)?;
        pending.publish_as(&name)?;
        let base = open_base(&*self.fs, &self.index.dir, generation)?;

        let absent = self.absent_entries();
        let edited = self.edited_paths();
        // A sparse index is nothing without its tree.
        let tree = self.index.tree.filter(|_| self.index.sparse || edited.len() <= MAX_EDITED_IN_BASE);
        let edited = if tree.is_some() { edited } else { BTreeSet::new() };
        let mut frame = Frame::new();
        tree.into_iter().for_each(|tree| frame.push(Op::Tree(tree)));
        if self.index.sparse {
            frame.push(Op::Sparse);
        }
        edited.iter().for_each(|path| frame.push(Op::Edited { path: path.as_bytes() }));
        for (path, staged) in &absent {
            frame.push(Op::Set { path: path.as_bytes(), staged: *staged, edited: true });
        }
        let mut journal = journal_header(generation);
        journal.extend(frame.finish(journal.len()));
        publish(&self.fs, &self.index.dir.join(JOURNAL_NAME), &journal)?;

        self.index.generation = generation;
        self.index.base = Some(base);
        self.index.overlay = Overlay::default();
        self.note_saved(journal.len() as u64);
        (self.index.tree, self.index.edited_in_base) = (tree, edited);
        absent.into_iter().for_each(|(path, staged)| self.index.put(&path, Some(staged), true, false));
        self.sweep(&name);
        Ok(())
    }

    fn edited_paths(&self) -> BTreeSet<RepoPath> {
        if self.index.tree.is_none() {
            BTreeSet::new()
        } else {
            self.index.changed_since_tree().into_iter().collect()
        }
    }

    /// What no base holds, so that a tree can let it go without a look at the base.
    fn absent_entries(&self) -> Vec<(RepoPath, Staged)> {
        let absent = self.index.overlay.iter().filter_map(|(dir, name, record)| {
            let staged = record.value.filter(|staged| staged.absent)?;
            // What is in the overlay came in as a checked path.
            Some((RepoPath::new(join(&dir, name)).ok()?, staged))
        });
        if self.index.sparse { absent.collect() } else { Vec::new() }
    }

    fn stream_base(&self, generation: u64, pending: &mut PendingFile) -> Result<(), WorktreeError> {
        let mut out = Vec::with_capacity(2 * WRITE_BUFFER);
        let mut writer = BaseWriter::new(generation, &mut out);
        for view in self.index.dirs_at_or_below(b"") {
            let view = view?;
            for entry in view.entries() {
                let entry = entry?;
                if entry.staged.absent {
                    continue;
                }
                writer
                    .push(view.path(), entry.name, &entry.staged, &mut out)
                    .map_err(|_| self.disordered())?;
                if out.len() >= WRITE_BUFFER {
                    pending.write_all(&out)?;
                    out.clear();
                }
            }
        }
        writer.finish(&mut out);
        Ok(pending.write_all(&out)?)
    }

    /// The old base gave its entries in a wrong order, though its checksums match.
    fn disordered(&self) -> WorktreeError {
        let what = crate::codec::staging_index::STAGING_BASE.name;
        self.index.damaged(crate::codec::DecodeError::malformed(what, "entries are out of order"))
    }

    /// Removes bases and temporary files that nobody names any more. Failures do no harm: the next new base
    /// tries again.
    fn sweep(&self, keep: &str) {
        let Ok(names) = self.fs.list(&self.index.dir).and_then(|dir| dir.entries()) else { return };
        for (name, _) in names {
            let Ok(name) = String::from_utf8(name) else { continue };
            let is_base = name.starts_with("base-") && name.ends_with(".idx");
            if (is_base && name != keep) || is_temp_name(name.as_bytes()) {
                let _ = self.fs.remove_file(&self.index.dir.join(name));
            }
        }
    }
}
