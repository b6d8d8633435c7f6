//! What is to become of each pack.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Error, Options, sweep};
use crate::codec::pack::{PACK_HEADER_LEN, RECORD_HEADER_LEN, TABLE_ENTRY_LEN, TRAILER_LEN};
use crate::codec::pack_index::PackName;
use crate::model::ObjectId;
use crate::store::{Layout, ObjectDb, RecordSet, StoreError, StoreFile, StoreFileKind, pack_file_name};
use crate::sys::Fs;

/// A pack and how much of it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackPlan {
    /// Its name.
    pub name: PackName,
    /// Where it is, or should be.
    pub path: PathBuf,
    /// Its length in bytes; 0 when it is not there.
    pub len: u64,
    /// Bytes of it that would be left if only what is in use were kept.
    pub used: u64,
    /// Records in use.
    pub records: u64,
}

/// What is removed, rewritten and kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Packs of which nothing is in use, and packs that are listed and not there.
    pub remove: Vec<PackPlan>,
    /// Packs of which little is in use: that is copied into new ones.
    pub rewrite: Vec<PackPlan>,
    /// Packs that stay.
    pub keep: Vec<PackPlan>,
    /// Packs that no index lists, to be removed.
    pub unlisted: Vec<StoreFile>,
    /// Temporary files that crashes left, to be removed.
    pub temporaries: Vec<StoreFile>,
}

impl Plan {
    /// Bytes that will be free.
    pub fn freed(&self) -> u64 {
        let packs = self.remove.iter().map(|pack| pack.len);
        let rewritten = self.rewrite.iter().map(|pack| pack.len.saturating_sub(pack.used));
        let files = self.unlisted.iter().chain(&self.temporaries).map(|file| file.len);
        packs.chain(rewritten).chain(files).sum()
    }

    /// Bytes of packs that will be left.
    pub fn kept(&self) -> u64 {
        self.keep.iter().map(|pack| pack.len).chain(self.rewrite.iter().map(|pack| pack.used)).sum()
    }

    /// Bytes among those kept that are not in use: in young packs, or too few to be worth a copy.
    pub fn kept_unused(&self) -> u64 {
        self.keep.iter().map(|pack| pack.len.saturating_sub(pack.used)).sum()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty()
            && self.rewrite.is_empty()
            && self.unlisted.is_empty()
            && self.temporaries.is_empty()
    }

    /// Adds the temporary files of the repositories.
    pub(super) fn with_temporaries(
        mut self,
        fs: &Arc<dyn Fs>,
        users: &[Layout],
        now_ns: i64,
    ) -> Result<Self, StoreError> {
        for user in users {
            sweep::find_temporaries(&**fs, user, now_ns, &mut self.temporaries)?;
        }
        Ok(self)
    }
}

/// Decides on each pack; those written at or after `since_ns` stay.
pub(super) fn make(db: &ObjectDb, used: &RecordSet, options: &Options, since_ns: i64) -> Result<Plan, Error> {
    let mut use_of: HashMap<PackName, (u64, u64)> = HashMap::new();
    let mut witness: HashMap<PackName, ([u8; 32], crate::codec::pack::RecordKind)> = HashMap::new();
    for record in used.iter() {
        let (id, place) = record?;
        let (records, bytes) = use_of.entry(place.pack).or_default();
        if *records == 0 {
            witness.insert(place.pack, (id, place.locator.kind));
        }
        *records += 1;
        *bytes += (RECORD_HEADER_LEN + TABLE_ENTRY_LEN) as u64 + u64::from(place.locator.stored_len);
    }
    let mut plan = Plan::default();
    let mut packs: HashMap<PathBuf, StoreFile> = HashMap::new();
    for file in db.files()? {
        match file.kind {
            StoreFileKind::Pack => drop(packs.insert(file.path.clone(), file)),
            StoreFileKind::Temporary => plan.temporaries.push(file),
            StoreFileKind::Index | StoreFileKind::Other => {}
        }
    }
    let listed: BTreeSet<PackName> = used.indexes().iter().flat_map(|file| file.packs()).collect();
    for name in listed {
        let path = db.objects_dir().join(pack_file_name(&name));
        let (records, bytes) = use_of.get(&name).copied().unwrap_or_default();
        let file = packs.remove(&path);
        if let (None, Some((id, kind))) = (&file, witness.get(&name)) {
            let source = StoreError::MissingPack { kind: *kind, id: ObjectId::Sha256(*id), path };
            return Err(Error::InUseDamaged { source });
        }
        let len = file.as_ref().map_or(0, |file| file.len);
        let used = if records == 0 { 0 } else { bytes + PACK_HEADER_LEN + TRAILER_LEN as u64 };
        let young = file.is_some_and(|file| file.mtime_ns >= since_ns);
        let list = if young {
            &mut plan.keep
        } else if records == 0 {
            &mut plan.remove
        } else if used.saturating_mul(100) < len.saturating_mul(options.rewrite_below) {
            &mut plan.rewrite
        } else {
            &mut plan.keep
        };
        list.push(PackPlan { name, path, len, used, records });
    }
    plan.unlisted = db.unlisted_packs()?.into_iter().filter(|file| file.mtime_ns < since_ns).collect();
    Ok(plan)
}
