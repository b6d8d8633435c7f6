//! What the verbs of the worktree share: the staging index and the version that it started from.

use std::time::Duration;

use super::checkout::{WANTED_NAME, Wanted, adopt};
use super::{Error, Pathspec, Repository};
use crate::model::{ErrorKind, Monitor, RepoPath, TreeId, Version, VersionId};
use crate::plumbing::host::{FileKind, IoContext, bytes_to_path, publish};
use crate::plumbing::refresh::Refresh;
use crate::plumbing::sparse::Behind;
use crate::plumbing::tree_edit::empty_tree;
use crate::store::IndexLock;
use crate::worktree::{IndexEditor, StagingIndex};

/// Counts the bytes that `add` stored since the last commit; for information only.
const STORED_NAME: &str = "stored";

impl Repository {
    /// The staging index, for reading.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn index(&self) -> Result<StagingIndex, Error> {
        let index = StagingIndex::open(&**self.fs(), &self.layout().index())?;
        self.check_sparse(&index)?;
        Ok(index)
    }

    /// Demands that an index that was sparse is not read as one that holds all: what is not checked out would look as if it had
    /// been removed. The journal alone says that it is sparse, and the end of a journal can be lost without a trace.
    fn check_sparse(&self, index: &StagingIndex) -> Result<(), Error> {
        let is_lost = !index.is_sparse() && index.known_tree().is_none() && Wanted::read(self)?.is_some();
        if is_lost { Err(Error::SparseLost) } else { Ok(()) }
    }

    /// The first of these paths at and below which nothing is staged, checked out or not.
    ///
    /// # Errors
    /// When the index, or a node of the tree behind it, is damaged.
    pub fn first_not_staged<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a RepoPath>,
    ) -> Result<Option<&'a RepoPath>, Error> {
        let index = self.index()?;
        let behind = Behind::new(self.db(), &index);
        for path in paths {
            if !behind.stages(&index, path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// The staging index, for changing; waits for its lock.
    ///
    /// # Errors
    /// When it is damaged, or another process holds the lock too long.
    pub fn edit_index(&self, monitor: &Monitor<'_>) -> Result<IndexEditor, Error> {
        let index = self.edit_any_index(monitor)?;
        self.check_sparse(&index)?;
        Ok(index)
    }

    /// As [`Repository::edit_index`], also of an index that was sparse and does not say so any more: for whoever makes it sparse.
    ///
    /// # Errors
    /// As [`Repository::edit_index`].
    pub(super) fn edit_any_index(&self, monitor: &Monitor<'_>) -> Result<IndexEditor, Error> {
        let lock = self.lock_index(monitor)?;
        Ok(IndexEditor::open(self.fs(), &self.layout().index(), lock)?)
    }

    /// As [`Repository::edit_index`], but of an index that is damaged nothing is kept: for whoever stages `tree` anew. One
    /// that was sparse is sparse over that tree and holds what lies in the worktree; else all that is not checked out would look
    /// as if it had been removed.
    ///
    /// # Errors
    /// When another process holds the lock too long, or the folder cannot be read or written.
    pub fn edit_index_anew(&self, tree: TreeId, monitor: &Monitor<'_>) -> Result<IndexEditor, Error> {
        let lock = self.lock_index(monitor)?;
        let (fs, dir) = (self.fs(), self.layout().index());
        // What can be opened may be damaged further in.
        let whole = StagingIndex::open(&**fs, &dir).and_then(|index| index.check());
        if whole.is_err_and(|error| error.kind() == ErrorKind::Corrupt) {
            for (name, kind) in fs.list(&dir).and_then(|dir| dir.entries()).at("list", &dir)? {
                let is_kept = [STORED_NAME, WANTED_NAME].iter().any(|kept| name == kept.as_bytes());
                if kind == FileKind::File && !is_kept {
                    let path = dir.join(bytes_to_path(&name).at("name", &dir)?);
                    fs.remove_file(&path).at("remove", &path)?;
                }
            }
        }
        let mut index = IndexEditor::open(fs, &dir, lock)?;
        match self.check_sparse(&index) {
            Err(Error::SparseLost) => {
                index.remove_all(&RepoPath::root())?;
                index.set_sparse(tree);
                adopt(self, &mut index, &Pathspec::default(), monitor)?;
            }
            checked => checked?,
        }
        Ok(index)
    }

    /// Keeps what was found out about unchanged files, if nobody else changes the index just now and it can be
    /// written; who looks again finds it out again.
    pub(super) fn remember(&self, refresh: Refresh, monitor: &Monitor<'_>) {
        if refresh.is_empty() || self.check_writable().is_err() {
            return;
        }
        let (fs, layout) = (self.fs(), self.layout());
        let locked =
            self.env().locked(Duration::ZERO, monitor, |request| IndexLock::acquire(&**fs, layout, request));
        let Ok(lock) = locked else { return };
        if let Ok(mut index) = IndexEditor::open(fs, &layout.index(), lock.into_lock()) {
            let _ = refresh.save(&mut index);
        }
    }

    /// The version that the worktree comes from; `None` before the first commit.
    ///
    /// # Errors
    /// When `HEAD`, a ref or the version is damaged.
    pub fn head_version(&self) -> Result<Option<(VersionId, Version)>, Error> {
        match self.refs().head_version()? {
            Some(id) => Ok(Some((id, self.db().version(&id)?))),
            None => Ok(None),
        }
    }

    /// The tree that what is staged is compared with: that of the version that the worktree stands on, if there is one, or
    /// what the parents of the open draft give together.
    pub(super) fn head_tree(&self) -> Result<Option<TreeId>, Error> {
        match self.open_draft()? {
            Some(draft) => Ok(Some(draft.base).filter(|base| *base != empty_tree())),
            None => Ok(self.head_version()?.map(|(_, version)| version.tree)),
        }
    }

    /// The tree of a version, if there is one.
    pub(super) fn tree_of(version: Option<&Version>) -> Option<TreeId> {
        version.map(|version| version.tree)
    }

    /// Adds to the bytes that were stored since the last commit.
    pub(super) fn note_stored(&self, bytes: u64) -> Result<(), Error> {
        if bytes > 0 {
            let sum = self.stored_since_commit().saturating_add(bytes);
            let path = self.layout().index().join(STORED_NAME);
            publish(self.fs(), &path, sum.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// The bytes that were stored since the last commit, as far as it is known.
    pub(super) fn stored_since_commit(&self) -> u64 {
        let read = self.fs().read(&self.layout().index().join(STORED_NAME));
        read.ok().and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok()).unwrap_or(0)
    }

    /// Begins to count anew.
    pub(super) fn forget_stored(&self) -> Result<(), Error> {
        let path = self.layout().index().join(STORED_NAME);
        match self.fs().remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", &path)?),
        }
    }
}
