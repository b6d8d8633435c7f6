//! `merge-tree`: what two sides made of one tree becomes one tree, path by path.
//!
//! Only what differs from the base is read. A path that one side changed is taken from that side; a path that both
//! changed to the same is as both have it; of a text that both changed, lines are merged ([`merge_lines`]); the
//! executable bit is merged apart from the content. What is left is a conflict, and keeps what our side has until somebody
//! solves it. No path of either side goes unless the other side removed it and this one left it alone.
//!
//! # Renames
//!
//! A file that one side moved, with the very same bytes, and the other changed, has the change under its new name
//! ([`Carried`]). That is done where it is certain: one file of that content went and one came. A file that both moved, each
//! elsewhere, is in both places.
//!
//! # Files and directories
//!
//! A file of one side that is where the other has a directory is a conflict, and so is each changed file of the other
//! side in that directory. An empty directory is no obstacle: it goes where something comes into it, or a file in its place or above.

mod bases;
mod lines;
mod names;
mod sides;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::TreeError;
use super::diff_index::is_entry;
use super::diff_tree::TreeChange;
use super::tree_edit::{Edit, WrittenTree, apply, empty_tree};
use super::tree_walk::Lookups;
use crate::model::{ConflictKind, Entry, EntryKind, Favour, Monitor, RepoPath, TreeId};
use crate::store::Writer;

pub use bases::{MAX_LEVELS, merge_bases};
use lines::TextMerger;
pub use lines::{MAX_TEXT, merge_lines};
use names::Names;
use sides::Sides;

/// What is compared with: the tree from which both sides began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// The tree; nothing at all where the sides have nothing in common.
    pub tree: Option<TreeId>,
    /// Paths of which it is not known what they were, since several bases do not agree on them. They are a
    /// conflict unless both sides have the same.
    pub contested: BTreeSet<RepoPath>,
}

/// What to merge.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Where both began.
    pub base: &'a Base,
    /// Our side.
    pub ours: Option<TreeId>,
    /// Their side.
    pub theirs: Option<TreeId>,
    /// What becomes of conflicts; they are left to be solved unless told.
    pub favour: Option<Favour>,
    /// The word that tells their files from ours where both are kept, as in `a~cats@1.2.0.csv`; a slash in it becomes
    /// a hyphen.
    pub label: &'a str,
}

/// A path that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub path: RepoPath,
    /// Why.
    pub kind: ConflictKind,
    /// What it was; nothing where there was nothing, or it is not known.
    pub base: Option<Entry>,
    /// What our side has there.
    pub ours: Option<Entry>,
    /// What their side has there.
    pub theirs: Option<Entry>,
    /// Where theirs goes when both are kept: to its own place when ours has nothing there, else beside it. Nothing when
    /// their side has nothing, or no name is free.
    pub beside: Option<RepoPath>,
}

/// A change of one side that went along with a file which the other moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Where the file was.
    pub from: RepoPath,
    /// Where it is, with the change.
    pub to: RepoPath,
}

/// What became of two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The tree; what our side has where there are conflicts.
    pub tree: WrittenTree,
    /// The paths at which it is not our side's, in byte order.
    pub changes: Vec<TreeChange>,
    /// What is to be solved, in byte order of path.
    pub conflicts: Vec<Conflict>,
    /// Conflicts that were solved as [`Options::favour`] says, in byte order of path.
    pub favoured: Vec<Conflict>,
    /// Texts of which both sides changed lines.
    pub merged_by_lines: Vec<RepoPath>,
    /// Changes that went along with a move.
    pub carried: Vec<Carried>,
}

/// Merges two trees. What is new is given to the writer, which the caller finishes; the trees of the options are in the
/// database.
///
/// # Errors
/// When a tree or a text is missing or damaged; when the disk is full or fails; when the monitor asks to end.
pub fn run(writer: &Writer, options: &Options<'_>, monitor: &Monitor<'_>) -> Result<Outcome, TreeError> {
    let sides = Sides::new(writer.db(), options)?;
    let mut merge = Merge {
        options,
        names: Names::new(writer.db(), options),
        texts: TextMerger::new(writer, monitor),
        edits: BTreeMap::new(),
        held: BTreeSet::new(),
        empty: Vec::new(),
        conflicts: Vec::new(),
        favoured: Vec::new(),
        carried: Vec::new(),
    };
    merge.paths(&sides)?;
    merge.texts(&sides)?;
    merge.empty_directories(&sides);
    merge.finish(writer)
}

/// What has to be done at a path.
enum Judgement {
    /// Ours is right.
    Keep,
    /// It becomes this.
    Become(Option<Entry>),
    /// Lines have to be merged, to a file of this kind.
    Lines(EntryKind),
    /// It cannot be told.
    Conflict(ConflictKind),
}

struct Merge<'a> {
    options: &'a Options<'a>,
    names: Names<'a>,
    texts: TextMerger<'a>,
    edits: BTreeMap<RepoPath, Option<Entry>>,
    /// Paths in conflict at which ours stays.
    held: BTreeSet<RepoPath>,
    /// Empty directories of theirs, which come only where nothing else is.
    empty: Vec<(RepoPath, Entry)>,
    conflicts: Vec<Conflict>,
    favoured: Vec<Conflict>,
    carried: Vec<Carried>,
}

impl Merge<'_> {
    /// Every path that their side changed, or that clashes with one.
    fn paths(&mut self, sides: &Sides) -> Result<(), TreeError> {
        let arrivals = self.carry(sides);
        for (path, theirs) in &sides.theirs.changes {
            if arrivals.contains(path) {
                continue;
            }
            let ours = sides.ours.changes.get(path);
            let base = theirs.old.as_ref();
            let judgement = match ours {
                _ if sides.clashes.contains(path) => Judgement::Conflict(ConflictKind::FileDirectory),
                Some(ours) => {
                    judge(base, ours.new.as_ref(), theirs.new.as_ref(), sides.contested.contains(path))
                }
                None => Judgement::Become(theirs.new.clone()),
            };
            let ours = ours.map_or(base, |ours| ours.new.as_ref()).cloned();
            self.act(path, judgement, [base.cloned(), ours, theirs.new.clone()])?;
        }
        for path in &sides.clashes {
            let ours = sides.ours.changes.get(path).filter(|_| !sides.theirs.changes.contains_key(path));
            if let Some(ours) = ours {
                let entries = [ours.old.clone(), ours.new.clone(), ours.old.clone()];
                self.act(path, Judgement::Conflict(ConflictKind::FileDirectory), entries)?;
            }
        }
        Ok(())
    }

    /// Changes that go along with a move of the other side; gives the places at which nothing else is to be done.
    fn carry(&mut self, sides: &Sides) -> BTreeSet<RepoPath> {
        let mut arrivals = BTreeSet::new();
        for (from, theirs) in &sides.theirs.changes {
            let Some(ours) = sides.ours.changes.get(from) else { continue };
            let (to, entry) = match (&ours.new, &theirs.new) {
                (Some(entry), None) => (sides.theirs.moved_to(from), entry),
                (None, Some(entry)) => (sides.ours.moved_to(from), entry),
                _ => continue,
            };
            let is_file = theirs.old.as_ref().is_some_and(|old| !old.kind.is_dir()) && !entry.kind.is_dir();
            let Some(to) = to.filter(|to| is_file && sides.is_free(from) && sides.is_free_to_arrive(to))
            else {
                continue;
            };
            if ours.new.is_some() {
                self.edits.insert(from.clone(), None);
            }
            self.edits.insert(to.clone(), Some(entry.clone()));
            self.carried.push(Carried { from: from.clone(), to: to.clone() });
            arrivals.extend([from.clone(), to.clone()]);
        }
        arrivals
    }

    fn act(
        &mut self,
        path: &RepoPath,
        judgement: Judgement,
        [base, ours, theirs]: [Option<Entry>; 3],
    ) -> Result<(), TreeError> {
        match judgement {
            Judgement::Keep => {}
            Judgement::Become(Some(entry)) if entry.kind.is_dir() => self.empty.push((path.clone(), entry)),
            Judgement::Become(new) => {
                self.edits.insert(path.clone(), new);
            }
            Judgement::Lines(kind) => match (&base, &ours, &theirs) {
                (Some(base), Some(ours), Some(theirs)) => self.texts.add(path, kind, base, ours, theirs),
                _ => self.conflict(path, ConflictKind::Content, [base, ours, theirs])?,
            },
            Judgement::Conflict(kind) => self.conflict(path, kind, [base, ours, theirs])?,
        }
        Ok(())
    }

    fn conflict(
        &mut self,
        path: &RepoPath,
        kind: ConflictKind,
        [base, ours, theirs]: [Option<Entry>; 3],
    ) -> Result<(), TreeError> {
        let beside = if theirs.is_some() { self.names.beside(path)? } else { None };
        let conflict = Conflict { path: path.clone(), kind, base, ours, theirs, beside };
        let is_solved = match self.options.favour {
            None => false,
            Some(Favour::Ours) => true,
            Some(Favour::Theirs) => {
                self.take_theirs(&conflict);
                true
            }
            Some(Favour::Both) => match (&conflict.theirs, &conflict.beside) {
                (Some(theirs), Some(beside)) => {
                    self.edits.insert(beside.clone(), Some(theirs.clone()));
                    true
                }
                (theirs, _) => theirs.is_none(),
            },
        };
        if conflict.ours.is_some() && self.options.favour != Some(Favour::Theirs) {
            self.held.insert(path.clone());
        }
        if is_solved {
            self.favoured.push(conflict)
        } else {
            self.conflicts.push(conflict)
        }
        Ok(())
    }

    fn take_theirs(&mut self, conflict: &Conflict) {
        match &conflict.theirs {
            // It must not take the place of what comes, or stays, in it.
            Some(theirs) if theirs.kind.is_dir() => {
                if conflict.ours.is_some() {
                    self.edits.insert(conflict.path.clone(), None);
                }
                self.empty.push((conflict.path.clone(), theirs.clone()));
            }
            theirs => _ = self.edits.insert(conflict.path.clone(), theirs.clone()),
        }
    }

    /// Merges the texts that wait for it; what cannot be merged is a conflict.
    fn texts(&mut self, sides: &Sides) -> Result<(), TreeError> {
        for (path, merged) in self.texts.run()? {
            if let Some(entry) = merged {
                self.edits.insert(path, Some(entry));
                continue;
            }
            let (Some(ours), Some(theirs)) = (sides.ours.changes.get(&path), sides.theirs.changes.get(&path))
            else {
                continue;
            };
            let entries = [theirs.old.clone(), ours.new.clone(), theirs.new.clone()];
            self.conflict(&path, ConflictKind::Content, entries)?;
        }
        Ok(())
    }

    fn empty_directories(&mut self, sides: &Sides) {
        for (path, entry) in std::mem::take(&mut self.empty) {
            let is_held = below(&self.held, &path).next().is_some();
            let stays = |change: &TreeChange| {
                change.new.is_some() && !matches!(self.edits.get(&change.path), Some(None))
            };
            let is_blocked = path.ancestors().skip(1).any(|above| {
                let file = |change: &&TreeChange| change.new.as_ref().is_some_and(|new| !new.kind.is_dir());
                self.held.contains(&above) || sides.ours.changes.get(&above).filter(file).is_some_and(stays)
            });
            let is_filled = is_held
                || is_blocked
                || below_in(&sides.ours.changes, &path).any(|(_, change)| stays(change))
                || below_in(&self.edits, &path).any(|(_, new)| new.is_some());
            if !is_filled {
                self.edits.insert(path, Some(entry));
            }
        }
    }

    fn finish(mut self, writer: &Writer) -> Result<Outcome, TreeError> {
        let lookups = Lookups::new(writer.db());
        let mut changes = Vec::new();
        for (path, new) in &self.edits {
            let ours = self.options.ours.map(|tree| lookups.lookup(&tree, path)).transpose()?.flatten();
            let old = ours.filter(is_entry);
            let is_same = match (&old, new) {
                (Some(old), Some(new)) => old.same_content(new),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                // An entry that goes to another name bears that one.
                let new = new.clone().zip(path.name()).map(|(entry, name)| Entry { name, ..entry });
                changes.push(TreeChange { path: path.clone(), old, new });
            }
        }
        let edits = changes.iter().map(|change| (change.path.clone(), edit(change.new.as_ref()))).collect();
        let tree = apply(writer, self.options.ours.as_ref(), &edits)?;
        for conflicts in [&mut self.conflicts, &mut self.favoured] {
            conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        }
        Ok(Outcome {
            tree,
            changes,
            conflicts: self.conflicts,
            favoured: self.favoured,
            merged_by_lines: self.texts.into_merged(),
            carried: self.carried,
        })
    }
}

fn edit(new: Option<&Entry>) -> Edit {
    match new {
        None => Edit::Remove,
        Some(entry) if entry.kind.is_dir() => Edit::empty_directory(),
        Some(entry) => Edit::file(entry.kind, entry.size, entry.id),
    }
}

/// The paths of a set that lie below one.
fn below<'a>(set: &'a BTreeSet<RepoPath>, path: &'a RepoPath) -> impl Iterator<Item = &'a RepoPath> {
    let behind = set.range(path.clone()..).take_while(|other| other.as_bytes().starts_with(path.as_bytes()));
    behind.filter(move |other| *other != path && other.starts_with(path))
}

/// The same of a map.
fn below_in<'a, T>(
    map: &'a BTreeMap<RepoPath, T>,
    path: &'a RepoPath,
) -> impl Iterator<Item = (&'a RepoPath, &'a T)> {
    let behind =
        map.range(path.clone()..).take_while(|(other, _)| other.as_bytes().starts_with(path.as_bytes()));
    behind.filter(move |(other, _)| *other != path && other.starts_with(path))
}

/// What becomes of a path that both sides changed, or of which it is not known what it was.
fn judge(base: Option<&Entry>, ours: Option<&Entry>, theirs: Option<&Entry>, contested: bool) -> Judgement {
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return Judgement::Keep,
        (Some(ours), Some(theirs)) if ours.same_content(theirs) => return Judgement::Keep,
        (Some(ours), Some(theirs)) => (ours, theirs),
        _ => return Judgement::Conflict(ConflictKind::ChangedRemoved),
    };
    if ours.kind.is_dir() != theirs.kind.is_dir() {
        return Judgement::Conflict(ConflictKind::FileDirectory);
    }
    let are_files = is_file(ours.kind) && is_file(theirs.kind);
    match base.filter(|base| !contested && are_files && is_file(base.kind)) {
        Some(base) => judge_files(base, ours, theirs),
        None if ours.kind != theirs.kind && (!are_files || ours.id == theirs.id) => {
            Judgement::Conflict(ConflictKind::Kind)
        }
        None if base.is_none() && !contested => Judgement::Conflict(ConflictKind::Added),
        None => Judgement::Conflict(ConflictKind::Content),
    }
}

/// Content and executable bit are merged apart from each other. Of two bits, two that differ from a third are the same.
fn judge_files(base: &Entry, ours: &Entry, theirs: &Entry) -> Judgement {
    let kind = if ours.kind == base.kind { theirs.kind } else { ours.kind };
    let content = if ours.id == theirs.id || theirs.id == base.id {
        ours
    } else if ours.id == base.id {
        theirs
    } else {
        return Judgement::Lines(kind);
    };
    Judgement::Become(Some(Entry { kind, ..content.clone() }))
}

const fn is_file(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::File | EntryKind::Executable)
}

/// A tree by its id; the empty one, which need not be stored, is none.
fn stored(tree: Option<TreeId>) -> Option<TreeId> {
    tree.filter(|tree| *tree != empty_tree())
}
