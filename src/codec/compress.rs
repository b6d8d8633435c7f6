//! Compression of one record: zstd where it pays, the bytes themselves where it does not.

use std::borrow::Cow;
use std::cell::RefCell;
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
    /// For records up to [`SMALL_LEN`].
    small: zstd::bulk::Compressor<'static>,
    large: zstd::bulk::Compressor<'static>,
    out: Vec<u8>,
}

/// A record of at most so many bytes is small. In these zstd finds little more at level 3 than at level 1 (1.5 % in
/// source code, text and JSON of up to 8 KiB, nothing in logs) and takes up to half as long again.
const SMALL_LEN: usize = 16 * 1024;

impl Compressor {
    /// A compressor of a zstd level from 1 to 19.
    ///
    /// # Errors
    /// When memory is short.
    pub fn new(level: i32) -> io::Result<Self> {
        Self::with_levels(level, level)
    }

    /// A compressor with a zstd level of its own for small records.
    ///
    /// # Errors
    /// When memory is short.
    pub fn with_levels(small: i32, large: i32) -> io::Result<Self> {
        Ok(Self { small: context(small)?, large: context(large)?, out: Vec::new() })
    }

    /// The smaller of the raw bytes and their compression, which must save at least 1/64.
    ///
    /// # Errors
    /// When memory is short.
    pub fn compress<'a>(&'a mut self, raw: &'a [u8]) -> io::Result<(Compression, &'a [u8])> {
        if looks_random(raw) {
            let middle = raw.len() / 2;
            let probe = &raw[middle..middle + PROBE_LEN];
            if self.compress_to_out(probe)? > probe.len() - probe.len() / 32 {
                return Ok((Compression::Raw, raw));
            }
        }
        if self.compress_to_out(raw)? + raw.len() / 64 < raw.len() {
            Ok((Compression::Zstd, &self.out))
        } else {
            Ok((Compression::Raw, raw))
        }
    }

    fn compress_to_out(&mut self, raw: &[u8]) -> io::Result<usize> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let context = if raw.len() <= SMALL_LEN { &mut self.small } else { &mut self.large };
        context.compress_to_buffer(raw, &mut self.out)
    }
}

fn context(level: i32) -> io::Result<zstd::bulk::Compressor<'static>> {
    let mut context = zstd::bulk::Compressor::new(level)?;
    // Neither checksum nor content size: the record has both.
    context.include_checksum(false)?;
    context.include_contentsize(false)?;
    Ok(context)
}

/// Shortest record that is probed; a shorter one is compressed as fast as it is probed.
const MIN_PROBED_LEN: usize = 16 * 1024;
/// Bytes that are compressed to see whether bytes that look random are.
const PROBE_LEN: usize = 4 * 1024;
/// Sampled stretches, and the bytes of each.
const SAMPLES: usize = 16;
const SAMPLE_LEN: usize = 256;

/// Whether all byte values are about equally frequent in a sample, as in compressed or encrypted data: zstd
/// takes its time to find that it cannot shrink these.
fn looks_random(raw: &[u8]) -> bool {
    if raw.len() < MIN_PROBED_LEN {
        return false;
    }
    let mut counts = [0u32; 256];
    for sample in 0..SAMPLES {
        let start = sample * (raw.len() - SAMPLE_LEN) / (SAMPLES - 1);
        raw[start..start + SAMPLE_LEN].iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    }
    // For n random bytes the sum of squared counts is n + n(n-1)/256, within a few percent.
    let n = (SAMPLES * SAMPLE_LEN) as u32;
    let expected = n + n / 256 * (n - 1);
    let squares: u32 = counts.iter().map(|count| count * count).sum();
    squares < expected + expected / 10
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressor")
    }
}

thread_local! {
    /// Made once for each thread: to make one takes longer than to decompress a small record.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

fn unzstd(stored: &[u8], raw_len: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            none => none.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress(stored, raw_len)
    })
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
        Compression::Zstd => Cow::Owned(unzstd(stored, raw_len).map_err(|e| wrong(format!("zstd: {e}")))?),
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
    fn only_random_bytes_look_random() {
        let mut noise = vec![0; 1 << 20];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert!(noise.chunks(64 * 1024).all(looks_random));
        let floats: Vec<u8> =
            noise.chunks(8).flat_map(|b| [b[0], b[1], b[2], b[3], b[4], b[5], 0xc0, 0x3f]).collect();
        let base64: Vec<u8> = noise.iter().map(|b| b & 63).collect();
        assert!(!floats.chunks(64 * 1024).any(looks_random) && !base64.chunks(64 * 1024).any(looks_random));
        // Equal frequencies, but not random: the probe must find it.
        let counting: Vec<u8> = (0..65_536u32).map(|n| n as u8).collect();
        assert!(looks_random(&counting));
        assert_eq!(Compressor::new(1).unwrap().compress(&counting).unwrap().0, Compression::Zstd);
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
