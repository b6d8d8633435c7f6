//! What is in use of packs that are given up, copied and listed anew; and the entries that lead there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::live::{Live, Walker, missing};
use super::plan::{PackUse, give_up};
use super::references::References;
use super::snapshot::{Bucket, Snapshot};
use super::{Amount, Context, copy};
use crate::codec::pack::{PACK_HEADER_LEN, TABLE_ENTRY_LEN, TRAILER_LEN};
use crate::codec::pack_index::PackName;
use crate::codec::segment::{Placed, Section};
use crate::model::{DatasetName, REMOTE_FORMAT, RefEntry, SegmentInfo};
use crate::plumbing::transfer::condemned::Condemned;
use crate::plumbing::transfer::index::RemoteIndex;
use crate::plumbing::transfer::log::{self, Appended};
use crate::plumbing::transfer::outgoing::PACK_TARGET;
use crate::plumbing::transfer::{RecordKey, TransferError, publish};
use crate::remote::keys;
use crate::sys::random_hex;

/// How often a dataset is tried again to which somebody pushed meanwhile.
const ROUNDS: usize = 16;
/// A segment with fewer records is small.
const SMALL_SEGMENT: u64 = 1 << 16;
/// When the same datasets name more small segments than this, they are merged.
const MAX_SMALL_SEGMENTS: usize = 4;
/// Why the entries of a collection are there.
const WHY: &str = "gc";

/// Segments that the same datasets name, and that are to be replaced.
#[derive(Debug)]
struct Group {
    /// The places of these datasets in the list.
    users: Vec<usize>,
    segments: Vec<SegmentInfo>,
}

/// The plan, and how far it was carried out.
pub(super) struct Rewrite<'a, 'c, 'p> {
    context: &'c Context<'a, 'p>,
    references: &'c mut References,
    condemned: Condemned,
    /// When each pack was written.
    ages: HashMap<PackName, i64>,
    /// The newest entries of the datasets that are still to be looked at.
    todo: Vec<RefEntry>,
    live: Live,
    given_up: HashSet<PackName>,
    rewritten: Amount,
    copies: Amount,
    /// Where records of packs that are given up lie now.
    moved: HashMap<RecordKey, Placed>,
    has_published: bool,
}

impl<'a, 'c, 'p> Rewrite<'a, 'c, 'p> {
    /// Finds out what is in use, and decides which packs are given up. What is condemned was read before the snapshot.
    ///
    /// # Errors
    /// When something that is in use is missing or damaged.
    pub(super) fn plan(
        context: &'c Context<'a, 'p>,
        snapshot: &Snapshot,
        bucket: &Bucket,
        condemned: Condemned,
        references: &'c mut References,
    ) -> Result<Self, TransferError> {
        let packs = bucket.objects.iter();
        let ages = packs.filter_map(|(key, stored)| Some((keys::pack_name(key)?, stored.modified.seconds)));
        let mut rewrite = Self {
            context,
            references,
            condemned,
            ages: ages.collect(),
            todo: snapshot.newest().cloned().collect(),
            live: Live::default(),
            given_up: HashSet::new(),
            rewritten: Amount::default(),
            copies: Amount::default(),
            moved: HashMap::new(),
            has_published: false,
        };
        rewrite.check_segments(bucket)?;
        rewrite.survey()?;
        rewrite.decide(bucket)?;
        Ok(rewrite)
    }

    /// Demands that the segments are there: what is read of them may come from the cache.
    fn check_segments(&self, bucket: &Bucket) -> Result<(), TransferError> {
        for info in self.segments() {
            let key = keys::segment(&info.name);
            if bucket.objects.get(&key).is_none_or(|stored| stored.bytes != info.bytes) {
                return Err(self.context.peer.missing(&key));
            }
        }
        Ok(())
    }

    /// The segments of all datasets that are still to be looked at, each once, in order of name.
    fn segments(&self) -> Vec<SegmentInfo> {
        let mut segments: Vec<_> =
            self.todo.iter().flat_map(|entry| entry.segments.iter().cloned()).collect();
        segments.sort_unstable();
        segments.dedup();
        segments
    }

    /// Finds all that the datasets lead to, and where it lies.
    fn survey(&mut self) -> Result<(), TransferError> {
        let Context { peer, monitor, .. } = *self.context;
        monitor.progress.phase("Finding what is in use", None, None);
        let segments = self.segments();
        let tips = self.todo.iter().filter_map(|entry| entry.version);
        Walker::new(self.context, &segments)?.walk(&mut self.live, tips)?;
        let (live, ages, given_up) = (&mut self.live, &self.ages, &self.given_up);
        // What lies in several packs is best had from one that stays; else from the older one, which is the larger one for the most part.
        let rank =
            |pack: &PackName| (given_up.contains(pack), ages.get(pack).copied().unwrap_or(i64::MAX), *pack);
        for info in segments {
            let mut index = RemoteIndex::new(peer, [info])?;
            for section in [Section::Metadata, Section::Data] {
                index.each(peer, section, &mut |placed| {
                    live.offer(placed, |new, known| rank(new) < rank(known));
                })?;
            }
        }
        match self.live.without_place() {
            Some(key) => Err(missing(self.context, &key)),
            None => Ok(()),
        }
    }

    fn decide(&mut self, bucket: &Bucket) -> Result<(), TransferError> {
        let mut uses: HashMap<PackName, (u64, Section)> = HashMap::new();
        for placed in self.live.places() {
            let (live, _) = uses
                .entry(placed.pack)
                .or_insert_with(|| (PACK_HEADER_LEN + TRAILER_LEN as u64, Section::of(placed.kind)));
            *live += copy::record_len(&placed) + TABLE_ENTRY_LEN as u64;
        }
        let mut named = HashSet::new();
        for info in self.segments() {
            named.extend(self.references.packs_of(self.context.peer, &info)?.iter().copied());
        }
        let mut packs = Vec::with_capacity(named.len());
        for name in named {
            let key = keys::pack(&name);
            let len = bucket.objects.get(&key).map(|stored| stored.bytes);
            let (live, section) = uses.get(&name).copied().unwrap_or((0, Section::Data));
            if live > 0 && len.is_none() {
                return Err(self.context.peer.missing(&key));
            }
            packs.push(PackUse { name, section, len: len.unwrap_or(0), live });
        }
        self.given_up = give_up(packs.clone());
        // A name that is condemned is given to nothing anew, nor to what is listed anew.
        self.given_up.extend(
            packs.iter().map(|pack| pack.name).filter(|name| self.condemned.names(&keys::pack(name))),
        );
        let rewritten = packs.iter().filter(|pack| pack.live > 0 && self.given_up.contains(&pack.name));
        let (mut lens, mut live) = (Vec::new(), 0);
        for pack in rewritten {
            lens.push(pack.len);
            live += pack.live;
        }
        self.rewritten = lens.into_iter().collect();
        self.copies = Amount { objects: live.div_ceil(PACK_TARGET as u64), bytes: live };
        Ok(())
    }

    /// The packs that are given up and hold something that is in use.
    pub(super) fn rewritten(&self) -> Amount {
        self.rewritten
    }

    /// The packs that this makes; about so, before it was carried out.
    pub(super) fn copies(&self) -> Amount {
        self.copies
    }

    /// Whether entries were created.
    pub(super) fn has_published(&self) -> bool {
        self.has_published
    }

    /// The keys that will have to stay once this was carried out.
    pub(super) fn forecast(
        &mut self,
        snapshot: &Snapshot,
        bucket: &Bucket,
    ) -> Result<HashSet<String>, TransferError> {
        let peer = self.context.peer;
        let mut named = HashSet::new();
        self.references.add_way_back(peer, snapshot, &mut named)?;
        let replaced: HashSet<String> =
            self.groups()?.into_iter().flat_map(|group| publish::keys_of(&group.segments)).collect();
        for info in self.segments() {
            named.extend(Some(keys::segment(&info.name)).filter(|key| !replaced.contains(key)));
            let packs = self.references.packs_of(peer, &info)?.iter();
            named.extend(packs.filter(|name| !self.given_up.contains(*name)).map(keys::pack));
        }
        self.references.add_young_segments(self.context, bucket, &mut named)?;
        Ok(named)
    }

    /// Copies, lists and publishes. Returns the datasets to which others pushed each time.
    ///
    /// # Errors
    /// When the remote fails. What was published until then is whole.
    pub(super) fn carry_out(&mut self) -> Result<Vec<DatasetName>, TransferError> {
        self.copies = Amount::default();
        for round in 0..ROUNDS {
            if round > 0 {
                self.survey()?;
            }
            self.round()?;
            if self.todo.is_empty() {
                break;
            }
        }
        copy::forget(self.context)?;
        Ok(self.todo.iter().map(|entry| entry.dataset.clone()).collect())
    }

    fn round(&mut self) -> Result<(), TransferError> {
        self.copy()?;
        let todo = std::mem::take(&mut self.todo);
        let mut replaced: Vec<HashSet<String>> = vec![HashSet::new(); todo.len()];
        let mut added: Vec<Vec<SegmentInfo>> = vec![Vec::new(); todo.len()];
        for Group { users, segments } in self.groups_of(&todo)? {
            let new = self.list_anew(&segments)?;
            for user in users {
                replaced[user].extend(segments.iter().map(|info| info.name.clone()));
                added[user].extend(new.iter().cloned());
            }
        }
        for ((entry, replaced), added) in todo.into_iter().zip(replaced).zip(added) {
            if !replaced.is_empty() {
                let again = self.publish(entry, &replaced, added)?;
                self.todo.extend(again);
            }
        }
        Ok(())
    }

    /// Copies what is in use of packs that are given up, unless that was done before.
    fn copy(&mut self) -> Result<(), TransferError> {
        let (moved, given_up) = (&self.moved, &self.given_up);
        let is_wanted = |placed: &Placed| {
            given_up.contains(&placed.pack) && !moved.contains_key(&(placed.kind, placed.id))
        };
        let metadata = self.live.metadata().iter().filter_map(|key| self.live.place(key));
        let metadata: Vec<Placed> = metadata.filter(is_wanted).collect();
        let mut data: Vec<Placed> =
            self.live.places().filter(|placed| placed.kind.is_data()).filter(is_wanted).collect();
        // What was sent together is read together.
        data.sort_unstable_by_key(|placed| (self.ages.get(&placed.pack), placed.pack, placed.offset));
        if metadata.is_empty() && data.is_empty() {
            return Ok(());
        }
        let sent = copy::copy(self.context, &self.condemned, &metadata, &data)?;
        self.copies.objects += sent.packs;
        self.copies.bytes += sent.bytes;
        let places = sent.metadata.into_iter().chain(sent.data);
        self.moved.extend(places.map(|placed| ((placed.kind, placed.id), placed)));
        Ok(())
    }

    fn groups(&mut self) -> Result<Vec<Group>, TransferError> {
        let todo = std::mem::take(&mut self.todo);
        let groups = self.groups_of(&todo);
        self.todo = todo;
        groups
    }

    /// The segments that must be replaced: those that name a pack that is given up, and small ones where there are many. Those that
    /// the same datasets name become one list, so that datasets go on sharing it.
    fn groups_of(&mut self, todo: &[RefEntry]) -> Result<Vec<Group>, TransferError> {
        let mut users: BTreeMap<&SegmentInfo, Vec<usize>> = BTreeMap::new();
        for (at, entry) in todo.iter().enumerate() {
            entry.segments.iter().for_each(|info| users.entry(info).or_default().push(at));
        }
        let mut by_users: BTreeMap<Vec<usize>, Vec<&SegmentInfo>> = BTreeMap::new();
        for (info, users) in users {
            by_users.entry(users).or_default().push(info);
        }
        let mut groups = Vec::new();
        for (users, infos) in by_users {
            let is_small = |info: &SegmentInfo| info.records < SMALL_SEGMENT;
            let many = infos.iter().filter(|info| is_small(info)).count() > MAX_SMALL_SEGMENTS;
            let mut segments = Vec::new();
            for info in infos {
                let packs = self.references.packs_of(self.context.peer, info)?;
                if (many && is_small(info)) || packs.iter().any(|name| self.given_up.contains(name)) {
                    segments.push(info.clone());
                }
            }
            if !segments.is_empty() {
                groups.push(Group { users, segments });
            }
        }
        Ok(groups)
    }

    /// Lists what is in use of these segments in new ones.
    fn list_anew(&mut self, segments: &[SegmentInfo]) -> Result<Vec<SegmentInfo>, TransferError> {
        let peer = self.context.peer;
        self.context.monitor.progress.phase("Publishing", None, None);
        let mut index = RemoteIndex::new(peer, segments.iter().cloned())?;
        let mut lists = [Vec::new(), Vec::new()];
        for (section, list) in [Section::Metadata, Section::Data].into_iter().zip(&mut lists) {
            index.each(peer, section, &mut |placed| {
                let key = (placed.kind, placed.id);
                list.extend(self.moved.get(&key).copied().or_else(|| self.live.place(&key)));
            })?;
            list.sort_unstable_by_key(Placed::key);
            list.dedup_by_key(|placed| placed.key());
        }
        publish::segments(peer, &self.condemned, &lists[0], &lists[1])
    }

    /// Creates an entry of the same version that names other segments. When that cannot be, returns the entry that must be looked at instead, if
    /// it leads to anything.
    fn publish(
        &mut self,
        old: RefEntry,
        replaced: &HashSet<String>,
        added: Vec<SegmentInfo>,
    ) -> Result<Option<RefEntry>, TransferError> {
        let Context { peer, options, .. } = *self.context;
        let mut used = HashSet::new();
        for info in &added {
            used.insert(keys::segment(&info.name));
            used.extend(self.references.packs_of(peer, info)?.iter().map(keys::pack));
        }
        let mut segments: Vec<_> =
            old.segments.iter().filter(|info| !replaced.contains(&info.name)).cloned().collect();
        segments.extend(added);
        segments.sort_unstable();
        segments.dedup();
        let entry = RefEntry {
            format: REMOTE_FORMAT,
            reader_features: Vec::new(),
            dataset: old.dataset.clone(),
            number: old.number + 1,
            version: old.version,
            previous: old.version,
            write_id: random_hex(),
            who: options.who.clone(),
            time: options.time,
            why: WHY.to_owned(),
            segments,
        };
        let known = if !self.condemned.leaves(peer, &used)? {
            self.shun_condemned(&used);
            old
        } else if let Appended::Lost(other) = log::append(peer, &entry)? {
            *other
        } else {
            self.has_published = true;
            return Ok(None);
        };
        let newest = log::newest_from(peer, &entry.dataset, Some(known))?;
        Ok(newest.filter(|entry| entry.version.is_some()))
    }

    /// Gives up what another collection has condemned since.
    fn shun_condemned(&mut self, used: &HashSet<String>) {
        let packs = used.iter().filter(|key| self.condemned.names(key));
        self.given_up.extend(packs.filter_map(|key| keys::pack_name(key)));
        self.moved.retain(|_, placed| !self.condemned.names(&keys::pack(&placed.pack)));
    }
}
