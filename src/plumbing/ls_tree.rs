//! `ls-tree`: the entries of a directory.

use super::TreeError;
use super::tree_walk::{Entries, Visit, Walk};
use crate::model::{Entry, Monitor, RepoPath, TreeId};
use crate::store::ObjectDb;

/// What to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Go into directories. They are listed themselves only with `directories`, or when they are empty.
    pub recursive: bool,
    /// With `recursive`, list directories before what is in them.
    pub directories: bool,
}

/// Gives path and entry of each to `sink`, directory by directory in byte order of name.
///
/// # Errors
/// When a node is missing or damaged, or the monitor asks to end; what `sink` returns.
pub fn run<E: From<TreeError>>(
    db: &ObjectDb,
    tree: &TreeId,
    options: Options,
    monitor: &Monitor<'_>,
    sink: &mut dyn FnMut(RepoPath, Entry) -> Result<(), E>,
) -> Result<(), E> {
    let interrupted = || monitor.interrupt.check().map_err(TreeError::from);
    if !options.recursive {
        for entry in Entries::new(db, tree, None)? {
            interrupted()?;
            let entry = entry?;
            sink(RepoPath::from(entry.name.clone()), entry)?;
        }
        return Ok(());
    }
    for item in Walk::new(db, tree, RepoPath::root(), |_, _| Visit::Enter)? {
        interrupted()?;
        let (path, entry) = item?;
        let is_empty = || entry.id == super::tree_edit::empty_tree().object();
        if options.directories || !entry.kind.is_dir() || is_empty() {
            sink(path, entry)?;
        }
    }
    Ok(())
}
