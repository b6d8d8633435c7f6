//! Objects between the local database and a remote: the only place that sees both.
//!
//! A remote holds packs, index segments that tell which record is in which pack, and for each dataset a log of
//! refs whose newest entry names the segments that list everything its version needs. What is sent goes in
//! that order, each step confirmed before the next: an entry never leads to what is not there.

mod condemned;
mod delta;
mod early;
mod error;
mod events;
mod evict;
mod fetch;
pub mod gc;
mod incoming;
pub mod index;
mod known;
mod large;
mod leads;
mod links;
pub mod log;
mod on_demand;
mod outgoing;
mod peer;
mod proof;
mod publish;
mod push;
mod remove;
mod segment;
mod select;
mod show;
pub mod uploads;
mod verify;

pub use early::{EarlyOptions, EarlyOutcome, send_early};
pub use error::TransferError;
pub use events::{ReceivedEvents, receive_events, send_events, unsent_events};
pub use evict::{EvictOutcome, evict};
pub use fetch::{FetchOptions, FetchOutcome, FetchScope, fetch};
pub use known::{forget_known, remember_entry};
pub use links::{Links, facts_of};
pub use on_demand::{OnDemand, Source};
pub use outgoing::unfinished;
pub use peer::Peer;
pub use push::{PushOptions, PushOutcome, push};
pub use remove::{RemoveOptions, remove_dataset};
pub use verify::{VerifyOptions, VerifyOutcome, verify};

pub(super) use crate::store::RecordKey;

use crate::model::{Monitor, NoProgress};

/// The same monitor, for a part of the work whose progress is shown by another measure.
fn quiet<'a>(monitor: &Monitor<'a>) -> Monitor<'a> {
    Monitor { progress: &NoProgress, ..*monitor }
}
