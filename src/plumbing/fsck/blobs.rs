//! Blobs, whole or as chunks.

use sha2::{Digest, Sha256};

use super::trees::Trees;
use crate::codec::chunk_list::{ChunkList, Piece};
use crate::codec::pack::RecordKind;
use crate::model::{BlobId, ChunkId, ObjectId};
use crate::store::StoreError;

impl Trees<'_> {
    /// Whether all bytes of a blob are where an index says, in either form; in a full check, whether they
    /// are those that the id names. What is wrong is noted.
    pub(super) fn blob_is_whole(&self, id: &BlobId, len: Option<u64>) -> Result<bool, StoreError> {
        let bytes = id.as_bytes();
        let stored_whole = self.is_good(RecordKind::Blob, bytes);
        if stored_whole == Some(true) {
            return Ok(true);
        }
        match self.is_good(RecordKind::ChunkedBlob, bytes) {
            Some(_) => self.chunked_is_whole(id, len),
            None if stored_whole.is_some() => {
                // Its record is damaged or its pack is gone, which was noted there.
                self.report.note_loss();
                Ok(false)
            }
            None => self.lose(StoreError::Missing { kind: RecordKind::Blob, id: id.object() }),
        }
    }

    fn chunked_is_whole(&self, id: &BlobId, len: Option<u64>) -> Result<bool, StoreError> {
        let bytes = id.as_bytes();
        if self.whole_lists.contains(RecordKind::ChunkedBlob, bytes) {
            return Ok(true);
        }
        if self.is_wrong(RecordKind::ChunkedBlob, bytes) {
            return Ok(false);
        }
        let list = match self.db.chunk_list(RecordKind::ChunkedBlob, bytes) {
            Ok(list) => list,
            Err(error) => return self.lose(error),
        };
        if !self.list_is_whole(&list)? {
            return Ok(false);
        }
        if len.is_some_and(|len| len != list.len()) {
            let why = format!("it has {} bytes, which is not what refers to it says", list.len());
            self.lose_wrong(RecordKind::ChunkedBlob, bytes, why);
            return Ok(false);
        }
        if self.is_full() && !self.chunks_make(id)? {
            return Ok(false);
        }
        self.whole_lists.insert(RecordKind::ChunkedBlob, bytes);
        Ok(true)
    }

    /// Whether all chunks of a list are there; at most as deep as the format allows.
    fn list_is_whole(&self, list: &ChunkList) -> Result<bool, StoreError> {
        let mut whole = true;
        for piece in &list.pieces {
            self.monitor.interrupt.check()?;
            whole &= match list.level {
                0 => self.chunk_is_whole(piece)?,
                level => self.node_is_whole(piece, level - 1)?,
            };
        }
        Ok(whole)
    }

    fn chunk_is_whole(&self, piece: &Piece) -> Result<bool, StoreError> {
        let id = piece.id.as_bytes();
        match self.is_good(RecordKind::Chunk, id) {
            Some(true) => Ok(true),
            Some(false) => {
                self.report.note_loss();
                Ok(false)
            }
            None => {
                let id = ObjectId::Sha256(*id);
                self.lose(StoreError::Missing { kind: RecordKind::Chunk, id })
            }
        }
    }

    fn node_is_whole(&self, piece: &Piece, level: u8) -> Result<bool, StoreError> {
        let (kind, id) = (RecordKind::ChunkNode, piece.id.as_bytes());
        if self.whole_lists.contains(kind, id) {
            return Ok(true);
        }
        let bytes = match self.db.get(kind, id) {
            Ok(bytes) => bytes,
            Err(error) => return self.lose(error),
        };
        let node = match ChunkList::decode(&bytes) {
            Ok(node) => node,
            Err(source) => {
                let id = ObjectId::Sha256(*id);
                return self.lose(StoreError::Undecodable { kind, id, source });
            }
        };
        if ChunkId::of(&bytes) != piece.id || node.level != level || node.len() != piece.len {
            self.lose_wrong(kind, id, "its id, level or length is not what its parent says".to_owned());
            return Ok(false);
        }
        let whole = self.list_is_whole(&node)?;
        if whole {
            self.whole_lists.insert(kind, id);
        }
        Ok(whole)
    }

    /// Whether the chunks of a blob, one behind the other, are what its id says.
    fn chunks_make(&self, id: &BlobId) -> Result<bool, StoreError> {
        let mut sha = Sha256::new();
        let mut reader = match self.db.open_blob(id) {
            Ok(reader) => reader,
            Err(error) => return self.lose(error),
        };
        loop {
            self.monitor.interrupt.check()?;
            let len = match reader.fill() {
                Ok([]) => break,
                Ok(bytes) => {
                    sha.update(bytes);
                    bytes.len()
                }
                Err(error) => return self.lose(error),
            };
            self.monitor.progress.advance(0, len as u64);
            reader.skip(len);
        }
        let found = ObjectId::Sha256(sha.finalize().into());
        if found != id.object() {
            let why = format!("its chunks have the id {found}");
            self.lose_wrong(RecordKind::ChunkedBlob, id.as_bytes(), why);
            return Ok(false);
        }
        Ok(true)
    }
}
