//! What versions and trees cost in the store: records that they lead to, each counted once.

use super::reachable::{Start, mark_reachable};
use crate::codec::pack::RECORD_HEADER_LEN;
use crate::model::Monitor;
use crate::store::{ObjectDb, RecordSet, StoreError};

/// Records of one sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many.
    pub records: u64,
    /// Their bytes before compression.
    pub raw_bytes: u64,
    /// Their bytes in packs, with the headers of the records.
    pub stored_bytes: u64,
}

impl Stored {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            raw_bytes: self.raw_bytes + other.raw_bytes,
            stored_bytes: self.stored_bytes + other.stored_bytes,
        }
    }
}

/// What something costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of files: blobs and chunks.
    pub data: Stored,
    /// Manifests, trees and chunk lists.
    pub metadata: Stored,
}

/// Adds up what can be reached.
///
/// # Errors
/// When a record is missing or damaged, or the monitor asks to end.
pub fn usage(db: &ObjectDb, starts: Vec<Start>, monitor: &Monitor<'_>) -> Result<Usage, StoreError> {
    let set = RecordSet::new(db);
    mark_reachable(db, &set, starts, monitor, &|_, _, error| Err(error))?;
    let mut usage = Usage::default();
    for record in set.iter() {
        let (_, location) = record?;
        let locator = location.locator;
        let sum = if locator.kind.is_data() { &mut usage.data } else { &mut usage.metadata };
        *sum = sum.plus(Stored {
            records: 1,
            raw_bytes: u64::from(locator.raw_len),
            stored_bytes: u64::from(locator.stored_len) + RECORD_HEADER_LEN as u64,
        });
    }
    Ok(usage)
}
