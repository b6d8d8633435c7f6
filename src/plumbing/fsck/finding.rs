//! What a check can find, and where it is gathered.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Counts, Outcome, shown};
use crate::codec::pack::RecordKind;
use crate::model::{ObjectId, RefName, RepoPath, VersionId};
use crate::store::StoreError;

/// Findings and losses that are listed at the most; the others are counted.
const MAX_LISTED: usize = 10_000;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A file of the repository is not what its format says, or cannot be read.
    #[error("'{}': {why}", shown(.path))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A line of a log cannot be read; it is passed over.
    #[error("'{}', line {number}: {why}", shown(.path))]
    Line {
        /// The log.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// What is wrong.
        why: String,
    },
    /// A ref does not say which version it means.
    #[error("the ref '{name}': {why}")]
    Ref {
        /// The ref.
        name: RefName,
        /// What is wrong.
        why: String,
    },
    /// A pack is not there.
    #[error("the pack '{}' is missing; records in it: {records}", shown(.path))]
    MissingPack {
        /// Where it should be.
        path: PathBuf,
        /// How many records an index lists in it.
        records: u64,
    },
    /// Lines of an index do not fit the pack that they speak of.
    #[error("'{}' is wrong about {records} of the records of '{}', the first of them {first}", shown(.path), shown(.pack))]
    WrongIndex {
        /// The index.
        path: PathBuf,
        /// The pack.
        pack: PathBuf,
        /// How many lines.
        records: u64,
        /// The first record in order of offset.
        first: ObjectId,
    },
    /// A record is damaged.
    #[error("'{}', byte {offset}: the {} {id}: {why}", shown(.path), kind.as_str())]
    Record {
        /// The pack.
        path: PathBuf,
        /// Where the record's header begins.
        offset: u64,
        /// What it holds.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
        /// What is wrong.
        why: String,
    },
    /// An object that something refers to is not in the database.
    #[error("the {} {id} is missing", kind.as_str())]
    Missing {
        /// What it should be.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
    },
    /// An object's bytes are as they were stored, and wrong.
    #[error("the {} {id}: {why}", kind.as_str())]
    Object {
        /// What it is.
        kind: RecordKind,
        /// Its id.
        id: ObjectId,
        /// What is wrong.
        why: String,
    },
    /// What is staged cannot be committed.
    #[error("the staged file '{path}' is lost: {id}")]
    Staged {
        /// The file.
        path: RepoPath,
        /// The blob.
        id: ObjectId,
    },
    /// A pack holds records that no index lists. They cost room and no more.
    #[error("records of '{}' that no index lists: {records}; 'dsv index-pack' makes a new index", shown(.path))]
    UnlistedRecords {
        /// The pack.
        path: PathBuf,
        /// How many.
        records: u64,
    },
    /// No index lists a pack: a crash left it, or its index is lost.
    #[error("no index lists the pack '{}'{}", shown(.path), if *needed > 0 { format!(", which holds {needed} of what is missing: 'dsv index-pack' brings it back") } else { String::new() })]
    UnlistedPack {
        /// The pack.
        path: PathBuf,
        /// How many of its records are missing elsewhere.
        needed: u64,
    },
}

impl Finding {
    /// The stable name of what was found.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "damaged-file",
            Self::Line { .. } => "damaged-line",
            Self::Ref { .. } => "damaged-ref",
            Self::MissingPack { .. } => "missing-pack",
            Self::WrongIndex { .. } => "wrong-index",
            Self::Record { .. } => "damaged-record",
            Self::Missing { .. } => "missing-object",
            Self::Object { .. } => "wrong-object",
            Self::Staged { .. } => "lost-staged-file",
            Self::UnlistedRecords { .. } => "unlisted-records",
            Self::UnlistedPack { .. } => "unlisted-pack",
        }
    }

    /// Whether this is damage, and not only untidy.
    pub const fn is_damage(&self) -> bool {
        !matches!(self, Self::UnlistedRecords { .. } | Self::UnlistedPack { .. })
    }
}

/// What a failure of the database tells about the repository; `None` for one that is not about it.
pub(super) fn finding_of(error: &StoreError) -> Option<Finding> {
    Some(match error {
        StoreError::Damaged { path, source } => Finding::File { path: path.clone(), why: source.to_string() },
        StoreError::DamagedRecord { kind, id, path, offset, source } => Finding::Record {
            path: path.clone(),
            offset: *offset,
            kind: *kind,
            id: *id,
            why: source.to_string(),
        },
        StoreError::Undecodable { kind, id, source } => {
            Finding::Object { kind: *kind, id: *id, why: source.to_string() }
        }
        StoreError::Missing { kind, id } | StoreError::MissingPack { kind, id, .. } => {
            Finding::Missing { kind: *kind, id: *id }
        }
        StoreError::DamagedRef { name, source } => {
            Finding::Ref { name: name.clone(), why: source.to_string() }
        }
        StoreError::UnsupportedFormat { path, why } => {
            Finding::File { path: path.clone(), why: format!("it {why}; upgrade dsv to use it") }
        }
        StoreError::Io(error) => Finding::File {
            path: error.path.clone(),
            why: format!("cannot {} it: {}", error.action, error.source),
        },
        _ => return None,
    })
}

/// Something that cannot be brought back whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The version that it belongs to.
    pub version: VersionId,
    /// `dataset@label`; or where the version was referred to, if its manifest is lost.
    pub name: String,
    /// The file; or the folder of which files are lost whose names are not known any more. The root
    /// stands for the whole version.
    pub path: RepoPath,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_root() { f.write_str(&self.name) } else { write!(f, "{}:{}", self.name, self.path) }
    }
}

/// Where everything that is found is gathered, from all threads.
#[derive(Debug, Default)]
pub(super) struct Report {
    inner: Mutex<Gathered>,
    loss: AtomicBool,
}

#[derive(Debug, Default)]
struct Gathered {
    findings: BTreeSet<Finding>,
    more_findings: u64,
    missing: HashSet<(RecordKind, ObjectId)>,
    lost: Vec<Lost>,
    more_lost: u64,
}

impl Report {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a finding; one that was made before is not made again.
    pub(super) fn add(&self, finding: Finding) {
        let mut inner = self.lock();
        if inner.findings.contains(&finding) {
            return;
        }
        if inner.findings.len() >= MAX_LISTED {
            inner.more_findings += 1;
            return;
        }
        if let Finding::Missing { kind, id } = finding {
            inner.missing.insert((kind, id));
        }
        inner.findings.insert(finding);
    }

    /// Adds what a failure tells of the repository.
    ///
    /// # Errors
    /// A failure that tells nothing of it ends the check.
    pub(super) fn add_error(&self, error: StoreError) -> Result<(), StoreError> {
        match finding_of(&error) {
            Some(finding) => {
                self.add(finding);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Adds a lost thing; false when there are so many that the search may end.
    pub(super) fn add_lost(&self, lost: Lost) -> bool {
        let mut inner = self.lock();
        if inner.lost.last() == Some(&lost) {
            // Several nodes of one folder.
        } else if inner.lost.len() < MAX_LISTED {
            inner.lost.push(lost);
        } else {
            inner.more_lost += 1;
        }
        inner.more_lost < MAX_LISTED as u64
    }

    /// Notes that something in use is lost, whose name is still to be found out.
    pub(super) fn note_loss(&self) {
        self.loss.store(true, Ordering::Relaxed);
    }

    pub(super) fn found_loss(&self) -> bool {
        self.loss.load(Ordering::Relaxed)
    }

    /// Whether a record was found to be missing.
    pub(super) fn is_missing(&self, kind: RecordKind, id: &[u8; 32]) -> bool {
        let missing = &self.lock().missing;
        // A blob is looked for in either form and told of in one.
        let kind = if kind == RecordKind::ChunkedBlob { RecordKind::Blob } else { kind };
        missing.contains(&(kind, ObjectId::Sha256(*id)))
    }

    pub(super) fn note_unlisted(&self, packs: Vec<super::files::UnlistedPack>) {
        for pack in packs {
            self.add(Finding::UnlistedPack { path: pack.path, needed: pack.needed });
        }
    }

    pub(super) fn into_outcome(self, counts: Counts) -> Outcome {
        let Gathered { findings, more_findings, lost, more_lost, .. } =
            self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        Outcome { findings: findings.into_iter().collect(), more_findings, lost, more_lost, counts }
    }
}
