//! What is remembered of a folder outside of the worktree: a staging index of its own, which tells with one look at each file what
//! is new there, and knows the tree that the folder is.
//!
//! It is a memory and no more: nothing is kept because of it. What it claims to be stored is looked for where it matters, and
//! when that is gone, or the index is damaged, the folder is read again.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::model::{DatasetName, ErrorKind, Monitor, ObjectId, RepoPath};
use crate::plumbing::host::{FileKind, IoContext, bytes_to_path};
use crate::plumbing::tree_edit::empty_tree;
use crate::porcelain::{Error, Repository};
use crate::store::SourcesLock;
use crate::worktree::{IndexEditor, Staged, WorktreeError};

/// The index of one folder, in the hands of whoever reads the folder.
pub(super) struct Source<'a> {
    repo: &'a Repository,
    dir: PathBuf,
    pub(super) index: IndexEditor,
}

/// Where the index of a folder lies that is taken in at a path of a dataset.
pub(super) fn place(repo: &Repository, folder: &Path, dataset: &DatasetName, at: &RepoPath) -> PathBuf {
    let mut sha = Sha256::new();
    for part in [folder.as_os_str().as_encoded_bytes(), dataset.as_str().as_bytes(), at.as_bytes()] {
        sha.update(part);
        sha.update([0]);
    }
    let digest: [u8; 32] = sha.finalize().into();
    repo.layout().sources().join(ObjectId::Sha256(digest).to_hex_with_len(16).to_string())
}

impl<'a> Source<'a> {
    /// Opens the index in a folder, or begins one.
    pub(super) fn open(repo: &'a Repository, dir: PathBuf, monitor: &Monitor<'_>) -> Result<Self, Error> {
        let index = match open_editor(repo, &dir, monitor) {
            Err(Error::Worktree(error)) if error.kind() == ErrorKind::Corrupt => anew(repo, &dir, monitor)?,
            opened => opened?,
        };
        let mut source = Self { repo, dir, index };
        if !source.is_there()? {
            source = source.forget(monitor)?;
        }
        Ok(source)
    }

    /// Whether the tree that the folder was is still here.
    fn is_there(&self) -> Result<bool, Error> {
        let Some(tree) = self.index.known_tree().filter(|tree| *tree != empty_tree()) else {
            return Ok(true);
        };
        match self.repo.own_db()?.tree_node(&tree) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets all that is known of the folder.
    pub(super) fn forget(self, monitor: &Monitor<'_>) -> Result<Self, Error> {
        let Self { repo, dir, index } = self;
        // Its lock goes with it.
        drop(index);
        let index = anew(repo, &dir, monitor)?;
        Ok(Self { repo, dir, index })
    }

    /// Makes these files be read again, though they seem unchanged.
    pub(super) fn doubt<'p>(
        &mut self,
        paths: impl Iterator<Item = &'p RepoPath>,
    ) -> Result<(), WorktreeError> {
        for path in paths {
            if let Some(staged) = self.index.get(path)? {
                self.index.set(path, Staged { stat: None, ..staged })?;
            }
        }
        Ok(())
    }
}

fn open_editor(repo: &Repository, dir: &Path, monitor: &Monitor<'_>) -> Result<IndexEditor, Error> {
    let lock = repo.with_lock_request(monitor, |request| {
        Ok(SourcesLock::acquire(&**repo.fs(), repo.layout(), request)?)
    })?;
    Ok(IndexEditor::open(repo.fs(), dir, lock.into_lock())?)
}

fn anew(repo: &Repository, dir: &Path, monitor: &Monitor<'_>) -> Result<IndexEditor, Error> {
    for (name, kind) in repo.fs().list(dir).and_then(|dir| dir.entries()).at("list", dir)? {
        if kind == FileKind::File {
            let path = dir.join(bytes_to_path(&name).at("name", dir)?);
            repo.fs().remove_file(&path).at("remove", &path)?;
        }
    }
    open_editor(repo, dir, monitor)
}
