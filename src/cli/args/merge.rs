//! Commands that bring together what was made apart.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::Json;
use crate::model::Favour;

/// Which side is taken where both changed a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// Neither: it is a conflict
    Recursive,
    /// Ours
    Ours,
    /// Theirs
    Theirs,
    /// Both: theirs under a name beside ours
    Both,
}

/// The side, by one option or another.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Side {
    /// Where both changed a path, take ours
    #[arg(long, conflicts_with_all = ["theirs", "both"])]
    pub(crate) ours: bool,
    /// Where both changed a path, take theirs
    #[arg(long, conflicts_with = "both")]
    pub(crate) theirs: bool,
    /// Where both changed a path, keep ours, and theirs beside it as NAME~LABEL.EXT
    #[arg(long)]
    pub(crate) both: bool,
}

impl Side {
    /// The side that was chosen.
    pub(crate) const fn favour(self) -> Option<Favour> {
        match self {
            Self { ours: true, .. } => Some(Favour::Ours),
            Self { theirs: true, .. } => Some(Favour::Theirs),
            Self { both: true, .. } => Some(Favour::Both),
            _ => None,
        }
    }
}

/// The label of the version that is made.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewLabel {
    /// The label of the new version
    #[arg(long, value_name = "V", conflicts_with_all = ["major", "minor"])]
    pub(crate) label: Option<String>,
    /// Next major version
    #[arg(long, conflicts_with = "minor")]
    pub(crate) major: bool,
    /// Next minor version
    #[arg(long)]
    pub(crate) minor: bool,
}

/// Merge another dataset or version into the current one
///
/// Path by path, from the version where both began: what one side changed is taken from that side, lines of a text that both changed are
/// merged, and so is the executable bit. What both changed otherwise is a conflict. All that merges is brought; of a conflict, ours stays
/// until it is solved: with --ours, --theirs or --both and its path, or by hand with 'dsv add' or 'dsv rm'. Then --continue makes the
/// version, or --abort goes back to what was before. With one of --ours, --theirs and --both and a REV, all conflicts are solved so.
/// Where the current version has nothing that the other one has not, the dataset goes on to that one. Exit code 1 when conflicts are left.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv merge experiment
  dsv merge -n origin/cats
  dsv merge --theirs labels/a.csv
  dsv merge --continue")]
pub(crate) struct Merge {
    /// The versions to merge; while a merge is under way, the paths to solve
    #[arg(value_name = "REV|PATH", required_unless_present_any = ["proceed", "abort"])]
    pub(crate) what: Vec<OsString>,
    /// What to do where both changed a path
    #[arg(long, value_name = "HOW", conflicts_with_all = ["ours", "theirs", "both"])]
    pub(crate) strategy: Option<Strategy>,
    #[command(flatten)]
    pub(crate) side: Side,
    /// Why; 'Merge LABEL' unless told
    #[arg(short, long, value_name = "MSG")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) label: NewLabel,
    /// Stop before the version is made
    #[arg(long)]
    pub(crate) no_commit: bool,
    /// Make a version also where going on to the other one would do
    #[arg(long)]
    pub(crate) no_ff: bool,
    /// Merge also what has no version in common
    #[arg(long)]
    pub(crate) allow_unrelated: bool,
    /// Tell what would be merged, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Make the version, now that all conflicts are solved; after an interruption, go on
    #[arg(long = "continue", conflicts_with_all = ["what", "abort", "strategy", "ours", "theirs", "both", "dry_run", "label", "major", "minor"])]
    pub(crate) proceed: bool,
    /// Go back to what was before the merge
    #[arg(long, conflicts_with_all = ["what", "message", "strategy", "ours", "theirs", "both", "dry_run", "label", "major", "minor"])]
    pub(crate) abort: bool,
    /// Solve also what was changed by hand
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Undo what a version changed, in a new version
///
/// What came later stays. Where that is about the same paths, there are conflicts, which are solved as those of a merge are: see 'dsv help
/// merge'.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv revert HEAD
  dsv revert cats@1.2.0 --message 'The labels were right'
  dsv revert -m 1 HEAD~2")]
pub(crate) struct Revert {
    /// The version
    #[arg(value_name = "REV")]
    pub(crate) revision: String,
    #[command(flatten)]
    pub(crate) how: Pick,
}

/// Do here what other versions changed
///
/// Each becomes a version with the message and author of that one. Where the current version has changed the same paths, there are
/// conflicts, which are solved as those of a merge are; 'dsv merge --continue' then goes on with the rest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv cherry-pick experiment
  dsv cherry-pick experiment~3 experiment~1
  dsv cherry-pick --theirs experiment")]
pub(crate) struct CherryPick {
    /// The versions, in order
    #[arg(value_name = "REV", required = true)]
    pub(crate) revisions: Vec<String>,
    #[command(flatten)]
    pub(crate) how: Pick,
}

/// How to pick or to revert.
#[derive(Debug, Args)]
pub(crate) struct Pick {
    /// Of a version with several parents: count its changes against parent N, from 1
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) mainline: Option<u32>,
    #[command(flatten)]
    pub(crate) side: Side,
    /// Why
    #[arg(long, value_name = "MSG")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) label: NewLabel,
    /// Stop before the version is made
    #[arg(long)]
    pub(crate) no_commit: bool,
    /// Tell what would be changed, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
