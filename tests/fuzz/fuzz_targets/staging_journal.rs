//! A journal of the staging index: no bytes panic, and what is kept is a beginning of the file.
#![no_main]

use dsv::codec::staging_index::Journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(journal) = Journal::open(bytes) else { return };
    assert!(journal.kept_len() <= bytes.len());
    for op in journal.ops() {
        let _ = op;
    }
});
