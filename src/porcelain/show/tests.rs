use super::*;
use crate::model::ErrorKind;
use crate::porcelain::test_line::{Line, dataset, kind_of, path, tag};

fn show(line: &Line, text: &str, limit: usize) -> Outcome {
    let object = line.repo.resolve(text.as_bytes()).unwrap();
    run(&line.repo, &Options { object, limit }, &Monitor::quiet()).unwrap()
}

fn two_versions() -> (Line, [VersionId; 2]) {
    let line = Line::new();
    let root = line.version("cats@1.0.0", 10, &[], &[("a", 1), ("d/x", 2), ("d/y", 3)]);
    let tip = line.version("cats@1.0.1", 20, &[root], &[("a", 9), ("d/z", 3), ("n", 4)]);
    line.point("cats", tip);
    line.tag("gold", tip);
    (line, [root, tip])
}

#[test]
fn a_version_with_what_it_changed() {
    let (line, [root, tip]) = two_versions();
    let Outcome::Version(view) = show(&line, "HEAD", 100) else { panic!("no version") };
    assert_eq!((view.id, view.version.parents.as_slice()), (tip, &[root][..]));
    assert!(view.marks.head);
    assert_eq!((view.marks.datasets, view.marks.tags), (vec![dataset("cats")], [tag("gold")].into()));
    let changed: Vec<_> = view.changes.changed.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(changed, ["a", "d/x", "n"]);
    assert_eq!((&view.changes.renamed[0].from, &view.changes.renamed[0].to), (&path("d/y"), &path("d/z")));
    assert_eq!((view.changes.totals.renamed.files, view.changes.omitted), (1, 0));
}

#[test]
fn lists_end_where_they_are_told_to() {
    let (line, _) = two_versions();
    for (rev, shown, omitted) in [("HEAD", 2, 2), ("HEAD~1", 2, 1)] {
        let Outcome::Version(view) = show(&line, rev, 2) else { panic!("no version") };
        assert_eq!((view.changes.changed.len(), view.changes.omitted), (shown, omitted), "{rev}");
    }
    let Outcome::Version(view) = show(&line, "HEAD~1", 100) else { panic!("no version") };
    assert_eq!(view.changes.totals.added, view.version.totals);
    assert_eq!((view.changes.changed.len(), view.changes.omitted), (3, 0));
    let Outcome::Directory(listing) = show(&line, "HEAD:", 1) else { panic!("no directory") };
    assert_eq!((listing.entries.len(), listing.omitted), (1, 2));
}

#[test]
fn what_lies_at_a_path() {
    let (line, [root, _]) = two_versions();
    let Outcome::Directory(listing) = show(&line, "HEAD~1:d", 100) else { panic!("no directory") };
    assert_eq!((listing.version, listing.path), (Some(root), Some(path("d"))));
    assert_eq!(listing.totals, Totals { files: 2, bytes: 5 });
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_bytes().to_vec()).collect();
    assert_eq!(names, [b"x".to_vec(), b"y".to_vec()]);
    let Outcome::File(file) = show(&line, "HEAD:n", 100) else { panic!("no file") };
    assert_eq!((file.kind, file.size, file.id), (Some(EntryKind::File), 4, BlobId::from_bytes([4; 32])));
    assert_eq!(kind_of(line.repo.resolve(b"HEAD:none")), ErrorKind::NotFound);
}

#[test]
fn a_tree_by_its_id() {
    let (line, [root, _]) = two_versions();
    let tree = line.repo.db().version(&root).unwrap().tree;
    let Outcome::Directory(listing) = show(&line, &tree.to_string(), 9) else { panic!("no directory") };
    assert_eq!((listing.id, listing.path, listing.version), (tree, None, None));
}
