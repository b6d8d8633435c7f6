//! The staging index as a tree.

use std::collections::BTreeMap;

use super::TreeError;
use super::tree_edit::{Edit, TreeBuilder, WrittenTree, apply};
use crate::model::{Entry, EntryKind, EntryName, ErrorKind};
use crate::store::Writer;
use crate::worktree::{EntryRef, IndexEditor, Staged, StagingIndex, WorktreeError};

/// Why the index could not be written as a tree.
#[derive(Debug, thiserror::Error)]
pub enum WriteTreeError {
    /// The index cannot be read.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The tree cannot be read or written.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl WriteTreeError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Worktree(error) => error.kind(),
            Self::Tree(error) => error.kind(),
        }
    }
}

/// Writes the tree that the index stands for, and notes in the index that it equals that tree; the caller
/// saves the index.
///
/// Where the index is known to have equalled a tree, this costs what changed since.
///
/// # Errors
/// When the index or a node is damaged, or the disk is full or fails.
pub fn write_tree(index: &mut IndexEditor, writer: &Writer) -> Result<WrittenTree, WriteTreeError> {
    let written = match index.known_tree() {
        Some(tree) => apply(writer, Some(&tree), &edits(index)?)?,
        None => build(index, writer)?,
    };
    index.set_tree(written.id);
    Ok(written)
}

fn edits(index: &StagingIndex) -> Result<BTreeMap<crate::model::RepoPath, Edit>, WorktreeError> {
    let mut edits = BTreeMap::new();
    for path in index.changed_since_tree() {
        let edit = index.get(&path)?.map_or(Edit::Remove, |staged| edit(&staged));
        edits.insert(path, edit);
    }
    Ok(edits)
}

fn edit(staged: &Staged) -> Edit {
    match staged.kind {
        EntryKind::Directory => Edit::empty_directory(),
        kind => Edit::file(kind, staged.size, staged.id),
    }
}

fn build(index: &StagingIndex, writer: &Writer) -> Result<WrittenTree, WriteTreeError> {
    let mut builder = TreeBuilder::new(writer)?;
    // The builder takes a directory after all those below it.
    let paths: Vec<Vec<u8>> = index
        .dirs_at_or_below(b"")
        .map(|dir| Ok(dir?.path().to_vec()))
        .collect::<Result<_, WorktreeError>>()?;
    for path in paths.iter().rev() {
        let dir = index.dir(path)?;
        builder.directory(path, dir.entries().map(|entry| tree_entry(&entry?)))?;
    }
    Ok(builder.finish()?)
}

/// The entry of a tree that stands for a staged one.
fn tree_entry(entry: &EntryRef<'_>) -> Result<Entry, WriteTreeError> {
    let name = EntryName::new(entry.name).map_err(TreeError::from)?;
    Ok(staged_entry(name, &entry.staged))
}

/// The entry of a tree that stands for what is staged under a name.
pub fn staged_entry(name: EntryName, staged: &Staged) -> Entry {
    let Staged { kind, size, id, .. } = *staged;
    let files = u64::from(!kind.is_dir());
    Entry { name, kind, size, files, id }
}
