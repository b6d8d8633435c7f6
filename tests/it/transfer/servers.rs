//! The whole story of two people, by the real program, on every kind of remote.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dsv::model::Time;
use dsv::plumbing::transfer::gc::{GcOptions, GcOutcome, gc};
use dsv::porcelain::{Environment, Repository, Variables, remotes};
use dsv::sys::OsFs;

use super::{NEVER, Two, large};
use crate::remote::servers::Place;
use crate::support::repo::{assert_whole, environment, monitor, open_real, worktree};

#[test]
fn two_people_and_a_folder() {
    story(&Two::committed());
}

#[test]
fn two_people_and_seaweedfs() {
    on(Place::s3());
}

#[test]
fn two_people_and_fake_gcs_server() {
    on(Place::gcs());
}

#[test]
fn two_people_and_azurite() {
    on(Place::azure());
}

fn on(place: Option<Place>) {
    if place.is_some() {
        story(&Two::committed_for(place));
    }
}

fn story(two: &Two) {
    the_remote_works(two);
    what_is_pushed_can_be_cloned(two);
    both_change_something(two);
    one_works_without_data(two);
    a_version_is_got(two);
    what_is_there_is_dropped_here(two);
    what_nothing_leads_to_is_collected(two);
    two.clone("last");
    assert_eq!(worktree(&two.path("last")), worktree(&two.path("work")));
    assert_eq!(two.sandbox.read("large.bin"), large(0));
    assert_whole(&open_real(&two.path("last")));
}

fn the_remote_works(two: &Two) {
    let steps = two.sandbox.json(["remote", "check", "--json"]);
    let steps = steps.as_array().unwrap();
    assert!(steps.len() == 8 && steps.iter().all(|step| step["outcome"] == "ok"), "{steps:?}");
    assert_eq!(two.keys(), [""; 0]);
}

fn what_is_pushed_can_be_cloned(two: &Two) {
    two.ok(&["push"]);
    two.clone("bob");
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    assert_whole(&open_real(&two.path("bob")));
    assert!(two.ok(&["push"]).contains("is up to date"));
    let listed = two.sandbox.json(["ls-remote", "--json"]);
    assert_eq!(listed["datasets"][0]["version"], two.ok(&["rev-parse", "cats"]).trim());
    assert_eq!(listed["uploads"].as_array().unwrap().len(), 0);
    let kinds = ["packs/", "index/", "uploads/"].map(|prefix| two.keys_below(prefix).len());
    assert_eq!(kinds, [2, 1, 0], "{:?}", two.keys());
}

fn both_change_something(two: &Two) {
    std::fs::write(two.path("bob/bobs"), "by bob").unwrap();
    std::fs::remove_file(two.path("bob/d1/f1")).unwrap();
    two.other("bob", &["add", "."]);
    two.other("bob", &["commit", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    two.sandbox.write("adas", "by ada");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Ada's"]);
    let before = two.keys();
    let told = two.sandbox.fails(3, ["push"]);
    assert!(told.contains("does not descend from") && told.contains("dsv push --rebase"), "{told}");
    assert_eq!(two.keys(), before);
    two.ok(&["push", "--rebase"]);
    two.other("bob", &["fetch"]);
    two.other("bob", &["pull"]);
    assert_eq!(two.sandbox.read("bobs"), b"by bob");
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    assert_eq!(two.ok(&["log", "--oneline"]), two.other("bob", &["log", "--oneline"]));
    two.ok(&["verify", "--remote", "origin"]);
}

fn one_works_without_data(two: &Two) {
    let url = two.url();
    two.ok(&[&["clone", "--no-data", &url, "../carl"], &two.reach()[..]].concat());
    assert!(worktree(&two.path("carl")).is_empty());
    assert_eq!(two.other("carl", &["cat", "HEAD:d2/f2"]), "content of 2");
    two.other("carl", &["pull", "d3"]);
    assert_eq!(worktree(&two.path("carl")).len(), 10);
    two.other("carl", &["checkout", "HEAD", "--full"]);
    assert_eq!(worktree(&two.path("carl")), worktree(&two.path("work")));
}

fn a_version_is_got(two: &Two) {
    let url = two.url();
    let got = two.sandbox.json([&["get", &url, "cats", "--json"], &two.reach()[..]].concat());
    let path = PathBuf::from(got["path"].as_str().unwrap());
    assert_eq!(std::fs::read(path.join("large.bin")).unwrap(), large(0));
    assert_eq!(worktree(&path).len(), worktree(&two.path("work")).len());
    let again = two.sandbox.json([&["get", &url, "cats", "--json"], &two.reach()[..]].concat());
    assert_eq!((&again["cached"], &again["path"]), (&true.into(), &got["path"]));
}

fn what_is_there_is_dropped_here(two: &Two) {
    let before = worktree(&two.path("work"));
    assert!(two.ok(&["evict"]).starts_with("Dropped 3.0 MiB"));
    std::fs::remove_file(two.path("work/large.bin")).unwrap();
    two.ok(&["restore", "large.bin"]);
    assert_eq!(worktree(&two.path("work")), before);
    two.ok(&["fetch", "--full"]);
    two.ok(&["fsck", "--full"]);
}

/// The dataset moves to a version and back again; then nothing leads to the three mebibytes that it had alone.
fn what_nothing_leads_to_is_collected(two: &Two) {
    let kept = two.ok(&["rev-parse", "HEAD"]);
    two.sandbox.write("large.bin", large(1));
    two.ok(&["commit", "-a", "-m", "Not for long"]);
    two.ok(&["push"]);
    two.ok(&["checkout", kept.trim()]);
    two.ok(&["branch", "-f", "cats", kept.trim()]);
    two.ok(&["switch", "cats"]);
    two.ok(&["push", "--force-with-lease"]);
    let told = two.sandbox.json(["gc", "--remote", "origin", "--json"]);
    assert!(told["kept"]["bytes"].as_u64() > Some(6 << 20) && told["condemned"]["objects"] == 0, "{told}");
    // The program takes no time of grace that is so short.
    let pause = || std::thread::sleep(Duration::from_millis(2_200));
    pause();
    let condemned = collect(two);
    assert!(condemned.condemned.bytes > 3 << 20, "{condemned:?}");
    two.ok(&["verify", "--remote", "origin"]);
    pause();
    let removed = collect(two);
    assert!(removed.removed.bytes > 3 << 20 && removed.kept.bytes < 4 << 20, "{removed:?}");
    two.ok(&["verify", "--remote", "origin"]);
    let told = two.sandbox.json(["gc", "--remote", "origin", "--json"]);
    assert_eq!((&told["removed"]["objects"], &told["condemned"]["objects"]), (&0.into(), &0.into()));
    two.other("bob", &["fetch"]);
}

/// Collects garbage with a time of grace of a second.
fn collect(two: &Two) -> GcOutcome {
    let repo = open(two, &two.path("work"));
    let remote = remotes::open(&repo, None).unwrap();
    let options = GcOptions {
        dry_run: false,
        grace: Duration::from_secs(1),
        who: "Ada".to_owned(),
        time: Time { seconds: 0, offset: 0 },
    };
    gc(&remote.peer(&repo, &NEVER), repo.db(), &options, &monitor()).unwrap()
}

/// A repository that can reach its remote.
fn open(two: &Two, root: &Path) -> Repository {
    let variables = two.place.as_ref().map(|place| place.options.variables.clone()).unwrap_or_default();
    let environment = Environment { variables: Variables(variables), ..environment(OsFs::new(), root) };
    Repository::open(environment, root).unwrap()
}
