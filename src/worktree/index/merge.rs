//! Base and overlay as one: directories in order, entries in order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::{Bound, Range};

use super::overlay::{self, dir_key, key_path};
use super::{Mapped, StagingIndex, WorktreeError};
use crate::codec::DecodeError;
use crate::codec::staging_index::{Base, EntryRef, dir_order};

/// A directory of the index, whose entries can be read from any name on. Nothing is copied.
#[derive(Debug, Clone)]
pub struct DirView<'a> {
    index: &'a StagingIndex,
    path: Cow<'a, [u8]>,
    /// The numbers of its entries in the base.
    base: Range<u32>,
}

impl<'a> DirView<'a> {
    /// Its path; empty for the root.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Its entries in byte order of name. Entries of directories below are not among them.
    pub fn entries(&self) -> DirEntries<'a> {
        DirEntries::new(self.index, self.base.clone(), self.index.overlay.entries_from(&self.path, b""))
    }

    /// Its entries from `name` on.
    ///
    /// # Errors
    /// When the index is damaged there.
    pub fn entries_from(&self, name: &[u8]) -> Result<DirEntries<'a>, WorktreeError> {
        let mut base = self.base.clone();
        if let Some(file) = &self.index.base {
            base.start = file.seek(base.clone(), name).map_err(|e| self.index.damaged(e))?;
        }
        Ok(DirEntries::new(self.index, base, self.index.overlay.entries_from(&self.path, name)))
    }
}

/// Entries of one directory in byte order of name. After an error there are no more.
#[derive(Debug)]
pub struct DirEntries<'a> {
    index: &'a StagingIndex,
    base: Range<u32>,
    overlay: overlay::Entries<'a>,
    next_base: Option<EntryRef<'a>>,
    next_overlay: Option<(&'a [u8], &'a overlay::Record)>,
}

impl<'a> DirEntries<'a> {
    fn new(index: &'a StagingIndex, base: Range<u32>, mut overlay: overlay::Entries<'a>) -> Self {
        let next_overlay = overlay.next();
        Self { index, base, overlay, next_base: None, next_overlay }
    }

    fn step(&mut self) -> Result<Option<EntryRef<'a>>, DecodeError> {
        loop {
            if self.next_base.is_none()
                && let Some(base) = &self.index.base
                && let Some(number) = self.base.next()
            {
                self.next_base = Some(base.entry(number)?);
            }
            let Some((name, record)) = self.next_overlay else { return Ok(self.next_base.take()) };
            let order = self.next_base.map_or(Ordering::Greater, |base| base.name.cmp(name));
            if order == Ordering::Less {
                return Ok(self.next_base.take());
            }
            if order == Ordering::Equal {
                self.next_base = None;
            }
            self.next_overlay = self.overlay.next();
            if let Some(staged) = record.value {
                return Ok(Some(EntryRef { name, staged }));
            }
        }
    }
}

impl<'a> Iterator for DirEntries<'a> {
    type Item = Result<EntryRef<'a>, WorktreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step()
            .map_err(|error| {
                self.base.start = self.base.end;
                self.next_overlay = None;
                self.index.damaged(error)
            })
            .transpose()
    }
}

impl StagingIndex {
    /// A directory of the index. One that holds no entry itself is empty.
    ///
    /// # Errors
    /// When the index is damaged there.
    pub fn dir<'a>(&'a self, path: &'a [u8]) -> Result<DirView<'a>, WorktreeError> {
        let found = match &self.base {
            Some(base) => base.find_dir(path).map_err(|e| self.damaged(e))?,
            None => None,
        };
        let base = found.map_or(0..0, |dir| dir.entries);
        Ok(DirView { index: self, path: Cow::Borrowed(path), base })
    }

    /// The directory `path` and those below it, in order; only those that hold, or held, entries
    /// themselves. After an error there are no more.
    pub fn dirs_at_or_below<'a>(
        &'a self,
        path: &[u8],
    ) -> impl Iterator<Item = Result<DirView<'a>, WorktreeError>> + use<'a> {
        let key = dir_key(path);
        let (mut base_dirs, mut failed) = match self.base.as_ref().map(|base| base.subtree(path)).transpose()
        {
            Ok(range) => (range.unwrap_or(0..0), None),
            Err(error) => (0..0, Some(error)),
        };
        let mut overlay_dir = self.overlay.next_dir(&key, Bound::Included(&key));
        std::iter::from_fn(move || {
            if let Some(error) = failed.take() {
                overlay_dir = None;
                return Some(Err(self.damaged(error)));
            }
            let base_dir = match self
                .base
                .as_ref()
                .filter(|_| !base_dirs.is_empty())
                .map(|base| base.dir(base_dirs.start))
            {
                None => None,
                Some(Ok(dir)) => Some(dir),
                Some(Err(error)) => {
                    (base_dirs, overlay_dir) = (0..0, None);
                    return Some(Err(self.damaged(error)));
                }
            };
            let overlay_path = overlay_dir.map(key_path);
            let order = match (&base_dir, &overlay_path) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(dir), Some(path)) => dir_order(dir.path, path),
            };
            if order != Ordering::Greater {
                base_dirs.start += 1;
            }
            if order != Ordering::Less
                && let Some(now) = overlay_dir
            {
                overlay_dir = self.overlay.next_dir(&key, Bound::Excluded(now));
            }
            let view = match base_dir.filter(|_| order != Ordering::Greater) {
                Some(dir) => DirView { index: self, path: Cow::Borrowed(dir.path), base: dir.entries },
                None => {
                    DirView { index: self, path: Cow::Owned(overlay_path.unwrap_or_default()), base: 0..0 }
                }
            };
            Some(Ok(view))
        })
    }

    /// The names of the directories in `dir` below which anything is staged, in byte order.
    pub(in crate::worktree) fn child_dirs(&self, dir: &[u8]) -> Result<Vec<Vec<u8>>, WorktreeError> {
        let mut names = match &self.base {
            Some(base) => base_child_dirs(base, dir).map_err(|e| self.damaged(e))?,
            None => Vec::new(),
        };
        if self.overlay.is_empty() {
            return Ok(names);
        }
        self.overlay_child_dirs(dir, &mut names);
        names.sort_unstable();
        names.dedup();
        // All that the base has below a directory may have been removed since.
        let mut live = Vec::with_capacity(names.len());
        for name in names {
            if self.has_below_bytes(&super::join(dir, &name))? {
                live.push(name);
            }
        }
        Ok(live)
    }

    fn overlay_child_dirs(&self, dir: &[u8], names: &mut Vec<Vec<u8>>) {
        let key = dir_key(dir);
        let mut next = self.overlay.next_dir(&key, Bound::Excluded(&key));
        while let Some(found) = next {
            let (child, end) = child_name(found, key.len(), 0);
            names.push(child.to_vec());
            // Behind everything below the child: names have no byte 0, and 1 is the next greater one.
            let beyond = [&found[..end], &[1]].concat();
            next = self.overlay.next_dir(&key, Bound::Included(&beyond));
        }
    }
}

/// The component behind a directory of `dir_len` bytes, and where it ends.
fn child_name(path: &[u8], dir_len: usize, separator: u8) -> (&[u8], usize) {
    let start = if dir_len == 0 { 0 } else { dir_len + 1 };
    let end = path[start..].iter().position(|&b| b == separator).map_or(path.len(), |len| start + len);
    (&path[start..end], end)
}

fn base_child_dirs(base: &Base<Mapped>, dir: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut names = Vec::new();
    let mut rest = base.subtree(dir)?;
    while !rest.is_empty() {
        let path = base.dir(rest.start)?.path;
        rest.start += 1;
        if path.len() > dir.len() {
            let (child, end) = child_name(path, dir.len(), b'/');
            names.push(child.to_vec());
            rest.start = base.subtree_end(rest.clone(), &path[..end])?;
        }
    }
    Ok(names)
}
