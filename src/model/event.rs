//! What changes about a version: events, and the record that they fold to.
//!
//! A manifest never changes. An event is a small immutable JSON object named by the SHA-256 of its
//! bytes; a version's record is the fold of its events in a fixed order, so that records of two
//! repositories merge by the union of their events.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{DatasetName, Label, TagName, Time, VersionId, VersionState, hex_id};

/// SHA-256 of an event's JSON bytes.
pub type EventId = super::ObjectId;

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum EventAction {
    /// The version bears this tag from now on.
    TagAdded {
        /// The tag.
        tag: TagName,
    },
    /// The version bears this tag no more.
    TagRemoved {
        /// The tag.
        tag: TagName,
    },
    /// The version is described so from now on; by nothing, when the text is empty.
    DescriptionSet {
        /// The description.
        text: String,
    },
    /// Somebody adds a remark.
    NoteAdded {
        /// The remark.
        text: String,
    },
    /// The version is out of the way: lists leave it out unless they are asked for all.
    Archived,
    /// It is in the way again.
    Restored,
    /// The version is protected for good, in every store.
    Published,
    /// The version is gone; its files stay only where another version has them.
    Deleted {
        /// The dataset that it was made for.
        dataset: DatasetName,
        /// Its label there, which no other version gets.
        label: Label,
    },
    /// The dataset whose newest version this was got another name.
    Renamed {
        /// The name that it had.
        from: DatasetName,
        /// The name that it has.
        to: DatasetName,
    },
}

/// One fact about one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The version, as 64 hexadecimal digits.
    #[serde(with = "hex_id")]
    pub version: VersionId,
    /// What happened.
    #[serde(flatten)]
    pub action: EventAction,
    /// Who did it.
    pub who: String,
    /// When.
    pub time: Time,
    /// The host it was done on.
    pub host: String,
    /// Orders events of one second that one process made: later ones are larger.
    pub sequence: u64,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who.
    pub who: String,
    /// When.
    pub time: Time,
}

/// A remark about a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Who made it, and when.
    pub by: Deed,
    /// What it says.
    pub text: String,
}

/// What the events of one version amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoldedRecord {
    /// The tags it bears.
    pub tags: BTreeSet<TagName>,
    /// The description that was set last.
    pub description: Option<String>,
    /// Remarks, the oldest first.
    pub notes: Vec<Remark>,
    /// Since when it is out of the way.
    pub archived: Option<Deed>,
    /// Since when it is protected.
    pub published: Option<Deed>,
    /// Since when it is gone. Never of a version that is published: whoever deleted it could not know that, and
    /// protection wins, whichever came first.
    pub deleted: Option<Deed>,
}

/// Folds the events of one version; the order in which they are given does not matter.
///
/// They are applied by time, then sequence, then id, so every machine comes to the same record.
pub fn fold_events<'a>(events: impl IntoIterator<Item = (&'a EventId, &'a Event)>) -> FoldedRecord {
    let mut ordered: Vec<_> = events.into_iter().collect();
    ordered.sort_by_key(|(id, event)| (event.time.seconds, event.sequence, **id));
    ordered.dedup_by_key(|(id, _)| **id);
    let mut record = FoldedRecord::default();
    for (_, event) in ordered {
        record.apply(event);
    }
    if record.published.is_some() {
        record.deleted = None;
    }
    record
}

/// A dataset by all the names that its versions may bear, and labels that are taken though no version bears them any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAs {
    /// Its name.
    pub name: DatasetName,
    /// Names that it had before.
    pub former: BTreeSet<DatasetName>,
    /// Labels of its versions that were deleted.
    pub deleted: BTreeSet<Label>,
}

impl KnownAs {
    /// Whether a version that was made for a dataset of this name is one of its own.
    pub fn is(&self, name: &DatasetName) -> bool {
        *name == self.name || self.former.contains(name)
    }
}

impl From<DatasetName> for KnownAs {
    /// One that never had another name.
    fn from(name: DatasetName) -> Self {
        Self { name, former: BTreeSet::new(), deleted: BTreeSet::new() }
    }
}

/// What events tell of the names and deleted labels of a dataset.
pub fn known_as<'a>(
    name: &DatasetName,
    events: impl IntoIterator<Item = (&'a EventId, &'a Event)>,
) -> KnownAs {
    let mut known = KnownAs::from(name.clone());
    let (mut renames, mut deleted) = (Vec::new(), Vec::new());
    for (id, event) in events {
        match &event.action {
            EventAction::Renamed { from, to } => {
                renames.push(((event.time.seconds, event.sequence, *id), from, to));
            }
            EventAction::Deleted { dataset, label } => deleted.push((dataset, label)),
            _ => {}
        }
    }
    renames.sort_unstable_by_key(|(when, ..)| *when);
    for (_, from, to) in renames.into_iter().rev() {
        if known.is(to) {
            known.former.insert(from.clone());
        }
    }
    known.former.remove(name);
    known.deleted =
        deleted.into_iter().filter(|(of, _)| known.is(of)).map(|(_, label)| label.clone()).collect();
    known
}

impl FoldedRecord {
    /// The state of a version that is whole here.
    pub const fn state(&self) -> VersionState {
        if self.published.is_some() {
            VersionState::Published
        } else if self.deleted.is_some() {
            VersionState::Deleted
        } else {
            VersionState::Final
        }
    }

    fn apply(&mut self, event: &Event) {
        let by = || Deed { who: event.who.clone(), time: event.time };
        match &event.action {
            EventAction::TagAdded { tag } => _ = self.tags.insert(tag.clone()),
            EventAction::TagRemoved { tag } => _ = self.tags.remove(tag),
            EventAction::DescriptionSet { text } => {
                self.description = (!text.is_empty()).then(|| text.clone());
            }
            EventAction::NoteAdded { text } => self.notes.push(Remark { by: by(), text: text.clone() }),
            EventAction::Archived => _ = self.archived.get_or_insert_with(by),
            EventAction::Restored => self.archived = None,
            EventAction::Published => _ = self.published.get_or_insert_with(by),
            EventAction::Deleted { .. } => _ = self.deleted.get_or_insert_with(by),
            // What a dataset is called is no fact about one of its versions.
            EventAction::Renamed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(second: i64, sequence: u64, action: EventAction) -> Event {
        let version = VersionId::from_bytes([7; 32]);
        Event {
            version,
            action,
            who: "a".into(),
            time: Time { seconds: second, offset: 0 },
            host: "h".into(),
            sequence,
        }
    }

    fn gone() -> EventAction {
        EventAction::Deleted { dataset: DatasetName::new("cats").unwrap(), label: Label::first() }
    }

    fn id(n: u8) -> EventId {
        EventId::Sha256([n; 32])
    }

    #[test]
    fn any_order_folds_to_one_record() {
        let tag = TagName::new("gold").unwrap();
        let first = event(1, 0, EventAction::TagAdded { tag: tag.clone() });
        let second = event(1, 1, EventAction::TagRemoved { tag: tag.clone() });
        let third = event(2, 0, EventAction::TagAdded { tag });
        let ids = [1, 2, 3].map(id);
        let forward = fold_events([(&ids[0], &first), (&ids[1], &second), (&ids[2], &third)]);
        let backward = fold_events([(&ids[2], &third), (&ids[1], &second), (&ids[0], &first)]);
        assert_eq!(forward, backward);
        assert_eq!(forward.tags.len(), 1);
    }

    #[test]
    fn published_wins_over_deleted_whichever_came_first() {
        let (published, deleted) = (event(1, 0, EventAction::Published), event(2, 0, gone()));
        let ids = [1, 2].map(id);
        let record = fold_events([(&ids[0], &published), (&ids[1], &deleted)]);
        assert!(record.published.is_some() && record.deleted.is_none());
        let (published, deleted) = (event(2, 0, EventAction::Published), event(1, 0, gone()));
        let record = fold_events([(&ids[0], &published), (&ids[1], &deleted)]);
        assert!(record.published.is_some() && record.deleted.is_none());
        let record = fold_events([(&ids[1], &deleted)]);
        assert_eq!(record.deleted.map(|by| by.time.seconds), Some(1));
    }

    #[test]
    fn a_dataset_is_known_by_its_former_names() {
        let name = |text: &str| DatasetName::new(text).unwrap();
        let renamed = |second, from: &str, to: &str| {
            event(second, 0, EventAction::Renamed { from: name(from), to: name(to) })
        };
        let events = [
            renamed(2, "b", "c"),
            renamed(1, "a", "b"),
            renamed(3, "x", "y"),
            event(4, 0, EventAction::Deleted { dataset: name("a"), label: Label::first() }),
        ];
        let ids = [1, 2, 3, 4].map(id);
        let known = |text: &str| known_as(&name(text), ids.iter().zip(&events));
        assert_eq!(known("c").former, [name("a"), name("b")].into());
        assert_eq!(known("c").deleted, [Label::first()].into());
        assert_eq!(known("b").former, [name("a")].into());
        assert!(known("y").is(&name("x")) && known("y").deleted.is_empty() && known("z").former.is_empty());
    }

    fn action() -> impl Strategy<Value = EventAction> {
        let tag = || "[ab]".prop_map(|text| TagName::new(text).unwrap());
        prop_oneof![
            tag().prop_map(|tag| EventAction::TagAdded { tag }),
            tag().prop_map(|tag| EventAction::TagRemoved { tag }),
            "[xy]?".prop_map(|text| EventAction::DescriptionSet { text }),
            "[xy]".prop_map(|text| EventAction::NoteAdded { text }),
            Just(EventAction::Archived),
            Just(EventAction::Restored),
            Just(EventAction::Published),
            Just(gone()),
        ]
    }

    proptest! {
        /// Clocks that differ, equal times, repetitions: what a machine was told in which order changes nothing.
        #[test]
        fn every_order_and_repetition_folds_to_the_same(
            events in prop::collection::vec((0i64..3, 0u64..2, action()), 0..12),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        ) {
            let events: Vec<(EventId, Event)> = (0u8..)
                .zip(events)
                .map(|(n, (second, sequence, action))| (id(n), event(second, sequence, action)))
                .collect();
            let once = fold_events(events.iter().map(|(id, event)| (id, event)));
            let mut told = events.clone();
            if !events.is_empty() {
                told.extend(order.iter().map(|at| events[at.index(events.len())].clone()));
                for (at, other) in order.iter().enumerate() {
                    let (at, other) = (at % told.len(), other.index(told.len()));
                    told.swap(at, other);
                }
            }
            prop_assert_eq!(fold_events(told.iter().map(|(id, event)| (id, event))), once);
        }
    }

    #[test]
    fn json_round_trip() {
        let tag = TagName::new("gold").unwrap();
        let event = event(1, 0, EventAction::TagAdded { tag });
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.contains(r#""action":"tag-added","tag":"gold""#), "{json}");
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
