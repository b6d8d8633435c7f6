//! What is stored and lies elsewhere becomes staged, without a file for it in the worktree.

use std::collections::BTreeMap;

use super::settle::on_disk;
use super::{apply, sparse, staged_content};
use crate::model::{Monitor, RepoPath};
use crate::plumbing::checkout::PathChange;
use crate::plumbing::sparse::Behind;
use crate::plumbing::tree_edit::empty_tree;
use crate::porcelain::{Error, Repository};
use crate::worktree::{IndexEditor, Staged};

/// Stages these. A file that lies in the worktree in the place of one becomes what is staged, if that loses nothing; no other
/// file is brought, and where one is not, the index is sparse from then on. The index is saved. When it fails it is to
/// be forgotten.
///
/// # Errors
/// When something uncommitted would be lost: then nothing is touched.
pub(in crate::porcelain) fn place(
    repo: &Repository,
    index: &mut IndexEditor,
    items: BTreeMap<RepoPath, Staged>,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let kinds = on_disk(repo, items.keys())?;
    let (mut changes, mut away) = (Vec::new(), Vec::new());
    for ((path, staged), kind) in items.into_iter().zip(kinds) {
        if kind.is_none() {
            away.push((path, staged));
            continue;
        }
        let old = index.get(&path)?.map(|staged| staged_content(&staged));
        changes.push(PathChange { path, old, new: Some(staged_content(&staged)) });
    }
    let begins = !away.is_empty() && !index.is_sparse();
    if begins {
        begin(index)?;
    }
    sparse::beginning(repo, begins, &sparse::Wanted::default(), || {
        apply(repo, index, &changes, false, monitor, |index| {
            let behind = Behind::new(repo.db(), index);
            for (path, staged) in &away {
                behind.stage_absent(index, path, Some(staged))?;
            }
            Ok(())
        })
    })?;
    Ok(())
}

/// Makes a full index sparse over the tree that it is known to have equalled; what was staged since stays staged.
fn begin(index: &mut IndexEditor) -> Result<(), Error> {
    let mut edits = Vec::new();
    match index.known_tree() {
        Some(_) => {
            for path in index.changed_since_tree() {
                edits.push((path.clone(), index.get(&path)?));
            }
        }
        None => {
            for entry in index.iter() {
                let entry = entry?;
                edits.push((entry.path, Some(entry.staged)));
            }
        }
    }
    let known = index.known_tree().unwrap_or_else(empty_tree);
    index.set_sparse(known);
    index.set_tree_but(known, edits);
    Ok(())
}
