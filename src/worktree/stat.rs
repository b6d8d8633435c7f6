//! When equal facts of the file system prove that a file has not changed.
//!
//! A file whose size, times, inode and mode are what they were when its content was read is taken to be
//! unchanged; its content is not looked at. That is wrong in one case: the file is written, staged, and
//! written again with the same size before the file system's clock ticks. Then all facts are equal and the
//! content is not. Such a file is *racy*.
//!
//! git compares each file's time with that of its index, whenever the index is read, and rewrites
//! entries when the index is renewed. Here the verdict is given once, when facts come to the index, and
//! stays with them ([`StatFacts::racy`]), since a journal that only grows has no one time:
//!
//! - Content that was **read** ([`StatFacts::of_read`]) is trusted when the file's last change is older than
//!   the opening of the index by more than a tick. Anything that changed since then might have been
//!   written again right behind the reader's back.
//! - Content that was **written** by us ([`StatFacts::of_written`]) is trusted at first.
//! - When the index is saved, all new facts whose last change is not older than that instant by more
//!   than a tick become racy.
//!
//! Both instants are those of the file system ([`file_system_now`]): a server's clock, or a test's, may differ
//! from ours. A racy file is hashed by whoever asks; when it has not changed, its renewed facts can be
//! staged, and are no longer racy since time has passed.
//!
//! What a program writes through a shared mapping gets its time when the system likes; this rule cannot
//! see it sooner than the file system does.

use std::path::Path;
use std::sync::Arc;

use crate::codec::staging_index::StatFacts;
use crate::sys::{Fs, IoContext, IoError, PendingFile, Stat};

/// How coarse the times of usual file systems are: two ticks of the slowest kernel clock (100 Hz).
const TICK_NS: i64 = 20_000_000;
/// The same for file systems that keep whole seconds, or every other one (FAT).
const COARSE_TICK_NS: i64 = 2_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

impl StatFacts {
    /// The facts of a file whose content was read by someone who began at `began_ns` by the file system's
    /// clock or later. `stat` must be from before the first byte was read.
    pub fn of_read(stat: &Stat, began_ns: i64) -> Self {
        let mut facts = Self::of_written(stat);
        facts.settle(began_ns);
        facts
    }

    /// The facts of a file that was just written by us.
    pub const fn of_written(stat: &Stat) -> Self {
        Self {
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
            inode: stat.inode,
            mode: stat.mode,
            racy: false,
        }
    }

    /// Marks the facts as racy when the file changed too shortly before `now_ns`, or after it.
    pub(super) fn settle(&mut self, now_ns: i64) {
        // Whole seconds in both times are no accident on a system that keeps more.
        let coarse = self.mtime_ns % SECOND_NS == 0 && self.ctime_ns % SECOND_NS == 0;
        let tick = if coarse { COARSE_TICK_NS } else { TICK_NS };
        let changed = self.mtime_ns.max(self.ctime_ns);
        self.racy |= changed.saturating_add(tick) >= now_ns;
    }

    /// Whether the file is the one that held the staged content, and cannot have changed since. The size
    /// is the caller's to compare.
    pub const fn proves_unchanged(&self, stat: &Stat) -> bool {
        !self.racy
            && self.mtime_ns == stat.mtime_ns
            && self.ctime_ns == stat.ctime_ns
            && self.inode == stat.inode
            && self.mode == stat.mode
    }
}

/// The time that the file system gives to what is written now, nanoseconds since the epoch.
///
/// # Errors
/// When no file can be created in `directory`.
pub fn file_system_now(fs: &Arc<dyn Fs>, directory: &Path) -> Result<i64, IoError> {
    let mut probe = PendingFile::create(fs, directory)?;
    let stat = probe.file().stat().at("stat", directory)?;
    // Not the ctime, which some systems have not.
    Ok(stat.mtime_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{FileKind, OsFs};

    const NOW: i64 = 1_700_000_000_123_456_789;

    fn stat(mtime_ns: i64, ctime_ns: i64) -> Stat {
        Stat { kind: FileKind::File, size: 1, mtime_ns, ctime_ns, inode: 7, device: 1, mode: 0o644 }
    }

    #[test]
    fn what_changed_within_a_tick_is_racy() {
        let old = NOW - TICK_NS - 1;
        assert!(!StatFacts::of_read(&stat(old, old), NOW).racy);
        assert!(StatFacts::of_read(&stat(old, old + 1), NOW).racy);
        assert!(StatFacts::of_read(&stat(old + 1, old), NOW).racy);
        assert!(StatFacts::of_read(&stat(old, NOW + SECOND_NS), NOW).racy);
        assert!(!StatFacts::of_written(&stat(NOW, NOW)).racy);
        assert!(StatFacts::of_read(&stat(i64::MAX, 0), NOW).racy);
    }

    #[test]
    fn whole_seconds_mean_a_coarse_clock() {
        let second = NOW - NOW % SECOND_NS - SECOND_NS;
        assert!(StatFacts::of_read(&stat(second, second), NOW).racy);
        assert!(StatFacts::of_read(&stat(second, 0), NOW).racy);
        // A time set by hand does not make the clock coarse.
        assert!(!StatFacts::of_read(&stat(second, second + 1), NOW).racy);
        assert!(!StatFacts::of_read(&stat(second - COARSE_TICK_NS, second - COARSE_TICK_NS), NOW).racy);
    }

    #[test]
    fn every_fact_counts() {
        let facts = StatFacts::of_read(&stat(1, 2), NOW);
        assert!(facts.proves_unchanged(&stat(1, 2)));
        assert!(!facts.proves_unchanged(&stat(0, 2)));
        assert!(!facts.proves_unchanged(&stat(1, 3)));
        assert!(!facts.proves_unchanged(&Stat { inode: 8, ..stat(1, 2) }));
        assert!(!facts.proves_unchanged(&Stat { mode: 0o755, ..stat(1, 2) }));
        assert!(!StatFacts { racy: true, ..facts }.proves_unchanged(&stat(1, 2)));
    }

    #[test]
    fn the_file_system_tells_its_time_and_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let fs = OsFs::new();
        let now = file_system_now(&fs, folder.path()).unwrap();
        assert!(now > NOW);
        assert_eq!(fs.list(folder.path()).unwrap().entries().unwrap(), []);
    }
}
