//! Names what is lost: for each version, the files and folders that cannot be brought back.

use super::finding::Lost;
use super::trees::{Trees, Versions};
use crate::codec::pack::RecordKind;
use crate::codec::tree::TreeNode;
use crate::model::{BlobId, Entry, MAX_PATH_LEN, RepoPath, TreeId};
use crate::store::{RecordSet, StoreError};

/// Names everything that versions lose. Trees in which nothing is lost are walked once for all versions.
pub(super) fn name(trees: &Trees<'_>, versions: &Versions) -> Result<(), StoreError> {
    for root in &versions.broken {
        // Which versions came before it, it alone would tell.
        let name = format!("{} and what came before it", root.name);
        let lost = Lost { version: root.version, name, path: RepoPath::root() };
        trees.report.add_lost(lost);
    }
    let whole = trees.empty_set();
    for version in &versions.whole {
        let mut walk = Walk { trees, whole: &whole, stack: Vec::new() };
        let mut go_on = true;
        let mut lose = |path: RepoPath| {
            go_on = trees.report.add_lost(Lost { version: version.id, name: version.name.clone(), path });
            go_on
        };
        walk.run(&version.tree, &mut lose)?;
        if !go_on {
            break;
        }
    }
    Ok(())
}

/// An open node on the way down.
struct Open {
    id: TreeId,
    /// The directory that it belongs to.
    path: RepoPath,
    rest: std::vec::IntoIter<Item>,
    /// Nothing below it was found lost so far.
    whole: bool,
}

/// What a node lists.
enum Item {
    Node(TreeId),
    Entry(Entry),
}

struct Walk<'a, 't> {
    trees: &'a Trees<'t>,
    /// Nodes below which nothing is lost.
    whole: &'a RecordSet,
    stack: Vec<Open>,
}

impl Walk<'_, '_> {
    fn run(&mut self, root: &TreeId, lose: &mut dyn FnMut(RepoPath) -> bool) -> Result<(), StoreError> {
        if !self.open(root, &RepoPath::root()) {
            lose(RepoPath::root());
            return Ok(());
        }
        while let Some(top) = self.stack.last_mut() {
            self.trees.monitor.interrupt.check()?;
            let Some(item) = top.rest.next() else {
                self.close();
                continue;
            };
            let path = top.path.clone();
            let lost = match item {
                // The files of a node without which a part of a folder is unknown have no names any more.
                Item::Node(id) => (!self.open(&id, &path)).then_some(path),
                Item::Entry(entry) => {
                    let path = path.join(&entry.name);
                    let kept = if entry.kind.is_dir() {
                        self.open(&TreeId::new(entry.id), &path)
                    } else {
                        self.trees.blob_is_whole(&BlobId::new(entry.id), None)?
                    };
                    (!kept).then_some(path)
                }
            };
            if let Some(path) = lost {
                if let Some(top) = self.stack.last_mut() {
                    top.whole = false;
                }
                if !lose(path) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Goes into a node unless nothing is lost there; false when the node itself is lost.
    fn open(&mut self, id: &TreeId, path: &RepoPath) -> bool {
        let elsewhere = |absent: &super::Absent<'_>| absent.is_promised(RecordKind::Tree, id.as_bytes());
        if self.whole.contains(RecordKind::Tree, id.as_bytes())
            || self.trees.absent.as_ref().is_some_and(elsewhere)
        {
            return true;
        }
        // Nodes that lead in a circle are not what their ids say; those are lost already.
        let Some(node) = self.trees.node(id).filter(|_| path.as_bytes().len() <= MAX_PATH_LEN) else {
            return false;
        };
        let items: Vec<Item> = match node {
            TreeNode::Leaf(entries) => entries.into_iter().map(Item::Entry).collect(),
            TreeNode::Inner { children, .. } => {
                children.into_iter().map(|child| Item::Node(child.id)).collect()
            }
        };
        self.stack.push(Open { id: *id, path: path.clone(), rest: items.into_iter(), whole: true });
        true
    }

    fn close(&mut self) {
        let Some(done) = self.stack.pop() else { return };
        if done.whole {
            self.whole.insert(RecordKind::Tree, done.id.as_bytes());
        } else if let Some(parent) = self.stack.last_mut() {
            parent.whole = false;
        }
    }
}
