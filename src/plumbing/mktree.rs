//! `mktree`: a directory from a list of entries.

use bstr::ByteSlice;

use super::TreeError;
use super::links::size_of;
use super::tree_edit::{WrittenTree, build_directory, empty_tree};
use crate::model::{
    BlobId, Entry, EntryKind, EntryName, ErrorKind, ObjectId, ParseIdError, PathError, Totals, TreeId,
    quote_path,
};
use crate::store::{StoreError, Writer};

/// An entry as a person lists it; its size follows from its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What it is.
    pub kind: EntryKind,
    /// Blob or tree, depending on the kind.
    pub id: ObjectId,
    /// Its name.
    pub name: EntryName,
}

/// Why no directory could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed, or an object is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The nodes could not be made; two entries may have one name.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A line has not the form `KIND ID [SIZE]<TAB>NAME`.
    #[error("'{line}' has not the form KIND ID [SIZE]<TAB>NAME")]
    Malformed {
        /// The line.
        line: String,
    },
    /// There is no such kind of entry.
    #[error("there is no kind of entry '{kind}'")]
    UnknownKind {
        /// What was given.
        kind: String,
    },
    /// An id is malformed.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// A name that no dataset can have.
    #[error(transparent)]
    Name(#[from] PathError),
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Tree(TreeError::OutOfOrder { .. }) | Self::Malformed { .. } | Self::UnknownKind { .. } => {
                ErrorKind::Usage
            }
            Self::Tree(error) => error.kind(),
            Self::Id(_) => ErrorKind::InvalidName,
            Self::Name(_) => ErrorKind::InvalidPath,
        }
    }
}

/// Reads a line as `ls-tree` writes it, `KIND ID [SIZE]<TAB>NAME`; the size is not looked at.
///
/// # Errors
/// When the line has another form.
pub fn parse_line(line: &[u8]) -> Result<NewEntry, Error> {
    let malformed = || Error::Malformed { line: quote_path(line) };
    let (head, name) = line.split_once_str("\t").ok_or_else(malformed)?;
    let mut words = head.to_str().map_err(|_| malformed())?.split_ascii_whitespace();
    let (Some(kind), Some(id), _size, None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(malformed());
    };
    let kind =
        EntryKind::from_word(kind).ok_or_else(|| Error::UnknownKind { kind: quote_path(kind.as_bytes()) })?;
    let id = id.parse::<BlobId>()?.object();
    Ok(NewEntry { kind, id, name: EntryName::new(name)? })
}

/// Writes the directory that holds these entries, given in any order.
///
/// # Errors
/// When an object is missing, two entries have one name, or the disk is full or fails.
pub fn run(writer: &Writer, mut entries: Vec<NewEntry>) -> Result<WrittenTree, Error> {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    build_directory(writer, entries.into_iter().map(|entry| sized(writer, entry)))
}

fn sized(writer: &Writer, entry: NewEntry) -> Result<Entry, Error> {
    let NewEntry { kind, id, name } = entry;
    let Totals { files, bytes: size } = match kind {
        EntryKind::Directory if id == empty_tree().object() => Totals::default(),
        EntryKind::Directory => writer.db().tree_node(&TreeId::new(id))?.totals(),
        EntryKind::File | EntryKind::Executable | EntryKind::Symlink | EntryKind::ExternalLink => {
            Totals { files: 1, bytes: size_of(writer.db(), kind, &BlobId::new(id))? }
        }
    };
    Ok(Entry { name, kind, size, files, id })
}

#[cfg(test)]
mod tests;
