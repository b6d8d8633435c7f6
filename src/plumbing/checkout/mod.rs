//! Changes of a tree onto the worktree and into the staging index.
//!
//! First everything is checked: nothing that is not committed may be lost. Only then the first file is
//! touched; and each file once more just before it is replaced or removed, since much time may have passed.
//! When something fails, what was done is taken back, unless it was forced. What stays done is in the index at every
//! moment at which the caller may save it; and what an interrupted checkout has left of a small file is recognised by
//! the next one, because it is the beginning of what the file was to become.

mod check;
mod undo;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::model::{BlobId, EntryKind, ErrorKind, Interrupted, Monitor, ObjectId, RepoPath};
use crate::plumbing::links::bring;
use crate::store::{ObjectDb, StoreError, WantedLink};
use crate::sys::{FileKind, Fs, IoError};
use crate::worktree::{
    IndexEditor, MaterializeError, Materializer, Staged, StagingIndex, Target, WorktreeError,
};

/// What a path is to be, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// File, executable, symlink, external link, or an empty directory.
    pub kind: EntryKind,
    /// Bytes.
    pub size: u64,
    /// The blob, or the empty tree.
    pub id: ObjectId,
}

impl Content {
    /// Whether this is what is staged.
    pub fn is(&self, staged: &Staged) -> bool {
        (self.kind, self.id) == (staged.kind, staged.id)
    }
}

/// One path that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// The path; a directory only where it is empty.
    pub path: RepoPath,
    /// What it was in the version that the worktree comes from; `None` when there was nothing.
    pub old: Option<Content>,
    /// What it is to become; `None` when it goes.
    pub new: Option<Content>,
}

/// How to apply changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckoutOptions {
    /// Replace what is not committed.
    pub force: bool,
    /// Bring what external links lead to. Without, a link that changes is in the index alone, and what is in its place goes.
    pub links: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckoutStats {
    /// Files written.
    pub written: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Files removed.
    pub removed: u64,
    /// Files that were what they were to become.
    pub unchanged: u64,
}

impl CheckoutStats {
    /// Both together, of one piece of work done in two steps.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            written: self.written + other.written,
            bytes: self.bytes + other.bytes,
            removed: self.removed + other.removed,
            unchanged: self.unchanged + other.unchanged,
        }
    }
}

/// Why a path must not be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is staged and not committed.
    Staged,
    /// It was changed since it was staged or committed.
    Modified,
    /// It is in no version.
    Untracked,
}

impl Obstacle {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Modified => "modified",
            Self::Untracked => "untracked",
        }
    }
}

/// Why changes could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The staging index failed.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// What is not committed would be lost; nothing was touched.
    #[error("{} uncommitted {} would be lost", obstacles.len(), if obstacles.len() == 1 { "file" } else { "files" })]
    WouldOverwrite {
        /// Every such path, in order.
        obstacles: Vec<(RepoPath, Obstacle)>,
    },
    /// Something that is no folder is where one must be.
    #[error("'{path}' is in the way: it is no folder")]
    InTheWay {
        /// What is in the way.
        path: RepoPath,
    },
    /// A folder that was to be replaced by a file is a repository of its own, or holds one.
    #[error("'{path}' is in the way: it is a folder that holds a repository")]
    HoldsRepository {
        /// The folder.
        path: RepoPath,
    },
    /// The database does not have the content of a file, or not whole.
    #[error("'{path}' cannot be brought back")]
    Lost {
        /// The file.
        path: RepoPath,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// What was done before the error was taken back.
    #[error(transparent)]
    Undone(Box<Self>),
    /// What was done before the error stays.
    #[error("{done} of {all} paths were changed before it failed")]
    Partly {
        /// Paths that were changed.
        done: u64,
        /// Paths that were to be.
        all: u64,
        /// What failed.
        #[source]
        source: Box<Self>,
    },
    /// The bytes in the database are not those of the blob.
    #[error("the stored bytes of '{path}' are damaged: they do not match their id {expected}")]
    WrongBytes {
        /// The file.
        path: RepoPath,
        /// Its blob.
        expected: ObjectId,
    },
    /// A file was changed, or came, after it had been checked.
    #[error("'{path}' changed while the checkout was at work")]
    Changed {
        /// The file.
        path: RepoPath,
    },
    /// The tree and the database do not agree on a blob.
    #[error("'{path}' has {size} bytes by its entry and {stored} in the database")]
    WrongSize {
        /// The file.
        path: RepoPath,
        /// What its entry says.
        size: u64,
        /// What the database has.
        stored: u64,
    },
}

impl CheckoutError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Worktree(error) => error.kind(),
            Self::Io(error) => error.kind(),
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Undone(error) => error.kind(),
            Self::Partly { source, .. } => source.kind(),
            Self::Lost { source, .. } => source.kind(),
            Self::WouldOverwrite { .. }
            | Self::InTheWay { .. }
            | Self::HoldsRepository { .. }
            | Self::Changed { .. } => ErrorKind::WouldOverwrite,
            Self::WrongBytes { .. } | Self::WrongSize { .. } => ErrorKind::Corrupt,
        }
    }

    /// Names the file that damage is about.
    fn about(self, path: &RepoPath) -> Self {
        match self {
            Self::Store(source) if source.kind() == ErrorKind::Corrupt => {
                Self::Lost { path: path.clone(), source }
            }
            error => error,
        }
    }

    fn from_materialize(error: MaterializeError<Self>) -> Self {
        match error {
            MaterializeError::Io(error) => Self::Io(error),
            MaterializeError::InTheWay { path } => Self::InTheWay { path },
            MaterializeError::Changed { path } => Self::Changed { path },
            MaterializeError::Content(error) => error,
        }
    }
}

/// What the steps of one checkout share.
struct Context<'a> {
    db: &'a Arc<ObjectDb>,
    materializer: Materializer,
    options: CheckoutOptions,
    /// Whether nobody may write to the files later.
    read_only: bool,
    /// What links lead to that are brought, by their ids.
    brought: HashMap<ObjectId, ObjectId>,
    monitor: &'a Monitor<'a>,
}

impl Context<'_> {
    /// The bytes of the file that is written for some content; `None` for a link that stays one.
    fn to_write(&self, content: &Content) -> Option<Content> {
        if content.kind != EntryKind::ExternalLink {
            return Some(*content);
        }
        let id = *self.brought.get(&content.id)?;
        Some(Content { kind: EntryKind::File, id, ..*content })
    }

    /// Brings what links lead to.
    fn bring_links<'p>(
        &mut self,
        items: impl Iterator<Item = (&'p RepoPath, &'p Content)>,
    ) -> Result<(), StoreError> {
        let links = items.filter(|(_, content)| content.kind == EntryKind::ExternalLink);
        let wanted: Vec<WantedLink> = links
            .map(|(path, content)| WantedLink { id: BlobId::new(content.id), path: path.to_string() })
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let blobs = bring(self.db, &wanted, self.monitor)?;
        self.brought =
            wanted.into_iter().zip(blobs).map(|(link, blob)| (link.id.object(), blob.object())).collect();
        Ok(())
    }
}

/// Applies changes to the worktree below `root` and to the index; the caller saves the index, also when
/// this fails.
///
/// # Errors
/// [`CheckoutError::WouldOverwrite`] before anything is touched; [`CheckoutError::Undone`] when all is again as it
/// was, and the index is to be forgotten; else what failed, with what was done until then in the index.
pub fn apply_changes(
    db: &Arc<ObjectDb>,
    root: &Path,
    index: &mut IndexEditor,
    changes: &[PathChange],
    options: CheckoutOptions,
    monitor: &Monitor<'_>,
) -> Result<CheckoutStats, CheckoutError> {
    let materializer = Materializer::new(Arc::clone(db.fs()), root);
    let brought = HashMap::new();
    let mut context = Context { db, materializer, options, read_only: false, brought, monitor };
    let plan = check::plan(&context, index, changes)?;
    let new = changes.iter().filter_map(|change| change.new).filter(|new| !new.kind.is_dir());
    let len = |new: &Content| if new.kind == EntryKind::ExternalLink { 0 } else { new.size };
    db.prefetch_blobs(new.map(|new| (BlobId::new(new.id), len(&new))), monitor)?;
    if options.links {
        context.bring_links(plan.write.iter().map(|(path, content, _)| (path, content)))?;
    }
    // A folder may have become a link since it was looked at.
    context.materializer.forget_folders();
    write::carry_out(&context, index, plan)
}

/// Checks that these changes would lose nothing that is not committed, and touches nothing.
///
/// # Errors
/// As [`apply_changes`] before anything is touched.
pub fn check_changes(
    db: &Arc<ObjectDb>,
    root: &Path,
    index: &StagingIndex,
    changes: &[PathChange],
    monitor: &Monitor<'_>,
) -> Result<(), CheckoutError> {
    let materializer = Materializer::new(Arc::clone(db.fs()), root);
    let (options, brought) = (CheckoutOptions::default(), HashMap::new());
    let context = Context { db, materializer, options, read_only: false, brought, monitor };
    check::plan(&context, index, changes).map(drop)
}

/// Removes a file or link below `root`, and the folders above it that become empty. What is a folder stays.
///
/// # Errors
/// When the system fails.
pub fn remove_file(fs: &Arc<dyn Fs>, root: &Path, path: &RepoPath) -> Result<(), CheckoutError> {
    let materializer = Materializer::new(Arc::clone(fs), root);
    let absolute = materializer.locate(path)?;
    if fs.stat(&absolute).is_ok_and(|stat| stat.kind == FileKind::Directory) {
        return Ok(());
    }
    materializer.remove(path, Target::Replace(None), |_| false).map_err(write::plain)
}

/// Writes what these paths are to be below a folder that nobody else writes to, files read-only. Each comes to its name
/// only once it is whole and proved. What they hold is here, or is fetched one by one.
///
/// # Errors
/// When content is missing or damaged, or the system fails; what was written stays. External links are passed over.
pub fn write_read_only(
    db: &Arc<ObjectDb>,
    root: &Path,
    items: impl IntoIterator<Item = (RepoPath, Content)>,
    monitor: &Monitor<'_>,
) -> Result<(), CheckoutError> {
    let materializer = Materializer::new(Arc::clone(db.fs()), root);
    let (options, brought) = (CheckoutOptions::default(), HashMap::new());
    let context = Context { db, materializer, options, read_only: true, brought, monitor };
    let items = items.into_iter().map(|(path, content)| (path, content, Target::Replace(None)));
    write::write_items(&context, items.collect(), &mut |_, _| Ok(()))
}

#[cfg(test)]
mod tests;
