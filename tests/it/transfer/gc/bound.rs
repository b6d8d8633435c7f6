//! What a bucket holds after a collection, and what reading it takes.

use super::world::{Actor, Home, LONG, START, below};
use crate::support::scratch;
use crate::support::timed_store::Bucket;
use dsv::model::Expected;
use dsv::plumbing::transfer::gc::Amount;

/// Bytes of entries, heads, lists and the like, which are few and do not count.
const LOGS: u64 = 20_000;

#[test]
fn the_bucket_holds_little_more_than_what_is_in_use() {
    let home = Home::new();
    home.write(0..60, 20_000, 1);
    let first = home.commit("first");
    home.write(20..40, 20_000, 2);
    home.write(60..61, 4_000_000, 3);
    let second = home.commit("second");
    home.switch("side", first);
    home.write(0..30, 20_000, 4);
    let third = home.commit("third");
    let bucket = Bucket::new(START);
    let cache = scratch();
    let ada = Actor::new(&home, &bucket, cache.path());
    for tip in [first, second] {
        ada.push("cats", tip, None).unwrap();
    }
    ada.push("old", second, None).unwrap();
    // All of the second version is in use by nothing any more.
    ada.push("cats", third, Some(Expected::Any)).unwrap();
    ada.push("old", first, Some(Expected::Any)).unwrap();
    bucket.wait(LONG);
    let before = below(&bucket, "").0;
    let first_run = ada.gc().unwrap();
    bucket.wait(LONG);
    let second_run = ada.gc().unwrap();
    ada.assert_whole();

    // The same, pushed to an empty bucket.
    let (clean, clean_cache) = (Bucket::new(START), scratch());
    let clean_ada = Actor::new(&home, &clean, clean_cache.path());
    clean_ada.push("cats", third, None).unwrap();
    clean_ada.push("old", first, None).unwrap();
    let (there, reachable) = (below(&bucket, "").0, below(&clean, "packs/").0);
    println!("before {before}, after {there}, reachable {reachable}: {:.3}", there as f64 / reachable as f64);
    assert!(before > 2 * reachable, "{before} {reachable}");
    assert!(there <= reachable / 10 * 11 + LOGS, "{there} of {reachable}: {first_run:?} {second_run:?}");
    assert_eq!(second_run.removed, first_run.condemned);

    // There is nothing left to do.
    bucket.wait(LONG);
    let third_run = ada.gc().unwrap();
    let nothing = Amount::default();
    assert_eq!((third_run.condemned, third_run.removed, third_run.rewritten), (nothing, nothing, nothing));
    let entries = ada.newest("cats").0;
    ada.gc().unwrap();
    assert_eq!(ada.newest("cats").0, entries);
}

#[test]
fn a_dataset_that_was_removed_goes_and_can_be_made_anew() {
    let home = Home::new();
    home.write(0..10, 20_000, 1);
    let first = home.commit("first");
    home.write(10..20, 200_000, 2);
    let second = home.commit("second");
    let bucket = Bucket::new(START);
    let cache = scratch();
    let ada = Actor::new(&home, &bucket, cache.path());
    ada.push("cats", first, None).unwrap();
    ada.push("old", second, None).unwrap();
    bucket.wait(LONG);
    ada.remove("old");
    for _ in 0..2 {
        ada.gc().unwrap();
        // The way back.
        assert_eq!(ada.assert_fetched("old", Some(1)), second);
        bucket.wait(LONG / 3);
    }
    for _ in 0..3 {
        bucket.wait(LONG);
        ada.gc().unwrap();
    }
    let left = below(&bucket, "packs/").0;
    assert!(left < 300_000, "{left}");
    ada.assert_whole();
    // Its last entry still names segments, which are gone.
    ada.push("old", second, None).unwrap();
    assert_eq!((ada.newest("old").0, ada.assert_fetched("old", None)), (3, second));
    bucket.wait(LONG);
    ada.gc().unwrap();
    ada.assert_whole();
}

#[test]
fn many_small_pushes_become_few_packs() {
    let home = Home::new();
    home.write(0..100, 500, 1);
    let bucket = Bucket::new(START);
    let cache = scratch();
    let ada = Actor::new(&home, &bucket, cache.path());
    ada.push("cats", home.commit("first"), None).unwrap();
    for round in 0..60 {
        home.write(round..round + 1, 500, round as u64 + 2);
        ada.push("cats", home.commit(&format!("round {round}")), None).unwrap();
    }
    let clone = |what: &str| {
        let cache = scratch();
        let reader = Actor::new(&home, &bucket, cache.path());
        reader.assert_fetched("cats", None);
        let stats = reader.client().stats();
        println!("{what}: {} requests for a clone, {} packs", stats.requests(), below(&bucket, "packs/").1);
        stats.requests()
    };
    let before = clone("before");
    bucket.wait(LONG);
    let done = ada.gc().unwrap();
    let requests = clone("after");
    assert!(requests <= 80 && before > 2 * requests, "{before} {requests} {done:?}");
    bucket.wait(LONG);
    ada.gc().unwrap();
    ada.assert_whole();
    assert_eq!(below(&bucket, "packs/").1, 2);
    assert!(below(&bucket, "index/").1 <= 2, "{}", below(&bucket, "index/").1);
    // The next push finds all of it.
    home.write(7..8, 500, 99);
    let sent = ada.push("cats", home.commit("last"), None).unwrap();
    assert!(sent.bytes < 20_000 && sent.versions == 1, "{sent:?}");
}
