//! What entries of logs name: segments, and the packs that these name.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Context;
use super::snapshot::{Bucket, Snapshot, Stored};
use crate::codec::pack_index::PackName;
use crate::codec::segment::{SEGMENT_HEAD_LEN, Section};
use crate::model::SegmentInfo;
use crate::plumbing::transfer::condemned::Condemned;
use crate::plumbing::transfer::index::RemoteIndex;
use crate::plumbing::transfer::verify::is_damage;
use crate::plumbing::transfer::{Peer, TransferError, publish};
use crate::remote::keys;

/// The packs that segments name. Each segment is read once.
#[derive(Debug, Default)]
pub(super) struct References {
    packs_of: HashMap<String, Vec<PackName>>,
}

impl References {
    /// The packs that a segment names.
    pub(super) fn packs_of(
        &mut self,
        peer: &Peer<'_>,
        info: &SegmentInfo,
    ) -> Result<&[PackName], TransferError> {
        if !self.packs_of.contains_key(&info.name) {
            let mut packs = BTreeSet::new();
            let mut index = RemoteIndex::new(peer, [info.clone()])?;
            for section in [Section::Metadata, Section::Data] {
                index.each(peer, section, &mut |placed| {
                    packs.insert(placed.pack);
                })?;
            }
            self.packs_of.insert(info.name.clone(), packs.into_iter().collect());
        }
        Ok(self.packs_of.get(&info.name).map_or(&[], Vec::as_slice))
    }

    /// The keys of all that must stay for the sake of the snapshot, and of segments that are about to be named.
    pub(super) fn of(
        &mut self,
        context: &Context<'_, '_>,
        snapshot: &Snapshot,
        bucket: &Bucket,
    ) -> Result<HashSet<String>, TransferError> {
        let mut named = HashSet::new();
        // Before what is passed over where it is missing: of what these name all must be there.
        for info in snapshot.newest().flat_map(|entry| &entry.segments) {
            self.add_segment(context.peer, info, &mut named)?;
        }
        self.add_way_back(context.peer, snapshot, &mut named)?;
        self.add_young_segments(context, bucket, &mut named)?;
        Ok(named)
    }

    /// Adds what is left of what datasets led to of late. One who collected with a shorter time of grace may have removed
    /// a part of it, or all.
    pub(super) fn add_way_back(
        &mut self,
        peer: &Peer<'_>,
        snapshot: &Snapshot,
        named: &mut HashSet<String>,
    ) -> Result<(), TransferError> {
        for info in snapshot.way_back().flat_map(|entry| &entry.segments) {
            match self.add_segment(peer, info, named) {
                Err(TransferError::MissingObject { .. }) => {}
                added => added?,
            }
        }
        Ok(())
    }

    fn add_segment(
        &mut self,
        peer: &Peer<'_>,
        info: &SegmentInfo,
        named: &mut HashSet<String>,
    ) -> Result<(), TransferError> {
        if named.insert(keys::segment(&info.name)) {
            named.extend(self.packs_of(peer, info)?.iter().map(keys::pack));
        }
        Ok(())
    }

    /// Adds the packs of segments that are young, whoever wrote them: a pack that is condemned is named by none that is not.
    pub(super) fn add_young_segments(
        &mut self,
        context: &Context<'_, '_>,
        bucket: &Bucket,
        named: &mut HashSet<String>,
    ) -> Result<(), TransferError> {
        self.add_segments(context.peer, bucket, named, |_, stored| !context.ages.is_old(stored.modified))
    }

    /// Adds the packs of segments that are not on the list. A pack that is on it may have been named all the same, by one who had
    /// asked before; who went on from there has listed it in new segments, and others rely on those as long as they are not
    /// condemned.
    pub(super) fn add_unlisted_segments(
        &mut self,
        context: &Context<'_, '_>,
        condemned: &Condemned,
        bucket: &Bucket,
        named: &mut HashSet<String>,
    ) -> Result<(), TransferError> {
        self.add_segments(context.peer, bucket, named, |key, _| !condemned.names(key))
    }

    /// Adds the packs of segments that are not named and of which `is_meant` is told so.
    fn add_segments(
        &mut self,
        peer: &Peer<'_>,
        bucket: &Bucket,
        named: &mut HashSet<String>,
        is_meant: impl Fn(&str, &Stored) -> bool,
    ) -> Result<(), TransferError> {
        for (key, stored) in &bucket.objects {
            let Some(name) = keys::segment_name(key).filter(|_| !named.contains(key)) else { continue };
            if !is_meant(key, stored) {
                continue;
            }
            let added = info_of(peer, name, stored.bytes).and_then(|info| {
                self.packs_of(peer, &info).map(|packs| packs.iter().map(keys::pack).collect())
            });
            match added {
                Ok::<Vec<_>, _>(packs) => named.extend(packs),
                // What cannot be read is of use to nobody.
                Err(error) if is_damage(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What an entry would say of a segment.
fn info_of(peer: &Peer<'_>, name: &str, len: u64) -> Result<SegmentInfo, TransferError> {
    let front = peer.get_range(&keys::segment(name), 0..len.min(SEGMENT_HEAD_LEN as u64))?;
    publish::info(peer, name.to_owned(), &front, len)
}
