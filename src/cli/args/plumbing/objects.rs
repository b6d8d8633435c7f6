//! Objects: make, read, count and check them.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::cli::args::Json;

/// Compute the id of a file's content
///
/// The id is the SHA-256 of the bytes, as sha256sum prints it. With -w the content is stored, too.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").args(["files", "stdin", "stdin_paths"]).required(true).multiple(true)),
    after_help = "\
Examples:
  dsv hash-object points.csv
  printf hello | dsv hash-object -w --stdin
  find . -name '*.csv' -print0 | dsv hash-object -z --stdin-paths"
)]
pub(crate) struct HashObject {
    /// The files
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Store the content
    #[arg(short)]
    pub(crate) write: bool,
    /// Take the content from standard input
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Take the names of files from standard input, a line each
    #[arg(long, conflicts_with = "stdin")]
    pub(crate) stdin_paths: bool,
    /// Names on standard input end in NUL
    #[arg(short = 'z', requires = "stdin_paths")]
    pub(crate) nul: bool,
}

/// Count objects and the bytes they take
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv count-objects
  dsv count-objects --json")]
pub(crate) struct CountObjects {
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Show where a file is cut into chunks
///
/// Prints offset, length and BLAKE3 id of each chunk. Files that are small enough to be stored whole are one chunk.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv chunk-file table.csv
  dsv chunk-file table.csv | wc -l")]
pub(crate) struct ChunkFile {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// One JSON document on each line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check the whole repository for damage
///
/// Checks that everything that a dataset, tag or staged file leads to is there, and that the checksums of trees and versions hold. With
/// --full every byte is read and every id is computed again. Names the files that are lost; then the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv fsck
  dsv fsck --full --json")]
pub(crate) struct Fsck {
    /// Read every byte and compute every id again
    #[arg(long)]
    pub(crate) full: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
