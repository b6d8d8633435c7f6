//! Packs: files that hold many records.
//!
//! ```text
//! pack    = header(dsvp 1) record* table trailer
//! record  = kind u8, compression u8, stored_len u32, raw_len u32, checksum u64, id [32], stored bytes
//! table   = for each record: kind u8, compression u8, stored_len u32, raw_len u32, id [32]
//! trailer = table_offset u64, record_count u64, table checksum u64, "dsvpend\n"
//! ```
//!
//! All numbers are little-endian; checksums are xxh3-64. A record's checksum covers the 42 bytes of
//! its header without the checksum (as they stand in the table) and then its stored bytes. The
//! table's checksum covers the table, `table_offset` and `record_count`. A pack can be read alone,
//! from its end; when the end is lost, its records can still be found one after the other.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::header::{HEADER_LEN, PACK};
use super::read::Reader;
use super::{Compression, DecodeError};

/// Bytes in front of the first record.
pub const PACK_HEADER_LEN: u64 = HEADER_LEN as u64;
/// Bytes of a record's header.
pub const RECORD_HEADER_LEN: usize = 50;
/// Bytes of one line of the table.
pub const TABLE_ENTRY_LEN: usize = 42;
/// Bytes of the trailer.
pub const TRAILER_LEN: usize = 32;
/// Largest raw length of any record: a node, a manifest, a small blob or a chunk.
pub const MAX_RAW_LEN: usize = 64 * 1024 * 1024;

const END: &[u8; 8] = b"dsvpend\n";

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// The bytes of a small file, a symlink's target or a link's description; id is their SHA-256.
    Blob,
    /// A node of a tree; id is the SHA-256 of its bytes.
    Tree,
    /// A version manifest; id is the SHA-256 of its bytes.
    Version,
    /// The root of a large blob's chunk list; id is the SHA-256 of the blob.
    ChunkedBlob,
    /// A chunk list below the root; id is the BLAKE3 of its bytes.
    ChunkNode,
    /// A chunk; id is its BLAKE3.
    Chunk,
}

impl RecordKind {
    /// Every kind, in the order of its code.
    pub const ALL: [Self; 6] =
        [Self::Blob, Self::Tree, Self::Version, Self::ChunkedBlob, Self::ChunkNode, Self::Chunk];

    /// The byte that stands for it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Blob => 1,
            Self::Tree => 2,
            Self::Version => 3,
            Self::ChunkedBlob => 4,
            Self::ChunkNode => 5,
            Self::Chunk => 6,
        }
    }

    /// The kind of a byte.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Blob),
            2 => Some(Self::Tree),
            3 => Some(Self::Version),
            4 => Some(Self::ChunkedBlob),
            5 => Some(Self::ChunkNode),
            6 => Some(Self::Chunk),
            _ => None,
        }
    }

    /// The word shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Version => "version",
            Self::ChunkedBlob => "chunked-blob",
            Self::ChunkNode => "chunk-node",
            Self::Chunk => "chunk",
        }
    }

    /// Whether one stands for the whole content of a file.
    pub const fn is_file(self) -> bool {
        matches!(self, Self::Blob | Self::ChunkedBlob)
    }

    /// Whether it goes to a data pack; the others go to metadata packs, so that history can be had
    /// without data.
    pub const fn is_data(self) -> bool {
        matches!(self, Self::Blob | Self::Chunk)
    }
}

/// The facts of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordInfo {
    /// What it holds.
    pub kind: RecordKind,
    /// How it is stored.
    pub compression: Compression,
    /// Bytes behind its header.
    pub stored_len: u32,
    /// Bytes after decompression.
    pub raw_len: u32,
    /// Its id: SHA-256 or BLAKE3, depending on the kind.
    pub id: [u8; 32],
}

impl RecordInfo {
    /// Bytes of header and stored bytes.
    pub const fn record_len(&self) -> u64 {
        RECORD_HEADER_LEN as u64 + self.stored_len as u64
    }

    fn table_entry(&self) -> [u8; TABLE_ENTRY_LEN] {
        let mut out = [0; TABLE_ENTRY_LEN];
        out[0] = self.kind.code();
        out[1] = self.compression.code();
        out[2..6].copy_from_slice(&self.stored_len.to_le_bytes());
        out[6..10].copy_from_slice(&self.raw_len.to_le_bytes());
        out[10..42].copy_from_slice(&self.id);
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (head, id) = (reader.array::<10>()?, reader.array()?);
        Self::from_parts(&head, id)
    }

    fn from_parts(head: &[u8; 10], id: [u8; 32]) -> Result<Self, DecodeError> {
        let [kind, compression, s0, s1, s2, s3, r0, r1, r2, r3] = *head;
        let malformed = |why: String| DecodeError::malformed(PACK.name, why);
        let info = Self {
            kind: RecordKind::from_code(kind).ok_or_else(|| {
                malformed(format!("unknown kind of record {kind}; a newer dsv may know it"))
            })?,
            compression: Compression::from_code(compression).ok_or_else(|| {
                malformed(format!("unknown compression {compression}; a newer dsv may know it"))
            })?,
            stored_len: u32::from_le_bytes([s0, s1, s2, s3]),
            raw_len: u32::from_le_bytes([r0, r1, r2, r3]),
            id,
        };
        let too_large = info.raw_len as usize > MAX_RAW_LEN || info.stored_len > info.raw_len;
        let odd_raw = info.compression == Compression::Raw && info.stored_len != info.raw_len;
        if too_large || odd_raw {
            return Err(malformed(format!("lengths {} and {} of a record", info.stored_len, info.raw_len)));
        }
        Ok(info)
    }

    fn checksum(&self, stored: &[u8]) -> u64 {
        let mut hasher = Xxh3::new();
        hasher.update(&self.table_entry());
        hasher.update(stored);
        hasher.digest()
    }

    /// Header of the record in front of these stored bytes.
    pub fn encode_header(&self, stored: &[u8]) -> [u8; RECORD_HEADER_LEN] {
        let entry = self.table_entry();
        let mut out = [0; RECORD_HEADER_LEN];
        out[..10].copy_from_slice(&entry[..10]);
        out[10..18].copy_from_slice(&self.checksum(stored).to_le_bytes());
        out[18..].copy_from_slice(&self.id);
        out
    }

    /// Decodes a record from its header's first byte to its last stored byte and checks its checksum.
    ///
    /// # Errors
    /// When the bytes are damaged, or longer or shorter than the record.
    pub fn decode_record(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let (info, checksum) = Self::decode_header(bytes)?;
        let stored = &bytes[RECORD_HEADER_LEN..];
        if stored.len() != info.stored_len as usize {
            return Err(DecodeError::Truncated { what: "record", offset: bytes.len() as u64 });
        }
        if info.checksum(stored) != checksum {
            return Err(DecodeError::Checksum { what: "record" });
        }
        Ok((info, stored))
    }

    /// Decodes the header alone; the second value is the checksum that the record must have.
    ///
    /// # Errors
    /// When there are too few bytes, or they are no header.
    pub fn decode_header(bytes: &[u8]) -> Result<(Self, u64), DecodeError> {
        let mut reader = Reader::new("record", bytes);
        let head = reader.array::<10>()?;
        let checksum = reader.u64()?;
        Ok((Self::from_parts(&head, reader.array()?)?, checksum))
    }
}

/// The table and the trailer of a pack whose records end at `table_offset`.
pub fn encode_table(records: &[RecordInfo], table_offset: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * TABLE_ENTRY_LEN + TRAILER_LEN);
    for record in records {
        out.extend_from_slice(&record.table_entry());
    }
    out.extend_from_slice(&table_offset.to_le_bytes());
    out.extend_from_slice(&(records.len() as u64).to_le_bytes());
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(END);
    out
}

/// What a pack's trailer says about its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// Where the table begins.
    pub table_offset: u64,
    /// Number of records.
    pub record_count: u64,
}

/// Decodes the last [`TRAILER_LEN`] bytes of a pack of `pack_len` bytes; the checksum waits for the table.
///
/// # Errors
/// When they are no trailer of a pack of that length.
pub fn decode_trailer(trailer: &[u8], pack_len: u64) -> Result<Trailer, DecodeError> {
    let mut reader = Reader::new(PACK.name, trailer);
    let (table_offset, record_count, _checksum) = (reader.u64()?, reader.u64()?, reader.u64()?);
    if reader.take(END.len())? != END {
        return Err(DecodeError::Truncated { what: PACK.name, offset: pack_len });
    }
    reader.finish()?;
    let expected = record_count
        .checked_mul(TABLE_ENTRY_LEN as u64)
        .and_then(|len| len.checked_add(table_offset))
        .and_then(|len| len.checked_add(TRAILER_LEN as u64));
    if expected != Some(pack_len) || table_offset < PACK_HEADER_LEN {
        return Err(DecodeError::malformed(PACK.name, "the trailer does not fit the length of the pack"));
    }
    Ok(Trailer { table_offset, record_count })
}

/// Decodes table and trailer (everything from `table_offset` to the end); each record comes with
/// the offset of its header.
///
/// # Errors
/// When the checksum or a rule of the format does not hold.
pub fn decode_table(bytes: &[u8], trailer: Trailer) -> Result<Vec<(u64, RecordInfo)>, DecodeError> {
    let count = usize::try_from(trailer.record_count).unwrap_or(usize::MAX);
    let table_len = count.saturating_mul(TABLE_ENTRY_LEN);
    if bytes.len() != table_len.saturating_add(TRAILER_LEN) {
        return Err(DecodeError::Truncated { what: PACK.name, offset: trailer.table_offset });
    }
    let mut reader = Reader::new(PACK.name, &bytes[table_len + 16..]);
    if reader.u64()? != xxh3_64(&bytes[..table_len + 16]) {
        return Err(DecodeError::Checksum { what: "pack table" });
    }
    let mut reader = Reader::new(PACK.name, &bytes[..table_len]);
    let mut offset = PACK_HEADER_LEN;
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let info = RecordInfo::read(&mut reader)?;
        records.push((offset, info));
        offset += info.record_len();
    }
    if offset != trailer.table_offset {
        return Err(DecodeError::malformed(PACK.name, "the records do not fill the pack"));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn info(stored: &[u8]) -> RecordInfo {
        RecordInfo {
            kind: RecordKind::Chunk,
            compression: Compression::Raw,
            stored_len: stored.len() as u32,
            raw_len: stored.len() as u32,
            id: [4; 32],
        }
    }

    #[test]
    fn record_round_trip_and_damage() {
        let info = info(b"hello");
        let mut bytes = info.encode_header(b"hello").to_vec();
        bytes.extend_from_slice(b"hello");
        assert_eq!(RecordInfo::decode_record(&bytes).unwrap(), (info, &b"hello"[..]));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(RecordInfo::decode_record(&damaged).is_err(), "byte {at}");
        }
        assert!(RecordInfo::decode_record(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn table_round_trip_and_damage() {
        let records = [info(b"a"), info(b"bc")];
        let end = PACK_HEADER_LEN + records.iter().map(RecordInfo::record_len).sum::<u64>();
        let bytes = encode_table(&records, end);
        let pack_len = end + bytes.len() as u64;
        let read = |bytes: &[u8]| {
            let trailer = decode_trailer(&bytes[bytes.len() - TRAILER_LEN..], pack_len)?;
            decode_table(bytes, trailer)
        };
        let table = read(&bytes).unwrap();
        assert_eq!(table, [(5, records[0]), (5 + 51, records[1])]);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(read(&damaged).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), len in any::<u64>(), count in any::<u64>()) {
            let _ = RecordInfo::decode_record(&bytes);
            let _ = decode_trailer(&bytes, len);
            let _ = decode_table(&bytes, Trailer { table_offset: len, record_count: count });
        }
    }
}
