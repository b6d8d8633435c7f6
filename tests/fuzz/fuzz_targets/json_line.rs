//! A line of the logs of events and of refs: no bytes panic, and what decodes has no other encoding.
#![no_main]

use dsv::codec::json_line::{decode_event, decode_ref_move, encode_event, encode_ref_move};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((_, event)) = decode_event(bytes) {
        assert_eq!(encode_event(&event), bytes);
    }
    if let Ok(moved) = decode_ref_move(bytes) {
        assert_eq!(encode_ref_move(&moved), bytes);
    }
});
