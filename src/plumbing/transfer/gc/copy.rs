//! Records of a remote, copied as they are stored to new packs there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Context;
use crate::codec::pack::{RECORD_HEADER_LEN, RecordInfo};
use crate::codec::segment::Placed;
use crate::plumbing::transfer::condemned::Condemned;
use crate::plumbing::transfer::incoming::fetch_records;
use crate::plumbing::transfer::outgoing::{self, PACK_TARGET, PackBuilder, Resume, Sent};
use crate::plumbing::transfer::{RecordKey, TransferError, quiet};

/// What the attempt is remembered by, so that one that was cut is gone on with.
const NAME: &str = "gc";

/// Bytes of a record in a pack, without its line of the table.
pub(super) fn record_len(placed: &Placed) -> u64 {
    RECORD_HEADER_LEN as u64 + u64::from(placed.stored_len)
}

/// Copies records to new packs, in this order. Each is proved on the way, and each pack confirmed.
///
/// # Errors
/// When a record is damaged or the remote fails.
pub(super) fn copy(
    context: &Context<'_, '_>,
    condemned: &Condemned,
    metadata: &[Placed],
    data: &[Placed],
) -> Result<Sent, TransferError> {
    let Context { peer, monitor, .. } = *context;
    let records = (metadata.len() + data.len()) as u64;
    let bytes = metadata.iter().chain(data).map(record_len).sum();
    monitor.progress.phase("Rewriting packs", Some(records), Some(bytes));
    let resume = Resume::new(peer, NAME)?;
    outgoing::send_packs(peer, &resume, condemned, monitor, &mut |builder| {
        // Data before what refers to it.
        for section in [data, metadata] {
            append(context, section, builder)?;
            builder.close()?;
        }
        Ok(())
    })
}

/// Forgets what was copied: entries name it now.
pub(super) fn forget(context: &Context<'_, '_>) -> Result<(), TransferError> {
    Resume::new(context.peer, NAME)?.forget();
    Ok(())
}

fn append(
    context: &Context<'_, '_>,
    records: &[Placed],
    builder: &mut PackBuilder<'_>,
) -> Result<(), TransferError> {
    for batch in batches(records) {
        let came: Mutex<HashMap<RecordKey, (RecordInfo, Vec<u8>)>> = Mutex::default();
        fetch_records(context.peer, batch.to_vec(), &quiet(context.monitor), &|one| {
            let mut came = came.lock().unwrap_or_else(PoisonError::into_inner);
            came.insert(one.key(), (one.info, one.record.to_vec()));
            Ok(())
        })?;
        let mut came = came.into_inner().unwrap_or_else(PoisonError::into_inner);
        for placed in batch {
            // All of them came, or the fetch had failed.
            if let Some((info, record)) = came.remove(&(placed.kind, placed.id)) {
                let (header, stored) = record.split_at(RECORD_HEADER_LEN);
                builder.append(info, header, stored)?;
            }
        }
    }
    Ok(())
}

/// Records that are held in memory together: about a pack.
fn batches(records: &[Placed]) -> impl Iterator<Item = &[Placed]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let count = rest.iter().take_while(|placed| {
            let has_room = bytes < PACK_TARGET as u64;
            bytes += record_len(placed);
            has_room
        });
        let (batch, behind) = rest.split_at(count.count());
        rest = behind;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::pack::RecordKind;

    #[test]
    fn batches_are_about_a_pack_and_leave_nothing_out() {
        let placed = |stored_len| Placed {
            id: [1; 32],
            kind: RecordKind::Blob,
            pack: [1; 32],
            offset: 0,
            stored_len,
            raw_len: stored_len,
        };
        let half = placed(PACK_TARGET as u32 / 2);
        let records = [half, half, half, placed(1), placed(1)];
        let lens: Vec<usize> = batches(&records).map(<[Placed]>::len).collect();
        assert_eq!(lens, [2, 3]);
        assert_eq!(batches(&[]).count(), 0);
    }
}
