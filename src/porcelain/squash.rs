//! `dsv squash`: several versions as one that depends on none of them.

use std::collections::BTreeMap;

use super::draft::create::merged;
use super::record::{self, Recorded};
use super::{Error, Repository};
use crate::model::{DatasetName, EventAction, Expected, Label, Monitor, TagName, Version, VersionId};
use crate::plumbing::Writer;
use crate::plumbing::commit_tree::{self, check_parents};
use crate::plumbing::labels::LabelChoice;
use crate::plumbing::overlay_tree::Overridden;

/// What to make of which versions.
#[derive(Debug, Clone)]
pub struct Options {
    /// The versions, in order: a later one overrides.
    pub versions: Vec<VersionId>,
    /// The new dataset.
    pub name: DatasetName,
    /// Its label; the first one unless told.
    pub label: Option<Label>,
    /// Why; what it was made of unless told.
    pub message: Option<String>,
    /// Tags that it bears.
    pub tags: Vec<TagName>,
    /// Tell what would be made, and make nothing that stays.
    pub dry_run: bool,
}

/// What was made, or would be.
#[derive(Debug)]
pub struct Outcome {
    /// Its id; `None` after a dry run.
    pub id: Option<VersionId>,
    /// Its manifest.
    pub version: Version,
    /// Paths that several of the versions have, and not alike; the later one is in.
    pub overridden: Vec<Overridden>,
}

/// Makes a new dataset with one version that has no parents and holds what the versions hold. No byte of a file is read or
/// copied.
///
/// # Errors
/// When the dataset exists, a version is gone or given twice, or a lock cannot be had.
pub fn run(repo: &Repository, options: &Options, monitor: &Monitor<'_>) -> Result<Outcome, Error> {
    if repo.refs().read(&options.name)?.is_some() {
        return Err(Error::DatasetExists { name: options.name.clone() });
    }
    repo.refs().check_room(&options.name)?;
    check_parents(&options.versions)?;
    let events = repo.events().read()?;
    let mut labels = Vec::new();
    for id in &options.versions {
        let version = Recorded::read(repo, &events, *id)?;
        version.check_there()?;
        labels.push(version.version.full_label());
    }
    let _objects = repo.lock_objects(monitor)?;
    let writer = Writer::new(repo.db())?;
    monitor.progress.phase("Squashing", None, None);
    let mut overridden = Vec::new();
    let tree = merged(repo, &writer, &options.versions, &mut overridden, monitor)?;
    let made_of = serde_json::json!(options.versions.iter().map(ToString::to_string).collect::<Vec<_>>());
    let wanted = commit_tree::Options {
        tree: tree.id,
        totals: tree.totals,
        parents: Vec::new(),
        dataset: events.known_as(&options.name),
        label: options.label.clone().map_or(LabelChoice::Patch, LabelChoice::Exactly),
        author: repo.author()?,
        time: repo.now(),
        message: options.message.clone().unwrap_or_else(|| format!("Squash {}", labels.join(", "))),
        metadata: BTreeMap::from([("squashed-from".to_owned(), made_of)]),
        origin: crate::model::Origin { git: None, command: repo.env().command.clone() },
    };
    let (id, version) = commit_tree::run(&writer, wanted, monitor.interrupt)?;
    if options.dry_run {
        return Ok(Outcome { id: None, version, overridden });
    }
    writer.finish()?;
    let lock = repo.lock_refs(monitor)?;
    let tags = options.tags.iter().map(|tag| (id, EventAction::TagAdded { tag: tag.clone() }));
    record::append(repo, &lock, &repo.events().read()?, tags.collect())?;
    let note = repo.note(format!("squash: {}", labels.join(", ")))?;
    repo.refs().update(&lock, &options.name, Expected::Absent, Some(id), &note)?;
    Ok(Outcome { id: Some(id), version, overridden })
}
