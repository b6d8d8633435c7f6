//! Pushes and collections at the same time: at each request of one, a whole one of the other.
//!
//! Everything is tried in several states of the bucket, and with pushes of every kind. `DSV_GC_STEP=1` tries each
//! request; otherwise one in a few is.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use dsv::model::{Expected, VersionId};
use dsv::plumbing::transfer::TransferError;
use tempfile::TempDir;

use super::world::{Actor, GRACE, Home, LONG, NEVER, START, aside, copy_folder, objects, refused};
use crate::support::Context;
use crate::support::scratch;
use crate::support::timed_store::{Bucket, Meet, TimedStore};

/// A world that is made once; each case works on a copy of its bucket.
struct Base {
    ada: Home,
    bob: Home,
    /// One who has no version of anything.
    carl: Home,
    /// What Ada's cache holds after a push of `revived` that was cut.
    cache: TempDir,
    bucket: Arc<Bucket>,
    lost: VersionId,
    current: VersionId,
    next: VersionId,
    cut: VersionId,
    bobs: VersionId,
}

/// `cats` went from `lost` to `current`, which does not descend from it; a push of `cut` died at the last moment. All of that
/// is long ago.
static BASE: LazyLock<Base> = LazyLock::new(|| {
    let (ada, bob, carl) = (Home::new(), Home::new(), Home::new());
    ada.write(0..9, 3000, 1);
    let first = ada.commit("first");
    ada.write(3..9, 3000, 2);
    ada.write(9..10, 1_500_000, 3);
    let lost = ada.commit("lost");
    ada.switch("side", first);
    ada.write(0..4, 3000, 4);
    let current = ada.commit("current");
    ada.write(2..3, 3000, 5);
    let next = ada.commit("next");
    ada.write(9..10, 1_500_000, 6);
    let cut = ada.commit("cut");
    bob.write(0..6, 3000, 7);
    let bobs = bob.commit("bob's");

    let bucket = Bucket::new(START);
    let cache = scratch();
    let pusher = Actor::new(&ada, &bucket, cache.path());
    for tip in [first, lost, current] {
        pusher.push("cats", tip, Some(Expected::Any)).unwrap();
        bucket.wait(1);
    }
    let fail = |_, call: &str| match call {
        "put refs/datasets/cats/-000000000004.json" => Err(refused()),
        _ => Ok(()),
    };
    let pusher = Actor::on(&ada, TimedStore::met(&bucket, Box::new(fail)), cache.path());
    pusher.push("cats", cut, None).unwrap_err();
    bucket.wait(LONG);
    Base { ada, bob, carl, cache, bucket, lost, current, next, cut, bobs }
});

/// In which state the bucket is when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No collection was ever there.
    Untouched,
    /// One was, just now.
    Condemned,
    /// One was, so long ago that what it condemned can be removed.
    Removable,
    /// That was removed.
    Removed,
}

/// What is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Push {
    /// A version more.
    Next,
    /// The version of which a push was cut.
    Cut,
    /// A new dataset, of a version that is there.
    Shared,
    /// A new dataset, of the version that was lost.
    Lost,
    /// The dataset goes back to the version that was lost.
    Back,
    /// Another repository's dataset.
    Bobs,
}

const PUSHES: [Push; 6] = [Push::Next, Push::Cut, Push::Shared, Push::Lost, Push::Back, Push::Bobs];

/// One case: a copy of the bucket, and of the cache.
#[derive(Clone)]
struct Case {
    bucket: Arc<Bucket>,
    folder: Arc<TempDir>,
}

impl Case {
    fn new(state: State) -> Self {
        let base = &*BASE;
        let folder = Arc::new(scratch());
        copy_folder(base.cache.path(), &folder.path().join("ada"));
        let case = Self { bucket: base.bucket.fork(), folder };
        let steps = match state {
            State::Untouched => 0,
            State::Condemned => 1,
            State::Removable => 2,
            State::Removed => 3,
        };
        if steps > 0 {
            case.gc();
            case.bucket.wait(if steps > 1 { LONG } else { 10 });
        }
        if steps > 2 {
            case.gc();
        }
        case
    }

    fn cache(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn carl(&self) -> Actor<'static> {
        Actor::new(&BASE.carl, &self.bucket, &self.cache("carl"))
    }

    fn gc(&self) {
        self.carl().gc().unwrap();
    }

    /// Pushes, by this way to the bucket.
    fn push(&self, what: Push, store: Arc<TimedStore>) {
        let base = &*BASE;
        let (home, cache) = match what {
            Push::Bobs => (&base.bob, self.cache("bob")),
            _ => (&base.ada, self.cache("ada")),
        };
        let (name, tip, expected) = target(what);
        let outcome = match Actor::on(home, store, &cache).push(name, tip, expected) {
            // Sent, condemned and removed before it was confirmed: it takes more than two times of grace to get there.
            Err(TransferError::NotConfirmed { .. }) => {
                Actor::new(home, &self.bucket, &cache).push(name, tip, expected)
            }
            outcome => outcome,
        };
        assert_eq!(outcome.unwrap().entry.version, Some(tip));
    }

    /// What must hold, now and when all that was condemned is gone.
    fn settle(&self, pushed: &[Push]) {
        let carl = self.carl();
        for _ in 0..3 {
            carl.assert_whole();
            self.bucket.wait(LONG);
            carl.gc().unwrap();
            carl.assert_condemned_together(&self.bucket);
        }
        carl.assert_whole();
        for what in pushed {
            let (name, tip, _) = target(*what);
            assert_eq!(carl.newest(name).1, Some(tip));
        }
    }
}

fn target(what: Push) -> (&'static str, VersionId, Option<Expected>) {
    let base = &*BASE;
    match what {
        Push::Next => ("cats", base.next, None),
        Push::Cut => ("cats", base.cut, None),
        Push::Shared => ("birds", base.current, None),
        Push::Lost => ("birds", base.lost, None),
        Push::Back => ("cats", base.lost, Some(Expected::Is(base.current))),
        Push::Bobs => ("dogs", base.bobs, None),
    }
}

/// How many requests are passed over between two that are tried.
fn step() -> usize {
    std::env::var("DSV_GC_STEP").map_or(6, |text| text.parse().unwrap())
}

/// A way to the bucket at whose n-th request something is done.
fn at(
    case: &Case,
    wanted: usize,
    done: &Arc<AtomicUsize>,
    what: impl Fn() + Send + Sync + 'static,
) -> Arc<TimedStore> {
    let done = Arc::clone(done);
    let meet: Meet = Box::new(move |number, _| {
        if number == wanted {
            aside(&what);
            done.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    });
    TimedStore::met(&case.bucket, meet)
}

/// Calls `attempt` with each number of a request until it tells that there are no more.
fn each_request(first: usize, step: usize, attempt: impl Fn(usize) -> bool) {
    let mut number = first;
    while attempt(number) {
        number += step;
    }
    assert!(number > 5, "there were only {number} requests");
}

#[test]
fn a_collection_at_each_request_of_a_push() {
    for state in [State::Untouched, State::Condemned, State::Removable, State::Removed] {
        for (at_first, what) in PUSHES.into_iter().enumerate() {
            for wait in [0, LONG] {
                each_request(1 + at_first % step(), step(), |number| {
                    let _told = Context(move || {
                        format!("{what:?} in {state:?}, a collection at {number} after {wait} s")
                    });
                    let case = Case::new(state);
                    let done = Arc::default();
                    let beside = case.clone();
                    case.push(
                        what,
                        at(&case, number, &done, move || {
                            beside.bucket.wait(wait);
                            beside.gc();
                        }),
                    );
                    case.settle(&[what]);
                    done.load(Ordering::SeqCst) > 0
                });
            }
        }
    }
}

#[test]
fn two_collections_at_requests_of_a_push() {
    for state in [State::Untouched, State::Removable] {
        for what in PUSHES {
            for between in [1, 3, 6] {
                each_request(1, step(), |number| {
                    let _told = Context(move || {
                        format!("{what:?} in {state:?}, collections at {number} and {between} later")
                    });
                    let case = Case::new(state);
                    let beside = case.clone();
                    let done = Arc::new(AtomicUsize::new(0));
                    let count = Arc::clone(&done);
                    // Between the last question for what is condemned and the entry there is less than the time of grace.
                    let mut asked = false;
                    let meet: Meet = Box::new(move |at, call| {
                        let is_entry = call.starts_with("put refs/");
                        if at == number || at == number + between {
                            aside(|| {
                                beside.bucket.wait(if is_entry && asked { GRACE / 2 } else { LONG });
                                beside.gc();
                            });
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        asked = call.starts_with("get gc/-0");
                        Ok(())
                    });
                    case.push(what, TimedStore::met(&case.bucket, meet));
                    case.settle(&[what]);
                    done.load(Ordering::SeqCst) > 1
                });
            }
        }
    }
}

#[test]
fn a_push_at_each_request_of_a_collection() {
    for state in [State::Untouched, State::Condemned, State::Removable, State::Removed] {
        for (at_first, what) in PUSHES.into_iter().enumerate() {
            each_request(1 + at_first % step(), step(), |number| {
                let _told = Context(move || format!("{what:?} in {state:?}, at {number} of a collection"));
                let case = Case::new(state);
                let done = Arc::default();
                let beside = case.clone();
                let store = at(&case, number, &done, move || {
                    beside.push(what, TimedStore::new(&beside.bucket));
                });
                Actor::on(&BASE.carl, store, &case.cache("carl")).gc().unwrap();
                let came = done.load(Ordering::SeqCst) > 0;
                case.settle(if came { std::slice::from_ref(&what) } else { &[] });
                came
            });
        }
    }
}

#[test]
fn a_collection_at_each_request_of_a_collection() {
    for state in [State::Untouched, State::Removable] {
        for wait in [0, LONG] {
            each_request(1, step(), |number| {
                let _told = Context(move || format!("in {state:?}, another one at {number} after {wait} s"));
                let case = Case::new(state);
                let done = Arc::default();
                let beside = case.clone();
                let store = at(&case, number, &done, move || {
                    beside.bucket.wait(wait);
                    Actor::new(&BASE.ada, &beside.bucket, &beside.cache("ada")).gc().unwrap();
                });
                Actor::on(&BASE.carl, store, &case.cache("carl")).gc().unwrap();
                case.settle(&[]);
                done.load(Ordering::SeqCst) > 0
            });
        }
    }
}

#[test]
fn a_collection_that_dies_at_any_request_is_ended_by_the_next() {
    for state in [State::Untouched, State::Removable] {
        each_request(1, step(), |number| {
            let _told = Context(move || format!("in {state:?}, from {number} on all fails"));
            let case = Case::new(state);
            let die: Meet = Box::new(move |at, _| if at >= number { Err(refused()) } else { Ok(()) });
            let died = Actor::on(&BASE.carl, TimedStore::met(&case.bucket, die), &case.cache("carl")).gc();
            case.carl().assert_whole();
            case.push(Push::Next, TimedStore::new(&case.bucket));
            case.settle(&[Push::Next]);
            died.is_err()
        });
    }
}

#[test]
fn a_list_that_the_head_does_not_tell_of_is_found() {
    for state in [State::Condemned, State::Removable, State::Removed] {
        for what in PUSHES {
            let _told = Context(move || format!("{what:?} in {state:?}"));
            let case = Case::new(state);
            let carl = case.carl();
            carl.client().delete("gc/-head.json", &NEVER).unwrap();
            case.push(what, TimedStore::new(&case.bucket));
            case.settle(&[what]);
            assert!(case.bucket.sizes().iter().any(|(key, _)| key == "gc/-head.json"));
        }
    }
}

#[test]
fn what_was_replaced_of_late_can_be_had_all_the_time() {
    let case = Case::new(State::Removed);
    case.push(Push::Next, TimedStore::new(&case.bucket));
    let carl = case.carl();
    let (before, _) = carl.newest("cats");
    let lost = Actor::new(&BASE.ada, &case.bucket, &case.cache("ada"));
    lost.push("cats", BASE.lost, Some(Expected::Any)).unwrap();
    for _ in 0..4 {
        case.bucket.wait(GRACE / 4);
        case.gc();
        assert_eq!(carl.assert_fetched("cats", Some(before)), BASE.next);
    }
    for _ in 0..3 {
        case.bucket.wait(LONG);
        case.gc();
    }
    carl.assert_whole();
    assert_eq!(carl.assert_fetched("cats", None), BASE.lost);
}

#[test]
fn a_dry_run_changes_nothing_and_tells_what_the_run_does() {
    for state in [State::Untouched, State::Condemned, State::Removable, State::Removed] {
        let case = Case::new(state);
        let before = case.bucket.sizes();
        let told = case.carl().gc_with(true, case.bucket.now()).unwrap();
        assert_eq!(case.bucket.sizes(), before);
        let done = case.carl().gc().unwrap();
        assert_eq!((told.removed, told.rewritten), (done.removed, done.rewritten), "{state:?}");
        assert_eq!((told.condemned, told.waiting), (done.condemned, done.waiting), "{state:?}");
        assert_eq!((told.due, told.marks), (done.due, done.marks), "{state:?}");
        assert!(told.copies.bytes.abs_diff(done.copies.bytes) < 1000, "{told:?} {done:?}");
    }
}

#[test]
fn nothing_is_done_where_something_in_use_is_missing() {
    let base = Case::new(State::Removable);
    let contents = |bucket: &Bucket| {
        let sizes = bucket.sizes().into_iter();
        sizes.filter(|(key, _)| !key.starts_with("gc/")).collect::<Vec<_>>()
    };
    let mut refusals = 0;
    for key in objects(&base.bucket) {
        let case = Case { bucket: base.bucket.fork(), folder: Arc::new(scratch()) };
        let carl = case.carl();
        carl.client().delete(&key, &NEVER).unwrap();
        let before = contents(&case.bucket);
        if carl.gc().is_err() {
            refusals += 1;
            assert_eq!(contents(&case.bucket), before, "without {key}");
        }
    }
    // Two pushes' packs are in use, by two segments.
    assert!(refusals >= 3, "{refusals}");
}
