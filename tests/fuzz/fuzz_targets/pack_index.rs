//! An index of packs: lookups in any bytes end, and what passes the whole check is in order.
#![no_main]

use dsv::codec::pack_index::{IndexLayout, check_index};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(layout) = IndexLayout::read(bytes) else { return };
    let mut id = [0; 32];
    for (to, from) in id.iter_mut().zip(bytes.iter().rev()) {
        *to = *from;
    }
    for digits in [0, 1, 2, 7, 64] {
        for number in layout.find_prefix(bytes, &id, digits).take(64) {
            let _ = (layout.id(bytes, number), layout.locator(bytes, number));
        }
    }
    for number in 0..layout.pack_count().min(64) {
        let _ = layout.pack_name(bytes, number);
    }
    if check_index(bytes).is_ok() {
        for number in 0..layout.record_count().min(256) {
            assert!(layout.find(bytes, &layout.id(bytes, number)).contains(&number));
        }
    }
});
