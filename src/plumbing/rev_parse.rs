//! `rev-parse`: from what a person writes to an object.
//!
//! | written | names |
//! |---|---|
//! | `HEAD` | the version that the worktree stands on |
//! | `cats`, `refs/datasets/cats` | a dataset's newest version |
//! | `cats@1.2.0`, `cats@1.2`, `cats@1`, `cats@latest` | a version by its label; the highest patch, or minor and patch; the newest |
//! | `origin/cats`, `refs/remotes/origin/cats` | the newest version of a dataset of a remote, as it was last seen |
//! | `gold`, `refs/tags/gold` | the newest version that bears the tag |
//! | `5f3a`, 4 to 64 hexadecimal digits | what has an id that begins so |
//! | `REV~3`, `REV~` | the third, the first, ancestor by first parents |
//! | `REV^2`, `REV^` | the second, the first, parent |
//! | `REV:path`, `REV:` | what lies at the path in a version; the root |
//!
//! A word with several meanings is an error that lists them, unless all lead to one version.

mod error;
mod text;

use std::collections::BTreeMap;

use error::near;
pub use error::{Candidate, RevError};
pub use text::Revision;
use text::{Base, Suffix};

use super::cat_file::ObjectKind;
use super::labels::{LabelQuery, find, newest};
use super::tree_walk::lookup;
use crate::codec::pack::RecordKind;
use crate::model::{
    BlobId, DatasetName, Entry, Head, Interrupt, ObjectId, RemoteName, RepoPath, TRACKING_REFS, TagName,
    TreeId, Version, VersionId,
};
use crate::store::{EventLog, ObjectDb, Refs, StoreError};

/// Where names are looked up.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The objects.
    pub db: &'a ObjectDb,
    /// The datasets.
    pub refs: &'a Refs,
    /// The tags.
    pub events: &'a EventLog,
    /// Ends long walks early.
    pub interrupt: &'a Interrupt,
}

/// What a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What it is.
    pub kind: ObjectKind,
    /// Its id.
    pub id: ObjectId,
    /// The version that was named, or in which the path was looked up.
    pub version: Option<VersionId>,
    /// The path behind the colon, if there was one.
    pub path: Option<RepoPath>,
    /// What lies there; `None` for the root, and where there was no path.
    pub entry: Option<Entry>,
}

impl<'a> Names<'a> {
    /// The version that a text names.
    ///
    /// # Errors
    /// When it is malformed, names nothing, several versions, or something that is no version.
    pub fn version(&self, text: &str) -> Result<VersionId, RevError> {
        let revision = Revision::parse(text.as_bytes())?;
        if revision.path.is_some() {
            return Err(revision.malformed("a version was expected, not a path in one"));
        }
        let found = self.resolve_object(&revision)?;
        match found.version {
            Some(version) => Ok(version),
            None => {
                Err(RevError::WrongKind { text: revision.shown(), found: found.kind, expected: "version" })
            }
        }
    }

    /// The directory that a text names: a version's root, `REV:dir`, or a tree by its id.
    ///
    /// # Errors
    /// As [`Names::version`], for what is no directory.
    pub fn tree(&self, text: &[u8]) -> Result<TreeId, RevError> {
        let found = self.object(text)?;
        match found.kind {
            ObjectKind::Version => self.tree_of(VersionId::new(found.id)),
            ObjectKind::Tree => Ok(TreeId::new(found.id)),
            ObjectKind::Blob => {
                let text = Revision::parse(text)?.shown();
                Err(RevError::WrongKind { text, found: found.kind, expected: "directory" })
            }
        }
    }

    /// The files of a version, unless it was deleted.
    fn tree_of(&self, id: VersionId) -> Result<TreeId, RevError> {
        let version = self.db.version(&id)?;
        if self.db.tombstones().contains(&id) {
            return Err(RevError::Deleted { version: version.full_label() });
        }
        Ok(version.tree)
    }

    /// What a text names, of any kind.
    ///
    /// # Errors
    /// When it is malformed, names nothing or several things.
    pub fn object(&self, text: &[u8]) -> Result<Resolved, RevError> {
        let revision = Revision::parse(text)?;
        let base = self.resolve_object(&revision)?;
        let Some(path) = revision.path.clone() else { return Ok(base) };
        let tree = match base.kind {
            ObjectKind::Version => self.tree_of(VersionId::new(base.id))?,
            ObjectKind::Tree => TreeId::new(base.id),
            ObjectKind::Blob => {
                return Err(RevError::WrongKind {
                    text: revision.rev,
                    found: base.kind,
                    expected: "directory",
                });
            }
        };
        if path.is_root() {
            let (kind, id) = (ObjectKind::Tree, tree.object());
            return Ok(Resolved { kind, id, version: base.version, path: Some(path), entry: None });
        }
        let Some(entry) = lookup(self.db, &tree, &path)? else {
            return Err(RevError::NoPath { rev: revision.rev, path });
        };
        let kind = if entry.kind.is_dir() { ObjectKind::Tree } else { ObjectKind::Blob };
        Ok(Resolved { kind, id: entry.id, version: base.version, path: Some(path), entry: Some(entry) })
    }

    /// Versions to begin at and versions to leave out: `REV`, `^REV`, `A..B`, where a missing side stands
    /// for `HEAD`.
    ///
    /// # Errors
    /// As [`Names::version`].
    pub fn range(&self, text: &str) -> Result<(Option<VersionId>, Option<VersionId>), RevError> {
        let side = |text: &str| self.version(if text.is_empty() { "HEAD" } else { text });
        if let Some((from, to)) = text.split_once("..") {
            return Ok((Some(side(to)?), Some(side(from)?)));
        }
        match text.strip_prefix('^') {
            Some(text) => Ok((None, Some(self.version(text)?))),
            None => Ok((Some(self.version(text)?), None)),
        }
    }

    /// What stands before the colon, its suffixes followed.
    fn resolve_object(&self, revision: &Revision) -> Result<Resolved, RevError> {
        let found = match &revision.base {
            Base::Head => self.plain(self.head()?),
            Base::Label { dataset, query } => self.plain(self.labelled(revision, dataset, query)?),
            Base::Latest(dataset) => self.plain(self.tip(revision, dataset)?),
            Base::Tag(tag) => {
                let versions = self.tags()?.remove(tag).unwrap_or_default();
                let newest = self.newest_of(&versions)?;
                self.plain(newest.map(|(id, _)| id).ok_or_else(|| self.not_found(revision))?)
            }
            Base::Word(word) => self.word(revision, word)?,
        };
        if revision.suffixes.is_empty() {
            return Ok(found);
        }
        let Some(mut id) = found.version else {
            return Err(RevError::WrongKind {
                text: revision.rev.clone(),
                found: found.kind,
                expected: "version",
            });
        };
        for suffix in &revision.suffixes {
            id = self.follow(revision, id, *suffix)?;
        }
        Ok(self.plain(id))
    }

    fn plain(&self, id: VersionId) -> Resolved {
        let kind = ObjectKind::Version;
        Resolved { kind, id: id.object(), version: Some(id), path: None, entry: None }
    }

    fn follow(&self, revision: &Revision, mut id: VersionId, suffix: Suffix) -> Result<VersionId, RevError> {
        let parent = |id: VersionId, number: usize| {
            let version = self.db.version(&id)?;
            let parent = version.parents.get(number - 1).copied();
            let rev = || revision.rev.clone();
            parent.ok_or_else(|| RevError::NoParent { rev: rev(), of: version.full_label(), number })
        };
        match suffix {
            Suffix::Parent(0) => Ok(id),
            Suffix::Parent(number) => parent(id, number),
            Suffix::Ancestor(steps) => {
                for _ in 0..steps {
                    self.interrupt.check()?;
                    id = parent(id, 1)?;
                }
                Ok(id)
            }
        }
    }

    fn head(&self) -> Result<VersionId, RevError> {
        let head = self.refs.head()?;
        match (self.refs.resolve(&head)?, head) {
            (Some(id), _) | (None, Head::Detached(id)) => Ok(id),
            (None, Head::Dataset(dataset)) => Err(RevError::NoVersionYet { dataset }),
        }
    }

    fn tip(&self, revision: &Revision, dataset: &DatasetName) -> Result<VersionId, RevError> {
        if let Some(id) = self.refs.read(dataset)? {
            return Ok(id);
        }
        if let Some((id, _)) = self.tracked(dataset.as_str())? {
            return Ok(id);
        }
        match self.refs.head()? {
            Head::Dataset(name) if name == *dataset => Err(RevError::NoVersionYet { dataset: name }),
            _ => Err(self.not_found(revision)),
        }
    }

    /// Where a dataset of a remote was, if `name` is a remote's name, a slash and a dataset's name.
    fn tracked(&self, name: &str) -> Result<Option<(VersionId, DatasetName)>, RevError> {
        let name = name.strip_prefix(TRACKING_REFS).unwrap_or(name);
        let Some((remote, dataset)) = name.split_once('/') else { return Ok(None) };
        let (Ok(remote), Ok(dataset)) = (RemoteName::new(remote), DatasetName::new(dataset)) else {
            return Ok(None);
        };
        Ok(self.refs.tracking().read(&remote, &dataset)?.map(|id| (id, dataset)))
    }

    fn labelled(
        &self,
        revision: &Revision,
        dataset: &DatasetName,
        query: &LabelQuery,
    ) -> Result<VersionId, RevError> {
        if self.refs.read(dataset)?.is_none()
            && let Some((tip, dataset)) = self.tracked(dataset.as_str())?
        {
            return self.labelled_below(revision, &dataset, query, &[tip], None);
        }
        let (tips, unknown) = match self.tip(revision, dataset) {
            Ok(tip) => (vec![tip], None),
            // A dataset that was renamed or deleted may live on in the history of others.
            Err(error @ RevError::NotFound { .. }) => {
                (self.refs.list()?.into_iter().map(|(_, id)| id).collect(), Some(error))
            }
            Err(error) => return Err(error),
        };
        self.labelled_below(revision, dataset, query, &tips, unknown)
    }

    fn labelled_below(
        &self,
        revision: &Revision,
        dataset: &DatasetName,
        query: &LabelQuery,
        tips: &[VersionId],
        unknown: Option<RevError>,
    ) -> Result<VersionId, RevError> {
        let events = self.events.read()?;
        let known_as = events.known_as(dataset);
        let mut found = find(self.db, tips, &known_as, query, self.interrupt)?;
        let deleted = events.deleted();
        found.retain(|(id, _)| !deleted.contains(id));
        if found.is_empty() {
            let newest = newest(self.db, tips, &known_as, self.interrupt)?.map(|(label, _)| label);
            if let (None, Some(unknown)) = (&newest, unknown) {
                return Err(unknown);
            }
            return Err(RevError::NoLabel { text: revision.shown_base(), dataset: dataset.clone(), newest });
        }
        let candidates = found.iter().map(|(id, version)| Candidate::version("version", *id, version));
        one_of(revision, candidates.collect())
    }

    /// A word that may be a dataset, a tag or the beginning of an id.
    fn word(&self, revision: &Revision, word: &str) -> Result<Resolved, RevError> {
        let whole_id = word.parse::<VersionId>().ok();
        if let Some(id) = whole_id {
            return match super::cat_file::kind_of(self.db, &id.object()) {
                Ok(ObjectKind::Version) => Ok(self.plain(id)),
                Ok(kind) => Ok(Resolved { kind, id: id.object(), version: None, path: None, entry: None }),
                Err(super::cat_file::Error::Store(error)) => Err(error.into()),
                Err(_) => Err(self.not_found(revision)),
            };
        }
        let mut candidates = Vec::new();
        if let Ok(dataset) = DatasetName::new(word)
            && let Some(id) = self.refs.read(&dataset)?
        {
            candidates.push(self.candidate("dataset", id)?);
        }
        if let Some((id, _)) = self.tracked(word)? {
            candidates.push(self.candidate("dataset of a remote", id)?);
        }
        if let Ok(tag) = TagName::new(word)
            && let Some(versions) = self.tags()?.remove(&tag)
            && let Some((id, version)) = self.newest_of(&versions)?
        {
            candidates.push(Candidate::version("tag", id, &version));
        }
        let mut others = Vec::new();
        for (kind, id) in self.by_prefix(word)? {
            match kind {
                ObjectKind::Version => candidates.push(self.candidate("version", VersionId::new(id))?),
                ObjectKind::Tree | ObjectKind::Blob => others.push((kind, id)),
            }
        }
        if !candidates.is_empty() {
            // A version comes before a tree or blob of the same beginning, which people seldom name.
            return Ok(self.plain(one_of(revision, candidates)?));
        }
        match others.as_slice() {
            [] => self.nothing(revision, word),
            [(kind, id)] => Ok(Resolved { kind: *kind, id: *id, version: None, path: None, entry: None }),
            several => {
                let shown = several.iter().map(|(kind, id)| Candidate {
                    what: kind.as_str(),
                    id: *id,
                    about: String::new(),
                });
                Err(RevError::Ambiguous { text: revision.shown_base(), candidates: shown.collect() })
            }
        }
    }

    fn nothing(&self, revision: &Revision, word: &str) -> Result<Resolved, RevError> {
        match self.refs.head()? {
            Head::Dataset(dataset) if dataset.as_str() == word => Err(RevError::NoVersionYet { dataset }),
            _ => Err(self.not_found(revision)),
        }
    }

    fn candidate(&self, what: &'static str, id: VersionId) -> Result<Candidate, RevError> {
        match self.db.version(&id) {
            Ok(version) => Ok(Candidate::version(what, id, &version)),
            // It may still be named; whoever reads it is told.
            Err(StoreError::Missing { .. }) => Ok(Candidate { what, id: id.object(), about: String::new() }),
            Err(error) => Err(error.into()),
        }
    }

    /// Objects whose ids begin with a word of 4 or more hexadecimal digits.
    fn by_prefix(&self, word: &str) -> Result<Vec<(ObjectKind, ObjectId)>, RevError> {
        let Some(prefix) = text::hex_prefix(word) else { return Ok(Vec::new()) };
        let mut found: BTreeMap<ObjectId, ObjectKind> = BTreeMap::new();
        for entry in self.db.find_prefix(&prefix, word.len())? {
            let kind = match entry.locator.kind {
                RecordKind::Version => ObjectKind::Version,
                RecordKind::Tree => ObjectKind::Tree,
                RecordKind::Blob | RecordKind::ChunkedBlob => ObjectKind::Blob,
                // The store's own affair, under other hashes.
                RecordKind::ChunkNode | RecordKind::Chunk => continue,
            };
            let known = found.entry(BlobId::from_bytes(entry.id).object()).or_insert(kind);
            if kind == ObjectKind::Version {
                *known = kind;
            }
        }
        Ok(found.into_iter().map(|(id, kind)| (kind, id)).collect())
    }

    fn tags(&self) -> Result<BTreeMap<TagName, std::collections::BTreeSet<VersionId>>, RevError> {
        Ok(self.events.read()?.tags())
    }

    /// The latest of some versions; those that are not here are passed over.
    fn newest_of<'v>(
        &self,
        ids: impl IntoIterator<Item = &'v VersionId>,
    ) -> Result<Option<(VersionId, Version)>, RevError> {
        let mut newest: Option<(VersionId, Version)> = None;
        for id in ids {
            let version = match self.db.version(id) {
                Err(StoreError::Missing { .. }) => continue,
                read => read?,
            };
            let key = |id: &VersionId, version: &Version| (version.time.seconds, *id);
            if newest.as_ref().is_none_or(|(best, of)| key(best, of) < key(id, &version)) {
                newest = Some((*id, version));
            }
        }
        Ok(newest)
    }

    /// The error for a name that is not there, with those that are similar.
    fn not_found(&self, revision: &Revision) -> RevError {
        let word = revision.name();
        let datasets = self.refs.names().unwrap_or_default().into_iter().map(String::from);
        let tags = self.tags().unwrap_or_default().into_keys().map(String::from);
        let near = near(word, datasets.chain(tags));
        RevError::NotFound { text: revision.shown_base(), near }
    }
}

/// The one version that all candidates are.
fn one_of(revision: &Revision, candidates: Vec<Candidate>) -> Result<VersionId, RevError> {
    match candidates.as_slice() {
        [first, others @ ..] if others.iter().all(|other| other.id == first.id) => {
            Ok(VersionId::new(first.id))
        }
        _ => Err(RevError::Ambiguous { text: revision.shown_base(), candidates }),
    }
}

#[cfg(test)]
mod tests;
