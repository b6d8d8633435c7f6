//! Tries whether a remote does all that is needed of one, and says what is missing where not.

use bytes::Bytes;

use crate::model::Interrupt;

use super::body::PutBody;
use super::client::{Client, Created, ObjectInfo};
use super::error::RemoteError;

/// Below which prefix the objects lie that a probe makes and removes.
const FOLDER: &str = "probe";

/// One thing that was tried.
#[derive(Debug)]
pub struct ProbeStep {
    /// What was tried, for people.
    pub name: &'static str,
    /// What came of it.
    pub outcome: ProbeOutcome,
}

/// What came of a step.
#[derive(Debug)]
pub enum ProbeOutcome {
    /// It works.
    Done,
    /// It was not tried, since an earlier step failed.
    Skipped,
    /// The remote did something else than it should.
    Wrong(&'static str),
    /// The remote refused, or failed.
    Failed(RemoteError),
}

impl ProbeStep {
    /// Whether it works.
    pub const fn is_done(&self) -> bool {
        matches!(self.outcome, ProbeOutcome::Done)
    }

    /// What went wrong, and what to do about it where that is known.
    pub fn problem(&self) -> Option<(String, Option<String>)> {
        match &self.outcome {
            ProbeOutcome::Done | ProbeOutcome::Skipped => None,
            ProbeOutcome::Wrong(what) => Some(((*what).to_owned(), None)),
            ProbeOutcome::Failed(error) => Some((error.to_string(), error.hint())),
        }
    }
}

/// What all steps share.
struct Probe<'a> {
    client: &'a Client,
    interrupt: &'a Interrupt,
    key: String,
    bytes: Bytes,
}

type Step = fn(&Probe<'_>) -> Result<Option<&'static str>, RemoteError>;

/// In this order; who cannot create or write skips the rest but the listing, and where there is no bucket all is skipped:
/// there are servers that make one for whoever writes to it.
const STEPS: &[(&str, Step)] = &[
    ("list", |probe| probe.list_nothing()),
    ("create an object if it is absent", |probe| probe.create()),
    ("refuse to create it again", |probe| probe.create_again()),
    ("read it", |probe| probe.read()),
    ("read a part of it", |probe| probe.read_part()),
    ("find it in a listing", |probe| probe.list()),
    ("overwrite an object", |probe| probe.overwrite()),
    ("delete it", |probe| probe.delete()),
];

/// Creates, reads, lists and deletes one small object of a name that nobody else has. Ends early when interrupted;
/// what was not tried is skipped.
pub fn check(client: &Client, interrupt: &Interrupt) -> Vec<ProbeStep> {
    let unique = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let key = format!("{FOLDER}/{unique}");
    let probe = Probe { client, interrupt, key, bytes: Bytes::from(format!("dsv probe {unique}")) };
    let mut goes_on = true;
    let mut steps = Vec::with_capacity(STEPS.len());
    for (name, step) in STEPS {
        let is_create = *name == STEPS[1].0;
        if interrupt.is_set() || !goes_on {
            steps.push(ProbeStep { name, outcome: ProbeOutcome::Skipped });
            continue;
        }
        let outcome = match step(&probe) {
            Ok(None) => ProbeOutcome::Done,
            Ok(Some(what)) => ProbeOutcome::Wrong(what),
            Err(error) => ProbeOutcome::Failed(error),
        };
        goes_on = match outcome {
            ProbeOutcome::Done => true,
            ProbeOutcome::Failed(RemoteError::NoBucket { .. }) => false,
            _ => !is_create,
        };
        steps.push(ProbeStep { name, outcome });
    }
    steps
}

impl Probe<'_> {
    fn list_nothing(&self) -> Result<Option<&'static str>, RemoteError> {
        let found = self.listed()?;
        Ok((!found.is_empty()).then_some("an object is listed that was not made yet"))
    }

    fn create(&self) -> Result<Option<&'static str>, RemoteError> {
        let made = self.client.create(&self.key, self.bytes.clone(), self.interrupt)?;
        // It may exist after an answer that was lost and a request that was sent again; its name is nobody else's.
        if made == Created::New || self.read()?.is_none() {
            return Ok(None);
        }
        Ok(Some("an object is said to exist that was not made yet"))
    }

    fn create_again(&self) -> Result<Option<&'static str>, RemoteError> {
        let other = Bytes::from_static(b"this must not be stored");
        let made = self.client.create(&self.key, other, self.interrupt)?;
        if made == Created::Exists && self.read()?.is_none() {
            return Ok(None);
        }
        Ok(Some("conditional put not honoured: concurrent pushes could overwrite each other"))
    }

    fn read(&self) -> Result<Option<&'static str>, RemoteError> {
        let found = self.client.get(&self.key, 1 << 10, self.interrupt)?;
        Ok((found.as_ref() != Some(&self.bytes)).then_some("what was written is not what is read"))
    }

    fn read_part(&self) -> Result<Option<&'static str>, RemoteError> {
        let found = self.client.get_range(&self.key, 4..9, self.interrupt)?;
        let expected = self.bytes.slice(4..9);
        Ok((found.as_ref() != Some(&expected))
            .then_some("a part that is read is not the part that was asked for"))
    }

    fn list(&self) -> Result<Option<&'static str>, RemoteError> {
        let found = self.listed()?;
        let is_right = found.iter().any(|info| info.key == self.key && info.len == self.bytes.len() as u64);
        Ok((!is_right).then_some("an object that was just made is not listed"))
    }

    fn overwrite(&self) -> Result<Option<&'static str>, RemoteError> {
        self.client.put(&self.key, &PutBody::from(self.bytes.clone()), self.interrupt)?;
        self.read()
    }

    fn delete(&self) -> Result<Option<&'static str>, RemoteError> {
        self.client.delete(&self.key, self.interrupt)?;
        let found = self.client.head(&self.key, self.interrupt)?;
        Ok(found.map(|_| "an object that was deleted is still there"))
    }

    /// What is listed of this probe: others may be running.
    fn listed(&self) -> Result<Vec<ObjectInfo>, RemoteError> {
        let mut found = Vec::new();
        self.client.list(FOLDER, None, self.interrupt, &mut |info| {
            if info.key == self.key {
                found.push(info);
            }
            Ok(())
        })?;
        Ok(found)
    }
}
