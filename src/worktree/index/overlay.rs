//! What differs from the base, in memory: about a hundred bytes for each path.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::codec::staging_index::Staged;

/// A path that differs from the base.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// What is staged there; `None` when nothing is any more.
    pub(super) value: Option<Staged>,
    name_at: usize,
    name_len: u16,
    /// Whether the path differs from the last known tree.
    pub(super) edited: bool,
    /// Whether it is still to be saved.
    dirty: bool,
}

/// Numbers of a directory's records, in order of name: a long run and a short one, so that an insertion
/// anywhere moves little, and one at the end nothing.
#[derive(Debug, Default)]
pub(super) struct DirOverlay {
    run: Vec<u32>,
    recent: Vec<u32>,
    /// No ancestor of the directory is an entry itself; see [`Overlay::ancestors_are_clear`].
    ancestors_clear: bool,
}

/// All paths that differ from the base.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    records: Vec<Record>,
    names: Vec<u8>,
    /// By [`dir_key`].
    dirs: BTreeMap<Vec<u8>, DirOverlay>,
    dirty: usize,
    /// Bytes of the dirty paths.
    dirty_path_bytes: usize,
}

/// A directory's path with 0 in place of `/`: the bytes then order as directories do.
pub(super) fn dir_key(path: &[u8]) -> Vec<u8> {
    path.iter().map(|&b| if b == b'/' { 0 } else { b }).collect()
}

/// The path of a [`dir_key`].
pub(super) fn key_path(key: &[u8]) -> Vec<u8> {
    key.iter().map(|&b| if b == 0 { b'/' } else { b }).collect()
}

fn key_is_at_or_below(key: &[u8], dir: &[u8]) -> bool {
    dir.is_empty() || key.strip_prefix(dir).is_some_and(|rest| matches!(rest, [] | [0, ..]))
}

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn has_dirty(&self) -> bool {
        self.dirty > 0
    }

    /// Number of dirty records, and the bytes of their paths.
    pub(super) const fn dirty_size(&self) -> (usize, usize) {
        (self.dirty, self.dirty_path_bytes)
    }

    fn name(&self, number: u32) -> &[u8] {
        name_of(&self.records, &self.names, number).1
    }

    /// The record of a path.
    pub(super) fn get(&self, dir: &[u8], name: &[u8]) -> Option<&Record> {
        if self.is_empty() {
            return None;
        }
        let dir = self.dirs.get(&dir_key(dir))?;
        let find = |numbers: &[u32]| {
            let at = numbers.binary_search_by(|&n| self.name(n).cmp(name)).ok()?;
            self.records.get(numbers[at] as usize)
        };
        find(&dir.run).or_else(|| find(&dir.recent))
    }

    /// Sets the record of a path. `None` is kept too: it hides what the base has.
    pub(super) fn put(&mut self, dir: &[u8], name: &[u8], value: Option<Staged>, edited: bool, dirty: bool) {
        let Self { records, names, dirs, .. } = self;
        let overlay = dirs.entry(dir_key(dir)).or_default();
        let number = match overlay.find(records, names, name) {
            Some(number) => number as usize,
            None => {
                let (name_at, name_len) = (names.len(), name.len() as u16);
                names.extend_from_slice(name);
                records.push(Record { value, name_at, name_len, edited, dirty: false });
                overlay.insert(records, names);
                records.len() - 1
            }
        };
        let record = &mut records[number];
        (record.value, record.edited) = (value, edited);
        if dirty && !record.dirty {
            record.dirty = true;
            self.dirty += 1;
            self.dirty_path_bytes += dir.len() + 1 + name.len();
        }
    }

    /// Whether it is known that no ancestor of this directory is an entry.
    pub(super) fn ancestors_are_clear(&self, dir: &[u8]) -> bool {
        self.dirs.get(&dir_key(dir)).is_some_and(|overlay| overlay.ancestors_clear)
    }

    /// Remembers that no ancestor of this directory is an entry.
    pub(super) fn note_ancestors_clear(&mut self, dir: &[u8]) {
        self.dirs.entry(dir_key(dir)).or_default().ancestors_clear = true;
    }

    /// Forgets it for everything below this directory, since the directory becomes an entry.
    pub(super) fn forget_ancestors_clear(&mut self, dir: &[u8]) {
        let key = dir_key(dir);
        let below = self.dirs.range_mut::<[u8], _>((Bound::Included(key.as_slice()), Bound::Unbounded));
        below.take_while(|(k, _)| key_is_at_or_below(k, &key)).for_each(|(_, d)| d.ancestors_clear = false);
    }

    /// The records of a directory from `name` on, in order of name.
    pub(super) fn entries_from<'a>(&'a self, dir: &[u8], name: &[u8]) -> Entries<'a> {
        let found = if self.is_empty() { None } else { self.dirs.get(&dir_key(dir)) };
        let from = |numbers: &'a [u32]| &numbers[numbers.partition_point(|&n| self.name(n) < name)..];
        let (run, recent) = found.map_or((&[][..], &[][..]), |dir| (from(&dir.run), from(&dir.recent)));
        Entries { overlay: self, run, recent }
    }

    /// The key of the first directory at or below `dir` (a key) whose key is not less than `from`.
    pub(super) fn next_dir(&self, dir: &[u8], from: Bound<&[u8]>) -> Option<&[u8]> {
        let (key, _) = self.dirs.range::<[u8], _>((from, Bound::Unbounded)).next()?;
        key_is_at_or_below(key, dir).then_some(key.as_slice())
    }

    /// Everything: directory's path, name, record; in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Vec<u8>, &[u8], &Record)> {
        self.dirs.iter().flat_map(move |(key, dir)| {
            let path = key_path(key);
            Entries { overlay: self, run: &dir.run, recent: &dir.recent }
                .map(move |(name, record)| (path.clone(), name, record))
        })
    }

    /// Everything that is to be saved.
    pub(super) fn dirty(&self) -> impl Iterator<Item = (Vec<u8>, &[u8], &Record)> {
        self.iter().filter(|(_, _, record)| record.dirty)
    }

    /// Notes that everything was saved.
    pub(super) fn clean(&mut self) {
        self.records.iter_mut().for_each(|record| record.dirty = false);
        (self.dirty, self.dirty_path_bytes) = (0, 0);
    }

    /// Notes that the index equals a tree.
    pub(super) fn clear_edited(&mut self) {
        self.records.iter_mut().for_each(|record| record.edited = false);
    }

    /// Lets go what is staged and absent from the worktree: the tree has it now.
    pub(super) fn drop_absent(&mut self) {
        let absent = |record: &&mut Record| record.value.is_some_and(|staged| staged.absent);
        self.records.iter_mut().filter(absent).for_each(|record| record.value = None);
    }

    /// Gives the last verdict on facts that are to be saved.
    pub(super) fn settle(&mut self, now_ns: i64) {
        for record in self.records.iter_mut().filter(|record| record.dirty) {
            if let Some(facts) = record.value.as_mut().and_then(|staged| staged.stat.as_mut()) {
                facts.settle(now_ns);
            }
        }
    }
}

fn name_of<'a>(records: &[Record], names: &'a [u8], number: u32) -> (Record, &'a [u8]) {
    let record = records[number as usize];
    (record, &names[record.name_at..record.name_at + usize::from(record.name_len)])
}

impl DirOverlay {
    fn find(&self, records: &[Record], names: &[u8], name: &[u8]) -> Option<u32> {
        let find = |numbers: &[u32]| {
            // Names mostly come in order, so that the last one tells that the new one is not there.
            let last = *numbers.last()?;
            match name_of(records, names, last).1.cmp(name) {
                Ordering::Less => None,
                Ordering::Equal => Some(last),
                Ordering::Greater => {
                    let at = numbers.binary_search_by(|&n| name_of(records, names, n).1.cmp(name)).ok()?;
                    Some(numbers[at])
                }
            }
        };
        find(&self.run).or_else(|| find(&self.recent))
    }

    /// Takes in the last record, whose name is not here yet.
    fn insert(&mut self, records: &[Record], names: &[u8]) {
        let name = |number: u32| name_of(records, names, number).1;
        let number = (records.len() - 1) as u32;
        if self.run.last().is_none_or(|&last| name(last) < name(number)) {
            self.run.push(number);
            return;
        }
        let at = self.recent.partition_point(|&n| name(n) < name(number));
        self.recent.insert(at, number);
        // About the square root of the whole: merging then costs each insertion about as much as moving.
        if self.recent.len() > 512.max(self.run.len().isqrt()) {
            self.run.append(&mut self.recent);
            // Two sorted runs are found and merged in one pass.
            self.run.sort_by(|&a, &b| name(a).cmp(name(b)));
        }
    }
}

/// Records of a directory in order of name.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    overlay: &'a Overlay,
    run: &'a [u32],
    recent: &'a [u32],
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], &'a Record);

    fn next(&mut self) -> Option<Self::Item> {
        let take_run = match (self.run.first(), self.recent.first()) {
            (None, None) => return None,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(&a), Some(&b)) => self.overlay.name(a) < self.overlay.name(b),
        };
        let numbers = if take_run { &mut self.run } else { &mut self.recent };
        let (&number, rest) = numbers.split_first()?;
        *numbers = rest;
        Some((self.overlay.name(number), &self.overlay.records[number as usize]))
    }
}
