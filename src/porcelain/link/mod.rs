//! External links: files of a dataset whose bytes stay where they are.
//!
//! `dsv add --link` records what a bucket, a folder or a web server has; `dsv add --refresh` looks again; `dsv materialize`
//! turns links into stored files. What links lead to is brought when somebody asks for it by path.

mod add;
mod bring;
mod error;
mod materialize;
mod refresh;
mod spec;

use crate::model::{BlobId, ExternalLink, RepoPath, SourceTag};
use crate::plumbing::links::read_link;
use crate::plumbing::sparse::Behind;
use crate::porcelain::pathspec::Pathspec;
use crate::porcelain::{Error, Repository};
use crate::remote::{ObjectInfo, RemoteUrl};
use crate::worktree::{Staged, StagingIndex};

pub use add::{AddOptions, AddOutcome, add};
pub use bring::bring_all;
pub use error::LinkError;
pub use materialize::{MaterializeOptions, MaterializeOutcome, materialize};
pub use refresh::{RefreshOptions, RefreshOutcome, refresh};

/// What happened to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkAction {
    /// It is new.
    Added,
    /// Its source is another one, or another state of the same.
    Modified,
    /// Its source is gone, and so it is no longer staged.
    Removed,
}

/// A link that was staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkChange {
    /// Its path.
    pub path: RepoPath,
    /// What happened to it.
    pub action: LinkAction,
    /// What it says now; of one that is removed, what it said.
    pub link: ExternalLink,
}

/// What a link of a version or of the staging index says.
///
/// # Errors
/// When its blob is missing or damaged.
pub fn read(repo: &Repository, id: &BlobId) -> Result<ExternalLink, Error> {
    Ok(read_link(repo.db(), id)?)
}

/// The link to an object, from what its store says of it.
fn link_to(place: &RemoteUrl, info: &ObjectInfo) -> Result<ExternalLink, Error> {
    let url = place.link_to(&info.key).map_err(|source| LinkError::BadKey {
        place: place.to_string(),
        key: info.key.clone(),
        source,
    })?;
    Ok(ExternalLink {
        url,
        size: info.len,
        etag: info.etag.as_deref().and_then(SourceTag::etag),
        version: info.version.clone().and_then(SourceTag::new),
        modified: SourceTag::new(info.last_modified.to_string()),
        sha256: None,
    })
}

/// A staged link.
struct StagedLink {
    path: RepoPath,
    staged: Staged,
}

/// The staged links that are chosen, in order of path.
fn staged_links(repo: &Repository, index: &StagingIndex, spec: &Pathspec) -> Result<Vec<StagedLink>, Error> {
    let mut found = Vec::new();
    for path in super::checkout::staged_paths(index, &roots_of(spec))? {
        let Some(staged) = index.get(&path)?.filter(is_link).filter(|_| spec.matches(&path)) else {
            continue;
        };
        found.push(StagedLink { path, staged });
    }
    let behind = Behind::new(repo.db(), index);
    super::checkout::not_checked_out(&behind, index, spec, &mut |path, entry| {
        let staged = crate::plumbing::sparse::absent(&entry);
        if is_link(&staged) {
            found.push(StagedLink { path, staged });
        }
    })?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The same choice; all of the dataset when nothing was chosen.
fn roots_of(spec: &Pathspec) -> Pathspec {
    if spec.is_empty() { Pathspec::below(RepoPath::root()) } else { spec.clone() }
}

fn is_link(staged: &Staged) -> bool {
    staged.kind == crate::model::EntryKind::ExternalLink
}
