//! Index segments: which record is in which pack of a remote.
//!
//! ```text
//! segment = header(dsvs 1), 3 zero bytes, metadata_records u64, data_records u64,
//!           metadata_len u64, data_len u64, checksum u64, metadata page*, data page*
//! page    = checksum u64, entry_count u16, pack_count u16, pack_count x [32], entry*, padding
//! entry   = id [32], kind u8, pack u16, offset u32, stored_len u32, raw_len u32
//! ```
//!
//! All numbers are little-endian; checksums are xxh3-64 of the header before it, and of all of the page behind
//! it. Entries are in order of id, then kind, over all pages of a section. Every page but the last one of its
//! section has [`PAGE_LEN`] bytes, the rest of them zero; `pack` is a number of the page's own list.
//!
//! A segment is read in parts: its metadata section as a whole, which is small, and of the data section
//! the page that an id must be in. Ids are hashes, so that an id tells about where its page is
//! ([`guess_page`]). A page serves alone.

use std::collections::HashMap;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::DecodeError;
use super::header::{HEADER_LEN, SEGMENT};
use super::pack::{MAX_RAW_LEN, RecordKind};
use super::pack_index::PackName;
use super::read::Reader;

/// Bytes of a page, unless it is the last one of its section.
pub const PAGE_LEN: usize = 64 * 1024;
/// Bytes in front of the first page.
pub const SEGMENT_HEAD_LEN: usize = HEADER_LEN + 3 + 4 * 8 + 8;
/// Bytes of a page in front of its list of packs.
const PAGE_HEAD_LEN: usize = 8 + 2 + 2;
/// Bytes of an entry.
pub const SEGMENT_ENTRY_LEN: usize = 32 + 1 + 2 + 4 + 4 + 4;
/// Bytes of a section at the most: a trillion records.
const MAX_SECTION_LEN: u64 = 1 << 46;

/// Where a record lies on a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: [u8; 32],
    /// What it holds.
    pub kind: RecordKind,
    /// The pack.
    pub pack: PackName,
    /// Where its header begins in the pack.
    pub offset: u32,
    /// Stored bytes behind the header.
    pub stored_len: u32,
    /// Bytes after decompression.
    pub raw_len: u32,
}

impl Placed {
    /// What entries are sorted by.
    pub const fn key(&self) -> ([u8; 32], u8) {
        (self.id, self.kind.code())
    }
}

/// The two sections of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Trees, versions and chunk lists.
    Metadata,
    /// Blobs and chunks.
    Data,
}

impl Section {
    /// The section that lists records of a kind.
    pub const fn of(kind: RecordKind) -> Self {
        if kind.is_data() { Self::Data } else { Self::Metadata }
    }
}

/// Encodes a segment; both lists must be sorted by [`Placed::key`], without repetitions.
pub fn encode_segment(metadata: &[Placed], data: &[Placed]) -> Vec<u8> {
    let sections = [encode_section(metadata), encode_section(data)];
    let mut out = Vec::with_capacity(SEGMENT_HEAD_LEN + sections[0].len() + sections[1].len());
    out.extend_from_slice(&SEGMENT.header());
    out.extend_from_slice(&[0; 3]);
    for number in [metadata.len(), data.len(), sections[0].len(), sections[1].len()] {
        out.extend_from_slice(&(number as u64).to_le_bytes());
    }
    out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
    sections.iter().for_each(|section| out.extend_from_slice(section));
    out
}

fn encode_section(entries: &[Placed]) -> Vec<u8> {
    let pages = pages_of(entries);
    let last = pages.len().saturating_sub(1);
    let mut out = Vec::with_capacity(pages.len() * PAGE_LEN);
    for (number, mut page) in pages.into_iter().enumerate() {
        if number < last {
            page.resize(PAGE_LEN, 0);
        }
        // Over the padding as well, so that no bit of a page is without a guard.
        let checksum = xxh3_64(&page[8..]);
        page[..8].copy_from_slice(&checksum.to_le_bytes());
        out.append(&mut page);
    }
    out
}

/// The pages of a section, each with as many entries as it holds, checksums and padding left out.
fn pages_of(entries: &[Placed]) -> Vec<Vec<u8>> {
    debug_assert!(entries.is_sorted_by(|a, b| a.key() < b.key()));
    let mut pages = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut packs: Vec<PackName> = Vec::new();
        let mut numbers: HashMap<PackName, u16> = HashMap::new();
        let mut count = 0;
        for entry in rest {
            let more_packs = packs.len() + usize::from(!numbers.contains_key(&entry.pack));
            if PAGE_HEAD_LEN + more_packs * 32 + (count + 1) * SEGMENT_ENTRY_LEN > PAGE_LEN {
                break;
            }
            numbers.entry(entry.pack).or_insert_with(|| {
                packs.push(entry.pack);
                (packs.len() - 1) as u16
            });
            count += 1;
        }
        let (now, behind) = rest.split_at(count);
        rest = behind;
        pages.push(encode_page(&packs, &numbers, now));
    }
    pages
}

fn encode_page(packs: &[PackName], numbers: &HashMap<PackName, u16>, entries: &[Placed]) -> Vec<u8> {
    let mut page = vec![0; 8];
    page.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    page.extend_from_slice(&(packs.len() as u16).to_le_bytes());
    packs.iter().for_each(|name| page.extend_from_slice(name));
    for entry in entries {
        page.extend_from_slice(&entry.id);
        page.push(entry.kind.code());
        page.extend_from_slice(&numbers[&entry.pack].to_le_bytes());
        for number in [entry.offset, entry.stored_len, entry.raw_len] {
            page.extend_from_slice(&number.to_le_bytes());
        }
    }
    page
}

/// What the head of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHead {
    /// Records in the metadata section.
    pub metadata_records: u64,
    /// Records in the data section.
    pub data_records: u64,
    /// Bytes of the metadata section.
    pub metadata_len: u64,
    /// Bytes of the data section.
    pub data_len: u64,
}

impl SegmentHead {
    /// Decodes the first [`SEGMENT_HEAD_LEN`] bytes; more may follow.
    ///
    /// # Errors
    /// When they are no head, or one of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        SEGMENT.strip(bytes)?;
        let malformed = |why: &str| DecodeError::malformed(SEGMENT.name, why);
        let mut reader = Reader::new(SEGMENT.name, bytes);
        reader.take(HEADER_LEN)?;
        if reader.take(3)? != [0; 3] {
            return Err(malformed("reserved bytes are not zero"));
        }
        let head = Self {
            metadata_records: reader.u64()?,
            data_records: reader.u64()?,
            metadata_len: reader.u64()?,
            data_len: reader.u64()?,
        };
        if reader.u64()? != xxh3_64(&bytes[..SEGMENT_HEAD_LEN - 8]) {
            return Err(DecodeError::Checksum { what: SEGMENT.name });
        }
        for (records, len) in [(head.metadata_records, head.metadata_len), (head.data_records, head.data_len)]
        {
            let fits = (records == 0) == (len == 0) && records <= len / SEGMENT_ENTRY_LEN as u64;
            if len > MAX_SECTION_LEN || !fits {
                return Err(malformed("its records do not fit its sections"));
            }
        }
        Ok(head)
    }

    /// Bytes of the whole segment.
    pub const fn len(&self) -> u64 {
        SEGMENT_HEAD_LEN as u64 + self.metadata_len + self.data_len
    }

    /// Whether it lists nothing.
    pub const fn is_empty(&self) -> bool {
        self.metadata_records == 0 && self.data_records == 0
    }

    /// Where a section lies in the segment.
    pub const fn section(&self, section: Section) -> Range<u64> {
        let data = SEGMENT_HEAD_LEN as u64 + self.metadata_len;
        match section {
            Section::Metadata => SEGMENT_HEAD_LEN as u64..data,
            Section::Data => data..data + self.data_len,
        }
    }
}

/// Number of pages of a section of so many bytes.
pub const fn page_count(section_len: u64) -> u64 {
    section_len.div_ceil(PAGE_LEN as u64)
}

/// The page that an id is most likely in, of a section of so many pages: ids are hashes, hence spread
/// evenly. The true page is some square roots of the number of records away.
pub fn guess_page(pages: u64, id: &[u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&id[..8]);
    let at = (u128::from(u64::from_be_bytes(first)) * u128::from(pages)) >> 64;
    (at as u64).min(pages.saturating_sub(1))
}

/// A page, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    entries: Vec<Placed>,
}

impl Page {
    /// Decodes the bytes of one page.
    ///
    /// # Errors
    /// When they are damaged, or break a rule of the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let malformed = |why: &str| DecodeError::malformed(SEGMENT.name, why);
        let mut reader = Reader::new(SEGMENT.name, bytes);
        if bytes.len() > PAGE_LEN || reader.u64()? != xxh3_64(&bytes[8..]) {
            return Err(DecodeError::Checksum { what: "page of an index segment" });
        }
        let (entry_count, pack_count) = (reader.u16()?, reader.u16()?);
        let packs: Vec<PackName> = (0..pack_count).map(|_| reader.array()).collect::<Result<_, _>>()?;
        let mut entries: Vec<Placed> = Vec::with_capacity(usize::from(entry_count));
        for _ in 0..entry_count {
            let entry = read_entry(&mut reader, &packs)?;
            if entries.last().is_some_and(|last| last.key() >= entry.key()) {
                return Err(malformed("its entries are not in order"));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(malformed("a page without entries"));
        }
        if reader.rest().iter().any(|&byte| byte != 0) {
            return Err(malformed("its padding is not zero"));
        }
        Ok(Self { entries })
    }

    /// The entries, in order of id, then kind; at least one.
    pub fn entries(&self) -> &[Placed] {
        &self.entries
    }

    /// Where an id is against this page: `Less` when it must be in a page before.
    pub fn direction(&self, id: &[u8; 32]) -> std::cmp::Ordering {
        let (first, last) = (&self.entries[0].id, &self.entries[self.entries.len() - 1].id);
        if id < first {
            std::cmp::Ordering::Less
        } else if id > last {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        }
    }

    /// The entry of a record.
    pub fn find(&self, kind: RecordKind, id: &[u8; 32]) -> Option<&Placed> {
        let key = (*id, kind.code());
        self.entries.binary_search_by_key(&key, Placed::key).ok().map(|at| &self.entries[at])
    }
}

fn read_entry(reader: &mut Reader<'_>, packs: &[PackName]) -> Result<Placed, DecodeError> {
    let malformed = |why: &str| DecodeError::malformed(SEGMENT.name, why);
    let id = reader.array()?;
    let kind = RecordKind::from_code(reader.u8()?).ok_or_else(|| malformed("unknown kind of record"))?;
    let pack = packs.get(usize::from(reader.u16()?));
    let pack = *pack.ok_or_else(|| malformed("a record lies in no pack of the page"))?;
    let (offset, stored_len, raw_len) = (reader.u32()?, reader.u32()?, reader.u32()?);
    // What is read next is allocated by these lengths.
    if stored_len > raw_len || raw_len as usize > MAX_RAW_LEN {
        return Err(malformed("a record is too long"));
    }
    Ok(Placed { id, kind, pack, offset, stored_len, raw_len })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placed(number: u32, packs: u32) -> Placed {
        let id = *blake3::hash(&number.to_le_bytes()).as_bytes();
        let pack = *blake3::hash(&(number % packs).to_be_bytes()).as_bytes();
        Placed { id, kind: RecordKind::Chunk, pack, offset: number, stored_len: 5, raw_len: number.max(5) }
    }

    fn sorted(mut entries: Vec<Placed>) -> Vec<Placed> {
        entries.sort_unstable_by_key(Placed::key);
        entries.dedup_by_key(|entry| entry.key());
        entries
    }

    fn pages(bytes: &[u8]) -> Vec<Page> {
        bytes.chunks(PAGE_LEN).map(|page| Page::decode(page).unwrap()).collect()
    }

    fn section(bytes: &[u8], head: &SegmentHead, section: Section) -> Vec<u8> {
        let range = head.section(section);
        bytes[range.start as usize..range.end as usize].to_vec()
    }

    #[test]
    fn entries_come_back_from_the_page_that_is_guessed_or_near_it() {
        let metadata = sorted((0..100).map(|n| placed(n, 3)).collect());
        let data = sorted((0..50_000).map(|n| placed(n, 40)).collect());
        let bytes = encode_segment(&metadata, &data);
        let head = SegmentHead::decode(&bytes).unwrap();
        assert_eq!((head.metadata_records, head.data_records), (100, 50_000));
        assert_eq!(head.len(), bytes.len() as u64);
        let found: Vec<_> = pages(&section(&bytes, &head, Section::Metadata))
            .iter()
            .flat_map(|p| p.entries().to_vec())
            .collect();
        assert_eq!(found, metadata);
        let pages = pages(&section(&bytes, &head, Section::Data));
        assert_eq!(pages.len() as u64, page_count(head.data_len));
        for entry in &data {
            let guess = guess_page(pages.len() as u64, &entry.id) as usize;
            let near = guess.saturating_sub(1)..(guess + 2).min(pages.len());
            let found: Vec<_> = near.filter_map(|n| pages[n].find(entry.kind, &entry.id)).collect();
            assert_eq!(found, [entry]);
        }
    }

    #[test]
    fn a_page_of_many_packs_is_full_of_their_names() {
        let data = sorted((0..3_000).map(|n| placed(n, 3_000)).collect());
        let bytes = encode_segment(&[], &data);
        let head = SegmentHead::decode(&bytes).unwrap();
        assert!(head.section(Section::Metadata).is_empty());
        let pages = pages(&section(&bytes, &head, Section::Data));
        let found: Vec<_> = pages.iter().flat_map(|p| p.entries().to_vec()).collect();
        assert_eq!(found, data);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let data = sorted((0..2_000).map(|n| placed(n, 2)).collect());
        let bytes = encode_segment(&data[..2], &data);
        let head = SegmentHead::decode(&bytes).unwrap();
        for at in 0..SEGMENT_HEAD_LEN {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(SegmentHead::decode(&damaged).is_err(), "byte {at}");
        }
        let page = &section(&bytes, &head, Section::Data)[..PAGE_LEN];
        for at in (0..PAGE_LEN).step_by(97).chain(0..16) {
            let mut damaged = page.to_vec();
            damaged[at] ^= 0x10;
            assert!(Page::decode(&damaged).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = SegmentHead::decode(&bytes);
            let _ = Page::decode(&bytes);
            // Behind the checksum, too.
            let mut page = [&[0; 8], bytes.as_slice()].concat();
            let checksum = xxh3_64(&page[8..]);
            page[..8].copy_from_slice(&checksum.to_le_bytes());
            let _ = Page::decode(&page);
        }
    }
}
