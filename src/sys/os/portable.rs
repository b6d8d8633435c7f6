//! Systems other than Unix, by `std` alone: no executable bit, no inode numbers.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one place that calls the operating system"
)]

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::sys::fs::{CreateOptions, Directory, FileKind, Stat};
use crate::sys::paths::{bytes_to_path, path_to_bytes};

pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn open_nofollow(path: &Path) -> io::Result<File> {
    if stat(path)?.kind != FileKind::File {
        return Err(ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

pub(super) fn create(path: &Path, options: CreateOptions) -> io::Result<File> {
    let mut how = OpenOptions::new();
    if options.append {
        how.append(true).create(true)
    } else {
        how.write(true).create_new(true)
    };
    how.read(true).open(path)
}

pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The position of `file` is shared with its clone, so it is put back.
pub(super) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    let mut file = file;
    let position = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let outcome = file.read_exact(buf);
    file.seek(SeekFrom::Start(position))?;
    outcome
}

pub(super) fn write_all_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

pub(super) fn set_direct(_: &File, direct: bool) -> io::Result<()> {
    if direct { Err(ErrorKind::Unsupported.into()) } else { Ok(()) }
}

pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    Ok(stat_of(&std::fs::symlink_metadata(path)?))
}

pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    Ok(stat_of(&file.metadata()?))
}

/// Directories cannot be synced here; a rename is durable with the file system's own journal.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    stat(path).map(drop)
}

/// There is no such call here.
pub(super) fn sync_all(path: &Path) -> io::Result<()> {
    stat(path).map(drop)
}

pub(super) fn symlink(target: &[u8], path: &Path) -> io::Result<()> {
    let target = bytes_to_path(target)?;
    #[cfg(windows)]
    return std::os::windows::fs::symlink_file(target, path);
    #[cfg(not(windows))]
    Err(io::Error::new(ErrorKind::Unsupported, format!("{} -> {}", path.display(), target.display())))
}

pub(super) fn set_executable(path: &Path, _: bool) -> io::Result<()> {
    stat(path).map(drop)
}

/// Of a directory this says nothing here about what is in it.
pub(super) fn set_read_only(path: &Path, read_only: bool) -> io::Result<()> {
    let mut permissions = std::fs::symlink_metadata(path)?.permissions();
    permissions.set_readonly(read_only);
    std::fs::set_permissions(path, permissions)
}

pub(super) fn list(path: &Path) -> io::Result<Box<dyn Directory>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    Ok(Box::new(OsDirectory(path.to_owned())))
}

struct OsDirectory(PathBuf);

impl Directory for OsDirectory {
    fn entries(&self) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        std::fs::read_dir(&self.0)?
            .map(|entry| {
                let entry = entry?;
                let name = path_to_bytes(Path::new(&entry.file_name()))?.to_vec();
                Ok((name, kind_of(entry.file_type()?)))
            })
            .collect()
    }

    fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        stat(&self.0.join(bytes_to_path(name)?))
    }
}

fn kind_of(kind: std::fs::FileType) -> FileKind {
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Other
    }
}

fn stat_of(metadata: &Metadata) -> Stat {
    let since_epoch = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Stat {
        kind: kind_of(metadata.file_type()),
        size: metadata.len(),
        mtime_ns: since_epoch.and_then(|age| i64::try_from(age.as_nanos()).ok()).unwrap_or(0),
        ctime_ns: 0,
        inode: 0,
        device: 0,
        mode: if metadata.permissions().readonly() { 0o444 } else { 0o644 },
    }
}
