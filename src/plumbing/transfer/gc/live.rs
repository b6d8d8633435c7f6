//! What the newest versions of all datasets lead to, and where it lies.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::Context;
use crate::codec::DecodeError;
use crate::codec::pack::RecordKind;
use crate::codec::pack_index::PackName;
use crate::codec::segment::{Placed, Section};
use crate::model::{ObjectId, SegmentInfo, VersionId};
use crate::plumbing::transfer::incoming::fetch_records;
use crate::plumbing::transfer::index::RemoteIndex;
use crate::plumbing::transfer::leads::lead_on;
use crate::plumbing::transfer::{RecordKey, TransferError, quiet};
use crate::store::StoreError;

/// Records of metadata that are held in memory at once.
const BATCH: usize = 4096;

/// Where a record lies; the pack by its number.
#[derive(Debug, Clone, Copy)]
struct Spot {
    pack: u32,
    offset: u32,
    stored_len: u32,
    raw_len: u32,
}

/// Records that are in use.
#[derive(Debug, Default)]
pub(super) struct Live {
    spots: HashMap<RecordKey, Option<Spot>>,
    /// Those of metadata, in the order in which a reader comes upon them.
    metadata: Vec<RecordKey>,
    packs: Vec<PackName>,
    numbers: HashMap<PackName, u32>,
}

impl Live {
    /// Adds a record; false when it is there already.
    fn insert(&mut self, key: RecordKey) -> bool {
        let Entry::Vacant(vacant) = self.spots.entry(key) else { return false };
        vacant.insert(None);
        if !key.0.is_data() {
            self.metadata.push(key);
        }
        true
    }

    /// Takes note of where a record lies, if it is in use. Of several places the first one stays, unless the other one is `better`.
    pub(super) fn offer(&mut self, placed: &Placed, better: impl FnOnce(&PackName, &PackName) -> bool) {
        let Some(known) = self.spots.get(&(placed.kind, placed.id)) else { return };
        if known.is_some_and(|spot| !better(&placed.pack, &self.packs[spot.pack as usize])) {
            return;
        }
        let next = self.packs.len() as u32;
        let pack = *self.numbers.entry(placed.pack).or_insert(next);
        if pack == next {
            self.packs.push(placed.pack);
        }
        let Placed { offset, stored_len, raw_len, .. } = *placed;
        self.spots.insert((placed.kind, placed.id), Some(Spot { pack, offset, stored_len, raw_len }));
    }

    fn placed(&self, (kind, id): &RecordKey, spot: &Spot) -> Placed {
        let Spot { pack, offset, stored_len, raw_len } = *spot;
        Placed { id: *id, kind: *kind, pack: self.packs[pack as usize], offset, stored_len, raw_len }
    }

    /// Where a record that is in use lies.
    pub(super) fn place(&self, key: &RecordKey) -> Option<Placed> {
        let spot = self.spots.get(key)?.as_ref()?;
        Some(self.placed(key, spot))
    }

    /// Where all records lie that have a place.
    pub(super) fn places(&self) -> impl Iterator<Item = Placed> + '_ {
        self.spots.iter().filter_map(|(key, spot)| Some(self.placed(key, spot.as_ref()?)))
    }

    /// The records of metadata, in the order in which a reader comes upon them.
    pub(super) fn metadata(&self) -> &[RecordKey] {
        &self.metadata
    }

    /// A record that no segment lists.
    pub(super) fn without_place(&self) -> Option<RecordKey> {
        self.spots.iter().find(|(_, spot)| spot.is_none()).map(|(key, _)| *key)
    }
}

/// Follows versions to all that they lead to.
pub(super) struct Walker<'a, 'c, 'p> {
    context: &'c Context<'a, 'p>,
    index: RemoteIndex,
    /// Where the lists of large blobs lie, each in all its places. A blob may have been cut in more than one way, and then
    /// the chunks of each list are in use.
    lists: HashMap<[u8; 32], Vec<Placed>>,
}

/// What a record leads to.
#[derive(Debug, Default)]
struct Leads {
    below: Vec<RecordKey>,
    data: Vec<RecordKey>,
}

impl<'a, 'c, 'p> Walker<'a, 'c, 'p> {
    /// A walker that finds records by these segments.
    pub(super) fn new(context: &'c Context<'a, 'p>, segments: &[SegmentInfo]) -> Result<Self, TransferError> {
        let mut index = RemoteIndex::new(context.peer, segments.iter().cloned())?;
        let mut lists: HashMap<[u8; 32], Vec<Placed>> = HashMap::new();
        index.each(context.peer, Section::Metadata, &mut |placed| {
            if placed.kind == RecordKind::ChunkedBlob {
                let places = lists.entry(placed.id).or_default();
                if !places.contains(placed) {
                    places.push(*placed);
                }
            }
        })?;
        Ok(Self { context, index, lists })
    }

    /// Adds to `live` all that versions lead to.
    pub(super) fn walk(
        &mut self,
        live: &mut Live,
        tips: impl Iterator<Item = VersionId>,
    ) -> Result<(), TransferError> {
        let tips = tips.map(|id| (RecordKind::Version, *id.as_bytes()));
        let mut level: Vec<RecordKey> = tips.filter(|key| live.insert(*key)).collect();
        while !level.is_empty() {
            let mut below = Vec::new();
            for batch in level.chunks(BATCH) {
                let mut leads = self.leads(batch)?;
                // In their order, not in that in which they came: what is copied later follows it.
                for Leads { below: nodes, data } in batch.iter().filter_map(|key| leads.remove(key)) {
                    below.extend(nodes.into_iter().filter(|key| live.insert(*key)));
                    for key in data {
                        live.insert(key);
                    }
                }
                self.context.monitor.progress.advance(batch.len() as u64, 0);
            }
            level = below;
        }
        Ok(())
    }

    /// What each of these records leads to. Read here where it can be, and else there; of the lists of large blobs all that are there.
    fn leads(&mut self, keys: &[RecordKey]) -> Result<HashMap<RecordKey, Leads>, TransferError> {
        let Context { peer, db, monitor, .. } = *self.context;
        monitor.interrupt.check()?;
        let mut leads: HashMap<RecordKey, Leads> = HashMap::new();
        let deleted = db.tombstones().all();
        let mut away = Vec::new();
        let mut places = Vec::new();
        for key in keys {
            if key.0 == RecordKind::ChunkedBlob {
                let lists = self.lists.get(&key.1).ok_or_else(|| missing(self.context, key))?;
                places.extend_from_slice(lists);
            } else if let Some(raw) = db.try_get(key.0, &key.1)? {
                follow(&mut leads, &deleted, *key, &raw).map_err(|source| undecodable(key, source))?;
            } else {
                away.push(*key);
            }
        }
        for (place, key) in self.index.find(peer, &away)?.into_iter().zip(&away) {
            places.push(place.ok_or_else(|| missing(self.context, key))?);
        }
        let leads = Mutex::new(leads);
        fetch_records(peer, places, &quiet(monitor), &|came| {
            let mut leads = leads.lock().unwrap_or_else(PoisonError::into_inner);
            follow(&mut leads, &deleted, came.key(), &came.raw)
                .map_err(|source| undecodable(&came.key(), source))
        })?;
        Ok(leads.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn follow(
    leads: &mut HashMap<RecordKey, Leads>,
    deleted: &HashSet<VersionId>,
    key: RecordKey,
    raw: &[u8],
) -> Result<(), DecodeError> {
    let Leads { below, data } = leads.entry(key).or_default();
    lead_on(key.0, raw, deleted, below, data)
}

/// That a record is in use and no segment lists it.
pub(super) fn missing(context: &Context<'_, '_>, (kind, id): &RecordKey) -> TransferError {
    let (url, id) = (context.peer.url(), ObjectId::Sha256(*id));
    TransferError::MissingRecord { url, kind: *kind, id }
}

fn undecodable((kind, id): &RecordKey, source: DecodeError) -> TransferError {
    StoreError::Undecodable { kind: *kind, id: ObjectId::Sha256(*id), source }.into()
}
