//! A dataset's ref on a remote is removed: the next entry of its log leads nowhere. What it led to stays until a collection of
//! garbage finds that nothing else does.

use super::log::{self, Appended};
use super::{Peer, TransferError};
use crate::model::{DatasetName, Expected, REMOTE_FORMAT, RefEntry, Time, VersionId};
use crate::sys::random_hex;

/// How to remove one.
#[derive(Debug, Clone)]
pub struct RemoveOptions {
    /// What it must lead to; anything when there is none.
    pub expected: Option<VersionId>,
    /// Who removes it.
    pub who: String,
    /// When.
    pub time: Time,
    /// Why.
    pub why: String,
}

/// Removes a dataset's ref; false when there is none.
///
/// # Errors
/// [`TransferError::Moved`] when it is not where it is expected; when the remote fails.
pub fn remove_dataset(
    peer: &Peer<'_>,
    dataset: &DatasetName,
    options: &RemoveOptions,
) -> Result<bool, TransferError> {
    let mut newest = log::newest(peer, dataset)?;
    loop {
        let Some(entry) = newest.filter(|entry| entry.version.is_some()) else { return Ok(false) };
        let expected = options.expected.map_or(Expected::Any, Expected::Is);
        if !expected.allows(entry.version) {
            let (url, dataset) = (peer.url(), dataset.clone());
            return Err(TransferError::Moved { url, dataset, theirs: entry.version });
        }
        let last = RefEntry {
            format: REMOTE_FORMAT,
            reader_features: Vec::new(),
            dataset: dataset.clone(),
            number: entry.number + 1,
            version: None,
            previous: entry.version,
            write_id: random_hex(),
            who: options.who.clone(),
            time: options.time,
            why: options.why.clone(),
            segments: Vec::new(),
        };
        match log::append(peer, &last)? {
            Appended::Won => return Ok(true),
            Appended::Lost(other) => newest = Some(*other),
        }
    }
}
