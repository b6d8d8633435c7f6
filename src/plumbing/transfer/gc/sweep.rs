//! What is condemned, and what of that is removed.

use std::collections::HashSet;

use super::snapshot::{Bucket, Stored};
use super::{Ages, Amount, Context};
use crate::codec::json_line::encode_condemned;
use crate::model::{CondemnedList, CondemnedObject, REMOTE_FORMAT, Time};
use crate::plumbing::transfer::{TransferError, condemned};
use crate::plumbing::work_stack::work_through;
use crate::remote::{Created, keys};

/// Objects that are removed at the same time.
const REMOVALS: usize = 8;
/// Objects that one collection condemns at the most; the next one goes on. Whoever pushes reads the whole list.
const MAX_CONDEMNED: usize = 100_000;

/// The newest list, and when it was written by the clock of the store.
#[derive(Debug)]
pub(super) struct KnownList {
    pub(super) list: CondemnedList,
    written: Time,
}

impl KnownList {
    /// Since when an object on the list is condemned.
    fn since(&self, object: &CondemnedObject) -> Time {
        object.since.unwrap_or(self.written)
    }
}

/// Reads the newest list. When the one who wrote it died before the head repeated it, the head is mended.
pub(super) fn newest_list(context: &Context<'_, '_>) -> Result<Option<KnownList>, TransferError> {
    let peer = context.peer;
    let Some((list, is_head)) = condemned::newest(peer)? else { return Ok(None) };
    let key = keys::condemned_list(list.number);
    let info = peer.client.head(&key, peer.interrupt)?.ok_or_else(|| peer.missing(&key))?;
    if !is_head && !context.options.dry_run {
        peer.put(keys::CONDEMNED_HEAD, &encode_condemned(&list).into())?;
    }
    Ok(Some(KnownList { list, written: info.last_modified }))
}

/// What can be removed, with its bytes: condemned longer ago than the time of grace, not written since, and named by nothing.
pub(super) fn removable(
    ages: &Ages,
    list: Option<&KnownList>,
    named: &HashSet<String>,
    bucket: &Bucket,
) -> Vec<(String, u64)> {
    let Some(known) = list else { return Vec::new() };
    let objects = known.list.objects.iter().filter_map(|object| {
        let stored = bucket.objects.get(&object.key)?;
        let since = known.since(object);
        let goes = ages.is_old(since) && is_older(stored, since) && !named.contains(&object.key);
        goes.then(|| (object.key.clone(), stored.bytes))
    });
    objects.collect()
}

/// Whether an object was there, as it is now, before that time.
fn is_older(stored: &Stored, time: Time) -> bool {
    stored.modified.seconds < time.seconds
}

/// Removes objects.
pub(super) fn remove(context: &Context<'_, '_>, keys: Vec<String>) -> Result<(), TransferError> {
    let Context { peer, monitor, .. } = *context;
    if keys.is_empty() {
        return Ok(());
    }
    monitor.progress.phase("Removing", Some(keys.len() as u64), None);
    work_through(REMOVALS, keys, |key, _| {
        monitor.interrupt.check()?;
        peer.delete(&key)?;
        monitor.progress.advance(1, 0);
        Ok(())
    })
}

/// What is to become of each object that is there.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// What the next list would hold.
    objects: Vec<CondemnedObject>,
    /// Of these, what no list holds yet.
    pub(super) condemned: Amount,
    /// Of these, what must wait.
    pub(super) waiting: Amount,
    /// All others.
    pub(super) kept: Amount,
    /// When the last of the condemned ones can be removed.
    pub(super) due: Option<Time>,
}

/// Judges what is there, after what was just `removed`.
pub(super) fn judge(
    ages: &Ages,
    list: Option<&KnownList>,
    named: &HashSet<String>,
    removed: &HashSet<String>,
    bucket: &Bucket,
) -> Judged {
    let mut judged = Judged::default();
    let mut known = HashSet::new();
    let mut last = None;
    for object in list.iter().flat_map(|known| &known.list.objects) {
        known.insert(object.key.as_str());
        let Some(stored) = bucket.objects.get(&object.key) else {
            // Its name stays for as long as one may be at work that read a list before it was gone. What was just removed went
            // after this collection began: the next one dates it.
            let gone = object.gone.or(Some(ages.now).filter(|_| !removed.contains(&object.key)));
            if !gone.is_some_and(|gone| ages.is_old(gone)) {
                let since = list.map(|list| list.since(object));
                judged.objects.push(CondemnedObject { gone, since, ..object.clone() });
            }
            continue;
        };
        if named.contains(&object.key) {
            continue;
        }
        // Written anew by one who did not know: its time begins anew.
        let since = list.map(|list| list.since(object)).filter(|since| is_older(stored, *since));
        last = last.max(Some(since.unwrap_or(ages.now)));
        judged.waiting.add(stored.bytes);
        judged.objects.push(CondemnedObject { bytes: stored.bytes, since, gone: None, ..object.clone() });
    }
    let unnamed = bucket.objects.iter().filter(|(key, stored)| {
        !named.contains(*key) && !known.contains(key.as_str()) && ages.is_old(stored.modified)
    });
    // In order of key, so segments come before packs: wherever this stops, no pack is condemned and a segment that names it is not.
    for (key, stored) in unnamed.take(MAX_CONDEMNED) {
        last = last.max(Some(ages.now));
        judged.condemned.add(stored.bytes);
        let (key, bytes) = (key.clone(), stored.bytes);
        judged.objects.push(CondemnedObject { key, bytes, since: None, gone: None });
    }
    judged.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let there: Amount = bucket.objects.values().map(|stored| stored.bytes).collect();
    let doomed = [judged.condemned, judged.waiting];
    judged.kept = Amount {
        objects: there.objects - doomed.iter().map(|amount| amount.objects).sum::<u64>(),
        bytes: there.bytes - doomed.iter().map(|amount| amount.bytes).sum::<u64>(),
    };
    judged.due = last.map(|time| ages.end_of_grace(time));
    judged
}

/// Writes the next list, if something is to be condemned. False when another collection has written one of that number.
pub(super) fn publish(
    context: &Context<'_, '_>,
    known: Option<&KnownList>,
    judged: Judged,
) -> Result<bool, TransferError> {
    if judged.objects.iter().all(|object| object.since.is_some()) {
        return Ok(true);
    }
    let Context { peer, options, .. } = *context;
    let list = CondemnedList {
        format: REMOTE_FORMAT,
        reader_features: Vec::new(),
        number: known.map_or(0, |known| known.list.number) + 1,
        who: options.who.clone(),
        time: options.time,
        objects: judged.objects,
    };
    let bytes = encode_condemned(&list);
    if peer.create(&keys::condemned_list(list.number), bytes.clone())? == Created::Exists {
        return Ok(false);
    }
    // Only a hint: who does not find the list by it asks for its number.
    let _ = peer.put(keys::CONDEMNED_HEAD, &bytes.into());
    Ok(true)
}

/// Removes the marks of uploads that have not moved for the time of grace; returns how many there were.
pub(super) fn remove_old_marks(context: &Context<'_, '_>, bucket: &Bucket) -> Result<u64, TransferError> {
    let old = bucket.marks.iter().filter(|(_, stored)| context.ages.is_old(stored.modified));
    let old: Vec<String> = old.map(|(key, _)| key.clone()).collect();
    let count = old.len() as u64;
    if !context.options.dry_run {
        remove(context, old)?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const GRACE: u64 = 100;
    const NOW: i64 = 10_000;

    fn time(seconds: i64) -> Time {
        Time { seconds, offset: 0 }
    }

    fn ages() -> Ages {
        Ages { now: time(NOW), grace: Duration::from_secs(GRACE) }
    }

    fn bucket(objects: &[(&str, i64)]) -> Bucket {
        let stored = |(key, modified): &(&str, i64)| {
            ((*key).to_owned(), Stored { bytes: 10, modified: time(*modified) })
        };
        Bucket { objects: objects.iter().map(stored).collect(), ..Bucket::default() }
    }

    /// A list written at a time, of objects condemned since then, or earlier.
    fn list(written: i64, objects: &[(&str, Option<i64>, Option<i64>)]) -> KnownList {
        let object = |(key, since, gone): &(&str, Option<i64>, Option<i64>)| CondemnedObject {
            key: (*key).to_owned(),
            bytes: 10,
            since: since.map(time),
            gone: gone.map(time),
        };
        let list = CondemnedList {
            format: 1,
            reader_features: vec![],
            number: 1,
            who: String::new(),
            time: time(0),
            objects: objects.iter().map(object).collect(),
        };
        KnownList { list, written: time(written) }
    }

    fn names(keys: &[&str]) -> HashSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn only_what_waited_and_is_named_by_nothing_goes() {
        let bucket =
            bucket(&[("waited", 1), ("named", 1), ("rewritten", 9_500), ("young", 9_990), ("new", 1)]);
        let objects =
            [("waited", None, None), ("named", None, None), ("rewritten", None, None), ("gone", None, None)];
        let go = |written| {
            let list = list(written, &objects);
            let go = removable(&ages(), Some(&list), &names(&["named"]), &bucket);
            go.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(go(9_000), ["waited"]);
        // Now the list is younger than the time of grace.
        assert!(go(9_950).is_empty());
        assert!(removable(&ages(), None, &names(&[]), &bucket).is_empty());
    }

    #[test]
    fn no_pack_is_condemned_before_all_segments_are() {
        let keys = |count: usize, last: &str| {
            let packs = (0..count).map(|number| keys::pack(&[number as u8; 32]) + &number.to_string());
            packs.chain([last.to_owned()]).collect::<Vec<_>>()
        };
        let segment = keys::segment(&"f".repeat(64));
        let all = keys(MAX_CONDEMNED + 1, &segment);
        let all: Vec<(&str, i64)> = all.iter().map(|key| (key.as_str(), 1)).collect();
        let judged = judge(&ages(), None, &names(&[]), &names(&[]), &bucket(&all));
        assert_eq!(judged.objects.len(), MAX_CONDEMNED);
        assert!(judged.objects.iter().any(|object| object.key == segment));
    }

    #[test]
    fn the_next_list_holds_what_waits_and_what_went_of_late() {
        let bucket =
            bucket(&[("waits", 1), ("named", 1), ("rewritten", 9_990), ("young", 9_990), ("new", 1)]);
        let list = list(
            9_950,
            &[
                ("waits", Some(9_000), None),
                ("named", None, None),
                ("rewritten", None, None),
                ("just-removed", Some(9_000), None),
                ("gone", None, None),
                ("gone-of-late", None, Some(9_960)),
                ("gone-long", None, Some(9_000)),
            ],
        );
        let judged = judge(&ages(), Some(&list), &names(&["named"]), &names(&["just-removed"]), &bucket);
        let found = judged.objects.iter().map(|object| {
            let seconds = |time: Option<Time>| time.map(|time| time.seconds);
            (object.key.as_str(), seconds(object.since), seconds(object.gone))
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                ("gone", Some(9_950), Some(NOW)),
                ("gone-of-late", Some(9_950), Some(9_960)),
                ("just-removed", Some(9_000), None),
                ("new", None, None),
                // Its time begins anew.
                ("rewritten", None, None),
                ("waits", Some(9_000), None),
            ]
        );
        let amount = |objects| Amount { objects, bytes: 10 * objects };
        assert_eq!((judged.condemned, judged.waiting, judged.kept), (amount(1), amount(2), amount(2)));
        assert_eq!(judged.due, Some(time(NOW + GRACE as i64)));
    }
}
