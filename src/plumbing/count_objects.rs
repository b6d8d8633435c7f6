//! `count-objects`: how much of what is in the object database.

use std::collections::HashSet;

use crate::codec::pack::RecordKind;
use crate::model::Monitor;
use crate::store::{ObjectDb, StoreError, StoreFileKind, pack_file_name};

/// Files of one sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCount {
    /// How many.
    pub files: u64,
    /// Their lengths together.
    pub bytes: u64,
}

impl FileCount {
    const fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// Records of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindCount {
    /// What they hold.
    pub kind: RecordKind,
    /// How many.
    pub records: u64,
    /// Their bytes before compression.
    pub raw_bytes: u64,
    /// Their bytes in packs, headers not counted.
    pub stored_bytes: u64,
}

/// What is in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// All kinds, in the order of [`RecordKind::ALL`]. A record that several indexes list is counted
    /// by each.
    pub kinds: Vec<KindCount>,
    /// Packs that an index lists.
    pub packs: FileCount,
    /// Packs that no index lists: what a crash left, or whose index is lost.
    pub unlisted_packs: FileCount,
    /// Packs that an index lists and that are not there.
    pub missing_packs: u64,
    /// Indexes.
    pub indexes: FileCount,
    /// Indexes that cannot be read.
    pub damaged_indexes: u64,
    /// Temporary files: of writers at work, or left by a crash.
    pub temporary: FileCount,
}

/// Counts; reads indexes and no pack.
///
/// # Errors
/// When an index is damaged, the folder cannot be read, or the monitor asks to end.
pub fn run(db: &ObjectDb, monitor: &Monitor<'_>) -> Result<Outcome, StoreError> {
    db.refresh()?;
    let mut kinds = RecordKind::ALL.map(|kind| KindCount { kind, records: 0, raw_bytes: 0, stored_bytes: 0 });
    let mut listed = HashSet::new();
    for file in db.indexes().iter() {
        listed.extend(file.packs().map(|name| pack_file_name(&name)));
        for entry in file.entries() {
            let locator = entry?.locator;
            let count = &mut kinds[usize::from(locator.kind.code()) - 1];
            count.records += 1;
            count.raw_bytes += u64::from(locator.raw_len);
            count.stored_bytes += u64::from(locator.stored_len);
        }
        monitor.interrupt.check()?;
    }
    let mut outcome = Outcome {
        kinds: kinds.to_vec(),
        packs: FileCount::default(),
        unlisted_packs: FileCount::default(),
        missing_packs: 0,
        indexes: FileCount::default(),
        damaged_indexes: db.unreadable_indexes().len() as u64,
        temporary: FileCount::default(),
    };
    for file in db.files()? {
        let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let count = match file.kind {
            StoreFileKind::Pack if listed.remove(name) => &mut outcome.packs,
            StoreFileKind::Pack => &mut outcome.unlisted_packs,
            StoreFileKind::Index => &mut outcome.indexes,
            StoreFileKind::Temporary => &mut outcome.temporary,
            StoreFileKind::Other => continue,
        };
        count.add(file.len);
    }
    outcome.missing_packs = listed.len() as u64;
    Ok(outcome)
}
