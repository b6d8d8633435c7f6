//! Bytes on the wire, shown while they are on their way: an answer can take long, and nobody likes a bar that stands still.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{Peer, TransferError};
use crate::model::Monitor;

/// How often it is looked what went over the wire.
const TICK: Duration = Duration::from_millis(100);

/// Calls `each` with the bytes that `count` tells more than before, as they come, until the other side of `ended` is dropped.
fn watch(ended: &Receiver<()>, count: &dyn Fn() -> u64, each: &mut dyn FnMut(u64)) {
    let mut seen = count();
    while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let now = count();
        each(now.saturating_sub(seen));
        seen = now;
    }
}

/// Shows the bytes that are sent, until the other side of `ended` is dropped.
pub(super) fn show_sent(peer: &Peer<'_>, ended: &Receiver<()>, monitor: &Monitor<'_>) {
    watch(ended, &|| peer.client.stats().bytes_sent, &mut |bytes| monitor.progress.advance(0, bytes));
}

/// A batch of records that is being fetched: as long on the wire, and as long when all of it is here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Batch {
    pub(super) stored: u64,
    pub(super) raw: u64,
}

/// Does `work`, which fetches the batch, and shows its raw bytes meanwhile: what is received stands for its share of them.
///
/// # Errors
/// What `work` returns.
pub(super) fn showing_received(
    peer: &Peer<'_>,
    batch: Batch,
    monitor: &Monitor<'_>,
    work: impl FnOnce() -> Result<(), TransferError>,
) -> Result<(), TransferError> {
    let (end, ended) = crossbeam_channel::bounded::<()>(0);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            let (mut received, mut shown) = (0, 0);
            watch(&ended, &|| peer.client.stats().bytes_received, &mut |bytes| {
                received += bytes;
                let share = share_of(batch, received);
                monitor.progress.advance(0, share - shown);
                shown = share;
            });
            shown
        });
        let done = work();
        drop(end);
        let shown = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if done.is_ok() {
            monitor.progress.advance(0, batch.raw - shown);
        }
        done
    })
}

/// The raw bytes that so many received ones stand for; never more than there are, though headers and gaps come as well.
fn share_of(batch: Batch, received: u64) -> u64 {
    let share = u128::from(batch.raw) * u128::from(received) / u128::from(batch.stored.max(1));
    u64::try_from(share).unwrap_or(u64::MAX).min(batch.raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_stands_for_its_share_and_never_for_more_than_all() {
        let batch = Batch { stored: 100, raw: 1000 };
        assert_eq!(
            [0, 10, 99, 100, 120].map(|received| share_of(batch, received)),
            [0, 100, 990, 1000, 1000]
        );
        assert_eq!(share_of(Batch::default(), 50), 0);
    }
}
