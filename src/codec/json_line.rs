//! Logs of one JSON value a line, events and the moves of refs, and other small values in the same form.
//!
//! Wire form: the value's canonical JSON (UTF-8, no white space, the keys of every object in byte order,
//! serde_json's escapes and numbers) and a line feed. A line that is not canonical is refused, so
//! that the SHA-256 of a line names one value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::DecodeError;
use crate::model::{
    CondemnedList, CopyFacts, DRAFT_FORMAT, Draft, Event, EventId, ExternalLink, MAX_LINK_LEN, RefEntry,
    RefMove, Upload,
};

/// Longest line that is read, in bytes.
pub const MAX_LINE_LEN: usize = 1024 * 1024;

/// A value's canonical JSON, without the line feed.
#[expect(clippy::expect_used, reason = "plain values with text keys always have a JSON form")]
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
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
    decode_numbered("entry of a remote's log of refs", bytes, |entry: &RefEntry| (entry.format, entry.number))
}

/// The bytes of a list of what is about to be removed from a remote.
pub fn encode_condemned(list: &CondemnedList) -> Vec<u8> {
    encode(list)
}

/// Decodes a list of what is about to be removed from a remote. Keys that are not known are passed over, as in
/// [`decode_ref_entry`].
///
/// # Errors
/// When it is none.
pub fn decode_condemned(bytes: &[u8]) -> Result<CondemnedList, DecodeError> {
    decode_numbered("list of condemned objects", bytes, |list: &CondemnedList| (list.format, list.number))
}

/// Decodes a value that may have keys that are not known, and has a format and a number from 1.
fn decode_numbered<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    format_and_number: impl FnOnce(&T) -> (u32, u64),
) -> Result<T, DecodeError> {
    let malformed = |why: String| DecodeError::malformed(what, why);
    let value: T = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    let (format, number) = format_and_number(&value);
    if format == 0 || number == 0 {
        return Err(malformed("a number is 0".to_owned()));
    }
    Ok(value)
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

/// The bytes of a draft.
pub fn encode_draft(draft: &Draft) -> Vec<u8> {
    encode(draft)
}

/// Decodes a draft.
///
/// # Errors
/// When it is none, is not canonical, or is of a newer format.
pub fn decode_draft(bytes: &[u8]) -> Result<Draft, DecodeError> {
    let draft: Draft = decode("draft", bytes)?;
    if draft.format == 0 || draft.format > DRAFT_FORMAT {
        let why = format!("format {}, and this dsv knows formats up to {DRAFT_FORMAT}", draft.format);
        return Err(DecodeError::malformed("draft", why));
    }
    Ok(draft)
}

/// The bytes of the blob of an external link.
pub fn encode_link(link: &ExternalLink) -> Vec<u8> {
    encode(link)
}

/// Decodes the blob of an external link.
///
/// # Errors
/// When it is none, not canonical, or has a URL that may not stand in one.
pub fn decode_link(bytes: &[u8]) -> Result<ExternalLink, DecodeError> {
    if bytes.len() as u64 > MAX_LINK_LEN {
        return Err(DecodeError::malformed("external link", format!("{} bytes", bytes.len())));
    }
    decode("external link", bytes)
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
    use crate::model::{
        BlobId, CondemnedObject, DatasetName, DraftState, EventAction, Label, LinkUrl, RefName, SourceTag,
        Stand, TagName, Time, TreeId, VersionId,
    };

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

    fn link() -> ExternalLink {
        ExternalLink {
            url: LinkUrl::new("s3://bucket/cats/1.jpg").unwrap(),
            size: 7,
            etag: SourceTag::etag("abc"),
            version: SourceTag::new("v1"),
            modified: SourceTag::new("2026-01-02T03:04:05Z"),
            sha256: Some(BlobId::from_bytes([7; 32])),
        }
    }

    #[test]
    fn the_bytes_of_a_link_are_pinned() {
        let bytes = encode_link(&link());
        let expected = format!(
            concat!(
                r#"{{"etag":"\"abc\"","modified":"2026-01-02T03:04:05Z","sha256":"{}","size":7,"#,
                r#""url":"s3://bucket/cats/1.jpg","version":"v1"}}"#
            ),
            "07".repeat(32)
        );
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert_eq!(decode_link(&bytes).unwrap(), link());
        let bare = ExternalLink { etag: None, version: None, modified: None, sha256: None, ..link() };
        let bytes = encode_link(&bare);
        assert_eq!(bytes, br#"{"size":7,"url":"s3://bucket/cats/1.jpg"}"#);
        assert_eq!(decode_link(&bytes).unwrap(), bare);
    }

    #[test]
    fn hostile_links_are_refused() {
        let text = String::from_utf8(encode_link(&link())).unwrap();
        for bad in [
            text.replace("s3://bucket", "s3://user:pw@bucket"),
            text.replace("s3://bucket/cats/1.jpg", "https://h/x?sig=1"),
            text.replace("s3://bucket/cats/1.jpg", "file:///../x"),
            text.replace("s3://bucket/cats/1.jpg", &format!("s3://b/{}", "x".repeat(5000))),
            text.replace("\"v1\"", "\"\""),
            text.replace("\"v1\"", "null"),
            text.replace("\"v1\"", &format!("\"{}\"", "v".repeat(2000))),
            text.replace("0707", "07G7"),
            text.replace(":7,", ":-7,"),
            text.replace("\"size\"", "\"password\":\"x\",\"size\""),
            format!("{text}\n"),
        ] {
            assert!(decode_link(bad.as_bytes()).is_err(), "{bad}");
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

    #[test]
    fn drafts_come_back_and_bad_ones_are_refused() {
        let draft = Draft {
            format: DRAFT_FORMAT,
            dataset: DatasetName::new("vision/cats").unwrap(),
            tip: None,
            parents: vec![VersionId::from_bytes([1; 32])],
            base: TreeId::from_bytes([2; 32]),
            staged: Some(TreeId::from_bytes([3; 32])),
            state: DraftState::Aborted,
            reason: None,
            label: Some(Label::first()),
            tags: [TagName::new("gold").unwrap()].into(),
            description: None,
            metadata: [("rows".to_owned(), serde_json::json!(3))].into(),
            from: Stand::Version(VersionId::from_bytes([4; 32])),
            from_full: true,
            who: "Ada".to_owned(),
            host: "h".to_owned(),
            time: Time { seconds: 5, offset: 0 },
        };
        let bytes = encode_draft(&draft);
        assert_eq!(decode_draft(&bytes).unwrap(), draft);
        let text = String::from_utf8(bytes).unwrap();
        for bad in [
            text.replace("\"format\":1", "\"format\":2"),
            text.replace("\"format\":1", "\"format\":0"),
            text.replace("aborted", "ready"),
            text.replace("vision/cats", "../cats"),
            text.replace("\"who\"", "\"x\":1,\"who\""),
            text.replace("03", "0"),
            format!("{text} "),
        ] {
            assert!(decode_draft(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    fn condemned(objects: Vec<CondemnedObject>) -> CondemnedList {
        let (who, time) = ("Ada".to_owned(), Time { seconds: 1_700_000_000, offset: 3600 });
        CondemnedList { format: 1, reader_features: vec![], number: 3, who, time, objects }
    }

    #[test]
    fn condemned_lists_come_back_and_bad_ones_are_refused() {
        let since = Some(Time { seconds: 5, offset: 0 });
        let object = CondemnedObject { key: "index/x.seg".to_owned(), bytes: 7, since, gone: None };
        let list = condemned(vec![object.clone(), CondemnedObject { since: None, gone: since, ..object }]);
        let bytes = encode_condemned(&list);
        assert_eq!(decode_condemned(&bytes).unwrap(), list);
        let text = String::from_utf8(bytes).unwrap();
        let newer = text.replace("\"format\"", "\"another\":[],\"format\"");
        assert_eq!(decode_condemned(newer.as_bytes()).unwrap(), list);
        for bad in [
            text.replace("\"number\":3", "\"number\":0"),
            text.replace("\"format\":1", "\"format\":0"),
            text.replace("\"bytes\":7", "\"bytes\":-7"),
            text.replace("1970", "soon"),
            format!("{text}{text}"),
        ] {
            assert!(decode_condemned(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_condemned_list_comes_back(
            objects in proptest::collection::vec((".*", any::<u64>(), any::<bool>(), 0i64..200_000_000_000), 0..5),
        ) {
            let object = |(key, bytes, new, seconds): (String, u64, bool, i64)| {
                let since = Some(Time { seconds, offset: 0 }).filter(|_| !new);
                CondemnedObject { key, bytes, since, gone: since }
            };
            let list = condemned(objects.into_iter().map(object).collect());
            prop_assert_eq!(decode_condemned(&encode_condemned(&list)).unwrap(), list);
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_event(&bytes);
            let _ = decode_ref_move(&bytes);
            let _ = decode_ref_entry(&bytes);
            let _ = decode_condemned(&bytes);
            let _ = decode_upload(&bytes);
            let _ = decode_draft(&bytes);
            let _ = decode_link(&bytes);
        }

        #[test]
        fn a_damaged_link_never_panics(at in 0usize..400, byte in any::<u8>()) {
            let mut bytes = encode_link(&link());
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(link) = decode_link(&bytes) {
                prop_assert_eq!(encode_link(&link), bytes);
            }
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
