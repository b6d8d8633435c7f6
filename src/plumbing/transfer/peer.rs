//! A remote as transfers see it: the client, where its segments are cached, and what ends the work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::TransferError;
use crate::codec::DecodeError;
use crate::model::Interrupt;
use crate::remote::{Client, Created, ObjectInfo, Pieces, PutBody};
use crate::sys::Fs;

/// A remote, and the folder that keeps what was learned of it.
#[derive(Clone)]
pub struct Peer<'a> {
    /// The connection.
    pub client: &'a Client,
    /// Ends every call early.
    pub interrupt: &'a Interrupt,
    /// The file system of `cache`.
    pub fs: &'a Arc<dyn Fs>,
    /// Where segments are kept; everything in it can be had again.
    pub cache: PathBuf,
    /// Whether to ask the remote for what is in `cache` all the same.
    pub fresh: bool,
}

impl std::fmt::Debug for Peer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Peer<'_> {
    /// The remote for people, without anything secret.
    pub fn url(&self) -> String {
        self.client.url().to_string()
    }

    /// The folder that keeps what was learned of the remote.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    pub(super) fn get(&self, key: &str, max_len: u64) -> Result<Option<Bytes>, TransferError> {
        Ok(self.client.get(key, max_len, self.interrupt)?)
    }

    /// A part of an object that must be there.
    pub(super) fn get_range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes, TransferError> {
        let bytes = self.client.get_range(key, range, self.interrupt)?;
        bytes.ok_or_else(|| self.missing(key))
    }

    /// The same, in the pieces in which it came.
    pub(super) fn get_pieces(&self, key: &str, range: std::ops::Range<u64>) -> Result<Pieces, TransferError> {
        let pieces = self.client.get_pieces(key, range, self.interrupt)?;
        pieces.ok_or_else(|| self.missing(key))
    }

    /// A part of an object that must be there, and what comes behind it.
    pub(super) fn get_window(
        &self,
        key: &str,
        range: std::ops::Range<u64>,
        max_len: u64,
    ) -> Result<Bytes, TransferError> {
        let bytes = self.client.get_window(key, range, max_len, self.interrupt)?;
        bytes.ok_or_else(|| self.missing(key))
    }

    pub(super) fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, TransferError> {
        Ok(self.client.create(key, Bytes::from(bytes), self.interrupt)?)
    }

    pub(super) fn put(&self, key: &str, body: &PutBody) -> Result<(), TransferError> {
        Ok(self.client.put(key, body, self.interrupt)?)
    }

    /// Writes an object whose name tells its content, and makes sure that the store has all of it.
    pub(super) fn put_confirmed(&self, key: &str, body: &PutBody) -> Result<(), TransferError> {
        let len = body.len();
        self.put(key, body)?;
        self.confirm(key, len)
    }

    /// Demands that an object is there, with so many bytes.
    pub(super) fn confirm(&self, key: &str, len: u64) -> Result<(), TransferError> {
        let found = self.client.head(key, self.interrupt)?;
        match found {
            Some(info) if info.len == len => Ok(()),
            other => Err(TransferError::NotConfirmed {
                url: self.url(),
                key: key.to_owned(),
                expected: len,
                found: other.map_or_else(|| "nothing".to_owned(), |info| format!("{} bytes", info.len)),
            }),
        }
    }

    /// Whether an object is there with so many bytes.
    pub(super) fn has(&self, key: &str, len: u64) -> Result<bool, TransferError> {
        Ok(self.client.head(key, self.interrupt)?.is_some_and(|info| info.len == len))
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), TransferError> {
        Ok(self.client.delete(key, self.interrupt)?)
    }

    /// Calls `each` with the key and length of every object whose key begins with `prefix`.
    pub(super) fn list(
        &self,
        prefix: &str,
        each: &mut dyn FnMut(&str, u64) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let mut failed = None;
        let listed = self.client.list(prefix, None, self.interrupt, &mut |info| {
            if failed.is_none() {
                failed = each(&info.key, info.len).err();
            }
            Ok(())
        });
        failed.map_or_else(|| Ok(listed?), Err)
    }

    /// The facts of every object whose key begins with `prefix`.
    pub(super) fn objects(&self, prefix: &str) -> Result<Vec<ObjectInfo>, TransferError> {
        let mut found = Vec::new();
        self.client.list(prefix, None, self.interrupt, &mut |info| {
            found.push(info);
            Ok(())
        })?;
        Ok(found)
    }

    pub(super) fn missing(&self, key: &str) -> TransferError {
        TransferError::MissingObject { url: self.url(), key: key.to_owned() }
    }

    pub(super) fn damaged(&self, key: &str, source: DecodeError) -> TransferError {
        TransferError::Damaged { url: self.url(), key: key.to_owned(), source }
    }

    pub(super) fn malformed(&self, key: &str, what: &'static str, why: impl Into<String>) -> TransferError {
        self.damaged(key, DecodeError::malformed(what, why.into()))
    }
}
