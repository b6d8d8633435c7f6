//! Rebuilds what a disk may hold after the power fails, from a [`Recording`].
//!
//! # The model
//!
//! A crash is tried after every recorded operation. What is on the disk then is only what the file
//! system has promised, and of everything else any part: file systems differ, and the next one may make
//! use of any freedom it has. The thought is that of ALICE (Pillai et al., OSDI 2014: which orders and
//! tears does a program silently rely on?), with redb's practice of replaying a log of writes and syncs
//! into images, one for each instant, that must all open.
//!
//! Promised, and so in every image:
//!
//! - The content and length that a file had when it was last synced. Its *name* is another matter.
//! - The names in a directory as they were when that directory was last synced.
//! - Operations on one directory reach the disk in their order: if one is there, so are all before it.
//!   A rename is there whole or not at all, also between two directories, and therefore brings with it
//!   what came before it in both.
//!
//! Not promised, and so lost, kept or damaged in some image:
//!
//! - Any creation, rename or removal in a directory that was not synced after it. Different directories
//!   reach the disk in any order. A synced directory whose own name was not made durable in its parent
//!   is lost with all that it holds.
//! - Any write or change of length after the file's last sync, each by itself and in any order: gone, cut
//!   off in the middle, or its length there and the bytes zero or whatever the disk held before.
//!   This holds also when the name is durable already: rename without sync shows as an empty file.
//! - The executable bit, when it was changed after creation: a sync of data does not cover it.
//!
//! For each instant there are six fixed images ([`Variant`]) and some by chance, from a seed. Images
//! that were seen before are not checked again.
//!
//! A file may have several names; what became of its content is the same under all of them. Links to directories,
//! times and the right to write are not modelled: nothing relies on them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::record::{Op, Recording};
use super::rng::Rng;
use super::tree::{Node, Tree, fingerprint, write_tree};
use super::{Context, scratch};

/// What became of that which was not promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// All of it reached the disk.
    Everything,
    /// None of it did.
    DurableOnly,
    /// All names did, no content.
    ContentLost,
    /// All names did, and the first half of what each file grew by.
    ContentHalved,
    /// All names and lengths did; the bytes are zero.
    ContentZeroed,
    /// All names and lengths did; the bytes are what the disk held before.
    ContentStale,
    /// Drawn with this seed.
    Random(u64),
}

impl Variant {
    const FIXED: [Self; 6] = [
        Self::Everything,
        Self::DurableOnly,
        Self::ContentLost,
        Self::ContentHalved,
        Self::ContentZeroed,
        Self::ContentStale,
    ];
}

/// Which images to try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrashPlan {
    pub(crate) seed: u64,
    /// Images by chance at each point, besides the fixed ones.
    pub(crate) random: usize,
    /// Points after a sync or a change of names are always tried; of those after writes, one in so many.
    pub(crate) one_write_in: usize,
}

impl Default for CrashPlan {
    fn default() -> Self {
        Self { seed: 1, random: 3, one_write_in: 1 }
    }
}

/// A folder as a crash left it.
pub(crate) struct CrashImage<'a> {
    /// The folder; it may be changed.
    pub(crate) root: &'a Path,
    /// How many operations had taken place.
    pub(crate) point: usize,
    pub(crate) variant: Variant,
    /// The marks that were passed before the crash: their promises must hold.
    marks: &'a [String],
    ops: &'a [Op],
}

impl CrashImage<'_> {
    /// Whether the crash came after this mark.
    pub(crate) fn passed(&self, mark: &str) -> bool {
        self.marks.iter().any(|m| m == mark)
    }
}

impl fmt::Display for CrashImage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "crash after operation {} of {}, {:?}", self.point, self.ops.len(), self.variant)?;
        let first = self.point.saturating_sub(25);
        for (number, op) in self.ops[..self.point].iter().enumerate().skip(first) {
            writeln!(f, "{:>6}  {op:?}", number + 1)?;
        }
        Ok(())
    }
}

impl Recording {
    /// Checks what is left of the folder by a crash at every point; `check` fails by panicking, and then
    /// the image is described. Returns the number of images, which differ from each other.
    ///
    /// # Panics
    /// Also when the folder was changed past the recorder, which would make all images wrong.
    pub(crate) fn for_each_crash(&self, plan: CrashPlan, mut check: impl FnMut(&CrashImage<'_>)) -> usize {
        let folder = scratch();
        let mut disk = Disk::new(&self.before);
        let mut rng = Rng::new(plan.seed);
        let mut marks = Vec::new();
        let mut seen = HashSet::new();
        for (number, op) in self.ops.iter().enumerate() {
            if let Op::Mark(text) = op {
                marks.push(text.clone());
            }
            disk.apply(op);
            if matches!(op, Op::Write { .. } | Op::SetLen { .. }) && !rng.once_in(plan.one_write_in) {
                continue;
            }
            let random: Vec<_> = (0..plan.random).map(|_| Variant::Random(rng.next())).collect();
            for variant in Variant::FIXED.into_iter().chain(random) {
                let tree = disk.after_crash(variant);
                if !seen.insert((fingerprint(&tree), marks.len())) {
                    continue;
                }
                write_tree(&tree, folder.path());
                let (root, point) = (folder.path(), number + 1);
                let image = CrashImage { root, point, variant, marks: &marks, ops: &self.ops };
                let _context = Context(|| image.to_string());
                check(&image);
            }
        }
        let (replayed, real) = (disk.after_crash(Variant::Everything), &self.after);
        let differing: Vec<_> =
            replayed.keys().chain(real.keys()).filter(|p| replayed.get(*p) != real.get(*p)).collect();
        assert!(differing.is_empty(), "changed past the recorder: {differing:?}");
        seen.len()
    }
}

/// Index into [`Disk::inodes`].
type Inode = usize;

/// The folder itself.
const ROOT: Inode = 0;

type Names = BTreeMap<OsString, Inode>;

#[derive(Debug, Clone)]
enum Body {
    /// The names as every process sees them, and as they were promised.
    Directory {
        live: Names,
        durable: Names,
    },
    File(FileBody),
    Symlink(Vec<u8>),
}

#[derive(Debug, Clone, Default)]
struct FileBody {
    /// The content as it was promised.
    durable: Arc<Vec<u8>>,
    /// What has happened to it since.
    pending: Vec<Change>,
    /// As created.
    executable: bool,
    /// What it was set to since.
    modes: Vec<bool>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Arc<[u8]> },
    SetLen(usize),
}

/// One name given to an inode or taken away.
#[derive(Debug, Clone)]
struct Edit {
    directory: Inode,
    name: OsString,
    inode: Option<Inode>,
}

/// What was promised, and what was done since.
struct Disk {
    inodes: Vec<Body>,
    /// Changes of names that are not promised, in order; the edits of one are inseparable.
    pending: Vec<Vec<Edit>>,
    /// The file that each handle has open.
    handles: HashMap<usize, Inode>,
}

impl Disk {
    /// All of `tree` is durable.
    fn new(tree: &Tree) -> Self {
        let root = Body::Directory { live: Names::new(), durable: Names::new() };
        let mut disk = Self { inodes: vec![root], pending: Vec::new(), handles: HashMap::new() };
        for (path, node) in tree {
            let body = match node {
                Node::Directory => Body::Directory { live: Names::new(), durable: Names::new() },
                Node::Symlink(target) => Body::Symlink(target.clone()),
                Node::File { bytes, executable } => Body::File(FileBody {
                    durable: Arc::clone(bytes),
                    executable: *executable,
                    ..FileBody::default()
                }),
            };
            disk.add(path, body);
        }
        for index in 0..disk.inodes.len() {
            disk.settle_directory(index);
        }
        disk
    }

    fn names(&mut self, directory: Inode) -> (&mut Names, &mut Names) {
        match &mut self.inodes[directory] {
            Body::Directory { live, durable } => (live, durable),
            other => panic!("not a directory: {other:?}"),
        }
    }

    fn file(&mut self, inode: Inode) -> &mut FileBody {
        match &mut self.inodes[inode] {
            Body::File(file) => file,
            other => panic!("not a file: {other:?}"),
        }
    }

    fn open_file(&mut self, handle: usize) -> &mut FileBody {
        let inode = self.handles[&handle];
        self.file(inode)
    }

    /// What now stands at a path.
    fn find(&mut self, path: &Path) -> Inode {
        path.iter().fold(ROOT, |directory, name| {
            let found = self.names(directory).0.get(name).copied();
            found.unwrap_or_else(|| panic!("{} was made past the recorder", path.display()))
        })
    }

    fn place(&mut self, path: &Path) -> (Inode, OsString) {
        (self.find(path.parent().unwrap()), path.file_name().unwrap().to_owned())
    }

    /// Gives the place at `path` to an inode or to none.
    fn edit(&mut self, path: &Path, inode: Option<Inode>) -> Edit {
        let (directory, name) = self.place(path);
        let live = self.names(directory).0;
        match inode {
            Some(inode) => live.insert(name.clone(), inode),
            None => live.remove(&name),
        };
        Edit { directory, name, inode }
    }

    fn add(&mut self, path: &Path, body: Body) -> Inode {
        let inode = self.inodes.len();
        self.inodes.push(body);
        let edit = self.edit(path, Some(inode));
        self.pending.push(vec![edit]);
        inode
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { path, handle, options } => {
                let file = FileBody { executable: options.executable, ..FileBody::default() };
                let inode = self.add(path, Body::File(file));
                self.handles.insert(*handle, inode);
            }
            Op::Reopen { path, handle } => {
                let inode = self.find(path);
                self.handles.insert(*handle, inode);
            }
            Op::Write { handle, offset, bytes } => {
                let change =
                    Change::Write { offset: usize::try_from(*offset).unwrap(), bytes: Arc::clone(bytes) };
                self.open_file(*handle).pending.push(change);
            }
            Op::SetLen { handle, len } => {
                self.open_file(*handle).pending.push(Change::SetLen(usize::try_from(*len).unwrap()));
            }
            Op::SyncFile { handle } => self.open_file(*handle).settle(),
            Op::CreateDir { path } => {
                self.add(path, Body::Directory { live: Names::new(), durable: Names::new() });
            }
            Op::Symlink { path, target } => {
                self.add(path, Body::Symlink(target.clone()));
            }
            Op::Rename { from, to } => {
                let inode = self.find(from);
                let edits = vec![self.edit(from, None), self.edit(to, Some(inode))];
                self.pending.push(edits);
            }
            Op::RemoveFile { path } | Op::RemoveDir { path } => {
                let edit = self.edit(path, None);
                self.pending.push(vec![edit]);
            }
            Op::SetExecutable { path, executable } => {
                let inode = self.find(path);
                self.file(inode).modes.push(*executable);
            }
            Op::HardLink { from, to } => {
                let inode = self.find(from);
                let edit = self.edit(to, Some(inode));
                self.pending.push(vec![edit]);
            }
            Op::SyncDir { path } => {
                let inode = self.find(path);
                self.settle_directory(inode);
            }
            Op::SyncAll => self.settle_all(),
            Op::SetReadOnly { .. } | Op::SetModified { .. } | Op::Mark(_) => {}
        }
    }

    /// Makes durable what was done to the names in a directory, and what must come before that.
    fn settle_directory(&mut self, directory: Inode) {
        let mut directories = BTreeSet::from([directory]);
        let mut settled: Vec<bool> = vec![false; self.pending.len()];
        for (edits, settled) in self.pending.iter().zip(&mut settled).rev() {
            if edits.iter().any(|edit| directories.contains(&edit.directory)) {
                *settled = true;
                directories.extend(edits.iter().map(|edit| edit.directory));
            }
        }
        let mut settled = settled.into_iter();
        let (now, later) =
            std::mem::take(&mut self.pending).into_iter().partition(|_| settled.next() == Some(true));
        self.pending = later;
        let now: Vec<Vec<Edit>> = now;
        for edit in now.into_iter().flatten() {
            edit.apply(self.names(edit.directory).1);
        }
    }

    /// Makes durable all that was done.
    fn settle_all(&mut self) {
        for edit in std::mem::take(&mut self.pending).into_iter().flatten() {
            edit.apply(self.names(edit.directory).1);
        }
        for body in &mut self.inodes {
            if let Body::File(file) = body {
                file.settle();
                file.executable = file.modes.drain(..).next_back().unwrap_or(file.executable);
            }
        }
    }

    /// The folder as a crash at this instant leaves it.
    fn after_crash(&self, variant: Variant) -> Tree {
        let mut rng = Rng::new(if let Variant::Random(seed) = variant { seed } else { 0 });
        let kept = match variant {
            Variant::DurableOnly => Vec::new(),
            Variant::Random(_) if !rng.once_in(3) => self.random_names(&mut rng),
            _ => self.pending.iter().collect(),
        };
        let mut directories: HashMap<Inode, Names> = HashMap::new();
        for edit in kept.into_iter().flatten() {
            let names = directories
                .entry(edit.directory)
                .or_insert_with(|| self.durable_names(edit.directory).clone());
            edit.apply(names);
        }
        let (drawn, files, tree) = (HashSet::new(), HashMap::new(), Tree::new());
        let mut image = Drawing { disk: self, variant, rng, directories, drawn, files, tree };
        image.draw(ROOT, Path::new(""));
        image.tree
    }

    fn durable_names(&self, directory: Inode) -> &Names {
        match &self.inodes[directory] {
            Body::Directory { durable, .. } => durable,
            other => panic!("not a directory: {other:?}"),
        }
    }

    /// Of each directory's pending changes the first few, as many as chance will have.
    fn random_names(&self, rng: &mut Rng) -> Vec<&Vec<Edit>> {
        let mut left: BTreeMap<Inode, usize> = BTreeMap::new();
        for edit in self.pending.iter().flatten() {
            *left.entry(edit.directory).or_default() += 1;
        }
        for count in left.values_mut() {
            *count = rng.below(*count + 1);
        }
        let mut keep = |edits: &Vec<Edit>| {
            let whole = edits.iter().all(|edit| left[&edit.directory] > 0);
            for edit in edits {
                let left = left.get_mut(&edit.directory).unwrap();
                *left = if whole { left.saturating_sub(1) } else { 0 };
            }
            whole
        };
        self.pending.iter().filter(|edits| keep(edits)).collect()
    }
}

impl Edit {
    fn apply(&self, names: &mut Names) {
        match self.inode {
            Some(inode) => names.insert(self.name.clone(), inode),
            None => names.remove(&self.name),
        };
    }
}

/// An image in the making.
struct Drawing<'a> {
    disk: &'a Disk,
    variant: Variant,
    rng: Rng,
    /// The names in those directories where they are not the durable ones.
    directories: HashMap<Inode, Names>,
    /// A directory that was moved stands in one place, whatever reached the disk.
    drawn: HashSet<Inode>,
    /// Files that were drawn under one of their names.
    files: HashMap<Inode, Node>,
    tree: Tree,
}

impl Drawing<'_> {
    fn draw(&mut self, directory: Inode, below: &Path) {
        let disk = self.disk;
        let names = self.directories.remove(&directory);
        for (name, &inode) in names.as_ref().unwrap_or_else(|| disk.durable_names(directory)) {
            let path = below.join(name);
            match &disk.inodes[inode] {
                Body::Symlink(target) => {
                    self.tree.insert(path, Node::Symlink(target.clone()));
                }
                Body::File(file) => {
                    let node = self.files.entry(inode).or_insert_with(|| {
                        let (bytes, executable) = file.after_crash(self.variant, &mut self.rng);
                        Node::File { bytes, executable }
                    });
                    self.tree.insert(path, node.clone());
                }
                Body::Directory { .. } => {
                    if self.drawn.insert(inode) {
                        self.tree.insert(path.clone(), Node::Directory);
                        self.draw(inode, &path);
                    }
                }
            }
        }
    }
}

/// What became of the bytes of one write.
#[derive(Clone, Copy)]
enum Fate {
    Kept,
    Lost,
    Cut,
    Zero,
    Stale,
}

impl FileBody {
    /// Makes durable what was done to the content.
    fn settle(&mut self) {
        let content = Arc::make_mut(&mut self.durable);
        for change in self.pending.drain(..) {
            change.apply(content, Fate::Kept, &mut Rng::new(0));
        }
    }

    /// Content and executable bit.
    fn after_crash(&self, variant: Variant, rng: &mut Rng) -> (Arc<Vec<u8>>, bool) {
        (self.content(variant, rng), self.mode(variant, rng))
    }

    fn content(&self, variant: Variant, rng: &mut Rng) -> Arc<Vec<u8>> {
        let lost = matches!(variant, Variant::DurableOnly | Variant::ContentLost);
        if lost || self.pending.is_empty() {
            return Arc::clone(&self.durable);
        }
        let mut content = self.durable.to_vec();
        for change in &self.pending {
            let fate = match variant {
                Variant::ContentZeroed => Fate::Zero,
                Variant::ContentStale => Fate::Stale,
                Variant::Random(_) => {
                    [Fate::Kept, Fate::Kept, Fate::Lost, Fate::Cut, Fate::Zero, Fate::Stale][rng.below(6)]
                }
                _ => Fate::Kept,
            };
            change.apply(&mut content, fate, rng);
        }
        if variant == Variant::ContentHalved && content.len() > self.durable.len() {
            content.truncate(self.durable.len().midpoint(content.len()));
        }
        Arc::new(content)
    }

    fn mode(&self, variant: Variant, rng: &mut Rng) -> bool {
        let kept = match variant {
            Variant::Everything => self.modes.len(),
            Variant::Random(_) => rng.below(self.modes.len() + 1),
            _ => 0,
        };
        self.modes[..kept].last().copied().unwrap_or(self.executable)
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>, fate: Fate, rng: &mut Rng) {
        match (self, fate) {
            (_, Fate::Lost) => {}
            (Self::SetLen(len), _) => content.resize(*len, 0),
            (Self::Write { offset, bytes }, fate) => {
                let len = if matches!(fate, Fate::Cut) { rng.below(bytes.len() + 1) } else { bytes.len() };
                let end = offset + len;
                if content.len() < end {
                    content.resize(end, 0);
                }
                let place = &mut content[*offset..end];
                match fate {
                    Fate::Zero => place.fill(0),
                    Fate::Stale => rng.fill(place),
                    _ => place.copy_from_slice(&bytes[..len]),
                }
            }
        }
    }
}
