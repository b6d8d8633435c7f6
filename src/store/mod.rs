//! The local database: packs and their indexes, refs, events.

mod blob_reader;
mod blob_writer;
mod consolidate;
mod error;
mod index_file;
mod layout;
mod odb;
mod pack_writer;
mod writer;

pub use blob_reader::BlobReader;
pub use blob_writer::{BlobCompressors, WHOLE_BLOB_MAX};
pub use error::StoreError;
pub use index_file::{IndexFile, pack_file_name};
pub use layout::{DSV_DIR, Layout};
pub use odb::{Counters, Location, ObjectDb, StoreOptions};
pub use writer::{WriteStats, Writer};

#[cfg(test)]
mod tests;
