//! The sorted, immutable part of a staging index.
//!
//! ```text
//! base    = header(dsvi 1), 3 zero bytes
//!           blocks          each of 256 entries, the last one of 1 to 256
//!           directories     dir_count x { path_at u64, path_len u32, first_entry u32 }
//!           paths           the directories' paths, one after the other; path_at counts from here
//!           block table     block_count x { offset u64, checksum u64 }
//!           trailer         generation u64, directories_at u64, paths_at u64, block_table_at u64,
//!                           entry_count u32, dir_count u32,
//!                           checksum u64    xxh3-64 of directories, paths, block table and the trailer before it
//! block   = count x { staged [70], name_at u32, name_len u16 }
//!           names           one after the other; name_at counts from the first of them
//! ```
//!
//! Every directory that holds an entry itself is listed once, in [`dir_order`]; its entries are those from
//! its `first_entry` to the next directory's, in byte order of name. Directories that hold only
//! directories are not listed.
//!
//! The tables are checked when a base is opened, a block when its first entry is read: a lookup in a
//! million entries must not read a hundred megabytes first, and nothing unchecked is ever believed.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use xxhash_rust::xxh3::xxh3_64;

use super::{STAGED_LEN, STAGING_BASE, Staged, dir_order, is_at_or_below, put_staged, read_staged};
use crate::codec::DecodeError;
use crate::codec::header::HEADER_LEN;
use crate::codec::read::Reader;

/// Entries in a block.
pub const BLOCK_ENTRIES: usize = 256;

const START: usize = HEADER_LEN + 3;
const DIR_LEN: usize = 16;
const BLOCK_REF_LEN: usize = 16;
const RECORD_LEN: usize = STAGED_LEN + 6;
const TRAILER_LEN: usize = 48;
const CHECKSUM_LEN: usize = 8;

fn malformed(why: impl Into<String>) -> DecodeError {
    DecodeError::malformed(STAGING_BASE.name, why)
}

/// A directory that holds entries itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dir<'a> {
    /// Its path; empty for the root.
    pub path: &'a [u8],
    /// The numbers of its entries.
    pub entries: Range<u32>,
}

/// An entry within its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// Its name; not checked to be an [`EntryName`](crate::model::EntryName).
    pub name: &'a [u8],
    /// What is staged.
    pub staged: Staged,
}

/// A base file, mapped or read.
#[derive(Debug)]
pub struct Base<B> {
    bytes: B,
    generation: u64,
    entry_count: u32,
    dir_count: u32,
    dirs_at: usize,
    paths_at: usize,
    blocks_at: usize,
    /// Blocks that were found whole.
    verified: Box<[AtomicBool]>,
}

impl<B: AsRef<[u8]>> Base<B> {
    /// Checks header, trailer and tables; blocks are checked when they are read.
    ///
    /// # Errors
    /// When the bytes are no base, are damaged there, or are of a newer format.
    pub fn open(bytes: B) -> Result<Self, DecodeError> {
        let all = bytes.as_ref();
        if STAGING_BASE.strip(all)?.get(..3) != Some(&[0; 3]) {
            return Err(malformed("reserved bytes are not zero"));
        }
        let cut = DecodeError::Truncated { what: STAGING_BASE.name, offset: all.len() as u64 };
        let trailer_at =
            all.len().checked_sub(TRAILER_LEN).filter(|&at| at >= START).ok_or_else(|| cut.clone())?;
        let mut trailer = Reader::new(STAGING_BASE.name, &all[trailer_at..]);
        let generation = trailer.u64()?;
        let mut position = || trailer.u64().map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let (dirs_at, paths_at, blocks_at) = (position()?, position()?, position()?);
        let (entry_count, dir_count) = (trailer.u32()?, trailer.u32()?);
        let checksum = trailer.u64()?;
        let block_count = (entry_count as usize).div_ceil(BLOCK_ENTRIES);
        let fits = dirs_at >= START
            && dirs_at.checked_add(dir_count as usize * DIR_LEN) == Some(paths_at)
            && paths_at <= blocks_at
            && blocks_at.checked_add(block_count * BLOCK_REF_LEN) == Some(trailer_at);
        if !fits {
            return Err(cut);
        }
        if xxh3_64(&all[dirs_at..all.len() - CHECKSUM_LEN]) != checksum {
            return Err(DecodeError::Checksum { what: STAGING_BASE.name });
        }
        let verified = (0..block_count).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { bytes, generation, entry_count, dir_count, dirs_at, paths_at, blocks_at, verified })
    }

    /// The number that ties a journal to this base.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Number of entries.
    pub const fn entry_count(&self) -> u32 {
        self.entry_count
    }

    /// Number of directories that hold entries themselves.
    pub const fn dir_count(&self) -> u32 {
        self.dir_count
    }

    /// Length of the encoding in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.as_ref().len()
    }

    /// Directory `number`, in [`dir_order`].
    ///
    /// # Errors
    /// When there is no such directory or its line breaks a rule.
    pub fn dir(&self, number: u32) -> Result<Dir<'_>, DecodeError> {
        let (path, first) = self.dir_line(number)?;
        let end = if number + 1 == self.dir_count { self.entry_count } else { self.dir_line(number + 1)?.1 };
        if first >= end || end > self.entry_count {
            return Err(malformed(format!("directory {number} has no entries")));
        }
        Ok(Dir { path, entries: first..end })
    }

    fn dir_line(&self, number: u32) -> Result<(&[u8], u32), DecodeError> {
        if number >= self.dir_count {
            return Err(malformed(format!("there is no directory {number}")));
        }
        let bytes = self.bytes.as_ref();
        let at = self.dirs_at + number as usize * DIR_LEN;
        let mut line = Reader::new(STAGING_BASE.name, &bytes[at..at + DIR_LEN]);
        let (path_at, path_len, first) = (line.u64()?, line.u32()?, line.u32()?);
        let path = usize::try_from(path_at)
            .ok()
            .and_then(|at| bytes[self.paths_at..self.blocks_at].get(at..)?.get(..path_len as usize))
            .ok_or_else(|| malformed(format!("the path of directory {number} lies outside")))?;
        Ok((path, first))
    }

    /// The first directory in `range` for which `before` does not hold, which must hold for a prefix.
    fn partition_dirs(&self, range: Range<u32>, before: impl Fn(&[u8]) -> bool) -> Result<u32, DecodeError> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.dir_line(middle)?.0) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// The directory of this path, when it holds entries itself.
    ///
    /// # Errors
    /// When a table breaks a rule.
    pub fn find_dir(&self, path: &[u8]) -> Result<Option<Dir<'_>>, DecodeError> {
        let number = self.partition_dirs(0..self.dir_count, |dir| dir_order(dir, path) == Ordering::Less)?;
        if number == self.dir_count {
            return Ok(None);
        }
        let dir = self.dir(number)?;
        Ok((dir.path == path).then_some(dir))
    }

    /// The numbers of the directories at or below this path.
    ///
    /// # Errors
    /// When a table breaks a rule.
    pub fn subtree(&self, path: &[u8]) -> Result<Range<u32>, DecodeError> {
        let start = self.partition_dirs(0..self.dir_count, |dir| dir_order(dir, path) == Ordering::Less)?;
        Ok(start..self.subtree_end(start..self.dir_count, path)?)
    }

    /// The first of these directories that is not at or below `path`, where those that are come first.
    ///
    /// # Errors
    /// When a table breaks a rule.
    pub fn subtree_end(&self, dirs: Range<u32>, path: &[u8]) -> Result<u32, DecodeError> {
        // Most directories hold few others, so the end is looked for near the start first.
        let mut inside = dirs.start;
        let mut step = 1;
        while let Some(probe) = inside.checked_add(step - 1).filter(|&probe| probe < dirs.end) {
            if !is_at_or_below(self.dir_line(probe)?.0, path) {
                return self.partition_dirs(inside..probe, |dir| is_at_or_below(dir, path));
            }
            inside = probe + 1;
            step = step.saturating_mul(2);
        }
        self.partition_dirs(inside..dirs.end, |dir| is_at_or_below(dir, path))
    }

    /// The block that holds entry `number`: its records, and its names.
    fn block(&self, number: u32) -> Result<(&[u8], &[u8]), DecodeError> {
        if number >= self.entry_count {
            return Err(malformed(format!("there is no entry {number}")));
        }
        let block = number as usize / BLOCK_ENTRIES;
        let count = (self.entry_count as usize - block * BLOCK_ENTRIES).min(BLOCK_ENTRIES);
        let bytes = self.bytes.as_ref();
        let at = self.blocks_at + block * BLOCK_REF_LEN;
        let mut line = Reader::new(STAGING_BASE.name, &bytes[at..]);
        let (start, checksum) = (line.u64()?, line.u64()?);
        let end = if block + 1 == self.verified.len() {
            self.dirs_at
        } else {
            line.u64().map(|next| usize::try_from(next).unwrap_or(usize::MAX))?
        };
        let (records, names) = usize::try_from(start)
            .ok()
            .filter(|&start| start >= START && end <= self.dirs_at)
            .and_then(|start| bytes.get(start..end)?.split_at_checked(count * RECORD_LEN))
            .ok_or_else(|| malformed(format!("block {block} lies outside")))?;
        if !self.verified[block].load(Memory::Relaxed) {
            let start = end - records.len() - names.len();
            if xxh3_64(&bytes[start..end]) != checksum {
                return Err(malformed(format!("the block at byte {start} does not match its checksum")));
            }
            for record in records.chunks_exact(RECORD_LEN) {
                entry_of(record, names)?;
            }
            self.verified[block].store(true, Memory::Relaxed);
        }
        Ok((records, names))
    }

    /// Entry `number` in the order of the whole index.
    ///
    /// # Errors
    /// When there is no such entry or its block is damaged.
    pub fn entry(&self, number: u32) -> Result<EntryRef<'_>, DecodeError> {
        let (records, names) = self.block(number)?;
        entry_of(record(records, number), names)
    }

    fn name(&self, number: u32) -> Result<&[u8], DecodeError> {
        let (records, names) = self.block(number)?;
        name_of(record(records, number), names)
    }

    /// The first of these entries, which must be of one directory, whose name is not less than `name`.
    ///
    /// # Errors
    /// When a block is damaged.
    pub fn seek(&self, entries: Range<u32>, name: &[u8]) -> Result<u32, DecodeError> {
        let (mut low, mut high) = (entries.start, entries.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.name(middle)? < name { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// What is staged at a path, given as directory and name.
    ///
    /// # Errors
    /// When the base is damaged where the path would be.
    pub fn find(&self, dir: &[u8], name: &[u8]) -> Result<Option<Staged>, DecodeError> {
        let Some(dir) = self.find_dir(dir)? else { return Ok(None) };
        let number = self.seek(dir.entries.clone(), name)?;
        if number == dir.entries.end {
            return Ok(None);
        }
        let entry = self.entry(number)?;
        Ok((entry.name == name).then_some(entry.staged))
    }

    /// Checks all there is: every block, the order of directories and of names.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), DecodeError> {
        if self.dir_count == 0 && self.entry_count > 0 || self.dir_count > 0 && self.dir_line(0)?.1 != 0 {
            return Err(malformed("entries lie in no directory"));
        }
        let mut previous = None;
        for number in 0..self.dir_count {
            let dir = self.dir(number)?;
            if previous.is_some_and(|previous| dir_order(previous, dir.path) != Ordering::Less) {
                return Err(malformed(format!("directory {number} is out of order")));
            }
            previous = Some(dir.path);
            let mut last: Option<&[u8]> = None;
            for entry in dir.entries {
                let name = self.entry(entry)?.name;
                if last >= Some(name) {
                    return Err(malformed(format!("entry {entry} is out of order")));
                }
                last = Some(name);
            }
        }
        Ok(())
    }
}

/// The record of an entry in its block; the block was checked to hold it.
fn record(records: &[u8], number: u32) -> &[u8] {
    let at = number as usize % BLOCK_ENTRIES * RECORD_LEN;
    &records[at..at + RECORD_LEN]
}

fn name_of<'a>(record: &[u8], names: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let mut reader = Reader::new(STAGING_BASE.name, &record[STAGED_LEN..]);
    let (at, len) = (reader.u32()? as usize, usize::from(u16::from_le_bytes(reader.array()?)));
    names.get(at..).and_then(|rest| rest.get(..len)).ok_or_else(|| malformed("a name lies outside its block"))
}

fn entry_of<'a>(record: &[u8], names: &'a [u8]) -> Result<EntryRef<'a>, DecodeError> {
    let staged = read_staged(&mut Reader::new(STAGING_BASE.name, record))?;
    if staged.absent {
        return Err(malformed("a base has an entry that is not in the worktree"));
    }
    Ok(EntryRef { name: name_of(record, names)?, staged })
}

/// An entry was not greater than the one before it, or its name was longer than a name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entries of a staging index must come in order")]
pub struct OutOfOrder;

/// Writes a base, entry by entry. Memory is bounded by one block and the tables: 16 bytes and the path
/// for each directory, 16 bytes for every 256 entries.
#[derive(Debug)]
pub struct BaseWriter {
    generation: u64,
    /// Bytes given out so far.
    written: u64,
    records: Vec<u8>,
    names: Vec<u8>,
    entry_count: u32,
    dir_count: u32,
    dirs: Vec<u8>,
    paths: Vec<u8>,
    blocks: Vec<u8>,
    /// Where the path of the present directory begins in `paths`.
    dir_path_at: usize,
    last_name: Vec<u8>,
}

impl BaseWriter {
    /// Begins a base; bytes to be written are appended to `out` by this and the calls that follow.
    pub fn new(generation: u64, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&STAGING_BASE.header());
        out.extend_from_slice(&[0; 3]);
        Self {
            generation,
            written: START as u64,
            records: Vec::with_capacity(BLOCK_ENTRIES * RECORD_LEN),
            names: Vec::new(),
            entry_count: 0,
            dir_count: 0,
            dirs: Vec::new(),
            paths: Vec::new(),
            blocks: Vec::new(),
            dir_path_at: 0,
            last_name: Vec::new(),
        }
    }

    /// Adds an entry, which must be greater than all before it in (directory, name).
    ///
    /// # Errors
    /// When it is not, or when its name has more than `u16::MAX` bytes.
    pub fn push(
        &mut self,
        dir: &[u8],
        name: &[u8],
        staged: &Staged,
        out: &mut Vec<u8>,
    ) -> Result<(), OutOfOrder> {
        let name_len = u16::try_from(name.len()).map_err(|_| OutOfOrder)?;
        let last_dir = &self.paths[self.dir_path_at..];
        if self.dir_count == 0 || last_dir != dir {
            if self.dir_count > 0 && dir_order(last_dir, dir) != Ordering::Less {
                return Err(OutOfOrder);
            }
            self.begin_dir(dir)?;
        } else if self.last_name.as_slice() >= name {
            return Err(OutOfOrder);
        }
        self.last_name.clear();
        self.last_name.extend_from_slice(name);
        put_staged(&mut self.records, staged);
        self.records.extend_from_slice(&(self.names.len() as u32).to_le_bytes());
        self.records.extend_from_slice(&name_len.to_le_bytes());
        self.names.extend_from_slice(name);
        self.entry_count = self.entry_count.checked_add(1).ok_or(OutOfOrder)?;
        if self.records.len() == BLOCK_ENTRIES * RECORD_LEN {
            self.end_block(out);
        }
        Ok(())
    }

    fn begin_dir(&mut self, dir: &[u8]) -> Result<(), OutOfOrder> {
        let path_len = u32::try_from(dir.len()).map_err(|_| OutOfOrder)?;
        self.dir_path_at = self.paths.len();
        self.dirs.extend_from_slice(&(self.dir_path_at as u64).to_le_bytes());
        self.dirs.extend_from_slice(&path_len.to_le_bytes());
        self.dirs.extend_from_slice(&self.entry_count.to_le_bytes());
        self.paths.extend_from_slice(dir);
        self.dir_count = self.dir_count.checked_add(1).ok_or(OutOfOrder)?;
        Ok(())
    }

    fn end_block(&mut self, out: &mut Vec<u8>) {
        if self.records.is_empty() {
            return;
        }
        self.records.append(&mut self.names);
        self.blocks.extend_from_slice(&self.written.to_le_bytes());
        self.blocks.extend_from_slice(&xxh3_64(&self.records).to_le_bytes());
        self.written += self.records.len() as u64;
        out.append(&mut self.records);
    }

    /// Ends the base.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.end_block(out);
        let dirs_at = self.written;
        let paths_at = dirs_at + self.dirs.len() as u64;
        let blocks_at = paths_at + self.paths.len() as u64;
        let mut tail = self.dirs;
        tail.append(&mut self.paths);
        tail.append(&mut self.blocks);
        for position in [self.generation, dirs_at, paths_at, blocks_at] {
            tail.extend_from_slice(&position.to_le_bytes());
        }
        tail.extend_from_slice(&self.entry_count.to_le_bytes());
        tail.extend_from_slice(&self.dir_count.to_le_bytes());
        let checksum = xxh3_64(&tail);
        out.append(&mut tail);
        out.extend_from_slice(&checksum.to_le_bytes());
    }
}
