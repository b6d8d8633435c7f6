//! Drafts, a file each: `drafts/<dataset>/-draft.json`. No part of a dataset's name begins with a minus sign.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{absent, create_dirs, read_small};
use super::{Layout, StoreError};
use crate::codec::json_line::{decode_draft, encode_draft};
use crate::model::{DatasetName, Draft};
use crate::sys::{FileKind, Fs, IoContext, publish};

/// The name of the file in a dataset's folder.
const FILE_NAME: &str = "-draft.json";
/// Longest file that is read, in bytes.
const MAX_LEN: usize = 16 * 1024 * 1024;

/// The drafts of one repository.
#[derive(Debug)]
pub struct Drafts {
    fs: Arc<dyn Fs>,
    folder: PathBuf,
}

impl Drafts {
    /// The drafts in a repository's folder.
    pub fn new(fs: Arc<dyn Fs>, layout: &Layout) -> Self {
        Self { fs, folder: layout.drafts() }
    }

    fn path(&self, dataset: &DatasetName) -> PathBuf {
        dataset.as_str().split('/').fold(self.folder.clone(), |path, part| path.join(part)).join(FILE_NAME)
    }

    /// The draft of a dataset, if there is one.
    ///
    /// # Errors
    /// When its file is damaged or cannot be read.
    pub fn read(&self, dataset: &DatasetName) -> Result<Option<Draft>, StoreError> {
        let path = self.path(dataset);
        let Some(bytes) = read_small(&*self.fs, &path, MAX_LEN)? else { return Ok(None) };
        let draft =
            decode_draft(&bytes).map_err(|source| StoreError::Damaged { path: path.clone(), source })?;
        if draft.dataset != *dataset {
            let source = crate::codec::DecodeError::malformed("draft", "it is one of another dataset");
            return Err(StoreError::Damaged { path, source });
        }
        Ok(Some(draft))
    }

    /// Writes a draft; returns when it is durable.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, draft: &Draft) -> Result<(), StoreError> {
        let path = self.path(&draft.dataset);
        if let Some(folder) = path.parent() {
            create_dirs(&*self.fs, folder)?;
        }
        Ok(publish(&self.fs, &path, &encode_draft(draft))?)
    }

    /// Removes a draft, if it is there.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, dataset: &DatasetName) -> Result<(), StoreError> {
        let path = self.path(dataset);
        match self.fs.remove_file(&path) {
            Err(error) if absent(&error) => return Ok(()),
            removed => removed.at("remove", &path)?,
        }
        let Some(mut folder) = path.parent() else { return Ok(()) };
        self.fs.sync_dir(folder).at("sync", folder)?;
        // Empty folders hide nothing.
        while folder != self.folder && self.fs.remove_dir(folder).is_ok() {
            let Some(parent) = folder.parent() else { break };
            folder = parent;
        }
        Ok(())
    }

    /// All drafts, in order of name.
    ///
    /// # Errors
    /// When one is damaged or cannot be read.
    pub fn list(&self) -> Result<Vec<Draft>, StoreError> {
        let mut drafts = Vec::new();
        self.collect(&self.folder, "", &mut drafts)?;
        drafts.sort_unstable_by(|a, b| a.dataset.cmp(&b.dataset));
        Ok(drafts)
    }

    fn collect(&self, folder: &Path, prefix: &str, drafts: &mut Vec<Draft>) -> Result<(), StoreError> {
        let entries = match self.fs.list(folder).and_then(|folder| folder.entries()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.at("list", folder)?,
        };
        for (name, kind) in entries {
            let Ok(name) = String::from_utf8(name) else { continue };
            if kind == FileKind::Directory {
                let below = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
                self.collect(&folder.join(&name), &below, drafts)?;
            } else if name == FILE_NAME
                && let Ok(dataset) = DatasetName::new(prefix)
            {
                drafts.extend(self.read(&dataset)?);
            }
        }
        Ok(())
    }
}
