//! Nothing that is not committed is lost, and everything else becomes what it is to be.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::model::{Interrupt, TreeId};
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
        let options = CheckoutOptions { force, links: false };
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
    assert_eq!(obstacles(error), [("a".to_owned(), Obstacle::Staged)]);
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
        ]
    );
    assert_eq!((f.read("fine"), f.read("modified")), (b"one".to_vec(), b"mine".to_vec()));

    f.write("repository/.git/HEAD", b"");
    let error = f.apply(&[changes[0], ("repository", None, two)], true).unwrap_err();
    assert!(matches!(error, CheckoutError::HoldsRepository { .. }), "{error}");
    assert_eq!(f.read("fine"), b"one");
    f.apply(&changes[..5], true).unwrap();
    for name in ["fine", "folder", "modified", "staged", "untracked"] {
        assert_eq!(f.read(name), b"two", "{name}");
    }
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
        [("a".to_owned(), Obstacle::Untracked)]
    );
    // Whoever forces gets a folder for the link.
    f.apply(&[("a/b", None, one)], true).unwrap();
    assert_eq!(f.read("a/b"), b"one");
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

#[test]
fn what_is_taken_back_is_as_little_checked_out_as_before() {
    let mut f = fixture();
    let (one, two) = (f.file(b"one").unwrap(), f.file(b"two"));
    f.index.set_sparse(TreeId::from_bytes([1; 32]));
    let Content { kind, size, id } = one;
    f.index.set(&path("moved"), Staged { kind, size, id, stat: None, absent: true }).unwrap();
    f.index.remove_in_tree(&path("removed"));
    for at in ["in-the-tree", "moved", "removed"] {
        let before = (f.index.get(&path(at)).unwrap(), f.index.is_edited(&path(at)));
        let written = undo::Written::new(&f.index, &path(at), Target::Absent).unwrap();
        stage(&mut f, at, two);
        written.hold_again(&mut f.index).unwrap();
        assert_eq!((f.index.get(&path(at)).unwrap(), f.index.is_edited(&path(at))), before, "{at}");
    }
}

fn stage(f: &mut Fixture, at: &str, content: Option<Content>) {
    let Content { kind, size, id } = content.unwrap();
    f.index.set(&path(at), Staged { kind, size, id, stat: None, absent: false }).unwrap();
}

#[test]
fn what_is_staged_below_a_path_is_not_lost_to_it() {
    let mut f = fixture();
    let (one, two) = (f.file(b"one"), f.file(b"two"));
    let empty = crate::plumbing::tree_edit::empty_tree().object();
    let folder = Some(Content { kind: EntryKind::Directory, size: 0, id: empty });
    f.write("there", b"one");
    for (at, new) in [("d", one), ("d", folder), ("there", one)] {
        // Staged, and deleted from the disk since.
        stage(&mut f, &format!("{at}/staged"), two);
        stage(&mut f, &format!("{at}/committed"), one);
        let below = format!("{at}/committed");
        let changes = [(at, None, new), (below.as_str(), one, None)];
        assert_eq!(
            obstacles(f.apply(&changes, false).unwrap_err()),
            [(at.to_owned(), Obstacle::Staged)],
            "{at}"
        );
        assert_eq!(f.index.iter().count(), 2);
        f.apply(&changes, true).unwrap();
        assert_eq!(f.index.iter().count(), 1);
        f.apply(&[(at, new, None)], true).unwrap();
    }
}

#[test]
fn a_tracked_file_in_the_way_that_stays_is_told_at_once() {
    let mut f = fixture();
    let (one, two) = (f.file(b"one"), f.file(b"two"));
    f.apply(&[("a", None, one), ("n", None, one)], false).unwrap();
    let error = f.apply(&[("a", one, two), ("n/under", None, two)], false).unwrap_err();
    assert_eq!(obstacles(error), [("n".to_owned(), Obstacle::Staged)]);
    assert_eq!(f.read("a"), b"one");
    // Unstaged by hand, it stays although it goes from the versions.
    f.index.remove(&path("n")).unwrap();
    let changes = [("a", one, two), ("n", one, None), ("n/under", None, two)];
    assert_eq!(obstacles(f.apply(&changes, false).unwrap_err()), [("n".to_owned(), Obstacle::Untracked)]);
    assert_eq!((f.read("a"), f.read("n")), (b"one".to_vec(), b"one".to_vec()));
    f.apply(&changes, true).unwrap();
    assert_eq!((f.read("a"), f.read("n/under")), (b"two".to_vec(), b"two".to_vec()));
}

/// Knows what one link leads to, and has it.
#[derive(Debug)]
struct Known(BlobId);

impl crate::store::LinkSource for Known {
    fn bring(
        &self,
        _: &Arc<ObjectDb>,
        links: &[WantedLink],
        _: &Monitor<'_>,
    ) -> Result<Vec<BlobId>, StoreError> {
        Ok(vec![self.0; links.len()])
    }

    fn known(&self, _: &ObjectDb, _: &BlobId) -> Result<Option<BlobId>, StoreError> {
        Ok(Some(self.0))
    }
}

fn link(f: &Fixture, key: &str) -> Content {
    let text = format!("{{\"size\":5,\"url\":\"s3://bucket/{key}\"}}");
    Content { size: 5, ..f.store(text.as_bytes(), EntryKind::ExternalLink) }
}

#[test]
fn a_link_is_brought_when_asked_for_and_else_is_in_the_index_alone() {
    let mut f = fixture();
    let (bytes, other) = (f.file(b"bytes").unwrap(), f.file(b"other"));
    let (one, two) = (link(&f, "one"), link(&f, "two"));
    f.db.set_link_source(Arc::new(Known(BlobId::new(bytes.id))));
    f.apply(&[("a", None, Some(one))], false).unwrap();
    assert!(!f.at("a").exists());
    assert_eq!(f.index.get(&path("a")).unwrap().map(|staged| staged.stat), Some(None));
    let bring = |f: &mut Fixture, new| {
        let change = PathChange { path: path("a"), old: Some(one), new: Some(new) };
        let options = CheckoutOptions { force: false, links: true };
        let root = f.dir.path().to_owned();
        apply_changes(&f.db, &root, &mut f.index, &[change], options, &Monitor::quiet())
    };
    assert_eq!(bring(&mut f, one).unwrap().written, 1);
    assert_eq!(f.read("a"), b"bytes");
    let staged = f.index.get(&path("a")).unwrap().unwrap();
    assert!(staged.kind == EntryKind::ExternalLink && staged.stat.is_some(), "{staged:?}");
    assert_eq!(bring(&mut f, one).unwrap().unchanged, 1);
    // What the link leads to no more goes, and what a person wrote there does not.
    f.write("a", b"mine!");
    assert_eq!(
        obstacles(f.apply(&[("a", Some(one), other)], false).unwrap_err()),
        [("a".to_owned(), Obstacle::Modified)]
    );
    f.write("a", b"bytes");
    f.apply(&[("a", Some(one), Some(two))], false).unwrap();
    f.write("a", b"mine!");
    let error = f.apply(&[("a", Some(two), other)], false).unwrap_err();
    assert_eq!(obstacles(error), [("a".to_owned(), Obstacle::Modified)]);
    f.apply(&[("a", Some(two), other)], true).unwrap();
    assert_eq!(f.read("a"), b"other");
    f.apply(&[("a", other, Some(one))], false).unwrap();
    assert!(!f.at("a").exists());
}

#[test]
fn a_link_that_nobody_can_read_is_told_before_anything_is_touched() {
    let mut f = fixture();
    let (one, link) = (f.file(b"one"), link(&f, "one"));
    let changes = [("a", one), ("z", Some(link))];
    let changes: Vec<_> =
        changes.into_iter().map(|(at, new)| PathChange { path: path(at), old: None, new }).collect();
    let options = CheckoutOptions { force: false, links: true };
    let root = f.dir.path().to_owned();
    let error = apply_changes(&f.db, &root, &mut f.index, &changes, options, &Monitor::quiet()).unwrap_err();
    assert_eq!(error.to_string(), "'z' is an external link, which cannot be read here");
    assert!(!f.at("a").exists());
}

/// Runs something between the plan and the first change of the disk.
struct Meanwhile<F>(F);

impl<F: Fn() + Sync> crate::model::Progress for Meanwhile<F> {
    fn phase(&self, _: &str, _: Option<u64>, _: Option<u64>) {
        (self.0)();
    }

    fn advance(&self, _: u64, _: u64) {}
}

impl Fixture {
    fn apply_while(
        &mut self,
        changes: &[(&str, Option<Content>, Option<Content>)],
        meanwhile: impl Fn() + Sync,
    ) -> Result<CheckoutStats, CheckoutError> {
        let changes: Vec<_> =
            changes.iter().map(|&(p, old, new)| PathChange { path: path(p), old, new }).collect();
        let monitor = Monitor { progress: &Meanwhile(meanwhile), ..Monitor::quiet() };
        let options = CheckoutOptions::default();
        apply_changes(&self.db, self.dir.path(), &mut self.index, &changes, options, &monitor)
    }
}

#[test]
fn a_file_that_changes_after_it_was_checked_is_not_lost() {
    let mut f = fixture();
    let (one, two) = (f.file(b"one"), f.file(b"two"));
    let link = Some(f.store(b"nowhere", EntryKind::Symlink));
    for (new, size) in [(two, 4), (None, 4), (link, 4), (two, 3)] {
        f.apply(&[("a", None, one)], true).unwrap();
        let at = f.at("a");
        let mine = &b"mine"[..size];
        let error = f
            .apply_while(&[("a", one, new)], || {
                sys::publish(&OsFs::new(), &at, mine).unwrap();
            })
            .unwrap_err();
        assert!(matches!(&error, CheckoutError::Changed { path: at } if *at == path("a")), "{error}");
        assert_eq!(f.read("a"), mine);
        assert_eq!(sys::Fs::list(&OsFs, f.dir.path()).unwrap().entries().unwrap().len(), 2);
    }
}

#[test]
fn a_folder_that_becomes_a_link_after_it_was_checked_is_not_followed() {
    let mut f = fixture();
    let outside = tempfile::tempdir().unwrap();
    let (one, two) = (f.file(b"one"), f.file(b"two"));
    let change = |f: &mut Fixture, changes: &[(&str, Option<Content>, Option<Content>)]| {
        f.apply(&[("d/a", None, one)], true).unwrap();
        let at = f.at("d");
        let aside = f.at("aside");
        let done = f.apply_while(changes, || {
            sys::Fs::rename(&OsFs, &at, &aside).unwrap();
            sys::Fs::symlink(&OsFs, sys::path_to_bytes(outside.path()).unwrap(), &at).unwrap();
        });
        sys::Fs::remove_file(&OsFs, &at).unwrap();
        sys::Fs::rename(&OsFs, &aside, &at).unwrap();
        done
    };
    sys::publish(&OsFs::new(), &outside.path().join("a"), b"mine").unwrap();
    assert!(change(&mut f, &[("d/a", one, two)]).is_err());
    assert!(change(&mut f, &[("d/b", None, two)]).is_err());
    let _ = change(&mut f, &[("d/a", one, None)]);
    assert_eq!(sys::Fs::read(&OsFs, &outside.path().join("a")).unwrap(), b"mine");
    assert_eq!(sys::Fs::list(&OsFs, outside.path()).unwrap().entries().unwrap().len(), 1);
}

#[test]
fn a_file_that_comes_back_after_it_was_checked_is_not_removed() {
    let mut f = fixture();
    let one = f.file(b"one");
    f.apply(&[("a", None, one)], false).unwrap();
    sys::Fs::remove_file(&OsFs, &f.at("a")).unwrap();
    let at = f.at("a");
    f.apply_while(&[("a", one, None)], || sys::publish(&OsFs::new(), &at, b"mine").unwrap()).unwrap();
    assert_eq!(f.read("a"), b"mine");
}

#[test]
fn a_blob_that_is_longer_than_its_entry_says_is_not_written() {
    let mut f = fixture();
    let large = vec![7; 3_000_000];
    let watched = f.dir.path().to_owned();
    for (bytes, kind) in [
        (&b"longer"[..], EntryKind::File),
        (&b"longer"[..], EntryKind::Symlink),
        (&large[..], EntryKind::File),
    ] {
        for size in [3, super::write::LARGE] {
            let content = Content { size, ..f.store(bytes, kind) };
            let error = f.apply(&[("a", None, Some(content))], false).unwrap_err();
            assert!(matches!(error, CheckoutError::WrongSize { .. }), "{error}");
            assert!(!watched.join("a").is_symlink() && !watched.join("a").exists());
        }
    }
}
