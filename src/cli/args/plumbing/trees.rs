//! Trees, versions and the staging index.

use std::ffi::OsString;

use clap::Args;

/// List a tree
///
/// Prints kind, id and path of each entry; with -l the size, too. Paths are quoted when they have unusual bytes; -z prints
/// them as they are and ends lines in NUL.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv ls-tree HEAD
  dsv ls-tree -r -l cats@1.0.0:images
  dsv ls-tree -r -z HEAD | xargs -0 -n1 printf '%s\\n'")]
pub(crate) struct LsTree {
    /// The tree: a revision, an id, or REV:path
    #[arg(value_name = "REV[:PATH]")]
    pub(crate) tree: OsString,
    /// Also what is in folders
    #[arg(short)]
    pub(crate) recursive: bool,
    /// With -r, folders before what is in them, too
    #[arg(short = 't')]
    pub(crate) directories: bool,
    /// The size in bytes, too
    #[arg(short)]
    pub(crate) long: bool,
    /// Only the paths
    #[arg(long)]
    pub(crate) name_only: bool,
    /// Lines end in NUL, and paths are not quoted
    #[arg(short = 'z')]
    pub(crate) nul: bool,
}

/// Make trees of what is staged
///
/// Stores the trees of the staging index and prints the id of the root.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv write-tree")]
pub(crate) struct WriteTree {}

/// Make a version of a tree
///
/// Stores the version and prints its id. No dataset moves: update-ref does that.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv commit-tree \"$(dsv write-tree)\" -p HEAD -m 'By script'")]
pub(crate) struct CommitTree {
    /// The tree
    #[arg(value_name = "TREE")]
    pub(crate) tree: OsString,
    /// A parent; may be given several times, in order
    #[arg(short, long = "parent", value_name = "PARENT")]
    pub(crate) parents: Vec<String>,
    /// Why; several make paragraphs
    #[arg(short, long, value_name = "MSG", required = true)]
    pub(crate) message: Vec<String>,
    /// The label; the next patch of the first parent's unless told
    #[arg(long, value_name = "V")]
    pub(crate) label: Option<String>,
    /// The dataset it is made for; the current one unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// A fact to keep with the version; VALUE is JSON if it can be read as JSON, else text
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) meta: Vec<String>,
}

/// Compare two trees
///
/// Prints a letter (A added, D removed, M modified, T other kind, R renamed), both kinds, both ids and the path.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv diff-tree HEAD~1 HEAD
  dsv diff-tree -z cats@1.0.0:images cats@1.1.0:images")]
pub(crate) struct DiffTree {
    /// The old tree
    #[arg(value_name = "A")]
    pub(crate) old: OsString,
    /// The new tree
    #[arg(value_name = "B")]
    pub(crate) new: OsString,
    /// Lines end in NUL, and paths are not quoted
    #[arg(short = 'z')]
    pub(crate) nul: bool,
    /// Recognise files that are found under another name
    #[arg(short = 'M', long)]
    pub(crate) renames: bool,
    /// Exit with code 1 when there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
}
