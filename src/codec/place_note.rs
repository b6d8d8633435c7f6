//! Notes of the machine's cache: a path on one of the hosts that share it.
//!
//! Wire form: the host's name, a zero byte, the number of the device in decimal digits, a zero byte, the path.

use super::DecodeError;
use crate::model::PlaceNote;

/// The bytes of a note. A host's name has no zero byte, as nothing has that comes from the environment.
pub fn encode_place(place: &PlaceNote) -> Vec<u8> {
    let mut bytes = format!("{}\0{}\0", place.host.replace('\0', ""), place.device).into_bytes();
    bytes.extend_from_slice(&place.path);
    bytes
}

/// Decodes a note.
///
/// # Errors
/// When it is none, or not as [`encode_place`] writes it.
pub fn decode_place(bytes: &[u8]) -> Result<PlaceNote, DecodeError> {
    let malformed = || DecodeError::malformed("note of a place", "expected a host, a device and a path");
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().ok_or_else(malformed);
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| malformed());
    let (host, device, path) = (text(part()?)?, text(part()?)?, part()?.to_owned());
    let place = PlaceNote { host, device: device.parse().map_err(|_| malformed())?, path };
    if !place.path.is_empty() && encode_place(&place) == bytes { Ok(place) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_note_has_one_form(host in "[^\0]{0,20}", device: u64, path in "[^\0]{1,40}") {
            let place = PlaceNote { host, device, path: path.into_bytes() };
            prop_assert_eq!(decode_place(&encode_place(&place)).unwrap(), place);
        }

        #[test]
        fn no_bytes_panic_and_what_decodes_has_no_other_form(bytes: Vec<u8>) {
            if let Ok(place) = decode_place(&bytes) {
                prop_assert_eq!(encode_place(&place), bytes);
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [&b""[..], b"/a/path", b"lab\x007", b"lab\x007\0", b"lab\x00+7\0/a", b"lab\x0007\0/a"] {
            assert!(decode_place(bad).is_err(), "{bad:?}");
        }
    }
}
