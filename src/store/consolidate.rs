//! Keeps packs and indexes few, without being asked.
//!
//! Indexes are merged so that their sizes form a geometric series: a lookup asks a number of files
//! that grows with the logarithm of the records. Small packs, such as every small commit leaves
//! behind, are copied into one when they have become many. Nothing that can be found is ever out of
//! reach: the new file is published before the old ones are removed.

use std::collections::HashSet;
use std::sync::Arc;

use super::StoreError;
use super::index_file::{IndexFile, index_file_name, pack_file_name};
use super::odb::{Location, ObjectDb};
use super::pack_writer::PackWriter;
use super::writer::publish_index;
use crate::codec::pack::{RECORD_HEADER_LEN, RecordKind};
use crate::codec::pack_index::{IndexEntry, PackName, encode_index};
use crate::sys::{IoContext, publish};

/// Indexes are merged when there are more.
const MAX_INDEXES: usize = 8;
/// An index with more records is left alone, so that a merge needs bounded memory (about 110 bytes a
/// record).
const MAX_MERGED_RECORDS: usize = 2_000_000;
/// A pack is small below this many bytes.
const SMALL_PACK: u64 = 4 * 1024 * 1024;
/// Small packs of one sort are copied into one when there are more.
const MAX_SMALL_PACKS: usize = 24;

/// What a writer does when it has finished.
pub(super) fn after_writing(db: &ObjectDb) -> Result<(), StoreError> {
    merge_small_packs(db)?;
    merge_indexes(db)
}

/// Merges the smallest indexes when there are too many.
pub(super) fn merge_indexes(db: &ObjectDb) -> Result<(), StoreError> {
    let all = db.indexes();
    if all.len() <= MAX_INDEXES {
        return Ok(());
    }
    let mut by_size: Vec<_> = all.iter().filter(|file| file.len() < MAX_MERGED_RECORDS).cloned().collect();
    by_size.sort_by_key(|file| file.len());
    let chosen = geometric_prefix(&by_size.iter().map(|file| file.len()).collect::<Vec<_>>());
    if chosen < 2 {
        return Ok(());
    }
    replace_indexes(db, &by_size[..chosen], |_| true)
}

/// How many of these ascending sizes to merge so that each one left is at least twice as large as all
/// before it together.
fn geometric_prefix(sizes: &[usize]) -> usize {
    let mut sum = 0;
    let mut chosen = 0;
    for (number, &size) in sizes.iter().enumerate() {
        if number > 0 && size < 2 * sum && sum + size <= MAX_MERGED_RECORDS {
            chosen = number + 1;
        }
        sum += size;
    }
    chosen
}

/// Publishes one index with the records of `old` that lie in packs that `keep` accepts, then removes
/// the old ones.
pub(super) fn replace_indexes(
    db: &ObjectDb,
    old: &[Arc<IndexFile>],
    keep: impl Fn(&PackName) -> bool,
) -> Result<(), StoreError> {
    let mut packs: Vec<PackName> =
        old.iter().flat_map(|file| file.packs()).filter(|name| keep(name)).collect();
    packs.sort_unstable();
    packs.dedup();
    let mut entries: Vec<IndexEntry> = Vec::with_capacity(old.iter().map(|file| file.len()).sum());
    for file in old {
        for entry in file.entries() {
            let mut entry = entry?;
            if let Ok(number) = packs.binary_search(&file.pack_name(entry.locator.pack)) {
                entry.locator.pack = u32::try_from(number).unwrap_or(u32::MAX);
                entries.push(entry);
            }
        }
    }
    entries.sort_unstable_by_key(|entry| (entry.key(), entry.locator.pack));
    // A record that lies in several packs is listed once.
    entries.dedup_by_key(|entry| entry.key());
    if !packs.is_empty() {
        let bytes = encode_index(&packs, &entries);
        let path = db.objects.join(index_file_name(&bytes));
        publish(&db.fs, &path, &bytes)?;
        if old.iter().any(|file| file.path == path) {
            return Ok(());
        }
    }
    remove_files(db, old.iter().map(|file| file.path.clone()))?;
    db.reopen()
}

/// Removes files of the database; one that is gone already is fine.
pub(super) fn remove_files(
    db: &ObjectDb,
    paths: impl IntoIterator<Item = std::path::PathBuf>,
) -> Result<(), StoreError> {
    for path in paths {
        match db.fs.remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.at("remove", &path)?,
        }
    }
    Ok(db.fs.sync_dir(&db.objects).at("sync", &db.objects)?)
}

/// Copies small packs into one when they are many.
fn merge_small_packs(db: &ObjectDb) -> Result<(), StoreError> {
    let names: HashSet<PackName> =
        db.indexes().iter().flat_map(|file| file.packs().collect::<Vec<_>>()).collect();
    if names.len() <= MAX_SMALL_PACKS {
        return Ok(());
    }
    let mut small = HashSet::new();
    for name in names {
        let path = db.objects.join(pack_file_name(&name));
        if db.fs.stat(&path).at("stat", &path)?.size < SMALL_PACK {
            small.insert(name);
        }
    }
    if small.len() > MAX_SMALL_PACKS { rewrite_packs(db, &small, |_, _| true) } else { Ok(()) }
}

/// Copies the wanted records of `packs` into new ones and removes `packs`.
///
/// Records are copied as they are stored, in the order of the old packs, after their checksum was
/// checked.
pub(super) fn rewrite_packs(
    db: &ObjectDb,
    packs: &HashSet<PackName>,
    wanted: impl Fn(RecordKind, &[u8; 32]) -> bool,
) -> Result<(), StoreError> {
    let touched: Vec<Arc<IndexFile>> =
        db.indexes().iter().filter(|file| file.packs().any(|name| packs.contains(&name))).cloned().collect();
    let mut records = Vec::new();
    for file in &touched {
        for entry in file.entries() {
            let entry = entry?;
            let pack = file.pack_name(entry.locator.pack);
            if packs.contains(&pack) && wanted(entry.locator.kind, &entry.id) {
                records.push((entry.id, Location { pack, locator: entry.locator }));
            }
        }
    }
    records.sort_unstable_by_key(|(_, at)| (!at.locator.kind.is_data(), at.pack, at.locator.offset));
    records.dedup_by_key(|(_, at)| (at.pack, at.locator.offset));
    let mut open: Option<(bool, PackWriter)> = None;
    let seal =
        |pack: PackWriter| pack.seal().and_then(|sealed| publish_index(db, &sealed).map(|()| sealed.name));
    let mut written = HashSet::new();
    for (id, location) in records {
        let (info, bytes) = db.read_record(&location, &id)?;
        let is_data = info.kind.is_data();
        if let Some((_, full)) =
            open.take_if(|(data, pack)| *data != is_data || pack.len() >= db.options.pack_target)
        {
            written.insert(seal(full)?);
        }
        let (_, pack) = match &mut open {
            Some(open) => open,
            None => open.insert((is_data, PackWriter::create(&db.fs, &db.objects)?)),
        };
        let (header, stored) = bytes.split_at(RECORD_HEADER_LEN);
        pack.append(info, header, stored)?;
    }
    if let Some((_, last)) = open {
        written.insert(seal(last)?);
    }
    // A pack that was written again byte for byte has the name of the old one: it stays.
    let gone = |name: &PackName| packs.contains(name) && !written.contains(name);
    replace_indexes(db, &touched, |name| !gone(name))?;
    remove_files(
        db,
        packs.iter().filter(|name| gone(name)).map(|name| db.objects.join(pack_file_name(name))),
    )?;
    db.reopen()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_leaves_a_geometric_series() {
        assert_eq!(geometric_prefix(&[1, 10, 100]), 0);
        assert_eq!(geometric_prefix(&[10, 10, 100]), 2);
        assert_eq!(geometric_prefix(&[1, 1, 1, 1, 1000]), 4);
        assert_eq!(geometric_prefix(&[10, 20, 40, 80]), 4);
        assert_eq!(geometric_prefix(&[1_500_000, 1_900_000]), 0);
    }
}
