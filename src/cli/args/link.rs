//! Commands about external links.

use std::ffi::OsString;

use clap::Args;

use super::Json;

/// Turn external links into stored files
///
/// Brings what the links lead to, proves that it is what was recorded, and stages it as files that are stored here, and in the
/// folder. What a link that others recorded leads to stays in older versions as it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv materialize --dry-run images
  dsv materialize images 'raw/*.csv'")]
pub(crate) struct Materialize {
    /// Links, folders with links, or patterns
    #[arg(required = true)]
    pub(crate) paths: Vec<OsString>,
    /// Tell what would be stored, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
