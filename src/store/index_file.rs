//! Index files and the packs they list, opened for reading.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::StoreError;
use crate::codec::pack::RecordKind;
use crate::codec::pack_index::{IndexEntry, IndexLayout, Locator, PackName, check_index};
use crate::sys::{File, Fs, IoContext, Map};

/// Packs that are kept open at the most; more are closed and opened anew when they are read.
const MAX_OPEN_PACKS: usize = 256;

/// The file name of a pack.
pub fn pack_file_name(name: &PackName) -> String {
    format!("pack-{}.pack", hex(&name[..20]))
}

/// The file name of an index with these bytes.
pub(super) fn index_file_name(bytes: &[u8]) -> String {
    format!("idx-{}.idx", hex(&blake3::hash(bytes).as_bytes()[..20]))
}

/// Whether a file of this name is an index.
pub(super) fn is_index_name(name: &str) -> bool {
    name.starts_with("idx-") && name.ends_with(".idx")
}

/// Whether a file of this name is a pack.
pub(super) fn is_pack_name(name: &str) -> bool {
    name.starts_with("pack-") && name.ends_with(".pack")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One index file.
pub struct IndexFile {
    pub(super) path: PathBuf,
    map: Map,
    layout: IndexLayout,
}

impl std::fmt::Debug for IndexFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexFile").field("path", &self.path).field("records", &self.len()).finish()
    }
}

impl IndexFile {
    /// Maps an index and checks that its parts fit its length; [`IndexFile::check`] checks the rest.
    ///
    /// # Errors
    /// When it cannot be read, is damaged in its header, or is of a newer format.
    pub fn open(fs: &dyn Fs, path: &Path) -> Result<Self, StoreError> {
        let map = fs.map(path).at("map", path)?;
        let layout = IndexLayout::read((*map).as_ref())
            .map_err(|source| StoreError::Damaged { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), map, layout })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        (*self.map).as_ref()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of records.
    pub const fn len(&self) -> usize {
        self.layout.record_count()
    }

    /// Whether it lists no record.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The packs it covers.
    pub fn packs(&self) -> impl Iterator<Item = PackName> + '_ {
        (0..self.layout.pack_count()).map(|number| self.pack_name(number as u32))
    }

    /// The pack of a number that a locator of this index bears.
    pub fn pack_name(&self, number: u32) -> PackName {
        self.layout.pack_name(self.bytes(), number as usize)
    }

    /// Checks the whole of the index: checksum, order, and every line.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        check_index(self.bytes())
            .map(drop)
            .map_err(|source| StoreError::Damaged { path: self.path.clone(), source })
    }

    /// The number of the record of this kind and id; one whose line is damaged is none.
    pub fn number_of(&self, kind: RecordKind, id: &[u8; 32]) -> Option<usize> {
        let mut numbers = self.layout.find(self.bytes(), id);
        numbers.find(|number| self.locator(*number).is_ok_and(|locator| locator.kind == kind))
    }

    /// All records with this id.
    pub(super) fn find(&self, id: &[u8; 32]) -> impl Iterator<Item = Result<Locator, StoreError>> + '_ {
        self.layout.find(self.bytes(), id).map(|number| self.locator(number))
    }

    /// All records whose id begins with these hexadecimal digits.
    pub(super) fn find_prefix(
        &self,
        prefix: &[u8; 32],
        digits: usize,
    ) -> impl Iterator<Item = Result<IndexEntry, StoreError>> + '_ {
        self.layout.find_prefix(self.bytes(), prefix, digits).map(|number| self.entry(number))
    }

    fn locator(&self, number: usize) -> Result<Locator, StoreError> {
        self.layout
            .locator(self.bytes(), number)
            .map_err(|source| StoreError::Damaged { path: self.path.clone(), source })
    }

    /// The record of a number below [`Self::len`], in order of id.
    ///
    /// # Errors
    /// When the locator is damaged.
    pub fn entry(&self, number: usize) -> Result<IndexEntry, StoreError> {
        Ok(IndexEntry { id: self.layout.id(self.bytes(), number), locator: self.locator(number)? })
    }

    /// All records in order of id.
    pub fn entries(&self) -> impl Iterator<Item = Result<IndexEntry, StoreError>> + '_ {
        (0..self.len()).map(|number| self.entry(number))
    }
}

/// Open packs, the number of which is bounded.
#[derive(Default)]
pub(super) struct PackCache {
    open: Mutex<std::collections::HashMap<PackName, Arc<dyn File>>>,
}

impl std::fmt::Debug for PackCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PackCache")
    }
}

impl PackCache {
    pub(super) fn get(
        &self,
        fs: &dyn Fs,
        objects: &Path,
        name: &PackName,
    ) -> Result<Arc<dyn File>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(Arc::clone(file));
        }
        let path = objects.join(pack_file_name(name));
        let file: Arc<dyn File> = Arc::from(fs.open(&path).at("open", &path)?);
        if open.len() >= MAX_OPEN_PACKS {
            open.clear();
        }
        open.insert(*name, Arc::clone(&file));
        Ok(file)
    }

    /// Forgets all open packs, for example after `gc` replaced them.
    pub(super) fn clear(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
