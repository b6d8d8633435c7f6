//! The staging index: what the next version will hold, and the facts that prove files unchanged.
//!
//! Two files make one index. The **base** ([`Base`]) is immutable, sorted and meant to be mapped: a
//! lookup in a million entries reads a few pages. The **journal** ([`Journal`]) is appended to and says
//! what changed since the base was written, so that staging one file costs what one file costs.
//!
//! Both hold *staged values* in the same form, all numbers little-endian:
//!
//! ```text
//! staged  = id [32], size u64, mtime_ns i64, ctime_ns i64, inode u64, mode u32,
//!           kind u8 (code of the entry kind), flags u8
//! flags     1: the facts (mtime to mode) are known; without it they are zero
//!           2: the facts prove nothing, since the file changed too shortly before (racy)
//!           4: staged, and not in the worktree: only in the journal of a sparse index, and without facts
//! ```
//!
//! # Order
//!
//! Entries are ordered by directory, then by name. Directories are compared component by component
//! ([`dir_order`]), so that everything below a directory is one contiguous range, right behind what
//! lies in it.

mod base;
mod journal;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use super::header::Format;
use super::read::Reader;
use crate::codec::DecodeError;
use crate::model::{EntryKind, ObjectId, TreeId};

pub use base::{BLOCK_ENTRIES, Base, BaseWriter, Dir, EntryRef, OutOfOrder};
pub use journal::{Frame, Journal, Op, journal_header};

/// The base file of a staging index.
pub const STAGING_BASE: Format = Format { letter: b'i', number: 1, name: "staging index" };
/// The journal of a staging index.
pub const STAGING_JOURNAL: Format = Format { letter: b'j', number: 1, name: "staging journal" };

/// Length of an encoded staged value.
pub const STAGED_LEN: usize = 70;

const HAS_FACTS: u8 = 1;
const RACY: u8 = 2;
const ABSENT: u8 = 4;

/// What the file system told of a file when its content was read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatFacts {
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since the epoch; 0 where the system has none.
    pub ctime_ns: i64,
    /// Inode number; 0 where the system has none.
    pub inode: u64,
    /// Permission bits.
    pub mode: u32,
    /// The file changed so shortly before these facts were taken that a later change may have left
    /// them as they are: equal facts prove nothing.
    pub racy: bool,
}

/// What is staged at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Staged {
    /// What it is. [`EntryKind::Directory`] stands for an empty directory.
    pub kind: EntryKind,
    /// Bytes of the file or of the link's target.
    pub size: u64,
    /// The blob, or the empty tree.
    pub id: ObjectId,
    /// The facts of the file that held this content, where they are known.
    pub stat: Option<StatFacts>,
    /// It is staged and was never brought to the worktree, so that its absence there says nothing. Only in a
    /// sparse index, and then without facts.
    pub absent: bool,
}

impl Staged {
    /// Whether both are the same for a version; facts of the file system do not count.
    pub fn same_content(&self, other: &Self) -> bool {
        (self.kind, self.size, self.id) == (other.kind, other.size, other.id)
    }
}

/// The order of directories: component by component, each by its bytes; a directory comes before what
/// lies below it.
pub fn dir_order(a: &[u8], b: &[u8]) -> Ordering {
    // The same as bytewise with `/` before every other byte.
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((&x, &y)) => rank(x).cmp(&rank(y)),
        None => a.len().cmp(&b.len()),
    }
}

/// Whether `path` is `dir` or lies below it; the empty path is the root.
pub fn is_at_or_below(path: &[u8], dir: &[u8]) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

fn put_staged(out: &mut Vec<u8>, staged: &Staged) {
    let facts = staged.stat.unwrap_or(StatFacts { mtime_ns: 0, ctime_ns: 0, inode: 0, mode: 0, racy: false });
    let flags = match staged.stat {
        Some(facts) => HAS_FACTS | if facts.racy { RACY } else { 0 },
        None if staged.absent => ABSENT,
        None => 0,
    };
    out.extend_from_slice(TreeId::new(staged.id).as_bytes());
    out.extend_from_slice(&staged.size.to_le_bytes());
    out.extend_from_slice(&facts.mtime_ns.to_le_bytes());
    out.extend_from_slice(&facts.ctime_ns.to_le_bytes());
    out.extend_from_slice(&facts.inode.to_le_bytes());
    out.extend_from_slice(&facts.mode.to_le_bytes());
    out.extend_from_slice(&[staged.kind.code(), flags]);
}

fn read_staged(reader: &mut Reader<'_>) -> Result<Staged, DecodeError> {
    let malformed = |why: &str| DecodeError::malformed(STAGING_BASE.name, why);
    let id = ObjectId::Sha256(reader.array()?);
    let size = reader.u64()?;
    let (mtime_ns, ctime_ns) = (i64::from_le_bytes(reader.array()?), i64::from_le_bytes(reader.array()?));
    let (inode, mode) = (reader.u64()?, reader.u32()?);
    let kind = EntryKind::from_code(reader.u8()?).ok_or_else(|| malformed("unknown kind of entry"))?;
    let flags = reader.u8()?;
    let stat = match flags {
        0 | ABSENT if (mtime_ns, ctime_ns, inode, mode) == (0, 0, 0, 0) => None,
        flags if flags & !RACY == HAS_FACTS => {
            Some(StatFacts { mtime_ns, ctime_ns, inode, mode, racy: flags & RACY != 0 })
        }
        _ => return Err(malformed("unknown flags of an entry")),
    };
    Ok(Staged { kind, size, id, stat, absent: flags == ABSENT })
}
