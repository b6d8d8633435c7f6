//! Many who push to one dataset at once.

use std::collections::BTreeSet;

use super::Two;
use crate::remote::servers::Place;
use crate::support::repo::worktree;

#[test]
fn of_sixteen_who_push_at_once_each_lands_or_is_told() {
    one_lands_a_round(&Two::pushed());
}

#[test]
fn of_sixteen_who_push_to_a_server_at_once_each_lands_or_is_told() {
    if let Some(place) = Place::s3() {
        one_lands_a_round(&Two::pushed_to(Some(place)));
    }
}

#[test]
fn with_other_paths_all_sixteen_land() {
    all_land(&Two::pushed(), 16);
}

#[test]
fn with_other_paths_all_sixteen_land_on_a_server() {
    if let Some(place) = Place::s3() {
        all_land(&Two::pushed_to(Some(place)), 16);
    }
}

/// What other servers do with so many at once is the same; the suite of the client asks each for the rest.
#[test]
fn with_other_paths_all_land_on_the_other_servers() {
    for place in [Place::gcs(), Place::azure()].into_iter().flatten() {
        all_land(&Two::pushed_to(Some(place)), 6);
    }
}

/// The entries of the log of `cats`: version, and the version before.
fn log(two: &Two) -> Vec<(String, Option<String>)> {
    let keys = two.keys_below("refs/datasets/cats/");
    let entries = keys.iter().enumerate().map(|(at, key)| {
        let entry: serde_json::Value = serde_json::from_slice(&two.object(key)).unwrap();
        assert_eq!(entry["number"], at as u64 + 1, "the log has a gap");
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        (text("version").unwrap(), text("previous"))
    });
    entries.collect()
}

/// Does it for all people at the same time.
fn at_once<'a>(names: impl IntoIterator<Item = &'a String>, what: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for name in names {
            let what = &what;
            scope.spawn(move || what(name));
        }
    });
}

/// Commits a file of one's own.
fn change(two: &Two, name: &str) {
    std::fs::write(two.path(name).join(name), name).unwrap();
    two.other(name, &["add", name]);
    two.other(name, &["commit", "-m", name]);
}

fn one_lands_a_round(two: &Two) {
    let names: Vec<String> = (0..16).map(|n| format!("person{n}")).collect();
    at_once(&names, |name| {
        two.clone(name);
        change(two, name);
    });
    let mut waiting: BTreeSet<String> = names.iter().cloned().collect();
    let mut rounds = 0;
    while !waiting.is_empty() {
        rounds += 1;
        let codes: Vec<(String, i32, String)> = std::thread::scope(|scope| {
            let pushes = waiting.iter().map(|name| {
                scope.spawn(move || {
                    let run = two.sandbox.run(["-C", &format!("../{name}"), "push"]);
                    (name.clone(), run.code, run.err)
                })
            });
            let pushes: Vec<_> = pushes.collect();
            pushes.into_iter().map(|push| push.join().unwrap()).collect()
        });
        let landed: Vec<_> = codes.iter().filter(|(_, code, _)| *code == 0).collect();
        assert_eq!(landed.len(), 1, "round {rounds}: {codes:?}");
        assert!(codes.iter().all(|(_, code, _)| [0, 3].contains(code)), "{codes:?}");
        waiting.remove(&landed[0].0.clone());
        // Two rounds tell it all: who lost begins anew from what is there.
        if rounds == 2 {
            break;
        }
        at_once(&waiting, |name| {
            let id = two.other(name, &["rev-parse", "cats"]);
            two.other(name, &["fetch"]);
            two.other(name, &["tag", "mine", id.trim()]);
            two.other(name, &["checkout", "origin/cats"]);
            two.other(name, &["branch", "-f", "cats", "origin/cats"]);
            two.other(name, &["switch", "cats"]);
            change(two, name);
        });
    }
    let log = log(two);
    assert_eq!(log.len(), 3);
    for pair in log.windows(2) {
        assert_eq!(pair[1].1.as_ref(), Some(&pair[0].0), "the log is no chain");
    }
    two.clone("last");
    assert_eq!(worktree(&two.path("last")).len(), 43);
}

fn all_land(two: &Two, people: usize) {
    let names: Vec<String> = (0..people).map(|n| format!("person{n}")).collect();
    at_once(&names, |name| {
        two.clone(name);
        change(two, name);
    });
    at_once(&names, |name| {
        two.other(name, &["push", "--rebase"]);
    });
    let log = log(two);
    assert_eq!(log.len(), people + 1);
    for pair in log.windows(2) {
        assert_eq!(pair[1].1.as_ref(), Some(&pair[0].0), "the log is no chain");
    }
    two.clone("last");
    let last = worktree(&two.path("last"));
    assert!(names.iter().all(|name| last.contains_key(std::path::Path::new(name))), "{:?}", last.keys());
    assert_eq!(two.other("last", &["rev-list", "cats"]).lines().count(), people + 1);
}
