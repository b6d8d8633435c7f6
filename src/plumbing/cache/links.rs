//! Links to copies: a copy stays while a link that was made by way of dsv leads to it.

use std::io;
use std::path::{Path, PathBuf};

use super::place::path_of;
use super::{Cache, CachedCopy, CopyInUse, CopyKey};
use crate::model::PlaceNote;
use crate::sys::{IoContext, IoError, bytes_to_path, is_temp_name, publish};

/// A copy that a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedCopy {
    /// The copy.
    pub copy: CachedCopy,
    /// Where the link is.
    pub link: PathBuf,
    /// The host that it is on, if that is another one.
    pub host: Option<String>,
}

impl LinkedCopy {
    pub(super) fn new(copy: CachedCopy, (host, link): (Option<String>, PathBuf)) -> Self {
        Self { copy, link, host }
    }
}

/// What became of a link.
enum Seen {
    LeadsHere,
    Gone,
    /// It is not known: another host made it, or what it is on is not to be seen just now.
    Hidden,
}

impl Cache {
    pub(super) fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    /// Notes that a link to a copy is, or will be, at an absolute path. Nobody forgets that while the copy is in use.
    ///
    /// # Errors
    /// When the system fails.
    pub fn note_link(&self, used: &CopyInUse, link: &Path) -> Result<(), IoError> {
        let (name, bytes) = self.place_note(link)?;
        publish(&self.fs, &self.links().join(format!("{name}-{}", used.copy.key.0)), &bytes)
    }

    /// Whether a path is a link into the cache.
    pub fn is_link(&self, path: &Path) -> bool {
        let target = self.fs.read_link(path).unwrap_or_default();
        bytes_to_path(&target).is_ok_and(|target| target.parent() == Some(&*self.copies()))
    }

    /// A link that leads to a copy, or may do: its host, if it is another one, and its path. What was noted of links that are
    /// gone is forgotten; so whoever calls keeps everybody else from the copy, who may be about to make them.
    pub(super) fn link_to(&self, key: &CopyKey) -> Result<Option<(Option<String>, PathBuf)>, IoError> {
        let mut found = None;
        for (note, of) in self.link_notes()? {
            if of != *key {
                continue;
            }
            let place = self.read_place(&note)?;
            match place.map(|place| Ok((self.look(&place, key)?, place))).transpose().at("name", &note)? {
                None | Some((Seen::Gone, _)) => self.forget(&note)?,
                Some((Seen::LeadsHere | Seen::Hidden, place)) => {
                    let path = path_of(&place).at("name", &note)?;
                    found.get_or_insert((Some(place.host).filter(|host| *host != self.host), path));
                }
            }
        }
        Ok(found)
    }

    fn look(&self, place: &PlaceNote, key: &CopyKey) -> io::Result<Seen> {
        let path = path_of(place)?;
        if place.host != self.host {
            return Ok(Seen::Hidden);
        }
        match self.fs.read_link(&path) {
            Ok(target) if bytes_to_path(&target)? == self.copy_path(key) => Ok(Seen::LeadsHere),
            // Something else is there.
            Ok(_) => Ok(Seen::Gone),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Seen::Gone),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.sees(place, &path) => {
                Ok(Seen::Gone)
            }
            Err(_) => Ok(Seen::Hidden),
        }
    }

    /// Forgets the links to copies that are not there any more.
    pub(super) fn forget_links_to_nothing(&self) -> Result<(), IoError> {
        for (note, key) in self.link_notes()? {
            if self.read_copy(&key)?.is_none() {
                self.forget(&note)?;
            }
        }
        Ok(())
    }

    /// All notes of links, with the copies that they are about.
    fn link_notes(&self) -> Result<Vec<(PathBuf, CopyKey)>, IoError> {
        let key = |note: &Path| {
            let name = note.file_name().unwrap_or_default();
            let (_, key) =
                name.to_str()?.split_once('-').filter(|_| !is_temp_name(name.as_encoded_bytes()))?;
            Some(CopyKey(key.to_owned()))
        };
        let notes = self.paths(&self.links())?.into_iter().map(|(note, _)| note);
        Ok(notes.filter_map(|note| key(&note).map(|key| (note, key))).collect())
    }

    fn forget(&self, note: &Path) -> Result<(), IoError> {
        match self.fs.remove_file(note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.at("remove", note),
        }
    }
}
