use super::*;
use crate::model::{ErrorKind, Event, Time};
use crate::porcelain::test_line::{Line, kind_of, tag};

fn go(line: &Line, options: &Options) -> Result<Outcome, Error> {
    run(&line.repo, options, &Monitor::quiet())
}

fn add(name: &str, version: Option<VersionId>) -> Options {
    Options::Add { tag: tag(name), version }
}

fn delete(name: &str, version: Option<VersionId>) -> Options {
    Options::Delete { tag: tag(name), version, dry_run: false }
}

/// Each tag and the versions that bear it.
fn listed(line: &Line, options: &Options) -> Vec<(String, Vec<VersionId>)> {
    let Outcome::List(tags) = go(line, options).unwrap() else { panic!("no list") };
    let ids = |versions: Vec<VersionSummary>| versions.into_iter().map(|version| version.id).collect();
    tags.into_iter().map(|tag| (tag.name.to_string(), ids(tag.versions))).collect()
}

fn all(line: &Line) -> Vec<(String, Vec<VersionId>)> {
    listed(line, &Options::default())
}

fn two_versions() -> (Line, [VersionId; 2]) {
    let line = Line::new();
    let root = line.version("cats@1.0.0", 10, &[], &[("a", 1)]);
    let tip = line.version("cats@1.0.1", 20, &[root], &[("a", 2)]);
    line.point("cats", tip);
    (line, [root, tip])
}

#[test]
fn a_tag_stands_for_the_newest_of_its_versions() {
    let (line, [root, tip]) = two_versions();
    let Outcome::Added { version, new, .. } = go(&line, &add("gold", None)).unwrap() else { panic!() };
    assert_eq!((version.id, new), (tip, true));
    go(&line, &add("gold", Some(root))).unwrap();
    go(&line, &add("first", Some(root))).unwrap();
    assert_eq!(all(&line), [("first".to_owned(), vec![root]), ("gold".to_owned(), vec![tip, root])]);
    assert_eq!(line.repo.resolve_version("gold").unwrap(), tip);
    let gold = Options::List { tag: Some(tag("gold")), version: None };
    assert_eq!(listed(&line, &gold), [("gold".to_owned(), vec![tip, root])]);
    let of_tip = Options::List { tag: None, version: Some(tip) };
    assert_eq!(listed(&line, &of_tip), [("gold".to_owned(), vec![tip])]);
    let neither = Options::List { tag: Some(tag("first")), version: Some(tip) };
    assert_eq!(kind_of(go(&line, &neither)), ErrorKind::NotFound);
}

#[test]
fn what_is_there_already_adds_no_event() {
    let (line, _) = two_versions();
    go(&line, &add("gold", None)).unwrap();
    let Outcome::Added { new, .. } = go(&line, &add("gold", None)).unwrap() else { panic!() };
    assert!(!new);
    assert_eq!(line.repo.events().read().unwrap().events.len(), 1);
}

#[test]
fn one_is_taken_from_one_version_or_from_all() {
    let (line, [root, tip]) = two_versions();
    for id in [root, tip] {
        go(&line, &add("gold", Some(id))).unwrap();
    }
    go(&line, &delete("gold", Some(tip))).unwrap();
    assert_eq!(all(&line), [("gold".to_owned(), vec![root])]);
    assert_eq!(kind_of(go(&line, &delete("gold", Some(tip)))), ErrorKind::NotFound);
    go(&line, &add("gold", Some(tip))).unwrap();
    let Outcome::Deleted { versions, .. } = go(&line, &delete("gold", None)).unwrap() else { panic!() };
    assert_eq!(versions.len(), 2);
    assert_eq!(all(&line), []);
    assert_eq!(kind_of(go(&line, &delete("gold", None))), ErrorKind::NotFound);
}

#[test]
fn an_event_from_a_clock_ahead_is_undone_all_the_same() {
    let (line, [_, tip]) = two_versions();
    let ahead = Event {
        version: tip,
        action: EventAction::TagAdded { tag: tag("gold") },
        who: "Eve".into(),
        time: Time { seconds: 5000, offset: 0 },
        host: "far".into(),
        sequence: 3,
    };
    let lock = line.repo.lock_refs(&Monitor::quiet()).unwrap();
    line.repo.events().append(&lock, &[ahead]).unwrap();
    drop(lock);
    go(&line, &delete("gold", None)).unwrap();
    assert_eq!(all(&line), []);
    go(&line, &add("gold", None)).unwrap();
    assert_eq!(all(&line).len(), 1);
}

#[test]
fn only_versions_bear_tags_and_absent_ones_are_told() {
    let (line, [_, tip]) = two_versions();
    let ghost = VersionId::from_bytes([7; 32]);
    assert!(go(&line, &add("gold", Some(ghost))).is_err());
    assert!(line.repo.events().read().unwrap().events.is_empty());
    let lock = line.repo.lock_refs(&Monitor::quiet()).unwrap();
    let events = line.repo.events().read().unwrap();
    let of_ghost = vec![(ghost, EventAction::TagAdded { tag: tag("gold") })];
    record::append(&line.repo, &lock, &events, of_ghost).unwrap();
    drop(lock);
    go(&line, &add("gold", None)).unwrap();
    let Outcome::List(tags) = go(&line, &Options::default()).unwrap() else { panic!() };
    assert_eq!((tags[0].versions[0].id, tags[0].absent.as_slice()), (tip, &[ghost][..]));
}
