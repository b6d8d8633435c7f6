//! `dsv ls`: what is in a version.

use std::ffi::OsString;

use super::pathspec::{Pathspec, Places};
use super::{Error, Repository};
use crate::model::{Entry, EntryKind, Monitor, RepoPath, Totals, TreeId};
use crate::plumbing::tree_edit::empty_tree;
use crate::plumbing::tree_walk::{Entries, Visit, Walk, lookup};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory or the version's tree; the current version's unless told.
    pub tree: Option<TreeId>,
    /// Files, directories and patterns; the root when there are none.
    pub paths: Vec<OsString>,
    /// Everything below, instead of what is in a directory itself. Patterns are looked for everywhere below
    /// their first part without a wildcard.
    pub recursive: bool,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path from the root of what is listed.
    pub path: RepoPath,
    /// What it is.
    pub entry: Entry,
}

/// Gives each entry to `sink`, directory by directory in byte order of name, and returns what they amount to.
///
/// # Errors
/// When there is no version, a path is not in it, a node is missing or damaged; what `sink` returns.
pub fn run(
    repo: &Repository,
    options: &Options,
    monitor: &Monitor<'_>,
    sink: &mut dyn FnMut(Listed) -> Result<(), Error>,
) -> Result<Totals, Error> {
    let tree = match options.tree {
        Some(tree) => tree,
        None => repo.head_version()?.ok_or(Error::NoVersion)?.1.tree,
    };
    let spec = Pathspec::new(repo, &options.paths)?;
    spec.all_tracked(repo, &Places { trees: &[tree], ..Default::default() })?;
    let mut listing = Listing { repo, tree, monitor, sink, totals: Totals::default() };
    let roots = if spec.is_empty() { vec![RepoPath::root()] } else { spec.roots() };
    if spec.filter().is_none() {
        for root in &roots {
            listing.path(root, options)?;
        }
        return Ok(listing.totals);
    }
    for (at, root) in roots.iter().enumerate() {
        // What lies below an earlier one was listed with it.
        if !roots[..at].iter().any(|earlier| root.starts_with(earlier)) {
            listing.matching(root, &spec)?;
        }
    }
    Ok(listing.totals)
}

struct Listing<'a> {
    repo: &'a Repository,
    tree: TreeId,
    monitor: &'a Monitor<'a>,
    sink: &'a mut dyn FnMut(Listed) -> Result<(), Error>,
    totals: Totals,
}

impl Listing<'_> {
    fn give(&mut self, path: RepoPath, entry: Entry) -> Result<(), Error> {
        self.monitor.interrupt.check()?;
        self.totals = self.totals.plus(entry.totals());
        (self.sink)(Listed { path, entry })
    }

    /// The entry at a path, if it is no directory; else the tree there.
    fn find(&self, path: &RepoPath) -> Result<Option<Result<Entry, TreeId>>, Error> {
        if path.is_root() {
            return Ok(Some(Err(self.tree)));
        }
        let found = lookup(self.repo.db(), &self.tree, path)?;
        Ok(found.map(|entry| if entry.kind.is_dir() { Err(TreeId::new(entry.id)) } else { Ok(entry) }))
    }

    fn path(&mut self, path: &RepoPath, options: &Options) -> Result<(), Error> {
        match self.find(path)? {
            None => Ok(()),
            Some(Ok(entry)) => self.give(path.clone(), entry),
            Some(Err(tree)) if options.recursive => self.below(path, &tree, &|_| true),
            Some(Err(tree)) => {
                for entry in Entries::new(self.repo.db(), &tree, None)? {
                    let entry = entry?;
                    self.give(path.join(&entry.name), entry)?;
                }
                Ok(())
            }
        }
    }

    fn matching(&mut self, root: &RepoPath, spec: &Pathspec) -> Result<(), Error> {
        match self.find(root)? {
            None => Ok(()),
            Some(Ok(entry)) if spec.matches(root) => self.give(root.clone(), entry),
            Some(Ok(_)) => Ok(()),
            Some(Err(tree)) => self.below(root, &tree, &|path| spec.matches(path)),
        }
    }

    /// Files, links and empty directories below a directory.
    fn below(
        &mut self,
        at: &RepoPath,
        tree: &TreeId,
        chosen: &dyn Fn(&RepoPath) -> bool,
    ) -> Result<(), Error> {
        for item in Walk::new(self.repo.db(), tree, at.clone(), |_, _| Visit::Enter)? {
            let (path, entry) = item?;
            let shown = entry.kind != EntryKind::Directory || entry.id == empty_tree().object();
            if shown && chosen(&path) {
                self.give(path, entry)?;
            }
        }
        Ok(())
    }
}
