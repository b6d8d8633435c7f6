//! Where a large blob is cut into chunks: content-defined, so that an edit moves the cuts near it and no others.
//!
//! This is part of the format: two programs that cut the same bytes differently share no chunk. The rule, exactly
//! (`docs/decisions/0003-chunking.md` says why it is this one):
//!
//! Let `b[0]`, `b[1]`, ... be the bytes that have not been cut yet. All arithmetic on bytes is modulo 256.
//!
//! ```text
//! u(i) = b[i] - b[i-1] + b[i-2] - b[i-3] + b[i-4] - b[i-5] + b[i-6] - b[i-7]
//! f(x) = x xor (x >> 3)                                     the shift fills with zeros
//! g(i) = f(u(i)) + 2 f(u(i-64)) + 4 f(u(i-128)) + ... + 128 f(u(i-448))
//! ```
//!
//! The chunk is the first `n` bytes, where `n` is the smallest number for which one of these holds:
//!
//! 1. `n >= MIN`, `g(n-1) = 128`, and the XXH3-64 (seed 0) of the 128 bytes `b[n-128] .. b[n-1]` is less than
//!    `THRESHOLD` = ⌊2^64 / 96⌋ = 192153584101141162;
//! 2. `n = MAX`;
//! 3. `b[n-1]` is the last byte of the blob.
//!
//! Then the rule is applied to what follows. `MIN` is 40 KiB, `MAX` 256 KiB, and chunks of data without structure
//! have 64 KiB on average. Nothing before the cut counts, and `MIN` exceeds the 456 bytes that `g` looks back, so
//! every value is defined.
//!
//! `g` is a *gate*: it is cheap, since 64 neighbouring positions are 64 independent 8-bit lanes (`g(i)` is
//! `2 g(i-64) + f(u(i))`, the factor 256 of the ninth term vanishes), which every compiler turns into vector
//! instructions. It lets about one position in 256 through. `u` spreads what distinguishes a value over eight positions,
//! so that the gate sees the one busy byte of a small 64-bit integer as often as any; the alternating sign makes every run
//! of one byte value 0, which never passes; `f` feeds the lowest bit of a lane from two. The strong hash then decides,
//! evenly and without regard to what kind of data it is.

use xxhash_rust::xxh3::xxh3_64;

/// The shortest chunk in bytes; only a blob's last one may be shorter.
pub const MIN: usize = 40 * 1024;
/// The mean length in bytes of the chunks of data without structure, to size buffers and estimates by.
pub const AVG: usize = 64 * 1024;
/// The longest chunk in bytes.
pub const MAX: usize = 256 * 1024;

/// Positions that are tested at a time, and the stride of the gate.
const LANES: usize = 64;
/// Bytes before a position that its `u` reads.
const REACH: usize = 7;
/// The gate's value at a candidate.
const GATE: u8 = 128;
/// Bytes which the strong hash of a candidate covers.
const WINDOW: usize = 128;
/// A candidate is a cut if its hash is less: one in 96, which is one position in 24 KiB.
const THRESHOLD: u64 = u64::MAX / 96;

/// The bytes that a step over `LANES` positions reads.
type Row = [u8; REACH + LANES];

/// Cuts blobs into chunks of [`MIN`] to [`MAX`] bytes, by their content alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chunker;

impl Chunker {
    /// The one chunker of the format.
    pub fn new() -> Self {
        Self
    }

    /// The length of the first chunk of `data`, which begins where the last chunk ended; `at_end` says that the blob
    /// ends where `data` ends.
    ///
    /// `None` means that more bytes are needed: call again with the same bytes and more behind them. That
    /// happens only if `data` is empty, or shorter than [`MAX`] and not `at_end`. What is returned does not depend on how
    /// much follows the cut, so that any splitting of the reads gives the same chunks.
    ///
    /// A call costs one pass over the chunk less its first [`MIN`] bytes. `None` costs a pass too: who reads in steps much
    /// smaller than [`MAX`] pays for each step.
    pub fn next_cut(&self, data: &[u8], at_end: bool) -> Option<usize> {
        let within = &data[..data.len().min(MAX)];
        if within.len() >= MIN
            && let Some(cut) = first_accepted(within)
        {
            return Some(cut);
        }
        (within.len() == MAX || (at_end && !within.is_empty())).then_some(within.len())
    }
}

/// The smallest length from [`MIN`] to `data.len()` at which rule 1 holds. `data` must not be shorter than `MIN`.
fn first_accepted(data: &[u8]) -> Option<usize> {
    let first = MIN - 1;
    let mut lanes = [0; LANES];
    // Seven rows before the first fill the lanes: what is older has been shifted out of them. They are whole, since the
    // data goes on at least to `first`.
    let mut at = first - 7 * LANES;
    while let Some(row) = data[at - REACH..].first_chunk::<{ REACH + LANES }>() {
        advance(&mut lanes, row);
        if at >= first {
            let cut = accepted(data, at, candidates(&lanes));
            if cut.is_some() {
                return cut;
            }
        }
        at += LANES;
    }
    last_positions(data, at, lanes)
}

/// [`first_accepted`] for the fewer than [`LANES`] positions from `at` to the end.
fn last_positions(data: &[u8], at: usize, mut lanes: [u8; LANES]) -> Option<usize> {
    let rest = &data[at - REACH..];
    let mut row: Row = [0; REACH + LANES];
    row[..rest.len()].copy_from_slice(rest);
    advance(&mut lanes, &row);
    let real = rest.len() - REACH;
    accepted(data, at, candidates(&lanes) & ((1 << real) - 1))
}

/// One step of the gate in each lane: `g(i) = 2 g(i - 64) + f(u(i))`.
#[inline(always)]
fn advance(lanes: &mut [u8; LANES], row: &Row) {
    for (i, lane) in lanes.iter_mut().enumerate() {
        let pair = |newer: usize| row[i + newer].wrapping_sub(row[i + newer - 1]);
        let u = pair(7).wrapping_add(pair(5)).wrapping_add(pair(3).wrapping_add(pair(1)));
        *lane = (*lane << 1).wrapping_add(u ^ (u >> 3));
    }
}

/// Bit `i` is set if lane `i` is at the gate's value.
#[inline(always)]
fn candidates(lanes: &[u8; LANES]) -> u64 {
    let mut hits = [0_u8; LANES];
    for (hit, lane) in hits.iter_mut().zip(lanes) {
        *hit = u8::from(*lane == GATE);
    }
    let (words, _) = hits.as_chunks::<8>();
    // Most rows have none: one comparison for all.
    let mut any = 0;
    for word in words {
        any |= u64::from_le_bytes(*word);
    }
    if any == 0 {
        return 0;
    }
    // Eight bytes of 0 or 1 become eight bits: the product gathers them in its highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut mask = 0;
    for (i, word) in words.iter().enumerate() {
        mask |= (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56) << (8 * i);
    }
    mask
}

/// The cut after the first of the candidates `mask`, which count from `at`, that the strong hash accepts.
#[inline(always)]
fn accepted(data: &[u8], at: usize, mut mask: u64) -> Option<usize> {
    while mask != 0 {
        let cut = at + mask.trailing_zeros() as usize + 1;
        if let Some(window) = data[..cut].last_chunk::<WINDOW>()
            && xxh3_64(window) < THRESHOLD
        {
            return Some(cut);
        }
        mask &= mask - 1;
    }
    None
}

#[cfg(test)]
mod tests;
