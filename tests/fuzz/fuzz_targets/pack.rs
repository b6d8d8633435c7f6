//! A whole pack: its trailer, its table, its records. Nothing panics, and nothing reaches behind the end.
#![no_main]

use dsv::codec::decompress;
use dsv::codec::header::PACK;
use dsv::codec::pack::{RecordInfo, TRAILER_LEN, decode_table, decode_trailer};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = PACK.strip(bytes);
    if let Ok((info, stored)) = RecordInfo::decode_record(bytes) {
        let _ = decompress(info.compression, stored, info.raw_len as usize);
    }
    let Some(at) = bytes.len().checked_sub(TRAILER_LEN) else { return };
    let Ok(trailer) = decode_trailer(&bytes[at..], bytes.len() as u64) else { return };
    let Ok(records) = decode_table(&bytes[trailer.table_offset as usize..], trailer) else { return };
    for (offset, info) in records {
        let record = &bytes[offset as usize..(offset + info.record_len()) as usize];
        if let Ok((found, stored)) = RecordInfo::decode_record(record) {
            let _ = decompress(found.compression, stored, found.raw_len as usize);
        }
    }
});
