//! The verbs that write, each with a small repository that it is run on: for crashes and failing calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use dsv::model::{DatasetName, Head, TagName};
use dsv::porcelain::{Error, Repository, add, branch, checkout, commit, delete, draft, gc};

use super::repo::{State, create, monitor, open_real, state_of};
use super::rng::Rng;
use super::scratch;
use super::tree::{Tree, read_tree};

/// A verb and what it starts from.
pub(crate) struct Scenario {
    /// The whole folder, the repository in it included.
    pub(crate) folder: Tree,
    pub(crate) verb: fn(&Repository) -> Result<(), Error>,
    pub(crate) before: State,
    pub(crate) after: State,
    /// The staging index and the worktree may stand between the two states, path by path.
    gradual: bool,
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::new(seed).fill(&mut bytes);
    bytes
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn add_all(repo: &Repository) -> Result<(), Error> {
    add::run(repo, &add::Options { paths: vec![".".into()], ..Default::default() }, &monitor()).map(drop)
}

fn commit_staged(repo: &Repository) -> Result<(), Error> {
    commit::run(repo, &commit::Options { message: Some("More".to_owned()), ..Default::default() }, &monitor())
        .map(drop)
}

/// The way back to the parent of the dataset's newest version, or from there once more.
fn checkout_parent(repo: &Repository) -> Result<(), Error> {
    let newest = repo.refs().list()?[0].1;
    let version = repo.db().version(&newest)?.parents[0];
    let options = checkout::Options {
        head: Head::Detached(version),
        version: Some(version),
        create: false,
        force: false,
        sparse: None,
    };
    checkout::run(repo, &options, &monitor()).map(drop)
}

fn collect_garbage(repo: &Repository) -> Result<(), Error> {
    gc::run(repo, &gc::Options { grace: Some(Duration::ZERO), ..Default::default() }, &monitor()).map(drop)
}

/// A draft of a new dataset that inherits from the two versions of the line; nothing more when it is open.
fn open_draft(repo: &Repository) -> Result<(), Error> {
    if repo.open_draft()?.is_some() {
        return Ok(());
    }
    let newest = repo.refs().list()?[0].1;
    let options = draft::create::Options {
        dataset: DatasetName::new("pets")?,
        parents: vec![newest, repo.db().version(&newest)?.parents[0]],
        label: None,
        tags: [TagName::new("mixed")?].into(),
        description: Some("All of them".to_owned()),
        metadata: BTreeMap::new(),
        checkout: false,
    };
    draft::create::run(repo, &options, &monitor()).map(drop)
}

/// Sets the open draft aside; nothing more when that is done.
fn abort_draft(repo: &Repository) -> Result<(), Error> {
    let is_done = repo.refs().head()?.dataset().is_none_or(|name| name.as_str() != "pets");
    if is_done {
        return Ok(());
    }
    draft::abort::run(repo, &draft::abort::Options::default(), &monitor()).map(drop)
}

/// Deletes the newest version of the dataset on which the worktree does not stand; nothing more when that is done.
fn delete_newest(repo: &Repository) -> Result<(), Error> {
    let other = repo.refs().log()?.moves.into_iter().rev().find(|moved| moved.why.starts_with("branch:"));
    let id = other.unwrap().new.unwrap();
    if repo.record(&id)?.deleted.is_some() {
        return Ok(());
    }
    let options =
        delete::Options { what: delete::What::Version(id), force: true, remote: None, dry_run: false };
    delete::run(repo, &options, &monitor()).map(drop)
}

/// A repository with one version.
fn one_version(root: &Path) -> Repository {
    let repo = create(root);
    write(root, "a.txt", b"first");
    write(root, "folder/b.txt", b"stays");
    write(root, "folder/gone.txt", b"goes");
    write(root, "large.bin", &bytes(1, 90_000));
    add_all(&repo).unwrap();
    commit_staged(&repo).unwrap();
    repo
}

/// A repository with an open draft of two parents, and a file more that is staged.
fn draft_with_a_file(root: &Path) {
    let repo = one_version(root);
    change(root);
    add_all(&repo).unwrap();
    commit_staged(&repo).unwrap();
    open_draft(&repo).unwrap();
    write(root, "more.txt", b"more");
    add_all(&repo).unwrap();
}

/// Changes of each kind in the worktree.
fn change(root: &Path) {
    write(root, "a.txt", b"second");
    write(root, "new/c.txt", b"new");
    std::fs::remove_file(root.join("folder/gone.txt")).unwrap();
    let mut large = bytes(1, 90_000);
    large.splice(40_000..40_000, bytes(2, 500));
    write(root, "large.bin", &large);
    std::os::unix::fs::symlink("a.txt", root.join("link")).unwrap();
}

impl Scenario {
    fn new(prepare: impl FnOnce(&Path), verb: fn(&Repository) -> Result<(), Error>, gradual: bool) -> Self {
        let folder = scratch();
        prepare(folder.path());
        let repo = open_real(folder.path());
        let (tree, before) = (read_tree(folder.path()), state_of(&repo));
        verb(&repo).unwrap();
        let after = state_of(&open_real(folder.path()));
        Self { folder: tree, verb, before, after, gradual }
    }

    pub(crate) fn add() -> Self {
        let prepare = |root: &Path| {
            one_version(root);
            change(root);
        };
        Self::new(prepare, add_all, false)
    }

    pub(crate) fn commit() -> Self {
        let prepare = |root: &Path| {
            let repo = one_version(root);
            change(root);
            add_all(&repo).unwrap();
        };
        Self::new(prepare, commit_staged, false)
    }

    pub(crate) fn checkout() -> Self {
        let prepare = |root: &Path| {
            let repo = one_version(root);
            change(root);
            add_all(&repo).unwrap();
            commit_staged(&repo).unwrap();
        };
        Self::new(prepare, checkout_parent, true)
    }

    /// A draft of two parents is opened; files in the folder are brought to what they give together.
    pub(crate) fn create() -> Self {
        let prepare = |root: &Path| {
            let repo = one_version(root);
            change(root);
            add_all(&repo).unwrap();
            commit_staged(&repo).unwrap();
        };
        Self::new(prepare, open_draft, true)
    }

    /// The draft of two parents, with a file more, becomes a version.
    pub(crate) fn commit_draft() -> Self {
        Self::new(draft_with_a_file, commit_staged, false)
    }

    /// The draft of two parents, with a file more, is set aside.
    pub(crate) fn abort() -> Self {
        Self::new(draft_with_a_file, abort_draft, true)
    }

    /// The newest version of another dataset goes, of which an older one stays.
    pub(crate) fn delete() -> Self {
        let prepare = |root: &Path| {
            let repo = one_version(root);
            change(root);
            add_all(&repo).unwrap();
            commit_staged(&repo).unwrap();
            checkout_parent(&repo).unwrap();
            let create = branch::Options::Create {
                name: DatasetName::new("dogs").unwrap(),
                at: Some(repo.refs().list().unwrap()[0].1),
                force: false,
            };
            branch::run(&repo, &create, &monitor()).unwrap();
        };
        Self::new(prepare, delete_newest, false)
    }

    /// With a pack to remove, one to rewrite, and staged files that no version has.
    pub(crate) fn gc() -> Self {
        let prepare = |root: &Path| {
            let repo = one_version(root);
            write(root, "unwanted.bin", &bytes(3, 60_000));
            add_all(&repo).unwrap();
            std::fs::remove_file(root.join("unwanted.bin")).unwrap();
            add_all(&repo).unwrap();
            write(root, "unwanted.bin", &bytes(4, 60_000));
            write(root, "kept.txt", b"kept beside the unwanted");
            add_all(&repo).unwrap();
            std::fs::remove_file(root.join("unwanted.bin")).unwrap();
            add_all(&repo).unwrap();
            commit_staged(&repo).unwrap();
            write(root, "staged.txt", b"staged alone");
            add_all(&repo).unwrap();
        };
        Self::new(prepare, collect_garbage, false)
    }

    /// Demands that a repository is in one of the two states; returns whether in the later one. That is not
    /// asked of what is staged where the verb changes it path by path.
    pub(crate) fn assert_either(&self, repo: &Repository) -> bool {
        let found = state_of(repo);
        if !self.gradual {
            assert!(found == self.before || found == self.after, "neither before nor after: {found:?}");
            return found == self.after;
        }
        let earlier = found.head == self.before.head && found.version == self.before.version;
        let later = found.head == self.after.head && found.version == self.after.version;
        assert!(earlier || later, "{:?} is neither before nor after", found.head);
        assert_eq!(found.versions, if later { &self.after } else { &self.before }.versions);
        let paths: BTreeSet<_> = [&found.staged, &self.before.staged, &self.after.staged]
            .into_iter()
            .flat_map(Tree::keys)
            .collect();
        for path in paths {
            let staged = found.staged.get(path);
            assert!(
                staged == self.before.staged.get(path) || staged == self.after.staged.get(path),
                "{} is staged as it never was",
                path.display()
            );
        }
        if later {
            assert_eq!(found.staged, self.after.staged, "HEAD moved before the index was whole");
        }
        later
    }
}
