//! The local database: packs and their indexes, refs, events.

mod blob_reader;
mod blob_writer;
pub mod consolidate;
mod drafts;
mod error;
mod events;
mod files;
mod format;
mod index_file;
mod inventory;
mod layout;
mod line_log;
mod link_source;
mod locks;
mod merge_file;
mod odb;
mod pack_file;
mod pack_writer;
mod promisor;
mod record_set;
mod refs;
mod tombstones;
mod tracking;
mod users;
mod writer;

pub use blob_reader::BlobReader;
pub use blob_writer::{BlobCompressors, WHOLE_BLOB_MAX, cut_chunks};
pub use drafts::Drafts;
pub use error::StoreError;
pub use events::{EventLog, Events};
pub use format::{check_readable, check_writable, read_format, write_format};
pub use index_file::{IndexFile, pack_file_name};
pub use inventory::{StoreFile, StoreFileKind};
pub use layout::{DSV_DIR, Layout};
pub use link_source::{LinkError, LinkSource, WantedLink};
pub use locks::{ConsolidationLock, IndexLock, LockRequest, ObjectsLock, RefsLock, SourcesLock};
pub use merge_file::{read_merge, remove_merge, write_merge};
pub use odb::{Counters, Location, ObjectDb, StoreOptions, UnreadableIndex};
pub use pack_file::{PackFile, PackTable, RecordRun, Scan, ScannedRecord, StoredRecord, runs, write_index};
pub use promisor::{Promisor, RecordKey};
pub use record_set::RecordSet;
pub use refs::{Note, RefLog, Refs, SkippedLine};
pub use tracking::{Tracked, TrackingRefs};
pub use users::{forget_user, is_registered, register_user, users_of_store};
pub use writer::{WriteStats, Writer};

#[cfg(test)]
mod tests;
