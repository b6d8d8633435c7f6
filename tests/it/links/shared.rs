//! Links in versions that go between repositories.

use super::{is_there, put};
use crate::support::repo::worktree;
use crate::transfer::Two;

/// Ada's dataset with links besides, pushed.
fn pushed() -> Two {
    let two = Two::committed();
    put(&two.sandbox, "src/a.txt", "one");
    put(&two.sandbox, "src/big.bin", crate::transfer::large(7));
    two.ok(&["add", "--link", "../src/", "--to", "linked"]);
    two.ok(&["commit", "-m", "Links"]);
    two.ok(&["push"]);
    two
}

#[test]
fn a_clone_has_links_and_brings_what_they_lead_to_when_asked() {
    let two = pushed();
    two.clone("bob");
    let files = worktree(&two.path("bob"));
    assert_eq!(files.len(), 41);
    assert!(!two.path("bob/linked").exists());
    two.other("bob", &["fsck", "--full"]);
    two.other("bob", &["verify"]);
    assert_eq!(two.other("bob", &["cat", "HEAD:linked/a.txt"]), "one");
    two.other("bob", &["restore", "linked"]);
    assert_eq!(std::fs::read(two.path("bob/linked/big.bin")).unwrap(), crate::transfer::large(7));
    two.ok(&["verify", "--remote", "origin"]);
}

#[test]
fn a_clone_without_data_has_links_too() {
    let two = pushed();
    let url = two.url();
    two.ok(&["clone", "--no-data", &url, "../carl"]);
    assert_eq!(two.other("carl", &["cat", "HEAD:linked/a.txt"]), "one");
    two.other("carl", &["pull", "linked"]);
    assert_eq!(std::fs::read(two.path("carl/linked/a.txt")).unwrap(), b"one");
    std::fs::remove_file(two.path("carl/linked/a.txt")).unwrap();
    two.other("carl", &["restore", "linked/a.txt"]);
    assert_eq!(std::fs::read(two.path("carl/linked/a.txt")).unwrap(), b"one");
    // New links are staged in a part of the files as well.
    put(&two.sandbox, "src/new.txt", "new");
    two.other("carl", &["add", "--link", "../src/", "--to", "linked"]);
    let status = two.other("carl", &["status", "--json"]);
    assert!(status.contains(r#""path":"linked/new.txt","change":"added""#), "{status}");
    two.other("carl", &["commit", "-m", "More"]);
    two.other("carl", &["materialize", "linked/new.txt"]);
    two.other("carl", &["commit", "-m", "Stored"]);
    assert_eq!(two.other("carl", &["cat", "HEAD:linked/new.txt"]), "new");
    two.other("carl", &["fsck", "--full"]);
}

#[test]
fn get_brings_what_links_lead_to() {
    let two = pushed();
    let url = two.url();
    let got = two.sandbox.json(["get", &url, "cats", "--json"]);
    let path = std::path::PathBuf::from(got["path"].as_str().unwrap());
    assert_eq!(std::fs::read(path.join("linked/a.txt")).unwrap(), b"one");
    assert_eq!(std::fs::read(path.join("linked/big.bin")).unwrap(), crate::transfer::large(7));
    // Another part of the same version reads no source again.
    std::fs::remove_dir_all(two.path("src")).unwrap();
    let part = two.sandbox.json(["get", &url, "cats", "linked", "--json"]);
    let path = std::path::PathBuf::from(part["path"].as_str().unwrap());
    assert_eq!(std::fs::read(path.join("linked/a.txt")).unwrap(), b"one");
    two.ok(&["cache", "clear"]);
    let told = two.sandbox.fails(3, ["get", &url, "cats", "linked"]);
    assert!(told.contains("which is gone"), "{told}");
}

#[test]
fn a_clone_goes_on_without_the_sources() {
    let two = pushed();
    std::fs::remove_dir_all(two.path("src")).unwrap();
    two.clone("bob");
    assert_eq!(worktree(&two.path("bob")).len(), 41);
    two.other_fails("bob", 3, &["checkout", "HEAD", "--links"]);
    assert!(!is_there(&two.sandbox, "linked"));
}
