//! Pack indexes: which record is in which pack, at which offset.
//!
//! ```text
//! index   = header(dsvx 1), 3 zero bytes, pack_count u32, record_count u32
//!           pack names    pack_count x [32]
//!           fan-out       256 x u32      number of records whose id begins with a byte <= i
//!           ids           record_count x [32]   in byte order; equal ids in order of kind
//!           locators      record_count x { kind u8, pack u32, offset u32, stored_len u32, raw_len u32 }
//!           checksum u64  xxh3-64 of all before
//! ```
//!
//! All numbers are little-endian. One index may cover many packs, so that a lookup asks few files.

use xxhash_rust::xxh3::xxh3_64;

use super::DecodeError;
use super::header::{HEADER_LEN, PACK_INDEX};
use super::pack::{MAX_RAW_LEN, RecordKind};
use super::read::Reader;

/// Largest offset of a record in a pack; bounds the size of packs.
pub const MAX_OFFSET: u64 = u32::MAX as u64;

const FIXED_LEN: usize = HEADER_LEN + 3 + 4 + 4;
const FANOUT_LEN: usize = 256 * 4;
const LOCATOR_LEN: usize = 17;
const CHECKSUM_LEN: usize = 8;

/// The SHA-256 of a pack's table and trailer: the pack's name.
pub type PackName = [u8; 32];

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locator {
    /// What it holds.
    pub kind: RecordKind,
    /// The number of the pack in the index.
    pub pack: u32,
    /// Where its header begins.
    pub offset: u32,
    /// Stored bytes behind the header.
    pub stored_len: u32,
    /// Bytes after decompression.
    pub raw_len: u32,
}

/// One line of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The record's id.
    pub id: [u8; 32],
    /// Where it lies.
    pub locator: Locator,
}

impl IndexEntry {
    /// What the entries are sorted by.
    pub const fn key(&self) -> ([u8; 32], u8) {
        (self.id, self.locator.kind.code())
    }
}

/// Encodes an index; `entries` must be sorted by [`IndexEntry::key`].
pub fn encode_index(packs: &[PackName], entries: &[IndexEntry]) -> Vec<u8> {
    debug_assert!(entries.is_sorted_by_key(IndexEntry::key));
    let capacity =
        FIXED_LEN + packs.len() * 32 + FANOUT_LEN + entries.len() * (32 + LOCATOR_LEN) + CHECKSUM_LEN;
    let mut out = Vec::with_capacity(capacity);
    out.extend_from_slice(&PACK_INDEX.header());
    out.extend_from_slice(&[0; 3]);
    out.extend_from_slice(&(packs.len() as u32).to_le_bytes());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    packs.iter().for_each(|name| out.extend_from_slice(name));
    let mut fanout = [0u32; 256];
    entries.iter().for_each(|entry| fanout[usize::from(entry.id[0])] += 1);
    let mut sum = 0;
    for count in fanout {
        sum += count;
        out.extend_from_slice(&sum.to_le_bytes());
    }
    entries.iter().for_each(|entry| out.extend_from_slice(&entry.id));
    for IndexEntry { locator, .. } in entries {
        out.push(locator.kind.code());
        for number in [locator.pack, locator.offset, locator.stored_len, locator.raw_len] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The places of an index's parts, checked against its length once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLayout {
    pack_count: usize,
    record_count: usize,
    ids: usize,
    locators: usize,
}

impl IndexLayout {
    /// Reads the header and the fan-out and checks that all parts fit the length.
    ///
    /// The whole checksum is left to [`check_index`]: a lookup must not read a gigabyte first, and
    /// every record that a damaged index leads to is checked by its own id and checksum.
    ///
    /// # Errors
    /// When the bytes are no index.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        PACK_INDEX.strip(bytes)?;
        let mut reader = Reader::new(PACK_INDEX.name, bytes);
        let malformed = |why: &str| DecodeError::malformed(PACK_INDEX.name, why);
        reader.take(HEADER_LEN)?;
        if reader.take(3)? != [0; 3] {
            return Err(malformed("reserved bytes are not zero"));
        }
        let (pack_count, record_count) = (reader.u32()? as usize, reader.u32()? as usize);
        let fanout = FIXED_LEN + pack_count * 32;
        let ids = fanout + FANOUT_LEN;
        let locators = ids + record_count * 32;
        if locators + record_count * LOCATOR_LEN + CHECKSUM_LEN != bytes.len() {
            return Err(DecodeError::Truncated { what: PACK_INDEX.name, offset: bytes.len() as u64 });
        }
        let layout = Self { pack_count, record_count, ids, locators };
        let ends: Vec<usize> = (0..256).map(|byte| layout.fanout(bytes, byte)).collect();
        if !ends.is_sorted() || ends[255] != record_count {
            return Err(malformed("the fan-out is not in order"));
        }
        Ok(layout)
    }

    /// Number of packs.
    pub const fn pack_count(&self) -> usize {
        self.pack_count
    }

    /// Number of records.
    pub const fn record_count(&self) -> usize {
        self.record_count
    }

    /// The name of pack `number`, which must be less than [`Self::pack_count`].
    pub fn pack_name(&self, bytes: &[u8], number: usize) -> PackName {
        array(bytes, FIXED_LEN + number * 32)
    }

    fn fanout(&self, bytes: &[u8], byte: usize) -> usize {
        u32::from_le_bytes(array(bytes, self.ids - FANOUT_LEN + byte * 4)) as usize
    }

    /// The id of record `number`, which must be less than [`Self::record_count`].
    pub fn id(&self, bytes: &[u8], number: usize) -> [u8; 32] {
        array(bytes, self.ids + number * 32)
    }

    /// The locator of record `number`, which must be less than [`Self::record_count`].
    ///
    /// # Errors
    /// When its kind is unknown, its pack is none of the index, or its lengths are those of no record.
    pub fn locator(&self, bytes: &[u8], number: usize) -> Result<Locator, DecodeError> {
        let raw: [u8; LOCATOR_LEN] = array(bytes, self.locators + number * LOCATOR_LEN);
        let mut reader = Reader::new(PACK_INDEX.name, &raw);
        let kind = RecordKind::from_code(reader.u8()?)
            .ok_or_else(|| DecodeError::malformed(PACK_INDEX.name, "unknown kind of record"))?;
        let (pack, offset, stored_len, raw_len) =
            (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
        if pack as usize >= self.pack_count {
            return Err(DecodeError::malformed(PACK_INDEX.name, "a record lies in no pack of the index"));
        }
        // What is read next is allocated by these lengths.
        if stored_len > raw_len || raw_len as usize > MAX_RAW_LEN {
            return Err(DecodeError::malformed(PACK_INDEX.name, "a record is too long"));
        }
        Ok(Locator { kind, pack, offset, stored_len, raw_len })
    }

    /// The numbers of all records with this id (several kinds may share one).
    pub fn find(&self, bytes: &[u8], id: &[u8; 32]) -> std::ops::Range<usize> {
        let byte = usize::from(id[0]);
        let low = if byte == 0 { 0 } else { self.fanout(bytes, byte - 1) };
        let high = self.fanout(bytes, byte);
        let start = self.first_at_least(bytes, low, high, id);
        // More than a few equal ids are no index of ours; the bound keeps a hostile one harmless.
        let most = high.min(start + RecordKind::ALL.len());
        let end = (start..most).find(|number| self.id(bytes, *number) != *id).unwrap_or(most);
        start..end.max(start)
    }

    /// The first of the records from `low` to `high`, all with the id's first byte, whose id is not less.
    ///
    /// Ids are hashes, hence spread evenly: where one must be is guessed from its first bytes, which finds it
    /// in a few steps where halving takes a dozen, each of which waits for memory. Ids that are not spread evenly
    /// cost the guesses and then the halving.
    fn first_at_least(&self, bytes: &[u8], mut low: usize, mut high: usize, id: &[u8; 32]) -> usize {
        let key = head(id);
        // Never below `least` and never above `most`: the key is always between them.
        let mut least = u64::from(id[0]) << 56;
        let mut most = least | (u64::MAX >> 8);
        let mut guesses = 8;
        while low < high {
            let len = high - low;
            let middle = if guesses > 0 {
                let share = u128::from(key - least) * len as u128 / (u128::from(most - least) + 1);
                low + usize::try_from(share).unwrap_or(len / 2)
            } else {
                low + len / 2
            };
            guesses -= i32::from(guesses > 0);
            let found: [u8; 32] = self.id(bytes, middle);
            if (head(&found), &found) < (key, id) {
                (low, least) = (middle + 1, least.max(head(&found)));
            } else {
                (high, most) = (middle, most.min(head(&found)));
            }
        }
        low
    }

    /// The numbers of all records whose id begins with the first `digits` hexadecimal digits of `prefix`.
    pub fn find_prefix(&self, bytes: &[u8], prefix: &[u8; 32], digits: usize) -> std::ops::Range<usize> {
        let byte = usize::from(prefix[0]);
        let (first, last) = match digits {
            0 => (0, 0xff),
            1 => (byte & 0xf0, byte | 0x0f),
            _ => (byte, byte),
        };
        let low = if first == 0 { 0 } else { self.fanout(bytes, first - 1) };
        let high = self.fanout(bytes, last);
        let start = self.partition(bytes, low, high, |id| cmp_prefix(id, prefix, digits).is_lt());
        let end = self.partition(bytes, start, high, |id| cmp_prefix(id, prefix, digits).is_le());
        start..end
    }

    fn partition(
        &self,
        bytes: &[u8],
        mut low: usize,
        mut high: usize,
        before: impl Fn(&[u8]) -> bool,
    ) -> usize {
        while low < high {
            let middle = low + (high - low) / 2;
            let at = self.ids + middle * 32;
            if before(&bytes[at..at + 32]) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// Checks the whole of an index: checksum, order of ids, kinds, packs.
///
/// # Errors
/// The first rule that is broken.
pub fn check_index(bytes: &[u8]) -> Result<IndexLayout, DecodeError> {
    let layout = IndexLayout::read(bytes)?;
    let (body, checksum) = bytes.split_at(bytes.len() - CHECKSUM_LEN);
    if checksum != xxh3_64(body).to_le_bytes() {
        return Err(DecodeError::Checksum { what: PACK_INDEX.name });
    }
    let mut previous = None;
    for number in 0..layout.record_count {
        let key = (layout.id(bytes, number), layout.locator(bytes, number)?.kind.code());
        if previous >= Some(key) {
            return Err(DecodeError::malformed(PACK_INDEX.name, "ids are not in order"));
        }
        let range = if key.0[0] == 0 { 0 } else { layout.fanout(bytes, usize::from(key.0[0]) - 1) };
        if !(range..layout.fanout(bytes, usize::from(key.0[0]))).contains(&number) {
            return Err(DecodeError::malformed(PACK_INDEX.name, "the fan-out does not fit the ids"));
        }
        previous = Some(key);
    }
    Ok(layout)
}

/// The first bytes as a number that is in the order of ids.
fn head(id: &[u8; 32]) -> u64 {
    u64::from_be_bytes(array(id, 0))
}

fn cmp_prefix(id: &[u8], prefix: &[u8; 32], digits: usize) -> std::cmp::Ordering {
    let whole = digits / 2;
    id[..whole].cmp(&prefix[..whole]).then_with(|| {
        if digits.is_multiple_of(2) {
            std::cmp::Ordering::Equal
        } else {
            (id[whole] >> 4).cmp(&(prefix[whole] >> 4))
        }
    })
}

/// Callers have checked the range against the length.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(seed: u8, kind: RecordKind) -> IndexEntry {
        let id = if seed < 10 { [seed; 32] } else { *blake3::hash(&[seed]).as_bytes() };
        IndexEntry {
            id,
            locator: Locator { kind, pack: 0, offset: 5 + u32::from(seed), stored_len: 1, raw_len: 2 },
        }
    }

    fn sample() -> Vec<IndexEntry> {
        let mut entries: Vec<_> = (0..200).map(|seed| entry(seed, RecordKind::Blob)).collect();
        entries.push(entry(7, RecordKind::Tree));
        entries.sort_by_key(IndexEntry::key);
        entries
    }

    #[test]
    fn everything_is_found_and_nothing_else() {
        let entries = sample();
        let bytes = encode_index(&[[1; 32]], &entries);
        let layout = check_index(&bytes).unwrap();
        assert_eq!((layout.pack_count(), layout.record_count()), (1, 201));
        assert_eq!(layout.pack_name(&bytes, 0), [1; 32]);
        for entry in &entries {
            let found = layout.find(&bytes, &entry.id);
            assert!(found.clone().any(|n| layout.locator(&bytes, n).unwrap() == entry.locator));
            assert_eq!(found.len(), if entry.id == [7; 32] { 2 } else { 1 });
        }
        assert!(layout.find(&bytes, &[99; 32]).is_empty());
    }

    #[test]
    fn ids_that_are_not_spread_evenly_are_found() {
        // All but one in the same narrow stretch, at either end of it and on both sides.
        for crowd in [0x4000_0000_0000_0000_u64, 0x40ff_ffff_ffff_f000] {
            let mut ids: Vec<[u8; 32]> = (0..2000u64)
                .map(|n| {
                    let mut id = [0; 32];
                    id[..8].copy_from_slice(&(crowd + n).to_be_bytes());
                    id
                })
                .collect();
            ids.extend([[0x40; 32], [0; 32], [0xff; 32]]);
            ids.sort_unstable();
            let locator = Locator { kind: RecordKind::Blob, pack: 0, offset: 5, stored_len: 1, raw_len: 1 };
            let entries: Vec<IndexEntry> = ids.iter().map(|id| IndexEntry { id: *id, locator }).collect();
            let bytes = encode_index(&[[1; 32]], &entries);
            let layout = IndexLayout::read(&bytes).unwrap();
            for (number, id) in ids.iter().enumerate() {
                assert_eq!(layout.find(&bytes, id), number..number + 1);
                let mut other = *id;
                other[31] ^= 1;
                assert!(layout.find(&bytes, &other).is_empty());
            }
        }
    }

    #[test]
    fn prefixes() {
        let entries = sample();
        let bytes = encode_index(&[[1; 32]], &entries);
        let layout = IndexLayout::read(&bytes).unwrap();
        for digits in 0..64 {
            let prefix = entries[77].id;
            let expected = entries.iter().filter(|e| cmp_prefix(&e.id, &prefix, digits).is_eq()).count();
            assert_eq!(layout.find_prefix(&bytes, &prefix, digits).len(), expected, "{digits}");
        }
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let bytes = encode_index(&[[1; 32]], &sample()[..20]);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(check_index(&damaged).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(damage in proptest::collection::vec((0usize..4000, any::<u8>()), 0..8), cut in 0usize..4000) {
            let mut bytes = encode_index(&[[1; 32]], &sample()[..20]);
            for (at, value) in damage {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            bytes.truncate(bytes.len().max(cut) - cut.min(3) * usize::from(cut < 3));
            if let Ok(layout) = IndexLayout::read(&bytes) {
                for number in layout.find(&bytes, &[3; 32]) {
                    let _ = layout.locator(&bytes, number);
                }
            }
        }
    }
}
