//! `verify-pack`: is every record of a pack what its id says?

use std::path::Path;

use crate::codec::pack::RecordInfo;
use crate::codec::pack_index::PackName;
use crate::model::Monitor;
use crate::plumbing::check_records::{BadRecord, check_pack_records};
use crate::store::{PackFile, StoreError};
use crate::sys::Fs;

/// What a pack holds and how it is.
#[derive(Debug)]
pub struct Outcome {
    /// The name that its table gives it.
    pub name: PackName,
    /// Its length in bytes.
    pub len: u64,
    /// All records with the offset of their headers, in order of offset.
    pub records: Vec<(u64, RecordInfo)>,
    /// Those that are damaged, in order of offset.
    pub bad: Vec<BadRecord>,
}

/// Reads a pack from end to end; checks header, table, and every record's checksum and id.
///
/// Progress counts records and bytes.
///
/// # Errors
/// When the header or the table is damaged, the pack cannot be opened, or the monitor asks to end.
/// Damaged records are part of the outcome.
pub fn run(fs: &dyn Fs, path: &Path, monitor: &Monitor<'_>) -> Result<Outcome, StoreError> {
    let pack = PackFile::open(fs, path)?;
    let table = pack.table()?;
    monitor.progress.phase("Checking", Some(table.records.len() as u64), Some(pack.len()));
    let bad = check_pack_records(&pack, &table.records, monitor)?;
    Ok(Outcome { name: table.name, len: pack.len(), records: table.records, bad })
}
