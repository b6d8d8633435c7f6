//! What differs inside a file.

use std::io::Read;

use super::{FileChange, FileState};
use crate::model::{BlobId, EntryKind, RepoPath};
use crate::plumbing::diff_text::{Hunk, diff_text, is_text};
use crate::plumbing::host::{FileReader, IoContext};
use crate::plumbing::stage::locate;
use crate::porcelain::{Error, Repository};

/// A file with more bytes than this on either side is not compared line by line: 8 MiB.
pub const TEXT_LIMIT: u64 = 8 * 1024 * 1024;

/// What differs between two contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentDiff {
    /// Both are texts; no hunk when they differ in kind only.
    Text(Vec<Hunk>),
    /// One of them is no text.
    Binary,
    /// One of them has more than [`TEXT_LIMIT`] bytes.
    TooLarge,
}

/// The differences of a changed file. A side where nothing is, or a directory, counts as an empty text; a
/// symbolic link's text is its target.
///
/// # Errors
/// When a blob is missing or damaged, or a file of the worktree cannot be read.
pub fn content(repo: &Repository, change: &FileChange) -> Result<ContentDiff, Error> {
    let too_large = |state: &Option<FileState>| state.is_some_and(|state| state.size > TEXT_LIMIT);
    if too_large(&change.old) || too_large(&change.new) {
        return Ok(ContentDiff::TooLarge);
    }
    let old = read(repo, &change.path, change.old.as_ref())?;
    let new = read(repo, &change.path, change.new.as_ref())?;
    Ok(if [&old, &new].iter().any(|bytes| bytes.len() as u64 > TEXT_LIMIT) {
        ContentDiff::TooLarge
    } else if is_text(&old) && is_text(&new) {
        ContentDiff::Text(diff_text(&old, &new))
    } else {
        ContentDiff::Binary
    })
}

fn read(repo: &Repository, path: &RepoPath, state: Option<&FileState>) -> Result<Vec<u8>, Error> {
    let Some(state) = state.filter(|state| !state.kind.is_dir()) else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    match state.id {
        Some(id) => {
            let mut blob = repo.db().open_blob(&BlobId::new(id))?;
            loop {
                let piece = blob.fill()?;
                // A size that is too small does not fool us into reading a large blob.
                if piece.is_empty() || bytes.len() as u64 > TEXT_LIMIT {
                    return Ok(bytes);
                }
                bytes.extend_from_slice(piece);
                let len = piece.len();
                blob.skip(len);
            }
        }
        None => {
            let file = locate(repo.fs(), repo.root(), path)?;
            if state.kind == EntryKind::Symlink {
                return Ok(repo.fs().read_link(&file).at("read the link", &file)?);
            }
            let reader = FileReader::open(&**repo.fs(), &file)?;
            reader.take(TEXT_LIMIT + 1).read_to_end(&mut bytes).at("read", &file)?;
            Ok(bytes)
        }
    }
}
