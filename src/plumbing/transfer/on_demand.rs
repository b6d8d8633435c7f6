//! Objects of remotes, fetched when somebody needs them: what makes a repository without its data whole.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::evict::packs_there;
use super::fetch::{bring, find_any_form};
use super::incoming::end_of;
use super::index::RemoteIndex;
use super::known::{remember_entry, remembered};
use super::{Peer, RecordKey, TransferError, log};
use crate::codec::pack::RecordKind;
use crate::codec::segment::Placed;
use crate::model::{BlobId, Interrupt, Monitor, ProgressSource, RefEntry};
use crate::remote::{Client, RemoteError};
use crate::store::{ObjectDb, ObjectsLock, Promisor, StoreError};
use crate::sys::Fs;

/// Bytes of metadata that are read at once, to begin with. Whoever comes back for more gets twice as much.
const AHEAD: u64 = 256 * 1024;
const MAX_AHEAD: u64 = 4 * 1024 * 1024;

/// Opens the connection to a remote when it is needed first.
type Connect = Box<dyn Fn() -> Result<Client, RemoteError> + Send + Sync>;

/// A remote that objects are fetched from on demand.
pub struct Source {
    url: String,
    cache: PathBuf,
    connect: Connect,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    index: Option<RemoteIndex>,
    /// Entries that are looked at first, instead of those that were seen earlier.
    known: Vec<RefEntry>,
    ahead: u64,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Source {
    /// A remote, its URL for people, and the folder of what was learned of it. It is asked for nothing yet.
    pub fn new(
        url: String,
        cache: PathBuf,
        connect: impl Fn() -> Result<Client, RemoteError> + Send + Sync + 'static,
    ) -> Self {
        let state = Mutex::new(State { ahead: AHEAD, ..State::default() });
        Self { url, cache, connect: Box::new(connect), state }
    }

    /// The same, where one wants what an entry leads to, which was just read: nothing else is asked for as long as all is found.
    #[must_use]
    pub fn knowing(mut self, entry: RefEntry) -> Self {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).known.push(entry);
        self
    }

    /// Calls `work` with an index of the remote, made of what was seen of it earlier unless `now` says otherwise; once more, with
    /// one of what it says now, when something was not to be found: others may have sent it since, or moved it into
    /// other packs.
    fn ask<T>(
        &self,
        fs: &Arc<dyn Fs>,
        interrupt: &Interrupt,
        now: bool,
        mut work: impl FnMut(&Peer<'_>, &mut RemoteIndex, &mut u64) -> Result<Found<T>, TransferError>,
    ) -> Result<T, TransferError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { client, index, known, ahead } = &mut *state;
        let client = match client {
            Some(client) => client,
            none => none.insert((self.connect)()?),
        };
        let peer = Peer { client, interrupt, fs, cache: self.cache.clone(), fresh: false };
        // What is looked at now is not looked at twice for one question.
        let mut looked = now;
        if now {
            *index = Some(index_of(&peer, &look_again(&peer)?)?);
        } else if index.is_none() {
            let seen = if known.is_empty() { remembered(&peer) } else { std::mem::take(known) };
            looked = seen.is_empty();
            let entries = if looked { look_again(&peer)? } else { seen };
            *index = Some(index_of(&peer, &entries)?);
        }
        loop {
            let Some(known) = index else { return Err(peer.missing(crate::remote::keys::HEADS)) };
            let found = work(&peer, known, ahead);
            let stale = matches!(
                found,
                Ok(Found::InPart(_))
                    | Err(TransferError::MissingObject { .. } | TransferError::MissingRecord { .. })
            );
            if looked || !stale {
                return found.map(|(Found::All(found) | Found::InPart(found))| found);
            }
            *index = Some(index_of(&peer, &look_again(&peer)?)?);
            looked = true;
        }
    }
}

/// What came of a search.
enum Found<T> {
    All(T),
    /// Something was not to be found.
    InPart(T),
}

/// The newest entries of all datasets, remembered.
fn look_again(peer: &Peer<'_>) -> Result<Vec<RefEntry>, TransferError> {
    let entries = log::all_newest(peer)?;
    entries.iter().try_for_each(|entry| remember_entry(peer, entry))?;
    // A folder that is not mounted is empty; that is no proof that anything was lost.
    if entries.is_empty() {
        return Err(TransferError::NothingThere { url: peer.url() });
    }
    Ok(entries)
}

fn index_of(peer: &Peer<'_>, entries: &[RefEntry]) -> Result<RemoteIndex, TransferError> {
    RemoteIndex::new(peer, entries.iter().flat_map(|entry| entry.segments.iter().cloned()))
}

/// All remotes that a repository's objects are fetched from on demand.
pub struct OnDemand {
    /// A view of the database that asks nobody.
    db: Arc<ObjectDb>,
    sources: Vec<Source>,
    interrupt: Option<&'static Interrupt>,
    progress: Option<Arc<dyn ProgressSource>>,
    lock: Option<Lock>,
}

/// Waits for a share in the lock of a database's objects.
pub(super) type Lock = Box<dyn Fn(&Monitor<'_>) -> Result<ObjectsLock, StoreError> + Send + Sync>;

impl OnDemand {
    /// Remotes, asked in this order, for a database, of which `db` is a view without a promisor. `interrupt` ends what is
    /// fetched for those who have no way of their own to end it.
    pub fn new(db: Arc<ObjectDb>, sources: Vec<Source>, interrupt: Option<&'static Interrupt>) -> Self {
        Self { db, sources, interrupt, progress: None, lock: None }
    }

    /// The same, which shows what is fetched for those who have no way of their own to show it.
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

    fn interrupt<'a>(&self, monitor: &Monitor<'a>) -> &'a Interrupt {
        self.interrupt.unwrap_or(monitor.interrupt)
    }

    /// Those of the wanted records that are not here.
    fn not_here(&self, wanted: &[RecordKey]) -> Result<Vec<RecordKey>, TransferError> {
        self.db.reopen()?;
        let mut missing = Vec::new();
        for (kind, id) in wanted {
            let here = match kind {
                RecordKind::Blob | RecordKind::ChunkedBlob => {
                    self.db.contains_blob(&BlobId::from_bytes(*id))?
                }
                _ => self.db.contains(*kind, id)?,
            };
            if !here {
                missing.push((*kind, *id));
            }
        }
        Ok(missing)
    }
}

impl std::fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnDemand").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Promisor for OnDemand {
    fn holds(
        &self,
        wanted: &[RecordKey],
        thorough: bool,
        monitor: &Monitor<'_>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut holds = vec![false; wanted.len()];
        for source in &self.sources {
            let unknown: Vec<usize> = (0..wanted.len()).filter(|at| !holds[*at]).collect();
            if unknown.is_empty() {
                break;
            }
            let keys: Vec<RecordKey> = unknown.iter().map(|at| wanted[*at]).collect();
            let found = source.ask(self.db.fs(), self.interrupt(monitor), true, |peer, index, _| {
                let mut found = find_any_form(peer, index, &keys)?;
                if thorough {
                    let there = packs_there(peer)?;
                    let is_there =
                        |placed: &Placed| there.get(&placed.pack).is_some_and(|len| end_of(placed) <= *len);
                    found.iter_mut().for_each(|place| *place = place.filter(is_there));
                }
                Ok(Found::All(found))
            });
            let found = found.map_err(|error| not_fetched(&source.url, error))?;
            for (at, found) in unknown.into_iter().zip(found) {
                holds[at] = found.is_some();
            }
        }
        Ok(holds)
    }

    fn bring(&self, wanted: &[RecordKey], monitor: &Monitor<'_>) -> Result<(), StoreError> {
        let shown = self.progress.as_ref().and_then(|source| source.begin());
        let progress = shown.as_deref().unwrap_or(monitor.progress);
        let monitor = &Monitor { progress, interrupt: self.interrupt(monitor), ..*monitor };
        progress.phase("Looking at the remote", None, None);
        // Nobody removes objects while some come, or merges packs beside somebody who does.
        let _shared = self.lock.as_ref().map(|lock| lock(monitor)).transpose()?;
        for source in &self.sources {
            let lacking = source.ask(self.db.fs(), monitor.interrupt, false, |peer, index, ahead| {
                // Under the lock: what others have just brought, often what lies beside it, is here.
                let missing = self.not_here(wanted)?;
                if missing.is_empty() {
                    return Ok(Found::All(missing));
                }
                let lacking = bring(peer, &self.db, index, &missing, *ahead, monitor)?;
                *ahead = (*ahead * 2).min(MAX_AHEAD);
                Ok(if lacking.is_empty() { Found::All(lacking) } else { Found::InPart(lacking) })
            });
            if lacking.map_err(|error| not_fetched(&source.url, error))?.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

fn not_fetched(url: &str, error: TransferError) -> StoreError {
    match error {
        TransferError::Store(error) => error,
        TransferError::Io(error) => error.into(),
        TransferError::Interrupted(error) | TransferError::Remote(RemoteError::Interrupted(error)) => {
            error.into()
        }
        error => {
            let hint = match &error {
                TransferError::Remote(error) => error.hint(),
                TransferError::NothingThere { .. } => Some(
                    "is a disk not mounted, or was it moved? 'dsv remote set-url' says where it is now"
                        .to_owned(),
                ),
                _ => None,
            };
            StoreError::NotFetched { url: url.to_owned(), kind: error.kind(), hint, source: Box::new(error) }
        }
    }
}
