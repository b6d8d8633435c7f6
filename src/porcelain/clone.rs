//! `dsv clone`: a new repository from a remote.

use std::path::PathBuf;

use super::checkout::Wanted;
use super::fast_forward::fast_forward;
use super::fetch::{Fetched, Scope, fetch_entry};
use super::remotes::{self, ORIGIN, RemoteConfig};
use super::sync_events::{self, BroughtEvents};
use super::{Environment, Error, Repository, init};
use crate::model::{DatasetName, Monitor, RefEntry, RemoteName};
use crate::plumbing::checkout::CheckoutStats;
use crate::plumbing::host::IoContext;
use crate::plumbing::transfer::{Peer, log};

/// What to clone.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where from.
    pub remote: RemoteConfig,
    /// The folder; named after the dataset unless told.
    pub dir: Option<PathBuf>,
    /// The dataset; the only one unless told.
    pub dataset: Option<DatasetName>,
    /// Leave the worktree empty.
    pub no_checkout: bool,
    /// Bring the history alone, and of the files only those that this names; all else is fetched when it is needed.
    pub partial: Option<Wanted>,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The folder that holds `.dsv`.
    pub root: PathBuf,
    /// Where it came from, for people.
    pub url: String,
    /// The dataset and what was brought.
    pub fetched: Fetched,
    /// The events that came.
    pub events: BroughtEvents,
    /// Requests that it took, retries included.
    pub requests: u64,
    /// Files written; `None` when the worktree was left empty.
    pub stats: Option<CheckoutStats>,
}

/// Makes a repository with one dataset of a remote. A clone that was cut is gone on with by the same command.
///
/// # Errors
/// When the remote fails, has several datasets and none was named, or the folder holds something else.
pub fn run(env: &Environment, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    monitor.progress.phase("Looking at the remote", None, None);
    let client = remotes::client(env, &options.remote)?;
    let url = client.url().to_string();
    // Before anything is made here: a wrong URL or name leaves no folder behind.
    let cache = env.cwd.clone();
    let peer = Peer { client: &client, interrupt: monitor.interrupt, fs: &env.fs, cache, fresh: false };
    let entry = choose(&peer, options.dataset.as_ref())?;
    let dir = options.dir.clone().unwrap_or_else(|| last_part(&entry.dataset).into());
    let promisor = options.partial.is_some().then_some(true);
    let config = RemoteConfig { url: url.clone(), promisor, ..options.remote.clone() };
    let repo = prepare(env, &dir, &entry, &config, monitor)?;
    let origin = RemoteName::new(ORIGIN)?;
    let remote = remotes::open(&repo, Some(&origin))?;
    // Before objects: what was deleted need not be there.
    let events = sync_events::bring(&repo, &remote, monitor)?;
    let fetched = fetch_entry(&repo, &remote, &entry, Scope::Usual, monitor)?;
    let mut stats = None;
    if let (Some(version), false) = (entry.version, options.no_checkout) {
        monitor.progress.phase("Checking out", None, None);
        stats = Some(fast_forward(
            &repo,
            &entry.dataset,
            None,
            version,
            options.partial.clone(),
            "clone",
            monitor,
        )?);
    }
    let requests = client.stats().requests() + remote.client.stats().requests();
    Ok(Outcome { root: repo.root().to_owned(), url, fetched, events, requests, stats })
}

fn choose(peer: &Peer<'_>, dataset: Option<&DatasetName>) -> Result<RefEntry, Error> {
    let not_there = |dataset| Error::NotOnRemote { dataset, url: peer.url() };
    if let Some(name) = dataset {
        let entry = log::newest(peer, name)?.filter(|entry| entry.version.is_some());
        return entry.ok_or_else(|| not_there(name.clone()));
    }
    let mut found = log::all_newest(peer)?;
    found.retain(|entry| entry.version.is_some());
    match found.len() {
        0 => Err(Error::EmptyRemote { url: peer.url() }),
        1 => Ok(found.remove(0)),
        _ => {
            let datasets = found.into_iter().map(|entry| entry.dataset.to_string()).collect();
            Err(Error::WhichDataset { url: peer.url(), datasets })
        }
    }
}

fn last_part(dataset: &DatasetName) -> String {
    dataset.as_str().rsplit('/').next().unwrap_or_default().to_owned()
}

/// A repository for the clone: a new one, or one that a clone of the same began.
fn prepare(
    env: &Environment,
    dir: &std::path::Path,
    entry: &RefEntry,
    config: &RemoteConfig,
    monitor: &Monitor<'_>,
) -> Result<Repository, Error> {
    let root = env.cwd.join(dir);
    let origin = RemoteName::new(ORIGIN)?;
    let occupied = || Error::CloneTarget { path: root.clone() };
    let entries = match env.fs.list(&root).and_then(|dir| dir.entries()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Err(occupied()),
        listed => listed.at("list", &root)?,
    };
    let only_dsv = entries.iter().all(|(name, _)| name == crate::store::DSV_DIR.as_bytes());
    if let Ok(repo) = Repository::open(env.clone(), &root) {
        let mut remotes = remotes::list(&repo)?;
        let goes_on = match remotes.remove(&origin) {
            Some(known) => (&known.url, known.promisor) == (&config.url, config.promisor),
            // A clone that was ended before it could say where it comes from.
            None => only_dsv && remotes.is_empty(),
        };
        if !goes_on || !repo.refs().list()?.is_empty() {
            return Err(occupied());
        }
    } else if only_dsv {
        let options = init::Options {
            dir: Some(root.clone()),
            dataset: Some(entry.dataset.clone()),
            ..init::Options::default()
        };
        init::run(env, &options, monitor)?;
    } else {
        return Err(occupied());
    }
    let repo = Repository::open(env.clone(), &root)?;
    if !remotes::list(&repo)?.contains_key(&origin) {
        remotes::add(&repo, &origin, config, monitor)?;
    }
    // What is fetched on demand is known when it is opened.
    Repository::open(env.clone(), &root)
}
