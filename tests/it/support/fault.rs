//! A file system of which one call fails.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use dsv::sys::{CreateOptions, Directory, File, FileKind, Fs, LockGuard, LockMode, Map, OsFs, Stat};
use rustix::io::Errno;

use super::Context;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails at once, with nothing done: `ENOSPC`.
    NoSpace,
    /// The same with `EIO`.
    Io,
    /// The same with `EACCES`.
    Denied,
    /// The same with `EINTR`.
    Interrupted,
    /// A `read` gives half of what it could, as every read may: nothing above may notice.
    ShortRead,
    /// A `write_all` writes half of its bytes, then fails with `ENOSPC`.
    TornWrite,
    /// The call fails with `ENOENT`, as when another process was faster.
    Gone,
}

/// What a file system never does, whatever the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lacks {
    /// It refuses second names for files, with this error.
    pub(crate) hard_links: Option<Errno>,
    /// Locks are held elsewhere.
    pub(crate) locks: bool,
}

/// Which calls count, and so can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Every,
    /// Those that change nothing.
    Reads,
    /// Those that change something or make it durable.
    Writes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    ReadData,
    Read,
    WriteData,
    Write,
}

/// The fault to meet, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultPlan {
    pub(crate) fault: Fault,
    pub(crate) scope: Scope,
    /// The calls after the failing one fail as well, as they do on a full disk.
    pub(crate) sticky: bool,
    /// Only every n-th call is made to fail, where an operation makes too many for all.
    pub(crate) stride: u64,
}

impl FaultPlan {
    /// One call of all fails.
    pub(crate) fn once(fault: Fault) -> Self {
        Self { fault, scope: Scope::Every, sticky: false, stride: 1 }
    }

    /// A call that writes fails, and so do all that follow.
    pub(crate) fn from_then_on(fault: Fault) -> Self {
        Self { fault, scope: Scope::Writes, sticky: true, stride: 1 }
    }

    /// The kinds of fault that an operation may fail for, but never with damage.
    pub(crate) fn all() -> Vec<Self> {
        let faults = [Fault::NoSpace, Fault::Io, Fault::Denied, Fault::Interrupted, Fault::TornWrite];
        faults.into_iter().flat_map(|fault| [Self::once(fault), Self::from_then_on(fault)]).collect()
    }

    /// Runs an operation with its first call failing, then with its second one, until it gets through
    /// without meeting the fault. Returns how often it met it.
    ///
    /// `run` prepares a fresh folder, runs the operation on the file system it is given, and checks what
    /// is left; [`FaultyFs::hit`] tells whether the fault was met.
    pub(crate) fn sweep(self, mut run: impl FnMut(&Arc<FaultyFs>)) -> u64 {
        let mut hits = 0;
        for at in (0..).step_by(usize::try_from(self.stride).unwrap()) {
            let fs = FaultyFs::new(OsFs::new(), self, at);
            let told = Arc::clone(&fs);
            let _context =
                Context(move || format!("{self:?}, call {at}: {}", told.hit().unwrap_or_default()));
            run(&fs);
            if fs.hit().is_none() {
                break;
            }
            hits += 1;
        }
        hits
    }
}

/// What the file system and its open files share.
#[derive(Debug)]
struct Shared {
    plan: FaultPlan,
    lacks: Lacks,
    at: u64,
    calls: AtomicU64,
    hit: Mutex<Option<String>>,
}

impl Shared {
    /// Whether this call is one to fail.
    fn fails(&self, call: Call, what: &str, path: &Path) -> bool {
        let counts = match (self.plan.fault, self.plan.scope) {
            (Fault::ShortRead, _) => call == Call::ReadData,
            (Fault::TornWrite, _) => call == Call::WriteData,
            (_, Scope::Every) => true,
            (_, Scope::Reads) => matches!(call, Call::ReadData | Call::Read),
            (_, Scope::Writes) => matches!(call, Call::WriteData | Call::Write),
        };
        if !counts {
            return false;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = number == self.at || self.plan.sticky && number > self.at;
        if fails {
            self.hit.lock().unwrap().get_or_insert_with(|| format!("{what} {}", path.display()));
        }
        fails
    }

    fn check(&self, call: Call, what: &str, path: &Path) -> io::Result<()> {
        if self.fails(call, what, path) { Err(self.error()) } else { Ok(()) }
    }

    fn error(&self) -> io::Error {
        match self.plan.fault {
            Fault::NoSpace | Fault::TornWrite => Errno::NOSPC,
            Fault::Io | Fault::ShortRead => Errno::IO,
            Fault::Denied => Errno::ACCESS,
            Fault::Interrupted => Errno::INTR,
            Fault::Gone => Errno::NOENT,
        }
        .into()
    }
}

/// Passes every call on but those that its plan makes fail.
#[derive(Debug)]
pub(crate) struct FaultyFs {
    inner: Arc<dyn Fs>,
    shared: Arc<Shared>,
}

impl FaultyFs {
    /// Fails the call that `at` others that count have preceded.
    pub(crate) fn new(inner: Arc<dyn Fs>, plan: FaultPlan, at: u64) -> Arc<Self> {
        Arc::new(Self::with(inner, plan, at, Lacks::default()))
    }

    /// The real file system, but for what it never does.
    pub(crate) fn lacking(lacks: Lacks) -> Arc<dyn Fs> {
        Arc::new(Self::with(OsFs::new(), FaultPlan::once(Fault::Io), u64::MAX, lacks))
    }

    fn with(inner: Arc<dyn Fs>, plan: FaultPlan, at: u64, lacks: Lacks) -> Self {
        let (calls, hit) = (AtomicU64::new(0), Mutex::default());
        Self { inner, shared: Arc::new(Shared { plan, lacks, at, calls, hit }) }
    }

    /// The first call that was made to fail, for people; `None` while there was none.
    pub(crate) fn hit(&self) -> Option<String> {
        self.shared.hit.lock().unwrap().clone()
    }

    fn read_call(&self, what: &str, path: &Path) -> io::Result<()> {
        self.shared.check(Call::Read, what, path)
    }

    fn write_call(&self, what: &str, path: &Path) -> io::Result<()> {
        self.shared.check(Call::Write, what, path)
    }

    fn wrap(&self, inner: Box<dyn File>, path: &Path) -> Box<dyn File> {
        Box::new(FaultyFile { inner, shared: Arc::clone(&self.shared), path: path.to_owned() })
    }
}

struct FaultyFile {
    inner: Box<dyn File>,
    shared: Arc<Shared>,
    path: PathBuf,
}

impl File for FaultyFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.shared.fails(Call::ReadData, "read", &self.path) {
            return self.inner.read(buf);
        }
        if self.shared.plan.fault != Fault::ShortRead {
            return Err(self.shared.error());
        }
        let half = buf.len().div_ceil(2);
        self.inner.read(&mut buf[..half])
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.shared.check(Call::Read, "read at", &self.path)?;
        self.inner.read_exact_at(buf, offset)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        if !self.shared.fails(Call::WriteData, "write", &self.path) {
            return self.inner.write_all(buf);
        }
        if self.shared.plan.fault == Fault::TornWrite {
            self.inner.write_all(&buf[..buf.len() / 2])?;
        }
        Err(self.shared.error())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.shared.check(Call::Write, "sync", &self.path)?;
        self.inner.sync()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.shared.check(Call::Write, "set length", &self.path)?;
        self.inner.set_len(len)
    }

    fn stat(&self) -> io::Result<Stat> {
        self.shared.check(Call::Read, "stat of open", &self.path)?;
        self.inner.stat()
    }
}

struct FaultyDirectory {
    inner: Box<dyn Directory>,
    shared: Arc<Shared>,
    path: PathBuf,
}

impl Directory for FaultyDirectory {
    fn entries(&self) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        self.shared.check(Call::Read, "list entries of", &self.path)?;
        self.inner.entries()
    }

    fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        self.shared.check(Call::Read, "stat entry of", &self.path)?;
        self.inner.stat(name)
    }
}

impl Fs for FaultyFs {
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.read_call("open", path)?;
        Ok(self.wrap(self.inner.open(path)?, path))
    }

    fn open_nofollow(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.read_call("open", path)?;
        Ok(self.wrap(self.inner.open_nofollow(path)?, path))
    }

    fn create(&self, path: &Path, options: CreateOptions) -> io::Result<Box<dyn File>> {
        self.write_call("create", path)?;
        Ok(self.wrap(self.inner.create(path, options)?, path))
    }

    fn map(&self, path: &Path) -> io::Result<Map> {
        self.read_call("map", path)?;
        self.inner.map(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.read_call("stat", path)?;
        self.inner.stat(path)
    }

    fn list(&self, path: &Path) -> io::Result<Box<dyn Directory>> {
        self.read_call("list", path)?;
        let inner = self.inner.list(path)?;
        Ok(Box::new(FaultyDirectory { inner, shared: Arc::clone(&self.shared), path: path.to_owned() }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.write_call("create directory", path)?;
        self.inner.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.write_call("rename to", to)?;
        self.inner.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.write_call("remove", path)?;
        self.inner.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.write_call("remove directory", path)?;
        self.inner.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.write_call("sync directory", path)?;
        self.inner.sync_dir(path)
    }

    fn sync_all(&self, path: &Path) -> io::Result<()> {
        self.write_call("sync everything at", path)?;
        self.inner.sync_all(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_call("read link", path)?;
        self.inner.read_link(path)
    }

    fn symlink(&self, target: &[u8], path: &Path) -> io::Result<()> {
        self.write_call("symlink", path)?;
        self.inner.symlink(target, path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        self.write_call("set executable", path)?;
        self.inner.set_executable(path, executable)
    }

    fn copy(&self, from: &Path, to: &Path, options: CreateOptions) -> io::Result<u64> {
        // One call here, and to the system a row of them, of which each can fail.
        let (mut from, mut to) = (self.open(from)?, self.create(to, options)?);
        let mut bytes = Vec::new();
        let mut block = vec![0; 64 * 1024];
        loop {
            match from.read(&mut block)? {
                0 => break,
                n => bytes.extend_from_slice(&block[..n]),
            }
        }
        to.write_all(&bytes)?;
        Ok(bytes.len() as u64)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.write_call("link to", to)?;
        if let Some(error) = self.shared.lacks.hard_links {
            return Err(error.into());
        }
        self.inner.hard_link(from, to)
    }

    fn set_read_only(&self, path: &Path, read_only: bool) -> io::Result<()> {
        self.write_call("protect", path)?;
        self.inner.set_read_only(path, read_only)
    }

    fn set_modified(&self, path: &Path, mtime_ns: i64) -> io::Result<()> {
        self.write_call("set time of", path)?;
        self.inner.set_modified(path, mtime_ns)
    }

    fn try_lock(&self, path: &Path, mode: LockMode) -> io::Result<Option<Box<dyn LockGuard>>> {
        self.write_call("lock", path)?;
        if self.shared.lacks.locks {
            return Ok(None);
        }
        self.inner.try_lock(path, mode)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.read_call("canonicalize", path)?;
        self.inner.canonicalize(path)
    }
}
