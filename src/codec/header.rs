//! The five bytes in front of every format: `dsv`, a letter, and the format's number.

use super::DecodeError;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 5;

/// A format: its letter, the newest number this program knows, and its name in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The fourth magic byte.
    pub letter: u8,
    /// The number written, and the highest one read.
    pub number: u8,
    /// What people call it.
    pub name: &'static str,
}

/// A node of a directory's tree.
pub const TREE: Format = Format { letter: b't', number: 1, name: "tree" };
/// A version manifest.
pub const VERSION: Format = Format { letter: b'v', number: 1, name: "version" };
/// A node of a large blob's chunk list.
pub const CHUNK_LIST: Format = Format { letter: b'c', number: 1, name: "chunk list" };
/// A pack file.
pub const PACK: Format = Format { letter: b'p', number: 1, name: "pack" };
/// An index over packs.
pub const PACK_INDEX: Format = Format { letter: b'x', number: 1, name: "pack index" };

/// An index segment of a remote.
pub const SEGMENT: Format = Format { letter: b's', number: 1, name: "index segment" };

impl Format {
    /// The header's bytes.
    pub const fn header(self) -> [u8; HEADER_LEN] {
        [b'd', b's', b'v', self.letter, self.number]
    }

    /// Checks the header and returns what follows it.
    ///
    /// # Errors
    /// When the bytes are of another format or of a newer number.
    pub fn strip(self, bytes: &[u8]) -> Result<&[u8], DecodeError> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(DecodeError::Truncated { what: self.name, offset: bytes.len() as u64 });
        };
        if header[..4] != self.header()[..4] || header[4] == 0 {
            return Err(DecodeError::BadMagic { what: self.name });
        }
        if header[4] > self.number {
            return Err(DecodeError::NewerFormat {
                what: self.name,
                found: u32::from(header[4]),
                supported: u32::from(self.number),
            });
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_header_passes() {
        assert_eq!(TREE.strip(b"dsvt\x01rest").unwrap(), b"rest");
        assert!(matches!(TREE.strip(b"dsvv\x01"), Err(DecodeError::BadMagic { .. })));
        assert!(matches!(TREE.strip(b"dsvt\x00"), Err(DecodeError::BadMagic { .. })));
        assert!(matches!(TREE.strip(b"dsvt\x02"), Err(DecodeError::NewerFormat { found: 2, .. })));
        assert!(matches!(TREE.strip(b"dsv"), Err(DecodeError::Truncated { .. })));
    }
}
