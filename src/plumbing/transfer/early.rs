//! Files' bytes that are sent before the version is made that needs them.
//!
//! They lie in packs of their own, listed by segments that no entry of a log names; which these are is known here alone, in
//! the folder of what was learned of the remote. The push of the version finds in them what it need not send again. A
//! collection of garbage on the remote may take them for garbage once they are older than its time of grace; so before anything
//! is relied on, it is asked whether the packs are there and condemned by nobody.

use std::collections::HashSet;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::condemned::Condemned;
use super::index::RemoteIndex;
use super::outgoing::{self, Resume};
use super::push::{stored_bytes, what_is_there};
use super::select::select_files;
use super::{Peer, TransferError, log, publish};
use crate::codec::json_line::{decode_ref_entry, encode_ref_entry, encode_upload};
use crate::codec::segment::Section;
use crate::model::{
    DatasetName, Label, Monitor, ObjectId, REMOTE_FORMAT, RefEntry, SegmentInfo, Time, Totals, TreeId,
    Upload, UploadState, VersionId,
};
use crate::remote::{PutBody, keys};
use crate::store::ObjectDb;
use crate::sys::{IoContext, publish as publish_file};

const FOLDER: &str = "early";

/// What was sent early of a dataset, and can be relied on.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// The segments that list it.
    pub(super) segments: Vec<SegmentInfo>,
    /// The keys of these segments and of the packs that they name.
    pub(super) keys: HashSet<String>,
    /// What is known here, and the key of the mark that tells others; nothing when nothing was sent.
    left: Option<(PathBuf, String)>,
}

fn path(peer: &Peer<'_>, dataset: &DatasetName) -> PathBuf {
    let name = ObjectId::Sha256(Sha256::digest(dataset.as_str()).into());
    peer.cache().join(FOLDER).join(format!("{name}.json"))
}

/// What stands for the version in the mark of a draft.
fn stand_in(dataset: &DatasetName) -> VersionId {
    VersionId::from_bytes(Sha256::digest(format!("draft\0{dataset}")).into())
}

impl Early {
    /// What is known to have been sent, and is there.
    ///
    /// # Errors
    /// When the remote fails.
    pub(super) fn read(
        peer: &Peer<'_>,
        dataset: &DatasetName,
        condemned: &Condemned,
    ) -> Result<Self, TransferError> {
        let path = path(peer, dataset);
        // What cannot be read counts as not sent.
        let Some(entry) = peer.fs.read(&path).ok().and_then(|bytes| decode_ref_entry(&bytes).ok()) else {
            return Ok(Self::default());
        };
        let left = Some((path, keys::upload(dataset, &stand_in(dataset))));
        let mut early = Self { left, ..Self::default() };
        for info in entry.segments {
            if let Some(keys) = keys_if_there(peer, &info, condemned)? {
                early.keys.extend(keys);
                early.segments.push(info);
            }
        }
        Ok(early)
    }

    /// The version is there for all to see: what was sent for it is no longer early.
    pub(super) fn forget(&self, peer: &Peer<'_>) {
        if let Some((path, mark)) = &self.left {
            // Whatever stays is only looked at again.
            let _ = peer.delete(mark);
            let _ = peer.fs.remove_file(path);
        }
    }
}

/// The keys of a segment and of its packs, if all are there and none is condemned.
fn keys_if_there(
    peer: &Peer<'_>,
    info: &SegmentInfo,
    condemned: &Condemned,
) -> Result<Option<HashSet<String>>, TransferError> {
    let mut keys = HashSet::from([keys::segment(&info.name)]);
    if !peer.has(&keys::segment(&info.name), info.bytes)? {
        return Ok(None);
    }
    let mut index = RemoteIndex::new(peer, [info.clone()])?;
    for section in [Section::Metadata, Section::Data] {
        index.each(peer, section, &mut |placed| _ = keys.insert(keys::pack(&placed.pack)))?;
    }
    if keys.iter().any(|key| condemned.names(key)) {
        return Ok(None);
    }
    for key in keys.iter().filter(|key| keys::pack_name(key).is_some()) {
        peer.interrupt.check()?;
        if peer.client.head(key, peer.interrupt)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(keys))
}

/// What to send, and what others are told of it.
#[derive(Debug, Clone)]
pub struct EarlyOptions {
    /// What the draft holds; stored here.
    pub tree: TreeId,
    /// Files and bytes of the tree.
    pub totals: Totals,
    /// The label that the version is to have.
    pub label: Label,
    /// Who sends.
    pub who: String,
    /// From which machine.
    pub host: String,
    /// When.
    pub time: Time,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EarlyOutcome {
    /// Files that the remote did not have.
    pub files: u64,
    /// Packs that they make.
    pub packs: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// Sends what the files of a tree need and the remote has not. No ref moves, and nobody can get it.
///
/// # Errors
/// When something is missing here, or the remote fails: what was confirmed is not sent again.
pub fn send_early(
    peer: &Peer<'_>,
    db: &ObjectDb,
    dataset: &DatasetName,
    options: &EarlyOptions,
    monitor: &Monitor<'_>,
) -> Result<EarlyOutcome, TransferError> {
    monitor.progress.phase("Looking at the remote", None, None);
    let newest = log::newest(peer, dataset)?;
    let condemned = Condemned::read(peer)?;
    let (mut index, _) = what_is_there(peer, newest.as_ref(), &condemned)?;
    let early = Early::read(peer, dataset, &condemned)?;
    index.add(peer, early.segments.iter().cloned())?;
    monitor.progress.phase("Finding what is new", None, None);
    let selection = select_files(peer, db, &mut index, options.tree)?;
    let to_send = stored_bytes(db, &selection)?;
    let files = selection.files()?;
    if to_send == 0 {
        return Ok(EarlyOutcome::default());
    }
    let mark = |state, sent| {
        let upload = Upload {
            version: stand_in(dataset),
            dataset: dataset.clone(),
            label: options.label.clone(),
            files: options.totals.files,
            bytes: options.totals.bytes,
            state,
            reason: None,
            who: options.who.clone(),
            host: options.host.clone(),
            time: options.time,
            to_send,
            sent,
        };
        peer.put(&keys::upload(dataset, &stand_in(dataset)), &PutBody::from(encode_upload(&upload)))
    };
    mark(UploadState::Uploading, 0)?;
    monitor.progress.phase("Sending", Some(files), Some(to_send));
    let resume = Resume::new(peer, &format!("draft-{}", stand_in(dataset)))?;
    let sent = outgoing::send(peer, db, &selection, &resume, &condemned, monitor);
    if sent.is_err() {
        // Whatever becomes of it, the failure is what is told.
        let _ = mark(UploadState::Failed, 0);
    }
    let sent = sent?;
    let (packs, bytes) = (sent.packs, sent.bytes);
    let mut segments = early.segments;
    segments.extend(publish::segments(peer, &condemned, &sent.metadata, &sent.data)?);
    remember(peer, dataset, options, segments)?;
    resume.forget();
    mark(UploadState::Uploading, bytes)?;
    Ok(EarlyOutcome { files, packs, bytes })
}

/// Notes which segments list what was sent.
fn remember(
    peer: &Peer<'_>,
    dataset: &DatasetName,
    options: &EarlyOptions,
    segments: Vec<SegmentInfo>,
) -> Result<(), TransferError> {
    let entry = RefEntry {
        format: REMOTE_FORMAT,
        reader_features: Vec::new(),
        dataset: dataset.clone(),
        number: 1,
        version: None,
        previous: None,
        write_id: String::new(),
        who: options.who.clone(),
        time: options.time,
        why: "upload".to_owned(),
        segments,
    };
    let path = path(peer, dataset);
    let folder = peer.cache().join(FOLDER);
    peer.fs.create_dir_all(&folder).at("create", &folder)?;
    Ok(publish_file(peer.fs, &path, &encode_ref_entry(&entry))?)
}
