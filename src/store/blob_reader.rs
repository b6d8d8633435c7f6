//! Reading blobs, whole or in ranges, with memory for one chunk and a path of list nodes.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::StoreError;
use super::odb::{ObjectDb, undecodable};
use crate::codec::DecodeError;
use crate::codec::chunk_list::{ChunkList, Piece};
use crate::codec::pack::RecordKind;
use crate::model::{BlobId, ObjectId};

/// A seekable reader of one blob. The bytes were checked against the checksums of their records; who
/// wants them checked against the blob's id hashes what was read.
#[derive(Debug)]
pub struct BlobReader {
    db: Arc<ObjectDb>,
    id: BlobId,
    len: u64,
    position: u64,
    /// From the root to the leaf that holds the position; empty for a blob that is stored whole.
    path: Vec<OpenNode>,
    /// The chunk at the position, or the whole blob.
    chunk: Vec<u8>,
    /// Offset of `chunk` in the blob.
    chunk_start: u64,
}

#[derive(Debug)]
struct OpenNode {
    list: ChunkList,
    /// Offset of the node in the blob.
    start: u64,
}

impl ObjectDb {
    /// Opens a blob.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn open_blob(self: &Arc<Self>, id: &BlobId) -> Result<BlobReader, StoreError> {
        let mut reader = BlobReader::new(self, id);
        let chunked = self.contains(RecordKind::ChunkedBlob, id.as_bytes())?;
        if let Some(bytes) = if chunked { None } else { self.try_get(RecordKind::Blob, id.as_bytes())? } {
            reader.len = bytes.len() as u64;
            reader.chunk = bytes;
            return Ok(reader);
        }
        let Some(bytes) = self.try_get(RecordKind::ChunkedBlob, id.as_bytes())? else {
            return Err(self.missing(RecordKind::Blob, id.as_bytes()));
        };
        let list = ChunkList::decode(&bytes)
            .map_err(|source| undecodable(RecordKind::ChunkedBlob, id.as_bytes(), source))?;
        reader.begin(list);
        Ok(reader)
    }

    /// Opens a large blob by the root of its list, which the database need not have.
    pub fn open_listed(self: &Arc<Self>, id: &BlobId, list: ChunkList) -> BlobReader {
        let mut reader = BlobReader::new(self, id);
        reader.begin(list);
        reader
    }
}

impl BlobReader {
    fn new(db: &Arc<ObjectDb>, id: &BlobId) -> Self {
        Self {
            db: Arc::clone(db),
            id: *id,
            len: 0,
            position: 0,
            path: Vec::new(),
            chunk: Vec::new(),
            chunk_start: 0,
        }
    }

    fn begin(&mut self, list: ChunkList) {
        self.len = list.len();
        self.path.push(OpenNode { list, start: 0 });
    }

    /// Length of the blob in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the blob has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes from the position to the end of the chunk that holds it; empty at the end of the blob.
    ///
    /// # Errors
    /// When a chunk or a node is missing or damaged.
    pub fn fill(&mut self) -> Result<&[u8], StoreError> {
        if self.position >= self.len {
            return Ok(&[]);
        }
        let end = self.chunk_start + self.chunk.len() as u64;
        if self.position < self.chunk_start || self.position >= end {
            self.load()?;
        }
        let skip = usize::try_from(self.position - self.chunk_start).unwrap_or(usize::MAX);
        Ok(&self.chunk[skip..])
    }

    /// Moves the position forward.
    pub fn skip(&mut self, bytes: usize) {
        self.position += bytes as u64;
    }

    /// Loads the chunk at the position, climbing no further up the list than needed.
    fn load(&mut self) -> Result<(), StoreError> {
        while self.path.len() > 1
            && self.path.last().is_some_and(|n| !(n.start..n.start + n.list.len()).contains(&self.position))
        {
            self.path.pop();
        }
        loop {
            let Some(node) = self.path.last() else { return Err(self.broken("a blob without a list")) };
            let (piece, start) = find_piece(&node.list, node.start, self.position)
                .ok_or_else(|| self.broken("the lengths of a chunk list do not add up"))?;
            if node.list.level == 0 {
                self.chunk.clear();
                self.chunk = self.db.get(RecordKind::Chunk, piece.id.as_bytes())?;
                self.chunk_start = start;
                return if self.chunk.len() as u64 == piece.len {
                    Ok(())
                } else {
                    Err(self.broken("a chunk's length is wrong"))
                };
            }
            let list = self.db.chunk_list(RecordKind::ChunkNode, piece.id.as_bytes())?;
            if list.level + 1 != node.list.level || list.len() != piece.len {
                return Err(self.broken("the levels or lengths of a chunk list do not fit"));
            }
            self.path.push(OpenNode { list, start });
        }
    }

    fn broken(&self, why: &str) -> StoreError {
        StoreError::Undecodable {
            kind: RecordKind::ChunkedBlob,
            id: ObjectId::from(self.id),
            source: DecodeError::malformed("chunk list", why),
        }
    }
}

fn find_piece(list: &ChunkList, mut start: u64, position: u64) -> Option<(Piece, u64)> {
    for piece in &list.pieces {
        if position < start + piece.len {
            return Some((*piece, start));
        }
        start += piece.len;
    }
    None
}

impl BufRead for BlobReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill().map_err(io::Error::other)
    }

    fn consume(&mut self, amount: usize) {
        self.skip(amount);
    }
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.skip(n);
        Ok(n)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
