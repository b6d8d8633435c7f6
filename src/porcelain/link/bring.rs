//! Brings what links lead to into the worktree.

use crate::model::{Monitor, RepoPath};
use crate::plumbing::checkout::{CheckoutOptions, CheckoutStats};
use crate::porcelain::checkout::apply_with;
use crate::porcelain::pathspec::Pathspec;
use crate::porcelain::restore::links_elsewhere;
use crate::porcelain::{Error, Repository};

/// Brings what all staged links lead to, as far as it is not in the worktree.
///
/// # Errors
/// When a source is not what was recorded, or cannot be read: then nothing is written.
pub fn bring_all(repo: &Repository, force: bool, monitor: &Monitor<'_>) -> Result<CheckoutStats, Error> {
    let mut index = repo.edit_index(monitor)?;
    let changes = links_elsewhere(repo, &index, &Pathspec::below(RepoPath::root()))?;
    let options = CheckoutOptions { force, links: true };
    apply_with(repo, &mut index, &changes, options, monitor, |_| Ok(()))
}
