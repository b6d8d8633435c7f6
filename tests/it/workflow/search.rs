//! `search` and `list`.

use insta::assert_snapshot;

use super::pets;

#[test]
fn versions_are_found_by_what_is_known_of_them() {
    let sandbox = pets();
    sandbox.ok(["tag", "gold", "dogs"]);
    sandbox.ok(["describe", "cats@1.0.0", "-m", "The very first ones"]);
    assert_snapshot!(sandbox.ok(["search"]), @"
    cats@1.0.1  e6fc2e95400a  final   7 B  2026-11-23 14:05  More cats
    dogs@1.0.0  a1f972588481  final  10 B  2026-11-23 14:05  First dogs  (tag: gold)
    cats@1.0.0  10456d814ff0  final   5 B  2026-11-23 14:05  First cats
    ");
    assert_snapshot!(sandbox.ok(["search", "tag=gold"]), @"dogs@1.0.0  a1f972588481  final  10 B  2026-11-23 14:05  First dogs  (tag: gold)");
    assert_snapshot!(sandbox.ok(["search", "very", "first"]), @"cats@1.0.0  10456d814ff0  final  5 B  2026-11-23 14:05  First cats");
    assert_snapshot!(sandbox.ok(["search", "--name", "cats", "--label", ">1.0.0"]), @"cats@1.0.1  e6fc2e95400a  final  7 B  2026-11-23 14:05  More cats");
    assert_snapshot!(sandbox.ok(["search", "bytes>5 and state=final", "-n", "1"]), @"cats@1.0.1  e6fc2e95400a  final  7 B  2026-11-23 14:05  More cats");
    assert_snapshot!(sandbox.run(["search", "nothing"]).text(&sandbox), @"No version found");
    sandbox.ok(["search", "--since", "1 day", "--author", "eva"]);
    sandbox.fails(1, ["search", "--until", "1 day"]);
    assert_snapshot!(sandbox.fails(2, ["search", "state=ready"]), @"
    error: 'ready' is no state
    hint: words, and terms such as tag=gold, state=final, rows>1000; 'dsv help search' lists the keys
    ");
    assert_snapshot!(sandbox.fails(2, ["search", "--since", "the dawn of time"]), @"
    error: 'the dawn of time' is not a time: expected for example 2026-11-23T14:05:09+01:00
    hint: a date as 2026-01-31 does, or '30 days'
    ");
    let found = sandbox.json(["search", "tag=gold", "--json"]);
    assert_eq!((&found[0]["dataset"], &found[0]["state"]), (&"dogs".into(), &"final".into()));
}

#[test]
fn what_was_fetched_from_remotes_is_searched_without_network() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats", "dogs"]);
    sandbox.ok([
        "clone".as_ref(),
        "--dataset".as_ref(),
        "cats".as_ref(),
        remote.as_os_str(),
        "twin".as_ref(),
    ]);
    sandbox.fails(1, ["-C", "twin", "search", "name=dogs"]);
    sandbox.ok(["-C", "twin", "fetch"]);
    std::fs::rename(&remote, sandbox.root().join("away")).unwrap();
    assert_snapshot!(sandbox.ok(["-C", "twin", "search", "name=dogs"]), @"dogs@1.0.0  a1f972588481  final  10 B  2026-11-23 14:05  First dogs  (on origin)");
}

#[test]
fn lists_are_filtered_by_pattern_or_project() {
    let sandbox = pets();
    sandbox.ok(["move", "dogs", "vision"]);
    assert_eq!(sandbox.ok(["list", "vision"]).lines().count(), 2);
    assert_eq!(sandbox.ok(["list", "vision/*"]).lines().count(), 2);
    assert_snapshot!(sandbox.ok(["list", "*"]), @"
    DATASET      VERSIONS  NEWEST  FILES  SIZE  STATE  CHANGED           TAGS
    cats                2  1.0.1       2   7 B  final  2026-11-23 14:05
    vision/dogs         1  1.0.0       3  10 B  final  2026-11-23 14:05
    ");
    assert_snapshot!(sandbox.ok(["list", "nothing"]), @"No dataset");
    sandbox.fails(2, ["list", "["]);
    let list = sandbox.json(["list", "--json"]);
    assert_eq!(list["datasets"][1]["name"], "vision/dogs");
    assert_eq!(list["datasets"][0]["versions"], 2);
}
