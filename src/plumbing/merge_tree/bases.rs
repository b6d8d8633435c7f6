//! The base of a merge, also where lines of versions crossed and there are several.

use std::sync::Arc;

use super::{Base, Options, run};
use crate::model::{Monitor, VersionId};
use crate::plumbing::history::HistoryError;
use crate::plumbing::merge_base::best;
use crate::store::{ObjectDb, Writer};

/// Bases of bases are followed to this depth. Behind it nothing is taken for known, so that more becomes a conflict and
/// nothing is lost.
pub const MAX_LEVELS: usize = 16;

/// The base of a merge of versions: `one` are those of which one side is made, `other` those of the other. `None` when the sides
/// have no version in common.
///
/// Of several bases one tree is made, by merging them, the oldest first. Paths on which they do not agree are contested:
/// whatever one of the bases had there must not make the other side's change look like no change.
///
/// The caller holds the objects lock, since that tree is stored.
///
/// # Errors
/// When a version or a tree is missing or damaged; when the disk is full or fails; when the monitor asks to end.
pub fn merge_bases(
    db: &Arc<ObjectDb>,
    one: &[VersionId],
    other: &[VersionId],
    monitor: &Monitor<'_>,
) -> Result<Option<Base>, HistoryError> {
    level(db, one, other, 0, monitor)
}

fn level(
    db: &Arc<ObjectDb>,
    one: &[VersionId],
    other: &[VersionId],
    depth: usize,
    monitor: &Monitor<'_>,
) -> Result<Option<Base>, HistoryError> {
    let bases = best(db, one, other, monitor.interrupt)?;
    let Some((oldest, newer)) = bases.split_last() else { return Ok(None) };
    if depth >= MAX_LEVELS && !newer.is_empty() {
        return Ok(Some(Base::default()));
    }
    // Of what was deleted the files may be gone. To take what was before it for the base would make a change that one side took
    // back look like none.
    if bases.iter().any(|base| db.tombstones().contains(base)) {
        return Ok(Some(Base::default()));
    }
    let mut merged = vec![*oldest];
    let mut base = Base { tree: Some(db.version(oldest)?.tree), ..Base::default() };
    for next in newer.iter().rev() {
        let below = level(db, &merged, &[*next], depth + 1, monitor)?.unwrap_or_default();
        let theirs = Some(db.version(next)?.tree);
        let options = Options { base: &below, ours: base.tree, theirs, favour: None, label: "base" };
        let writer = Writer::new(db)?;
        let outcome = run(&writer, &options, monitor)?;
        writer.finish()?;
        base.tree = Some(outcome.tree.id);
        base.contested.extend(outcome.conflicts.into_iter().map(|conflict| conflict.path));
        merged.push(*next);
    }
    Ok(Some(base))
}
