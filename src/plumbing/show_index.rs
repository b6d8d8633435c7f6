//! `show-index`: what an index of packs lists.

use std::path::Path;

use crate::codec::pack_index::{IndexEntry, PackName};
use crate::store::{IndexFile, StoreError};
use crate::sys::Fs;

/// What an index says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The packs it covers, in the order of their numbers.
    pub packs: Vec<PackName>,
    /// How many records it lists.
    pub records: u64,
}

/// Checks an index and gives each of its lines, with the name of the pack, to `sink`, in order of id.
///
/// # Errors
/// When the index is damaged or cannot be read; what `sink` returns.
pub fn run<E: From<StoreError>>(
    fs: &dyn Fs,
    path: &Path,
    mut sink: impl FnMut(&PackName, &IndexEntry) -> Result<(), E>,
) -> Result<Outcome, E> {
    let index = IndexFile::open(fs, path)?;
    index.check()?;
    let packs: Vec<PackName> = index.packs().collect();
    for entry in index.entries() {
        let entry = entry?;
        sink(&index.pack_name(entry.locator.pack), &entry)?;
    }
    Ok(Outcome { packs, records: index.len() as u64 })
}
