//! `dsv describe` and `dsv note`: what people say of a version.

use super::{RecordError, Recorded, append};
use crate::model::{EventAction, Monitor, VersionId};
use crate::porcelain::{Error, Repository};

/// What to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// What the version is: takes the place of what was said before; nothing when it is empty.
    Description(String),
    /// A remark more.
    Note(String),
}

/// Of which version, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The version.
    pub version: VersionId,
    /// What to say; nothing changes when there is none.
    pub text: Option<Text>,
}

/// Says something of a version; returns it as it is described then.
///
/// # Errors
/// When the version is not here, a remark is empty, or a lock cannot be had.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Recorded, Error> {
    let Some(text) = &options.text else {
        return Recorded::read(repo, &repo.events().read()?, options.version);
    };
    let _objects = repo.lock_objects(monitor)?;
    let lock = repo.lock_refs(monitor)?;
    let events = repo.events().read()?;
    let before = Recorded::read(repo, &events, options.version)?;
    let action = match text {
        Text::Description(text) => {
            let text = text.trim().to_owned();
            if before.record.description.as_deref().unwrap_or_default() == text {
                return Ok(before);
            }
            EventAction::DescriptionSet { text }
        }
        Text::Note(text) if text.trim().is_empty() => return Err(RecordError::EmptyText.into()),
        Text::Note(text) => EventAction::NoteAdded { text: text.trim().to_owned() },
    };
    append(repo, &lock, &events, vec![(options.version, action)])?;
    Recorded::read(repo, &repo.events().read()?, options.version)
}
