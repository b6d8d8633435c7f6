//! `dsv cat`: the bytes of a file in a version.

use std::io::Write;

use super::{Error, Repository};
use crate::model::{BlobId, EntryKind, Monitor, quote_path};
use crate::plumbing::cat_file::{ObjectKind, copy};
use crate::plumbing::links::bring;
use crate::plumbing::rev_parse::RevError;
use crate::store::WantedLink;

/// Writes the bytes of `REV:path`, or of a blob by its id; returns how many there were. They are checked
/// against the id on the way. What an external link leads to is brought and proved before the first byte is written.
///
/// # Errors
/// When it names nothing or no file, when the blob is missing or damaged (then a part of it may have been
/// written), or when `out` fails.
pub fn run(repo: &Repository, text: &[u8], out: &mut dyn Write, monitor: &Monitor<'_>) -> Result<u64, Error> {
    let found = repo.names(monitor.interrupt).object(text)?;
    if found.kind != ObjectKind::Blob {
        let text = quote_path(text);
        return Err(RevError::WrongKind { text, found: found.kind, expected: "file" }.into());
    }
    let mut id = found.id;
    if found.entry.is_some_and(|entry| entry.kind == EntryKind::ExternalLink) {
        let link = WantedLink { id: BlobId::new(id), path: quote_path(text) };
        id = bring(repo.db(), &[link], monitor)?.first().map_or(id, |blob| blob.object());
    }
    Ok(copy(repo.db(), found.kind, &id, out, monitor.interrupt)?)
}
