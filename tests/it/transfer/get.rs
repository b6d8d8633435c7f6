//! Versions without a repository: `dsv get` and the machine's cache.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use insta::assert_snapshot;
use serde_json::Value;

use super::{Two, large};
use crate::support::repo::worktree;
use crate::support::rng::Rng;
use crate::support::tree::{Node, Tree, read_tree};

/// Ada's dataset with an executable, a link and an empty folder besides, pushed; and a place to work that is empty.
fn pushed() -> Two {
    let two = Two::committed();
    two.sandbox.write("run.sh", "#!/bin/sh\n");
    let script = two.path("work/run.sh");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("d0/f0", two.path("work/link")).unwrap();
    std::fs::create_dir_all(two.path("work/d5/empty")).unwrap();
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "More"]);
    two.ok(&["push"]);
    std::fs::create_dir(two.path("job")).unwrap();
    two
}

impl Two {
    /// Runs `dsv get` on the bucket in the empty folder.
    fn get(&self, arguments: &[&str]) -> Value {
        let bucket = self.bucket();
        let all = [&["-C", "../job", "get", bucket.to_str().unwrap()], arguments, &["--json"]].concat();
        self.sandbox.json(all)
    }

    fn get_fails(&self, code: i32, arguments: &[&str]) -> String {
        let bucket = self.bucket();
        self.sandbox.fails(code, [&["-C", "../job", "get", bucket.to_str().unwrap()], arguments].concat())
    }

    fn cache(&self) -> PathBuf {
        self.path("home/.cache/dsv")
    }

    /// The labels of the copies in the cache, the one used last first.
    fn cached(&self) -> Vec<String> {
        let copies = self.sandbox.json(["cache", "ls", "--json"]);
        copies.as_array().unwrap().iter().map(|copy| copy["label"].as_str().unwrap().to_owned()).collect()
    }

    /// Commits and pushes a change.
    fn publish(&self, path: &str, content: impl AsRef<[u8]>) {
        self.publish_by(&["push"], path, content);
    }

    fn publish_by(&self, push: &[&str], path: &str, content: impl AsRef<[u8]>) {
        self.sandbox.write(path, content);
        self.ok(&["add", "."]);
        self.ok(&["commit", "-m", "Change"]);
        self.ok(push);
    }

    /// Files of unfinished work anywhere in the cache or beside it.
    fn leftovers(&self) -> Vec<String> {
        let all = read_tree(self.sandbox.root());
        let names = all.into_keys().map(|path| path.to_str().unwrap().to_owned());
        names.filter(|name| name.contains(".tmp-dsv-")).collect()
    }
}

fn path(got: &Value) -> PathBuf {
    PathBuf::from(got["path"].as_str().unwrap())
}

fn number(got: &Value, key: &str) -> u64 {
    got[key].as_u64().unwrap()
}

/// The paths of files and links.
fn names(tree: &Tree) -> Vec<&str> {
    tree.keys().map(|path| path.to_str().unwrap()).collect()
}

fn is_cached(got: &Value) -> bool {
    got["cached"].as_bool().unwrap()
}

#[test]
fn a_version_is_got_once_and_cannot_be_written_to() {
    let two = pushed();
    let got = two.get(&["cats"]);
    assert!(!is_cached(&got) && number(&got, "requests") <= 8, "{got}");
    let folder = path(&got);
    assert_eq!(worktree(&folder), worktree(&two.path("work")));
    assert!(folder.join("d5/empty").is_dir());
    assert_eq!(std::fs::read_link(folder.join("link")).unwrap(), Path::new("d0/f0"));
    for (file, mode) in [("d0/f0", 0o444), ("run.sh", 0o555), ("d0", 0o555), ("d5/empty", 0o555), ("", 0o555)]
    {
        assert_eq!(folder.join(file).metadata().unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
    // The log is looked at, and no more.
    let again = two.get(&["cats@1.0"]);
    assert!(is_cached(&again) && path(&again) == folder, "{again}");
    assert!(number(&again, "requests") <= 2, "{again}");
    let id = got["version"].as_str().unwrap();
    for what in [id.to_owned(), format!("cats@{id}")] {
        let again = two.get(&[&what]);
        assert!(is_cached(&again) && number(&again, "requests") == 0, "{again}");
    }
    // A person sees the folder on standard output, and the rest beside it.
    let bucket = two.bucket();
    let run = two.sandbox.run(["-C", "../job", "get", bucket.to_str().unwrap(), "cats"]).expect(0);
    assert_eq!(String::from_utf8(run.out.clone()).unwrap(), format!("{}\n", folder.display()));
    assert_snapshot!(run.err, @r"cats@1.0.1  d2e5574c071d  44 files, 3.0 MiB; from the cache");
    assert_eq!(two.leftovers(), [""; 0]);
    assert!(std::fs::read_dir(two.path("job")).unwrap().next().is_none());
}

#[test]
fn what_versions_have_in_common_comes_once() {
    let two = pushed();
    let first = two.get(&["cats"]);
    assert!(number(&first, "bytes_received") > 3 << 20, "{first}");
    two.publish("d0/f0", "changed");
    let second = two.get(&["cats"]);
    assert!(number(&second, "bytes_received") < 100_000, "{second}");
    assert_eq!(worktree(&path(&second)), worktree(&two.path("work")));
    // A change of a few bytes of a large file brings some chunks.
    let mut bytes = large(0);
    bytes[1_000_000] ^= 1;
    two.publish("large.bin", bytes);
    let third = two.get(&["cats@1.0.3"]);
    assert!(number(&third, "bytes_received") < 1_000_000, "{third}");
    assert_eq!(worktree(&path(&third)), worktree(&two.path("work")));
    let old = two.get(&["cats@1.0.1"]);
    assert_eq!(path(&old), path(&first));
    // Also after what is packed has left, and by parts of a version.
    two.ok(&["cache", "gc", "--max-size", "7MiB"]);
    let some = two.get(&["cats@1.0.1", "large.bin", "d1"]);
    assert!(!is_cached(&some) && number(&some, "bytes_received") < 200_000, "{some}");
    assert_eq!(std::fs::read(path(&some).join("large.bin")).unwrap(), large(0));
}

#[test]
fn paths_and_patterns() {
    let two = pushed();
    let got = two.get(&["cats", "d1", "**/f2", "./link", "d5"]);
    let tree = worktree(&path(&got));
    assert_eq!(
        names(&tree),
        [
            "d1/f1", "d1/f13", "d1/f17", "d1/f21", "d1/f25", "d1/f29", "d1/f33", "d1/f37", "d1/f5", "d1/f9",
            "d2/f2", "link"
        ]
    );
    assert!(path(&got).join("d5/empty").is_dir());
    assert!(number(&got, "bytes_received") < 100_000, "{got}");
    let again = two.get(&["cats", "link", "d5/", "**/f2", "d1"]);
    assert!(is_cached(&again), "the order of paths means nothing: {again}");
    let one = two.get(&["cats", "run.sh"]);
    assert!(path(&one).join("run.sh").metadata().unwrap().permissions().mode() & 0o111 != 0);
    assert_snapshot!(two.get_fails(3, &["cats", "absent", "d1", "*.png"]), @r"
    error: nothing in cats@1.0.1 matches absent, *.png
    hint: its root has d0/, d1/, d2/, d3/, d5/, large.bin, link, run.sh
    ");
    assert_snapshot!(two.get_fails(2, &["cats", "../x"]), @r"error: '..' is not allowed as a name in a dataset");
}

#[test]
fn an_empty_folder_can_be_chosen() {
    let two = pushed();
    for paths in [&["d5/empty"][..], &["d5/empty/"], &["d1/f1", "d5/empty"]] {
        let got = two.get(&[&["cats"], paths].concat());
        assert!(path(&got).join("d5/empty").is_dir(), "{got}");
        assert_eq!(number(&got, "files"), paths.len() as u64, "{got}");
    }
    two.get_fails(3, &["cats", "d5/empty/*"]);
}

#[test]
fn an_id_must_be_that_of_a_version_of_the_dataset() {
    let two = pushed();
    let cat = two.get(&["cats"])["version"].as_str().unwrap().to_owned();
    two.ok(&["switch", "-c", "dogs"]);
    two.publish("bark", "woof");
    let dog = two.get(&["dogs"])["version"].as_str().unwrap().to_owned();
    assert_snapshot!(two.get_fails(3, &[&format!("cats@{dog}")]), @r"
    error: f037edb27a06 is no version of 'cats' on 'file://$ROOT/bucket'
    hint: it is dogs@1.0.0; 'dsv get f037edb27a0623759cb180f858c04927ce85fd03f39dcec81802b5cde4d78907' takes it by its id alone
    ");
    two.get_fails(3, &[&format!("cats@{dog}"), "--offline"]);
    // What a dataset began with is part of it.
    assert_eq!(two.get(&[&format!("dogs@{cat}")])["version"], cat.as_str());
    two.ok(&["cache", "clear"]);
    two.get_fails(3, &[&format!("cats@{dog}")]);
    assert_eq!(two.get(&[&format!("dogs@{cat}")])["version"], cat.as_str());
}

#[test]
fn an_id_may_be_cut_short() {
    let two = pushed();
    let got = two.get(&["cats"]);
    let id = got["version"].as_str().unwrap();
    let again = two.get(&[&format!("cats@{}", &id[..12])]);
    assert!(is_cached(&again) && path(&again) == path(&got), "{again}");
    let again = two.get(&[&format!("cats@{}", &id[..4]), "--offline"]);
    assert_eq!(path(&again), path(&got));
    assert_snapshot!(two.get_fails(3, &["cats@abcd"]), @r"
    error: there is no 'cats@abcd' on 'file://$ROOT/bucket'
    hint: there is cats@1.0.1, cats@1.0.0
    ");
}

#[test]
fn a_version_that_its_dataset_was_moved_away_from_is_known_by_its_id() {
    let two = pushed();
    let id = two.get(&["cats"])["version"].as_str().unwrap().to_owned();
    two.ok(&["cache", "clear"]);
    two.ok(&["switch", "-c", "side", "cats@1.0.0"]);
    two.ok(&["branch", "-f", "cats", "cats@1.0.0"]);
    two.ok(&["switch", "cats"]);
    two.publish_by(&["push", "--force-with-lease"], "other", "other");
    assert_eq!(two.get(&[&format!("cats@{id}")])["version"], id.as_str());
}

#[test]
fn parts_are_disjoint_and_complete() {
    let two = pushed();
    for chosen in [&[][..], &["d1", "d2", "large.bin"]] {
        let mut all: BTreeMap<PathBuf, Node> = BTreeMap::new();
        let mut files = 0;
        for part in ["0", "1", "2"] {
            let got = two.get(&[&["cats", "--part", part, "--num-parts", "3"], chosen].concat());
            let tree = worktree(&path(&got));
            files += tree.len();
            all.extend(tree);
        }
        assert_eq!(files, all.len());
        let whole = two.get(&[&["cats"], chosen].concat());
        assert_eq!(all, worktree(&path(&whole)));
    }
    assert_snapshot!(two.get_fails(2, &["cats", "--part", "3", "--num-parts", "3"]), @r"
    error: there is no part 3 of 3 parts
    hint: --part is a number from 0 to 2
    ");
    two.get_fails(2, &["cats", "--part", "3"]);
}

#[test]
fn a_copy_of_ones_own_can_be_written_to() {
    let two = pushed();
    let got = two.get(&["cats", "--copy", "deep/mine"]);
    let mine = two.path("job/deep/mine");
    assert_eq!(path(&got), mine);
    assert_eq!(worktree(&mine), worktree(&two.path("work")));
    assert!(mine.join("d0/f0").metadata().unwrap().permissions().mode() & 0o200 != 0);
    assert!(mine.join("run.sh").metadata().unwrap().permissions().mode() & 0o111 != 0);
    std::fs::write(mine.join("d0/f0"), "mine").unwrap();
    let cached = path(&two.get(&["cats"]));
    assert_eq!(worktree(&cached), worktree(&two.path("work")));
    assert_snapshot!(two.get_fails(3, &["cats", "--copy", "deep"]), @r"
    error: '$ROOT/job/deep' is not empty
    hint: name another folder, or an empty one
    ");
    std::fs::create_dir(two.path("job/empty")).unwrap();
    two.get(&["cats", "d1", "--copy", "empty"]);
    assert_eq!(worktree(&two.path("job/empty")).len(), 10);
    std::fs::create_dir(two.path("job/here")).unwrap();
    let bucket = two.bucket();
    let arguments = ["-C", "../job/here", "get", bucket.to_str().unwrap(), "cats", "--copy", "."];
    assert_snapshot!(two.sandbox.fails(3, arguments), @r"
    error: '$ROOT/job/here' is the current folder, which a copy would take the place of
    hint: name a folder that does not exist
    ");
    assert_eq!(two.leftovers(), [""; 0]);
}

#[test]
fn a_link_keeps_its_copy() {
    let two = pushed();
    let got = two.get(&["cats", "--link", "data"]);
    let data = two.path("job/data");
    assert_eq!(path(&got), data);
    assert_eq!(std::fs::read(data.join("d0/f0")).unwrap(), b"content of 0");
    let first = std::fs::read_link(&data).unwrap();
    assert_snapshot!(two.ok(&["cache", "gc", "--max-size", "0"]), @r"
    Freed 3.0 MiB: 0 copies removed; 3.0 MiB kept
      cats@1.0.1 stays: the link '$ROOT/job/data' leads to it
    ");
    assert!(first.join("d0/f0").exists());
    // The link goes on to the next version, and the first may leave.
    two.publish("d0/f0", "changed");
    two.get(&["cats", "--link", "data"]);
    assert_eq!(std::fs::read(data.join("d0/f0")).unwrap(), b"changed");
    two.ok(&["cache", "gc", "--max-size", "0"]);
    assert_eq!(two.cached(), ["1.0.2"]);
    assert!(!first.exists());
    std::fs::write(two.path("job/file"), "").unwrap();
    assert_snapshot!(two.get_fails(3, &["cats", "--link", "file"]), @r"
    error: '$ROOT/job/file' exists and is no link to a copy in the cache
    hint: name another place, or remove what is there
    ");
    // Who removes the link lets the copy go; who clears removes it in any case.
    two.ok(&["cache", "clear"]);
    assert_eq!(two.cached(), [""; 0]);
    assert_eq!(
        std::fs::read_dir(two.cache().join("files"))
            .unwrap()
            .flatten()
            .flat_map(|f| std::fs::read_dir(f.path()).unwrap())
            .count(),
        0
    );
    assert_eq!(two.leftovers(), [""; 0]);
}

#[test]
fn of_several_who_want_it_at_once_one_fetches_it() {
    let two = pushed();
    let got: Vec<Value> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..4).map(|_| scope.spawn(|| two.get(&["cats"]))).collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(got.iter().filter(|got| !is_cached(got)).count(), 1, "{got:?}");
    let bytes: u64 = got.iter().map(|got| number(got, "bytes_received")).sum();
    assert!(bytes < (3 << 20) + 200_000, "{bytes}");
    assert_eq!(worktree(&path(&got[0])), worktree(&two.path("work")));
}

#[test]
fn a_get_that_is_killed_leaves_nothing_that_looks_finished() {
    let two = pushed();
    let mut rng = Rng::new(13);
    let began = Instant::now();
    let whole = worktree(&path(&two.get(&["cats"])));
    let took = began.elapsed();
    two.ok(&["cache", "clear"]);
    let mut killed = 0;
    let bucket = two.bucket();
    for round in 0..12 {
        let mut command = two.sandbox.command();
        command.current_dir(two.path("job")).args([
            "get",
            bucket.to_str().unwrap(),
            "cats",
            "--copy",
            "mine",
        ]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(took.mul_f64(rng.below(1000) as f64 / 1000.0));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever has its name is whole.
        for copy in two.sandbox.json(["cache", "ls", "--json"]).as_array().unwrap() {
            assert_eq!(worktree(&path(copy)), whole, "round {round}");
        }
        let mine = two.path("job/mine");
        if mine.exists() {
            assert_eq!(worktree(&mine), whole, "round {round}");
            std::fs::remove_dir_all(&mine).unwrap();
        }
        let got = two.get(&["cats", "--copy", "mine"]);
        assert_eq!(worktree(&path(&got)), whole, "round {round}");
        assert_eq!(two.leftovers(), [""; 0], "round {round}");
        std::fs::remove_dir_all(&mine).unwrap();
        if round % 3 != 0 {
            two.ok(&["cache", "clear"]);
        }
    }
    assert!(killed > 0, "every get ended before it was killed");
}

#[test]
fn the_least_recently_used_leaves_first() {
    let mut two = pushed();
    for round in 1..4 {
        two.publish("large.bin", large(round));
    }
    let at = |two: &mut Two, minute: u32| {
        two.sandbox.set("DSV_NOW", &format!("2026-11-23T15:{minute:02}:00+01:00"));
    };
    for (minute, label) in ["1.0.1", "1.0.2", "1.0.3"].iter().enumerate() {
        at(&mut two, minute as u32);
        two.get(&[&format!("cats@{label}")]);
    }
    at(&mut two, 10);
    two.get(&["cats@1.0.1"]);
    assert_eq!(two.cached(), ["1.0.1", "1.0.3", "1.0.2"]);
    assert_snapshot!(two.ok(&["cache"]), @r"
    cats@1.0.1  3.0 MiB  2026-11-23 15:10:00 +0100  $ROOT/home/.cache/dsv/copies/d2e5574c071d0c41dba913668a497743b4f4030b42c45ee1f2e1de9ec227e142
    cats@1.0.3  3.0 MiB  2026-11-23 15:02:00 +0100  $ROOT/home/.cache/dsv/copies/6cd1e2d8bdb9bfc04af347e034bbc8078a68861a53737915a2c2d2286cf42032
    cats@1.0.2  3.0 MiB  2026-11-23 15:01:00 +0100  $ROOT/home/.cache/dsv/copies/1786bf2b408d8d7a731d72028e6df2889e6dd70056a7625977ed35110282427d
    ");
    // The packed data of four large files is enough to let go.
    two.ok(&["config", "set", "--global", "cache.max-size", "13MiB"]);
    two.ok(&["cache", "gc"]);
    assert_eq!(two.cached().len(), 3);
    // There is room for two and a half.
    two.ok(&["config", "set", "--global", "cache.max-size", "8MiB"]);
    at(&mut two, 11);
    let got = two.get(&["cats@1.0.4"]);
    assert_eq!(two.cached(), ["1.0.4", "1.0.1"], "{got}");
    assert!(number(&got, "freed_bytes") > 3 << 20, "{got}");
    assert_eq!(worktree(&path(&got)), worktree(&two.path("work")));
    // What was just made stays, however little room there is.
    two.ok(&["config", "set", "--global", "cache.max-size", "1KiB"]);
    two.get(&["cats@1.0.2"]);
    assert_eq!(two.cached(), ["1.0.2"]);
    assert_snapshot!(two.ok(&["cache", "clear"]), @r"Freed 3.0 MiB: 1 copy removed; 0 B kept");
    assert_snapshot!(two.sandbox.run(["cache", "ls"]).expect(0).err, @r"No copy is in the cache");
    assert_snapshot!(two.sandbox.fails(2, ["cache", "gc", "--max-size", "many"]), @r"
    error: invalid value 'many' for '--max-size <SIZE>': expected a size such as 500MiB or 50GiB
    hint: see dsv help cache
    ");
}

#[test]
fn a_remote_that_lies_leaves_no_copy() {
    let two = pushed();
    let packs = two.keys_below("packs/");
    let kept: Vec<Vec<u8>> = packs.iter().map(|key| std::fs::read(two.bucket().join(key)).unwrap()).collect();
    for key in &packs {
        let file = two.bucket().join(key);
        let mut bytes = std::fs::read(&file).unwrap();
        for at in (60..bytes.len() - 40).step_by(50) {
            bytes[at] ^= 1;
        }
        std::fs::write(file, bytes).unwrap();
    }
    let told = two.get_fails(4, &["cats"]);
    assert!(told.contains("is damaged"), "{told}");
    assert_eq!(two.cached(), [""; 0]);
    for (key, bytes) in packs.iter().zip(kept) {
        std::fs::write(two.bucket().join(key), bytes).unwrap();
    }
    assert_eq!(worktree(&path(&two.get(&["cats"]))), worktree(&two.path("work")));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let mut two = pushed();
    assert_snapshot!(two.get_fails(3, &["dogs"]), @r"
    error: 'file://$ROOT/bucket' has no dataset 'dogs'
    hint: there is cats
    ");
    assert_snapshot!(two.get_fails(3, &["cats@2.0.0"]), @r"
    error: there is no 'cats@2.0.0' on 'file://$ROOT/bucket'
    hint: there is cats@1.0.1, cats@1.0.0
    ");
    assert_snapshot!(two.get_fails(3, &[&"ab".repeat(32)]), @"error: there is no 'abababababababababababababababababababababababababababababababab' on 'file://$ROOT/bucket'");
    assert_snapshot!(two.get_fails(2, &["cats@new"]), @"error: 'cats@new' is no revision: 'new' is no label: expected 'latest', 1, 1.2, 1.2.0 or a version's id");
    assert_snapshot!(two.get_fails(2, &[]), @r"
    error: no dataset is named
    hint: write dsv get [URL] DATASET[@LABEL] [PATH]...
    ");
    assert_snapshot!(two.sandbox.fails(2, ["-C", "../job", "get", "cats"]), @r"
    error: no remote is named, and there is no repository here that has one
    hint: give the remote's URL before the dataset, or set DSV_REMOTE
    ");
    std::fs::create_dir(two.path("job/share")).unwrap();
    assert_snapshot!(two.sandbox.fails(2, ["-C", "../job", "get", "share", "cats"]), @r"
    error: no remote is named, and there is no repository here that has one
    hint: write ./share if the remote is in the folder 'share'
    ");
    // Inside a repository its remote is asked, and anywhere the one that the environment names.
    let inside = two.sandbox.json(["get", "cats", "--json"]);
    assert_eq!(worktree(&path(&inside)), worktree(&two.path("work")));
    two.sandbox.json(["get", "cats", "--remote", "origin", "--json"]);
    assert_snapshot!(two.sandbox.fails(3, ["get", "cats", "--remote", "lab"]), @r"
    error: there is no remote 'lab'
    hint: 'dsv remote list' shows them
    ");
    let bucket = two.bucket();
    two.sandbox.set("DSV_REMOTE", bucket.to_str().unwrap());
    let named = two.sandbox.json(["-C", "../job", "get", "cats", "--json"]);
    assert!(is_cached(&named), "{named}");
}

#[test]
fn without_the_remote_the_cache_is_asked_only_when_told() {
    let two = pushed();
    assert_snapshot!(two.get_fails(3, &["cats", "--offline"]), @r"
    error: no copy of 'cats' from 'file://$ROOT/bucket' is in the cache
    hint: 'dsv cache ls' lists what is there; leave --offline out to fetch it
    ");
    let got = two.get(&["cats"]);
    let bucket = two.bucket();
    let arguments = ["-C", "../job", "get", bucket.to_str().unwrap(), "cats@1.0", "--offline"];
    let run = two.sandbox.run(arguments).expect(0);
    assert_snapshot!(run.err, @r"
    warning: 'file://$ROOT/bucket' was not asked: cats@1.0.1 is what was got on 2026-11-23 14:05:09 +0100
    cats@1.0.1  d2e5574c071d  44 files, 3.0 MiB; from the cache
    ");
    assert_eq!(String::from_utf8(run.out).unwrap().trim(), got["path"].as_str().unwrap());
    // The remote is away: a folder that is not mounted looks like one that has nothing.
    std::fs::rename(&bucket, two.path("away")).unwrap();
    assert_snapshot!(two.get_fails(3, &["cats"]), @r"
    error: 'file://$ROOT/bucket' cannot be asked which version 'cats' is
      because: 'file://$ROOT/bucket' has no dataset 'cats'
    hint: 'dsv get --offline' takes cats@1.0.1 from the cache
    ");
    assert_eq!(path(&two.get(&["cats", "--offline"])), path(&got));
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let two = pushed();
    std::fs::write(two.path("nowhere"), "").unwrap();
    let bucket = two.bucket();
    let mut command = two.sandbox.command();
    command.env("DSV_CACHE_DIR", two.path("nowhere/cache"));
    let output = command.args(["get", bucket.to_str().unwrap(), "cats"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("DSV_CACHE_DIR"), "{told}");
    let mut command = two.sandbox.command();
    let output = command.env_remove("HOME").args(["get", bucket.to_str().unwrap(), "cats"]).output().unwrap();
    assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    error: there is no place for the cache: no home folder is known
    hint: name a folder for it with DSV_CACHE_DIR
    ");
}

/// The bound of one file of a mebibyte, on a smaller remote than the one that it is meant for.
#[test]
fn one_file_of_many_costs_some_requests() {
    let two = Two::committed();
    for number in 0..20_000 {
        two.sandbox.write(&format!("many/d{}/f{number}", number % 50), format!("{number}"));
    }
    two.sandbox.write("many/d7/one.bin", &large(5)[..1 << 20]);
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Many"]);
    two.ok(&["push"]);
    std::fs::create_dir(two.path("job")).unwrap();
    let got = two.get(&["cats", "many/d7/one.bin"]);
    assert_eq!(std::fs::read(path(&got).join("many/d7/one.bin")).unwrap(), large(5)[..1 << 20]);
    assert!(number(&got, "requests") <= 8, "{got}");
    assert!(number(&got, "bytes_received") <= 8 << 20, "{got}");
    let again = two.get(&["cats", "many/d7/one.bin"]);
    assert!(number(&again, "requests") <= 2, "{again}");
    let other = two.get(&["cats", "many/d8/f8"]);
    assert!(number(&other, "requests") <= 8, "{other}");
    // A part of it reads some of the trees.
    let part = two.get(&["cats", "--part", "5", "--num-parts", "1000"]);
    assert!(number(&part, "requests") <= 10, "{part}");
}
