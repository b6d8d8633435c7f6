//! `commit-tree`: makes a version of a tree. No ref is moved.

use std::collections::BTreeMap;

use super::labels::{LabelChoice, LabelError, choose};
use crate::codec::MAX_PARENTS;
use crate::model::{Author, ErrorKind, Interrupt, KnownAs, Origin, Time, Totals, TreeId, Version, VersionId};
use crate::store::{StoreError, Writer};

/// What a version is to say.
#[derive(Debug, Clone)]
pub struct Options {
    /// The files.
    pub tree: TreeId,
    /// Files and bytes of the tree.
    pub totals: Totals,
    /// The versions it is made from.
    pub parents: Vec<VersionId>,
    /// The dataset it is made for, and what is known of its labels.
    pub dataset: KnownAs,
    /// Its label.
    pub label: LabelChoice,
    /// Who makes it.
    pub author: Author,
    /// When.
    pub time: Time,
    /// Why.
    pub message: String,
    /// Keys and JSON values.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Code and command.
    pub origin: Origin,
}

/// Why no version was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot have the label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// One version is there twice among the parents.
    #[error("the parent {} is given twice", .0.short(12))]
    SameParent(VersionId),
    /// More parents than the format can hold.
    #[error("{0} parents are more than the {MAX_PARENTS} that a version can have")]
    TooManyParents(usize),
}

impl Error {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Label(error) => error.kind(),
            Self::SameParent(_) | Self::TooManyParents(_) => ErrorKind::Usage,
        }
    }
}

/// Refuses parents that no version can have.
///
/// # Errors
/// When there are too many, or one is there twice.
pub fn check_parents(parents: &[VersionId]) -> Result<(), Error> {
    if parents.len() > MAX_PARENTS {
        return Err(Error::TooManyParents(parents.len()));
    }
    match parents.iter().enumerate().find(|(at, parent)| parents[..*at].contains(parent)) {
        Some((_, parent)) => Err(Error::SameParent(*parent)),
        None => Ok(()),
    }
}

/// Makes and stores a version; it is durable when the writer is finished.
///
/// # Errors
/// When a parent is not in the database, the label is taken or goes backward, or the
/// disk fails.
pub fn run(writer: &Writer, options: Options, interrupt: &Interrupt) -> Result<(VersionId, Version), Error> {
    let Options { tree, totals, parents, dataset, label, author, time, message, metadata, origin } = options;
    check_parents(&parents)?;
    let label = choose(writer.db(), &parents, &dataset, &label, interrupt)?;
    let dataset = dataset.name;
    let version = Version { tree, parents, dataset, label, author, time, message, metadata, origin, totals };
    Ok((writer.put_version(&version)?, version))
}
