//! The files of refs, `HEAD` and `format`: no bytes panic, and what decodes has no other encoding.
#![no_main]

use dsv::codec::ref_file::{decode_head, decode_ref, encode_head, encode_ref};
use dsv::codec::repository_format::RepositoryFormat;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(id) = decode_ref(bytes) {
        assert_eq!(encode_ref(&id).as_bytes(), bytes);
    }
    if let Ok(head) = decode_head(bytes) {
        assert_eq!(encode_head(&head).as_bytes(), bytes);
    }
    if let Ok(format) = RepositoryFormat::decode(bytes) {
        assert_eq!(RepositoryFormat::decode(format.encode().as_bytes()), Ok(format));
    }
});
