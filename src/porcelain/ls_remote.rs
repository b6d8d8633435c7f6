//! `dsv ls-remote`: what a remote has, and what is on its way there.

use super::remotes;
use super::{Error, Repository};
use crate::model::{DatasetName, Monitor, RefEntry, RemoteName, Upload};
use crate::plumbing::transfer::{log, uploads};

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// The datasets; all unless told.
    pub datasets: Vec<DatasetName>,
}

/// What is there.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where the remote is, for people.
    pub url: String,
    /// The newest entry of each dataset, in order of name; those that were removed are left out.
    pub datasets: Vec<RefEntry>,
    /// Versions that are not there whole.
    pub uploads: Vec<Upload>,
}

/// Asks a remote for its datasets and for uploads that have not ended.
///
/// # Errors
/// When the remote fails, or what it says is damaged.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = remotes::open(repo, options.remote.as_ref())?;
    let peer = remote.peer(repo, monitor.interrupt);
    monitor.progress.phase("Looking at the remote", None, None);
    let names = match options.datasets.as_slice() {
        [] => log::datasets(&peer)?,
        names => names.to_vec(),
    };
    let mut datasets = Vec::new();
    for name in &names {
        datasets.extend(log::newest(&peer, name)?.filter(|entry| entry.version.is_some()));
    }
    let mut uploads = uploads::list(&peer)?;
    if !options.datasets.is_empty() {
        uploads.retain(|upload| options.datasets.contains(&upload.dataset));
    }
    Ok(Outcome { url: peer.url(), datasets, uploads })
}
