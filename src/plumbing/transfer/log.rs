//! A dataset's log of refs on a remote: to move a ref is to create the entry with the next number.
//!
//! Of two who create the same number one wins, since the store creates an object only if it is absent. A
//! writer whose answer was lost finds its own write id in the entry and knows that it won.
//!
//! The object `heads/<dataset>/-head.json` repeats an entry, the newest one unless its writer died in between. It is
//! where a reader begins; whether there are newer ones it finds out by asking for the next number.

use super::{Peer, TransferError};
use crate::codec::json_line::{decode_ref_entry, encode_ref_entry};
use crate::model::{DatasetName, REMOTE_FORMAT, RefEntry};
use crate::remote::{Created, RemoteError, keys};

/// Longest entry that is read, in bytes: some hundred thousand segments.
const MAX_ENTRY_LEN: u64 = 64 * 1024 * 1024;

/// How an attempt to move a ref ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// The entry is there.
    Won,
    /// Another one has its number.
    Lost(Box<RefEntry>),
}

/// The newest entry of a dataset; `None` when the remote has no such dataset.
///
/// # Errors
/// When the remote fails, an entry is damaged, or it is of a newer format.
pub fn newest(peer: &Peer<'_>, dataset: &DatasetName) -> Result<Option<RefEntry>, TransferError> {
    let hint = read(peer, &keys::head(dataset))?;
    newest_from(peer, dataset, hint)
}

/// As [`newest`], where an entry is known already.
///
/// # Errors
/// As [`newest`].
pub fn newest_from(
    peer: &Peer<'_>,
    dataset: &DatasetName,
    known: Option<RefEntry>,
) -> Result<Option<RefEntry>, TransferError> {
    if let Some(entry) = known.as_ref().filter(|entry| entry.dataset != *dataset) {
        return Err(misplaced(peer, &keys::head(dataset), entry));
    }
    let at = |number| read_entry(peer, dataset, number);
    let start = known.as_ref().map_or(0, |entry| entry.number);
    // In growing steps until there is none, then between the last two: a log has no gaps.
    let (mut low, mut found, mut step) = (start, known, 1);
    let mut high = loop {
        match at(low + step)? {
            Some(entry) => (low, found, step) = (low + step, Some(entry), step * 2),
            None => break low + step,
        }
    };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match at(middle)? {
            Some(entry) => (low, found) = (middle, Some(entry)),
            None => high = middle,
        }
    }
    Ok(found)
}

/// One entry; `None` when there is none of this number.
///
/// # Errors
/// As [`newest`].
pub fn read_entry(
    peer: &Peer<'_>,
    dataset: &DatasetName,
    number: u64,
) -> Result<Option<RefEntry>, TransferError> {
    let key = keys::ref_entry(dataset, number);
    let entry = read(peer, &key)?;
    match entry {
        Some(entry) if entry.dataset != *dataset || entry.number != number => {
            Err(misplaced(peer, &key, &entry))
        }
        entry => Ok(entry),
    }
}

fn misplaced(peer: &Peer<'_>, key: &str, entry: &RefEntry) -> TransferError {
    let why = format!("it is the entry {} of '{}'", entry.number, entry.dataset);
    peer.malformed(key, "entry of a remote's log of refs", why)
}

fn read(peer: &Peer<'_>, key: &str) -> Result<Option<RefEntry>, TransferError> {
    let Some(bytes) = peer.get(key, MAX_ENTRY_LEN)? else { return Ok(None) };
    let entry = decode_ref_entry(&bytes).map_err(|source| peer.damaged(key, source))?;
    check_readable(peer, entry.format, &entry.reader_features)?;
    Ok(Some(entry))
}

/// Refuses what a newer program wrote and this one would misread.
pub(super) fn check_readable(peer: &Peer<'_>, format: u32, features: &[String]) -> Result<(), TransferError> {
    let why = if format > REMOTE_FORMAT {
        format!("has format {format}, and this dsv knows formats up to {REMOTE_FORMAT}")
    } else if let Some(feature) = features.first() {
        format!("uses the unknown feature '{}'", crate::model::quote_path(feature.as_bytes()))
    } else {
        return Ok(());
    };
    Err(TransferError::UnsupportedFormat { url: peer.url(), why })
}

/// Creates the entry of its number, and then repeats it as the head.
///
/// # Errors
/// When the remote fails in such a way that it is not known whether the entry is there.
pub fn append(peer: &Peer<'_>, entry: &RefEntry) -> Result<Appended, TransferError> {
    let bytes = encode_ref_entry(entry);
    let key = keys::ref_entry(&entry.dataset, entry.number);
    let appended = match peer.create(&key, bytes.clone()) {
        Ok(Created::New) => Appended::Won,
        Ok(Created::Exists) => read_back(peer, entry, None)?,
        // The answer may have been lost after the entry was made.
        Err(TransferError::Remote(error)) if !matches!(error, RemoteError::Interrupted(_)) => {
            read_back(peer, entry, Some(error))?
        }
        Err(error) => return Err(error),
    };
    if appended == Appended::Won {
        // Only a hint, which the next move of the ref renews; whatever becomes of it, the ref has moved.
        let _ = peer.put(&keys::head(&entry.dataset), &bytes.into());
    }
    Ok(appended)
}

fn read_back(
    peer: &Peer<'_>,
    entry: &RefEntry,
    error: Option<RemoteError>,
) -> Result<Appended, TransferError> {
    match (read_entry(peer, &entry.dataset, entry.number)?, error) {
        (Some(found), _) if found.write_id == entry.write_id => Ok(Appended::Won),
        (Some(found), _) => Ok(Appended::Lost(Box::new(found))),
        (None, Some(error)) => Err(error.into()),
        (None, None) => {
            let key = keys::ref_entry(&entry.dataset, entry.number);
            Err(TransferError::MissingObject { url: peer.url(), key })
        }
    }
}

/// The newest entries of all datasets, in order of name; of those that were removed, too.
///
/// # Errors
/// When the remote cannot be listed, or as [`newest`].
pub fn all_newest(peer: &Peer<'_>) -> Result<Vec<RefEntry>, TransferError> {
    let newest = datasets(peer)?.into_iter().filter_map(|dataset| newest(peer, &dataset).transpose());
    newest.collect()
}

/// Every dataset that the remote has a head of, in order of name. One that was removed is among them.
///
/// # Errors
/// When the remote cannot be listed.
pub fn datasets(peer: &Peer<'_>) -> Result<Vec<DatasetName>, TransferError> {
    let mut names = Vec::new();
    peer.list(keys::HEADS, &mut |key, _| {
        names.extend(keys::dataset_of_head(key));
        Ok(())
    })?;
    names.sort_unstable();
    Ok(names)
}
