//! How work in progress is shown and ended: values that go down, so that no layer knows a terminal.

use std::sync::atomic::{AtomicBool, Ordering};

/// Receives how far a piece of work has come. Called from many threads; must be cheap.
pub trait Progress: Sync {
    /// A new phase begins, for example `"Adding"`; totals are given where they are known.
    fn phase(&self, name: &str, files: Option<u64>, bytes: Option<u64>);
    /// So many more files and bytes of the phase are done.
    fn advance(&self, files: u64, bytes: u64);
}

/// Shows work that was given no monitor, such as fetching an object in the middle of a read.
pub trait ProgressSource: Send + Sync + std::fmt::Debug {
    /// A way to show it until that is dropped; `None` where it is part of work that is shown already.
    fn begin(&self) -> Option<Box<dyn Progress>>;
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn phase(&self, _: &str, _: Option<u64>, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
}

/// The person or a signal ended the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// A flag that a signal handler sets and long work looks at.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    /// A flag that is not set.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Asks all work that looks at this flag to end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the caller's work by an error when the flag is set.
    ///
    /// # Errors
    /// [`Interrupted`] when the flag is set.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_set() { Err(Interrupted) } else { Ok(()) }
    }
}

/// What long work is given: where to report, when to end, how many threads to use.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Where to report.
    pub progress: &'a dyn Progress,
    /// When to end.
    pub interrupt: &'a Interrupt,
    /// Number of worker threads, at least 1.
    pub threads: usize,
}

impl Monitor<'static> {
    /// Reports nothing, never ends early, uses one thread for each core.
    pub fn quiet() -> Self {
        static NEVER: Interrupt = Interrupt::new();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { progress: &NoProgress, interrupt: &NEVER, threads }
    }
}

impl std::fmt::Debug for Monitor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("interrupt", self.interrupt).field("threads", &self.threads).finish()
    }
}
