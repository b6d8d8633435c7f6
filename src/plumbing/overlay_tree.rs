//! Trees laid one over the other: where both have a path, the upper one has it its way.

use super::tree_edit::{WrittenTree, build_directory, empty_tree};
use super::tree_error::{TreeError, malformed};
use super::tree_walk::{Entries, totals};
use crate::model::{Entry, EntryName, Interrupt, MAX_DEPTH, RepoPath, Totals, TreeId};
use crate::store::{ObjectDb, Writer};

/// A path that the lower tree has otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// Where; a directory stands for all that is below it.
    pub path: RepoPath,
    /// What the lower tree has.
    pub lower: Entry,
    /// What the upper tree has, and the result.
    pub upper: Entry,
}

/// Lays a tree over another one; tells of each path at which the lower one is overridden. Directories that only one of them
/// has, or both alike, are not looked into.
///
/// # Errors
/// When a node is missing or damaged, or nests too deep; when the disk is full or fails; when interrupted.
pub fn overlay(
    writer: &Writer,
    lower: TreeId,
    upper: TreeId,
    interrupt: &Interrupt,
    on_override: &mut dyn FnMut(Overridden),
) -> Result<WrittenTree, TreeError> {
    let db: &ObjectDb = writer.db();
    for (one, other) in [(lower, upper), (upper, lower)] {
        if one == empty_tree() || one == other {
            return Ok(WrittenTree { id: other, totals: whole(db, &other)? });
        }
    }
    Overlay { writer, db, interrupt, on_override }.directory(&RepoPath::root(), lower, upper)
}

fn whole(db: &ObjectDb, tree: &TreeId) -> Result<Totals, TreeError> {
    if *tree == empty_tree() { Ok(Totals::default()) } else { totals(db, tree) }
}

struct Overlay<'a> {
    writer: &'a Writer,
    db: &'a ObjectDb,
    interrupt: &'a Interrupt,
    on_override: &'a mut dyn FnMut(Overridden),
}

impl Overlay<'_> {
    fn directory(&mut self, path: &RepoPath, lower: TreeId, upper: TreeId) -> Result<WrittenTree, TreeError> {
        self.interrupt.check()?;
        let (db, writer) = (self.db, self.writer);
        let mut lower = Entries::new(db, &lower, None)?.peekable();
        let mut upper = Entries::new(db, &upper, None)?.peekable();
        let merged = std::iter::from_fn(|| {
            let name = |entry: Option<&Result<Entry, TreeError>>| match entry {
                Some(Ok(entry)) => Some(entry.name.clone()),
                Some(Err(_)) | None => None,
            };
            // What cannot be read comes out at once and ends it.
            if matches!(lower.peek(), Some(Err(_))) {
                return lower.next();
            }
            match (name(lower.peek()), name(upper.peek())) {
                (Some(low), Some(up)) if low == up => {
                    let (low, up) = (lower.next()?, upper.next()?);
                    Some(low.and_then(|low| self.both(path, low, up?)))
                }
                (Some(low), Some(up)) if low < up => lower.next(),
                (Some(_), None) if upper.peek().is_none() => lower.next(),
                _ => upper.next(),
            }
        });
        build_directory(writer, merged)
    }

    fn both(&mut self, dir: &RepoPath, lower: Entry, upper: Entry) -> Result<Entry, TreeError> {
        if lower.same_content(&upper) {
            return Ok(upper);
        }
        let path = dir.join(&upper.name);
        if path.components().count() > MAX_DEPTH {
            return Err(malformed(&TreeId::new(upper.id), "its directories nest too deep"));
        }
        // An empty directory gives way to one that holds something.
        let empty = empty_tree().object();
        match (lower.kind.is_dir(), upper.kind.is_dir()) {
            (true, true) if upper.id == empty => Ok(lower),
            (true, true) if lower.id == empty => Ok(upper),
            (true, true) => {
                let name: EntryName = upper.name.clone();
                Ok(self.directory(&path, TreeId::new(lower.id), TreeId::new(upper.id))?.entry(name))
            }
            _ => {
                (self.on_override)(Overridden { path, lower, upper: upper.clone() });
                Ok(upper)
            }
        }
    }
}
