//! Merging of trees.

use std::ffi::OsString;

use clap::Args;

use crate::cli::args::Json;
use crate::cli::args::merge::Side;

/// Merge two trees
///
/// Stores the tree that becomes of two trees which were made from a third one, and prints its id; then a line for each conflict: a
/// letter (C both changed, R changed and removed, A both added, K of two kinds, D file and directory), the kinds and the ids of base, ours
/// and theirs, a tab, and the path. In the tree, ours is in the place of conflicts. Exit code 1 when there are any.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv merge-tree \"$(dsv merge-base HEAD experiment)\" HEAD experiment
  dsv merge-tree --theirs cats@1.0.0 cats@1.1.0 cats@1.0.1")]
pub(crate) struct MergeTree {
    /// What both were made from
    #[arg(value_name = "BASE")]
    pub(crate) base: OsString,
    /// Our tree
    #[arg(value_name = "OURS")]
    pub(crate) our_tree: OsString,
    /// Their tree
    #[arg(value_name = "THEIRS")]
    pub(crate) their_tree: OsString,
    #[command(flatten)]
    pub(crate) side: Side,
    /// The word in the names of theirs that are kept beside ours
    #[arg(long, value_name = "WORD", default_value = "theirs")]
    pub(crate) word: String,
    /// Lines end in NUL, and paths are not quoted
    #[arg(short = 'z')]
    pub(crate) nul: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
