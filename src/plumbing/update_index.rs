//! `update-index`: entries of the staging index one by one, whatever lies on the disk.

use bstr::ByteSlice;

use super::links::size_of;
use super::sparse::Behind;
use super::tree_edit::empty_tree;
use super::write_tree::WriteTreeError;
use crate::model::{BlobId, EntryKind, ErrorKind, ObjectId, ParseIdError, PathError, RepoPath, quote_path};
use crate::store::{ObjectDb, StoreError};
use crate::worktree::{IndexEditor, Staged, WorktreeError};

/// What happens to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Where.
    pub path: RepoPath,
    /// What is staged there from then on; nothing when the path goes.
    pub entry: Option<(EntryKind, ObjectId)>,
}

/// Why an entry could not be staged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed, or the content is not stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index is damaged or cannot be written.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// What is behind a sparse index cannot be read.
    #[error(transparent)]
    Staged(#[from] WriteTreeError),
    /// A line has not the form `KIND ID [SIZE]<TAB>PATH`.
    #[error("'{line}' has not the form KIND ID [SIZE]<TAB>PATH")]
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
    /// A directory is staged by what is in it.
    #[error("'{path}' cannot be staged as a directory: only an empty one is an entry")]
    Directory {
        /// The path.
        path: RepoPath,
    },
    /// The root is no entry.
    #[error("the root of a dataset cannot be staged")]
    Root,
    /// An id is malformed.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// A path that no dataset can have.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Worktree(error) => error.kind(),
            Self::Staged(error) => error.kind(),
            Self::Malformed { .. } | Self::UnknownKind { .. } => ErrorKind::Usage,
            Self::Id(_) => ErrorKind::InvalidName,
            Self::Directory { .. } | Self::Root | Self::Path(_) => ErrorKind::InvalidPath,
        }
    }
}

/// Reads a line as `ls-files -s` writes it, `KIND ID [SIZE]<TAB>PATH`; the size is not looked at. An id of
/// zeros lets the path go.
///
/// # Errors
/// When the line has another form.
pub fn parse_line(line: &[u8]) -> Result<Update, Error> {
    let malformed = || Error::Malformed { line: quote_path(line) };
    let (head, path) = line.split_once_str("\t").ok_or_else(malformed)?;
    let mut words = head.to_str().map_err(|_| malformed())?.split_ascii_whitespace();
    let (Some(kind), Some(id)) = (words.next(), words.next()) else { return Err(malformed()) };
    if words.count() > 1 {
        return Err(malformed());
    }
    let kind =
        EntryKind::from_word(kind).ok_or_else(|| Error::UnknownKind { kind: quote_path(kind.as_bytes()) })?;
    let id = id.parse::<BlobId>()?;
    let entry = (*id.as_bytes() != [0; 32]).then(|| (kind, id.object()));
    Ok(Update { path: RepoPath::new(path)?, entry })
}

/// Changes the index; the caller saves it. Nothing is known of the files then, so that the next look at them
/// hashes them.
///
/// # Errors
/// When content is not stored, a path is the root, or a directory is not empty; then a part of the updates may be
/// in the editor, which must not be saved.
pub fn run(db: &ObjectDb, index: &mut IndexEditor, updates: &[Update]) -> Result<(), Error> {
    let behind = Behind::new(db, index);
    for Update { path, entry } in updates {
        if path.is_root() {
            return Err(Error::Root);
        }
        let Some((kind, id)) = *entry else {
            if behind.staged(index, path)?.is_some() {
                index.remove_all(path)?;
            }
            continue;
        };
        let size = match kind {
            EntryKind::Directory if id == empty_tree().object() => 0,
            EntryKind::Directory => return Err(Error::Directory { path: path.clone() }),
            EntryKind::File | EntryKind::Executable | EntryKind::Symlink | EntryKind::ExternalLink => {
                size_of(db, kind, &BlobId::new(id))?
            }
        };
        // A path of a sparse index that is not checked out stays so.
        let absent = index.get(path)?.is_none_or(|staged| staged.absent);
        behind.set(index, path, Staged { kind, size, id, stat: None, absent })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let id = "ab".repeat(32);
        let update = parse_line(format!("file {id} 12\ta/b c").as_bytes()).unwrap();
        assert_eq!((update.path.to_string(), update.entry.unwrap().0), ("a/b c".to_owned(), EntryKind::File));
        let gone = parse_line(format!("exec {}\tx", "0".repeat(64)).as_bytes()).unwrap();
        assert_eq!(gone.entry, None);
        for bad in ["", "file", "file 12\tx", &format!("blob {id}\tx"), &format!("file {id} 1 2\tx")] {
            assert!(parse_line(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse_line(format!("file {id}\t../x").as_bytes()).is_err());
    }
}
