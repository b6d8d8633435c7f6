//! What nothing refers to any more on a remote, removed; what is left, gathered into few packs.
//!
//! Others push meanwhile, and no lock holds them off. What keeps this safe is that an object goes in two steps, by two
//! collections: the first one puts its name on a list of what is *condemned* (`condemned`); a later one removes it when the list is
//! older than the time of grace, the object was not written again since, and nothing that is read after that refers to it.
//!
//! - Who pushes uses nothing that is condemned: an entry of a log whose writer knew the list names nothing on it.
//! - Who did not know the list had asked for it before it was there, and created the entry soon after: much sooner than the time
//!   of grace, so that the second collection reads the entry and keeps what it names.
//! - What the newest entry of the own dataset names may be used again without asking, since of those who create the next entry
//!   one wins: it is named by the newest entry all the time.
//! - A segment that is younger than the time of grace keeps the packs that it names. So where a pack is condemned, every segment that
//!   names it is, and who relies on segments of another dataset need look for those alone.
//! - A pack that was named in spite of that, by an entry just after the list, is listed anew by those who follow that entry. So a pack is removed only
//!   when every segment that names it is on a list that others could read.
//!
//! Records that are in use and lie in packs of which much is not are copied to new packs first, and each dataset gets an entry of the same
//! version whose segments name these. When somebody pushes at the same time, one of the two entries is refused; a push begins anew
//! from the other one, and so does the collection, for this dataset.
//!
//! Whatever ends a collection leaves new packs that nothing refers to yet, old ones that are not removed yet, or a list that nothing was
//! done about: all that is referred to is there.

mod copy;
mod live;
mod plan;
mod references;
mod rewrite;
mod snapshot;
mod sweep;

use std::collections::HashSet;
use std::time::Duration;

use super::condemned::Condemned;
use super::{Peer, TransferError};
use crate::model::{DatasetName, Monitor, Time};
use crate::remote::{PutBody, keys};
use crate::store::ObjectDb;

use references::References;
use rewrite::Rewrite;
use snapshot::{Bucket, Snapshot};

/// How to collect.
#[derive(Debug, Clone)]
pub struct GcOptions {
    /// Find out what would be done, and change nothing.
    pub dry_run: bool,
    /// How long what was replaced or is not referred to stays. It must be longer than a push takes from its last question for
    /// what is condemned to its entry, and than any reader reads.
    pub grace: Duration,
    /// Who collects.
    pub who: String,
    /// When, by the clock here.
    pub time: Time,
}

/// A number of objects and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Amount {
    /// One more object.
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

impl FromIterator<u64> for Amount {
    /// From the bytes of each object.
    fn from_iter<I: IntoIterator<Item = u64>>(bytes: I) -> Self {
        let mut amount = Self::default();
        bytes.into_iter().for_each(|bytes| amount.add(bytes));
        amount
    }
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcOutcome {
    /// Whether it was done; false after a dry run.
    pub done: bool,
    /// Datasets that the remote has.
    pub datasets: u64,
    /// Packs and segments that an earlier collection condemned and this one removed.
    pub removed: Amount,
    /// Packs whose records in use were copied.
    pub rewritten: Amount,
    /// Packs that these records make.
    pub copies: Amount,
    /// Packs and segments that this collection condemned.
    pub condemned: Amount,
    /// Packs and segments that were condemned before and cannot be removed yet.
    pub waiting: Amount,
    /// When the last of what is condemned can be removed, by the clock of the store.
    pub due: Option<Time>,
    /// Packs and segments that something refers to, or that are too young to be condemned.
    pub kept: Amount,
    /// Marks of uploads that ended long ago without an end, removed.
    pub marks: u64,
    /// Datasets to which others pushed all the time, so that their packs stayed as they were.
    pub busy: Vec<DatasetName>,
}

/// Collects garbage.
///
/// # Errors
/// When something that is in use is missing or damaged: then nothing was removed. When the remote fails or the monitor asks to
/// end: then a part may be done, and all that is in use is there.
pub fn gc(
    peer: &Peer<'_>,
    db: &ObjectDb,
    options: &GcOptions,
    monitor: &Monitor<'_>,
) -> Result<GcOutcome, TransferError> {
    monitor.progress.phase("Looking at the remote", None, None);
    if peer.client.list_folders("", peer.interrupt)?.is_empty() {
        return Ok(GcOutcome { done: !options.dry_run, ..GcOutcome::default() });
    }
    let now = if options.dry_run { options.time } else { ask_time(peer)? };
    let ages = Ages { now, grace: options.grace };
    collect(&Context { peer, db, options, monitor, ages })
}

/// What time it is for the store.
fn ask_time(peer: &Peer<'_>) -> Result<Time, TransferError> {
    peer.put(keys::CLOCK, &PutBody::from("read when this was written\n"))?;
    let info = peer.client.head(keys::CLOCK, peer.interrupt)?;
    info.map(|info| info.last_modified).ok_or_else(|| peer.missing(keys::CLOCK))
}

/// What is old.
#[derive(Debug, Clone, Copy)]
struct Ages {
    now: Time,
    grace: Duration,
}

impl Ages {
    /// Whether something of this time is older than the time of grace. Times are whole seconds: of two in one second none is older.
    fn is_old(&self, time: Time) -> bool {
        self.end_of_grace(time).seconds < self.now.seconds
    }

    /// When something of this time will have been there for the time of grace.
    fn end_of_grace(&self, time: Time) -> Time {
        let grace = i64::try_from(self.grace.as_secs()).unwrap_or(i64::MAX);
        Time { seconds: time.seconds.saturating_add(grace), offset: self.now.offset }
    }
}

/// Where and how a collection works.
#[derive(Clone, Copy)]
struct Context<'a, 'p> {
    peer: &'a Peer<'p>,
    db: &'a ObjectDb,
    options: &'a GcOptions,
    monitor: &'a Monitor<'a>,
    ages: Ages,
}

fn collect(context: &Context<'_, '_>) -> Result<GcOutcome, TransferError> {
    let Context { peer, options, .. } = *context;
    let mut references = References::default();
    let list = sweep::newest_list(context)?;
    // Read after the time: what was condemned a time of grace before that and is named by none of these entries is named by none
    // that is still to come.
    let snapshot = Snapshot::read(context)?;
    let mut bucket = Bucket::list(peer)?;
    let mut named = references.of(context, &snapshot, &bucket)?;
    // Before anything is removed, so that a remote that lacks something that is in use stays as it is.
    let condemned = Condemned::of(list.as_ref().map(|known| &known.list));
    let mut removable = sweep::removable(&context.ages, list.as_ref(), &named, &bucket);
    if !removable.is_empty() {
        let mut needed = named.clone();
        references.add_unlisted_segments(context, &condemned, &bucket, &mut needed)?;
        removable.retain(|(key, _)| !needed.contains(key));
    }
    let mut rewrite = Rewrite::plan(context, &snapshot, &bucket, condemned, &mut references)?;
    let mut outcome = GcOutcome {
        done: !options.dry_run,
        datasets: snapshot.datasets.len() as u64,
        rewritten: rewrite.rewritten(),
        copies: rewrite.copies(),
        ..GcOutcome::default()
    };
    outcome.removed = removable.iter().map(|(_, bytes)| *bytes).collect();
    if options.dry_run {
        named = rewrite.forecast(&snapshot, &bucket)?;
    } else {
        sweep::remove(context, removable.iter().map(|(key, _)| key.clone()).collect())?;
        outcome.busy = rewrite.carry_out()?;
        outcome.copies = rewrite.copies();
        if rewrite.has_published() {
            let snapshot = Snapshot::read(context)?;
            bucket = Bucket::list(peer)?;
            named = references.of(context, &snapshot, &bucket)?;
        }
    }
    let removed: HashSet<String> = removable.into_iter().map(|(key, _)| key).collect();
    bucket.objects.retain(|key, _| !removed.contains(key));
    let judged = sweep::judge(&context.ages, list.as_ref(), &named, &removed, &bucket);
    (outcome.condemned, outcome.waiting, outcome.kept) = (judged.condemned, judged.waiting, judged.kept);
    outcome.due = judged.due;
    if !options.dry_run && !sweep::publish(context, list.as_ref(), judged)? {
        // Another collection was faster: what it has not condemned, the next one does.
        outcome.condemned = Amount::default();
    }
    outcome.marks = sweep::remove_old_marks(context, &bucket)?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_older_than_the_time_of_grace_by_whole_seconds() {
        let time = |seconds| Time { seconds, offset: 0 };
        let ages = Ages { now: time(1000), grace: Duration::from_secs(100) };
        assert!(ages.is_old(time(899)) && !ages.is_old(time(900)) && !ages.is_old(time(2000)));
        let none = Ages { now: time(1000), grace: Duration::ZERO };
        assert!(none.is_old(time(999)) && !none.is_old(time(1000)));
        let ever = Ages { now: time(1000), grace: Duration::MAX };
        assert!(!ever.is_old(time(0)));
    }
}
