//! A version and all that it needs, sent to a remote; then the dataset's ref there moves to it.
//!
//! The order is what makes it safe: a mark that says `uploading`, packs, index segments, each confirmed by length,
//! the mark says `final`, the next entry of the log of refs, and the mark goes. Whatever ends this in between
//! leaves the ref where it was, and packs that the next attempt finds again.
//!
//! Beside a collection of garbage it is safe since nothing is used whose name is condemned: at the beginning the list of
//! these is read, and right before the entry is created it is asked whether there is a newer one. What the newest entry
//! of the own dataset leads to needs no such care: the new entry follows that one or none.

use std::collections::HashSet;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::condemned::Condemned;
use super::early::Early;
use super::index::RemoteIndex;
use super::log::{self, Appended};
use super::outgoing::{self, Resume, Sent};
use super::publish;
use super::select::{Selection, select};
use super::{Peer, TransferError};
use crate::codec::json_line::encode_upload;
use crate::codec::pack::RECORD_HEADER_LEN;
use crate::codec::repository_format::RepositoryFormat;
use crate::codec::segment::{Placed, SEGMENT_ENTRY_LEN, Section};
use crate::model::{
    DatasetName, Expected, Interrupt, Monitor, REMOTE_FORMAT, RefEntry, SegmentInfo, Time, Upload,
    UploadState, Version, VersionId,
};
use crate::plumbing::merge_base;
use crate::remote::{PutBody, RemoteError, keys};
use crate::store::{ObjectDb, StoreError};
use crate::sys::random_hex;

/// Longest time for the last word of a push that ends without having moved the ref.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How to push.
#[derive(Debug, Clone)]
pub struct PushOptions {
    /// What the dataset's ref on the remote must be; `None` when what is sent must descend from it, which is
    /// what nobody else's work gets lost by.
    pub expected: Option<Expected>,
    /// Who pushes.
    pub who: String,
    /// From which machine.
    pub host: String,
    /// When.
    pub time: Time,
    /// Why the ref moves.
    pub why: String,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct PushOutcome {
    /// Where the dataset is on the remote now.
    pub entry: RefEntry,
    /// Whether it moved; false when it was there already.
    pub moved: bool,
    /// Versions that were not there before.
    pub versions: u64,
    /// Records that were not there before.
    pub records: u64,
    /// Packs that were sent.
    pub packs: u64,
    /// Bytes of these packs.
    pub bytes: u64,
}

/// Sends `tip` and moves the dataset's ref on the remote to it.
///
/// # Errors
/// [`TransferError::Diverged`] or [`TransferError::Moved`] when the ref is not where it must be, before or after
/// the objects were sent; when something is missing here, or the remote fails.
pub fn push(
    peer: &Peer<'_>,
    db: &ObjectDb,
    dataset: &DatasetName,
    tip: VersionId,
    options: &PushOptions,
    monitor: &Monitor<'_>,
) -> Result<PushOutcome, TransferError> {
    monitor.progress.phase("Looking at the remote", None, None);
    let mut newest = log::newest(peer, dataset)?;
    if let Some(entry) = newest.as_ref().filter(|entry| entry.version == Some(tip)) {
        return already_there(peer, dataset, tip, entry.clone());
    }
    // Before anything is looked at that may be relied on; what an attempt learns the next one knows.
    let mut condemned = Condemned::read(peer)?;
    let push = Push { peer, db, dataset, tip, options, version: db.version(&tip)?, monitor };
    loop {
        push.check_expected(newest.as_ref())?;
        match push.attempt(newest.as_ref(), &mut condemned)? {
            Attempt::Done(outcome) => return Ok(*outcome),
            Attempt::Overtaken(entry) => {
                newest = log::newest_from(peer, dataset, entry.map(|entry| *entry).or(newest))?;
            }
        }
    }
}

/// How an attempt ended.
enum Attempt {
    Done(Box<PushOutcome>),
    /// What it went on from is no longer what is there, or what it sent is about to be removed: all must be looked at
    /// again, from the entry that is known to be there.
    Overtaken(Option<Box<RefEntry>>),
}

/// The outcome where the version is there already. An attempt that was ended after it had moved the ref, and before it could say
/// so, has left its mark.
fn already_there(
    peer: &Peer<'_>,
    dataset: &DatasetName,
    tip: VersionId,
    entry: RefEntry,
) -> Result<PushOutcome, TransferError> {
    let resume = Resume::new(peer, &tip.to_string())?;
    if resume.is_left() {
        peer.delete(&keys::upload(dataset, &tip))?;
        resume.forget();
    }
    Ok(PushOutcome { entry, moved: false, versions: 0, records: 0, packs: 0, bytes: 0 })
}

struct Push<'a, 'p> {
    peer: &'a Peer<'p>,
    db: &'a ObjectDb,
    dataset: &'a DatasetName,
    tip: VersionId,
    version: Version,
    options: &'a PushOptions,
    monitor: &'a Monitor<'a>,
}

impl Push<'_, '_> {
    /// Refuses to lose what others have pushed.
    fn check_expected(&self, newest: Option<&RefEntry>) -> Result<(), TransferError> {
        let theirs = newest.and_then(|entry| entry.version);
        let Some(expected) = self.options.expected else {
            return match theirs {
                Some(theirs) if !self.descends_from(&theirs)? => Err(self.diverged(theirs)),
                _ => Ok(()),
            };
        };
        if expected.allows(theirs) { Ok(()) } else { Err(self.moved(theirs)) }
    }

    fn descends_from(&self, theirs: &VersionId) -> Result<bool, TransferError> {
        match merge_base::is_ancestor(self.db, *theirs, self.tip, self.monitor.interrupt) {
            Ok(answer) => Ok(answer),
            // What is not here is no ancestor of what is here whole.
            Err(crate::plumbing::history::HistoryError::Store(StoreError::Missing { .. })) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn diverged(&self, theirs: VersionId) -> TransferError {
        TransferError::Diverged {
            url: self.peer.url(),
            dataset: self.dataset.clone(),
            theirs,
            ours: self.tip,
        }
    }

    fn moved(&self, theirs: Option<VersionId>) -> TransferError {
        TransferError::Moved { url: self.peer.url(), dataset: self.dataset.clone(), theirs }
    }

    fn attempt(
        &self,
        newest: Option<&RefEntry>,
        condemned: &mut Condemned,
    ) -> Result<Attempt, TransferError> {
        let (mut index, there) = what_is_there(self.peer, newest, condemned)?;
        let early = Early::read(self.peer, self.dataset, condemned)?;
        index.add(self.peer, early.segments.iter().cloned())?;
        self.monitor.progress.phase("Finding what is new", None, None);
        let selection = select(self.peer, self.db, &mut index, self.tip, &there, self.monitor)?;
        let to_send = stored_bytes(self.db, &selection)?;
        let mark = Mark { push: self, to_send };
        // What ends the first word of it may come after it has arrived there.
        let begun = mark.set(self.peer, UploadState::Uploading, None, 0);
        let done = begun.and_then(|()| self.send(newest, &mut index, &selection, condemned, &early, &mark));
        if let Err(error) = &done {
            mark.tell_failure(error);
        }
        done
    }

    fn send(
        &self,
        newest: Option<&RefEntry>,
        index: &mut RemoteIndex,
        selection: &Selection,
        condemned: &mut Condemned,
        early: &Early,
        mark: &Mark<'_, '_, '_>,
    ) -> Result<Attempt, TransferError> {
        let records = selection.metadata.len() as u64 + selection.data.len();
        self.monitor.progress.phase("Sending", Some(selection.files()?), Some(mark.to_send));
        let resume = Resume::new(self.peer, &self.tip.to_string())?;
        let mut sent = outgoing::send(self.peer, self.db, selection, &resume, condemned, self.monitor)?;
        self.monitor.progress.phase("Publishing", None, None);
        let (versions, packs, bytes) = (selection.versions, sent.packs, sent.bytes);
        let own = own_base(newest).is_some();
        // Of other datasets' segments only if something there is relied on.
        let relied_on =
            if own || selection.found_there { std::mem::take(index) } else { RemoteIndex::default() };
        let mut used: HashSet<String> = std::mem::take(&mut sent.keys);
        let old = publish::keys_of(&relied_on.infos());
        let segments = self.publish_segments(relied_on, sent, condemned)?;
        if own {
            used.extend(publish::keys_of(&segments).into_iter().filter(|key| !old.contains(key)));
        } else {
            used.extend(publish::keys_of(&segments).into_iter().chain(old));
        }
        // No entry leads to what was sent early.
        used.extend(early.keys.iter().cloned());
        if newest.is_none() {
            self.write_format()?;
        }
        mark.set(self.peer, UploadState::Final, None, bytes)?;
        if !condemned.leaves(self.peer, &used)? {
            return Ok(Attempt::Overtaken(None));
        }
        let entry = match self.move_ref(newest, segments)? {
            Ok(entry) => entry,
            Err(other) => {
                self.check_expected(Some(&other))?;
                return Ok(Attempt::Overtaken(Some(other)));
            }
        };
        // In this order: what is not forgotten here is looked at by the next push.
        mark.remove();
        resume.forget();
        early.forget(self.peer);
        Ok(Attempt::Done(Box::new(PushOutcome { entry, moved: true, versions, records, packs, bytes })))
    }

    /// Lists what was sent in new segments, together with what lies in old ones that are small beside it: a reader asks each
    /// segment, so there must be few, and each record is written again only a few times. Returns all segments that the
    /// version needs.
    fn publish_segments(
        &self,
        index: RemoteIndex,
        sent: Sent,
        condemned: &Condemned,
    ) -> Result<Vec<SegmentInfo>, TransferError> {
        let (mut metadata, mut data) = (sent.metadata, sent.data);
        let new_bytes = (metadata.len() + data.len()) as u64 * SEGMENT_ENTRY_LEN as u64;
        let (merge, mut keep) = publish::choose_merged(index.infos(), new_bytes);
        if !merge.is_empty() {
            let mut merged = RemoteIndex::new(self.peer, merge)?;
            merged.each(self.peer, Section::Metadata, &mut |placed| metadata.push(*placed))?;
            merged.each(self.peer, Section::Data, &mut |placed| data.push(*placed))?;
            // Of a record that lies in two places the first one stays, which is the new one.
            for list in [&mut metadata, &mut data] {
                list.sort_by_key(Placed::key);
                list.dedup_by_key(|placed| placed.key());
            }
        }
        keep.extend(publish::segments(self.peer, condemned, &metadata, &data)?);
        keep.sort_unstable();
        keep.dedup();
        Ok(keep)
    }

    fn write_format(&self) -> Result<(), TransferError> {
        let format = RepositoryFormat { number: REMOTE_FORMAT, ..RepositoryFormat::default() };
        self.peer.create(keys::FORMAT, format.encode().into_bytes()).map(drop)
    }

    /// Creates the next entry of the log, or tells which one came first.
    fn move_ref(
        &self,
        newest: Option<&RefEntry>,
        segments: Vec<SegmentInfo>,
    ) -> Result<Result<RefEntry, Box<RefEntry>>, TransferError> {
        let options = self.options;
        let entry = RefEntry {
            format: REMOTE_FORMAT,
            reader_features: Vec::new(),
            dataset: self.dataset.clone(),
            number: newest.map_or(0, |entry| entry.number) + 1,
            version: Some(self.tip),
            previous: newest.and_then(|entry| entry.version),
            write_id: random_hex(),
            who: options.who.clone(),
            time: options.time,
            why: options.why.clone(),
            segments,
        };
        Ok(match log::append(self.peer, &entry)? {
            Appended::Won => Ok(entry),
            // Who loses the race against one that sent the same version has won.
            Appended::Lost(other) if other.version == Some(self.tip) => Ok(*other),
            Appended::Lost(other) => Err(other),
        })
    }
}

/// What the remote is known to have: by the dataset's own segments, or for its first version by those of
/// all datasets; and the versions that are there for sure.
pub(super) fn what_is_there(
    peer: &Peer<'_>,
    newest: Option<&RefEntry>,
    condemned: &Condemned,
) -> Result<(RemoteIndex, Vec<VersionId>), TransferError> {
    let mut index = RemoteIndex::default();
    let mut versions = Vec::new();
    if let Some(entry) = own_base(newest) {
        versions.extend(entry.version);
        index.add(peer, entry.segments.iter().cloned())?;
        return Ok((index, versions));
    }
    for other in log::datasets(peer)? {
        let Some(entry) = log::newest(peer, &other)?.filter(|entry| entry.version.is_some()) else {
            continue;
        };
        // Of a dataset of which something is about to be removed nothing is relied on.
        if publish::keys_of(&entry.segments).iter().any(|key| condemned.names(key)) {
            continue;
        }
        versions.extend(entry.version);
        index.add(peer, entry.segments)?;
    }
    Ok((index, versions))
}

/// The newest entry of the own dataset, if what it names can be relied on: of a dataset that was removed nothing needs to stay.
fn own_base(newest: Option<&RefEntry>) -> Option<&RefEntry> {
    newest.filter(|entry| entry.version.is_some())
}

/// Bytes that packs of a selection have, tables left out.
pub(super) fn stored_bytes(db: &ObjectDb, selection: &Selection) -> Result<u64, TransferError> {
    let record_len = |stored_len: u32| RECORD_HEADER_LEN as u64 + u64::from(stored_len);
    let mut bytes = 0;
    for record in selection.data.iter() {
        bytes += record_len(record?.1.locator.stored_len);
    }
    for (kind, id) in &selection.metadata {
        bytes += db.locate(*kind, id)?.map_or(0, |location| record_len(location.locator.stored_len));
    }
    Ok(bytes)
}

/// The object that tells others of this upload.
struct Mark<'a, 'b, 'p> {
    push: &'a Push<'b, 'p>,
    to_send: u64,
}

impl Mark<'_, '_, '_> {
    fn key(&self) -> String {
        keys::upload(self.push.dataset, &self.push.tip)
    }

    fn set(
        &self,
        peer: &Peer<'_>,
        state: UploadState,
        reason: Option<String>,
        sent: u64,
    ) -> Result<(), TransferError> {
        let Push { version, options, dataset, tip, .. } = self.push;
        let upload = Upload {
            version: *tip,
            dataset: (*dataset).clone(),
            label: version.label.clone(),
            files: version.totals.files,
            bytes: version.totals.bytes,
            state,
            reason,
            who: options.who.clone(),
            host: options.host.clone(),
            time: options.time,
            to_send: self.to_send,
            sent,
        };
        peer.put(&self.key(), &PutBody::from(encode_upload(&upload)))
    }

    /// Says that the upload ended, if the remote can still be told and takes it soon: this is not what the person waits for, who may
    /// have asked to end.
    fn tell_failure(&self, error: &TransferError) {
        let (state, reason) = match error {
            TransferError::Interrupted(_) | TransferError::Remote(RemoteError::Interrupted(_)) => {
                (UploadState::Aborted, None)
            }
            error => (UploadState::Failed, Some(error.to_string())),
        };
        let interrupt = Interrupt::new();
        let peer = Peer { interrupt: &interrupt, ..self.push.peer.clone() };
        let (said, unsaid) = crossbeam_channel::bounded::<()>(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if unsaid.recv_timeout(LAST_WORD) == Err(RecvTimeoutError::Timeout) {
                    interrupt.set();
                }
            });
            let _ = self.set(&peer, state, reason, 0);
            drop(said);
        });
    }

    /// The version is there for all to see; a mark that stays says `final` and no more.
    fn remove(&self) {
        let _ = self.push.peer.delete(&self.key());
    }
}
