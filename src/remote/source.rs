//! Objects that others own and that are read where they are: the sources of external links.

use std::ops::Range;

use object_store::GetOptions;

use crate::model::Interrupt;

use super::client::{Client, ObjectInfo};
use super::error::{Action, RemoteError};
use super::failure::Class;
use super::pieces::Pieces;
use super::stats::Verb;

/// What an object must be to be read.
#[derive(Debug, Clone, Copy)]
pub struct Pin<'a> {
    /// Its length in bytes.
    pub len: u64,
    /// Its ETag, quoted unless it is weak.
    pub etag: Option<&'a str>,
    /// When it was last written, where that is all that tells it from others.
    pub modified: Option<&'a str>,
    /// The state to read, where the store keeps several.
    pub version: Option<&'a str>,
}

/// What came of a read of a pinned object.
#[derive(Debug)]
pub enum Pinned {
    /// The bytes that were asked for.
    Bytes(Pieces),
    /// It is another one; `None` when none is there.
    Changed(Option<ObjectInfo>),
}

/// Whether two ETags are the same one. Some stores quote them in one answer and not in the next.
pub fn same_etag(one: &str, other: &str) -> bool {
    let bare = |etag: &str| etag.trim().trim_matches('"').to_owned();
    bare(one) == bare(other)
}

impl Pin<'_> {
    fn fits(&self, info: &ObjectInfo) -> bool {
        let etag = self.etag.zip(info.etag.as_deref());
        let modified = self.modified.is_none_or(|modified| modified == info.last_modified.to_string());
        self.len == info.len && modified && etag.is_none_or(|(pinned, found)| same_etag(pinned, found))
    }

    fn options(&self) -> GetOptions {
        // A weak ETag matches nothing here, by the rules of the web.
        let if_match = self.etag.filter(|etag| !etag.starts_with("W/")).map(str::to_owned);
        GetOptions { if_match, version: self.version.map(str::to_owned), ..GetOptions::new() }
    }
}

impl Client {
    /// A part of an object, or all of it, if the object is the one that was pinned.
    ///
    /// # Errors
    /// When the remote fails.
    pub fn get_pinned(
        &self,
        key: &str,
        range: Range<u64>,
        pin: &Pin<'_>,
        interrupt: &Interrupt,
    ) -> Result<Pinned, RemoteError> {
        if range.is_empty() {
            // Of an older state there is nothing to read, and it does not change.
            if pin.version.is_some() {
                return Ok(Pinned::Bytes(Pieces::default()));
            }
            return Ok(match self.head(key, interrupt)? {
                Some(info) if pin.fits(&info) => Pinned::Bytes(Pieces::default()),
                other => Pinned::Changed(other),
            });
        }
        let path = self.path(key)?;
        let expected = range.end - range.start;
        let options = || {
            let part = range.start > 0 || range.end < pin.len;
            pin.options().with_range(part.then(|| range.clone()))
        };
        let attempt = || async {
            let found = self.attempt_open(&path, options()).await?;
            let info = self.info(&found.meta);
            if !pin.fits(&info) {
                return Ok(Err(info));
            }
            let bytes = self.read(found).await?;
            if bytes.len() as u64 != expected {
                return Err(super::client::cut(bytes.len() as u64, expected));
            }
            Ok(Ok(bytes))
        };
        match self.call(interrupt, attempt)? {
            Ok(Ok(bytes)) => Ok(Pinned::Bytes(bytes)),
            Ok(Err(info)) => Ok(Pinned::Changed(Some(info))),
            Err(failure) => match failure.class {
                Class::Absent | Class::Exists => Ok(Pinned::Changed(self.head(key, interrupt)?)),
                // Stores have many words for a range that lies beyond the end.
                Class::Other => match self.head(key, interrupt)? {
                    Some(info) if pin.fits(&info) => Err(self.error(failure, Action::Read, key)),
                    other => Ok(Pinned::Changed(other)),
                },
                _ => Err(self.error(failure, Action::Read, key)),
            },
        }
    }

    /// The objects right below a prefix, and not those in folders there.
    ///
    /// # Errors
    /// When the remote fails.
    pub fn list_here(&self, prefix: &str, interrupt: &Interrupt) -> Result<Vec<ObjectInfo>, RemoteError> {
        let below = self.prefix_path(prefix)?;
        let attempt = || async {
            self.count(Verb::Get);
            Ok(self.store().list_with_delimiter(Some(&below)).await?)
        };
        let listed =
            self.call(interrupt, attempt)?.map_err(|failure| self.error(failure, Action::List, prefix))?;
        let mut found: Vec<ObjectInfo> = listed.objects.iter().map(|meta| self.info(meta)).collect();
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;
    use crate::remote::RemoteUrl;

    fn client() -> Client {
        let url = RemoteUrl::parse("s3://bucket", std::path::Path::new("/")).unwrap();
        Client::with_store(Arc::new(InMemory::new()), url).unwrap()
    }

    fn read(client: &Client, range: Range<u64>, pin: &Pin<'_>) -> Pinned {
        client.get_pinned("a/b", range, pin, &Interrupt::new()).unwrap()
    }

    #[test]
    fn only_the_pinned_object_is_read() {
        let client = client();
        let never = &Interrupt::new();
        client.put("a/b", &"hello".into(), never).unwrap();
        let info = client.head("a/b", never).unwrap().unwrap();
        let etag = info.etag.unwrap();
        let written = info.last_modified.to_string();
        let pin = Pin { len: 5, etag: Some(&etag), modified: Some(&written), version: None };
        let other = Pin { modified: Some("1970-01-01T00:00:00Z"), ..pin };
        assert!(matches!(read(&client, 0..5, &other), Pinned::Changed(Some(_))));
        assert!(
            matches!(read(&client, 1..3, &pin), Pinned::Bytes(bytes) if bytes.clone().into_bytes() == "el")
        );
        assert!(matches!(read(&client, 0..5, &pin), Pinned::Bytes(bytes) if bytes.len() == 5));
        let pin = Pin { modified: None, ..pin };
        let longer = Pin { len: 6, etag: None, ..pin };
        assert!(matches!(read(&client, 0..6, &longer), Pinned::Changed(Some(info)) if info.len == 5));
        client.put("a/b", &"HELLO".into(), never).unwrap();
        assert!(
            matches!(read(&client, 0..5, &pin), Pinned::Changed(Some(info)) if info.etag != Some(etag.clone()))
        );
        client.put("a/b", &"".into(), never).unwrap();
        assert!(matches!(read(&client, 3..5, &pin), Pinned::Changed(Some(_))));
        client.delete("a/b", never).unwrap();
        assert!(matches!(read(&client, 0..5, &pin), Pinned::Changed(None)));
    }

    #[test]
    fn folders_are_not_looked_into() {
        let client = client();
        let never = &Interrupt::new();
        for key in ["p/b", "p/a", "p/d/x", "q"] {
            client.put(key, &"".into(), never).unwrap();
        }
        let keys: Vec<_> = client.list_here("p", never).unwrap().into_iter().map(|info| info.key).collect();
        assert_eq!(keys, ["p/a", "p/b"]);
        assert_eq!(client.stats().gets, 1);
    }
}
