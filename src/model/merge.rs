//! A merge that is under way.

use super::{Author, EntryKind, ObjectId, RepoPath, TreeId, VersionId};

/// Which side is taken where both changed a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Favour {
    /// Ours.
    Ours,
    /// Theirs.
    Theirs,
    /// Both: ours under its name, theirs beside it.
    Both,
}

impl Favour {
    /// The word for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Both => "both",
        }
    }

    /// The side of a word written by [`Favour::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ours, Self::Theirs, Self::Both].into_iter().find(|favour| favour.as_str() == word)
    }
}

/// Why a path could not be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// Both sides changed the content.
    Content,
    /// One side changed it, the other removed it.
    ChangedRemoved,
    /// Both sides added it.
    Added,
    /// It is of different kinds, as a file and a link.
    Kind,
    /// It is a file on one side, and the other has a directory there.
    FileDirectory,
}

impl ConflictKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Content, Self::ChangedRemoved, Self::Added, Self::Kind, Self::FileDirectory];

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::ChangedRemoved => "changed-removed",
            Self::Added => "added",
            Self::Kind => "kind",
            Self::FileDirectory => "file-directory",
        }
    }

    /// The kind of a word written by [`ConflictKind::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeAction {
    /// Versions are merged into the current one.
    Merge,
    /// What a version changed is undone.
    Revert,
    /// What a version changed is done here, too.
    CherryPick,
}

impl MergeAction {
    /// The name of the command.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Revert => "revert",
            Self::CherryPick => "cherry-pick",
        }
    }

    /// The action of a word written by [`MergeAction::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Merge, Self::Revert, Self::CherryPick].into_iter().find(|action| action.as_str() == word)
    }
}

/// What a side has at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergedEntry {
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes.
    pub size: u64,
    /// The blob, or the empty tree.
    pub id: ObjectId,
}

/// A path that both sides changed, and how that was solved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeConflict {
    /// Where.
    pub path: RepoPath,
    /// Why.
    pub kind: ConflictKind,
    /// What it was.
    pub base: Option<MergedEntry>,
    /// What our side has.
    pub ours: Option<MergedEntry>,
    /// What their side has.
    pub theirs: Option<MergedEntry>,
    /// Where theirs goes when both are kept.
    pub beside: Option<RepoPath>,
    /// The side that somebody chose.
    pub solved: Option<Favour>,
}

/// All that has to be known to end a merge, one way or the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeState {
    /// What is being done.
    pub action: MergeAction,
    /// Whether worktree and staging index have what was merged; before that, `head` is in them, or a part of both.
    pub applied: bool,
    /// The version that it began at.
    pub head: VersionId,
    /// The versions that are merged, undone or picked.
    pub theirs: Vec<VersionId>,
    /// What was merged, with our side's in place of conflicts.
    pub tree: TreeId,
    /// The message of the version that it becomes.
    pub message: String,
    /// The label of that version: `patch`, `minor`, `major`, or the label itself.
    pub label: String,
    /// Its author, unless it is who ends the merge.
    pub author: Option<Author>,
    /// The number of the parent, from 1, against which a merge version that is picked counts.
    pub mainline: Option<u32>,
    /// What is to be picked afterwards.
    pub todo: Vec<VersionId>,
    /// The conflicts, in byte order of path.
    pub conflicts: Vec<MergeConflict>,
}

impl MergeState {
    /// The parents of the version that it becomes.
    pub fn parents(&self) -> Vec<VersionId> {
        let merged = self.theirs.iter().filter(|_| self.action == MergeAction::Merge);
        std::iter::once(&self.head).chain(merged).copied().collect()
    }
}
