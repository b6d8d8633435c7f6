//! `dsv commit`

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::views::{Sums, sums_text};
use crate::cli::Answer;
use crate::cli::args::change::Commit;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Ui, plural, size, tame};
use crate::model::{Totals, VersionId};
use crate::porcelain::UNKNOWN_USER;
use crate::porcelain::commit::{self, LabelChoice};

#[derive(Serialize)]
struct Document {
    id: String,
    dataset: String,
    label: String,
    parents: Vec<String>,
    files: u64,
    bytes: u64,
    #[serde(flatten)]
    changes: Sums,
    stored_bytes: u64,
}

/// Runs it.
pub(crate) fn run(args: &Commit, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let label = label_choice(args.label.as_deref(), args.major, args.minor)?;
    let metadata =
        args.metadata.iter().map(|text| crate::cli::metadata(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let options = commit::Options { message: args.message.clone(), all: args.all, label, metadata };
    let outcome = session.monitored(|monitor| commit::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else {
        render(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

/// The label that a person wants.
pub(super) fn label_choice(label: Option<&str>, major: bool, minor: bool) -> Result<LabelChoice, Failure> {
    Ok(match label {
        Some(label) => LabelChoice::Exactly(label.parse()?),
        None if major => LabelChoice::Major,
        None if minor => LabelChoice::Minor,
        None => LabelChoice::Patch,
    })
}

fn document(outcome: &commit::Outcome) -> Document {
    let commit::Outcome { id, version, changes, stored_bytes } = outcome;
    Document {
        id: id.to_string(),
        dataset: version.dataset.to_string(),
        label: version.label.to_string(),
        parents: version.parents.iter().map(VersionId::to_string).collect(),
        files: version.totals.files,
        bytes: version.totals.bytes,
        changes: Sums::from(changes),
        stored_bytes: *stored_bytes,
    }
}

fn render(outcome: &commit::Outcome, ui: &mut Ui) -> io::Result<()> {
    let (name, id) = (ui.palette.name, ui.palette.id);
    let version = &outcome.version;
    ui.report(&format!(
        "{name}{}{name:#}  {id}{}{id:#}  {}",
        version.full_label(),
        outcome.id.short(12),
        tame(version.subject())
    ))?;
    ui.report(&format!("  {}", sums_text(&outcome.changes)))?;
    let Totals { files, bytes } = version.totals;
    ui.report(&format!(
        "  {} in all, {}; {} stored for this version",
        plural(files, "file", "files"),
        size(bytes),
        size(outcome.stored_bytes)
    ))?;
    if version.author.name == UNKNOWN_USER {
        ui.hint("the version names no author; dsv config --global user.name NAME says who you are");
    }
    Ok(())
}
