//! The client: a blocking face of an object store, safe to call from many threads at once.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path as StorePath;
use object_store::{
    GetOptions, GetResult, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use tokio::runtime::Handle;

use crate::model::{Interrupt, Interrupted, Time};

use super::body::PutBody;
use super::cause::Break;
use super::error::{Action, RemoteError};
use super::failure::{Class, Failure};
use super::open;
use super::options::RemoteOptions;
use super::pieces::Pieces;
use super::retry::RetryPolicy;
use super::runtime;
use super::stats::{Counters, RequestStats, Verb};
use super::url::RemoteUrl;

/// Whether a create-if-absent made the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New,
    /// An object of that name is there and was left alone. After a lost answer this may be one's own: who must know
    /// reads it back.
    Exists,
}

/// The facts of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key, below the remote's prefix.
    pub key: String,
    /// Length in bytes.
    pub len: u64,
    /// The store's word for these bytes, if it has one.
    pub etag: Option<String>,
    /// When it was last written, by the store's clock.
    pub last_modified: Time,
    /// The store's name for this state of the object, where it keeps several. Listings do not tell.
    pub version: Option<String>,
}

/// A remote, opened. Clones share everything; all calls block, and end soon after the interrupt is set.
///
/// Keys are relative to the remote's prefix: parts between single slashes, none of them `.` or `..`.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    url: RemoteUrl,
    opened: Opened,
    handle: Handle,
    retry: RetryPolicy,
    connections: usize,
    /// Longest time for a step of the store in which it shows no progress.
    patience: Duration,
}

/// A store and what is known about it.
pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) counters: Arc<Counters>,
    /// Whether the store itself counts what goes over its wire.
    pub(super) counts: bool,
    /// Whether listings come in order of key.
    pub(super) sorted: bool,
    /// The address of the server, where it is not the cloud's own.
    pub(super) endpoint: Option<String>,
}

impl Opened {
    /// A store that has no wire.
    pub(super) fn plain(store: Arc<dyn ObjectStore>, sorted: bool) -> Self {
        Self { store, counters: Arc::default(), counts: false, sorted, endpoint: None }
    }
}

/// What an attempt to read came to.
enum Got {
    Bytes(Pieces),
    TooLong(u64),
}

impl Client {
    /// Opens a remote. No request is made yet; credentials are looked for when the first one is.
    ///
    /// # Errors
    /// When the configuration makes no sense, or support for the kind of remote was not compiled in.
    pub fn open(url: &RemoteUrl, options: &RemoteOptions) -> Result<Self, RemoteError> {
        let handle = runtime_of(url)?;
        let _in_runtime = handle.enter();
        Ok(Self::new(open::open(url, options)?, url.clone(), options, handle.clone()))
    }

    /// A client of any store, for tests: in memory, or one that fails on purpose.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn with_store(store: Arc<dyn ObjectStore>, url: RemoteUrl) -> Result<Self, RemoteError> {
        Self::with_store_and_options(store, url, &RemoteOptions::default())
    }

    /// The same with other rules for retries and time limits.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn with_store_and_options(
        store: Arc<dyn ObjectStore>,
        url: RemoteUrl,
        options: &RemoteOptions,
    ) -> Result<Self, RemoteError> {
        let handle = runtime_of(&url)?;
        Ok(Self::new(Opened::plain(store, true), url, options, handle))
    }

    fn new(opened: Opened, url: RemoteUrl, options: &RemoteOptions, handle: Handle) -> Self {
        let retry = RetryPolicy::new(options);
        let patience = options.connect_timeout + options.idle_timeout;
        let connections = options.connections.max(1);
        Self(Arc::new(Inner { url, opened, handle, retry, connections, patience }))
    }

    /// Where the remote is.
    pub fn url(&self) -> &RemoteUrl {
        &self.0.url
    }

    /// How many requests are to be on their way at once where there is much to do: a single connection to a cloud's store
    /// carries far less than the line.
    pub fn connections(&self) -> usize {
        self.0.connections
    }

    /// What was sent and received since the remote was opened, by all clones together.
    pub fn stats(&self) -> RequestStats {
        self.0.opened.counters.snapshot()
    }

    /// A whole object, or `None` when it is not there.
    ///
    /// # Errors
    /// When it is longer than `max_len` bytes, which is known before it is read, or when the remote fails.
    pub fn get(&self, key: &str, max_len: u64, interrupt: &Interrupt) -> Result<Option<Bytes>, RemoteError> {
        let path = self.path(key)?;
        match self.call(interrupt, || self.attempt_get(&path, max_len))? {
            Ok(Got::Bytes(bytes)) => Ok(Some(bytes.into_bytes())),
            Ok(Got::TooLong(len)) => {
                Err(RemoteError::TooLong { url: self.0.url.clone(), key: key.to_owned(), len, max: max_len })
            }
            Err(failure) if failure.class == Class::Absent => Ok(None),
            Err(failure) => Err(self.error(failure, Action::Read, key)),
        }
    }

    /// A part of an object, or `None` when it is not there. An empty range asks only whether it is.
    ///
    /// # Errors
    /// [`RemoteError::WrongLength`] when the object ends before the range does, or when the remote fails.
    pub fn get_range(
        &self,
        key: &str,
        range: Range<u64>,
        interrupt: &Interrupt,
    ) -> Result<Option<Bytes>, RemoteError> {
        Ok(self.get_pieces(key, range, interrupt)?.map(Pieces::into_bytes))
    }

    /// The same, in the pieces in which it came.
    ///
    /// # Errors
    /// As [`Client::get_range`].
    pub fn get_pieces(
        &self,
        key: &str,
        range: Range<u64>,
        interrupt: &Interrupt,
    ) -> Result<Option<Pieces>, RemoteError> {
        if range.is_empty() {
            return Ok(self.head(key, interrupt)?.map(|_| Pieces::default()));
        }
        let path = self.path(key)?;
        let expected = range.end - range.start;
        let failure = match self.call(interrupt, || self.attempt_range(&path, range.clone()))? {
            Ok(bytes) if bytes.len() as u64 == expected => return Ok(Some(bytes)),
            Ok(bytes) => return Err(self.wrong_length(key, expected, bytes.len() as u64)),
            Err(failure) => failure,
        };
        match failure.class {
            Class::Absent => Ok(None),
            // Stores have many words for a range that lies beyond the end.
            Class::Other => match self.head(key, interrupt)? {
                Some(info) if info.len < range.end => {
                    Err(self.wrong_length(key, expected, info.len.saturating_sub(range.start)))
                }
                _ => Err(self.error(failure, Action::Read, key)),
            },
            _ => Err(self.error(failure, Action::Read, key)),
        }
    }

    /// The bytes of a range of an object and what comes behind it, at most `max_len` bytes in all; `None` when it is not there.
    ///
    /// # Errors
    /// [`RemoteError::WrongLength`] when the object ends before the range does, or when the remote fails.
    pub fn get_window(
        &self,
        key: &str,
        range: Range<u64>,
        max_len: u64,
        interrupt: &Interrupt,
    ) -> Result<Option<Bytes>, RemoteError> {
        let path = self.path(key)?;
        let (start, expected) = (range.start, range.end - range.start);
        match self.call(interrupt, || self.attempt_range(&path, start..start + max_len.max(expected)))? {
            Ok(bytes) if (bytes.len() as u64) < expected => {
                Err(self.wrong_length(key, expected, bytes.len() as u64))
            }
            Ok(bytes) => Ok(Some(bytes.into_bytes())),
            Err(failure) if failure.class == Class::Absent => Ok(None),
            Err(failure) => Err(self.error(failure, Action::Read, key)),
        }
    }

    /// Writes an object; one of that name that was there is replaced. It is durable when this returns.
    ///
    /// # Errors
    /// When the remote fails.
    pub fn put(&self, key: &str, body: &PutBody, interrupt: &Interrupt) -> Result<(), RemoteError> {
        let path = self.path(key)?;
        self.call(interrupt, || self.attempt_put(&path, body, PutMode::Overwrite))?
            .map_err(|failure| self.error(failure, Action::Write, key))
    }

    /// Creates an object if none of that name is there: of many that try at once, one succeeds.
    ///
    /// # Errors
    /// When the remote fails, or does not support this.
    pub fn create(
        &self,
        key: &str,
        bytes: impl Into<Bytes>,
        interrupt: &Interrupt,
    ) -> Result<Created, RemoteError> {
        let path = self.path(key)?;
        let body = PutBody::from(bytes.into());
        match self.call(interrupt, || self.attempt_put(&path, &body, PutMode::Create))? {
            Ok(()) => Ok(Created::New),
            Err(failure) => match failure.class {
                Class::Exists => Ok(Created::Exists),
                Class::Unsupported => {
                    Err(RemoteError::NoConditionalPut { url: self.0.url.clone(), source: failure.cause })
                }
                _ => Err(self.error(failure, Action::Write, key)),
            },
        }
    }

    /// The facts of an object, or `None` when it is not there.
    ///
    /// # Errors
    /// When the remote fails. A missing bucket cannot be told from a missing object here.
    pub fn head(&self, key: &str, interrupt: &Interrupt) -> Result<Option<ObjectInfo>, RemoteError> {
        let path = self.path(key)?;
        let attempt = || async {
            self.count(Verb::Head);
            Ok(self.patiently(self.store().head(&path)).await??)
        };
        match self.call(interrupt, attempt)? {
            Ok(meta) => Ok(Some(self.info(&meta))),
            Err(failure) if failure.class == Class::Absent => Ok(None),
            Err(failure) => Err(self.error(failure, Action::Read, key)),
        }
    }

    /// All objects below a prefix, which ends between parts of a key, of these those whose key is greater than
    /// `start_after`. Nothing there is no error. `each` runs on the calling thread.
    ///
    /// The objects of one folder come in order of key. Where what is in a folder stands between the others is up to
    /// the store, since some list it at the place of the folder's name: `start_after` is for prefixes without folders
    /// below them.
    ///
    /// # Errors
    /// When the remote fails, or what `each` returned.
    pub fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        interrupt: &Interrupt,
        each: &mut dyn FnMut(ObjectInfo) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let below = self.prefix_path(prefix)?;
        let after = start_after.map(|key| self.path(key)).transpose()?;
        if self.0.opened.sorted {
            return runtime::wait(&self.0.handle, interrupt, self.list_all(&below, after, prefix, each))?;
        }
        let mut found = Vec::new();
        let mut keep = |info| {
            found.push(info);
            Ok(())
        };
        runtime::wait(&self.0.handle, interrupt, self.list_all(&below, after, prefix, &mut keep))??;
        found.sort_unstable_by(|a: &ObjectInfo, b| a.key.cmp(&b.key));
        found.into_iter().try_for_each(each)
    }

    /// The names of the folders right below a prefix, in order.
    ///
    /// # Errors
    /// When the remote fails.
    pub fn list_folders(&self, prefix: &str, interrupt: &Interrupt) -> Result<Vec<String>, RemoteError> {
        let below = self.prefix_path(prefix)?;
        let attempt = || async {
            self.count(Verb::Get);
            Ok(self.store().list_with_delimiter(Some(&below)).await?)
        };
        let listed =
            self.call(interrupt, attempt)?.map_err(|failure| self.error(failure, Action::List, prefix))?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an object. That it is not there is no error.
    ///
    /// # Errors
    /// When the remote fails.
    pub fn delete(&self, key: &str, interrupt: &Interrupt) -> Result<(), RemoteError> {
        let path = self.path(key)?;
        let attempt = || async {
            self.count(Verb::Delete);
            Ok(self.patiently(self.store().delete(&path)).await??)
        };
        match self.call(interrupt, attempt)? {
            Err(failure) if failure.class != Class::Absent => Err(self.error(failure, Action::Delete, key)),
            _ => Ok(()),
        }
    }
}

/// Single attempts, and what they share.
impl Client {
    async fn attempt_get(&self, path: &StorePath, max_len: u64) -> Result<Got, Failure> {
        let found = self.attempt_open(path, GetOptions::new()).await?;
        if found.meta.size > max_len {
            return Ok(Got::TooLong(found.meta.size));
        }
        let expected = found.meta.size;
        let bytes = self.read(found).await?;
        if bytes.len() as u64 == expected {
            Ok(Got::Bytes(bytes))
        } else {
            Err(cut(bytes.len() as u64, expected))
        }
    }

    async fn attempt_range(&self, path: &StorePath, range: Range<u64>) -> Result<Pieces, Failure> {
        let found = self.attempt_open(path, GetOptions::new().with_range(Some(range))).await?;
        let expected = found.range.end - found.range.start;
        let bytes = self.read(found).await?;
        if (bytes.len() as u64) < expected {
            return Err(cut(bytes.len() as u64, expected));
        }
        Ok(bytes)
    }

    pub(super) async fn attempt_open(
        &self,
        path: &StorePath,
        options: GetOptions,
    ) -> Result<GetResult, Failure> {
        self.count(Verb::Get);
        Ok(self.patiently(self.store().get_opts(path, options)).await??)
    }

    async fn attempt_put(&self, path: &StorePath, body: &PutBody, mode: PutMode) -> Result<(), Failure> {
        self.count(Verb::Put);
        self.store().put_opts(path, body.payload(), PutOptions { mode, ..PutOptions::default() }).await?;
        if !self.0.opened.counts {
            self.0.opened.counters.sent(body.len());
        }
        Ok(())
    }

    /// The bytes that were asked for, and no more than that.
    pub(super) async fn read(&self, found: GetResult) -> Result<Pieces, Failure> {
        let expected = found.range.end - found.range.start;
        if matches!(found.payload, GetResultPayload::File(..)) {
            let bytes = self.patiently(found.bytes()).await??;
            self.count_received(&bytes);
            return Ok(bytes.into());
        }
        let mut stream = found.into_stream();
        let mut all = Pieces::default();
        while let Some(piece) = self.patiently(stream.next()).await? {
            let piece = piece?;
            self.count_received(&piece);
            all.push(piece);
            if all.len() as u64 > expected {
                return Err(Failure::broken(Break::Protocol, format!("more than {expected} bytes came")));
            }
        }
        Ok(all)
    }

    /// Hands all objects to `each`. After a failure it goes on behind the last one, where the order of stores leaves no
    /// doubt about what comes there.
    async fn list_all(
        &self,
        below: &StorePath,
        start_after: Option<StorePath>,
        prefix: &str,
        each: &mut dyn FnMut(ObjectInfo) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let (mut began, mut retry) = (Instant::now(), 0);
        let mut after = start_after;
        let mut is_flat = true;
        loop {
            let mut last = None;
            let mut keep = |meta: ObjectMeta| {
                is_flat &= meta.location.prefix_match(below).is_some_and(|parts| parts.count() == 1);
                let done = each(self.info(&meta));
                last = Some(meta.location);
                done
            };
            let Some(failure) = list_once(self, below, after.as_ref(), &mut keep).await? else {
                return Ok(());
            };
            if last.is_some() {
                (began, retry, after) = (Instant::now(), 0, last);
            }
            let is_clear = self.0.opened.sorted && is_flat;
            match self.0.retry.pause(&failure, retry, began.elapsed()).filter(|_| is_clear) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(self.error(failure, Action::List, prefix)),
            }
            retry += 1;
        }
    }

    /// Ends a step that shows no progress. What goes over a wire has shorter limits of its own, below.
    pub(super) async fn patiently<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout(self.0.patience, step).await.map_err(|_| Failure::broken(Break::Stalled, ""))
    }

    pub(super) fn call<T, F>(
        &self,
        interrupt: &Interrupt,
        attempt: impl FnMut() -> F,
    ) -> Result<Result<T, Failure>, Interrupted>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        runtime::wait(&self.0.handle, interrupt, self.0.retry.run(attempt))
    }

    pub(super) fn store(&self) -> &dyn ObjectStore {
        &*self.0.opened.store
    }

    pub(super) fn count(&self, verb: Verb) {
        if !self.0.opened.counts {
            self.0.opened.counters.request(verb);
        }
    }

    fn count_received(&self, bytes: &Bytes) {
        if !self.0.opened.counts {
            self.0.opened.counters.received(bytes.len() as u64);
        }
    }

    pub(super) fn path(&self, key: &str) -> Result<StorePath, RemoteError> {
        if key.is_empty() {
            return Err(RemoteError::BadKey { key: String::new() });
        }
        self.prefix_path(key)
    }

    pub(super) fn prefix_path(&self, key: &str) -> Result<StorePath, RemoteError> {
        let key = key.strip_suffix('/').unwrap_or(key);
        let prefix = self.0.url.prefix();
        let whole = match (prefix, key) {
            ("", key) => key.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, key) => format!("{prefix}/{key}"),
        };
        match StorePath::parse(&whole) {
            Ok(path) if path.as_ref() == whole => Ok(path),
            _ => Err(RemoteError::BadKey { key: key.to_owned() }),
        }
    }

    pub(super) fn info(&self, meta: &ObjectMeta) -> ObjectInfo {
        let key = meta.location.as_ref();
        let key = key.strip_prefix(self.0.url.prefix()).unwrap_or(key).trim_start_matches('/');
        ObjectInfo {
            key: key.to_owned(),
            len: meta.size,
            etag: meta.e_tag.clone(),
            last_modified: Time { seconds: meta.last_modified.timestamp(), offset: 0 },
            // A bucket that keeps one state alone has a word for that.
            version: meta.version.clone().filter(|version| version != "null"),
        }
    }

    fn wrong_length(&self, key: &str, expected: u64, found: u64) -> RemoteError {
        RemoteError::WrongLength { url: self.0.url.clone(), key: key.to_owned(), expected, found }
    }

    /// Tells a failure what it was about.
    pub(super) fn error(&self, failure: Failure, action: Action, key: &str) -> RemoteError {
        let endpoint = self.0.opened.endpoint.clone();
        failure.into_error(self.0.url.clone(), endpoint, action, key)
    }
}

/// Another number of bytes came than was announced.
pub(super) fn cut(found: u64, expected: u64) -> Failure {
    Failure::broken(Break::Reset, format!("{found} bytes of {expected} came"))
}

/// Lists once, until the end or a failure of the store, which is given back.
async fn list_once(
    client: &Client,
    below: &StorePath,
    after: Option<&StorePath>,
    each: &mut dyn FnMut(ObjectMeta) -> Result<(), RemoteError>,
) -> Result<Option<Failure>, RemoteError> {
    client.count(Verb::Get);
    let mut stream = match after {
        Some(after) => client.store().list_with_offset(Some(below), after),
        None => client.store().list(Some(below)),
    };
    loop {
        match client.patiently(stream.next()).await {
            Ok(None) => return Ok(None),
            // Not all servers know how to begin in the middle.
            Ok(Some(Ok(meta))) if after.is_some_and(|after| meta.location <= *after) => {}
            Ok(Some(Ok(meta))) => each(meta)?,
            Ok(Some(Err(error))) => return Ok(Some(error.into())),
            Err(failure) => return Ok(Some(failure)),
        }
    }
}

fn runtime_of(url: &RemoteUrl) -> Result<Handle, RemoteError> {
    runtime::handle().map_err(|error| RemoteError::Other {
        url: url.clone(),
        key: String::new(),
        action: Action::Read,
        source: error.into(),
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.0.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Opens a folder as a remote, by its absolute path. It need not exist yet.
    ///
    /// # Errors
    /// When the path is relative or no Unicode.
    pub fn open_folder(path: &Path) -> Result<Self, RemoteError> {
        Self::open(&RemoteUrl::of_folder(path)?, &RemoteOptions::default())
    }
}
