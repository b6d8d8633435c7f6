//! What was done, and how it is taken back when the rest fails.

use super::write::{WriteItem, note, staged, write_small};
use super::{CheckoutError, CheckoutStats, Content, Context};
use crate::model::{EntryKind, RepoPath};
use crate::worktree::{IndexEditor, Staged, StagingIndex, Target, WorktreeError};

/// What was done so far, each with what was there before.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Files, links and empty folders that were written.
    pub(super) written: Vec<Written>,
    /// Files and links that were removed.
    pub(super) removed: Vec<(RepoPath, Content)>,
    /// Empty folders that were removed.
    pub(super) folders: Vec<RepoPath>,
}

impl Done {
    fn len(&self) -> u64 {
        (self.written.len() + self.removed.len() + self.folders.len()) as u64
    }
}

/// A path that was written.
#[derive(Debug)]
pub(super) struct Written {
    path: RepoPath,
    /// Whether something was in its place.
    replaced: bool,
    /// What the index held.
    held: Option<Staged>,
    /// Whether that, or that it held nothing, was an edit.
    edited: bool,
}

impl Written {
    /// What is about to be noted in the index.
    pub(super) fn new(index: &StagingIndex, path: &RepoPath, target: Target) -> Result<Self, WorktreeError> {
        let (replaced, held) = (target != Target::Absent, index.get(path)?);
        Ok(Self { path: path.clone(), replaced, held, edited: index.is_edited(path) })
    }

    /// The content that was replaced, where it is known.
    fn before(&self) -> Option<Content> {
        self.held.filter(|_| self.replaced).map(content_of)
    }

    /// Makes the index hold what it held.
    pub(super) fn hold_again(self, index: &mut IndexEditor) -> Result<(), WorktreeError> {
        if let Some(held) = self.held {
            return index.set(&self.path, held);
        }
        index.remove(&self.path)?;
        if !self.edited {
            index.forget(&self.path);
        }
        Ok(())
    }
}

/// The content of what is staged.
pub(super) fn content_of(staged: Staged) -> Content {
    Content { kind: staged.kind, size: staged.size, id: staged.id }
}

/// Takes back what was done before an error, and tells with the error whether that went well. What was forced is not taken
/// back, since what it replaced is in no database; nor what a person ended, who wants no more work.
pub(super) fn after(
    context: &Context<'_>,
    index: &mut IndexEditor,
    done: Done,
    all: u64,
    error: CheckoutError,
) -> CheckoutError {
    let count = done.len();
    if count == 0 || matches!(error, CheckoutError::Interrupted(_)) {
        return error;
    }
    let source = Box::new(error);
    if !context.options.force && take_back(context, index, done).is_ok() {
        return CheckoutError::Undone(source);
    }
    CheckoutError::Partly { done: count, all, source }
}

/// Brings back what was there before. The index follows step by step, so that it fits the disk also when this fails.
fn take_back(context: &Context<'_>, index: &mut IndexEditor, done: Done) -> Result<(), CheckoutError> {
    let mut back: Vec<WriteItem> = Vec::new();
    for written in done.written {
        let path = &written.path;
        let is_folder = index.get(path)?.is_some_and(|now| now.kind == EntryKind::Directory);
        match written.before() {
            Some(before) if !is_folder => back.push((path.clone(), before, Target::Replace(None))),
            _ => {
                if is_folder {
                    context.materializer.remove_folder(path, |_| false).map_err(super::write::plain)?;
                } else {
                    let target = Target::Replace(None);
                    context.materializer.remove(path, target, |_| false).map_err(super::write::plain)?;
                }
                written.hold_again(index)?;
            }
        }
    }
    back.extend(done.removed.into_iter().map(|(path, before)| (path, before, Target::Absent)));
    write_small(context, &back, &mut |item, stat| {
        note(index, item, stat, &mut CheckoutStats::default(), &mut Done::default())
    })?;
    for path in done.folders {
        context.materializer.make_folder(&path).map_err(CheckoutError::from_materialize)?;
        let content = Content {
            kind: EntryKind::Directory,
            size: 0,
            id: crate::plumbing::tree_edit::empty_tree().object(),
        };
        index.set(&path, staged(&content, None))?;
    }
    Ok(())
}
