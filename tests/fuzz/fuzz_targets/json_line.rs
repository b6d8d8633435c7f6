//! A line of the logs of events and of refs, an entry of a remote's log, the mark of an upload, a draft, the state of a merge, an external link, a list of what is
//! condemned: no bytes panic,
//! and what decodes has no other encoding; of an entry and of such a list, keys that are not known are passed over.
#![no_main]

use dsv::codec::json_line::{
    decode_condemned, decode_draft, decode_event, decode_link, decode_ref_entry, decode_ref_move, decode_upload, encode_condemned,
    encode_draft, encode_event, encode_link, encode_ref_entry, encode_ref_move, encode_upload,
};
use dsv::codec::merge_state::{decode_merge_state, encode_merge_state};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((_, event)) = decode_event(bytes) {
        assert_eq!(encode_event(&event), bytes);
    }
    if let Ok(moved) = decode_ref_move(bytes) {
        assert_eq!(encode_ref_move(&moved), bytes);
    }
    if let Ok(upload) = decode_upload(bytes) {
        assert_eq!(encode_upload(&upload), bytes);
    }
    if let Ok(draft) = decode_draft(bytes) {
        assert_eq!(encode_draft(&draft), bytes);
    }
    if let Ok(link) = decode_link(bytes) {
        assert_eq!(encode_link(&link), bytes);
    }
    if let Ok(list) = decode_condemned(bytes) {
        assert_eq!(decode_condemned(&encode_condemned(&list)).unwrap(), list);
    }
    if let Ok(state) = decode_merge_state(bytes) {
        assert_eq!(encode_merge_state(&state), bytes);
    }
    if let Ok(entry) = decode_ref_entry(bytes) {
        assert_eq!(decode_ref_entry(&encode_ref_entry(&entry)).unwrap(), entry);
    }
});
