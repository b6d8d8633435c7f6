//! Tags go along with the versions that bear them, whoever pushes first.

use std::collections::BTreeSet;

use super::Two;

fn tags(listed: &str) -> BTreeSet<&str> {
    listed.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn tags_of_both_sides_end_up_on_both_sides() {
    let two = Two::committed();
    two.ok(&["tag", "gold"]);
    let said = two.ok(&["push"]);
    assert!(said.contains("1 event sent"), "{said}");
    let said = two.clone("bob");
    assert!(said.contains("1 event fetched"), "{said}");
    assert_eq!(tags(&two.other("bob", &["tag"])), ["gold"].into());

    // Each changes something while the other does; nobody is told to pull first.
    two.ok(&["tag", "-d", "gold"]);
    two.ok(&["tag", "silver"]);
    two.other("bob", &["tag", "bronze"]);
    let said = two.other("bob", &["push"]);
    assert!(said.contains("up to date") && said.contains("1 event sent"), "{said}");
    let said = two.ok(&["push"]);
    assert!(said.contains("2 events sent"), "{said}");
    let said = two.ok(&["fetch"]);
    assert!(said.contains("1 event fetched"), "{said}");
    let said = two.other("bob", &["pull"]);
    assert!(said.contains("2 events fetched"), "{said}");
    let both: BTreeSet<&str> = ["bronze", "silver"].into();
    assert_eq!(tags(&two.ok(&["tag"])), both);
    assert_eq!(tags(&two.other("bob", &["tag"])), both);

    // What both have is sent and fetched no more.
    let before = two.keys_below("events/");
    for said in
        [two.ok(&["push"]), two.ok(&["fetch"]), two.other("bob", &["push"]), two.other("bob", &["pull"])]
    {
        assert!(!said.contains("change"), "{said}");
    }
    assert_eq!(two.keys_below("events/"), before);
}

#[test]
fn what_is_said_of_versions_that_are_not_there_is_not_sent() {
    let two = Two::pushed();
    std::fs::write(two.path("work/more"), "more").unwrap();
    two.ok(&["add", "more"]);
    two.ok(&["commit", "-m", "More"]);
    two.ok(&["tag", "secret"]);
    two.ok(&["branch", "kept"]);
    two.ok(&["switch", "-c", "old", "HEAD~1"]);
    two.ok(&["push"]);
    assert_eq!(two.keys_below("events/"), Vec::<String>::new());
    // It goes along when the version does.
    let said = two.ok(&["push", "kept"]);
    assert!(said.contains("1 event sent"), "{said}");
}

#[test]
fn a_file_of_events_that_lies_or_is_torn_is_named_and_passed_over() {
    let two = Two::committed();
    two.ok(&["tag", "gold"]);
    two.ok(&["push"]);
    let [key] = &two.keys_below("events/")[..] else { panic!("one file of events") };
    let path = two.bucket().join(key);
    let whole = std::fs::read(&path).unwrap();

    std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let output = two.clone("bob");
    assert!(!output.contains("of tags"), "{output}");
    assert_eq!(tags(&two.other("bob", &["tag"])).len(), 0);

    // With the right name, and a line that only a newer program knows: what can be read is taken, and the file read again.
    let newer = [&whole[..], b"{\"action\":\"flown-to-the-moon\"}\n"].concat();
    std::fs::remove_file(&path).unwrap();
    let name = dsv::model::ObjectId::Sha256(
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &newer))
            .into(),
    );
    std::fs::write(two.bucket().join(format!("events/{name}.jsonl")), &newer).unwrap();
    let said = two.other("bob", &["fetch"]);
    assert!(said.contains("1 event fetched"), "{said}");
    assert_eq!(tags(&two.other("bob", &["tag"])), ["gold"].into());
    two.other("bob", &["fetch"]);
}

#[test]
fn another_remote_at_the_same_place_gets_all_of_them() {
    let two = Two::committed();
    two.ok(&["tag", "gold"]);
    two.ok(&["push"]);
    std::fs::remove_dir_all(two.bucket()).unwrap();
    let said = two.ok(&["push"]);
    assert!(said.contains("1 event sent"), "{said}");
    two.ok(&["remote", "set-url", "origin", "../elsewhere"]);
    let said = two.ok(&["push"]);
    assert!(said.contains("1 event sent"), "{said}");
}

#[test]
fn nothing_to_do_is_at_most_four_requests() {
    let two = Two::committed();
    two.ok(&["tag", "gold"]);
    two.ok(&["push"]);
    two.clone("bob");
    let requests = |said: &str| {
        let said: serde_json::Value = serde_json::from_str(said).unwrap();
        said.as_array().map_or(&said, |lines| &lines[0])["requests"].as_u64().unwrap()
    };
    assert_eq!(requests(&two.ok(&["push", "--json"])), 2);
    assert_eq!(requests(&two.other("bob", &["push", "--json"])), 2);
    assert_eq!(requests(&two.other("bob", &["pull", "--json"])), 3);
}
