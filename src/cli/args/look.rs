//! Commands that show what there is, and the names by which it is found.

use std::ffi::OsString;

use clap::{ArgGroup, Args};

use super::Json;

/// Show the versions, newest first
///
/// Starts at HEAD, or at the given revisions. With paths only versions which changed something there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv log
  dsv log -n 5 --stat
  dsv log --oneline --graph
  dsv log cats -- labels
  dsv log --json | jq -r .label")]
pub(crate) struct Log {
    /// Where to start
    #[arg(value_name = "REV")]
    pub(crate) revisions: Vec<String>,
    /// At most so many versions
    #[arg(short = 'n', long = "max-count", value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Draw the lines of descent
    #[arg(long, conflicts_with = "json")]
    pub(crate) graph: bool,
    /// A line for each version
    #[arg(long)]
    pub(crate) oneline: bool,
    /// Count what each version changed
    #[arg(long)]
    pub(crate) stat: bool,
    /// All datasets
    #[arg(long, conflicts_with = "revisions")]
    pub(crate) all: bool,
    /// Only versions that changed these paths
    #[arg(value_name = "PATH", last = true)]
    pub(crate) paths: Vec<OsString>,
    /// One JSON document on each line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show a version, or what is at a path of it
///
/// A version is shown with all it bears, and what it changed. REV:path shows a folder's entries or a file's content.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv show
  dsv show cats@1.2.0
  dsv show HEAD~1:labels")]
pub(crate) struct Show {
    /// A version, or REV:path
    #[arg(value_name = "REV[:PATH]", default_value = "HEAD")]
    pub(crate) object: OsString,
    /// Every changed path or entry, however many
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Compare versions, or what is on disk
///
/// Without a revision what is on disk is compared with what is staged; with --staged, what is staged with the last version; with
/// one revision, that version with what is on disk; with two, one with the other. A file that is found under another name is
/// shown as renamed. Exit code 0, or with --exit-code 1 when there are differences; 1 also when a file cannot be read.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("form").args(["stat", "name_status", "summary", "content"])),
    after_help = "\
Examples:
  dsv diff
  dsv diff --staged --summary
  dsv diff HEAD~1 HEAD --content -- labels.json
  dsv diff cats@1.0.0 cats@1.1.0 --name-status"
)]
pub(crate) struct Diff {
    /// No, one or two versions; A..B is the same as A B
    #[arg(value_name = "REV")]
    pub(crate) words: Vec<OsString>,
    /// What is staged
    #[arg(long, visible_alias = "cached")]
    pub(crate) staged: bool,
    /// Files with sizes, and a sum; this is the default
    #[arg(long)]
    pub(crate) stat: bool,
    /// A letter and a path for each file
    #[arg(long)]
    pub(crate) name_status: bool,
    /// One line: files added, modified, removed, renamed, and bytes
    #[arg(long)]
    pub(crate) summary: bool,
    /// Changed lines of text of up to 8 MiB; of other files what they are
    #[arg(short = 'p', long)]
    pub(crate) content: bool,
    /// With --name-status: paths are not quoted, and each ends in NUL
    #[arg(short = 'z', requires = "name_status")]
    pub(crate) nul: bool,
    /// Exit with code 1 when there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Only below these paths
    #[arg(value_name = "PATH", last = true)]
    pub(crate) paths: Vec<OsString>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// List the files of a version
///
/// Shows size and path of what is in the version's root folder, of what is in the folders that are named, or of all that the
/// patterns match: `*` and `?` stop at a slash, `**` does not. A first word that is no version is taken for a path in
/// HEAD.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv ls
  dsv ls HEAD~1 '**/*.csv'
  dsv ls -r cats@1.0 images
  dsv ls --json HEAD 'raw/**'")]
pub(crate) struct Ls {
    /// The version, then paths or patterns
    #[arg(value_name = "REV] [GLOB")]
    pub(crate) words: Vec<OsString>,
    /// Also what is in folders
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Ids and kinds too
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Only the paths, as they are, each with a NUL behind it
    #[arg(short = 'z', conflicts_with_all = ["json", "long"])]
    pub(crate) nul: bool,
    /// One JSON document on each line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a file of a version
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv cat HEAD:labels.json
  dsv cat cats@1.0.0:points.csv | head -n 3")]
pub(crate) struct Cat {
    /// The files
    #[arg(value_name = "REV:PATH", required = true)]
    pub(crate) objects: Vec<OsString>,
}

/// Show how much a version holds and what it costs
///
/// Logical bytes are those of the files; stored bytes are what is left of them after deduplication and compression.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv info
  dsv info cats@1.0.0
  dsv info --json | jq .version.stored_bytes")]
pub(crate) struct Info {
    /// The version; the current one unless told
    #[arg(value_name = "REV")]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// List, create, rename or delete datasets
///
/// Without a name the datasets are listed, each with its newest version. A dataset is what git calls a branch: a named line of
/// versions.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("action").args(["delete", "rename"])),
    after_help = "\
Examples:
  dsv branch
  dsv branch cats-small HEAD~1
  dsv branch -m cats vision/cats
  dsv branch -d cats-small"
)]
pub(crate) struct Branch {
    /// A new dataset; with -d the one to delete, with -m the old name
    #[arg(value_name = "NAME", required_if_eq_any([("delete", "true"), ("rename", "true")]))]
    pub(crate) name: Option<String>,
    /// Where it starts, HEAD unless told; with -m the new name
    #[arg(value_name = "REV", required_if_eq("rename", "true"))]
    pub(crate) start: Option<String>,
    /// Delete the dataset; its versions stay as long as another one or a tag leads to them
    #[arg(short, long)]
    pub(crate) delete: bool,
    /// Rename the dataset
    #[arg(short = 'm', long)]
    pub(crate) rename: bool,
    /// Move a dataset that exists; with -d delete it although versions become unreachable
    #[arg(short, long)]
    pub(crate) force: bool,
    /// With -d: tell what would be lost, and delete nothing
    #[arg(short = 'n', long, requires = "delete")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// List, add or remove tags
///
/// A tag is a word attached to versions. Several may bear it; it stands for the newest of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv tag
  dsv tag gold
  dsv tag reviewed cats@1.2.0
  dsv tag -d gold")]
pub(crate) struct Tag {
    /// The tag
    #[arg(value_name = "TAG", required_if_eq("delete", "true"))]
    pub(crate) name: Option<String>,
    /// The version; HEAD unless told, and with -d every version that bears the tag
    #[arg(value_name = "REV")]
    pub(crate) revision: Option<String>,
    /// Remove the tag
    #[arg(short, long)]
    pub(crate) delete: bool,
    /// With -d: tell from how many versions it would be removed, and remove it from none
    #[arg(short = 'n', long, requires = "delete")]
    pub(crate) dry_run: bool,
    /// List, only this tag if one is given
    #[arg(short, long, conflicts_with = "delete")]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
