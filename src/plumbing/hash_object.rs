//! `hash-object`: the id of bytes, which are stored on request.

use std::io::Read;

use sha2::{Digest, Sha256};

use crate::model::{BlobId, Monitor};
use crate::store::{StoreError, Writer};

/// Bytes that are hashed at once.
const BUFFER_LEN: usize = 256 * 1024;

/// A blob as it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The SHA-256 of the bytes.
    pub id: BlobId,
    /// How many there were.
    pub len: u64,
}

/// Hashes everything that a source gives; with a writer, stores it too.
///
/// The caller finishes the writer, and holds the objects lock until something refers to the blob or it
/// may be lost. Progress counts bytes.
///
/// # Errors
/// [`StoreError::Source`] when the source fails; when the disk is full or fails; when the monitor asks
/// to end.
pub fn run(
    source: &mut dyn Read,
    writer: Option<&Writer>,
    monitor: &Monitor<'_>,
) -> Result<Outcome, StoreError> {
    if let Some(writer) = writer {
        let mut compressors = writer.blob_compressors()?;
        let (id, len) = writer.put_large_blob(source, &mut compressors, monitor)?;
        return Ok(Outcome { id, len });
    }
    let mut sha = Sha256::new();
    let mut len = 0;
    let mut buf = vec![0; BUFFER_LEN];
    loop {
        monitor.interrupt.check()?;
        match source.read(&mut buf) {
            Ok(0) => return Ok(Outcome { id: BlobId::from_bytes(sha.finalize().into()), len }),
            Ok(n) => {
                sha.update(&buf[..n]);
                len += n as u64;
                monitor.progress.advance(0, n as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::Source(error)),
        }
    }
}
