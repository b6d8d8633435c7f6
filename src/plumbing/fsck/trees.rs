//! Versions and the trees that they lead to.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Counts;
use super::finding::{Finding, Report};
use super::promised::Absent;
use super::refs::Root;
use super::shape::{self, Summary};
use crate::codec::decode_version;
use crate::codec::pack::RecordKind;
use crate::codec::tree::TreeNode;
use crate::model::{BlobId, Entry, EntryKind, Monitor, ObjectId, Totals, TreeId, VersionId};
use crate::plumbing::links::read_link;
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, Promisor, RecordSet, StoreError};

/// Summaries of nodes that are kept at once; more are read again.
const MAX_SUMMARIES: usize = 200_000;

/// A version whose manifest is whole.
#[derive(Debug, Clone)]
pub(super) struct WholeVersion {
    pub(super) id: VersionId,
    /// `dataset@label`.
    pub(super) name: String,
    pub(super) tree: TreeId,
    totals: Totals,
}

/// All versions that refs lead to.
#[derive(Debug, Default)]
pub(super) struct Versions {
    pub(super) whole: Vec<WholeVersion>,
    /// Those whose manifest is lost, and what refers to them.
    pub(super) broken: Vec<Root>,
}

/// A node to be checked.
#[derive(Debug, Clone, Copy)]
struct Task {
    id: TreeId,
    /// It is the last node of its level in its directory, as every root is.
    last: bool,
}

/// Checks trees, each node once.
pub(super) struct Trees<'a> {
    pub(super) db: &'a Arc<ObjectDb>,
    pub(super) report: &'a Report,
    pub(super) monitor: &'a Monitor<'a>,
    full: bool,
    /// Lines of indexes that lead to no intact record.
    bad: &'a RecordSet,
    /// Nodes that were checked; in a full check, those that were checked as a last node.
    seen: RecordSet,
    /// In a full check, the nodes that were checked as one that others follow.
    seen_inside: RecordSet,
    /// Roots of chunk lists and nodes below that were found whole.
    pub(super) whole_lists: RecordSet,
    /// Objects whose bytes are not what their id says.
    wrong: Mutex<HashSet<(RecordKind, [u8; 32])>>,
    summaries: Mutex<HashMap<TreeId, Arc<Summary>>>,
    /// What is not here, where it may be elsewhere.
    pub(super) absent: Option<Absent<'a>>,
    nodes: AtomicU64,
    files: AtomicU64,
}

impl<'a> Trees<'a> {
    pub(super) fn new(
        db: &'a Arc<ObjectDb>,
        bad: &'a RecordSet,
        report: &'a Report,
        full: bool,
        monitor: &'a Monitor<'a>,
        promisor: Option<&'a dyn Promisor>,
    ) -> Self {
        Self {
            db,
            report,
            monitor,
            full,
            bad,
            seen: bad.like(),
            seen_inside: bad.like(),
            whole_lists: bad.like(),
            wrong: Mutex::default(),
            summaries: Mutex::default(),
            absent: promisor.map(Absent::new),
            nodes: AtomicU64::new(0),
            files: AtomicU64::new(0),
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// An empty set of records over the same snapshot.
    pub(super) fn empty_set(&self) -> RecordSet {
        self.bad.like()
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        counts.trees = self.nodes.load(Ordering::Relaxed);
        counts.files = self.files.load(Ordering::Relaxed);
    }

    /// Whether anything in use was found to be lost.
    pub(super) fn found_loss(&self) -> bool {
        self.report.found_loss()
    }

    /// Where a record stands: `None` when no index lists it, else whether any place of it is good.
    pub(super) fn is_good(&self, kind: RecordKind, id: &[u8; 32]) -> Option<bool> {
        let mut good = None;
        for (_, _, bad) in self.bad.lines(kind, id) {
            good = Some(good.unwrap_or(false) || !bad);
        }
        good
    }

    /// Notes that an object cannot be used; true when that is no loss, since it is elsewhere.
    pub(super) fn lose(&self, error: StoreError) -> Result<bool, StoreError> {
        if let (StoreError::Missing { kind, id: ObjectId::Sha256(id) }, Some(absent)) = (&error, &self.absent)
            && absent.excuses(*kind, id)
        {
            return Ok(true);
        }
        self.report.note_loss();
        self.report.add_error(error).map(|()| false)
    }

    /// Notes that an object's bytes are not what its id says.
    pub(super) fn lose_wrong(&self, kind: RecordKind, id: &[u8; 32], why: String) {
        self.report.note_loss();
        self.lock_wrong().insert((kind, *id));
        self.report.add(Finding::Object { kind, id: ObjectId::Sha256(*id), why });
    }

    fn lock_wrong(&self) -> std::sync::MutexGuard<'_, HashSet<(RecordKind, [u8; 32])>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an object was found to be something else than its id says.
    pub(super) fn is_wrong(&self, kind: RecordKind, id: &[u8; 32]) -> bool {
        self.lock_wrong().contains(&(kind, *id))
    }

    /// The bytes of a small object, proved by its id. What is wrong with it is noted.
    fn prove(&self, kind: RecordKind, id: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = match self.db.get(kind, id) {
            Ok(bytes) => bytes,
            Err(error) => return self.lose(error).map(|_| None),
        };
        let found: [u8; 32] = Sha256::digest(&bytes).into();
        if found != *id {
            self.lose_wrong(kind, id, format!("its bytes have the id {}", ObjectId::Sha256(found)));
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    /// All versions that can be reached, the newest of each line first.
    pub(super) fn versions(&self, roots: &[Root]) -> Result<Versions, StoreError> {
        let mut found = Versions::default();
        let mut seen = HashSet::new();
        let mut waiting: Vec<Root> = roots.iter().rev().cloned().collect();
        while let Some(root) = waiting.pop() {
            self.monitor.interrupt.check()?;
            if !seen.insert(root.version) {
                continue;
            }
            let id = root.version;
            let Some(bytes) = self.prove(RecordKind::Version, id.as_bytes())? else {
                found.broken.push(root);
                continue;
            };
            match decode_version(&bytes) {
                Ok(version) => {
                    let name = version.full_label();
                    let parent =
                        |version: &VersionId| Root { name: format!("a parent of {name}"), version: *version };
                    waiting.extend(version.parents.iter().rev().map(parent));
                    let (tree, totals) = (version.tree, version.totals);
                    if self.db.tombstones().contains(&id) {
                        continue;
                    }
                    found.whole.push(WholeVersion { id, name, tree, totals });
                }
                Err(error) => {
                    self.lose_wrong(RecordKind::Version, id.as_bytes(), error.to_string());
                    found.broken.push(root);
                }
            }
        }
        Ok(found)
    }

    /// Checks the trees of all versions, with all threads.
    pub(super) fn check_all(&self, versions: &[WholeVersion]) -> Result<(), StoreError> {
        let tasks = versions.iter().rev().map(|version| Task { id: version.tree, last: true }).collect();
        work_through(self.monitor.threads, tasks, |task, more| self.check(task, more))?;
        if self.full {
            for version in versions {
                let totals = self.summary(&version.tree).map(|root| root.totals);
                if totals.is_some_and(|totals| totals != version.totals) {
                    let (kind, id) = (RecordKind::Version, version.id.object());
                    let why = "its number of files or bytes is not that of its tree".to_owned();
                    self.report.add(Finding::Object { kind, id, why });
                }
            }
        }
        Ok(())
    }

    /// Checks one more tree and all below it.
    pub(super) fn check_tree(&self, id: TreeId) -> Result<(), StoreError> {
        let task = Task { id, last: true };
        work_through(self.monitor.threads, vec![task], |task, more| self.check(task, more))
    }

    /// A node, proved by its id, or `None` when it is lost; not noted again what is wrong with it.
    pub(super) fn node(&self, id: &TreeId) -> Option<TreeNode> {
        if self.is_wrong(RecordKind::Tree, id.as_bytes()) {
            return None;
        }
        self.db.tree_node(id).ok()
    }

    fn check(&self, task: Task, more: &mut Vec<Task>) -> Result<(), StoreError> {
        self.monitor.interrupt.check()?;
        let seen = if task.last || !self.full { &self.seen } else { &self.seen_inside };
        if seen.insert(RecordKind::Tree, task.id.as_bytes()) == Some(false) {
            return Ok(());
        }
        let Some(bytes) = self.prove(RecordKind::Tree, task.id.as_bytes())? else { return Ok(()) };
        let node = match TreeNode::decode(&bytes) {
            Ok(node) => node,
            Err(error) => {
                self.lose_wrong(RecordKind::Tree, task.id.as_bytes(), error.to_string());
                return Ok(());
            }
        };
        self.nodes.fetch_add(1, Ordering::Relaxed);
        if self.full
            && let Err(why) = shape::check(&node, task.last, |child| self.summary(child))
        {
            self.report.add(Finding::Object { kind: RecordKind::Tree, id: task.id.object(), why });
        }
        match node {
            TreeNode::Inner { children, .. } => {
                let count = children.len();
                more.extend(
                    children
                        .iter()
                        .enumerate()
                        .rev()
                        .map(|(at, child)| Task { id: child.id, last: task.last && at + 1 == count }),
                );
            }
            TreeNode::Leaf(entries) => self.check_entries(&task.id, &entries, more)?,
        }
        Ok(())
    }

    fn check_entries(&self, id: &TreeId, entries: &[Entry], more: &mut Vec<Task>) -> Result<(), StoreError> {
        let mut files = 0;
        for entry in entries {
            if entry.kind.is_dir() {
                more.push(Task { id: TreeId::new(entry.id), last: true });
                continue;
            }
            files += 1;
            let blob = BlobId::new(entry.id);
            if entry.kind == EntryKind::ExternalLink {
                if self.blob_is_whole(&blob, None)? {
                    self.check_link(id, entry)?;
                }
            } else if self.blob_is_whole(&blob, Some(entry.size))? {
                self.check_size(id, entry)?;
            }
        }
        self.files.fetch_add(files, Ordering::Relaxed);
        self.monitor.progress.advance(files, 0);
        Ok(())
    }

    /// What describes an external link, which must be a description, and of as many bytes as the entry says.
    fn check_link(&self, id: &TreeId, entry: &Entry) -> Result<(), StoreError> {
        let why = match read_link(self.db, &BlobId::new(entry.id)) {
            Ok(link) if link.size == entry.size => return Ok(()),
            Ok(link) => format!("'{}' links to {} bytes and not {}", entry.name, link.size, entry.size),
            Err(StoreError::Undecodable { source, .. }) => format!("'{}': {source}", entry.name),
            // What is missing, or promised, was told already.
            Err(_) => return Ok(()),
        };
        self.report.add(Finding::Object { kind: RecordKind::Tree, id: id.object(), why });
        Ok(())
    }

    /// The size of a file that is stored whole, which an index knows.
    fn check_size(&self, id: &TreeId, entry: &Entry) -> Result<(), StoreError> {
        let Some(place) = self.bad.place(RecordKind::Blob, BlobId::new(entry.id).as_bytes()) else {
            return Ok(());
        };
        let len = u64::from(place.locator.raw_len);
        if len != entry.size {
            let why = format!("'{}' has {len} bytes and not {}", entry.name, entry.size);
            self.report.add(Finding::Object { kind: RecordKind::Tree, id: id.object(), why });
        }
        Ok(())
    }

    /// What a parent must say of a node; `None` when the node is lost.
    fn summary(&self, id: &TreeId) -> Option<Arc<Summary>> {
        let lock = || self.summaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(id) {
            return Some(Arc::clone(known));
        }
        let summary = Arc::new(Summary::of(&self.node(id)?));
        let mut summaries = lock();
        if summaries.len() >= MAX_SUMMARIES {
            summaries.clear();
        }
        summaries.insert(*id, Arc::clone(&summary));
        Some(summary)
    }
}
