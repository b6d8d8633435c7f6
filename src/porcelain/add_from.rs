//! `dsv add --from`: stages what lies outside of the worktree, without copying it there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::add::{Outcome, StageAction};
use super::pathspec::Pathspec;
use super::sync::SyncError;
use super::{Error, Repository, checkout, is_pattern};
use crate::model::{EntryKind, Monitor, RepoPath, Totals};
use crate::plumbing::hash_file::hash_file;
use crate::plumbing::host::{FileKind, IoContext, bytes_to_path};
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{PathFilter, StageOptions, StageOutcome, look};
use crate::plumbing::store_files::{FileToStore, store_files};
use crate::plumbing::tree_edit::empty_tree;
use crate::store::Writer;
use crate::worktree::{Change, Staged, StagingIndex};

/// What to stage, and where.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Files, folders and patterns, relative to the environment's folder or absolute.
    pub sources: Vec<OsString>,
    /// The folder of the dataset below which they are staged.
    pub to: RepoPath,
    /// Of folders, only the files right in them.
    pub non_recursive: bool,
    /// Tell what would be staged, and do nothing.
    pub dry_run: bool,
}

/// One of the things that were given.
struct Source {
    given: String,
    /// The folder that its paths are relative to.
    root: PathBuf,
    spec: Pathspec,
    is_pattern: bool,
}

/// A file that is to be staged.
struct Found {
    /// Its path in the source's folder.
    path: RepoPath,
    kind: EntryKind,
    size: u64,
}

/// Stages what is given below `to`: a file under its name, of a folder what is in it, of a pattern what matches, each with its path
/// from the pattern's folder on. What is staged elsewhere below `to` stays.
///
/// # Errors
/// [`SyncError`]; when a file cannot be read or be part of a dataset, or would replace one of the worktree that is not committed:
/// then nothing is staged.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let sources =
        options.sources.iter().map(|given| Source::find(repo, given)).collect::<Result<Vec<_>, _>>()?;
    if options.dry_run {
        return preview(repo, options, &sources, monitor);
    }
    let mut index = repo.edit_index(monitor)?;
    let behind = Behind::new(repo.db(), &index);
    check_place(&behind, &index, &options.to)?;
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    let mut staged = StageOutcome::default();
    let mut items = BTreeMap::new();
    for source in &sources {
        let found = source.look(repo, options, &mut staged, monitor)?;
        store(&writer, source, &options.to, found, &mut items, monitor)?;
    }
    let stored = writer.finish()?;
    let mut new = BTreeMap::new();
    for (path, item) in items {
        let before = behind.staged(&index, &path)?;
        let is_same = before.is_some_and(|before| before.same_content(&item));
        note(&mut staged, &path, before.map(|before| (before.kind, before.size)), &item, is_same);
        if !is_same {
            new.insert(path, item);
        }
    }
    match checkout::place(repo, &mut index, new, monitor) {
        Err(Error::Checkout(error)) => return Err(SyncError::InTheWay(error).into()),
        placed => placed?,
    }
    staged.changes.sort_unstable();
    repo.note_stored(stored.stored_bytes)?;
    Ok(Outcome { staged, stored, gitignored: Vec::new() })
}

/// Demands that the dataset has no file where a folder is to be.
fn check_place(behind: &Behind<'_>, index: &StagingIndex, to: &RepoPath) -> Result<(), Error> {
    for path in to.ancestors() {
        if !path.is_root() && behind.staged(index, &path)?.is_some_and(|staged| !staged.kind.is_dir()) {
            return Err(SyncError::FileThere { path }.into());
        }
    }
    Ok(())
}

/// Stores what was found; `items` gets what is to be staged.
fn store(
    writer: &Writer,
    source: &Source,
    to: &RepoPath,
    found: Vec<Found>,
    items: &mut BTreeMap<RepoPath, Staged>,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let (folders, files): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.kind.is_dir());
    for folder in folders {
        let (kind, id) = (EntryKind::Directory, empty_tree().object());
        items.insert(to.join_path(&folder.path), Staged { kind, size: 0, id, stat: None, absent: false });
    }
    let bytes = files.iter().map(|file| file.size).sum();
    monitor.progress.phase("Adding", Some(files.len() as u64), Some(bytes));
    let files = files.into_iter().map(|Found { path, kind, size }| {
        let kind = if kind == EntryKind::Symlink { FileKind::Symlink } else { FileKind::File };
        FileToStore { path, kind, size }
    });
    let stored = store_files(writer, &source.root, files, monitor, &mut |stored| {
        let staged = Staged {
            kind: stored.kind,
            size: stored.size,
            id: stored.id.object(),
            stat: None,
            absent: false,
        };
        items.insert(to.join_path(&stored.path), staged);
    });
    Ok(stored.map(drop).map_err(crate::plumbing::stage::StageError::from)?)
}

/// Counts one path.
fn note(
    outcome: &mut StageOutcome,
    path: &RepoPath,
    before: Option<(EntryKind, u64)>,
    now: &Staged,
    is_same: bool,
) {
    let totals = Totals { files: u64::from(!now.kind.is_dir()), bytes: now.size };
    match before {
        _ if is_same => outcome.confirmed += 1,
        Some(_) => {
            outcome.modified = outcome.modified.plus(totals);
            outcome.changes.push((path.clone(), StageAction::Modified));
        }
        None => {
            outcome.added = outcome.added.plus(totals);
            outcome.changes.push((path.clone(), StageAction::Added));
        }
    }
}

/// What would be staged. A file is read where it may be what is staged.
fn preview(
    repo: &Repository,
    options: &Options,
    sources: &[Source],
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let index = repo.index()?;
    let behind = Behind::new(repo.db(), &index);
    check_place(&behind, &index, &options.to)?;
    let mut staged = StageOutcome::default();
    for source in sources {
        for Found { path, kind, size } in source.look(repo, options, &mut staged, monitor)? {
            let at = options.to.join_path(&path);
            let before = behind.staged(&index, &at)?;
            let mut now = Staged { kind, size, id: empty_tree().object(), stat: None, absent: false };
            if before.is_some_and(|before| (before.kind, before.size) == (kind, size)) && !kind.is_dir() {
                let absolute = source.root.join(bytes_to_path(path.as_bytes()).at("name", &source.root)?);
                let hashed = hash_file(&**repo.fs(), &absolute, monitor.interrupt);
                monitor.interrupt.check()?;
                now.id = hashed.at("read", &absolute)?.0.object();
            }
            let is_same = before.is_some_and(|before| before.same_content(&now));
            note(&mut staged, &at, before.map(|before| (before.kind, before.size)), &now, is_same);
        }
    }
    staged.changes.sort_unstable();
    Ok(Outcome { staged, ..Outcome::default() })
}

impl Source {
    fn find(repo: &Repository, given: &OsStr) -> Result<Self, Error> {
        let text = given.to_string_lossy().into_owned();
        let full = super::repository::lexical(&repo.env().cwd.join(given));
        let is_pattern = is_pattern(given) && repo.fs().stat(&full).is_err();
        let (root, name) = if is_pattern {
            let parts: Vec<Component<'_>> = Path::new(given).components().collect();
            let plain = parts.iter().take_while(|part| !is_pattern_part(part)).count();
            let folder: PathBuf = std::iter::once(&Component::CurDir).chain(&parts[..plain]).collect();
            let pattern: PathBuf = parts[plain..].iter().collect();
            (repo.env().cwd.join(folder), Some(pattern.into_os_string()))
        } else if repo.fs().list(&full).is_ok() {
            (full, None)
        } else if repo.fs().stat(&full).is_ok() {
            let name = full.file_name().map(OsStr::to_owned);
            (full.parent().unwrap_or(&full).to_owned(), name)
        } else {
            return Err(SyncError::Missing { path: PathBuf::from(given) }.into());
        };
        let missing = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(SyncError::Missing { path: root.clone() }),
            _ => Err(error).at("open", &root).map_err(Error::from),
        };
        let root = match repo.fs().canonicalize(&root) {
            Ok(root) => root,
            Err(error) => return Err(missing(error)?.into()),
        };
        if root.starts_with(repo.root()) {
            let place = repo.repo_path(&root.join(name.unwrap_or_default()))?;
            return Err(SyncError::InWorktree { folder: root, place }.into());
        }
        if name.is_none() && repo.root().starts_with(&root) {
            return Err(SyncError::HoldsWorktree { folder: root }.into());
        }
        let spec = match name {
            None => Pathspec::below(RepoPath::root()),
            Some(pattern) if is_pattern => Pathspec::of_dataset(&[pattern])?,
            Some(name) => Pathspec::below(RepoPath::new(name.as_encoded_bytes())?),
        };
        Ok(Self { given: text, root, spec, is_pattern })
    }

    /// What there is to stage. Nothing that cannot be is passed over.
    fn look(
        &self,
        repo: &Repository,
        options: &Options,
        outcome: &mut StageOutcome,
        monitor: &Monitor<'_>,
    ) -> Result<Vec<Found>, Error> {
        // Against an empty index, everything is untracked.
        let nothing = StagingIndex::open(&**repo.fs(), &repo.layout().dsv.join("no-index"))?;
        let behind = Behind::new(repo.db(), &nothing);
        let (spec, flat) = (self.spec.clone(), options.non_recursive);
        let is_chosen =
            move |path: &RepoPath| if flat { spec.matches_flat(path) } else { spec.matches(path) };
        let only = Some(PathFilter(Arc::new(is_chosen)));
        let what = StageOptions { roots: self.spec.roots(), update: false, only };
        let (differences, looked) = look(&self.root, &nothing, &behind, &what, monitor)?;
        outcome.warnings.extend(looked.warnings);
        let mut found = Vec::new();
        for difference in differences {
            if let Change::Untracked { kind, bytes: size, .. } = difference.change
                && !(flat && kind.is_dir())
            {
                found.push(Found { path: difference.path, kind, size });
            }
        }
        if found.is_empty() && self.is_pattern {
            return Err(SyncError::NoMatch { pattern: self.given.clone() }.into());
        }
        Ok(found)
    }
}

fn is_pattern_part(part: &Component<'_>) -> bool {
    is_pattern(part.as_os_str())
}
