//! What external links lead to, read where it is when somebody needs it.
//!
//! Each source is proved to be the one that was recorded: by its length and ETag before a byte is kept, by its SHA-256 once
//! that is known. What comes lies in the database as a blob to which nothing refers, and what it was found to be is
//! remembered, a small file for each link, so that it is not read again as long as the blob is there.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::on_demand::Lock;
use crate::model::{BlobId, ExternalLink, Interrupt, Monitor, ProgressSource};
use crate::plumbing::links::read_link;
use crate::plumbing::work_stack::work_through;
use crate::remote::{Client, ObjectInfo, Pin, Pinned, RemoteError, RemoteUrl, RequestStats};
use crate::store::{LinkError, LinkSource, ObjectDb, ObjectsLock, StoreError, WantedLink, Writer};
use crate::sys::{Fs, IoContext, publish};

/// Bytes that are asked for at once.
const STEP: u64 = 8 << 20;

/// Opens the connection to what holds a source.
type Connect = Box<dyn Fn(&RemoteUrl) -> Result<Client, RemoteError> + Send + Sync>;

/// The way to the sources of links.
pub struct Links {
    memory: PathBuf,
    connect: Connect,
    clients: Mutex<HashMap<RemoteUrl, Client>>,
    interrupt: Option<&'static Interrupt>,
    progress: Option<Arc<dyn ProgressSource>>,
    lock: Option<Lock>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl Links {
    /// Links whose sources are reached by `connect`, one connection for each bucket. In the folder `memory` is remembered what
    /// they lead to. `interrupt` ends what is read for those who have no way of their own to end it.
    pub fn new(
        memory: PathBuf,
        connect: impl Fn(&RemoteUrl) -> Result<Client, RemoteError> + Send + Sync + 'static,
        interrupt: Option<&'static Interrupt>,
    ) -> Self {
        let (connect, clients) = (Box::new(connect), Mutex::default());
        Self { memory, connect, clients, interrupt, progress: None, lock: None }
    }

    /// The same, which shows what is read for those who have no way of their own to show it.
    #[must_use]
    pub fn shown_by(self, progress: Option<Arc<dyn ProgressSource>>) -> Self {
        Self { progress, ..self }
    }

    /// The same, where others remove objects: while some are brought, a share in their lock is held.
    #[must_use]
    pub fn locked_by(
        self,
        lock: impl Fn(&Monitor<'_>) -> Result<ObjectsLock, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self { lock: Some(Box::new(lock)), ..self }
    }

    /// The connection to what holds sources; there is one for each.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn client(&self, place: &RemoteUrl) -> Result<Client, RemoteError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(place) {
            return Ok(client.clone());
        }
        let client = (self.connect)(place)?;
        clients.insert(place.clone(), client.clone());
        Ok(client)
    }

    /// What was sent to all sources and came from them.
    pub fn stats(&self) -> RequestStats {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.values().map(Client::stats).fold(RequestStats::default(), RequestStats::plus)
    }

    fn note_path(&self, link: &BlobId) -> PathBuf {
        let id = link.to_string();
        self.memory.join(&id[..2]).join(id)
    }

    /// What is remembered of a link. A note that cannot be read is none.
    fn remembered(&self, fs: &dyn Fs, link: &BlobId) -> Option<BlobId> {
        let bytes = fs.read(&self.note_path(link)).ok()?;
        std::str::from_utf8(&bytes).ok()?.strip_suffix('\n')?.parse().ok()
    }

    fn remember(&self, fs: &Arc<dyn Fs>, link: &BlobId, blob: &BlobId) -> Result<(), StoreError> {
        let path = self.note_path(link);
        let folder = path.parent().unwrap_or(&self.memory);
        fs.create_dir_all(folder).at("create", folder)?;
        Ok(publish(fs, &path, format!("{blob}\n").as_bytes())?)
    }

    /// Reads sources into the database; `each` is told what they were found to be.
    fn read_all(
        &self,
        db: &Arc<ObjectDb>,
        todo: Vec<Todo>,
        monitor: &Monitor<'_>,
        each: &(dyn Fn(BlobId, BlobId) + Sync),
    ) -> Result<(), StoreError> {
        // Nobody removes objects while some come.
        let _shared = self.lock.as_ref().map(|lock| lock(monitor)).transpose()?;
        db.reopen()?;
        let writer = Writer::new(db)?;
        let spare = Mutex::new(Vec::new());
        let bytes = todo.iter().map(|todo| todo.link.size).sum();
        monitor.progress.phase("Reading links", Some(todo.len() as u64), Some(bytes));
        let connections = todo.first().map_or(Ok(1), |first| {
            let (place, _) =
                RemoteUrl::of_link(&first.link.url).map_err(|error| first.unreadable(error.into()))?;
            self.client(&place).map(|client| client.connections()).map_err(|error| first.unreadable(error))
        })?;
        let read = work_through(connections.min(todo.len()), todo, |todo: Todo, _| {
            monitor.interrupt.check()?;
            let lent = spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut compressors = lent.map_or_else(|| writer.blob_compressors(), Ok)?;
            let mut source = Source::open(self, &todo, monitor)?;
            let put = writer.put_blob(&mut source, &mut compressors);
            if let Some(error) = source.failed {
                return Err(error);
            }
            let (blob, _) = put?;
            spare.lock().unwrap_or_else(PoisonError::into_inner).push(compressors);
            todo.prove(&blob)?;
            each(todo.id, blob);
            monitor.progress.advance(1, 0);
            Ok::<_, StoreError>(())
        });
        // What did come is kept, whatever became of the rest.
        let finished = writer.finish();
        read.and(finished.map(drop))
    }
}

/// The facts of many objects of one place, in their order; `None` of those that are not there.
///
/// # Errors
/// When the place fails.
pub fn facts_of(
    client: &Client,
    keys: &[&str],
    monitor: &Monitor<'_>,
) -> Result<Vec<Option<ObjectInfo>>, RemoteError> {
    let found = Mutex::new(vec![None; keys.len()]);
    work_through(client.connections().min(keys.len()), (0..keys.len()).collect(), |at: usize, _| {
        let info = client.head(keys[at], monitor.interrupt)?;
        monitor.progress.advance(1, 0);
        found.lock().unwrap_or_else(PoisonError::into_inner)[at] = info;
        Ok::<_, RemoteError>(())
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A link that is to be read.
struct Todo {
    id: BlobId,
    path: String,
    link: ExternalLink,
    /// What it was found to lead to earlier.
    expected: Option<BlobId>,
}

impl Todo {
    fn unreadable(&self, error: RemoteError) -> StoreError {
        if let RemoteError::Interrupted(error) = error {
            return error.into();
        }
        let (path, link) = (self.path.clone(), Box::new(self.link.clone()));
        let (kind, hint) = (error.kind(), error.hint());
        Box::new(LinkError::Unreadable { path, link, kind, hint, source: Box::new(error) }).into()
    }

    fn changed(&self, found: Option<ObjectInfo>) -> StoreError {
        let (path, link) = (self.path.clone(), Box::new(self.link.clone()));
        let Some(info) = found else { return Box::new(LinkError::Gone { path, link }).into() };
        let etag = self.link.etag.as_ref().map(ToString::to_string);
        let modified = self.link.modified.as_ref().map(ToString::to_string);
        let recorded = facts(self.link.size, etag, modified);
        let found = facts(info.len, info.etag, Some(info.last_modified.to_string()));
        Box::new(LinkError::Changed { path, link, recorded, found }).into()
    }

    fn prove(&self, found: &BlobId) -> Result<(), StoreError> {
        match self.expected.or(self.link.sha256) {
            Some(expected) if expected != *found => {
                let (path, link) = (self.path.clone(), Box::new(self.link.clone()));
                let (expected, found) = (expected.object(), found.object());
                Err(Box::new(LinkError::WrongBytes { path, link, expected, found }).into())
            }
            _ => Ok(()),
        }
    }
}

/// What is known of a source, for people.
fn facts(size: u64, etag: Option<String>, modified: Option<String>) -> String {
    match (etag, modified) {
        (Some(etag), _) => format!("{size} bytes with the ETag {etag}"),
        (None, Some(modified)) => format!("{size} bytes of {modified}"),
        (None, None) => format!("{size} bytes"),
    }
}

/// The bytes of a source, as long as it is the one that was recorded.
struct Source<'a> {
    client: Client,
    key: String,
    todo: &'a Todo,
    monitor: &'a Monitor<'a>,
    at: u64,
    buffer: Bytes,
    failed: Option<StoreError>,
}

impl<'a> Source<'a> {
    fn open(links: &Links, todo: &'a Todo, monitor: &'a Monitor<'a>) -> Result<Self, StoreError> {
        let opened = RemoteUrl::of_link(&todo.link.url)
            .map_err(RemoteError::from)
            .and_then(|(place, key)| Ok((links.client(&place)?, key)));
        let (client, key) = opened.map_err(|error| todo.unreadable(error))?;
        let mut source = Self { client, key, todo, monitor, at: 0, buffer: Bytes::new(), failed: None };
        // An empty one is looked at too.
        source.fill()?;
        Ok(source)
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let link = &self.todo.link;
        let range = self.at..link.size.min(self.at + STEP);
        let modified = link.modified.as_ref().filter(|_| link.etag.is_none());
        let pin = Pin {
            len: link.size,
            etag: link.etag.as_ref().map(|etag| etag.as_str()),
            modified: modified.map(|modified| modified.as_str()),
            version: link.version.as_ref().map(|version| version.as_str()),
        };
        let got = self.client.get_pinned(&self.key, range.clone(), &pin, self.monitor.interrupt);
        match got.map_err(|error| self.todo.unreadable(error))? {
            Pinned::Bytes(bytes) => {
                self.buffer = bytes.into_bytes();
                self.at = range.end;
                self.monitor.progress.advance(0, self.buffer.len() as u64);
                Ok(())
            }
            Pinned::Changed(found) => Err(self.todo.changed(found)),
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let is_spent = self.buffer.is_empty() && self.at < self.todo.link.size;
        if let Err(error) = if is_spent { self.fill() } else { Ok(()) } {
            self.failed = Some(error);
            return Err(io::ErrorKind::Other.into());
        }
        let count = buf.len().min(self.buffer.len());
        buf[..count].copy_from_slice(&self.buffer.split_to(count));
        Ok(count)
    }
}

impl LinkSource for Links {
    fn bring(
        &self,
        db: &Arc<ObjectDb>,
        links: &[WantedLink],
        monitor: &Monitor<'_>,
    ) -> Result<Vec<BlobId>, StoreError> {
        let (mut found, mut todo, mut seen) = (HashMap::new(), Vec::new(), HashSet::new());
        for WantedLink { id, path } in links.iter().filter(|wanted| seen.insert(wanted.id)) {
            let expected = self.known(db, id)?;
            match expected {
                Some(blob) if db.contains_blob(&blob)? => drop(found.insert(*id, blob)),
                _ => {
                    let (id, path, link) = (*id, path.clone(), read_link(db, id)?);
                    todo.push(Todo { id, path, link, expected });
                }
            }
        }
        if !todo.is_empty() {
            let shown = self.progress.as_ref().and_then(|source| source.begin());
            let progress = shown.as_deref().unwrap_or(monitor.progress);
            let interrupt = self.interrupt.unwrap_or(monitor.interrupt);
            let monitor = Monitor { progress, interrupt, ..*monitor };
            // What is taken last is read first.
            todo.reverse();
            let came = Mutex::new(Vec::new());
            let read = self.read_all(db, todo, &monitor, &|link, blob| {
                came.lock().unwrap_or_else(PoisonError::into_inner).push((link, blob));
            });
            for (link, blob) in came.into_inner().unwrap_or_else(PoisonError::into_inner) {
                self.remember(db.fs(), &link, &blob)?;
                found.insert(link, blob);
            }
            read?;
        }
        let blob = |wanted: &WantedLink| {
            let no_source = || Box::new(LinkError::NoSource { path: wanted.path.clone() }).into();
            found.get(&wanted.id).copied().ok_or_else(no_source)
        };
        links.iter().map(blob).collect()
    }

    fn known(&self, db: &ObjectDb, link: &BlobId) -> Result<Option<BlobId>, StoreError> {
        match self.remembered(&**db.fs(), link) {
            Some(blob) => Ok(Some(blob)),
            None => Ok(read_link(db, link)?.sha256),
        }
    }
}
