//! `describe`, `note`, `archive`, `publish`, `rename`, `move`, `list`.

use insta::assert_snapshot;

use super::pets;

#[test]
fn what_people_say_of_versions() {
    let sandbox = pets();
    assert_snapshot!(sandbox.run(["describe", "cats"]).text(&sandbox), @"cats@1.0.1 has no description");
    assert_snapshot!(sandbox.ok(["describe", "cats", "-m", "Indoor cats"]), @"Described cats@1.0.1  e6fc2e95400a");
    assert_snapshot!(sandbox.ok(["set-description", "cats", "--description", "Indoor and outdoor cats"]), @"Described cats@1.0.1  e6fc2e95400a");
    assert_snapshot!(sandbox.ok(["describe", "cats"]), @"Indoor and outdoor cats");
    assert_snapshot!(sandbox.ok(["note", "cats", "-m", "Used for the March model"]), @"Noted of cats@1.0.1  e6fc2e95400a");
    assert_snapshot!(sandbox.fails(2, ["note", "cats", "-m", " "]), @"
    error: the text is empty
    hint: give it with -m TEXT
    ");
    assert_snapshot!(sandbox.ok(["show", "cats"]), @"
    cats@1.0.1  e6fc2e95400a (HEAD, cats)
    Author: Eva Example <eva@example.org>
    Date:   2026-11-23 14:05:09 +0100
    Id:     e6fc2e95400abb54a79fe3f84783541cf1ceff3b4aa000957da76075e71121b9
    Parent: 10456d814ff0e559052447fb6c0a78fda457b8f09ce65d2424c0d9015e567fe1
    Holds:  2 files, 7 B
    Made by dsv commit -a -m 'More cats'
    Note:   Used for the March model (Eva Example <eva@example.org>, 2026-11-23 14:05)

      Indoor and outdoor cats

        More cats

      modified       4 B  table.csv
    1 file modified (4 B)
    ");
    assert_snapshot!(sandbox.ok(["describe", "cats", "-m", ""]), @"Took away the description of cats@1.0.1  e6fc2e95400a");
    assert_snapshot!(sandbox.fails(3, ["meta", "set", "rows=1"]), @"
    error: the metadata of cats@1.0.1 is part of that version and cannot change
    hint: make a new version with other metadata ('dsv commit --meta'), or add a remark with 'dsv note'
    ");
}

#[test]
fn archived_versions_are_out_of_the_way() {
    let sandbox = pets();
    assert_snapshot!(sandbox.ok(["archive", "dogs", "--dry-run"]), @"Would archive dogs@1.0.0  a1f972588481");
    assert_snapshot!(sandbox.ok(["archive", "dogs"]), @"Archived dogs@1.0.0  a1f972588481");
    assert_snapshot!(sandbox.ok(["archive", "dogs"]), @"Archived already: dogs@1.0.0  a1f972588481");
    assert_snapshot!(sandbox.ok(["list"]), @"
    DATASET  VERSIONS  NEWEST  FILES  SIZE  STATE  CHANGED           TAGS
    cats            2  1.0.1       2   7 B  final  2026-11-23 14:05
    ");
    assert_snapshot!(sandbox.ok(["list", "--all"]), @"
    DATASET  VERSIONS  NEWEST  FILES  SIZE  STATE     CHANGED           TAGS
    cats            2  1.0.1       2   7 B  final     2026-11-23 14:05
    dogs            1  1.0.0       3  10 B  archived  2026-11-23 14:05
    ");
    sandbox.fails(1, ["search", "name=dogs"]);
    sandbox.ok(["search", "name=dogs", "--all"]);
    assert_snapshot!(sandbox.ok(["restore-archived", "dogs"]), @"Brought back dogs@1.0.0  a1f972588481");
    assert_eq!(sandbox.ok(["list"]).lines().count(), 3);
}

#[test]
fn what_is_published_stays() {
    let sandbox = pets();
    assert_snapshot!(sandbox.ok(["publish", "dogs", "--dry-run"]), @"Would publish dogs@1.0.0  a1f972588481");
    assert_snapshot!(sandbox.ok(["publish", "dogs"]), @"Published dogs@1.0.0  a1f972588481");
    assert_snapshot!(sandbox.ok(["publish", "dogs"]), @"Published already: dogs@1.0.0  a1f972588481");
    assert_snapshot!(sandbox.fails(3, ["delete", "dogs"]), @"
    error: dogs@1.0.0 is published and cannot become deleted
    hint: what is published stays as it is; 'dsv archive' takes it out of lists
    ");
    assert_snapshot!(sandbox.fails(3, ["delete", "dogs", "--entire-dataset", "--force"]), @"
    error: dogs@1.0.0 is published and cannot become deleted
    hint: what is published stays as it is; 'dsv archive' takes it out of lists
    ");
    assert_snapshot!(sandbox.fails(3, ["rename", "dogs", "hounds"]), @"error: dogs@1.0.0 is published, and its dataset keeps its name");
    assert_snapshot!(sandbox.fails(3, ["branch", "-d", "-f", "dogs"]), @"
    error: dogs@1.0.0 is published and would be lost
    hint: a dataset has to go on from what is published
    ");
    assert_snapshot!(sandbox.fails(3, ["branch", "-f", "dogs", "cats"]), @"
    error: dogs@1.0.0 is published and would be lost
    hint: a dataset has to go on from what is published
    ");
    // gc keeps it even when a plumbing command took the last name away.
    sandbox.ok(["update-ref", "-d", "dogs"]);
    sandbox.ok(["gc", "--grace", "0s", "--forget-moves"]);
    sandbox.ok(["branch", "dogs", "a1f97258"]);
}

#[test]
fn a_dataset_gets_another_name_and_keeps_its_labels() {
    let sandbox = pets();
    assert_snapshot!(sandbox.ok(["rename", "cats", "felines", "--dry-run"]), @"Would rename cats to felines (2 versions)");
    assert_snapshot!(sandbox.ok(["rename", "cats", "felines"]), @"Renamed cats to felines (2 versions)");
    assert_snapshot!(sandbox.fails(3, ["rename", "cats", "lions"]), @"
    error: there is no dataset 'cats'
    hint: 'dsv branch' lists them; begin one with 'dsv switch -c NAME'
    ");
    assert_snapshot!(sandbox.fails(3, ["rename", "felines", "dogs"]), @"
    error: the dataset 'dogs' exists already
    hint: go to it with 'dsv switch NAME', or choose another name
    ");
    assert_eq!(sandbox.ok(["rev-parse", "felines@1.0.0"]), sandbox.ok(["rev-parse", "HEAD~1"]),);
    sandbox.write("table.csv", "3\n");
    assert!(sandbox.ok(["commit", "-a", "-m", "Third"]).starts_with("felines@1.0.2"));
    assert_snapshot!(sandbox.ok(["move", "felines", "vision"]), @"Renamed felines to vision/felines (3 versions)");
    assert_snapshot!(sandbox.ok(["list"]), @"
    DATASET         VERSIONS  NEWEST  FILES  SIZE  STATE  CHANGED           TAGS
    dogs                   1  1.0.0       3  10 B  final  2026-11-23 14:05
    vision/felines         3  1.0.2       2   5 B  final  2026-11-23 14:05
    ");
    sandbox.ok(["rev-parse", "vision/felines@1.0.1"]);
    assert_snapshot!(sandbox.ok(["move", "vision/felines", ""]), @"Renamed vision/felines to felines (3 versions)");
    // A name below its own.
    assert_snapshot!(sandbox.ok(["rename", "felines", "felines/all"]), @"Renamed felines to felines/all (3 versions)");
    sandbox.ok(["rev-parse", "felines/all@1.0.0"]);
}

#[test]
fn what_destroys_can_be_tried_first() {
    let sandbox = pets();
    sandbox.ok(["tag", "gold", "dogs"]);
    let before = (sandbox.ok(["tag"]), sandbox.ok(["branch"]), sandbox.ok(["ls-files"]));
    assert_snapshot!(sandbox.ok(["untag", "gold", "--dry-run"]), @"Would remove the tag gold from 1 version");
    sandbox.ok(["tag", "-d", "-n", "gold"]);
    assert!(sandbox.ok(["branch", "-d", "-n", "-f", "dogs"]).starts_with("Would delete the dataset dogs"));
    assert_snapshot!(sandbox.ok(["rm", "-n", "table.csv"]), @r"
    removed   table.csv
    Would remove 1 file
    ");
    sandbox.ok(["rm", "--cached", "-n", "images"]);
    sandbox.write("table.csv", "edited");
    sandbox.fails(3, ["rm", "-n", "table.csv"]);
    assert_eq!(before, (sandbox.ok(["tag"]), sandbox.ok(["branch"]), sandbox.ok(["ls-files"])));
    assert_eq!(sandbox.read("table.csv"), b"edited");
}
