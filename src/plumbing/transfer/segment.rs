//! One index segment of a remote, read in parts: from the cache, or as little of it as answers a question.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Peer, RecordKey, TransferError};
use crate::codec::DecodeError;
use crate::codec::header::SEGMENT;
use crate::codec::segment::{
    PAGE_LEN, Page, Placed, SEGMENT_HEAD_LEN, Section, SegmentHead, guess_page, page_count,
};
use crate::model::{SegmentInfo, parse_hex};
use crate::remote::keys;
use crate::sys::{IoContext, Map, PendingFile};

/// A segment of at most so many bytes is read whole when any of it is needed.
const SMALL: u64 = 1024 * 1024;
/// Pages that are asked for around the one where an id should be.
const WINDOW: u64 = 3;
/// Pages that are asked for at once at the most.
const MAX_WINDOW: u64 = 48;
/// Decoded pages that are kept; all are forgotten when there are more.
const MAX_PAGES: usize = 512;
/// Bytes asked for at once of a whole segment.
const PART: u64 = 16 * 1024 * 1024;

/// One segment.
pub(super) struct Segment {
    info: SegmentInfo,
    /// The whole of it.
    whole: Option<Map>,
    /// Head and metadata section.
    front: Option<Bytes>,
    pages: HashMap<(Section, u64), Arc<Page>>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Segment {
    /// A segment, of which nothing is read yet.
    ///
    /// # Errors
    /// When what the log of refs says of it makes no sense.
    pub(super) fn new(peer: &Peer<'_>, info: SegmentInfo) -> Result<Self, TransferError> {
        let front = (SEGMENT_HEAD_LEN as u64).checked_add(info.metadata_bytes);
        if parse_hex(&info.name).is_err() || front.is_none_or(|front| front > info.bytes) {
            let name = crate::model::quote_path(info.name.as_bytes());
            return Err(peer.malformed(&name, SEGMENT.name, "its name or its lengths make no sense"));
        }
        Ok(Self { info, whole: None, front: None, pages: HashMap::new() })
    }

    /// What the log of refs says of it.
    pub(super) const fn info(&self) -> &SegmentInfo {
        &self.info
    }

    fn key(&self) -> String {
        keys::segment(&self.info.name)
    }

    fn cached_path(&self, peer: &Peer<'_>) -> PathBuf {
        peer.cache().join("segments").join(format!("{}.seg", self.info.name))
    }

    fn section_len(&self, section: Section) -> u64 {
        match section {
            Section::Metadata => self.info.metadata_bytes,
            Section::Data => self.info.bytes - SEGMENT_HEAD_LEN as u64 - self.info.metadata_bytes,
        }
    }

    /// Looks up records, sorted by id; what is found goes to `found`, with the place in `wanted`.
    pub(super) fn find(
        &mut self,
        peer: &Peer<'_>,
        section: Section,
        wanted: &[(RecordKey, usize)],
        found: &mut dyn FnMut(usize, Placed),
    ) -> Result<(), TransferError> {
        if wanted.is_empty() || self.section_len(section) == 0 {
            return Ok(());
        }
        self.prepare(peer, section, wanted.len() as u64)?;
        for ((kind, id), place) in wanted {
            if let Some(page) = self.page_of(peer, section, id)?
                && let Some(placed) = page.find(*kind, id)
            {
                found(*place, *placed);
            }
        }
        Ok(())
    }

    /// Every record of a section.
    pub(super) fn each(
        &mut self,
        peer: &Peer<'_>,
        section: Section,
        each: &mut dyn FnMut(&Placed),
    ) -> Result<(), TransferError> {
        let pages = page_count(self.section_len(section));
        if pages > 0 {
            self.load_whole(peer)?;
        }
        for number in 0..pages {
            self.page(peer, section, number, 1)?.entries().iter().for_each(&mut *each);
        }
        Ok(())
    }

    /// Gets in one go what many questions need.
    fn prepare(&mut self, peer: &Peer<'_>, section: Section, questions: u64) -> Result<(), TransferError> {
        if self.whole.is_some() || self.open_cached(peer)? {
            return Ok(());
        }
        let section_len = self.section_len(section);
        let many = questions.saturating_mul(WINDOW * PAGE_LEN as u64) >= section_len;
        match section {
            _ if self.info.bytes <= SMALL => self.load_whole(peer),
            Section::Data if many => self.load_whole(peer),
            Section::Data => Ok(()),
            Section::Metadata => self.load_front(peer),
        }
    }

    fn open_cached(&mut self, peer: &Peer<'_>) -> Result<bool, TransferError> {
        if peer.fresh {
            return Ok(false);
        }
        let path = self.cached_path(peer);
        let same = peer.fs.stat(&path).is_ok_and(|stat| stat.size == self.info.bytes);
        if same {
            self.whole = Some(peer.fs.map(&path).at("map", &path)?);
        }
        Ok(same)
    }

    /// Keeps the segment in the cache and maps it.
    fn load_whole(&mut self, peer: &Peer<'_>) -> Result<(), TransferError> {
        if self.whole.is_some() || self.open_cached(peer)? {
            return Ok(());
        }
        let path = self.cached_path(peer);
        let folder = peer.cache().join("segments");
        peer.fs.create_dir_all(&folder).at("create", &folder)?;
        let mut file = PendingFile::create(peer.fs, &folder)?;
        let (key, len) = (self.key(), self.info.bytes);
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < len {
            let part = peer.get_range(&key, at..(at + PART).min(len))?;
            hash.update(&part);
            file.write_all(&part)?;
            at += part.len() as u64;
        }
        if parse_hex(&self.info.name).ok() != Some(hash.finalize().into()) {
            return Err(peer.malformed(&key, SEGMENT.name, "its bytes are not those of its name"));
        }
        file.publish_as(&path)?;
        self.whole = Some(peer.fs.map(&path).at("map", &path)?);
        Ok(())
    }

    fn load_front(&mut self, peer: &Peer<'_>) -> Result<(), TransferError> {
        if self.front.is_none() {
            let len = SEGMENT_HEAD_LEN as u64 + self.info.metadata_bytes;
            let kept = peer.cache().join("segments").join(format!("{}.front", self.info.name));
            let cached = if peer.fresh { None } else { peer.fs.read(&kept).ok() };
            if let Some(front) = cached.filter(|front| self.is_front(front)) {
                self.front = Some(front.into());
                return Ok(());
            }
            let front = peer.get_range(&self.key(), 0..len)?;
            let head = SegmentHead::decode(&front).map_err(|source| peer.damaged(&self.key(), source))?;
            if (head.metadata_len, head.len()) != (self.info.metadata_bytes, self.info.bytes) {
                return Err(peer.malformed(&self.key(), SEGMENT.name, "it is not as the log of refs says"));
            }
            publish_in_cache(peer, &format!("{}.front", self.info.name), &front)?;
            self.front = Some(front);
        }
        Ok(())
    }

    /// Whether bytes that were kept are head and metadata section; each page is checked where it is read.
    fn is_front(&self, bytes: &[u8]) -> bool {
        let len = SEGMENT_HEAD_LEN as u64 + self.info.metadata_bytes;
        let head = SegmentHead::decode(bytes);
        bytes.len() as u64 == len && head.is_ok_and(|head| head.metadata_len == self.info.metadata_bytes)
    }

    /// The page that an id is in if it is anywhere in the section.
    fn page_of(
        &mut self,
        peer: &Peer<'_>,
        section: Section,
        id: &[u8; 32],
    ) -> Result<Option<Arc<Page>>, TransferError> {
        let pages = page_count(self.section_len(section));
        let (mut low, mut high) = (0, pages);
        let mut at = guess_page(pages, id);
        let mut window = WINDOW;
        while low < high {
            let page = self.page(peer, section, at, window)?;
            match page.direction(id) {
                std::cmp::Ordering::Equal => return Ok(Some(page)),
                std::cmp::Ordering::Less => high = at,
                std::cmp::Ordering::Greater => low = at + 1,
            }
            if low >= high {
                break;
            }
            at = at.clamp(low, high - 1);
            // Pages that are here cost nothing; what must be asked for is asked for in growing pieces.
            if !self.is_here(section, at) {
                window = (window * 2).min(MAX_WINDOW);
            }
        }
        Ok(None)
    }

    fn is_here(&self, section: Section, number: u64) -> bool {
        self.whole.is_some()
            || (section == Section::Metadata && self.front.is_some())
            || self.pages.contains_key(&(section, number))
    }

    /// A page, and where it must be asked for, those around it.
    fn page(
        &mut self,
        peer: &Peer<'_>,
        section: Section,
        number: u64,
        window: u64,
    ) -> Result<Arc<Page>, TransferError> {
        if let Some(page) = self.pages.get(&(section, number)) {
            return Ok(Arc::clone(page));
        }
        if self.pages.len() > MAX_PAGES {
            self.pages.clear();
        }
        let damaged = |source: DecodeError| peer.damaged(&keys::segment(&self.info.name), source);
        let start = match section {
            Section::Metadata => SEGMENT_HEAD_LEN as u64,
            Section::Data => SEGMENT_HEAD_LEN as u64 + self.info.metadata_bytes,
        };
        let section_len = self.section_len(section);
        let bytes_of = |pages: std::ops::Range<u64>| {
            start + pages.start * PAGE_LEN as u64..start + (pages.end * PAGE_LEN as u64).min(section_len)
        };
        let own = bytes_of(number..number + 1);
        let here = match (&self.whole, &self.front) {
            (Some(map), _) => slice((**map).as_ref(), &own),
            (None, Some(front)) if section == Section::Metadata => slice(front, &own),
            _ => None,
        };
        if let Some(bytes) = here {
            let page = Arc::new(Page::decode(bytes).map_err(damaged)?);
            self.pages.insert((section, number), Arc::clone(&page));
            return Ok(page);
        }
        let first = number.saturating_sub(window / 2);
        let last = (first + window).min(page_count(section_len));
        let bytes = peer.get_range(&self.key(), bytes_of(first..last))?;
        let mut wanted = None;
        for (at, bytes) in (first..last).zip(bytes.chunks(PAGE_LEN)) {
            let page = Arc::new(Page::decode(bytes).map_err(damaged)?);
            if at == number {
                wanted = Some(Arc::clone(&page));
            }
            self.pages.insert((section, at), page);
        }
        wanted.ok_or_else(|| peer.malformed(&self.key(), SEGMENT.name, "it ends before its last page"))
    }
}

fn slice<'a>(bytes: &'a [u8], range: &std::ops::Range<u64>) -> Option<&'a [u8]> {
    let place = |at: u64| usize::try_from(at).ok();
    bytes.get(place(range.start)?..place(range.end)?)
}

/// Keeps a segment that was just written, so that it need not be asked for.
///
/// # Errors
/// When the disk is full or fails.
pub(super) fn keep(peer: &Peer<'_>, name: &str, bytes: &[u8]) -> Result<(), TransferError> {
    publish_in_cache(peer, &format!("{name}.seg"), bytes)
}

fn publish_in_cache(peer: &Peer<'_>, name: &str, bytes: &[u8]) -> Result<(), TransferError> {
    let folder = peer.cache().join("segments");
    peer.fs.create_dir_all(&folder).at("create", &folder)?;
    Ok(crate::sys::publish(peer.fs, &folder.join(name), bytes)?)
}
