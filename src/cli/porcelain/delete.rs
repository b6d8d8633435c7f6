//! `dsv delete`

use std::io;

use serde::Serialize;

use super::drafts::DraftDocument;
use super::list::remote_option;
use super::views::SHORT;
use crate::cli::Answer;
use crate::cli::args::datasets::Delete;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::Ui;
use crate::model::DatasetName;
use crate::porcelain::delete::{self, What};
use crate::porcelain::record::RecordError;
use crate::porcelain::{self, Known, Repository, draft};

#[derive(Serialize)]
struct Document {
    deleted: Vec<Line>,
    moved: Vec<Moved>,
    children: Vec<String>,
    remote: Option<String>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Line {
    id: String,
    dataset: String,
    label: String,
}

#[derive(Serialize)]
struct Moved {
    dataset: String,
    version: Option<String>,
}

impl From<&Known> for Line {
    fn from(known: &Known) -> Self {
        let (dataset, label) = (known.dataset.to_string(), known.version.label.to_string());
        Self { id: known.id.to_string(), dataset, label }
    }
}

#[derive(Serialize)]
struct DeletedDraft {
    draft: DraftDocument,
    dry_run: bool,
}

/// Runs it.
pub(crate) fn run(args: &Delete, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    if args.draft {
        return draft(args, &repository, session);
    }
    let options = delete::Options {
        what: what(args, &repository)?,
        force: args.force,
        remote: remote_option(&args.remote)?,
        dry_run: args.dry_run,
    };
    let outcome = session.monitored(|monitor| delete::run(&repository, &options, monitor))?;
    if args.json.json {
        let moved = |(dataset, to): (&DatasetName, &Option<crate::model::VersionId>)| Moved {
            dataset: dataset.to_string(),
            version: to.as_ref().map(ToString::to_string),
        };
        session.ui.json(&Document {
            deleted: outcome.deleted.iter().map(Line::from).collect(),
            moved: outcome.moved.iter().map(moved).collect(),
            children: outcome.children.clone(),
            remote: outcome.remote.as_ref().map(ToString::to_string),
            dry_run: args.dry_run,
        })?;
    } else {
        render(args, &outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

/// A version, or with `--entire-dataset` a dataset. The bare name of a dataset of several versions is no version here.
fn what(args: &Delete, repository: &Repository) -> Result<What, Failure> {
    if args.entire_dataset {
        return Ok(What::Dataset(DatasetName::new(args.what.as_str())?));
    }
    let id = repository.resolve_version(&args.what)?;
    if let Ok(name) = DatasetName::new(args.what.as_str())
        && repository.refs().read(&name).map_err(porcelain::Error::from)? == Some(id)
    {
        let options = porcelain::list::Options { pattern: Some(name.to_string()), all: true, remote: None };
        let rows = porcelain::list::run(repository, &options, &crate::model::Monitor::quiet())?.datasets;
        let versions = rows.iter().find(|row| row.name == name).map_or(0, |row| row.versions);
        if versions > 1 {
            return Err(porcelain::Error::from(RecordError::WholeDataset { name, versions }).into());
        }
    }
    Ok(What::Version(id))
}

fn draft(args: &Delete, repository: &Repository, session: &mut Session) -> Result<Answer, Failure> {
    let name = DatasetName::new(args.what.as_str())?;
    let draft = draft::delete(repository, &name, args.dry_run)?;
    if args.json.json {
        session.ui.json(&DeletedDraft { draft: (&draft).into(), dry_run: args.dry_run })?;
    } else {
        let verb = if args.dry_run { "Would delete" } else { "Deleted" };
        session.ui.report(&format!("{verb} the draft of {name}"))?;
    }
    Ok(Answer::Yes)
}

fn render(args: &Delete, outcome: &delete::Outcome, ui: &mut Ui) -> io::Result<()> {
    let verb = if args.dry_run { "Would delete" } else { "Deleted" };
    let (name, id) = (ui.palette.name, ui.palette.id);
    for known in &outcome.deleted {
        let (label, short) = (known.full_label(), known.id.short(SHORT));
        ui.report(&format!("{verb} {name}{label}{name:#}  {id}{short}{id:#}"))?;
    }
    if outcome.deleted.is_empty() {
        ui.report(&format!("{verb} no version"))?;
    }
    for (dataset, to) in &outcome.moved {
        match to {
            Some(to) => ui.report(&format!("  {dataset} is at {id}{}{id:#} now", to.short(SHORT)))?,
            None => ui.report(&format!("  the dataset {dataset} is gone"))?,
        }
    }
    if !outcome.children.is_empty() {
        let kept = match outcome.children.as_slice() {
            [child] => format!("{child}, which came from it, keeps all its files"),
            children => format!("{} versions that came from it keep all their files", children.len()),
        };
        ui.report(&format!("  {kept}"))?;
    }
    if let Some(remote) = &outcome.remote {
        ui.report(&format!("  on {remote}, too"))?;
    }
    if !args.dry_run {
        let remote = if outcome.remote.is_some() { ", and dsv gc --remote there" } else { "" };
        ui.hint(&format!("dsv gc frees the space here{remote}"));
    }
    Ok(())
}
