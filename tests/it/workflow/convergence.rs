//! Two people say things of the same versions on two machines, and push and pull in any order: both end with the same record.

use std::path::Path;

use crate::support::sandbox::Sandbox;

/// What one of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Says something of the version.
    Say(&'static [&'static str]),
    /// Sends what is known.
    Push,
    /// Brings what the other sent.
    Fetch,
}

/// The two machines: clocks hours apart, one of them ahead.
fn machine(remote: &Path, now: &str, who: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DSV_NOW", now);
    sandbox.set("DSV_AUTHOR_NAME", who);
    sandbox.set("HOSTNAME", who);
    sandbox.ok(["clone".as_ref(), remote.as_os_str(), ".".as_ref()]);
    sandbox
}

fn act(sandbox: &Sandbox, act: Act) {
    match act {
        Act::Say(words) => sandbox.ok(words),
        Act::Push => sandbox.ok(["push"]),
        Act::Fetch => sandbox.ok(["fetch"]),
    };
}

fn record(sandbox: &Sandbox) -> serde_json::Value {
    let mut shown = sandbox.json(["show", "--json"]);
    let keys = ["tags", "state", "archived", "description", "notes"];
    serde_json::Value::Object(keys.iter().map(|key| ((*key).to_owned(), shown[*key].take())).collect())
}

/// All ways to do the one's and the other's acts in turns, each one's in their order.
fn interleavings(one: &[Act], other: &[Act]) -> Vec<Vec<(usize, Act)>> {
    match (one, other) {
        ([], rest) => vec![rest.iter().map(|act| (1, *act)).collect()],
        (rest, []) => vec![rest.iter().map(|act| (0, *act)).collect()],
        ([first, ones @ ..], [second, others @ ..]) => {
            let with = |who, act, rest: Vec<Vec<(usize, Act)>>| {
                rest.into_iter().map(move |rest| [vec![(who, act)], rest].concat())
            };
            let begin_one = with(0, *first, interleavings(ones, other));
            let begin_other = with(1, *second, interleavings(one, others));
            begin_one.chain(begin_other).collect()
        }
    }
}

#[test]
fn records_of_two_machines_become_the_same_in_every_order() {
    let origin = Sandbox::repository();
    origin.write("a", "1");
    origin.ok(["add", "."]);
    origin.ok(["commit", "-m", "One"]);
    let remote = origin.root().join("remote");
    origin.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    origin.ok(["push"]);
    let ada = [
        Act::Say(&["tag", "gold"]),
        Act::Say(&["describe", "-m", "of Ada"]),
        Act::Push,
        Act::Say(&["archive", "HEAD"]),
    ];
    let ben = [Act::Say(&["describe", "-m", "of Ben"]), Act::Fetch, Act::Say(&["untag", "gold"]), Act::Push];
    let mut records = std::collections::BTreeSet::new();
    for (number, order) in interleavings(&ada, &ben).into_iter().enumerate() {
        let there = origin.root().join(format!("remote-{number}"));
        copy(&remote, &there);
        // The one's clock is hours ahead of the other's.
        let machines = [
            machine(&there, "2026-11-23T18:05:09+01:00", "Ada"),
            machine(&there, "2026-11-23T14:05:09+01:00", "Ben"),
        ];
        for (who, what) in &order {
            // There is no tag to take away before it came.
            if *what == Act::Say(&["untag", "gold"])
                && machines[*who].run(["tag", "gold", "--list"]).code != 0
            {
                continue;
            }
            act(&machines[*who], *what);
        }
        for _ in 0..2 {
            machines.iter().for_each(|machine| act(machine, Act::Push));
            machines.iter().for_each(|machine| act(machine, Act::Fetch));
        }
        let [one, other] = machines.each_ref().map(record);
        assert_eq!(one, other, "{order:?}");
        assert_eq!((&one["archived"], &one["state"]), (&true.into(), &"final".into()));
        records.insert(one.to_string());
    }
    // Ada's clock is ahead: whenever Ben did not know of hers before, her description stands.
    assert!(records.iter().any(|record| record.contains("of Ada")), "{records:?}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_hostile_file_of_events_is_named_and_passed_over() {
    let origin = Sandbox::repository();
    origin.write("a", "1");
    origin.ok(["add", "."]);
    origin.ok(["commit", "-m", "One"]);
    origin.ok(["tag", "gold"]);
    let remote = origin.root().join("remote");
    origin.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    origin.ok(["push"]);
    let name = "0".repeat(64);
    std::fs::write(remote.join(format!("events/{name}.jsonl")), b"\xff{\"action\":\"deleted\"}\n").unwrap();
    let twin = machine(&remote, "2026-11-23T14:05:09+01:00", "Ada");
    let run = twin.run(["fetch"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("is passed over"), "{}", run.err);
    assert_eq!(record(&twin)["tags"], serde_json::json!(["gold"]));
    assert_eq!(record(&twin)["state"], "final");
}
