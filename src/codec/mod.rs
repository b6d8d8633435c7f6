//! Bytes to values and back: pure functions, no I/O. `docs/format.md` specifies every byte.

pub mod boundary;
pub mod chunk_list;
pub mod chunker;
mod compress;
mod error;
pub mod header;
pub mod json_line;
pub mod merge_state;
pub mod pack;
pub mod pack_index;
pub mod place_note;
mod read;
pub mod ref_file;
pub mod repository_format;
pub mod segment;
pub mod staging_index;
pub mod tree;
mod version;
mod wire;

pub use compress::{Compression, Compressor, decompress};
pub use error::DecodeError;
pub use version::{MAX_PARENTS, decode_version, encode_version};
