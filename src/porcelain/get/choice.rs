//! What of a version is meant.

use std::ffi::OsString;

use crate::model::{Entry, Interrupt, RepoPath, TreeId, Version};
use crate::plumbing::checkout::Content;
use crate::plumbing::shares::Share;
use crate::plumbing::tree_edit::empty_tree;
use crate::plumbing::tree_walk::{Entries, lookup};
use crate::porcelain::Error;
use crate::porcelain::checkout::content;
use crate::porcelain::pathspec::Pathspec;
use crate::store::ObjectDb;

/// Paths, patterns and a part of what they mean.
#[derive(Debug)]
pub(super) struct Choice {
    spec: Pathspec,
    pub(super) part: Option<Share>,
}

/// What is there as a whole: the only part of one.
fn all() -> Share {
    #[expect(clippy::expect_used, reason = "the first of one is there")]
    Share::new(0, 1).expect("the first of one is there")
}

impl Choice {
    pub(super) fn new(paths: &[OsString], part: Option<Share>) -> Result<Self, Error> {
        Ok(Self { spec: Pathspec::of_dataset(paths)?, part })
    }

    /// The paths and patterns.
    pub(super) fn texts(&self) -> Vec<String> {
        self.spec.texts()
    }

    /// The files, links and empty directories of a version that are chosen, in order. Where no paths are, what other parts
    /// have is not looked at.
    pub(super) fn select(
        &self,
        db: &ObjectDb,
        version: &Version,
        interrupt: &Interrupt,
    ) -> Result<Vec<(RepoPath, Content)>, Error> {
        if self.spec.is_empty() {
            let mut items = Vec::new();
            let share = self.part.unwrap_or_else(all);
            share.of_tree(db, &version.tree, interrupt, &mut |path, entry| {
                items.push((path, content(&entry)));
            })?;
            return Ok(items);
        }
        let entries = self.matching(db, version, interrupt)?;
        let own = match self.part {
            Some(part) => part.of_list(entries, |(_, entry)| entry.totals()),
            None => entries,
        };
        Ok(own.into_iter().map(|(path, entry)| (path, content(&entry))).collect())
    }

    fn matching(
        &self,
        db: &ObjectDb,
        version: &Version,
        interrupt: &Interrupt,
    ) -> Result<Vec<(RepoPath, Entry)>, Error> {
        let texts = self.texts();
        let mut met = vec![false; texts.len()];
        let mut found = Vec::new();
        let roots = self.spec.roots();
        for (at, root) in roots.iter().enumerate() {
            // What lies below an earlier one was found with it.
            if roots[..at].iter().any(|earlier| root.starts_with(earlier)) {
                continue;
            }
            let mut look = |path: RepoPath, entry: Entry| {
                if self.spec.meets(&path, &mut met) {
                    found.push((path, entry));
                }
            };
            let tree = match lookup(db, &version.tree, root)? {
                _ if root.is_root() => version.tree,
                Some(entry) if entry.kind.is_dir() && entry.id != empty_tree().object() => {
                    TreeId::new(entry.id)
                }
                // An empty directory is something by itself, as a file is.
                Some(entry) => {
                    look(root.clone(), entry);
                    continue;
                }
                None => continue,
            };
            all().of_tree(db, &tree, interrupt, &mut |path, entry| look(root.join_path(&path), entry))?;
        }
        let unmet = texts.into_iter().zip(met).filter(|(text, met)| !met && !text.is_empty());
        let paths: Vec<String> = unmet.map(|(text, _)| text).collect();
        if paths.is_empty() {
            return Ok(found);
        }
        let there = Entries::new(db, &version.tree, None)?.map(|entry| {
            let entry = entry?;
            Ok(format!("{}{}", entry.name, if entry.kind.is_dir() { "/" } else { "" }))
        });
        let there = there.take(100).collect::<Result<_, Error>>()?;
        Err(Error::NotInVersion { version: version.full_label(), paths, there })
    }
}
