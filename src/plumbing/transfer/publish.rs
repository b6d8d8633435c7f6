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
