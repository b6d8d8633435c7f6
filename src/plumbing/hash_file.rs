//! The blob id of what lies on the disk, without storing it.

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::model::{BlobId, Interrupt};
use crate::sys::{FileKind, Fs, Stat};

const BUFFER_LEN: usize = 256 * 1024;

/// Hashes a regular file's bytes or a symbolic link's target; returns the id, the number of bytes, and
/// the facts of the file from before the first byte was read.
///
/// # Errors
/// `InvalidInput` for what is neither file nor link; `Interrupted` when `interrupt` is set; any failure of
/// the operating system.
pub fn hash_file(fs: &dyn Fs, path: &Path, interrupt: &Interrupt) -> io::Result<(BlobId, u64, Stat)> {
    let stat = fs.stat(path)?;
    match stat.kind {
        FileKind::Symlink => {
            let target = fs.read_link(path)?;
            Ok((BlobId::from_bytes(Sha256::digest(&target).into()), target.len() as u64, stat))
        }
        FileKind::File => {
            let mut file = fs.open_nofollow(path)?;
            let stat = file.stat()?;
            let mut sha = Sha256::new();
            let mut len = 0;
            let mut buf = vec![0; BUFFER_LEN.min(usize::try_from(stat.size).unwrap_or(BUFFER_LEN) + 1)];
            loop {
                if interrupt.is_set() {
                    return Err(io::Error::other("interrupted"));
                }
                match file.read(&mut buf) {
                    Ok(0) => break,
                    Ok(n) => {
                        sha.update(&buf[..n]);
                        len += n as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok((BlobId::from_bytes(sha.finalize().into()), len, stat))
        }
        FileKind::Directory | FileKind::Other => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}

/// What an entry would be of what lies on the disk; `None` for sockets, pipes and devices.
pub const fn entry_kind(stat: &Stat) -> Option<crate::model::EntryKind> {
    use crate::model::EntryKind;
    match stat.kind {
        FileKind::File if stat.executable() => Some(EntryKind::Executable),
        FileKind::File => Some(EntryKind::File),
        FileKind::Symlink => Some(EntryKind::Symlink),
        FileKind::Directory => Some(EntryKind::Directory),
        FileKind::Other => None,
    }
}
