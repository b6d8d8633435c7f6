//! `dsv clone`, `dsv fetch`, `dsv pull`, `dsv push`, `dsv ls-remote`

use std::io;
use std::path::Path;

use anstyle::Style;
use serde::Serialize;

use super::remotes::{config, name};
use super::views::SHORT;
use crate::cli::Answer;
use crate::cli::args::remotes::{Clone, Fetch, LsRemote, Pull, Push};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, plural, size, tame};
use crate::model::{DatasetName, UploadState, VersionId};
use crate::plumbing::checkout::CheckoutStats;
use crate::porcelain::checkout::Wanted;
use crate::porcelain::fetch::Fetched;
use crate::porcelain::push::Pushed;
use crate::porcelain::sync_events::BroughtEvents;
use crate::porcelain::{clone, fetch, ls_remote, merge, pull, push};

#[derive(Serialize)]
struct FetchedLine<'a> {
    dataset: &'a DatasetName,
    before: Option<String>,
    version: Option<String>,
    versions: u64,
    records: u64,
    bytes: u64,
}

impl<'a> FetchedLine<'a> {
    fn new(fetched: &'a Fetched) -> Self {
        Self {
            dataset: &fetched.dataset,
            before: id(fetched.before.as_ref()),
            version: id(fetched.now.as_ref()),
            versions: fetched.brought.versions,
            records: fetched.brought.records,
            bytes: fetched.brought.bytes,
        }
    }
}

#[derive(Serialize)]
struct PushedLine<'a> {
    dataset: &'a DatasetName,
    version: String,
    moved: bool,
    number: u64,
    versions: u64,
    records: u64,
    packs: u64,
    bytes: u64,
    requests: u64,
}

#[derive(Serialize)]
struct CloneDocument<'a> {
    root: &'a Path,
    url: &'a str,
    fetched: FetchedLine<'a>,
    requests: u64,
    files_written: Option<u64>,
}

#[derive(Serialize)]
struct PullDocument<'a> {
    remote: &'a str,
    fetched: FetchedLine<'a>,
    moved: bool,
    files_written: u64,
    files_removed: u64,
    requests: u64,
    /// What was merged, where that was wished and needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    merge: Option<super::merge::Document>,
}

#[derive(Serialize)]
struct LsRemoteDocument<'a> {
    url: &'a str,
    datasets: Vec<RemoteDataset<'a>>,
    uploads: Vec<UploadLine<'a>>,
}

#[derive(Serialize)]
struct RemoteDataset<'a> {
    dataset: &'a DatasetName,
    version: Option<String>,
    number: u64,
    who: &'a str,
    time: String,
}

#[derive(Serialize)]
struct UploadLine<'a> {
    dataset: &'a DatasetName,
    label: String,
    version: String,
    state: &'static str,
    reason: Option<&'a str>,
    files: u64,
    bytes: u64,
    to_send: u64,
    sent: u64,
    who: &'a str,
    host: &'a str,
    time: String,
}

fn id(id: Option<&VersionId>) -> Option<String> {
    id.map(ToString::to_string)
}

fn datasets(texts: &[String]) -> Result<Vec<DatasetName>, Failure> {
    Ok(texts.iter().map(|text| DatasetName::new(text.as_str())).collect::<Result<_, _>>()?)
}

/// What was brought for one dataset, for a person.
fn fetched_text(fetched: &Fetched, remote: &str, full: bool) -> String {
    let Fetched { dataset, before, now, brought } = fetched;
    match (before, now) {
        (_, None) => format!("{dataset} was removed there"),
        (Some(before), Some(now)) if before == now && !full => format!("{remote}/{dataset} is up to date"),
        (_, Some(now)) => format!(
            "{remote}/{dataset} is at {}: {} fetched, {} in {}",
            now.short(SHORT),
            plural(brought.versions, "version", "versions"),
            size(brought.bytes),
            plural(brought.records, "record", "records"),
        ),
    }
}

/// Runs `dsv clone`.
pub(crate) fn clone(args: &Clone, session: &mut Session) -> Result<Answer, Failure> {
    let options = clone::Options {
        remote: config(&args.url, &args.reach),
        dir: args.dir.clone(),
        dataset: args.dataset.as_deref().map(DatasetName::new).transpose()?,
        no_checkout: args.no_checkout,
        partial: (args.no_data || !args.filter.is_empty()).then(|| Wanted { patterns: args.filter.clone() }),
    };
    let environment = session.environment();
    let outcome = session.monitored(|monitor| clone::run(&environment, &options, monitor))?;
    if args.json.json {
        session.ui.json(&CloneDocument {
            root: &outcome.root,
            url: &outcome.url,
            fetched: FetchedLine::new(&outcome.fetched),
            requests: outcome.requests,
            files_written: outcome.stats.as_ref().map(|stats| stats.written),
        })?;
        return Ok(Answer::Yes);
    }
    let ui = &mut session.ui;
    ui.report(&format!(
        "Cloned {} from {} into {}",
        outcome.fetched.dataset,
        outcome.url,
        outcome.root.display()
    ))?;
    ui.report(&format!("  {}", fetched_text(&outcome.fetched, crate::porcelain::remotes::ORIGIN, false)))?;
    events(&outcome.events, ui)?;
    match &outcome.stats {
        Some(stats) => {
            ui.report(&format!("  {}", stats_text(stats)))?;
            if options.partial.is_some() {
                ui.hint("what is not there is fetched when it is needed; dsv pull PATH checks it out");
            }
        }
        None => ui.hint("check a version out with dsv pull, or dsv checkout origin/DATASET"),
    }
    Ok(Answer::Yes)
}

/// What of the events of a remote came, for a person.
fn events(events: &BroughtEvents, ui: &mut Ui) -> io::Result<()> {
    events.skipped.iter().for_each(|skipped| ui.warn(&tame(skipped)));
    if events.new > 0 {
        ui.report(&format!("  {} fetched", plural(events.new, "event", "events")))?;
    }
    Ok(())
}

fn stats_text(stats: &CheckoutStats) -> String {
    let mut text = format!("{} written ({})", plural(stats.written, "file", "files"), size(stats.bytes));
    if stats.removed > 0 {
        text.push_str(&format!(", {} removed", plural(stats.removed, "file", "files")));
    }
    text
}

/// Runs `dsv fetch`.
pub(crate) fn fetch(args: &Fetch, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = fetch::Options {
        remote: name(args.remote.as_deref())?,
        datasets: datasets(&args.datasets)?,
        full: args.full,
    };
    let outcome = session.monitored(|monitor| fetch::run(&repository, &options, monitor))?;
    if args.json.json {
        let lines: Vec<_> = outcome.datasets.iter().map(FetchedLine::new).collect();
        session.ui.json(&lines)?;
        return Ok(Answer::Yes);
    }
    if outcome.datasets.is_empty() {
        session.ui.report(&format!("The remote {} has no dataset", outcome.remote))?;
    }
    for fetched in &outcome.datasets {
        session.ui.report(&fetched_text(fetched, outcome.remote.as_str(), args.full))?;
    }
    events(&outcome.events, &mut session.ui)?;
    if args.full && outcome.on_demand {
        session.ui.hint(&format!(
            "some of what this repository refers to is still fetched from {} when it is needed",
            outcome.remote
        ));
    }
    Ok(Answer::Yes)
}

/// Runs `dsv pull`.
pub(crate) fn pull(args: &Pull, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options =
        pull::Options { remote: name(args.remote.as_deref())?, merge: args.merge, paths: args.paths.clone() };
    let outcome = session.monitored(|monitor| pull::run(&repository, &options, monitor))?;
    let stats = match &outcome.step {
        pull::Step::Forward { stats, .. } => Some(stats),
        pull::Step::Merged(merged) => Some(&merged.stats),
        pull::Step::Nothing => None,
    };
    let merged = match &outcome.step {
        pull::Step::Merged(merged) => Some(&**merged),
        _ => None,
    };
    let answer = if merged.is_some_and(merge::Outcome::has_conflicts) { Answer::No } else { Answer::Yes };
    if args.json.json {
        session.ui.json(&PullDocument {
            remote: outcome.remote.as_str(),
            fetched: FetchedLine::new(&outcome.fetched),
            moved: stats.is_some(),
            files_written: stats.map_or(0, |stats| stats.written) + outcome.brought.written,
            files_removed: stats.map_or(0, |stats| stats.removed),
            requests: outcome.requests,
            merge: merged.map(super::merge::document),
        })?;
        return Ok(answer);
    }
    let dataset = &outcome.dataset;
    match &outcome.step {
        pull::Step::Nothing => {
            session.ui.report(&format!("{dataset} is up to date with {}", outcome.remote))?
        }
        pull::Step::Forward { from, to, stats } => {
            let from = from.as_ref().map_or_else(|| "nothing".to_owned(), |id| id.short(SHORT));
            session.ui.report(&format!("{dataset} went from {from} to {}", to.short(SHORT)))?;
            session.ui.report(&format!("  {}", stats_text(stats)))?;
        }
        pull::Step::Merged(merged) => _ = super::merge::tell(std::slice::from_ref(merged), false, session)?,
    }
    events(&outcome.events, &mut session.ui)?;
    if !args.paths.is_empty() {
        session.ui.report(&format!("  checked out besides: {}", stats_text(&outcome.brought)))?;
    }
    Ok(answer)
}

/// Runs `dsv push`.
pub(crate) fn push(args: &Push, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = push::Options {
        remote: name(args.remote.as_deref())?,
        datasets: datasets(&args.datasets)?,
        all: args.all,
        rebase: args.rebase,
        force_with_lease: args.force_with_lease,
    };
    let outcome = session.monitored(|monitor| push::run(&repository, &options, monitor))?;
    if args.json.json {
        let lines: Vec<PushedLine<'_>> = outcome
            .datasets
            .iter()
            .map(|Pushed { dataset, version, sent, .. }| PushedLine {
                dataset,
                version: version.to_string(),
                moved: sent.moved,
                number: sent.entry.number,
                versions: sent.versions,
                records: sent.records,
                packs: sent.packs,
                bytes: sent.bytes,
                requests: outcome.requests,
            })
            .collect();
        session.ui.json(&lines)?;
        return Ok(Answer::Yes);
    }
    for Pushed { dataset, version, sent, .. } in &outcome.datasets {
        if sent.moved {
            session.ui.report(&format!(
                "{dataset} is at {} on {}, {}: {} sent, {} in {}",
                version.short(SHORT),
                outcome.remote,
                outcome.url,
                plural(sent.versions, "version", "versions"),
                size(sent.bytes),
                plural(sent.packs, "pack", "packs"),
            ))?;
        } else {
            session.ui.report(&format!("{dataset} is up to date on {}, {}", outcome.remote, outcome.url))?;
        }
    }
    if outcome.events > 0 {
        session.ui.report(&format!("  {} sent", plural(outcome.events, "event", "events")))?;
    }
    Ok(Answer::Yes)
}

/// Runs `dsv ls-remote`.
pub(crate) fn ls_remote(args: &LsRemote, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options =
        ls_remote::Options { remote: name(args.remote.as_deref())?, datasets: datasets(&args.datasets)? };
    let outcome = session.monitored(|monitor| ls_remote::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&ls_remote_document(&outcome))?;
    } else {
        ls_remote_text(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn ls_remote_document(outcome: &ls_remote::Outcome) -> LsRemoteDocument<'_> {
    let datasets = outcome.datasets.iter().map(|entry| RemoteDataset {
        dataset: &entry.dataset,
        version: id(entry.version.as_ref()),
        number: entry.number,
        who: &entry.who,
        time: entry.time.to_string(),
    });
    let uploads = outcome.uploads.iter().map(|upload| UploadLine {
        dataset: &upload.dataset,
        label: upload.label.to_string(),
        version: upload.version.to_string(),
        state: upload.state.as_str(),
        reason: upload.reason.as_deref(),
        files: upload.files,
        bytes: upload.bytes,
        to_send: upload.to_send,
        sent: upload.sent,
        who: &upload.who,
        host: &upload.host,
        time: upload.time.to_string(),
    });
    LsRemoteDocument { url: &outcome.url, datasets: datasets.collect(), uploads: uploads.collect() }
}

fn ls_remote_text(outcome: &ls_remote::Outcome, ui: &mut Ui) -> io::Result<()> {
    if outcome.datasets.is_empty() {
        ui.talk(&format!("{} has no dataset", outcome.url));
    }
    let (out, palette) = ui.out_and_palette();
    let mut table = Table::new(&[Align::Left; 4], 0);
    for entry in &outcome.datasets {
        let version = entry.version.as_ref().map_or_else(String::new, |id| id.short(SHORT));
        table.row([
            (entry.dataset.to_string(), palette.name),
            (version, palette.id),
            (entry.time.to_human(), palette.dim),
            (entry.who.clone(), Style::new()),
        ]);
    }
    table.write(out)?;
    if outcome.uploads.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nOn their way")?;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Right, Align::Right, Align::Left], 2);
    for upload in &outcome.uploads {
        let style = match upload.state {
            UploadState::Failed | UploadState::Aborted => palette.removed,
            UploadState::Uploading | UploadState::Final => palette.changed,
        };
        let about = match &upload.reason {
            Some(reason) => format!("{} on {}: {reason}", upload.who, upload.host),
            None => format!("{} on {}", upload.who, upload.host),
        };
        table.row([
            (upload.state.as_str().to_owned(), style),
            (format!("{}@{}", upload.dataset, upload.label), palette.name),
            (plural(upload.files, "file", "files"), Style::new()),
            (size(upload.bytes), Style::new()),
            (about, Style::new()),
        ]);
    }
    table.write(out)
}
