//! How far a piece of work has come, on standard error.
//!
//! Work adds to two counters; one thread looks at them ten times a second and draws. Nothing is shown
//! of what ends within half a second.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};
use serde::Serialize;

use crate::model::{Progress, ProgressSource};

use super::human;

/// Work that ends before this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a plain line is written.
const PLAIN_EVERY: Duration = Duration::from_secs(3);
/// How often a JSON line is written.
const JSON_EVERY: Duration = Duration::from_millis(500);

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal, else plain lines
    #[default]
    Auto,
    /// A line every few seconds
    Plain,
    /// JSON lines for a program
    Json,
    /// Not at all
    None,
}

/// One phase of the work.
#[derive(Debug, Clone)]
struct Phase {
    name: String,
    files: Option<u64>,
    bytes: Option<u64>,
    since: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    files: AtomicU64,
    bytes: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Option<Phase>,
    /// Counts phases, so that the drawing thread notices a new one.
    number: u64,
    /// How far the phase before came, which the drawing thread may not have seen: its number, files and bytes.
    before: (u64, u64, u64),
    done: bool,
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reporters that have begun a phase: there is one place to show it.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Shows what is not part of work that is shown already.
impl ProgressSource for ProgressStyle {
    fn begin(&self) -> Option<Box<dyn Progress>> {
        (AT_WORK.load(Ordering::Relaxed) == 0).then(|| Box::new(Reporter::new(*self)) as Box<dyn Progress>)
    }
}

/// Shows progress until it is dropped.
#[derive(Debug)]
pub(crate) struct Reporter {
    shared: Arc<Shared>,
    style: ProgressStyle,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Reporter {
    /// A reporter that shows nothing before the first phase begins.
    pub(crate) fn new(style: ProgressStyle) -> Self {
        let style = match style {
            ProgressStyle::Auto if !io::stderr().is_terminal() => ProgressStyle::Plain,
            other => other,
        };
        Self { shared: Arc::default(), style, thread: Mutex::default() }
    }

    fn start_thread(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_some() || self.style == ProgressStyle::None {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let mut display: Box<dyn Display> = match self.style {
            ProgressStyle::Auto => Box::new(Bar(None)),
            ProgressStyle::Plain | ProgressStyle::None => Box::new(Lines::new(PLAIN_EVERY, plain_line)),
            ProgressStyle::Json => Box::new(Lines::new(JSON_EVERY, json_line)),
        };
        // Without the thread there is no progress to see; the work itself goes on.
        *thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || draw(&shared, &mut *display))
            .inspect(|_| {
                AT_WORK.fetch_add(1, Ordering::Relaxed);
            })
            .ok();
    }
}

impl Progress for Reporter {
    fn phase(&self, name: &str, files: Option<u64>, bytes: Option<u64>) {
        let mut state = self.shared.state();
        let taken = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        state.before = (state.number, taken(&self.shared.files), taken(&self.shared.bytes));
        state.phase = Some(Phase { name: name.to_owned(), files, bytes, since: Instant::now() });
        state.number += 1;
        drop(state);
        self.start_thread();
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.shared.files.fetch_add(files, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.shared.state().done = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
            AT_WORK.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What is known at one moment.
#[derive(Debug, Clone)]
struct Snapshot {
    phase: Phase,
    files: u64,
    bytes: u64,
    elapsed: Duration,
}

impl Snapshot {
    /// How much of the work is done, from 0 to 1; by bytes where their total is known.
    fn fraction(&self) -> Option<f64> {
        let part = |done: u64, total: Option<u64>| {
            total.filter(|total| *total > 0).map(|total| (done as f64 / total as f64).min(1.0))
        };
        part(self.bytes, self.phase.bytes).or_else(|| part(self.files, self.phase.files))
    }

    /// Time that the rest will take at the rate so far; not told before there is a rate to speak of.
    fn time_left(&self) -> Option<Duration> {
        let fraction = self.fraction().filter(|f| *f > 0.01 && *f < 1.0)?;
        Some(self.elapsed.mul_f64((1.0 - fraction) / fraction))
    }

    /// `1,200 of 5,000 files, 3.1 MiB of 8.0 MiB, 1.0 MiB/s, 5 s left`.
    fn facts(&self) -> String {
        let mut facts = Vec::new();
        if self.files > 0 || self.phase.files.is_some() {
            let total = self.phase.files.map_or_else(String::new, |n| format!(" of {}", human::count(n)));
            facts.push(format!("{}{total} files", human::count(self.files)));
        }
        if self.bytes > 0 || self.phase.bytes.is_some() {
            let total = self.phase.bytes.map_or_else(String::new, |n| format!(" of {}", human::size(n)));
            facts.push(format!("{}{total}", human::size(self.bytes)));
        }
        if self.bytes > 0 && !self.elapsed.is_zero() {
            let rate = self.bytes as f64 / self.elapsed.as_secs_f64();
            facts.push(format!("{}/s", human::size(rate as u64)));
        }
        if let Some(left) = self.time_left() {
            facts.push(format!("{} left", human::duration(Duration::from_secs(left.as_secs().max(1)))));
        }
        facts.join(", ")
    }
}

/// One way to show snapshots.
trait Display: Send {
    /// A new phase begins.
    fn begin(&mut self);
    /// Called at every frame of a phase that already lasts long enough to be shown.
    fn show(&mut self, snapshot: &Snapshot);
    /// The phase has ended; it was shown before.
    fn end(&mut self, snapshot: &Snapshot);
}

/// The drawing thread.
fn draw(shared: &Shared, display: &mut dyn Display) {
    let mut shown: Option<(u64, Snapshot)> = None;
    let mut state = shared.state();
    loop {
        let number = state.number;
        let snapshot = state.phase.clone().map(|phase| Snapshot {
            elapsed: phase.since.elapsed(),
            phase,
            files: shared.files.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
        });
        let (done, before) = (state.done, state.before);
        drop(state);
        if let Some((of, mut last)) = shown.take_if(|(last, _)| *last != number) {
            if of == before.0 {
                (_, last.files, last.bytes) = before;
            }
            display.end(&last);
        }
        if let Some(snapshot) = snapshot.filter(|s| s.elapsed >= PATIENCE) {
            if shown.is_none() {
                display.begin();
            }
            display.show(&snapshot);
            shown = Some((number, snapshot));
        }
        if done {
            if let Some((_, last)) = shown {
                display.end(&last);
            }
            return;
        }
        state = shared.state();
        if !state.done {
            let waited = shared.changed.wait_timeout(state, FRAME);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A bar, redrawn in place and gone when the phase ends.
#[derive(Debug)]
struct Bar(Option<ProgressBar>);

/// Steps of a bar; only its resolution.
const STEPS: u64 = 1000;

impl Display for Bar {
    fn begin(&mut self) {
        self.0 = Some(ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr()));
    }

    fn show(&mut self, snapshot: &Snapshot) {
        let Some(bar) = &self.0 else { return };
        let fraction = snapshot.fraction();
        let template = if fraction.is_some() {
            "{prefix} {wide_bar:.cyan/dim} {percent:>3}%  {msg}"
        } else {
            "{prefix} {spinner:.cyan}  {msg}"
        };
        if let Ok(style) = BarStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(snapshot.phase.name.clone());
        bar.set_message(snapshot.facts());
        match fraction {
            Some(fraction) => bar.set_position((fraction * STEPS as f64) as u64),
            None => bar.tick(),
        }
    }

    fn end(&mut self, _: &Snapshot) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

/// A line now and then, and one at the end of a phase that was shown.
#[derive(Debug)]
struct Lines {
    every: Duration,
    format: fn(&Snapshot, bool) -> String,
    last: Option<Instant>,
}

impl Lines {
    const fn new(every: Duration, format: fn(&Snapshot, bool) -> String) -> Self {
        Self { every, format, last: None }
    }

    fn write(&mut self, snapshot: &Snapshot, ended: bool) {
        // Progress that cannot be written is no failure of the work.
        let _ = writeln!(io::stderr(), "{}", (self.format)(snapshot, ended));
        self.last = Some(Instant::now());
    }
}

impl Display for Lines {
    fn begin(&mut self) {
        self.last = None;
    }

    fn show(&mut self, snapshot: &Snapshot) {
        let due = self.last.map_or(snapshot.elapsed >= self.every, |last| last.elapsed() >= self.every);
        if due {
            self.write(snapshot, false);
        }
    }

    fn end(&mut self, snapshot: &Snapshot) {
        if self.last.is_some() {
            self.write(snapshot, true);
        }
    }
}

fn plain_line(snapshot: &Snapshot, ended: bool) -> String {
    let end = if ended { ", done" } else { "" };
    let facts = snapshot.facts();
    let facts = if facts.is_empty() { facts } else { format!(": {facts}") };
    format!("{}{facts}{end}", snapshot.phase.name)
}

#[derive(Serialize)]
struct ProgressDocument<'a> {
    progress: &'a str,
    files: u64,
    files_total: Option<u64>,
    bytes: u64,
    bytes_total: Option<u64>,
    seconds: f64,
    done: bool,
}

fn json_line(snapshot: &Snapshot, done: bool) -> String {
    let document = ProgressDocument {
        progress: &snapshot.phase.name,
        files: snapshot.files,
        files_total: snapshot.phase.files,
        bytes: snapshot.bytes,
        bytes_total: snapshot.phase.bytes,
        seconds: (snapshot.elapsed.as_secs_f64() * 10.0).round() / 10.0,
        done,
    };
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(files: u64, bytes: u64, totals: Option<(u64, u64)>, seconds: u64) -> Snapshot {
        let phase = Phase {
            name: "Adding".to_owned(),
            files: totals.map(|t| t.0),
            bytes: totals.map(|t| t.1),
            since: Instant::now(),
        };
        Snapshot { phase, files, bytes, elapsed: Duration::from_secs(seconds) }
    }

    #[test]
    fn lines_tell_files_bytes_rate_and_time_left() {
        let known = snapshot(1200, 3 << 20, Some((5000, 12 << 20)), 3);
        assert_eq!(
            plain_line(&known, false),
            "Adding: 1,200 of 5,000 files, 3.0 MiB of 12 MiB, 1.0 MiB/s, 9.0 s left"
        );
        let unknown = snapshot(1200, 3 << 20, None, 3);
        assert_eq!(plain_line(&unknown, true), "Adding: 1,200 files, 3.0 MiB, 1.0 MiB/s, done");
        assert_eq!(plain_line(&snapshot(0, 0, None, 3), true), "Adding, done");
        assert_eq!(
            json_line(&known, false),
            r#"{"progress":"Adding","files":1200,"files_total":5000,"bytes":3145728,"bytes_total":12582912,"seconds":3.0,"done":false}"#
        );
    }

    #[test]
    fn totals_that_were_too_low_do_not_overflow() {
        let grown = snapshot(20, 200, Some((10, 100)), 1);
        assert_eq!(grown.fraction(), Some(1.0));
        assert_eq!(grown.time_left(), None);
        assert_eq!(snapshot(0, 0, Some((0, 0)), 1).fraction(), None);
    }

    #[derive(Default, Clone)]
    struct Recording(Arc<Mutex<Vec<String>>>);

    impl Display for Recording {
        fn begin(&mut self) {
            self.0.lock().unwrap().push("begin".to_owned());
        }
        fn show(&mut self, snapshot: &Snapshot) {
            self.0.lock().unwrap().push(format!("show {}", snapshot.phase.name));
        }
        fn end(&mut self, snapshot: &Snapshot) {
            self.0.lock().unwrap().push(format!("end {}", snapshot.phase.name));
        }
    }

    #[test]
    fn what_was_done_last_of_a_phase_is_shown_at_its_end() {
        #[derive(Clone, Default)]
        struct Ends(Arc<Mutex<Vec<u64>>>);
        impl Display for Ends {
            fn begin(&mut self) {}
            fn show(&mut self, _: &Snapshot) {}
            fn end(&mut self, snapshot: &Snapshot) {
                self.0.lock().unwrap().push(snapshot.files);
            }
        }
        let reporter = Reporter::new(ProgressStyle::None);
        let ends = Ends::default();
        std::thread::scope(|scope| {
            scope.spawn(|| draw(&reporter.shared, &mut ends.clone()));
            reporter.phase("long", Some(7), None);
            std::thread::sleep(PATIENCE + FRAME * 2);
            // No frame is drawn between these.
            reporter.advance(7, 0);
            reporter.phase("short", None, None);
            std::thread::sleep(FRAME * 2);
            reporter.shared.state().done = true;
            reporter.shared.changed.notify_all();
        });
        assert_eq!(*ends.0.lock().unwrap(), [7]);
    }

    #[test]
    fn only_long_phases_are_shown_and_each_one_ends() {
        let shared = Shared::default();
        let recording = Recording::default();
        let begun = |name: &str, ago: Duration| Phase {
            name: name.to_owned(),
            files: None,
            bytes: None,
            since: Instant::now().checked_sub(ago).unwrap(),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| draw(&shared, &mut recording.clone()));
            for (number, (name, ago)) in
                [("long", PATIENCE), ("short", Duration::ZERO), ("last", PATIENCE)].into_iter().enumerate()
            {
                let mut state = shared.state();
                state.phase = Some(begun(name, ago));
                state.number = number as u64 + 1;
                drop(state);
                std::thread::sleep(FRAME * 2);
            }
            shared.state().done = true;
            shared.changed.notify_all();
        });
        let mut log = recording.0.lock().unwrap().clone();
        log.dedup();
        assert_eq!(log, ["begin", "show long", "end long", "begin", "show last", "end last"]);
    }
}
