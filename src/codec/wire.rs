//! The one caller of bincode: canonical encoding of serde values behind a format header.
//!
//! Configuration: little-endian, variable-length integers, standard layout (bincode 2, "standard").
//! The decoder demands that the value's own re-encoding is the same bytes, so that every value has
//! exactly one encoding and an id names exactly one value.

use serde::{Deserialize, Serialize};

use super::DecodeError;
use super::header::Format;

/// Nothing that is encoded this way is larger; bounds what a hostile length can ask for.
const MAX_ENCODED: usize = 64 * 1024 * 1024;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_ENCODED>()
}

/// Header and value.
pub(super) fn encode<T: Serialize>(format: Format, value: &T) -> Vec<u8> {
    let mut out = format.header().to_vec();
    encode_into(&mut out, value);
    out
}

#[expect(clippy::expect_used, reason = "writing plain values to memory has no way to fail")]
fn encode_into<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    bincode::serde::encode_into_std_write(value, out, bincode::config::standard())
        .expect("plain values are encodable");
}

/// The value behind the header; trailing bytes and non-canonical encodings are errors.
pub(super) fn decode<'a, T>(format: Format, bytes: &'a [u8]) -> Result<T, DecodeError>
where
    T: Deserialize<'a> + Serialize,
{
    let body = format.strip(bytes)?;
    let malformed = |why: String| DecodeError::malformed(format.name, why);
    let (value, used) = bincode::serde::borrow_decode_from_slice::<T, _>(body, config())
        .map_err(|error| malformed(error.to_string()))?;
    if used != body.len() {
        return Err(malformed(format!("{} trailing bytes", body.len() - used)));
    }
    let mut again = Vec::with_capacity(body.len());
    encode_into(&mut again, &value);
    if again != body {
        return Err(malformed("not in canonical form".to_owned()));
    }
    Ok(value)
}
