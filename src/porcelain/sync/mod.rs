//! `dsv sync`: makes a dataset, or a folder in it, equal to a folder that somebody else updates.
//!
//! The folder is compared with what is remembered of it, which costs a look at each file and reads what is new. The tree
//! that it is then is put into the newest version's. Of the worktree only what is there follows; nothing is brought.
//!
//! Order, so that a crash leaves the version before or after: objects, what is remembered of the folder, staging index, ref. A note
//! in the folder of the staging index says what a sync has staged; when the ref did not move after all, the next one goes on.

mod error;
mod own;
mod preview;
mod source;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

pub use error::SyncError;

use super::add::StageAction;
use super::{Error, Repository, checkout, commit, merge, push, remotes, status};
use crate::model::{
    BlobId, DatasetName, ErrorKind, Expected, Head, Monitor, RemoteName, RepoPath, Totals, TreeId, Version,
    VersionId,
};
use crate::plumbing::commit_tree;
use crate::plumbing::diff_index::diff_index;
use crate::plumbing::diff_tree::{DiffOptions, DiffTotals, TreeChange, collect_changes};
use crate::plumbing::host::{IoContext, publish};
use crate::plumbing::labels::LabelChoice;
use crate::plumbing::reachable::are_whole;
use crate::plumbing::stage::{StageOptions, stage};
use crate::plumbing::tree_edit::{Edit, WrittenTree, apply, empty_tree};
use crate::plumbing::tree_walk::{lookup, totals};
use crate::plumbing::write_tree::write_tree;
use crate::store::Writer;
use crate::worktree::{IndexEditor, Problem};
use source::Source;

/// The file in the folder of the staging index with the tree that a sync staged before its version was there.
const NOTE_NAME: &str = "synced";

/// What to take in.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder, relative to the environment's or absolute.
    pub folder: PathBuf,
    /// Where its files are in the dataset. The root unless told; of a folder of the worktree, its own place.
    pub to: Option<RepoPath>,
    /// Put them into a folder of the same name, in `to` if that is given.
    pub keep_name: bool,
    /// The dataset, new or not; the current one unless told.
    pub dataset: Option<DatasetName>,
    /// Why; the folder and counts unless told.
    pub message: Option<String>,
    /// The label.
    pub label: LabelChoice,
    /// Keys and values for the manifest.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Take a folder in which nothing is, or that does not exist, for one whose files were all removed.
    pub allow_empty: bool,
    /// Send the version, and those before it that were not sent; where there is a remote.
    pub push: bool,
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// Find out what would change, and do nothing.
    pub dry_run: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Outcome {
    /// The folder, links resolved.
    pub folder: PathBuf,
    /// The dataset.
    pub dataset: DatasetName,
    /// Where the folder's files are in it.
    pub to: RepoPath,
    /// Every path of the dataset that changed, in byte order.
    pub changes: Vec<(RepoPath, StageAction)>,
    /// What they amount to; what was renamed is counted as such.
    pub totals: DiffTotals,
    /// The version that was made; none when nothing changed.
    pub version: Option<(VersionId, Version)>,
    /// Files that had to be read, since they were new or nothing proved them unchanged.
    pub files_read: u64,
    /// Bytes that were added to the store, after deduplication and compression.
    pub stored_bytes: u64,
    /// Folders that are repositories of their own, and lines of ignore files that are no patterns.
    pub warnings: Vec<Problem>,
    /// What was sent; none when there was nothing to send, or nowhere to.
    pub pushed: Option<push::Outcome>,
}

/// What is taken in, and where.
struct Target {
    folder: PathBuf,
    exists: bool,
    dataset: DatasetName,
    to: RepoPath,
    /// The folder is a part of the worktree, in its own place.
    is_own: bool,
    /// The dataset is the one that the worktree stands on.
    is_current: bool,
}

impl Target {
    fn find(repo: &Repository, options: &Options) -> Result<Self, Error> {
        let head = repo.refs().head()?;
        let dataset = match (&options.dataset, &head) {
            (Some(name), _) | (None, Head::Dataset(name)) => name.clone(),
            (None, Head::Detached(_)) => return Err(Error::DetachedHead),
        };
        let is_current = head.dataset() == Some(&dataset);
        let (folder, exists) = resolved(repo, &options.folder)?;
        if folder != repo.root() && repo.root().starts_with(&folder) {
            return Err(SyncError::HoldsWorktree { folder }.into());
        }
        let mut to = options.to.clone();
        if options.keep_name {
            let name = folder.file_name().unwrap_or_default().as_encoded_bytes();
            to = Some(to.unwrap_or_else(RepoPath::root).join_path(&RepoPath::new(name)?));
        }
        if !folder.starts_with(repo.root()) {
            let to = to.unwrap_or_else(RepoPath::root);
            return Ok(Self { folder, exists, dataset, to, is_own: false, is_current });
        }
        let place = repo.repo_path(&folder)?;
        if !is_current || to.is_some_and(|to| to != place) {
            return Err(SyncError::InWorktree { folder, place }.into());
        }
        Ok(Self { folder, exists, dataset, to: place, is_own: true, is_current })
    }

    /// Refuses a folder in which there are no files when the dataset has `there` files in its place.
    fn check_not_lost(&self, options: &Options, found: u64, there: u64) -> Result<(), SyncError> {
        if found > 0 || there == 0 || options.allow_empty {
            return Ok(());
        }
        let (folder, at) = (self.folder.clone(), self.to.clone());
        Err(SyncError::Empty { folder, at, files: there, exists: self.exists })
    }

    /// The folder as a person gave it, so that the version is the same wherever it is made; one of the worktree by its place.
    fn name(&self, options: &Options) -> String {
        match self.is_own {
            true if self.to.is_root() => "the worktree".to_owned(),
            true => self.to.to_string(),
            // Without what means nothing, such as a slash at the end.
            false => options.folder.components().collect::<PathBuf>().display().to_string(),
        }
    }

    /// `Sync /data/incoming: 12 added, 3 modified, 1 removed`.
    fn message(&self, options: &Options, totals: &DiffTotals) -> String {
        if let Some(message) = &options.message {
            return message.trim_end().to_owned();
        }
        let parts = [
            (totals.added, "added"),
            (totals.modified, "modified"),
            (totals.removed, "removed"),
            (totals.renamed, "renamed"),
        ];
        let parts = parts.into_iter().filter(|(totals, _)| totals.files > 0);
        let parts: Vec<String> = parts.map(|(totals, word)| format!("{} {word}", totals.files)).collect();
        let counts = if parts.is_empty() { "empty folders only".to_owned() } else { parts.join(", ") };
        format!("Sync {}: {counts}", self.name(options))
    }
}

/// A folder with links resolved, and whether it exists.
fn resolved(repo: &Repository, given: &Path) -> Result<(PathBuf, bool), Error> {
    let full = super::repository::lexical(&repo.env().cwd.join(given));
    match repo.fs().canonicalize(&full) {
        Ok(folder) => match repo.fs().list(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                Err(SyncError::NoFolder { path: given.to_owned() }.into())
            }
            listed => listed.map(|_| (folder.clone(), true)).at("open", &folder).map_err(Error::from),
        },
        // Where it was mounted, or a folder above it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((repo.resolved(&full), false)),
        Err(error) => Ok(Err(error).at("open", &full)?),
    }
}

/// Makes the dataset equal to the folder, in a new version if anything differs, and sends it.
///
/// # Errors
/// [`SyncError`]; when a file cannot be read or keeps changing, the dataset moves meanwhile, or the disk is full: then the
/// dataset is what it was. When it cannot be sent, the version stays, and the next call sends it.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if options.message.as_ref().is_some_and(|message| message.trim().is_empty()) {
        return Err(Error::NoMessage);
    }
    let target = Target::find(repo, options)?;
    // Before any work: which remote is meant.
    let wanted =
        options.push && !options.dry_run && (options.remote.is_some() || !remotes::list(repo)?.is_empty());
    let remote = if wanted { Some(remotes::choose(repo, options.remote.as_ref())?.0) } else { None };
    let mut outcome = match (options.dry_run, target.is_own) {
        (true, false) => preview::run(repo, options, &target, monitor)?,
        (false, false) => outside(repo, options, &target, monitor)?,
        (_, true) => own::run(repo, options, &target, monitor)?,
    };
    if let Some(remote) = remote {
        outcome.pushed = send(repo, &target, remote, monitor)?;
    }
    Ok(outcome)
}

/// Sends what the remote is not known to have.
fn send(
    repo: &Repository,
    target: &Target,
    remote: RemoteName,
    monitor: &Monitor<'_>,
) -> Result<Option<push::Outcome>, Error> {
    let Some(tip) = repo.refs().read(&target.dataset)? else { return Ok(None) };
    if repo.refs().tracking().read(&remote, &target.dataset)? == Some(tip) {
        return Ok(None);
    }
    let version = repo.db().version(&tip)?.full_label();
    let options = push::Options {
        remote: Some(remote),
        datasets: vec![target.dataset.clone()],
        // Where the whole dataset is to equal the folder, what others pushed has no place in it.
        rebase: !target.to.is_root(),
        ..push::Options::default()
    };
    match push::run(repo, &options, monitor) {
        Ok(pushed) => Ok(Some(pushed)),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => Err(SyncError::NotPushed { version, source: Box::new(error) }.into()),
    }
}

/// What a folder amounts to in the dataset.
struct Gathered {
    /// The tree of the whole dataset with the folder in it.
    tree: WrittenTree,
    changes: Vec<TreeChange>,
    files_read: u64,
    stored_bytes: u64,
    warnings: Vec<Problem>,
}

/// Takes in a folder that lies elsewhere.
fn outside(
    repo: &Repository,
    options: &Options,
    target: &Target,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    // It keeps also others away who sync, and `gc`.
    let mut index = repo.edit_index(monitor)?;
    let tip = repo.refs().read(&target.dataset)?;
    if tip.is_none() {
        repo.refs().check_room(&target.dataset)?;
    }
    let base = tip.map(|id| repo.db().version(&id)).transpose()?.map(|version| version.tree);
    check_place(repo, base.as_ref(), &target.to)?;
    let goes_on = if target.is_current { check_staged(repo, &index)? } else { false };
    let _objects = repo.lock_objects(monitor)?;
    if goes_on {
        checkout::take_half_settled(repo, &mut index)?;
    }
    let dir = source::place(repo, &target.folder, &target.dataset, &target.to);
    let mut source = Source::open(repo, dir, monitor)?;
    let gathered = match gather(repo, options, target, &mut source, base.as_ref(), monitor) {
        // What was remembered is not here any more.
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            source = source.forget(monitor)?;
            gather(repo, options, target, &mut source, base.as_ref(), monitor)?
        }
        gathered => gathered?,
    };
    let (tree, is_new) = (gathered.tree, !gathered.changes.is_empty());
    let mut outcome = target.outcome(gathered);
    let note = Note::new(repo);
    if !is_new {
        source.index.save()?;
        if goes_on {
            checkout::settle(repo, &mut index, base.unwrap_or_else(empty_tree), monitor)?;
            note.remove()?;
        }
        return Ok(outcome);
    }
    monitor.progress.phase("Committing", None, None);
    let writer = Writer::new(repo.db())?;
    let wanted = commit_tree::Options {
        tree: tree.id,
        totals: tree.totals,
        parents: tip.into_iter().collect(),
        dataset: repo.known_as(&target.dataset)?,
        label: options.label.clone(),
        author: repo.author()?,
        time: repo.now(),
        message: target.message(options, &outcome.totals),
        metadata: options.metadata.clone(),
        origin: commit::origin(repo),
    };
    let (id, version) = commit_tree::run(&writer, wanted, monitor.interrupt)?;
    outcome.stored_bytes += writer.finish()?.stored_bytes;
    source.index.save()?;
    if target.is_current {
        note.write(tree.id)?;
        match checkout::settle(repo, &mut index, tree.id, monitor) {
            Err(Error::Checkout(error)) => return Err(SyncError::InTheWay(error).into()),
            settled => settled?,
        };
    }
    let refs = repo.lock_refs(monitor)?;
    let why = repo.note(format!("sync: {}", version.subject()))?;
    repo.refs().update(&refs, &target.dataset, Expected::unchanged(tip), Some(id), &why)?;
    drop(refs);
    if target.is_current {
        note.remove()?;
    }
    outcome.version = Some((id, version));
    Ok(outcome)
}

impl Target {
    fn outcome(&self, gathered: Gathered) -> Outcome {
        let action = |change: &TreeChange| match (&change.old, &change.new) {
            (None, _) => StageAction::Added,
            (_, None) => StageAction::Removed,
            _ => StageAction::Modified,
        };
        let mut changes: Vec<_> =
            gathered.changes.iter().map(|change| (change.path.clone(), action(change))).collect();
        changes.sort_unstable();
        let (_, _, totals) = status::summarize(gathered.changes);
        Outcome {
            folder: self.folder.clone(),
            dataset: self.dataset.clone(),
            to: self.to.clone(),
            changes,
            totals,
            version: None,
            files_read: gathered.files_read,
            stored_bytes: gathered.stored_bytes,
            warnings: gathered.warnings,
            pushed: None,
        }
    }
}

/// Demands that the folder can be where it is to be in the dataset.
fn check_place(repo: &Repository, base: Option<&TreeId>, to: &RepoPath) -> Result<(), Error> {
    let Some(base) = base.filter(|base| **base != empty_tree()) else { return Ok(()) };
    for path in to.ancestors() {
        if lookup(repo.db(), base, &path)?.is_some_and(|entry| !entry.kind.is_dir()) {
            return Err(SyncError::FileThere { path }.into());
        }
    }
    Ok(())
}

/// Demands that nothing is staged but what a sync has staged, all or a part of it, that was ended; tells whether one was.
fn check_staged(repo: &Repository, index: &IndexEditor) -> Result<bool, Error> {
    merge::refuse_under_way(repo)?;
    repo.check_no_draft()?;
    let staged = diff_index(repo.db(), repo.head_tree()?.as_ref(), index)?;
    let Some(noted) = Note::new(repo).read()? else {
        let count = staged.len();
        return if count == 0 { Ok(false) } else { Err(SyncError::Staged { staged: count }.into()) };
    };
    if !checkout::is_half_settled(repo, index, &noted)? {
        return Err(SyncError::Staged { staged: staged.len() }.into());
    }
    Ok(true)
}

/// Reads what is new in the folder, and puts the tree that it is into that of the dataset.
fn gather(
    repo: &Repository,
    options: &Options,
    target: &Target,
    source: &mut Source<'_>,
    base: Option<&TreeId>,
    monitor: &Monitor<'_>,
) -> Result<Gathered, Error> {
    let (mut files_read, mut stored_bytes) = (0, 0);
    let mut is_doubted = false;
    loop {
        let writer = Writer::new(repo.db())?;
        let staged = stage(&target.folder, &mut source.index, &writer, &StageOptions::default(), monitor)?;
        files_read += staged.confirmed + staged.added.files + staged.modified.files;
        let folder = write_tree(&mut source.index, &writer)?;
        let there = totals_at(repo, base, &target.to)?;
        target.check_not_lost(options, folder.totals.files, there.unwrap_or_default().files)?;
        if !target.exists && there.is_none() {
            return Err(SyncError::Missing { path: options.folder.clone() }.into());
        }
        let tree = put(&writer, base, &target.to, folder, there.is_some())?;
        stored_bytes += writer.finish()?.stored_bytes;
        let changes = match base.filter(|base| **base != empty_tree()) {
            Some(base) if *base == tree.id => Vec::new(),
            base => collect_changes(repo.db(), base, not_empty(&tree.id), DiffOptions::default())?,
        };
        // What was read just now is stored; the rest was once.
        let read: HashSet<&RepoPath> = staged.changes.iter().map(|(path, _)| path).collect();
        let below = |change: &TreeChange| change.path.strip_prefix(&target.to);
        let is_remembered = |change: &&TreeChange| {
            change.new.is_some() && below(change).is_some_and(|path| !read.contains(&path))
        };
        let remembered: Vec<&TreeChange> = changes.iter().filter(is_remembered).collect();
        let blobs = remembered.iter().filter_map(|change| change.new.as_ref());
        let blobs = blobs.filter(|entry| !entry.kind.is_dir()).map(|entry| BlobId::new(entry.id));
        if is_doubted || remembered.is_empty() || are_whole(&*repo.own_db()?, blobs, monitor)? {
            return Ok(Gathered { tree, changes, files_read, stored_bytes, warnings: staged.warnings });
        }
        let paths: Vec<RepoPath> = remembered.into_iter().filter_map(below).collect();
        source.doubt(paths.iter())?;
        is_doubted = true;
    }
}

fn not_empty(tree: &TreeId) -> Option<&TreeId> {
    Some(tree).filter(|tree| **tree != empty_tree())
}

/// What the dataset has at a path; nothing when there is no such folder.
fn totals_at(repo: &Repository, base: Option<&TreeId>, at: &RepoPath) -> Result<Option<Totals>, Error> {
    let Some(base) = base.and_then(not_empty) else { return Ok(None) };
    if at.is_root() {
        return Ok(Some(totals(repo.db(), base)?));
    }
    Ok(lookup(repo.db(), base, at)?.map(|entry| entry.totals()))
}

/// The dataset's tree with the folder in its place. One in which nothing is makes no folder.
fn put(
    writer: &Writer,
    base: Option<&TreeId>,
    to: &RepoPath,
    folder: WrittenTree,
    is_there: bool,
) -> Result<WrittenTree, Error> {
    if to.is_root() {
        return Ok(folder);
    }
    let mut edits = BTreeMap::new();
    if is_there || folder.id != empty_tree() {
        edits.insert(to.clone(), Edit::tree(folder));
    }
    Ok(apply(writer, base.and_then(not_empty), &edits)?)
}

/// What a sync has staged before the dataset's ref moves.
struct Note<'a> {
    repo: &'a Repository,
    path: PathBuf,
}

impl<'a> Note<'a> {
    fn new(repo: &'a Repository) -> Self {
        Self { repo, path: repo.layout().index().join(NOTE_NAME) }
    }

    fn write(&self, tree: TreeId) -> Result<(), Error> {
        Ok(publish(self.repo.fs(), &self.path, tree.to_string().as_bytes())?)
    }

    fn read(&self) -> Result<Option<TreeId>, Error> {
        match self.repo.fs().read(&self.path) {
            // One that is no id notes nothing.
            Ok(text) => Ok(std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Ok(Err(error).at("read", &self.path)?),
        }
    }

    fn remove(&self) -> Result<(), Error> {
        match self.repo.fs().remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", &self.path)?),
        }
    }
}
