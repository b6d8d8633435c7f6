//! Packs read alone, without an index: for checks, for rebuilding an index, and for copying.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::StoreError;
use super::index_file::{index_file_name, pack_file_name};
use super::pack_writer::index_entry;
use crate::codec::DecodeError;
use crate::codec::header::{HEADER_LEN, PACK};
use crate::codec::pack::{
    PACK_HEADER_LEN, RECORD_HEADER_LEN, RecordInfo, TRAILER_LEN, decode_table, decode_trailer,
};
use crate::codec::pack_index::{IndexEntry, PackName, encode_index};
use crate::model::ObjectId;
use crate::sys::{File, Fs, IoContext, publish};

/// A pack that is open for reading.
pub struct PackFile {
    path: PathBuf,
    file: Box<dyn File>,
    len: u64,
}

/// What the table of a pack says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackTable {
    /// The SHA-256 of table and trailer.
    pub name: PackName,
    /// Every record with the offset of its header, in order of offset.
    pub records: Vec<(u64, RecordInfo)>,
}

impl std::fmt::Debug for PackFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackFile").field("path", &self.path).field("len", &self.len).finish_non_exhaustive()
    }
}

impl PackFile {
    /// Opens a pack; its header is not looked at.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(fs: &dyn Fs, path: &Path) -> Result<Self, StoreError> {
        let file = fs.open(path).at("open", path)?;
        let len = file.stat().at("stat", path)?.size;
        Ok(Self { path: path.to_owned(), file, len })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// An error about the pack as a whole.
    pub(super) fn damaged(&self, source: DecodeError) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), source }
    }

    /// An error about one of its records.
    fn damaged_record(&self, offset: u64, info: &RecordInfo, source: DecodeError) -> StoreError {
        let (kind, id) = (info.kind, ObjectId::Sha256(info.id));
        StoreError::DamagedRecord { kind, id, path: self.path.clone(), offset, source }
    }

    /// Bytes from an offset on.
    ///
    /// # Errors
    /// When the pack ends before that or cannot be read.
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        // Before anything is allocated: lengths come from a file that may be damaged.
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(self.damaged(DecodeError::Truncated { what: PACK.name, offset: self.len }));
        }
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset).at("read", &self.path)?;
        Ok(bytes)
    }

    /// Checks magic and format number.
    ///
    /// # Errors
    /// When it is no pack, or a newer one; when it cannot be read.
    pub fn check_header(&self) -> Result<(), StoreError> {
        let header = self.read_at(0, HEADER_LEN)?;
        PACK.strip(&header).map(drop).map_err(|source| self.damaged(source))
    }

    /// Reads and checks header, table and trailer.
    ///
    /// # Errors
    /// When one of them is damaged or cannot be read.
    pub fn table(&self) -> Result<PackTable, StoreError> {
        self.check_header()?;
        let at = self.len.saturating_sub(TRAILER_LEN as u64);
        let trailer = decode_trailer(&self.read_at(at, TRAILER_LEN)?, self.len)
            .map_err(|source| self.damaged(source))?;
        let too_long = || DecodeError::malformed(PACK.name, "its table does not fit into memory");
        let len = usize::try_from(self.len - trailer.table_offset).map_err(|_| self.damaged(too_long()))?;
        let bytes = self.read_at(trailer.table_offset, len)?;
        let records = decode_table(&bytes, trailer).map_err(|source| self.damaged(source))?;
        Ok(PackTable { name: Sha256::digest(&bytes).into(), records })
    }

    /// Reads a stretch of records that lie one behind the other, such as [`runs`] of a table.
    ///
    /// # Errors
    /// When the pack is shorter than its table says or cannot be read.
    pub fn read_run<'a>(&self, records: &'a [(u64, RecordInfo)]) -> Result<RecordRun<'a>, StoreError> {
        let start = records.first().map_or(PACK_HEADER_LEN, |(offset, _)| *offset);
        let len: u64 = records.iter().map(|(_, info)| info.record_len()).sum();
        let bytes = self.read_at(start, usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(RecordRun { records, bytes })
    }

    /// The records of a run, each with its checksum checked; a damaged one is an error of its own and
    /// hides none of the others.
    pub fn records_of<'a>(
        &'a self,
        run: &'a RecordRun<'a>,
    ) -> impl Iterator<Item = Result<StoredRecord<'a>, StoreError>> + 'a {
        let mut rest = run.bytes.as_slice();
        run.records.iter().map(move |(offset, info)| {
            let (bytes, behind) = rest.split_at(RECORD_HEADER_LEN + info.stored_len as usize);
            rest = behind;
            let damaged = |source| self.damaged_record(*offset, info, source);
            let (found, stored) = RecordInfo::decode_record(bytes).map_err(damaged)?;
            if found != *info {
                return Err(damaged(DecodeError::malformed(
                    "record",
                    "it is not the one that the table lists",
                )));
            }
            Ok(StoredRecord { offset: *offset, info: *info, header: &bytes[..RECORD_HEADER_LEN], stored })
        })
    }

    /// Finds records one after the other without the help of the table, from the first one on. What is
    /// no intact record is skipped, so that one damaged header does not hide what follows it.
    pub const fn scan(&self) -> Scan<'_> {
        Scan { pack: self, offset: PACK_HEADER_LEN, window: Vec::new(), window_start: 0 }
    }
}

/// Records of a pack that lie one behind the other, in memory.
#[derive(Debug)]
pub struct RecordRun<'a> {
    records: &'a [(u64, RecordInfo)],
    bytes: Vec<u8>,
}

/// A record as it is stored, its checksum checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRecord<'a> {
    /// Where its header begins in the pack.
    pub offset: u64,
    /// Its facts.
    pub info: RecordInfo,
    /// Its header.
    pub header: &'a [u8],
    /// What follows the header.
    pub stored: &'a [u8],
}

impl PackTable {
    /// The records in stretches of about so many bytes, at least one record each.
    pub fn runs(&self, bytes: u64) -> impl Iterator<Item = &[(u64, RecordInfo)]> {
        runs(&self.records, bytes)
    }

    /// What an index says of the records, in order of id; the pack has the number 0.
    ///
    /// # Errors
    /// The offset of the first record that lies too far behind for an index.
    pub fn index_entries(&self) -> Result<Vec<IndexEntry>, u64> {
        let entries = self.records.iter().map(|(offset, info)| index_entry(info, *offset));
        let mut entries: Vec<IndexEntry> = entries.collect::<Result<_, u64>>()?;
        entries.sort_by_key(IndexEntry::key);
        // A record that was written twice is listed once.
        entries.dedup_by_key(|entry| entry.key());
        Ok(entries)
    }
}

/// Publishes an index of one pack: at `output`, or in `folder` under the name that a database looks for.
/// Returns where it is.
///
/// # Errors
/// When the pack is too long for an index; when the disk is full or fails.
pub fn write_index(
    fs: &Arc<dyn Fs>,
    folder: &Path,
    output: Option<&Path>,
    table: &PackTable,
) -> Result<PathBuf, StoreError> {
    let entries = table.index_entries().map_err(|offset| {
        let why = format!("a record lies at byte {offset}, which is too far for an index");
        let path = folder.join(pack_file_name(&table.name));
        StoreError::Damaged { path, source: DecodeError::malformed(PACK.name, why) }
    })?;
    let bytes = encode_index(&[table.name], &entries);
    let path = output.map_or_else(|| folder.join(index_file_name(&bytes)), Path::to_owned);
    publish(fs, &path, &bytes)?;
    Ok(path)
}

/// Splits records into stretches of about so many bytes, at least one record each.
pub fn runs(records: &[(u64, RecordInfo)], bytes: u64) -> impl Iterator<Item = &[(u64, RecordInfo)]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let (first, _) = rest.first()?;
        let fits = rest.partition_point(|(offset, info)| offset + info.record_len() - first <= bytes);
        let (run, behind) = rest.split_at(fits.max(1));
        rest = behind;
        Some(run)
    })
}

/// Bytes that a scan looks at without reading again.
const WINDOW: usize = 1024 * 1024;

/// A record that a scan found; its checksum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedRecord {
    /// Where its header begins in the pack.
    pub offset: u64,
    /// Its facts.
    pub info: RecordInfo,
    bytes: Vec<u8>,
}

impl ScannedRecord {
    /// What follows the header.
    pub fn stored(&self) -> &[u8] {
        &self.bytes[RECORD_HEADER_LEN..]
    }

    /// All its bytes, header included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// An iterator over the intact records of a pack, see [`PackFile::scan`].
#[derive(Debug)]
pub struct Scan<'p> {
    pack: &'p PackFile,
    offset: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl Scan<'_> {
    /// The header at the current offset, if it could be one; `None` at the end of the pack.
    fn header(&mut self) -> Result<Option<Option<RecordInfo>>, StoreError> {
        let left = self.pack.len.saturating_sub(self.offset);
        if left < RECORD_HEADER_LEN as u64 {
            return Ok(None);
        }
        let end = self.window_start + self.window.len() as u64;
        if self.offset < self.window_start || self.offset + RECORD_HEADER_LEN as u64 > end {
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(WINDOW);
            self.window = self.pack.read_at(self.offset, len)?;
            self.window_start = self.offset;
        }
        let at = usize::try_from(self.offset - self.window_start).unwrap_or(usize::MAX);
        let info = RecordInfo::decode_header(&self.window[at..at + RECORD_HEADER_LEN]).ok();
        Ok(Some(info.map(|(info, _)| info).filter(|info| info.record_len() <= left)))
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<ScannedRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let info = match self.header() {
                Err(error) => {
                    self.offset = self.pack.len;
                    return Some(Err(error));
                }
                Ok(header) => header?,
            };
            if let Some(info) = info {
                let len = RECORD_HEADER_LEN + info.stored_len as usize;
                let bytes = match self.pack.read_at(self.offset, len) {
                    Err(error) => {
                        self.offset = self.pack.len;
                        return Some(Err(error));
                    }
                    Ok(bytes) => bytes,
                };
                if RecordInfo::decode_record(&bytes).is_ok() {
                    let record = ScannedRecord { offset: self.offset, info, bytes };
                    self.offset += info.record_len();
                    return Some(Ok(record));
                }
            }
            self.offset += 1;
        }
    }
}
