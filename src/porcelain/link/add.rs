//! `dsv add --link`: records what is elsewhere, and downloads nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::spec::{Spec, What};
use super::{LinkAction, LinkChange, LinkError, is_link, link_to};
use crate::model::{BlobId, EntryKind, ExternalLink, Monitor, RepoPath, Totals};
use crate::plumbing::links::{LinkWriter, read_link};
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::locate;
use crate::porcelain::{Error, Repository};
use crate::remote::{Client, ObjectInfo, RemoteError, RequestStats};
use crate::store::Writer;
use crate::worktree::{IndexEditor, Staged, StagingIndex};

/// What to link to.
#[derive(Debug, Clone, Default)]
pub struct AddOptions {
    /// URLs, or paths on this machine: objects, folders (ending in `/`) and patterns; at least one.
    pub urls: Vec<String>,
    /// Where they are to be in the dataset; under their own names in the current folder unless told.
    pub to: Option<PathBuf>,
    /// Of a folder, only what is right in it.
    pub non_recursive: bool,
    /// Tell what would be staged, and do nothing.
    pub dry_run: bool,
    /// Tell of each link what happened to it, which takes memory where there are millions.
    pub list: bool,
}

/// What was linked to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddOutcome {
    /// What was staged, in the order in which it was found; nothing unless that was asked for.
    pub changes: Vec<LinkChange>,
    /// Links that are new, and the bytes that they lead to.
    pub added: Totals,
    /// Links that lead to something else now.
    pub modified: Totals,
    /// Links that were staged as they are.
    pub unchanged: Totals,
    /// What it took, retries included.
    pub requests: RequestStats,
}

/// Stages links to what URLs name: with one listing of each folder or pattern, and a question for the facts of each single
/// object. Nothing is downloaded, and nothing appears in the worktree.
///
/// # Errors
/// When a URL makes no sense or names nothing, its place cannot be reached, or something that is no link is where one is to be:
/// then nothing is staged.
pub fn add(repo: &Repository, options: &AddOptions, monitor: &Monitor<'_>) -> Result<AddOutcome, Error> {
    if options.urls.is_empty() {
        return Err(Error::NoPaths { verb: "add --link" });
    }
    let specs: Vec<Spec> = options.urls.iter().map(|url| Spec::parse(repo, url)).collect::<Result<_, _>>()?;
    let targets: Vec<RepoPath> =
        specs.iter().map(|spec| target(repo, options, spec)).collect::<Result<_, _>>()?;
    monitor.progress.phase("Listing", None, None);
    let mut outcome = if options.dry_run {
        let mut stager = Stager::new(repo, Box::new(repo.index()?), None, options.list);
        link_all(&mut stager, &specs, &targets, options, monitor)?;
        stager.outcome
    } else {
        let index = repo.edit_index(monitor)?;
        let _objects = repo.lock_objects(monitor)?;
        let writer = Writer::new(repo.db())?;
        let mut stager = Stager::new(repo, index, Some(LinkWriter::new(&writer)?), options.list);
        link_all(&mut stager, &specs, &targets, options, monitor)?;
        let Stager { mut index, outcome, .. } = stager;
        let stored = writer.finish()?;
        index.save()?;
        repo.note_stored(stored.stored_bytes)?;
        outcome
    };
    outcome.requests = repo.links().stats();
    Ok(outcome)
}

/// Where what a URL names goes: an object to a path, all else below one.
fn target(repo: &Repository, options: &AddOptions, spec: &Spec) -> Result<RepoPath, Error> {
    let inside = match &options.to {
        None => Some(PathBuf::new()),
        Some(to) => {
            let is_folder = options.urls.len() > 1 || to.as_os_str().as_encoded_bytes().ends_with(b"/");
            (spec.what == What::One && is_folder).then(|| to.clone())
        }
    };
    let path = match (inside, &options.to) {
        (Some(folder), _) => folder.join(spec.name()),
        (None, Some(to)) => to.clone(),
        (None, None) => PathBuf::from(spec.name()),
    };
    let path = repo.repo_path(&path)?;
    if path.is_root() && spec.what == What::One {
        return repo.repo_path(Path::new(spec.name()));
    }
    Ok(path)
}

fn link_all<I: Stage>(
    stager: &mut Stager<'_, I>,
    specs: &[Spec],
    targets: &[RepoPath],
    options: &AddOptions,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    specs.iter().zip(targets).try_for_each(|(spec, target)| {
        let client = stager.repo.links().client(&spec.place)?;
        let found = match &spec.what {
            What::One => one(stager, &client, spec, target, monitor)?,
            _ => many(stager, &client, spec, target, options, monitor)?,
        };
        if found { Ok(()) } else { Err(nothing(spec)) }
    })
}

fn nothing(spec: &Spec) -> Error {
    LinkError::Nothing { url: spec.text.clone(), folder: spec.what != What::One }.into()
}

fn one<I: Stage>(
    stager: &mut Stager<'_, I>,
    client: &Client,
    spec: &Spec,
    target: &RepoPath,
    monitor: &Monitor<'_>,
) -> Result<bool, Error> {
    let Some(info) = client.head(&spec.key, monitor.interrupt)? else { return Ok(false) };
    stager.link(target.clone(), link_to(&spec.place, &info)?)?;
    Ok(true)
}

/// Links to what is listed below a folder; tells whether there was anything.
fn many<I: Stage>(
    stager: &mut Stager<'_, I>,
    client: &Client,
    spec: &Spec,
    target: &RepoPath,
    options: &AddOptions,
    monitor: &Monitor<'_>,
) -> Result<bool, Error> {
    let mut found = false;
    // Some tools make an empty object in the place of each folder, which listings give without its slash.
    let mut may_be_folder: Option<ObjectInfo> = None;
    let mut take = |info: ObjectInfo| -> Result<(), Error> {
        let below = if spec.key.is_empty() {
            Some(info.key.as_str())
        } else {
            info.key.strip_prefix(spec.key.as_str()).and_then(|below| below.strip_prefix('/'))
        };
        let Some(below) = below.filter(|below| !below.is_empty()) else { return Ok(()) };
        let is_meant = match &spec.what {
            What::Matching(pattern) => pattern.matches(below),
            _ => true,
        };
        if !is_meant {
            return Ok(());
        }
        found = true;
        monitor.progress.advance(1, info.len);
        let bad = |source| LinkError::BadPath { key: info.key.clone(), source };
        let path = target.join_path(&RepoPath::new(below.as_bytes().to_vec()).map_err(bad)?);
        stager.link(path, link_to(&spec.place, &info)?)
    };
    let mut each = |info: ObjectInfo| -> Result<(), Error> {
        if let Some(held) = may_be_folder.take()
            && !info.key.strip_prefix(held.key.as_str()).is_some_and(|below| below.starts_with('/'))
        {
            take(held)?;
        }
        if info.len == 0 {
            may_be_folder = Some(info);
            return Ok(());
        }
        take(info)
    };
    let is_flat = match &spec.what {
        What::Matching(pattern) => pattern.is_flat(),
        _ => options.non_recursive,
    };
    if is_flat {
        client.list_here(&spec.key, monitor.interrupt)?.into_iter().try_for_each(&mut each)?;
    } else {
        list(client, &spec.key, monitor, &mut each)?;
    }
    if let Some(held) = may_be_folder {
        take(held)?;
    }
    Ok(found)
}

/// Lists all objects below a key, for a sink that fails in its own way.
pub(super) fn list(
    client: &Client,
    below: &str,
    monitor: &Monitor<'_>,
    each: &mut dyn FnMut(ObjectInfo) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut failed = None;
    let listed = client.list(below, None, monitor.interrupt, &mut |info| {
        each(info).map_err(|error| {
            // The listing is ended by the only error that it can take from here; the cause is told instead.
            failed = Some(error);
            RemoteError::Interrupted(crate::model::Interrupted)
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(listed?),
    }
}

/// A staging index that links are put into, or only compared with.
pub(super) trait Stage: std::ops::Deref<Target = StagingIndex> {
    /// Stages a link.
    fn put(&mut self, behind: &Behind<'_>, path: &RepoPath, staged: Staged) -> Result<(), Error>;
}

impl Stage for IndexEditor {
    fn put(&mut self, behind: &Behind<'_>, path: &RepoPath, staged: Staged) -> Result<(), Error> {
        if self.is_sparse() && self.get(path)?.is_none_or(|held| held.absent) {
            Ok(behind.stage_absent(self, path, Some(&staged))?)
        } else {
            Ok(behind.set(self, path, staged)?)
        }
    }
}

impl Stage for Box<StagingIndex> {
    fn put(&mut self, _: &Behind<'_>, _: &RepoPath, _: Staged) -> Result<(), Error> {
        Ok(())
    }
}

/// Puts links into the staging index.
pub(super) struct Stager<'a, I> {
    pub(super) repo: &'a Repository,
    behind: Behind<'a>,
    pub(super) index: I,
    writer: Option<LinkWriter<'a>>,
    /// Folders in which links can be.
    checked: BTreeSet<RepoPath>,
    seen: BTreeSet<RepoPath>,
    lists: bool,
    pub(super) outcome: AddOutcome,
}

impl<'a, I: Stage> Stager<'a, I> {
    pub(super) fn new(repo: &'a Repository, index: I, writer: Option<LinkWriter<'a>>, lists: bool) -> Self {
        let behind = Behind::new(repo.db(), &index);
        let (checked, seen, outcome) = (BTreeSet::new(), BTreeSet::new(), AddOutcome::default());
        Self { repo, behind, index, writer, checked, seen, lists, outcome }
    }

    /// Stages a link, unless it is staged.
    pub(super) fn link(&mut self, path: RepoPath, link: ExternalLink) -> Result<(), Error> {
        let staged = self.behind.staged(&self.index, &path)?;
        self.check_free(&path, staged.as_ref())?;
        if !self.seen.insert(path.clone()) {
            return Err(LinkError::Twice { path }.into());
        }
        let totals = Totals { files: 1, bytes: link.size };
        if let Some(staged) = &staged
            && read_link(self.repo.db(), &BlobId::new(staged.id))?.same_source(&link)
        {
            self.outcome.unchanged = self.outcome.unchanged.plus(totals);
            return Ok(());
        }
        if let Some(writer) = &mut self.writer {
            let id = writer.put(&link)?.object();
            let (kind, size) = (EntryKind::ExternalLink, link.size);
            let entry = Staged { kind, size, id, stat: None, absent: false };
            self.index.put(&self.behind, &path, entry)?;
        }
        let (action, sum) = match staged {
            None => (LinkAction::Added, &mut self.outcome.added),
            Some(_) => (LinkAction::Modified, &mut self.outcome.modified),
        };
        *sum = sum.plus(totals);
        if self.lists {
            self.outcome.changes.push(LinkChange { path, action, link });
        }
        Ok(())
    }

    /// Demands that nothing but a link is at a path, in the index and on the disk.
    fn check_free(&mut self, path: &RepoPath, staged: Option<&Staged>) -> Result<(), Error> {
        let in_the_way =
            |path: &RepoPath, tracked| Err(LinkError::InTheWay { path: path.clone(), tracked }.into());
        if path.is_root() || staged.is_some_and(|staged| !is_link(staged)) {
            return in_the_way(path, true);
        }
        if staged.is_some() {
            return Ok(());
        }
        if self.behind.stages(&self.index, path)? {
            return in_the_way(path, true);
        }
        for above in path.ancestors().skip(1).take_while(|above| !above.is_root()) {
            if !self.checked.insert(above.clone()) {
                break;
            }
            let staged = self.behind.staged(&self.index, &above)?;
            // An empty folder is no entry any more when something is in it.
            if staged.is_some_and(|staged| !staged.kind.is_dir()) {
                return in_the_way(&above, true);
            }
        }
        let fs = self.repo.fs();
        match fs.stat(&locate(fs, self.repo.root(), path)?) {
            Ok(_) => in_the_way(path, false),
            Err(_) => Ok(()),
        }
    }
}
