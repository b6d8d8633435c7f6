//! Commands that change the worktree, what is staged, or the dataset.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Json;

/// Stage new, changed and vanished files
///
/// Looks at every file below the paths, stores what is new or changed, and stages it for the next commit; files that
/// are gone are staged as removed. Files whose size, times and inode are those of the last look are not
/// read. With --from, files from outside the worktree are staged below --to without being copied into it. A pattern with `*`, `?`, `[` or `**` is matched by dsv when the shell leaves it alone. What
/// `.dsvignore` names (in the syntax of .gitignore) is left out.
///
/// With --link, the paths are URLs of what stays where it is: only its size and ETag are recorded, and nothing is downloaded.
/// With --refresh, looks at the sources of links again and stages what changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv add .
  dsv add images 'labels/**/*.json'
  dsv add -n .
  dsv add -u
  dsv add --from /data/march '/data/april/*.csv' --to raw
  dsv add --link s3://bucket/images/ --to images
  dsv add --link 'gs://bucket/2026/*.parquet'
  dsv add --refresh images")]
pub(crate) struct Add {
    /// Files, folders or patterns; with --link URLs
    pub(crate) paths: Vec<OsString>,
    /// Only what is tracked: changes and removals, nothing new
    #[arg(short, long)]
    pub(crate) update: bool,
    /// Files, folders or patterns outside of the worktree, which are staged without being copied into it
    #[arg(long, value_name = "SRC", num_args = 1.., group = "elsewhere", conflicts_with_all = ["paths", "update", "refresh"])]
    pub(crate) from: Vec<OsString>,
    /// Link to what is at URLs (s3, gs, az, https, file), folders (ending in '/') and patterns too
    #[arg(long, group = "elsewhere", conflicts_with_all = ["update", "refresh"])]
    pub(crate) link: bool,
    /// Look at the sources of links again; with --update, unstage those that are gone
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Where what is linked to, or staged from elsewhere, is to be in the dataset; the root unless told
    #[arg(long, value_name = "PATH", requires = "elsewhere")]
    pub(crate) to: Option<PathBuf>,
    /// Of folders, only what is right in them
    #[arg(long)]
    pub(crate) non_recursive: bool,
    /// Tell what would be staged, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// List every path
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Remove files from the dataset and the folder
///
/// Refuses what is not committed, unless forced; with --cached, what is staged and neither in the version nor in the file. The
/// versions keep the files.
#[derive(Debug, Args)]
#[command(
    visible_alias = "remove",
    after_help = "\
Examples:
  dsv rm old.csv
  dsv rm --cached scratch
  dsv rm 'raw/*.tmp'"
)]
pub(crate) struct Rm {
    /// Files, folders or patterns
    #[arg(required = true)]
    pub(crate) paths: Vec<OsString>,
    /// Keep the files; only the dataset forgets them
    #[arg(long)]
    pub(crate) cached: bool,
    /// Remove also what is not committed or, with --cached, what is staged only
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Tell what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Rename a file or folder
///
/// The new paths are staged; no byte is read or stored again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv mv images/cat.png images/tabby.png
  dsv mv labels annotations")]
pub(crate) struct Mv {
    /// A tracked file or folder
    pub(crate) from: OsString,
    /// Its new name, or a folder to move it into
    pub(crate) to: OsString,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Bring files back as they were staged or committed
///
/// Without options, files become what is staged. With --source, files and what is staged become what they were in that
/// version. With --staged, what is staged becomes what it was, and the files are left alone. Files with changes that are not
/// committed are replaced only when forced. What external links lead to is brought, unless '.' says all of the dataset.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv restore data.csv
  dsv restore --staged .
  dsv restore --source HEAD~2 images")]
pub(crate) struct Restore {
    /// Files, folders or patterns
    #[arg(required = true)]
    pub(crate) paths: Vec<OsString>,
    /// The version to bring them back from
    #[arg(short, long, value_name = "REV")]
    pub(crate) source: Option<String>,
    /// Bring back what is staged, and leave the files alone
    #[arg(short = 'S', long)]
    pub(crate) staged: bool,
    /// Replace changes that are not committed, and folders and links that are where files and folders belong
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Make a version of what is staged
///
/// Prints its label, its id, and what changed. Ends the open draft, if there is one. The label is a semantic version: the next patch unless told.
#[derive(Debug, Args)]
#[command(
    visible_alias = "close",
    after_help = "\
Examples:
  dsv commit -m 'Add the March recordings'
  dsv commit -a -m 'Fix labels' --minor
  dsv commit -m 'First release' --label 2.0.0 --meta rows=120000 --meta source=survey"
)]
pub(crate) struct Commit {
    /// Why; of a draft, its description or what it was made from unless told
    #[arg(short, long, value_name = "MSG")]
    pub(crate) message: Option<String>,
    /// Stage changes and removals of tracked files first
    #[arg(short, long)]
    pub(crate) all: bool,
    /// The label
    #[arg(long, value_name = "V", conflicts_with_all = ["major", "minor", "patch"])]
    pub(crate) label: Option<String>,
    /// Next major version
    #[arg(long, conflicts_with_all = ["minor", "patch"])]
    pub(crate) major: bool,
    /// Next minor version
    #[arg(long, conflicts_with = "patch")]
    pub(crate) minor: bool,
    /// Next patch (the default)
    #[arg(long)]
    pub(crate) patch: bool,
    /// A key and its value, JSON or text; may be given several times
    #[arg(long = "meta", value_name = "KEY=VALUE")]
    pub(crate) metadata: Vec<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Make the folder another version
///
/// With a dataset's name, goes to its newest version, and the next commit continues that dataset. With any other
/// revision, shows that version without being on a dataset. With paths, brings back these paths only. Touches
/// only what differs, and never loses what is not committed, unless forced. What external links lead to is brought only
/// with --links, or when their paths are given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv checkout cats
  dsv checkout cats@1.2.0
  dsv checkout HEAD~3 -- labels
  dsv checkout --force HEAD")]
pub(crate) struct Checkout {
    /// A dataset, label, tag or id
    pub(crate) revision: String,
    /// Bring back only these paths
    #[arg(last = true)]
    pub(crate) paths: Vec<OsString>,
    /// Replace what is not committed, and folders and links that are where files and folders belong
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Bring every file into a folder that holds a part of them
    #[arg(long, conflicts_with = "paths")]
    pub(crate) full: bool,
    /// Bring what external links lead to
    #[arg(long, conflicts_with = "paths")]
    pub(crate) links: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Go to a dataset, or begin one
///
/// With -c, begins a new dataset at the current version, or at REV.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv switch dogs
  dsv switch -c cats-cleaned
  dsv switch -c hotfix cats@1.2.0")]
pub(crate) struct Switch {
    /// Name of the dataset
    pub(crate) dataset: String,
    /// Where a new dataset begins
    #[arg(requires = "create")]
    pub(crate) start: Option<String>,
    /// Begin a new dataset
    #[arg(short, long)]
    pub(crate) create: bool,
    /// Replace what is not committed, and folders and links that are where files and folders belong
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What is staged, changed and untracked
///
/// Files whose size, times and inode are those of the last look are not read. What cannot be read is told, and makes the exit
/// code 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv status
  dsv status images --all")]
pub(crate) struct Status {
    /// Look only at these files and folders
    pub(crate) paths: Vec<OsString>,
    /// Every path, instead of folders with counts
    #[arg(short, long)]
    pub(crate) all: bool,
    /// For a program: `staged added`, `unstaged modified`, `untracked` and the like, NUL, the path as it is, NUL; of a renamed one the old
    /// path and NUL before. A folder's path ends in a slash
    #[arg(short = 'z', conflicts_with = "json")]
    pub(crate) nul: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Check that a folder holds a version, byte for byte, or that a remote is whole
///
/// Hashes every file and lists what is missing, different or extra. One argument is a revision or a folder, whichever it is; a folder
/// of the worktree is compared with what the version has there, any other with the whole version. With --remote it reads a remote instead and proves everything
/// that its datasets lead to. Ends with 1 when anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv verify
  dsv verify /mnt/copy --size-only
  dsv verify cats@1.2.0 /mnt/copy
  dsv verify --remote origin
  dsv verify --remote origin --sample 5")]
pub(crate) struct Verify {
    /// The version; the current one unless told
    pub(crate) revision: Option<String>,
    /// The folder; the worktree unless told
    pub(crate) dir: Option<PathBuf>,
    /// Compare kinds and sizes, and read no file
    #[arg(long)]
    pub(crate) size_only: bool,
    /// Verify this remote, and no folder
    #[arg(long, value_name = "NAME", conflicts_with_all = ["revision", "dir", "size_only"])]
    pub(crate) remote: Option<String>,
    /// Of a remote, read all trees and only about this share of the files' bytes
    #[arg(long, value_name = "PERCENT", requires = "remote", value_parser = percent)]
    pub(crate) sample: Option<f64>,
    /// For a program: what is wrong, NUL, the path as it is, NUL
    #[arg(short = 'z', conflicts_with = "json")]
    pub(crate) nul: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// A share from 0 to 100, with or without a percent sign.
fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}
