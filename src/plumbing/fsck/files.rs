//! Indexes and packs against each other; every record, where the check is full.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Counts;
use super::finding::{Finding, Report};
use crate::codec::DecodeError;
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo};
use crate::codec::pack_index::{IndexEntry, PackName};
use crate::model::{Monitor, ObjectId};
use crate::plumbing::check_records::{BadRecord, check_pack_records, check_record};
use crate::store::{
    IndexFile, Location, ObjectDb, PackFile, PackTable, RecordSet, StoreError, StoreFileKind, pack_file_name,
};
use crate::sys::Fs;

/// A pack that no index lists.
#[derive(Debug)]
pub(super) struct UnlistedPack {
    pub(super) path: PathBuf,
    /// How many of its records are missing elsewhere.
    pub(super) needed: u64,
}

pub(super) struct Files<'a> {
    pub(super) fs: &'a Arc<dyn Fs>,
    pub(super) db: &'a ObjectDb,
    /// Gets every line of an index that leads to no intact record.
    pub(super) bad: &'a RecordSet,
    pub(super) report: &'a Report,
    pub(super) full: bool,
    pub(super) monitor: &'a Monitor<'a>,
}

/// What is known of a pack after its first look.
struct Seen {
    /// How many records it has, where the table can be read.
    records: Option<u64>,
    /// Records that some index lists.
    listed: u64,
    missing: bool,
    /// An index is wrong about some of its records.
    wrong: bool,
    /// Offsets of damaged records, where every one was read.
    bad: HashSet<u64>,
}

impl Files<'_> {
    /// Checks everything in the folder of the database; returns the packs that no index lists.
    pub(super) fn check(&self, counts: &mut Counts) -> Result<Vec<UnlistedPack>, StoreError> {
        for index in self.bad.unreadable() {
            self.report.add(Finding::File { path: index.path.clone(), why: index.error.to_string() });
        }
        // In order of name, so that findings do not depend on the order of listing.
        let mut packs: BTreeMap<PackName, Seen> = BTreeMap::new();
        for (number, index) in self.bad.indexes().iter().enumerate() {
            self.monitor.interrupt.check()?;
            counts.indexes += 1;
            counts.records += index.len() as u64;
            if let Err(error) = index.check() {
                self.report.add_error(error)?;
            }
            self.check_index(number, index, &mut packs)?;
        }
        counts.packs = packs.values().filter(|seen| !seen.missing).count() as u64;
        for (name, seen) in &packs {
            let path = self.path(name);
            if seen.missing && seen.listed > 0 {
                self.report.add(Finding::MissingPack { path, records: seen.listed });
            } else if seen.wrong || seen.records.is_some_and(|all| all > seen.listed) {
                self.note_unlisted_records(path)?;
            }
        }
        let listed: HashSet<PathBuf> = packs.keys().map(|name| self.path(name)).collect();
        let files = self.db.files()?.into_iter().filter(|file| file.kind == StoreFileKind::Pack);
        let unlisted = files.filter(|file| !listed.contains(&file.path));
        Ok(unlisted.map(|file| UnlistedPack { path: file.path, needed: 0 }).collect())
    }

    fn path(&self, name: &PackName) -> PathBuf {
        self.db.objects_dir().join(pack_file_name(name))
    }

    /// Counts the records that no index lists, neither here nor in another pack.
    fn note_unlisted_records(&self, path: PathBuf) -> Result<(), StoreError> {
        let table = match PackFile::open(&**self.fs, &path).and_then(|pack| pack.table()) {
            Ok(table) => table,
            Err(error) => return self.report.add_error(error),
        };
        let unlisted = |info: &RecordInfo| self.bad.place(info.kind, &info.id).is_none();
        let records = table.records.iter().filter(|(_, info)| unlisted(info)).count() as u64;
        if records > 0 {
            self.report.add(Finding::UnlistedRecords { path, records });
        }
        Ok(())
    }

    fn check_index(
        &self,
        number: usize,
        index: &IndexFile,
        packs: &mut BTreeMap<PackName, Seen>,
    ) -> Result<(), StoreError> {
        for name in index.packs() {
            packs.entry(name).or_insert_with(|| Seen {
                records: None,
                listed: 0,
                missing: false,
                wrong: false,
                bad: HashSet::new(),
            });
        }
        // The lines in the order of the packs: four bytes for each.
        let mut lines: Vec<u32> = Vec::with_capacity(index.len());
        for line in 0..index.len() {
            match index.entry(line) {
                Ok(_) => lines.push(u32::try_from(line).unwrap_or(u32::MAX)),
                Err(error) => {
                    self.bad.insert_line(number, line);
                    self.report.add_error(error)?;
                }
            }
        }
        let entry = |line: &u32| index.entry(*line as usize).map(|entry| entry.locator);
        lines.sort_unstable_by_key(|line| entry(line).map_or((0, 0), |at| (at.pack, at.offset)));
        let same_pack = |a: &u32, b: &u32| entry(a).ok().map(|at| at.pack) == entry(b).ok().map(|at| at.pack);
        for lines in lines.chunk_by(same_pack) {
            let Some(Ok(first)) = lines.first().map(entry) else { continue };
            let name = index.pack_name(first.pack);
            let Some(seen) = packs.get_mut(&name) else { continue };
            let first_time = seen.listed == 0;
            seen.listed += lines.len() as u64;
            let mut entries = Vec::with_capacity(lines.len());
            for line in lines {
                entries.push((*line as usize, index.entry(*line as usize)?));
            }
            self.check_pack(Part { number, index, name, entries }, seen, first_time)?;
        }
        Ok(())
    }

    fn check_pack(&self, part: Part<'_>, seen: &mut Seen, first_time: bool) -> Result<(), StoreError> {
        self.monitor.interrupt.check()?;
        let path = self.path(&part.name);
        let pack = match PackFile::open(&**self.fs, &path) {
            Ok(pack) => pack,
            Err(StoreError::Io(error)) if error.is_not_found() => {
                seen.missing = true;
                part.entries.iter().for_each(|(line, _)| self.bad.insert_line(part.number, *line));
                return Ok(());
            }
            Err(error) => return self.report.add_error(error),
        };
        let table = pack.table().and_then(|table| check_name(&path, &part.name, table));
        match table {
            Ok(table) => {
                seen.records = Some(table.records.len() as u64);
                if self.full && first_time {
                    let bad = check_pack_records(&pack, &table.records, self.monitor)?;
                    seen.bad = self.note_bad(bad)?;
                } else {
                    self.monitor.progress.advance(table.records.len() as u64, 0);
                }
                seen.wrong |= !self.compare(&path, &part, &table, &seen.bad);
            }
            Err(error) => {
                self.report.add_error(error)?;
                self.check_without_table(&pack, &part)?;
            }
        }
        Ok(())
    }

    fn note_bad(&self, bad: Vec<BadRecord>) -> Result<HashSet<u64>, StoreError> {
        let offsets = bad.iter().map(|record| record.offset).collect();
        bad.into_iter().try_for_each(|record| self.report.add_error(record.error))?;
        Ok(offsets)
    }

    /// Each line against the table, and against what reading the records has told; false when a line is
    /// wrong.
    fn compare(&self, path: &Path, part: &Part<'_>, table: &PackTable, bad: &HashSet<u64>) -> bool {
        let mut wrong = 0;
        let mut first = None;
        for (line, entry) in &part.entries {
            let offset = u64::from(entry.locator.offset);
            let found = table.records.binary_search_by_key(&offset, |(at, _)| *at).ok();
            let info = found.map(|at| &table.records[at].1);
            if !info.is_some_and(|info| leads_to(entry, info) && entry.locator.raw_len == info.raw_len) {
                wrong += 1;
                first.get_or_insert(ObjectId::Sha256(entry.id));
            }
            if !info.is_some_and(|info| leads_to(entry, info)) || bad.contains(&offset) {
                self.bad.insert_line(part.number, *line);
            }
        }
        if let Some(first) = first {
            let (path, pack) = (part.index.path().to_owned(), path.to_owned());
            self.report.add(Finding::WrongIndex { path, pack, records: wrong, first });
        }
        wrong == 0
    }

    /// The records of a pack whose table is damaged, by what the index says: those that lie behind its
    /// end are lost; in a full check each one is read.
    fn check_without_table(&self, pack: &PackFile, part: &Part<'_>) -> Result<(), StoreError> {
        for (line, entry) in &part.entries {
            self.monitor.interrupt.check()?;
            let at = entry.locator;
            let end = u64::from(at.offset) + RECORD_HEADER_LEN as u64 + u64::from(at.stored_len);
            let checked = if end > pack.len() {
                Err(None)
            } else if self.full {
                self.read_and_check(part, entry).map_err(Some)
            } else {
                Ok(())
            };
            if let Err(error) = checked {
                self.bad.insert_line(part.number, *line);
                error.map_or(Ok(()), |error| self.report.add_error(error))?;
            }
        }
        Ok(())
    }

    fn read_and_check(&self, part: &Part<'_>, entry: &IndexEntry) -> Result<(), StoreError> {
        let location = Location { pack: part.name, locator: entry.locator };
        let (info, bytes) = self.db.read_record(&location, &entry.id)?;
        let stored = &bytes[RECORD_HEADER_LEN..];
        self.monitor.progress.advance(1, info.record_len());
        check_record(&info, stored).map(drop).map_err(|source| StoreError::DamagedRecord {
            kind: info.kind,
            id: ObjectId::Sha256(info.id),
            path: self.path(&part.name),
            offset: u64::from(entry.locator.offset),
            source,
        })
    }
}

/// The lines of one index about one pack.
struct Part<'a> {
    /// The number of the index.
    number: usize,
    index: &'a IndexFile,
    name: PackName,
    /// Numbers of lines, and the lines, in order of offset.
    entries: Vec<(usize, IndexEntry)>,
}

/// Whether a record can be read by this line of an index; the length after decompression is taken from the
/// record itself.
fn leads_to(entry: &IndexEntry, info: &RecordInfo) -> bool {
    let at = entry.locator;
    (at.kind, at.stored_len, entry.id) == (info.kind, info.stored_len, info.id)
}

fn check_name(path: &Path, name: &PackName, table: PackTable) -> Result<PackTable, StoreError> {
    if table.name == *name {
        return Ok(table);
    }
    let why = format!("it is another pack, by its content '{}'", pack_file_name(&table.name));
    let source = DecodeError::Malformed { what: "pack", why };
    Err(StoreError::Damaged { path: path.to_owned(), source })
}

/// Counts what is missing and lies in packs that no index lists.
pub(super) fn look_into_unlisted(fs: &dyn Fs, packs: &mut [UnlistedPack], report: &Report) {
    for pack in packs {
        let Ok(table) = PackFile::open(fs, &pack.path).and_then(|pack| pack.table()) else { continue };
        let needed = |info: &RecordInfo| report.is_missing(info.kind, &info.id);
        pack.needed = table.records.iter().filter(|(_, info)| needed(info)).count() as u64;
    }
}
