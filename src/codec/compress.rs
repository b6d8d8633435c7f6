//! Compression of one record: zstd where it pays, the bytes themselves where it does not.

use std::borrow::Cow;
use std::io;

use super::DecodeError;

/// How the stored bytes of a record came from its raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// They are the raw bytes.
    Raw,
    /// One zstd frame.
    Zstd,
}

impl Compression {
    /// The byte that stands for it in a record.
    pub const fn code(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Zstd => 1,
        }
    }

    /// The compression of a byte.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// A reusable compressor; one for each thread.
pub struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    out: Vec<u8>,
}

impl Compressor {
    /// A compressor of a zstd level from 1 to 19.
    ///
    /// # Errors
    /// When memory is short.
    pub fn new(level: i32) -> io::Result<Self> {
        let mut context = zstd::bulk::Compressor::new(level)?;
        // Neither checksum nor content size: the record has both.
        context.include_checksum(false)?;
        context.include_contentsize(false)?;
        Ok(Self { context, out: Vec::new() })
    }

    /// The smaller of the raw bytes and their compression, which must save at least 1/64.
    ///
    /// # Errors
    /// When memory is short.
    pub fn compress<'a>(&'a mut self, raw: &'a [u8]) -> io::Result<(Compression, &'a [u8])> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        self.context.compress_to_buffer(raw, &mut self.out)?;
        if self.out.len() + raw.len() / 64 < raw.len() {
            Ok((Compression::Zstd, &self.out))
        } else {
            Ok((Compression::Raw, raw))
        }
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressor")
    }
}

/// The raw bytes of a record; `raw_len` is what its header promises and bounds the allocation.
///
/// # Errors
/// When the stored bytes do not decompress to exactly `raw_len` bytes.
pub fn decompress(
    compression: Compression,
    stored: &[u8],
    raw_len: usize,
) -> Result<Cow<'_, [u8]>, DecodeError> {
    let wrong = |why: String| DecodeError::malformed("record", why);
    let raw = match compression {
        Compression::Raw => Cow::Borrowed(stored),
        Compression::Zstd => {
            Cow::Owned(zstd::bulk::decompress(stored, raw_len).map_err(|e| wrong(format!("zstd: {e}")))?)
        }
    };
    if raw.len() != raw_len {
        return Err(wrong(format!("{} bytes where {raw_len} were promised", raw.len())));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressible_bytes_shrink_and_come_back() {
        let raw = b"some words, ".repeat(500);
        let mut compressor = Compressor::new(1).unwrap();
        let (compression, stored) = compressor.compress(&raw).unwrap();
        assert_eq!(compression, Compression::Zstd);
        assert!(stored.len() < raw.len() / 10);
        assert_eq!(decompress(compression, stored, raw.len()).unwrap(), raw);
        assert!(decompress(compression, stored, raw.len() - 1).is_err());
        assert!(decompress(compression, stored, raw.len() + 1).is_err());
    }

    #[test]
    fn incompressible_bytes_stay_as_they_are() {
        let mut raw = vec![0; 4096];
        blake3::Hasher::new().finalize_xof().fill(&mut raw);
        let mut compressor = Compressor::new(1).unwrap();
        let (compression, stored) = compressor.compress(&raw).unwrap();
        assert_eq!((compression, stored), (Compression::Raw, &raw[..]));
        assert_eq!(Compressor::new(1).unwrap().compress(b"").unwrap().0, Compression::Raw);
    }
}
