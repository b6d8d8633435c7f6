//! Random work on a repository beside a model of it: three maps from paths to bytes.
//!
//! `DSV_MODEL_STEPS` says how many steps are taken in all, 1500 unless told; a sequence has 25 of them and its
//! number is its seed. After each step, everything that can be read is compared: `HEAD`'s files, what is
//! staged, the worktree, the counts of `status`. A verb that refuses must have changed nothing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsv::model::{EntryKind, Head, VersionId};
use dsv::porcelain::{Repository, add, checkout, commit, gc, mv, restore, rm, status, verify};
use tempfile::TempDir;

use crate::support::repo::{assert_whole, create, monitor, open_real, staged_tree, version_tree, worktree};
use crate::support::rng::Rng;
use crate::support::tree::{Node, Tree};
use crate::support::{Context, scratch};

const STEPS_IN_SEQUENCE: usize = 25;
/// Some are folders of others, so that files become folders and the other way round.
const PATHS: [&str; 9] = ["a", "b", "dir/a", "dir/b", "dir/sub/c", "n", "n/under", "n/under/deep", "z"];

struct World {
    folder: TempDir,
    rng: Rng,
    versions: Vec<(VersionId, Tree)>,
    /// Where `HEAD` is, and the newest version of the dataset.
    head: Option<usize>,
    tip: Option<usize>,
    detached: bool,
    staged: Tree,
    work: Tree,
    story: Vec<String>,
}

/// What is at a path or below it.
fn below(tree: &Tree, path: &Path) -> Tree {
    tree.iter().filter(|(p, _)| p.starts_with(path)).map(|(p, node)| (p.clone(), node.clone())).collect()
}

/// Gives a path a node; what cannot be beside it goes.
fn put(tree: &mut Tree, path: &Path, node: Option<&Node>) {
    match node {
        Some(node) => {
            tree.retain(|other, _| other == path || !other.starts_with(path) && !path.starts_with(other));
            tree.insert(path.to_owned(), node.clone());
        }
        None => drop(tree.remove(path)),
    }
}

/// The paths that differ.
fn differing(a: &Tree, b: &Tree) -> BTreeSet<PathBuf> {
    a.keys().chain(b.keys()).filter(|path| a.get(*path) != b.get(*path)).cloned().collect()
}

impl World {
    fn new(seed: u64) -> Self {
        let folder = scratch();
        create(folder.path());
        Self {
            folder,
            rng: Rng::new(seed),
            versions: Vec::new(),
            head: None,
            tip: None,
            detached: false,
            staged: Tree::new(),
            work: Tree::new(),
            story: Vec::new(),
        }
    }

    fn repo(&self) -> Repository {
        open_real(self.folder.path())
    }

    fn head_tree(&self) -> Tree {
        self.head.map(|head| self.versions[head].1.clone()).unwrap_or_default()
    }

    fn tell(&mut self, step: String) {
        self.story.push(step);
    }

    fn any_path(&mut self) -> PathBuf {
        PathBuf::from(PATHS[self.rng.below(PATHS.len())])
    }

    /// A path that is tracked more often than not, or a folder.
    fn some_path(&mut self) -> PathBuf {
        let known: Vec<_> = self.staged.keys().chain(self.work.keys()).cloned().collect();
        if known.is_empty() || self.rng.once_in(4) {
            return self.any_path();
        }
        let path = known[self.rng.below(known.len())].clone();
        match path.parent() {
            Some(parent) if parent != Path::new("") && self.rng.once_in(4) => parent.to_owned(),
            _ => path,
        }
    }

    fn some_version(&mut self) -> Option<usize> {
        (!self.versions.is_empty()).then(|| self.rng.below(self.versions.len()))
    }

    fn step(&mut self) {
        match self.rng.below(24) {
            0..=5 => self.write(),
            6 => self.link(),
            7 => self.delete(),
            8 => self.make_folder(),
            9 => self.change_mode(),
            10..=12 => self.add_all(),
            13 => self.add_one(),
            14..=16 => self.commit(),
            17 => self.rm(),
            18 => self.mv(),
            19 => self.restore(),
            20 => self.restore_staged(),
            21..=22 => self.checkout(),
            _ => self.gc(),
        }
    }

    /// Makes room for a file or link and its folders.
    fn clear(&mut self, path: &Path) -> PathBuf {
        let full = self.folder.path().join(path);
        for ancestor in path.ancestors().skip(1).filter(|ancestor| *ancestor != Path::new("")) {
            let ancestor = self.folder.path().join(ancestor);
            if ancestor.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
                std::fs::remove_file(ancestor).unwrap();
            }
        }
        if full.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            std::fs::remove_dir_all(&full).unwrap();
        }
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        full
    }

    fn write(&mut self) {
        let path = self.any_path();
        let mut bytes = if self.rng.once_in(12) { vec![7; 70_000] } else { b"content 0".to_vec() };
        // Of few contents, and most of one length: equal files, and changes that only the bytes show.
        let last = bytes.len() - 1;
        bytes[last] = b'0' + u8::try_from(self.rng.below(5)).unwrap();
        self.tell(format!("write {} ({}…{})", path.display(), bytes.len(), bytes[last]));
        let full = self.clear(&path);
        let executable = matches!(self.work.get(&path), Some(Node::File { executable: true, .. }));
        if full.is_symlink() {
            std::fs::remove_file(&full).unwrap();
        }
        std::fs::write(&full, &bytes).unwrap();
        put(&mut self.work, &path, Some(&Node::File { bytes: Arc::new(bytes), executable }));
    }

    fn link(&mut self) {
        let path = self.any_path();
        self.tell(format!("link {}", path.display()));
        let full = self.clear(&path);
        if full.symlink_metadata().is_ok() {
            std::fs::remove_file(&full).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", full).unwrap();
        put(&mut self.work, &path, Some(&Node::Symlink(b"nowhere".to_vec())));
    }

    fn delete(&mut self) {
        let path = self.some_path();
        let full = self.folder.path().join(&path);
        self.tell(format!("delete {}", path.display()));
        if full.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            std::fs::remove_dir_all(full).unwrap();
        } else if full.symlink_metadata().is_ok() {
            std::fs::remove_file(full).unwrap();
        }
        self.work.retain(|other, _| !other.starts_with(&path));
    }

    fn make_folder(&mut self) {
        let path = self.any_path();
        let full = self.folder.path().join(&path);
        self.tell(format!("mkdir {}", path.display()));
        // Where a file is in the way, none is made.
        let _ = std::fs::create_dir_all(full);
    }

    fn change_mode(&mut self) {
        let path = self.some_path();
        if let Some(Node::File { executable, .. }) = self.work.get_mut(&path) {
            *executable = !*executable;
            let mode = if *executable { 0o755 } else { 0o644 };
            let full = self.folder.path().join(&path);
            std::fs::set_permissions(full, std::fs::Permissions::from_mode(mode)).unwrap();
            self.tell(format!("chmod {} {mode:o}", path.display()));
        }
    }

    fn given(&self, path: &Path) -> Vec<std::ffi::OsString> {
        vec![self.folder.path().join(path).into()]
    }

    fn add_all(&mut self) {
        self.tell("add .".to_owned());
        let options = add::Options { paths: vec![".".into()], ..Default::default() };
        add::run(&self.repo(), &options, &monitor()).unwrap();
        self.staged = self.work.clone();
    }

    fn add_one(&mut self) {
        let path = self.some_path();
        let options = add::Options { paths: self.given(&path), ..Default::default() };
        let added = add::run(&self.repo(), &options, &monitor());
        self.tell(format!("add {}: {:?}", path.display(), added.as_ref().err()));
        let found = below(&self.work, &path);
        if added.is_ok() {
            self.staged.retain(|other, _| !other.starts_with(&path));
            found.iter().for_each(|(path, node)| put(&mut self.staged, path, Some(node)));
        } else {
            let beyond_link =
                path.ancestors().skip(1).any(|at| matches!(self.work.get(at), Some(Node::Symlink(_))));
            let nothing = found.is_empty() && below(&self.staged, &path).is_empty();
            assert!(nothing || beyond_link, "add had to succeed");
        }
    }

    fn commit(&mut self) {
        let options = commit::Options { message: Some("Step".to_owned()), ..Default::default() };
        let committed = commit::run(&self.repo(), &options, &monitor());
        self.tell(format!("commit: {:?}", committed.as_ref().err()));
        match committed {
            Ok(done) => {
                assert!(!self.detached, "committed on no dataset");
                self.versions.push((done.id, self.staged.clone()));
                self.head = Some(self.versions.len() - 1);
                self.tip = self.head;
            }
            Err(_) => assert!(self.detached || self.staged == self.head_tree(), "commit had to succeed"),
        }
    }

    /// Sets paths in the worktree and what is staged, and checks that without force nothing uncommitted was lost.
    fn replace(&mut self, paths: &BTreeSet<PathBuf>, old: &Tree, new: &Tree, force: bool) {
        for path in paths {
            let (old, new) = (old.get(path), new.get(path));
            for (what, tree) in [("worktree", &self.work), ("staged", &self.staged)] {
                let found = tree.get(path);
                let safe = force || found.is_none() || found == old || found == new;
                assert!(safe, "{} was lost ({what})", path.display());
            }
        }
        let (gone, come): (Vec<_>, Vec<_>) = paths.iter().partition(|path| new.get(*path).is_none());
        // First what goes, else a file that becomes a folder would take that along.
        for path in gone.into_iter().chain(come) {
            // A file that was unstaged by hand is nobody's, and stays when it goes from the versions.
            if new.contains_key(path) || self.staged.contains_key(path) {
                put(&mut self.work, path, new.get(path));
            }
            put(&mut self.staged, path, new.get(path));
        }
    }

    fn rm(&mut self) {
        let path = self.some_path();
        let (cached, force) = (self.rng.once_in(3), self.rng.once_in(3));
        let options = rm::Options { paths: self.given(&path), cached, force, dry_run: false };
        let removed = rm::run(&self.repo(), &options, &monitor());
        let why = removed.as_ref().err();
        self.tell(format!("rm {} (cached {cached}, force {force}): {why:?}", path.display()));
        let chosen: BTreeSet<_> = below(&self.staged, &path).into_keys().collect();
        let head = self.head_tree();
        let kept_elsewhere = |path: &PathBuf| {
            let staged = self.staged.get(path);
            staged == head.get(path) || staged == self.work.get(path)
        };
        let only_staged = cached && !force && !chosen.iter().all(kept_elsewhere);
        match removed {
            Ok(_) if cached => {
                assert!(!only_staged, "what was staged alone was lost");
                chosen.iter().for_each(|path| drop(self.staged.remove(path)));
            }
            Err(_) if only_staged => {}
            // An empty folder was staged, and whatever is there now goes.
            Ok(_) if force && chosen.is_empty() => drop(self.work.remove(&path)),
            Ok(_) => self.replace(&chosen, &self.head_tree(), &Tree::new(), force),
            Err(_) if cached || force => assert!(chosen.is_empty(), "rm had to succeed"),
            Err(_) => {}
        }
    }

    fn mv(&mut self) {
        let (from, mut to) = (self.some_path(), self.any_path());
        let options = mv::Options { from: self.given(&from).remove(0), to: self.given(&to).remove(0) };
        if self.folder.path().join(&to).is_dir() {
            to = to.join(from.file_name().unwrap());
        }
        let moved = mv::run(&self.repo(), &options, &monitor());
        self.tell(format!("mv {} {}: {:?}", from.display(), to.display(), moved.as_ref().err()));
        if moved.is_ok() {
            for tree in [&mut self.work, &mut self.staged] {
                for (path, node) in below(tree, &from) {
                    tree.remove(&path);
                    let rest = path.strip_prefix(&from).unwrap();
                    let new = if rest == Path::new("") { to.clone() } else { to.join(rest) };
                    put(tree, &new, Some(&node));
                }
            }
        }
    }

    fn restore(&mut self) {
        let (path, force) = (self.some_path(), self.rng.once_in(2));
        let source = if self.rng.once_in(2) { self.some_version() } else { None };
        let options = restore::Options {
            paths: self.given(&path),
            source: source.map(|source| self.versions[source].0),
            staged: false,
            force,
            ..Default::default()
        };
        let folders = self.staged_folders();
        let restored = restore::run(&self.repo(), &options, &monitor());
        let why = restored.as_ref().err();
        self.tell(format!("restore {} (from {source:?}, force {force}): {why:?}", path.display()));
        if restored.is_ok() {
            let staged = self.staged.clone();
            // What is staged is committed only where it is what `HEAD` has.
            let (old, new) = match source {
                Some(source) => (self.head_tree(), self.versions[source].1.clone()),
                None => (staged.clone(), staged.clone()),
            };
            let (from, to) = (below(&staged, &path), below(&new, &path));
            self.replace(&from.into_keys().chain(to.into_keys()).collect(), &old, &new, force);
            if force {
                self.forget_under_folders();
                let chosen: Vec<_> = folders.into_iter().filter(|at| at.starts_with(&path)).collect();
                self.forget_with_folders(&chosen, &new);
            }
        } else if force {
            self.resume();
        }
    }

    fn restore_staged(&mut self) {
        let path = self.some_path();
        let options = restore::Options { paths: self.given(&path), staged: true, ..Default::default() };
        let restored = restore::run(&self.repo(), &options, &monitor());
        self.tell(format!("restore --staged {}: {:?}", path.display(), restored.as_ref().err()));
        let committed = below(&self.head_tree(), &path);
        if restored.is_ok() {
            self.staged.retain(|other, _| !other.starts_with(&path));
            committed.iter().for_each(|(path, node)| put(&mut self.staged, path, Some(node)));
        } else {
            assert!(committed.is_empty() && below(&self.staged, &path).is_empty(), "restore had to succeed");
        }
    }

    fn checkout(&mut self) {
        let Some(mut to) = self.some_version() else { return };
        let (force, back) = (self.rng.once_in(3), self.rng.once_in(2));
        if let (true, Some(tip)) = (back, self.tip) {
            to = tip;
        }
        let (id, new) = self.versions[to].clone();
        let head = if back { Head::Dataset("cats".parse().unwrap()) } else { Head::Detached(id) };
        let options = checkout::Options { head, version: Some(id), create: false, force, sparse: None };
        let folders = self.staged_folders();
        let done = checkout::run(&self.repo(), &options, &monitor());
        self.tell(format!("checkout {to} (back {back}, force {force}): {:?}", done.as_ref().err()));
        let old = self.head_tree();
        if done.is_ok() {
            let paths = if force {
                self.staged.keys().chain(new.keys()).cloned().collect()
            } else {
                differing(&old, &new)
            };
            self.replace(&paths, &old, &new, force);
            if force {
                self.forget_under_folders();
                self.forget_with_folders(&folders, &new);
            }
            self.head = Some(to);
            self.detached = !back;
        } else if force {
            self.resume();
        } else {
            assert!(self.work != old || self.staged != old, "checkout had to succeed");
        }
    }

    /// The empty folders that are staged.
    fn staged_folders(&self) -> Vec<PathBuf> {
        let index = self.repo().index().unwrap();
        let entries = index.iter().map(Result::unwrap).filter(|entry| entry.staged.kind.is_dir());
        entries.map(|entry| PathBuf::from(OsString::from_vec(entry.path.as_bytes().to_vec()))).collect()
    }

    /// Where an empty folder was staged and a file lies now, that goes with the folder.
    fn forget_with_folders(&mut self, folders: &[PathBuf], new: &Tree) {
        let goes = folders.iter().filter(|path| !new.contains_key(*path));
        goes.for_each(|path| drop(self.work.remove(path)));
    }

    /// The model knows no empty folders: one that is staged takes the place of a file when that is forced.
    fn forget_under_folders(&mut self) {
        let root = self.folder.path();
        self.work.retain(|path, _| !root.join(path).symlink_metadata().is_ok_and(|meta| meta.is_dir()));
    }

    /// A verb that was forced may fail half-way, where what is in no version is in its way: the model takes over
    /// what it finds. Nothing that was committed may be missing even then.
    fn resume(&mut self) {
        self.work = worktree(self.folder.path());
        self.staged = staged_tree(&self.repo());
    }

    fn gc(&mut self) {
        self.tell("gc".to_owned());
        let repo = self.repo();
        let options = gc::Options { grace: Some(Duration::ZERO), ..Default::default() };
        gc::run(&repo, &options, &monitor()).unwrap();
        drop(repo);
        let repo = self.repo();
        for (id, tree) in &self.versions {
            assert!(version_tree(&repo, id) == *tree, "gc has changed {id}");
        }
    }

    /// Compares all that can be read with the model.
    fn compare(&self) {
        let repo = self.repo();
        let head = repo.refs().head_version().unwrap();
        assert_eq!(head, self.head.map(|head| self.versions[head].0));
        if let Some(head) = head {
            assert_eq!(version_tree(&repo, &head), self.head_tree(), "HEAD");
        }
        assert_eq!(staged_tree(&repo), self.staged, "what is staged");
        assert_eq!(worktree(self.folder.path()), self.work, "the worktree");

        let found =
            status::run(&repo, &status::Options { all: true, ..Default::default() }, &monitor()).unwrap();
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let is_file = |entry: &Option<_>| {
            entry.as_ref().is_some_and(|entry: &dsv::model::Entry| entry.kind != EntryKind::Directory)
        };
        let staged =
            found.staged.iter().filter(|change| is_file(&change.old) || is_file(&change.new)).count();
        let differing = differing(&self.head_tree(), &self.staged).len();
        assert_eq!(staged + 2 * found.renamed.len(), differing, "status: staged");
        let tracked = |path: &dsv::model::RepoPath| {
            self.staged.contains_key(Path::new(std::str::from_utf8(path.as_bytes()).unwrap()))
        };
        let changed = found.changed.iter().filter(|(path, ..)| tracked(path)).count();
        let expected = self.staged.iter().filter(|(path, node)| self.work.get(*path) != Some(*node)).count();
        assert_eq!(changed, expected, "status: changed: {:?}", found.changed);
        let untracked = found.untracked.iter().filter(|untracked| !untracked.is_dir).count();
        let expected = self.work.keys().filter(|path| !self.staged.contains_key(*path)).count();
        assert_eq!(untracked, expected, "status: untracked: {:?}", found.untracked);
    }

    /// Checks out every version into an empty worktree.
    fn finish(&mut self) {
        assert_whole(&self.repo());
        for path in PATHS {
            let top = self.folder.path().join(path.split('/').next().unwrap());
            if top.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                std::fs::remove_dir_all(top).unwrap();
            } else if top.symlink_metadata().is_ok() {
                std::fs::remove_file(top).unwrap();
            }
        }
        for (number, (id, tree)) in self.versions.iter().enumerate() {
            self.story.push(format!("at last, checkout {number}"));
            let repo = self.repo();
            let options = checkout::Options {
                head: Head::Detached(*id),
                version: Some(*id),
                create: false,
                force: true,
                sparse: None,
            };
            checkout::run(&repo, &options, &monitor()).unwrap();
            assert_eq!(worktree(self.folder.path()), *tree);
            let verified = verify::run(&repo, &verify::Options::default(), &monitor()).unwrap();
            assert!(verified.findings.is_empty(), "{:?}", verified.findings);
        }
        assert_whole(&self.repo());
    }
}

#[test]
fn random_work_agrees_with_a_model() {
    let steps = std::env::var("DSV_MODEL_STEPS").map_or(1_500, |text| text.parse::<usize>().unwrap());
    for seed in 0..steps.div_ceil(STEPS_IN_SEQUENCE) as u64 {
        let world = std::cell::RefCell::new(World::new(seed));
        let _context = Context(|| {
            let story = world
                .try_borrow()
                .map_or_else(|_| "while the model was changed".to_owned(), |world| world.story.join("\n"));
            format!("sequence {seed}:\n{story}")
        });
        for _ in 0..STEPS_IN_SEQUENCE {
            world.borrow_mut().step();
            world.borrow().compare();
        }
        world.borrow_mut().finish();
    }
}
