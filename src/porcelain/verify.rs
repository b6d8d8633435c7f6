//! `dsv verify`: whether a folder holds a version, byte for byte.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Error, Repository};
use crate::model::{Entry, EntryKind, Monitor, RepoPath, Totals, TreeId, VersionId};
use crate::plumbing::diff_index::is_entry;
use crate::plumbing::hash_file::hash_file;
use crate::plumbing::host::{FileKind, IoContext};
use crate::plumbing::links::bytes_of;
use crate::plumbing::stage::locate;
use crate::plumbing::tree_walk::{Lookups, lookup, walk_all};
use crate::worktree::{Change, Problem, ScanOptions, StagingIndex, UntrackedMode, scan};

/// What to compare.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The version; the current one unless told.
    pub version: Option<VersionId>,
    /// The folder; the worktree unless told. One of the worktree's that the version has, too, is compared with that; any other is
    /// taken for a copy of the whole version.
    pub dir: Option<PathBuf>,
    /// Compare kinds and sizes, and read no file.
    pub size_only: bool,
}

/// How a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// It is not there.
    Missing,
    /// Its bytes, its kind or its size are others.
    Different,
    /// It is in the folder and not in the version.
    Extra,
    /// It cannot be read.
    Unreadable,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The version that was compared with.
    pub version: Option<VersionId>,
    /// Every path that differs, in byte order.
    pub findings: Vec<(RepoPath, Finding)>,
    /// Files of the version that are not in a sparse worktree because nobody asked for them.
    pub not_checked_out: u64,
    /// External links that nobody brought, and the bytes that they lead to.
    pub links: Totals,
    /// What is as it should be.
    pub intact: Totals,
    /// What could not be examined.
    pub problems: Vec<Problem>,
}

/// Hashes every file of a folder and compares it with a version. What the folder's `.dsvignore` leaves out is no
/// extra. Of a sparse worktree, only what is there, or should be, is compared.
///
/// # Errors
/// When there is no version, or the repository is damaged, or the work was interrupted.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let id = match options.version {
        Some(id) => id,
        None => repo.head_version()?.ok_or(Error::NoVersion)?.0,
    };
    let version = repo.db().version(&id)?;
    let (root, below) = place(repo, options, &version.tree)?;
    let mut outcome = Outcome { version: Some(id), ..Default::default() };
    let index = repo.index()?;
    let is_sparse = index.is_sparse() && root == repo.root();
    let mut files = version.totals.files;
    let mut expected: BTreeMap<RepoPath, Entry> = BTreeMap::new();
    if is_sparse {
        expect_held(repo, &version.tree, &index, &mut expected)?;
    } else {
        for item in walk_all(repo.db(), &version.tree)? {
            let (path, entry) = item?;
            if is_entry(&entry) {
                expected.insert(path, entry);
            }
        }
    }
    if !below.is_root() {
        expected.retain(|path, _| path.starts_with(&below));
        files = lookup(repo.db(), &version.tree, &below)?.map_or(0, |entry| entry.files);
    }
    find_extras(repo, &root, &below, &expected, &mut outcome, monitor)?;
    if is_sparse {
        expect_found(repo, &version.tree, &mut expected, &mut outcome)?;
        let held = expected.values().filter(|entry| !entry.kind.is_dir()).count() as u64;
        outcome.not_checked_out = files.saturating_sub(held);
    }
    compare_all(repo, &root, expected.into_iter().collect(), options.size_only, &mut outcome, monitor)?;
    outcome.findings.sort_unstable();
    Ok(outcome)
}

/// Where the version's root is on the disk, and the path below which all is compared.
fn place(repo: &Repository, options: &Options, tree: &TreeId) -> Result<(PathBuf, RepoPath), Error> {
    let Some(dir) = &options.dir else { return Ok((repo.root().to_owned(), RepoPath::root())) };
    let dir = repo.env().cwd.join(dir);
    let dir = repo.fs().canonicalize(&dir).at("open", &dir)?;
    if dir.starts_with(repo.root()) {
        let path = repo.repo_path(&dir)?;
        if lookup(repo.db(), tree, &path)?.is_some_and(|entry| entry.kind.is_dir()) {
            return Ok((repo.root().to_owned(), path));
        }
    }
    Ok((dir, RepoPath::root()))
}

/// What a version has of that which is to be in a sparse worktree.
fn expect_held(
    repo: &Repository,
    tree: &TreeId,
    index: &StagingIndex,
    expected: &mut BTreeMap<RepoPath, Entry>,
) -> Result<(), Error> {
    let lookups = Lookups::new(repo.db());
    for entry in index.iter() {
        let entry = entry?;
        if !entry.staged.absent
            && let Some(found) = lookups.lookup(tree, &entry.path)?.filter(is_entry)
        {
            expected.insert(entry.path, found);
        }
    }
    Ok(())
}

/// A file that lies in a sparse worktree without having been checked out is an extra only if the version has no such file.
fn expect_found(
    repo: &Repository,
    tree: &TreeId,
    expected: &mut BTreeMap<RepoPath, Entry>,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let lookups = Lookups::new(repo.db());
    let mut extras = Vec::new();
    for (path, finding) in std::mem::take(&mut outcome.findings) {
        match lookups.lookup(tree, &path)?.filter(is_entry) {
            Some(entry) => drop(expected.insert(path, entry)),
            None => extras.push((path, finding)),
        }
    }
    outcome.findings = extras;
    Ok(())
}

fn find_extras(
    repo: &Repository,
    root: &std::path::Path,
    below: &RepoPath,
    expected: &BTreeMap<RepoPath, Entry>,
    outcome: &mut Outcome,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    // Against an empty index, everything in the folder is untracked.
    let nothing = StagingIndex::open(&**repo.fs(), &repo.layout().dsv.join("no-index"))?;
    let roots = if below.is_root() { Vec::new() } else { vec![below.clone()] };
    let options = ScanOptions { roots, untracked: UntrackedMode::Files, ..Default::default() };
    let found = scan(&**repo.fs(), root, &nothing, &options, *monitor)?;
    // Of the worktree itself, what tells git to pass over the data is no extra.
    let gits = if root == repo.root() { repo.gits_file()? } else { None };
    for difference in found.differences.into_iter().filter(|one| gits.as_ref() != Some(&one.path)) {
        let is_empty_folder =
            matches!(difference.change, Change::Untracked { kind: EntryKind::Directory, .. });
        if !expected.contains_key(&difference.path) && !is_empty_folder {
            outcome.findings.push((difference.path, Finding::Extra));
        }
    }
    outcome.problems = found.problems;
    Ok(())
}

fn compare_all(
    repo: &Repository,
    root: &std::path::Path,
    expected: Vec<(RepoPath, Entry)>,
    size_only: bool,
    outcome: &mut Outcome,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let bytes = expected.iter().map(|(_, entry)| entry.size).sum();
    monitor.progress.phase("Verifying", Some(expected.len() as u64), Some(bytes));
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Vec::new(), Totals::default(), Totals::default()));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..monitor.threads.max(1))
            .map(|_| {
                scope.spawn(|| -> Result<(), Error> {
                    while let Some((path, entry)) = expected.get(next.fetch_add(1, Ordering::Relaxed)) {
                        monitor.interrupt.check()?;
                        let finding = compare(repo, root, path, entry, size_only, monitor)?;
                        monitor.progress.advance(1, entry.size);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        match finding {
                            Compared::Differs(finding) => found.0.push((path.clone(), finding)),
                            Compared::Intact => found.1 = found.1.plus(entry.totals()),
                            Compared::Elsewhere => found.2 = found.2.plus(entry.totals()),
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|w| w.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
    })?;
    let (mut findings, intact, links) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.findings.append(&mut findings);
    (outcome.intact, outcome.links) = (intact, links);
    Ok(())
}

/// What became of one path.
enum Compared {
    Intact,
    Differs(Finding),
    /// An external link that nobody brought.
    Elsewhere,
}

fn compare(
    repo: &Repository,
    root: &std::path::Path,
    path: &RepoPath,
    entry: &Entry,
    size_only: bool,
    monitor: &Monitor<'_>,
) -> Result<Compared, Error> {
    let absolute = locate(repo.fs(), root, path)?;
    let is_link = entry.kind == EntryKind::ExternalLink;
    let Ok(stat) = repo.fs().stat(&absolute) else {
        return Ok(if is_link { Compared::Elsewhere } else { Compared::Differs(Finding::Missing) });
    };
    let kind = crate::plumbing::hash_file::entry_kind(&stat);
    let fits = if is_link { stat.kind == FileKind::File } else { kind == Some(entry.kind) };
    if !fits || (!entry.kind.is_dir() && stat.size != entry.size) {
        return Ok(Compared::Differs(Finding::Different));
    }
    if size_only || entry.kind.is_dir() {
        return Ok(Compared::Intact);
    }
    // Where nobody here has read yet what an external link leads to, its size is all that is known.
    let Some(expected) = bytes_of(repo.db(), entry.kind, &entry.id)? else { return Ok(Compared::Intact) };
    let hashed = hash_file(&**repo.fs(), &absolute, monitor.interrupt);
    monitor.interrupt.check()?;
    Ok(match hashed {
        Ok((id, ..)) if id.object() == expected => Compared::Intact,
        Ok(_) => Compared::Differs(Finding::Different),
        Err(_) => Compared::Differs(Finding::Unreadable),
    })
}
