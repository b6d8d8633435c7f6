//! The everyday workflow as a person sees it.

use std::fs;

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

/// Two versions of a small dataset; the second changes a table, adds a file and renames an image.
fn two_versions() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.write("points.csv", "x,y\n1,2\n");
    sandbox.write("images/a.png", b"\x89PNG\0not really");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "First version"]);
    sandbox.write("points.csv", "x,y\n1,2\n3,4\n");
    sandbox.write("readme", "hello\n");
    fs::rename(sandbox.work().join("images/a.png"), sandbox.work().join("images/b.png")).unwrap();
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Second version", "--minor", "--meta", "rows=2"]);
    sandbox
}

#[test]
fn add_stages_and_commit_makes_a_version() {
    let sandbox = Sandbox::repository();
    sandbox.write("a.txt", "one\n");
    sandbox.write("sub/b.csv", "1,2\n");
    fs::create_dir(sandbox.work().join("empty")).unwrap();
    assert_snapshot!(sandbox.fails(2, ["add"]), @r"
    error: 'dsv add' needs at least one path
    hint: give paths, or '.' for the whole folder
    ");
    assert_snapshot!(sandbox.ok(["add", "-n", "."]), @r"
    added     a.txt
    added     empty
    added     sub/b.csv
    Would stage 2 files added (8 B)
    ");
    assert_snapshot!(sandbox.fails(1, ["commit", "-m", "Nothing"]), @r"
    error: nothing is staged
    hint: stage files with 'dsv add PATH', or commit all changes with 'dsv commit -a'
    ");
    assert_snapshot!(sandbox.ok(["add", "*.txt"]), @"Staged 1 file added (4 B); 54 B stored");
    assert_snapshot!(sandbox.ok(["add", "-v", "."]), @r"
    added     empty
    added     sub/b.csv
    Staged 1 file added (4 B); 54 B stored
    ");
    assert_snapshot!(sandbox.ok(["add", "."]), @"Nothing new to stage");
    assert_snapshot!(sandbox.ok(["commit", "-m", "First"]), @r"
    cats@1.0.0  6163d7ffafb1  First
      2 files added (8 B)
      2 files in all, 8 B; 610 B stored for this version
    ");
    assert_snapshot!(sandbox.fails(1, ["commit", "-m", "Again"]), @r"
    error: nothing is staged
    hint: stage files with 'dsv add PATH', or commit all changes with 'dsv commit -a'
    ");
    // -u takes what is tracked, and nothing new.
    sandbox.write("a.txt", "two\n");
    sandbox.write("new.txt", "new\n");
    fs::remove_file(sandbox.work().join("sub/b.csv")).unwrap();
    assert_snapshot!(sandbox.ok(["add", "-u", "."]), @"Staged 1 file modified (4 B), 1 file removed (4 B); 54 B stored");
    let answer = sandbox.json(["commit", "-m", "Second", "--major", "--json"]);
    assert_eq!((&answer["label"], &answer["files"]), (&"2.0.0".into(), &1.into()));
    assert_eq!(answer["removed"]["files"], 1);
    sandbox.write("a.txt", "three\n");
    assert_snapshot!(sandbox.fails(3, ["commit", "-a", "-m", "Back", "--label", "1.5.0"]), @r"
    error: the label 1.5.0 is not higher than 2.0.0, the newest of 'cats'
    hint: leave --label out to get 2.0.1, or take --minor (2.1.0) or --major (3.0.0)
    ");
}

#[test]
fn status_is_short_and_tells_all() {
    let sandbox = Sandbox::repository();
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats, no version yet
    Nothing to commit; 0 files (0 B) unchanged
    ");
    for number in 0..40 {
        sandbox.write(&format!("many/{:02}/f{number:02}", number % 4), "x");
    }
    sandbox.write("lonely", "12345");
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats, no version yet

    Untracked (41 files, 45 B)
      untracked   5 B  lonely
      untracked  40 B  many/ (40 files)
    ");
    sandbox.ok(["add", "."]);
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats, no version yet

    Staged for the next version (41 files, 45 B)
      added   5 B  lonely
      added   1 B  many/00/f00
      added   1 B  many/00/f04
      added   1 B  many/00/f08
      added   1 B  many/00/f12
      added   1 B  many/00/f16
      added   1 B  many/00/f20
      added   1 B  many/00/f24
      added   1 B  many/00/f28
      added   1 B  many/00/f32
      added   1 B  many/00/f36
      added  10 B  many/01/ (10 files)
      added  10 B  many/02/ (10 files)
      added  10 B  many/03/ (10 files)
    ");
    assert_eq!(sandbox.ok(["status", "--all"]).lines().count(), 44);
    sandbox.ok(["commit", "-m", "First"]);
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats at 1.0.0  97227b876460
    Nothing to commit; 41 files (45 B) unchanged
    ");
    sandbox.write("many/00/f00", "changed");
    fs::rename(sandbox.work().join("lonely"), sandbox.work().join("moved")).unwrap();
    sandbox.ok(["add", "lonely", "moved"]);
    fs::remove_dir_all(sandbox.work().join("many/01")).unwrap();
    fs::create_dir(sandbox.work().join("many/empty")).unwrap();
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats at 1.0.0  97227b876460

    Staged for the next version (1 file, 5 B)
      renamed  5 B  lonely -> moved

    Changed, not staged (11 files, 17 B)
      modified  7 B  many/00/f00
      deleted   1 B  many/01/f01
      deleted   1 B  many/01/f05
      deleted   1 B  many/01/f09
      deleted   1 B  many/01/f13
      deleted   1 B  many/01/f17
      deleted   1 B  many/01/f21
      deleted   1 B  many/01/f25
      deleted   1 B  many/01/f29
      deleted   1 B  many/01/f33
      deleted   1 B  many/01/f37

    Untracked (1 empty folder)
      untracked  0 B  many/empty/ (empty)
    ");
    assert_snapshot!(sandbox.ok(["status", "many/00"]), @r"
    On dataset cats at 1.0.0  97227b876460

    Changed, not staged (1 file, 7 B)
      modified  7 B  many/00/f00
    ");
    let answer = sandbox.json(["status", "--json"]);
    assert_eq!(answer["clean"], false);
    assert_eq!(answer["staged"][0]["from"], "lonely");
    assert_eq!(answer["changed"].as_array().unwrap().len(), 11);
}

#[test]
fn status_hashes_what_it_must_and_only_once() {
    let sandbox = Sandbox::repository();
    sandbox.write("a", "content");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
    let touch = |time| {
        let file = fs::File::options().write(true).open(sandbox.work().join("a")).unwrap();
        file.set_modified(time).unwrap();
    };
    sandbox.ok(["add", "a"]);
    sandbox.ok(["commit", "-m", "First"]);
    touch(long_ago);
    let hashed = || sandbox.json(["status", "--json"])["hashed_bytes"].as_u64().unwrap();
    assert_eq!(hashed(), 7);
    // Its ctime is now too young to prove anything.
    std::thread::sleep(std::time::Duration::from_millis(60));
    hashed();
    assert_eq!(hashed(), 0);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    // A status that cannot write is as good as one that can.
    let lock = sandbox.work().join(".dsv/locks");
    assert!(lock.is_dir());
    touch(long_ago - std::time::Duration::from_secs(1));
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
}

#[test]
fn diff_between_any_two_states() {
    let sandbox = two_versions();
    assert_snapshot!(sandbox.ok(["diff", "HEAD~1", "HEAD"]), @r"
      modified  12 B  +4 B  points.csv
      added      6 B        readme
      renamed   15 B        images/a.png -> images/b.png
    1 file added (6 B), 1 file modified (12 B), 1 file renamed (15 B)
    ");
    assert_snapshot!(sandbox.ok(["diff", "--name-status", "cats@1.0.0", "cats@1.1"]), @r"
    M	points.csv
    A	readme
    R	images/a.png	images/b.png
    ");
    assert_snapshot!(sandbox.ok(["diff", "--summary", "HEAD~1", "HEAD"]), @"1 file added (6 B), 1 file modified (12 B), 1 file renamed (15 B)");
    assert_snapshot!(sandbox.ok(["diff", "--stat", "HEAD~1", "HEAD"]), @r"
      modified  12 B  +4 B  points.csv
      added      6 B        readme
      renamed   15 B        images/a.png -> images/b.png
    1 file added (6 B), 1 file modified (12 B), 1 file renamed (15 B)
    ");
    assert_snapshot!(sandbox.ok(["diff", "--content", "HEAD~1", "HEAD"]), @r"
    --- a/points.csv
    +++ b/points.csv
    @@ -1,2 +1,3 @@
     x,y
     1,2
    +3,4
    --- /dev/null
    +++ b/readme
    @@ -0,0 +1,1 @@
    +hello
    renamed images/a.png -> images/b.png
    ");
    assert_snapshot!(sandbox.ok(["diff", "HEAD~1", "HEAD", "--", "images"]), @r"
      renamed  15 B    images/a.png -> images/b.png
    1 file renamed (15 B)
    ");
    assert_eq!(sandbox.ok(["diff"]), "no file changed\n");
    sandbox.write("points.csv", "x,y\n9,9\n");
    sandbox.write("images/b.png", b"\x89PNG\0other");
    assert_snapshot!(sandbox.ok(["diff", "--content"]), @r"
    images/b.png: binary, 15 B -> 10 B
    --- a/points.csv
    +++ b/points.csv
    @@ -1,3 +1,2 @@
     x,y
    -1,2
    -3,4
    +9,9
    ");
    sandbox.ok(["add", "points.csv"]);
    assert_snapshot!(sandbox.ok(["diff", "--staged"]), @r"
      modified  8 B  -4 B  points.csv
    1 file modified (8 B)
    ");
    assert_snapshot!(sandbox.ok(["diff", "HEAD~1"]), @r"
      removed   15 B        images/a.png
      added     10 B        images/b.png
      modified   8 B  +0 B  points.csv
      added      6 B        readme
    2 files added (16 B), 1 file modified (8 B), 1 file removed (15 B)
    ");
    assert_eq!(sandbox.ok(["diff", "--name-status", "-z", "--staged"]), "M\0points.csv\0");
    let answer = sandbox.json(["diff", "--json", "HEAD~1", "HEAD"]);
    assert_eq!(answer["totals"]["renamed"]["files"], 1);
}

#[test]
fn history_is_listed_and_shown() {
    let sandbox = two_versions();
    assert_snapshot!(sandbox.ok(["log"]), @r"
    cats@1.1.0  34093427287b (HEAD, cats)
    Author: Eva Example <eva@example.org>
    Date:   2026-11-23 14:05:09 +0100

        Second version

    cats@1.0.0  85bb99ecf8f2
    Author: Eva Example <eva@example.org>
    Date:   2026-11-23 14:05:09 +0100

        First version
    ");
    assert_snapshot!(sandbox.ok(["log", "--oneline"]), @r"
    34093427287b cats@1.1.0 (HEAD, cats) Second version
    85bb99ecf8f2 cats@1.0.0 First version
    ");
    assert_snapshot!(sandbox.ok(["log", "--oneline", "--graph", "--stat"]), @r"
    * 34093427287b cats@1.1.0 (HEAD, cats) Second version
    |   1 file added (6 B), 1 file modified (12 B), 1 file renamed (15 B)
    * 85bb99ecf8f2 cats@1.0.0 First version
        2 files added (23 B)
    ");
    assert_snapshot!(sandbox.ok(["log", "--oneline", "--", "images"]), @r"
    34093427287b cats@1.1.0 (HEAD, cats) Second version
    85bb99ecf8f2 cats@1.0.0 First version
    ");
    assert_eq!(sandbox.ok(["log", "-n", "1", "--oneline"]).lines().count(), 1);
    assert_snapshot!(sandbox.ok(["show"]), @r"
    cats@1.1.0  34093427287b (HEAD, cats)
    Author: Eva Example <eva@example.org>
    Date:   2026-11-23 14:05:09 +0100
    Id:     34093427287bd16ed9ad2c11d9bef77b60828450da25e6263dfeec7dde5251fb
    Parent: 85bb99ecf8f22f7c5f8f36835af6dfb9529e6c810a3d9bf15bb9e1b7586bda53
    Holds:  3 files, 33 B
    Meta:   rows = 2
    Made by dsv commit -m 'Second version' --minor --meta rows=2

        Second version

      modified      12 B  points.csv
      added          6 B  readme
      renamed       15 B  images/a.png -> images/b.png
    1 file added (6 B), 1 file modified (12 B), 1 file renamed (15 B)
    ");
    assert_snapshot!(sandbox.ok(["show", "HEAD:images"]), @"     15 B  b.png");
    assert_snapshot!(sandbox.ok(["show", "HEAD:points.csv"]), @r"
    x,y
    1,2
    3,4
    ");
    assert_snapshot!(sandbox.ok(["ls", "HEAD~1"]), @r"
    15 B  images/  1 file
     8 B  points.csv
    ");
    assert_snapshot!(sandbox.ok(["ls", "-l", "HEAD", "**/*.png"]), @"397a48da2223e9fae137a5bff54b2d7900ebb4bc8c08a63fdd2d4329abdcf2ce  file          15 B  images/b.png");
    assert_eq!(sandbox.ok(["cat", "HEAD~1:points.csv"]), "x,y\n1,2\n");
    assert_snapshot!(sandbox.ok(["info"]), @r"
    cats@1.1.0  34093427287b

                                  this version  all versions
    files                                    3             5
    logical size                          33 B          56 B
    unique                                33 B          41 B
    stored                               470 B       1.2 KiB
    of that, trees and manifests         287 B         963 B
    deduplication                         1.0x          1.4x
    compression                          0.18x         0.17x
    together                             0.07x         0.05x

    2 versions in 1 dataset; the store has 6.4 KiB in 8 files
    ");
    assert_snapshot!(sandbox.fails(3, ["cat", "HEAD:nothing"]), @r"
    error: there is no 'nothing' in 'HEAD'
    hint: 'dsv ls HEAD' lists what there is
    ");
}

#[test]
fn checkout_brings_back_and_loses_nothing() {
    let sandbox = two_versions();
    assert_snapshot!(sandbox.ok(["checkout", "HEAD~1"]), @r"
    At cats@1.0.0  85bb99ecf8f2, on no dataset
      2 files written (23 B), 2 files removed
    ");
    assert_eq!(sandbox.read("points.csv"), b"x,y\n1,2\n");
    assert!(!sandbox.work().join("readme").exists());
    assert_snapshot!(sandbox.ok(["checkout", "cats"]), @r"
    On dataset cats at cats@1.1.0  34093427287b
      3 files written (33 B), 1 file removed
    ");
    // Uncommitted work is in the way: nothing happens at all.
    sandbox.write("points.csv", "mine\n");
    sandbox.write("images/a.png", "mine, too");
    assert_snapshot!(sandbox.fails(3, ["checkout", "HEAD~1"]), @r"
    error: 2 uncommitted files would be lost
      images/a.png (untracked)
      points.csv (modified)
    hint: commit changes with 'dsv commit -a -m MESSAGE' and move what is untracked away, or give --force to lose them; nothing was changed
    ");
    assert_eq!(sandbox.read("points.csv"), b"mine\n");
    assert!(sandbox.work().join("readme").exists());
    assert_snapshot!(sandbox.ok(["checkout", "--force", "HEAD~1"]), @r"
    At cats@1.0.0  85bb99ecf8f2, on no dataset
      2 files written (23 B), 2 files removed
    ");
    assert_snapshot!(sandbox.fails(3, ["commit", "-m", "On nothing"]), @"
    error: the worktree is at a version, on no dataset
    hint: begin a dataset here with 'dsv switch -c NAME', or move one here with 'dsv branch -f NAME' and 'dsv switch NAME'
    ");
    // Single paths.
    assert_snapshot!(sandbox.ok(["checkout", "cats", "--", "readme"]), @"Restored: 1 file written (6 B)");
    assert_eq!(sandbox.read("readme"), b"hello\n");
    assert_snapshot!(sandbox.ok(["switch", "-c", "dogs"]), @r"
    Began dataset dogs at cats@1.0.0  85bb99ecf8f2
      no file changed
    ");
    sandbox.ok(["commit", "-m", "With a readme"]);
    assert_snapshot!(sandbox.ok(["branch"]), @r"
       cats  1.1.0  34093427287b  Second version
    *  dogs  1.0.0  555f29ce574d  With a readme
    ");
    assert_snapshot!(sandbox.ok(["switch", "cats"]), @r"
    On dataset cats at cats@1.1.0  34093427287b
      2 files written (27 B), 1 file removed
    ");
    assert_snapshot!(sandbox.ok(["tag", "gold", "cats@1.0.0"]), @"Tagged cats@1.0.0  85bb99ecf8f2  gold");
    assert_snapshot!(sandbox.ok(["tag"]), @"gold  cats@1.0.0  85bb99ecf8f2  First version");
    assert_snapshot!(sandbox.ok(["verify"]), @"3 files (33 B) verified, all as they should be");
    sandbox.write("readme", "damage");
    assert_snapshot!(sandbox.run(["verify"]).expect(1).text(&sandbox), @r"
    different  readme
    1 path differs; 2 files (27 B) as they should be
    ");
}

#[test]
fn restore_rm_and_mv_keep_what_is_not_committed() {
    let sandbox = two_versions();
    sandbox.write("readme", "mine\n");
    assert_snapshot!(sandbox.fails(3, ["rm", "readme"]), @r"
    error: 1 uncommitted file would be lost
      readme (modified)
    hint: commit them with 'dsv commit -a -m MESSAGE', or give --force to lose them; nothing was changed
    ");
    assert_snapshot!(sandbox.ok(["rm", "--cached", "readme"]), @"Removed 1 file from the dataset; the files stay");
    assert_eq!(sandbox.read("readme"), b"mine\n");
    assert_snapshot!(sandbox.ok(["restore", "--staged", "readme"]), @"Unstaged 1 path");
    assert_snapshot!(sandbox.ok(["mv", "images", "pictures"]), @"Renamed images to pictures (1 file)");
    assert!(sandbox.work().join("pictures/b.png").exists());
    assert_snapshot!(sandbox.ok(["status"]), @r"
    On dataset cats at 1.1.0  34093427287b

    Staged for the next version (1 file, 15 B)
      renamed  15 B  images/b.png -> pictures/b.png

    Changed, not staged (1 file, 5 B)
      modified  5 B  readme
    ");
    assert_snapshot!(sandbox.fails(3, ["mv", "nothing", "there"]), @r"
    error: no tracked file matches nothing
    hint: 'dsv ls-files' lists the tracked files
    ");
    fs::remove_file(sandbox.work().join("points.csv")).unwrap();
    assert_snapshot!(sandbox.ok(["restore", "points.csv"]), @"Restored: 1 file written (12 B)");
    assert_eq!(sandbox.read("points.csv"), b"x,y\n1,2\n3,4\n");
    assert_snapshot!(sandbox.ok(["restore", "--source", "HEAD~1", "points.csv"]), @"Restored: 1 file written (8 B)");
    assert_eq!(sandbox.read("points.csv"), b"x,y\n1,2\n");
}

#[test]
fn every_file_has_the_id_that_sha256sum_prints() {
    let sandbox = two_versions();
    for path in ["points.csv", "readme", "images/b.png"] {
        let output = std::process::Command::new("sha256sum").arg(sandbox.work().join(path)).output().unwrap();
        let sum = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
        assert_eq!(sandbox.ok(["rev-parse", &format!("HEAD:{path}")]).trim(), sum);
        assert_eq!(sandbox.ok(["hash-object", path]).trim(), sum);
    }
}
