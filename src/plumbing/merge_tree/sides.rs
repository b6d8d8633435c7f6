//! What each side changed, and where the two clash.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Options, stored};
use crate::model::{Entry, EntryKind, ObjectId, RepoPath, TreeId};
use crate::plumbing::TreeError;
use crate::plumbing::diff_index::is_entry;
use crate::plumbing::diff_tree::{DiffOptions, TreeChange, diff_trees};
use crate::plumbing::tree_walk::Lookups;
use crate::store::ObjectDb;

/// What one side made of the base.
pub(super) struct Side {
    /// By path.
    pub(super) changes: BTreeMap<RepoPath, TreeChange>,
    /// Files that were moved for certain, from where to where.
    moves: HashMap<RepoPath, RepoPath>,
}

impl Side {
    fn new(db: &Arc<ObjectDb>, base: Option<TreeId>, tree: Option<TreeId>) -> Result<Self, TreeError> {
        let mut changes = BTreeMap::new();
        let (base, tree) = (stored(base), stored(tree));
        diff_trees(db, base.as_ref(), tree.as_ref(), DiffOptions::default(), &mut |change| {
            changes.insert(change.path.clone(), change);
            Ok::<_, TreeError>(())
        })?;
        let moves = moves(&changes);
        Ok(Self { changes, moves })
    }

    /// Where a file was moved.
    pub(super) fn moved_to(&self, from: &RepoPath) -> Option<&RepoPath> {
        self.moves.get(from)
    }

    /// Files and links that this side has put somewhere.
    fn put(&self) -> impl Iterator<Item = &RepoPath> {
        self.changes.values().filter(|change| is_put(change)).map(|change| &change.path)
    }
}

/// An empty directory is not counted: it gives way.
fn is_put(change: &TreeChange) -> bool {
    change.new.as_ref().is_some_and(|new| !new.kind.is_dir())
}

/// Paths from which a content went, and to which it came.
type GoneAndCome<'a> = (Vec<&'a RepoPath>, Vec<&'a RepoPath>);

/// One file of a content that went, and one that came.
fn moves(changes: &BTreeMap<RepoPath, TreeChange>) -> HashMap<RepoPath, RepoPath> {
    let mut of_content: HashMap<(EntryKind, ObjectId), GoneAndCome<'_>> = HashMap::new();
    for change in changes.values() {
        let (entry, is_new) = match (&change.old, &change.new) {
            (Some(old), None) => (old, false),
            (None, Some(new)) => (new, true),
            _ => continue,
        };
        // Empty files are all alike.
        if entry.size > 0 && !entry.kind.is_dir() {
            let (gone, come) = of_content.entry((entry.kind, entry.id)).or_default();
            if is_new { come.push(&change.path) } else { gone.push(&change.path) }
        }
    }
    let certain = of_content.into_values().filter_map(|(gone, come)| match (&*gone, &*come) {
        ([from], [to]) => Some(((*from).clone(), (*to).clone())),
        _ => None,
    });
    certain.collect()
}

/// Both sides.
pub(super) struct Sides {
    pub(super) ours: Side,
    pub(super) theirs: Side,
    /// Paths of which it is not known what they were.
    pub(super) contested: BTreeSet<RepoPath>,
    /// Paths at which one side has a file and the other a directory with files, and those files.
    pub(super) clashes: BTreeSet<RepoPath>,
}

impl Sides {
    pub(super) fn new(db: &Arc<ObjectDb>, options: &Options<'_>) -> Result<Self, TreeError> {
        let mut ours = Side::new(db, options.base.tree, options.ours)?;
        let mut theirs = Side::new(db, options.base.tree, options.theirs)?;
        let lookups = Lookups::new(db);
        let at = |tree: Option<TreeId>, path: &RepoPath| -> Result<Option<Entry>, TreeError> {
            let entry = stored(tree).map(|tree| lookups.lookup(&tree, path)).transpose()?.flatten();
            Ok(entry.filter(is_entry))
        };
        let mut contested = BTreeSet::new();
        for path in &options.base.contested {
            let (our, their) = (at(options.ours, path)?, at(options.theirs, path)?);
            let is_same = match (&our, &their) {
                (Some(our), Some(their)) => our.same_content(their),
                (None, None) => true,
                _ => false,
            };
            for (side, new) in [(&mut ours, our), (&mut theirs, their)] {
                side.changes.remove(path);
                side.moves.retain(|from, to| from != path && to != path);
                if !is_same {
                    let change = TreeChange { path: path.clone(), old: None, new };
                    side.changes.insert(path.clone(), change);
                }
            }
            if !is_same {
                contested.insert(path.clone());
            }
        }
        let mut clashes = BTreeSet::new();
        for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
            for path in one.put() {
                for above in path.ancestors().skip(1) {
                    if other.changes.get(&above).is_some_and(is_put) {
                        clashes.extend([above, path.clone()]);
                    }
                }
            }
        }
        Ok(Self { ours, theirs, contested, clashes })
    }

    /// Whether a path can be merged like any other.
    pub(super) fn is_free(&self, path: &RepoPath) -> bool {
        !self.clashes.contains(path) && !self.contested.contains(path)
    }

    /// Whether a file that one side moved here can take along what the other side did to it: the other did nothing here.
    pub(super) fn is_free_to_arrive(&self, path: &RepoPath) -> bool {
        let both = self.ours.changes.contains_key(path) && self.theirs.changes.contains_key(path);
        self.is_free(path) && !both
    }
}
