#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::sys::FileKind;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn write(path: &Path, bytes: &[u8]) {
    OsFs.create(path, CreateOptions::default()).unwrap().write_all(bytes).unwrap();
}

#[test]
fn creation_is_exclusive_unless_appending() {
    let folder = folder();
    let path = folder.path().join("f");
    write(&path, b"one");
    let again = OsFs.create(&path, CreateOptions::default());
    assert_eq!(again.err().unwrap().kind(), ErrorKind::AlreadyExists);

    let mut file = OsFs.create(&path, CreateOptions { append: true, ..Default::default() }).unwrap();
    file.write_all(b" two").unwrap();
    file.flush().unwrap();
    file.sync().unwrap();
    assert_eq!(OsFs.read(&path).unwrap(), b"one two");

    file.set_len(3).unwrap();
    file.write_all(b"!").unwrap();
    assert_eq!(OsFs.read(&path).unwrap(), b"one!");
    let mut middle = [0; 2];
    file.read_exact_at(&mut middle, 1).unwrap();
    assert_eq!(&middle, b"ne");
    assert_eq!(file.read_exact_at(&mut middle, 3).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(file.stat().unwrap(), OsFs.stat(&path).unwrap());
}

#[test]
fn executable_bits_follow_the_read_bits() {
    let folder = folder();
    let path = folder.path().join("f");
    write(&path, b"");
    for (before, after) in [(0o644, 0o755), (0o640, 0o750), (0o600, 0o700), (0o444, 0o555)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(before)).unwrap();
        OsFs.set_executable(&path, true).unwrap();
        assert_eq!(OsFs.stat(&path).unwrap().mode, after);
        assert!(OsFs.stat(&path).unwrap().executable());
        OsFs.set_executable(&path, false).unwrap();
        assert_eq!(OsFs.stat(&path).unwrap().mode, before);
    }
    let script = folder.path().join("script");
    OsFs.create(&script, CreateOptions { executable: true, ..Default::default() }).unwrap();
    assert!(OsFs.stat(&script).unwrap().executable());
    assert_eq!(OsFs.set_executable(folder.path(), true).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_listing_tells_every_kind_and_can_be_repeated() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    write(&at("file"), b"12345");
    OsFs.create_dir(&at("dir")).unwrap();
    OsFs.symlink(b"no\xffwhere", &at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let expected = [
        (b"dir".to_vec(), FileKind::Directory),
        (b"file".to_vec(), FileKind::File),
        (b"link".to_vec(), FileKind::Symlink),
        (b"socket".to_vec(), FileKind::Other),
    ];
    let directory = OsFs.list(folder.path()).unwrap();
    for _ in 0..2 {
        let mut entries = directory.entries().unwrap();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(entries, expected);
    }
    for (name, kind) in expected {
        let stat = directory.stat(&name).unwrap();
        assert_eq!(stat.kind, kind);
        assert_eq!(stat, OsFs.stat(&folder.path().join(crate::sys::bytes_to_path(&name).unwrap())).unwrap());
    }
    assert_eq!(directory.stat(b"file").unwrap().size, 5);
    assert_eq!(directory.stat(b"none").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(OsFs.read_link(&at("link")).unwrap(), b"no\xffwhere");
    assert!(OsFs.list(&at("file")).is_err());
}

#[test]
fn a_listing_longer_than_one_buffer_is_whole() {
    let folder = folder();
    for number in 0..2_000 {
        write(&folder.path().join(format!("{number:0100}")), b"");
    }
    let entries = OsFs.list(folder.path()).unwrap().entries().unwrap();
    let names: std::collections::HashSet<_> = entries.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 2_000);
}

#[test]
fn open_nofollow_neither_follows_nor_blocks() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    write(&at("file"), b"x");
    OsFs.symlink(b"file", &at("link")).unwrap();
    assert!(OsFs.open_nofollow(&at("link")).is_err());
    assert!(OsFs.open(&at("link")).is_ok());
    assert!(OsFs.create(&at("link"), CreateOptions { append: true, ..Default::default() }).is_err());
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let pipe = OsFs.open_nofollow(&at("pipe")).unwrap();
    assert_eq!(pipe.stat().unwrap().kind, FileKind::Other);
}

#[test]
fn maps_show_the_content_even_when_unlinked_or_empty() {
    let folder = folder();
    let path = folder.path().join("f");
    write(&path, b"content");
    let map = OsFs.map(&path).unwrap();
    OsFs.remove_file(&path).unwrap();
    assert_eq!((*map).as_ref(), b"content");
    write(&path, b"");
    assert_eq!((*OsFs.map(&path).unwrap()).as_ref(), b"");
    assert!(OsFs.map(folder.path()).is_err());
}

#[test]
fn locks_exclude_and_are_released() {
    let folder = folder();
    let path = folder.path().join("lock");
    let first = OsFs.try_lock(&path, LockMode::Shared).unwrap();
    let second = OsFs.try_lock(&path, LockMode::Shared).unwrap();
    assert!(first.is_some() && second.is_some());
    assert!(OsFs.try_lock(&path, LockMode::Exclusive).unwrap().is_none());
    drop((first, second));
    let alone = OsFs.try_lock(&path, LockMode::Exclusive).unwrap();
    assert!(alone.is_some());
    assert!(OsFs.try_lock(&path, LockMode::Shared).unwrap().is_none());
}

#[test]
fn directories_are_made_renamed_synced_and_removed() {
    let folder = folder();
    let deep = folder.path().join("a/b/c");
    OsFs.create_dir_all(&deep).unwrap();
    OsFs.create_dir_all(&deep).unwrap();
    OsFs.sync_dir(&deep).unwrap();
    assert_eq!(OsFs.create_dir(&deep).unwrap_err().kind(), ErrorKind::AlreadyExists);
    OsFs.rename(&deep, &folder.path().join("a/d")).unwrap();
    OsFs.remove_dir(&folder.path().join("a/b")).unwrap();
    assert_eq!(OsFs.stat(&deep).unwrap_err().kind(), ErrorKind::NotFound);
    let resolved = OsFs.canonicalize(&folder.path().join("a/../a/d")).unwrap();
    assert!(resolved.ends_with("a/d"));
}

#[test]
fn a_streamed_file_is_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    for len in [0, 1, 4095, 4096, 5_000_000, 4 << 20, 33_000_001] {
        let path = dir.path().join(len.to_string());
        let bytes: Vec<u8> = (0..len as u32).map(|n| (n >> 9) as u8 ^ n as u8).collect();
        let mut file = OsFs.create(&path, CreateOptions { stream: true, ..Default::default() }).unwrap();
        bytes.chunks(77_777).for_each(|part| file.write_all(part).unwrap());
        file.flush().unwrap();
        assert_eq!(file.stat().unwrap().size, len as u64);
        file.write_all(b"and on").unwrap();
        file.sync().unwrap();
        assert!(OsFs.read(&path).unwrap() == [&bytes[..], b"and on"].concat(), "{len}");
    }
}

#[cfg(unix)]
#[test]
fn files_that_nobody_may_write_to_and_their_second_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let options = CreateOptions { executable: true, read_only: true, ..Default::default() };
    OsFs.create(&at("one"), options).unwrap().write_all(b"bytes").unwrap();
    assert_eq!(OsFs.stat(&at("one")).unwrap().mode & 0o222, 0);
    assert!(OsFs.stat(&at("one")).unwrap().executable());
    OsFs.hard_link(&at("one"), &at("two")).unwrap();
    assert_eq!(OsFs.stat(&at("one")).unwrap().inode, OsFs.stat(&at("two")).unwrap().inode);
    assert!(OsFs.hard_link(&at("one"), &at("two")).is_err());
    assert_eq!(OsFs.copy(&at("one"), &at("three"), CreateOptions::default()).unwrap(), 5);
    assert_eq!(OsFs.read(&at("three")).unwrap(), b"bytes");
    assert_eq!(OsFs.stat(&at("three")).unwrap().mode & 0o200, 0o200);
    OsFs.set_read_only(&at("three"), true).unwrap();
    assert_eq!(OsFs.stat(&at("three")).unwrap().mode & 0o222, 0);
    OsFs.set_modified(&at("three"), 1_700_000_000_123_456_789).unwrap();
    assert_eq!(OsFs.stat(&at("three")).unwrap().mtime_ns, 1_700_000_000_123_456_789);
    OsFs.create_dir(&at("folder")).unwrap();
    OsFs.set_read_only(&at("folder"), true).unwrap();
    assert_eq!(OsFs.stat(&at("folder")).unwrap().mode & 0o222, 0);
    OsFs.set_read_only(&at("folder"), false).unwrap();
    assert_eq!(OsFs.stat(&at("folder")).unwrap().mode & 0o200, 0o200);
}
