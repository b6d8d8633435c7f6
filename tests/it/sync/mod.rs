//! `dsv sync`, `dsv add --from` and `dsv verify` of a folder: data that is updated elsewhere.

mod crash;
mod from;
mod heal;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// A repository, and a folder beside it that somebody updates.
pub(super) struct World {
    pub(super) sandbox: Sandbox,
}

impl World {
    pub(super) fn new() -> Self {
        let world = Self { sandbox: Sandbox::repository() };
        world.put("a.csv", "1,2");
        world.put("deep/b.csv", "3,4");
        world
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.sandbox.root().join("incoming")
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.folder().join(path)).unwrap();
    }

    /// Syncs with `--json` and these arguments besides.
    fn sync(&self, more: &[&str]) -> Value {
        self.sandbox.json([&["sync", "--folder", "../incoming", "--json"], more].concat())
    }

    /// The paths of the current dataset.
    fn paths(&self) -> String {
        self.sandbox.ok(["ls", "-r", "HEAD"])
    }

    /// Nothing is staged, changed or untracked.
    fn assert_clean(&self) {
        let status = self.sandbox.json(["status", "--json"]);
        for list in ["staged", "changed", "untracked"] {
            assert_eq!(status[list].as_array().map(Vec::len), Some(0), "{status}");
        }
        self.sandbox.ok(["fsck", "--full"]);
    }
}

#[test]
fn a_folder_is_taken_in_again_and_again() {
    let world = World::new();
    let sandbox = &world.sandbox;
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming"]), @"
    cats@1.0.0  54055853c49f  Sync ../incoming: 2 added
      2 files added (6 B); 540 B stored
    ");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming"]), @"Nothing changed");
    world.put("a.csv", "1,3");
    world.put("deep/c.csv", "5,6,7");
    world.put("new/d.csv", "8");
    world.remove("deep/b.csv");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--dry-run"]), @"
    modified  a.csv
    removed   deep/b.csv
    added     deep/c.csv
    added     new/d.csv
    Would commit 2 files added (6 B), 1 file modified (3 B), 1 file removed (3 B)
    ");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "-v"]), @"
    modified  a.csv
    removed   deep/b.csv
    added     deep/c.csv
    added     new/d.csv
    cats@1.0.1  0f4adc262794  Sync ../incoming: 2 added, 1 modified, 1 removed
      2 files added (6 B), 1 file modified (3 B), 1 file removed (3 B); 789 B stored
    ");
    assert_snapshot!(world.paths(), @"
    3 B  a.csv
    5 B  deep/c.csv
    1 B  new/d.csv
    ");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--dry-run"]), @"Nothing changed");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming"]), @"Nothing changed");
    // Nothing came into the worktree, and all of it can.
    assert!(!sandbox.work().join("a.csv").exists());
    world.assert_clean();
    sandbox.ok(["checkout", "--full", "cats"]);
    assert_eq!(sandbox.read("a.csv"), b"1,3");
    world.put("a.csv", "1,4");
    world.sync(&[]);
    // What is there follows.
    assert_eq!(sandbox.read("a.csv"), b"1,4");
    world.assert_clean();
}

#[test]
fn what_is_unchanged_is_not_read() {
    let world = World::new();
    assert_eq!(world.sync(&[])["files_read"], 2);
    // Right after a write its facts prove nothing.
    let settled = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        world.sync(&[])["files_read"] == 0
    });
    assert!(settled, "files are read for ever");
    world.put("a.csv", "9,9");
    assert_eq!(world.sync(&[])["files_read"], 1);
}

#[test]
fn an_edit_of_the_same_size_at_the_same_moment_is_seen() {
    let world = World::new();
    for round in 0..20 {
        world.put("a.csv", &format!("{round:03}"));
        world.sync(&[]);
        assert_eq!(world.sandbox.ok(["cat", "HEAD:a.csv"]), format!("{round:03}"), "{round}");
    }
}

#[test]
fn a_folder_of_the_dataset_mirrors_it_and_the_rest_stays() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.write("own.txt", "own");
    sandbox.write("raw/x/gone.csv", "gone");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Own"]);
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--to", "raw/x", "-v"]), @"
    added     raw/x/a.csv
    added     raw/x/deep/b.csv
    removed   raw/x/gone.csv
    cats@1.0.1  03e2a48d1d79  Sync ../incoming: 2 added, 1 removed
      2 files added (6 B), 1 file removed (4 B); 832 B stored
    ");
    assert_snapshot!(world.paths(), @"
    3 B  own.txt
    3 B  raw/x/a.csv
    3 B  raw/x/deep/b.csv
    ");
    // What was in the worktree and is not in the version is gone, what is in it stays.
    assert!(!sandbox.work().join("raw/x/gone.csv").exists());
    assert_eq!(sandbox.read("own.txt"), b"own");
    world.assert_clean();
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--dataset-folder", "-v"]), @"
    added     incoming/a.csv
    added     incoming/deep/b.csv
    cats@1.0.2  0f9e43056582  Sync ../incoming: 2 added
      2 files added (6 B); 428 B stored
    ");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--dataset-folder", "raw/y", "-v"]), @"
    added     raw/y/a.csv
    added     raw/y/deep/b.csv
    cats@1.0.3  17e49975d422  Sync ../incoming: 2 added
      2 files added (6 B); 548 B stored
    ");
    assert_snapshot!(
        sandbox.fails(3, ["sync", "--folder", "../incoming", "--to", "own.txt/x"]), @"
    error: 'own.txt' is a file in the dataset
    hint: give another PATH, or remove the file first with 'dsv rm' and 'dsv commit'
    ");
    assert_snapshot!(
        sandbox.fails(2, ["sync", "--folder", "../incoming", "--to", "x", "--dataset-folder", "y"]), @"
    error: --to and --dataset-folder PATH both say where the files go
    hint: give one of them
    ");
}

#[test]
fn another_dataset_is_made_or_goes_on_and_the_worktree_stays() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.write("own.txt", "own");
    sandbox.ok(["add", "."]);
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--dataset", "sensors"]), @"
    sensors@1.0.0  97790f266779  Sync ../incoming: 2 added
      2 files added (6 B); 561 B stored
    ");
    world.put("c.csv", "1");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming", "--dataset", "sensors"]), @"
    sensors@1.0.1  d65303ad3cfd  Sync ../incoming: 1 added
      1 file added (1 B); 480 B stored
    ");
    assert_snapshot!(sandbox.ok(["ls", "-r", "sensors"]), @"
    3 B  a.csv
    1 B  c.csv
    3 B  deep/b.csv
    ");
    // What is staged for the current one is in nobody's way, but in that of the current one.
    assert_snapshot!(sandbox.fails(3, ["sync", "--folder", "../incoming"]), @"
    error: a staged change is not committed
    hint: commit them first with 'dsv commit -m MESSAGE', or bring back what was there with 'dsv restore --staged .'
    ");
    sandbox.ok(["commit", "-m", "Own"]);
    world.sync(&[]);
    assert!(!sandbox.work().join("own.txt").exists());
    world.assert_clean();
}

#[test]
fn a_disk_that_is_not_mounted_removes_nothing() {
    let world = World::new();
    let sandbox = &world.sandbox;
    assert_snapshot!(sandbox.fails(3, ["sync", "--folder", "../nowhere"]), @"
    error: '../nowhere' does not exist
    hint: check the spelling; paths are relative to the current folder
    ");
    world.sync(&["--to", "raw"]);
    std::fs::remove_dir_all(world.folder()).unwrap();
    let sync = ["sync", "--folder", "../incoming", "--to", "raw"];
    assert_snapshot!(sandbox.fails(3, sync), @"
    error: '$ROOT/incoming' does not exist, and the dataset has 2 files at 'raw'
    hint: is a disk not mounted? If the files are really gone, --allow-empty removes them from the dataset; nothing was changed
    ");
    std::fs::create_dir_all(world.folder().join("lost+found")).unwrap();
    assert_snapshot!(sandbox.fails(3, sync), @"
    error: '$ROOT/incoming' is empty, and the dataset has 2 files at 'raw'
    hint: is a disk not mounted? If the files are really gone, --allow-empty removes them from the dataset; nothing was changed
    ");
    assert_eq!(sandbox.fails(3, [&sync[..], &["--dry-run"]].concat()), sandbox.fails(3, sync));
    assert_eq!(world.paths().lines().count(), 2);
    assert_snapshot!(sandbox.ok([&sync[..], &["--allow-empty"]].concat()), @"
    cats@1.0.1  61964bbb3a74  Sync ../incoming: 2 removed
      2 files removed (6 B); 512 B stored
    ");
    world.put("a.csv", "1,2");
    assert_snapshot!(sandbox.ok(sync), @"
    cats@1.0.2  e13c73ea0517  Sync ../incoming: 1 added
      1 file added (3 B); 479 B stored
    ");
    world.assert_clean();
}

#[test]
fn what_is_ignored_or_no_data_stays_out() {
    let world = World::new();
    world.put(".dsvignore", "*.tmp\n");
    world.put("x.tmp", "x");
    world.put(".git/config", "x");
    std::os::unix::fs::symlink("a.csv", world.folder().join("link")).unwrap();
    std::fs::create_dir(world.folder().join("empty")).unwrap();
    world.sync(&[]);
    assert_snapshot!(world.paths(), @"
    6 B  .dsvignore
    3 B  a.csv
    3 B  deep/b.csv
    0 B  empty/  0 files
    5 B  link
    ");
}

#[test]
fn what_was_not_pushed_is_pushed_by_the_next_one() {
    let world = World::new();
    let sandbox = &world.sandbox;
    std::fs::create_dir(sandbox.root().join("remote")).unwrap();
    sandbox.ok(["remote", "add", "origin", "../remote"]);
    assert_snapshot!(sandbox.ok(["sync", "--folder", "../incoming"]).replace(&sandbox.root().display().to_string(), "$ROOT"), @"
    cats@1.0.0  54055853c49f  Sync ../incoming: 2 added
      2 files added (6 B); 540 B stored
      1 version pushed to origin, file://$ROOT/remote: 824 B
    ");
    world.put("c.csv", "1");
    std::fs::rename(sandbox.root().join("remote"), sandbox.root().join("away")).unwrap();
    std::fs::write(sandbox.root().join("remote"), "").unwrap();
    let failed = sandbox.fails(5, ["sync", "--folder", "../incoming"]);
    assert!(failed.contains("cats@1.0.1 is committed here, and was not pushed"), "{failed}");
    assert!(failed.contains("the next 'dsv sync' or 'dsv push' sends it"), "{failed}");
    world.assert_clean();
    std::fs::remove_file(sandbox.root().join("remote")).unwrap();
    std::fs::rename(sandbox.root().join("away"), sandbox.root().join("remote")).unwrap();
    let again = world.sync(&[]);
    assert_eq!((again["id"].is_null(), &again["pushed"]["versions"]), (true, &1.into()), "{again}");
    assert!(world.sync(&[])["pushed"].is_null());
    world.put("c.csv", "2");
    assert!(world.sync(&["--no-push"])["pushed"].is_null());
    // Nobody but who syncs needs the folder.
    sandbox.ok(["push"]);
    sandbox.ok(["clone", "../remote", "../twin"]);
    assert_eq!(std::fs::read(sandbox.root().join("twin/c.csv")).unwrap(), b"2");
}

#[test]
fn a_part_of_the_worktree_is_added_and_committed() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.write("raw/a.csv", "1");
    sandbox.write("other.txt", "2");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "raw"]), @"
    cats@1.0.0  f716e540415c  Sync raw: 1 added
      1 file added (1 B); 51 B stored
    ");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "."]), @"
    cats@1.0.1  5c1809d6c03a  Sync the worktree: 1 added
      1 file added (1 B); 51 B stored
    ");
    assert_snapshot!(sandbox.ok(["sync", "--folder", "."]), @"Nothing changed");
    std::fs::remove_file(sandbox.work().join("raw/a.csv")).unwrap();
    assert_snapshot!(sandbox.fails(3, ["sync", "--folder", "raw"]), @"
    error: '$ROOT/work/raw' is empty, and the dataset has a file at 'raw'
    hint: is a disk not mounted? If the files are really gone, --allow-empty removes them from the dataset; nothing was changed
    ");
    assert_snapshot!(sandbox.fails(3, ["sync", "--folder", "raw", "--to", "elsewhere"]), @"
    error: '$ROOT/work/raw' lies in the worktree, at 'raw'
    hint: it is part of the dataset where it is: leave --to and --dataset out, or move it out of the worktree
    ");
    assert_snapshot!(sandbox.fails(3, ["sync", "--folder", ".."]), @"
    error: '$ROOT' holds this repository
    hint: a repository cannot take itself in; move it out of that folder, or sync folders beside it
    ");
    assert_snapshot!(sandbox.fails(2, ["sync", "--folder", "other.txt"]), @"
    error: 'other.txt' is no folder
    hint: give the folder that it lies in, or stage it with 'dsv add --from FILE --to PATH'
    ");
    sandbox.ok(["sync", "--folder", "raw", "--allow-empty"]);
    assert_snapshot!(world.paths(), @"
    1 B  other.txt
    0 B  raw/  0 files
    ");
}

#[test]
fn what_lies_in_the_worktree_and_is_not_committed_is_not_lost() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.write("a.csv", "mine");
    assert_snapshot!(sandbox.fails(3, ["sync", "--folder", "../incoming"]), @"
    error: 1 uncommitted file would be lost
      a.csv (untracked)
    hint: move them away, or commit them with 'dsv add' and 'dsv commit'; nothing was changed
    ");
    assert_eq!(sandbox.read("a.csv"), b"mine");
    std::fs::remove_file(sandbox.work().join("a.csv")).unwrap();
    world.sync(&[]);
    world.assert_clean();
    sandbox.ok(["create", "other"]);
    assert!(sandbox.fails(3, ["sync", "--folder", "../incoming"]).contains("a draft of 'other' is open"));
}

#[test]
fn several_at_once_take_turns() {
    let world = World::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| world.sync(&[]))).collect();
        let made = runs.into_iter().map(|run| run.join().unwrap());
        assert_eq!(made.filter(|made| !made["id"].is_null()).count(), 1);
    });
    assert_eq!(world.sandbox.ok(["log"]).matches("Sync").count(), 1);
}
