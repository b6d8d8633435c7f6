//! Repositories that lack what a remote has: data that was dropped, and clones without it.

use insta::assert_snapshot;

use super::{Two, large};
use crate::support::repo::worktree;

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
    assert_snapshot!(two.ok(&["evict", "--dry-run"]), @"");
    let before = stored(&two, "work");
    assert_snapshot!(two.ok(&["evict"]), @"");
    assert!(stored(&two, "work") < before / 20, "{} of {before}", stored(&two, "work"));
    assert_snapshot!(two.ok(&["status"]), @"");
    assert_snapshot!(two.ok(&["fsck"]), @"");
    two.ok(&["gc", "--grace", "0s"]);
    assert_snapshot!(two.ok(&["evict"]), @"");

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
    assert_snapshot!(two.sandbox.fails(5, ["cat", "HEAD:d1/f1"]), @"");
    // What the remote lists was seen when the data went.
    two.ok(&["fsck"]);
    std::fs::remove_dir_all(two.path("work/.dsv/cache")).unwrap();
    assert_snapshot!(two.sandbox.fails(5, ["fsck"]), @"");
    assert_snapshot!(two.sandbox.fails(5, ["gc", "--grace", "0s"]), @"");
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
    assert_snapshot!(two.sandbox.fails(1, ["fsck"]), @"");
}
