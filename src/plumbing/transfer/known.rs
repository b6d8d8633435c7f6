//! What was last seen of a remote's logs of refs, kept beside its segments: so that what is looked for later is
//! looked for without asking where the datasets are.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Peer, TransferError};
use crate::codec::json_line::{decode_ref_entry, encode_ref_entry};
use crate::model::{DatasetName, ObjectId, RefEntry};
use crate::sys::{Fs, IoContext, publish};

const FOLDER: &str = "entries";

fn file_name(dataset: &DatasetName) -> String {
    // A name may be longer than a file's can be.
    format!("{}.json", ObjectId::Sha256(Sha256::digest(dataset.as_str()).into()))
}

/// Keeps an entry as the newest that was seen of its dataset.
///
/// # Errors
/// When the disk is full or fails.
pub fn remember_entry(peer: &Peer<'_>, entry: &RefEntry) -> Result<(), TransferError> {
    let folder = peer.cache().join(FOLDER);
    peer.fs.create_dir_all(&folder).at("create", &folder)?;
    Ok(publish(peer.fs, &folder.join(file_name(&entry.dataset)), &encode_ref_entry(entry))?)
}

/// The newest entries that were seen; one that cannot be read counts as not seen.
pub(super) fn remembered(peer: &Peer<'_>) -> Vec<RefEntry> {
    let folder = peer.cache().join(FOLDER);
    let Ok(entries) = peer.fs.list(&folder).and_then(|dir| dir.entries()) else { return Vec::new() };
    let paths = entries.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok());
    let read = paths.filter_map(|name| peer.fs.read(&folder.join(name)).ok());
    read.filter_map(|bytes| decode_ref_entry(&bytes).ok()).collect()
}

/// Forgets in the folder of what was learned of a remote which entries and events it has: another one is to stand under its
/// name.
///
/// # Errors
/// When the folder cannot be changed.
pub fn forget_known(fs: &Arc<dyn Fs>, cache: &Path) -> Result<(), TransferError> {
    [FOLDER, super::events::FOLDER].iter().try_for_each(|folder| clear(fs, &cache.join(folder)))
}

fn clear(fs: &Arc<dyn Fs>, folder: &Path) -> Result<(), TransferError> {
    let entries = match fs.list(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        listed => listed.and_then(|dir| dir.entries()).at("list", folder)?,
    };
    for (name, _) in
        entries.into_iter().filter_map(|(name, kind)| Some((String::from_utf8(name).ok()?, kind)))
    {
        let path = folder.join(name);
        fs.remove_file(&path).at("remove", &path)?;
    }
    Ok(())
}
