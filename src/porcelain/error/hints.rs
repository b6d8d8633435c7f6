//! What a person can do next, by what failed below.

use crate::model::{ErrorKind, RepoPath};
use crate::plumbing::cache::CacheError;
use crate::plumbing::checkout::{CheckoutError, Obstacle};
use crate::plumbing::gc;
use crate::plumbing::stage::StageError;
use crate::plumbing::transfer::TransferError;
use crate::plumbing::write_tree::WriteTreeError;
use crate::store::StoreError;
use crate::worktree::WorktreeError;

pub(super) fn transfer_hint(error: &TransferError) -> Option<String> {
    let text = match error {
        TransferError::Store(error) => return store_hint(error),
        TransferError::Remote(error) => return error.hint(),
        TransferError::Diverged { .. } | TransferError::Moved { .. } => {
            "somebody pushed meanwhile: 'dsv pull' brings it here, and 'dsv push --rebase' puts yours on top"
        }
        TransferError::Damaged { .. }
        | TransferError::MissingObject { .. }
        | TransferError::MissingRecord { .. } => {
            "'dsv verify --remote NAME' tells what else is damaged there; nothing here was changed"
        }
        TransferError::NotConfirmed { .. } => "nothing there was changed; run it again",
        TransferError::Tree(_)
        | TransferError::History(_)
        | TransferError::Io(_)
        | TransferError::Interrupted(_)
        | TransferError::NothingThere { .. }
        | TransferError::UnsupportedFormat { .. } => return None,
    };
    Some(text.to_owned())
}

/// Names that there are, as far as a person wants to read them.
pub(super) fn there_hint(what: &str, there: &[String]) -> Option<String> {
    const SHOWN: usize = 10;
    let shown = there.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match there.len() {
        0 => None,
        count if count > SHOWN => Some(format!("{what} {shown} and {} more", count - SHOWN)),
        _ => Some(format!("{what} {shown}")),
    }
}

pub(super) fn cache_hint(error: &CacheError) -> Option<String> {
    match error {
        CacheError::Unusable { .. } => {
            Some("name another folder with DSV_CACHE_DIR, or see who may write to this one".to_owned())
        }
        _ if error.kind() == ErrorKind::Corrupt => Some(
            "'dsv cache clear' removes what is in the cache; the same command fetches it anew".to_owned(),
        ),
        CacheError::Store(error) => store_hint(error),
        CacheError::Checkout(error) => checkout_hint(error),
        CacheError::Io(_) | CacheError::Interrupted(_) => None,
    }
}

pub(super) fn gc_hint(error: &gc::Error) -> Option<String> {
    match error {
        gc::Error::Store(error) => store_hint(error),
        gc::Error::UnreadableIndex { .. } => {
            Some("'dsv index-pack' makes the index of a pack anew; remove the damaged one then".to_owned())
        }
        gc::Error::UserGone { .. } => Some(
            "is a disk not mounted? If the repository was moved, run 'dsv status' where it is now; once it is \
             moved or deleted, 'dsv gc --forget-missing' strikes the old place off the list"
                .to_owned(),
        ),
        gc::Error::InUseDamaged { .. } | gc::Error::Repository { .. } | gc::Error::StagingIndex { .. } => {
            Some("'dsv fsck', run in that repository, tells what is damaged and what is lost".to_owned())
        }
    }
}

/// What brings a damaged staging index back.
pub(super) const INDEX_ANEW: &str = "'dsv read-tree HEAD' makes the index anew from the last version; files stay, what was only staged is lost";

pub(super) fn worktree_hint(error: &WorktreeError) -> Option<String> {
    (error.kind() == ErrorKind::Corrupt).then(|| INDEX_ANEW.to_owned())
}

pub(super) fn write_tree_hint(error: &WriteTreeError) -> Option<String> {
    match error {
        WriteTreeError::Worktree(error) => worktree_hint(error),
        WriteTreeError::Tree(_) => None,
    }
}

/// What can be done about a failure of the database.
pub fn store_hint(error: &StoreError) -> Option<String> {
    if let StoreError::NotFetched { hint, .. } = error {
        return hint
            .clone()
            .or_else(|| Some("'dsv verify --remote NAME' tells what is damaged there".to_owned()));
    }
    if let StoreError::Link(error) = error {
        return error.hint();
    }
    match error.kind() {
        ErrorKind::Conflict => {
            Some("look at what is there now, and run it again if it is still right".to_owned())
        }
        ErrorKind::UnsupportedFormat => {
            Some("it was made by a newer dsv; 'dsv --version' tells which one this is".to_owned())
        }
        ErrorKind::Corrupt if is_format_file(error) => {
            Some("remove that file; then 'dsv init' writes it anew, and all else stays".to_owned())
        }
        ErrorKind::Locked => {
            Some("try again, or wait longer with 'dsv config set core.lock-timeout SECONDS'".to_owned())
        }
        ErrorKind::Corrupt => {
            Some("'dsv fsck --full' tells what else is damaged and what is lost".to_owned())
        }
        ErrorKind::DiskFull => Some("make room and run the command again; nothing was lost".to_owned()),
        _ => None,
    }
}

/// Whether the file that says what the repository is cannot be read, without which nothing else can be.
fn is_format_file(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged { path, .. } if path.file_name().is_some_and(|name| name == "format"))
}

pub(super) fn stage_hint(error: &StageError) -> Option<String> {
    let text = match error {
        StageError::Problems { .. } => {
            "leave them out with a line in .dsvignore, or make them readable; nothing was staged"
        }
        StageError::Missing { .. } => "check the spelling; paths are relative to the current folder",
        StageError::Ignored { .. } => "change .dsvignore to add it",
        StageError::Store(error) if error.kind() == ErrorKind::Interrupted => return None,
        StageError::Store(_) => {
            "nothing was staged; mend the files or leave them out with .dsvignore, and run it again"
        }
        StageError::Worktree(error) => return worktree_hint(error),
        StageError::Staged(error) => return write_tree_hint(error),
        StageError::Io(_) | StageError::Interrupted(_) => return None,
    };
    Some(text.to_owned())
}

/// What brings the files that are in danger into a version, or out of the way.
pub(in crate::porcelain) fn how_to_keep(obstacles: &[(RepoPath, Obstacle)]) -> &'static str {
    let any = |wanted| obstacles.iter().any(|(_, obstacle)| *obstacle == wanted);
    match (any(Obstacle::Modified), any(Obstacle::Staged), any(Obstacle::Untracked)) {
        (false, false, _) => "move them away, or commit them with 'dsv add' and 'dsv commit'",
        (false, true, false) => "commit them with 'dsv commit -m MESSAGE'",
        (true, _, false) => "commit them with 'dsv commit -a -m MESSAGE'",
        (false, true, true) => {
            "commit what is staged with 'dsv commit -m MESSAGE' and move what is untracked away"
        }
        (true, _, true) => "commit changes with 'dsv commit -a -m MESSAGE' and move what is untracked away",
    }
}

pub(super) fn checkout_hint(error: &CheckoutError) -> Option<String> {
    let text = match error {
        CheckoutError::WouldOverwrite { obstacles } => {
            let keep = how_to_keep(obstacles);
            return Some(format!("{keep}, or give --force to lose them; nothing was changed"));
        }
        CheckoutError::InTheWay { .. } | CheckoutError::HoldsRepository { .. } => {
            "move it away and run the command again"
        }
        CheckoutError::Undone(error) => {
            let hint = checkout_hint(error).map_or_else(String::new, |hint| format!("; {hint}"));
            return Some(format!("what was changed before it failed was changed back{hint}"));
        }
        CheckoutError::Partly { .. } => {
            "HEAD did not move. Run it again to go on; leave out what cannot be brought back with 'dsv checkout -f REV -- \
             PATH'; or go back with 'dsv checkout -f HEAD'"
        }
        CheckoutError::Lost { .. } => {
            "'dsv fsck --full' tells what else is lost; other files come back when they are named"
        }
        CheckoutError::Changed { .. } => "it was left as it is; look at it and run the command again",
        CheckoutError::WrongBytes { .. } | CheckoutError::WrongSize { .. } => {
            "'dsv fsck --full' tells what else is damaged"
        }
        CheckoutError::Store(error) => return store_hint(error),
        CheckoutError::Worktree(error) => return worktree_hint(error),
        CheckoutError::Io(_) | CheckoutError::Interrupted(_) => return None,
    };
    Some(text.to_owned())
}
