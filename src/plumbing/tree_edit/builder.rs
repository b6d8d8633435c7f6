//! A whole tree from its directories.

use std::cmp::Ordering;

use super::WrittenTree;
use super::levels::{Directory, Levels, NodeWriter};
use crate::codec::staging_index::dir_order;
use crate::model::{Entry, EntryName, RepoPath, Totals, TreeId};
use crate::plumbing::tree_error::TreeError;
use crate::store::Writer;

/// Writes a tree from its directories, each with the files and empty directories in it.
///
/// Directories come from the last to the first in the order of the staging index
/// ([`dir_order`]): a directory then comes right when all those below it are written, and their ids wait
/// on a stack. Memory holds one node for each level, and one id for each directory whose parent
/// is still to come. Directories that hold nothing but directories need not be given.
pub struct TreeBuilder<'a> {
    nodes: NodeWriter<'a>,
    /// Written directories whose parent is not; the first one in order on top.
    waiting: Vec<Waiting>,
    /// The paths of those, one behind the other.
    paths: Vec<u8>,
    /// The directory that came last.
    last: Option<Vec<u8>>,
    root: Option<WrittenTree>,
}

struct Waiting {
    /// Where its path begins in `paths`; it ends where the next one begins.
    path_at: usize,
    id: TreeId,
    totals: Totals,
}

impl std::fmt::Debug for TreeBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeBuilder").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl<'a> TreeBuilder<'a> {
    /// Begins a tree.
    ///
    /// # Errors
    /// When memory is short.
    pub fn new(writer: &'a Writer) -> Result<Self, TreeError> {
        let nodes = NodeWriter::new(writer)?;
        Ok(Self { nodes, waiting: Vec::new(), paths: Vec::new(), last: None, root: None })
    }

    /// Adds the directory at `path` (empty for the root) with its own entries in byte order of name.
    /// Without entries, and without directories below, it is none.
    ///
    /// # Errors
    /// When directories or entries are out of order, a name is there twice, an entry fails itself,
    /// or the disk is full or fails.
    pub fn directory<E: From<TreeError>>(
        &mut self,
        path: &[u8],
        entries: impl IntoIterator<Item = Result<Entry, E>>,
    ) -> Result<(), E> {
        if self.last.as_ref().is_some_and(|last| dir_order(path, last) != Ordering::Less) {
            let path = RepoPath::new(path).map_err(TreeError::from)?;
            return Err(TreeError::OutOfOrder { path }.into());
        }
        self.end_directories_behind(path)?;
        let built = self.build(path, entries)?;
        if path.is_empty() {
            self.root = Some(built.tree);
        } else if built.entries > 0 {
            self.wait(path, built);
        }
        self.last = Some(path.to_vec());
        Ok(())
    }

    /// Writes the root, if it was not the last to be added.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(mut self) -> Result<WrittenTree, TreeError> {
        match self.root {
            Some(root) => Ok(root),
            None => {
                self.end_directories_behind(b"")?;
                Ok(self.build::<TreeError>(b"", [])?.tree)
            }
        }
    }

    /// Writes the directories behind `path` that were not given because they hold only directories.
    fn end_directories_behind(&mut self, path: &[u8]) -> Result<(), TreeError> {
        while let Some(top) = self.top() {
            let parent = parent_of(top);
            if dir_order(parent, path) != Ordering::Greater {
                break;
            }
            let parent = parent.to_vec();
            let built = self.build::<TreeError>(&parent, [])?;
            self.wait(&parent, built);
        }
        Ok(())
    }

    fn build<E: From<TreeError>>(
        &mut self,
        path: &[u8],
        entries: impl IntoIterator<Item = Result<Entry, E>>,
    ) -> Result<Directory, E> {
        let mut levels = Levels::default();
        let in_here = |error| match error {
            TreeError::OutOfOrder { path: name } => match RepoPath::new(path) {
                Ok(path) => TreeError::OutOfOrder { path: path.join_path(&name) },
                Err(error) => error.into(),
            },
            error => error,
        };
        for entry in entries {
            let entry = entry?;
            while let Some(child) = self.take_child(path, Some(&entry.name))? {
                levels.push(child, &mut self.nodes).map_err(in_here)?;
            }
            levels.push(entry, &mut self.nodes).map_err(in_here)?;
        }
        while let Some(child) = self.take_child(path, None)? {
            levels.push(child, &mut self.nodes).map_err(in_here)?;
        }
        Ok(levels.finish(&mut self.nodes)?)
    }

    fn top(&self) -> Option<&[u8]> {
        self.waiting.last().map(|top| &self.paths[top.path_at..])
    }

    fn wait(&mut self, path: &[u8], built: Directory) {
        let path_at = self.paths.len();
        self.paths.extend_from_slice(path);
        self.waiting.push(Waiting { path_at, id: built.tree.id, totals: built.totals() });
    }

    /// The next directory in `path`, when its name is not greater than `before`.
    fn take_child(&mut self, path: &[u8], before: Option<&EntryName>) -> Result<Option<Entry>, TreeError> {
        let Some(top) = self.top().filter(|top| parent_of(top) == path) else { return Ok(None) };
        let name = &top[if path.is_empty() { 0 } else { path.len() + 1 }..];
        if before.is_some_and(|before| name > before.as_bytes()) {
            return Ok(None);
        }
        let name = EntryName::new(name)?;
        let Some(Waiting { path_at, id, totals }) = self.waiting.pop() else { return Ok(None) };
        self.paths.truncate(path_at);
        Ok(Some(WrittenTree { id, totals }.entry(name)))
    }
}

fn parent_of(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&b| b == b'/').unwrap_or(0)]
}
