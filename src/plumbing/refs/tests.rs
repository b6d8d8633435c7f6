use super::*;
use crate::plumbing::test_history::{Scratch, dataset, note};

#[test]
fn head_stands_for_its_dataset() {
    let s = Scratch::new();
    let (one, two) = (s.version("cats@1.0.0", 1, &[]), s.version("cats@1.0.1", 2, &[]));
    let update =
        |name: &RefName, expected, new| update_ref(&s.db, &s.refs, &s.lock(), name, expected, new, &note());
    update(&RefName::Head, Expected::Absent, Some(one)).unwrap();
    assert_eq!(s.refs.read(&dataset("cats")).unwrap(), Some(one));
    assert_eq!(symbolic_ref(&s.refs).unwrap(), dataset("cats"));

    s.set_head(&Head::Detached(one));
    assert_eq!(update(&RefName::Head, Expected::Is(two), Some(two)).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(update(&RefName::Head, Expected::Any, None).unwrap_err().kind(), ErrorKind::Usage);
    update(&RefName::Head, Expected::Is(one), Some(two)).unwrap();
    assert_eq!(s.refs.head().unwrap(), Head::Detached(two));
    assert_eq!(symbolic_ref(&s.refs).unwrap_err().kind(), ErrorKind::Refused);

    let missing = VersionId::from_bytes([1; 32]);
    let error = update(&RefName::Dataset(dataset("dogs")), Expected::Any, Some(missing)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn refs_are_listed_by_what_they_begin_with() {
    let s = Scratch::new();
    let id = s.version("cats@1.0.0", 1, &[]);
    for name in ["vision/cats", "vision/dogs", "vis", "a"] {
        s.point(name, id);
    }
    let list = |prefix: &str| -> Vec<String> {
        for_each_ref(&s.refs, prefix).unwrap().into_iter().map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(list("vision"), ["refs/datasets/vision/cats", "refs/datasets/vision/dogs"]);
    assert_eq!(list("refs/datasets/vision/"), list("vision"));
    assert_eq!(list("vis"), ["refs/datasets/vis"]);
    assert_eq!(list("").len(), 4);
    assert_eq!(list("refs").len(), 4);
}
