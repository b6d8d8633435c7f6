//! The file that tells of a merge under way. Whoever changes it holds the lock of the staging index.

use std::io;
use std::sync::Arc;

use super::{Layout, StoreError};
use crate::codec::DecodeError;
use crate::codec::merge_state::{MAX_MERGE_STATE_LEN, decode_merge_state, encode_merge_state};
use crate::model::MergeState;
use crate::sys::{Fs, IoContext, publish};

/// The merge that is under way, if there is one.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn read_merge(fs: &dyn Fs, layout: &Layout) -> Result<Option<MergeState>, StoreError> {
    let path = layout.merge();
    let damaged = |source| StoreError::Damaged { path: path.clone(), source };
    match fs.stat(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // It is not even brought into memory.
        Ok(stat) if stat.size > MAX_MERGE_STATE_LEN as u64 => {
            let why = format!("{} bytes", stat.size);
            return Err(damaged(DecodeError::malformed("state of a merge", why)));
        }
        stat => _ = stat.at("stat", &path)?,
    }
    let bytes = match fs.read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.at("read", &path)?,
    };
    decode_merge_state(&bytes).map(Some).map_err(damaged)
}

/// Makes it durable that a merge is under way; false, and nothing is written, when that would be too long.
///
/// # Errors
/// When the disk is full or fails.
pub fn write_merge(fs: &Arc<dyn Fs>, layout: &Layout, state: &MergeState) -> Result<bool, StoreError> {
    let bytes = encode_merge_state(state);
    if bytes.len() > MAX_MERGE_STATE_LEN {
        return Ok(false);
    }
    publish(fs, &layout.merge(), &bytes)?;
    Ok(true)
}

/// Makes it durable that none is; nothing happens when none was.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove_merge(fs: &Arc<dyn Fs>, layout: &Layout) -> Result<(), StoreError> {
    let path = layout.merge();
    match fs.remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed.at("remove", &path)?,
    }
    fs.sync_dir(&layout.dsv).at("sync", &layout.dsv)?;
    Ok(())
}
