//! What is on a remote at one time: the entries that count, and the objects.

use std::collections::BTreeMap;

use super::Context;
use crate::model::{DatasetName, RefEntry, Time};
use crate::plumbing::transfer::{Peer, TransferError, log};
use crate::remote::{ObjectInfo, keys};

/// The entries of one dataset that lead to what must stay.
#[derive(Debug)]
pub(super) struct Dataset {
    /// Where it is.
    pub(super) newest: RefEntry,
    /// Where it was of late, at another version: the way back.
    pub(super) way_back: Vec<RefEntry>,
}

/// The datasets.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// In order of name.
    pub(super) datasets: Vec<Dataset>,
}

impl Snapshot {
    /// Reads the newest entries, and those that were replaced in the time of grace. The logs themselves are listed: heads are
    /// hints, which may be missing.
    pub(super) fn read(context: &Context<'_, '_>) -> Result<Self, TransferError> {
        let mut logs: BTreeMap<DatasetName, BTreeMap<u64, Time>> = BTreeMap::new();
        for info in context.peer.objects(keys::REFS)? {
            if let Some((dataset, number)) = keys::entry_of(&info.key) {
                logs.entry(dataset).or_default().insert(number, info.last_modified);
            }
        }
        let datasets = logs.iter().map(|(name, times)| read_dataset(context, name, times));
        Ok(Self { datasets: datasets.collect::<Result<_, _>>()? })
    }

    /// The entries that tell where the datasets are. That one was removed names nothing.
    pub(super) fn newest(&self) -> impl Iterator<Item = &RefEntry> {
        self.datasets.iter().map(|dataset| &dataset.newest).filter(|entry| entry.version.is_some())
    }

    /// The entries that tell where they were of late.
    pub(super) fn way_back(&self) -> impl Iterator<Item = &RefEntry> {
        self.datasets.iter().flat_map(|dataset| &dataset.way_back).filter(|entry| entry.version.is_some())
    }
}

fn read_dataset(
    context: &Context<'_, '_>,
    name: &DatasetName,
    times: &BTreeMap<u64, Time>,
) -> Result<Dataset, TransferError> {
    let peer = context.peer;
    let read = |number| {
        let entry = log::read_entry(peer, name, number)?;
        entry.ok_or_else(|| peer.missing(&keys::ref_entry(name, number)))
    };
    let newest = read(times.keys().next_back().copied().unwrap_or(1))?;
    let mut way_back = Vec::new();
    let mut after = newest.version;
    for ((&number, _), (_, &replaced)) in times.iter().rev().skip(1).zip(times.iter().rev()) {
        if context.ages.is_old(replaced) {
            break;
        }
        let entry = read(number)?;
        let version = entry.version;
        // One of the same version behind it leads to all that this one does.
        if version != after {
            way_back.push(entry);
        }
        after = version;
    }
    Ok(Dataset { newest, way_back })
}

/// An object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its length.
    pub(super) bytes: u64,
    /// When it was last written, by the store's clock.
    pub(super) modified: Time,
}

/// The objects that can become garbage.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Packs and segments, by key.
    pub(super) objects: BTreeMap<String, Stored>,
    /// Marks of uploads.
    pub(super) marks: BTreeMap<String, Stored>,
}

impl Bucket {
    /// Lists them. What has a name that dsv gives to nothing is left alone.
    pub(super) fn list(peer: &Peer<'_>) -> Result<Self, TransferError> {
        let stored = |info: ObjectInfo| (info.key, Stored { bytes: info.len, modified: info.last_modified });
        let packs = peer.objects(keys::PACKS)?;
        let packs = packs.into_iter().filter(|info| keys::pack_name(&info.key).is_some());
        let segments = peer.objects(keys::SEGMENTS)?;
        let segments = segments.into_iter().filter(|info| keys::segment_name(&info.key).is_some());
        let marks = peer.objects(keys::UPLOADS)?;
        Ok(Self {
            objects: packs.chain(segments).map(stored).collect(),
            marks: marks.into_iter().map(stored).collect(),
        })
    }
}
