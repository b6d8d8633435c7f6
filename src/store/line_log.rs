//! Files to which whole lines are appended, for ever.
//!
//! What follows the last line feed is an append that did not end: readers pass over it, and the next
//! append removes it. The caller holds the lock of writers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::files::create_dirs;
use crate::sys::{CreateOptions, Fs, IoContext};

/// How much is read at once when the last line feed is looked for.
const STEP: u64 = 4096;

#[derive(Debug)]
pub(super) struct LineLog {
    fs: Arc<dyn Fs>,
    path: PathBuf,
}

impl LineLog {
    pub(super) fn new(fs: Arc<dyn Fs>, path: PathBuf) -> Self {
        Self { fs, path }
    }

    /// Everything up to the last line feed; nothing when there is no file.
    pub(super) fn read(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = match self.fs.read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.at("read", &self.path)?,
        };
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(whole);
        Ok(bytes)
    }

    /// Appends lines, each without its line feed; returns when they are durable.
    ///
    /// After an error an unknown part may be there; what is not a whole line is never seen.
    pub(super) fn append(&self, lines: &[Vec<u8>]) -> Result<(), StoreError> {
        let whole = self.whole_lines()?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if whole.is_none() {
            create_dirs(&*self.fs, folder)?;
        }
        let options = CreateOptions { append: true, ..Default::default() };
        let mut file = self.fs.create(&self.path, options).at("open", &self.path)?;
        let whole = whole.unwrap_or(0);
        if file.stat().at("stat", &self.path)?.size > whole {
            file.set_len(whole).at("shorten", &self.path)?;
        }
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        file.write_all(&bytes).at("write", &self.path)?;
        file.sync().at("sync", &self.path)?;
        if whole == 0 {
            self.fs.sync_dir(folder).at("sync", folder)?;
        }
        Ok(())
    }

    /// The length of the file up to its last line feed; `None` when there is no file.
    fn whole_lines(&self) -> Result<Option<u64>, StoreError> {
        let file = match self.fs.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.at("open", &self.path)?,
        };
        let mut end = file.stat().at("stat", &self.path)?.size;
        let mut block = Vec::new();
        while end > 0 {
            let start = end.saturating_sub(STEP);
            block.resize(usize::try_from(end - start).unwrap_or_default(), 0);
            file.read_exact_at(&mut block, start).at("read", &self.path)?;
            if let Some(at) = block.iter().rposition(|&b| b == b'\n') {
                return Ok(Some(start + at as u64 + 1));
            }
            end = start;
        }
        Ok(Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::OsFs;

    fn log(folder: &tempfile::TempDir) -> LineLog {
        LineLog::new(OsFs::new(), folder.path().join("a/b/log"))
    }

    fn write_raw(log: &LineLog, bytes: &[u8]) {
        let options = CreateOptions { append: true, ..Default::default() };
        OsFs.create(&log.path, options).unwrap().write_all(bytes).unwrap();
    }

    #[test]
    fn a_torn_line_is_not_seen_and_goes_with_the_next_append() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(&folder);
        assert_eq!(log.read().unwrap(), b"");
        log.append(&[b"one".to_vec(), b"two".to_vec()]).unwrap();
        for torn in [b"x".to_vec(), vec![0; 10_000]] {
            write_raw(&log, &torn);
            assert_eq!(log.read().unwrap(), b"one\ntwo\n");
        }
        log.append(&[b"three".to_vec()]).unwrap();
        assert_eq!(OsFs.read(&log.path).unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_log_that_is_one_torn_line_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(&folder);
        OsFs.create_dir_all(log.path.parent().unwrap()).unwrap();
        write_raw(&log, b"torn");
        log.append(&[b"one".to_vec()]).unwrap();
        assert_eq!(OsFs.read(&log.path).unwrap(), b"one\n");
    }
}
