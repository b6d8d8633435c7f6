//! The staging index, and trees from lines.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

/// List what is staged
///
/// With -s kind, id and size, too; with --stage-info behind these also what proves a file unchanged: mtime and ctime in
/// nanoseconds, inode, and mode.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv ls-files
  dsv ls-files -s images
  dsv ls-files -z | xargs -0 ls -l")]
pub(crate) struct LsFiles {
    /// Only these paths and what is below them
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Kind, id and size, too
    #[arg(short = 's', long)]
    pub(crate) stage: bool,
    /// What proves a file unchanged, too
    #[arg(long)]
    pub(crate) stage_info: bool,
    /// Lines end in NUL, and paths are not quoted
    #[arg(short = 'z')]
    pub(crate) nul: bool,
}

/// Stage or unstage entries one by one
///
/// Files are staged as they lie on the disk, and unstaged when they have vanished. Content that is named by --cacheinfo or
/// --index-info must be stored already (hash-object -w). --index-info reads what ls-files -s prints from standard
/// input; an id of zeros lets the path go.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").args(["paths", "cacheinfo", "index_info"]).required(true)),
    after_help = "\
Examples:
  dsv update-index --add points.csv
  dsv update-index --force-remove points.csv
  dsv update-index --cacheinfo \"file,$(dsv hash-object -w x.csv),x.csv\"
  dsv ls-files -s | dsv update-index --index-info"
)]
pub(crate) struct UpdateIndex {
    /// Files to stage
    #[arg(value_name = "FILE")]
    pub(crate) paths: Vec<OsString>,
    /// Stage files that are not known yet, too
    #[arg(long, requires = "paths")]
    pub(crate) add: bool,
    /// Unstage the files, and leave them on the disk
    #[arg(long, requires = "paths", conflicts_with = "add")]
    pub(crate) force_remove: bool,
    /// Kind, id and path of an entry
    #[arg(long, value_name = "KIND,ID,PATH")]
    pub(crate) cacheinfo: Vec<OsString>,
    /// Take entries from standard input
    #[arg(long)]
    pub(crate) index_info: bool,
    /// Lines of --index-info end in NUL, and paths are not quoted
    #[arg(short = 'z', requires = "index_info")]
    pub(crate) nul: bool,
}

/// Stage a tree as a whole
///
/// The staging index becomes that tree. Files on disk are left alone. An index that is damaged is made anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv read-tree HEAD~1
  dsv read-tree --empty")]
pub(crate) struct ReadTree {
    /// The tree: a revision, an id, or REV:path
    #[arg(value_name = "TREE", required_unless_present = "empty")]
    pub(crate) tree: Option<OsString>,
    /// Stage nothing at all
    #[arg(long, conflicts_with = "tree")]
    pub(crate) empty: bool,
}

/// Make a tree from lines
///
/// Reads what ls-tree prints from standard input, in any order, stores the tree and prints its id.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv ls-tree HEAD | grep -v secret | dsv mktree")]
pub(crate) struct Mktree {
    /// Lines end in NUL, and paths are not quoted
    #[arg(short = 'z')]
    pub(crate) nul: bool,
}
