//! `kill -9` of pushes and clones: the remote always leads to whole versions, and the same command ends what it began.
//!
//! `DSV_TRANSFER_KILLS` says how often; 8 of each unless told, and half of that on a server.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Two, large};
use crate::remote::servers::Place;
use crate::support::repo::{assert_whole, open_real, worktree};
use crate::support::rng::Rng;

fn kills() -> usize {
    std::env::var("DSV_TRANSFER_KILLS").map_or(8, |text| text.parse().unwrap())
}

/// Runs a command and kills it after a while, unless it has ended. True when it was killed.
fn run_and_kill(two: &Two, folder: &str, arguments: &[&str], after: Duration) -> bool {
    let mut command = two.sandbox.command();
    command.current_dir(two.path(folder)).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    !ended
}

#[test]
fn a_push_that_is_killed_leaves_the_remote_whole() {
    kill_pushes(&Two::pushed(), kills());
}

#[test]
fn a_push_that_is_killed_leaves_a_server_whole() {
    if let Some(place) = Place::s3() {
        kill_pushes(&Two::pushed_to(Some(place)), kills() / 2);
    }
}

#[test]
fn a_clone_that_is_killed_is_gone_on_with() {
    kill_clones(&Two::pushed(), kills());
}

#[test]
fn a_clone_from_a_server_that_is_killed_is_gone_on_with() {
    if let Some(place) = Place::s3() {
        kill_clones(&Two::pushed_to(Some(place)), kills() / 2);
    }
}

fn kill_pushes(two: &Two, rounds: usize) {
    let mut rng = Rng::new(11);
    let mut took = Duration::from_millis(20);
    let mut killed = 0;
    for round in 0..rounds as u64 {
        two.sandbox.write("large.bin", large(round + 10));
        two.sandbox.write(&format!("new{round}"), format!("{round}"));
        two.ok(&["add", "."]);
        two.ok(&["commit", "-m", "More"]);
        let after = took.mul_f64(rng.below(1000) as f64 / 1000.0);
        killed += usize::from(run_and_kill(two, "work", &["push"], after));
        // Whatever the remote says is there can be had.
        let clone = format!("clone{round}");
        two.clone(&clone);
        let there = two.other(&clone, &["rev-parse", "HEAD"]);
        let known = two.ok(&["rev-list", "cats"]);
        assert!(known.contains(there.trim()), "{there} is none of {known}");
        two.other(&clone, &["verify"]);
        std::fs::remove_dir_all(two.path(&clone)).unwrap();
        let began = Instant::now();
        two.ok(&["push"]);
        took = took.max(began.elapsed());
    }
    two.clone("last");
    assert_eq!(worktree(&two.path("last")), worktree(&two.path("work")));
    assert!(killed > 0, "every push ended before it was killed");
    assert_eq!(two.keys_below("uploads/").len(), 0);
    two.ok(&["verify", "--remote", "origin"]);
}

fn kill_clones(two: &Two, rounds: usize) {
    let mut rng = Rng::new(12);
    let url = two.url();
    let began = Instant::now();
    two.clone("first");
    let took = began.elapsed();
    let mut killed = 0;
    for round in 0..rounds {
        let name = format!("../killed{round}");
        let arguments = [&["clone", &url, &name], &two.reach()[..]].concat();
        let after = took.mul_f64(rng.below(1000) as f64 / 1000.0);
        killed += usize::from(run_and_kill(two, "work", &arguments, after));
        let folder = two.path(&format!("killed{round}"));
        let whole = folder.join(".dsv/format").exists()
            && two.sandbox.run(["-C", &name, "rev-parse", "cats"]).code == 0;
        if whole {
            two.sandbox.ok(["-C", &name, "checkout", "--force", "cats"]);
        } else {
            two.ok(&arguments);
        }
        assert_eq!(worktree(&folder), worktree(&two.path("work")));
        assert_whole(&open_real(&folder));
    }
    assert!(killed > 0, "every clone ended before it was killed");
}

#[test]
fn an_evict_that_is_killed_is_ended_by_the_next() {
    let two = Two::pushed();
    let mut rng = Rng::new(13);
    two.sandbox.write("own", "never pushed");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Own"]);
    let mut took = Duration::from_millis(10);
    let mut killed = 0;
    for _ in 0..kills() {
        let after = took.mul_f64(rng.below(1000) as f64 / 1000.0);
        killed += usize::from(run_and_kill(&two, "work", &["evict"], after));
        two.ok(&["fsck", "--full"]);
        let began = Instant::now();
        two.ok(&["evict"]);
        took = took.max(began.elapsed());
        two.ok(&["fsck", "--full"]);
        assert_eq!(two.ok(&["cat", "HEAD:own"]), "never pushed");
        two.ok(&["fetch", "--full"]);
    }
    assert!(killed > 0, "every evict ended before it was killed");
    assert_whole(&open_real(&two.path("work")));
}
