//! What a repository refers to.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::Error;
use crate::codec::pack::RecordKind;
use crate::codec::tree::empty_tree;
use crate::model::{BlobId, ErrorKind, Head, Monitor, ObjectId, TreeId, VersionId, parse_hex};
use crate::plumbing::reachable::{Start, mark_reachable};
use crate::store::{
    Drafts, EventLog, Layout, ObjectDb, Promisor, RecordKey, RecordSet, Refs, SkippedLine, StoreError,
    check_readable, check_writable, read_format,
};
use crate::sys::{Fs, IoContext};
use crate::worktree::StagingIndex;

/// Staged files that are marked at once.
const BATCH: usize = 4096;

/// The versions that a repository refers to.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// In use: everything they lead to must be there.
    strict: Vec<VersionId>,
    /// In use if they are there.
    tagged: Vec<VersionId>,
    /// What was in use of late: kept as far as it is still there.
    recent: Vec<VersionId>,
    /// Whatever could be an id in the file that tells of a merge under way.
    merge: Vec<[u8; 32]>,
    /// What drafts begin with and hold.
    trees: Vec<TreeId>,
    /// Versions that were deleted.
    deleted: HashSet<VersionId>,
}

/// The versions that were deleted in all of the repositories: what one of them still has keeps its files.
pub(super) fn deleted_everywhere(roots: &[Roots]) -> HashSet<VersionId> {
    let Some((first, others)) = roots.split_first() else { return HashSet::new() };
    let everywhere = |id: &&VersionId| others.iter().all(|roots| roots.deleted.contains(*id));
    first.deleted.iter().filter(everywhere).copied().collect()
}

impl Roots {
    /// Reads refs, `HEAD`, events and the log of refs since so many seconds after the epoch.
    pub(super) fn read(fs: &Arc<dyn Fs>, layout: &Layout, since: i64) -> Result<Self, Error> {
        let failed = |source| Error::Repository { path: layout.dsv.clone(), source };
        let path = layout.format();
        let Some(format) = read_format(&**fs, &path).map_err(failed)? else {
            return Err(Error::UserGone { path: layout.dsv.clone() });
        };
        check_readable(&format, &path).map_err(failed)?;
        check_writable(&format, &path).map_err(failed)?;
        Self::read_refs(fs, layout, since).map_err(failed)
    }

    fn read_refs(fs: &Arc<dyn Fs>, layout: &Layout, since: i64) -> Result<Self, StoreError> {
        let refs = Refs::new(Arc::clone(fs), layout);
        let mut roots = Self::default();
        roots.strict.extend(refs.list()?.into_iter().map(|(_, id)| id));
        // Not needed here, and fetched again if they go; but who fetched them wants them.
        roots.tagged.extend(refs.tracking().list()?.into_iter().map(|tracked| tracked.version));
        if let Head::Detached(id) = refs.head()? {
            roots.strict.push(id);
        }
        let events = EventLog::new(Arc::clone(fs), layout).read()?;
        roots.deleted = events.deleted();
        roots.tagged.extend(events.tags().into_values().flatten());
        roots.tagged.extend(events.published());
        for draft in Drafts::new(Arc::clone(fs), layout).list()? {
            roots.strict.extend(draft.parents);
            roots.trees.extend([Some(draft.base), draft.staged].into_iter().flatten());
        }
        roots.tagged.extend(ids_in_lines(&**fs, &layout.events(), &events.skipped)?);
        roots.merge = merge_ids(&**fs, layout)?;
        roots.recent = refs.recent_log_ids(since)?;
        roots.recent.extend(ids_in_lines(&**fs, &layout.ref_log(), &refs.log()?.skipped)?);
        // Who deletes wants no way back.
        roots.tagged.retain(|id| !roots.deleted.contains(id));
        roots.recent.retain(|id| !roots.deleted.contains(id));
        Ok(roots)
    }

    /// Marks everything that is in use in the repository, staged files included.
    pub(super) fn mark_in_use(
        &self,
        fs: &Arc<dyn Fs>,
        layout: &Layout,
        marking: Marking<'_>,
    ) -> Result<(), Error> {
        let strict = self.strict.iter().copied().map(Start::Version);
        let trees = self.trees.iter().filter(|tree| **tree != empty_tree()).copied().map(Start::Tree);
        let merge = self.merge.iter().flat_map(|id| merged(id, marking.used));
        let tagged = there(&self.tagged, marking.used);
        marking.strictly(strict.chain(trees).chain(tagged).chain(merge).collect())?;
        mark_staged(fs, layout, marking)
    }

    /// Whether refs named nothing of late.
    pub(super) const fn names_nothing_of_late(&self) -> bool {
        self.recent.is_empty()
    }

    /// Marks what was in use of late, as far as it is there and whole.
    pub(super) fn mark_recent(
        &self,
        db: &ObjectDb,
        used: &RecordSet,
        monitor: &Monitor<'_>,
    ) -> Result<(), Error> {
        let recent = there(&self.recent, used).collect();
        // A disk that fails just now tells nothing of what is there.
        let pass_over = |_, _, error| if is_damage(&error) { Ok(()) } else { Err(error) };
        Ok(mark_reachable(db, used, recent, monitor, &pass_over)?)
    }
}

/// The versions among these that the database lists.
fn there<'a>(ids: &'a [VersionId], used: &'a RecordSet) -> impl Iterator<Item = Start> + 'a {
    let is_there = |id: &&VersionId| used.place(RecordKind::Version, id.as_bytes()).is_some();
    ids.iter().filter(is_there).copied().map(Start::Version)
}

/// What of the database bears an id that a merge under way names: one of its versions, or what becomes of them.
fn merged<'a>(id: &[u8; 32], used: &'a RecordSet) -> impl Iterator<Item = Start> + use<'a> {
    let starts = [
        (RecordKind::Version, Start::Version(VersionId::from_bytes(*id))),
        (RecordKind::Tree, Start::Tree(TreeId::from_bytes(*id))),
        (RecordKind::Blob, Start::Blob(BlobId::from_bytes(*id))),
        (RecordKind::ChunkedBlob, Start::Blob(BlobId::from_bytes(*id))),
    ];
    let id = *id;
    starts.into_iter().filter(move |(kind, _)| used.place(*kind, &id).is_some()).map(|(_, start)| start)
}

/// Whether something is missing or damaged, and it is not the machine that fails.
fn is_damage(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::UnsupportedFormat)
}

/// What it takes to mark what is in use.
#[derive(Clone, Copy)]
pub(super) struct Marking<'a> {
    /// The database, which asks nobody for what is not here.
    pub(super) db: &'a ObjectDb,
    /// What is marked.
    pub(super) used: &'a RecordSet,
    /// Who has what may be missing here.
    pub(super) promisor: Option<&'a dyn Promisor>,
    pub(super) monitor: &'a Monitor<'a>,
}

impl Marking<'_> {
    /// Marks everything that these lead to; all of it must be here, or be promised.
    fn strictly(self, starts: Vec<Start>) -> Result<(), Error> {
        let missing = Mutex::new(HashSet::new());
        let note = |kind, id, error| match error {
            StoreError::Missing { .. } if self.promisor.is_some() => {
                missing.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, id));
                Ok(())
            }
            error => Err(error),
        };
        match mark_reachable(self.db, self.used, starts, self.monitor, &note) {
            Err(source) if is_damage(&source) => return Err(Error::InUseDamaged { source }),
            marked => marked?,
        }
        let missing: Vec<RecordKey> =
            missing.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        let Some(promisor) = self.promisor.filter(|_| !missing.is_empty()) else { return Ok(()) };
        let promised = promisor.holds(&missing, false, self.monitor)?;
        match missing.iter().zip(promised).find(|(_, promised)| !promised) {
            Some(((kind, id), _)) => {
                let source = StoreError::Missing { kind: *kind, id: ObjectId::Sha256(*id) };
                Err(Error::InUseDamaged { source })
            }
            None => Ok(()),
        }
    }
}

fn mark_staged(fs: &Arc<dyn Fs>, layout: &Layout, marking: Marking<'_>) -> Result<(), Error> {
    let failed = |source| Error::StagingIndex { path: layout.dsv.clone(), source };
    let index = StagingIndex::open(&**fs, &layout.index()).map_err(failed)?;
    let mut starts: Vec<_> = index.known_tree().map(Start::Tree).into_iter().collect();
    // An empty directory can be staged before its tree was ever stored.
    let empty = empty_tree();
    starts.retain(|start| *start != Start::Tree(empty));
    for entry in index.iter() {
        let staged = entry.map_err(failed)?.staged;
        if !staged.kind.is_dir() {
            starts.push(Start::Blob(BlobId::new(staged.id)));
        } else if staged.id != empty.object() {
            starts.push(Start::Tree(TreeId::new(staged.id)));
        }
        if starts.len() >= BATCH {
            marking.strictly(std::mem::take(&mut starts))?;
        }
    }
    marking.strictly(starts)
}

/// The ids that the file of a merge under way names, also where it is damaged or was written by a newer program.
fn merge_ids(fs: &dyn Fs, layout: &Layout) -> Result<Vec<[u8; 32]>, StoreError> {
    let path = layout.merge();
    match fs.read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => Ok(ids_in(&read.at("read", &path)?).collect()),
    }
}

/// Whatever could be an id in a text.
fn ids_in(text: &[u8]) -> impl Iterator<Item = [u8; 32]> + '_ {
    let words = text.split(|b| !b.is_ascii_hexdigit()).filter_map(|word| std::str::from_utf8(word).ok());
    words.filter_map(|word| parse_hex(word).ok())
}

/// Whatever could be an id in lines that a newer program may have written: better to keep too much.
fn ids_in_lines(fs: &dyn Fs, path: &Path, lines: &[SkippedLine]) -> Result<Vec<VersionId>, StoreError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = fs.read(path).at("read", path)?;
    let skipped: HashSet<usize> = lines.iter().map(|line| line.number).collect();
    let mut ids = Vec::new();
    for (at, line) in bytes.split(|&b| b == b'\n').enumerate() {
        if skipped.contains(&(at + 1)) {
            ids.extend(ids_in(line).map(VersionId::from_bytes));
        }
    }
    Ok(ids)
}
