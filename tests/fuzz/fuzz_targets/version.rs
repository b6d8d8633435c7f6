//! A manifest: no bytes panic, and what decodes has no other encoding.
#![no_main]

use dsv::codec::{decode_version, encode_version};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(version) = decode_version(bytes) {
        assert_eq!(encode_version(&version), bytes);
        let _ = (version.subject(), version.full_label(), version.time.to_human(), version.time.to_string());
    }
});
