//! Index segments on their way to a remote.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::condemned::Condemned;
use super::{Peer, TransferError, outgoing, segment};
use crate::codec::segment::{Placed, SegmentHead, encode_segment};
use crate::model::{ObjectId, SegmentInfo};
use crate::remote::{PutBody, keys};

/// Records of one segment at the most.
const MAX_SEGMENT_RECORDS: usize = 1 << 20;
/// A segment with more records stays as it is.
const FULL_SEGMENT: u64 = MAX_SEGMENT_RECORDS as u64 / 2;
/// A segment of at most so many bytes is merged with whatever is new: that is no more than a request costs.
const SMALL_SEGMENT: u64 = 256 * 1024;
/// A larger one is merged when it has at most so many times the bytes of what is merged already.
const GROWTH: u64 = 4;

/// Lists records in new segments, each confirmed when this returns; both lists are sorted, without repetitions. None of the segments bears
/// a name that is condemned.
///
/// # Errors
/// When the remote or the cache fails.
pub(super) fn segments(
    peer: &Peer<'_>,
    condemned: &Condemned,
    mut metadata: &[Placed],
    mut data: &[Placed],
) -> Result<Vec<SegmentInfo>, TransferError> {
    let mut infos = Vec::new();
    while !(metadata.is_empty() && data.is_empty()) {
        let (first, rest) = metadata.split_at(metadata.len().min(MAX_SEGMENT_RECORDS));
        metadata = rest;
        let room = MAX_SEGMENT_RECORDS - first.len();
        let (second, rest) = data.split_at(data.len().min(room));
        data = rest;
        infos.push(publish(peer, condemned, first, second)?);
    }
    Ok(infos)
}

fn publish(
    peer: &Peer<'_>,
    condemned: &Condemned,
    metadata: &[Placed],
    data: &[Placed],
) -> Result<SegmentInfo, TransferError> {
    let bytes = encode_segment(metadata, data);
    let name = ObjectId::Sha256(Sha256::digest(&bytes).into()).to_string();
    let key = keys::segment(&name);
    if condemned.names(&key) {
        // A record more makes it another one.
        let mut data = data.to_vec();
        data.extend(outgoing::send_salt(peer, condemned)?);
        data.sort_unstable_by_key(Placed::key);
        return publish(peer, condemned, metadata, &data);
    }
    segment::keep(peer, &name, &bytes)?;
    let info = info(peer, name, &bytes, bytes.len() as u64)?;
    peer.put_confirmed(&key, &PutBody::from(bytes))?;
    Ok(info)
}

/// What an entry of a log says of the segment that begins with these bytes.
///
/// # Errors
/// When they are not the beginning of a segment of that length.
pub(super) fn info(
    peer: &Peer<'_>,
    name: String,
    front: &[u8],
    len: u64,
) -> Result<SegmentInfo, TransferError> {
    let head = SegmentHead::decode(front).map_err(|source| peer.damaged(&keys::segment(&name), source))?;
    let records = head.metadata_records + head.data_records;
    Ok(SegmentInfo { name, bytes: len, metadata_bytes: head.metadata_len, records })
}

/// The keys of segments.
pub(super) fn keys_of(infos: &[SegmentInfo]) -> HashSet<String> {
    infos.iter().map(|info| keys::segment(&info.name)).collect()
}

/// Which segments are merged with new ones of so many bytes, and which stay.
pub(super) fn choose_merged(
    mut segments: Vec<SegmentInfo>,
    new_bytes: u64,
) -> (Vec<SegmentInfo>, Vec<SegmentInfo>) {
    segments.sort_by_key(|info| info.bytes);
    let mut total = new_bytes;
    let mut count = 0;
    for info in &segments {
        let fits = info.bytes <= SMALL_SEGMENT.max(total.saturating_mul(GROWTH));
        if !fits || info.records > FULL_SEGMENT {
            break;
        }
        total += info.bytes;
        count += 1;
    }
    let keep = segments.split_off(count);
    (segments, keep)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;
    use crate::codec::pack::RecordKind;
    use crate::codec::segment::SEGMENT_ENTRY_LEN;
    use crate::model::Interrupt;
    use crate::plumbing::transfer::index::RemoteIndex;
    use crate::remote::{Client, RemoteUrl};
    use crate::sys::{Fs, OsFs};

    fn segment(records: u64) -> SegmentInfo {
        let bytes = records * SEGMENT_ENTRY_LEN as u64;
        SegmentInfo { name: format!("{records:064x}"), bytes, metadata_bytes: 0, records }
    }

    /// Records that are written again by pushes of these sizes, and the segments that are left.
    fn push_all(pushes: impl IntoIterator<Item = u64>) -> (u64, Vec<SegmentInfo>) {
        let (mut rewritten, mut segments) = (0, Vec::new());
        for new in pushes {
            let (merge, mut keep) = choose_merged(segments, new * SEGMENT_ENTRY_LEN as u64);
            let old: u64 = merge.iter().map(|info| info.records).sum();
            rewritten += old;
            keep.push(segment(old + new));
            segments = keep;
        }
        (rewritten, segments)
    }

    #[test]
    fn a_segment_whose_name_is_condemned_gets_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let url = RemoteUrl::parse("s3://bucket", Path::new("/")).unwrap();
        let client = Client::with_store(Arc::new(InMemory::new()), url).unwrap();
        let (fs, interrupt): (Arc<dyn Fs>, _) = (OsFs::new(), Interrupt::new());
        let (client, interrupt, fs, cache) = (&client, &interrupt, &fs, folder.path().to_owned());
        let peer = Peer { client, interrupt, fs, cache, fresh: true };
        let kind = RecordKind::Blob;
        let placed = Placed { id: [1; 32], kind, pack: [2; 32], offset: 5, stored_len: 10, raw_len: 10 };
        let mut names: Vec<String> = Vec::new();
        for records in 1..4 {
            let condemned = Condemned::naming(names.iter().map(|name| keys::segment(name)));
            let infos = segments(&peer, &condemned, &[], &[placed]).unwrap();
            let [info] = infos.as_slice() else { panic!("{infos:?}") };
            assert!(!names.contains(&info.name));
            // What was to be listed, and from the second one on something that nobody looks for.
            assert_eq!(info.records, records.min(2));
            names.push(info.name.clone());
            let mut index = RemoteIndex::new(&peer, infos).unwrap();
            assert_eq!(index.find(&peer, &[(kind, placed.id)]).unwrap(), [Some(placed)]);
        }
    }

    #[test]
    fn many_small_pushes_leave_few_segments() {
        let (_, segments) = push_all([1_000_000].into_iter().chain(std::iter::repeat_n(30, 1000)));
        assert!(segments.len() <= 4, "{}", segments.len());
        let (rewritten, segments) = push_all(std::iter::repeat_n(20_000, 200));
        assert!(segments.len() <= 12, "{}", segments.len());
        assert!(rewritten <= 8 * 200 * 20_000, "{rewritten}");
    }

    #[test]
    fn a_small_push_does_not_write_a_large_segment_again() {
        let (merge, keep) = choose_merged(vec![segment(400_000), segment(1_000), segment(100_000)], 470);
        assert_eq!((merge.len(), keep.len()), (1, 2));
    }
}
