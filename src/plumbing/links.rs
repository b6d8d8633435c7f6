//! External links as they lie in the database.

use std::sync::Arc;

use crate::codec::json_line::{decode_link, encode_link};
use crate::codec::pack::RecordKind;
use crate::codec::{Compressor, DecodeError};
use crate::model::{BlobId, EntryKind, ExternalLink, MAX_LINK_LEN, Monitor, ObjectId};
use crate::store::{LinkError, ObjectDb, StoreError, WantedLink, Writer};

/// What a link says of its source.
///
/// # Errors
/// When its blob is missing, or is no description of a link.
pub fn read_link(db: &ObjectDb, id: &BlobId) -> Result<ExternalLink, StoreError> {
    let undecodable = |source| StoreError::Undecodable { kind: RecordKind::Blob, id: id.object(), source };
    // A blob in chunks is never read whole for one.
    if db.contains(RecordKind::ChunkedBlob, id.as_bytes())? {
        let why = format!("it has more than {MAX_LINK_LEN} bytes");
        return Err(undecodable(DecodeError::malformed("external link", why)));
    }
    decode_link(&db.get(RecordKind::Blob, id.as_bytes())?).map_err(undecodable)
}

/// Brings what links lead to into the database, as far as it is not there; tells the id of each, in their order.
///
/// # Errors
/// When a source is not what was recorded, or cannot be read.
pub fn bring(
    db: &Arc<ObjectDb>,
    links: &[WantedLink],
    monitor: &Monitor<'_>,
) -> Result<Vec<BlobId>, StoreError> {
    match (db.link_source(), links.first()) {
        (_, None) => Ok(Vec::new()),
        (Some(source), _) => source.bring(db, links, monitor),
        (None, Some(first)) => Err(Box::new(LinkError::NoSource { path: first.path.clone() }).into()),
    }
}

/// The bytes of the file that an entry stands for, where they are known: what a file or symlink names itself, and what a link
/// was found to lead to.
///
/// # Errors
/// When a link is missing or damaged.
pub fn bytes_of(db: &ObjectDb, kind: EntryKind, id: &ObjectId) -> Result<Option<ObjectId>, StoreError> {
    if kind != EntryKind::ExternalLink {
        return Ok(Some(*id));
    }
    let Some(source) = db.link_source() else {
        return Ok(read_link(db, &BlobId::new(*id))?.sha256.map(|blob| blob.object()));
    };
    Ok(source.known(db, &BlobId::new(*id))?.map(|blob| blob.object()))
}

/// The size of what an entry stands for, by its blob.
///
/// # Errors
/// When the blob is missing or damaged.
pub fn size_of(db: &ObjectDb, kind: EntryKind, id: &BlobId) -> Result<u64, StoreError> {
    if kind == EntryKind::ExternalLink { Ok(read_link(db, id)?.size) } else { db.blob_len(id) }
}

/// Stores what links say.
pub struct LinkWriter<'a> {
    writer: &'a Writer,
    compressor: Compressor,
}

impl std::fmt::Debug for LinkWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkWriter")
    }
}

impl<'a> LinkWriter<'a> {
    /// For links that a writer stores.
    ///
    /// # Errors
    /// When memory is short.
    pub fn new(writer: &'a Writer) -> Result<Self, StoreError> {
        Ok(Self { writer, compressor: writer.compressor()? })
    }

    /// Stores what a link says; returns the id of its blob.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn put(&mut self, link: &ExternalLink) -> Result<BlobId, StoreError> {
        self.writer.put_small_blob(&encode_link(link), &mut self.compressor)
    }
}
