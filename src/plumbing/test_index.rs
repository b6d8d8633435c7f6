//! Staging indexes for tests, beside an object database.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Interrupt;
use crate::store::{ObjectDb, StoreOptions};
use crate::sys::{Fs, LockMode, OsFs, SystemClock, Wait, acquire};
use crate::worktree::IndexEditor;

/// A folder with an object database.
pub(super) struct Fixture {
    dir: tempfile::TempDir,
    fs: Arc<dyn Fs>,
    pub(super) db: Arc<ObjectDb>,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fs: Arc<dyn Fs> = OsFs::new();
        let db = ObjectDb::open(Arc::clone(&fs), &dir.path().join("objects"), StoreOptions::default());
        Self { dir, fs, db: Arc::new(db.unwrap()) }
    }

    /// The staging index of a name, open for changes.
    pub(super) fn index(&self, name: &str) -> IndexEditor {
        let interrupt = Interrupt::new();
        let on_wait = &mut |_: &str| ();
        let wait =
            Wait { timeout: Duration::from_secs(10), clock: &SystemClock, interrupt: &interrupt, on_wait };
        let lock = self.dir.path().join(format!("{name}.lock"));
        let lock = acquire(&*self.fs, &lock, LockMode::Exclusive, "test", wait).unwrap();
        IndexEditor::open(&self.fs, &self.dir.path().join(name), lock).unwrap()
    }
}
