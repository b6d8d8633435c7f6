//! `dsv sync`

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;

use serde::Serialize;

use super::add::{Change, changes, list};
use super::views::{Sums, json_path, sums_text};
use crate::cli::Answer;
use crate::cli::args::sync::Sync;
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Ui, plural, size, tame};
use crate::model::{DatasetName, RemoteName};
use crate::porcelain::commit::LabelChoice;
use crate::porcelain::{dataset_path, push, sync};

#[derive(Serialize)]
struct Document {
    dry_run: bool,
    dataset: String,
    folder: String,
    to: String,
    id: Option<String>,
    label: Option<String>,
    #[serde(flatten)]
    sums: Sums,
    files_read: u64,
    stored_bytes: u64,
    pushed: Option<PushedDocument>,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct PushedDocument {
    remote: String,
    url: String,
    versions: u64,
    bytes: u64,
}

/// Runs it.
pub(crate) fn run(args: &Sync, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = options(args)?;
    let outcome = session.monitored(|monitor| sync::run(&repository, &options, monitor))?;
    for warning in &outcome.warnings {
        session.ui.warn(&warning.to_string());
    }
    if args.json.json {
        session.ui.json(&document(args, &outcome))?;
    } else {
        render(args, &outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn options(args: &Sync) -> Result<sync::Options, Failure> {
    let to = match (&args.to, &args.dataset_folder) {
        (Some(_), Some(Some(_))) => {
            let message = "--to and --dataset-folder PATH both say where the files go";
            return Err(UsageError::new(message, "give one of them").into());
        }
        (Some(path), _) | (None, Some(Some(path))) => Some(dataset_path(OsStr::new(path))?),
        (None, _) => None,
    };
    let label = match &args.label {
        Some(label) => LabelChoice::Exactly(label.parse()?),
        None if args.major => LabelChoice::Major,
        None if args.minor => LabelChoice::Minor,
        None => LabelChoice::Patch,
    };
    let metadata = args.metadata.iter().map(|text| crate::cli::metadata(text));
    Ok(sync::Options {
        folder: args.folder.clone(),
        to,
        keep_name: matches!(args.dataset_folder, Some(None)),
        dataset: args.dataset.as_deref().map(DatasetName::new).transpose()?,
        message: args.message.clone(),
        label,
        metadata: metadata.collect::<Result<BTreeMap<_, _>, _>>()?,
        allow_empty: args.allow_empty,
        push: !args.no_push,
        remote: args.remote.as_deref().map(RemoteName::new).transpose()?,
        dry_run: args.dry_run,
    })
}

fn document(args: &Sync, outcome: &sync::Outcome) -> Document {
    let pushed = outcome.pushed.as_ref().map(|pushed| PushedDocument {
        remote: pushed.remote.to_string(),
        url: pushed.url.clone(),
        versions: sent(pushed).0,
        bytes: sent(pushed).1,
    });
    Document {
        dry_run: args.dry_run,
        dataset: outcome.dataset.to_string(),
        folder: outcome.folder.to_string_lossy().into_owned(),
        to: json_path(&outcome.to),
        id: outcome.version.as_ref().map(|(id, _)| id.to_string()),
        label: outcome.version.as_ref().map(|(_, version)| version.label.to_string()),
        sums: Sums::from(&outcome.totals),
        files_read: outcome.files_read,
        stored_bytes: outcome.stored_bytes,
        pushed,
        changes: changes(&outcome.changes),
    }
}

/// Versions and bytes that were sent.
fn sent(pushed: &push::Outcome) -> (u64, u64) {
    let sent = pushed.datasets.iter().map(|pushed| &pushed.sent);
    sent.fold((0, 0), |(versions, bytes), sent| (versions + sent.versions, bytes + sent.bytes))
}

fn render(args: &Sync, outcome: &sync::Outcome, ui: &mut Ui) -> io::Result<()> {
    if args.verbose || args.dry_run {
        list(&outcome.changes, ui)?;
    }
    if outcome.changes.is_empty() {
        ui.report("Nothing changed")?;
    } else if args.dry_run {
        ui.report(&format!("Would commit {}", what(outcome)))?;
    }
    if let Some((id, version)) = &outcome.version {
        let (name, style) = (ui.palette.name, ui.palette.id);
        ui.report(&format!(
            "{name}{}{name:#}  {style}{}{style:#}  {}",
            version.full_label(),
            id.short(super::views::SHORT),
            tame(version.subject())
        ))?;
        ui.report(&format!("  {}; {} stored", what(outcome), size(outcome.stored_bytes)))?;
    }
    if let Some(pushed) = &outcome.pushed {
        let (versions, bytes) = sent(pushed);
        ui.report(&format!(
            "  {} pushed to {}, {}: {}",
            plural(versions, "version", "versions"),
            pushed.remote,
            pushed.url,
            size(bytes)
        ))?;
    }
    Ok(())
}

fn what(outcome: &sync::Outcome) -> String {
    if outcome.totals.is_empty() {
        plural(outcome.changes.len() as u64, "empty folder", "empty folders")
    } else {
        sums_text(&outcome.totals)
    }
}
