//! Writing much in one go, past the page cache.
//!
//! Gigabytes that are written and not read again soon only drive other things out of the page cache, and
//! filling it can cost more than the disk: here threads of their own write aligned blocks directly, while
//! the caller fills the next one. A direct write waits for the disk, so two of them are under way, lest the disk
//! wait for us. Where the system or the file system has no direct writes, the same threads write as usual.

use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use super::platform;

/// Bytes of one block, a multiple of [`ALIGNMENT`].
const BLOCK_LEN: usize = 4 * 1024 * 1024;
/// What memory, offsets and lengths of direct writes are multiples of; no known device asks for more.
const ALIGNMENT: usize = 4096;
/// Blocks that are written at once.
const THREADS: usize = 2;
/// Blocks in use at once: one is filled, one waits, the others are written.
const BLOCKS: usize = THREADS + 2;

/// Memory whose used part begins at a multiple of [`ALIGNMENT`].
#[derive(Debug)]
struct Block {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl Block {
    fn new() -> Self {
        let memory = vec![0; BLOCK_LEN + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { memory, start, len: 0 }
    }

    /// Takes what fits; returns how much that was.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(BLOCK_LEN - self.len);
        let at = self.start + self.len;
        self.memory[at..at + n].copy_from_slice(&bytes[..n]);
        self.len += n;
        n
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

/// Writes one file from its beginning. A file that fills no block is written when it is finished, without a
/// thread.
#[derive(Debug)]
pub(super) struct Streamer {
    file: Arc<std::fs::File>,
    block: Block,
    /// Where the bytes of `block` go.
    offset: u64,
    blocks: usize,
    writer: Option<BlockWriter>,
    failed: bool,
}

/// The threads that write full blocks.
#[derive(Debug)]
struct BlockWriter {
    full: Sender<(u64, Block)>,
    spare: Receiver<Block>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl BlockWriter {
    fn start(file: Arc<std::fs::File>) -> Self {
        let (full, full_out) = crossbeam_channel::bounded::<(u64, Block)>(1);
        let (spare_in, spare) = crossbeam_channel::unbounded();
        // The flag belongs to the open file, not to a thread: it is set once, before any of them writes.
        let direct = platform::set_direct(&file, true).is_ok();
        let start = |_| {
            let (file, full_out, spare_in) = (Arc::clone(&file), full_out.clone(), spare_in.clone());
            std::thread::spawn(move || write_blocks(&file, direct, &full_out, &spare_in))
        };
        Self { full, spare, threads: (0..THREADS).map(start).collect() }
    }

    /// Waits for all blocks; returns the first failure.
    fn join(self) -> io::Result<()> {
        drop(self.full);
        let join = |thread: JoinHandle<_>| thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
        self.threads.into_iter().map(join).fold(Ok(()), io::Result::and)
    }
}

impl Streamer {
    pub(super) fn new(file: Arc<std::fs::File>) -> Self {
        Self { file, block: Block::new(), offset: 0, blocks: 1, writer: None, failed: false }
    }

    /// Takes bytes; most calls only copy them.
    ///
    /// # Errors
    /// The failure of an earlier block.
    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = self.block.fill(bytes);
            bytes = &bytes[n..];
            if self.block.len == BLOCK_LEN {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Hands the full block to the threads and takes an empty one.
    fn send(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        let writer = self.writer.get_or_insert_with(|| BlockWriter::start(Arc::clone(&self.file)));
        let next = match writer.spare.try_recv() {
            Ok(block) => Some(block),
            Err(_) if self.blocks < BLOCKS => {
                self.blocks += 1;
                Some(Block::new())
            }
            Err(_) => writer.spare.recv().ok(),
        };
        let sent = next.is_some_and(|next| {
            let full = std::mem::replace(&mut self.block, next);
            let offset = self.offset;
            self.offset += full.len as u64;
            writer.full.send((offset, full)).is_ok()
        });
        // The threads end early only by a failure, which they return.
        if sent { Ok(()) } else { self.join() }
    }

    fn join(&mut self) -> io::Result<()> {
        let joined = self.writer.take().map_or(Ok(()), BlockWriter::join);
        self.failed |= joined.is_err();
        joined
    }

    /// Hands everything to the system; the last bytes, which fill no block, as usual.
    ///
    /// # Errors
    /// The first failure of any write.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.writer.is_some() {
            self.join()?;
            platform::set_direct(&self.file, false)?;
        }
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        platform::write_all_at(&self.file, self.block.bytes(), self.offset)?;
        // Who goes on writing does so behind this.
        (&*self.file).seek(SeekFrom::Start(self.offset + self.block.len as u64))?;
        Ok(())
    }
}

/// A file that is given up waits for its last write.
impl Drop for Streamer {
    fn drop(&mut self) {
        let _ = self.join();
    }
}

/// Writes blocks until there are no more; `direct` tells whether the file was asked for direct writes.
fn write_blocks(
    file: &std::fs::File,
    direct: bool,
    full: &Receiver<(u64, Block)>,
    spare: &Sender<Block>,
) -> io::Result<()> {
    for (offset, mut block) in full {
        let written = platform::write_all_at(file, block.bytes(), offset);
        match written {
            // Some file systems take the flag and refuse the write. The other thread may have cleared it by now, or
            // be about to: this write is tried once more in either case.
            Err(error) if direct && error.kind() == io::ErrorKind::InvalidInput => {
                platform::set_direct(file, false)?;
                platform::write_all_at(file, block.bytes(), offset)?;
            }
            written => written?,
        }
        block.len = 0;
        // The other side may have ended.
        let _ = spare.send(block);
    }
    Ok(())
}
