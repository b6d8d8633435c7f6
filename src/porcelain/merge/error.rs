//! What can go wrong with a merge.

use crate::model::{ErrorKind, MergeAction, RepoPath, VersionId};
use crate::porcelain::Error;
use crate::store::StoreError;

/// Why versions were not merged, or a merge is not ended.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Something else is to be done first.
    #[error("a {} is under way", action.as_str())]
    UnderWay {
        /// What it is.
        action: MergeAction,
    },
    /// There is nothing to go on with, to end, or to solve.
    #[error("no merge is under way")]
    NotUnderWay,
    /// The file that tells of it is damaged.
    #[error("what is known of the merge under way cannot be read")]
    Unreadable {
        /// What is wrong.
        #[source]
        source: StoreError,
    },
    /// What is staged would be mixed up with what is merged.
    #[error("{} staged and not committed", if paths.len() == 1 { "one path is".to_owned() } else { format!("{} paths are", paths.len()) })]
    Staged {
        /// The paths.
        paths: Vec<RepoPath>,
    },
    /// The lines of versions never met.
    #[error("{} and {} have no version in common", ours.short(12), theirs.short(12))]
    Unrelated {
        /// The current version.
        ours: VersionId,
        /// The other one.
        theirs: VersionId,
    },
    /// One of several versions cannot be merged without help.
    #[error("{} has {} with the others", theirs.short(12), if *count == 1 { "a conflict".to_owned() } else { format!("{count} conflicts") })]
    SeveralInConflict {
        /// The version.
        theirs: VersionId,
        /// How many.
        count: usize,
    },
    /// There are more conflicts than anybody would solve one by one.
    #[error("{count} conflicts are too many to be written down")]
    TooManyConflicts {
        /// How many.
        count: usize,
    },
    /// Conflicts are to be solved first.
    #[error("{} not solved", if paths.len() == 1 { "one conflict is".to_owned() } else { format!("{} conflicts are", paths.len()) })]
    Unsolved {
        /// The paths.
        paths: Vec<RepoPath>,
    },
    /// What was given is in no conflict.
    #[error("nothing is in conflict at {}", paths.join(", "))]
    NoConflict {
        /// What was given.
        paths: Vec<String>,
    },
    /// Both cannot be kept.
    #[error("no name is free beside '{path}'")]
    NoName {
        /// The path.
        path: RepoPath,
    },
    /// Another program moved the dataset meanwhile.
    #[error("the current version is {}, and the merge began at another one", head.short(12))]
    HeadMoved {
        /// Where it is now.
        head: VersionId,
    },
    /// Which change of a merge version is meant is not known.
    #[error("the version {} has {parents} parents", id.short(12))]
    WhichParent {
        /// The version.
        id: VersionId,
        /// How many.
        parents: usize,
    },
    /// A version has no such parent.
    #[error("the version {} has no parent number {number}", id.short(12))]
    NoParent {
        /// The version.
        id: VersionId,
        /// The number.
        number: u32,
    },
    /// A pick or a revert changes nothing.
    #[error("there is nothing to {}: the current version has it all", verb(*action))]
    NothingToDo {
        /// What was to be done.
        action: MergeAction,
    },
    /// Worktree and staging index have a part of what was merged.
    #[error("the {} came half-way", action.as_str())]
    Halfway {
        /// What was being done.
        action: MergeAction,
        /// What failed.
        #[source]
        source: Box<Error>,
    },
}

const fn verb(action: MergeAction) -> &'static str {
    match action {
        MergeAction::Merge => "merge",
        MergeAction::Revert => "revert",
        MergeAction::CherryPick => "pick",
    }
}

impl MergeError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnderWay { .. }
            | Self::Staged { .. }
            | Self::Unrelated { .. }
            | Self::NoName { .. }
            | Self::TooManyConflicts { .. } => ErrorKind::Refused,
            Self::NotUnderWay | Self::NoConflict { .. } => ErrorKind::NotFound,
            Self::Unreadable { source, .. } => source.kind(),
            Self::SeveralInConflict { .. } | Self::Unsolved { .. } | Self::HeadMoved { .. } => {
                ErrorKind::Conflict
            }
            Self::WhichParent { .. } | Self::NoParent { .. } => ErrorKind::Usage,
            Self::NothingToDo { .. } => ErrorKind::NothingToDo,
            Self::Halfway { source, .. } => source.kind(),
        }
    }

    /// What the person can do next.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::UnderWay { .. } => "'dsv merge --continue' ends it, 'dsv merge --abort' goes back",
            Self::NotUnderWay => "begin one with 'dsv merge REV'",
            Self::Unreadable { source, .. } if source.kind() == ErrorKind::UnsupportedFormat => {
                "it was begun by a newer dsv, which can end it"
            }
            Self::Unreadable { .. } => "'dsv merge --abort' goes back to the current version",
            Self::Staged { .. } => {
                "commit them with 'dsv commit -m MESSAGE', or unstage them with 'dsv restore --staged .'; nothing was changed"
            }
            Self::Unrelated { .. } => {
                "give --allow-unrelated to merge them all the same; what both have and is not the same is a conflict then"
            }
            Self::SeveralInConflict { .. } => "merge them one after the other; nothing was changed",
            Self::TooManyConflicts { .. } => {
                "choose a side with --ours, --theirs or --both; nothing was changed"
            }
            Self::Unsolved { .. } => {
                "choose with 'dsv merge --ours|--theirs|--both PATH', or edit the file and 'dsv add' it; 'dsv merge --abort' goes back"
            }
            Self::NoConflict { .. } => "'dsv status' lists the conflicts",
            Self::NoName { .. } => "choose one side with --ours or --theirs",
            Self::HeadMoved { .. } => "'dsv merge --abort' gives the merge up and stays at that version",
            Self::WhichParent { .. } | Self::NoParent { .. } => {
                "say with -m N against which parent its changes are meant; 'dsv show' lists them"
            }
            Self::NothingToDo { .. } => return None,
            Self::Halfway { source, .. } => {
                let more = source.hint().filter(|_| source.kind() != ErrorKind::Interrupted);
                let more = more.map_or_else(String::new, |hint| format!("; {hint}"));
                return Some(format!("'dsv merge --continue' goes on, 'dsv merge --abort' goes back{more}"));
            }
        };
        Some(text.to_owned())
    }

    /// What it is about, each thing on a line.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Staged { paths } | Self::Unsolved { paths } => {
                paths.iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        }
    }
}
