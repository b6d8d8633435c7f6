use super::*;
use crate::model::{ErrorKind, Totals};
use crate::porcelain::test_line::{Line, dataset, kind_of, path, tag};

fn log(line: &Line, options: &Options) -> Vec<LogEntry> {
    run(&line.repo, options, &Monitor::quiet()).unwrap().entries
}

fn ids(entries: &[LogEntry]) -> Vec<VersionId> {
    entries.iter().map(|entry| entry.id).collect()
}

/// `root` has the children `left` and `right`; `tip` joins them.
fn diamond() -> (Line, [VersionId; 4]) {
    let line = Line::new();
    let root = line.version("cats@1.0.0", 10, &[], &[("a", 1), ("d/x", 1)]);
    let left = line.version("cats@1.0.1", 30, &[root], &[("a", 2), ("d/x", 1)]);
    let right = line.version("dogs@1.0.0", 20, &[root], &[("a", 1), ("d/y", 1), ("d/new", 7)]);
    let tip = line.version("cats@1.1.0", 40, &[left, right], &[("a", 2), ("d/y", 1), ("d/new", 7)]);
    line.point("cats", tip);
    line.point("dogs", right);
    (line, [root, left, right, tip])
}

#[test]
fn newest_first_with_the_names_that_lead_there() {
    let (line, [root, left, right, tip]) = diamond();
    line.tag("gold", root);
    let outcome = run(&line.repo, &Options::default(), &Monitor::quiet()).unwrap();
    assert_eq!(outcome.head, Head::Dataset(dataset("cats")));
    let entries = outcome.entries;
    assert_eq!(ids(&entries), [tip, left, right, root]);
    let marks: Vec<_> = entries.iter().map(|entry| entry.marks.clone()).collect();
    assert_eq!(marks[0], Marks { head: true, datasets: vec![dataset("cats")], ..Default::default() });
    assert_eq!(marks[1], Marks::default());
    assert_eq!(marks[2].datasets, [dataset("dogs")]);
    assert_eq!(marks[3].tags, [tag("gold")].into());
    assert_eq!(entries[0].lines, [left, right]);
    assert_eq!(entries[0].stat, None);
}

#[test]
fn starts_limits_and_exclusions() {
    let (line, [root, left, right, tip]) = diamond();
    let some = Options { limit: Some(2), ..Default::default() };
    assert_eq!(ids(&log(&line, &some)), [tip, left]);
    let of_right = Options { starts: vec![right], ..Default::default() };
    assert_eq!(ids(&log(&line, &of_right)), [right, root]);
    let range = Options { starts: vec![tip], exclude: vec![left], ..Default::default() };
    assert_eq!(ids(&log(&line, &range)), [tip, right]);
    let apart = line.version("birds@1.0.0", 50, &[], &[]);
    line.tag("lone", apart);
    assert_eq!(
        ids(&log(&line, &Options { all: true, ..Default::default() })),
        [apart, tip, left, right, root]
    );
}

#[test]
fn paths_choose_versions_and_lines_pass_over_the_others() {
    let (line, [root, left, right, tip]) = diamond();
    let of = |name: &str| Options { paths: vec![path(name)], graph: true, stat: true, ..Default::default() };
    let a = log(&line, &of("a"));
    assert_eq!(ids(&a), [left, root]);
    assert_eq!(a[0].lines, [root]);
    let new = log(&line, &of("d/new"));
    assert_eq!(ids(&new), [right]);
    assert_eq!(new[0].lines, []);
    assert_eq!(new[0].stat.unwrap().added, Totals { files: 1, bytes: 7 });
    assert!(new[0].stat.unwrap().renamed.files == 0, "the renamed file lies elsewhere");
    let none = run(&line.repo, &of("none"), &Monitor::quiet());
    assert!(matches!(none, Err(Error::UnknownPath { .. })));
    // Without paths the lines are the parents.
    assert_eq!(log(&line, &Options { graph: true, ..Default::default() })[0].lines, [left, right]);
    assert_eq!(tip, line.repo.refs().head_version().unwrap().unwrap());
}

#[test]
fn lines_do_not_run_twice_where_two_ways_are_left_out() {
    let line = Line::new();
    let root = line.version("cats@1.0.0", 1, &[], &[("a", 1)]);
    let one = line.version("cats@1.0.1", 2, &[root], &[("a", 1), ("b", 1)]);
    let other = line.version("cats@1.0.2", 3, &[root], &[("a", 1), ("c", 1)]);
    let join = line.version("cats@1.0.3", 4, &[one, other], &[("a", 1), ("b", 1), ("c", 1)]);
    let tip = line.version("cats@1.0.4", 5, &[join], &[("a", 2)]);
    line.point("cats", tip);
    let options = Options { paths: vec![path("a")], graph: true, ..Default::default() };
    let entries = log(&line, &options);
    assert_eq!(ids(&entries), [tip, root]);
    assert_eq!(entries[0].lines, [root]);
}

#[test]
fn what_each_version_changed_is_counted() {
    let (line, _) = diamond();
    let entries = log(&line, &Options { stat: true, ..Default::default() });
    let stats: Vec<_> = entries.iter().map(|entry| entry.stat.unwrap()).collect();
    let one = |bytes| Totals { files: 1, bytes };
    // The tip in comparison with its first parent: d/x became d/y, d/new came.
    assert_eq!(stats[0], DiffTotals { added: one(7), renamed: one(1), ..Default::default() });
    assert_eq!(stats[1], DiffTotals { modified: one(2), ..Default::default() });
    assert_eq!(stats[3], DiffTotals { added: Totals { files: 2, bytes: 2 }, ..Default::default() });
    // Paths that lie in each other are not counted twice.
    let paths = vec![path("d"), path("d/x"), path("a"), path("a")];
    let entries = log(&line, &Options { stat: true, paths, ..Default::default() });
    assert_eq!(entries.last().unwrap().stat.unwrap().added, Totals { files: 2, bytes: 2 });
}

#[test]
fn a_dataset_without_versions_is_told() {
    let line = Line::new();
    assert_eq!(kind_of(run(&line.repo, &Options::default(), &Monitor::quiet())), ErrorKind::NotFound);
    assert_eq!(ids(&log(&line, &Options { all: true, ..Default::default() })), []);
}
