//! What can go wrong in what a person asked for.

mod hints;

use std::path::PathBuf;

use super::link::LinkError;
use super::merge::MergeError;
use super::pathspec::GlobError;
use super::settings::SettingsError;
use crate::model::{
    DatasetName, ErrorKind, Interrupted, NameError, PathError, RemoteName, RepoPath, TagName, VersionId,
    quote_path,
};
use crate::plumbing::TreeError;
use crate::plumbing::cache::CacheError;
use crate::plumbing::cat_file;
use crate::plumbing::checkout::CheckoutError;
use crate::plumbing::commit_tree;
use crate::plumbing::gc;
use crate::plumbing::history::HistoryError;
use crate::plumbing::host::IoError;
use crate::plumbing::labels::LabelError;
use crate::plumbing::rebase;
use crate::plumbing::rev_parse::RevError;
use crate::plumbing::stage::StageError;
use crate::plumbing::transfer::TransferError;
use crate::plumbing::write_tree::WriteTreeError;
use crate::remote::RemoteError;
use crate::store::StoreError;
use crate::worktree::WorktreeError;
use hints::{
    INDEX_ANEW, cache_hint, checkout_hint, gc_hint, stage_hint, there_hint, transfer_hint, worktree_hint,
    write_tree_hint,
};

pub(in crate::porcelain) use hints::how_to_keep;
pub use hints::store_hint;

/// Why a verb ended without doing what it was asked.
///
/// The text never repeats that of the cause behind it; whoever shows it walks the chain of sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The worktree or the staging index failed.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The operating system failed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// `gc` could not find out what is in use, or not remove the rest.
    #[error(transparent)]
    Gc(#[from] gc::Error),
    /// The version could not be made.
    #[error(transparent)]
    CommitTree(#[from] commit_tree::Error),
    /// The worktree could not be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A tree could not be read or made.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The staging index could not be compared with or written as a tree.
    #[error(transparent)]
    WriteTree(#[from] WriteTreeError),
    /// The worktree could not be changed.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// An object could not be shown.
    #[error(transparent)]
    CatFile(#[from] cat_file::Error),
    /// A revision names nothing, or several things.
    #[error(transparent)]
    Rev(#[from] RevError),
    /// A version cannot have the label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The history could not be walked.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A verb that needs paths got none.
    #[error("'dsv {verb}' needs at least one path")]
    NoPaths {
        /// The verb.
        verb: &'static str,
    },
    /// No tracked path is meant by what was given.
    #[error("no tracked file matches {}", paths.join(", "))]
    NoMatch {
        /// What was given.
        paths: Vec<String>,
    },
    /// Paths that are in no place that was looked at.
    #[error("no file or folder is known as {}", paths.join(", "))]
    UnknownPath {
        /// What was given.
        paths: Vec<String>,
    },
    /// No file at all is meant by a pattern.
    #[error("no file matches '{pattern}'")]
    NoFile {
        /// The pattern.
        pattern: String,
    },
    /// A pattern is malformed.
    #[error("'{pattern}' is not a valid pattern")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        #[source]
        source: GlobError,
    },
    /// The file by which dsv keeps git away was to be tracked.
    #[error("'{path}' is where git is told what dsv tracks, and no data")]
    GitsFile {
        /// The file.
        path: RepoPath,
    },
    /// A version needs a message.
    #[error("the message is empty")]
    NoMessage,
    /// There is nothing to commit.
    #[error("nothing is staged")]
    NothingStaged,
    /// What is staged would be lost if only a part of the files were there.
    #[error("what is staged must be committed before the worktree can become sparse")]
    StagedBeforeSparse,
    /// The staging index was sparse and does not say so any more.
    #[error("the staging index is damaged: it no longer says which files are not checked out")]
    SparseLost,
    /// There is no version yet.
    #[error("there is no version yet")]
    NoVersion,
    /// A commit needs a dataset to move.
    #[error("the worktree is at a version, on no dataset")]
    DetachedHead,
    /// There is no dataset of that name.
    #[error("there is no dataset '{name}'")]
    NoSuchDataset {
        /// The name.
        name: DatasetName,
    },
    /// A dataset of that name exists.
    #[error("the dataset '{name}' exists already")]
    DatasetExists {
        /// The name.
        name: DatasetName,
    },
    /// The dataset that the worktree stands on was to move or go.
    #[error("'{name}' is the current dataset and cannot be {what}")]
    CurrentDataset {
        /// The dataset.
        name: DatasetName,
        /// `moved` or `deleted`.
        what: &'static str,
    },
    /// Nothing else leads to some versions of a dataset.
    #[error("nothing but '{name}' leads to {lost} of its versions")]
    VersionsLost {
        /// The dataset.
        name: DatasetName,
        /// How many.
        lost: u64,
    },
    /// No version, or not the one that was named, bears the tag.
    #[error("{} the tag '{tag}'", bearer(version.as_ref()))]
    NoTag {
        /// The tag.
        tag: TagName,
        /// The version that was to bear it.
        version: Option<VersionId>,
    },
    /// A version's record cannot be changed so.
    #[error(transparent)]
    Record(#[from] super::record::RecordError),
    /// What is searched for makes no sense.
    #[error(transparent)]
    Query(#[from] super::search::QueryError),
    /// A draft cannot be made or ended so.
    #[error(transparent)]
    Draft(#[from] super::draft::DraftError),
    /// A folder outside of the worktree cannot be taken in.
    #[error(transparent)]
    Sync(#[from] super::sync::SyncError),
    /// The own versions cannot be put on top of others'.
    #[error(transparent)]
    Rebase(#[from] rebase::Error),
    /// Versions cannot be merged, or a merge is under way.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Objects could not be sent or fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// A remote cannot be reached or used.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Objects that other repositories use cannot go.
    #[error("the objects lie in the store '{}', which other repositories use", store.display())]
    EvictShared {
        /// The folder of objects.
        store: PathBuf,
    },
    /// A remote cannot go, since objects are on it alone.
    #[error("what is not here is fetched from the remote '{name}' when it is needed")]
    RemoteNeeded {
        /// The remote.
        name: RemoteName,
    },
    /// No remote is known.
    #[error("no remote is known here")]
    NoRemote,
    /// There is no remote of that name.
    #[error("there is no remote '{name}'")]
    NoSuchRemote {
        /// The name.
        name: RemoteName,
    },
    /// There is a remote of that name.
    #[error("the remote '{name}' exists already")]
    RemoteExists {
        /// The name.
        name: RemoteName,
    },
    /// Several remotes are known, and none is `origin`.
    #[error("several remotes are known, and none is called origin")]
    WhichRemote {
        /// Their names.
        names: Vec<String>,
    },
    /// A remote has no such dataset.
    #[error("'{url}' has no dataset '{dataset}'")]
    NotOnRemote {
        /// The dataset.
        dataset: DatasetName,
        /// The remote.
        url: String,
    },
    /// A remote has no dataset at all.
    #[error("'{url}' has no dataset")]
    EmptyRemote {
        /// The remote.
        url: String,
    },
    /// A remote has several datasets.
    #[error("'{url}' has several datasets")]
    WhichDataset {
        /// The remote.
        url: String,
        /// Their names.
        datasets: Vec<String>,
    },
    /// Both sides have versions that the other has not.
    #[error("'{dataset}' has versions here ({}) and on {remote} ({}) that the other has not", ours.short(12), theirs.short(12))]
    Diverged {
        /// The dataset.
        dataset: DatasetName,
        /// The remote.
        remote: RemoteName,
        /// Its newest version here.
        ours: VersionId,
        /// Its newest version there.
        theirs: VersionId,
    },
    /// The folder that a clone was to make holds something.
    #[error("'{}' is not empty", path.display())]
    CloneTarget {
        /// The folder.
        path: PathBuf,
    },
    /// What nothing refers to on a remote was to go at once.
    #[error("a time of grace of less than an hour is too short for a remote")]
    GraceTooShort,
    /// The machine's cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Links could not be made.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The system tells no place for the machine's cache.
    #[error("there is no place for the cache: no home folder is known")]
    NoCache,
    /// No remote is named from which a version is to come.
    #[error("no remote is named, and there is no repository here that has one")]
    NoSource {
        /// The word that was taken for a dataset, where it is the name of a folder.
        folder: Option<String>,
    },
    /// A remote has no such dataset.
    #[error("'{url}' has no dataset '{dataset}'")]
    NotThere {
        /// The dataset.
        dataset: DatasetName,
        /// The remote.
        url: String,
        /// The datasets that it has.
        there: Vec<String>,
    },
    /// A dataset on a remote has no such version.
    #[error("there is no '{text}' on '{url}'")]
    NoVersionThere {
        /// What was asked for.
        text: String,
        /// The remote.
        url: String,
        /// The versions that there are, the newest first.
        there: Vec<String>,
    },
    /// A version is no version of the dataset that it was asked for as.
    #[error("{} is no version of '{dataset}' on '{url}'", id.short(12))]
    NotOfDataset {
        /// The version.
        id: VersionId,
        /// The dataset.
        dataset: DatasetName,
        /// The remote.
        url: String,
        /// What it is, by its full label.
        label: String,
    },
    /// Paths that a version does not have.
    #[error("nothing in {version} matches {}", paths.join(", "))]
    NotInVersion {
        /// The version, by its full label.
        version: String,
        /// What was given.
        paths: Vec<String>,
        /// What lies in its root.
        there: Vec<String>,
    },
    /// A remote that cannot be reached cannot tell which version is meant; there is a copy that may be it.
    #[error("'{url}' cannot be asked which version '{text}' is")]
    NotAsked {
        /// The remote.
        url: String,
        /// What was asked for.
        text: String,
        /// The copy, by its full label.
        cached: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// What is in the cache does not do, and nothing was to be asked.
    #[error("no copy of '{text}' from '{url}' is in the cache")]
    NotCached {
        /// The remote.
        url: String,
        /// What was asked for.
        text: String,
    },
    /// A folder cannot take the place of the current one.
    #[error("'{}' is the current folder, which a copy would take the place of", path.display())]
    CurrentFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Something other than a link into the cache is where one was to be.
    #[error("'{}' exists and is no link to a copy in the cache", path.display())]
    LinkTarget {
        /// The path.
        path: PathBuf,
    },
    /// A path cannot be moved.
    #[error("cannot move '{from}' to '{to}': {why}")]
    CannotMove {
        /// The source.
        from: RepoPath,
        /// The target.
        to: RepoPath,
        /// The reason.
        why: &'static str,
    },
    /// A setting cannot be read or written.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A path cannot be part of a dataset.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// No repository here or above.
    #[error("'{}' is not inside a dsv repository", start.display())]
    NotARepository {
        /// Where the search began.
        start: PathBuf,
    },
    /// There is a `.dsv` that `init` began and did not finish.
    #[error("the repository in '{}' was not finished", root.display())]
    Unfinished {
        /// The folder with `.dsv`.
        root: PathBuf,
    },
    /// The shared store of a repository is not there.
    #[error("the shared store '{}' of this repository is not there", path.display())]
    StoreAway {
        /// Where it should be.
        path: PathBuf,
    },
    /// The folder that is to become a shared store holds something else.
    #[error("'{}' cannot become a shared store: {why}", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// A path that a person gave lies outside of the worktree.
    #[error("{} is outside of the dataset's folder '{}'", shown(path), root.display())]
    OutsideWorktree {
        /// The path as it was given.
        path: PathBuf,
        /// The folder.
        root: PathBuf,
    },
}

/// Why a path cannot be moved where something is.
pub(super) const TARGET_EXISTS: &str = "the target exists";

fn bearer(version: Option<&VersionId>) -> String {
    match version {
        Some(id) => format!("the version {} does not bear", id.short(12)),
        None => "no version bears".to_owned(),
    }
}

/// A path in quotes of one kind or the other.
fn shown(path: &std::path::Path) -> String {
    let text = quote_path(path.as_os_str().as_encoded_bytes());
    if text.starts_with('"') { text } else { format!("'{text}'") }
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Worktree(error) => error.kind(),
            Self::Io(error) => error.kind(),
            Self::Gc(error) => error.kind(),
            Self::CommitTree(error) => error.kind(),
            Self::Stage(error) => error.kind(),
            Self::Tree(error) => error.kind(),
            Self::WriteTree(error) => error.kind(),
            Self::Checkout(error) => error.kind(),
            Self::CatFile(error) => error.kind(),
            Self::Rev(error) => error.kind(),
            Self::Label(error) => error.kind(),
            Self::History(error) => error.kind(),
            Self::NoPaths { .. } | Self::BadPattern { .. } | Self::NoMessage | Self::GraceTooShort => {
                ErrorKind::Usage
            }
            Self::NoMatch { .. }
            | Self::UnknownPath { .. }
            | Self::NoFile { .. }
            | Self::NoVersion
            | Self::NoSuchDataset { .. }
            | Self::NoTag { .. } => ErrorKind::NotFound,
            Self::CurrentDataset { .. } | Self::VersionsLost { .. } => ErrorKind::Refused,
            Self::NothingStaged => ErrorKind::NothingToDo,
            Self::DetachedHead
            | Self::EvictShared { .. }
            | Self::RemoteNeeded { .. }
            | Self::StagedBeforeSparse => ErrorKind::Refused,
            Self::SparseLost => ErrorKind::Corrupt,
            Self::DatasetExists { .. } => ErrorKind::AlreadyExists,
            Self::Record(error) => error.kind(),
            Self::Draft(error) => error.kind(),
            Self::Sync(error) => error.kind(),
            Self::Query(error) => error.kind(),
            Self::Rebase(error) => error.kind(),
            Self::Merge(error) => error.kind(),
            Self::Transfer(error) => error.kind(),
            Self::Remote(error) => error.kind(),
            Self::NoRemote
            | Self::NoSuchRemote { .. }
            | Self::NotOnRemote { .. }
            | Self::EmptyRemote { .. } => ErrorKind::NotFound,
            Self::RemoteExists { .. } | Self::CloneTarget { .. } => ErrorKind::AlreadyExists,
            Self::WhichRemote { .. } | Self::WhichDataset { .. } => ErrorKind::Ambiguous,
            Self::Cache(error) => error.kind(),
            Self::Link(error) => error.kind(),
            Self::NoCache | Self::NoSource { .. } => ErrorKind::Usage,
            Self::NotThere { .. }
            | Self::NoVersionThere { .. }
            | Self::NotOfDataset { .. }
            | Self::NotInVersion { .. }
            | Self::NotCached { .. } => ErrorKind::NotFound,
            Self::NotAsked { source, .. } => source.kind(),
            Self::CurrentFolder { .. } => ErrorKind::Refused,
            Self::LinkTarget { .. } => ErrorKind::AlreadyExists,
            Self::Diverged { .. } => ErrorKind::Conflict,
            Self::CannotMove { .. } | Self::GitsFile { .. } => ErrorKind::Refused,
            Self::Settings(error) => error.kind(),
            Self::Name(_) => ErrorKind::InvalidName,
            Self::Path(_) => ErrorKind::InvalidPath,
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::NotARepository { .. } | Self::Unfinished { .. } => ErrorKind::NotARepository,
            Self::StoreAway { .. } => ErrorKind::NotFound,
            Self::NoStore { .. } => ErrorKind::Refused,
            Self::OutsideWorktree { .. } => ErrorKind::OutsideWorktree,
        }
    }

    /// What the person can do next, when there is something.
    pub fn hint(&self) -> Option<String> {
        self.own_hint().or_else(|| {
            let text = match self.kind() {
                ErrorKind::PermissionDenied => "see who owns it, and who may read and write there",
                ErrorKind::DiskFull => "free some space and run it again; nothing is lost",
                _ => return None,
            };
            Some(text.to_owned())
        })
    }

    /// The hint for just this error.
    fn own_hint(&self) -> Option<String> {
        let text = match self {
            Self::CommitTree(commit_tree::Error::Label(error)) => return error.hint(),
            Self::Stage(error) => return stage_hint(error),
            Self::CommitTree(_) => return None,
            Self::Checkout(error) => return checkout_hint(error),
            Self::Rev(error) => return error.hint(),
            Self::Label(error) => return error.hint(),
            Self::Record(error) => return error.hint(),
            Self::Draft(error) => return error.hint(),
            Self::Sync(error) => return error.hint(),
            Self::Query(_) => {
                "words, and terms such as tag=gold, state=final, rows>1000; 'dsv help search' lists the keys"
            }
            Self::NoPaths { .. } => "give paths, or '.' for the whole folder",
            Self::NoMatch { .. } => "'dsv ls-files' lists the tracked files",
            Self::UnknownPath { .. } => "check the spelling; paths are relative to the current folder",
            Self::NoFile { .. } => "'*' stops at '/', '**' does not; '.' stands for the whole folder",
            Self::GitsFile { .. } => {
                "git is to track it; or 'dsv config core.gitignore false' ends that dsv writes to it"
            }
            Self::NoMessage => "say with -m why the version is made",
            Self::CannotMove { why, .. } if *why == TARGET_EXISTS => {
                "choose another name, or remove what is there first with 'dsv rm'"
            }
            Self::NothingStaged => {
                "stage files with 'dsv add PATH', or commit all changes with 'dsv commit -a'"
            }
            Self::StagedBeforeSparse => "make a version of it with 'dsv commit -m MESSAGE'",
            Self::SparseLost => INDEX_ANEW,
            Self::NoVersion => "make one with 'dsv add .' and 'dsv commit -m MESSAGE'",
            Self::DetachedHead => {
                "begin a dataset here with 'dsv switch -c NAME', or move one here with 'dsv branch -f NAME' and 'dsv switch NAME'"
            }
            Self::NoSuchDataset { .. } => "'dsv branch' lists them; begin one with 'dsv switch -c NAME'",
            Self::DatasetExists { .. } => "go to it with 'dsv switch NAME', or choose another name",
            Self::CurrentDataset { .. } => "go to another one first with 'dsv switch NAME'",
            Self::VersionsLost { .. } => {
                "tag what is to stay, or give --force; 'dsv gc' then removes them after a while"
            }
            Self::NoTag { .. } => "'dsv tag' lists the tags",
            Self::BadPattern { .. } | Self::CannotMove { .. } | Self::Tree(_) => return None,
            Self::WriteTree(error) => return write_tree_hint(error),
            Self::Rebase(rebase::Error::Conflict { .. } | rebase::Error::NotALine { .. }) => {
                "nothing was changed; 'dsv pull --merge' merges them path by path"
            }
            Self::Rebase(_) => return None,
            Self::Merge(error) => return error.hint(),
            Self::Transfer(error) => return transfer_hint(error),
            Self::Remote(error) => return error.hint(),
            Self::EvictShared { .. } => "run it in a repository with a store of its own",
            Self::RemoteNeeded { name } => {
                return Some(format!(
                    "'dsv fetch --full --remote {name}' brings all of it; if the remote moved, 'dsv remote set-url {name} URL' \
                     says where it is"
                ));
            }
            Self::NoRemote => "add one with 'dsv remote add origin URL'",
            Self::NoSuchRemote { .. } => "'dsv remote list' shows them",
            Self::RemoteExists { .. } => "change it with 'dsv remote set-url', or choose another name",
            Self::WhichRemote { names } => {
                return Some(format!("name one with --remote: {}", names.join(", ")));
            }
            Self::NotOnRemote { .. } => "'dsv ls-remote' lists what is there; 'dsv push' sends a dataset",
            Self::EmptyRemote { .. } => "send one with 'dsv push'",
            Self::WhichDataset { datasets, .. } => {
                return Some(format!("name one with --dataset: {}", datasets.join(", ")));
            }
            Self::Diverged { remote, dataset, .. } => {
                return Some(format!(
                    "'dsv pull --merge' merges them; 'dsv diff {dataset} {remote}/{dataset}' shows how they differ"
                ));
            }
            Self::CloneTarget { .. } => "name another folder, or an empty one",
            Self::GraceTooShort => {
                "somebody may be pushing, and others may read what was just replaced; give --grace 1h or more"
            }
            Self::Cache(error) => return cache_hint(error),
            Self::Link(error) => return error.hint(),
            Self::NoCache => "name a folder for it with DSV_CACHE_DIR",
            Self::NoSource { folder: Some(folder) } => {
                return Some(format!("write ./{folder} if the remote is in the folder '{folder}'"));
            }
            Self::NoSource { folder: None } => "give the remote's URL before the dataset, or set DSV_REMOTE",
            Self::NotThere { there, .. } | Self::NoVersionThere { there, .. } => {
                return there_hint("there is", there);
            }
            Self::NotOfDataset { id, label, .. } => {
                return Some(format!("it is {label}; 'dsv get {id}' takes it by its id alone"));
            }
            Self::NotInVersion { there, .. } => return there_hint("its root has", there),
            Self::NotAsked { cached, source, .. } => {
                let hint = source.hint().map_or_else(String::new, |hint| format!("{hint}; "));
                return Some(format!("{hint}'dsv get --offline' takes {cached} from the cache"));
            }
            Self::NotCached { .. } => "'dsv cache ls' lists what is there; leave --offline out to fetch it",
            Self::CurrentFolder { .. } => "name a folder that does not exist",
            Self::LinkTarget { .. } => "name another place, or remove what is there",
            Self::Settings(error) => return error.hint(),
            Self::Store(error) => return store_hint(error),
            Self::Worktree(error) => return worktree_hint(error),
            Self::Gc(error) => return gc_hint(error),
            Self::NotARepository { .. } => "make one with 'dsv init' in the folder of your data",
            Self::Unfinished { .. } => "run 'dsv init' there once more to finish it",
            Self::StoreAway { .. } => "is a disk or a network folder not mounted?",
            Self::NoStore { .. } => "name a folder that is empty or does not exist",
            Self::CatFile(cat_file::Error::Store(error)) => return store_hint(error),
            Self::CatFile(_)
            | Self::Io(_)
            | Self::History(_)
            | Self::Name(_)
            | Self::Path(_)
            | Self::Interrupted(_)
            | Self::OutsideWorktree { .. } => return None,
        };
        Some(text.to_owned())
    }
}
