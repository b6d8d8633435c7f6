//! What a directory holds.

use super::{EntryName, ObjectId};

/// Longest description of an external link, in bytes.
pub const MAX_LINK_LEN: u64 = 64 * 1024;

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file with the executable bit.
    Executable,
    /// A symbolic link; the blob holds the target.
    Symlink,
    /// A directory; the id names its tree.
    Directory,
    /// Bytes that stay where they are; the blob describes where (URL, size, ETag, hash).
    ExternalLink,
}

impl EntryKind {
    /// Every kind, in the order of its code.
    pub const ALL: [Self; 5] =
        [Self::File, Self::Executable, Self::Symlink, Self::Directory, Self::ExternalLink];

    /// The byte that stands for this kind in every format.
    pub const fn code(self) -> u8 {
        match self {
            Self::File => 1,
            Self::Executable => 2,
            Self::Symlink => 3,
            Self::Directory => 4,
            Self::ExternalLink => 5,
        }
    }

    /// The kind that a byte stands for.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::File),
            2 => Some(Self::Executable),
            3 => Some(Self::Symlink),
            4 => Some(Self::Directory),
            5 => Some(Self::ExternalLink),
            _ => None,
        }
    }

    /// The word shown to people and written by plumbing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Executable => "exec",
            Self::Symlink => "symlink",
            Self::Directory => "dir",
            Self::ExternalLink => "link",
        }
    }

    /// The kind of a word written by [`EntryKind::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the entry is a directory.
    pub const fn is_dir(self) -> bool {
        matches!(self, Self::Directory)
    }
}

/// Number and size of what lies below a directory or in a version.
///
/// `files` counts everything that is not a directory; `bytes` are logical bytes, before deduplication
/// and compression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// Number of entries that are no directories.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
}

impl Totals {
    /// Adds another count; saturates, since totals of a hostile tree can be anything.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { files: self.files.saturating_add(other.files), bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its name within the directory.
    pub name: EntryName,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of the file, or of everything below the directory.
    pub size: u64,
    /// Files below a directory; 1 for everything else.
    pub files: u64,
    /// Blob or tree, depending on the kind.
    pub id: ObjectId,
}

impl Entry {
    /// What this entry adds to the totals of its directory.
    pub const fn totals(&self) -> Totals {
        Totals { files: self.files, bytes: self.size }
    }

    /// Bytes of the blob that the entry names: those of the file. Of an external link, which describes other bytes, at most so
    /// many.
    pub const fn blob_len(&self) -> u64 {
        match self.kind {
            EntryKind::ExternalLink if self.size > MAX_LINK_LEN => MAX_LINK_LEN,
            _ => self.size,
        }
    }

    /// Whether both name the same content of the same kind; the name does not count.
    pub fn same_content(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }
}
