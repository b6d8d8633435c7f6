//! Paths as a person gives them: names of files and folders, or patterns.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use super::{Error, Repository};
use crate::model::RepoPath;
use crate::plumbing::sparse::Behind;
use crate::plumbing::stage::PathFilter;
use crate::worktree::StagingIndex;

/// A choice of paths of the dataset.
#[derive(Debug, Clone, Default)]
pub struct Pathspec {
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
enum Item {
    /// A path and all that is below it.
    Below(RepoPath),
    /// Paths that a pattern matches, below a folder; and all that is below a folder that it matches.
    Matching { text: String, folder: RepoPath, glob: GlobMatcher },
}

impl Pathspec {
    /// Reads paths relative to the folder that the command was given in. A text with `*`, `?` or `[` is a
    /// pattern, unless a file of exactly that name exists: `*` and `?` stop at `/`, `**` does not.
    ///
    /// # Errors
    /// When a path lies outside of the worktree, or a pattern is malformed.
    pub fn new(repo: &Repository, texts: &[String]) -> Result<Self, Error> {
        let items = texts.iter().map(|text| Self::item(repo, text)).collect::<Result<_, _>>()?;
        Ok(Self { items })
    }

    /// A path and all that is below it.
    pub(super) fn below(path: RepoPath) -> Self {
        Self { items: vec![Item::Below(path)] }
    }

    fn item(repo: &Repository, text: &str) -> Result<Item, Error> {
        let is_pattern = text.contains(['*', '?', '[']);
        if !is_pattern || repo.fs().stat(&repo.env().cwd.join(text)).is_ok() {
            return Ok(Item::Below(repo.repo_path(Path::new(text))?));
        }
        Self::pattern(text, |folder| repo.repo_path(Path::new(if folder.is_empty() { "." } else { folder })))
    }

    /// Reads paths and patterns relative to the root, whatever is in the worktree.
    ///
    /// # Errors
    /// When one is malformed.
    pub(super) fn from_root(texts: &[String]) -> Result<Self, Error> {
        let item = |text: &String| match text.contains(['*', '?', '[']) {
            true => Self::pattern(text, |folder| Ok(RepoPath::new(folder)?)),
            false => Ok(Item::Below(RepoPath::new(text.trim_end_matches('/'))?)),
        };
        Ok(Self { items: texts.iter().map(item).collect::<Result<_, _>>()? })
    }

    fn pattern(text: &str, folder: impl FnOnce(&str) -> Result<RepoPath, Error>) -> Result<Item, Error> {
        // The folder in front of the first part with a wildcard is a plain path.
        let parts: Vec<&str> = text.split('/').collect();
        let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '['])).count();
        let prefix = parts[..plain].join("/");
        let folder = folder(&prefix)?;
        let pattern = parts[plain..].join("/");
        let glob = GlobBuilder::new(&pattern)
            .literal_separator(true)
            .build()
            .map_err(|source| Error::BadPattern { pattern: text.to_owned(), source })?;
        Ok(Item::Matching { text: text.to_owned(), folder, glob: glob.compile_matcher() })
    }

    /// Whether nothing was given.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Paths below which everything lies that is chosen; none when nothing was given.
    pub fn roots(&self) -> Vec<RepoPath> {
        let root = |item: &Item| match item {
            Item::Below(path) => path.clone(),
            Item::Matching { folder, .. } => folder.clone(),
        };
        let mut roots: Vec<_> = self.items.iter().map(root).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    /// Whether a path is chosen; every one is when nothing was given.
    pub fn matches(&self, path: &RepoPath) -> bool {
        self.is_empty() || self.items.iter().any(|item| item.matches(path))
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
        for item in &self.items {
            let Item::Matching { text, folder, .. } = item else { continue };
            if changed.clone().any(|path| item.matches(path)) {
                continue;
            }
            let mut tracked = index.iter().map(|entry| entry.map(|entry| item.matches(&entry.path)));
            if tracked.find(|matches| !matches!(matches, Ok(false))).transpose()?.unwrap_or(false) {
                continue;
            }
            let mut found = false;
            Behind::new(repo.db(), index).not_checked_out(index, folder, &mut |path, _| {
                found = item.matches(&path);
                Ok(!found)
            })?;
            if !found {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// The same as a filter for scans; `None` when the roots alone say it.
    pub fn filter(&self) -> Option<PathFilter> {
        let has_patterns = self.items.iter().any(|item| matches!(item, Item::Matching { .. }));
        let spec = self.clone();
        has_patterns.then(|| PathFilter(std::sync::Arc::new(move |path| spec.matches(path))))
    }
}

impl Item {
    fn matches(&self, path: &RepoPath) -> bool {
        match self {
            Self::Below(root) => path.starts_with(root),
            Self::Matching { folder, glob, .. } => {
                let Some(below) = path.strip_prefix(folder) else { return false };
                let mut candidate = Some(below);
                while let Some(path) = candidate.filter(|path| !path.is_root()) {
                    if glob.is_match(String::from_utf8_lossy(path.as_bytes()).as_ref()) {
                        return true;
                    }
                    candidate = path.parent();
                }
                false
            }
        }
    }
}
