use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::model::{ErrorKind, Interrupt};
use crate::store::LockRequest;
use crate::sys::{CreateOptions, OsFs, SystemClock};

struct Fixture {
    layout: Layout,
    refs: Refs,
    _folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path().join(".dsv"), None);
    Fixture { refs: Refs::new(OsFs::new(), &layout), layout, _folder: folder }
}

impl Fixture {
    fn lock(&self) -> RefsLock {
        let request = LockRequest {
            owner: "test",
            timeout: Duration::from_secs(60),
            clock: &SystemClock,
            interrupt: &Interrupt::new(),
            on_wait: &|_| {},
        };
        RefsLock::acquire(&OsFs, &self.layout, &request).unwrap()
    }

    fn update(&self, text: &str, expected: Expected, new: Option<VersionId>) -> Result<(), StoreError> {
        self.refs.update(&self.lock(), &name(text), expected, new, &note())
    }

    fn write_raw(&self, text: &str, bytes: &[u8]) {
        let path = self.refs.path(&name(text));
        OsFs.create_dir_all(path.parent().unwrap()).unwrap();
        OsFs.create(&path, CreateOptions::default()).unwrap().write_all(bytes).unwrap();
    }
}

fn name(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

fn id(n: u8) -> VersionId {
    VersionId::from_bytes([n; 32])
}

fn note() -> Note {
    Note { who: "Ada".into(), time: Time { seconds: 100, offset: 0 }, why: "test".into() }
}

#[test]
fn a_ref_is_made_moved_listed_and_removed() {
    let f = fixture();
    assert_eq!(f.refs.read(&name("cats")).unwrap(), None);
    assert_eq!(f.refs.list().unwrap(), []);
    f.update("vision/cats", Expected::Absent, Some(id(1))).unwrap();
    f.update("b", Expected::Any, Some(id(2))).unwrap();
    f.update("vision/cats", Expected::Is(id(1)), Some(id(3))).unwrap();
    assert_eq!(f.refs.list().unwrap(), [(name("b"), id(2)), (name("vision/cats"), id(3))]);
    f.update("vision/cats", Expected::Is(id(3)), None).unwrap();
    assert_eq!(f.refs.list().unwrap(), [(name("b"), id(2))]);
    assert!(OsFs.stat(&f.layout.refs().join("datasets/vision")).is_err(), "the empty folder stays");
    f.update("vision/cats", Expected::Any, None).unwrap();
}

#[test]
fn another_value_than_expected_changes_nothing() {
    let f = fixture();
    f.update("cats", Expected::Absent, Some(id(1))).unwrap();
    for (expected, new) in
        [(Expected::Absent, Some(id(2))), (Expected::Is(id(2)), Some(id(3))), (Expected::Is(id(2)), None)]
    {
        let error = f.update("cats", expected, new).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("found 010101010101"), "{error}");
    }
    assert!(f.update("dogs", Expected::Is(id(1)), Some(id(2))).is_err());
    assert_eq!(f.refs.list().unwrap(), [(name("cats"), id(1))]);
    assert_eq!(f.refs.log().unwrap().moves.len(), 1);
}

#[test]
fn a_ref_cannot_be_a_folder_of_another() {
    let f = fixture();
    f.update("a/b", Expected::Any, Some(id(1))).unwrap();
    for in_the_way in ["a", "a/b/c", "a/b/c/d"] {
        let error = f.update(in_the_way, Expected::Any, Some(id(1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("beside 'a/b'"), "{error}");
        assert_eq!(f.refs.read(&name(in_the_way)).unwrap(), None);
    }
    f.update("a/bc", Expected::Any, Some(id(1))).unwrap();
    f.update("a/b", Expected::Any, None).unwrap();
    f.update("a/b/c", Expected::Absent, Some(id(2))).unwrap();
    assert_eq!(f.refs.read(&name("a/b")).unwrap(), None);
}

#[test]
fn folders_that_a_crash_left_are_not_in_the_way() {
    let f = fixture();
    OsFs.create_dir_all(&f.layout.refs().join("datasets/a/b/c")).unwrap();
    let temporary = f.layout.refs().join("datasets/a/b/.tmp-dsv-1-0a-1");
    OsFs.create(&temporary, CreateOptions::default()).unwrap();
    assert_eq!(f.refs.list().unwrap(), []);
    f.update("a", Expected::Absent, Some(id(1))).unwrap();
    assert_eq!(f.refs.list().unwrap(), [(name("a"), id(1))]);
}

#[test]
fn a_damaged_ref_is_named_and_can_be_mended() {
    let f = fixture();
    for bytes in [&b""[..], b"0101", &[0xff; 5000]] {
        f.write_raw("cats", bytes);
        let error = f.refs.read(&name("cats")).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Corrupt, "the ref 'refs/datasets/cats' is damaged")
        );
        assert!(f.refs.list().is_err());
        assert_eq!(f.refs.names().unwrap(), [name("cats")]);
        assert!(f.update("cats", Expected::Absent, Some(id(1))).is_err());
        f.update("cats", Expected::Any, Some(id(1))).unwrap();
        f.update("cats", Expected::Is(id(1)), None).unwrap();
    }
}

#[test]
fn head_moves_and_the_log_tells() {
    let f = fixture();
    assert_eq!(f.refs.head().unwrap_err().kind(), ErrorKind::Corrupt);
    let (cats, dogs) = (Head::Dataset(name("cats")), Head::Dataset(name("dogs")));
    f.refs.set_head(&f.lock(), None, &cats, &note()).unwrap();
    assert_eq!((f.refs.head().unwrap(), f.refs.head_version().unwrap()), (cats.clone(), None));
    f.update("cats", Expected::Absent, Some(id(1))).unwrap();
    assert_eq!(f.refs.head_version().unwrap(), Some(id(1)));
    f.refs.set_head(&f.lock(), Some(&cats), &Head::Detached(id(9)), &note()).unwrap();
    assert_eq!(f.refs.head_version().unwrap(), Some(id(9)));
    let error = f.refs.set_head(&f.lock(), Some(&cats), &dogs, &note()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let moves = f.refs.log().unwrap().moves;
    let last = moves.last().unwrap();
    assert_eq!((&last.name, last.old, last.new), (&RefName::Head, Some(id(1)), Some(id(9))));
}

#[test]
fn the_log_keeps_what_refs_named() {
    let f = fixture();
    let at = |seconds| Note { time: Time { seconds, offset: 0 }, ..note() };
    let lock = f.lock();
    f.refs.update(&lock, &name("cats"), Expected::Any, Some(id(1)), &at(10)).unwrap();
    f.refs.update(&lock, &name("cats"), Expected::Any, Some(id(2)), &at(20)).unwrap();
    f.refs.update(&lock, &name("cats"), Expected::Any, None, &at(30)).unwrap();
    assert_eq!(f.refs.recent_log_ids(0).unwrap(), [id(1), id(2)]);
    assert_eq!(f.refs.recent_log_ids(30).unwrap(), [id(2)]);
    assert_eq!(f.refs.recent_log_ids(31).unwrap(), []);
    let options = CreateOptions { append: true, ..Default::default() };
    OsFs.create(&f.layout.ref_log(), options).unwrap().write_all(b"hostile\n").unwrap();
    let log = f.refs.log().unwrap();
    assert_eq!((log.moves.len(), log.skipped.len(), log.skipped[0].number), (3, 1, 4));
}

#[test]
fn of_two_writers_who_saw_the_same_exactly_one_wins() {
    let f = fixture();
    f.update("cats", Expected::Absent, Some(id(0))).unwrap();
    for round in 0..20 {
        let won = AtomicUsize::new(0);
        let before = f.refs.read(&name("cats")).unwrap().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let (f, won) = (&f, &won);
                scope.spawn(move || {
                    match f.update("cats", Expected::Is(before), Some(id(1 + 2 * round + writer))) {
                        Ok(()) => _ = won.fetch_add(1, Ordering::Relaxed),
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                    }
                });
            }
        });
        assert_eq!(won.into_inner(), 1);
    }
    assert_eq!(f.refs.log().unwrap().moves.len(), 21);
}
