//! Where the records of a remote are: the segments that entries of its logs of refs name.

use super::segment::Segment;
use super::{Peer, RecordKey, TransferError};
use crate::codec::segment::{Placed, Section};
use crate::model::SegmentInfo;

/// The segments of one or more entries.
#[derive(Debug, Default)]
pub struct RemoteIndex {
    /// The smallest first: it is read whole by one request, and lists what is newest.
    segments: Vec<Segment>,
}

impl RemoteIndex {
    /// An index over these segments; nothing is read yet.
    ///
    /// # Errors
    /// When what an entry says of one makes no sense.
    pub fn new(
        peer: &Peer<'_>,
        segments: impl IntoIterator<Item = SegmentInfo>,
    ) -> Result<Self, TransferError> {
        let mut index = Self::default();
        index.add(peer, segments)?;
        Ok(index)
    }

    /// Adds segments; those that are there already stay as they are.
    ///
    /// # Errors
    /// As [`RemoteIndex::new`].
    pub fn add(
        &mut self,
        peer: &Peer<'_>,
        segments: impl IntoIterator<Item = SegmentInfo>,
    ) -> Result<(), TransferError> {
        for info in segments {
            if !self.segments.iter().any(|segment| segment.info().name == info.name) {
                self.segments.push(Segment::new(peer, info)?);
            }
        }
        self.segments.sort_by_key(|segment| segment.info().bytes);
        Ok(())
    }

    /// The segments, in order of name.
    pub fn infos(&self) -> Vec<SegmentInfo> {
        let mut infos: Vec<_> = self.segments.iter().map(|segment| segment.info().clone()).collect();
        infos.sort_unstable();
        infos
    }

    /// Where records are, in the order of `keys`; `None` for those that no segment lists.
    ///
    /// # Errors
    /// When the remote fails, or a segment is damaged.
    pub(super) fn find(
        &mut self,
        peer: &Peer<'_>,
        keys: &[RecordKey],
    ) -> Result<Vec<Option<Placed>>, TransferError> {
        let mut places = vec![None; keys.len()];
        for section in [Section::Metadata, Section::Data] {
            let of_section = keys.iter().enumerate().filter(|(_, (kind, _))| Section::of(*kind) == section);
            let mut wanted: Vec<(RecordKey, usize)> = of_section.map(|(at, key)| (*key, at)).collect();
            wanted.sort_unstable_by_key(|((kind, id), _)| (*id, kind.code()));
            for segment in &mut self.segments {
                segment.find(peer, section, &wanted, &mut |at, placed| places[at] = Some(placed))?;
                wanted.retain(|(_, at)| places[*at].is_none());
            }
        }
        Ok(places)
    }

    /// Gives every record of a section to `each`; what several segments list, as often.
    ///
    /// # Errors
    /// As [`RemoteIndex::find`].
    pub(super) fn each(
        &mut self,
        peer: &Peer<'_>,
        section: Section,
        each: &mut dyn FnMut(&Placed),
    ) -> Result<(), TransferError> {
        self.segments.iter_mut().try_for_each(|segment| segment.each(peer, section, each))
    }

    /// Whether no segment is there.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}
