//! The cache's size, and what leaves when it is too large.
//!
//! First goes what costs least to do without: packed data, since the files lie written; then files that are part of no
//! copy; then copies, the least recently used first; and metadata last.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::tree::{for_each_file, remove_tree};
use super::{Cache, CacheError, CacheLock, CachedCopy, CopyKey, LinkedCopy};
use crate::codec::pack::{RecordInfo, RecordKind};
use crate::codec::pack_index::PackName;
use crate::model::{Interrupt, Monitor};
use crate::store::consolidate::{remove_packs, rewrite_packs};
use crate::store::{ObjectDb, StoreError};
use crate::sys::{IoContext, IoError, temp_name};

/// How much may stay, and what stays in any case.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrimOptions<'a> {
    /// Bytes that may stay.
    pub max_bytes: u64,
    /// A copy that stays.
    pub keep: Option<&'a CopyKey>,
    /// Whether copies go that a link leads to.
    pub even_linked: bool,
}

/// What left, and what stayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Copies that left.
    pub removed: Vec<CachedCopy>,
    /// Copies that were to leave and stayed, since somebody uses them just now.
    pub in_use: Vec<CachedCopy>,
    /// Copies that were to leave and stayed, since a link leads to them.
    pub linked: Vec<LinkedCopy>,
    /// Bytes that were freed.
    pub freed: u64,
    /// Bytes that are left.
    pub kept: u64,
}

/// A blob as a file.
struct BlobFile {
    path: PathBuf,
    size: u64,
    /// When it was written.
    mtime_ns: i64,
    /// In how many places copies have it.
    uses: u64,
}

/// What is in the cache, and what it takes.
struct Account {
    /// By inode.
    files: HashMap<u64, BlobFile>,
    /// The copies, the least recently used first, with the inodes of their files and the bytes that are theirs alone.
    copies: Vec<(CachedCopy, Vec<u64>, u64)>,
    bytes: u64,
}

/// What became of a copy that was to leave.
enum Leaving {
    Gone,
    InUse(CachedCopy),
    Linked(LinkedCopy),
}

impl Cache {
    /// Makes room if the cache takes more than it may. Counts in earnest only where the copies together may take so much, or
    /// something that nobody knows of was left by one who was killed.
    ///
    /// # Errors
    /// When the system fails; what left until then is gone.
    pub fn keep_within(
        &self,
        lock: &CacheLock,
        options: &TrimOptions<'_>,
        monitor: &Monitor<'_>,
    ) -> Result<Trimmed, CacheError> {
        let copies = self.list()?.iter().fold(0u64, |sum, copy| sum.saturating_add(copy.facts.bytes));
        let at_most = copies.saturating_add(self.other_bytes()?);
        if at_most <= options.max_bytes && !lock.unsettled.load(Ordering::Relaxed) {
            return Ok(Trimmed { kept: at_most, ..Trimmed::default() });
        }
        self.trim(lock, options, monitor)
    }

    /// Counts, and removes what leaves first until no more than allowed is left.
    ///
    /// # Errors
    /// As [`Cache::keep_within`].
    pub fn trim(
        &self,
        lock: &CacheLock,
        options: &TrimOptions<'_>,
        monitor: &Monitor<'_>,
    ) -> Result<Trimmed, CacheError> {
        monitor.progress.phase("Looking at the cache", None, None);
        let mut account = self.account(monitor.interrupt)?;
        let before = account.bytes;
        let mut trimmed = Trimmed::default();
        let max = options.max_bytes;
        if account.bytes > max {
            account.bytes = account.bytes.saturating_sub(self.drop_data(&self.db)?);
        }
        self.drop_unused(&mut account, max)?;
        for (copy, inodes, own) in std::mem::take(&mut account.copies) {
            monitor.interrupt.check()?;
            if account.bytes <= max {
                break;
            }
            if options.keep == Some(&copy.key) {
                continue;
            }
            match self.remove_copy(&copy, options.even_linked)? {
                Leaving::Gone => {
                    account.bytes = account.bytes.saturating_sub(own);
                    for inode in inodes {
                        account.files.entry(inode).and_modify(|file| file.uses -= 1);
                    }
                    self.drop_unused(&mut account, max)?;
                    trimmed.removed.push(copy);
                }
                Leaving::InUse(copy) => trimmed.in_use.push(copy),
                Leaving::Linked(copy) => trimmed.linked.push(copy),
            }
        }
        self.forget_links_to_nothing()?;
        if account.bytes > max {
            account.bytes = account.bytes.saturating_sub(self.drop_metadata()?);
        }
        // These are not among what the copies take, so the next one has to count, too.
        lock.unsettled.store(account.files.values().any(|file| file.uses == 0), Ordering::Relaxed);
        trimmed.freed = before.saturating_sub(account.bytes);
        trimmed.kept = account.bytes;
        Ok(trimmed)
    }

    fn account(&self, interrupt: &Interrupt) -> Result<Account, CacheError> {
        let mut files = HashMap::new();
        let mut bytes = self.other_bytes()?;
        for (folder, _) in self.paths(&self.files())? {
            interrupt.check()?;
            let listed = self.fs.list(&folder).at("list", &folder)?;
            for (path, _) in self.paths(&folder)? {
                let name = path.file_name().unwrap_or_default().as_encoded_bytes();
                let stat = listed.stat(name).at("stat", &path)?;
                bytes += stat.size;
                let (size, mtime_ns) = (stat.size, stat.mtime_ns);
                files.insert(stat.inode, BlobFile { path, size, mtime_ns, uses: 0 });
            }
        }
        let mut copies = Vec::new();
        for copy in self.list()?.into_iter().rev() {
            interrupt.check()?;
            let (mut inodes, mut own) = (Vec::new(), 0);
            for_each_file(&self.fs, &copy.path, &mut |stat| match files.get_mut(&stat.inode) {
                Some(file) => {
                    file.uses += 1;
                    inodes.push(stat.inode);
                }
                None => own += stat.size,
            })?;
            bytes += own;
            copies.push((copy, inodes, own));
        }
        Ok(Account { files, copies, bytes })
    }

    /// Bytes of objects and of what was learned of remotes.
    fn other_bytes(&self) -> Result<u64, CacheError> {
        let mut bytes = self.object_bytes()?;
        for (remote, _) in self.paths(&self.root.join("remotes"))? {
            for_each_file(&self.fs, &remote, &mut |stat| bytes += stat.size)?;
        }
        Ok(bytes)
    }

    pub(super) fn object_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.db.files()?.iter().map(|file| file.len).sum())
    }

    /// Removes files that are part of no copy, the oldest first, until no more is left than allowed.
    fn drop_unused(&self, account: &mut Account, max: u64) -> Result<(), IoError> {
        if account.bytes <= max {
            return Ok(());
        }
        let unused = account.files.iter().filter(|(_, file)| file.uses == 0);
        let mut unused: Vec<_> = unused.map(|(inode, file)| (file.mtime_ns, *inode)).collect();
        unused.sort_unstable();
        for (_, inode) in unused {
            if account.bytes <= max {
                break;
            }
            if let Some(file) = account.files.remove(&inode) {
                self.fs.remove_file(&file.path).at("remove", &file.path)?;
                account.bytes = account.bytes.saturating_sub(file.size);
            }
        }
        Ok(())
    }

    /// Removes a copy, unless somebody uses it or a link leads to it.
    fn remove_copy(&self, copy: &CachedCopy, even_linked: bool) -> Result<Leaving, IoError> {
        let Some(alone) = self.lock_alone(&copy.key)? else { return Ok(Leaving::InUse(copy.clone())) };
        // Only now: whoever makes a link uses the copy until it is there.
        let link = if even_linked { None } else { self.link_to(&copy.key)? };
        if let Some(link) = link {
            return Ok(Leaving::Linked(LinkedCopy::new(copy.clone(), link)));
        }
        let facts = self.facts_path(&copy.key);
        self.fs.remove_file(&facts).at("remove", &facts)?;
        let going = self.copies().join(temp_name());
        self.fs.rename(&copy.path, &going).at("rename a folder to", &going)?;
        // Whoever looks now finds none.
        drop(alone);
        // Nor after the power went, when some of its files are gone.
        self.fs.sync_dir(&self.copies()).at("sync", self.copies())?;
        remove_tree(&self.fs, &going)?;
        Ok(Leaving::Gone)
    }

    /// Drops what is packed of files; returns the bytes that this freed. First go the lists of chunks: a list that is there
    /// without its chunks would be taken for the file.
    pub(super) fn drop_data(&self, db: &ObjectDb) -> Result<u64, StoreError> {
        let before = self.object_bytes()?;
        let (mut data, mut lists) = (HashSet::new(), HashSet::new());
        db.reopen()?;
        for file in db.indexes().iter() {
            for number in 0..file.len() {
                let locator = file.entry(number)?.locator;
                match locator.kind {
                    RecordKind::Blob | RecordKind::Chunk => data.insert(file.pack_name(locator.pack)),
                    RecordKind::ChunkedBlob | RecordKind::ChunkNode => {
                        lists.insert(file.pack_name(locator.pack))
                    }
                    RecordKind::Tree | RecordKind::Version => false,
                };
            }
        }
        let stays = |_: &PackName, _: u64, info: &RecordInfo| {
            matches!(info.kind, RecordKind::Tree | RecordKind::Version)
        };
        rewrite_packs(db, &lists, stays, &Interrupt::new())?;
        remove_packs(db, &data)?;
        db.reopen()?;
        Ok(before.saturating_sub(self.object_bytes()?))
    }

    /// Drops all objects and all that was learned of remotes; returns the bytes that this freed.
    fn drop_metadata(&self) -> Result<u64, CacheError> {
        let before = self.other_bytes()?;
        let packs: HashSet<PackName> = self.db.indexes().iter().flat_map(|file| file.packs()).collect();
        remove_packs(&self.db, &packs)?;
        remove_tree(&self.fs, &self.root.join("remotes"))?;
        remove_tree(&self.fs, &self.link_memory())?;
        Ok(before.saturating_sub(self.other_bytes()?))
    }
}
