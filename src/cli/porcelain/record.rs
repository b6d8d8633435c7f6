//! `dsv describe`, `dsv note`, `dsv archive`, `dsv restore-archived`, `dsv publish`

use std::io;

use serde::Serialize;

use super::list::remote_option;
use super::views::SHORT;
use crate::cli::Answer;
use crate::cli::args::datasets::{Archive, Describe, Note, Publish, RestoreArchived};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Ui, tame};
use crate::porcelain::record::describe::Text;
use crate::porcelain::record::{Recorded, archive, describe, publish};

/// A version's record, for a program.
#[derive(Debug, Serialize)]
pub(crate) struct RecordDocument {
    id: String,
    dataset: String,
    label: String,
    state: &'static str,
    archived: bool,
    tags: Vec<String>,
    description: Option<String>,
    notes: Vec<NoteLine>,
}

/// A remark, for a program.
#[derive(Debug, Serialize)]
pub(crate) struct NoteLine {
    who: String,
    time: String,
    text: String,
}

/// Remarks, for a program.
pub(crate) fn note_lines(record: &crate::model::FoldedRecord) -> Vec<NoteLine> {
    let line = |note: &crate::model::Remark| NoteLine {
        who: note.by.who.clone(),
        time: note.by.time.to_string(),
        text: note.text.clone(),
    };
    record.notes.iter().map(line).collect()
}

impl From<&Recorded> for RecordDocument {
    fn from(recorded: &Recorded) -> Self {
        let Recorded { id, version, record } = recorded;
        Self {
            id: id.to_string(),
            dataset: version.dataset.to_string(),
            label: version.label.to_string(),
            state: record.state().as_str(),
            archived: record.archived.is_some(),
            tags: record.tags.iter().map(ToString::to_string).collect(),
            description: record.description.clone(),
            notes: note_lines(record),
        }
    }
}

/// Runs `dsv describe`.
pub(crate) fn describe(args: &Describe, session: &mut Session) -> Result<Answer, Failure> {
    let text = args.message.clone().map(Text::Description);
    let changes = text.is_some();
    let recorded = describe_with(&args.revision, text, session)?;
    if args.json.json {
        session.ui.json(&RecordDocument::from(&recorded))?;
        return Ok(Answer::Yes);
    }
    let said = recorded.record.description.as_deref();
    match (changes, said) {
        (false, Some(text)) => text.lines().try_for_each(|line| session.ui.report(&tame(line)))?,
        (false, None) => {
            session.ui.report(&format!("{} has no description", recorded.version.full_label()))?
        }
        (true, Some(_)) => line("Described", &recorded, &mut session.ui)?,
        (true, None) => line("Took away the description of", &recorded, &mut session.ui)?,
    }
    Ok(if changes || said.is_some() { Answer::Yes } else { Answer::No })
}

fn describe_with(revision: &str, text: Option<Text>, session: &Session) -> Result<Recorded, Failure> {
    let repository = session.repository()?;
    let options = describe::Options { version: repository.resolve_version(revision)?, text };
    Ok(session.monitored(|monitor| describe::run(&repository, &options, monitor))?)
}

/// Runs `dsv note`.
pub(crate) fn note(args: &Note, session: &mut Session) -> Result<Answer, Failure> {
    let recorded = describe_with(&args.revision, Some(Text::Note(args.message.clone())), session)?;
    if args.json.json {
        session.ui.json(&RecordDocument::from(&recorded))?;
    } else {
        line("Noted of", &recorded, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn line(verb: &str, recorded: &Recorded, ui: &mut Ui) -> io::Result<()> {
    let (name, id) = (ui.palette.name, ui.palette.id);
    let (label, short) = (recorded.version.full_label(), recorded.id.short(SHORT));
    ui.report(&format!("{verb} {name}{label}{name:#}  {id}{short}{id:#}"))
}

#[derive(Serialize)]
struct Changed {
    changed: Vec<RecordDocument>,
    unchanged: Vec<RecordDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    dry_run: bool,
}

/// Runs `dsv archive`.
pub(crate) fn archive(args: &Archive, session: &mut Session) -> Result<Answer, Failure> {
    archive_with(&args.revisions, false, args.dry_run, args.json.json, session)
}

/// Runs `dsv restore-archived`.
pub(crate) fn restore_archived(args: &RestoreArchived, session: &mut Session) -> Result<Answer, Failure> {
    archive_with(&args.revisions, true, args.dry_run, args.json.json, session)
}

fn archive_with(
    revisions: &[String],
    restore: bool,
    dry_run: bool,
    json: bool,
    session: &mut Session,
) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let versions = revisions.iter().map(|text| repository.resolve_version(text)).collect::<Result<_, _>>()?;
    let options = archive::Options { versions, restore, dry_run };
    let outcome = session.monitored(|monitor| archive::run(&repository, &options, monitor))?;
    if json {
        session.ui.json(&Changed {
            changed: outcome.changed.iter().map(RecordDocument::from).collect(),
            unchanged: outcome.unchanged.iter().map(RecordDocument::from).collect(),
            remote: None,
            dry_run,
        })?;
        return Ok(Answer::Yes);
    }
    let verb = match (restore, dry_run) {
        (false, false) => "Archived",
        (false, true) => "Would archive",
        (true, false) => "Brought back",
        (true, true) => "Would bring back",
    };
    outcome.changed.iter().try_for_each(|one| line(verb, one, &mut session.ui))?;
    let already = if restore { "Not archived:" } else { "Archived already:" };
    outcome.unchanged.iter().try_for_each(|one| line(already, one, &mut session.ui))?;
    Ok(Answer::Yes)
}

/// Runs `dsv publish`.
pub(crate) fn publish(args: &Publish, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let versions = args.revisions.iter().map(|text| repository.resolve_version(text));
    let options = publish::Options {
        versions: versions.collect::<Result<_, _>>()?,
        remote: remote_option(&args.remote)?,
        dry_run: args.dry_run,
    };
    let outcome = session.monitored(|monitor| publish::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Changed {
            changed: outcome.published.iter().map(RecordDocument::from).collect(),
            unchanged: outcome.unchanged.iter().map(RecordDocument::from).collect(),
            remote: outcome.remote.as_ref().map(ToString::to_string),
            dry_run: args.dry_run,
        })?;
        return Ok(Answer::Yes);
    }
    let verb = if args.dry_run { "Would publish" } else { "Published" };
    outcome.published.iter().try_for_each(|one| line(verb, one, &mut session.ui))?;
    outcome.unchanged.iter().try_for_each(|one| line("Published already:", one, &mut session.ui))?;
    match &outcome.remote {
        Some(remote) if !args.dry_run => session.ui.report(&format!("  {remote} was told"))?,
        Some(_) => {}
        None if repository_has_remotes(&repository)? => {
            session.ui.hint("the next dsv push tells remotes; dsv publish --remote does it now");
        }
        None => {}
    }
    Ok(Answer::Yes)
}

fn repository_has_remotes(repository: &crate::porcelain::Repository) -> Result<bool, Failure> {
    Ok(!crate::porcelain::remotes::list(repository)?.is_empty())
}
