//! Sets of records, a bit for each: compact enough to mark all that a store of a billion records holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::index_file::IndexFile;
use super::odb::{Location, ObjectDb};
use super::{StoreError, UnreadableIndex};
use crate::codec::pack::{RecordInfo, RecordKind};
use crate::codec::pack_index::PackName;

/// A set of records of one snapshot of a database. Threads may add to it at the same time.
///
/// A record that lies in several places counts as one; its place is the one that a lookup finds first.
#[derive(Debug)]
pub struct RecordSet {
    indexes: Arc<Vec<Arc<IndexFile>>>,
    unreadable: Arc<Vec<UnreadableIndex>>,
    bits: Vec<Vec<AtomicU64>>,
}

impl RecordSet {
    /// The empty set over what the database knows now; an eighth of a byte for each record.
    pub fn new(db: &ObjectDb) -> Self {
        Self::over(db.indexes(), db.unreadable_indexes())
    }

    fn over(indexes: Arc<Vec<Arc<IndexFile>>>, unreadable: Arc<Vec<UnreadableIndex>>) -> Self {
        let words = |file: &Arc<IndexFile>| file.len().div_ceil(64);
        let bits = indexes.iter().map(|file| (0..words(file)).map(|_| AtomicU64::new(0)).collect()).collect();
        Self { indexes, unreadable, bits }
    }

    /// The empty set over the same snapshot.
    #[must_use]
    pub fn like(&self) -> Self {
        Self::over(Arc::clone(&self.indexes), Arc::clone(&self.unreadable))
    }

    /// The indexes of the snapshot.
    pub fn indexes(&self) -> &[Arc<IndexFile>] {
        &self.indexes
    }

    /// The indexes that could not be read: what they list is in no such set.
    pub fn unreadable(&self) -> &[UnreadableIndex] {
        &self.unreadable
    }

    /// Index and number of a record; what is damaged counts as absent.
    fn find(&self, kind: RecordKind, id: &[u8; 32]) -> Option<(usize, usize)> {
        self.indexes.iter().enumerate().find_map(|(at, file)| Some((at, file.number_of(kind, id)?)))
    }

    /// Where a record lies, whether it is in the set or not; `None` when the snapshot does not list it.
    pub fn place(&self, kind: RecordKind, id: &[u8; 32]) -> Option<Location> {
        let (at, number) = self.find(kind, id)?;
        let file = &self.indexes[at];
        let locator = file.entry(number).ok()?.locator;
        Some(Location { pack: file.pack_name(locator.pack), locator })
    }

    /// Whether this is the place of a record: of several that hold the same one, a copy takes just that.
    pub fn is_place(&self, pack: &PackName, offset: u64, info: &RecordInfo) -> bool {
        let place = self.place(info.kind, &info.id);
        place.is_some_and(|place| (&place.pack, u64::from(place.locator.offset)) == (pack, offset))
    }

    /// The packs of every line of a record.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn packs_of(&self, kind: RecordKind, id: &[u8; 32]) -> Result<Vec<PackName>, StoreError> {
        let pack = |(index, number, _): (usize, usize, bool)| {
            let file = &self.indexes[index];
            Ok(file.pack_name(file.entry(number)?.locator.pack))
        };
        self.lines(kind, id).map(pack).collect()
    }

    /// Adds a record: true when it was not in the set, `None` when the snapshot does not list it.
    pub fn insert(&self, kind: RecordKind, id: &[u8; 32]) -> Option<bool> {
        let (at, number) = self.find(kind, id)?;
        let bit = 1 << (number % 64);
        // Whoever reads what was marked has joined the threads that marked it.
        Some(self.bits[at][number / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0)
    }

    /// Adds one line of one index, both by number, and not the same record in other indexes.
    pub fn insert_line(&self, index: usize, number: usize) {
        if let Some(word) = self.bits.get(index).and_then(|bits| bits.get(number / 64)) {
            word.fetch_or(1 << (number % 64), Ordering::Relaxed);
        }
    }

    /// Every line of a record, as numbers of index and line, and whether that line is in the set.
    pub fn lines<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8; 32],
    ) -> impl Iterator<Item = (usize, usize, bool)> + 'a {
        self.indexes.iter().enumerate().filter_map(move |(index, file)| {
            let number = file.number_of(kind, id)?;
            Some((index, number, self.has_line(index, number)))
        })
    }

    fn has_line(&self, index: usize, number: usize) -> bool {
        self.bits[index][number / 64].load(Ordering::Relaxed) & (1 << (number % 64)) != 0
    }

    /// Whether a record is in the set.
    pub fn contains(&self, kind: RecordKind, id: &[u8; 32]) -> bool {
        self.find(kind, id).is_some_and(|(index, number)| self.has_line(index, number))
    }

    /// Number of records in the set.
    pub fn len(&self) -> u64 {
        let words = self.bits.iter().flatten();
        words.map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records in the set and where they lie, in order of index and id.
    ///
    /// # Errors
    /// When an index is damaged.
    pub fn iter(&self) -> impl Iterator<Item = Result<([u8; 32], Location), StoreError>> + '_ {
        self.indexes.iter().zip(&self.bits).flat_map(|(file, bits)| {
            let set = (0..file.len())
                .filter(|number| bits[number / 64].load(Ordering::Relaxed) & (1 << (number % 64)) != 0);
            set.map(|number| {
                let entry = file.entry(number)?;
                Ok((entry.id, Location { pack: file.pack_name(entry.locator.pack), locator: entry.locator }))
            })
        })
    }
}
