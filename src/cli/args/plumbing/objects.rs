//! Objects: make, read, count and check them.

use std::ffi::OsString;
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

/// Show an object: its type, size or content
///
/// OBJECT is an id, the beginning of one, a revision, or REV:path.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    group(ArgGroup::new("how").args(["show_type", "show_size", "pretty", "expected"]).required(true)),
    after_help = "\
Examples:
  dsv cat-file -t HEAD
  dsv cat-file -p HEAD
  dsv cat-file blob HEAD:points.csv"
)]
pub(crate) struct CatFile {
    /// Print the type: blob, tree or version
    #[arg(short = 't')]
    pub(crate) show_type: bool,
    /// Print the size of the content in bytes
    #[arg(short = 's')]
    pub(crate) show_size: bool,
    /// Print the content in a readable form
    #[arg(short = 'p')]
    pub(crate) pretty: bool,
    /// With two arguments: the type it must have; blob prints the bytes, tree and version the encoded object
    #[arg(value_name = "TYPE", value_parser = ["blob", "tree", "version"])]
    pub(crate) expected: Option<String>,
    /// The object
    #[arg(value_name = "OBJECT")]
    pub(crate) object: OsString,
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
