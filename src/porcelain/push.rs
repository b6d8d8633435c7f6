//! `dsv push`: versions of the own datasets, and all that they need, to a remote.

use super::fetch::note;
use super::remotes;
use super::{Error, Repository};
use crate::model::{DatasetName, Expected, Monitor, RemoteName, VersionId};
use crate::plumbing::transfer::{PushOptions, PushOutcome, push};

/// What to push.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The remote; the only one, or `origin`, unless told.
    pub remote: Option<RemoteName>,
    /// The datasets; the current one unless told.
    pub datasets: Vec<DatasetName>,
    /// All datasets that have a version.
    pub all: bool,
    /// Move the datasets there even where what is there gets lost by that, provided that it is what was last seen there.
    pub force_with_lease: bool,
}

/// What became of one dataset.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version that it has there now.
    pub version: VersionId,
    /// What was sent.
    pub sent: PushOutcome,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The remote.
    pub remote: RemoteName,
    /// Where it is, for people.
    pub url: String,
    /// In the order in which they were pushed.
    pub datasets: Vec<Pushed>,
}

/// Sends datasets one after the other, each whole before its ref on the remote moves.
///
/// # Errors
/// When a dataset there has versions that the own does not descend from, or the remote fails: what was pushed before
/// stays pushed.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let remote = remotes::open(repo, options.remote.as_ref())?;
    let peer = remote.peer(repo, monitor.interrupt);
    let mut datasets = Vec::new();
    for (dataset, version) in wanted(repo, options)? {
        // Nobody removes objects while they are sent.
        let objects = repo.lock_objects(monitor)?;
        let expected = match options.force_with_lease {
            true => Some(Expected::unchanged(repo.refs().tracking().read(&remote.name, &dataset)?)),
            false => None,
        };
        let how = PushOptions {
            expected,
            who: repo.author()?.to_string(),
            host: repo.env().host.clone(),
            time: repo.now(),
            why: "push".to_owned(),
        };
        let sent = push(&peer, repo.db(), &dataset, version, &how, monitor)?;
        drop(objects);
        note(repo, &remote, &dataset, Some(version), monitor)?;
        datasets.push(Pushed { dataset, version, sent });
    }
    Ok(Outcome { remote: remote.name, url: remote.client.url().to_string(), datasets })
}

fn wanted(repo: &Repository, options: &Options) -> Result<Vec<(DatasetName, VersionId)>, Error> {
    if options.all {
        return Ok(repo.refs().list()?);
    }
    let current = repo.refs().head()?.dataset().cloned();
    let names = match options.datasets.as_slice() {
        [] => vec![current.ok_or(Error::DetachedHead)?],
        names => names.to_vec(),
    };
    let version = |name: DatasetName| match repo.refs().read(&name)? {
        Some(id) => Ok((name, id)),
        None if repo.refs().head()?.dataset() == Some(&name) => Err(Error::NoVersion),
        None => Err(Error::NoSuchDataset { name }),
    };
    names.into_iter().map(version).collect()
}
