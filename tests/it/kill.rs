//! `kill -9` of the real program, again and again: the repository is whole after each, the verb run again
//! reaches its end, and every version comes back byte for byte.
//!
//! `DSV_KILLS` says how often; 40 unless told. The processes die, the machine does not: what a power failure
//! leaves is the matter of `crash.rs`.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::repo::worktree;
use crate::support::rng::Rng;
use crate::support::sandbox::Sandbox;
use crate::support::tree::fingerprint;

const FILES: usize = 1_500;
const LARGE_LEN: usize = 20 << 20;

struct World {
    sandbox: Sandbox,
    rng: Rng,
    large: Vec<u8>,
    /// A fingerprint of what each version holds.
    versions: BTreeMap<String, u64>,
    /// How long the last whole run of each verb took, which is when it is worth to kill it.
    took: BTreeMap<&'static str, Duration>,
    killed: usize,
}

impl World {
    fn new() -> Self {
        let mut large = vec![0; LARGE_LEN];
        let mut rng = Rng::new(7);
        rng.fill(&mut large);
        let sandbox = Sandbox::repository();
        let versions = BTreeMap::new();
        let world = Self { sandbox, rng, large, versions, took: BTreeMap::new(), killed: 0 };
        for number in 0..FILES {
            world.sandbox.write(&format!("d{}/f{number}", number % 20), format!("first {number}"));
        }
        world.sandbox.write("large.bin", &world.large);
        world
    }

    /// Changes the large file and some of the small ones; the round makes each content a new one.
    fn change(&mut self, round: usize) {
        let at = self.rng.below(LARGE_LEN - 1_000_000);
        self.rng.fill(&mut self.large[at..at + 1_000_000]);
        self.sandbox.write("large.bin", &self.large);
        for _ in 0..FILES / 4 {
            let number = self.rng.below(FILES);
            self.sandbox.write(&format!("d{}/f{number}", number % 20), format!("{round} {number}"));
        }
    }

    fn worktree(&self) -> u64 {
        fingerprint(&worktree(&self.sandbox.work()))
    }

    fn head(&self) -> Option<String> {
        let run = self.sandbox.run(["rev-parse", "HEAD"]);
        (run.code == 0).then(|| run.text(&self.sandbox).trim().to_owned())
    }

    /// Kills the verb at some moment, checks what is left, and runs it to its end. Returns the new head.
    fn torture(&mut self, verb: &'static str, arguments: &[&str]) -> Option<String> {
        let before = self.head();
        let usual = self.took.get(verb).copied().unwrap_or(Duration::from_millis(300));
        let micros = usize::try_from(usual.as_micros()).unwrap().max(1_000);
        let delay = Duration::from_micros(self.rng.below(micros) as u64);
        let mut child = self
            .sandbox
            .command()
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        child.kill().unwrap();
        self.killed += usize::from(child.wait().unwrap().code().is_none());
        self.sandbox.ok(["fsck"]);
        let between = self.head();
        let started = Instant::now();
        let again = self.sandbox.run(arguments.iter().copied());
        if between == before || verb != "commit" {
            // A killed checkout leaves at most one file half-written, which is known for what it is.
            again.expect(0);
            self.took.insert(verb, started.elapsed());
        } else {
            assert!(again.code != 0, "committed twice");
        }
        let after = self.head();
        assert!(between == before || between == after, "{verb}: {before:?}, {between:?}, {after:?}");
        self.sandbox.ok(["fsck"]);
        after
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost() {
    let kills = std::env::var("DSV_KILLS").map_or(40, |text| text.parse::<usize>().unwrap());
    let mut world = World::new();
    let mut round = 0;
    while world.killed < kills {
        round += 1;
        world.change(round);
        let tree = world.worktree();
        world.torture("add", &["add", "."]);
        let id = world.torture("commit", &["commit", "-m", "More"]).unwrap();
        assert!(world.versions.insert(id.clone(), tree).is_none(), "round {round} made no version");
        // There and back again, and what `gc` leaves must do for it.
        let ids: Vec<_> = world.versions.keys().cloned().collect();
        let other = ids[world.rng.below(ids.len())].clone();
        world.torture("checkout", &["checkout", &other]);
        assert!(world.worktree() == world.versions[&other], "{other} came back otherwise");
        world.torture("gc", &["gc", "--grace", "0s"]);
        world.torture("checkout", &["checkout", "cats"]);
        assert!(world.worktree() == world.versions[&id], "{id} came back otherwise");
        assert!(round < 20 * kills.max(1), "the verbs end before they can be killed");
    }
    for (id, tree) in &world.versions {
        world.sandbox.ok(["checkout", id]);
        assert!(world.worktree() == *tree, "{id} came back otherwise");
    }
    world.sandbox.ok(["fsck", "--full"]);
}
