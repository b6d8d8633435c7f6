//! A small history in a scratch repository, for the unit tests of what walks it.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Author, DatasetName, Event, EventAction, Expected, Head, Interrupt, Origin, TagName, Time, Totals,
    TreeId, Version, VersionId,
};
use crate::plumbing::rev_parse::Names;
use crate::store::{EventLog, Layout, LockRequest, Note, ObjectDb, Refs, RefsLock, StoreOptions, Writer};
use crate::sys::{OsFs, SystemClock};

pub(super) struct Scratch {
    pub(super) db: Arc<ObjectDb>,
    pub(super) refs: Refs,
    pub(super) events: EventLog,
    pub(super) interrupt: Interrupt,
    layout: Layout,
    _folder: tempfile::TempDir,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join(".dsv"), None);
        let fs = OsFs::new();
        fs.create_dir_all(&layout.objects).unwrap();
        let db = ObjectDb::open(Arc::clone(&fs), &layout.objects, StoreOptions::default()).unwrap();
        let scratch = Self {
            db: Arc::new(db),
            refs: Refs::new(Arc::clone(&fs), &layout),
            events: EventLog::new(fs, &layout),
            interrupt: Interrupt::new(),
            layout,
            _folder: folder,
        };
        scratch.set_head(&Head::Dataset(dataset("cats")));
        scratch
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names { db: &self.db, refs: &self.refs, events: &self.events, interrupt: &self.interrupt }
    }

    pub(super) fn lock(&self) -> RefsLock {
        let request = LockRequest {
            owner: "test",
            timeout: Duration::from_secs(10),
            clock: &SystemClock,
            interrupt: &self.interrupt,
            on_wait: &|_| {},
        };
        RefsLock::acquire(&OsFs, &self.layout, &request).unwrap()
    }

    pub(super) fn set_head(&self, head: &Head) {
        self.refs.set_head(&self.lock(), None, head, &note()).unwrap();
    }

    /// Stores a version of the tree `tree`; the second is also its time.
    pub(super) fn version(&self, full_label: &str, second: i64, parents: &[VersionId]) -> VersionId {
        self.version_of(TreeId::from_bytes([9; 32]), full_label, second, parents)
    }

    pub(super) fn version_of(
        &self,
        tree: TreeId,
        full_label: &str,
        second: i64,
        parents: &[VersionId],
    ) -> VersionId {
        let (name, label) = full_label.split_once('@').unwrap();
        let version = Version {
            tree,
            parents: parents.to_vec(),
            dataset: dataset(name),
            label: label.parse().unwrap(),
            author: Author { name: "Ada".into(), email: String::new() },
            time: Time { seconds: second, offset: 0 },
            message: format!("subject {second}"),
            metadata: Default::default(),
            origin: Origin::default(),
            totals: Totals::default(),
        };
        let writer = Writer::new(&self.db).unwrap();
        let id = writer.put_version(&version).unwrap();
        writer.finish().unwrap();
        id
    }

    /// Points a dataset at a version.
    pub(super) fn point(&self, name: &str, id: VersionId) {
        self.refs.update(&self.lock(), &dataset(name), Expected::Any, Some(id), &note()).unwrap();
    }

    pub(super) fn tag(&self, id: VersionId, tag: &str) {
        let event = Event {
            version: id,
            action: EventAction::TagAdded { tag: TagName::new(tag).unwrap() },
            who: "Ada".into(),
            time: note().time,
            host: "h".into(),
            sequence: 0,
        };
        self.events.append(&self.lock(), &[event]).unwrap();
    }
}

pub(super) fn dataset(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

pub(super) fn note() -> Note {
    Note { who: "Ada".into(), time: Time { seconds: 1, offset: 0 }, why: "test".into() }
}
