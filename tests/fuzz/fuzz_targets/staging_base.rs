//! A base file of the staging index: lookups in any bytes end, and what passes the whole check is found.
#![no_main]

use dsv::codec::staging_index::Base;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(base) = Base::open(bytes) else { return };
    let whole = base.check().is_ok();
    for number in 0..base.dir_count().min(64) {
        let Ok(dir) = base.dir(number) else { continue };
        let _ = base.subtree(dir.path);
        for entry in dir.entries.clone().take(64) {
            let Ok(entry) = base.entry(entry) else { continue };
            let found = base.find(dir.path, entry.name);
            assert!(!whole || found == Ok(Some(entry.staged)));
        }
    }
    let _ = base.find(b"a", b"b");
});
