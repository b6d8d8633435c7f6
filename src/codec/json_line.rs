//! Logs of one JSON value a line: events, and the moves of refs.
//!
//! Wire form: the value's canonical JSON (UTF-8, no white space, the keys of every object in byte order,
//! serde_json's escapes and numbers) and a line feed. A line that is not canonical is refused, so
//! that the SHA-256 of a line names one value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::DecodeError;
use crate::model::{CopyFacts, Event, EventId, RefEntry, RefMove, Upload};

/// Longest line that is read, in bytes.
pub const MAX_LINE_LEN: usize = 1024 * 1024;

/// A value's canonical JSON, without the line feed.
#[expect(clippy::expect_used, reason = "plain values with text keys always have a JSON form")]
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Through a tree of values, whose objects are sorted maps.
    let tree = serde_json::to_value(value).expect("plain values have a JSON form");
    tree.to_string().into_bytes()
}

fn decode<T: Serialize + DeserializeOwned>(what: &'static str, line: &[u8]) -> Result<T, DecodeError> {
    if line.len() > MAX_LINE_LEN {
        return Err(DecodeError::malformed(what, format!("{} bytes in one line", line.len())));
    }
    let value: T =
        serde_json::from_slice(line).map_err(|error| DecodeError::malformed(what, error.to_string()))?;
    if encode(&value) != line {
        return Err(DecodeError::malformed(what, "not in canonical form"));
    }
    Ok(value)
}

/// The bytes of an event, without the line feed; their SHA-256 is its id.
pub fn encode_event(event: &Event) -> Vec<u8> {
    encode(event)
}

/// The id of an event's bytes.
pub fn event_id(line: &[u8]) -> EventId {
    EventId::Sha256(Sha256::digest(line).into())
}

/// Decodes a line, without its line feed, to an event and its id.
///
/// # Errors
/// When it is no event, one with an action that is not known here, or not canonical.
pub fn decode_event(line: &[u8]) -> Result<(EventId, Event), DecodeError> {
    Ok((event_id(line), decode("event", line)?))
}

/// The bytes of a line of the log of refs, without the line feed.
pub fn encode_ref_move(moved: &RefMove) -> Vec<u8> {
    encode(moved)
}

/// Decodes a line of the log of refs, without its line feed.
///
/// # Errors
/// When it is none or not canonical.
pub fn decode_ref_move(line: &[u8]) -> Result<RefMove, DecodeError> {
    decode("line of the log of refs", line)
}

/// The bytes of an entry of a remote's log of refs.
pub fn encode_ref_entry(entry: &RefEntry) -> Vec<u8> {
    encode(entry)
}

/// Decodes an entry of a remote's log of refs. Keys that are not known are passed over: whoever adds one that
/// matters raises the number of the format or adds a feature, which the caller looks at.
///
/// # Errors
/// When it is none.
pub fn decode_ref_entry(bytes: &[u8]) -> Result<RefEntry, DecodeError> {
    const WHAT: &str = "entry of a remote's log of refs";
    let malformed = |why: String| DecodeError::malformed(WHAT, why);
    let entry: RefEntry = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if entry.format == 0 || entry.number == 0 {
        return Err(malformed("a number is 0".to_owned()));
    }
    Ok(entry)
}

/// The bytes of the mark of an upload under way.
pub fn encode_upload(upload: &Upload) -> Vec<u8> {
    encode(upload)
}

/// Decodes the mark of an upload.
///
/// # Errors
/// When it is none or not canonical.
pub fn decode_upload(bytes: &[u8]) -> Result<Upload, DecodeError> {
    decode("mark of an upload", bytes)
}

/// The bytes of what the machine's cache tells of a copy.
pub fn encode_copy_facts(facts: &CopyFacts) -> Vec<u8> {
    encode(facts)
}

/// Decodes what the machine's cache tells of a copy.
///
/// # Errors
/// When it is none or not canonical.
pub fn decode_copy_facts(bytes: &[u8]) -> Result<CopyFacts, DecodeError> {
    decode("facts of a cached copy", bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{EventAction, RefName, TagName, Time, VersionId};

    fn event(who: &str) -> Event {
        Event {
            version: VersionId::from_bytes([7; 32]),
            action: EventAction::TagAdded { tag: TagName::new("gold").unwrap() },
            who: who.to_owned(),
            time: Time { seconds: 1_700_000_000, offset: 3600 },
            host: "h".to_owned(),
            sequence: 3,
        }
    }

    #[test]
    fn the_bytes_of_an_event_are_pinned() {
        let line = encode_event(&event("Ada\n"));
        let expected = format!(
            concat!(
                r#"{{"action":"tag-added","host":"h","sequence":3,"tag":"gold","#,
                r#""time":"2023-11-14T23:13:20+01:00","version":"{}","who":"Ada\n"}}"#
            ),
            "07".repeat(32)
        );
        assert_eq!(String::from_utf8(line.clone()).unwrap(), expected);
        let (id, back) = decode_event(&line).unwrap();
        assert_eq!((id, back), (event_id(&line), event("Ada\n")));
    }

    #[test]
    fn other_spellings_and_unknown_actions_are_refused() {
        let line = String::from_utf8(encode_event(&event("Ada"))).unwrap();
        for bad in [
            line.replace(':', ": "),
            line.replace("tag-added", "tag-bent"),
            line.replace("\"who\"", "\"x\":1,\"who\""),
            line.replace("gold", "a b"),
            line.replace("07", "0G"),
            line.replace("Ada", "\\u0041da"),
            format!("{line} "),
            String::new(),
        ] {
            assert!(decode_event(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn moves_come_back() {
        let moved = RefMove {
            name: RefName::from_any("vision/cats").unwrap(),
            old: None,
            new: Some(VersionId::from_bytes([1; 32])),
            time: Time { seconds: 0, offset: 0 },
            who: "Ada <a@b>".to_owned(),
            why: "commit: \u{1f408}".to_owned(),
        };
        assert_eq!(decode_ref_move(&encode_ref_move(&moved)).unwrap(), moved);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_event(&bytes);
            let _ = decode_ref_move(&bytes);
            let _ = decode_ref_entry(&bytes);
            let _ = decode_upload(&bytes);
        }

        #[test]
        fn damaged_lines_never_panic(at in 0usize..400, byte in any::<u8>()) {
            let mut line = encode_event(&event("Ada"));
            let at = at % line.len();
            line[at] = byte;
            if let Ok((_, event)) = decode_event(&line) {
                prop_assert_eq!(encode_event(&event), line);
            }
        }

        #[test]
        fn any_person_comes_back(who in ".*", seconds in 0i64..200_000_000_000, minutes in -700i32..700) {
            let event = Event { time: Time { seconds, offset: minutes * 60 }, ..event(&who) };
            prop_assert_eq!(decode_event(&encode_event(&event)).unwrap().1, event);
        }
    }
}
