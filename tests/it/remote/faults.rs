//! Faults in the middle of calls: what may pass is tried again, what may not is told at once, and nothing is told wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dsv::model::{ErrorKind, Interrupt};
use dsv::remote::{Client, Created, PutBody, RemoteError, RemoteOptions};
use object_store::ObjectStore;

use super::servers::url;
use crate::support::flaky_store::{FlakyStore, Mishap, Trouble};

static NEVER: Interrupt = Interrupt::new();
const RESET: Mishap = Mishap::Fails(Trouble::Reset);
const BUSY: Mishap = Mishap::Fails(Trouble::Answer(503, "SlowDown"));

/// A store that holds `k` and a client that was answered once.
fn store() -> (Arc<FlakyStore>, Client) {
    let store = FlakyStore::new();
    let options = RemoteOptions {
        connect_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(200),
        ..RemoteOptions::default()
    };
    let shared = Arc::clone(&store) as Arc<dyn ObjectStore>;
    let client = Client::with_store_and_options(shared, url("s3://bucket/p"), &options).unwrap();
    client.put("k", &PutBody::from("0123456789"), &NEVER).unwrap();
    store.calls();
    (store, client)
}

#[test]
fn what_may_pass_is_tried_again() {
    for mishap in [RESET, BUSY, Mishap::AnswerLost, Mishap::Late(Duration::from_millis(50))] {
        let (store, client) = store();
        let plan = [mishap.clone(), mishap];
        store.plan(&plan);
        assert_eq!(client.get("k", 10, &NEVER).unwrap().unwrap(), "0123456789");
        store.plan(&plan);
        assert_eq!(client.get_range("k", 1..3, &NEVER).unwrap().unwrap(), "12");
        store.plan(&plan);
        assert_eq!(client.head("k", &NEVER).unwrap().unwrap().len, 10);
        store.plan(&plan);
        client.put("k2", &PutBody::from("x"), &NEVER).unwrap();
        store.plan(&plan);
        assert_eq!(client.list_folders("", &NEVER).unwrap(), [""; 0]);
        store.plan(&[]);
        assert_eq!(client.get("k2", 10, &NEVER).unwrap().unwrap(), "x");
    }
}

#[test]
fn a_body_that_is_cut_or_stalls_is_asked_for_again() {
    for mishap in [Mishap::Truncated(3), Mishap::Truncated(0), Mishap::Stalls(3), Mishap::Stalls(0)] {
        let (store, client) = store();
        store.plan(std::slice::from_ref(&mishap));
        assert_eq!(client.get("k", 10, &NEVER).unwrap().unwrap(), "0123456789");
        store.plan(&[mishap]);
        assert_eq!(client.get_range("k", 2..9, &NEVER).unwrap().unwrap(), "2345678");
        assert!(store.is_done());
        assert_eq!(store.calls().len(), 4);
    }
}

#[test]
fn what_does_not_pass_is_told_at_once() {
    let cases = [
        (403, "AccessDenied", ErrorKind::RemoteDenied),
        (403, "SignatureDoesNotMatch", ErrorKind::RemoteDenied),
        (403, "RequestTimeTooSkewed", ErrorKind::RemoteDenied),
        (404, "NoSuchBucket", ErrorKind::RemoteNotFound),
        (301, "PermanentRedirect", ErrorKind::Remote),
        (400, "MadeUp", ErrorKind::Remote),
    ];
    for (status, code, kind) in cases {
        let (store, client) = store();
        store.plan(&[Mishap::Fails(Trouble::Answer(status, code))]);
        let error = client.get("k", 10, &NEVER).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(store.calls(), ["get p/k"]);
    }
}

#[test]
fn a_failure_that_stays_is_told_within_seconds() {
    for (mishap, is_busy) in [(RESET, false), (BUSY, true)] {
        let (store, client) = store();
        store.plan(&vec![mishap; 20]);
        let began = Instant::now();
        let error = client.get("k", 10, &NEVER).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert_eq!(matches!(error, RemoteError::Busy { .. }), is_busy, "{error:?}");
        assert_eq!(error.kind(), ErrorKind::RemoteUnreachable);
        assert_eq!(store.calls().len(), 4);
    }
}

/// The object is one's own: to say that it is new would be a guess, and so would be that it is another's.
#[test]
fn a_create_whose_answer_was_lost_says_that_the_object_exists() {
    let (store, client) = store();
    store.plan(&[Mishap::AnswerLost]);
    assert_eq!(client.create("new", "mine", &NEVER).unwrap(), Created::Exists);
    assert_eq!(client.get("new", 10, &NEVER).unwrap().unwrap(), "mine");
    store.plan(&[RESET]);
    assert_eq!(client.create("new2", "mine", &NEVER).unwrap(), Created::New);
    store.plan(&[Mishap::Fails(Trouble::Answer(409, "ConditionalRequestConflict"))]);
    assert_eq!(client.create("new3", "mine", &NEVER).unwrap(), Created::New);
}

#[test]
fn a_store_without_conditional_puts_is_told() {
    for (status, code) in [(501, "NotImplemented"), (405, "")] {
        let (store, client) = store();
        store.plan(&[Mishap::Fails(Trouble::Answer(status, code))]);
        let error = client.create("new", "x", &NEVER).unwrap_err();
        assert!(matches!(error, RemoteError::NoConditionalPut { .. }), "{error:?}");
    }
}

#[test]
fn a_listing_goes_on_where_it_was_cut() {
    for cut in [Mishap::Truncated(3), Mishap::Stalls(2), RESET] {
        let (store, client) = store();
        for number in 0..6 {
            client.put(&format!("l/{number}"), &PutBody::from("x"), &NEVER).unwrap();
        }
        store.plan(&[cut]);
        let mut keys = Vec::new();
        client
            .list("l", None, &NEVER, &mut |info| {
                keys.push(info.key);
                Ok(())
            })
            .unwrap();
        assert_eq!(keys, ["l/0", "l/1", "l/2", "l/3", "l/4", "l/5"]);
        assert!(store.is_done());
    }
}

#[test]
fn a_delete_is_tried_again() {
    let (store, client) = store();
    store.plan(&[RESET, BUSY]);
    client.delete("k", &NEVER).unwrap();
    assert_eq!(client.get("k", 10, &NEVER).unwrap(), None);
}

#[test]
fn every_call_ends_soon_after_an_interrupt() {
    let store = FlakyStore::new();
    let client = Client::with_store(Arc::clone(&store) as Arc<dyn ObjectStore>, url("s3://b/p")).unwrap();
    let late = || store.plan(&[Mishap::Late(Duration::from_secs(60))]);
    type Call<'a> = &'a dyn Fn(&Interrupt) -> Option<RemoteError>;
    let calls: [Call<'_>; 4] = [
        &|interrupt| client.get("k", 1, interrupt).err(),
        &|interrupt| client.put("k", &PutBody::from("x"), interrupt).err(),
        &|interrupt| client.create("k", "x", interrupt).err(),
        &|interrupt| client.list_folders("k", interrupt).err(),
    ];
    for call in calls {
        late();
        let interrupt = Interrupt::new();
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                interrupt.set();
            });
            assert!(matches!(call(&interrupt), Some(RemoteError::Interrupted(_))));
        });
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
}
