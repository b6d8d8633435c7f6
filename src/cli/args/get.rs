//! Commands that bring versions to where no repository is.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Json;
use super::remotes::Reach;
use crate::porcelain::settings::parse_size;

/// Get a version to read, without a repository
///
/// Brings a version of a dataset, or some of its files, into the machine's cache and prints the folder where it can be read. What
/// is there already is not fetched again, whichever version, part or process it was fetched for.
///
/// The first word is the URL of a remote if it has :// or begins with /, ./, ../ or ~. Without one it is the remote of the
/// repository that --remote names, else the one that DSV_REMOTE names, else that of the repository. Paths and patterns are those
/// of the dataset: * stops at /, ** does not.
#[derive(Debug, Args)]
#[command(
    override_usage = "dsv get [OPTIONS] [URL] DATASET[@LABEL] [PATH]...",
    after_help = "\
Examples:
  dsv get s3://bucket/datasets vision/cats@1.2.0
  data=$(dsv get -q /mnt/share/datasets cats)
  dsv get s3://bucket/datasets cats train '**/*.json'
  dsv get cats --part 3 --num-parts 16
  dsv get cats@1.2 --link data
  dsv get cats@1.2 --copy work"
)]
pub(crate) struct Get {
    /// Where from, the dataset, and the paths: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or a folder; then
    /// DATASET, DATASET@LABEL, DATASET@ID or a version's whole id; then files, folders and patterns, everything unless told
    #[arg(value_name = "WORD", required = true, num_args = 1..)]
    pub(crate) words: Vec<OsString>,
    /// The part of this number, from 0, of as many as --num-parts says: about the same number of bytes each
    #[arg(long, value_name = "K", requires = "num_parts")]
    pub(crate) part: Option<u32>,
    /// How many parts there are
    #[arg(long, value_name = "N", requires = "part")]
    pub(crate) num_parts: Option<u32>,
    /// Make a copy in DIR that can be written to; DIR must be missing or empty
    #[arg(long, value_name = "DIR", conflicts_with = "link")]
    pub(crate) copy: Option<PathBuf>,
    /// Make DIR a link to the files in the cache, which stay there as long as it exists
    #[arg(long, value_name = "DIR")]
    pub(crate) link: Option<PathBuf>,
    /// Ask no remote: take what is in the cache
    #[arg(long)]
    pub(crate) offline: bool,
    /// A remote of the repository
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Look at and clean the machine's cache
///
/// The cache holds what dsv get brought, in DSV_CACHE_DIR or ~/.cache/dsv. It takes no more than the setting cache.max-size says:
/// what was used least recently leaves first, and what a link of dsv get --link leads to stays. Without more words the copies in
/// it are listed.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  dsv cache ls
  dsv cache gc --max-size 10GiB
  dsv cache clear
  dsv config set --global cache.max-size 200GiB"
)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) action: Option<CacheAction>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// List the copies, the one that was used last first
    Ls {
        #[command(flatten)]
        json: Json,
    },
    /// Remove what was used least recently, until no more is left than allowed
    Gc {
        /// What may be left, such as 500MiB or 50GiB; what cache.max-size says unless told
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
        #[command(flatten)]
        json: Json,
    },
    /// Remove everything that nobody uses just now, linked or not
    Clear {
        #[command(flatten)]
        json: Json,
    },
}

fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "expected a size such as 500MiB or 50GiB".to_owned())
}
