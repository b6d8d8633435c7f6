//! Plain values: ids, paths, names, objects, error kinds. No I/O, no clock, no environment.
//!
//! Everything above speaks in these types; they depend on nothing of this crate.

mod cached;
mod draft;
mod entry;
mod event;
mod hex_id;
mod id;
mod kind;
mod link;
mod merge;
mod name;
mod path;
mod progress;
mod refs;
mod remote;
mod state;
mod time;
mod version;

pub use cached::{CopyFacts, PlaceNote};
pub use draft::{DRAFT_FORMAT, Draft, DraftState, Stand};
pub use entry::{Entry, EntryKind, MAX_LINK_LEN, Totals};
pub use event::{Deed, Event, EventAction, EventId, FoldedRecord, KnownAs, Remark, fold_events, known_as};
pub use id::{BlobId, ChunkId, ObjectId, ParseIdError, TreeId, VersionId, parse_hex};
pub use kind::ErrorKind;
pub use link::{ExternalLink, LinkUrl, LinkUrlError, MAX_LINK_URL_LEN, SourceTag};
pub use merge::{ConflictKind, Favour, MergeAction, MergeConflict, MergeState, MergedEntry};
pub use name::{DatasetName, Label, NameError, RemoteName, TagName};
pub use path::{
    EntryName, MAX_DEPTH, MAX_NAME_LEN, MAX_PATH_LEN, PathError, RepoPath, TEMP_PREFIX, is_never_data,
    is_temp_name, quote_path,
};
pub use progress::{Interrupt, Interrupted, Monitor, NoProgress, Progress, ProgressSource};
pub use refs::{DATASET_REFS, Expected, Head, RefMove, RefName, TRACKING_REFS};
pub use remote::{CondemnedList, CondemnedObject, REMOTE_FORMAT, RefEntry, SegmentInfo, Upload, UploadState};
pub use state::{IllegalStep, Step, VersionState};
pub use time::Time;
pub use version::{Author, GitOrigin, Origin, Version};
