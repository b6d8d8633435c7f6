//! `dsv materialize`: links become stored files.

use std::ffi::OsString;

use super::{LinkError, StagedLink, staged_links};
use crate::model::{BlobId, EntryKind, Monitor, RepoPath, Totals};
use crate::plumbing::checkout::{CheckoutOptions, Content, PathChange};
use crate::plumbing::links::bring;
use crate::plumbing::sparse::Behind;
use crate::porcelain::checkout::{apply_with, staged_content};
use crate::porcelain::pathspec::Pathspec;
use crate::porcelain::{Error, Repository};
use crate::store::WantedLink;
use crate::worktree::{IndexEditor, Staged};

/// Bytes that are brought before they are staged: what came by then is kept when the rest fails.
const BATCH: u64 = 4 << 30;

/// What to store.
#[derive(Debug, Clone, Default)]
pub struct MaterializeOptions {
    /// Paths and patterns; at least one.
    pub paths: Vec<OsString>,
    /// Tell what would be stored, and do nothing.
    pub dry_run: bool,
}

/// What was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaterializeOutcome {
    /// The links, in order of path; with the ids of their bytes, unless nothing was done.
    pub files: Vec<(RepoPath, Option<BlobId>)>,
    /// What they amount to.
    pub totals: Totals,
    /// Requests that it took, retries included.
    pub requests: u64,
}

/// Brings what links lead to, proves it, and stages it as stored files. Where the links could have files in the worktree, they
/// have them then.
///
/// # Errors
/// When there is no link, a source is not what was recorded or cannot be read, or a file that is not committed would be
/// replaced: then what was brought before stays staged.
pub fn materialize(
    repo: &Repository,
    options: &MaterializeOptions,
    monitor: &Monitor<'_>,
) -> Result<MaterializeOutcome, Error> {
    if options.paths.is_empty() {
        return Err(Error::NoPaths { verb: "materialize" });
    }
    let spec = Pathspec::new(repo, &options.paths)?;
    if options.dry_run {
        let links = found(staged_links(repo, &repo.index()?, &spec)?, &spec)?;
        let totals = totals(&links);
        let files = links.into_iter().map(|link| (link.path, None)).collect();
        return Ok(MaterializeOutcome { files, totals, requests: 0 });
    }
    let mut index = repo.edit_index(monitor)?;
    // Until the index refers to it, what comes is garbage.
    let _objects = repo.lock_objects(monitor)?;
    let links = found(staged_links(repo, &index, &spec)?, &spec)?;
    let mut outcome = MaterializeOutcome { totals: totals(&links), ..Default::default() };
    let mut rest = &links[..];
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |link: &&StagedLink| {
            bytes += link.staged.size;
            bytes <= BATCH
        };
        let (batch, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        store(repo, &mut index, batch, &mut outcome, monitor)?;
        rest = later;
    }
    outcome.requests = repo.links().stats().requests();
    Ok(outcome)
}

fn found(links: Vec<StagedLink>, spec: &Pathspec) -> Result<Vec<StagedLink>, Error> {
    if links.is_empty() { Err(LinkError::NoLink { paths: spec.texts() }.into()) } else { Ok(links) }
}

fn totals(links: &[StagedLink]) -> Totals {
    let one = |link: &StagedLink| Totals { files: 1, bytes: link.staged.size };
    links.iter().map(one).fold(Totals::default(), Totals::plus)
}

fn store(
    repo: &Repository,
    index: &mut IndexEditor,
    batch: &[StagedLink],
    outcome: &mut MaterializeOutcome,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let wanted =
        |link: &StagedLink| WantedLink { id: BlobId::new(link.staged.id), path: link.path.to_string() };
    let blobs = bring(repo.db(), &batch.iter().map(wanted).collect::<Vec<_>>(), monitor)?;
    let (mut changes, mut away) = (Vec::new(), Vec::new());
    for (StagedLink { path, staged }, blob) in batch.iter().zip(&blobs) {
        let new = Content { kind: EntryKind::File, size: staged.size, id: blob.object() };
        if staged.absent {
            away.push((path.clone(), new));
        } else {
            let old = Some(staged_content(staged));
            changes.push(PathChange { path: path.clone(), old, new: Some(new) });
        }
        outcome.files.push((path.clone(), Some(*blob)));
    }
    let behind = Behind::new(repo.db(), index);
    apply_with(repo, index, &changes, CheckoutOptions::default(), monitor, |index| {
        for (path, Content { kind, size, id }) in away {
            let staged = Staged { kind, size, id, stat: None, absent: true };
            behind.stage_absent(index, &path, Some(&staged))?;
        }
        Ok(())
    })?;
    Ok(())
}
