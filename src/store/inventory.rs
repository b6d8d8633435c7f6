//! The files of the object database, as they lie in its folder.

use std::collections::HashSet;
use std::path::PathBuf;

use super::StoreError;
use super::index_file::{is_index_name, is_pack_name, pack_file_name};
use super::odb::ObjectDb;
use crate::sys::{FileKind, IoContext, bytes_to_path, is_temp_name};

/// What a file of the database is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreFileKind {
    /// A pack.
    Pack,
    /// An index of packs.
    Index,
    /// What is being written, or was when its writer was killed.
    Temporary,
    /// A lock, or nothing of ours.
    Other,
}

/// A file of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: StoreFileKind,
    /// Its length in bytes.
    pub len: u64,
    /// When it was written, nanoseconds since the epoch.
    pub mtime_ns: i64,
}

impl ObjectDb {
    /// All files in the folder of the database, in order of path. What vanishes meanwhile is left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(&self) -> Result<Vec<StoreFile>, StoreError> {
        let folder = match self.fs.list(&self.objects) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.at("list", &self.objects)?,
        };
        let mut files = Vec::new();
        for (name, kind) in folder.entries().at("list", &self.objects)? {
            if kind != FileKind::File {
                continue;
            }
            let path = self.objects.join(bytes_to_path(&name).at("list", &self.objects)?);
            let stat = match folder.stat(&name) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                stat => stat.at("stat", &path)?,
            };
            let kind = kind_of(&name);
            files.push(StoreFile { path, kind, len: stat.size, mtime_ns: stat.mtime_ns });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

impl ObjectDb {
    /// The packs in the folder of the database that no index lists, in order of path: those who wrote them were killed, or are
    /// just about to list them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn unlisted_packs(&self) -> Result<Vec<StoreFile>, StoreError> {
        let indexes = self.indexes();
        let names = indexes.iter().flat_map(|index| index.packs());
        let listed: HashSet<PathBuf> = names.map(|name| self.objects.join(pack_file_name(&name))).collect();
        let packs = self.files()?.into_iter().filter(|file| file.kind == StoreFileKind::Pack);
        Ok(packs.filter(|file| !listed.contains(&file.path)).collect())
    }
}

fn kind_of(name: &[u8]) -> StoreFileKind {
    let text = std::str::from_utf8(name).unwrap_or_default();
    if is_temp_name(name) {
        StoreFileKind::Temporary
    } else if is_index_name(text) {
        StoreFileKind::Index
    } else if is_pack_name(text) {
        StoreFileKind::Pack
    } else {
        StoreFileKind::Other
    }
}
