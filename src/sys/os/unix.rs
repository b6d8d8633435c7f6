//! What Unix has and `std` hides: directories by descriptor, kinds from the listing, links not followed.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawMode};
use rustix::io::retry_on_intr;

use crate::sys::fs::{CreateOptions, Directory, FileKind, Stat};
use crate::sys::paths::bytes_to_path;

/// Every way a file is opened here: by this process alone.
fn open_with(path: &Path, flags: OFlags, mode: u32) -> io::Result<File> {
    let mode = Mode::from_raw_mode(mode as RawMode);
    Ok(File::from(retry_on_intr(|| rustix::fs::openat(CWD, path, flags | OFlags::CLOEXEC, mode))?))
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::RDONLY, 0)
}

pub(super) fn open_nofollow(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK the opening of a pipe waits for a writer; regular files do not care.
    open_with(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK, 0)
}

pub(super) fn create(path: &Path, options: CreateOptions) -> io::Result<File> {
    let how = if options.append { OFlags::APPEND | OFlags::NOFOLLOW } else { OFlags::EXCL };
    let mode = match (options.executable, options.read_only) {
        (false, false) => 0o666,
        (true, false) => 0o777,
        (false, true) => 0o444,
        (true, true) => 0o555,
    };
    open_with(path, OFlags::RDWR | OFlags::CREATE | how, mode)
}

pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW, 0o666)
}

pub(super) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buf, offset)
}

pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Switches writing past the page cache on or off.
pub(super) fn set_direct(file: &File, direct: bool) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let flags = rustix::fs::fcntl_getfl(file)?;
        let wanted = if direct { flags | OFlags::DIRECT } else { flags - OFlags::DIRECT };
        Ok(rustix::fs::fcntl_setfl(file, wanted)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        if direct { Err(ErrorKind::Unsupported.into()) } else { Ok(()) }
    }
}

pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    Ok(stat_of(&retry_on_intr(|| rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW))?))
}

pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    Ok(stat_of(&retry_on_intr(|| rustix::fs::fstat(file))?))
}

pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    match open_with(path, OFlags::RDONLY | OFlags::DIRECTORY, 0)?.sync_all() {
        // Some network file systems have no such call; they are as durable as they will ever be.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

pub(super) fn sync_all(path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let folder = open_with(path, OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
        Ok(retry_on_intr(|| rustix::fs::syncfs(&folder))?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        rustix::fs::sync();
        stat(path).map(drop)
    }
}

pub(super) fn symlink(target: &[u8], path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(bytes_to_path(target)?, path)
}

/// Who may read may execute, as git has it: the read bits carry what the umask allowed at creation.
pub(super) fn set_executable(path: &Path, executable: bool) -> io::Result<()> {
    let file = open_nofollow(path)?;
    let stat = stat_file(&file)?;
    if stat.kind != FileKind::File {
        return Err(ErrorKind::InvalidInput.into());
    }
    let without = stat.mode & !0o111;
    let mode = if executable { without | (without & 0o444) >> 2 } else { without };
    if mode != stat.mode {
        retry_on_intr(|| rustix::fs::fchmod(&file, Mode::from_raw_mode(mode as RawMode)))?;
    }
    Ok(())
}

/// Takes the right to write from everybody, or gives it to the owner.
pub(super) fn set_read_only(path: &Path, read_only: bool) -> io::Result<()> {
    let file = open_nofollow(path)?;
    let old = stat_file(&file)?.mode;
    let mode = if read_only { old & !0o222 } else { old | 0o200 };
    if mode != old {
        retry_on_intr(|| rustix::fs::fchmod(&file, Mode::from_raw_mode(mode as RawMode)))?;
    }
    Ok(())
}

pub(super) fn list(path: &Path) -> io::Result<Box<dyn Directory>> {
    let file = open_with(path, OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
    Ok(Box::new(OsDirectory { fd: file.into(), reading: Mutex::new(()) }))
}

/// An open directory.
struct OsDirectory {
    fd: OwnedFd,
    /// Held while the entries are read, since the position in the directory is one for all threads.
    reading: Mutex<()>,
}

impl Directory for OsDirectory {
    fn entries(&self) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        let _position = self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut entries = Vec::new();
        read_entries(self.fd.as_fd(), |name, kind| {
            if name != b"." && name != b".." {
                entries.push((name.to_vec(), kind));
            }
        })?;
        for (name, kind) in &mut entries {
            if *kind == FileType::Unknown {
                *kind = FileType::from_raw_mode(self.raw_stat(name)?.st_mode);
            }
        }
        Ok(entries.into_iter().map(|(name, kind)| (name, kind_of(kind))).collect())
    }

    fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        Ok(stat_of(&self.raw_stat(name)?))
    }
}

impl OsDirectory {
    fn raw_stat(&self, name: &[u8]) -> io::Result<rustix::fs::Stat> {
        let name = std::ffi::OsStr::from_bytes(name);
        Ok(retry_on_intr(|| rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW))?)
    }
}

/// Room for about a thousand entries of usual length, so that most directories take one call.
#[cfg(target_os = "linux")]
const LISTING_BUFFER: usize = 64 * 1024;

#[cfg(target_os = "linux")]
fn read_entries(fd: std::os::fd::BorrowedFd<'_>, mut each: impl FnMut(&[u8], FileType)) -> io::Result<()> {
    rustix::fs::seek(fd, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = Vec::with_capacity(LISTING_BUFFER);
    let mut listing = rustix::fs::RawDir::new(fd, buffer.spare_capacity_mut());
    while let Some(entry) = listing.next() {
        match entry {
            Ok(entry) => each(entry.file_name().to_bytes(), entry.file_type()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn read_entries(fd: std::os::fd::BorrowedFd<'_>, mut each: impl FnMut(&[u8], FileType)) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(fd)? {
        let entry = entry?;
        each(entry.file_name().to_bytes(), entry.file_type());
    }
    Ok(())
}

const fn kind_of(kind: FileType) -> FileKind {
    match kind {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

#[expect(clippy::unnecessary_cast, reason = "the widths of these fields differ between systems")]
fn stat_of(stat: &rustix::fs::Stat) -> Stat {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stat {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        inode: stat.st_ino as u64,
        device: stat.st_dev as u64,
        mode: stat.st_mode as u32 & 0o7777,
    }
}
