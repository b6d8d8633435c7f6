//! Events of versions between the local log and a remote. Both are sets of immutable lines, so that to sync them is to add
//! on each side what the other has: no conflict, whoever comes first.
//!
//! A remote holds them in files that are never changed, named by their content. Which of them were read, and which events
//! are there, is kept beside the segments; to forget it costs requests and nothing else.

use std::collections::{BTreeSet, HashSet};

use sha2::{Digest, Sha256};

use super::{Peer, TransferError};
use crate::codec::json_line::{decode_event, encode_event};
use crate::model::{Event, EventId, ObjectId};
use crate::remote::{PutBody, keys};
use crate::sys::{IoContext, publish};

/// The folder of what is known, in the one of what was learned of a remote.
pub(super) const FOLDER: &str = "events";
/// Names of files that were read or written.
const FILES: &str = "files";
/// Ids of events that are there.
const IDS: &str = "ids";
/// Longest file that is read.
const MAX_FILE_LEN: u64 = 16 * 1024 * 1024;
/// Bytes after which a file is closed and another one begun.
const FILE_TARGET: usize = 1024 * 1024;

/// Events that a remote has and the caller may not have.
#[derive(Debug, Default)]
pub struct ReceivedEvents {
    /// Each as often as it is there.
    pub events: Vec<Event>,
    /// What could not be read, for people: the file and why.
    pub skipped: Vec<String>,
    files: Vec<String>,
    ids: Vec<EventId>,
}

/// Brings the events of files that were not read before. A file with anything that cannot be read is told of, and read
/// again the next time: a newer program may have written it.
///
/// # Errors
/// When the remote fails.
pub fn receive_events(peer: &Peer<'_>) -> Result<ReceivedEvents, TransferError> {
    let read = known(peer, FILES);
    let mut new = Vec::new();
    peer.list(keys::EVENTS, &mut |key, _| {
        new.extend(keys::events_name(key).filter(|name| !read.contains(*name)).map(str::to_owned));
        Ok(())
    })?;
    let mut received = ReceivedEvents::default();
    for name in new {
        received.read(peer, name)?;
    }
    Ok(received)
}

impl ReceivedEvents {
    fn read(&mut self, peer: &Peer<'_>, name: String) -> Result<(), TransferError> {
        let key = keys::events(&name);
        let told = |why: &str| format!("{key} on {} is passed over: {why}", peer.url());
        // Gone since it was listed, which nobody does but by hand.
        let Some(bytes) = peer.get(&key, MAX_FILE_LEN)? else { return Ok(()) };
        if crate::model::parse_hex(&name).ok() != Some(Sha256::digest(&bytes).into()) {
            self.skipped.push(told("its bytes are not those of its name"));
            return Ok(());
        }
        let before = self.skipped.len();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match decode_event(line) {
                Ok((id, event)) => {
                    self.ids.push(id);
                    self.events.push(event);
                }
                Err(error) if self.skipped.len() == before => self.skipped.push(told(&error.to_string())),
                Err(_) => {}
            }
        }
        if self.skipped.len() == before {
            self.files.push(name);
        }
        Ok(())
    }

    /// Notes that all of them are in the local log, durably.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn note(self, peer: &Peer<'_>) -> Result<(), TransferError> {
        remember(peer, IDS, self.ids.iter().map(ToString::to_string))?;
        remember(peer, FILES, self.files)
    }
}

/// Those of the local events of which it is not known that the remote has them; all of them if it is `new`: one of before may
/// have stood at its place.
pub fn unsent_events<'a>(peer: &Peer<'_>, all: &'a [(EventId, Event)], new: bool) -> Vec<&'a Event> {
    let known = if new { HashSet::new() } else { known(peer, IDS) };
    all.iter().filter(|(id, _)| !known.contains(&id.to_string())).map(|(_, event)| event).collect()
}

/// Adds events to the remote, in the order of their bytes: who sends the same ones writes the same files.
///
/// # Errors
/// When the remote fails: what was written stays, and does no harm when it is sent again.
pub fn send_events(peer: &Peer<'_>, events: &[&Event]) -> Result<(), TransferError> {
    let lines: BTreeSet<Vec<u8>> = events.iter().map(|event| encode_event(event)).collect();
    let mut lines = lines.into_iter().peekable();
    while lines.peek().is_some() {
        let (mut bytes, mut ids) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next_if(|_| bytes.len() < FILE_TARGET) {
            ids.push(ObjectId::Sha256(Sha256::digest(&line).into()).to_string());
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
        }
        let name = ObjectId::Sha256(Sha256::digest(&bytes).into()).to_string();
        peer.put_confirmed(&keys::events(&name), &PutBody::from(bytes))?;
        remember(peer, IDS, ids)?;
        remember(peer, FILES, [name])?;
    }
    Ok(())
}

/// The lines of a file of what is known; what cannot be read counts as not known.
fn known(peer: &Peer<'_>, file: &str) -> HashSet<String> {
    let bytes = peer.fs.read(&peer.cache().join(FOLDER).join(file)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

fn remember(peer: &Peer<'_>, file: &str, new: impl IntoIterator<Item = String>) -> Result<(), TransferError> {
    let mut all: BTreeSet<String> = known(peer, file).into_iter().collect();
    let before = all.len();
    all.extend(new);
    if all.len() == before {
        return Ok(());
    }
    let folder = peer.cache().join(FOLDER);
    peer.fs.create_dir_all(&folder).at("create", &folder)?;
    let text: String = all.into_iter().map(|line| line + "\n").collect();
    Ok(publish(peer.fs, &folder.join(file), text.as_bytes())?)
}
