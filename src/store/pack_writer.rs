//! Writes one pack: records one after the other, then its table; published under its name when it is
//! durable.

use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::StoreError;
use super::index_file::pack_file_name;
use crate::codec::Compression;
use crate::codec::header::PACK;
use crate::codec::pack::{PACK_HEADER_LEN, RecordInfo, RecordKind, encode_table};
use crate::codec::pack_index::{IndexEntry, Locator, PackName};
use crate::sys::{CreateOptions, Fs, IoContext, IoError, PendingFile};

/// Bytes that are gathered before they are written.
const BUFFER_LEN: usize = 1024 * 1024;
/// Bytes of at least this length are written from where they are: copying them costs more than a
/// call.
const DIRECT_LEN: usize = 32 * 1024;

/// A pack that is being written, under a temporary name.
pub(super) struct PackWriter {
    file: PendingFile,
    buffer: Vec<u8>,
    /// Bytes given so far, those in the buffer included.
    len: u64,
    records: Vec<RecordInfo>,
}

/// A published pack and what an index must say of it.
pub(super) struct SealedPack {
    pub(super) name: PackName,
    /// In order of id; pack number 0.
    pub(super) entries: Vec<IndexEntry>,
}

impl PackWriter {
    pub(super) fn create(fs: &Arc<dyn Fs>, objects: &Path) -> Result<Self, StoreError> {
        let options = CreateOptions { stream: true, ..Default::default() };
        let file = match PendingFile::create_with(fs, objects, options) {
            Err(error) if error.is_not_found() => {
                fs.create_dir_all(objects).at("create", objects)?;
                let parent = objects.parent().unwrap_or(objects);
                fs.sync_dir(parent).at("sync", parent)?;
                PendingFile::create_with(fs, objects, options)?
            }
            created => created?,
        };
        let mut buffer = Vec::with_capacity(BUFFER_LEN + BUFFER_LEN / 2);
        buffer.extend_from_slice(&PACK.header());
        Ok(Self { file, buffer, len: PACK_HEADER_LEN, records: Vec::new() })
    }

    /// Bytes of the pack so far.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Appends a record, whose bytes are `head` and then `rest`.
    pub(super) fn append(&mut self, info: RecordInfo, head: &[u8], rest: &[u8]) -> Result<(), StoreError> {
        self.buffer.extend_from_slice(head);
        if rest.len() >= DIRECT_LEN {
            self.flush()?;
            self.file.write_all(rest)?;
        } else {
            self.buffer.extend_from_slice(rest);
            if self.buffer.len() >= BUFFER_LEN {
                self.flush()?;
            }
        }
        self.len += info.record_len();
        self.records.push(info);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the table, waits until everything is durable, and gives the pack its name.
    pub(super) fn seal(mut self) -> Result<SealedPack, StoreError> {
        let table = encode_table(&self.records, self.len);
        let name: PackName = Sha256::digest(&table).into();
        self.buffer.extend_from_slice(&table);
        self.flush()?;
        self.file.publish_as(pack_file_name(&name))?;
        let mut offset = PACK_HEADER_LEN;
        let mut entries = Vec::with_capacity(self.records.len());
        for record in &self.records {
            let entry = index_entry(record, offset).map_err(|offset| {
                io::Error::new(io::ErrorKind::FileTooLarge, format!("a record at byte {offset}"))
            });
            // The name is made for an error alone: for each of a million records it would cost more than the rest.
            entries.push(entry.map_err(|source| IoError {
                path: pack_file_name(&name).into(),
                action: "index",
                source,
            })?);
            offset += record.record_len();
        }
        entries.sort_by_key(IndexEntry::key);
        Ok(SealedPack { name, entries })
    }
}

/// The index line of a record of a pack.
///
/// # Errors
/// The offset, when it is too large for an index; packs are closed long before.
pub(super) fn index_entry(record: &RecordInfo, offset: u64) -> Result<IndexEntry, u64> {
    let RecordInfo { kind, stored_len, raw_len, id, .. } = *record;
    let offset = u32::try_from(offset).map_err(|_| offset)?;
    Ok(IndexEntry { id, locator: Locator { kind, pack: 0, offset, stored_len, raw_len } })
}

/// The facts of a record that is about to be written.
#[expect(clippy::cast_possible_truncation, reason = "records are bounded by MAX_RAW_LEN")]
pub(super) fn record_info(
    kind: RecordKind,
    id: [u8; 32],
    compression: Compression,
    stored_len: usize,
    raw_len: usize,
) -> RecordInfo {
    RecordInfo { kind, compression, stored_len: stored_len as u32, raw_len: raw_len as u32, id }
}
