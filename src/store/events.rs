//! The log of events: one canonical JSON object a line, only ever appended to.
//!
//! The order of lines means nothing: a version's record is folded from the set of its events, so two
//! logs merge by the union of their lines.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::line_log::LineLog;
use super::refs::{SkippedLine, lines};
use super::{Layout, RefsLock, StoreError};
use crate::codec::json_line::{decode_event, encode_event, event_id};
use crate::model::{
    DatasetName, Event, EventAction, EventId, FoldedRecord, KnownAs, TagName, VersionId, fold_events,
    known_as,
};
use crate::sys::Fs;

/// The log of one repository.
#[derive(Debug)]
pub struct EventLog {
    log: LineLog,
}

/// What a log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Each event once, in the order of the log.
    pub events: Vec<(EventId, Event)>,
    /// Lines that could not be read, for example because a newer program wrote them.
    pub skipped: Vec<SkippedLine>,
}

impl EventLog {
    /// The log in a repository's folder.
    pub fn new(fs: Arc<dyn Fs>, layout: &Layout) -> Self {
        Self { log: LineLog::new(fs, layout.events()) }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(&self) -> Result<Events, StoreError> {
        let mut all = Events::default();
        let mut seen = HashSet::new();
        for (number, line) in lines(&self.log.read()?) {
            match decode_event(line) {
                Ok((id, event)) if seen.insert(id) => all.events.push((id, event)),
                Ok(_) => {}
                Err(error) => all.skipped.push(SkippedLine { number, why: error.to_string() }),
            }
        }
        Ok(all)
    }

    /// Appends events that are not there yet; returns the ids of all, when they are durable.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub fn append(&self, _lock: &RefsLock, events: &[Event]) -> Result<Vec<EventId>, StoreError> {
        let bytes = self.log.read()?;
        let mut known: HashSet<&[u8]> = lines(&bytes).map(|(_, line)| line).collect();
        let new: Vec<Vec<u8>> = events.iter().map(encode_event).collect();
        let ids = new.iter().map(|line| event_id(line)).collect();
        let missing: Vec<Vec<u8>> = new.iter().filter(|line| known.insert(line)).cloned().collect();
        // With nothing missing too: whoever wrote what is there may not have seen it durable.
        if !events.is_empty() {
            self.log.append(&missing)?;
        }
        Ok(ids)
    }
}

impl Events {
    /// The record of one version.
    pub fn record(&self, version: &VersionId) -> FoldedRecord {
        fold_events(
            self.events.iter().filter(|(_, event)| event.version == *version).map(|(id, event)| (id, event)),
        )
    }

    /// The records of all versions that have events.
    pub fn records(&self) -> BTreeMap<VersionId, FoldedRecord> {
        let mut by_version: BTreeMap<VersionId, Vec<(&EventId, &Event)>> = BTreeMap::new();
        for (id, event) in &self.events {
            by_version.entry(event.version).or_default().push((id, event));
        }
        by_version.into_iter().map(|(version, events)| (version, fold_events(events))).collect()
    }

    /// The versions that bear each tag.
    pub fn tags(&self) -> BTreeMap<TagName, BTreeSet<VersionId>> {
        let mut tags: BTreeMap<TagName, BTreeSet<VersionId>> = BTreeMap::new();
        for (version, record) in self.records() {
            for tag in record.tags {
                tags.entry(tag).or_default().insert(version);
            }
        }
        tags
    }

    /// All names that a dataset had, and labels that are taken though no version bears them any more.
    pub fn known_as(&self, dataset: &DatasetName) -> KnownAs {
        known_as(dataset, self.events.iter().map(|(id, event)| (id, event)))
    }

    /// The versions that were deleted and are not protected.
    pub fn deleted(&self) -> HashSet<VersionId> {
        let candidates =
            self.events.iter().filter(|(_, event)| matches!(event.action, EventAction::Deleted { .. }));
        let candidates: BTreeSet<VersionId> = candidates.map(|(_, event)| event.version).collect();
        candidates.into_iter().filter(|id| self.record(id).deleted.is_some()).collect()
    }

    /// The versions that are protected.
    pub fn published(&self) -> BTreeSet<VersionId> {
        let published = self.events.iter().filter(|(_, event)| event.action == EventAction::Published);
        published.map(|(_, event)| event.version).collect()
    }

    /// The sequence number for the next event of the given second: larger than all that are there.
    pub fn next_sequence(&self, seconds: i64) -> u64 {
        let same_second = self.events.iter().filter(|(_, event)| event.time.seconds == seconds);
        same_second.map(|(_, event)| event.sequence.saturating_add(1)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{EventAction, Interrupt, Time};
    use crate::store::LockRequest;
    use crate::sys::{CreateOptions, OsFs, SystemClock};

    struct Fixture {
        layout: Layout,
        log: EventLog,
        lock: RefsLock,
        _folder: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join(".dsv"), None);
        let request = LockRequest {
            owner: "test",
            timeout: Duration::from_secs(10),
            clock: &SystemClock,
            interrupt: &Interrupt::new(),
            on_wait: &|_| {},
        };
        let lock = RefsLock::acquire(&OsFs, &layout, &request).unwrap();
        Fixture { log: EventLog::new(OsFs::new(), &layout), layout, lock, _folder: folder }
    }

    fn tagged(version: u8, tag: &str, sequence: u64) -> Event {
        Event {
            version: VersionId::from_bytes([version; 32]),
            action: EventAction::TagAdded { tag: TagName::new(tag).unwrap() },
            who: "Ada".into(),
            time: Time { seconds: 5, offset: 0 },
            host: "h".into(),
            sequence,
        }
    }

    #[test]
    fn events_are_a_set() {
        let f = fixture();
        assert_eq!(f.log.read().unwrap(), Events::default());
        let (one, two) = (tagged(1, "gold", 0), tagged(2, "gold", 1));
        let ids = f.log.append(&f.lock, &[one.clone(), one.clone()]).unwrap();
        assert_eq!(ids[0], ids[1]);
        f.log.append(&f.lock, &[two.clone(), one.clone()]).unwrap();
        let all = f.log.read().unwrap();
        assert_eq!(all.events.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), [one, two]);
        assert_eq!(all.tags()[&TagName::new("gold").unwrap()].len(), 2);
        assert_eq!(all.record(&VersionId::from_bytes([1; 32])).tags.len(), 1);
        assert_eq!((all.next_sequence(5), all.next_sequence(6)), (2, 0));
    }

    #[test]
    fn hostile_lines_are_named_and_skipped() {
        let f = fixture();
        f.log.append(&f.lock, &[tagged(1, "gold", 0)]).unwrap();
        let newer =
            String::from_utf8(encode_event(&tagged(1, "gold", 7))).unwrap().replace("tag-added", "blessed");
        let hostile =
            [b"\n\xff\xfe\n{}\n[[[[[[\n".to_vec(), vec![0; 5000], format!("\n{newer}\n").into_bytes()]
                .concat();
        let options = CreateOptions { append: true, ..Default::default() };
        OsFs.create(&f.layout.events(), options).unwrap().write_all(&hostile).unwrap();
        f.log.append(&f.lock, &[tagged(2, "gold", 1)]).unwrap();
        let all = f.log.read().unwrap();
        assert_eq!(all.events.len(), 2);
        assert_eq!(all.skipped.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        assert!(all.skipped[5].why.contains("blessed"), "{:?}", all.skipped[5]);
    }
}
