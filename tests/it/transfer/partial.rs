//! Repositories that lack what a remote has: data that was dropped, and clones without it.

use dsv::porcelain::{pull, restore};
use insta::assert_snapshot;

use super::{Two, large};
use crate::support::repo::{monitor, open_real, worktree};

/// Bytes of the packs of a repository.
fn stored(two: &Two, name: &str) -> u64 {
    let packs = std::fs::read_dir(two.path(name).join(".dsv/objects")).unwrap();
    packs.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn what_the_remote_holds_can_go_and_comes_back() {
    let two = Two::pushed();
    let whole = worktree(&two.path("work"));
    two.sandbox.write("unpushed", "by ada alone");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Second"]);
    assert_snapshot!(two.ok(&["evict", "--dry-run"]), @"
    Would drop 3.0 MiB of 41 files, which origin holds
      kept: 1 file that no dataset on origin leads to
    ");
    let before = stored(&two, "work");
    assert_snapshot!(two.ok(&["evict"]), @"
    Dropped 3.0 MiB of 41 files, which origin holds
      kept: 1 file that no dataset on origin leads to
    ");
    assert!(stored(&two, "work") < before / 20, "{} of {before}", stored(&two, "work"));
    assert_snapshot!(two.ok(&["status"]), @r"
    On dataset cats at 1.0.1  a9d533954570
    Nothing to commit; 42 files (3.0 MiB) unchanged
    ");
    assert_snapshot!(two.ok(&["fsck"]), @"
    41 objects not here; the remote that this repository fetches from lists them
    The repository is whole: 43 files in 2 versions, 9 records in 3 packs (contents were not read, --full does)
    ");
    two.ok(&["gc", "--grace", "0s"]);
    assert_snapshot!(two.ok(&["evict"]), @"
    Nothing to drop: of the data that is still here, no dataset on origin leads to any
      kept: 1 file that no dataset on origin leads to
    ");

    // Single files, large and small, and then all of it.
    assert_eq!(two.ok(&["cat", "HEAD~1:d1/f1"]), "content of 1");
    std::fs::remove_file(two.path("work/large.bin")).unwrap();
    two.ok(&["restore", "large.bin"]);
    assert!(std::fs::read(two.path("work/large.bin")).unwrap() == large(0));
    for file in ["d0", "d1", "d2", "d3", "large.bin"] {
        let path = two.path("work").join(file);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
    }
    two.ok(&["checkout", "HEAD~1", "--force"]);
    assert_eq!(worktree(&two.path("work")), whole);
    two.ok(&["fsck", "--full"]);
}

#[test]
fn what_is_gone_from_the_remote_does_not_go_here() {
    let two = Two::pushed();
    let pack = two
        .keys_below("packs/")
        .into_iter()
        .max_by_key(|key| std::fs::metadata(two.bucket().join(key)).unwrap().len());
    let pack = two.bucket().join(pack.unwrap());
    let bytes = std::fs::read(&pack).unwrap();
    std::fs::write(&pack, &bytes[..bytes.len() / 2]).unwrap();
    let before = stored(&two, "work");
    two.sandbox.fails(4, ["evict"]);
    std::fs::remove_file(&pack).unwrap();
    two.sandbox.fails(4, ["evict"]);
    assert_eq!(stored(&two, "work"), before);
    std::fs::remove_dir_all(two.path("work/d0")).unwrap();
    two.ok(&["restore", "."]);
}

#[test]
fn without_the_remote_what_is_not_here_is_told_and_not_taken_for_damage() {
    let two = Two::pushed();
    two.ok(&["evict"]);
    std::fs::rename(two.bucket(), two.path("away")).unwrap();
    assert_eq!(two.sandbox.json(["status", "--json"])["clean"], true);
    assert_snapshot!(two.sandbox.fails(5, ["cat", "HEAD:d1/f1"]), @r"
    error: something that is not here could not be fetched from 'file://$ROOT/bucket'
      because: there is no dataset on 'file://$ROOT/bucket' any more
    hint: is a disk not mounted, or was it moved? 'dsv remote set-url' says where it is now
    ");
    assert_snapshot!(two.sandbox.fails(5, ["fsck"]), @r"
    error: something that is not here could not be fetched from 'file://$ROOT/bucket'
      because: there is no dataset on 'file://$ROOT/bucket' any more
    hint: is a disk not mounted, or was it moved? 'dsv remote set-url' says where it is now
    ");
    assert_snapshot!(two.sandbox.fails(5, ["gc", "--grace", "0s"]), @r"
    error: something that is not here could not be fetched from 'file://$ROOT/bucket'
      because: there is no dataset on 'file://$ROOT/bucket' any more
    hint: is a disk not mounted, or was it moved? 'dsv remote set-url' says where it is now
    ");
    std::fs::rename(two.path("away"), two.bucket()).unwrap();
    assert_eq!(two.ok(&["cat", "HEAD:d1/f1"]), "content of 1");
}

#[test]
fn what_is_lost_on_both_sides_is_found() {
    let two = Two::pushed();
    two.sandbox.write("unpushed", "by ada alone");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Second"]);
    two.ok(&["evict"]);
    // Whatever is left of data is what only Ada had.
    for entry in std::fs::read_dir(two.path("work/.dsv/objects")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = bytes.windows(12).any(|window| window == b"by ada alone");
        if holds {
            std::fs::remove_file(&path).unwrap();
        }
    }
    let said = two.sandbox.run(["fsck"]).expect(1).text(&two.sandbox);
    assert_snapshot!(said, @"
    damage: the pack '$ROOT/work/.dsv/objects/pack-484087b0c2049bd63bafeafe284f0c24d81ace41.pack' is missing; records in it: 1
    damage: the staged file 'unpushed' is lost: b63993dfb172580e2d50795df03fa832d81bf3718999fe3e2e1b3890ec1a8730
    lost: cats@1.0.1:unpushed
    41 objects not here; the remote that this repository fetches from lists them
    The repository is damaged: 43 files in 2 versions, 9 records in 2 packs (contents were not read, --full does)
    ");
}

/// Bob's clone without data.
fn without_data(two: &Two) -> serde_json::Value {
    let bucket = two.bucket();
    two.sandbox.json(["clone", bucket.to_str().unwrap(), "../bob", "--no-data", "--json"])
}

#[test]
fn a_clone_without_data_is_good_for_work() {
    let two = Two::pushed();
    two.sandbox.write("d1/f1", "changed by ada");
    two.ok(&["commit", "-a", "-m", "Second"]);
    two.ok(&["push"]);
    let cloned = without_data(&two);
    assert!(cloned["requests"].as_u64().unwrap() <= 6, "{cloned}");
    assert!(worktree(&two.path("bob")).is_empty());
    assert!(stored(&two, "bob") < 64 * 1024, "{}", stored(&two, "bob"));
    assert_snapshot!(two.other("bob", &["status"]), @r"
    On dataset cats at 1.0.1  cdbf2aa48a5b
    41 files (3.0 MiB) not checked out
    Nothing to commit; 0 files (0 B) unchanged
    ");
    assert_snapshot!(two.other("bob", &["log", "--oneline"]), @"
    cdbf2aa48a5b cats@1.0.1 (HEAD, cats, origin/cats) Second
    ffa863ab93b4 cats@1.0.0 First
    ");
    assert_snapshot!(two.other("bob", &["ls", "HEAD", "d1"]), @r"
    14 B  d1/f1
    13 B  d1/f13
    13 B  d1/f17
    13 B  d1/f21
    13 B  d1/f25
    13 B  d1/f29
    13 B  d1/f33
    13 B  d1/f37
    12 B  d1/f5
    12 B  d1/f9
    ");
    assert_snapshot!(two.other("bob", &["diff", "--name-status", "HEAD~1", "HEAD"]), @"M	d1/f1");
    std::fs::create_dir(two.path("bob/d1")).unwrap();
    std::fs::write(two.path("bob/d1/new"), "by bob").unwrap();
    two.other("bob", &["add", "d1/new"]);
    assert_snapshot!(two.other("bob", &["diff", "--staged", "--name-status"]), @"A	d1/new");
    two.other("bob", &["commit", "-m", "Bob's"]);
    assert_snapshot!(two.other("bob", &["push"]), @"cats is at 3bf333692655 on origin, file://$ROOT/bucket: 1 version sent, 1.7 KiB in 2 packs");
    assert!(stored(&two, "bob") < 128 * 1024, "{}", stored(&two, "bob"));
    two.other("bob", &["fsck"]);
    two.ok(&["pull"]);
    assert_eq!(std::fs::read_to_string(two.path("work/d1/new")).unwrap(), "by bob");
    assert_eq!(std::fs::read_to_string(two.path("work/d1/f1")).unwrap(), "changed by ada");
    assert_eq!(two.sandbox.json(["status", "--json"])["clean"], true);

    // What is asked for comes, and in the end all of it.
    assert_snapshot!(two.other("bob", &["pull", "d1", "*.bin"]), @r"
    cats is up to date with origin
      checked out besides: 11 files written (3.0 MiB)
    ");
    assert!(std::fs::read(two.path("bob/large.bin")).unwrap() == large(0));
    assert_snapshot!(two.other("bob", &["status"]), @r"
    On dataset cats at 1.0.2  3bf333692655
    30 files (383 B) not checked out
    Nothing to commit; 12 files (3.0 MiB) unchanged
    ");
    assert_eq!(two.other("bob", &["cat", "HEAD:d2/f2"]), "content of 2");
    assert_snapshot!(two.other("bob", &["diff", "--content", "HEAD~2", "HEAD~1"]), @r"
    --- a/d1/f1
    +++ b/d1/f1
    @@ -1,1 +1,1 @@
    -content of 1
    \ No newline at end of file
    +changed by ada
    \ No newline at end of file
    ");
    two.other("bob", &["checkout", "HEAD", "--full"]);
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    two.other("bob", &["fsck", "--full"]);
    two.other("bob", &["gc", "--grace", "0s"]);
    two.other("bob", &["verify"]);
}

#[test]
fn a_filtered_clone_takes_of_new_versions_what_it_wants() {
    let two = Two::pushed();
    let bucket = two.bucket();
    two.ok(&["clone", bucket.to_str().unwrap(), "../bob", "--filter", "d1", "--filter", "d2/f?"]);
    let there = worktree(&two.path("bob"));
    assert_eq!(there.len(), 10 + 2, "{:?}", there.keys());
    two.sandbox.write("d1/new", "wanted");
    two.sandbox.write("d3/new", "not wanted");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Second"]);
    two.ok(&["push"]);
    two.other("bob", &["pull"]);
    assert_eq!(std::fs::read_to_string(two.path("bob/d1/new")).unwrap(), "wanted");
    assert!(!two.path("bob/d3").exists());
    assert_snapshot!(two.other("bob", &["status"]), @r"
    On dataset cats at 1.0.1  dbb6f878eb98
    30 files (3.0 MiB) not checked out
    Nothing to commit; 13 files (157 B) unchanged
    ");
    two.other("bob", &["verify"]);
}

#[test]
fn both_sides_work_and_one_of_them_without_data() {
    let two = Two::pushed();
    without_data(&two);
    std::fs::write(two.path("bob/bobs"), "by bob").unwrap();
    two.other("bob", &["add", "bobs"]);
    two.other("bob", &["commit", "-m", "Bob's"]);
    two.sandbox.write("d1/adas", "by ada");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Ada's"]);
    two.ok(&["push"]);
    two.other_fails("bob", 3, &["push"]);
    two.other("bob", &["push", "--rebase"]);
    two.ok(&["pull"]);
    assert_eq!(std::fs::read_to_string(two.path("work/bobs")).unwrap(), "by bob");
    assert_eq!(std::fs::read_to_string(two.path("work/d1/adas")).unwrap(), "by ada");
    assert_eq!(two.other("bob", &["cat", "HEAD:d1/adas"]), "by ada");
    two.ok(&["verify", "--remote", "origin"]);
    two.other("bob", &["fsck"]);
}

#[test]
fn an_old_file_comes_back_without_its_bytes_ever_being_here() {
    let two = Two::pushed();
    two.ok(&["rm", "large.bin", "d1/f1"]);
    two.ok(&["commit", "-m", "Second"]);
    two.ok(&["push"]);
    without_data(&two);
    // Staged from an older version, sent as what the remote has.
    two.other("bob", &["restore", "--staged", "--source", "HEAD~1", "large.bin", "d1/f1"]);
    two.other("bob", &["commit", "-m", "Back"]);
    two.other("bob", &["push"]);
    assert!(stored(&two, "bob") < 128 * 1024, "{}", stored(&two, "bob"));
    two.ok(&["pull"]);
    assert!(std::fs::read(two.path("work/large.bin")).unwrap() == large(0));
    assert_eq!(std::fs::read_to_string(two.path("work/d1/f1")).unwrap(), "content of 1");
}

#[test]
fn a_history_of_many_pushes_costs_no_request_for_each() {
    let two = Two::pushed();
    for round in 0..12 {
        two.sandbox.write("d1/f1", format!("round {round}"));
        two.ok(&["commit", "-a", "-m", "More"]);
        two.ok(&["push"]);
    }
    let cloned = without_data(&two);
    assert!(cloned["requests"].as_u64().unwrap() <= 6, "{cloned}");
    assert_eq!(two.other("bob", &["log", "--oneline"]).lines().count(), 13);
}

/// A repository `work` whose `exp` leads to more than any dataset of the remote does, though it was there once.
fn moved_back() -> Two {
    let two = Two::pushed();
    two.sandbox.write("once", "there once");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "Second"]);
    two.ok(&["push"]);
    two.ok(&["switch", "-c", "exp"]);
    two.ok(&["branch", "-f", "cats", "HEAD~1"]);
    two.ok(&["push", "cats", "--force-with-lease"]);
    two
}

#[test]
fn what_a_collection_may_take_there_stays_here() {
    let two = moved_back();
    let said = two.ok(&["evict"]);
    assert!(said.contains("of 41 files"), "{said}");
    std::fs::remove_dir_all(two.bucket().join("packs")).unwrap();
    assert_eq!(two.ok(&["cat", "exp:once"]), "there once");
}

#[test]
fn a_record_that_lies_in_two_packs_is_dropped_and_kept_as_one() {
    let two = Two::pushed();
    two.clone("bob");
    // Both stage the same file and one of their own; then one store has the packs of both.
    for (folder, own) in [("work", "a"), ("bob", "b")] {
        std::fs::write(two.path(folder).join("same"), "staged by both").unwrap();
        std::fs::write(two.path(folder).join(own), own.repeat(100)).unwrap();
        two.other(folder, &["add", "."]);
        two.other(folder, &["commit", "-m", own]);
    }
    for entry in std::fs::read_dir(two.path("bob/.dsv/objects")).unwrap() {
        let path = entry.unwrap().path();
        let to = two.path("work/.dsv/objects").join(path.file_name().unwrap());
        if path.is_file() && !to.exists() {
            std::fs::copy(&path, to).unwrap();
        }
    }
    two.ok(&["evict"]);
    two.ok(&["fsck", "--full"]);
    let said = two.ok(&["evict"]);
    assert!(said.starts_with("Nothing to drop"), "{said}");
    two.ok(&["push"]);
    two.ok(&["evict"]);
    two.ok(&["fsck", "--full"]);
    two.ok(&["gc", "--grace", "0s"]);
    assert_eq!(two.ok(&["cat", "HEAD:same"]), "staged by both");
}

/// A second remote, in a folder of its own.
fn second_remote(two: &Two) {
    let lab = two.path("lab");
    std::fs::create_dir(&lab).unwrap();
    two.ok(&["remote", "add", "lab", lab.to_str().unwrap()]);
}

#[test]
fn of_a_remote_that_promises_nothing_all_is_fetched() {
    let two = Two::pushed();
    second_remote(&two);
    two.ok(&["push", "--remote", "lab"]);
    two.clone("bob");
    std::fs::write(two.path("bob/bobs"), "by bob").unwrap();
    two.other("bob", &["add", "."]);
    two.other("bob", &["commit", "-m", "Bob's"]);
    two.other("bob", &["push"]);
    two.ok(&["evict", "--remote", "lab"]);
    two.ok(&["pull", "--remote", "origin"]);
    assert_eq!(std::fs::read_to_string(two.path("work/bobs")).unwrap(), "by bob");
    two.ok(&["fsck"]);
    two.ok(&["gc", "--grace", "0s"]);
}

#[test]
fn what_is_on_another_remote_alone_can_be_pushed() {
    let two = Two::pushed();
    two.ok(&["evict"]);
    second_remote(&two);
    two.ok(&["push", "--remote", "lab"]);
    two.ok(&["verify", "--remote", "lab"]);
    let lab = two.path("lab");
    two.ok(&["clone", lab.to_str().unwrap(), "../carl"]);
    assert_eq!(worktree(&two.path("carl")), worktree(&two.path("work")));
}

#[test]
fn a_remote_that_has_the_only_copy_is_not_forgotten() {
    let two = Two::pushed();
    without_data(&two);
    assert_snapshot!(two.other_fails("bob", 3, &["remote", "remove", "origin"]), @"
    error: what is not here is fetched from the remote 'origin' when it is needed
    hint: 'dsv fetch --full --remote origin' brings all of it; if the remote moved, 'dsv remote set-url origin URL' says where it is
    ");
    assert_snapshot!(two.other("bob", &["fetch", "--full"]), @"origin/cats is at ffa863ab93b4: 1 version fetched, 3.0 MiB in 90 records");
    std::fs::remove_dir_all(two.bucket().join("packs")).unwrap();
    two.other("bob", &["fsck", "--full"]);
    two.other("bob", &["checkout", "HEAD", "--full"]);
    assert_eq!(worktree(&two.path("bob")), worktree(&two.path("work")));
    two.other("bob", &["remote", "remove", "origin"]);
}

#[test]
fn what_is_excused_is_asked_for_now() {
    let two = Two::pushed();
    without_data(&two);
    two.other("bob", &["fsck", "--full"]);
    let aside = two.path("aside");
    std::fs::rename(two.bucket().join("packs"), &aside).unwrap();
    let said = two.sandbox.run(["-C", "../bob", "fsck", "--full"]).expect(1).text(&two.sandbox);
    assert!(said.contains("missing"), "{said}");
    std::fs::rename(&aside, two.bucket().join("packs")).unwrap();
    // Another remote under the same name has nothing of it, whatever was seen of the first one.
    let other = two.path("other");
    std::fs::create_dir(&other).unwrap();
    two.other("bob", &["remote", "set-url", "origin", other.to_str().unwrap()]);
    two.other_fails("bob", 5, &["fsck"]);
    two.other_fails("bob", 5, &["gc", "--grace", "0s"]);
    let bucket = two.bucket();
    two.other("bob", &["remote", "set-url", "origin", bucket.to_str().unwrap()]);
    assert_eq!(two.other("bob", &["cat", "HEAD:d1/f1"]), "content of 1");
}

#[test]
fn a_store_that_others_use_is_not_emptied() {
    let two = Two::pushed();
    let (store, bucket) = (two.path("store"), two.bucket());
    two.ok(&["init", "../shared", "--dataset", "dogs", "--store", store.to_str().unwrap()]);
    two.other("shared", &["remote", "add", "origin", bucket.to_str().unwrap()]);
    assert_snapshot!(two.other_fails("shared", 3, &["evict"]), @"
    error: the objects lie in the store '$ROOT/store/objects', which other repositories use
    hint: run it in a repository with a store of its own
    ");
}

#[test]
fn a_repository_that_stays_open_sees_what_is_sent_later() {
    let two = Two::pushed();
    without_data(&two);
    let bob = open_real(&two.path("bob"));
    for round in 0..3 {
        two.sandbox.write(&format!("d{round}/new"), format!("round {round}"));
        two.ok(&["add", "."]);
        two.ok(&["commit", "-m", "More"]);
        two.ok(&["push"]);
        pull::run(&bob, &pull::Options::default(), &monitor()).unwrap();
        let path = format!("d{round}/new");
        let options =
            restore::Options { paths: vec![two.path("bob").join(&path).into()], ..Default::default() };
        restore::run(&bob, &options, &monitor()).unwrap();
        assert_eq!(std::fs::read_to_string(two.path("bob").join(path)).unwrap(), format!("round {round}"));
    }
}
