//! Uploads that have not ended, as their marks tell.

use super::{Peer, TransferError};
use crate::codec::json_line::decode_upload;
use crate::model::Upload;
use crate::remote::keys;

/// Longest mark that is read, in bytes.
const MAX_MARK_LEN: u64 = 1024 * 1024;

/// Every upload that the remote has a mark of, in order of key. A mark that cannot be read, or vanishes meanwhile, is
/// passed over: it is for people, and nothing depends on it.
///
/// # Errors
/// When the remote cannot be listed or read.
pub fn list(peer: &Peer<'_>) -> Result<Vec<Upload>, TransferError> {
    let mut marks = Vec::new();
    peer.list(keys::UPLOADS, &mut |key, _| {
        marks.push(key.to_owned());
        Ok(())
    })?;
    marks.sort_unstable();
    let mut uploads = Vec::new();
    for key in marks {
        let Some(bytes) = peer.get(&key, MAX_MARK_LEN)? else { continue };
        uploads.extend(decode_upload(&bytes));
    }
    Ok(uploads)
}
