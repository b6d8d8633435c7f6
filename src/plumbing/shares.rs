//! A tree in parts of about the same size, for several workers.
//!
//! All files stand in a line, in the order of a walk, each as long as its weight: its bytes and one more, so that empty
//! files are spread, too. The line is cut into equal pieces, and a file belongs to the piece that its middle falls in. So the
//! parts are disjoint and complete, whoever asks gets the same, and a part differs from the mean by no more than the largest
//! file. The totals that entries bear tell where a directory begins and ends, so that only those are read that a part
//! reaches into.

use super::tree_error::{TreeError, malformed, read_child};
use crate::codec::tree::{TreeNode, empty_tree};
use crate::model::{Entry, Interrupt, MAX_DEPTH, RepoPath, Totals, TreeId};
use crate::store::ObjectDb;

/// One part of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u32,
    parts: u32,
}

/// The weight of files: their bytes, and one for each.
fn weight(totals: Totals) -> u128 {
    u128::from(totals.bytes) + u128::from(totals.files)
}

impl Share {
    /// The part of this number, from 0; `None` when there are not so many.
    pub const fn new(part: u32, parts: u32) -> Option<Self> {
        if part < parts { Some(Self { part, parts }) } else { None }
    }

    /// Its number, and how many there are.
    pub const fn numbers(&self) -> (u32, u32) {
        (self.part, self.parts)
    }

    /// The part that the middle of a stretch falls in.
    fn part_at(&self, start: u128, weight: u128, total: u128) -> u32 {
        // Without remainder in halves of a byte. Weights have 65 bits and parts 32, so this fits.
        let part = (2 * start + weight) * u128::from(self.parts) / (2 * total).max(1);
        u32::try_from(part).unwrap_or(u32::MAX).min(self.parts - 1)
    }

    /// Whether something in a stretch can belong to this part.
    fn reaches(&self, start: u128, weight: u128, total: u128) -> bool {
        let (first, last) = (self.part_at(start, 0, total), self.part_at(start + weight, 0, total));
        (first..=last).contains(&self.part)
    }

    /// Those of some files that belong to this part; `totals` tells what each adds to the whole.
    pub fn of_list<T>(&self, items: Vec<T>, totals: impl Fn(&T) -> Totals) -> Vec<T> {
        let total = items.iter().map(|item| weight(totals(item))).sum();
        let mut at = 0;
        let own = items.into_iter().filter(|item| {
            let (start, weight) = (at, weight(totals(item)));
            at += weight;
            self.part_at(start, weight, total) == self.part
        });
        own.collect()
    }

    /// Gives each file, link and empty directory of a tree that belongs to this part to `sink`.
    ///
    /// # Errors
    /// When a node is missing or damaged; when interrupted.
    pub fn of_tree(
        &self,
        db: &ObjectDb,
        tree: &TreeId,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(RepoPath, Entry),
    ) -> Result<(), TreeError> {
        let root = db.tree_node(tree)?;
        let total = weight(root.totals());
        Walk { db, share: *self, total, at: 0, interrupt, sink }.node(&RepoPath::root(), tree, root, 1)
    }
}

struct Walk<'a> {
    db: &'a ObjectDb,
    share: Share,
    total: u128,
    /// Where in the line the walk is.
    at: u128,
    interrupt: &'a Interrupt,
    sink: &'a mut dyn FnMut(RepoPath, Entry),
}

impl Walk<'_> {
    /// Calls `go` if the part reaches into what comes next, and goes on behind it. Where that is, is told by the totals of
    /// what was entered, too, so that it is the same for those who did not enter it.
    fn enter(
        &mut self,
        totals: Totals,
        go: impl FnOnce(&mut Self) -> Result<(), TreeError>,
    ) -> Result<(), TreeError> {
        let (start, weight) = (self.at, weight(totals));
        if self.share.reaches(start, weight, self.total) {
            self.interrupt.check()?;
            go(self)?;
        }
        self.at = start + weight;
        Ok(())
    }

    fn node(
        &mut self,
        path: &RepoPath,
        tree: &TreeId,
        node: TreeNode,
        depth: usize,
    ) -> Result<(), TreeError> {
        if depth > MAX_DEPTH {
            return Err(malformed(tree, "directories lie too deep inside each other"));
        }
        match node {
            TreeNode::Leaf(entries) => {
                entries.into_iter().try_for_each(|entry| self.entry(path.join(&entry.name), entry, depth))
            }
            TreeNode::Inner { level, children } => children.iter().try_for_each(|child| {
                self.enter(child.totals, |walk| {
                    walk.node(path, tree, read_child(walk.db, child, level - 1)?, depth)
                })
            }),
        }
    }

    fn entry(&mut self, path: RepoPath, entry: Entry, depth: usize) -> Result<(), TreeError> {
        if entry.kind.is_dir() && entry.id != empty_tree().object() {
            let tree = TreeId::new(entry.id);
            return self.enter(entry.totals(), |walk| {
                let root = walk.db.tree_node(&tree)?;
                walk.node(&path, &tree, root, depth + 1)
            });
        }
        let (start, weight) = (self.at, weight(entry.totals()));
        if self.share.part_at(start, weight, self.total) == self.share.part {
            (self.sink)(path, entry);
        }
        self.at = start + weight;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{BlobId, EntryKind};
    use crate::plumbing::tree_edit::{Edit, apply};
    use crate::store::{StoreOptions, Writer};
    use crate::sys::OsFs;

    struct Fixture {
        db: Arc<ObjectDb>,
        tree: TreeId,
        _dir: tempfile::TempDir,
    }

    /// A tree of files of these sizes, and empty directories where there is none.
    fn fixture<'a>(files: impl IntoIterator<Item = (&'a str, Option<u64>)>) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        let db = Arc::new(ObjectDb::open(OsFs::new(), &objects, StoreOptions::default()).unwrap());
        let blob = BlobId::from_bytes([7; 32]).object();
        let edit = |size: Option<u64>| match size {
            Some(size) => Edit::file(EntryKind::File, size, blob),
            None => Edit::empty_directory(),
        };
        let edits: BTreeMap<_, _> =
            files.into_iter().map(|(path, size)| (RepoPath::new(path).unwrap(), edit(size))).collect();
        let writer = Writer::new(&db).unwrap();
        let tree = apply(&writer, None, &edits).unwrap().id;
        writer.finish().unwrap();
        Fixture { db, tree, _dir: dir }
    }

    impl Fixture {
        fn part(&self, part: u32, parts: u32) -> Vec<(RepoPath, Entry)> {
            let mut found = Vec::new();
            let share = Share::new(part, parts).unwrap();
            share
                .of_tree(&self.db, &self.tree, &Interrupt::new(), &mut |path, entry| {
                    found.push((path, entry))
                })
                .unwrap();
            found
        }
    }

    #[test]
    fn a_part_must_be_one_of_those_there_are() {
        assert!(Share::new(0, 0).is_none() && Share::new(4, 4).is_none());
        assert_eq!(Share::new(3, 4).unwrap().numbers(), (3, 4));
    }

    proptest! {
        #[test]
        fn parts_of_a_list_are_disjoint_complete_and_balanced(
            sizes in proptest::collection::vec(0u64..5000, 0..60),
            parts in 1u32..9,
        ) {
            let items: Vec<(usize, u64)> = sizes.iter().copied().enumerate().collect();
            let totals = |(_, bytes): &(usize, u64)| Totals { files: 1, bytes: *bytes };
            let mut all = Vec::new();
            let total: u64 = sizes.iter().map(|size| size + 1).sum();
            let largest = sizes.iter().map(|size| size + 1).max().unwrap_or(0);
            for part in 0..parts {
                let own = Share::new(part, parts).unwrap().of_list(items.clone(), totals);
                let weight: u64 = own.iter().map(|(_, size)| size + 1).sum();
                prop_assert!(weight.abs_diff(total / u64::from(parts)) <= largest + 1);
                all.extend(own);
            }
            prop_assert_eq!(all, items);
        }

        #[test]
        fn parts_of_a_tree_are_those_of_the_list_of_its_files(
            files in proptest::collection::btree_map(
                "([a-c]{1,2}/){0,3}[x-z]{1,2}",
                proptest::option::weighted(0.9, 0u64..300),
                0..40,
            ),
            parts in 1u32..7,
        ) {
            let fixture = fixture(files.iter().map(|(path, size)| (path.as_str(), *size)));
            let whole = fixture.part(0, 1);
            let mut all = Vec::new();
            for part in 0..parts {
                let own = fixture.part(part, parts);
                let share = Share::new(part, parts).unwrap();
                prop_assert_eq!(&own, &share.of_list(whole.clone(), |(_, entry)| entry.totals()));
                all.extend(own);
            }
            prop_assert_eq!(all.len(), files.len());
            prop_assert_eq!(all, whole);
        }
    }

    #[test]
    fn directories_and_nodes_of_other_parts_are_not_read() {
        let nested: Vec<String> = (0..64).map(|n| format!("d{n:02}/file")).collect();
        let flat: Vec<String> = (0..20_000).map(|n| format!("file{n:05}")).collect();
        for (names, nodes) in [(nested, 1 + 6), (flat, 40)] {
            let fixture = fixture(names.iter().map(|name| (name.as_str(), Some(100))));
            let before = fixture.db.counters().tree_nodes.load(Ordering::Relaxed);
            assert_eq!(fixture.part(3, 16).len(), names.len() / 16);
            let read = fixture.db.counters().tree_nodes.load(Ordering::Relaxed) - before;
            assert!(read <= nodes, "{read} nodes were read");
        }
    }
}
