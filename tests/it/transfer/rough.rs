//! Lines that are cut, stand still or go slowly, between the real program and SeaweedFS.
//!
//! `DSV_TRANSFER_CUTS` says how many connections are cut at random places; 12 unless told.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{Two, large, press_ctrl_c};
use crate::remote::servers::Place;
use crate::support::cutting_proxy::{CuttingProxy, Weather};
use crate::support::repo::worktree;
use crate::support::rng::Rng;

const MIB: u64 = 1 << 20;
/// Bytes of the packs that a push sends, at the most, and of the ranges that a fetch asks for; how many are on their way at once.
const PACK: u64 = 33 * MIB;
const UPLOADS: u64 = 2;
const RANGE: u64 = 9 * MIB;
const DOWNLOADS: u64 = 4;

/// Two people whose way to SeaweedFS leads through a proxy.
struct Line {
    proxy: CuttingProxy,
    two: Two,
}

impl Line {
    /// A dataset that was pushed in fair weather; nothing without a server.
    fn pushed(seed: u64) -> Option<Self> {
        let line = Self::committed(seed)?;
        line.two.ok(&["push"]);
        Some(line)
    }

    /// The same before the push.
    fn committed(seed: u64) -> Option<Self> {
        let mut place = Place::s3()?;
        let proxy = CuttingProxy::start(place.options.endpoint.as_ref().unwrap(), seed);
        place.options.endpoint = Some(proxy.address());
        Some(Self { proxy, two: Two::committed_for(Some(place)) })
    }

    /// Commits a file of so many mebibytes without structure.
    fn commit_large(&self, mebibytes: u64) {
        let mut bytes = vec![0; (mebibytes * MIB) as usize];
        Rng::new(77).fill(&mut bytes);
        self.two.sandbox.write("huge.bin", bytes);
        self.two.ok(&["add", "."]);
        self.two.ok(&["commit", "-m", "Huge"]);
    }

    /// Begins a command in a folder.
    fn begin(&self, folder: &str, arguments: &[&str]) -> Child {
        let mut command = self.two.sandbox.command();
        command.current_dir(self.two.path(folder)).args(["--progress", "none"]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The arguments of a clone, or of a get, into a folder beside Ada's.
    fn at_url(&self, verb: &str, more: &[&str]) -> Vec<String> {
        let url = self.two.url();
        [&[verb, &url], more, &self.two.reach()[..]].concat().into_iter().map(str::to_owned).collect()
    }
}

/// Interrupts a command; returns its code, what it said, and how long it took to end.
fn interrupt(child: Child) -> (Option<i32>, String, Duration) {
    press_ctrl_c(&child);
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap(), began.elapsed())
}

/// Demands that a command that was interrupted said so, and no more, and soon.
fn assert_stopped((code, said, took): (Option<i32>, String, Duration)) {
    assert_eq!(code, Some(130), "{said}");
    assert!(took < Duration::from_secs(2), "{took:?}: {said}");
    let lines: Vec<_> = said.lines().collect();
    assert!(lines.len() <= 3 && lines.iter().all(|line| line.len() < 120), "{said}");
    assert!(said.starts_with("stopping; press Ctrl-C again") && !said.contains("panicked"), "{said}");
}

/// A command through rough weather, again and again until it is done; each failure must be told as one of the line.
fn until_done(line: &Line, arguments: &[&str], after_failure: &mut dyn FnMut()) {
    for attempt in 0.. {
        line.proxy.set(Weather::Rough);
        let run = line.two.sandbox.run(arguments);
        line.proxy.set(Weather::Fair);
        if run.code == 0 {
            return;
        }
        let run = run.expect(5);
        let is_clear = ["the connection to 's3://", "cannot be reached at http"]
            .iter()
            .any(|text| run.err.contains(text));
        // Before it may come how far it was, when it took long enough to be shown.
        let told = run.err.lines().skip_while(|line| !line.starts_with("error:")).count();
        assert!(is_clear && (1..=4).contains(&told) && !run.err.contains("panicked"), "{}", run.err);
        assert!(attempt < 30, "never done: {}", run.err);
        after_failure();
    }
}

#[test]
fn whatever_is_cut_is_done_again_or_told() {
    let Some(line) = Line::pushed(21) else { return };
    let two = &line.two;
    let wanted = std::env::var("DSV_TRANSFER_CUTS").map_or(12, |text| text.parse().unwrap());
    two.clone("bob");
    let (mut round, mut failures) = (0, 0);
    while line.proxy.cuts() < wanted {
        round += 1;
        two.sandbox.write("large.bin", large(round));
        two.sandbox.write(&format!("new{round}"), format!("{round}"));
        two.ok(&["add", "."]);
        two.ok(&["commit", "-m", "More"]);
        until_done(&line, &["push"], &mut || {
            failures += 1;
            // Whatever the remote says is there can be had.
            two.clone("carl");
            let there = two.other("carl", &["rev-parse", "HEAD"]);
            assert!(two.ok(&["rev-list", "cats"]).contains(there.trim()), "{there}");
            std::fs::remove_dir_all(two.path("carl")).unwrap();
        });
        until_done(&line, &["-C", "../bob", "pull"], &mut || failures += 1);
        assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
        assert_eq!(two.keys_below("uploads/").len(), 0);
    }
    two.ok(&["verify", "--remote", "origin"]);
    two.clone("last");
    assert_eq!(worktree(&two.path("last")), worktree(&two.path("work")));
    eprintln!("{} connections cut in {round} rounds, {failures} commands failed", line.proxy.cuts());
}

#[test]
fn a_push_that_is_stopped_goes_on_behind_what_is_there() {
    let Some(line) = Line::committed(22) else { return };
    line.commit_large(72);
    // The third pack is on its way, so the first or the second has arrived.
    line.proxy.set(Weather::Slow(66 * MIB, 256 << 10));
    let push = line.begin("work", &["push"]);
    line.proxy.wait_for(66 * MIB);
    assert_stopped(interrupt(push));
    let first = line.proxy.sent();
    line.proxy.set(Weather::Fair);
    let listed = line.two.sandbox.json(["ls-remote", "--json"]);
    assert_eq!(listed["datasets"].as_array().unwrap().len(), 0);
    assert_eq!(listed["uploads"][0]["state"], "aborted");
    assert!(line.two.ok(&["ls-remote"]).contains("aborted"));
    line.proxy.set(Weather::Fair);
    line.two.ok(&["push"]);
    let second = line.proxy.sent();
    assert!(first + second < (75 + PACK / MIB * UPLOADS) * MIB && second < 60 * MIB, "{first} and {second}");
    assert_eq!(line.two.keys_below("uploads/").len(), 0);
    line.two.ok(&["verify", "--remote", "origin"]);
}

#[test]
fn a_clone_that_is_cut_goes_on_behind_what_came() {
    let Some(line) = Line::committed(23) else { return };
    line.commit_large(72);
    line.two.ok(&["push"]);
    let clone = line.at_url("clone", &["../bob"]);
    line.proxy.set(Weather::Down(50 * MIB));
    let told = line.two.sandbox.fails(5, &clone);
    assert!(told.contains("hint: "), "{told}");
    let first = line.proxy.received();
    line.proxy.set(Weather::Slow(20 * MIB, 256 << 10));
    let again = line.begin("work", &clone.iter().map(String::as_str).collect::<Vec<_>>());
    line.proxy.wait_for(20 * MIB);
    assert_stopped(interrupt(again));
    let second = line.proxy.received();
    line.proxy.set(Weather::Fair);
    line.two.ok(&clone.iter().map(String::as_str).collect::<Vec<_>>());
    let third = line.proxy.received();
    let most = 77 * MIB + 2 * RANGE * DOWNLOADS;
    assert!(first + second + third < most && third < 65 * MIB, "{first}, {second} and {third}");
    assert_eq!(worktree(&line.two.path("bob")), worktree(&line.two.path("work")));
}

/// Nothing moves when the person gives up: not even the last word of a push.
#[test]
fn whoever_gives_up_need_not_wait() {
    let Some(line) = Line::pushed(24) else { return };
    let two = &line.two;
    two.clone("bob");
    two.sandbox.write("large.bin", large(1));
    two.ok(&["commit", "-a", "-m", "Second"]);
    let (clone, get) = (line.at_url("clone", &["../carl"]), line.at_url("get", &["cats"]));
    let (clone, get): (Vec<&str>, Vec<&str>) =
        (clone.iter().map(String::as_str).collect(), get.iter().map(String::as_str).collect());
    let stop = |folder: &str, arguments: &[&str]| {
        line.proxy.set(Weather::Standstill(MIB));
        let child = line.begin(folder, arguments);
        line.proxy.wait_for(MIB);
        std::thread::sleep(Duration::from_millis(100));
        assert_stopped(interrupt(child));
        line.proxy.set(Weather::Fair);
    };
    stop("work", &["push"]);
    two.ok(&["push"]);
    stop("bob", &["fetch"]);
    two.other("bob", &["pull"]);
    stop("work", &clone);
    two.ok(&clone);
    stop("work", &get);
    two.ok(&get);
    for folder in ["bob", "carl"] {
        assert_eq!(worktree(&two.path(folder)), worktree(&two.path("work")));
    }
}
