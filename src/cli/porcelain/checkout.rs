//! `dsv checkout`, `dsv switch`, `dsv restore`

use serde::Serialize;

use super::ls::meant_as_path;
use crate::cli::Answer;
use crate::cli::args::change::{Checkout, Restore, Switch};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{plural, size};
use crate::model::{DatasetName, Head};
use crate::plumbing::checkout::CheckoutStats;
use crate::porcelain::{Repository, checkout, link, restore};

#[derive(Serialize)]
struct Document {
    dataset: Option<String>,
    version: Option<String>,
    written: u64,
    written_bytes: u64,
    removed: u64,
    unchanged: u64,
    unstaged: u64,
}

/// Runs `dsv checkout`.
pub(crate) fn run(args: &Checkout, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    if !args.paths.is_empty() {
        let source = Some(repository.resolve_version(&args.revision)?);
        let options = restore::Options {
            absent_only: false,
            paths: args.paths.clone(),
            source,
            staged: false,
            force: args.force,
        };
        return bring_back(&repository, &options, args.json.json, session);
    }
    // A dataset's name leads to the dataset, anything else to a version.
    let dataset = DatasetName::new(args.revision.as_str()).ok();
    let on_dataset = match &dataset {
        Some(name) => repository.refs().read(name)?,
        None => None,
    };
    let (head, version) = match (dataset, on_dataset) {
        (Some(name), Some(version)) => (Head::Dataset(name), version),
        _ if args.revision == "HEAD" => {
            let head = repository.refs().head()?;
            (head, repository.resolve_version("HEAD")?)
        }
        _ => {
            let version = repository
                .resolve_version(&args.revision)
                .map_err(|error| meant_as_path(&repository, error, args.revision.as_ref(), "dsv restore"))?;
            (Head::Detached(version), version)
        }
    };
    let force = args.force;
    let options = checkout::Options { head, version: Some(version), create: false, force, sparse: None };
    let more = More { full: args.full, links: args.links };
    go(&repository, &options, more, args.json.json, session)
}

/// Runs `dsv switch`.
pub(crate) fn switch(args: &Switch, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    // What names a version and no dataset is gone to by another verb.
    let checkout = |error: Failure| match repository.resolve_version(&args.dataset) {
        Ok(_) if !args.create => {
            error.with_hint(format!("'dsv checkout {}' goes to that version", args.dataset))
        }
        _ => error,
    };
    let name = DatasetName::new(args.dataset.as_str()).map_err(|error| checkout(error.into()))?;
    let version = if args.create {
        match &args.start {
            Some(start) => Some(repository.resolve_version(start)?),
            None => repository.refs().head_version()?,
        }
    } else {
        let found = repository.refs().read(&name)?;
        if found.is_none() && repository.refs().head()? != Head::Dataset(name.clone()) {
            return Err(checkout(crate::porcelain::Error::NoSuchDataset { name }.into()));
        }
        found
    };
    let options = checkout::Options {
        head: Head::Dataset(name),
        version,
        create: args.create,
        force: args.force,
        sparse: None,
    };
    go(&repository, &options, More::default(), args.json.json, session)
}

/// What is brought besides.
#[derive(Clone, Copy, Default)]
struct More {
    /// Every file, into a folder that holds a part of them.
    full: bool,
    /// What external links lead to.
    links: bool,
}

fn go(
    repository: &Repository,
    options: &checkout::Options,
    more: More,
    json: bool,
    session: &mut Session,
) -> Result<Answer, Failure> {
    let mut outcome = session.monitored(|monitor| checkout::run(repository, options, monitor))?;
    let mut add = |more: CheckoutStats| {
        outcome.stats.written += more.written;
        outcome.stats.bytes += more.bytes;
        outcome.stats.unchanged += more.unchanged;
    };
    if more.full {
        add(session.monitored(|monitor| checkout::fill(repository, options.force, monitor))?);
    }
    if more.links {
        add(session.monitored(|monitor| link::bring_all(repository, options.force, monitor))?);
    }
    let dataset = outcome.head.dataset().map(ToString::to_string);
    if json {
        session.ui.json(&document(dataset, outcome.version.map(|id| id.to_string()), &outcome.stats))?;
        return Ok(Answer::Yes);
    }
    let (name, id) = (session.ui.palette.name, session.ui.palette.id);
    let version =
        outcome.version.map(|id| repository.db().version(&id).map(|version| (id, version))).transpose();
    let version = version.map_err(crate::porcelain::Error::from)?;
    let at = version.map_or_else(
        || "no version yet".to_owned(),
        |(version_id, version)| format!("{}  {id}{}{id:#}", version.full_label(), version_id.short(12)),
    );
    let on = match (&outcome.head, options.create) {
        (Head::Dataset(dataset), true) => format!("Began dataset {name}{dataset}{name:#} at {at}"),
        (Head::Dataset(dataset), false) => format!("On dataset {name}{dataset}{name:#} at {at}"),
        (Head::Detached(_), _) => format!("At {at}, on no dataset"),
    };
    session.ui.report(&on)?;
    session.ui.report(&format!("  {}", summary(&outcome.stats)))?;
    if outcome.kept_staged > 0 {
        let kept = plural(outcome.kept_staged as u64, "staged change", "staged changes");
        session.ui.talk(&format!("{kept} kept"));
    }
    Ok(Answer::Yes)
}

fn document(dataset: Option<String>, version: Option<String>, stats: &CheckoutStats) -> Document {
    let CheckoutStats { written, bytes: written_bytes, removed, unchanged } = *stats;
    Document { dataset, version, written, written_bytes, removed, unchanged, unstaged: 0 }
}

fn summary(stats: &CheckoutStats) -> String {
    let written = format!("{} written ({})", plural(stats.written, "file", "files"), size(stats.bytes));
    let removed = format!("{} removed", plural(stats.removed, "file", "files"));
    match (stats.written, stats.removed) {
        (0, 0) => "no file changed".to_owned(),
        (_, 0) => written,
        (0, _) => removed,
        _ => format!("{written}, {removed}"),
    }
}

/// Runs `dsv restore`.
pub(crate) fn restore(args: &Restore, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let source = args.source.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let options = restore::Options {
        absent_only: false,
        paths: args.paths.clone(),
        source,
        staged: args.staged,
        force: args.force,
    };
    bring_back(&repository, &options, args.json.json, session)
}

fn bring_back(
    repository: &Repository,
    options: &restore::Options,
    json: bool,
    session: &mut Session,
) -> Result<Answer, Failure> {
    let outcome = session.monitored(|monitor| restore::run(repository, options, monitor))?;
    if json {
        let document = document(None, options.source.map(|id| id.to_string()), &outcome.stats);
        session.ui.json(&Document { unstaged: outcome.unstaged, ..document })?;
    } else if options.staged {
        session.ui.report(&format!("Unstaged {}", plural(outcome.unstaged, "path", "paths")))?;
    } else {
        session.ui.report(&format!("Restored: {}", summary(&outcome.stats)))?;
    }
    Ok(Answer::Yes)
}
