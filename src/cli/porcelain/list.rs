//! `dsv list`

use std::io;

use anstyle::Style;
use serde::Serialize;

use super::drafts::DraftDocument;
use super::views::{SHORT, SummaryDocument};
use crate::cli::Answer;
use crate::cli::args::datasets::List;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, count, plural, size, tame};
use crate::model::{RemoteName, Upload, VersionState};
use crate::porcelain::list::{self, Row};

/// The remote of an option that may stand without a value.
///
/// # Errors
/// When the name breaks a rule.
pub(super) fn remote_option(
    remote: &Option<Option<String>>,
) -> Result<Option<Option<RemoteName>>, crate::model::NameError> {
    let name = |name: &Option<String>| name.as_deref().map(RemoteName::new).transpose();
    remote.as_ref().map(name).transpose()
}

#[derive(Serialize)]
struct Document<'a> {
    datasets: Vec<Line<'a>>,
    drafts: Vec<DraftDocument>,
    uploads: Vec<UploadLine<'a>>,
    unfinished: Vec<UnfinishedLine>,
    archived: u64,
}

#[derive(Serialize)]
struct UnfinishedLine {
    remote: String,
    version: String,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    current: bool,
    versions: u64,
    newest: Option<SummaryDocument>,
    state: &'static str,
    archived: bool,
    tags: Vec<&'a str>,
    description: Option<&'a str>,
    changed: Option<String>,
}

#[derive(Serialize)]
struct UploadLine<'a> {
    dataset: &'a str,
    label: String,
    state: &'static str,
    reason: Option<&'a str>,
    sent: u64,
    to_send: u64,
    who: &'a str,
}

impl<'a> From<&'a Row> for Line<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            name: row.name.as_str(),
            current: row.current,
            versions: row.versions,
            newest: row.newest.as_ref().map(SummaryDocument::from),
            state: row.state.as_str(),
            archived: row.archived,
            tags: row.tags.iter().map(crate::model::TagName::as_str).collect(),
            description: row.description.as_deref(),
            changed: row.changed.map(|time| time.to_string()),
        }
    }
}

impl<'a> From<&'a Upload> for UploadLine<'a> {
    fn from(upload: &'a Upload) -> Self {
        Self {
            dataset: upload.dataset.as_str(),
            label: upload.label.to_string(),
            state: upload.state.as_str(),
            reason: upload.reason.as_deref(),
            sent: upload.sent,
            to_send: upload.to_send,
            who: &upload.who,
        }
    }
}

/// Runs it.
pub(crate) fn run(args: &List, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options =
        list::Options { pattern: args.pattern.clone(), all: args.all, remote: remote_option(&args.remote)? };
    let outcome = session.monitored(|monitor| list::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Document {
            datasets: outcome.datasets.iter().map(Line::from).collect(),
            drafts: outcome.drafts.iter().map(DraftDocument::from).collect(),
            uploads: outcome.uploads.iter().map(UploadLine::from).collect(),
            unfinished: outcome
                .unfinished
                .iter()
                .map(|(remote, version)| UnfinishedLine {
                    remote: remote.to_string(),
                    version: version.to_string(),
                })
                .collect(),
            archived: outcome.archived,
        })?;
    } else {
        render(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn render(outcome: &list::Outcome, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let plain = Style::new();
    let mut table = Table::new(
        &[
            Align::Left,
            Align::Right,
            Align::Left,
            Align::Right,
            Align::Right,
            Align::Left,
            Align::Left,
            Align::Left,
        ],
        0,
    );
    if !outcome.datasets.is_empty() || !outcome.drafts.is_empty() || !outcome.uploads.is_empty() {
        let titles = ["DATASET", "VERSIONS", "NEWEST", "FILES", "SIZE", "STATE", "CHANGED", "TAGS"];
        table.row(titles.map(|title| (title.to_owned(), palette.heading)));
    }
    for row in &outcome.datasets {
        let name = if row.current { palette.added } else { palette.name };
        let state = if row.archived { "archived".to_owned() } else { row.state.to_string() };
        let (label, files, bytes) = match &row.newest {
            Some(newest) if newest.dataset == row.name || row.versions > 0 => {
                (newest.label.to_string(), count(newest.totals.files), size(newest.totals.bytes))
            }
            Some(newest) => (
                format!("{}@{}", newest.dataset, newest.label),
                count(newest.totals.files),
                size(newest.totals.bytes),
            ),
            None => ("?".to_owned(), "?".to_owned(), "?".to_owned()),
        };
        let tags: Vec<&str> = row.tags.iter().map(crate::model::TagName::as_str).collect();
        table.row([
            (row.name.to_string(), name),
            (count(row.versions), plain),
            (label, plain),
            (files, plain),
            (bytes, plain),
            (state.clone(), state_style(row, palette)),
            (row.changed.map_or_else(String::new, crate::model::Time::to_minute), plain),
            (tags.join(", "), palette.name),
        ]);
    }
    for draft in &outcome.drafts {
        let state = VersionState::from(draft.state);
        let state = if draft.staged.is_none() { format!("{state} (open)") } else { state.to_string() };
        let label = draft.label.as_ref().map_or_else(|| "draft".to_owned(), |label| format!("draft {label}"));
        table.row([
            (draft.dataset.to_string(), palette.name),
            (String::new(), plain),
            (label, plain),
            (String::new(), plain),
            (String::new(), plain),
            (state, palette.changed),
            (draft.time.to_minute(), plain),
            (String::new(), plain),
        ]);
    }
    for upload in &outcome.uploads {
        table.row([
            (upload.dataset.to_string(), palette.name),
            (String::new(), plain),
            (upload.label.to_string(), plain),
            (count(upload.files), plain),
            (size(upload.bytes), plain),
            (upload.state.as_str().to_owned(), palette.changed),
            (upload.time.to_minute(), plain),
            (tame(&format!("by {}", upload.who)).into_owned(), palette.dim),
        ]);
    }
    table.write(out)?;
    if outcome.datasets.is_empty() && outcome.drafts.is_empty() && outcome.uploads.is_empty() {
        ui.report("No dataset")?;
    }
    for (remote, version) in &outcome.unfinished {
        let id = ui.palette.id;
        ui.report(&format!("The upload of {id}{}{id:#} to {remote} has not ended", version.short(SHORT)))?;
    }
    if outcome.archived > 0 {
        let datasets = plural(outcome.archived, "archived dataset", "archived datasets");
        ui.hint(&format!("{datasets} left out; dsv list --all shows all"));
    }
    Ok(())
}

fn state_style(row: &Row, palette: &crate::cli::ui::Palette) -> Style {
    match row.state {
        _ if row.archived => palette.dim,
        VersionState::Published => palette.added,
        VersionState::Final => Style::new(),
        VersionState::Uploading | VersionState::Failed | VersionState::Aborted | VersionState::Deleted => {
            palette.changed
        }
    }
}
