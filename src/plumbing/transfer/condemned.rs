//! What a collection of garbage wants to be removed from a remote, and nobody may begin to use.
//!
//! The lists are objects with the numbers from 1 on, never changed and never removed. `gc/-head.json` repeats one of them,
//! the newest one unless its writer died in between; whether there are newer ones is found out by asking for the next number.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::{Peer, TransferError, log};
use crate::codec::json_line::decode_condemned;
use crate::model::CondemnedList;
use crate::remote::keys;

/// Longest list that is read, in bytes.
const MAX_LIST_LEN: u64 = 64 * 1024 * 1024;
/// What an answer that says "nothing new" is good for. Half of the shortest time for which what is condemned stays, so that
/// whoever acts on the answer at once has the other half.
const GOOD_FOR: Duration = Duration::from_secs(30 * 60);

/// What is known to be condemned.
#[derive(Debug, Default)]
pub(super) struct Condemned {
    /// The number of the newest list that was read; 0 when there is none.
    number: u64,
    keys: HashSet<String>,
}

impl Condemned {
    /// What the head says, which may be old: [`Condemned::leaves`] asks for what is newer.
    ///
    /// # Errors
    /// When the remote fails, or the list is damaged or of a newer format.
    pub(super) fn read(peer: &Peer<'_>) -> Result<Self, TransferError> {
        Ok(Self::of(read(peer, keys::CONDEMNED_HEAD)?.as_ref()))
    }

    /// What a list says that was read.
    pub(super) fn of(list: Option<&CondemnedList>) -> Self {
        let mut condemned = Self::default();
        list.into_iter().for_each(|list| condemned.add(list));
        condemned
    }

    /// What a list of these keys says.
    #[cfg(test)]
    pub(super) fn naming(keys: impl IntoIterator<Item = String>) -> Self {
        Self { number: 1, keys: keys.into_iter().collect() }
    }

    /// Whether an object is known to be condemned.
    pub(super) fn names(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Whether none of these objects is condemned, as of now. Who is told so must act on it at once: an object that is condemned after that stays
    /// for the time of grace, and what refers to it by then keeps it.
    ///
    /// # Errors
    /// As [`Condemned::read`].
    pub(super) fn leaves(&mut self, peer: &Peer<'_>, used: &HashSet<String>) -> Result<bool, TransferError> {
        loop {
            let asked = Instant::now();
            while let Some(list) = list_of(peer, self.number + 1)? {
                self.add(&list);
            }
            if asked.elapsed() < GOOD_FOR {
                return Ok(self.keys.is_disjoint(used));
            }
        }
    }

    fn add(&mut self, list: &CondemnedList) {
        self.number = self.number.max(list.number);
        self.keys.extend(list.objects.iter().map(|object| object.key.clone()));
    }
}

/// The newest list, and whether the head repeats it.
///
/// # Errors
/// As [`Condemned::read`].
pub(super) fn newest(peer: &Peer<'_>) -> Result<Option<(CondemnedList, bool)>, TransferError> {
    let mut newest = read(peer, keys::CONDEMNED_HEAD)?;
    let mut is_head = true;
    loop {
        let number = newest.as_ref().map_or(0, |list| list.number) + 1;
        match list_of(peer, number)? {
            Some(list) => (newest, is_head) = (Some(list), false),
            None => return Ok(newest.map(|list| (list, is_head))),
        }
    }
}

/// The list of a number.
fn list_of(peer: &Peer<'_>, number: u64) -> Result<Option<CondemnedList>, TransferError> {
    let key = keys::condemned_list(number);
    match read(peer, &key)? {
        Some(list) if list.number != number => {
            let why = format!("it has the number {}", list.number);
            Err(peer.malformed(&key, "list of condemned objects", why))
        }
        list => Ok(list),
    }
}

fn read(peer: &Peer<'_>, key: &str) -> Result<Option<CondemnedList>, TransferError> {
    let Some(bytes) = peer.get(key, MAX_LIST_LEN)? else { return Ok(None) };
    let list = decode_condemned(&bytes).map_err(|source| peer.damaged(key, source))?;
    log::check_readable(peer, list.format, &list.reader_features)?;
    Ok(Some(list))
}
