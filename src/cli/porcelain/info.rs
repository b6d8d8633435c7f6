//! `dsv info`

use std::io;

use serde::Serialize;

use super::views::SHORT;
use crate::cli::Answer;
use crate::cli::args::look::Info;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, count, plural, ratio, size};
use crate::model::Totals;
use crate::plumbing::usage::Usage;
use crate::porcelain::info::{self, Outcome};

/// What something holds and what it costs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Costs {
    files: u64,
    logical_bytes: u64,
    unique_bytes: u64,
    stored_bytes: u64,
    metadata_bytes: u64,
    deduplication_ratio: Option<f64>,
    compression_ratio: Option<f64>,
}

impl Costs {
    fn new(totals: Totals, usage: &Usage) -> Self {
        let (raw, stored) = (usage.data.raw_bytes, usage.data.stored_bytes);
        Self {
            files: totals.files,
            logical_bytes: totals.bytes,
            unique_bytes: raw,
            stored_bytes: stored + usage.metadata.stored_bytes,
            metadata_bytes: usage.metadata.stored_bytes,
            deduplication_ratio: info::ratio(totals.bytes, raw),
            compression_ratio: info::ratio(raw, stored),
        }
    }
}

#[derive(Serialize)]
struct Document {
    version: Option<VersionPart>,
    history: HistoryPart,
    store: StorePart,
}

#[derive(Serialize)]
struct VersionPart {
    id: String,
    dataset: String,
    label: String,
    #[serde(flatten)]
    costs: Costs,
}

#[derive(Serialize)]
struct HistoryPart {
    datasets: u64,
    versions: u64,
    #[serde(flatten)]
    costs: Costs,
}

#[derive(Serialize)]
struct StorePart {
    files: u64,
    bytes: u64,
    packs: u64,
    pack_bytes: u64,
    indexes: u64,
    index_bytes: u64,
}

/// Runs it.
pub(crate) fn run(args: &Info, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let version = args.revision.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let options = info::Options { version };
    let outcome = session.monitored(|monitor| info::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else {
        render(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn document(outcome: &Outcome) -> Document {
    let store = &outcome.store;
    let (all, history) = (outcome.store_files(), &outcome.history);
    Document {
        version: outcome.version.as_ref().map(|version| VersionPart {
            id: version.id.to_string(),
            dataset: version.version.dataset.to_string(),
            label: version.version.label.to_string(),
            costs: Costs::new(version.version.totals, &version.usage),
        }),
        history: HistoryPart {
            datasets: history.datasets,
            versions: history.versions,
            costs: Costs::new(history.totals, &history.usage),
        },
        store: StorePart {
            files: all.files,
            bytes: all.bytes,
            packs: store.packs.files,
            pack_bytes: store.packs.bytes,
            indexes: store.indexes.files,
            index_bytes: store.indexes.bytes,
        },
    }
}

fn render(outcome: &Outcome, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let (name, id) = (palette.name, palette.id);
    let plain = anstyle::Style::new();
    let history = &outcome.history;
    let mut columns = Vec::new();
    if let Some(version) = &outcome.version {
        let label = version.version.full_label();
        writeln!(out, "{name}{label}{name:#}  {id}{}{id:#}\n", version.id.short(SHORT))?;
        columns.push(("this version", Costs::new(version.version.totals, &version.usage)));
    }
    columns.push(("all versions", Costs::new(history.totals, &history.usage)));
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right], 0);
    let titles = columns.iter().map(|(title, _)| ((*title).to_owned(), palette.heading));
    table.row(std::iter::once((String::new(), plain)).chain(titles));
    type Value = fn(&Costs) -> String;
    let rows: [(&str, Value); 8] = [
        ("files", |costs| count(costs.files)),
        ("logical size", |costs| size(costs.logical_bytes)),
        ("unique", |costs| size(costs.unique_bytes)),
        ("stored", |costs| size(costs.stored_bytes)),
        ("of that, trees and manifests", |costs| size(costs.metadata_bytes)),
        ("deduplication", |costs| ratio(costs.logical_bytes, costs.unique_bytes)),
        ("compression", |costs| ratio(costs.unique_bytes, costs.stored_bytes - costs.metadata_bytes)),
        ("together", |costs| ratio(costs.logical_bytes, costs.stored_bytes)),
    ];
    for (title, value) in rows {
        let values = columns.iter().map(|(_, costs)| (value(costs), plain));
        table.row(std::iter::once((title.to_owned(), plain)).chain(values));
    }
    table.write(out)?;
    let store = outcome.store_files();
    writeln!(
        out,
        "\n{} in {}; the store has {} in {}",
        plural(history.versions, "version", "versions"),
        plural(history.datasets, "dataset", "datasets"),
        size(store.bytes),
        plural(store.files, "file", "files"),
    )
}
