//! What changed since a staging index's base was written.
//!
//! ```text
//! journal = header(dsvj 1), 3 zero bytes, generation u64, checksum u64   xxh3-64 of the 16 bytes before
//!           frames          until the end of the file
//! frame   = payload_len u32, header_check u32, payload_check u64
//!           payload         operations, one after the other
//!
//! payload_check             xxh3-64 of the payload
//! header_check              low 32 bits of xxh3-64 of payload_len, payload_check and the frame's offset as u64
//!
//! operation = 1, edited u8, path_len u16, path, staged [70]     set: this is staged here now
//!           | 2, edited u8, path_len u16, path                  remove: nothing is staged here any more
//!           | 3, tree [32]                                      tree: the index equals this tree; nothing is
//!                                                               edited since
//!           | 4, path_len u16, path                             edited: what the base has here (or has no
//!                                                               more) is not what the tree has
//!           | 5                                                 sparse: whatever is neither set nor removed is
//!                                                               what the tree has, and not in the worktree
//! ```
//!
//! `edited` is 1 when the operation makes the path differ from the last known tree, 0 when it only
//! renews facts. Generation 0 has no base.
//!
//! *sparse* needs a tree before it, holds until the base is replaced, and changes what two others mean. A remove
//! that is edited takes all that the tree has below the path along; one that is not makes the path again what
//! the tree has there. A tree drops what is staged and absent, since the tree has that now.
//!
//! One frame holds all that is saved at once and is durable before the next one is begun. So a crash can
//! damage the last frame only, which then never was: [`Journal::kept_len`] is where the next
//! frame goes. Damage with an intact frame behind it is an error.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::{STAGED_LEN, STAGING_JOURNAL, Staged, put_staged, read_staged};
use crate::codec::DecodeError;
use crate::codec::header::HEADER_LEN;
use crate::codec::read::Reader;
use crate::model::TreeId;

const FIXED_LEN: usize = HEADER_LEN + 3 + 8 + 8;
const FRAME_HEADER_LEN: usize = 16;

const SET: u8 = 1;
const REMOVE: u8 = 2;
const TREE: u8 = 3;
const EDITED: u8 = 4;
const SPARSE: u8 = 5;

/// One step from the base to the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op<'a> {
    /// This is staged here now.
    Set {
        /// Where; not checked to be a [`RepoPath`](crate::model::RepoPath).
        path: &'a [u8],
        /// What.
        staged: Staged,
        /// Whether the path differs from the last known tree.
        edited: bool,
    },
    /// Nothing is staged here any more.
    Remove {
        /// Where.
        path: &'a [u8],
        /// Whether the path differs from the last known tree.
        edited: bool,
    },
    /// The index equals this tree.
    Tree(TreeId),
    /// What the base has here, or lacks, is not what the tree has.
    Edited {
        /// Where.
        path: &'a [u8],
    },
    /// Whatever is neither set nor removed is what the tree has, and not in the worktree.
    Sparse,
}

/// The bytes of a journal without frames.
pub fn journal_header(generation: u64) -> Vec<u8> {
    let mut out = STAGING_JOURNAL.header().to_vec();
    out.extend_from_slice(&[0; 3]);
    out.extend_from_slice(&generation.to_le_bytes());
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

fn header_check(payload_len: u32, payload_check: u64, offset: usize) -> u32 {
    let mut covered = [0; 20];
    covered[..4].copy_from_slice(&payload_len.to_le_bytes());
    covered[4..12].copy_from_slice(&payload_check.to_le_bytes());
    covered[12..].copy_from_slice(&(offset as u64).to_le_bytes());
    xxh3_64(&covered) as u32
}

/// A frame being made.
#[derive(Debug, Default)]
pub struct Frame {
    payload: Vec<u8>,
}

impl Frame {
    /// A frame without operations.
    pub const fn new() -> Self {
        Self { payload: Vec::new() }
    }

    /// Adds an operation. A path is cut at `u16::MAX` bytes, four times what a path may have.
    pub fn push(&mut self, op: Op<'_>) {
        let path = |payload: &mut Vec<u8>, path: &[u8]| {
            let len = u16::try_from(path.len()).unwrap_or(u16::MAX);
            payload.extend_from_slice(&len.to_le_bytes());
            payload.extend_from_slice(&path[..usize::from(len)]);
        };
        let payload = &mut self.payload;
        match op {
            Op::Set { path: at, staged, edited } => {
                payload.extend_from_slice(&[SET, u8::from(edited)]);
                path(payload, at);
                put_staged(payload, &staged);
            }
            Op::Remove { path: at, edited } => {
                payload.extend_from_slice(&[REMOVE, u8::from(edited)]);
                path(payload, at);
            }
            Op::Tree(id) => {
                payload.push(TREE);
                payload.extend_from_slice(id.as_bytes());
            }
            Op::Edited { path: at } => {
                payload.push(EDITED);
                path(payload, at);
            }
            Op::Sparse => payload.push(SPARSE),
        }
    }

    /// Bytes that the frame takes; must stay below 4 GiB.
    pub const fn byte_len(&self) -> usize {
        FRAME_HEADER_LEN + self.payload.len()
    }

    /// Whether there is nothing to be saved.
    pub const fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// The bytes to be appended to a journal of `offset` bytes.
    pub fn finish(self, offset: usize) -> Vec<u8> {
        debug_assert!(u32::try_from(self.payload.len()).is_ok());
        let len = self.payload.len() as u32;
        let check = xxh3_64(&self.payload);
        let mut out = Vec::with_capacity(self.byte_len());
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&header_check(len, check, offset).to_le_bytes());
        out.extend_from_slice(&check.to_le_bytes());
        out.extend_from_slice(&self.payload);
        out
    }
}

/// A frame as it was found.
enum Found {
    Whole(Range<usize>),
    /// The header is whole; what it promises is not there, up to this end.
    BadPayload(usize),
    /// Not even the header is whole.
    BadHeader,
}

fn frame_at(bytes: &[u8], offset: usize) -> Result<Found, DecodeError> {
    let mut reader = Reader::new(STAGING_JOURNAL.name, bytes.get(offset..).unwrap_or_default());
    let (Ok(len), Ok(check), Ok(payload_check)) = (reader.u32(), reader.u32(), reader.u64()) else {
        return Ok(Found::BadHeader);
    };
    if check != header_check(len, payload_check, offset) {
        return Ok(Found::BadHeader);
    }
    let start = offset + FRAME_HEADER_LEN;
    let end = start.saturating_add(len as usize);
    Ok(match bytes.get(start..end) {
        Some(payload) if xxh3_64(payload) == payload_check => Found::Whole(start..end),
        _ => Found::BadPayload(end),
    })
}

/// Whether an intact frame begins anywhere behind `offset`: then what is at `offset` was not torn by the
/// last write. Called for damaged journals only. The work is bounded, whatever the bytes are.
fn intact_frame_behind(bytes: &[u8], offset: usize) -> Result<bool, DecodeError> {
    let mut budget = bytes.len().saturating_mul(4);
    for at in offset + 1..bytes.len() {
        match frame_at(bytes, at)? {
            Found::Whole(_) => return Ok(true),
            Found::BadHeader => {}
            Found::BadPayload(end) => {
                // A true frame's header that leads nowhere is a one in four billion accident.
                budget = budget.saturating_sub(end.min(bytes.len()) - at);
                if budget == 0 {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// A journal whose frames were found whole.
#[derive(Debug)]
pub struct Journal<'a> {
    bytes: &'a [u8],
    generation: u64,
    payloads: Vec<Range<usize>>,
    kept_len: usize,
}

impl<'a> Journal<'a> {
    /// Checks the header and every frame. A torn last frame is left out.
    ///
    /// # Errors
    /// When the bytes are no journal, are of a newer format, or are damaged before their last frame; the
    /// error names the offset.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let malformed = |why: &str| DecodeError::malformed(STAGING_JOURNAL.name, why);
        STAGING_JOURNAL.strip(bytes)?;
        let mut reader = Reader::new(STAGING_JOURNAL.name, bytes);
        reader.take(HEADER_LEN)?;
        if reader.take(3)? != [0; 3] {
            return Err(malformed("reserved bytes are not zero"));
        }
        let (generation, checksum) = (reader.u64()?, reader.u64()?);
        if xxh3_64(&bytes[..FIXED_LEN - 8]) != checksum {
            return Err(DecodeError::Checksum { what: STAGING_JOURNAL.name });
        }
        let mut payloads = Vec::new();
        let mut kept_len = FIXED_LEN;
        while kept_len < bytes.len() {
            let torn = match frame_at(bytes, kept_len)? {
                Found::Whole(payload) => {
                    kept_len = payload.end;
                    payloads.push(payload);
                    continue;
                }
                Found::BadPayload(end) => end >= bytes.len(),
                Found::BadHeader => !intact_frame_behind(bytes, kept_len)?,
            };
            if !torn {
                return Err(malformed(&format!("the frame at byte {kept_len} is damaged")));
            }
            break;
        }
        Ok(Self { bytes, generation, payloads, kept_len })
    }

    /// The base that the journal goes with; 0 for none.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Where the next frame is to be written; what lies behind was torn by a crash.
    pub const fn kept_len(&self) -> usize {
        self.kept_len
    }

    /// All operations, oldest first. After an error there are no more.
    pub fn ops(&self) -> impl Iterator<Item = Result<Op<'a>, DecodeError>> + '_ {
        let bytes = self.bytes;
        self.payloads.iter().flat_map(move |range| {
            let mut reader = Some(Reader::new(STAGING_JOURNAL.name, &bytes[range.clone()]));
            let start = range.start;
            std::iter::from_fn(move || {
                let mut at = reader.take()?;
                if at.is_empty() {
                    return None;
                }
                let op = read_op(&mut at).map_err(|error| in_frame(start, &error));
                reader = op.is_ok().then_some(at);
                Some(op)
            })
        })
    }
}

/// The checksum matched, so this was written by a program that does otherwise than this one.
fn in_frame(start: usize, error: &DecodeError) -> DecodeError {
    let offset = start - FRAME_HEADER_LEN;
    DecodeError::malformed(STAGING_JOURNAL.name, format!("in the frame at byte {offset}: {error}"))
}

fn read_op<'a>(reader: &mut Reader<'a>) -> Result<Op<'a>, DecodeError> {
    let malformed = |why: &str| DecodeError::malformed(STAGING_JOURNAL.name, why);
    let edited = |reader: &mut Reader<'a>| match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(malformed("a flag is neither 0 nor 1")),
    };
    let path = |reader: &mut Reader<'a>| {
        let len = u16::from_le_bytes(reader.array()?);
        reader.take(usize::from(len))
    };
    match reader.u8()? {
        SET => {
            let edited = edited(reader)?;
            let path = path(reader)?;
            let mut staged = Reader::new(STAGING_JOURNAL.name, reader.take(STAGED_LEN)?);
            Ok(Op::Set { path, staged: read_staged(&mut staged)?, edited })
        }
        REMOVE => Ok(Op::Remove { edited: edited(reader)?, path: path(reader)? }),
        TREE => Ok(Op::Tree(TreeId::from_bytes(reader.array()?))),
        EDITED => Ok(Op::Edited { path: path(reader)? }),
        SPARSE => Ok(Op::Sparse),
        _ => Err(malformed("unknown operation")),
    }
}
