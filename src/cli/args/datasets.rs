//! Commands of datasets and drafts as wholes: what there is, what is being made, and what becomes of it.

use clap::Args;

use super::Json;

/// Open a draft of a dataset, new or not
///
/// The draft inherits what its parents hold; of several, in the order given, a later one overrides, and what was overridden is
/// told. Nothing is copied and no file is written: 'dsv add', 'dsv rm' and 'dsv commit' work without, and 'dsv checkout' brings what
/// is wanted. Without --parents a dataset that exists goes on from its newest version, and a new one begins empty.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv create vision/cats
  dsv create pets --parents cats@1.2 dogs --tag mixed
  dsv create cats-cleaned --parents cats --label 2.0.0 --meta source=survey --checkout")]
pub(crate) struct Create {
    /// The dataset
    #[arg(value_name = "NAME")]
    pub(crate) dataset: String,
    /// The project: the part of the name before its last slash
    #[arg(long, value_name = "P")]
    pub(crate) project: Option<String>,
    /// The versions to inherit from, in order
    #[arg(long, value_name = "REV", num_args = 1..)]
    pub(crate) parents: Vec<String>,
    /// The label of the version to come; the next one unless told
    #[arg(long, visible_alias = "version", value_name = "V")]
    pub(crate) label: Option<String>,
    /// A tag for it; may be given several times
    #[arg(long = "tag", visible_alias = "tags", value_name = "T", num_args = 1..)]
    pub(crate) tags: Vec<String>,
    /// What it is
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// A key and its value, JSON or text; may be given several times
    #[arg(long = "meta", value_name = "KEY=VALUE")]
    pub(crate) metadata: Vec<String>,
    /// Bring all its files into the folder
    #[arg(long)]
    pub(crate) checkout: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Set the open draft aside
///
/// All that is staged is kept; the folder goes back to where it stood before. 'dsv resume' brings the draft back, 'dsv delete
/// --draft' is rid of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv abort
  dsv abort --dry-run")]
pub(crate) struct Abort {
    /// Tell what would be set aside, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Send what the open draft holds, before it is committed
///
/// A collection that lasts a week need not wait for its last day: the push of the version sends only what came since. Others see in 'dsv
/// list --remote' that it is on its way, and cannot get it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv upload
  dsv upload origin")]
pub(crate) struct Upload {
    /// The remote; the only one, or origin, unless told
    #[arg(value_name = "REMOTE")]
    pub(crate) remote: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Go on with a draft that was set aside
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv resume
  dsv resume pets
  dsv resume pets --as more-pets")]
pub(crate) struct Resume {
    /// Its dataset; the only draft unless told
    #[arg(value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Go on with it as a draft of a new dataset: where others moved the one that it was opened for
    #[arg(long = "as", value_name = "NEW")]
    pub(crate) as_dataset: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Look at or change metadata
///
/// 'get' shows that of a version, or of the open draft. 'set' changes the draft; the metadata of a version is part of it and never
/// changes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv meta get
  dsv meta get rows cats@1.2.0
  dsv meta set rows=120000 source=survey
  dsv meta set --unset source")]
pub(crate) struct Meta {
    #[command(subcommand)]
    pub(crate) action: MetaAction,
}

/// What to do with metadata.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MetaAction {
    /// Show it
    Get {
        /// Only this key
        key: Option<String>,
        /// The version; the open draft or HEAD unless told
        #[arg(value_name = "REV")]
        revision: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Change that of the open draft
    Set {
        /// Keys and their values, JSON or text
        #[arg(value_name = "KEY=VALUE", required_unless_present = "unset")]
        values: Vec<String>,
        /// A key to take away; may be given several times
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
        #[command(flatten)]
        json: Json,
    },
}

/// List datasets
///
/// With the number of versions, what the newest holds, its state, all tags, and when something last changed. A pattern without
/// wildcards is a name or a project. What is archived is left out unless --all is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv list
  dsv list vision
  dsv list 'vision/c*' --all
  dsv list --remote --json")]
pub(crate) struct List {
    /// Only these
    pub(crate) pattern: Option<String>,
    /// Also what is archived, and drafts that are not committed
    #[arg(short, long)]
    pub(crate) all: bool,
    /// What a remote has, asked now
    #[arg(long, value_name = "REMOTE", num_args = 0..=1)]
    pub(crate) remote: Option<Option<String>>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Find versions by what is known of them
///
/// Words are looked for in name, label, message, description and remarks; all must be there. KEY=VALUE compares: project, name (a pattern),
/// label (1.2, >=1.2), tag, state, author, time, files, bytes, or any key of the metadata; != < <= > >= work as well. Looks at what is
/// here and at remotes as they were last fetched, without network. Exit code 1 when nothing is found.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv search tabby indoor
  dsv search --tag gold --project vision
  dsv search 'rows>100000' state=published
  dsv search --author ada --since 2026-01-01 --json")]
pub(crate) struct Search {
    /// Words and terms
    #[arg(value_name = "TERM")]
    pub(crate) terms: Vec<String>,
    /// Only of this project
    #[arg(long, value_name = "P")]
    pub(crate) project: Option<String>,
    /// Only datasets of this name, a pattern
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only with this label, the beginning of one, or a requirement such as '>=1.2, <2'
    #[arg(long, value_name = "V")]
    pub(crate) label: Option<String>,
    /// Only with this tag; may be given several times
    #[arg(long = "tag", visible_alias = "tags", value_name = "T")]
    pub(crate) tags: Vec<String>,
    /// Only in this state: final or published
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Only by this author: a part of the name or address
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
    /// Only made since then: 2026-01-31, 2026-01-31T12:00:00Z, or '30 days'
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only made until then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Also versions that are archived
    #[arg(short, long)]
    pub(crate) all: bool,
    /// At most so many, the newest
    #[arg(short = 'n', long = "max-count", value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Say what a version is
///
/// Without -m what was said is shown. The last description counts; an empty one takes it away.
#[derive(Debug, Args)]
#[command(
    visible_alias = "set-description",
    after_help = "\
Examples:
  dsv describe cats@1.2.0
  dsv describe cats -m 'Indoor cats, faces blurred'"
)]
pub(crate) struct Describe {
    /// The version; HEAD unless told
    #[arg(value_name = "REV", default_value = "HEAD")]
    pub(crate) revision: String,
    /// The description
    #[arg(short, long, visible_alias = "description", value_name = "TEXT")]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Add a remark to a version
///
/// Remarks are kept with who made them and when, and never change; 'dsv show' lists them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv note cats@1.2.0 -m 'Used for the March model'")]
pub(crate) struct Note {
    /// The version; HEAD unless told
    #[arg(value_name = "REV", default_value = "HEAD")]
    pub(crate) revision: String,
    /// The remark
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: String,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Take versions out of lists
///
/// Nothing of them is removed. A dataset whose newest version is archived is left out of 'dsv list', an archived version out of
/// 'dsv search'; --all shows them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv archive cats-small
  dsv archive cats@1.0.0 cats@1.0.1")]
pub(crate) struct Archive {
    /// The versions; a dataset's name stands for its newest one
    #[arg(value_name = "REV", required = true)]
    pub(crate) revisions: Vec<String>,
    /// Tell what would change, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Bring archived versions back into lists
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv restore-archived cats-small")]
pub(crate) struct RestoreArchived {
    /// The versions
    #[arg(value_name = "REV", required = true)]
    pub(crate) revisions: Vec<String>,
    /// Tell what would change, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Protect versions for good
///
/// A published version cannot be deleted, and its dataset keeps its name, here and wherever the fact has come by 'dsv push' and 'dsv
/// fetch'. With --remote it is told at once to a remote, where the version has to be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv publish cats@1.2.0
  dsv publish cats@1.2.0 --remote")]
pub(crate) struct Publish {
    /// The versions
    #[arg(value_name = "REV", required = true)]
    pub(crate) revisions: Vec<String>,
    /// On a remote, too
    #[arg(long, value_name = "REMOTE", num_args = 0..=1)]
    pub(crate) remote: Option<Option<String>>,
    /// Tell what would change, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Delete a version, a dataset, or a draft
///
/// Other versions keep all their files, whatever they were made from; a version that others were made from needs --force. What is published
/// cannot be deleted. The space is free after 'dsv gc', on a remote after 'dsv gc --remote'.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv delete cats@1.0.3
  dsv delete cats-small --entire-dataset
  dsv delete cats@1.0.1 --force --remote
  dsv delete --draft pets")]
pub(crate) struct Delete {
    /// A version; with --entire-dataset or --draft, a dataset
    #[arg(value_name = "REV|DATASET")]
    pub(crate) what: String,
    /// Even when other versions were made from it
    #[arg(short, long)]
    pub(crate) force: bool,
    /// The dataset with all its versions
    #[arg(long)]
    pub(crate) entire_dataset: bool,
    /// The dataset's draft, which was set aside
    #[arg(long, conflicts_with_all = ["entire_dataset", "remote", "force"])]
    pub(crate) draft: bool,
    /// On a remote, too
    #[arg(long, value_name = "REMOTE", num_args = 0..=1)]
    pub(crate) remote: Option<Option<String>>,
    /// Tell what would go, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Give a dataset another name
///
/// Its versions are found by either name. Refused when one of them is published.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv rename cats felines
  dsv rename vision/cats vision/felines --remote")]
pub(crate) struct Rename {
    /// The dataset
    #[arg(value_name = "DATASET")]
    pub(crate) from: String,
    /// Its new name
    #[arg(value_name = "NAME")]
    pub(crate) to: String,
    /// On a remote, too
    #[arg(long, value_name = "REMOTE", num_args = 0..=1)]
    pub(crate) remote: Option<Option<String>>,
    /// Tell what would happen, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Move a dataset to another project
///
/// The project is the part of the name before its last slash. An empty one, '', takes the dataset out of its project.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv move cats vision
  dsv move vision/cats archive/2025 --remote")]
pub(crate) struct Move {
    /// The dataset
    #[arg(value_name = "DATASET")]
    pub(crate) dataset: String,
    /// The project
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
    /// On a remote, too
    #[arg(long, value_name = "REMOTE", num_args = 0..=1)]
    pub(crate) remote: Option<Option<String>>,
    /// Tell what would happen, and do nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Make one version of several, which depends on none of them
///
/// A new dataset with one version that has no parents and holds what the versions hold, a later one over those before it. No byte
/// is copied.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv squash cats@1.0.0 cats@1.3.2 --name cats-flat
  dsv squash cats dogs --name pets --tag release")]
pub(crate) struct Squash {
    /// The versions, in order
    #[arg(value_name = "REV", required = true)]
    pub(crate) revisions: Vec<String>,
    /// The new dataset
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Its label; 1.0.0 unless told
    #[arg(long, value_name = "V")]
    pub(crate) label: Option<String>,
    /// Why
    #[arg(short, long, value_name = "MSG")]
    pub(crate) message: Option<String>,
    /// A tag for it; may be given several times
    #[arg(long = "tag", value_name = "T")]
    pub(crate) tags: Vec<String>,
    /// Tell what would be made, and make nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Compare two versions in one sentence
///
/// Counts files added, modified, removed and renamed from the first one to the second. With --verbose each of them; 'dsv diff' does
/// more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv compare cats@1.0.0 cats@1.2.0
  dsv compare cats dogs --verbose")]
pub(crate) struct Compare {
    /// The version to start from
    #[arg(value_name = "REV")]
    pub(crate) source: String,
    /// The version to compare it with; HEAD unless told
    #[arg(value_name = "REV", default_value = "HEAD")]
    pub(crate) target: String,
    /// Every path
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Take a tag away
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv untag gold
  dsv untag gold cats@1.2.0")]
pub(crate) struct Untag {
    /// The tag
    #[arg(value_name = "TAG")]
    pub(crate) name: String,
    /// The version; every one that bears the tag unless told
    #[arg(value_name = "REV")]
    pub(crate) revision: Option<String>,
    /// Tell from how many versions it would be taken, and take it from none
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}
