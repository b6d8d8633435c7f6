//! `cat-file`: what an object is, how long it is, and its bytes.

use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::codec::tree::TreeNode;
use crate::model::{BlobId, ErrorKind, Interrupt, ObjectId, TreeId, Version, VersionId};
use crate::store::{ObjectDb, StoreError};

/// What an id can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// The bytes of a file.
    Blob,
    /// A node of a directory's tree.
    Tree,
    /// A manifest.
    Version,
}

impl ObjectKind {
    /// The word shown to people and written by plumbing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Version => "version",
        }
    }

    /// The kind of a word written by [`ObjectKind::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Blob, Self::Tree, Self::Version].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A decoded object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A blob; its bytes are read by [`copy`].
    Blob {
        /// Its length in bytes.
        len: u64,
    },
    /// A node of a tree.
    Tree(TreeNode),
    /// A manifest.
    Version(Box<Version>),
}

/// Why an object could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed, or the object is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read could not be written on.
    #[error("cannot write")]
    Output(#[source] io::Error),
    /// No object bears the id.
    #[error("there is no object {0}")]
    Absent(ObjectId),
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Output(error) => ErrorKind::of_io(error),
            Self::Absent(_) => ErrorKind::NotFound,
        }
    }
}

/// What an id names: a version before a tree before a blob, where it names several (a file may hold
/// the bytes of a manifest).
///
/// # Errors
/// [`Error::Absent`] when it names nothing; when the database fails.
pub fn kind_of(db: &ObjectDb, id: &ObjectId) -> Result<ObjectKind, Error> {
    let bytes = *BlobId::new(*id).as_bytes();
    for fresh in [false, true] {
        // Another thread may have looked at the folder since: what it found counts as well.
        if fresh {
            db.refresh()?;
        }
        for (record, kind) in [
            (RecordKind::Version, ObjectKind::Version),
            (RecordKind::Tree, ObjectKind::Tree),
            (RecordKind::Blob, ObjectKind::Blob),
            (RecordKind::ChunkedBlob, ObjectKind::Blob),
        ] {
            if db.contains(record, &bytes)? {
                return Ok(kind);
            }
        }
    }
    Err(Error::Absent(*id))
}

/// The length of an object in bytes, as [`copy`] would write it.
///
/// # Errors
/// When it is missing or damaged.
pub fn len_of(db: &ObjectDb, kind: ObjectKind, id: &ObjectId) -> Result<u64, Error> {
    let bytes = *BlobId::new(*id).as_bytes();
    Ok(match kind {
        ObjectKind::Blob => db.blob_len(&BlobId::new(*id))?,
        ObjectKind::Tree => db.get(RecordKind::Tree, &bytes)?.len() as u64,
        ObjectKind::Version => db.get(RecordKind::Version, &bytes)?.len() as u64,
    })
}

/// An object, decoded.
///
/// # Errors
/// When it is missing or damaged.
pub fn read(db: &ObjectDb, kind: ObjectKind, id: &ObjectId) -> Result<Object, Error> {
    Ok(match kind {
        ObjectKind::Blob => Object::Blob { len: db.blob_len(&BlobId::new(*id))? },
        ObjectKind::Tree => Object::Tree(db.tree_node(&TreeId::new(*id))?),
        ObjectKind::Version => Object::Version(Box::new(db.version(&VersionId::new(*id))?)),
    })
}

/// Writes an object's bytes, and checks on the way that they are those that the id names; returns how
/// many there were.
///
/// # Errors
/// When the object is missing or damaged (then a part of it may have been written), when `out` fails, or
/// when interrupted.
pub fn copy(
    db: &Arc<ObjectDb>,
    kind: ObjectKind,
    id: &ObjectId,
    out: &mut dyn Write,
    interrupt: &Interrupt,
) -> Result<u64, Error> {
    let mut sha = Sha256::new();
    let mut len = 0;
    let mut pass_on = |bytes: &[u8]| {
        sha.update(bytes);
        len += bytes.len() as u64;
        out.write_all(bytes).map_err(Error::Output)
    };
    let record = match kind {
        ObjectKind::Tree => RecordKind::Tree,
        ObjectKind::Version => RecordKind::Version,
        ObjectKind::Blob => RecordKind::Blob,
    };
    if kind == ObjectKind::Blob {
        let mut reader = db.open_blob(&BlobId::new(*id))?;
        loop {
            interrupt.check().map_err(StoreError::from)?;
            let bytes = reader.fill()?;
            if bytes.is_empty() {
                break;
            }
            let n = bytes.len();
            pass_on(bytes)?;
            reader.skip(n);
        }
    } else {
        pass_on(&db.get(record, BlobId::new(*id).as_bytes())?)?;
    }
    let found = ObjectId::Sha256(sha.finalize().into());
    if found != *id {
        let source = DecodeError::malformed("object", format!("its bytes have the id {found}"));
        return Err(StoreError::Undecodable { kind: record, id: *id, source }.into());
    }
    Ok(len)
}
