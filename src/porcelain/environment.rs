//! What a face tells of the machine and the person, since no layer below reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Interrupt, Monitor, ProgressSource, Time};
use crate::plumbing::host::{Clock, Fs, OsFs, SystemClock};
use crate::store::LockRequest;

/// Tells whether tracked files of a git worktree have uncommitted changes. Only git knows, so a face
/// that may run programs asks it.
pub trait GitStatus: Send + Sync + std::fmt::Debug {
    /// `None` when it cannot be told.
    fn is_dirty(&self, root: &Path) -> Option<bool>;
}

/// The account's name where there is none to be found.
pub const UNKNOWN_USER: &str = "unknown";

/// Variables of the environment, which may be secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(pub BTreeMap<String, String>);

/// Names, and not what they hold.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The machine, the person and the command.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The file system.
    pub fs: Arc<dyn Fs>,
    /// The clock that waits and that file times are compared with.
    pub clock: Arc<dyn Clock>,
    /// The folder that relative paths start from; absolute.
    pub cwd: PathBuf,
    /// The person's own configuration file, if there is a place for one.
    pub user_config: Option<PathBuf>,
    /// The author's name, instead of what the configuration says.
    pub author_name: Option<String>,
    /// The author's address, instead of what the configuration says.
    pub author_email: Option<String>,
    /// The account's name, the author's when nothing else is known.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The time to record instead of the clock's.
    pub now: Option<Time>,
    /// The command as one line; recorded as the origin of versions and told to those who wait.
    pub command: Option<String>,
    /// The variables of the environment that tell how remotes are reached: credentials, addresses, proxies.
    pub variables: Variables,
    /// The person's home, where the cloud's own tools keep their files.
    pub home: Option<PathBuf>,
    /// The machine's cache of versions, if there is a place for one.
    pub cache: Option<PathBuf>,
    /// The URL of the remote that versions come from where none is named.
    pub remote: Option<String>,
    /// Who knows whether the git worktree is dirty.
    pub git_status: Option<Arc<dyn GitStatus>>,
    /// Ends what has no monitor of its own, such as fetching an object in the middle of a read.
    pub interrupt: Option<&'static Interrupt>,
    /// Shows what has no monitor of its own.
    pub progress: Option<Arc<dyn ProgressSource>>,
}

impl Environment {
    /// The system's own file system and clock, and nothing known of the person.
    pub fn system(cwd: impl Into<PathBuf>) -> Self {
        Self {
            fs: OsFs::new(),
            clock: Arc::new(SystemClock),
            cwd: cwd.into(),
            user_config: None,
            author_name: None,
            author_email: None,
            user: UNKNOWN_USER.to_owned(),
            host: "localhost".to_owned(),
            now: None,
            command: None,
            variables: Variables::default(),
            home: None,
            cache: None,
            remote: None,
            git_status: None,
            interrupt: None,
            progress: None,
        }
    }

    /// The time to record.
    pub fn now(&self) -> Time {
        self.now.unwrap_or_else(|| self.clock.now())
    }

    /// Calls `lock` with what it takes to wait for a lock: who asks, for how long, and who is told.
    pub(super) fn locked<T>(
        &self,
        timeout: Duration,
        monitor: &Monitor<'_>,
        lock: impl FnOnce(&LockRequest<'_>) -> T,
    ) -> T {
        let owner = self.lock_owner();
        lock(&LockRequest {
            owner: &owner,
            timeout,
            clock: &*self.clock,
            interrupt: monitor.interrupt,
            on_wait: &|holder| monitor.progress.phase(&format!("Waiting for {holder}"), None, None),
        })
    }

    /// What others who wait for a lock are told of its holder.
    fn lock_owner(&self) -> String {
        let command = self.command.as_deref().unwrap_or("dsv");
        // Enough to recognise the command; a line of a thousand paths tells no more.
        let command: String = command.chars().take(60).collect();
        let now = self.clock.now().to_human();
        format!("{command} (process {} on {}, since {now})", std::process::id(), self.host)
    }
}
