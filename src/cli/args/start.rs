//! Commands that begin something.

use std::path::PathBuf;

use clap::Args;

use super::Json;

/// Make a folder a repository
///
/// Creates `.dsv` in DIR, or in the current folder, with one dataset and no version. Files are left alone. A second init
/// changes nothing and says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv init
  dsv init photos --dataset vision/cats
  dsv init --store /srv/dsv-store")]
pub(crate) struct Init {
    /// The folder; created if need be
    pub(crate) dir: Option<PathBuf>,
    /// Name of the dataset; the folder's name unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Keep the objects in DIR, which several repositories may share, so that each byte is stored once
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}
