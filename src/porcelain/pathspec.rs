//! Paths as a person gives them: names of files and folders, or patterns.

mod glob;

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

pub(super) use glob::Glob;
pub use glob::GlobError;

use super::{Error, Repository};
use crate::model::{RepoPath, TreeId, quote_path};
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::{PathFilter, locate};
use crate::plumbing::tree_walk::{lookup, walk_all};
use crate::worktree::StagingIndex;

/// A choice of paths of the dataset.
#[derive(Debug, Clone, Default)]
pub struct Pathspec {
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
struct Item {
    /// As it was given, for people.
    text: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// A path and all that is below it.
    Below(RepoPath),
    /// Paths that a pattern matches, below a folder; and all that is below a folder that it matches.
    Matching { folder: RepoPath, glob: Glob },
}

/// Where a path may be known.
#[derive(Clone, Copy, Default)]
pub(super) struct Places<'a> {
    /// What is staged.
    pub(super) index: Option<&'a StagingIndex>,
    /// Trees of versions.
    pub(super) trees: &'a [TreeId],
    /// Paths that were found on the disk.
    pub(super) found: &'a [RepoPath],
    /// The disk, of which only paths are looked up and no patterns.
    pub(super) disk: bool,
}

impl Pathspec {
    /// Reads paths relative to the folder that the command was given in. A text with `*`, `?` or `[` is a
    /// pattern, unless a file of exactly that name exists: `*` and `?` stop at `/`, `**` does not.
    ///
    /// # Errors
    /// When a path lies outside of the worktree, or a pattern is malformed.
    pub fn new(repo: &Repository, texts: &[OsString]) -> Result<Self, Error> {
        let items = texts.iter().map(|text| Self::item(repo, text)).collect::<Result<_, _>>()?;
        Ok(Self { items })
    }

    /// A path and all that is below it.
    pub(super) fn below(path: RepoPath) -> Self {
        Self { items: vec![Item { text: path.to_string(), what: What::Below(path) }] }
    }

    fn item(repo: &Repository, given: &OsStr) -> Result<Item, Error> {
        if !is_pattern(given) || repo.fs().stat(&repo.env().cwd.join(given)).is_ok() {
            return Ok(Item::below(given, repo.repo_path(Path::new(given))?));
        }
        Self::pattern(repo, given)
    }

    /// Reads a pattern.
    fn pattern(repo: &Repository, given: &OsStr) -> Result<Item, Error> {
        let text = quote_path(given.as_encoded_bytes());
        // The folder in front of the first part with a wildcard is a plain path.
        let parts: Vec<Component<'_>> = Path::new(given).components().collect();
        let plain = parts.iter().take_while(|part| !is_pattern(part.as_os_str())).count();
        let folder: PathBuf = std::iter::once(&Component::CurDir).chain(&parts[..plain]).collect();
        let folder = repo.repo_path(&folder)?;
        let pattern: Vec<&[u8]> =
            parts[plain..].iter().map(|part| part.as_os_str().as_encoded_bytes()).collect();
        Item::matching(text, folder, &pattern.join(&b'/'))
    }

    /// Reads paths from a dataset's root, whatever is in the worktree, if there is one. A text with `*`, `?` or `[` is a pattern.
    ///
    /// # Errors
    /// When a path cannot be part of a dataset, or a pattern is malformed.
    pub(super) fn of_dataset(texts: &[OsString]) -> Result<Self, Error> {
        let item = |given: &OsString| {
            let bytes = plain_bytes(given);
            let text = quote_path(bytes);
            if !is_pattern(given) {
                return Ok(Item { text, what: What::Below(RepoPath::new(bytes)?) });
            }
            let wild = bytes.iter().position(|byte| WILDCARDS.contains(byte)).unwrap_or(0);
            let (folder, pattern) = match bytes[..wild].iter().rposition(|byte| *byte == b'/') {
                Some(slash) => (&bytes[..slash], &bytes[slash + 1..]),
                None => (&b""[..], bytes),
            };
            Item::matching(text, RepoPath::new(folder)?, pattern)
        };
        Ok(Self { items: texts.iter().map(item).collect::<Result<_, _>>()? })
    }

    /// What was given, as it was given.
    pub(super) fn texts(&self) -> Vec<String> {
        self.items.iter().map(|item| item.text.clone()).collect()
    }

    /// Whether a path is chosen; notes in `met`, which has a place for each text, by which of them.
    pub(super) fn meets(&self, path: &RepoPath, met: &mut [bool]) -> bool {
        let mut chosen = self.is_empty();
        for (item, met) in self.items.iter().zip(met) {
            if item.matches(path) {
                (*met, chosen) = (true, true);
            }
        }
        chosen
    }

    /// Whether nothing was given.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Paths below which everything lies that is chosen; none when nothing was given.
    pub fn roots(&self) -> Vec<RepoPath> {
        let mut roots: Vec<_> = self.items.iter().map(|item| item.root().clone()).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    /// Whether a path is chosen; every one is when nothing was given.
    pub fn matches(&self, path: &RepoPath) -> bool {
        self.is_empty() || self.items.iter().any(|item| item.matches(path))
    }

    /// Whether a path is chosen itself, or lies right in a folder that is: nothing deeper is.
    pub(super) fn matches_flat(&self, path: &RepoPath) -> bool {
        self.is_empty() && path.parent().is_some_and(|parent| parent.is_root())
            || self.items.iter().any(|item| item.matches_flat(path))
    }

    /// The first pattern that neither a changed nor a tracked path matches.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn unmatched<'a>(
        &self,
        repo: &Repository,
        changed: impl Iterator<Item = &'a RepoPath> + Clone,
        index: &StagingIndex,
    ) -> Result<Option<&str>, Error> {
        for item in self.items.iter().filter(|item| item.is_pattern()) {
            if !changed.clone().any(|path| item.matches(path)) && !item.is_staged(repo, index)? {
                return Ok(Some(&item.text));
            }
        }
        Ok(None)
    }

    /// What was given and is known in none of these places, as it was given.
    ///
    /// # Errors
    /// When the index or a tree is damaged.
    pub(super) fn strangers(&self, repo: &Repository, places: &Places<'_>) -> Result<Vec<String>, Error> {
        let mut strangers = Vec::new();
        for item in &self.items {
            if !item.is_known(repo, places)? {
                strangers.push(item.text.clone());
            }
        }
        Ok(strangers)
    }

    /// Demands that everything that was given is known in one of these places.
    ///
    /// # Errors
    /// [`Error::NoMatch`].
    pub(super) fn all_tracked(&self, repo: &Repository, places: &Places<'_>) -> Result<(), Error> {
        let paths = self.strangers(repo, places)?;
        if paths.is_empty() { Ok(()) } else { Err(Error::NoMatch { paths }) }
    }

    /// Demands that everything that was given is known in one of these places, or in the current version, or is
    /// staged, or on the disk.
    ///
    /// # Errors
    /// [`Error::UnknownPath`].
    pub(super) fn all_known(&self, repo: &Repository, places: &Places<'_>) -> Result<(), Error> {
        if self.strangers(repo, places)?.is_empty() {
            return Ok(());
        }
        let mut trees = places.trees.to_vec();
        trees.extend(repo.head_version()?.map(|(_, version)| version.tree));
        let paths = self
            .strangers(repo, &Places { index: Some(&repo.index()?), trees: &trees, disk: true, ..*places })?;
        if paths.is_empty() { Ok(()) } else { Err(Error::UnknownPath { paths }) }
    }

    /// The same as a filter for scans; `None` when the roots alone say it.
    pub fn filter(&self) -> Option<PathFilter> {
        let has_patterns = self.items.iter().any(Item::is_pattern);
        let spec = self.clone();
        has_patterns.then(|| PathFilter(std::sync::Arc::new(move |path| spec.matches(path))))
    }
}

/// Whether a text has a wildcard.
pub fn is_pattern(text: &OsStr) -> bool {
    text.as_encoded_bytes().iter().any(|byte| WILDCARDS.contains(byte))
}

/// Characters that make a text a pattern.
const WILDCARDS: [u8; 3] = *b"*?[";

/// A path of the dataset as a person gives it, from the root.
///
/// # Errors
/// When it cannot be part of a dataset.
pub fn dataset_path(given: &OsStr) -> Result<RepoPath, Error> {
    Ok(RepoPath::new(plain_bytes(given))?)
}

/// Without `./` in front and `/` at the end.
fn plain_bytes(given: &OsStr) -> &[u8] {
    let mut bytes = given.as_encoded_bytes();
    while let Some(rest) = bytes.strip_prefix(b"./") {
        bytes = rest;
    }
    if bytes == b"." { b"" } else { bytes.strip_suffix(b"/").unwrap_or(bytes) }
}

impl Item {
    fn below(given: &OsStr, path: RepoPath) -> Self {
        Self { text: quote_path(given.as_encoded_bytes()), what: What::Below(path) }
    }

    /// What a pattern matches below a folder.
    fn matching(text: String, folder: RepoPath, pattern: &[u8]) -> Result<Self, Error> {
        match Glob::new(pattern) {
            Ok(glob) => Ok(Self { text, what: What::Matching { folder, glob } }),
            Err(source) => Err(Error::BadPattern { pattern: text, source }),
        }
    }

    const fn is_pattern(&self) -> bool {
        matches!(self.what, What::Matching { .. })
    }

    const fn root(&self) -> &RepoPath {
        match &self.what {
            What::Below(path) => path,
            What::Matching { folder, .. } => folder,
        }
    }

    fn matches(&self, path: &RepoPath) -> bool {
        match &self.what {
            What::Below(root) => path.starts_with(root),
            What::Matching { folder, glob } => path
                .strip_prefix(folder)
                .is_some_and(|below| !below.is_root() && glob.matches(below.as_bytes())),
        }
    }

    fn matches_flat(&self, path: &RepoPath) -> bool {
        let parent = path.parent();
        match &self.what {
            What::Below(root) => path == root || parent.as_ref() == Some(root),
            What::Matching { .. } => {
                self.matches(path) && !parent.is_some_and(|parent| self.matches(&parent))
            }
        }
    }

    fn is_known(&self, repo: &Repository, places: &Places<'_>) -> Result<bool, Error> {
        // The folder as a whole is known even when it is empty.
        if matches!(&self.what, What::Below(root) if root.is_root()) {
            return Ok(true);
        }
        if let Some(index) = places.index
            && self.is_staged(repo, index)?
        {
            return Ok(true);
        }
        if places.found.iter().any(|path| self.matches(path)) {
            return Ok(true);
        }
        for tree in places.trees {
            if self.is_in_tree(repo, tree)? {
                return Ok(true);
            }
        }
        let on_disk = || Ok(repo.fs().stat(&locate(repo.fs(), repo.root(), self.root())?).is_ok());
        if places.disk && !self.is_pattern() { on_disk() } else { Ok(false) }
    }

    /// Whether any of it is staged, checked out or not.
    fn is_staged(&self, repo: &Repository, index: &StagingIndex) -> Result<bool, Error> {
        let behind = Behind::new(repo.db(), index);
        if !self.is_pattern() {
            return Ok(behind.stages(index, self.root())?);
        }
        for entry in index.iter_below(self.root()) {
            if self.matches(&entry?.path) {
                return Ok(true);
            }
        }
        let mut found = false;
        behind.not_checked_out(index, self.root(), &mut |path, _| {
            found = self.matches(&path);
            Ok(!found)
        })?;
        Ok(found)
    }

    fn is_in_tree(&self, repo: &Repository, tree: &TreeId) -> Result<bool, Error> {
        if !self.is_pattern() {
            return Ok(lookup(repo.db(), tree, self.root())?.is_some());
        }
        for item in walk_all(repo.db(), tree)? {
            if self.matches(&item?.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
