use super::*;
use crate::model::ErrorKind;
use crate::porcelain::test_line::{Line, dataset, kind_of};

fn branch(line: &Line, options: &Options) -> Result<Outcome, Error> {
    run(&line.repo, options, &Monitor::quiet())
}

/// Name, whether it is the current one, and label of its newest version.
fn listed(line: &Line) -> Vec<(String, bool, Option<String>)> {
    let Outcome::List(list) = branch(line, &Options::List).unwrap() else { panic!("no list") };
    let label = |newest: VersionSummary| format!("{}@{}", newest.dataset, newest.label);
    list.datasets.into_iter().map(|d| (d.name.to_string(), d.current, d.newest.map(label))).collect()
}

fn create(name: &str, at: Option<VersionId>, force: bool) -> Options {
    Options::Create { name: dataset(name), at, force }
}

fn delete(name: &str, force: bool) -> Options {
    Options::Delete { name: dataset(name), force, dry_run: false }
}

fn rename(from: &str, to: &str) -> Options {
    Options::Rename { from: dataset(from), to: dataset(to) }
}

fn two_versions() -> (Line, [VersionId; 2]) {
    let line = Line::new();
    let root = line.version("cats@1.0.0", 10, &[], &[("a", 1)]);
    let tip = line.version("cats@1.0.1", 20, &[root], &[("a", 2)]);
    line.point("cats", tip);
    (line, [root, tip])
}

#[test]
fn the_current_one_is_listed_even_without_a_version() {
    let line = Line::new();
    assert_eq!(listed(&line), [("cats".to_owned(), true, None)]);
    assert_eq!(kind_of(branch(&line, &create("dogs", None, false))), ErrorKind::NotFound);
    let root = line.version("ants@1.0.0", 10, &[], &[]);
    branch(&line, &create("ants", Some(root), false)).unwrap();
    let ants = ("ants".to_owned(), false, Some("ants@1.0.0".to_owned()));
    assert_eq!(listed(&line), [ants, ("cats".to_owned(), true, None)]);
    // The worktree does not hold that version.
    assert_eq!(kind_of(branch(&line, &create("cats", Some(root), true))), ErrorKind::Refused);
    assert_eq!(kind_of(branch(&line, &rename("ants", "cats"))), ErrorKind::Refused);
    branch(&line, &rename("cats", "dogs")).unwrap();
    assert_eq!(line.repo.refs().head().unwrap(), Head::Dataset(dataset("dogs")));
}

#[test]
fn one_is_made_here_or_there_and_moved_by_force_only() {
    let (line, [root, tip]) = two_versions();
    let made = branch(&line, &create("small", None, false)).unwrap();
    assert_eq!(made, Outcome::Set { name: dataset("small"), before: None, now: tip });
    assert_eq!(kind_of(branch(&line, &create("small", Some(root), false))), ErrorKind::AlreadyExists);
    let moved = branch(&line, &create("small", Some(root), true)).unwrap();
    assert_eq!(moved, Outcome::Set { name: dataset("small"), before: Some(tip), now: root });
    assert_eq!(kind_of(branch(&line, &create("cats/sub", None, false))), ErrorKind::AlreadyExists);
    let nowhere = VersionId::from_bytes([7; 32]);
    assert!(branch(&line, &create("ghost", Some(nowhere), false)).is_err());
    assert_eq!(listed(&line).len(), 2);
    let log = line.repo.refs().log().unwrap().moves;
    assert_eq!(log.last().unwrap().why, format!("branch: at {}", root.short(12)));
}

#[test]
fn deleting_loses_no_version_without_force() {
    let (line, [root, _]) = two_versions();
    let one = line.version("dogs@1.0.0", 30, &[root], &[("b", 1)]);
    let two = line.version("dogs@1.0.1", 40, &[one], &[("b", 2)]);
    line.point("dogs", two);
    assert_eq!(kind_of(branch(&line, &delete("cats", true))), ErrorKind::Refused);
    assert_eq!(kind_of(branch(&line, &delete("none", true))), ErrorKind::NotFound);
    let error = branch(&line, &delete("dogs", false)).unwrap_err();
    assert!(matches!(error, Error::VersionsLost { lost: 2, .. }), "{error}");
    line.tag("keep", one);
    let error = branch(&line, &delete("dogs", false)).unwrap_err();
    assert!(matches!(error, Error::VersionsLost { lost: 1, .. }), "{error}");
    line.point("also", two);
    let deleted = branch(&line, &delete("dogs", false)).unwrap();
    assert_eq!(deleted, Outcome::Deleted { name: dataset("dogs"), was: Some(two), lost: Some(0) });
    let deleted = branch(&line, &delete("also", true)).unwrap();
    assert_eq!(deleted, Outcome::Deleted { name: dataset("also"), was: Some(two), lost: Some(1) });
    assert_eq!(listed(&line).len(), 1);
    assert_eq!(line.repo.refs().log().unwrap().moves.last().unwrap().old, Some(two));
}

#[test]
fn a_detached_head_keeps_versions() {
    let (line, [root, _]) = two_versions();
    let tip = line.version("dogs@1.0.0", 30, &[root], &[("b", 1)]);
    line.point("dogs", tip);
    let lock = line.repo.lock_refs(&Monitor::quiet()).unwrap();
    let note = line.repo.note("test").unwrap();
    line.repo.refs().set_head(&lock, None, &Head::Detached(tip), &note).unwrap();
    drop(lock);
    assert!(listed(&line).iter().all(|(_, current, _)| !current));
    branch(&line, &delete("dogs", false)).unwrap();
}

#[test]
fn a_damaged_ref_is_removed_by_force() {
    let (line, _) = two_versions();
    let file = line.repo.layout().refs().join("datasets/bad");
    crate::plumbing::host::publish(line.repo.fs(), &file, b"nonsense").unwrap();
    assert_eq!(kind_of(branch(&line, &delete("bad", false))), ErrorKind::Corrupt);
    let deleted = branch(&line, &delete("bad", true)).unwrap();
    assert_eq!(deleted, Outcome::Deleted { name: dataset("bad"), was: None, lost: None });
    assert_eq!(listed(&line).len(), 1);
}

#[test]
fn renaming_takes_the_head_along() {
    let (line, [_, tip]) = two_versions();
    line.point("dogs", tip);
    assert_eq!(kind_of(branch(&line, &rename("none", "x"))), ErrorKind::NotFound);
    assert_eq!(kind_of(branch(&line, &rename("cats", "dogs"))), ErrorKind::AlreadyExists);
    let (from, to) = (dataset("cats"), dataset("vision/cats"));
    let renamed = branch(&line, &rename("cats", "vision/cats")).unwrap();
    assert_eq!(renamed, Outcome::Renamed { from, to: to.clone(), current: true });
    assert_eq!(line.repo.refs().head().unwrap(), Head::Dataset(to));
    assert_eq!(line.repo.refs().head_version().unwrap(), Some(tip));
    assert_eq!(line.repo.refs().read(&dataset("cats")).unwrap(), None);
    let other = branch(&line, &rename("dogs", "wolves")).unwrap();
    assert!(matches!(other, Outcome::Renamed { current: false, .. }));
    assert_eq!(line.repo.refs().head_version().unwrap(), Some(tip));
}
