//! A copy is made: its files are fetched, written once for all copies, and given second names in a folder of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::remove_tree;
use super::{Cache, CacheError, CacheLock, CopyKey};
use crate::model::{BlobId, CopyFacts, EntryKind, Monitor, RepoPath};
use crate::plumbing::checkout::{CheckoutError, Content, write_read_only};
use crate::plumbing::work_stack::work_through;
use crate::store::{ObjectDb, StoreFileKind};
use crate::sys::{CreateOptions, IoContext, IoError, is_temp_name, temp_name};
use crate::worktree::Materializer;

/// Bytes of files that are fetched before they are written, so that little is packed that is not yet written.
const BATCH: u64 = 4 << 30;

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
    /// When something is missing, damaged or cannot be fetched, there is an external link among the paths, or the system
    /// fails.
    pub fn make(
        &self,
        _lock: &CacheLock,
        db: &Arc<ObjectDb>,
        (key, facts): (&CopyKey, &CopyFacts),
        items: &[(RepoPath, Content)],
        packed_max: u64,
        monitor: &Monitor<'_>,
    ) -> Result<(), CacheError> {
        if let Some((path, _)) = items.iter().find(|(_, content)| content.kind == EntryKind::ExternalLink) {
            return Err(CheckoutError::ExternalLink { path: path.clone() }.into());
        }
        self.write_blobs(db, items, packed_max, monitor)?;
        let building = Building { cache: self, path: self.copies().join(temp_name()) };
        monitor.progress.phase("Linking files", Some(items.len() as u64), None);
        building.fill(db, items, monitor)?;
        let target = self.copy_path(key);
        // What has no facts is no copy, and was left by somebody who was killed.
        remove_tree(&self.fs, &target)?;
        self.fs.rename(&building.path, &target).at("rename a folder to", &target)?;
        // The facts make it a copy: they must not outlast it when the power goes.
        self.fs.sync_all(&self.copies()).at("sync", self.copies())?;
        Ok(self.write_facts(key, facts)?)
    }

    /// Fetches what is not there as a file, and writes it.
    fn write_blobs(
        &self,
        db: &Arc<ObjectDb>,
        items: &[(RepoPath, Content)],
        packed_max: u64,
        monitor: &Monitor<'_>,
    ) -> Result<(), CacheError> {
        let missing = self.missing(items, monitor)?;
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
            write_read_only(db, &self.files(), named, monitor)?;
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
            if self.object_bytes()? > packed_max {
                self.drop_data(db)?;
            }
        }
    }

    /// The contents that are not there as files, each once. One that is there as the file of another mode is copied.
    fn missing(
        &self,
        items: &[(RepoPath, Content)],
        monitor: &Monitor<'_>,
    ) -> Result<Vec<Content>, CacheError> {
        let files = items.iter().map(|(_, content)| content).filter(|content| is_file(content));
        let named: BTreeMap<String, Content> = files.map(|content| (file_name(content), *content)).collect();
        let mut missing = Vec::new();
        for (name, content) in named {
            monitor.interrupt.check()?;
            if !self.has_file(&name, content.size) && !self.copy_other_mode(&name, &content)? {
                missing.push(content);
            }
        }
        Ok(missing)
    }

    fn has_file(&self, name: &str, size: u64) -> bool {
        self.fs.stat(&self.files().join(name)).is_ok_and(|stat| stat.size == size)
    }

    fn copy_other_mode(&self, name: &str, content: &Content) -> Result<bool, IoError> {
        let executable = content.kind == EntryKind::Executable;
        let kind = if executable { EntryKind::File } else { EntryKind::Executable };
        let other = file_name(&Content { kind, ..*content });
        if !self.has_file(&other, content.size) {
            return Ok(false);
        }
        let target = self.files().join(name);
        let temp = target.with_file_name(temp_name());
        let options = CreateOptions { executable, read_only: true, ..Default::default() };
        self.fs.copy(&self.files().join(other), &temp, options).at("write", &temp)?;
        self.fs.rename(&temp, &target).at("rename a file to", &target)?;
        Ok(true)
    }

    /// Removes what others left who were killed. Whoever calls holds the lock.
    ///
    /// # Errors
    /// When the system fails.
    pub fn remove_leftovers(&self) -> Result<(), IoError> {
        for (path, _) in self.paths(&self.copies())? {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            // A copy without facts, or facts without a copy, is what was left of one.
            let key = name.strip_suffix(super::FACTS.as_bytes()).unwrap_or(name);
            let key = CopyKey(String::from_utf8_lossy(key).into_owned());
            if is_temp_name(name) || self.read_copy(&key)?.is_none() {
                remove_tree(&self.fs, &path)?;
            }
        }
        for (folder, _) in self.paths(&self.files())? {
            self.remove_temporaries(&folder)?;
        }
        for (remote, _) in self.paths(&self.root.join("remotes"))? {
            for (folder, _) in self.paths(&remote)? {
                self.remove_temporaries(&folder)?;
            }
        }
        self.remove_pending()?;
        self.remove_temporaries(&self.root.join("links"))?;
        self.remove_temporaries(&self.root)?;
        let objects = self.db.files().unwrap_or_default();
        for file in objects.into_iter().filter(|file| file.kind == StoreFileKind::Temporary) {
            remove_tree(&self.fs, &file.path)?;
        }
        Ok(())
    }

    fn remove_temporaries(&self, folder: &Path) -> Result<(), IoError> {
        for (path, _) in self.paths(folder)? {
            if is_temp_name(path.file_name().unwrap_or_default().as_encoded_bytes()) {
                remove_tree(&self.fs, &path)?;
            }
        }
        Ok(())
    }
}

/// A folder that is to become a copy, and vanishes unless it does.
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

impl Building<'_> {
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
            Err(error) if may_not_link(&error) => {
                let executable = content.kind == EntryKind::Executable;
                let options = CreateOptions { executable, read_only: true, ..Default::default() };
                fs.copy(&file, &target, options).map(drop).at("write", &target)?;
            }
            linked => linked.at("link", &target)?,
        }
        Ok(())
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
