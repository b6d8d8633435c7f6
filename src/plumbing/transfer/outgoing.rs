//! Chosen records as packs of about the size that suits a bucket, and their way there.
//!
//! Records are copied as they are stored, their checksums checked. The same choice from the same local packs gives
//! the same packs, so that a push that was cut goes on with the first pack that is not there yet.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::condemned::Condemned;
use super::select::Selection;
use super::show::show_sent;
use super::{Peer, RecordKey, TransferError};
use crate::codec::Compression;
use crate::codec::header::PACK;
use crate::codec::pack::{PACK_HEADER_LEN, RECORD_HEADER_LEN, RecordInfo, RecordKind, encode_table};
use crate::codec::pack_index::PackName;
use crate::codec::segment::Placed;
use crate::model::{Monitor, ObjectId, VersionId};
use crate::remote::{PutBody, keys};
use crate::store::{ObjectDb, PackFile, RecordSet, StoreError, pack_file_name};
use crate::sys::{CreateOptions, Fs, IoContext, random_hex};

/// A pack for a remote is closed when it has grown to so many bytes. With two [`uploads`], what a cut push sends again
/// is what one local pack holds.
pub(super) const PACK_TARGET: usize = 32 * 1024 * 1024;
/// The folder of what is known of uploads that have not ended.
const UPLOADS: &str = "uploads";
/// Bytes of a local pack that are read at once.
const RUN_LEN: u64 = 4 * 1024 * 1024;

/// A pack ready to be sent.
struct OutgoingPack {
    name: PackName,
    bytes: Bytes,
    placed: Vec<Placed>,
}

/// Gathers records into packs, none of which bears a name that is condemned.
pub(super) struct PackBuilder<'a> {
    buffer: Vec<u8>,
    records: Vec<RecordInfo>,
    condemned: &'a Condemned,
    full: &'a mut dyn FnMut(OutgoingPack) -> Result<(), TransferError>,
}

impl<'a> PackBuilder<'a> {
    fn new(
        condemned: &'a Condemned,
        full: &'a mut dyn FnMut(OutgoingPack) -> Result<(), TransferError>,
    ) -> Self {
        Self { buffer: Vec::new(), records: Vec::new(), condemned, full }
    }

    pub(super) fn append(
        &mut self,
        info: RecordInfo,
        header: &[u8],
        stored: &[u8],
    ) -> Result<(), TransferError> {
        if self.buffer.is_empty() {
            self.buffer.reserve(PACK_TARGET + PACK_TARGET / 8);
            self.buffer.extend_from_slice(&PACK.header());
        }
        self.buffer.extend_from_slice(header);
        self.buffer.extend_from_slice(stored);
        self.records.push(info);
        if self.buffer.len() >= PACK_TARGET { self.close() } else { Ok(()) }
    }

    /// Ends the pack that is open, if one is.
    pub(super) fn close(&mut self) -> Result<(), TransferError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.buffer);
        let records = std::mem::take(&mut self.records);
        let mut in_table = records.clone();
        let (name, table) = loop {
            let table = encode_table(&in_table, bytes.len() as u64);
            let name: PackName = Sha256::digest(&table).into();
            if !self.condemned.names(&keys::pack(&name)) {
                break (name, table);
            }
            // A record more, which nothing lists, makes it another pack.
            let (info, salt) = salt();
            bytes.extend_from_slice(&info.encode_header(&salt));
            bytes.extend_from_slice(&salt);
            in_table.push(info);
        };
        bytes.extend_from_slice(&table);
        let mut offset = PACK_HEADER_LEN;
        let mut placed = Vec::with_capacity(records.len());
        for RecordInfo { kind, stored_len, raw_len, id, .. } in &records {
            let (id, kind, stored_len, raw_len) = (*id, *kind, *stored_len, *raw_len);
            // A pack ends a record after 32 MiB, far below what an offset can say.
            placed.push(Placed { id, kind, pack: name, offset: offset as u32, stored_len, raw_len });
            offset += RECORD_HEADER_LEN as u64 + u64::from(stored_len);
        }
        (self.full)(OutgoingPack { name, bytes: Bytes::from(bytes), placed })
    }
}

/// A record of random bytes.
fn salt() -> (RecordInfo, Vec<u8>) {
    let bytes = random_hex().into_bytes();
    let len = bytes.len() as u32;
    let id = Sha256::digest(&bytes).into();
    let compression = Compression::Raw;
    (RecordInfo { kind: RecordKind::Blob, compression, stored_len: len, raw_len: len, id }, bytes)
}

/// Sends a pack of one record of random bytes; returns where that lies.
///
/// # Errors
/// When the remote fails.
pub(super) fn send_salt(peer: &Peer<'_>, condemned: &Condemned) -> Result<Vec<Placed>, TransferError> {
    let mut placed = Vec::new();
    let mut send = |pack: OutgoingPack| {
        placed.extend(pack.placed);
        peer.put_confirmed(&keys::pack(&pack.name), &PutBody::from(pack.bytes))
    };
    let mut builder = PackBuilder::new(condemned, &mut send);
    let (info, bytes) = salt();
    builder.append(info, &info.encode_header(&bytes), &bytes)?;
    builder.close()?;
    Ok(placed)
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The keys of the packs, those included that were there already.
    pub(super) keys: HashSet<String>,
    /// Where the records of metadata lie now, sorted.
    pub(super) metadata: Vec<Placed>,
    /// Where the others lie now, sorted.
    pub(super) data: Vec<Placed>,
    /// Packs, those included that were there already.
    pub(super) packs: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// Sends packs of everything that was selected. Each is confirmed before this returns.
///
/// # Errors
/// When something selected cannot be read here, or the remote fails: what was confirmed stays and is not
/// sent again.
pub(super) fn send(
    peer: &Peer<'_>,
    db: &ObjectDb,
    selection: &Selection,
    resume: &Resume<'_>,
    condemned: &Condemned,
    monitor: &Monitor<'_>,
) -> Result<Sent, TransferError> {
    send_packs(peer, resume, condemned, monitor, &mut |builder| make_packs(db, selection, monitor, builder))
}

/// Packs that are on their way at the same time: each is in memory, and sent again when the push is cut.
fn uploads(peer: &Peer<'_>) -> usize {
    (peer.client.connections() / 4).max(1)
}

/// Sends the packs that `make` makes. Each is confirmed before this returns.
///
/// # Errors
/// What `make` returns; when the remote fails: what was confirmed stays and is not sent again.
pub(super) fn send_packs(
    peer: &Peer<'_>,
    resume: &Resume<'_>,
    condemned: &Condemned,
    monitor: &Monitor<'_>,
    make: &mut dyn FnMut(&mut PackBuilder<'_>) -> Result<(), TransferError>,
) -> Result<Sent, TransferError> {
    let sent = Mutex::new(Sent::default());
    let failed: Mutex<Option<TransferError>> = Mutex::new(None);
    let (sender, receiver) = crossbeam_channel::bounded::<OutgoingPack>(0);
    let (end, ended) = crossbeam_channel::bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || show_sent(peer, &ended, monitor));
        let uploaders: Vec<_> = (0..uploads(peer))
            .map(|_| {
                let receiver = receiver.clone();
                let (sent, failed) = (&sent, &failed);
                scope.spawn(move || {
                    for pack in receiver {
                        match upload(peer, &pack, resume, monitor) {
                            Ok(()) => note(sent, pack),
                            Err(error) => {
                                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                                return;
                            }
                        }
                    }
                })
            })
            .collect();
        drop(receiver);
        let mut full = |pack| {
            // Nobody takes packs any more after a failure, which is told below.
            sender.send(pack).map_err(|_| TransferError::Interrupted(crate::model::Interrupted))
        };
        let made = make(&mut PackBuilder::new(condemned, &mut full));
        drop(sender);
        for uploader in uploaders {
            uploader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        drop(end);
        match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => made,
        }
    })?;
    let mut sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
    sent.metadata.sort_unstable_by_key(Placed::key);
    sent.data.sort_unstable_by_key(Placed::key);
    Ok(sent)
}

fn note(sent: &Mutex<Sent>, pack: OutgoingPack) {
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    sent.packs += 1;
    sent.keys.insert(keys::pack(&pack.name));
    sent.bytes += pack.bytes.len() as u64;
    let is_data = pack.placed.first().is_some_and(|placed| placed.kind.is_data());
    let list = if is_data { &mut sent.data } else { &mut sent.metadata };
    list.extend(pack.placed);
}

fn upload(
    peer: &Peer<'_>,
    pack: &OutgoingPack,
    resume: &Resume<'_>,
    monitor: &Monitor<'_>,
) -> Result<(), TransferError> {
    let key = keys::pack(&pack.name);
    let len = pack.bytes.len() as u64;
    let files = pack.placed.iter().filter(|placed| placed.kind.is_file()).count() as u64;
    if resume.has(&pack.name) && peer.has(&key, len)? {
        monitor.progress.advance(files, len);
        return Ok(());
    }
    peer.put_confirmed(&key, &PutBody::from(pack.bytes.clone()))?;
    resume.note(&pack.name)?;
    monitor.progress.advance(files, 0);
    Ok(())
}

fn make_packs(
    db: &ObjectDb,
    selection: &Selection,
    monitor: &Monitor<'_>,
    builder: &mut PackBuilder<'_>,
) -> Result<(), TransferError> {
    // Data before what refers to it, here as everywhere.
    let mut copied = 0;
    for name in in_order_of_writing(db, &selection.data)? {
        copied += copy_data(db, &name, &selection.data, builder, monitor)?;
    }
    builder.close()?;
    if copied != selection.data.len() {
        return Err(unreadable(db, &selection.data));
    }
    for key in &selection.metadata {
        monitor.interrupt.check()?;
        copy_metadata(db, key, builder)?;
    }
    builder.close()
}

/// The packs that the indexes of a set list, the oldest first: what was added together is read together, and a large file is
/// proved as it comes, if it comes in order. The same each time, so that an attempt can be gone on with.
fn in_order_of_writing(db: &ObjectDb, chosen: &RecordSet) -> Result<Vec<PackName>, StoreError> {
    let names: BTreeSet<PackName> = chosen.indexes().iter().flat_map(|file| file.packs()).collect();
    let mut packs = Vec::with_capacity(names.len());
    for name in names {
        let path = db.objects_dir().join(pack_file_name(&name));
        match db.fs().stat(&path) {
            // Listed, and gone: the caller counts.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            stat => packs.push((stat.at("stat", &path)?.mtime_ns, name)),
        }
    }
    packs.sort_unstable();
    Ok(packs.into_iter().map(|(_, name)| name).collect())
}

/// Why not all that was chosen could be copied: the first record that is not where an index says.
fn unreadable(db: &ObjectDb, chosen: &RecordSet) -> TransferError {
    let first = chosen.iter().find_map(|record| match record {
        Ok((id, location)) => db.read_record(&location, &id).err(),
        Err(error) => Some(error),
    });
    let moved = || StoreError::Source(std::io::Error::other("the packs changed while they were read"));
    first.unwrap_or_else(moved).into()
}

/// Copies the chosen records of one local pack, in their order; returns how many there were.
fn copy_data(
    db: &ObjectDb,
    name: &PackName,
    chosen: &RecordSet,
    builder: &mut PackBuilder<'_>,
    monitor: &Monitor<'_>,
) -> Result<u64, TransferError> {
    let path = db.objects_dir().join(pack_file_name(name));
    let pack = match PackFile::open(&**db.fs(), &path) {
        // Gone meanwhile: the caller counts.
        Err(StoreError::Io(error)) if error.is_not_found() => return Ok(0),
        opened => opened?,
    };
    let mut table = pack.table()?;
    table.records.retain(|(offset, info)| {
        info.kind.is_data() && chosen.contains(info.kind, &info.id) && chosen.is_place(name, *offset, info)
    });
    for run in adjoining(&table.records) {
        monitor.interrupt.check()?;
        let read = pack.read_run(run)?;
        for record in pack.records_of(&read) {
            let record = record?;
            builder.append(record.info, record.header, record.stored)?;
        }
    }
    Ok(table.records.len() as u64)
}

/// Stretches of records that lie one behind the other, each of about so many bytes at the most.
fn adjoining(records: &[(u64, RecordInfo)]) -> impl Iterator<Item = &[(u64, RecordInfo)]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let (first, info) = rest.first()?;
        let (mut end, mut count) = (first + info.record_len(), 1);
        for (offset, info) in &rest[1..] {
            if *offset != end || end - first >= RUN_LEN {
                break;
            }
            end += info.record_len();
            count += 1;
        }
        let (run, behind) = rest.split_at(count);
        rest = behind;
        Some(run)
    })
}

fn copy_metadata(
    db: &ObjectDb,
    (kind, id): &RecordKey,
    builder: &mut PackBuilder<'_>,
) -> Result<(), TransferError> {
    let Some(location) = db.locate(*kind, id)? else {
        return Err(StoreError::Missing { kind: *kind, id: ObjectId::Sha256(*id) }.into());
    };
    let (info, bytes) = db.read_record(&location, id)?;
    let (header, stored) = bytes.split_at(RECORD_HEADER_LEN);
    builder.append(info, header, stored)
}

/// Versions of which uploads were begun and have not ended, in order of id, by what is known of the remote.
pub fn unfinished(fs: &dyn Fs, cache: &std::path::Path) -> Vec<VersionId> {
    let Ok(entries) = fs.list(&cache.join(UPLOADS)).and_then(|folder| folder.entries()) else {
        return Vec::new();
    };
    let names = entries.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok());
    let mut versions: Vec<VersionId> = names.filter_map(|name| name.parse().ok()).collect();
    versions.sort_unstable();
    versions
}

/// The packs that an earlier attempt to do the same sent.
#[derive(Debug)]
pub(super) struct Resume<'a> {
    peer: &'a Peer<'a>,
    path: std::path::PathBuf,
    sent: HashSet<PackName>,
    writing: Mutex<()>,
}

impl<'a> Resume<'a> {
    /// What is known of an earlier attempt, at what `name` tells; nothing, if that cannot be read.
    pub(super) fn new(peer: &'a Peer<'a>, name: &str) -> Result<Self, TransferError> {
        let folder = peer.cache().join(UPLOADS);
        peer.fs.create_dir_all(&folder).at("create", &folder)?;
        let path = folder.join(name);
        let text = peer.fs.read(&path).unwrap_or_default();
        let lines = text.split(|&b| b == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let sent = lines.filter_map(|line| crate::model::parse_hex(line).ok()).collect();
        Ok(Self { peer, path, sent, writing: Mutex::new(()) })
    }

    fn has(&self, name: &PackName) -> bool {
        self.sent.contains(name)
    }

    /// Remembers a pack that was confirmed. Whatever a crash leaves of the line is only asked for again.
    fn note(&self, name: &PackName) -> Result<(), TransferError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let append = CreateOptions { append: true, ..Default::default() };
        let mut file = self.peer.fs.create(&self.path, append).at("open", &self.path)?;
        let line = format!("{}\n", ObjectId::Sha256(*name));
        Ok(file.write_all(line.as_bytes()).at("write", &self.path)?)
    }

    /// Whether an earlier attempt sent something and was not forgotten.
    pub(super) fn is_left(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Forgets the attempt: its end was reached.
    pub(super) fn forget(&self) {
        let _ = self.peer.fs.remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::pack::{decode_table, decode_trailer};

    fn pack(condemned: &Condemned) -> OutgoingPack {
        let mut packs = Vec::new();
        let mut full = |pack| {
            packs.push(pack);
            Ok(())
        };
        let mut builder = PackBuilder::new(condemned, &mut full);
        let id = Sha256::digest(b"hello").into();
        let (kind, compression) = (RecordKind::Blob, Compression::Raw);
        let info = RecordInfo { kind, compression, stored_len: 5, raw_len: 5, id };
        builder.append(info, &info.encode_header(b"hello"), b"hello").unwrap();
        builder.close().unwrap();
        packs.remove(0)
    }

    #[test]
    fn a_pack_whose_name_is_condemned_gets_another_one() {
        let first = pack(&Condemned::default());
        let condemned = Condemned::naming([keys::pack(&first.name)]);
        let (second, third) = (pack(&condemned), pack(&condemned));
        assert!(first.name != second.name && second.name != third.name);
        // What it holds lies where it lay, and what is more is listed in its own table alone.
        let of = |placed: &Placed| (placed.id, placed.offset);
        assert_eq!(
            second.placed.iter().map(of).collect::<Vec<_>>(),
            first.placed.iter().map(of).collect::<Vec<_>>()
        );
        let (len, end) = (second.bytes.len() as u64, second.bytes.len() - 32);
        let trailer = decode_trailer(&second.bytes[end..], len).unwrap();
        let table = decode_table(&second.bytes[trailer.table_offset as usize..], trailer).unwrap();
        assert_eq!(table.len(), 2);
        for (offset, info) in table {
            let record = &second.bytes[offset as usize..(offset + info.record_len()) as usize];
            let (_, stored) = RecordInfo::decode_record(record).unwrap();
            crate::plumbing::check_record(&info, stored).unwrap();
        }
    }
}
