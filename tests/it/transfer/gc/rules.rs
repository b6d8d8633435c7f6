//! The rules of condemning and removing, each where only that rule holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dsv::model::{Expected, RefEntry, VersionId};
use dsv::plumbing::transfer::log::Appended;
use dsv::plumbing::transfer::{TransferError, log};
use tempfile::TempDir;

use super::world::{Actor, GRACE, Home, LONG, NEVER, START, aside, dataset, keys_below, objects, refused};
use crate::support::timed_store::{Bucket, Meet, TimedStore};
use crate::support::{Context, scratch};

/// A bucket, a repository with versions that share little, and a cache.
#[derive(Clone)]
struct Place {
    home: Arc<Home>,
    root: VersionId,
    bucket: Arc<Bucket>,
    cache: Arc<TempDir>,
}

impl Place {
    fn new() -> Self {
        let home = Arc::new(Home::new());
        home.write(0..1, 10, 0);
        let root = home.commit("root");
        Self { home, root, bucket: Bucket::new(START), cache: Arc::new(scratch()) }
    }

    /// A copy of the bucket, of which nothing is in the cache.
    fn fork(&self) -> Self {
        Self { bucket: self.bucket.fork(), cache: Arc::new(scratch()), ..self.clone() }
    }

    /// A version that descends from the root alone, of ten files: the first ones are other ones for each seed, the rest is the same.
    fn version(&self, other: usize, seed: u64) -> VersionId {
        self.home.switch(&format!("line-{seed}"), self.root);
        self.child(other, seed)
    }

    /// One that descends from the one before.
    fn child(&self, other: usize, seed: u64) -> VersionId {
        self.home.write(other..10, 3000, 1);
        self.home.write(0..other, 3000, seed);
        self.home.commit(&format!("{other} of {seed}"))
    }

    fn actor(&self) -> Actor<'_> {
        Actor::new(&self.home, &self.bucket, self.cache.path())
    }

    /// One whose requests are met.
    fn met(&self, meet: Meet) -> Actor<'_> {
        Actor::on(&self.home, TimedStore::met(&self.bucket, meet), self.cache.path())
    }

    /// One whose first request of this kind is refused, and all that come after it.
    fn dying_at(&self, wanted: &'static str) -> Actor<'_> {
        let mut is_dead = false;
        self.met(Box::new(move |_, call| {
            is_dead |= call.starts_with(wanted);
            if is_dead { Err(refused()) } else { Ok(()) }
        }))
    }

    fn push(&self, name: &str, tip: VersionId) {
        self.actor().push(name, tip, Some(Expected::Any)).unwrap();
        self.bucket.wait(1);
    }

    fn newest(&self, name: &str) -> RefEntry {
        log::newest(&self.actor().peer(), &dataset(name)).unwrap().unwrap()
    }

    /// The keys of the segments that a dataset's newest entry names.
    fn segments(&self, name: &str) -> Vec<String> {
        self.newest(name).segments.iter().map(|info| format!("index/{}.seg", info.name)).collect()
    }

    /// Collects so many times, a time of grace before each.
    fn collect(&self, times: usize) {
        for _ in 0..times {
            self.bucket.wait(LONG);
            self.actor().gc().unwrap();
        }
    }

    /// Collects until all that can go is gone, and demands that the datasets are whole then.
    fn settle(&self) {
        for _ in 0..3 {
            self.collect(1);
            self.actor().assert_condemned_together(&self.bucket);
        }
        self.actor().assert_whole();
    }
}

#[test]
fn a_pack_that_a_young_segment_names_is_not_condemned() {
    let place = Place::new();
    let cut = place.version(10, 2);
    place.push("cats", place.version(0, 1));
    let before = objects(&place.bucket);
    let attempt = || place.dying_at("put refs/").push("birds", cut, None).unwrap_err();
    attempt();
    place.bucket.wait(LONG);
    // It goes on with the packs that it sent then, and writes the segment again.
    attempt();
    let sent: Vec<String> = objects(&place.bucket).into_iter().filter(|key| !before.contains(key)).collect();
    assert_eq!(sent.len(), 3, "{sent:?}");
    let done = place.actor().gc().unwrap();
    assert_eq!(done.condemned.objects, 0);
    place.bucket.wait(LONG);
    assert_eq!(place.actor().gc().unwrap().condemned.objects, 3);
    place.actor().assert_condemned_together(&place.bucket);
    place.push("birds", cut);
    place.settle();
}

#[test]
fn what_is_younger_than_the_time_of_grace_is_not_condemned() {
    let place = Place::new();
    place.push("cats", place.version(0, 1));
    place.bucket.wait(LONG);
    place.dying_at("put index/").push("birds", place.version(10, 2), None).unwrap_err();
    place.bucket.wait(GRACE);
    assert_eq!(place.actor().gc().unwrap().condemned.objects, 0);
    place.bucket.wait(1);
    assert_eq!(place.actor().gc().unwrap().condemned.objects, 2);
}

#[test]
fn what_is_condemned_stays_for_the_time_of_grace_however_old_it_is() {
    let place = Place::new();
    place.push("cats", place.version(0, 1));
    place.dying_at("put refs/").push("birds", place.version(10, 2), None).unwrap_err();
    place.bucket.wait(100 * GRACE);
    let condemned = place.actor().gc().unwrap().condemned;
    assert_eq!(condemned.objects, 3);
    let all = objects(&place.bucket);
    for wait in [0, GRACE] {
        place.bucket.wait(wait);
        let done = place.actor().gc().unwrap();
        assert_eq!((done.removed.objects, done.waiting), (0, condemned));
        assert_eq!(objects(&place.bucket), all);
    }
    place.bucket.wait(1);
    assert_eq!(place.actor().gc().unwrap().removed, condemned);
}

#[test]
fn a_collection_makes_sure_that_what_it_writes_is_there() {
    for (lost, next) in [("packs/", "put index/"), ("index/", "put refs/")] {
        let place = Place::new();
        place.push("cats", place.version(0, 1));
        // What is in use of the first one's packs is half of them.
        place.push("cats", place.version(5, 2));
        let (entry, before) = (place.newest("cats"), objects(&place.bucket));
        let done = Arc::new(AtomicBool::new(false));
        let (is_done, thief, old) = (Arc::clone(&done), place.clone(), before.clone());
        // Lost after it was written, and before anybody looks at it or relies on it.
        let collector = place.met(Box::new(move |_, call| {
            if !is_done.load(Ordering::SeqCst)
                && [&format!("head {lost}"), next].iter().any(|when| call.starts_with(*when))
            {
                let new = keys_below(&thief.bucket, lost).into_iter().filter(|key| !old.contains(key));
                let new: Vec<String> = new.collect();
                aside(|| new.iter().for_each(|key| thief.actor().client().delete(key, &NEVER).unwrap()));
                is_done.store(!new.is_empty(), Ordering::SeqCst);
            }
            Ok(())
        }));
        let told = collector.gc();
        assert!(done.load(Ordering::SeqCst), "nothing was rewritten");
        assert!(matches!(told, Err(TransferError::NotConfirmed { .. })), "{told:?}");
        assert_eq!(place.newest("cats"), entry);
        assert!(before.iter().all(|key| objects(&place.bucket).contains(key)));
        assert!(place.actor().condemned().is_empty());
        place.settle();
    }
}

#[test]
fn nothing_is_relied_on_that_is_condemned_and_named_all_the_same() {
    let place = Place::new();
    let (first, second) = (place.version(0, 1), place.version(10, 2));
    place.push("cats", first);
    let entry = place.newest("cats");
    place.push("cats", second);
    place.push("cats", place.version(10, 3));
    place.bucket.wait(LONG);
    place.actor().gc().unwrap();
    place.bucket.wait(LONG / 2);
    // By one who asked before that, and needed long to create the entry.
    let late = RefEntry {
        dataset: dataset("late"),
        number: 1,
        previous: None,
        write_id: "late".to_owned(),
        ..entry
    };
    assert_eq!(log::append(&place.actor().peer(), &late).unwrap(), Appended::Won);
    let condemned = place.actor().condemned();
    assert!(place.segments("late").iter().any(|key| condemned.contains(key)));
    let mut requests = 0;
    let pusher = place.met(Box::new(move |_, _| {
        requests += 1;
        if requests < 200 { Ok(()) } else { Err(refused()) }
    }));
    pusher.push("birds", first, None).unwrap();
    assert!(place.segments("birds").iter().all(|key| !condemned.contains(key)));
    place.settle();
    assert_eq!(place.newest("late").version, Some(first));
}

/// Lets something happen in the middle of a request of one who works on a copy of a place: at the first one, then at the second one,
/// until there are no more. Between the last question for what is condemned and an entry nothing happens: that time is short.
fn at_each_request(
    base: &Place,
    aside_of: impl Fn(&Place) + Send + Sync + Clone + 'static,
    attempt: impl Fn(&Place, &Actor<'_>),
) {
    let came_to = |wanted: usize| {
        let _told = Context(move || format!("at request {wanted}"));
        let place = base.fork();
        let came = Arc::new(AtomicBool::new(false));
        let (beside, has_come, work) = (place.clone(), Arc::clone(&came), aside_of.clone());
        let mut asked = false;
        let meet: Meet = Box::new(move |number, call| {
            let is_late = asked && call.starts_with("put refs/");
            asked = call.starts_with("get gc/-0");
            if number == wanted && !is_late {
                aside(|| work(&beside));
            }
            has_come.fetch_or(number == wanted, Ordering::SeqCst);
            Ok(())
        });
        attempt(&place, &place.met(meet));
        place.settle();
        came.load(Ordering::SeqCst)
    };
    assert!((1..).take_while(|number| came_to(*number)).count() > 5);
}

/// Whether that was done. What it needs may have been removed between two looks at it, which takes more than two times of grace: to be
/// told so is no harm.
fn got_there<T>(outcome: Result<T, TransferError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(TransferError::MissingObject { .. } | TransferError::NotConfirmed { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn what_is_condemned_late_of_another_dataset_is_sent_anew() {
    let base = Place::new();
    let (shared, tip, apart) = (base.version(0, 1), base.child(1, 2), base.version(10, 3));
    base.push("cats", shared);
    let aside_of = move |beside: &Place| {
        beside.push("cats", apart);
        beside.collect(2);
    };
    at_each_request(&base, aside_of, |place, pusher| {
        if !got_there(pusher.push("birds", tip, None)) {
            place.push("birds", tip);
        }
        assert_eq!(place.newest("birds").version, Some(tip));
    });
}

#[test]
fn what_a_collection_has_written_is_written_anew_where_another_one_condemned_it() {
    let base = Place::new();
    let (first, second, apart) = (base.version(0, 1), base.version(5, 2), base.version(10, 3));
    base.push("cats", first);
    // What is in use of the first one's packs is half of them.
    base.push("cats", second);
    // What the first collection copies is in use of nothing for so long that it is removed, and then in use again.
    let aside_of = move |beside: &Place| {
        beside.push("cats", apart);
        beside.collect(2);
        beside.push("cats", second);
    };
    at_each_request(&base, aside_of, |place, collector| {
        got_there(collector.gc().map(|done| assert_eq!(done.busy, [])));
        place.actor().assert_whole();
        assert_eq!(place.newest("cats").version, Some(second));
    });
}

#[test]
fn packs_of_an_upload_that_was_cut_are_not_taken_for_there_when_they_are_gone() {
    let place = Place::new();
    let tip = place.version(10, 2);
    place.push("cats", place.version(0, 1));
    place.dying_at("put refs/").push("birds", tip, None).unwrap_err();
    let packs = keys_below(&place.bucket, "packs/");
    // Until nobody knows any more that they were condemned, since the next lists are of other things.
    for seed in 3..7 {
        let other = Place { cache: Arc::new(scratch()), ..place.clone() };
        other.dying_at("put refs/").push("birds", place.version(10, seed), None).unwrap_err();
        place.collect(1);
    }
    assert!(packs.iter().all(|key| !place.actor().condemned().contains(key)));
    place.push("birds", tip);
    assert!(packs.iter().all(|key| keys_below(&place.bucket, "packs/").contains(key)));
    place.settle();
    assert_eq!(place.newest("birds").version, Some(tip));
}

#[test]
fn a_segment_that_a_push_merged_is_written_anew_where_it_was_condemned() {
    let base = Place::new();
    let (birds, cats) = (base.version(10, 2), base.version(10, 3));
    base.push("birds", birds);
    let other = Place { bucket: Bucket::new(START), ..base.fork() };
    other.push("cats", cats);
    let mut entry = other.newest("cats");
    for key in objects(&other.bucket) {
        let bytes = other.actor().client().get(&key, u64::MAX, &NEVER).unwrap().unwrap();
        base.actor().client().put(&key, &bytes.into(), &NEVER).unwrap();
    }
    // An entry of two segments that a push makes one, as collections leave them where datasets share some.
    entry.segments.extend(base.newest("birds").segments);
    assert_eq!(log::append(&base.actor().peer(), &entry).unwrap(), Appended::Won);
    let root = base.root;
    at_each_request(
        &base,
        |beside| beside.collect(2),
        move |place, pusher| {
            // Nothing is to be sent.
            if !got_there(pusher.push("cats", root, Some(Expected::Any))) {
                place.push("cats", root);
            }
            assert_eq!(place.newest("cats").version, Some(root));
        },
    );
}

#[test]
fn a_pack_that_is_condemned_and_listed_anew_stays() {
    let place = Place::new();
    let (first, second, apart) = (place.version(0, 1), place.child(1, 2), place.version(10, 3));
    place.push("cats", apart);
    // A push that takes long before it asks what is condemned, and creates its entry right after: then all that it sent is.
    let (beside, mut marks) = (place.clone(), 0);
    let pusher = place.met(Box::new(move |_, call| {
        marks += usize::from(call.starts_with("put uploads/"));
        if marks == 2 && call.starts_with("put uploads/") {
            beside.bucket.wait(LONG);
        }
        if call.starts_with("put refs/") {
            aside(|| drop(beside.actor().gc().unwrap()));
        }
        Ok(())
    }));
    pusher.push("dogs", first, None).unwrap();
    // The next one lists these packs in a segment that is not condemned.
    place.push("dogs", second);
    let condemned = place.actor().condemned();
    let names = place.segments("dogs");
    assert!(names.iter().all(|key| !condemned.contains(key)), "{names:?}");
    assert!(names.iter().any(|key| !place.actor().packs_of(key).is_disjoint(&condemned)), "{names:?}");
    // Another one relies on that, and takes long as well. Meanwhile that dataset goes elsewhere, and collections die before
    // they have told what they condemn.
    let (beside, mut marks) = (place.clone(), 0);
    let pusher = place.met(Box::new(move |_, call| {
        marks += usize::from(call.starts_with("put uploads/"));
        if marks == 2 && call.starts_with("put uploads/") {
            aside(|| {
                beside.push("dogs", apart);
                for _ in 0..2 {
                    beside.bucket.wait(LONG);
                    beside.dying_at("put gc/-0").gc().unwrap_err();
                }
            });
        }
        Ok(())
    }));
    pusher.push("birds", second, None).unwrap();
    place.actor().assert_whole();
    place.settle();
    assert_eq!(place.newest("birds").version, Some(second));
}
