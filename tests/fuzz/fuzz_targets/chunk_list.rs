//! A node of a chunk list: no bytes panic, and what decodes has no other encoding.
#![no_main]

use dsv::codec::chunk_list::ChunkList;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = ChunkList::decode(bytes) {
        assert_eq!(list.encode(), bytes);
        assert!(list.len() > 0);
    }
});
