use std::sync::Arc;

use super::*;
use crate::model::{Monitor, RepoPath};
use crate::plumbing::ls_tree;
use crate::store::{ObjectDb, StoreOptions};
use crate::sys::OsFs;

fn lines(db: &ObjectDb, tree: &TreeId, options: ls_tree::Options) -> Vec<String> {
    let mut lines = Vec::new();
    ls_tree::run::<TreeError>(db, tree, options, &Monitor::quiet(), &mut |path: RepoPath, entry| {
        lines.push(format!("{} {} {}\t{path}", entry.kind.as_str(), entry.id.to_hex(), entry.size));
        Ok(())
    })
    .unwrap();
    lines
}

#[test]
fn what_is_listed_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let db = ObjectDb::open(Arc::new(OsFs), &dir.path().join("objects"), StoreOptions::default()).unwrap();
    let db = Arc::new(db);
    let make = |lines: &[String]| {
        let writer = Writer::new(&db).unwrap();
        let entries = lines.iter().map(|line| parse_line(line.as_bytes()).unwrap()).collect();
        let tree = run(&writer, entries).unwrap();
        writer.finish().unwrap();
        tree
    };
    let writer = Writer::new(&db).unwrap();
    let blob = writer.put_small_blob(b"hello", &mut writer.compressor().unwrap()).unwrap();
    writer.finish().unwrap();
    let inner = make(&[format!("exec {blob}\trun"), format!("dir {}\tempty", empty_tree())]);
    let outer =
        make(&[format!("symlink {blob} 5\tz"), format!("dir {}\td", inner.id), format!("file {blob}\ta b")]);
    assert_eq!(outer.totals, Totals { files: 3, bytes: 15 });

    let listed = lines(&db, &outer.id, ls_tree::Options::default());
    let expected =
        [format!("file {blob} 5\ta b"), format!("dir {} 5\td", inner.id), format!("symlink {blob} 5\tz")];
    assert_eq!(listed, expected);
    assert_eq!(make(&listed), outer);
    let paths = |options| -> Vec<String> {
        let lines = lines(&db, &outer.id, options);
        lines.iter().filter_map(|line| Some(line.split_once('\t')?.1.to_owned())).collect()
    };
    let recursive = ls_tree::Options { recursive: true, directories: false };
    assert_eq!(paths(recursive), ["a b", "d/empty", "d/run", "z"]);
    assert_eq!(
        paths(ls_tree::Options { directories: true, ..recursive }),
        ["a b", "d", "d/empty", "d/run", "z"]
    );
}

#[test]
fn what_cannot_be_made_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = ObjectDb::open(Arc::new(OsFs), &dir.path().join("objects"), StoreOptions::default()).unwrap();
    let id = "ab".repeat(32);
    for (line, kind) in [
        ("file".to_owned(), ErrorKind::Usage),
        (format!("file {id} name"), ErrorKind::Usage),
        (format!("file {id} 1 2\tname"), ErrorKind::Usage),
        (format!("folder {id}\tname"), ErrorKind::Usage),
        ("file abc\tname".to_owned(), ErrorKind::InvalidName),
        (format!("file {id}\ta/b"), ErrorKind::InvalidPath),
        (format!("file {id}\t.."), ErrorKind::InvalidPath),
    ] {
        assert_eq!(parse_line(line.as_bytes()).unwrap_err().kind(), kind, "{line}");
    }
    let writer = Writer::new(&Arc::new(db)).unwrap();
    let entry = |line: String| parse_line(line.as_bytes()).unwrap();
    let missing = run(&writer, vec![entry(format!("file {id}\ta"))]).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Corrupt);
    let empty = || entry(format!("dir {}\ta", empty_tree()));
    assert_eq!(run(&writer, vec![empty(), empty()]).unwrap_err().kind(), ErrorKind::Usage);
}
