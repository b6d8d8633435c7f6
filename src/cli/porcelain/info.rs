//! `dsv info`

use std::io;

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::look::Info;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, count, plural, ratio, size};
use crate::plumbing::usage::Usage;
use crate::porcelain::info;

#[derive(Serialize)]
struct Document {
    version: Option<VersionPart>,
    datasets: u64,
    versions: u64,
    all: Part,
    packs: u64,
    indexes: u64,
    store_bytes: u64,
}

#[derive(Serialize)]
struct VersionPart {
    id: String,
    label: String,
    #[serde(flatten)]
    part: Part,
}

#[derive(Serialize)]
struct Part {
    files: u64,
    logical_bytes: u64,
    unique_bytes: u64,
    stored_bytes: u64,
    metadata_bytes: u64,
}

fn part(totals: crate::model::Totals, usage: &Usage) -> Part {
    Part {
        files: totals.files,
        logical_bytes: totals.bytes,
        unique_bytes: usage.data.raw_bytes,
        stored_bytes: usage.data.stored_bytes + usage.metadata.stored_bytes,
        metadata_bytes: usage.metadata.stored_bytes,
    }
}

/// Runs it.
pub(crate) fn run(args: &Info, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let version = args.revision.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let outcome = session.monitored(|monitor| info::run(&repository, &info::Options { version }, monitor))?;
    let document = document(&outcome);
    if args.json.json {
        session.ui.json(&document)?
    } else {
        render(&document, &mut session.ui)?
    }
    Ok(Answer::Yes)
}

fn document(outcome: &info::Outcome) -> Document {
    let version = outcome.version.as_ref().map(|info| VersionPart {
        id: info.id.to_string(),
        label: info.version.full_label(),
        part: part(info.version.totals, &info.usage),
    });
    Document {
        version,
        datasets: outcome.history.datasets,
        versions: outcome.history.versions,
        all: part(outcome.history.totals, &outcome.history.usage),
        packs: outcome.store.packs.files,
        indexes: outcome.store.indexes.files,
        store_bytes: outcome.store_files().bytes,
    }
}

fn render(document: &Document, ui: &mut Ui) -> io::Result<()> {
    let heading = ui.palette.heading;
    let plain = anstyle::Style::new();
    let mut table =
        Table::new(&[Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right], 0);
    let titles = ["", "files", "logical", "stored", "deduplication", "compression"];
    table.row(titles.map(|title| (title.to_owned(), heading)));
    let row = |name: String, part: &Part| {
        [
            name,
            count(part.files),
            size(part.logical_bytes),
            size(part.stored_bytes),
            ratio(part.logical_bytes, part.unique_bytes),
            ratio(part.unique_bytes, part.stored_bytes),
        ]
        .map(|cell| (cell, plain))
    };
    if let Some(version) = &document.version {
        table.row(row(version.label.clone(), &version.part));
    }
    let all = format!(
        "{} in {}",
        plural(document.versions, "version", "versions"),
        plural(document.datasets, "dataset", "datasets")
    );
    table.row(row(all, &document.all));
    table.write(ui.out())?;
    ui.report(&format!(
        "{} and {} on disk, {}",
        plural(document.packs, "pack", "packs"),
        plural(document.indexes, "index", "indexes"),
        size(document.store_bytes)
    ))
}
