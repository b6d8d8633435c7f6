//! `dsv upload`: sends the bytes of the open draft before it is committed.

use super::{Draft, DraftError, DraftState};
use crate::model::{Monitor, RemoteName, Step};
use crate::plumbing::Writer;
use crate::plumbing::labels::{self, LabelChoice};
use crate::plumbing::transfer::{EarlyOptions, EarlyOutcome, send_early};
use crate::plumbing::write_tree::write_tree;
use crate::porcelain::{Error, Repository, remotes};

/// Where to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The draft.
    pub draft: Draft,
    /// The remote.
    pub remote: RemoteName,
    /// What it had not.
    pub sent: EarlyOutcome,
}

/// Sends what is staged. The push of the version that it becomes sends only what came since; until then others see that it is on its
/// way, and cannot get it.
///
/// # Errors
/// When no draft is open, or the remote fails: then the draft tells so until it is tried again.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = remotes::open(repo, options.remote.as_ref())?;
    let mut index = repo.edit_index(monitor)?;
    let mut draft = repo.open_draft()?.ok_or(DraftError::NoneOpen)?;
    draft.check(Step::Send)?;
    // Nobody removes objects while they are sent; and files can be added meanwhile.
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    let written = write_tree(&mut index, &writer)?;
    writer.finish()?;
    index.save()?;
    drop(index);
    let label = match &draft.label {
        Some(label) => label.clone(),
        None => {
            let known_as = repo.known_as(&draft.dataset)?;
            let (db, parents) = (repo.db(), &draft.parents);
            labels::choose(db, parents, &known_as, &LabelChoice::Patch, monitor.interrupt)?
        }
    };
    let how = EarlyOptions {
        tree: written.id,
        totals: written.totals,
        label,
        who: repo.author()?.to_string(),
        host: repo.env().host.clone(),
        time: repo.now(),
    };
    let peer = remote.peer(repo, monitor.interrupt);
    let sent = send_early(&peer, repo.db(), &draft.dataset, &how, monitor);
    let (state, reason) = match &sent {
        Ok(_) => (DraftState::Uploading, None),
        Err(error) => (DraftState::Failed, Some(error.to_string())),
    };
    if (draft.state, &draft.reason) != (state, &reason) {
        let _index = repo.lock_index(monitor)?;
        (draft.state, draft.reason) = (state, reason);
        // Committed or set aside meanwhile, it is none of this one's business.
        if repo.open_draft()?.is_some_and(|open| open.time == draft.time) {
            repo.drafts().write(&draft)?;
        }
    }
    Ok(Outcome { draft, remote: remote.name, sent: sent? })
}
