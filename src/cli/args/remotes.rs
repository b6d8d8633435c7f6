//! Commands that talk to remotes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Json;

/// Name remotes and see whether they work
///
/// A remote is a bucket of S3, Google Cloud Storage or Azure, or a folder that several people can reach. Credentials come
/// from where the cloud's own tools find them, and are never stored.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  dsv remote
  dsv remote add origin s3://bucket/datasets
  dsv remote add lab /mnt/share/datasets
  dsv remote add minio s3://bucket/datasets --endpoint http://minio.lab:9000 --allow-http
  dsv remote check origin
  dsv remote remove lab"
)]
pub(crate) struct Remote {
    #[command(subcommand)]
    pub(crate) action: Option<RemoteAction>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What to do with remotes.
#[derive(Debug, Subcommand)]
pub(crate) enum RemoteAction {
    /// Add a remote
    Add(RemoteTarget),
    /// List the remotes
    List {
        #[command(flatten)]
        json: Json,
    },
    /// Forget a remote, and leave what is there alone
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        json: Json,
    },
    /// Change where a remote is, or how it is reached
    SetUrl(RemoteTarget),
    /// Try with one small object what dsv needs, and name what is missing
    Check {
        /// Its name; the only one, or origin, unless told
        name: Option<String>,
        #[command(flatten)]
        json: Json,
    },
}

/// A remote and how it is reached.
#[derive(Debug, Args)]
pub(crate) struct RemoteTarget {
    /// Its name
    pub(crate) name: String,
    /// s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or a folder
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What a server needs besides the URL.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// The server's address, where it is not the cloud's own
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) endpoint: Option<String>,
    /// The region of an S3 bucket
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The profile of the shared AWS files
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Trust the certificates in this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_certificate: Option<PathBuf>,
    /// Whether the bucket stands in the path of S3 requests; only at the cloud's own servers it does not unless told
    #[arg(long, value_name = "BOOL")]
    pub(crate) path_style: Option<bool>,
    /// Send requests unencrypted, also to other machines
    #[arg(long)]
    pub(crate) allow_http: bool,
}

/// Make a repository from a remote
///
/// Brings one dataset with all its versions into a new folder and checks it out. A clone that was cut goes on where it stopped when
/// the same command is given again.
///
/// With --no-data or --filter the clone is partial: it has the history and the files that were asked for. Versions are listed, compared,
/// made and pushed all the same, and whatever is missing is fetched when something needs it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv clone s3://bucket/datasets
  dsv clone s3://bucket/datasets work/cats --dataset vision/cats
  dsv clone /mnt/share/datasets --no-checkout
  dsv clone s3://bucket/datasets --no-data
  dsv clone s3://bucket/datasets --filter labels --filter 'images/**/*.png'")]
pub(crate) struct Clone {
    /// Where from: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or a folder
    pub(crate) url: String,
    /// The folder to make; named after the dataset unless told
    pub(crate) dir: Option<PathBuf>,
    /// The dataset; the only one unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Leave the worktree empty
    #[arg(long)]
    pub(crate) no_checkout: bool,
    /// Bring the history and no files; what is needed later is fetched then
    #[arg(long, conflicts_with = "filter")]
    pub(crate) no_data: bool,
    /// Bring the history and of the files only these, paths or patterns; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) filter: Vec<OsString>,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Bring what a remote has
///
/// Fetches datasets of a remote with all their versions and notes where they are: `origin/cats` names the newest one from then
/// on. The worktree and the own datasets stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv fetch
  dsv fetch vision/cats
  dsv fetch --remote lab
  dsv fetch --full")]
pub(crate) struct Fetch {
    /// The datasets; all unless told
    pub(crate) datasets: Vec<String>,
    /// The remote; the only one, or origin, unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    /// Bring everything, also what a partial clone fetches when it is needed, or what dsv evict dropped
    #[arg(long)]
    pub(crate) full: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Bring the current dataset up to a remote's
///
/// Fetches the current dataset and goes on to the version that it has there, if that descends from the own one; with
/// --merge, where both sides have versions that the other has not, merges it, as 'dsv merge' does. What is not committed stays, or nothing is
/// changed. In a worktree that holds a part of its version, the paths given are checked out
/// besides.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv pull
  dsv pull --remote lab
  dsv pull --merge
  dsv pull labels 'images/**/*.png'")]
pub(crate) struct Pull {
    /// Paths and patterns to check out besides, where not all files are there
    pub(crate) paths: Vec<OsString>,
    /// Merge what is there, where both sides have versions that the other has not
    #[arg(long)]
    pub(crate) merge: bool,
    /// The remote; the only one, or origin, unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Send versions to a remote
///
/// Sends what the remote has not, makes sure that every byte is there, and then moves the dataset there. Nobody else's versions
/// are lost: if the dataset has some there that are not here, nothing is changed and you are told. A push that was cut goes on
/// where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv push
  dsv push vision/cats --remote lab
  dsv push --all
  dsv push --rebase")]
pub(crate) struct Push {
    /// The datasets; the current one unless told
    #[arg(conflicts_with = "all")]
    pub(crate) datasets: Vec<String>,
    /// The remote; the only one, or origin, unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    /// Send every dataset that has a version
    #[arg(long)]
    pub(crate) all: bool,
    /// Where others have pushed meanwhile, put your versions on top of theirs, if they changed other paths
    #[arg(long, conflicts_with = "force_with_lease")]
    pub(crate) rebase: bool,
    /// Move the dataset there even where versions get lost by that, provided that it is what was last seen there
    #[arg(long)]
    pub(crate) force_with_lease: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Drop data here that a remote holds
///
/// Drops the bytes of files that a dataset on the remote leads to from the repository's store, after making sure that the remote has them;
/// the history stays, and so does what the remote's datasets do not lead to. What is needed again is fetched when it is needed, or all at
/// once by dsv fetch --full. Files of the worktree stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv evict --dry-run
  dsv evict --remote lab")]
pub(crate) struct Evict {
    /// The remote; the only one, or origin, unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    /// Say what could be dropped, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// List what a remote has
///
/// Lists the datasets of a remote with their newest versions, and versions that are on their way there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv ls-remote
  dsv ls-remote --remote lab --json")]
pub(crate) struct LsRemote {
    /// The datasets; all unless told
    pub(crate) datasets: Vec<String>,
    /// The remote; the only one, or origin, unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) remote: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}
