//! Links to copies: a copy stays while a link that was made by way of dsv leads to it.

use std::collections::HashSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Cache, CopyKey};
use crate::model::ObjectId;
use crate::sys::{IoContext, IoError, bytes_to_path, path_to_bytes, publish};

impl Cache {
    /// Notes that a link to a copy is, or will be, at an absolute path.
    ///
    /// # Errors
    /// When the system fails.
    pub fn note_link(&self, key: &CopyKey, link: &Path) -> Result<(), IoError> {
        let bytes = path_to_bytes(link).at("name", link)?;
        let of_path = ObjectId::Sha256(Sha256::digest(bytes).into()).to_string();
        publish(&self.fs, &self.root.join("links").join(format!("{of_path}-{}", key.0)), bytes)
    }

    /// Whether a path is a link into the cache.
    pub fn is_link(&self, path: &Path) -> bool {
        let target = self.fs.read_link(path).unwrap_or_default();
        bytes_to_path(&target).is_ok_and(|target| target.parent() == Some(&*self.copies()))
    }

    /// The copies that a link leads to. What was noted of links that are gone is forgotten.
    pub(super) fn linked(&self) -> Result<HashSet<CopyKey>, IoError> {
        let mut linked = HashSet::new();
        for (note, _) in self.paths(&self.root.join("links"))? {
            let name = note.file_name().unwrap_or_default().to_string_lossy();
            let Some((_, key)) = name.split_once('-') else { continue };
            let key = CopyKey(key.to_owned());
            let bytes = self.fs.read(&note).at("read", &note)?;
            let target = self.fs.read_link(bytes_to_path(&bytes).at("name", &note)?);
            let leads_here = target.is_ok_and(|target| {
                bytes_to_path(&target).is_ok_and(|target| target == self.copy_path(&key))
            });
            if leads_here {
                linked.insert(key);
            } else {
                self.fs.remove_file(&note).at("remove", &note)?;
            }
        }
        Ok(linked)
    }
}
