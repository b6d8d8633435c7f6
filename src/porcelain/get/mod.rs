//! `dsv get`: a version, or some of its files, to be read where no repository is.
//!
//! What is got lies in the machine's cache, which any number of jobs share: a version is fetched once, what versions have in
//! common, too, and of several who want it at once one fetches it while the others wait.

mod choice;
mod deliver;
mod source;
mod wanted;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

pub use deliver::Delivery;
pub use source::{From, is_url};

use choice::Choice;
use wanted::{Line, Wanted};

use super::remotes::{self, RemoteConfig};
use super::settings::Settings;
use super::{Environment, Error};
use crate::model::{CopyFacts, ErrorKind, Monitor, RefEntry, VersionId};
use crate::plumbing::cache::{Cache, CopyInUse, CopyKey, TrimOptions, Trimmed};
use crate::plumbing::shares::Share;
use crate::plumbing::transfer::{Links, OnDemand, Peer, Source, log, remember_entry};
use crate::remote::Client;
use crate::store::{LockRequest, ObjectDb};

/// What to get.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where from.
    pub from: From,
    /// `DATASET`, `DATASET@LABEL`, `DATASET@ID` or a version's whole id.
    pub what: String,
    /// Paths and patterns, from the dataset's root; everything when there are none.
    pub paths: Vec<OsString>,
    /// A part of that, for one of several workers.
    pub part: Option<Share>,
    /// Ask no remote: take what is in the cache.
    pub offline: bool,
    /// What to make of it.
    pub delivery: Delivery,
}

/// What was got.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it is.
    pub facts: CopyFacts,
    /// Where it can be read.
    pub path: PathBuf,
    /// The remote, for people.
    pub url: String,
    /// Whether it was in the cache already.
    pub cached: bool,
    /// Requests that it took, retries included.
    pub requests: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// What had to leave the cache for it.
    pub trimmed: Trimmed,
}

/// Gets it.
///
/// # Errors
/// When the remote fails, or has no such dataset, version or path; when the disk is full or fails. Then no half of it is
/// anywhere.
pub fn run(env: &Environment, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    let wanted = Wanted::parse(&options.what)?;
    let choice = Choice::new(&options.paths, options.part)?;
    let cache = open_cache(env)?;
    options.delivery.check(env, &cache)?;
    let config = source::config(env, &options.from, &options.what)?;
    let client = remotes::client(env, &config)?;
    let url = client.url().to_string();
    let get = Get { env, cache: &cache, config, client, url, wanted, choice, monitor };
    let found = if options.offline { get.take_cached()? } else { get.ask_remote()? };
    cache.note_use(&found.used.copy.key, now_ns(env));
    let path = options.delivery.deliver(env, &cache, &found.used, monitor)?;
    let stats = get.client.stats();
    Ok(Outcome {
        facts: found.used.copy.facts.clone(),
        path,
        url: get.url,
        cached: found.cached,
        requests: stats.requests(),
        bytes_received: stats.bytes_received,
        trimmed: found.trimmed,
    })
}

/// The machine's cache.
pub(super) fn open_cache(env: &Environment) -> Result<Cache, Error> {
    let root = env.cache.as_ref().ok_or(Error::NoCache)?;
    Ok(Cache::open(&env.fs, root, &env.host)?)
}

/// The bytes that the cache may take.
pub(super) fn max_bytes(env: &Environment) -> Result<u64, Error> {
    // The cache is the machine's: no repository has a say in it.
    Ok(Settings::read(&*env.fs, None, env.user_config.as_deref())?.cache_max_size()?)
}

/// Calls `work` with how a lock of the cache is waited for: others who fetch may need hours, and the locks of the dead
/// are free.
pub(super) fn locked<T>(
    env: &Environment,
    monitor: &Monitor<'_>,
    work: impl FnOnce(&LockRequest<'_>) -> T,
) -> T {
    env.locked(std::time::Duration::MAX, monitor, work)
}

fn now_ns(env: &Environment) -> i64 {
    env.now.map_or_else(|| env.clock.now_ns(), |now| now.seconds.saturating_mul(1_000_000_000))
}

/// A copy that was found or made.
struct Found {
    used: CopyInUse,
    cached: bool,
    trimmed: Trimmed,
}

struct Get<'a> {
    env: &'a Environment,
    cache: &'a Cache,
    config: RemoteConfig,
    client: Client,
    url: String,
    wanted: Wanted,
    choice: Choice,
    monitor: &'a Monitor<'a>,
}

impl Get<'_> {
    fn peer(&self) -> Peer<'_> {
        Peer {
            client: &self.client,
            interrupt: self.monitor.interrupt,
            fs: &self.env.fs,
            cache: self.cache.remote(&self.url),
            fresh: false,
        }
    }

    fn key(&self, version: &VersionId) -> CopyKey {
        CopyKey::new(version, &self.choice.texts(), self.choice.part)
    }

    /// The copy of a version, if there is one.
    fn cached(&self, version: &VersionId) -> Result<Option<Found>, Error> {
        let key = self.key(version);
        let used = locked(self.env, self.monitor, |request| self.cache.find(&key, request))?;
        Ok(used.map(|used| Found { used, cached: true, trimmed: Trimmed::default() }))
    }

    /// The copy that fits best of those that came from this remote; nothing is asked.
    fn take_cached(&self) -> Result<Found, Error> {
        let (texts, part) = (self.choice.texts(), self.choice.part);
        let copies = self.cache.list()?.into_iter().filter(|copy| {
            copy.key == CopyKey::new(&copy.facts.version, &texts, part)
                && copy.facts.url == self.url
                && self.wanted.is_met_by(&copy.facts)
        });
        let best = copies.max_by(|a, b| a.facts.label.cmp(&b.facts.label));
        let found = best.map(|copy| self.cached(&copy.facts.version)).transpose()?.flatten();
        found.ok_or_else(|| Error::NotCached { url: self.url.clone(), text: self.wanted.text.clone() })
    }

    fn ask_remote(&self) -> Result<Found, Error> {
        self.find_or_make().map_err(|error| {
            // A folder that is not mounted looks like one that has nothing.
            let away = matches!(&error, Error::NotThere { there, .. } if there.is_empty());
            if error.kind() != ErrorKind::RemoteUnreachable && !away {
                return error;
            }
            let Ok(found) = self.take_cached() else { return error };
            let CopyFacts { dataset, label, .. } = &found.used.copy.facts;
            Error::NotAsked {
                url: self.url.clone(),
                text: self.wanted.text.clone(),
                cached: format!("{dataset}@{label}"),
                source: Box::new(error),
            }
        })
    }

    fn find_or_make(&self) -> Result<Found, Error> {
        // What an id names never changes.
        if let Some(id) = self.wanted.id()
            && let Some(found) = self.cached(&id)?
            && self.wanted.is_met_by(&found.used.copy.facts)
        {
            return Ok(found);
        }
        self.monitor.progress.phase("Looking at the remote", None, None);
        let entry = self.entry()?;
        // Without a lock as long as nothing must be fetched to know which version is meant.
        if let Ok(id) = self.resolve(self.cache.db(), entry.as_ref())
            && let Some(found) = self.cached(&id)?
        {
            return Ok(found);
        }
        self.make(entry)
    }

    /// The newest entry of the dataset, where one is named.
    fn entry(&self) -> Result<Option<RefEntry>, Error> {
        let Some(dataset) = &self.wanted.dataset else { return Ok(None) };
        let peer = self.peer();
        let entry = log::newest(&peer, dataset)?.filter(|entry| entry.version.is_some());
        if entry.is_some() {
            return Ok(entry);
        }
        let there = log::datasets(&peer)?.iter().map(ToString::to_string).collect();
        Err(Error::NotThere { dataset: dataset.clone(), url: self.url.clone(), there })
    }

    fn resolve(&self, db: &ObjectDb, entry: Option<&RefEntry>) -> Result<VersionId, Error> {
        let earlier = || entry.map_or_else(|| Ok(Vec::new()), |entry| self.earlier(entry));
        let line = entry.and_then(|entry| entry.version).map(|tip| Line {
            tip,
            url: &self.url,
            earlier: &earlier,
            interrupt: self.monitor.interrupt,
        });
        self.wanted.resolve(db, line.as_ref(), &self.url)
    }

    /// The versions that a dataset was at before an entry, the latest first, each once.
    fn earlier(&self, entry: &RefEntry) -> Result<Vec<VersionId>, Error> {
        let (peer, mut versions) = (self.peer(), Vec::new());
        for number in (1..entry.number).rev() {
            let earlier = log::read_entry(&peer, &entry.dataset, number)?;
            versions.extend(earlier.and_then(|entry| entry.version).filter(|id| !versions.contains(id)));
        }
        Ok(versions)
    }

    /// Fetches what is missing and makes the copy, unless somebody else has made it meanwhile.
    fn make(&self, entry: Option<RefEntry>) -> Result<Found, Error> {
        let lock = locked(self.env, self.monitor, |request| self.cache.lock(request))?;
        let db = self.cache.another_db()?;
        let mut source = self.source();
        if let Some(entry) = &entry {
            remember_entry(&self.peer(), entry)?;
            source = source.knowing(entry.clone());
        }
        let promisor = OnDemand::new(Arc::clone(self.cache.db()), vec![source], self.env.interrupt)
            .shown_by(self.env.progress.clone());
        db.set_promisor(Arc::new(promisor));
        db.set_link_source(Arc::new(self.links()?));
        let id = self.resolve(&db, entry.as_ref())?;
        if let Some(found) = self.cached(&id)? {
            self.cache.settle(lock)?;
            return Ok(found);
        }
        self.monitor.progress.phase("Fetching trees", None, None);
        let version = db.version(&id)?;
        let items = self.choice.select(&db, &version, self.monitor.interrupt)?;
        let facts = CopyFacts {
            dataset: version.dataset,
            label: version.label,
            version: id,
            url: self.url.clone(),
            paths: self.choice.texts(),
            part: self.choice.part.map(|part| part.numbers()),
            files: items.len() as u64,
            bytes: items.iter().map(|(_, content)| content.size).sum(),
            made: self.env.now(),
        };
        let key = self.key(&id);
        let max_bytes = max_bytes(self.env)?;
        // Packed data is what large files of later versions are put together from: it may fill half of the room.
        self.cache.make(&lock, &db, (&key, &facts), &items, max_bytes / 2, self.monitor)?;
        self.cache.note_use(&key, now_ns(self.env));
        let used = self
            .cached(&id)?
            .ok_or_else(|| Error::NotCached { url: self.url.clone(), text: self.wanted.text.clone() })?;
        let options = TrimOptions { max_bytes, keep: Some(&key), even_linked: false };
        let trimmed = self.cache.keep_within(&lock, &options, self.monitor)?;
        self.cache.settle(lock)?;
        Ok(Found { cached: false, trimmed, ..used })
    }

    /// The way to what external links lead to.
    fn links(&self) -> Result<Links, Error> {
        let settings = Settings::read(&*self.env.fs, None, self.env.user_config.as_deref())?;
        let connect = remotes::link_connector(self.env, None, Some(settings.connections()?));
        Ok(Links::new(self.cache.link_memory(), connect, self.env.interrupt)
            .shown_by(self.env.progress.clone()))
    }

    fn source(&self) -> Source {
        let client = self.client.clone();
        Source::new(self.config.url.clone(), self.cache.remote(&self.url), move || Ok(client.clone()))
    }
}
