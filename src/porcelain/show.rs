//! `dsv show`: a version, or what lies at a path of one.

use super::about::AllMarks;
use super::{Changes, Error, Marks, Repository};
use crate::model::{BlobId, Entry, EntryKind, Monitor, RepoPath, Totals, TreeId, Version, VersionId};
use crate::plumbing::cat_file::ObjectKind;
use crate::plumbing::rev_parse::Resolved;
use crate::plumbing::tree_walk::{Entries, totals};

/// What to show.
#[derive(Debug, Clone)]
pub struct Options {
    /// What was named; see [`Repository::resolve`].
    pub object: Resolved,
    /// At most so many changed paths, or entries of a directory.
    pub limit: usize,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A version.
    Version(Box<VersionView>),
    /// A directory.
    Directory(Listing),
    /// A file or a link; `cat_file::copy` gives its bytes.
    File(FileView),
}

/// A version and all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionView {
    /// Its id.
    pub id: VersionId,
    /// Its manifest.
    pub version: Version,
    /// The names that lead to it.
    pub marks: Marks,
    /// What it changed in comparison with its first parent.
    pub changes: Changes,
}

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The version in which it was looked up.
    pub version: Option<VersionId>,
    /// Where it lies in that version; `None` when it was named by its id.
    pub path: Option<RepoPath>,
    /// Its tree.
    pub id: TreeId,
    /// Files and bytes in and below it.
    pub totals: Totals,
    /// Its entries in byte order of name.
    pub entries: Vec<Entry>,
    /// How many more there are.
    pub omitted: u64,
}

/// What is known of a file or a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// The version in which it was looked up.
    pub version: Option<VersionId>,
    /// Where it lies in that version; `None` when it was named by its id.
    pub path: Option<RepoPath>,
    /// What it is there; `None` when it was named by its id.
    pub kind: Option<EntryKind>,
    /// Its bytes; of a symbolic link, its target.
    pub id: BlobId,
    /// Their number.
    pub size: u64,
}

/// Looks at an object.
///
/// # Errors
/// When it is missing or damaged, or when interrupted.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let object = &options.object;
    match object.kind {
        ObjectKind::Version => version(repo, VersionId::new(object.id), options.limit, monitor),
        ObjectKind::Tree => directory(repo, options, monitor),
        ObjectKind::Blob => file(repo, object),
    }
}

fn version(repo: &Repository, id: VersionId, limit: usize, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let version = repo.db().version(&id)?;
    let marks = AllMarks::read(repo)?.of(&id);
    // Of what was deleted they are not known any more.
    let changes = match repo.db().tombstones().contains(&id) {
        true => Changes::default(),
        false => repo.changes_of(&version, limit, monitor)?,
    };
    Ok(Outcome::Version(Box::new(VersionView { id, version, marks, changes })))
}

fn directory(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let Resolved { version, path, .. } = &options.object;
    let id = TreeId::new(options.object.id);
    let mut listing = Listing {
        version: *version,
        path: path.clone(),
        id,
        totals: totals(repo.db(), &id)?,
        entries: Vec::new(),
        omitted: 0,
    };
    for entry in Entries::new(repo.db(), &id, None)? {
        monitor.interrupt.check()?;
        let entry = entry?;
        if listing.entries.len() < options.limit {
            listing.entries.push(entry);
        } else {
            listing.omitted += 1;
        }
    }
    Ok(Outcome::Directory(listing))
}

fn file(repo: &Repository, object: &Resolved) -> Result<Outcome, Error> {
    let id = BlobId::new(object.id);
    let (kind, size) = match &object.entry {
        Some(entry) => (Some(entry.kind), entry.size),
        None => (None, repo.db().blob_len(&id)?),
    };
    Ok(Outcome::File(FileView { version: object.version, path: object.path.clone(), kind, id, size }))
}

#[cfg(test)]
mod tests;
