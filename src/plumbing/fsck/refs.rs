//! The small files of a repository, and what is staged.

use std::path::Path;
use std::sync::Arc;

use super::finding::Report;
use super::trees::Trees;
use super::{Counts, Finding};
use crate::codec::tree::empty_tree;
use crate::model::{BlobId, EntryKind, Head, VersionId};
use crate::store::{Drafts, EventLog, Layout, Refs, SkippedLine, StoreError, check_readable, read_format};
use crate::sys::Fs;
use crate::worktree::{StagingIndex, WorktreeError};

/// A version that something refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// What refers to it.
    pub(super) name: String,
    pub(super) version: VersionId,
}

/// Checks format files, refs, `HEAD` and logs; returns the versions that they name.
pub(super) fn check(fs: &Arc<dyn Fs>, layout: &Layout, report: &Report) -> Result<Vec<Root>, StoreError> {
    check_format(&**fs, &layout.format(), report)?;
    let shared = layout.objects.with_file_name("format");
    if shared != layout.format() {
        check_format(&**fs, &shared, report)?;
    }
    let refs = Refs::new(Arc::clone(fs), layout);
    let mut roots = Vec::new();
    for name in told(refs.names(), report)?.unwrap_or_default() {
        if let Some(Some(version)) = told(refs.read(&name), report)? {
            roots.push(Root { name: name.to_string(), version });
        }
    }
    for tracked in told(refs.tracking().list(), report)?.unwrap_or_default() {
        let name = format!("{}/{}", tracked.remote, tracked.dataset);
        roots.push(Root { name, version: tracked.version });
    }
    if let Some(Head::Detached(version)) = told(refs.head(), report)? {
        roots.push(Root { name: "HEAD".to_owned(), version });
    }
    if let Some(log) = told(refs.log(), report)? {
        note_lines(&layout.ref_log(), log.skipped, report);
    }
    if let Some(events) = told(EventLog::new(Arc::clone(fs), layout).read(), report)? {
        let deleted = events.deleted();
        for (tag, mut versions) in events.tags() {
            versions.retain(|version| !deleted.contains(version));
            roots.extend(versions.into_iter().map(|version| Root { name: tag.to_string(), version }));
        }
        note_lines(&layout.events(), events.skipped, report);
    }
    for draft in told(Drafts::new(Arc::clone(fs), layout).list(), report)?.unwrap_or_default() {
        let name = || format!("the draft of {}", draft.dataset);
        roots.extend(draft.parents.iter().map(|version| Root { name: name(), version: *version }));
    }
    Ok(roots)
}

/// What was read, unless it is damaged: then that is found.
fn told<T>(read: Result<T, StoreError>, report: &Report) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) => report.add_error(error).map(|()| None),
    }
}

fn check_format(fs: &dyn Fs, path: &Path, report: &Report) -> Result<(), StoreError> {
    match told(read_format(fs, path), report)? {
        Some(Some(format)) => told(check_readable(&format, path), report).map(drop),
        Some(None) => {
            report.add(Finding::File { path: path.to_owned(), why: "it is missing".to_owned() });
            Ok(())
        }
        None => Ok(()),
    }
}

fn note_lines(path: &Path, skipped: Vec<SkippedLine>, report: &Report) {
    for SkippedLine { number, why } in skipped {
        report.add(Finding::Line { path: path.to_owned(), number, why });
    }
}

/// Checks the staging index, and that what it stages is in the database.
pub(super) fn check_staged(
    fs: &Arc<dyn Fs>,
    layout: &Layout,
    trees: &Trees<'_>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let report = trees.report;
    let found = |error: WorktreeError| match error {
        WorktreeError::IndexUnreadable { path, source } => {
            report.add(Finding::File { path, why: source.to_string() });
            Ok(())
        }
        WorktreeError::IndexMissing { path } => {
            report.add(Finding::File { path, why: "it is missing".to_owned() });
            Ok(())
        }
        WorktreeError::Io(error) => report.add_error(error.into()),
        WorktreeError::Interrupted(interrupted) => Err(interrupted.into()),
        // The others are for writers.
        _ => Ok(()),
    };
    let index = match StagingIndex::open(&**fs, &layout.index()) {
        Ok(index) => index,
        Err(error) => return found(error),
    };
    if let Err(error) = index.check() {
        found(error)?;
    }
    // The tree of nothing may be known without ever having been stored.
    let empty = empty_tree();
    if let Some(tree) = index.known_tree().filter(|tree| *tree != empty) {
        trees.check_tree(tree)?;
    }
    for draft in told(Drafts::new(Arc::clone(fs), layout).list(), report)?.unwrap_or_default() {
        for tree in [Some(draft.base), draft.staged].into_iter().flatten().filter(|tree| *tree != empty) {
            trees.check_tree(tree)?;
        }
    }
    for entry in index.iter() {
        let entry = match entry {
            Ok(entry) => entry,
            // Where one line is damaged, the next ones cannot be told apart.
            Err(error) => return found(error),
        };
        trees.monitor.interrupt.check()?;
        counts.staged += 1;
        let (kind, id) = (entry.staged.kind, entry.staged.id);
        let len = Some(entry.staged.size).filter(|_| kind != EntryKind::ExternalLink);
        if !kind.is_dir() && !trees.blob_is_whole(&BlobId::new(id), len)? {
            report.add(Finding::Staged { path: entry.path, id });
        }
    }
    Ok(())
}
