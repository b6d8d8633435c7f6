//! The walk: directories and batches of names as tasks, each merged with its part of the index.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::compare::{compare, entry_kind};
use super::queue::Queue;
use super::{Change, Difference, Problem, ProblemKind, ScanCounts, ScanOptions, ScanOutcome, UntrackedMode};
use crate::codec::staging_index::Staged;
use crate::model::{EntryKind, Monitor, RepoPath, Totals, is_never_data};
use crate::sys::{Directory, FileKind, Fs, Stat, bytes_to_path};
use crate::worktree::ignore::{IGNORE_FILE, IgnoreRules};
use crate::worktree::{StagingIndex, WorktreeError};

/// Names in a batch: large enough that handing one out costs nothing beside its `lstat` calls.
const BATCH: usize = 1024;
/// Differences gathered by a thread before they are given away.
const GATHER: usize = 256;

/// A name in a listing, and what it is.
type Name = (Vec<u8>, FileKind);

/// What the index has of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tracked {
    /// Nothing.
    No,
    /// The directory itself, as an empty one.
    Empty,
    /// Something below it.
    Below,
}

/// A directory with nothing staged below, told as one item.
#[derive(Debug)]
struct Collapsed {
    path: RepoPath,
    /// There is something that could be staged, if only an empty directory.
    has_data: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Collapsed {
    fn difference(&self) -> Option<Difference> {
        let (files, bytes) = (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        let change = Change::Untracked { kind: EntryKind::Directory, files, bytes };
        self.has_data.load(Ordering::Relaxed).then(|| Difference { path: self.path.clone(), change })
    }
}

/// A directory to be walked.
struct DirTask {
    /// Empty for the root.
    path: Vec<u8>,
    /// The rules of the directory above.
    rules: IgnoreRules,
    /// The directory, or one above it, is ignored: only what is staged counts.
    ignored: bool,
    tracked: Tracked,
    collapsed: Option<Arc<Collapsed>>,
}

/// A directory that was listed, with all that is needed to look at its entries.
struct Listing {
    path: Vec<u8>,
    rules: IgnoreRules,
    ignored: bool,
    tracked: Tracked,
    collapsed: Option<Arc<Collapsed>>,
    handle: Box<dyn Directory>,
    /// Sorted, without what is never data.
    names: Vec<Name>,
    /// The directories in it below which something is staged, sorted.
    tracked_dirs: Vec<Vec<u8>>,
}

impl Listing {
    fn tracks_below(&self, name: &[u8]) -> bool {
        self.tracked_dirs.binary_search_by(|dir| dir.as_slice().cmp(name)).is_ok()
    }
}

enum Task {
    Dir(DirTask),
    Batch(Arc<Listing>, Range<usize>),
}

/// A comparison of worktree and index.
pub(super) struct Walk<'a> {
    fs: &'a dyn Fs,
    root: &'a Path,
    index: &'a StagingIndex,
    options: &'a ScanOptions,
    monitor: Monitor<'a>,
    sink: &'a (dyn Fn(Vec<Difference>) + Sync),
    queue: Queue<Task>,
}

/// What one thread found.
#[derive(Default)]
struct Findings {
    differences: Vec<Difference>,
    problems: Vec<Problem>,
    collapsed: Vec<Arc<Collapsed>>,
    ignored: Vec<RepoPath>,
    missing: Vec<RepoPath>,
    counts: ScanCounts,
    /// Since the last report of progress.
    seen: Totals,
}

impl Findings {
    fn problem(&mut self, path: &[u8], what: ProblemKind) {
        self.problems.push(Problem { path: path.to_vec(), what });
    }

    /// Notes a difference at a path that nobody checked yet.
    fn differs(&mut self, path: Vec<u8>, change: Change) {
        match RepoPath::new(path.clone()) {
            Ok(path) => self.differences.push(Difference { path, change }),
            Err(error) => self.problem(&path, ProblemKind::BadPath(error)),
        }
    }

    fn vanished(&mut self, path: Vec<u8>, staged: &Staged) {
        // The bytes of an external link are elsewhere, and need not be here; what was never brought here neither.
        if staged.kind != EntryKind::ExternalLink && !staged.absent {
            self.differs(path, Change::Vanished { kind: staged.kind, size: staged.size });
        }
    }

    fn unchanged(&mut self, files: u64, bytes: u64) {
        self.counts.unchanged = self.counts.unchanged.plus(Totals { files, bytes });
    }
}

impl<'a> Walk<'a> {
    pub(super) const fn new(
        fs: &'a dyn Fs,
        root: &'a Path,
        index: &'a StagingIndex,
        options: &'a ScanOptions,
        monitor: Monitor<'a>,
        sink: &'a (dyn Fn(Vec<Difference>) + Sync),
    ) -> Self {
        Self { fs, root, index, options, monitor, sink, queue: Queue::new(Vec::new()) }
    }

    pub(super) fn run(self) -> Result<ScanOutcome, WorktreeError> {
        let mut first = Findings::default();
        self.begin(&mut first)?;
        let others = self.monitor.threads.saturating_sub(1);
        let found = std::thread::scope(|scope| {
            let handles: Vec<_> =
                (0..others).map(|_| scope.spawn(|| self.work(Findings::default()))).collect();
            let mut found = vec![self.work(first)];
            for handle in handles {
                found.push(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            found
        });
        let mut outcome = ScanOutcome::default();
        for findings in found {
            let mut findings = findings?;
            outcome.problems.append(&mut findings.problems);
            outcome.ignored.append(&mut findings.ignored);
            outcome.missing.append(&mut findings.missing);
            outcome.counts.listed += findings.counts.listed;
            outcome.counts.stats += findings.counts.stats;
            outcome.counts.unchanged = outcome.counts.unchanged.plus(findings.counts.unchanged);
            let collapsed = findings.collapsed.iter().filter_map(|one| one.difference());
            findings.differences.extend(collapsed);
            (self.sink)(findings.differences);
        }
        outcome.problems.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(outcome)
    }

    fn work(&self, mut findings: Findings) -> Result<Findings, WorktreeError> {
        let mut failed = None;
        self.queue.work(|task| {
            if let Err(error) = self.step(task, &mut findings) {
                failed.get_or_insert(error);
                self.queue.close();
            }
        });
        failed.map_or(Ok(findings), Err)
    }

    fn step(&self, task: Task, findings: &mut Findings) -> Result<(), WorktreeError> {
        self.monitor.interrupt.check()?;
        match task {
            Task::Dir(dir) => self.enter(dir, findings)?,
            Task::Batch(listing, range) => self.merge(&listing, range, findings)?,
        }
        if findings.differences.len() >= GATHER {
            (self.sink)(std::mem::take(&mut findings.differences));
        }
        let seen = std::mem::take(&mut findings.seen);
        self.monitor.progress.advance(seen.files, seen.bytes);
        Ok(())
    }

    fn os_path(&self, path: &[u8]) -> io::Result<PathBuf> {
        if path.is_empty() { Ok(self.root.to_owned()) } else { Ok(self.root.join(bytes_to_path(path)?)) }
    }

    // ---- where to begin

    fn begin(&self, findings: &mut Findings) -> Result<(), WorktreeError> {
        if self.options.roots.is_empty() || self.options.roots.iter().any(RepoPath::is_root) {
            self.queue.push([Task::Dir(DirTask {
                path: Vec::new(),
                rules: IgnoreRules::default(),
                ignored: false,
                tracked: Tracked::Below,
                collapsed: None,
            })]);
            return Ok(());
        }
        let mut roots: Vec<_> = self.options.roots.iter().collect();
        roots.sort();
        roots.dedup();
        for path in &roots {
            // What lies below another root is walked with that one.
            if !roots.iter().any(|other| path != other && path.starts_with(other)) {
                self.begin_at(path, findings)?;
            }
        }
        Ok(())
    }

    /// Goes down to a path that was asked for, minding what lies on the way.
    fn begin_at(&self, path: &RepoPath, findings: &mut Findings) -> Result<(), WorktreeError> {
        let mut dir = RepoPath::root();
        let mut rules = IgnoreRules::default();
        let mut ignored = false;
        let mut names = path.components().peekable();
        while let Some(name) = names.next() {
            let handle = match self.os_path(dir.as_bytes()).and_then(|at| self.fs.list(&at)) {
                Ok(handle) => handle,
                Err(error) if is_gone(&error) => return self.gone(path, findings),
                Err(error) => {
                    findings.problem(dir.as_bytes(), ProblemKind::Unreadable(error));
                    return Ok(());
                }
            };
            if !dir.is_root() && handle.stat(b".dsv").is_ok() {
                findings.problem(dir.as_bytes(), ProblemKind::NestedRepository);
                return Ok(());
            }
            rules = self.rules_in(&rules, dir.as_bytes(), findings);
            let next = dir.join(&name);
            let kind = match handle.stat(name.as_bytes()) {
                Ok(stat) => stat.kind,
                Err(error) if is_gone(&error) => return self.gone(path, findings),
                Err(error) => {
                    findings.problem(next.as_bytes(), ProblemKind::Unreadable(error));
                    return Ok(());
                }
            };
            let is_dir = kind == FileKind::Directory;
            ignored |= rules.is_ignored(next.as_bytes(), is_dir);
            if names.peek().is_none() {
                let at = Listing {
                    path: dir.as_bytes().to_vec(),
                    rules,
                    ignored,
                    tracked: Tracked::Below,
                    collapsed: None,
                    handle,
                    names: vec![(name.as_bytes().to_vec(), kind)],
                    tracked_dirs: self.index.child_dirs(dir.as_bytes())?,
                };
                return self.begin_with(at, path, findings);
            }
            match kind {
                FileKind::Directory => dir = next,
                FileKind::Symlink => {
                    findings.problem(path.as_bytes(), ProblemKind::BeyondSymlink { link: next });
                    return Ok(());
                }
                FileKind::File | FileKind::Other => return self.gone(path, findings),
            }
        }
        Ok(())
    }

    /// Looks at one name of a directory.
    fn begin_with(&self, at: Listing, path: &RepoPath, findings: &mut Findings) -> Result<(), WorktreeError> {
        let name = at.names[0].0.clone();
        let tracked_here = self.index.get(path)?;
        if at.ignored && tracked_here.is_none() && !at.tracks_below(&name) {
            findings.ignored.push(path.clone());
            return Ok(());
        }
        if at.names[0].1 != FileKind::Directory && at.tracks_below(&name) {
            self.all_vanished(path.as_bytes(), findings)?;
        }
        let (name, kind) = &at.names[0];
        self.visit(&at, name, *kind, tracked_here.as_ref(), findings)
    }

    /// A path that was asked for is not there.
    fn gone(&self, path: &RepoPath, findings: &mut Findings) -> Result<(), WorktreeError> {
        let staged = self.index.get(path)?;
        if let Some(staged) = &staged {
            findings.vanished(path.as_bytes().to_vec(), staged);
        }
        if self.index.has_below(path)? {
            return self.all_vanished(path.as_bytes(), findings);
        }
        if staged.is_none() {
            findings.missing.push(path.clone());
        }
        Ok(())
    }

    // ---- directories

    fn enter(&self, dir: DirTask, findings: &mut Findings) -> Result<(), WorktreeError> {
        let listed = self.os_path(&dir.path).and_then(|at| self.fs.list(&at)).and_then(|handle| {
            let names = handle.entries()?;
            Ok((handle, names))
        });
        findings.counts.listed += 1;
        let (handle, mut names) = match listed {
            Ok(listed) => listed,
            // Removed since its parent was listed.
            Err(error) if is_gone(&error) => return self.dir_gone(&dir, findings),
            Err(error) => {
                findings.problem(&dir.path, ProblemKind::Unreadable(error));
                return Ok(());
            }
        };
        if !dir.path.is_empty() && names.iter().any(|(name, _)| name == b".dsv") {
            findings.problem(&dir.path, ProblemKind::NestedRepository);
            return Ok(());
        }
        let is_empty = names.is_empty();
        let has_rules =
            names.iter().any(|(name, kind)| name == IGNORE_FILE.as_bytes() && *kind == FileKind::File);
        let DirTask { path, rules, ignored, tracked, collapsed } = dir;
        let rules = if has_rules { self.rules_in(&rules, &path, findings) } else { rules };
        names.retain(|(name, _)| !is_never_data(name));
        names.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let tracked_dirs = if tracked == Tracked::Below { self.index.child_dirs(&path)? } else { Vec::new() };
        let listing = Listing { path, rules, ignored, tracked, collapsed, handle, names, tracked_dirs };
        if is_empty {
            self.empty(&listing, findings);
        }
        self.vanished_dirs(&listing, findings)?;
        let len = listing.names.len();
        let listing = Arc::new(listing);
        // The first batch is for this thread; the stack gives the others out in order.
        let batches = (1..len.div_ceil(BATCH)).rev().map(|n| n * BATCH..len.min((n + 1) * BATCH));
        self.queue.push(batches.map(|range| Task::Batch(Arc::clone(&listing), range)));
        self.merge(&listing, 0..len.min(BATCH), findings)
    }

    fn dir_gone(&self, dir: &DirTask, findings: &mut Findings) -> Result<(), WorktreeError> {
        match tracked_entry(self.index, dir)? {
            Some(staged) => findings.vanished(dir.path.clone(), &staged),
            None if dir.tracked == Tracked::Below => self.all_vanished(&dir.path, findings)?,
            None => {}
        }
        Ok(())
    }

    /// An empty directory is an entry, unless it is the root.
    fn empty(&self, listing: &Listing, findings: &mut Findings) {
        if listing.tracked == Tracked::Empty {
            findings.unchanged(0, 0);
        } else if !listing.path.is_empty() && !listing.ignored {
            self.untracked(listing, listing.path.clone(), EntryKind::Directory, 0, findings);
        }
    }

    /// The directories in which something is staged, and which are no directories any more.
    fn vanished_dirs(&self, listing: &Listing, findings: &mut Findings) -> Result<(), WorktreeError> {
        for name in &listing.tracked_dirs {
            let at = listing.names.binary_search_by(|(other, _)| other.cmp(name));
            if !at.is_ok_and(|at| listing.names[at].1 == FileKind::Directory) {
                self.all_vanished(&join(&listing.path, name), findings)?;
            }
        }
        Ok(())
    }

    fn all_vanished(&self, dir: &[u8], findings: &mut Findings) -> Result<(), WorktreeError> {
        for view in self.index.dirs_at_or_below(dir) {
            let view = view?;
            for entry in view.entries() {
                let entry = entry?;
                findings.vanished(join(view.path(), entry.name), &entry.staged);
            }
        }
        Ok(())
    }

    /// The rules in a directory, given those of the one above.
    fn rules_in(&self, outer: &IgnoreRules, dir: &[u8], findings: &mut Findings) -> IgnoreRules {
        let path = join(dir, IGNORE_FILE.as_bytes());
        let read = self.os_path(&path).and_then(|at| {
            // Never through a link, and never from a pipe.
            let stat = self.fs.stat(&at)?;
            if stat.kind == FileKind::File { self.fs.read(&at).map(Some) } else { Ok(None) }
        });
        match read {
            Ok(None) => outer.clone(),
            Ok(Some(text)) => {
                let (rules, bad) = outer.descend(dir, &text);
                for bad in bad {
                    findings.problem(&path, ProblemKind::BadPattern { line: bad.line, why: bad.why });
                }
                rules
            }
            Err(error) if is_gone(&error) => outer.clone(),
            Err(error) => {
                findings.problem(&path, ProblemKind::Unreadable(error));
                outer.clone()
            }
        }
    }

    // ---- entries

    /// Merges names `range` of a listing with the entries of the index from the first of them up to the first
    /// of the next batch.
    fn merge(
        &self,
        listing: &Listing,
        range: Range<usize>,
        findings: &mut Findings,
    ) -> Result<(), WorktreeError> {
        let names = &listing.names;
        let from = if range.start == 0 { &[][..] } else { &names[range.start].0 };
        let end = names.get(range.end).map(|(name, _)| name.as_slice());
        let view = self.index.dir(&listing.path)?;
        let mut entries = match listing.tracked {
            Tracked::Below => Some(view.entries_from(from)?),
            Tracked::Empty | Tracked::No => None,
        };
        let mut next = || entries.as_mut().and_then(Iterator::next).transpose();
        let mut staged = next()?;
        for (name, kind) in &names[range] {
            while let Some(entry) = staged.filter(|entry| entry.name < name.as_slice()) {
                findings.vanished(join(&listing.path, entry.name), &entry.staged);
                staged = next()?;
            }
            match staged.filter(|entry| entry.name == name.as_slice()) {
                Some(entry) => {
                    self.visit(listing, name, *kind, Some(&entry.staged), findings)?;
                    staged = next()?;
                }
                None => self.visit(listing, name, *kind, None, findings)?,
            }
        }
        while let Some(entry) = staged.filter(|entry| end.is_none_or(|end| entry.name < end)) {
            findings.vanished(join(&listing.path, entry.name), &entry.staged);
            staged = next()?;
        }
        Ok(())
    }

    /// Looks at one name that is there.
    fn visit(
        &self,
        listing: &Listing,
        name: &[u8],
        kind: FileKind,
        staged: Option<&Staged>,
        findings: &mut Findings,
    ) -> Result<(), WorktreeError> {
        match kind {
            FileKind::Directory => self.visit_dir(listing, name, staged, findings),
            FileKind::File | FileKind::Symlink => self.visit_file(listing, name, staged, findings),
            FileKind::Other => self.visit_other(listing, name, staged, findings),
        }
        Ok(())
    }

    fn is_ignored(&self, listing: &Listing, path: &[u8], is_dir: bool) -> bool {
        listing.ignored || listing.rules.is_ignored(path, is_dir)
    }

    fn visit_dir(&self, listing: &Listing, name: &[u8], staged: Option<&Staged>, findings: &mut Findings) {
        let path = join(&listing.path, name);
        let tracked = match staged.map(|staged| staged.kind) {
            Some(EntryKind::Directory) => Tracked::Empty,
            _ if listing.tracks_below(name) => Tracked::Below,
            _ => Tracked::No,
        };
        if let Some(staged) = staged.filter(|staged| !staged.kind.is_dir()) {
            findings.vanished(path.clone(), staged);
        }
        let ignored = self.is_ignored(listing, &path, true);
        let mut collapsed = listing.collapsed.clone();
        if tracked == Tracked::No {
            if ignored || self.options.untracked == UntrackedMode::None {
                return;
            }
            let checked = match RepoPath::new(path.clone()) {
                Ok(checked) => checked,
                Err(error) => return findings.problem(&path, ProblemKind::BadPath(error)),
            };
            if self.options.untracked == UntrackedMode::Directories && collapsed.is_none() {
                let one = Arc::new(Collapsed {
                    path: checked,
                    has_data: AtomicBool::new(false),
                    files: AtomicU64::new(0),
                    bytes: AtomicU64::new(0),
                });
                findings.collapsed.push(Arc::clone(&one));
                collapsed = Some(one);
            }
        }
        let rules = listing.rules.clone();
        self.queue.push([Task::Dir(DirTask { path, rules, ignored, tracked, collapsed })]);
    }

    fn visit_file(&self, listing: &Listing, name: &[u8], staged: Option<&Staged>, findings: &mut Findings) {
        let wanted = self.options.untracked != UntrackedMode::None;
        if staged.is_none() && (!wanted || self.is_ignored_file(listing, name)) {
            return;
        }
        findings.counts.stats += 1;
        let stat = match listing.handle.stat(name) {
            Ok(stat) => stat,
            Err(error) => return self.unreadable(listing, name, staged, error, findings),
        };
        findings.seen = findings.seen.plus(Totals { files: 1, bytes: stat.size });
        let bit = self.options.executable_bit;
        let Some(kind) = entry_kind(&stat, staged.map(|staged| staged.kind), bit) else {
            // It was a file when the directory was listed.
            return self.unreadable(listing, name, staged, io::ErrorKind::NotFound.into(), findings);
        };
        let Some(staged) = staged.filter(|staged| !staged.kind.is_dir()) else {
            if let Some(empty_dir) = staged {
                findings.vanished(join(&listing.path, name), empty_dir);
            }
            return self.untracked_file(listing, name, kind, &stat, findings);
        };
        match compare(staged, kind, &stat) {
            Some(change) => findings.differs(join(&listing.path, name), change),
            None => findings.unchanged(1, stat.size),
        }
    }

    fn is_ignored_file(&self, listing: &Listing, name: &[u8]) -> bool {
        // Without rules no path has to be made.
        listing.ignored
            || !listing.rules.is_empty() && self.is_ignored(listing, &join(&listing.path, name), false)
    }

    /// A file cannot be examined; one that is gone by now is no problem.
    fn unreadable(
        &self,
        listing: &Listing,
        name: &[u8],
        staged: Option<&Staged>,
        error: io::Error,
        findings: &mut Findings,
    ) {
        let path = join(&listing.path, name);
        match staged {
            Some(staged) if is_gone(&error) => findings.vanished(path, staged),
            None if is_gone(&error) => {}
            _ => findings.problem(&path, ProblemKind::Unreadable(error)),
        }
    }

    fn untracked_file(
        &self,
        listing: &Listing,
        name: &[u8],
        kind: EntryKind,
        stat: &Stat,
        findings: &mut Findings,
    ) {
        if self.options.untracked != UntrackedMode::None && !self.is_ignored_file(listing, name) {
            self.untracked(listing, join(&listing.path, name), kind, stat.size, findings);
        }
    }

    /// Something that could be staged.
    fn untracked(
        &self,
        listing: &Listing,
        path: Vec<u8>,
        kind: EntryKind,
        bytes: u64,
        findings: &mut Findings,
    ) {
        let files = u64::from(!kind.is_dir());
        match &listing.collapsed {
            Some(collapsed) => {
                collapsed.has_data.store(true, Ordering::Relaxed);
                collapsed.files.fetch_add(files, Ordering::Relaxed);
                collapsed.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            None if self.options.untracked == UntrackedMode::None => {}
            None => findings.differs(path, Change::Untracked { kind, files, bytes }),
        }
    }

    fn visit_other(&self, listing: &Listing, name: &[u8], staged: Option<&Staged>, findings: &mut Findings) {
        let path = join(&listing.path, name);
        if staged.is_none() && self.is_ignored(listing, &path, false) {
            return;
        }
        if let Some(staged) = staged {
            findings.vanished(path.clone(), staged);
        }
        findings.problem(&path, ProblemKind::Unsupported);
    }
}

/// The entry that a directory itself is.
fn tracked_entry(index: &StagingIndex, dir: &DirTask) -> Result<Option<Staged>, WorktreeError> {
    match RepoPath::new(dir.path.clone()) {
        Ok(path) if dir.tracked == Tracked::Empty => index.get(&path),
        _ => Ok(None),
    }
}

/// Whether a path does not exist, or leads through something that is no directory.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}
