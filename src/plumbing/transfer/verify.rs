//! Whether a remote holds, whole and unharmed, all that its datasets lead to.
//!
//! The log of each dataset is read from its newest entry; every version, tree and chunk list that this leads to is fetched and proved;
//! every blob and chunk must be listed; and of these all, or a share drawn by their ids, are fetched and proved as well. Nothing is kept.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::incoming::fetch_records;
use super::index::RemoteIndex;
use super::leads::lead_on;
use super::{Peer, RecordKey, TransferError, log};
use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::codec::segment::Placed;
use crate::model::{DatasetName, Monitor, ObjectId, RefEntry, VersionId};
use crate::plumbing::work_stack::work_through;
use crate::remote::keys;

/// Records of metadata that are held in memory at once.
const BATCH: usize = 4096;

/// What is done with a record that was proved: its kind and its raw bytes.
type EachRaw<'a> = &'a (dyn Fn((RecordKind, &[u8])) -> Result<(), DecodeError> + Sync);

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The datasets; all unless told.
    pub datasets: Vec<DatasetName>,
    /// Of blobs and chunks read only about this share, in percent; all unless told.
    pub sample: Option<f64>,
    /// Versions that were deleted: their trees need not be there.
    pub deleted: HashSet<VersionId>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct VerifyOutcome {
    /// What is wrong, for people: the dataset, and what.
    pub findings: Vec<(DatasetName, String)>,
    /// Datasets that were looked at.
    pub datasets: u64,
    /// Records of metadata that were proved.
    pub metadata: u64,
    /// Blobs and chunks that must be there.
    pub data: u64,
    /// Blobs and chunks that were read and proved.
    pub data_read: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// Verifies a remote.
///
/// # Errors
/// When the remote cannot be reached, or the monitor asks to end. Damage is no error.
pub fn verify(
    peer: &Peer<'_>,
    options: &VerifyOptions,
    monitor: &Monitor<'_>,
) -> Result<VerifyOutcome, TransferError> {
    let names = match options.datasets.as_slice() {
        [] => log::datasets(peer)?,
        names => names.to_vec(),
    };
    let mut outcome = VerifyOutcome::default();
    let mut seen = HashSet::new();
    for name in names {
        outcome.datasets += 1;
        let mut finder = Finder {
            peer,
            monitor,
            dataset: &name,
            outcome: &mut outcome,
            seen: &mut seen,
            deleted: &options.deleted,
        };
        if let Some(entry) = finder.told(log::newest(peer, &name))?.flatten() {
            finder.entry(&entry, options.sample)?;
        }
    }
    Ok(outcome)
}

struct Finder<'a, 'p> {
    peer: &'a Peer<'p>,
    monitor: &'a Monitor<'a>,
    dataset: &'a DatasetName,
    outcome: &'a mut VerifyOutcome,
    /// What was looked at for other datasets is not looked at again.
    seen: &'a mut HashSet<RecordKey>,
    deleted: &'a HashSet<VersionId>,
}

impl Finder<'_, '_> {
    /// What was read; damage is noted, other failures end it.
    fn told<T>(&mut self, read: Result<T, TransferError>) -> Result<Option<T>, TransferError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_damage(&error) => {
                self.note(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn note(&mut self, error: &TransferError) {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        self.outcome.findings.push((self.dataset.clone(), text));
    }

    fn entry(&mut self, entry: &RefEntry, sample: Option<f64>) -> Result<(), TransferError> {
        let Some(tip) = entry.version else { return Ok(()) };
        let index = RemoteIndex::new(self.peer, entry.segments.iter().cloned());
        let Some(mut index) = self.told(index)? else { return Ok(()) };
        self.monitor.progress.phase("Verifying trees", None, None);
        let mut data = Vec::new();
        let mut level = vec![(RecordKind::Version, *tip.as_bytes())];
        while !level.is_empty() {
            let mut below = Vec::new();
            for batch in level.chunks(BATCH) {
                self.metadata(&mut index, batch, &mut below, &mut data)?;
            }
            level = below;
        }
        self.outcome.data += data.len() as u64;
        if let Some(percent) = sample {
            data.retain(|(_, id)| is_drawn(id, percent));
        }
        let places = self.places(&mut index, &data)?;
        let bytes = places.iter().map(|placed| u64::from(placed.stored_len)).sum();
        let files = places.iter().filter(|placed| placed.kind.is_file()).count() as u64;
        self.monitor.progress.phase("Verifying data", Some(files), Some(bytes));
        let read = self.prove(places, &|_| Ok(()))?;
        self.outcome.data_read += read;
        Ok(())
    }

    /// Proves records of metadata; what they lead to goes to `below` and `data`, each once.
    fn metadata(
        &mut self,
        index: &mut RemoteIndex,
        keys: &[RecordKey],
        below: &mut Vec<RecordKey>,
        data: &mut Vec<RecordKey>,
    ) -> Result<(), TransferError> {
        let places = self.places(index, keys)?;
        let led = Mutex::new((Vec::new(), Vec::new()));
        let proved = self.prove(places, &|(kind, raw): (RecordKind, &[u8])| {
            let mut led = led.lock().unwrap_or_else(PoisonError::into_inner);
            let (below, data) = &mut *led;
            lead_on(kind, raw, self.deleted, below, data)
        })?;
        self.outcome.metadata += proved;
        let (nodes, blobs) = led.into_inner().unwrap_or_else(PoisonError::into_inner);
        below.extend(nodes.into_iter().filter(|key| self.seen.insert(*key)));
        data.extend(blobs.into_iter().filter(|key| self.seen.insert(*key)));
        Ok(())
    }

    /// Where records are; those that no segment lists are noted.
    fn places(&mut self, index: &mut RemoteIndex, keys: &[RecordKey]) -> Result<Vec<Placed>, TransferError> {
        let found = index.find(self.peer, keys);
        let Some(found) = self.told(found)? else { return Ok(Vec::new()) };
        let mut places = Vec::with_capacity(found.len());
        for (place, (kind, id)) in found.into_iter().zip(keys) {
            match place {
                Some(place) => places.push(place),
                None => {
                    let (kind, id) = (*kind, ObjectId::Sha256(*id));
                    self.note(&TransferError::MissingRecord { url: self.peer.url(), kind, id });
                }
            }
        }
        Ok(places)
    }

    /// Fetches and proves records, pack by pack, so that a damaged one hides none of the others; returns how many are whole.
    fn prove(&mut self, mut places: Vec<Placed>, each: EachRaw<'_>) -> Result<u64, TransferError> {
        places.sort_unstable_by_key(|placed| (placed.pack, placed.offset));
        let packs: Vec<Vec<Placed>> =
            places.chunk_by(|a, b| a.pack == b.pack).map(<[Placed]>::to_vec).collect();
        let results = Mutex::new((0, Vec::new()));
        work_through(self.monitor.threads, packs, |pack, _| {
            let (count, name) = (pack.len() as u64, pack.first().map(|placed| placed.pack));
            let done = fetch_records(self.peer, pack.clone(), self.monitor, &|came| {
                each((came.info.kind, &came.raw))
                    .map_err(|source| self.peer.damaged(&keys::pack(&name.unwrap_or_default()), source))
            });
            let damaged = match done {
                Ok(()) => Vec::new(),
                Err(error) if is_damage(&error) => self.one_by_one(&pack, each)?,
                Err(error) => return Err(error),
            };
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.0 += count - damaged.len() as u64;
            results.1.extend(damaged);
            Ok(())
        })?;
        let (proved, damaged) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        damaged.iter().for_each(|error| self.note(error));
        self.outcome.bytes += places.iter().map(|placed| u64::from(placed.stored_len)).sum::<u64>();
        Ok(proved)
    }

    /// What is wrong with each record of a damaged pack; of a pack that is not there, that.
    fn one_by_one(&self, pack: &[Placed], each: EachRaw<'_>) -> Result<Vec<TransferError>, TransferError> {
        let mut damaged = Vec::new();
        for placed in pack {
            let done = fetch_records(self.peer, vec![*placed], self.monitor, &|came| {
                each((came.info.kind, &came.raw))
                    .map_err(|source| self.peer.damaged(&keys::pack(&placed.pack), source))
            });
            match done {
                Ok(()) => {}
                Err(error) if is_damage(&error) => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(damaged)
    }
}

/// Whether a failure tells of what the remote holds, and not of the way there.
pub(super) fn is_damage(error: &TransferError) -> bool {
    use crate::remote::RemoteError;
    matches!(
        error,
        TransferError::Damaged { .. }
            | TransferError::MissingObject { .. }
            | TransferError::MissingRecord { .. }
            | TransferError::Remote(RemoteError::WrongLength { .. } | RemoteError::TooLong { .. })
    )
}

/// Whether an id is among so many percent of all ids, always the same ones.
fn is_drawn(id: &[u8; 32], percent: f64) -> bool {
    let mut last = [0; 8];
    last.copy_from_slice(&id[24..]);
    (u64::from_le_bytes(last) as f64) < percent / 100.0 * u64::MAX as f64
}
