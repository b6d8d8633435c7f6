//! `dsv cat`: the bytes of a file in a version.

use std::io::Write;

use super::{Error, Repository};
use crate::model::{Monitor, quote_path};
use crate::plumbing::cat_file::{ObjectKind, copy};
use crate::plumbing::rev_parse::RevError;

/// Writes the bytes of `REV:path`, or of a blob by its id; returns how many there were. They are checked
/// against the id on the way.
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
    Ok(copy(repo.db(), found.kind, &found.id, out, monitor.interrupt)?)
}
