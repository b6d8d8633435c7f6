//! `dsv sync`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Json;

/// Make a dataset equal to a folder that somebody else updates
///
/// Finds what was added, changed and removed there since the last time with one look at each file, makes a version that says how much
/// it was, and pushes it where there is a remote. Does nothing when nothing changed, so that it can be run again and again. The files
/// are not copied into the worktree. A folder that is empty or does not exist is refused where the dataset has files, since a disk
/// may not be mounted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv sync --folder /data/incoming
  dsv sync --folder /data/incoming --to raw/2026
  dsv sync --folder /data/incoming --dataset-folder --dry-run
  dsv sync --folder /data/incoming --dataset sensors --no-push -m 'Readings of the week'")]
pub(crate) struct Sync {
    /// The folder to take in
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The folder of the dataset that becomes equal to it; the whole dataset unless told
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<OsString>,
    /// Alone: keep the folder's own name, in --to if that is given. With PATH: the same as --to, as clearml-data has it
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    pub(crate) dataset_folder: Option<Option<OsString>>,
    /// The dataset, new or not; the current one unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Why; the folder and what changed unless told
    #[arg(short, long, value_name = "MSG")]
    pub(crate) message: Option<String>,
    /// The label
    #[arg(long, value_name = "V", conflicts_with_all = ["major", "minor"])]
    pub(crate) label: Option<String>,
    /// Next major version
    #[arg(long, conflicts_with = "minor")]
    pub(crate) major: bool,
    /// Next minor version; the next patch unless told
    #[arg(long)]
    pub(crate) minor: bool,
    /// A key and its value, JSON or text; may be given several times
    #[arg(long = "meta", value_name = "KEY=VALUE")]
    pub(crate) metadata: Vec<String>,
    /// Remove all files from the dataset when the folder is empty or does not exist
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Keep the version here
    #[arg(long)]
    pub(crate) no_push: bool,
    /// Where to push; the only remote, or origin, unless told
    #[arg(long, value_name = "NAME", conflicts_with = "no_push")]
    pub(crate) remote: Option<String>,
    /// Tell what would change, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// List every path
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
