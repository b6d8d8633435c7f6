//! Commands that look at versions and what is in them.

use clap::Args;

use super::Json;

/// What differs between versions, what is staged, and the folder
///
/// Without revisions, compares what is staged with the folder; with one, that version with the folder; with two, the
/// versions. Versions are compared by their trees: only what differs is read. Renames are found by content.
/// The default lists paths with sizes; --content shows the lines that differ in text files of up to
/// 8 MiB, and says what a binary file is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv diff
  dsv diff HEAD~1 HEAD --summary
  dsv diff cats@1.0 cats@1.2 --stat -- labels
  dsv diff --staged --content")]
pub(crate) struct Diff {
    /// No, one or two revisions
    #[arg(num_args = 0..=2)]
    pub(crate) revisions: Vec<String>,
    /// Compare with what is staged instead of the folder
    #[arg(long, alias = "cached")]
    pub(crate) staged: bool,
    /// Paths with sizes, and totals
    #[arg(long, group = "form")]
    pub(crate) stat: bool,
    /// A letter and a path a line: A added, M modified, D removed, R renamed
    #[arg(long, group = "form")]
    pub(crate) name_status: bool,
    /// One line: files added, modified, removed and renamed, and bytes
    #[arg(long, group = "form")]
    pub(crate) summary: bool,
    /// The lines that differ
    #[arg(long, short = 'p', group = "form")]
    pub(crate) content: bool,
    /// End paths with NUL instead of a line feed (with --name-status)
    #[arg(short = 'z', requires = "name_status")]
    pub(crate) zero: bool,
    /// Only these files, folders or patterns
    #[arg(last = true)]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// List the files of a version
///
/// Without a revision, of the current version. Names what lies in the folder; with -r, everything below; patterns
/// are looked for everywhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv ls
  dsv ls cats@1.2 images
  dsv ls -r HEAD~1 'labels/*.json'")]
pub(crate) struct Ls {
    /// A revision (or REV:folder), then files, folders or patterns
    pub(crate) arguments: Vec<String>,
    /// Everything below, too
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Kind, size and id of each
    #[arg(short, long)]
    pub(crate) long: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Write the bytes of a file of a version
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv cat HEAD:data.csv
  dsv cat cats@1.0.0:images/tom.png > tom.png")]
pub(crate) struct Cat {
    /// REV:path, or the id of a blob
    pub(crate) object: String,
}

/// How much there is, and what it costs
///
/// Logical bytes are those of the files; stored bytes are what they take in packs after deduplication and compression.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv info
  dsv info cats@1.0.0 --json")]
pub(crate) struct Info {
    /// The version; the current one unless told
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}
