use proptest::prelude::*;

use super::*;
use crate::codec::tree::TreeNode;
use crate::model::{EntryKind, EntryName};
use crate::plumbing::test_history::Scratch;
use crate::store::Writer;

fn list(s: &Scratch, starts: &[VersionId], options: &Options) -> Vec<VersionId> {
    run(&s.db, starts, options, &Monitor::quiet()).unwrap().into_iter().map(|listed| listed.id).collect()
}

#[test]
fn newest_first_and_never_a_parent_before_its_child() {
    let s = Scratch::new();
    let root = s.version("cats@1.0.0", 100, &[]);
    // The clock of whoever made this one was wrong: it is older than its parent.
    let skewed = s.version("cats@1.0.1", 5, &[root]);
    let side = s.version("cats@1.0.2", 60, &[root]);
    let tip = s.version("cats@1.1.0", 70, &[skewed, side]);
    assert_eq!(list(&s, &[tip], &Options::default()), [tip, side, skewed, root]);
    let first = Options { first_parent: true, ..Default::default() };
    assert_eq!(list(&s, &[tip], &first), [tip, skewed, root]);
    let some = Options { limit: Some(2), skip: 1, ..Default::default() };
    assert_eq!(list(&s, &[tip], &some), [side, skewed]);
    let range = Options { exclude: vec![side], ..Default::default() };
    assert_eq!(list(&s, &[tip], &range), [tip, skewed]);
    assert_eq!(list(&s, &[side, skewed, side], &Options::default()), [side, skewed, root]);
    assert_eq!(list(&s, &[root], &Options { exclude: vec![tip], ..Default::default() }), []);
}

#[test]
fn of_a_line_only_what_is_listed_is_read() {
    let s = Scratch::new();
    let mut line = vec![s.version("cats@1.0.0", 0, &[])];
    for number in 1..50 {
        line.push(s.version(&format!("cats@1.0.{number}"), 100 - number, &[line[line.len() - 1]]));
    }
    line.reverse();
    let records = || s.db.counters().records.load(std::sync::atomic::Ordering::Relaxed);
    let before = records();
    let some = Options { limit: Some(3), ..Default::default() };
    assert_eq!(list(&s, &line[..1], &some), line[..3]);
    assert_eq!(records() - before, 3);
    assert_eq!(list(&s, &line[..1], &Options::default()), line);
}

#[test]
fn only_versions_that_change_a_path() {
    let s = Scratch::new();
    let writer = Writer::new(&s.db).unwrap();
    let mut compressor = writer.compressor().unwrap();
    let mut tree = |a: Option<u8>, b: u8| {
        let file = |name: &str, id: u8| Entry {
            name: EntryName::new(name).unwrap(),
            kind: EntryKind::File,
            size: 1,
            files: 1,
            id: ObjectId::Sha256([id; 32]),
        };
        let entries = a.map(|id| file("a", id)).into_iter().chain([file("b", b)]).collect();
        writer.put_tree_node(&TreeNode::Leaf(entries), &mut compressor).unwrap()
    };
    let trees = [tree(None, 1), tree(Some(1), 1), tree(Some(1), 2), tree(Some(2), 2), tree(None, 2)];
    writer.finish().unwrap();
    let mut line: Vec<VersionId> = Vec::new();
    for (at, tree) in trees.into_iter().enumerate() {
        let parents: Vec<_> = line.last().copied().into_iter().collect();
        line.push(s.version_of(tree, &format!("cats@1.0.{at}"), at as i64, &parents));
    }
    let of = |paths: &[&str]| {
        let paths = paths.iter().map(|path| RepoPath::new(*path).unwrap()).collect();
        list(&s, &line[4..], &Options { paths, ..Default::default() })
    };
    assert_eq!(of(&["a"]), [line[4], line[3], line[1]]);
    assert_eq!(of(&["b"]), [line[2], line[0]]);
    assert_eq!(of(&["a", "b"]).len(), 5);
    assert_eq!(of(&[""]).len(), 5);
    assert_eq!(of(&["none"]), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_graph_is_listed_whole_and_in_order(
        edges in proptest::collection::vec((any::<u64>(), 0i64..9), 1..14)
    ) {
        let s = Scratch::new();
        let mut ids: Vec<VersionId> = Vec::new();
        for (at, (mask, second)) in edges.iter().enumerate() {
            let parents: Vec<_> = (0..at).filter(|n| mask >> n & 1 == 1).map(|n| ids[n]).collect();
            ids.push(s.version(&format!("cats@1.0.{at}"), *second, &parents));
        }
        let listed = run(&s.db, &ids, &Options::default(), &Monitor::quiet()).unwrap();
        prop_assert_eq!(listed.len(), ids.len());
        let place = |id: &VersionId| listed.iter().position(|listed| listed.id == *id);
        for listed in &listed {
            for parent in &listed.version.parents {
                prop_assert!(place(&listed.id) < place(parent));
            }
        }
    }
}
