//! Waiting for a lock, and telling for whom.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock::Clock;
use super::error::{IoContext, IoError, shown};
use super::fs::{CreateOptions, File, Fs, LockGuard, LockMode};
use crate::model::{ErrorKind, Interrupt, Interrupted, quote_path};

/// First pause between two attempts; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Longest pause: how late a released lock or an interrupt can be noticed.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// A holder that is waited for less than this is not worth a word.
const PATIENCE: Duration = Duration::from_millis(200);
/// Most bytes read of what a holder says of itself.
const MAX_OWNER_LEN: usize = 512;

/// Why a lock was not got.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process held it for as long as we would wait.
    #[error("{} is locked by {holder}; waited {} s", shown(.path), .waited.as_secs())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the holder says of itself, or `another process`; for people, not to be trusted.
        holder: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The person or a signal ended the wait.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The lock file cannot be opened or locked.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl LockError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Held { .. } => ErrorKind::Locked,
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Io(error) => error.kind(),
        }
    }
}

/// How to wait for a lock.
pub struct Wait<'a> {
    /// How long at most; zero for a single attempt.
    pub timeout: Duration,
    /// Passes the time between attempts.
    pub clock: &'a dyn Clock,
    /// Ends the wait early.
    pub interrupt: &'a Interrupt,
    /// Called once, after a moment of waiting, with what the holder says of itself.
    pub on_wait: &'a mut dyn FnMut(&str),
}

/// A held lock; released when dropped, and by the operating system when the process dies.
#[derive(Debug)]
pub struct Lock {
    owner: Option<OwnerNote>,
    _guard: Box<dyn LockGuard>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Before the guard goes, so that the next holder's note is never wiped.
        if let Some(note) = &mut self.owner {
            let _ = note.0.set_len(0);
        }
    }
}

/// The lock file as the place where an exclusive holder says who it is.
struct OwnerNote(Box<dyn File>);

impl std::fmt::Debug for OwnerNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerNote")
    }
}

impl OwnerNote {
    /// Advice for people, so a failure to leave it is no failure to lock.
    fn leave(fs: &dyn Fs, path: &Path, owner: &str) -> Option<Self> {
        let mut file = fs.create(path, CreateOptions { append: true, ..Default::default() }).ok()?;
        file.set_len(0).ok()?;
        file.write_all(owner.as_bytes()).ok()?;
        Some(Self(file))
    }

    /// What the present holder left, made fit for a terminal.
    fn read(fs: &dyn Fs, path: &Path) -> String {
        let mut bytes = [0; MAX_OWNER_LEN];
        let len = fs.open(path).and_then(|mut file| file.read(&mut bytes)).unwrap_or(0);
        match bytes[..len].trim_ascii() {
            [] => "another process".to_owned(),
            text => quote_path(text),
        }
    }
}

/// Takes the lock on `path`, a file that is created when missing and never removed.
///
/// `owner` tells others who holds an exclusive lock: command, process id, host, since when.
///
/// # Errors
/// When it is held elsewhere until the timeout, when the wait is interrupted, or when the file cannot
/// be opened or locked.
pub fn acquire(
    fs: &dyn Fs,
    path: &Path,
    mode: LockMode,
    owner: &str,
    wait: Wait<'_>,
) -> Result<Lock, LockError> {
    let mut waited = Duration::ZERO;
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    loop {
        wait.interrupt.check()?;
        if let Some(guard) = fs.try_lock(path, mode).at("lock", path)? {
            let owner = match mode {
                LockMode::Exclusive => OwnerNote::leave(fs, path, owner),
                LockMode::Shared => None,
            };
            return Ok(Lock { owner, _guard: guard });
        }
        if waited >= wait.timeout {
            let holder = OwnerNote::read(fs, path);
            return Err(LockError::Held { path: path.to_owned(), holder, waited });
        }
        if waited >= PATIENCE && !told {
            told = true;
            (wait.on_wait)(&OwnerNote::read(fs, path));
        }
        let step = pause.min(wait.timeout - waited);
        wait.clock.sleep(step);
        waited += step;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::sys::{FixedClock, OsFs};

    struct Fixture {
        folder: tempfile::TempDir,
        clock: FixedClock,
        interrupt: Interrupt,
        heard: Vec<String>,
    }

    impl Fixture {
        fn new() -> Self {
            let clock = FixedClock::new(Time { seconds: 0, offset: 0 });
            Self {
                folder: tempfile::tempdir().unwrap(),
                clock,
                interrupt: Interrupt::new(),
                heard: Vec::new(),
            }
        }

        fn acquire(&mut self, mode: LockMode, owner: &str, seconds: u64) -> Result<Lock, LockError> {
            let path = self.folder.path().join("write.lock");
            let heard = &mut self.heard;
            let wait = Wait {
                timeout: Duration::from_secs(seconds),
                clock: &self.clock,
                interrupt: &self.interrupt,
                on_wait: &mut |holder| heard.push(holder.to_owned()),
            };
            acquire(&OsFs, &path, mode, owner, wait)
        }
    }

    #[test]
    fn the_second_waits_says_for_whom_and_gives_up() {
        let mut fixture = Fixture::new();
        let held = fixture.acquire(LockMode::Exclusive, "dsv add (process 7)", 0).unwrap();
        let error = fixture.acquire(LockMode::Exclusive, "second", 60).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().ends_with("is locked by dsv add (process 7); waited 60 s"), "{error}");
        assert_eq!(fixture.heard, ["dsv add (process 7)"]);
        assert_eq!(fixture.clock.now_ns(), 60_000_000_000);
        drop(held);
        fixture.acquire(LockMode::Exclusive, "third", 0).unwrap();
    }

    #[test]
    fn shared_holders_do_not_exclude_each_other_and_leave_no_note() {
        let mut fixture = Fixture::new();
        drop(fixture.acquire(LockMode::Exclusive, "gone", 0).unwrap());
        let _one = fixture.acquire(LockMode::Shared, "one", 0).unwrap();
        let _two = fixture.acquire(LockMode::Shared, "two", 0).unwrap();
        let error = fixture.acquire(LockMode::Exclusive, "three", 0).unwrap_err();
        assert!(error.to_string().contains("locked by another process"), "{error}");
        assert!(fixture.heard.is_empty());
    }

    #[test]
    fn an_interrupt_ends_the_wait() {
        let mut fixture = Fixture::new();
        let _held = fixture.acquire(LockMode::Exclusive, "first", 0).unwrap();
        fixture.interrupt.set();
        let error = fixture.acquire(LockMode::Exclusive, "second", 60).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn what_a_holder_says_cannot_move_the_terminal() {
        let mut fixture = Fixture::new();
        let _held = fixture.acquire(LockMode::Exclusive, "evil\x1b[2J\nname", 0).unwrap();
        let error = fixture.acquire(LockMode::Shared, "second", 0).unwrap_err();
        assert!(!error.to_string().contains(['\x1b', '\n']), "{error}");
    }

    #[test]
    fn a_missing_folder_is_an_error_of_the_system() {
        let mut fixture = Fixture::new();
        std::fs::remove_dir(fixture.folder.path()).unwrap();
        let error = fixture.acquire(LockMode::Exclusive, "first", 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
