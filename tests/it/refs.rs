//! A move of a ref, an event and an `init` are there whole or not at all, whatever fails and whenever the
//! power does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsv::model::{
    DatasetName, Event, EventAction, Expected, Head, Interrupt, Monitor, TagName, Time, VersionId,
};
use dsv::porcelain::{Environment, Repository, init};
use dsv::store::{EventLog, Layout, LockRequest, Note, Refs, RefsLock, StoreError};
use dsv::sys::{Fs, OsFs, SystemClock};

use crate::support::crash::CrashPlan;
use crate::support::fault::{Fault, FaultPlan};
use crate::support::record::RecordingFs;
use crate::support::scratch;

/// The lock lies outside of what is recorded: nothing that a crash leaves of it matters.
fn lock(folder: &Path) -> RefsLock {
    let interrupt = Interrupt::new();
    let request = LockRequest {
        owner: "test",
        // A process that another test is just starting may still hold a copy of a lock that was released.
        timeout: Duration::from_secs(10),
        clock: &SystemClock,
        interrupt: &interrupt,
        on_wait: &|_| {},
    };
    RefsLock::acquire(&OsFs, &Layout::new(folder.join(".dsv"), None), &request).unwrap()
}

struct Opened {
    refs: Refs,
    events: EventLog,
    lock: RefsLock,
}

fn open(fs: &Arc<dyn Fs>, dsv: &Path, locks: &Path) -> Opened {
    let layout = Layout::new(dsv.to_owned(), None);
    Opened {
        refs: Refs::new(Arc::clone(fs), &layout),
        events: EventLog::new(Arc::clone(fs), &layout),
        lock: lock(locks),
    }
}

fn id(n: u8) -> VersionId {
    VersionId::from_bytes([n; 32])
}

fn name(text: &str) -> DatasetName {
    DatasetName::new(text).unwrap()
}

fn note() -> Note {
    Note { who: "Ada".into(), time: Time { seconds: 100, offset: 0 }, why: "test".into() }
}

impl Opened {
    fn update(&self, text: &str, expected: Expected, new: Option<u8>) -> Result<(), StoreError> {
        self.refs.update(&self.lock, &name(text), expected, new.map(id), &note())
    }

    fn tag(&self, sequence: u64) -> Result<(), StoreError> {
        let action = EventAction::TagAdded { tag: TagName::new("gold").unwrap() };
        let event = Event {
            version: id(1),
            action,
            who: "Ada".into(),
            time: note().time,
            host: "h".into(),
            sequence,
        };
        self.events.append(&self.lock, &[event]).map(drop)
    }
}

type Step = fn(&Opened) -> Result<(), StoreError>;

/// What is done, one after the other.
fn steps() -> Vec<Step> {
    vec![
        |o| o.refs.set_head(&o.lock, None, &Head::Dataset(name("cats")), &note()),
        |o| o.update("cats", Expected::Any, Some(1)),
        |o| o.update("vision/a", Expected::Any, Some(2)),
        |o| o.tag(0),
        |o| o.update("cats", Expected::Any, Some(3)),
        |o| o.update("vision/a", Expected::Any, None),
        |o| o.update("vision", Expected::Any, Some(4)),
        |o| o.refs.set_head(&o.lock, None, &Head::Detached(id(4)), &note()),
        |o| o.tag(1),
    ]
}

#[derive(Debug, PartialEq)]
struct State {
    head: Option<Head>,
    refs: Vec<(DatasetName, VersionId)>,
    events: usize,
}

fn state_of(opened: &Opened) -> State {
    State {
        // Before the first step there is none.
        head: opened.refs.head().ok(),
        refs: opened.refs.list().unwrap(),
        events: opened.events.read().unwrap().events.len(),
    }
}

/// The state after each of the steps, the first one before any.
fn states() -> Vec<State> {
    let (folder, locks) = (scratch(), scratch());
    let opened = open(&OsFs::new(), folder.path(), locks.path());
    let mut states = vec![state_of(&opened)];
    for step in steps() {
        step(&opened).unwrap();
        states.push(state_of(&opened));
    }
    states
}

#[test]
fn a_crash_leaves_the_state_before_or_after_a_step() {
    let (folder, locks) = (scratch(), scratch());
    let recorder = RecordingFs::new(folder.path());
    let fs = Arc::clone(&recorder) as Arc<dyn Fs>;
    let opened = open(&fs, folder.path(), locks.path());
    for (number, step) in steps().into_iter().enumerate() {
        step(&opened).unwrap();
        recorder.mark(&format!("step {}", number + 1));
    }
    drop(opened);
    let states = states();
    let images = recorder.recording().for_each_crash(CrashPlan::default(), |image| {
        let promised = (1..states.len()).rev().find(|n| image.passed(&format!("step {n}"))).unwrap_or(0);
        let opened = open(&OsFs::new(), image.root, locks.path());
        let found = state_of(&opened);
        let next = (promised + 1).min(states.len() - 1);
        assert!(found == states[promised] || found == states[next], "step {promised} or {next}: {found:?}");
        // The way back: whatever a ref named once is in the log.
        let logged = opened.refs.recent_log_ids(0).unwrap();
        for (_, id) in states[..=promised].iter().flat_map(|state| &state.refs) {
            assert!(logged.contains(id), "{id} is not in the log");
        }
        // Work goes on, over whatever the crash left behind.
        opened.update("birds/x", Expected::Absent, Some(9)).unwrap();
        opened.tag(7).unwrap();
        opened.refs.set_head(&opened.lock, None, &Head::Dataset(name("birds/x")), &note()).unwrap();
        let after = state_of(&opened);
        assert_eq!((after.refs.len(), after.events), (found.refs.len() + 1, found.events + 1));
        assert_eq!(opened.refs.head_version().unwrap(), Some(id(9)));
    });
    assert!(images > 50, "{images}");
}

#[test]
fn a_failed_call_leaves_the_state_before_or_after_a_step_and_it_can_be_repeated() {
    let states = states();
    for plan in [
        FaultPlan::once(Fault::Io),
        FaultPlan::from_then_on(Fault::NoSpace),
        FaultPlan::once(Fault::TornWrite),
        FaultPlan::from_then_on(Fault::TornWrite),
    ] {
        plan.sweep(|faulty| {
            let (folder, locks) = (scratch(), scratch());
            let fs = Arc::clone(faulty) as Arc<dyn Fs>;
            let opened = open(&fs, folder.path(), locks.path());
            let sound = open(&OsFs::new(), folder.path(), scratch().path());
            for (number, step) in steps().into_iter().enumerate() {
                let done = step(&opened);
                let found = state_of(&sound);
                let (before, after) = (&states[number], &states[number + 1]);
                assert!(
                    found == *after || (done.is_err() && found == *before),
                    "step {number}: {done:?}, {found:?}"
                );
                if done.is_err() {
                    // On a disk that works again the same step goes through.
                    step(&sound).unwrap();
                    assert_eq!(state_of(&sound), *after);
                    if plan.sticky {
                        return;
                    }
                }
            }
        });
    }
}

fn environment(fs: Arc<dyn Fs>, folder: &Path) -> Environment {
    Environment { fs, ..Environment::system(folder) }
}

#[test]
fn an_init_that_a_crash_cut_off_is_finished_by_the_next() {
    let folder = scratch();
    let recorder = RecordingFs::new(folder.path());
    let env = environment(Arc::clone(&recorder) as Arc<dyn Fs>, folder.path());
    let options = init::Options { dataset: Some(name("vision/cats")), ..Default::default() };
    init::run(&env, &options, &Monitor::quiet()).unwrap();
    recorder.mark("made");
    recorder.recording().for_each_crash(CrashPlan::default(), |image| {
        let env = environment(OsFs::new(), image.root);
        if Repository::open(env.clone(), image.root).is_err() {
            assert!(!image.passed("made"), "the repository that was made is gone");
            assert!(init::run(&env, &options, &Monitor::quiet()).unwrap().created);
        }
        let repository = Repository::open(env, image.root).unwrap();
        assert_eq!(repository.refs().head().unwrap(), Head::Dataset(name("vision/cats")));
    });
}

#[test]
fn an_init_that_failed_is_finished_by_the_next() {
    for plan in FaultPlan::all() {
        plan.sweep(|faulty| {
            let folder = scratch();
            let env = environment(Arc::clone(faulty) as Arc<dyn Fs>, folder.path());
            let made = init::run(&env, &init::Options::default(), &Monitor::quiet());
            let env = environment(OsFs::new(), folder.path());
            if made.is_err() {
                init::run(&env, &init::Options::default(), &Monitor::quiet()).unwrap();
            }
            Repository::open(env, folder.path()).unwrap();
        });
    }
}
