//! Entries that were replaced in the time of grace: what they lead to stays, as far as it is there.

use std::sync::{Arc, LazyLock};

use dsv::model::{Expected, RefEntry, VersionId};
use dsv::plumbing::transfer::{TransferError, log};
use tempfile::TempDir;

use super::world::{Actor, GRACE, Home, LONG, NEVER, START, aside, dataset, keys_below, objects};
use crate::support::scratch;
use crate::support::timed_store::{Bucket, Meet, TimedStore};

/// A time of grace that has passed for all but the newest entries, and one that has not.
const SHORT: i64 = GRACE / 10;
const AGES: i64 = 1000 * GRACE;

/// `cats` was moved from one version to another that shares nothing with it.
struct Moved {
    home: Home,
    first: VersionId,
    second: VersionId,
    bucket: Arc<Bucket>,
}

static MOVED: LazyLock<Moved> = LazyLock::new(|| {
    let home = Home::new();
    home.write(0..6, 3000, 1);
    let first = home.commit("first");
    let other = Home::new();
    other.write(0..6, 3000, 2);
    let second = other.commit("second");
    let bucket = Bucket::new(START);
    push(&home, &bucket, "cats", first);
    bucket.wait(1);
    push(&other, &bucket, "cats", second);
    Moved { home, first, second, bucket }
});

fn push(home: &Home, bucket: &Arc<Bucket>, name: &str, tip: VersionId) {
    let cache = scratch();
    Actor::new(home, bucket, cache.path()).push(name, tip, Some(Expected::Any)).unwrap();
}

/// A copy of the bucket, and one who works there without having learned anything of it.
fn begin() -> (Arc<Bucket>, TempDir, Actor<'static>) {
    let (bucket, cache) = (MOVED.bucket.fork(), scratch());
    let actor = Actor::new(&MOVED.home, &bucket, cache.path());
    (bucket, cache, actor)
}

/// The segments that an entry names.
fn segments(actor: &Actor<'_>, number: u64) -> Vec<String> {
    let entry = log::read_entry(&actor.peer(), &dataset("cats"), number).unwrap().unwrap();
    entry.segments.iter().map(|info| format!("index/{}.seg", info.name)).collect()
}

/// Collects, and tries that before.
fn gc_for(bucket: &Arc<Bucket>, actor: &Actor<'_>, grace: i64) {
    actor.gc_for(grace, true, bucket.now()).unwrap();
    actor.gc_for(grace, false, bucket.now()).unwrap();
}

#[test]
fn a_longer_time_of_grace_after_a_shorter_one_finds_what_is_left() {
    let (bucket, _, actor) = begin();
    for _ in 0..2 {
        bucket.wait(LONG);
        gc_for(&bucket, &actor, SHORT);
    }
    assert!(segments(&actor, 1).iter().all(|key| !keys_below(&bucket, "index/").contains(key)));
    let left = keys_below(&bucket, "packs/");
    for cache in [scratch(), scratch()] {
        gc_for(&bucket, &Actor::new(&MOVED.home, &bucket, cache.path()), AGES);
    }
    assert_eq!(keys_below(&bucket, "packs/"), left);
    actor.assert_whole();
    assert_eq!(actor.assert_fetched("cats", None), MOVED.second);
}

#[test]
fn what_is_left_of_the_way_back_stays_whatever_is_gone_of_it() {
    let all = objects(&MOVED.bucket);
    let mut passed_over = 0;
    for gone in &all {
        // What was read of it before it went makes no difference.
        for has_read_it in [false, true] {
            let (bucket, _cache, actor) = begin();
            if has_read_it {
                actor.gc_for(AGES, true, bucket.now()).unwrap();
            }
            actor.client().delete(gone, &NEVER).unwrap();
            let left = objects(&bucket);
            let runs: Result<Vec<_>, _> = (0..3)
                .map(|_| {
                    bucket.wait(LONG);
                    actor.gc_for(AGES, false, bucket.now())
                })
                .collect();
            let there = objects(&bucket);
            assert!(left.iter().all(|key| there.contains(key)), "without {gone}");
            match runs {
                Ok(_) => {
                    assert_eq!(actor.assert_fetched("cats", None), MOVED.second);
                    passed_over += 1;
                }
                Err(TransferError::MissingObject { .. }) => {
                    assert!(actor.assert_fetched("cats", Some(1)) == MOVED.first, "without {gone}");
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    // A segment and two packs of each version.
    assert_eq!((all.len(), passed_over), (6, 6));
}

#[test]
fn a_segment_on_the_way_back_may_go_while_it_is_read() {
    let (bucket, cache, actor) = begin();
    let key = segments(&actor, 1).remove(0);
    let (wanted, thief) = (format!("get {key}"), Arc::clone(&bucket));
    let mut reads = 0;
    let meet: Meet = Box::new(move |_, call| {
        if call == wanted {
            reads += 1;
            let folder = scratch();
            let thief = Actor::new(&MOVED.home, &thief, folder.path());
            aside(|| thief.client().delete(&key, &NEVER).unwrap());
        }
        assert!(reads < 3);
        Ok(())
    });
    Actor::on(&MOVED.home, TimedStore::met(&bucket, meet), cache.path())
        .gc_for(AGES, false, bucket.now())
        .unwrap();
    assert!(!keys_below(&bucket, "index/").contains(&segments(&actor, 1)[0]));
    assert_eq!(actor.assert_fetched("cats", None), MOVED.second);
}

#[test]
fn what_is_missing_of_a_newest_entry_is_told_where_it_is_on_the_way_back_of_another() {
    let (bucket, _cache, actor) = begin();
    // Of the name that comes last, so that the way back of the first one is looked at before.
    let first = log::read_entry(&actor.peer(), &dataset("cats"), 1).unwrap().unwrap();
    log::append(&actor.peer(), &RefEntry { dataset: dataset("zoo"), ..first }).unwrap();
    let shared = segments(&actor, 1);
    actor.client().delete(&shared[0], &NEVER).unwrap();
    let left = objects(&bucket);
    let told = actor.gc_for(AGES, false, bucket.now());
    assert!(matches!(told, Err(TransferError::MissingObject { .. })), "{told:?}");
    assert_eq!(objects(&bucket), left);
}
