//! What changes about a version: events, and the record that they fold to.
//!
//! A manifest never changes. An event is a small immutable JSON object named by the SHA-256 of its
//! bytes; a version's record is the fold of its events in a fixed order, so that records of two
//! repositories merge by the union of their events.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{TagName, Time, VersionId, version_hex};

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
}

/// One fact about one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The version, as 64 hexadecimal digits.
    #[serde(with = "version_hex")]
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

/// What the events of one version amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoldedRecord {
    /// The tags it bears.
    pub tags: BTreeSet<TagName>,
}

/// Folds the events of one version; the order in which they are given does not matter.
///
/// They are applied by time, then sequence, then id, so every machine comes to the same record.
pub fn fold_events<'a>(events: impl IntoIterator<Item = (&'a EventId, &'a Event)>) -> FoldedRecord {
    let mut ordered: Vec<_> = events.into_iter().collect();
    ordered.sort_by_key(|(id, event)| (event.time.seconds, event.sequence, **id));
    let mut record = FoldedRecord::default();
    for (_, event) in ordered {
        match &event.action {
            EventAction::TagAdded { tag } => {
                record.tags.insert(tag.clone());
            }
            EventAction::TagRemoved { tag } => {
                record.tags.remove(tag);
            }
        }
    }
    record
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn any_order_folds_to_one_record() {
        let tag = TagName::new("gold").unwrap();
        let first = event(1, 0, EventAction::TagAdded { tag: tag.clone() });
        let second = event(1, 1, EventAction::TagRemoved { tag: tag.clone() });
        let third = event(2, 0, EventAction::TagAdded { tag });
        let ids = [1, 2, 3].map(|n| EventId::Sha256([n; 32]));
        let forward = fold_events([(&ids[0], &first), (&ids[1], &second), (&ids[2], &third)]);
        let backward = fold_events([(&ids[2], &third), (&ids[1], &second), (&ids[0], &first)]);
        assert_eq!(forward, backward);
        assert_eq!(forward.tags.len(), 1);
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
