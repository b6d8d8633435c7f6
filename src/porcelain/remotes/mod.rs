//! `dsv remote`: the remotes of a repository, and how each is reached.
//!
//! They stand in `.dsv/remotes`, TOML: a table for each remote with its URL and what its server needs besides. Nothing
//! secret is ever written there; credentials are found where the cloud's own tools find them.

mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use file::RemoteConfig;
use file::RemotesFile;

use super::settings::Settings;
use super::{Environment, Error, Repository};
use crate::model::{Interrupt, Monitor, RemoteName, VersionId};
use crate::plumbing::transfer::{Peer, Source, forget_known, unfinished};
use crate::remote::{Client, RemoteError, RemoteOptions, RemoteUrl, check_endpoint, probe};
use crate::store::Layout;

pub use crate::remote::{ProbeOutcome, ProbeStep};

/// The name of the remote that a clone comes from.
pub const ORIGIN: &str = "origin";

/// A remote that is open.
#[derive(Debug)]
pub struct OpenRemote {
    /// Its name.
    pub name: RemoteName,
    /// The connection.
    pub client: Client,
    /// Whether what is not here is fetched from it when it is needed.
    pub is_promisor: bool,
    cache: PathBuf,
}

impl OpenRemote {
    /// The remote as transfers take it.
    pub fn peer<'a>(&'a self, repo: &'a Repository, interrupt: &'a Interrupt) -> Peer<'a> {
        Peer { client: &self.client, interrupt, fs: repo.fs(), cache: self.cache.clone(), fresh: false }
    }
}

/// All remotes, in order of name.
///
/// # Errors
/// When the file cannot be read or is malformed.
pub fn list(repo: &Repository) -> Result<BTreeMap<RemoteName, RemoteConfig>, Error> {
    RemotesFile::read(&**repo.fs(), repo.layout())?.all()
}

/// Adds a remote. It is not asked for anything.
///
/// # Errors
/// When there is one of that name, the URL makes no sense, or the file cannot be written.
pub fn add(
    repo: &Repository,
    name: &RemoteName,
    config: &RemoteConfig,
    monitor: &Monitor<'_>,
) -> Result<RemoteUrl, Error> {
    let url = checked_url(repo.env(), config)?;
    let _lock = repo.lock_refs(monitor)?;
    let mut file = RemotesFile::read(&**repo.fs(), repo.layout())?;
    if file.all()?.contains_key(name) {
        return Err(Error::RemoteExists { name: name.clone() });
    }
    file.set(name, &RemoteConfig { url: url.to_string(), ..config.clone() });
    file.write(repo)?;
    Ok(url)
}

/// Changes where a remote is. What is `None` in `config` stays as it was.
///
/// # Errors
/// When there is no such remote, the URL makes no sense, or the file cannot be written.
pub fn set_url(
    repo: &Repository,
    name: &RemoteName,
    config: &RemoteConfig,
    monitor: &Monitor<'_>,
) -> Result<RemoteUrl, Error> {
    let url = checked_url(repo.env(), config)?;
    let _lock = repo.lock_refs(monitor)?;
    let mut file = RemotesFile::read(&**repo.fs(), repo.layout())?;
    let old = get(&file, name)?;
    if old.url != url.to_string() {
        forget_known(repo.fs(), &repo.layout().remote_cache(name))?;
    }
    file.set(name, &config.clone().or(old).at(url.to_string()));
    file.write(repo)?;
    Ok(url)
}

/// Forgets a remote and where its datasets were. The remote itself is left alone.
///
/// # Errors
/// When there is no such remote, what is not here is fetched from it, or the files cannot be changed.
pub fn remove(repo: &Repository, name: &RemoteName, monitor: &Monitor<'_>) -> Result<RemoteConfig, Error> {
    let lock = repo.lock_refs(monitor)?;
    let mut file = RemotesFile::read(&**repo.fs(), repo.layout())?;
    let old = get(&file, name)?;
    if old.promisor == Some(true) {
        return Err(Error::RemoteNeeded { name: name.clone() });
    }
    forget_known(repo.fs(), &repo.layout().remote_cache(name))?;
    for tracked in repo.refs().tracking().of_remote(name)? {
        repo.refs().tracking().forget(&lock, name, &tracked.dataset)?;
    }
    file.remove(name);
    file.write(repo)?;
    Ok(old)
}

/// Tries with one small object what dsv needs of a remote, step by step.
///
/// # Errors
/// When the remote is not known, or cannot be opened as it is configured; when the monitor asks to end.
pub fn check(repo: &Repository, name: &RemoteName, monitor: &Monitor<'_>) -> Result<Vec<ProbeStep>, Error> {
    let remote = open(repo, Some(name))?;
    monitor.progress.phase("Trying the remote", None, None);
    let steps = probe::check(&remote.client, monitor.interrupt);
    // What was not tried says nothing about the remote.
    monitor.interrupt.check()?;
    Ok(steps)
}

/// Uploads of versions that were begun here and have not ended, in order of remote.
///
/// # Errors
/// When the remotes cannot be read.
pub fn unfinished_uploads(repo: &Repository) -> Result<Vec<(RemoteName, VersionId)>, Error> {
    let mut uploads = Vec::new();
    for name in list(repo)?.into_keys() {
        let versions = unfinished(&**repo.fs(), &repo.layout().remote_cache(&name));
        uploads.extend(versions.into_iter().map(|version| (name.clone(), version)));
    }
    Ok(uploads)
}

fn get(file: &RemotesFile, name: &RemoteName) -> Result<RemoteConfig, Error> {
    file.all()?.remove(name).ok_or_else(|| Error::NoSuchRemote { name: name.clone() })
}

fn url(env: &Environment, config: &RemoteConfig) -> Result<RemoteUrl, RemoteError> {
    Ok(RemoteUrl::parse(&config.url, &env.cwd)?)
}

/// The same for what is about to be written down, where no secret may stand.
fn checked_url(env: &Environment, config: &RemoteConfig) -> Result<RemoteUrl, RemoteError> {
    let url = url(env, config)?;
    config.endpoint.as_deref().map_or(Ok(()), |endpoint| check_endpoint(&url, endpoint))?;
    Ok(url)
}

/// Says whether what is not here is fetched from a remote when it is needed.
///
/// # Errors
/// When there is no such remote, or the file cannot be written.
pub(super) fn set_promisor(
    repo: &Repository,
    name: &RemoteName,
    is_promisor: bool,
    monitor: &Monitor<'_>,
) -> Result<(), Error> {
    let _lock = repo.lock_refs(monitor)?;
    let mut file = RemotesFile::read(&**repo.fs(), repo.layout())?;
    let config = get(&file, name)?;
    let promisor = is_promisor.then_some(true);
    if config.promisor != promisor {
        file.set(name, &RemoteConfig { promisor, ..config });
        file.write(repo)?;
    }
    Ok(())
}

/// The remotes that what is not here is fetched from; none when all must be here.
pub(super) fn promisors(
    env: &Environment,
    layout: &Layout,
    settings: &Settings,
) -> Result<Vec<Source>, Error> {
    let connections = settings.connections()?;
    let remotes = RemotesFile::read(&*env.fs, layout)?.all()?;
    let promisors = remotes.into_iter().filter(|(_, config)| config.promisor == Some(true));
    let source = |(name, config): (RemoteName, RemoteConfig)| {
        let (env, cache) = (env.clone(), layout.remote_cache(&name));
        Source::new(config.url.clone(), cache, move || connect(&env, &config, connections))
    };
    Ok(promisors.map(source).collect())
}

/// The remote that a person means: the one named; else the only one, or `origin`.
///
/// # Errors
/// When there is none of that name, none at all, or several and no `origin`.
pub fn choose(repo: &Repository, name: Option<&RemoteName>) -> Result<(RemoteName, RemoteConfig), Error> {
    let mut remotes = list(repo)?;
    if let Some(name) = name {
        let config = remotes.remove(name).ok_or_else(|| Error::NoSuchRemote { name: name.clone() })?;
        return Ok((name.clone(), config));
    }
    let origin = remotes.keys().position(|name| name.as_str() == ORIGIN);
    match (remotes.len(), origin) {
        (0, _) => Err(Error::NoRemote),
        (1, _) => remotes.pop_first().ok_or(Error::NoRemote),
        (_, Some(at)) => remotes.into_iter().nth(at).ok_or(Error::NoRemote),
        (_, None) => Err(Error::WhichRemote { names: remotes.keys().map(ToString::to_string).collect() }),
    }
}

/// Opens a remote, see [`choose`]. Nothing is asked for yet.
///
/// # Errors
/// As [`choose`]; when it cannot be opened as it is configured.
pub fn open(repo: &Repository, name: Option<&RemoteName>) -> Result<OpenRemote, Error> {
    let (name, config) = choose(repo, name)?;
    let client = connect(repo.env(), &config, repo.settings().connections()?)?;
    let cache = repo.layout().remote_cache(&name);
    Ok(OpenRemote { name, client, is_promisor: config.promisor == Some(true), cache })
}

/// A connection to what a configuration names, for whoever has no repository.
///
/// # Errors
/// When it makes no sense.
pub fn client(env: &Environment, config: &RemoteConfig) -> Result<Client, Error> {
    let settings = Settings::read(&*env.fs, None, env.user_config.as_deref())?;
    Ok(connect(env, config, settings.connections()?)?)
}

/// How what holds the sources of links is reached: as a remote in the same bucket, where there is one, else as the environment
/// says. The remotes are looked at when the first link is read.
pub(super) fn link_connector(
    env: &Environment,
    layout: Option<Layout>,
    connections: Option<usize>,
) -> impl Fn(&RemoteUrl) -> Result<Client, RemoteError> + Send + Sync + use<> {
    let env = env.clone();
    move |place: &RemoteUrl| {
        let remotes = layout.as_ref().and_then(|layout| RemotesFile::read(&*env.fs, layout).ok()?.all().ok());
        let same = |config: &RemoteConfig| {
            let holder =
                |url: &RemoteUrl| (url.scheme(), url.bucket().to_owned(), url.account().map(str::to_owned));
            url(&env, config).is_ok_and(|url| holder(&url) == holder(place))
        };
        let config = remotes.into_iter().flatten().map(|(_, config)| config).find(same).unwrap_or_default();
        open_at(&env, place, &config, connections.unwrap_or(RemoteOptions::default().connections))
    }
}

fn connect(env: &Environment, config: &RemoteConfig, connections: usize) -> Result<Client, RemoteError> {
    open_at(env, &url(env, config)?, config, connections)
}

fn open_at(
    env: &Environment,
    url: &RemoteUrl,
    config: &RemoteConfig,
    connections: usize,
) -> Result<Client, RemoteError> {
    let options = RemoteOptions {
        variables: env.variables.0.clone(),
        home: env.home.clone(),
        endpoint: config.endpoint.clone(),
        region: config.region.clone(),
        profile: config.profile.clone(),
        allow_http: config.allow_http,
        ca_certificate: config.ca_certificate.as_ref().map(|path| env.cwd.join(path)),
        path_style: config.path_style,
        connections,
        ..RemoteOptions::default()
    };
    Client::open(url, &options)
}
