//! The proof that chunks make up a file: its SHA-256, taken while the chunks come.

use std::collections::{HashMap, VecDeque};
use std::io::{Seek, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::TransferError;
use crate::codec::DecodeError;
use crate::codec::chunk_list::{ChunkList, Piece};
use crate::codec::pack::RecordKind;
use crate::model::{BlobId, Monitor, ObjectId};
use crate::store::{ObjectDb, StoreError};

type ChunkKey = [u8; 32];

/// Bytes that chunks may take up which wait for those before them, of all files together.
#[derive(Debug)]
pub(super) struct Room(AtomicUsize);

impl Room {
    pub(super) const fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        let left = |room: usize| room.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// How far the proof of one file is.
#[derive(Debug)]
pub(super) struct Proof {
    /// Bytes of the file.
    len: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` while a thread is at it.
    hash: Option<Sha256>,
    /// Bytes that were hashed.
    done: u64,
    /// Chunks that come next, of those that are announced.
    next: VecDeque<Piece>,
    /// Chunks that came before their turn.
    early: HashMap<ChunkKey, Bytes>,
    /// Whether one was missed: the rest is read again at the end.
    is_behind: bool,
}

impl Proof {
    /// The proof of a file of so many bytes, none of which came yet.
    pub(super) fn new(len: u64) -> Self {
        let state = State {
            hash: Some(Sha256::new()),
            done: 0,
            next: VecDeque::new(),
            early: HashMap::new(),
            is_behind: false,
        };
        Self { len, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces the chunks that come next in the file.
    pub(super) fn expect(&self, pieces: Vec<Piece>) {
        let mut state = self.lock();
        if !state.is_behind {
            state.next.extend(pieces);
        }
    }

    /// Takes a chunk that came, whenever that is.
    ///
    /// # Errors
    /// When a chunk has another length than the list says; when one that is here cannot be read.
    pub(super) fn offer(
        &self,
        db: &ObjectDb,
        room: &Room,
        id: &ChunkKey,
        raw: &Bytes,
    ) -> Result<(), TransferError> {
        let mut state = self.lock();
        if state.is_behind {
            return Ok(());
        }
        let is_next = state.next.front().is_some_and(|piece| piece.id.as_bytes() == id);
        if is_next && state.hash.is_some() {
            return self.go_on(state, db, room, Some((*id, raw.clone())));
        }
        if !state.early.contains_key(id) {
            if !room.take(raw.len()) {
                state.fall_behind(room);
                return Ok(());
            }
            state.early.insert(*id, raw.clone());
        }
        self.go_on(state, db, room, None)
    }

    /// Ends a round in which everything that was announced came: what is still waited for is read again later.
    ///
    /// # Errors
    /// As [`Proof::offer`].
    pub(super) fn end_round(&self, db: &ObjectDb, room: &Room) -> Result<(), TransferError> {
        self.go_on(self.lock(), db, room, None)?;
        let mut state = self.lock();
        if !state.next.is_empty() {
            state.fall_behind(room);
        }
        state.forget_early(room);
        Ok(())
    }

    /// Hashes from where the file is proved as far as chunks are at hand, which only one thread does at a time; others leave
    /// it to that one.
    fn go_on<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        db: &ObjectDb,
        room: &Room,
        mut chunk: Option<(ChunkKey, Bytes)>,
    ) -> Result<(), TransferError> {
        let Some(mut hash) = state.hash.take() else { return Ok(()) };
        let mut not_here = None;
        while let Some(piece) = state.next.front().copied() {
            let id = *piece.id.as_bytes();
            if chunk.as_ref().is_none_or(|(of, _)| *of != id) {
                if let Some(raw) = state.early.remove(&id) {
                    room.give(raw.len());
                    chunk = Some((id, raw));
                } else if not_here == Some(id) {
                    break;
                } else {
                    drop(state);
                    let raw = of_database(db, &id)?;
                    state = self.lock();
                    match raw {
                        Some(raw) => chunk = Some((id, raw.into())),
                        // It may have come while nobody held the lock.
                        None => {
                            not_here = Some(id);
                            continue;
                        }
                    }
                }
            }
            let Some((_, raw)) = &chunk else { break };
            if raw.len() as u64 != piece.len {
                return Err(malformed(&id, "its length is not what the list of a file says"));
            }
            state.next.pop_front();
            drop(state);
            hash.update(raw);
            state = self.lock();
            state.done += piece.len;
        }
        state.hash = Some(hash);
        Ok(())
    }

    /// Demands that the file of this list has this id. All of its chunks must be in the database by now.
    ///
    /// # Errors
    /// When it has another one; when the rest of it cannot be read.
    pub(super) fn finish(
        self,
        db: &Arc<ObjectDb>,
        id: &BlobId,
        list: ChunkList,
        monitor: &Monitor<'_>,
    ) -> Result<(), TransferError> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut hash, done) = state.hash.map_or_else(|| (Sha256::new(), 0), |hash| (hash, state.done));
        if done < self.len {
            let mut reader = db.open_listed(id, list);
            reader.seek(SeekFrom::Start(done)).map_err(|_| malformed(id.as_bytes(), "it is too long"))?;
            loop {
                monitor.interrupt.check()?;
                let bytes = reader.fill()?;
                if bytes.is_empty() {
                    break;
                }
                hash.update(bytes);
                let len = bytes.len();
                reader.skip(len);
                monitor.progress.advance(0, len as u64);
            }
        }
        if <[u8; 32]>::from(hash.finalize()) == *id.as_bytes() {
            return Ok(());
        }
        let source = DecodeError::malformed("chunk list", "its chunks are those of another file");
        Err(StoreError::Undecodable { kind: RecordKind::ChunkedBlob, id: id.object(), source }.into())
    }

    /// Bytes that [`Proof::finish`] would read.
    pub(super) fn left(&self) -> u64 {
        self.len - self.lock().done
    }
}

impl State {
    fn fall_behind(&mut self, room: &Room) {
        self.is_behind = true;
        self.next = VecDeque::new();
        self.forget_early(room);
    }

    fn forget_early(&mut self, room: &Room) {
        self.early.drain().for_each(|(_, raw)| room.give(raw.len()));
    }
}

/// A chunk that is here already, and never one that would have to be fetched for this.
fn of_database(db: &ObjectDb, id: &ChunkKey) -> Result<Option<Vec<u8>>, StoreError> {
    if db.contains(RecordKind::Chunk, id)? { db.get(RecordKind::Chunk, id).map(Some) } else { Ok(None) }
}

fn malformed(id: &ChunkKey, why: &str) -> TransferError {
    let source = DecodeError::malformed("chunk", why);
    StoreError::Undecodable { kind: RecordKind::Chunk, id: ObjectId::Sha256(*id), source }.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ChunkId;
    use crate::store::{StoreOptions, Writer};
    use crate::sys::OsFs;

    fn chunk(of: u8) -> Vec<u8> {
        vec![of; 10 + usize::from(of)]
    }

    fn piece(of: u8) -> Piece {
        let raw = chunk(of);
        Piece { len: raw.len() as u64, id: ChunkId::of(&raw) }
    }

    fn database(of: &[u8]) -> (tempfile::TempDir, Arc<ObjectDb>) {
        let dir = tempfile::tempdir().unwrap();
        let db = ObjectDb::open(OsFs::new(), &dir.path().join("objects"), StoreOptions::default()).unwrap();
        let db = Arc::new(db);
        keep(&db, of);
        (dir, db)
    }

    fn keep(db: &Arc<ObjectDb>, of: &[u8]) {
        let writer = Writer::new(db).unwrap();
        for of in of {
            let (raw, piece) = (chunk(*of), piece(*of));
            let mut compressor = writer.compressor().unwrap();
            writer.put(RecordKind::Chunk, *piece.id.as_bytes(), &raw, &mut compressor).unwrap();
        }
        writer.finish().unwrap();
    }

    /// Proves the file of these chunks, announced in rounds, of which those that are not `here` come in the order of `keys`.
    fn prove(rounds: &[Vec<u8>], here: &[u8], keys: &[u64], room: usize, id: &BlobId) -> (u64, bool) {
        let (_dir, db) = database(here);
        let room = Room::new(room);
        let all: Vec<Piece> = rounds.concat().iter().map(|of| piece(*of)).collect();
        let list = ChunkList { level: 0, pieces: all };
        let proof = Proof::new(list.len());
        let mut came: Vec<u8> = here.to_vec();
        for round in rounds {
            proof.expect(round.iter().map(|of| piece(*of)).collect());
            let mut coming = round.clone();
            coming.sort_unstable();
            coming.dedup();
            coming.retain(|of| !came.contains(of));
            coming.sort_by_key(|of| keys[usize::from(*of) % keys.len()]);
            std::thread::scope(|scope| {
                for half in coming.chunks(coming.len().div_ceil(2).max(1)) {
                    let (proof, db, room) = (&proof, &db, &room);
                    scope.spawn(move || {
                        for of in half {
                            proof.offer(db, room, piece(*of).id.as_bytes(), &chunk(*of).into()).unwrap();
                        }
                    });
                }
            });
            proof.end_round(&db, &room).unwrap();
            came.extend(coming);
        }
        keep(&db, &came);
        db.refresh().unwrap();
        assert!(proof.lock().early.is_empty());
        let left = proof.left();
        (left, proof.finish(&db, id, list, &Monitor::quiet()).is_ok())
    }

    fn id_of(chunks: &[u8]) -> BlobId {
        let content: Vec<u8> = chunks.iter().flat_map(|of| chunk(*of)).collect();
        BlobId::from_bytes(Sha256::digest(content).into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_true_file_is_proved_and_no_other(
            rounds in prop::collection::vec(prop::collection::vec(0u8..12, 1..12), 1..4),
            here in prop::collection::vec(0u8..12, 0..4),
            keys in prop::collection::vec(any::<u64>(), 12),
            room in prop_oneof![Just(0), Just(40), Just(1 << 20)],
        ) {
            let id = id_of(&rounds.concat());
            prop_assert!(prove(&rounds, &here, &keys, room, &id).1);
            prop_assert!(!prove(&rounds, &here, &keys, room, &BlobId::from_bytes([7; 32])).1);
        }
    }

    #[test]
    fn what_comes_out_of_order_is_not_read_again_if_there_is_room() {
        let rounds = [vec![1, 2, 2, 3, 4, 5], vec![6, 6, 7]];
        let id = id_of(&rounds.concat());
        // Backwards, and one of them is here.
        let keys: Vec<u64> = (0..12).rev().collect();
        assert_eq!(prove(&rounds, &[3], &keys, 1 << 20, &id), (0, true));
        let (left, proved) = prove(&rounds, &[3], &keys, 0, &id);
        assert!(left > 0 && proved);
    }

    #[test]
    fn a_chunk_of_another_length_is_refused() {
        let (_dir, db) = database(&[]);
        let proof = Proof::new(100);
        let id = piece(1).id;
        proof.expect(vec![Piece { len: 99, id }]);
        assert!(proof.offer(&db, &Room::new(0), id.as_bytes(), &chunk(1).into()).is_err());
    }
}
