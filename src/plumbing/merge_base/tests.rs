use super::*;
use crate::plumbing::test_history::Scratch;

#[test]
fn lines_that_crossed_have_two_bases() {
    let s = Scratch::new();
    let root = s.version("cats@1.0.0", 1, &[]);
    let (a, b) = (s.version("cats@1.0.1", 2, &[root]), s.version("dogs@1.0.0", 3, &[root]));
    let (a2, b2) = (s.version("cats@1.0.2", 4, &[a, b]), s.version("dogs@1.0.1", 5, &[b, a]));
    let alone = s.version("birds@1.0.0", 6, &[]);
    let base = |one, other| run(&s.db, &one, &other, &s.interrupt).unwrap();
    assert_eq!(base(a2, b2), [b, a]);
    assert_eq!(base(a, b), [root]);
    assert_eq!(base(a2, a), [a]);
    assert_eq!(base(a2, a2), [a2]);
    assert_eq!(base(a2, alone), []);
}
