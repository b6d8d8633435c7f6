use super::*;
use crate::codec::tree::TreeNode;
use crate::model::{EntryKind, EntryName, ErrorKind};
use crate::plumbing::test_history::{Scratch, dataset};
use crate::store::Writer;

/// cats: 1.0.0 - 1.0.1 - 1.1.0 - 2.0.0, where 2.0.0 merges dogs@1.0.0.
struct Line {
    scratch: Scratch,
    cats: [VersionId; 4],
    dog: VersionId,
}

fn line() -> Line {
    let s = Scratch::new();
    let one = s.version("cats@1.0.0", 10, &[]);
    let two = s.version("cats@1.0.1", 20, &[one]);
    let dog = s.version("dogs@1.0.0", 25, &[one]);
    let three = s.version("cats@1.1.0", 30, &[two]);
    let four = s.version("cats@2.0.0", 40, &[three, dog]);
    s.point("cats", four);
    s.point("vision/dogs", dog);
    Line { scratch: s, cats: [one, two, three, four], dog }
}

#[test]
fn every_form_of_the_syntax() {
    let l = line();
    l.scratch.tag(l.cats[1], "gold");
    let version = |text: &str| l.scratch.names().version(text).unwrap();
    let [one, two, three, four] = l.cats;
    for (text, expected) in [
        ("HEAD", four),
        ("cats", four),
        ("refs/datasets/cats", four),
        ("cats@latest", four),
        ("cats@1.0.0", one),
        ("cats@1.0", two),
        ("cats@1", three),
        ("cats@2", four),
        ("HEAD~", three),
        ("HEAD~3", one),
        ("HEAD~0", four),
        ("HEAD^", three),
        ("HEAD^2", l.dog),
        ("HEAD^0", four),
        ("HEAD^2~1", one),
        ("cats@1.1.0~2", one),
        ("gold", two),
        ("refs/tags/gold", two),
        ("vision/dogs", l.dog),
        // No dataset has this name any more.
        ("dogs@1.0.0", l.dog),
        (&two.to_string(), two),
        (&two.short(10), two),
        (&two.short(10).to_uppercase(), two),
    ] {
        assert_eq!(version(text), expected, "{text}");
    }
    assert_eq!(l.scratch.names().range("cats@1.0.0..cats").unwrap(), (Some(four), Some(one)));
    assert_eq!(l.scratch.names().range("gold..").unwrap(), (Some(four), Some(two)));
    assert_eq!(l.scratch.names().range("^gold").unwrap(), (None, Some(two)));
}

#[test]
fn what_is_not_there_is_told_with_advice() {
    let l = line();
    let error = |text: &str| l.scratch.names().version(text).unwrap_err();
    for (text, message, hint) in [
        ("cat", "there is no dataset, tag or version 'cat'", "did you mean cats?"),
        ("dogs", "there is no dataset, tag or version 'dogs'", "did you mean vision/dogs?"),
        ("cats@3", "there is no 'cats@3'", "cats@2.0.0"),
        ("cats@1.0.7", "there is no 'cats@1.0.7'", "cats@2.0.0"),
        ("elephant@1.0.0", "there is no dataset, tag or version 'elephant@1.0.0'", "dsv branch"),
    ] {
        let error = error(text);
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotFound, message));
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
    assert_eq!(error("HEAD~4").to_string(), "'HEAD~4': cats@1.0.0 has no parent");
    assert_eq!(error("HEAD^3").to_string(), "'HEAD^3': cats@2.0.0 has no parent number 3");
    assert_eq!(error(&"0".repeat(64)).kind(), ErrorKind::NotFound);
    assert_eq!(error("vision/dogs@2").to_string(), "there is no 'vision/dogs@2'");
}

fn meanings(error: &RevError) -> Vec<String> {
    match error {
        RevError::Ambiguous { candidates, .. } => candidates.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn several_meanings_are_listed() {
    let l = line();
    l.scratch.tag(l.cats[0], "cats");
    let error = l.scratch.names().version("cats~1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert_eq!(error.to_string(), "'cats' is ambiguous: it has 2 meanings");
    let [dataset, tag] = meanings(&error).try_into().unwrap();
    assert!(dataset.starts_with("dataset  ") && dataset.ends_with(" cats@2.0.0 subject 40"), "{dataset}");
    assert!(tag.starts_with("tag      "), "{tag}");
    assert!(error.hint().unwrap().contains("refs/tags/NAME"));
    assert_eq!(l.scratch.names().version("refs/tags/cats").unwrap(), l.cats[0]);

    // Two versions whose ids begin alike in four digits, found by trying messages.
    let s = &l.scratch;
    let mut seen = std::collections::HashMap::new();
    let (prefix, pair) = (0..)
        .find_map(|n| {
            let id = s.version("birds@1.0.0", 1000 + n, &[]);
            seen.insert(id.short(4), id).map(|other| (id.short(4), [id, other]))
        })
        .unwrap();
    let error = s.names().version(&prefix).unwrap_err();
    let meanings = meanings(&error).join("\n");
    assert!(pair.iter().all(|id| meanings.contains(&id.short(12))), "{meanings}");
    assert_eq!(error.hint().unwrap(), "write more digits of the id");
}

#[test]
fn one_version_by_several_names_is_not_ambiguous() {
    let l = line();
    l.scratch.tag(l.cats[3], "cats");
    assert_eq!(l.scratch.names().version("cats").unwrap(), l.cats[3]);
}

#[test]
fn two_versions_of_one_label_are_listed() {
    let s = Scratch::new();
    let root = s.version("cats@1.0.0", 1, &[]);
    let (one, other) = (s.version("cats@1.0.1", 2, &[root]), s.version("cats@1.0.1", 3, &[root]));
    let merged = s.version("cats@1.0.2", 4, &[one, other]);
    s.point("cats", merged);
    let error = s.names().version("cats@1.0.1").unwrap_err();
    let meanings = meanings(&error).join("\n");
    assert!(meanings.contains("subject 2") && meanings.contains("subject 3"), "{meanings}");
    assert_eq!(s.names().version("cats@1.0").unwrap(), merged);
}

#[test]
fn a_dataset_without_versions_says_so() {
    let s = Scratch::new();
    for text in ["HEAD", "cats", "cats@1.0.0", "HEAD~1", "cats@latest"] {
        let error = s.names().version(text).unwrap_err();
        assert_eq!(error.to_string(), "the dataset 'cats' has no version yet", "{text}");
    }
}

#[test]
fn a_tag_leads_to_the_newest_version_that_is_here() {
    let l = line();
    for id in [l.cats[0], l.cats[2], l.cats[1], VersionId::from_bytes([3; 32])] {
        l.scratch.tag(id, "gold");
    }
    assert_eq!(l.scratch.names().version("gold").unwrap(), l.cats[2]);
}

#[test]
fn paths_lead_into_versions_and_trees() {
    let s = Scratch::new();
    let writer = Writer::new(&s.db).unwrap();
    let mut compressor = writer.compressor().unwrap();
    let blob = writer.put_small_blob(b"x", &mut compressor).unwrap();
    let entry =
        |name: &str, kind, id| Entry { name: EntryName::new(name).unwrap(), kind, size: 1, files: 1, id };
    let dir = TreeNode::Leaf(vec![entry("a.csv", EntryKind::File, blob.object())]);
    let dir = writer.put_tree_node(&dir, &mut compressor).unwrap();
    let root = TreeNode::Leaf(vec![entry("data", EntryKind::Directory, dir.object())]);
    let root = writer.put_tree_node(&root, &mut compressor).unwrap();
    writer.finish().unwrap();
    s.point("cats", s.version_of(root, "cats@1.0.0", 1, &[]));
    let names = s.names();
    let object = |text: &str| names.object(text.as_bytes());
    assert_eq!(object("HEAD").unwrap().kind, ObjectKind::Version);
    assert_eq!(object("HEAD:").unwrap().id, root.object());
    assert_eq!(object("cats@1:data/").unwrap().id, dir.object());
    let file = object("HEAD:data/a.csv").unwrap();
    assert_eq!((file.kind, file.id), (ObjectKind::Blob, blob.object()));
    assert_eq!(object(&format!("{}:a.csv", dir.short(12))).unwrap().id, blob.object());
    assert_eq!(object(&blob.short(12)).unwrap().kind, ObjectKind::Blob);
    assert_eq!(names.tree(b"HEAD").unwrap(), root);
    assert_eq!(names.tree(b"HEAD:data").unwrap(), dir);

    let error = object("HEAD:data/b.csv").unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::NotFound, "there is no 'data/b.csv' in 'HEAD'")
    );
    assert_eq!(names.tree(b"HEAD:data/a.csv").unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(names.version(&dir.short(12)).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(object(&format!("{}:x", blob.short(12))).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(object("HEAD:data/a.csv/deeper").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(matches!(names.version("HEAD:data"), Err(RevError::Malformed { .. })));
}

#[test]
fn refs_of_a_version_that_is_gone_are_still_named() {
    let s = Scratch::new();
    let gone = VersionId::from_bytes([5; 32]);
    s.point("cats", gone);
    assert_eq!(s.names().version("cats").unwrap(), gone);
    assert_eq!(s.names().version("cats@1").unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(s.refs.names().unwrap(), [dataset("cats")]);
}
