//! `rev-list`: versions, the newest first, never a parent before its child.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::history::{HistoryError, ancestors, kept};
use super::tree_walk::lookup;
use crate::model::{Entry, Monitor, ObjectId, RepoPath, TreeId, Version, VersionId};
use crate::store::ObjectDb;

/// Which versions to list.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Leave out these and everything behind them.
    pub exclude: Vec<VersionId>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Pass over so many first.
    pub skip: usize,
    /// Only versions in which one of these paths is not what it is in every parent.
    pub paths: Vec<RepoPath>,
    /// Follow only the first parent of each version.
    pub first_parent: bool,
}

/// A listed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: VersionId,
    /// Its manifest.
    pub version: Version,
}

/// Lists what can be reached from `starts`. Of versions that do not descend from each other the one with the
/// later time comes first.
///
/// # Errors
/// When a version or a tree is missing or damaged; when interrupted.
pub fn run(
    db: &ObjectDb,
    starts: &[VersionId],
    options: &Options,
    monitor: &Monitor<'_>,
) -> Result<Vec<Listed>, HistoryError> {
    let mut order = Order::new(db, starts, options, monitor)?;
    let limit = options.limit.unwrap_or(usize::MAX);
    let mut skip = options.skip;
    let mut listed = Vec::new();
    while listed.len() < limit
        && let Some((id, version)) = order.next()?
    {
        monitor.interrupt.check()?;
        if !touches(db, &version, &options.paths)? {
            continue;
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        listed.push(Listed { id, version });
    }
    Ok(listed)
}

/// The parents that a listing follows.
fn followed(version: &Version, first_parent: bool) -> &[VersionId] {
    if first_parent { &version.parents[..version.parents.len().min(1)] } else { &version.parents }
}

/// The versions in the order of the list. Where history is one line, only what is listed is read: there is
/// no other version that could come before the one that is next.
struct Order<'a> {
    db: &'a ObjectDb,
    options: &'a Options,
    monitor: &'a Monitor<'a>,
    rest: Rest,
}

/// What is not listed yet.
enum Rest {
    /// A version and what lies behind it.
    Line(VersionId),
    Graph(Graph),
    Nothing,
}

impl<'a> Order<'a> {
    fn new(
        db: &'a ObjectDb,
        starts: &[VersionId],
        options: &'a Options,
        monitor: &'a Monitor<'a>,
    ) -> Result<Self, HistoryError> {
        let rest = match starts {
            [start] if options.exclude.is_empty() => Rest::Line(*start),
            _ => Rest::Graph(Graph::load(db, starts, options, monitor)?),
        };
        Ok(Self { db, options, monitor, rest })
    }

    fn next(&mut self) -> Result<Option<(VersionId, Version)>, HistoryError> {
        let first_parent = self.options.first_parent;
        match &mut self.rest {
            Rest::Nothing => Ok(None),
            Rest::Graph(graph) => Ok(graph.next(first_parent)),
            Rest::Line(id) => {
                let id = *id;
                let version = self.db.version(&id)?;
                self.rest = match followed(&version, first_parent) {
                    [] => Rest::Nothing,
                    [parent] => Rest::Line(*parent),
                    parents => Rest::Graph(Graph::load(self.db, parents, self.options, self.monitor)?),
                };
                Ok(Some((id, version)))
            }
        }
    }
}

/// The versions to be listed, and those whose children are all listed.
struct Graph {
    versions: HashMap<VersionId, Version>,
    /// Children that are not listed yet.
    waiting_for: HashMap<VersionId, usize>,
    /// Ordered by time; the id makes the order definite.
    ready: BinaryHeap<(i64, Reverse<VersionId>)>,
}

impl Graph {
    fn load(
        db: &ObjectDb,
        starts: &[VersionId],
        options: &Options,
        monitor: &Monitor<'_>,
    ) -> Result<Self, HistoryError> {
        let excluded: HashSet<VersionId> = if options.exclude.is_empty() {
            HashSet::new()
        } else {
            ancestors(db, options.exclude.iter().copied(), monitor.interrupt)?.into_keys().collect()
        };
        let mut versions = HashMap::new();
        let mut pending = starts.to_vec();
        while let Some(id) = pending.pop() {
            monitor.interrupt.check()?;
            if excluded.contains(&id) || versions.contains_key(&id) {
                continue;
            }
            let version = db.version(&id)?;
            pending.extend_from_slice(followed(&version, options.first_parent));
            versions.insert(id, version);
        }
        let mut waiting_for: HashMap<VersionId, usize> = HashMap::new();
        for version in versions.values() {
            for parent in followed(version, options.first_parent) {
                *waiting_for.entry(*parent).or_default() += 1;
            }
        }
        let first = versions.iter().filter(|(id, _)| !waiting_for.contains_key(id));
        let ready = first.map(|(id, version)| (version.time.seconds, Reverse(*id))).collect();
        Ok(Self { versions, waiting_for, ready })
    }

    fn next(&mut self, first_parent: bool) -> Option<(VersionId, Version)> {
        let (_, Reverse(id)) = self.ready.pop()?;
        let version = self.versions.remove(&id)?;
        for parent in followed(&version, first_parent) {
            let Some(children) = self.waiting_for.get_mut(parent) else { continue };
            *children -= 1;
            if *children == 0
                && let Some(parent_version) = self.versions.get(parent)
            {
                self.ready.push((parent_version.time.seconds, Reverse(*parent)));
            }
        }
        Some((id, version))
    }
}

/// Whether one of the paths differs from what it is in every parent; without paths, always.
fn touches(db: &ObjectDb, version: &Version, paths: &[RepoPath]) -> Result<bool, HistoryError> {
    if paths.is_empty() {
        return Ok(true);
    }
    let own = contents(db, &version.tree, paths)?;
    if version.parents.is_empty() {
        return Ok(own.iter().any(Option::is_some));
    }
    for parent in &version.parents {
        let Some(parent) = kept(db, parent)? else { continue };
        if parent.tree == version.tree || contents(db, &parent.tree, paths)? == own {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What lies at each path: kind and id, or nothing.
fn contents(
    db: &ObjectDb,
    tree: &TreeId,
    paths: &[RepoPath],
) -> Result<Vec<Option<(u8, ObjectId)>>, HistoryError> {
    let content = |entry: Entry| (entry.kind.code(), entry.id);
    let at = |path: &RepoPath| match path.is_root() {
        true => Ok(Some((0, tree.object()))),
        false => Ok(lookup(db, tree, path)?.map(content)),
    };
    paths.iter().map(at).collect()
}

#[cfg(test)]
mod tests;
