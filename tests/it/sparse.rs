//! A sparse worktree beside a full one: whatever is done to both, the same is staged and committed, though the one
//! has only a part of the files. `DSV_MODEL_STEPS` says how many steps are taken in all, as for the model.

mod damage;
mod face;
mod paths;
mod safety;

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::Ordering;

use dsv::model::{ErrorKind, Head, RepoPath, Totals, VersionId};
use dsv::porcelain::{Error, Repository, add, checkout, commit, diff, mv, restore, rm, status, verify};
use tempfile::TempDir;

use crate::support::repo::{assert_whole, create, monitor, open_real, staged_tree, worktree};
use crate::support::rng::Rng;
use crate::support::tree::read_tree;
use crate::support::{Context, scratch};

const STEPS_IN_SEQUENCE: usize = 25;
/// Some are folders of others, so that files become folders and the other way round.
const PATHS: [&str; 10] =
    ["a", "b", "dir/a", "dir/b", "dir/sub/c", "dir/sub/d", "n", "n/under", "n/under/deep", "z"];

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a clone without files leaves: the versions, and a sparse worktree.
fn clone(from: &Repository, wanted: &[&str]) -> (TempDir, checkout::Outcome) {
    let folder = scratch();
    copy(&from.root().join(".dsv"), &folder.path().join(".dsv"));
    std::fs::remove_dir_all(folder.path().join(".dsv/index")).unwrap();
    let repo = open_real(folder.path());
    let outcome = go(&repo, wanted, false).unwrap();
    (folder, outcome)
}

/// Makes a worktree sparse where it is, or changes what is wanted.
fn go(repo: &Repository, wanted: &[&str], force: bool) -> Result<checkout::Outcome, Error> {
    want(repo, wanted.iter().map(OsString::from).collect(), force)
}

fn want(repo: &Repository, patterns: Vec<OsString>, force: bool) -> Result<checkout::Outcome, Error> {
    let options = checkout::Options {
        head: repo.refs().head().unwrap(),
        version: repo.refs().head_version().unwrap(),
        create: false,
        force,
        sparse: Some(checkout::Wanted { patterns }),
    };
    checkout::run(repo, &options, &monitor())
}

fn visit(repo: &Repository, id: VersionId, force: bool) -> Result<checkout::Outcome, Error> {
    let head = Head::Detached(id);
    let options = checkout::Options { head, version: Some(id), create: false, force, sparse: None };
    checkout::run(repo, &options, &monitor())
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let full = root.join(path);
    for ancestor in Path::new(path).ancestors().skip(1).filter(|at| *at != Path::new("")) {
        if root.join(ancestor).symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
            std::fs::remove_file(root.join(ancestor)).unwrap();
        }
    }
    if full.is_dir() {
        std::fs::remove_dir_all(&full).unwrap();
    }
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(full, bytes).unwrap();
}

fn add_paths(repo: &Repository, paths: &[&str]) -> add::Outcome {
    let options = add::Options { paths: given(repo, paths), ..Default::default() };
    add::run(repo, &options, &monitor()).unwrap()
}

fn given(repo: &Repository, paths: &[&str]) -> Vec<OsString> {
    paths.iter().map(|path| repo.root().join(path).into_os_string()).collect()
}

fn remove(repo: &Repository, path: &str, cached: bool, force: bool) -> Result<rm::Outcome, Error> {
    rm::run(repo, &rm::Options { paths: given(repo, &[path]), cached, force, dry_run: false }, &monitor())
}

fn bring(
    repo: &Repository,
    path: &str,
    source: Option<VersionId>,
    staged: bool,
    force: bool,
) -> Result<restore::Outcome, Error> {
    let options =
        restore::Options { paths: given(repo, &[path]), source, staged, force, ..Default::default() };
    restore::run(repo, &options, &monitor())
}

fn rename(repo: &Repository, from: &str, to: &str) -> Result<mv::Outcome, Error> {
    let mut both = given(repo, &[from, to]);
    let options = mv::Options { to: both.remove(1), from: both.remove(0) };
    mv::run(repo, &options, &monitor())
}

fn make_version(repo: &Repository, all: bool) -> Result<VersionId, Error> {
    let options = commit::Options { message: Some("Step".to_owned()), all, ..Default::default() };
    commit::run(repo, &options, &monitor()).map(|done| done.id)
}

fn state(repo: &Repository) -> status::Outcome {
    status::run(repo, &status::Options { all: true, ..Default::default() }, &monitor()).unwrap()
}

fn staged_changes(repo: &Repository, tree: Option<dsv::model::TreeId>) -> Vec<diff::FileChange> {
    let sides = diff::Sides::Staged(tree);
    let found = diff::run(repo, &diff::Options { sides, ..Default::default() }, &monitor()).unwrap();
    let renames = found.renames.iter().flat_map(|rename| {
        let state = Some(diff::FileState::from(&rename.entry));
        let gone = diff::FileChange { path: rename.from.clone(), old: state, new: None };
        [gone, diff::FileChange { path: rename.to.clone(), old: None, new: state }]
    });
    let mut all: Vec<_> = renames.chain(found.changes.clone()).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// Removes folders with nothing in them, which the two worktrees need not have in common.
fn prune(root: &Path) {
    let folders = read_tree(root).into_keys().rev().filter(|path| !path.starts_with(".dsv"));
    folders.for_each(|path| drop(std::fs::remove_dir(root.join(path))));
}

struct Pair {
    full: TempDir,
    sparse: TempDir,
    rng: Rng,
    versions: Vec<VersionId>,
    story: Vec<String>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let full = scratch();
        let repo = create(full.path());
        let mut versions = Vec::new();
        for version in 0..3_u8 {
            for path in PATHS.iter().filter(|_| rng.once_in(2)) {
                put(full.path(), path, &[b'0' + version; 9]);
            }
            add_paths(&repo, &["."]);
            versions.extend(make_version(&repo, false).ok());
        }
        let wanted: &[&str] = if rng.once_in(2) { &["dir/sub", "**/under"] } else { &[] };
        let (sparse, _) = clone(&repo, wanted);
        Self { full, sparse, rng, versions, story: vec![format!("wanted: {wanted:?}")] }
    }

    fn repos(&self) -> [Repository; 2] {
        [open_real(self.full.path()), open_real(self.sparse.path())]
    }

    fn path(&mut self) -> &'static str {
        PATHS[self.rng.below(PATHS.len())]
    }

    /// Does the same to both, which must go well or badly in both.
    fn both<T>(&mut self, what: String, verb: impl Fn(&Repository) -> Result<T, Error>) -> Option<T> {
        let [full, sparse] = self.repos();
        let (expected, found) = (verb(&full), verb(&sparse));
        let errors = [expected.as_ref().err(), found.as_ref().err()];
        self.story.push(format!("{what}: {errors:?}"));
        // What is in the way of a new path is met on the disk by the one, and only in what is staged by the other.
        let kind = |error: &Error| if what.starts_with("mv") { ErrorKind::Refused } else { error.kind() };
        assert_eq!(errors[0].map(kind), errors[1].map(kind), "{what}");
        found.ok()
    }

    fn step(&mut self) {
        let path = self.path();
        match self.rng.below(14) {
            0..=3 => self.write(path),
            4 => self.add_all(),
            5 => self.commit(false),
            6 => self.commit(true),
            7 | 8 => self.rm(path),
            9 => {
                let to = self.path();
                self.both(format!("mv {path} {to}"), |repo| rename(repo, path, to));
            }
            10 => {
                // What was moved without being there would be left in one of the two only.
                self.add_all();
                drop(bring(&self.repos()[1], path, None, false, false));
                // What was removed comes back, else the full one would remove it again.
                self.both(format!("restore --staged {path}"), |repo| bring(repo, path, None, true, false));
                let what = format!("restore {path}");
                if self.both(what, |repo| bring(repo, path, None, false, true)).is_none() {
                    self.start_over();
                }
            }
            11 => {
                let source = self.some_version();
                let what = format!("restore --source {source:?} {path}");
                if self.both(what, |repo| bring(repo, path, Some(source), false, true)).is_none() {
                    self.start_over();
                }
            }
            12 => {
                let [_, sparse] = self.repos();
                let brought = bring(&sparse, path, None, false, false).is_ok();
                self.story.push(format!("the sparse one brings {path}: {brought}"));
            }
            _ => self.visit(),
        }
        prune(self.full.path());
        prune(self.sparse.path());
    }

    /// A verb that was forced may fail half-way, with other files brought in the one than in the other.
    fn start_over(&mut self) {
        self.both("start over".to_owned(), |repo| {
            for path in worktree(repo.root()).into_keys() {
                std::fs::remove_file(repo.root().join(path)).unwrap();
            }
            prune(repo.root());
            // There may be nothing staged at all.
            let _ = bring(repo, ".", None, false, true);
            Ok(())
        });
    }

    fn some_version(&mut self) -> VersionId {
        self.versions[self.rng.below(self.versions.len())]
    }

    fn write(&mut self, path: &str) {
        let bytes = [b'0' + u8::try_from(self.rng.below(4)).unwrap(); 9];
        let add_it = !self.rng.once_in(3);
        let at = self.full.path().join(path);
        let replaces = at.is_dir() || at.ancestors().skip(1).any(|above| above.is_file());
        // In the place of a folder, what is in it would be missing from one of the two only.
        self.both(format!("write {path} {}, add: {add_it}", bytes[0]), |repo| {
            put(repo.root(), path, &bytes);
            if add_it {
                add_paths(repo, &[path]);
            }
            Ok(())
        });
        if !add_it && replaces {
            self.add_all();
        }
    }

    fn add_all(&mut self) {
        self.both("add .".to_owned(), |repo| {
            add_paths(repo, &["."]);
            Ok(())
        });
    }

    fn commit(&mut self, all: bool) {
        let what = format!("commit, all: {all}");
        let [full, _] = self.repos();
        let is_detached = matches!(full.refs().head().unwrap(), Head::Detached(_));
        if is_detached {
            return;
        }
        if let Some(id) = self.both(what, |repo| make_version(repo, all)) {
            self.versions.push(id);
        }
    }

    fn rm(&mut self, path: &str) {
        let (cached, force) = (self.rng.once_in(3), self.rng.once_in(2));
        // What was moved without being there has no file that keeps it, as it has in the full one.
        let force = force || cached && self.is_staged_alone(path);
        self.both(format!("rm {path}, cached: {cached}, force: {force}"), |repo| {
            let removed = remove(repo, path, cached, force);
            if cached && removed.is_ok() {
                // The file would be left in one of the two only.
                let full = repo.root().join(path);
                let gone =
                    if full.is_dir() { std::fs::remove_dir_all(full) } else { std::fs::remove_file(full) };
                drop(gone);
            }
            removed
        });
    }

    /// Whether something is staged at a path or below it of which the sparse worktree has no file.
    fn is_staged_alone(&self, path: &str) -> bool {
        let [_, sparse] = self.repos();
        let here = RepoPath::new(path).unwrap();
        staged_changes(&sparse, None).iter().any(|change| {
            let file = self.sparse.path().join(change.path.to_string());
            change.new.is_some() && change.path.starts_with(&here) && !file.is_file()
        })
    }

    /// Goes to another version and back to the dataset, with something staged that no version has.
    fn visit(&mut self) {
        let [full, _] = self.repos();
        if self.rng.once_in(2) {
            self.both("add . and commit".to_owned(), |repo| {
                add_paths(repo, &["."]);
                drop(make_version(repo, false));
                Ok(())
            });
            self.versions.extend(full.refs().head_version().unwrap());
            self.both("write fresh".to_owned(), |repo| {
                put(repo.root(), "fresh", b"fresh");
                add_paths(repo, &["fresh"]);
                Ok(())
            });
            let to = self.some_version();
            self.both(format!("checkout {to:?}"), |repo| visit(repo, to, false));
            self.compare();
            self.both("back".to_owned(), |repo| back(repo, false));
            self.both("rm fresh".to_owned(), |repo| remove(repo, "fresh", false, true));
        } else {
            let to = self.some_version();
            let there = self.both(format!("checkout --force {to:?}"), |repo| visit(repo, to, true));
            if there.is_none() {
                self.start_over();
            }
            self.compare();
            if self.both("back by force".to_owned(), |repo| back(repo, true)).is_none() {
                self.start_over();
            }
        }
    }

    fn compare(&self) {
        let [full, sparse] = self.repos();
        let versions = [&full, &sparse].map(|repo| repo.refs().head_version().unwrap());
        assert_eq!(versions[0], versions[1]);
        assert_eq!(staged_changes(&sparse, None), staged_changes(&full, None));
        for version in &self.versions {
            let tree = Some(full.db().version(version).unwrap().tree);
            assert_eq!(staged_changes(&sparse, tree), staged_changes(&full, tree));
        }
        let (found, expected) = (state(&sparse), state(&full));
        assert!(found.problems.is_empty() && expected.problems.is_empty());
        let untracked = |found: &status::Outcome| {
            found.untracked.iter().filter(|one| !one.is_dir).map(|one| one.path.clone()).collect::<Vec<_>>()
        };
        assert_eq!(untracked(&found), untracked(&expected));
        assert_eq!(found.changed, expected.changed);
    }

    /// Fills the sparse one: then both are the same in all respects.
    fn finish(&mut self) {
        self.add_all();
        let [full, sparse] = self.repos();
        assert_whole(&sparse);
        let checked = verify::run(&sparse, &verify::Options::default(), &monitor()).unwrap();
        let staged = state(&sparse).staged.len() + state(&sparse).renamed.len();
        assert!(staged > 0 || checked.findings.is_empty(), "{:?}", checked.findings);
        checkout::fill(&sparse, false, &monitor()).unwrap();
        let [_, sparse] = self.repos();
        assert!(!sparse.index().unwrap().is_sparse());
        self.compare();
        assert_eq!(staged_tree(&sparse), staged_tree(&full));
        assert_eq!(worktree(self.sparse.path()), worktree(self.full.path()));
        assert_whole(&sparse);
    }
}

fn back(repo: &Repository, force: bool) -> Result<checkout::Outcome, Error> {
    let name = "cats".parse().unwrap();
    let version = repo.refs().read(&name).unwrap();
    let head = Head::Dataset(name);
    let options = checkout::Options { head, version, create: false, force, sparse: None };
    checkout::run(repo, &options, &monitor())
}

#[test]
fn a_sparse_worktree_does_what_a_full_one_does() {
    let steps = std::env::var("DSV_MODEL_STEPS").map_or(600, |text| text.parse::<usize>().unwrap());
    for seed in 0..steps.div_ceil(STEPS_IN_SEQUENCE) as u64 {
        let pair = std::cell::RefCell::new(Pair::new(seed));
        let _context = Context(|| {
            let story =
                pair.try_borrow().map_or_else(|_| "in a step".to_owned(), |pair| pair.story.join("\n"));
            format!("sequence {seed}:\n{story}")
        });
        for _ in 0..STEPS_IN_SEQUENCE {
            pair.borrow_mut().step();
            pair.borrow().compare();
        }
        pair.borrow_mut().finish();
    }
}

/// A version of 20,000 files: 200 folders of 50, and one of 10,000.
fn large() -> (TempDir, Repository) {
    let folder = scratch();
    let repo = create(folder.path());
    for n in 0..20_000_u32 {
        let path = if n < 10_000 { format!("d{:03}/{n}", n % 200) } else { format!("many/{n}") };
        let full = folder.path().join(&path);
        if n < 200 || n == 10_000 {
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        }
        std::fs::write(full, path).unwrap();
    }
    add_paths(&repo, &["."]);
    make_version(&repo, false).unwrap();
    (folder, repo)
}

/// Tree nodes that were read, and what came of it.
fn counted<T>(root: &Path, work: impl FnOnce(&Repository) -> T) -> (u64, T) {
    let repo = open_real(root);
    let done = work(&repo);
    (repo.db().counters().tree_nodes.load(Ordering::Relaxed), done)
}

#[test]
fn work_in_a_sparse_worktree_reads_the_nodes_on_its_way() {
    let (_full, repo) = large();
    let (folder, outcome) = clone(&repo, &[]);
    let root = folder.path();
    assert_eq!(outcome.stats.written, 0);
    let few = |what: &str, nodes: u64| assert!(nodes <= 24, "{what} read {nodes} tree nodes");
    let (nodes, found) = counted(root, state);
    few("status", nodes);
    assert_eq!(found.not_checked_out.map(|totals| totals.files), Some(20_000));
    assert!(found.is_clean());

    put(root, "many/new", b"new");
    put(root, "d007/7", b"changed");
    few("add", counted(root, |repo| add_paths(repo, &["."])).0);
    few("commit", counted(root, |repo| make_version(repo, false).unwrap()).0);
    let (nodes, version) = counted(root, |repo| repo.head_version().unwrap().unwrap().1);
    assert_eq!((nodes, version.totals.files), (0, 20_001));
    few("rm", counted(root, |repo| remove(repo, "many/10007", false, false).unwrap()).0);
    few("rm of a folder", counted(root, |repo| remove(repo, "d100", false, false).unwrap()).0);
    few("mv", counted(root, |repo| rename(repo, "many/10008", "moved").unwrap()).0);
    few("commit", counted(root, |repo| make_version(repo, false).unwrap()).0);
    let (nodes, found) = counted(root, state);
    few("status", nodes);
    assert!(found.is_clean());
    let files = 20_001 - 51;
    assert_eq!(repo_totals(root).files, files);
    // Two are there.
    assert_eq!(found.not_checked_out.map(|totals| totals.files), Some(files - 2));
    few("restore", counted(root, |repo| bring(repo, "moved", None, false, false).unwrap()).0);
    assert_eq!(std::fs::read(root.join("moved")).unwrap(), b"many/10008");
}

fn repo_totals(root: &Path) -> Totals {
    open_real(root).head_version().unwrap().unwrap().1.totals
}

#[test]
fn only_what_is_wanted_comes() {
    let folder = scratch();
    let repo = create(folder.path());
    let write = |names: &[&str]| {
        names.iter().for_each(|name| put(folder.path(), name, name.as_bytes()));
        add_paths(&repo, &["."]);
        make_version(&repo, false).unwrap()
    };
    let first = write(&["train/a", "train/deep/b", "test/a", "labels/x.json", "labels/x.txt", "readme"]);
    let second = write(&["train/c", "test/c", "labels/y.json", "labels/y.txt"]);
    visit(&repo, first, false).unwrap();
    let (sparse, _) = clone(&repo, &["train", "labels/*.json"]);
    let files = || {
        let names = worktree(sparse.path()).into_keys().map(|path| path.to_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(files(), ["labels/x.json", "train/a", "train/deep/b"]);
    let repo = open_real(sparse.path());
    assert!(state(&repo).is_clean());
    bring(&repo, "readme", None, false, false).unwrap();
    visit(&repo, second, false).unwrap();
    let all = ["labels/x.json", "labels/y.json", "readme", "train/a", "train/c", "train/deep/b"];
    assert_eq!(files(), all);
    assert!(state(&repo).is_clean());
    visit(&repo, first, false).unwrap();
    assert_eq!(files(), ["labels/x.json", "readme", "train/a", "train/deep/b"]);
    // Other things can be wanted; what is there stays.
    go(&repo, &["test/**"], false).unwrap();
    assert_eq!(files(), ["labels/x.json", "readme", "test/a", "train/a", "train/deep/b"]);
    assert_eq!(checkout::Wanted::read(&repo).unwrap().unwrap().patterns, ["test/**"]);
    checkout::fill(&repo, false, &monitor()).unwrap();
    assert_eq!(files().len(), 6);
    assert!(state(&repo).is_clean() && state(&repo).not_checked_out.is_none());
    // And it can become sparse again, with all that is there.
    go(&repo, &[], false).unwrap();
    assert_eq!(files().len(), 6);
    visit(&repo, second, false).unwrap();
    assert_eq!(files().len(), 6);
    assert_eq!(state(&repo).not_checked_out.map(|totals| totals.files), Some(4));
}

#[test]
fn what_is_staged_is_carried_over_or_in_the_way() {
    let folder = scratch();
    let full = create(folder.path());
    let write = |name: &str, bytes: &[u8]| {
        put(folder.path(), name, bytes);
        add_paths(&full, &["."]);
        make_version(&full, false).unwrap()
    };
    write("dir/same", b"same");
    let first = write("dir/other", b"one");
    let second = write("dir/other", b"two");
    visit(&full, first, false).unwrap();
    let (sparse, _) = clone(&full, &[]);
    let repo = open_real(sparse.path());
    remove(&repo, "dir/same", false, false).unwrap();
    put(sparse.path(), "new", b"new");
    add_paths(&repo, &["new"]);
    assert_eq!(visit(&repo, second, false).unwrap().kept_staged, 2);
    assert_eq!(state(&repo).staged.len(), 2);
    // Here the versions differ, so what is staged would be lost.
    put(sparse.path(), "dir/other", b"three");
    let error = visit(&repo, first, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldOverwrite);
    add_paths(&repo, &["dir/other"]);
    let error = visit(&repo, first, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldOverwrite);
    assert_eq!(repo.refs().head_version().unwrap(), Some(second));
    visit(&repo, first, true).unwrap();
    assert_eq!(std::fs::read(sparse.path().join("dir/other")).unwrap(), b"one");
    assert!(state(&repo).staged.is_empty());
}

#[test]
fn a_full_worktree_becomes_sparse_only_when_nothing_is_staged() {
    let folder = scratch();
    let repo = create(folder.path());
    put(folder.path(), "a", b"a");
    add_paths(&repo, &["a"]);
    let error = go(&repo, &[], false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().is_some());
    make_version(&repo, false).unwrap();
    go(&repo, &[], false).unwrap();
    assert!(repo.index().unwrap().is_sparse() && state(&repo).is_clean());
}
