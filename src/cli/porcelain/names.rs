//! `dsv branch`, `dsv tag`

use std::io;

use anstyle::Style;
use serde::Serialize;

use super::views::{SHORT, SummaryDocument};
use crate::cli::Answer;
use crate::cli::args::datasets::Untag;
use crate::cli::args::look::{Branch, Tag};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, plural, tame};
use crate::model::{DatasetName, TagName, VersionId};
use crate::porcelain::{Repository, VersionSummary, branch, tag};

#[derive(Serialize)]
struct DatasetLine<'a> {
    name: &'a DatasetName,
    current: bool,
    newest: Option<SummaryDocument>,
}

#[derive(Serialize)]
struct BranchDocument<'a> {
    action: &'static str,
    name: &'a DatasetName,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a DatasetName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

/// Runs `dsv branch`.
pub(crate) fn branch(args: &Branch, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = branch_options(args, &repository)?;
    let outcome = session.monitored(|monitor| branch::run(&repository, &options, monitor))?;
    if args.json.json {
        branch_json(&outcome, &mut session.ui)?;
    } else {
        branch_text(&outcome, args.dry_run, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn branch_options(args: &Branch, repository: &Repository) -> Result<branch::Options, Failure> {
    let Some(name) = args.name.as_deref().map(DatasetName::new).transpose()? else {
        return Ok(branch::Options::List);
    };
    let second = args.start.as_deref();
    Ok(match second {
        _ if args.delete => branch::Options::Delete { name, force: args.force, dry_run: args.dry_run },
        Some(to) if args.rename => branch::Options::Rename { from: name, to: DatasetName::new(to)? },
        second => {
            let at = second.map(|text| repository.resolve_version(text)).transpose()?;
            branch::Options::Create { name, at, force: args.force }
        }
    })
}

fn branch_json(outcome: &branch::Outcome, ui: &mut Ui) -> io::Result<()> {
    let id = |id: &VersionId| id.to_string();
    let document = match outcome {
        branch::Outcome::List(list) => {
            let lines: Vec<DatasetLine<'_>> = list
                .datasets
                .iter()
                .map(|dataset| DatasetLine {
                    name: &dataset.name,
                    current: dataset.current,
                    newest: dataset.newest.as_ref().map(SummaryDocument::from),
                })
                .collect();
            return ui.json(&lines);
        }
        branch::Outcome::Set { name, before, now } => BranchDocument {
            action: if before.is_some() { "moved" } else { "created" },
            name,
            from: None,
            version: Some(id(now)),
            before: before.as_ref().map(id),
        },
        branch::Outcome::Deleted { name, was, .. } => BranchDocument {
            action: "deleted",
            name,
            from: None,
            version: None,
            before: was.as_ref().map(id),
        },
        branch::Outcome::Renamed { from, to, .. } => {
            BranchDocument { action: "renamed", name: to, from: Some(from), version: None, before: None }
        }
    };
    ui.json(&document)
}

fn branch_text(outcome: &branch::Outcome, dry_run: bool, ui: &mut Ui) -> io::Result<()> {
    let short = |id: &VersionId| id.short(SHORT);
    match outcome {
        branch::Outcome::List(list) => {
            let (out, palette) = ui.out_and_palette();
            let mut table = Table::new(&[Align::Left; 5], 0);
            for dataset in &list.datasets {
                let style = if dataset.current { palette.added } else { Style::new() };
                let mark = if dataset.current { "*" } else { " " };
                let first = [(mark.to_owned(), style), (dataset.name.to_string(), style)];
                let rest = match &dataset.newest {
                    Some(newest) => vec![
                        (label_of(&dataset.name, newest), palette.name),
                        (short(&newest.id), palette.id),
                        (tame(&newest.subject).into_owned(), Style::new()),
                    ],
                    None => vec![("no version yet".to_owned(), palette.dim)],
                };
                table.row(first.into_iter().chain(rest));
            }
            table.write(out)
        }
        branch::Outcome::Set { name, before: None, now } => {
            ui.report(&format!("Made the dataset {name} at {}", short(now)))
        }
        branch::Outcome::Set { name, before: Some(before), now } => {
            ui.report(&format!("Moved the dataset {name} from {} to {}", short(before), short(now)))
        }
        branch::Outcome::Deleted { name, was, lost } => {
            let was = was.as_ref().map_or_else(String::new, |was| format!(", which was at {}", short(was)));
            let verb = if dry_run { "Would delete" } else { "Deleted" };
            ui.report(&format!("{verb} the dataset {name}{was}"))?;
            if let Some(lost) = lost.filter(|lost| *lost > 0) {
                let versions = plural(lost, "version is", "versions are");
                ui.hint(&format!("{versions} found by id only now, until dsv gc removes what is old"));
            }
            Ok(())
        }
        branch::Outcome::Renamed { from, to, .. } => {
            ui.report(&format!("Renamed the dataset {from} to {to}"))
        }
    }
}

/// The label; of a version that was made for another dataset, with that one's name, by which alone it is found.
fn label_of(dataset: &DatasetName, newest: &VersionSummary) -> String {
    if newest.dataset == *dataset {
        newest.label.to_string()
    } else {
        format!("{}@{}", newest.dataset, newest.label)
    }
}

#[derive(Serialize)]
struct TagLine<'a> {
    tag: &'a TagName,
    versions: Vec<SummaryDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent: Vec<String>,
}

impl<'a> From<&'a tag::Tag> for TagLine<'a> {
    fn from(tag: &'a tag::Tag) -> Self {
        Self {
            tag: &tag.name,
            versions: tag.versions.iter().map(SummaryDocument::from).collect(),
            absent: tag.absent.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Serialize)]
struct TagDocument<'a> {
    action: &'static str,
    tag: &'a TagName,
    versions: Vec<String>,
}

/// Runs `dsv tag`.
pub(crate) fn tag(args: &Tag, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let version = args.revision.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let name = args.name.as_deref().map(TagName::new).transpose()?;
    let options = match name {
        Some(tag) if args.delete => tag::Options::Delete { tag, version, dry_run: args.dry_run },
        Some(tag) if !args.list => tag::Options::Add { tag, version },
        tag => tag::Options::List { tag, version },
    };
    let outcome = session.monitored(|monitor| tag::run(&repository, &options, monitor))?;
    if args.json.json {
        tag_json(&outcome, &mut session.ui)?;
    } else {
        tag_text(&outcome, args.dry_run, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

/// Runs `dsv untag`.
pub(crate) fn untag(args: &Untag, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let version = args.revision.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let tag = TagName::new(args.name.as_str())?;
    let options = tag::Options::Delete { tag, version, dry_run: args.dry_run };
    let outcome = session.monitored(|monitor| tag::run(&repository, &options, monitor))?;
    if args.json.json {
        tag_json(&outcome, &mut session.ui)?;
    } else {
        tag_text(&outcome, args.dry_run, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn tag_json(outcome: &tag::Outcome, ui: &mut Ui) -> io::Result<()> {
    let document = match outcome {
        tag::Outcome::List(tags) => {
            return ui.json(&tags.iter().map(TagLine::from).collect::<Vec<_>>());
        }
        tag::Outcome::Added { tag, version, new } => TagDocument {
            action: if *new { "added" } else { "unchanged" },
            tag,
            versions: vec![version.id.to_string()],
        },
        tag::Outcome::Deleted { tag, versions } => TagDocument {
            action: "deleted",
            tag,
            versions: versions.iter().map(ToString::to_string).collect(),
        },
    };
    ui.json(&document)
}

fn tag_text(outcome: &tag::Outcome, dry_run: bool, ui: &mut Ui) -> io::Result<()> {
    let full = |version: &VersionSummary| format!("{}@{}", version.dataset, version.label);
    match outcome {
        tag::Outcome::List(tags) => {
            let (out, palette) = ui.out_and_palette();
            let mut table = Table::new(&[Align::Left; 4], 0);
            for tag in tags {
                for (number, version) in tag.versions.iter().enumerate() {
                    let name = if number == 0 { tag.name.to_string() } else { String::new() };
                    table.row([
                        (name, palette.name),
                        (full(version), Style::new()),
                        (version.id.short(SHORT), palette.id),
                        (tame(&version.subject).into_owned(), Style::new()),
                    ]);
                }
                if tag.versions.is_empty() {
                    table.row([
                        (tag.name.to_string(), palette.name),
                        ("its version is not in this repository".to_owned(), palette.dim),
                    ]);
                }
            }
            table.write(out)
        }
        tag::Outcome::Added { tag, version, new } => {
            let verb = if *new { "Tagged" } else { "Already tagged:" };
            ui.report(&format!("{verb} {}  {}  {tag}", full(version), version.id.short(SHORT)))
        }
        tag::Outcome::Deleted { tag, versions } => {
            let from = plural(versions.len() as u64, "version", "versions");
            let verb = if dry_run { "Would remove" } else { "Removed" };
            ui.report(&format!("{verb} the tag {tag} from {from}"))
        }
    }
}
