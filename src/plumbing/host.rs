//! The machine below, as values that a face makes and hands down: file system, clock, locks.

use std::io::{self, Read};
use std::path::Path;

use crate::sys::File;
pub use crate::sys::{
    Clock, FileKind, Fs, IoContext, IoError, Lock, OsFs, Stat, SystemClock, bytes_to_path, path_to_bytes,
    publish, temp_name,
};

/// An open file as a source of bytes.
pub struct FileReader(Box<dyn File>);

impl FileReader {
    /// Opens a file; a link is followed.
    ///
    /// # Errors
    /// When the operating system does not allow it.
    pub fn open(fs: &dyn Fs, path: &Path) -> Result<Self, IoError> {
        Ok(Self(fs.open(path).at("open", path)?))
    }

    /// The length of the file as the system tells it.
    pub fn size(&self) -> Option<u64> {
        self.0.stat().ok().map(|stat| stat.size)
    }
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}
