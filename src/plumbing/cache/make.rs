//! A copy is made: its files are fetched, written once for all copies, and given second names in a folder of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{for_each_file, remove_tree};
use super::{Cache, CacheError, CacheLock, CopyKey, FACTS};
use crate::model::{BlobId, CopyFacts, EntryKind, Monitor, RepoPath};
use crate::plumbing::checkout::{Content, write_read_only};
use crate::plumbing::links::{bring, bytes_of};
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, StoreError, StoreFileKind, WantedLink};
use crate::sys::{CreateOptions, FileKind, IoContext, IoError, is_temp_name, temp_name};
use crate::worktree::Materializer;

/// Bytes of files that are fetched before they are written, so that little is packed that is not yet written.
const BATCH: u64 = 4 << 30;

/// A temporary file that somebody writes who holds no lock is left alone for so long.
const UNLOCKED_AGE_NS: i64 = 60 * 60 * 1_000_000_000;

/// Where a blob lies as a file, from the folder of all these.
fn file_name(content: &Content) -> String {
    let id = content.id.to_string();
    let suffix = if content.kind == EntryKind::Executable { ".x" } else { "" };
    format!("{}/{id}{suffix}", &id[..2])
}

/// The same as a path.
fn file_path(content: &Content) -> RepoPath {
    #[expect(clippy::expect_used, reason = "digits, a slash and a suffix are a path")]
    RepoPath::new(file_name(content)).expect("digits, a slash and a suffix are a path")
}

const fn is_file(content: &Content) -> bool {
    matches!(content.kind, EntryKind::File | EntryKind::Executable)
}

impl Cache {
    /// Makes a copy of these paths. `db` is this cache's, with a promisor for what is missing; packed data is dropped on the
    /// way when it takes more than `packed_max` bytes. Whatever ends this early, no copy of that name is there.
    ///
    /// # Errors
    /// When something is missing, damaged or cannot be fetched, an external link leads to something else than was recorded, or
    /// the system fails.
    pub fn make(
        &self,
        _lock: &CacheLock,
        db: &Arc<ObjectDb>,
        (key, facts): (&CopyKey, &CopyFacts),
        items: &[(RepoPath, Content)],
        packed_max: u64,
        monitor: &Monitor<'_>,
    ) -> Result<(), CacheError> {
        let items = &self.with_links(db, items, packed_max, monitor)?[..];
        self.write_blobs(db, items, packed_max, monitor)?;
        let building = Building::new(self, &self.copies());
        monitor.progress.phase("Linking files", Some(items.len() as u64), None);
        building.fill(db, items, monitor)?;
        let target = self.copy_path(key);
        // What has no facts is no copy, and was left by somebody who was killed.
        remove_tree(&self.fs, &target)?;
        self.fs.rename(&building.path, &target).at("rename a folder to", &target)?;
        // The facts make it a copy: when the power goes, they must not be there without all of it.
        self.fs.sync_all(&self.copies()).at("sync", self.copies())?;
        Ok(self.write_facts(key, facts)?)
    }

    /// The same paths, external links as the files that they lead to. What is not there as a file is brought and written, some of
    /// it at once, so that little is packed that is not yet written.
    fn with_links(
        &self,
        db: &Arc<ObjectDb>,
        items: &[(RepoPath, Content)],
        packed_max: u64,
        monitor: &Monitor<'_>,
    ) -> Result<Vec<(RepoPath, Content)>, CacheError> {
        let mut items = items.to_vec();
        let is_link = |content: &Content| content.kind == EntryKind::ExternalLink;
        let links = items.iter().filter(|(_, content)| is_link(content));
        db.prefetch_blobs(links.map(|(_, content)| (BlobId::new(content.id), 0)), monitor)?;
        let mut wanted = Vec::new();
        for (at, (_, content)) in items.iter_mut().enumerate().filter(|(_, (_, content))| is_link(content)) {
            let known = bytes_of(db, content.kind, &content.id)?;
            let file = known.map(|id| Content { kind: EntryKind::File, id, ..*content });
            match file.filter(|file| self.has_file(&file_name(file), file.size)) {
                Some(file) => *content = file,
                None => wanted.push(at),
            }
        }
        while !wanted.is_empty() {
            let mut bytes = 0;
            let fits = |at: &&usize| {
                bytes += items[**at].1.size;
                bytes <= BATCH
            };
            let count = wanted.iter().take_while(fits).count().max(1);
            let batch: Vec<usize> = wanted.drain(..count).collect();
            let link = |(path, content): &(RepoPath, Content)| WantedLink {
                id: BlobId::new(content.id),
                path: path.to_string(),
            };
            let links: Vec<WantedLink> = batch.iter().map(|at| link(&items[*at])).collect();
            let mut files = Vec::with_capacity(batch.len());
            for (at, blob) in batch.into_iter().zip(bring(db, &links, monitor)?) {
                let (path, content) = &mut items[at];
                *content = Content { kind: EntryKind::File, id: blob.object(), ..*content };
                files.push((path.clone(), *content));
            }
            self.write_blobs(db, &files, packed_max, monitor)?;
            if self.object_bytes()? > packed_max {
                self.drop_data(db)?;
            }
        }
        Ok(items)
    }

    /// Fetches what is not there as a file, and writes it.
    fn write_blobs(
        &self,
        db: &Arc<ObjectDb>,
        items: &[(RepoPath, Content)],
        packed_max: u64,
        monitor: &Monitor<'_>,
    ) -> Result<(), CacheError> {
        let Missing { nowhere: missing, other_mode } = self.missing(items, monitor)?;
        self.place_files(&other_mode, |folder| {
            other_mode.iter().try_for_each(|content| self.copy_other_mode(folder, content))
        })?;
        let links =
            items.iter().map(|(_, content)| content).filter(|content| content.kind == EntryKind::Symlink);
        let blobs = |contents: &[Content]| -> Vec<_> {
            contents.iter().map(|content| (BlobId::new(content.id), content.size)).collect()
        };
        let links: Vec<Content> = links.copied().collect();
        let mut wanted = blobs(&links);
        let mut rest = &missing[..];
        loop {
            let mut bytes = 0;
            let fits = |content: &Content| {
                bytes += content.size;
                bytes <= BATCH
            };
            let (batch, later) =
                rest.split_at(rest.iter().copied().take_while(fits).count().max(1).min(rest.len()));
            wanted.extend(blobs(batch));
            db.prefetch_blobs(wanted.drain(..), monitor)?;
            let bytes = batch.iter().map(|content| content.size).sum();
            monitor.progress.phase("Writing files", Some(batch.len() as u64), Some(bytes));
            let named = batch.iter().map(|content| (file_path(content), *content));
            self.place_files(batch, |folder| Ok(write_read_only(db, folder, named, monitor)?))?;
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
            if self.object_bytes()? > packed_max {
                self.drop_data(db)?;
            }
        }
    }

    /// Lets `write` put files into a folder where nobody looks for them, and gives them their names once they are on the disk:
    /// one that is cut short would be taken for whole.
    fn place_files(
        &self,
        contents: &[Content],
        write: impl FnOnce(&Path) -> Result<(), CacheError>,
    ) -> Result<(), CacheError> {
        if contents.is_empty() {
            return Ok(());
        }
        let files = self.files();
        let folder = Building::new(self, &files);
        self.fs.create_dir(&folder.path).at("create", &folder.path)?;
        write(&folder.path)?;
        self.fs.sync_all(&folder.path).at("sync", &folder.path)?;
        let names: BTreeSet<String> = contents.iter().map(file_name).collect();
        for name in names {
            let target = files.join(&name);
            let parent = target.parent().unwrap_or(&files);
            self.fs.create_dir_all(parent).at("create", parent)?;
            self.fs.rename(&folder.path.join(&name), &target).at("rename a file to", &target)?;
        }
        Ok(())
    }

    /// The contents that are not there as files, each once.
    fn missing(&self, items: &[(RepoPath, Content)], monitor: &Monitor<'_>) -> Result<Missing, CacheError> {
        let files = items.iter().map(|(_, content)| content).filter(|content| is_file(content));
        let named: BTreeMap<String, Content> = files.map(|content| (file_name(content), *content)).collect();
        let mut missing = Missing::default();
        for (name, content) in named {
            monitor.interrupt.check()?;
            if self.has_file(&name, content.size) {
                continue;
            }
            let other = self.has_file(&file_name(&in_other_mode(&content)), content.size);
            let list = if other { &mut missing.other_mode } else { &mut missing.nowhere };
            list.push(content);
        }
        Ok(missing)
    }

    fn has_file(&self, name: &str, size: u64) -> bool {
        self.fs.stat(&self.files().join(name)).is_ok_and(|stat| stat.size == size)
    }

    /// Copies a file that is there in the other mode to a folder of files.
    fn copy_other_mode(&self, folder: &Path, content: &Content) -> Result<(), CacheError> {
        let target = folder.join(file_name(content));
        let parent = target.parent().unwrap_or(folder);
        self.fs.create_dir_all(parent).at("create", parent)?;
        Ok(self.copy_file(&in_other_mode(content), content, &target)?)
    }

    /// Copies the file of one content to another place, with the mode of another one.
    fn copy_file(&self, from: &Content, content: &Content, target: &Path) -> Result<(), IoError> {
        let executable = content.kind == EntryKind::Executable;
        let options = CreateOptions { executable, read_only: true, ..Default::default() };
        self.fs.copy(&self.files().join(file_name(from)), target, options).map(drop).at("write", target)
    }

    /// Removes what others left who were killed; returns the bytes that this freed. Whoever calls holds the lock; `now_ns` is
    /// the time.
    ///
    /// # Errors
    /// When the system fails.
    pub fn remove_leftovers(&self, now_ns: i64) -> Result<u64, StoreError> {
        self.remove_broken_copies()?;
        let mut freed = self.remove_temporaries(&self.files(), i64::MAX)?;
        for (remote, _) in self.paths(&self.root.join("remotes"))? {
            for (folder, _) in self.paths(&remote)? {
                self.remove_temporaries(&folder, i64::MAX)?;
            }
        }
        self.remove_pending()?;
        // These are written by those who hold no lock.
        for folder in [self.links(), self.pending()] {
            self.remove_temporaries(&folder, now_ns.saturating_sub(UNLOCKED_AGE_NS))?;
        }
        self.remove_temporaries(&self.root, i64::MAX)?;
        let temporary = self.db.files()?.into_iter().filter(|file| file.kind == StoreFileKind::Temporary);
        // By an index that cannot be read nobody knows which packs it lists.
        let unlisted = if self.db.check_indexes().is_ok() { self.db.unlisted_packs()? } else { Vec::new() };
        for file in temporary.chain(unlisted) {
            remove_tree(&self.fs, &file.path)?;
            freed += file.len;
        }
        Ok(freed)
    }

    /// Removes copies without facts and facts without a copy, which is what was left of them.
    fn remove_broken_copies(&self) -> Result<(), IoError> {
        let mut broken = Vec::new();
        for (path, _) in self.paths(&self.copies())? {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let key = name.strip_suffix(FACTS.as_bytes()).unwrap_or(name);
            let key = CopyKey(String::from_utf8_lossy(key).into_owned());
            if is_temp_name(name) || self.read_copy(&key)?.is_none() {
                broken.push(path);
            }
        }
        if !broken.is_empty() {
            // That there are no facts must hold when the power goes and some of the files are gone.
            self.fs.sync_dir(&self.copies()).at("sync", self.copies())?;
        }
        broken.iter().try_for_each(|path| remove_tree(&self.fs, path))
    }

    /// Removes what has a temporary name in a folder and was written before a time; returns the bytes that this freed.
    fn remove_temporaries(&self, folder: &Path, before_ns: i64) -> Result<u64, IoError> {
        let mut freed = 0;
        for (path, _) in self.paths(folder)? {
            let is_temporary = is_temp_name(path.file_name().unwrap_or_default().as_encoded_bytes());
            let old = self.stat(&path)?.filter(|stat| is_temporary && stat.mtime_ns < before_ns);
            match old.map(|stat| stat.kind) {
                None => continue,
                Some(FileKind::Directory) => {
                    for_each_file(&self.fs, &path, &mut |stat| freed += stat.size)?;
                }
                Some(_) => {}
            }
            remove_tree(&self.fs, &path)?;
        }
        Ok(freed)
    }
}

/// Contents that are not there as files.
#[derive(Default)]
struct Missing {
    nowhere: Vec<Content>,
    /// They are there as the files of the other mode.
    other_mode: Vec<Content>,
}

/// The same bytes, executable or not.
const fn in_other_mode(content: &Content) -> Content {
    let executable = matches!(content.kind, EntryKind::Executable);
    let kind = if executable { EntryKind::File } else { EntryKind::Executable };
    Content { kind, ..*content }
}

/// A folder with a temporary name, which vanishes unless it gets another one.
struct Building<'a> {
    cache: &'a Cache,
    path: PathBuf,
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        // Renamed, it is not there; else what stays is removed by the next one who makes something.
        let _ = remove_tree(&self.cache.fs, &self.path);
    }
}

impl<'a> Building<'a> {
    /// None yet, in a folder of the cache.
    fn new(cache: &'a Cache, folder: &Path) -> Self {
        Self { cache, path: folder.join(temp_name()) }
    }

    fn fill(
        &self,
        db: &Arc<ObjectDb>,
        items: &[(RepoPath, Content)],
        monitor: &Monitor<'_>,
    ) -> Result<(), CacheError> {
        let fs = &self.cache.fs;
        fs.create_dir(&self.path).at("create", &self.path)?;
        let folders = folders_of(items);
        for folder in &folders {
            let path = self.locate(folder)?;
            fs.create_dir(&path).at("create", &path)?;
        }
        let (files, others): (Vec<_>, Vec<_>) = items.iter().partition(|(_, content)| is_file(content));
        let links = others.into_iter().filter(|(_, content)| content.kind == EntryKind::Symlink);
        write_read_only(db, &self.path, links.cloned(), monitor)?;
        let batches = files.chunks(1024).collect();
        work_through(monitor.threads, batches, |batch: &[&(RepoPath, Content)], _| {
            monitor.interrupt.check()?;
            batch.iter().try_for_each(|(path, content)| self.link(path, content))?;
            monitor.progress.advance(batch.len() as u64, 0);
            Ok::<_, CacheError>(())
        })?;
        // From the inside out, since nothing can be put into a folder that is read-only.
        for folder in folders.iter().rev() {
            let path = self.locate(folder)?;
            fs.set_read_only(&path, true).at("protect", &path)?;
        }
        Ok(fs.set_read_only(&self.path, true).at("protect", &self.path)?)
    }

    fn locate(&self, path: &RepoPath) -> Result<PathBuf, IoError> {
        Materializer::new(Arc::clone(&self.cache.fs), &self.path).locate(path)
    }

    /// Gives a file a second name, or copies it where it has as many as it may have, or may have no other.
    fn link(&self, path: &RepoPath, content: &Content) -> Result<(), CacheError> {
        let fs = &self.cache.fs;
        let (file, target) = (self.cache.files().join(file_name(content)), self.locate(path)?);
        match fs.hard_link(&file, &target) {
            Err(error) if may_not_link(&error) => Ok(self.cache.copy_file(content, content, &target)?),
            linked => Ok(linked.at("link", &target)?),
        }
    }
}

fn may_not_link(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), TooManyLinks | CrossesDevices | Unsupported | PermissionDenied)
}

/// All folders that these paths lie in or are, but the root; each after those above it.
fn folders_of(items: &[(RepoPath, Content)]) -> BTreeSet<RepoPath> {
    let mut folders = BTreeSet::new();
    for (path, content) in items {
        let mut next = if content.kind.is_dir() { Some(path.clone()) } else { path.parent() };
        while let Some(folder) = next.filter(|folder| !folder.is_root()) {
            next = folder.parent();
            if !folders.insert(folder) {
                break;
            }
        }
    }
    folders
}
