//! Names for what is kept beside something else.
//!
//! `dir/name.ext` of theirs is kept as `dir/name~LABEL.ext`; when that is taken on either side, as `dir/name~LABEL-2.ext`
//! and so on. A name that begins with its only dot has no ending.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Options, stored};
use crate::model::{EntryName, RepoPath, TreeId};
use crate::plumbing::TreeError;
use crate::plumbing::tree_walk::Lookups;
use crate::store::ObjectDb;

/// Longest name that every common file system takes, in bytes.
const MAX_FILE_NAME: usize = 255;
/// More names than these are not tried.
const MAX_TRIES: usize = 1000;

/// Gives names, none twice.
pub(super) struct Names<'a> {
    lookups: Lookups<'a>,
    ours: Option<TreeId>,
    theirs: Option<TreeId>,
    label: String,
    given: BTreeSet<RepoPath>,
    /// What was given for a path, which more than one of theirs may lie below.
    known: BTreeMap<RepoPath, Option<RepoPath>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(db: &'a Arc<ObjectDb>, options: &Options<'_>) -> Self {
        let allowed = |c: char| if c == '/' || c.is_control() { '-' } else { c };
        Self {
            lookups: Lookups::new(db),
            ours: stored(options.ours),
            theirs: stored(options.theirs),
            label: options.label.chars().map(allowed).collect(),
            given: BTreeSet::new(),
            known: BTreeMap::new(),
        }
    }

    /// Where what their side has at a path goes when ours stays: to that path when ours has nothing there, else beside what is
    /// in its way.
    pub(super) fn beside(&mut self, path: &RepoPath) -> Result<Option<RepoPath>, TreeError> {
        let Some(obstacle) = self.obstacle(path)? else { return Ok(Some(path.clone())) };
        let renamed = match self.known.get(&obstacle) {
            Some(known) => known.clone(),
            None => {
                let found = self.free(&obstacle)?;
                self.known.insert(obstacle.clone(), found.clone());
                found
            }
        };
        let below = path.strip_prefix(&obstacle).unwrap_or_default();
        let joined = renamed.map(|renamed| renamed.join_path(&below));
        // A longer name may make a path that is too long.
        Ok(joined.filter(|path| RepoPath::new(path.as_bytes()).is_ok()))
    }

    /// What our side has at a path, or the file that it has above it.
    fn obstacle(&self, path: &RepoPath) -> Result<Option<RepoPath>, TreeError> {
        let Some(ours) = self.ours else { return Ok(None) };
        for at in path.ancestors() {
            let found = self.lookups.lookup(&ours, &at)?;
            if found.is_some_and(|entry| at == *path || !entry.kind.is_dir()) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// A name beside a path that neither side has.
    fn free(&mut self, path: &RepoPath) -> Result<Option<RepoPath>, TreeError> {
        let Some(name) = path.name() else { return Ok(None) };
        let parent = path.parent().unwrap_or_default();
        for number in 1..=MAX_TRIES {
            let Ok(name) = EntryName::new(renamed(name.as_bytes(), &self.label, number)) else { continue };
            let candidate = parent.join(&name);
            if !self.is_taken(&candidate)? && self.given.insert(candidate.clone()) {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn is_taken(&self, path: &RepoPath) -> Result<bool, TreeError> {
        for tree in [self.ours, self.theirs].into_iter().flatten() {
            if self.lookups.lookup(&tree, path)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn renamed(name: &[u8], label: &str, number: usize) -> Vec<u8> {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0);
    let (stem, ending) = name.split_at(dot.unwrap_or(name.len()));
    let mark = if number == 1 { format!("~{label}") } else { format!("~{label}-{number}") };
    // What had a name that fits keeps one.
    let room = MAX_FILE_NAME.max(name.len()).saturating_sub(mark.len() + ending.len());
    [shortened(stem, room), mark.as_bytes(), ending].concat()
}

/// The beginning of a name, cut between characters where it is text.
fn shortened(stem: &[u8], room: usize) -> &[u8] {
    if stem.len() <= room {
        return stem;
    }
    match std::str::from_utf8(stem) {
        Ok(text) => {
            let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            &stem[..end]
        }
        Err(_) => &stem[..room],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_ending_and_fit() {
        let name =
            |name: &str, number| String::from_utf8(renamed(name.as_bytes(), "cats@1.2.0", number)).unwrap();
        assert_eq!(name("a.csv", 1), "a~cats@1.2.0.csv");
        assert_eq!(name("a.tar.gz", 2), "a.tar~cats@1.2.0-2.gz");
        assert_eq!(name(".hidden", 1), ".hidden~cats@1.2.0");
        assert_eq!(name("README", 1), "README~cats@1.2.0");
        let long = name(&format!("{}.csv", "ü".repeat(125)), 1);
        assert!(long.len() <= 255 && long.ends_with("ü~cats@1.2.0.csv"), "{long}");
    }
}
