//! `create`, `commit`, `abort`, `resume`, `meta`.

use insta::assert_snapshot;

use super::{noise, pets};

#[test]
fn a_draft_inherits_from_several_parents_and_becomes_a_version() {
    let sandbox = pets();
    assert_snapshot!(sandbox.ok([
        "create", "mixed/pets", "--parents", "cats", "dogs", "--tag", "mixed", "--description", "All pets",
        "--meta", "rows=3", "--label", "2.0.0", "--checkout",
    ]), @"
    Opened a draft of mixed/pets from cats@1.0.1, dogs@1.0.0
      3 files (10 B) inherited
      2 paths overridden by a later one:
        images/1.png  3 B -> 4 B
        table.csv  4 B -> 2 B
      3 files written (10 B), 0 files removed in the folder
    ");
    assert_eq!(sandbox.read("images/1.png"), b"dog!");
    assert_snapshot!(sandbox.ok(["status"]), @"
    On a draft of mixed/pets from cats@1.0.1, dogs@1.0.0
    Nothing staged yet; 3 files (10 B) unchanged
    ");
    sandbox.write("new.txt", "new");
    sandbox.ok(["add", "new.txt"]);
    sandbox.ok(["rm", "dogs.csv"]);
    sandbox.ok(["meta", "set", "source=survey", "--unset", "rows"]);
    assert_snapshot!(sandbox.ok(["status"]), @"
    On a draft of mixed/pets from cats@1.0.1, dogs@1.0.0

    Staged for the next version (2 files, 7 B)
      removed  4 B  dogs.csv
      added    3 B  new.txt
    ");
    assert_snapshot!(sandbox.ok(["commit"]), @"
    mixed/pets@2.0.0  2b6237906e11  All pets
      1 file added (3 B), 1 file removed (4 B)
      3 files in all, 9 B; 487 B stored for this version
    ");
    let version = sandbox.json(["show", "--json", "mixed"]);
    assert_eq!(version["parents"].as_array().unwrap().len(), 2);
    assert_eq!((&version["label"], &version["description"]), (&"2.0.0".into(), &"All pets".into()));
    assert_eq!(version["metadata"], serde_json::json!({"source": "survey"}));
    // The draft is over: the next commit is a plain one.
    sandbox.write("new.txt", "newer");
    sandbox.ok(["commit", "-a", "-m", "Newer"]);
    assert_eq!(sandbox.json(["show", "--json"])["parents"].as_array().unwrap().len(), 1);
    sandbox.ok(["verify"]);
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn an_empty_draft_of_a_new_dataset_and_one_of_an_old_one() {
    let sandbox = pets();
    sandbox.ok(["create", "birds"]);
    assert!(!sandbox.work().join("table.csv").exists());
    sandbox.fails(1, ["commit", "-m", "Nothing"]);
    sandbox.write("bird", "tweet");
    sandbox.ok(["add", "."]);
    assert_snapshot!(sandbox.ok(["close", "-m", "Birds"]), @"
    birds@1.0.0  465489015793  Birds
      1 file added (5 B)
      1 file in all, 5 B; 319 B stored for this version
    ");
    // A draft of a dataset that exists goes on from its newest version; one that leaves that out is refused.
    assert_snapshot!(sandbox.fails(3, ["create", "cats", "--parents", "dogs"]), @"
    error: 'cats' exists, and its newest version cats@1.0.1 is not among the parents
    hint: add it with '--parents cats', or choose another name for the new dataset
    ");
    sandbox.ok(["create", "cats", "--parents", "cats", "birds"]);
    sandbox.ok(["commit"]);
    assert_snapshot!(sandbox.ok(["log", "--oneline", "-n", "1"]), @"b2e3cd6a7446 cats@1.0.2 (HEAD, cats) Create cats from cats@1.0.1, birds@1.0.0");
}

#[test]
fn a_draft_is_set_aside_and_gone_on_with() {
    let sandbox = pets();
    sandbox.ok(["create", "pets", "--parents", "cats", "dogs"]);
    sandbox.write("new.txt", "new");
    sandbox.ok(["add", "new.txt"]);
    assert_snapshot!(sandbox.fails(3, ["switch", "dogs"]), @"
    error: a draft of 'pets' is open
    hint: 'dsv commit' makes it a version, 'dsv abort' sets it aside ('dsv resume pets' brings it back)
    ");
    assert_snapshot!(sandbox.fails(3, ["create", "other"]), @"
    error: a draft of 'pets' is open
    hint: 'dsv commit' makes it a version, 'dsv abort' sets it aside ('dsv resume pets' brings it back)
    ");
    assert_snapshot!(sandbox.ok(["abort", "--dry-run"]), @"Would set aside the draft of pets: 1 file added (3 B)");
    assert_snapshot!(sandbox.ok(["abort"]), @"
    Set aside the draft of pets: 1 file added (3 B)
    On dataset cats
    ");
    assert_eq!(sandbox.ok(["status"]).lines().next(), Some("On dataset cats at 1.0.1  e6fc2e95400a"));
    assert!(!sandbox.work().join("new.txt").exists() && !sandbox.work().join("dogs.csv").exists());
    assert_eq!(sandbox.read("images/1.png"), b"cat");
    sandbox.ok(["verify"]);
    assert_snapshot!(sandbox.ok(["list", "--all"]), @"
    DATASET  VERSIONS  NEWEST  FILES  SIZE  STATE    CHANGED           TAGS
    cats            2  1.0.1       2   7 B  final    2026-11-23 14:05
    dogs            1  1.0.0       3  10 B  final    2026-11-23 14:05
    pets               draft                aborted  2026-11-23 14:05
    ");
    assert_snapshot!(sandbox.fails(3, ["create", "pets"]), @"
    error: a draft of 'pets' was set aside
    hint: 'dsv resume pets' goes on with it, 'dsv delete --draft pets' is rid of it
    ");
    // What lies aside is in use.
    sandbox.ok(["gc", "--grace", "0s", "--forget-moves"]);
    sandbox.ok(["fsck", "--full"]);
    assert_snapshot!(sandbox.ok(["resume"]), @"Opened the draft of pets again: 1 file added (3 B)");
    assert_eq!(sandbox.read("new.txt"), b"new");
    sandbox.ok(["commit"]);
    assert_eq!(sandbox.ok(["ls", "-r", "pets"]).lines().count(), 4);
    assert_snapshot!(sandbox.fails(3, ["resume"]), @"
    error: no drafts lie aside
    hint: 'dsv create NAME' opens one
    ");
    assert_snapshot!(sandbox.fails(3, ["abort"]), @"
    error: no draft is open
    hint: open one with 'dsv create NAME'; 'dsv list --all' shows those that lie aside
    ");
}

#[test]
fn what_is_not_staged_is_never_lost_with_a_draft() {
    let sandbox = pets();
    sandbox.write("table.csv", "half done");
    assert_snapshot!(sandbox.fails(3, ["create", "pets", "--parents", "dogs"]), @"
    error: 1 uncommitted file would be lost
      table.csv (modified)
    hint: commit them with 'dsv commit -a -m MESSAGE', or move them away; nothing was changed
    ");
    assert_eq!(sandbox.read("table.csv"), b"half done");
    assert_eq!(sandbox.ok(["list", "--all"]).lines().count(), 3);
    sandbox.ok(["add", "table.csv"]);
    assert_snapshot!(sandbox.fails(3, ["create", "pets", "--parents", "dogs"]), @"
    error: 1 staged changes are not committed
    hint: commit them first with 'dsv commit -m MESSAGE', or bring back what was there with 'dsv restore --staged .'
    ");
}

#[test]
fn a_draft_that_lies_aside_is_deleted() {
    let sandbox = pets();
    sandbox.ok(["create", "pets", "--parents", "cats", "dogs"]);
    assert_snapshot!(sandbox.fails(3, ["delete", "--draft", "pets"]), @"
    error: a draft of 'pets' is open
    hint: 'dsv commit' makes it a version, 'dsv abort' sets it aside ('dsv resume pets' brings it back)
    ");
    sandbox.ok(["abort"]);
    assert_snapshot!(sandbox.ok(["delete", "--draft", "pets", "--dry-run"]), @"Would delete the draft of pets");
    assert_snapshot!(sandbox.ok(["delete", "--draft", "pets"]), @"Deleted the draft of pets");
    assert_snapshot!(sandbox.fails(3, ["delete", "--draft", "pets"]), @"
    error: there is no draft of 'pets'
    hint: 'dsv list --all' shows drafts; 'dsv create NAME' opens one
    ");
}

#[test]
fn a_damaged_draft_is_named_and_can_be_got_rid_of() {
    let sandbox = pets();
    sandbox.ok(["create", "pets", "--parents", "cats", "dogs"]);
    std::fs::write(sandbox.work().join(".dsv/drafts/pets/-draft.json"), b"{\"torn").unwrap();
    let error = sandbox.fails(4, ["status"]);
    assert!(error.contains("-draft.json"), "{error}");
}

#[test]
fn squash_makes_one_version_that_depends_on_none() {
    let sandbox = pets();
    assert_snapshot!(sandbox.ok(["squash", "cats", "dogs", "--name", "flat", "--dry-run"]), @"
    Would make flat@1.0.0  Squash cats@1.0.1, dogs@1.0.0
      3 files, 10 B, no parents
      2 paths overridden by a later one:
        images/1.png  3 B -> 4 B
        table.csv  4 B -> 2 B
    ");
    sandbox.fails(3, ["show", "flat"]);
    let before = sandbox.json(["count-objects", "--json"]);
    assert_snapshot!(sandbox.ok(["squash", "cats", "dogs", "--name", "flat", "--tag", "release"]), @"
    flat@1.0.0  e1f260764ff6  Squash cats@1.0.1, dogs@1.0.0
      3 files, 10 B, no parents
      2 paths overridden by a later one:
        images/1.png  3 B -> 4 B
        table.csv  4 B -> 2 B
    ");
    let after = sandbox.json(["count-objects", "--json"]);
    assert_eq!(before["blobs"], after["blobs"]);
    let version = sandbox.json(["show", "--json", "release"]);
    assert_eq!(version["parents"], serde_json::json!([]));
    assert_eq!(sandbox.ok(["cat", "flat:images/1.png"]), "dog!");
    assert_snapshot!(sandbox.fails(3, ["squash", "cats", "--name", "flat"]), @"
    error: the dataset 'flat' exists already
    hint: go to it with 'dsv switch NAME', or choose another name
    ");
    assert_snapshot!(sandbox.ok(["compare", "cats", "flat"]), @"Comparison summary: 0 files removed, 2 files modified, 1 file added, 0 files renamed");
}

#[test]
fn what_is_uploaded_early_is_not_sent_again() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats"]);
    assert_snapshot!(sandbox.fails(3, ["upload"]), @"
    error: no draft is open
    hint: open one with 'dsv create NAME'; 'dsv list --all' shows those that lie aside
    ");
    sandbox.ok(["create", "week", "--parents", "cats"]);
    sandbox.write("monday", noise(1, 200_000));
    sandbox.ok(["add", "monday"]);
    let sent = sandbox.json(["upload", "--json"]);
    assert!(sent["bytes"].as_u64().unwrap() > 200_000, "{sent}");
    assert_snapshot!(sandbox.ok(["upload"]), @"origin has all that is staged");
    assert_snapshot!(sandbox.ok(["list", "--remote"]), @"
    DATASET  VERSIONS  NEWEST  FILES     SIZE  STATE      CHANGED           TAGS
    cats            2  1.0.1       2      7 B  final      2026-11-23 14:05
    week               1.0.0       3  195 KiB  uploading  2026-11-23 14:05  by Eva Example <eva@example.org>
    ");
    sandbox.write("tuesday", noise(2, 200_000));
    sandbox.ok(["add", "tuesday"]);
    let sent = sandbox.json(["upload", "--json"]);
    assert!((200_000..220_000).contains(&sent["bytes"].as_u64().unwrap()), "{sent}");
    sandbox.write("wednesday", "little");
    sandbox.ok(["add", "wednesday"]);
    sandbox.ok(["commit", "-m", "A week"]);
    let pushed = sandbox.json(["push", "--json"]);
    assert!(pushed[0]["bytes"].as_u64().unwrap() < 10_000, "{pushed}");
    assert_snapshot!(sandbox.ok(["list", "--remote"]), @"
    DATASET  VERSIONS  NEWEST  FILES     SIZE  STATE  CHANGED           TAGS
    cats            2  1.0.1       2      7 B  final  2026-11-23 14:05
    week            1  1.0.0       5  391 KiB  final  2026-11-23 14:05
    ");
    sandbox.ok(["verify", "--remote", "origin"]);
    sandbox.ok([
        "clone".as_ref(),
        "--dataset".as_ref(),
        "week".as_ref(),
        remote.as_os_str(),
        "twin".as_ref(),
    ]);
    sandbox.ok(["-C", "twin", "fsck", "--full"]);
    assert_eq!(sandbox.read("twin/tuesday"), noise(2, 200_000));
}

#[test]
fn packs_that_were_collected_meanwhile_are_sent_again() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats"]);
    sandbox.ok(["create", "week", "--parents", "cats"]);
    sandbox.write("monday", noise(1, 200_000));
    sandbox.ok(["add", "monday"]);
    let before = packs(&remote);
    sandbox.ok(["upload"]);
    let new: Vec<_> = packs(&remote).into_iter().filter(|path| !before.contains(path)).collect();
    assert!(!new.is_empty());
    new.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    sandbox.ok(["commit", "-m", "A week"]);
    let pushed = sandbox.json(["push", "--json"]);
    assert!(pushed[0]["bytes"].as_u64().unwrap() > 200_000, "{pushed}");
    sandbox.ok(["verify", "--remote", "origin"]);
}

#[test]
fn a_failed_upload_is_told_until_it_is_tried_again() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats"]);
    sandbox.ok(["create", "week", "--parents", "cats"]);
    sandbox.write("monday", "m");
    sandbox.ok(["add", "monday"]);
    let (away, folder) = (sandbox.root().join("away"), remote.clone());
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    assert_eq!(sandbox.run(["upload"]).code, 5);
    assert!(sandbox.ok(["list", "--all"]).contains("failed (open)"));
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    sandbox.ok(["upload"]);
    assert!(sandbox.ok(["list", "--all"]).contains("uploading (open)"));
    sandbox.ok(["commit", "-m", "A week"]);
}

fn packs(remote: &std::path::Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(remote.join("packs")).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}

#[test]
fn others_cannot_move_the_dataset_under_an_open_draft() {
    let sandbox = pets();
    let remote = sandbox.root().join("remote");
    sandbox.ok(["remote".as_ref(), "add".as_ref(), "origin".as_ref(), remote.as_os_str()]);
    sandbox.ok(["push", "cats"]);
    sandbox.ok(["clone".as_ref(), remote.as_os_str(), "twin".as_ref()]);
    std::fs::write(sandbox.work().join("twin/table.csv"), "3\n").unwrap();
    sandbox.ok(["-C", "twin", "commit", "-a", "-m", "Third"]);
    sandbox.ok(["-C", "twin", "push"]);
    sandbox.ok(["create", "cats", "--parents", "cats", "dogs"]);
    assert_snapshot!(sandbox.fails(3, ["pull"]), @r"
    error: a draft of 'cats' is open
    hint: 'dsv commit' makes it a version, 'dsv abort' sets it aside ('dsv resume cats' brings it back)
    ");
    assert_eq!(sandbox.read("table.csv"), b"1\n");
    sandbox.ok(["abort"]);
    sandbox.ok(["pull"]);
    // What the draft was to follow is no longer the newest.
    assert_snapshot!(sandbox.fails(3, ["resume"]), @"
    error: 'cats' was moved since the draft was opened, to cats@1.0.2
    hint: 'dsv resume cats --as NAME' goes on with it as a dataset of its own; 'dsv merge' brings both together
    ");
    sandbox.fails(3, ["resume", "--as", "dogs"]);
    assert_snapshot!(sandbox.ok(["resume", "cats", "--as", "mixed"]), @"Opened the draft of mixed again: no file changed");
    sandbox.ok(["commit", "-m", "Mixed"]);
    assert_eq!(sandbox.ok(["cat", "mixed:images/1.png"]), "dog!");
    sandbox.fails(3, ["resume"]);
    sandbox.ok(["switch", "cats"]);
    sandbox.ok(["merge", "mixed", "--ours"]);
    assert_eq!(sandbox.ok(["cat", "HEAD:table.csv"]), "3\n");
}
