//! An index segment of a remote, head and pages: what decodes is in order, is found again, and has no other encoding.
#![no_main]

use dsv::codec::segment::{PAGE_LEN, Page, SEGMENT_HEAD_LEN, Section, SegmentHead, encode_segment, guess_page};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let head = SegmentHead::decode(bytes);
    if let Ok(head) = head {
        let _ = (head.len(), head.section(Section::Metadata), head.section(Section::Data));
    }
    for start in [0, SEGMENT_HEAD_LEN] {
        let Some(rest) = bytes.get(start..) else { continue };
        let Ok(page) = Page::decode(&rest[..rest.len().min(PAGE_LEN)]) else { continue };
        for entry in page.entries() {
            assert_eq!(page.find(entry.kind, &entry.id), Some(entry));
            assert!(page.direction(&entry.id).is_eq());
            assert!(guess_page(7, &entry.id) < 7);
        }
        let (metadata, data): (Vec<_>, Vec<_>) = page.entries().iter().partition(|entry| !entry.kind.is_data());
        let again = encode_segment(&metadata, &data);
        let head = SegmentHead::decode(&again).unwrap();
        assert_eq!(head.len(), again.len() as u64);
    }
});
