//! Storing blobs: small ones whole, larger ones cut into chunks while they stream through.
//!
//! One pass over the bytes does all: they are read in blocks and cut by content; SHA-256 of the whole
//! runs in order over the blocks while other threads address, compress and write the chunks. Memory
//! is a handful of blocks, whatever the size of the blob.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use sha2::{Digest, Sha256};

use super::{StoreError, Writer};
use crate::codec::Compressor;
use crate::codec::boundary::{Splitter, chunk_hash};
use crate::codec::chunk_list::{ChunkList, Piece};
use crate::codec::chunker::Chunker;
use crate::codec::pack::RecordKind;
use crate::model::{BlobId, ChunkId, Monitor};

/// A blob of at most this many bytes is stored whole, a larger one as chunks.
pub const WHOLE_BLOB_MAX: u64 = 1024 * 1024;
/// Bytes read at once.
const BLOCK_LEN: usize = 4 * 1024 * 1024;

/// A stretch of a blob that was cut into whole chunks, but for what is carried to the next block.
struct Block {
    /// The tail of the block before, then new bytes.
    bytes: Vec<u8>,
    /// Where the new bytes begin; those before were in the block before too.
    fresh: usize,
    /// Where the chunks end; the last end is less than the length when bytes are carried over.
    ends: Vec<usize>,
}

impl Block {
    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

/// Reads a source in blocks and cuts them.
struct Blocks<'a> {
    source: &'a mut dyn Read,
    chunker: Chunker,
    carry: Vec<u8>,
    at_end: bool,
}

impl<'a> Blocks<'a> {
    fn new(source: &'a mut dyn Read) -> Self {
        Self { source, chunker: Chunker::new(), carry: Vec::new(), at_end: false }
    }

    /// The next block, in the memory of a used one; `None` at the end.
    fn next(&mut self, mut bytes: Vec<u8>) -> Result<Option<Block>, StoreError> {
        if self.at_end && self.carry.is_empty() {
            return Ok(None);
        }
        let fresh = self.carry.len();
        bytes.resize(fresh + BLOCK_LEN, 0);
        bytes[..fresh].copy_from_slice(&self.carry);
        let filled = fresh + read_full(self.source, &mut bytes[fresh..])?;
        self.at_end = filled < bytes.len();
        bytes.truncate(filled);
        let mut ends = Vec::with_capacity(filled / (32 * 1024) + 1);
        let mut start = 0;
        while let Some(len) = self.chunker.next_cut(&bytes[start..], self.at_end) {
            start += len;
            ends.push(start);
        }
        self.carry.clear();
        self.carry.extend_from_slice(&bytes[start..]);
        Ok(Some(Block { bytes, fresh, ends }))
    }
}

/// Cuts what a source holds into the chunks that a large blob of it would have, and gives each to
/// `sink`, in order.
///
/// # Errors
/// [`StoreError::Source`] when the source fails; what `sink` returns.
pub fn cut_chunks<E: From<StoreError>>(
    source: &mut dyn Read,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut blocks = Blocks::new(source);
    let mut spare = Vec::new();
    while let Some(block) = blocks.next(spare)? {
        block.chunks().try_for_each(&mut sink)?;
        spare = block.bytes;
    }
    Ok(())
}

/// Fills `buf` unless the source ends before.
fn read_full(source: &mut dyn Read, buf: &mut [u8]) -> Result<usize, StoreError> {
    let mut filled = 0;
    while filled < buf.len() {
        match source.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::Source(error)),
        }
    }
    Ok(filled)
}

/// The compressors of one thread.
pub struct BlobCompressors {
    /// For blobs stored whole and for chunk lists.
    pub whole: Compressor,
    /// For chunks.
    pub chunks: Compressor,
}

impl std::fmt::Debug for BlobCompressors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlobCompressors")
    }
}

impl Writer {
    /// The compressors that one thread needs for blobs.
    ///
    /// # Errors
    /// When memory is short.
    pub fn blob_compressors(&self) -> Result<BlobCompressors, StoreError> {
        Ok(BlobCompressors { whole: self.compressor()?, chunks: self.chunk_compressor()? })
    }

    /// Stores a blob of any size on the caller's thread; returns its id and length.
    ///
    /// # Errors
    /// [`StoreError::Source`] when the source fails; when the disk is full or fails.
    pub fn put_blob(
        &self,
        source: &mut dyn Read,
        compressors: &mut BlobCompressors,
    ) -> Result<(BlobId, u64), StoreError> {
        let mut blocks = Blocks::new(source);
        let first = blocks.next(Vec::new())?;
        self.put_blocks(first, &mut blocks, compressors)
    }

    fn put_blocks(
        &self,
        first: Option<Block>,
        blocks: &mut Blocks<'_>,
        compressors: &mut BlobCompressors,
    ) -> Result<(BlobId, u64), StoreError> {
        let first = match first {
            Some(block) if !blocks.at_end || block.bytes.len() as u64 > WHOLE_BLOB_MAX => block,
            whole => {
                let bytes = whole.map_or_else(Vec::new, |block| block.bytes);
                return Ok((self.put_small_blob(&bytes, &mut compressors.whole)?, bytes.len() as u64));
            }
        };
        let mut sha = Sha256::new();
        let mut list = ListBuilder::new(self);
        let mut len = 0;
        let mut current = Some(first);
        while let Some(block) = current {
            let fresh = &block.bytes[block.fresh..];
            sha.update(fresh);
            len += fresh.len() as u64;
            for chunk in block.chunks() {
                list.push(self.put_chunk(chunk, &mut compressors.chunks)?, &mut compressors.whole)?;
            }
            current = blocks.next(block.bytes)?;
        }
        let id = BlobId::from_bytes(sha.finalize().into());
        list.finish(id, &mut compressors.whole)?;
        Ok((id, len))
    }

    /// Stores one large blob with all threads of the monitor; returns its id and length.
    ///
    /// # Errors
    /// As [`Writer::put_blob`]; when the monitor asks to end.
    pub fn put_large_blob(
        &self,
        source: &mut dyn Read,
        compressors: &mut BlobCompressors,
        monitor: &Monitor<'_>,
    ) -> Result<(BlobId, u64), StoreError> {
        let mut blocks = Blocks::new(source);
        let first = blocks.next(Vec::new())?;
        if blocks.at_end {
            return self.put_blocks(first, &mut blocks, compressors);
        }
        let workers = monitor.threads.max(1);
        let (to_hash, hash_in) = crossbeam_channel::bounded::<Arc<Block>>(2);
        let (to_store, store_in) = crossbeam_channel::bounded::<(u64, Arc<Block>)>(1);
        let (to_list, list_in) = crossbeam_channel::unbounded();
        let (to_spare, spare_out) = crossbeam_channel::unbounded();
        std::thread::scope(|scope| {
            let hasher = {
                let to_spare = to_spare.clone();
                scope.spawn(move || hash_all(&hash_in, &to_spare))
            };
            let storers: Vec<_> = (0..workers)
                .map(|_| {
                    let (store_in, to_list, to_spare) = (store_in.clone(), to_list.clone(), to_spare.clone());
                    scope.spawn(move || self.store_all(&store_in, &to_list, &to_spare, monitor))
                })
                .collect();
            drop((store_in, to_list, to_spare));

            let mut list = OrderedPieces { list: ListBuilder::new(self), early: BTreeMap::new(), next: 0 };
            let feed = Feed { to_hash, to_store, list_in, spare: spare_out };
            let fed = feed.run(first, &mut blocks, &mut list, &mut compressors.whole);
            let Feed { to_hash, to_store, list_in, .. } = feed;
            // Without the senders the threads end.
            drop((to_hash, to_store));
            // The error of a thread that ended early is the cause; that of feeding it only the effect.
            for storer in storers {
                storer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            let (digest, len) = hasher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            fed?;
            for (number, pieces) in list_in {
                list.take(number, pieces, &mut compressors.whole)?;
            }
            let id = BlobId::from_bytes(digest);
            list.list.finish(id, &mut compressors.whole)?;
            Ok((id, len))
        })
    }

    fn store_all(
        &self,
        blocks: &Receiver<(u64, Arc<Block>)>,
        pieces_out: &Sender<(u64, Vec<Piece>)>,
        spare: &Sender<Vec<u8>>,
        monitor: &Monitor<'_>,
    ) -> Result<(), StoreError> {
        let mut compressor = self.chunk_compressor()?;
        for (number, block) in blocks {
            monitor.interrupt.check()?;
            let pieces = block
                .chunks()
                .map(|chunk| self.put_chunk(chunk, &mut compressor))
                .collect::<Result<Vec<_>, _>>()?;
            monitor.progress.advance(0, (block.bytes.len() - block.fresh) as u64);
            recycle(block, spare);
            if pieces_out.send((number, pieces)).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn put_chunk(&self, chunk: &[u8], compressor: &mut Compressor) -> Result<Piece, StoreError> {
        let id = ChunkId::of(chunk);
        self.put(RecordKind::Chunk, *id.as_bytes(), chunk, compressor)?;
        Ok(Piece { len: chunk.len() as u64, id })
    }
}

/// The channels between the reading thread and the others.
struct Feed {
    to_hash: Sender<Arc<Block>>,
    to_store: Sender<(u64, Arc<Block>)>,
    list_in: Receiver<(u64, Vec<Piece>)>,
    spare: Receiver<Vec<u8>>,
}

impl Feed {
    /// Reads all blocks and hands them to the threads; ends early without an error when a thread has ended.
    fn run(
        &self,
        first: Option<Block>,
        blocks: &mut Blocks<'_>,
        list: &mut OrderedPieces<'_>,
        compressor: &mut Compressor,
    ) -> Result<(), StoreError> {
        let mut current = first;
        let mut number = 0;
        while let Some(block) = current {
            let block = Arc::new(block);
            if self.to_hash.send(Arc::clone(&block)).is_err() || self.to_store.send((number, block)).is_err()
            {
                break;
            }
            for (number, pieces) in self.list_in.try_iter() {
                list.take(number, pieces, compressor)?;
            }
            current = blocks.next(self.spare.try_recv().unwrap_or_default())?;
            number += 1;
        }
        Ok(())
    }
}

fn hash_all(blocks: &Receiver<Arc<Block>>, spare: &Sender<Vec<u8>>) -> ([u8; 32], u64) {
    let mut sha = Sha256::new();
    let mut len = 0;
    for block in blocks {
        let fresh = &block.bytes[block.fresh..];
        sha.update(fresh);
        len += fresh.len() as u64;
        recycle(block, spare);
    }
    (sha.finalize().into(), len)
}

/// The last holder of a block gives its memory back.
fn recycle(block: Arc<Block>, spare: &Sender<Vec<u8>>) {
    if let Some(block) = Arc::into_inner(block) {
        // Nobody reads any more when the blob is complete.
        let _ = spare.send(block.bytes);
    }
}

/// Puts the pieces of blocks in order again.
struct OrderedPieces<'w> {
    list: ListBuilder<'w>,
    early: BTreeMap<u64, Vec<Piece>>,
    next: u64,
}

impl OrderedPieces<'_> {
    fn take(
        &mut self,
        number: u64,
        pieces: Vec<Piece>,
        compressor: &mut Compressor,
    ) -> Result<(), StoreError> {
        self.early.insert(number, pieces);
        while let Some(pieces) = self.early.remove(&self.next) {
            self.next += 1;
            pieces.into_iter().try_for_each(|piece| self.list.push(piece, compressor))?;
        }
        Ok(())
    }
}

/// Builds a chunk list from its pieces, node by node.
struct ListBuilder<'w> {
    writer: &'w Writer,
    levels: Vec<(Splitter, Vec<Piece>)>,
}

impl<'w> ListBuilder<'w> {
    const fn new(writer: &'w Writer) -> Self {
        Self { writer, levels: Vec::new() }
    }

    fn push(&mut self, piece: Piece, compressor: &mut Compressor) -> Result<(), StoreError> {
        self.push_at(0, piece, compressor)
    }

    fn push_at(&mut self, level: u8, piece: Piece, compressor: &mut Compressor) -> Result<(), StoreError> {
        let index = usize::from(level);
        if self.levels.len() == index {
            self.levels.push(Default::default());
        }
        let (splitter, pieces) = &mut self.levels[index];
        pieces.push(piece);
        if splitter.ends_after(chunk_hash(piece.id.as_bytes(), level)) {
            self.close(level, compressor)
        } else {
            Ok(())
        }
    }

    /// Stores the open node of a level and lists it one level above.
    fn close(&mut self, level: u8, compressor: &mut Compressor) -> Result<(), StoreError> {
        let pieces = std::mem::take(&mut self.levels[usize::from(level)].1);
        let node = ChunkList { level, pieces };
        let bytes = node.encode();
        let id = ChunkId::of(&bytes);
        self.writer.put(RecordKind::ChunkNode, *id.as_bytes(), &bytes, compressor)?;
        self.push_at(level + 1, Piece { len: node.len(), id }, compressor)
    }

    /// Stores the root under the blob's id; there must have been a piece.
    fn finish(mut self, blob: BlobId, compressor: &mut Compressor) -> Result<(), StoreError> {
        let mut level = 0;
        // A level above exists only if a node of this one was closed: then this one is not the root.
        while self.levels.len() > usize::from(level) + 1 {
            if !self.levels[usize::from(level)].1.is_empty() {
                self.close(level, compressor)?;
            }
            level += 1;
        }
        let pieces = std::mem::take(&mut self.levels[usize::from(level)].1);
        let root = ChunkList { level, pieces };
        self.writer.put(RecordKind::ChunkedBlob, *blob.as_bytes(), &root.encode(), compressor)?;
        Ok(())
    }
}
