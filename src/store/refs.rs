//! Refs: the datasets' newest versions, and `HEAD`.
//!
//! A dataset's ref is a file `refs/datasets/<name>`, published atomically; readers never lock. Every
//! write happens under the refs lock, states what it expects to find, and is written to the log
//! before it is done, so that what a ref once named can be found again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{absent, create_dirs, read_small};
use super::line_log::LineLog;
use super::{Layout, RefsLock, StoreError, TrackingRefs};
use crate::codec::json_line::{decode_ref_move, encode_ref_move};
use crate::codec::ref_file::{MAX_REF_FILE_LEN, decode_head, decode_ref, encode_head, encode_ref};
use crate::model::{DatasetName, Expected, Head, RefMove, RefName, Time, VersionId};
use crate::sys::{FileKind, Fs, IoContext, is_temp_name, publish};

/// Who moves a ref, when and why; for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Who.
    pub who: String,
    /// When.
    pub time: Time,
    /// Why, in a few words.
    pub why: String,
}

/// A line of a log that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLine {
    /// Its number, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub why: String,
}

/// The log of refs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefLog {
    /// Moves, the oldest first.
    pub moves: Vec<RefMove>,
    /// Lines that could not be read.
    pub skipped: Vec<SkippedLine>,
}

/// The refs of one repository.
#[derive(Debug)]
pub struct Refs {
    fs: Arc<dyn Fs>,
    head: PathBuf,
    datasets: PathBuf,
    log: LineLog,
    tracking: TrackingRefs,
}

impl Refs {
    /// The refs in a repository's folder.
    pub fn new(fs: Arc<dyn Fs>, layout: &Layout) -> Self {
        let log = LineLog::new(Arc::clone(&fs), layout.ref_log());
        let tracking = TrackingRefs::new(Arc::clone(&fs), layout);
        Self { fs, head: layout.head(), datasets: layout.refs().join("datasets"), log, tracking }
    }

    /// Where the datasets of remotes were.
    pub const fn tracking(&self) -> &TrackingRefs {
        &self.tracking
    }

    fn path(&self, name: &DatasetName) -> PathBuf {
        name.as_str().split('/').fold(self.datasets.clone(), |path, part| path.join(part))
    }

    /// The newest version of a dataset; `None` when there is no ref of that name.
    ///
    /// # Errors
    /// When the ref is damaged or cannot be read.
    pub fn read(&self, name: &DatasetName) -> Result<Option<VersionId>, StoreError> {
        let Some(bytes) = read_small(&*self.fs, &self.path(name), MAX_REF_FILE_LEN)? else { return Ok(None) };
        let damaged = |source| StoreError::DamagedRef { name: RefName::Dataset(name.clone()), source };
        decode_ref(&bytes).map(Some).map_err(damaged)
    }

    /// The names of all datasets that have a ref, in order.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn names(&self) -> Result<Vec<DatasetName>, StoreError> {
        let mut names = Vec::new();
        self.collect_names(&self.datasets, "", &mut names)?;
        names.sort_unstable();
        Ok(names)
    }

    fn collect_names(
        &self,
        folder: &Path,
        prefix: &str,
        names: &mut Vec<DatasetName>,
    ) -> Result<(), StoreError> {
        let entries = match self.fs.list(folder).and_then(|folder| folder.entries()) {
            // The last ref in it was removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.at("list", folder)?,
        };
        for (name, kind) in entries {
            let Ok(name) = String::from_utf8(name) else { continue };
            // Temporary files and whatever else is no name cannot be refs.
            let Ok(full) = DatasetName::new(format!("{prefix}{name}")) else { continue };
            match kind {
                FileKind::File => names.push(full),
                FileKind::Directory => {
                    self.collect_names(&folder.join(&name), &format!("{full}/"), names)?;
                }
                FileKind::Symlink | FileKind::Other => {}
            }
        }
        Ok(())
    }

    /// All datasets and their newest versions, in order of name.
    ///
    /// # Errors
    /// When a ref is damaged or cannot be read.
    pub fn list(&self) -> Result<Vec<(DatasetName, VersionId)>, StoreError> {
        let mut list = Vec::new();
        for name in self.names()? {
            if let Some(id) = self.read(&name)? {
                list.push((name, id));
            }
        }
        Ok(list)
    }

    /// Where the worktree stands.
    ///
    /// # Errors
    /// When `HEAD` is missing, damaged or cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        let bytes = read_small(&*self.fs, &self.head, MAX_REF_FILE_LEN)?.unwrap_or_default();
        decode_head(&bytes).map_err(|source| StoreError::DamagedRef { name: RefName::Head, source })
    }

    /// The version that `HEAD` leads to; `None` on a dataset that has none yet.
    ///
    /// # Errors
    /// When `HEAD` or the ref that it names is damaged or cannot be read.
    pub fn head_version(&self) -> Result<Option<VersionId>, StoreError> {
        self.resolve(&self.head()?)
    }

    /// The version that a head leads to; `None` on a dataset that has none yet.
    ///
    /// # Errors
    /// When the ref that it names is damaged or cannot be read.
    pub fn resolve(&self, head: &Head) -> Result<Option<VersionId>, StoreError> {
        match head {
            Head::Dataset(name) => self.read(name),
            Head::Detached(id) => Ok(Some(*id)),
        }
    }

    /// Moves, makes or (`new` is `None`) removes a dataset's ref. Returns when that is durable.
    ///
    /// # Errors
    /// [`StoreError::RefMoved`] when the ref is not what is expected; [`StoreError::RefInTheWay`] when it
    /// would be a folder of another one or the other way round; when the system fails.
    pub fn update(
        &self,
        _lock: &RefsLock,
        name: &DatasetName,
        expected: Expected,
        new: Option<VersionId>,
        note: &Note,
    ) -> Result<(), StoreError> {
        let found = match (self.read(name), expected) {
            // The way to mend a damaged ref.
            (Err(StoreError::DamagedRef { .. }), Expected::Any) => None,
            (found, _) => found?,
        };
        if !expected.allows(found) {
            return Err(StoreError::RefMoved { name: name.clone(), expected, found });
        }
        if new.is_some() && found.is_none() {
            self.check_room(name)?;
        }
        // What is there already is written once more: whoever wrote it may not have seen it durable.
        if found != new {
            self.write_log(RefName::Dataset(name.clone()), found, new, note)?;
        }
        match new {
            Some(id) => self.write(name, &id),
            None => self.remove(name),
        }
    }

    /// Refuses a name that would be a folder of another one or the other way round.
    ///
    /// # Errors
    /// [`StoreError::RefInTheWay`] then; when a folder cannot be read.
    pub fn check_room(&self, name: &DatasetName) -> Result<(), StoreError> {
        let below = |a: &DatasetName, b: &DatasetName| {
            a.as_str().strip_prefix(b.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        match self.names()?.into_iter().find(|other| below(name, other) || below(other, name)) {
            Some(other) => Err(StoreError::RefInTheWay { name: name.clone(), other }),
            None => Ok(()),
        }
    }

    fn write(&self, name: &DatasetName, id: &VersionId) -> Result<(), StoreError> {
        let path = self.path(name);
        self.clear_empty(&path);
        if let Some(folder) = path.parent() {
            create_dirs(&*self.fs, folder)?;
        }
        publish(&self.fs, &path, encode_ref(id).as_bytes())?;
        Ok(())
    }

    fn remove(&self, name: &DatasetName) -> Result<(), StoreError> {
        let path = self.path(name);
        let Some(mut folder) = path.parent() else { return Ok(()) };
        match self.fs.remove_file(&path) {
            Err(error) if absent(&error) => {}
            removed => removed.at("remove", &path)?,
        }
        match self.fs.sync_dir(folder) {
            Err(error) if absent(&error) => {}
            synced => synced.at("sync", folder)?,
        }
        // Empty folders hide nothing; those that stay, for whatever reason, are no failure.
        while folder != self.datasets && self.fs.remove_dir(folder).is_ok() {
            let Some(parent) = folder.parent() else { break };
            folder = parent;
        }
        Ok(())
    }

    /// Removes a folder without refs that a crash left where a ref is to be.
    fn clear_empty(&self, path: &Path) {
        let Ok(entries) = self.fs.list(path).and_then(|folder| folder.entries()) else { return };
        for (name, kind) in entries {
            let Ok(text) = std::str::from_utf8(&name) else { continue };
            match kind {
                FileKind::Directory => self.clear_empty(&path.join(text)),
                FileKind::File if is_temp_name(&name) => drop(self.fs.remove_file(&path.join(text))),
                FileKind::File | FileKind::Symlink | FileKind::Other => {}
            }
        }
        // It fails on whatever is not empty, and then so does the publication, with a clear error.
        let _ = self.fs.remove_dir(path);
    }

    /// Moves `HEAD`. Returns when that is durable.
    ///
    /// # Errors
    /// [`StoreError::HeadMoved`] when `expected` is given and is not what is there; when the system fails.
    pub fn set_head(
        &self,
        _lock: &RefsLock,
        expected: Option<&Head>,
        new: &Head,
        note: &Note,
    ) -> Result<(), StoreError> {
        let found = match (self.head(), expected) {
            (Err(StoreError::DamagedRef { .. }), None) => None,
            (found, _) => Some(found?),
        };
        if expected.is_some() && expected != found.as_ref() {
            return Err(StoreError::HeadMoved);
        }
        // As with refs: written once more even if it is there.
        if found.as_ref() == Some(new) {
            return Ok(publish(&self.fs, &self.head, encode_head(new).as_bytes())?);
        }
        // Only for the log: a damaged ref must not keep anyone from leaving it.
        let old = found.and_then(|head| self.resolve(&head).unwrap_or(None));
        self.write_log(RefName::Head, old, self.resolve(new)?, note)?;
        publish(&self.fs, &self.head, encode_head(new).as_bytes())?;
        Ok(())
    }

    fn write_log(
        &self,
        name: RefName,
        old: Option<VersionId>,
        new: Option<VersionId>,
        note: &Note,
    ) -> Result<(), StoreError> {
        let Note { who, time, why } = note.clone();
        self.log.append(&[encode_ref_move(&RefMove { name, old, new, time, who, why })])
    }

    /// The log of all refs. A line that cannot be read is skipped and named.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<RefLog, StoreError> {
        let mut log = RefLog::default();
        for (number, line) in lines(&self.log.read()?) {
            match decode_ref_move(line) {
                Ok(moved) => log.moves.push(moved),
                Err(error) => log.skipped.push(SkippedLine { number, why: error.to_string() }),
            }
        }
        Ok(log)
    }

    /// Every version that a ref left or came to at or after `since` (seconds since the epoch): what a
    /// person may want back.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn recent_log_ids(&self, since: i64) -> Result<Vec<VersionId>, StoreError> {
        let moves = self.log()?.moves;
        let recent = moves.iter().filter(|moved| moved.time.seconds >= since);
        let mut ids: Vec<_> = recent.flat_map(|moved| [moved.old, moved.new]).flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// The lines of a log and their numbers, from 1.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split_inclusive(|&b| b == b'\n');
    lines.enumerate().map(|(at, line)| (at + 1, line.strip_suffix(b"\n").unwrap_or(line)))
}

#[cfg(test)]
mod tests;
