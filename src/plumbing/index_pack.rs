//! `index-pack`: an index from a pack alone, and what can be saved of a pack that is damaged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::codec::pack_index::PackName;
use crate::model::{ErrorKind, Monitor};
use crate::plumbing::check_records::{BadRecord, check_pack_records, check_record};
use crate::store::{PackFile, StoreError, Writer, pack_file_name, write_index};
use crate::sys::Fs;

/// Where the index goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The file to write; beside the pack, under the name that a database looks for, unless told.
    pub output: Option<PathBuf>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The name of the pack.
    pub name: PackName,
    /// Where the index is.
    pub index: PathBuf,
    /// How many records it lists.
    pub records: u64,
}

/// Why a pack could not be indexed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pack or the disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Some records are damaged.
    #[error("{} of the records of '{}' are damaged", bad.len(), path.display())]
    BadRecords {
        /// The pack.
        path: PathBuf,
        /// The records, in order of offset; at least one.
        bad: Vec<BadRecord>,
    },
    /// A database would not find the pack under its name.
    #[error("'{}' bears a wrong name: by its content it is '{expected}'", path.display())]
    Misnamed {
        /// The pack.
        path: PathBuf,
        /// The name it should have.
        expected: String,
    },
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::BadRecords { .. } => ErrorKind::Corrupt,
            Self::Misnamed { .. } => ErrorKind::Refused,
        }
    }
}

/// Checks every record of a pack as [`super::verify_pack`] does and publishes an index of it.
///
/// Progress counts records and bytes.
///
/// # Errors
/// When anything about the pack is damaged (see [`salvage`]), the index cannot be written, or the
/// monitor asks to end; then no index was written.
pub fn run(
    fs: &Arc<dyn Fs>,
    path: &Path,
    options: &Options,
    monitor: &Monitor<'_>,
) -> Result<Outcome, Error> {
    let pack = PackFile::open(&**fs, path)?;
    let table = pack.table()?;
    let expected = pack_file_name(&table.name);
    if options.output.is_none() && path.file_name().is_none_or(|name| name != expected.as_str()) {
        return Err(Error::Misnamed { path: path.to_owned(), expected });
    }
    monitor.progress.phase("Checking", Some(table.records.len() as u64), Some(pack.len()));
    let bad = check_pack_records(&pack, &table.records, monitor)?;
    if !bad.is_empty() {
        return Err(Error::BadRecords { path: path.to_owned(), bad });
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let index = write_index(fs, folder, options.output.as_deref(), &table)?;
    Ok(Outcome { name: table.name, index, records: table.records.len() as u64 })
}

/// What was saved of a damaged pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Records that are intact.
    pub intact: u64,
    /// Bytes of these, headers included.
    pub bytes: u64,
    /// Those among them that the database did not have.
    pub new: u64,
}

/// Copies every intact record of a pack into a database, be the pack's table damaged or cut off: the
/// records are found one after the other by their headers. The pack itself stays as it is.
///
/// The caller finishes the writer, and holds the objects lock until then.
///
/// # Errors
/// When the pack cannot be read, the disk is full or fails, or the monitor asks to end.
pub fn salvage(
    fs: &dyn Fs,
    path: &Path,
    writer: &Writer,
    monitor: &Monitor<'_>,
) -> Result<Salvage, StoreError> {
    let pack = PackFile::open(fs, path)?;
    monitor.progress.phase("Saving", None, Some(pack.len()));
    let mut saved = Salvage::default();
    for record in pack.scan() {
        monitor.interrupt.check()?;
        let record = record?;
        if check_record(&record.info, record.stored()).is_err() {
            continue;
        }
        saved.intact += 1;
        saved.bytes += record.info.record_len();
        saved.new += u64::from(writer.put_record(record.info, record.bytes())?);
        monitor.progress.advance(1, record.info.record_len());
    }
    Ok(saved)
}
