//! A repository whose versions are made by hand, for the unit tests of what shows and names them.

use std::collections::BTreeMap;

use super::{Environment, Error, Repository, init};
use crate::model::{
    Author, DatasetName, EntryKind, Expected, Monitor, ObjectId, Origin, RepoPath, TagName, Time, Version,
    VersionId,
};
use crate::plumbing::Writer;
use crate::plumbing::tree_edit::{Edit, WrittenTree, apply};

pub(super) struct Line {
    pub(super) repo: Repository,
    _folder: tempfile::TempDir,
}

impl Line {
    /// A repository on the dataset `cats`, which has no version; the time is second 1000.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Some(Time { seconds: 1000, offset: 0 });
        let env = Environment { now, ..Environment::system(folder.path()) };
        let options = init::Options { dataset: Some(dataset("cats")), ..Default::default() };
        init::run(&env, &options, &Monitor::quiet()).unwrap();
        Self { repo: Repository::open(env, folder.path()).unwrap(), _folder: folder }
    }

    /// Stores a version of these files, each with a number that stands for its content and is its size.
    pub(super) fn version(
        &self,
        full_label: &str,
        second: i64,
        parents: &[VersionId],
        files: &[(&str, u8)],
    ) -> VersionId {
        let edits: BTreeMap<RepoPath, Edit> = files
            .iter()
            .map(|(name, n)| {
                (path(name), Edit::file(EntryKind::File, u64::from(*n), ObjectId::Sha256([*n; 32])))
            })
            .collect();
        let writer = Writer::new(self.repo.db()).unwrap();
        let WrittenTree { id: tree, totals } = apply(&writer, None, &edits).unwrap();
        let (name, label) = full_label.split_once('@').unwrap();
        let version = Version {
            tree,
            parents: parents.to_vec(),
            dataset: dataset(name),
            label: label.parse().unwrap(),
            author: Author { name: "Ada".into(), email: String::new() },
            time: Time { seconds: second, offset: 0 },
            message: format!("subject {second}\n\nMore."),
            metadata: BTreeMap::new(),
            origin: Origin::default(),
            totals,
        };
        let id = writer.put_version(&version).unwrap();
        writer.finish().unwrap();
        id
    }

    /// Points a dataset at a version.
    pub(super) fn point(&self, name: &str, id: VersionId) {
        let lock = self.repo.lock_refs(&Monitor::quiet()).unwrap();
        let note = self.repo.note("test").unwrap();
        self.repo.refs().update(&lock, &dataset(name), Expected::Any, Some(id), &note).unwrap();
    }

    /// Attaches a tag to a version.
    pub(super) fn tag(&self, name: &str, id: VersionId) {
        let add = super::tag::Options::Add { tag: tag(name), version: Some(id) };
        super::tag::run(&self.repo, &add, &Monitor::quiet()).unwrap();
    }
}

pub(super) fn dataset(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

pub(super) fn tag(text: &str) -> TagName {
    TagName::new(text).unwrap()
}

pub(super) fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

/// The kind of an error that must be one.
pub(super) fn kind_of<T: std::fmt::Debug>(result: Result<T, Error>) -> crate::model::ErrorKind {
    result.unwrap_err().kind()
}
