//! Where everything lies in `.dsv`.

use std::path::{Path, PathBuf};

use crate::model::RemoteName;

/// The name of the repository's folder.
pub const DSV_DIR: &str = ".dsv";

/// The paths of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The `.dsv` folder.
    pub dsv: PathBuf,
    /// The folder of packs and indexes; of another repository's or of nobody's where the store is shared.
    pub objects: PathBuf,
}

impl Layout {
    /// The layout of a repository whose objects lie in `store`, or in itself.
    pub fn new(dsv: PathBuf, store: Option<&Path>) -> Self {
        let objects = store.unwrap_or(&dsv).join("objects");
        Self { dsv, objects }
    }

    /// Whether the objects lie in a store that other repositories may use, too.
    pub fn is_shared(&self) -> bool {
        self.objects.parent() != Some(&*self.dsv)
    }

    /// Format number and feature flags.
    pub fn format(&self) -> PathBuf {
        self.dsv.join("format")
    }

    /// The current dataset, or a version.
    pub fn head(&self) -> PathBuf {
        self.dsv.join("HEAD")
    }

    /// The repository's configuration.
    pub fn config(&self) -> PathBuf {
        self.dsv.join("config")
    }

    /// The remotes and how each is reached.
    pub fn remotes(&self) -> PathBuf {
        self.dsv.join("remotes")
    }

    /// The folder of what was learned of a remote; all of it can be had again.
    pub fn remote_cache(&self, remote: &RemoteName) -> PathBuf {
        self.dsv.join("cache").join(remote.as_str())
    }

    /// The folder where it is remembered what external links were found to lead to; all of it can be had again. A remote's name
    /// never begins with a dot.
    pub fn link_memory(&self) -> PathBuf {
        self.dsv.join("cache").join(".links")
    }

    /// The folder of the staging index.
    pub fn index(&self) -> PathBuf {
        self.dsv.join("index")
    }

    /// The folder of refs.
    pub fn refs(&self) -> PathBuf {
        self.dsv.join("refs")
    }

    /// The folder of drafts.
    pub fn drafts(&self) -> PathBuf {
        self.dsv.join("drafts")
    }

    /// The merge that is under way.
    pub fn merge(&self) -> PathBuf {
        self.dsv.join("merge.json")
    }

    /// The folder of what is remembered of folders outside of the worktree; all of it can be found out again.
    pub fn sources(&self) -> PathBuf {
        self.dsv.join("sources")
    }

    /// The log of all moves of refs.
    pub fn ref_log(&self) -> PathBuf {
        self.dsv.join("logs").join("refs.jsonl")
    }

    /// The file that makes git pass over all this.
    pub fn gitignore(&self) -> PathBuf {
        self.dsv.join(".gitignore")
    }

    /// The log of events.
    pub fn events(&self) -> PathBuf {
        self.dsv.join("events").join("log.jsonl")
    }

    /// The lock of writers of the staging index and the worktree.
    pub fn index_lock(&self) -> PathBuf {
        self.dsv.join("locks").join("index")
    }

    /// The lock of whoever reads a folder outside of the worktree and remembers it.
    pub fn sources_lock(&self) -> PathBuf {
        self.dsv.join("locks").join("sources")
    }

    /// The lock of writers of refs and events.
    pub fn refs_lock(&self) -> PathBuf {
        self.dsv.join("locks").join("refs")
    }

    /// The lock that writers of objects share and that `gc` holds alone. It lies beside the objects,
    /// so that all repositories of a shared store meet there.
    pub fn objects_lock(&self) -> PathBuf {
        self.objects.join("lock")
    }

    /// The folder where the repositories of a shared store are listed, a file each.
    pub fn store_users(&self) -> PathBuf {
        self.objects.join("repositories")
    }
}
