//! A small repository made by the library, whose every byte is the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dsv::codec::Compressor;
use dsv::codec::boundary::{Splitter, name_hash};
use dsv::codec::tree::{ChildNode, TreeNode};
use dsv::model::{
    Author, BlobId, DatasetName, Entry, EntryKind, EntryName, Event, EventAction, Expected, Head, Label,
    Monitor, RepoPath, TagName, Time, Totals, TreeId, Version, VersionId,
};
use dsv::plumbing::host::{Clock, Fs, OsFs, SystemClock};
use dsv::porcelain::{Environment, Error, Repository, fsck, gc, init};
use dsv::store::{Note, Writer};
use dsv::worktree::{IndexEditor, Staged};

use super::rng::Rng;

/// The time of every commit.
const NOW: Time = Time { seconds: 1_795_439_109, offset: 3600 };

/// Paths and contents.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// `files([("a", b"1".as_slice())])`.
pub(crate) fn files<'a>(list: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Files {
    list.into_iter().map(|(path, bytes)| (path.to_owned(), bytes)).collect()
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(seed).fill(&mut bytes);
    bytes
}

/// The clock of the system, moved forward. It sleeps in earnest: a lock that was released may be held a moment longer
/// by a process that another test is just starting.
#[derive(Debug, Default)]
struct MovedClock {
    days: AtomicI64,
}

impl MovedClock {
    fn seconds(&self) -> i64 {
        self.days.load(Ordering::Relaxed) * 24 * 60 * 60
    }
}

impl Clock for MovedClock {
    fn now_ns(&self) -> i64 {
        SystemClock.now_ns() + self.seconds() * 1_000_000_000
    }

    fn now(&self) -> Time {
        let now = SystemClock.now();
        Time { seconds: now.seconds + self.seconds(), ..now }
    }

    fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration);
    }
}

/// A repository in a folder that somebody else owns.
#[derive(Debug)]
pub(crate) struct Mini {
    pub(crate) repo: Repository,
    clock: Arc<MovedClock>,
}

/// An environment on a file system.
fn environment(fs: Arc<dyn Fs>, folder: &Path) -> (Environment, Arc<MovedClock>) {
    let clock = Arc::new(MovedClock::default());
    let env =
        Environment { fs, clock: Arc::clone(&clock) as _, now: Some(NOW), ..Environment::system(folder) };
    (env, clock)
}

impl Mini {
    /// Makes a repository with the dataset `cats`.
    pub(crate) fn init(folder: &Path) -> Self {
        Self::init_with(folder, None)
    }

    /// Makes one whose objects lie in a shared store.
    pub(crate) fn init_with(folder: &Path, store: Option<PathBuf>) -> Self {
        let (env, _) = environment(OsFs::new(), folder);
        let dataset = Some(DatasetName::new("cats").unwrap());
        init::run(&env, &init::Options { dataset, store, ..Default::default() }, &Monitor::quiet()).unwrap();
        Self::open(folder)
    }

    /// Opens one.
    pub(crate) fn open(folder: &Path) -> Self {
        Self::try_open(OsFs::new(), folder).unwrap()
    }

    /// Opens one on another file system, or one that may be damaged.
    pub(crate) fn try_open(fs: Arc<dyn Fs>, folder: &Path) -> Result<Self, Error> {
        let (env, clock) = environment(fs, folder);
        Ok(Self { repo: Repository::open(env, folder)?, clock })
    }

    /// The folder of packs and indexes.
    pub(crate) fn objects(&self) -> &Path {
        &self.repo.layout().objects
    }

    /// The files in the folder of packs whose names end like this, in order.
    pub(crate) fn object_files(&self, ending: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.objects()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = paths.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
        found.sort();
        found
    }

    /// Lets time pass.
    pub(crate) fn wait_days(&self, days: i64) {
        self.clock.days.fetch_add(days, Ordering::Relaxed);
    }

    /// Runs `work` with a writer, as those do who add objects.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Writer, &mut Compressor) -> T) -> T {
        let _lock = self.repo.lock_objects(&Monitor::quiet()).unwrap();
        let writer = Writer::new(self.repo.db()).unwrap();
        let done = work(&writer, &mut writer.compressor().unwrap());
        writer.finish().unwrap();
        done
    }

    /// Stores files as a tree.
    pub(crate) fn tree(&self, files: &Files) -> (TreeId, Totals) {
        self.write(|writer, compressor| {
            let blob = |bytes: &Vec<u8>| {
                writer.put_blob(&mut bytes.as_slice(), &mut writer.blob_compressors().unwrap()).unwrap().0
            };
            let entries =
                files.iter().map(|(path, bytes)| (path.as_str(), (blob(bytes), bytes.len() as u64)));
            put_directory(writer, compressor, &entries.collect())
        })
    }

    /// Makes a version of `cats` on top of its newest one, in two packs of its own.
    pub(crate) fn commit(&self, label: &str, files: &Files) -> VersionId {
        let dataset = DatasetName::new("cats").unwrap();
        let parent = self.repo.refs().read(&dataset).unwrap();
        let (tree, totals) = self.tree(files);
        self.commit_tree(label, tree, totals, parent)
    }

    /// Makes a version of a tree and moves `cats` there.
    pub(crate) fn commit_tree(
        &self,
        label: &str,
        tree: TreeId,
        totals: Totals,
        parent: Option<VersionId>,
    ) -> VersionId {
        let dataset = DatasetName::new("cats").unwrap();
        let version = Version {
            tree,
            parents: parent.into_iter().collect(),
            dataset: dataset.clone(),
            label: label.parse::<Label>().unwrap(),
            author: Author { name: "Ada".into(), email: String::new() },
            time: NOW,
            message: format!("Version {label}"),
            metadata: BTreeMap::new(),
            origin: Default::default(),
            totals,
        };
        let id = self.write(|writer, _| writer.put_version(&version).unwrap());
        self.move_ref(Some(id));
        id
    }

    /// Moves the ref of `cats`, or removes it.
    pub(crate) fn move_ref(&self, to: Option<VersionId>) {
        let lock = self.repo.lock_refs(&Monitor::quiet()).unwrap();
        let note = self.note();
        self.repo.refs().update(&lock, &DatasetName::new("cats").unwrap(), Expected::Any, to, &note).unwrap();
    }

    /// A note of the time that the clock shows, by which the log of refs is judged.
    fn note(&self) -> Note {
        Note { time: self.repo.env().clock.now(), ..self.repo.note("test").unwrap() }
    }

    /// Leaves the dataset for a version.
    pub(crate) fn detach(&self, id: VersionId) {
        let lock = self.repo.lock_refs(&Monitor::quiet()).unwrap();
        let note = self.note();
        self.repo.refs().set_head(&lock, None, &Head::Detached(id), &note).unwrap();
    }

    /// Tags a version.
    pub(crate) fn tag(&self, version: VersionId, tag: &str) {
        let lock = self.repo.lock_refs(&Monitor::quiet()).unwrap();
        let action = EventAction::TagAdded { tag: TagName::new(tag).unwrap() };
        let event = Event { version, action, who: "Ada".into(), time: NOW, host: "h".into(), sequence: 0 };
        self.repo.events().append(&lock, &[event]).unwrap();
    }

    /// Stages files, and nothing else.
    pub(crate) fn stage(&self, files: &Files) {
        let lock = self.repo.lock_index(&Monitor::quiet()).unwrap();
        let mut editor = IndexEditor::open(self.repo.fs(), &self.repo.layout().index(), lock).unwrap();
        self.write(|writer, compressor| {
            for (path, bytes) in files {
                let id = writer.put_small_blob(bytes, compressor).unwrap().object();
                let staged =
                    Staged { kind: EntryKind::File, size: bytes.len() as u64, id, stat: None, absent: false };
                editor.set(&RepoPath::new(path.as_str()).unwrap(), staged).unwrap();
            }
        });
        editor.save().unwrap();
    }

    /// The content of a staged file.
    pub(crate) fn staged(&self, path: &str) -> Option<Vec<u8>> {
        let index = dsv::worktree::StagingIndex::open(&OsFs, &self.repo.layout().index()).unwrap();
        let staged = index.get(&RepoPath::new(path).unwrap()).unwrap()?;
        self.blob(&BlobId::new(staged.id))
    }

    /// Checks the repository.
    pub(crate) fn fsck(&self, full: bool) -> fsck::Outcome {
        fsck::run(&self.repo, &fsck::Options { full }, &Monitor::quiet()).unwrap()
    }

    /// Removes what is not in use.
    pub(crate) fn gc(&self, options: &gc::Options) -> Result<gc::Outcome, Error> {
        gc::run(&self.repo, options, &Monitor::quiet())
    }

    /// The bytes of a blob, proved by its id; `None` when they cannot be had.
    pub(crate) fn blob(&self, id: &BlobId) -> Option<Vec<u8>> {
        use sha2::{Digest, Sha256};
        let mut bytes = Vec::new();
        self.repo.db().open_blob(id).ok()?.read_to_end(&mut bytes).ok()?;
        (BlobId::from_bytes(Sha256::digest(&bytes).into()) == *id).then_some(bytes)
    }

    /// The bytes of a file of a version; `None` when something on the way cannot be had.
    pub(crate) fn file(&self, version: &VersionId, path: &str) -> Option<Vec<u8>> {
        let db = self.repo.db();
        let mut entry = None;
        let mut tree = db.version(version).ok()?.tree;
        for name in RepoPath::new(path).unwrap().components() {
            let mut node = db.tree_node(&tree).ok()?;
            while let TreeNode::Inner { children, .. } = node {
                let child = children.iter().rev().find(|child| child.first <= name)?;
                node = db.tree_node(&child.id).ok()?;
            }
            let TreeNode::Leaf(entries) = node else { return None };
            let found: Entry = entries.into_iter().find(|entry| entry.name == name)?;
            tree = TreeId::new(found.id);
            entry = Some(found);
        }
        self.blob(&BlobId::new(entry?.id))
    }

    /// Whether all files of a version are there.
    pub(crate) fn has(&self, version: &VersionId, files: &Files) -> bool {
        files.iter().all(|(path, bytes)| self.file(version, path).as_ref() == Some(bytes))
    }
}

type Blobs<'a> = BTreeMap<&'a str, (BlobId, u64)>;

/// Writes a directory by the rules of the format, in a way of its own.
fn put_directory(writer: &Writer, compressor: &mut Compressor, files: &Blobs<'_>) -> (TreeId, Totals) {
    let top = |path: &str| path.split('/').next().unwrap().to_owned();
    let names: BTreeSet<String> = files.keys().map(|path| top(path)).collect();
    let mut entries = Vec::new();
    for name in names {
        let entry_name = EntryName::new(name.as_str()).unwrap();
        entries.push(match files.get(name.as_str()) {
            Some((id, size)) => {
                Entry { name: entry_name, kind: EntryKind::File, size: *size, files: 1, id: id.object() }
            }
            None => {
                let prefix = format!("{name}/");
                let below =
                    files.iter().filter_map(|(path, blob)| Some((path.strip_prefix(&prefix)?, *blob)));
                let (id, totals) = put_directory(writer, compressor, &below.collect());
                let (size, files) = (totals.bytes, totals.files);
                Entry { name: entry_name, kind: EntryKind::Directory, size, files, id: id.object() }
            }
        });
    }
    put_nodes(writer, compressor, entries)
}

/// Cuts entries into nodes, and these into nodes again, until one is left.
fn put_nodes(writer: &Writer, compressor: &mut Compressor, entries: Vec<Entry>) -> (TreeId, Totals) {
    if entries.is_empty() {
        return (writer.put_tree_node(&TreeNode::empty(), compressor).unwrap(), Totals::default());
    }
    let mut put = |node: TreeNode, first: &EntryName| ChildNode {
        first: first.clone(),
        entries: node.entry_count(),
        totals: node.totals(),
        id: writer.put_tree_node(&node, compressor).unwrap(),
    };
    let leaves = cut(entries, 0, |entry| &entry.name);
    let mut nodes: Vec<ChildNode> =
        leaves.into_iter().map(|leaf| put(TreeNode::Leaf(leaf.clone()), &leaf[0].name)).collect();
    let mut level = 0;
    while nodes.len() > 1 {
        level += 1;
        let groups = cut(nodes, level, |child| &child.first);
        let inner = |children: Vec<ChildNode>| {
            let first = children[0].first.clone();
            put(TreeNode::Inner { level, children }, &first)
        };
        nodes = groups.into_iter().map(inner).collect();
    }
    (nodes[0].id, nodes[0].totals)
}

fn cut<T: Clone>(items: Vec<T>, level: u8, name: impl Fn(&T) -> &EntryName) -> Vec<Vec<T>> {
    let mut splitter = Splitter::default();
    let mut groups = vec![Vec::new()];
    for item in items {
        let ends = splitter.ends_after(name_hash(name(&item).as_bytes(), level));
        groups.last_mut().unwrap().push(item);
        if ends {
            groups.push(Vec::new());
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}
