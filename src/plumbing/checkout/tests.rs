//! Nothing that is not committed is lost, and everything else becomes what it is to be.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::model::Interrupt;
use crate::store::{StoreOptions, Writer};
use crate::sys::{self, LockMode, OsFs, Wait};

struct Fixture {
    dir: tempfile::TempDir,
    db: Arc<ObjectDb>,
    index: IndexEditor,
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let fs = OsFs::new();
    let dsv = dir.path().join(".dsv");
    fs.create_dir_all(&dsv).unwrap();
    let wait = Wait {
        timeout: Duration::from_secs(10),
        clock: &sys::SystemClock,
        interrupt: &Interrupt::new(),
        on_wait: &mut |_| {},
    };
    let lock = sys::acquire(&*fs, &dsv.join("lock"), LockMode::Exclusive, "test", wait).unwrap();
    let db =
        Arc::new(ObjectDb::open(Arc::clone(&fs), &dsv.join("objects"), StoreOptions::default()).unwrap());
    let index = IndexEditor::open(&fs, &dsv.join("index"), lock).unwrap();
    Fixture { dir, db, index }
}

impl Fixture {
    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self, bytes: &[u8], kind: EntryKind) -> Content {
        let writer = Writer::new(&self.db).unwrap();
        let (id, size) = writer.put_blob(&mut &bytes[..], &mut writer.blob_compressors().unwrap()).unwrap();
        writer.finish().unwrap();
        Content { kind, size, id: id.object() }
    }

    fn file(&self, bytes: &[u8]) -> Option<Content> {
        Some(self.store(bytes, EntryKind::File))
    }

    fn apply(
        &mut self,
        changes: &[(&str, Option<Content>, Option<Content>)],
        force: bool,
    ) -> Result<CheckoutStats, CheckoutError> {
        let changes: Vec<_> =
            changes.iter().map(|&(p, old, new)| PathChange { path: path(p), old, new }).collect();
        let monitor = Monitor::quiet();
        let options = CheckoutOptions { force };
        apply_changes(&self.db, self.dir.path(), &mut self.index, &changes, options, &monitor)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        sys::Fs::read(&OsFs, &self.at(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let at = self.at(name);
        sys::Fs::create_dir_all(&OsFs, at.parent().unwrap()).unwrap();
        sys::publish(&OsFs::new(), &at, bytes).unwrap();
    }
}

fn obstacles(error: CheckoutError) -> Vec<(String, Obstacle)> {
    let CheckoutError::WouldOverwrite { obstacles } = error else { panic!("{error}") };
    obstacles.into_iter().map(|(path, obstacle)| (path.to_string(), obstacle)).collect()
}

#[test]
fn files_come_change_and_go() {
    let mut f = fixture();
    let large: Vec<u8> = (0..3_000_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let (one, two, big) = (f.file(b"one"), f.file(b"two"), f.file(&large));
    let script = Some(f.store(b"#!", EntryKind::Executable));
    let link = Some(f.store(b"a/one", EntryKind::Symlink));
    f.apply(
        &[("a/one", None, one), ("b/c/big", None, big), ("link", None, link), ("run", None, script)],
        false,
    )
    .unwrap();
    assert_eq!(f.read("a/one"), b"one");
    assert!(f.read("b/c/big") == large);
    assert_eq!(f.read("link"), b"one");
    assert!(sys::Fs::stat(&OsFs, &f.at("run")).unwrap().executable());

    let stats = f.apply(&[("a/one", one, two), ("b/c/big", big, None), ("link", link, None)], false).unwrap();
    assert_eq!((stats.written, stats.removed), (1, 2));
    assert_eq!(f.read("a/one"), b"two");
    assert!(!f.at("b").exists());
    assert_eq!(f.index.iter().count(), 2);
}

#[test]
fn a_file_becomes_a_folder_and_a_folder_a_file() {
    let mut f = fixture();
    let (one, two) = (f.file(b"one"), f.file(b"two"));
    f.apply(&[("a", None, one), ("b/c", None, two)], false).unwrap();
    f.apply(&[("a", one, None), ("a/x", None, two), ("b", None, one), ("b/c", two, None)], false).unwrap();
    assert_eq!((f.read("a/x"), f.read("b")), (b"two".to_vec(), b"one".to_vec()));
}

#[test]
fn an_empty_folder_comes_fills_and_goes() {
    let mut f = fixture();
    let empty = crate::plumbing::tree_edit::empty_tree().object();
    let folder = Some(Content { kind: EntryKind::Directory, size: 0, id: empty });
    let one = f.file(b"one");
    f.apply(&[("a/b", None, folder)], false).unwrap();
    assert!(f.at("a/b").is_dir());
    f.apply(&[("a/b", folder, None), ("a/b/c", None, one)], false).unwrap();
    assert_eq!(f.read("a/b/c"), b"one");
    f.apply(&[("a/b", None, folder), ("a/b/c", one, None)], false).unwrap();
    assert!(f.at("a/b").is_dir() && !f.at("a/b/c").exists());
    f.apply(&[("a/b", folder, None)], false).unwrap();
    assert!(!f.at("a").exists());
}

#[test]
fn an_empty_folder_becomes_a_file() {
    let mut f = fixture();
    let empty = crate::plumbing::tree_edit::empty_tree().object();
    let folder = Some(Content { kind: EntryKind::Directory, size: 0, id: empty });
    let (one, two) = (f.file(b"one"), f.file(b"two"));
    f.apply(&[("a", None, folder), ("b/c", None, two)], false).unwrap();
    // Empty folders that no version has are nobody's work.
    sys::Fs::create_dir_all(&OsFs, &f.at("b/d/e")).unwrap();
    f.apply(&[("a", folder, one), ("b", None, one), ("b/c", two, None)], false).unwrap();
    assert_eq!((f.read("a"), f.read("b")), (b"one".to_vec(), b"one".to_vec()));
    assert_eq!(f.index.iter().count(), 2);
}

#[test]
fn a_file_becomes_an_empty_folder() {
    let mut f = fixture();
    let empty = crate::plumbing::tree_edit::empty_tree().object();
    let folder = Some(Content { kind: EntryKind::Directory, size: 0, id: empty });
    let one = f.file(b"one");
    f.apply(&[("a", None, one)], false).unwrap();
    f.write("a", b"mine");
    assert!(f.apply(&[("a", one, folder)], false).is_err());
    assert_eq!(f.read("a"), b"mine");
    f.write("a", b"one");
    f.apply(&[("a", one, folder)], false).unwrap();
    assert!(f.at("a").is_dir());
    assert_eq!(f.index.iter().count(), 1);
}

#[test]
fn a_folder_with_what_is_staged_alone_becomes_no_file() {
    let mut f = fixture();
    let (one, two, three) = (f.file(b"one"), f.file(b"two"), f.file(b"three"));
    f.apply(&[("a/b", None, two), ("a/staged", None, three)], false).unwrap();
    let error = f.apply(&[("a", None, one), ("a/b", two, None)], false).unwrap_err();
    assert_eq!(obstacles(error), [("a".to_owned(), Obstacle::Untracked)]);
    assert_eq!((f.read("a/b"), f.read("a/staged")), (b"two".to_vec(), b"three".to_vec()));
}

#[test]
fn an_executable_bit_that_was_changed_is_not_committed() {
    let mut f = fixture();
    let (one, script) = (f.file(b"one"), Some(f.store(b"#!", EntryKind::Executable)));
    f.apply(&[("one", None, one), ("run", None, script)], false).unwrap();
    sys::Fs::set_executable(&OsFs, &f.at("one"), true).unwrap();
    sys::Fs::set_executable(&OsFs, &f.at("run"), false).unwrap();
    let error = f.apply(&[("one", one, one), ("run", script, script)], false).unwrap_err();
    let expected = ["one", "run"].map(|name| (name.to_owned(), Obstacle::Modified));
    assert_eq!(obstacles(error), expected);
}

#[test]
fn what_is_not_committed_is_refused_before_anything_is_touched() {
    let mut f = fixture();
    let (one, two, three) = (f.file(b"one"), f.file(b"two"), f.file(b"three"));
    f.apply(&[("modified", None, one), ("staged", None, one), ("fine", None, one)], false).unwrap();
    f.write("modified", b"mine");
    f.write("untracked", b"mine too");
    f.write("folder/deep/file", b"mine as well");
    f.index
        .set(
            &path("staged"),
            Staged { kind: EntryKind::File, size: 5, id: three.unwrap().id, stat: None, absent: false },
        )
        .unwrap();
    let changes = [
        ("fine", one, two),
        ("folder", None, two),
        ("modified", one, two),
        ("staged", one, two),
        ("untracked", None, two),
        ("untracked/below", None, two),
    ];
    assert_eq!(
        obstacles(f.apply(&changes, false).unwrap_err()),
        [
            ("folder".to_owned(), Obstacle::Untracked),
            ("modified".to_owned(), Obstacle::Modified),
            ("staged".to_owned(), Obstacle::Staged),
            ("untracked".to_owned(), Obstacle::Untracked),
            ("untracked/below".to_owned(), Obstacle::Untracked),
        ]
    );
    assert_eq!((f.read("fine"), f.read("modified")), (b"one".to_vec(), b"mine".to_vec()));

    assert!(matches!(f.apply(&changes[1..2], true), Err(CheckoutError::InTheWay { .. })));
    f.apply(&[changes[0], changes[2], changes[3], changes[4]], true).unwrap();
    for name in ["fine", "modified", "staged", "untracked"] {
        assert_eq!(f.read(name), b"two", "{name}");
    }
    assert_eq!(f.read("folder/deep/file"), b"mine as well");
}

#[test]
fn a_modified_file_that_goes_is_kept_and_told() {
    let mut f = fixture();
    let one = f.file(b"one");
    f.apply(&[("a", None, one)], false).unwrap();
    f.write("a", b"edited");
    assert_eq!(
        obstacles(f.apply(&[("a", one, None)], false).unwrap_err()),
        [("a".to_owned(), Obstacle::Modified)]
    );
    assert_eq!(f.read("a"), b"edited");
    f.apply(&[("a", one, None)], true).unwrap();
    assert!(!f.at("a").exists());
}

#[test]
fn what_an_interrupted_checkout_left_is_no_obstacle() {
    let mut f = fixture();
    let new = f.file(b"all of the bytes");
    f.write("cut", b"all of");
    f.write("empty", b"");
    f.write("whole", b"all of the bytes");
    f.write("other", b"all or");
    let stats = f.apply(&[("cut", None, new), ("empty", None, new), ("whole", None, new)], false).unwrap();
    assert_eq!((stats.written, stats.unchanged), (2, 1));
    assert_eq!(
        (f.read("cut"), f.read("empty")),
        (b"all of the bytes".to_vec(), b"all of the bytes".to_vec())
    );
    assert_eq!(obstacles(f.apply(&[("other", None, new)], false).unwrap_err()).len(), 1);
}

#[test]
fn nothing_is_written_through_a_link() {
    let mut f = fixture();
    let outside = tempfile::tempdir().unwrap();
    let one = f.file(b"one");
    sys::Fs::symlink(&OsFs, sys::path_to_bytes(outside.path()).unwrap(), &f.at("a")).unwrap();
    assert_eq!(
        obstacles(f.apply(&[("a/b", None, one)], false).unwrap_err()),
        [("a/b".to_owned(), Obstacle::Untracked)]
    );
    assert!(matches!(f.apply(&[("a/b", None, one)], true), Err(CheckoutError::InTheWay { .. })));
    assert!(!outside.path().join("b").exists());
}

#[test]
fn wrong_bytes_are_not_written() {
    let mut f = fixture();
    let mut content = f.file(b"one").unwrap();
    let writer = Writer::new(&f.db).unwrap();
    // A record whose bytes are not those of its id, with a checksum that fits: only the hash can tell.
    content.id = ObjectId::Sha256([7; 32]);
    let mut compressor = writer.compressor().unwrap();
    writer.put(crate::codec::pack::RecordKind::Blob, [7; 32], b"one", &mut compressor).unwrap();
    writer.finish().unwrap();
    assert!(matches!(f.apply(&[("a", None, Some(content))], false), Err(CheckoutError::WrongBytes { .. })));
    assert!(!f.at("a").exists());
}
