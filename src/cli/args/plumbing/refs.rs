//! Names and lines of versions.

use std::ffi::OsString;

use clap::{ArgGroup, Args};

/// Print the id of a revision
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv rev-parse HEAD~2
  dsv rev-parse --short cats@1.2
  dsv rev-parse HEAD:images")]
pub(crate) struct RevParse {
    /// Revisions, or REV:path
    #[arg(value_name = "REV", required_unless_present_any = ["show_toplevel", "dsv_dir"])]
    pub(crate) revisions: Vec<OsString>,
    /// As few digits as are unique
    #[arg(long)]
    pub(crate) short: bool,
    /// Print the dataset's folder
    #[arg(long)]
    pub(crate) show_toplevel: bool,
    /// Print the repository's folder
    #[arg(long = "dsv-dir")]
    pub(crate) dsv_dir: bool,
}

/// List versions that revisions lead to
///
/// Prints ids, newest first; each version stands before its parents. ^REV leaves out what REV leads to, and A..B is ^A B.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv rev-list HEAD
  dsv rev-list --count cats@1.0.0..cats
  dsv rev-list --parents --all")]
pub(crate) struct RevList {
    /// Where to start; ^REV leaves out
    #[arg(value_name = "REV", required_unless_present = "all")]
    pub(crate) revisions: Vec<String>,
    /// All datasets and tags
    #[arg(long)]
    pub(crate) all: bool,
    /// At most so many
    #[arg(short = 'n', long = "max-count", value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Only first parents
    #[arg(long)]
    pub(crate) first_parent: bool,
    /// Parents on the same line
    #[arg(long)]
    pub(crate) parents: bool,
    /// Only their number
    #[arg(long)]
    pub(crate) count: bool,
}

/// Find the nearest versions that two lead to
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv merge-base cats dogs
  dsv merge-base --is-ancestor HEAD~1 HEAD")]
pub(crate) struct MergeBase {
    /// One version
    #[arg(value_name = "A")]
    pub(crate) one: String,
    /// The other
    #[arg(value_name = "B")]
    pub(crate) other: String,
    /// All of them, not only one
    #[arg(long)]
    pub(crate) all: bool,
    /// Tell by the exit code whether B leads to A
    #[arg(long, conflicts_with = "all")]
    pub(crate) is_ancestor: bool,
}

/// Move, create or delete a ref
///
/// Nothing is checked but what is asked for: --expect demands the old id, --absent that there is none.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("before").args(["expect", "absent"])),
    after_help = "\
Examples:
  dsv update-ref refs/datasets/cats HEAD~1
  dsv update-ref --absent refs/datasets/dogs HEAD
  dsv update-ref -d refs/datasets/dogs"
)]
pub(crate) struct UpdateRef {
    /// Delete it
    #[arg(short, long, conflicts_with = "new")]
    pub(crate) delete: bool,
    /// The ref
    #[arg(value_name = "REF")]
    pub(crate) name: String,
    /// The new id, or any revision
    #[arg(value_name = "NEW", required_unless_present = "delete")]
    pub(crate) new: Option<String>,
    /// Only when it has this id now
    #[arg(long, value_name = "ID")]
    pub(crate) expect: Option<String>,
    /// Only when there is none now
    #[arg(long, conflicts_with = "delete")]
    pub(crate) absent: bool,
    /// Why, for the log of the ref
    #[arg(short, long, value_name = "REASON")]
    pub(crate) message: Option<String>,
}

/// List refs with their ids
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv show-ref
  dsv show-ref refs/datasets/cats
  dsv show-ref --head")]
pub(crate) struct ShowRef {
    /// Only refs of this name, or whose last parts are this
    #[arg(value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// HEAD, too
    #[arg(long)]
    pub(crate) head: bool,
}

/// List refs in a form of your own
///
/// In FORMAT stand %(refname), %(refname:short), %(objectname), %(objectname:short), %(label), %(subject), %(author), %(date), %(files),
/// %(bytes), %(HEAD), %00 to %ff for bytes, and %% for a percent sign.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv for-each-ref
  dsv for-each-ref --format '%(refname:short) %(label) %(files)'
  dsv for-each-ref --count 3 'refs/datasets/vision/*'")]
pub(crate) struct ForEachRef {
    /// Only refs that match, or lie below
    #[arg(value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// How to print each
    #[arg(long, value_name = "FORMAT", default_value = "%(objectname) version %(refname)")]
    pub(crate) format: String,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<usize>,
}

/// Read or set what HEAD stands for
///
/// Prints the ref that HEAD names; when it names a version instead, the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv symbolic-ref HEAD
  dsv symbolic-ref --short HEAD
  dsv symbolic-ref HEAD refs/datasets/dogs")]
pub(crate) struct SymbolicRef {
    /// The symbolic ref
    #[arg(value_name = "NAME", value_parser = ["HEAD"])]
    pub(crate) name: String,
    /// The ref it is to name
    #[arg(value_name = "REF")]
    pub(crate) target: Option<String>,
    /// Without refs/datasets/
    #[arg(long, conflicts_with = "target")]
    pub(crate) short: bool,
}
