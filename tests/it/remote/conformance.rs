//! What every remote must do.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use dsv::model::Interrupt;
use dsv::remote::{Client, Created, ProbeStep, PutBody, RemoteError, probe};

use super::servers;
use crate::support::Context;

static NEVER: Interrupt = Interrupt::new();

/// Runs a check on every kind of remote that is to be had.
fn on_all(check: impl Fn(&Client)) {
    for remote in servers::all() {
        let _context = Context(|| remote.name.to_owned());
        check(&remote.client);
    }
}

fn put(client: &Client, key: &str, bytes: &'static [u8]) {
    client.put(key, &PutBody::from(bytes), &NEVER).unwrap();
}

fn keys(client: &Client, prefix: &str, after: Option<&str>) -> Vec<String> {
    let mut keys = Vec::new();
    client
        .list(prefix, after, &NEVER, &mut |info| {
            keys.push(info.key);
            Ok(())
        })
        .unwrap();
    keys
}

#[test]
fn what_is_put_is_what_is_got() {
    on_all(|client| {
        assert_eq!(client.get("a/b", 10, &NEVER).unwrap(), None);
        put(client, "a/b", b"first");
        put(client, "a/b", b"second");
        assert_eq!(client.get("a/b", 6, &NEVER).unwrap().unwrap(), "second");
        put(client, "empty", b"");
        assert_eq!(client.get("empty", 0, &NEVER).unwrap().unwrap(), "");
        match client.get("a/b", 5, &NEVER).unwrap_err() {
            RemoteError::TooLong { len: 6, max: 5, key, .. } => assert_eq!(key, "a/b"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_range_is_given_whole_or_not_at_all() {
    on_all(|client| {
        put(client, "k", b"0123456789");
        assert_eq!(client.get_range("k", 2..5, &NEVER).unwrap().unwrap(), "234");
        assert_eq!(client.get_range("k", 0..10, &NEVER).unwrap().unwrap(), "0123456789");
        assert_eq!(client.get_range("k", 9..10, &NEVER).unwrap().unwrap(), "9");
        assert_eq!(client.get_range("k", 3..3, &NEVER).unwrap().unwrap(), "");
        for (range, found) in [(8..12, 2), (10..11, 0), (50..60, 0)] {
            match client.get_range("k", range.clone(), &NEVER).unwrap_err() {
                RemoteError::WrongLength { found: got, .. } => assert_eq!(got, found, "{range:?}"),
                other => panic!("{range:?}: {other:?}"),
            }
        }
        assert_eq!(client.get_range("absent", 0..1, &NEVER).unwrap(), None);
        assert_eq!(client.get_range("absent", 0..0, &NEVER).unwrap(), None);
    });
}

#[test]
fn of_many_that_create_one_succeeds() {
    on_all(|client| {
        assert_eq!(client.create("one", "mine", &NEVER).unwrap(), Created::New);
        assert_eq!(client.create("one", "other", &NEVER).unwrap(), Created::Exists);
        assert_eq!(client.get("one", 10, &NEVER).unwrap().unwrap(), "mine");
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let won = &won;
                scope.spawn(move || {
                    if client.create("log/7", format!("writer {writer}"), &NEVER).unwrap() == Created::New {
                        won.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(won.into_inner(), 1);
        assert!(client.get("log/7", 20, &NEVER).unwrap().unwrap().starts_with(b"writer "));
    });
}

#[test]
fn facts_are_those_of_the_object() {
    on_all(|client| {
        put(client, "dir/k", b"12345");
        let info = client.head("dir/k", &NEVER).unwrap().unwrap();
        assert_eq!((info.key.as_str(), info.len), ("dir/k", 5));
        assert!(info.last_modified.seconds > 1_600_000_000, "{info:?}");
        let mut listed = Vec::new();
        client
            .list("dir", None, &NEVER, &mut |info| {
                listed.push(info);
                Ok(())
            })
            .unwrap();
        assert_eq!((listed.len(), listed[0].len), (1, 5));
        assert_eq!(client.head("absent", &NEVER).unwrap(), None);
        assert_eq!(client.head("dir", &NEVER).unwrap(), None);
    });
}

#[test]
fn listings_are_in_order_and_end_between_parts_of_a_key() {
    on_all(|client| {
        for key in ["r/b/2", "r/b/10", "r/a", "r/b-c", "rest", "r/b/1"] {
            put(client, key, b"x");
        }
        // SeaweedFS lists what is in the folder `b` before `b-c`.
        let mut all = keys(client, "r", None);
        all.sort_unstable();
        assert_eq!(all, ["r/a", "r/b-c", "r/b/1", "r/b/10", "r/b/2"]);
        assert_eq!(keys(client, "r/b/", None), ["r/b/1", "r/b/10", "r/b/2"]);
        assert_eq!(keys(client, "r/b", Some("r/b/10")), ["r/b/2"]);
        assert_eq!(keys(client, "nothing", None), [""; 0]);
        assert_eq!(keys(client, "", None).len(), 6);
        assert_eq!(client.list_folders("", &NEVER).unwrap(), ["r"]);
        assert_eq!(client.list_folders("r", &NEVER).unwrap(), ["b"]);
        assert_eq!(client.list_folders("nothing", &NEVER).unwrap(), [""; 0]);
    });
}

#[test]
fn a_listing_of_many_pages_is_whole() {
    const COUNT: usize = 1_050;
    on_all(|client| {
        std::thread::scope(|scope| {
            for worker in 0..8 {
                scope.spawn(move || {
                    for number in (worker..COUNT).step_by(8) {
                        put(client, &format!("many/{number:04}"), b"x");
                    }
                });
            }
        });
        let expected: Vec<_> = (0..COUNT).map(|number| format!("many/{number:04}")).collect();
        assert_eq!(keys(client, "many", None), expected);
        assert_eq!(keys(client, "many", Some("many/1040")), expected[1041..]);
    });
}

#[test]
fn to_end_a_listing_early_is_an_error_of_the_callers() {
    on_all(|client| {
        put(client, "a", b"x");
        put(client, "b", b"x");
        let mut seen = 0;
        let ended = client.list("", None, &NEVER, &mut |info| {
            seen += 1;
            Err(RemoteError::BadKey { key: info.key })
        });
        assert!(matches!(ended, Err(RemoteError::BadKey { key }) if key == "a"));
        assert_eq!(seen, 1);
    });
}

#[test]
fn to_delete_what_is_absent_is_no_error() {
    on_all(|client| {
        put(client, "gone", b"x");
        client.delete("gone", &NEVER).unwrap();
        client.delete("gone", &NEVER).unwrap();
        assert_eq!(client.get("gone", 10, &NEVER).unwrap(), None);
        assert_eq!(client.create("gone", "again", &NEVER).unwrap(), Created::New);
    });
}

#[test]
fn keys_may_have_any_letters() {
    on_all(|client| {
        for key in ["a b/c+d", "100%/x=y&z", "é/ü~!", "(1)'2'", "%41/b", "a:b;c,d@e"] {
            client.put(key, &PutBody::from(key.to_owned()), &NEVER).unwrap();
            assert_eq!(client.get(key, 100, &NEVER).unwrap().unwrap(), key, "{key}");
            let folder = key.split('/').next().unwrap();
            assert!(keys(client, "", None).contains(&key.to_owned()), "{key}");
            if folder != key {
                assert_eq!(keys(client, folder, None), [key]);
            }
        }
        for bad in ["", "/a", "a//b", "a/../b", ".", "a\nb"] {
            assert!(matches!(client.get(bad, 1, &NEVER), Err(RemoteError::BadKey { .. })), "{bad:?}");
        }
    });
}

#[test]
fn large_bodies_arrive_whole_and_are_counted() {
    const LEN: usize = 9 << 20;
    on_all(|client| {
        let before = client.stats();
        let bytes: Bytes = (0..LEN).map(|at| (at / 7) as u8).collect::<Vec<_>>().into();
        client.put("pack", &PutBody::from(bytes.clone()), &NEVER).unwrap();
        assert_eq!(client.get("pack", LEN as u64, &NEVER).unwrap().unwrap(), bytes);
        let part = client.get_range("pack", 1_000_000..5_000_000, &NEVER).unwrap().unwrap();
        assert_eq!(part, bytes.slice(1_000_000..5_000_000));
        let stats = client.stats();
        assert_eq!(stats.puts - before.puts, 1);
        assert_eq!(stats.gets - before.gets, 2);
        assert_eq!(stats.bytes_sent - before.bytes_sent, LEN as u64);
        assert_eq!(stats.bytes_received - before.bytes_received, LEN as u64 + 4_000_000);
    });
}

#[test]
fn nothing_is_asked_for_after_an_interrupt() {
    let set = Interrupt::new();
    set.set();
    on_all(|client| {
        let before = client.stats();
        assert!(matches!(client.get("k", 1, &set), Err(RemoteError::Interrupted(_))));
        assert!(matches!(client.put("k", &PutBody::from("x"), &set), Err(RemoteError::Interrupted(_))));
        assert!(matches!(client.list("", None, &set, &mut |_| Ok(())), Err(RemoteError::Interrupted(_))));
        assert_eq!(client.stats(), before);
    });
}

#[test]
fn a_probe_finds_nothing_wrong_and_leaves_nothing() {
    on_all(|client| {
        let steps = probe::check(client, &NEVER);
        assert!(steps.iter().all(ProbeStep::is_done), "{steps:?}");
        assert_eq!(steps.len(), 8);
        assert_eq!(keys(client, "", None), [""; 0]);
    });
}
