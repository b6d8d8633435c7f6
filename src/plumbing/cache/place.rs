//! Places outside of the cache: what is there is known only on the host that it is on, while its file system is mounted.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Cache;
use crate::codec::place_note::{decode_place, encode_place};
use crate::model::{ObjectId, PlaceNote};
use crate::sys::{IoContext, IoError, bytes_to_path, path_to_bytes};

impl Cache {
    /// A note of an absolute path on this host, with the name that it has in a folder of notes.
    pub(super) fn place_note(&self, path: &Path) -> Result<(String, Vec<u8>), IoError> {
        let bytes = path_to_bytes(path).at("name", path)?.to_vec();
        let of_path = Sha256::new().chain_update(&self.host).chain_update([0]).chain_update(&bytes);
        let name = ObjectId::Sha256(of_path.finalize().into()).to_string();
        let device = self.device_above(path).at("look at", path)?;
        Ok((name, encode_place(&PlaceNote { host: self.host.clone(), device, path: bytes })))
    }

    /// What is noted in a file; `None` when it is gone, or no note.
    pub(super) fn read_place(&self, note: &Path) -> Result<Option<PlaceNote>, IoError> {
        match self.fs.read(note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => Ok(decode_place(&read.at("read", note)?).ok()),
        }
    }

    /// Whether it can be seen from here what is at a place and what is not: it is on this host, and nothing else stands
    /// where its file system was.
    pub(super) fn sees(&self, place: &PlaceNote, path: &Path) -> bool {
        place.host == self.host && self.device_above(path).is_ok_and(|device| device == place.device)
    }

    /// The device of the folder that a path lies in, or of the nearest one above it that is there.
    fn device_above(&self, path: &Path) -> io::Result<u64> {
        for folder in path.ancestors().skip(1) {
            match self.fs.canonicalize(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                real => return Ok(self.fs.stat(&real?)?.device),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The path of a place.
pub(super) fn path_of(place: &PlaceNote) -> io::Result<PathBuf> {
    Ok(bytes_to_path(&place.path)?.to_owned())
}
