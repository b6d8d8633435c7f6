//! `chunk-file`: where a file is cut, and what its chunks are called.

use std::io::Read;

use sha2::{Digest, Sha256};

use crate::model::{BlobId, ChunkId, Interrupt};
use crate::store::{StoreError, WHOLE_BLOB_MAX, cut_chunks};

/// A chunk of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutChunk {
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Its BLAKE3.
    pub id: ChunkId,
}

/// The file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The SHA-256 of its bytes.
    pub id: BlobId,
    /// Its length in bytes.
    pub len: u64,
    /// In how many chunks it is cut.
    pub chunks: u64,
    /// Whether it is so small that it is stored whole: then it is one chunk, of all its bytes.
    pub whole: bool,
}

/// Cuts what a source holds as storing it would, and gives each chunk to `sink`, in order.
///
/// # Errors
/// [`StoreError::Source`] when the source fails; when interrupted; what `sink` returns.
pub fn run<E: From<StoreError>>(
    source: &mut dyn Read,
    interrupt: &Interrupt,
    mut sink: impl FnMut(CutChunk) -> Result<(), E>,
) -> Result<Outcome, E> {
    // A file of this length or less is not known to be one before its end has been seen.
    let limit = WHOLE_BLOB_MAX + 1;
    let mut head = Vec::new();
    Read::take(&mut *source, limit).read_to_end(&mut head).map_err(StoreError::Source)?;
    let mut sha = Sha256::new();
    let (mut len, mut chunks) = (0, 0);
    let whole = (head.len() as u64) < limit;
    let mut cut = |bytes: &[u8]| -> Result<(), E> {
        interrupt.check().map_err(StoreError::from)?;
        sha.update(bytes);
        sink(CutChunk { offset: len, len: bytes.len() as u64, id: ChunkId::of(bytes) })?;
        len += bytes.len() as u64;
        chunks += 1;
        Ok(())
    };
    if whole {
        cut(&head)?;
    } else {
        cut_chunks(&mut head.as_slice().chain(source), cut)?;
    }
    Ok(Outcome { id: BlobId::from_bytes(sha.finalize().into()), len, chunks, whole })
}
