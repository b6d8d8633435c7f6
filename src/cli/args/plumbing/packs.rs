//! Packs and their indexes.

use std::path::PathBuf;

use clap::Args;

/// Write chosen objects into a pack
///
/// Reads ids from standard input, one a line; with --revs revisions, which stand for all they lead to. Writes packs and
/// their index into DIR, and prints the names of the packs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv rev-parse HEAD:points.csv | dsv pack-objects /tmp
  echo HEAD | dsv pack-objects --revs /tmp")]
pub(crate) struct PackObjects {
    /// The folder to write to
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Take revisions, and pack all they lead to
    #[arg(long)]
    pub(crate) revs: bool,
}

/// Make the index of a pack
///
/// Reads the pack, checks every record, and writes the index beside it, or to another file. Prints the name of the pack.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv index-pack /tmp/pack-1234.pack
  dsv index-pack -o /tmp/my.idx /tmp/pack-1234.pack")]
pub(crate) struct IndexPack {
    /// The pack
    #[arg(value_name = "PACK")]
    pub(crate) pack: PathBuf,
    /// The index to write
    #[arg(short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Check a pack
///
/// Reads every record, and checks its checksum, its length and its id. With -v each record is listed: id, kind, length, stored length,
/// offset. Damage makes the exit code 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv verify-pack .dsv/objects/pack-*.pack
  dsv verify-pack -v .dsv/objects/pack-*.pack | sort -k3 -n | tail")]
pub(crate) struct VerifyPack {
    /// The packs, or their indexes
    #[arg(value_name = "PACK", required = true)]
    pub(crate) packs: Vec<PathBuf>,
    /// List each record
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// List what an index of packs holds
///
/// Prints pack, offset, length, kind and id of each object.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv show-index .dsv/objects/idx-*.idx")]
pub(crate) struct ShowIndex {
    /// The indexes
    #[arg(value_name = "INDEX", required = true)]
    pub(crate) indexes: Vec<PathBuf>,
}
