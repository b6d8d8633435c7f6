//! Keeps packs and indexes few, without being asked.
//!
//! Indexes are merged so that their sizes form a geometric series: a lookup asks a number of files
//! that grows with the logarithm of the records. Small packs, such as every small commit leaves
//! behind, are copied into one when they have become many. Nothing that can be found is ever out of
//! reach: the new file is published before the old ones are removed.
//!
//! An index of which a line has been flipped is left alone, with the packs it lists: what the line says must
//! decide on no record, and must not get into a new index, whose checksum would vouch for it.
//!
//! Only one process consolidates at a time, on a fresh snapshot: an index that is merged from an old
//! one could list packs that another process has replaced meanwhile. Who finds another at work leaves
//! it to that one.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::StoreError;
use super::index_file::{IndexFile, index_file_name, pack_file_name};
use super::odb::{Location, ObjectDb};
use super::pack_file::{PackFile, StoredRecord, runs};
use super::pack_writer::PackWriter;
use super::writer::publish_index;
use crate::codec::pack::RecordInfo;
use crate::codec::pack_index::{IndexEntry, PackName, encode_index};
use crate::model::{ErrorKind, Interrupt};
use crate::sys::{IoContext, LockGuard, LockMode, publish};

/// Indexes are merged when there are more.
const MAX_INDEXES: usize = 8;
/// An index with more records is left alone, so that a merge needs bounded memory (about 110 bytes a
/// record).
const MAX_MERGED_RECORDS: usize = 2_000_000;
/// A pack is small below this many bytes.
const SMALL_PACK: u64 = 4 * 1024 * 1024;
/// Small packs of one sort are copied into one when there are more.
const MAX_SMALL_PACKS: usize = 24;
/// Bytes of a pack that are read at once to be copied.
const COPY_LEN: u64 = 1024 * 1024;
/// The lock of whoever consolidates, in the folder of the packs.
pub(super) const LOCK_NAME: &str = "consolidate.lock";

/// What a writer does when it has finished.
///
/// What was written is durable by then, so a failure here is none of the writer's: everything stays
/// in place, and the next one tries again.
pub(super) fn after_writing(db: &ObjectDb) {
    let indexes = db.indexes();
    let packs = indexes.iter().map(|file| file.packs().count()).sum::<usize>();
    if packs <= MAX_SMALL_PACKS && indexes.len() <= MAX_INDEXES {
        return;
    }
    let _ = alone(db, |db| {
        merge_small_packs(db)?;
        merge_indexes(db)
    });
}

/// What a writer does when a pack was published; as [`after_writing`], failures are left to the next.
pub(super) fn after_sealing(db: &ObjectDb) {
    if db.indexes().len() > MAX_INDEXES {
        let _ = alone(db, merge_indexes);
    }
}

/// Runs a consolidation unless one is running.
fn alone(db: &ObjectDb, work: impl FnOnce(&ObjectDb) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let path = db.objects.join(LOCK_NAME);
    let guard: Option<Box<dyn LockGuard>> = db.fs.try_lock(&path, LockMode::Exclusive).at("lock", &path)?;
    if guard.is_none() {
        return Ok(());
    }
    db.refresh()?;
    work(db)
}

/// Merges the smallest indexes when there are too many.
pub(super) fn merge_indexes(db: &ObjectDb) -> Result<(), StoreError> {
    let all = db.indexes();
    if all.len() <= MAX_INDEXES {
        return Ok(());
    }
    let mut by_size: Vec<_> = all.iter().filter(|file| file.len() < MAX_MERGED_RECORDS).cloned().collect();
    by_size.sort_by_key(|file| file.len());
    loop {
        let chosen = geometric_prefix(&by_size.iter().map(|file| file.len()).collect::<Vec<_>>());
        if chosen < 2 {
            return Ok(());
        }
        let sound: Vec<_> = by_size[..chosen].iter().map(|file| file.check().is_ok()).collect();
        if !sound.contains(&false) {
            return replace_indexes(db, &by_size[..chosen], |_| true);
        }
        let mut sound = sound.into_iter();
        by_size.retain(|_| sound.next().unwrap_or(true));
    }
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
///
/// # Errors
/// When one of the old ones is damaged, or the disk is full or fails; then all of them are still there.
pub(super) fn replace_indexes(
    db: &ObjectDb,
    old: &[Arc<IndexFile>],
    keep: impl Fn(&PackName) -> bool,
) -> Result<(), StoreError> {
    old.iter().try_for_each(|file| file.check())?;
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
    list_once(db, &packs, &mut entries);
    let mut new = None;
    if !packs.is_empty() {
        let bytes = encode_index(&packs, &entries);
        let path = db.objects.join(index_file_name(&bytes));
        publish(&db.fs, &path, &bytes)?;
        new = Some(path);
    }
    // An index that was written again byte for byte has the name of the old one: it stays.
    remove_files(db, old.iter().map(|file| file.path.clone()).filter(|path| Some(path) != new.as_ref()))?;
    db.refresh().map(drop)
}

/// Sorts entries, and leaves one of a record that lies in several packs: in one that is there, if there is any.
fn list_once(db: &ObjectDb, packs: &[PackName], entries: &mut Vec<IndexEntry>) {
    entries.sort_unstable_by_key(|entry| (entry.key(), entry.locator.pack));
    if entries.windows(2).any(|two| two[0].key() == two[1].key()) {
        let gone: Vec<bool> =
            packs.iter().map(|name| db.fs.stat(&db.objects.join(pack_file_name(name))).is_err()).collect();
        let is_gone = |entry: &IndexEntry| gone.get(entry.locator.pack as usize).copied();
        entries.sort_unstable_by_key(|entry| (entry.key(), is_gone(entry), entry.locator.pack));
        entries.dedup_by_key(|entry| entry.key());
    }
}

/// Removes files of the database; one that is gone already is fine.
pub(super) fn remove_files(
    db: &ObjectDb,
    paths: impl IntoIterator<Item = PathBuf>,
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
    let mut small = small_packs(db)?;
    if small.len() <= MAX_SMALL_PACKS {
        return Ok(());
    }
    let rewritten = rewrite_within(db, &small)?;
    if !rewritten.damaged.is_empty() {
        // A damaged pack stays as it is, for whoever wants to save what is left; the others do not
        // have to wait for that.
        for (name, _) in &rewritten.damaged {
            small.remove(name);
        }
        rewrite_within(db, &small)?;
    }
    Ok(())
}

/// The packs of the snapshot that are there and small, but for those of which an unsound index tells.
fn small_packs(db: &ObjectDb) -> Result<HashSet<PackName>, StoreError> {
    let indexes = db.indexes();
    let mut names: HashSet<PackName> = indexes.iter().flat_map(|file| file.packs()).collect();
    if names.len() <= MAX_SMALL_PACKS {
        return Ok(HashSet::new());
    }
    let mut failure = None;
    names.retain(|name| {
        let path = db.objects.join(pack_file_name(name));
        match db.fs.stat(&path) {
            Ok(stat) => stat.size < SMALL_PACK,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => {
                failure.get_or_insert(Err(error).at("stat", &path));
                false
            }
        }
    });
    failure.map_or(Ok(()), |failure| failure)?;
    for file in indexes.iter() {
        if file.packs().any(|name| names.contains(&name)) && file.check().is_err() {
            file.packs().for_each(|name| _ = names.remove(&name));
        }
    }
    Ok(names)
}

/// Copies all records of these packs into new ones, each once.
fn rewrite_within(db: &ObjectDb, packs: &HashSet<PackName>) -> Result<Rewritten, StoreError> {
    let snapshot = db.indexes();
    let first_place = |info: &RecordInfo| {
        let places = snapshot.iter().flat_map(|file| {
            let found = file.find(&info.id).filter_map(Result::ok).filter(|at| at.kind == info.kind);
            found.map(|locator| Location { pack: file.pack_name(locator.pack), locator })
        });
        places.filter(|at| packs.contains(&at.pack)).min_by_key(|at| (at.pack, at.locator.offset))
    };
    let wanted = |pack: &PackName, offset: u64, info: &RecordInfo| {
        // A record that no index lists was never asked for, or is a second copy in its own pack.
        first_place(info).is_some_and(|at| (at.pack, u64::from(at.locator.offset)) == (*pack, offset))
    };
    rewrite_packs(db, packs, wanted, &Interrupt::new())
}

/// What a rewriting of packs did.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// Records copied.
    pub records: u64,
    /// Bytes of these, headers included.
    pub bytes: u64,
    /// Packs that could not be read through. When there is one, nothing was removed.
    pub damaged: Vec<(PackName, StoreError)>,
}

/// Copies the wanted records of `packs` into new ones and removes `packs`, unless one of them is damaged.
///
/// Records are copied as they are stored, in the order of the old packs, after their checksum was
/// checked. `wanted` is given the pack, the offset and the facts of each record.
///
/// # Errors
/// When the disk is full or fails, or the interrupt is set; then all of `packs` are still there.
pub fn rewrite_packs(
    db: &ObjectDb,
    packs: &HashSet<PackName>,
    wanted: impl Fn(&PackName, u64, &RecordInfo) -> bool,
    interrupt: &Interrupt,
) -> Result<Rewritten, StoreError> {
    let mut copy = Copier { db, open: [None, None], written: HashSet::new(), done: Rewritten::default() };
    let mut sorted: Vec<&PackName> = packs.iter().collect();
    sorted.sort_unstable();
    for name in sorted {
        match copy.pack(name, &wanted, interrupt) {
            Err(error) if is_damage(&error) => copy.done.damaged.push((*name, error)),
            copied => copied?,
        }
    }
    let (done, written) = copy.finish()?;
    if done.damaged.is_empty() {
        // A pack that was written again record for record has the name of the old one: it stays.
        remove_packs(db, &packs.difference(&written).copied().collect())?;
    }
    Ok(done)
}

/// Whether an error tells that a pack is damaged or gone, and not that the machine fails.
fn is_damage(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::UnsupportedFormat | ErrorKind::NotFound)
}

/// Copies records into new packs, data and metadata apart.
struct Copier<'d> {
    db: &'d ObjectDb,
    /// The open pack for metadata and the one for data.
    open: [Option<PackWriter>; 2],
    written: HashSet<PackName>,
    done: Rewritten,
}

impl Copier<'_> {
    fn pack(
        &mut self,
        name: &PackName,
        wanted: &impl Fn(&PackName, u64, &RecordInfo) -> bool,
        interrupt: &Interrupt,
    ) -> Result<(), StoreError> {
        let file = PackFile::open(&*self.db.fs, &self.db.objects.join(pack_file_name(name)))?;
        let mut table = file.table()?;
        table.records.retain(|(offset, info)| wanted(name, *offset, info));
        // Stretches of wanted records that lie one behind the other are read together.
        for together in table.records.chunk_by(|(at, info), (next, _)| at + info.record_len() == *next) {
            for run in runs(together, COPY_LEN) {
                interrupt.check()?;
                let run = file.read_run(run)?;
                for record in file.records_of(&run) {
                    let StoredRecord { info, header, stored, .. } = record?;
                    self.record(info, header, stored)?;
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, info: RecordInfo, header: &[u8], stored: &[u8]) -> Result<(), StoreError> {
        let open = &mut self.open[usize::from(info.kind.is_data())];
        let pack = match open {
            Some(pack) => pack,
            None => open.insert(PackWriter::create(&self.db.fs, &self.db.objects)?),
        };
        pack.append(info, header, stored)?;
        self.done.records += 1;
        self.done.bytes += info.record_len();
        if pack.len() >= self.db.options.pack_target
            && let Some(full) = open.take()
        {
            self.seal(full)?;
        }
        Ok(())
    }

    fn seal(&mut self, pack: PackWriter) -> Result<(), StoreError> {
        let sealed = pack.seal()?;
        publish_index(self.db, &sealed)?;
        self.written.insert(sealed.name);
        Ok(())
    }

    fn finish(mut self) -> Result<(Rewritten, HashSet<PackName>), StoreError> {
        for pack in std::mem::take(&mut self.open).into_iter().flatten() {
            self.seal(pack)?;
        }
        Ok((self.done, self.written))
    }
}

/// Removes packs: first from every index that lists one, then the files.
///
/// # Errors
/// When the disk is full or fails; the packs that are left are then listed by an index, or by none and
/// of no use.
pub fn remove_packs(db: &ObjectDb, packs: &HashSet<PackName>) -> Result<(), StoreError> {
    if packs.is_empty() {
        return Ok(());
    }
    strike_off(db, packs)?;
    remove_files(db, packs.iter().map(|name| db.objects.join(pack_file_name(name))))?;
    db.reopen()?;
    // A process that wrote the very same pack may have listed it in between. One that does so from now on finds
    // it gone.
    let is_gone = |name: &&PackName| db.fs.stat(&db.objects.join(pack_file_name(name))).is_err();
    strike_off(db, &packs.iter().filter(is_gone).copied().collect())
}

/// Writes every index that lists one of these packs anew without them.
fn strike_off(db: &ObjectDb, packs: &HashSet<PackName>) -> Result<(), StoreError> {
    for file in db.indexes().iter().filter(|file| file.packs().any(|name| packs.contains(&name))) {
        replace_indexes(db, std::slice::from_ref(file), |name| !packs.contains(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Compression;
    use crate::codec::pack::RecordKind;
    use crate::store::pack_writer::record_info;
    use crate::sys::OsFs;

    #[test]
    fn a_record_is_listed_in_a_pack_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        let open = || ObjectDb::open(OsFs::new(), &objects, Default::default()).unwrap();
        // Two packs of two writers, with one record in both.
        let (one, two) = (open(), open());
        for (db, other) in [(&one, b"a"), (&two, b"b")] {
            let mut pack = PackWriter::create(&db.fs, &db.objects).unwrap();
            for bytes in [&b"same"[..], other] {
                let id = *blake3::hash(bytes).as_bytes();
                let info = record_info(RecordKind::Blob, id, Compression::Raw, bytes.len(), bytes.len());
                pack.append(info, &info.encode_header(bytes), bytes).unwrap();
            }
            publish_index(db, &pack.seal().unwrap()).unwrap();
        }
        let db = open();
        let mut packs: Vec<_> = db.indexes().iter().flat_map(|file| file.packs()).collect();
        packs.sort_unstable();
        db.fs.remove_file(&db.objects.join(pack_file_name(&packs[0]))).unwrap();
        replace_indexes(&db, &db.indexes(), |_| true).unwrap();
        let id = *blake3::hash(b"same").as_bytes();
        assert_eq!(open().get(RecordKind::Blob, &id).unwrap(), b"same");
    }

    #[test]
    fn merging_leaves_a_geometric_series() {
        assert_eq!(geometric_prefix(&[1, 10, 100]), 0);
        assert_eq!(geometric_prefix(&[10, 10, 100]), 2);
        assert_eq!(geometric_prefix(&[1, 1, 1, 1, 1000]), 4);
        assert_eq!(geometric_prefix(&[10, 20, 40, 80]), 4);
        assert_eq!(geometric_prefix(&[1_500_000, 1_900_000]), 0);
    }
}
