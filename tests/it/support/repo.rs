//! Repositories as the porcelain sees them, and all that can be read out of one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dsv::model::{BlobId, EntryKind, Head, Monitor, ObjectId, RepoPath, VersionId};
use dsv::plumbing::tree_walk::walk_all;
use dsv::porcelain::{Environment, Error, Repository, fsck, init};
use dsv::sys::{Fs, OsFs, is_temp_name};

use super::sandbox::NOW;
use super::tree::{Node, Tree, read_tree};

/// One thread, so that what happens does so in the same order every time.
pub(crate) fn monitor() -> Monitor<'static> {
    Monitor { threads: 1, ..Monitor::quiet() }
}

/// The clock stands still, so that equal commits get equal ids.
pub(crate) fn environment(fs: Arc<dyn Fs>, root: &Path) -> Environment {
    Environment { fs, now: Some(NOW.parse().unwrap()), ..Environment::system(root) }
}

pub(crate) fn open(fs: Arc<dyn Fs>, root: &Path) -> Result<Repository, Error> {
    Repository::open(environment(fs, root), root)
}

pub(crate) fn open_real(root: &Path) -> Repository {
    open(OsFs::new(), root).unwrap()
}

/// Makes a repository with the dataset `cats`.
pub(crate) fn create(root: &Path) -> Repository {
    let options = init::Options { dataset: Some("cats".parse().unwrap()), ..Default::default() };
    init::run(&environment(OsFs::new(), root), &options, &monitor()).unwrap();
    open_real(root)
}

/// The files and links below a folder, without those of the repository and the temporary files that an
/// ended process leaves behind and that are never data; folders only by what is in them.
pub(crate) fn worktree(root: &Path) -> Tree {
    let mut tree = read_tree(root);
    tree.retain(|path, node| {
        let name = path.file_name().unwrap_or_default();
        !path.starts_with(".dsv") && !is_temp_name(name.as_encoded_bytes()) && *node != Node::Directory
    });
    tree
}

fn node(repo: &Repository, kind: EntryKind, id: ObjectId) -> Option<Node> {
    if kind.is_dir() {
        return None;
    }
    let ObjectId::Sha256(digest) = id else { panic!("{id} is no SHA-256") };
    let mut bytes = Vec::new();
    repo.db().open_blob(&BlobId::from_bytes(digest)).unwrap().read_to_end(&mut bytes).unwrap();
    Some(match kind {
        EntryKind::Symlink => Node::Symlink(bytes),
        kind => Node::File { bytes: Arc::new(bytes), executable: kind == EntryKind::Executable },
    })
}

fn path_of(path: &RepoPath) -> PathBuf {
    PathBuf::from(OsString::from_vec(path.as_bytes().to_vec()))
}

/// Every byte of a version.
pub(crate) fn version_tree(repo: &Repository, id: &VersionId) -> Tree {
    let version = repo.db().version(id).unwrap();
    let items = walk_all(repo.db(), &version.tree).unwrap().map(Result::unwrap);
    items.filter_map(|(path, entry)| Some((path_of(&path), node(repo, entry.kind, entry.id)?))).collect()
}

/// Every byte that is staged.
pub(crate) fn staged_tree(repo: &Repository) -> Tree {
    let index = repo.index().unwrap();
    let entries = index.iter().map(Result::unwrap);
    entries
        .filter_map(|entry| Some((path_of(&entry.path), node(repo, entry.staged.kind, entry.staged.id)?)))
        .collect()
}

/// All that a repository promises to keep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) version: Option<VersionId>,
    pub(crate) staged: Tree,
    /// Every version that a dataset or `HEAD` leads to.
    pub(crate) versions: BTreeMap<VersionId, Tree>,
}

/// Reads everything, which must be readable.
pub(crate) fn state_of(repo: &Repository) -> State {
    let head = repo.refs().head().unwrap();
    let version = repo.refs().head_version().unwrap();
    let mut todo: Vec<_> = repo.refs().list().unwrap().into_iter().map(|(_, id)| id).chain(version).collect();
    let mut versions = BTreeMap::new();
    while let Some(id) = todo.pop() {
        if let std::collections::btree_map::Entry::Vacant(entry) = versions.entry(id) {
            entry.insert(version_tree(repo, &id));
            todo.extend(repo.db().version(&id).unwrap().parents);
        }
    }
    State { head, version, staged: staged_tree(repo), versions }
}

/// Demands that both kinds of check find no damage.
pub(crate) fn assert_whole(repo: &Repository) {
    assert_whole_but(repo, |_| false);
}

/// The same, but for findings that are excused. Nothing may be lost for any.
pub(crate) fn assert_whole_but(repo: &Repository, excused: impl Fn(&fsck::Finding) -> bool) {
    for full in [false, true] {
        let mut found = fsck::run(repo, &fsck::Options { full }, &monitor()).unwrap();
        found.findings.retain(|finding| !excused(finding));
        assert!(found.is_whole(), "fsck (full: {full}): {:?}, lost: {:?}", found.findings, found.lost);
    }
}
