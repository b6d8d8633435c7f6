//! `dsv verify`

use std::path::PathBuf;

use serde::Serialize;

use super::views::json_path;
use crate::cli::Answer;
use crate::cli::args::change::Verify;
use crate::cli::error::{Failure, UsageError, one_line};
use crate::cli::plumbing::end_with_path;
use crate::cli::session::Session;
use crate::cli::ui::{plural, size};
use crate::model::RemoteName;
use crate::porcelain::Repository;
use crate::porcelain::verify::{self, Finding};
use crate::porcelain::verify_remote::{self, Checks};

#[derive(Serialize)]
struct Document {
    version: Option<String>,
    intact: bool,
    intact_files: u64,
    intact_bytes: u64,
    not_checked_out: u64,
    links_elsewhere: u64,
    findings: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    path: String,
    finding: &'static str,
}

const fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Missing => "missing",
        Finding::Different => "different",
        Finding::Extra => "extra",
        Finding::Unreadable => "unreadable",
    }
}

#[derive(Serialize)]
struct RemoteDocument<'a> {
    url: &'a str,
    whole: bool,
    datasets: u64,
    metadata_records: u64,
    data_records: u64,
    data_records_read: u64,
    bytes_read: u64,
    findings: Vec<RemoteLine<'a>>,
}

#[derive(Serialize)]
struct RemoteLine<'a> {
    dataset: &'a str,
    finding: &'a str,
}

fn run_remote(remote: &str, args: &Verify, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let checks = Checks { sample: args.sample, ..Checks::default() };
    let options = verify_remote::Options { remote: Some(RemoteName::new(remote)?), checks };
    let outcome = session.monitored(|monitor| verify_remote::run(&repository, &options, monitor))?;
    let (found, whole) = (&outcome.found, outcome.found.findings.is_empty());
    if args.json.json {
        let line = |(dataset, finding)| RemoteLine { dataset, finding };
        session.ui.json(&RemoteDocument {
            url: &outcome.url,
            whole,
            datasets: found.datasets,
            metadata_records: found.metadata,
            data_records: found.data,
            data_records_read: found.data_read,
            bytes_read: found.bytes,
            findings: found
                .findings
                .iter()
                .map(|(name, text)| line((name.as_str(), text.as_str())))
                .collect(),
        })?;
        return Ok(if whole { Answer::Yes } else { Answer::No });
    }
    let (out, palette) = session.ui.out_and_palette();
    let removed = palette.removed;
    for (dataset, text) in &found.findings {
        writeln!(out, "{removed}damaged{removed:#} {dataset}: {text}")?;
    }
    let looked = format!(
        "{} of {} in {}, {} read",
        plural(found.data_read + found.metadata, "record", "records"),
        found.data + found.metadata,
        plural(found.datasets, "dataset", "datasets"),
        size(found.bytes),
    );
    let verdict = if whole { "is whole" } else { "is damaged" };
    session.ui.report(&format!("{} {verdict}: {looked}", outcome.url))?;
    Ok(if whole { Answer::Yes } else { Answer::No })
}

/// The revision and the folder: of one argument, whichever of them it is.
fn meant<'a>(
    args: &'a Verify,
    repository: &Repository,
) -> Result<(Option<&'a str>, Option<PathBuf>), Failure> {
    let (Some(text), None) = (args.revision.as_deref(), &args.dir) else {
        return Ok((args.revision.as_deref(), args.dir.clone()));
    };
    let is_folder = repository.fs().list(&repository.env().cwd.join(text)).is_ok();
    if !is_folder {
        return Ok((Some(text), None));
    }
    // What is written as a path is none of a revision's names.
    if !text.starts_with(['.', '/']) && repository.resolve_version(text).is_ok() {
        let message = format!("'{text}' is a folder and a revision");
        return Err(UsageError::new(
            message,
            format!("give './{text}' for the folder, or '{text} .' for the revision"),
        )
        .into());
    }
    Ok((None, Some(PathBuf::from(text))))
}

/// Runs it.
pub(crate) fn run(args: &Verify, session: &mut Session) -> Result<Answer, Failure> {
    if let Some(remote) = &args.remote {
        return run_remote(remote, args, session);
    }
    let repository = session.repository()?;
    let (revision, dir) = meant(args, &repository)?;
    let version = revision.map(|text| repository.resolve_version(text)).transpose()?;
    let options = verify::Options { version, dir, size_only: args.size_only };
    let outcome = session.monitored(|monitor| verify::run(&repository, &options, monitor))?;
    for problem in &outcome.problems {
        session.ui.warn(&one_line(problem));
    }
    let intact = outcome.findings.is_empty();
    if args.json.json {
        let line = |(path, finding): &(crate::model::RepoPath, Finding)| Line {
            path: json_path(path),
            finding: word(*finding),
        };
        session.ui.json(&Document {
            version: outcome.version.map(|id| id.to_string()),
            intact,
            intact_files: outcome.intact.files,
            intact_bytes: outcome.intact.bytes,
            not_checked_out: outcome.not_checked_out,
            links_elsewhere: outcome.links.files,
            findings: outcome.findings.iter().map(line).collect(),
        })?;
    } else if args.nul {
        for (path, finding) in &outcome.findings {
            write!(session.ui.out(), "{}\0", word(*finding))?;
            end_with_path(session.ui.out(), path.as_bytes(), true)?;
        }
    } else {
        let removed = session.ui.palette.removed;
        for (path, finding) in &outcome.findings {
            writeln!(session.ui.out(), "{removed}{:<10}{removed:#} {path}", word(*finding))?;
        }
        let files =
            format!("{} ({})", plural(outcome.intact.files, "file", "files"), size(outcome.intact.bytes));
        if intact {
            session.ui.report(&format!("{files} verified, all as they should be"))?;
        } else {
            let wrong = plural(outcome.findings.len() as u64, "path differs", "paths differ");
            session.ui.report(&format!("{wrong}; {files} as they should be"))?;
        }
        if outcome.links.files > 0 {
            let links = plural(outcome.links.files, "external link", "external links");
            session.ui.report(&format!("{links} not brought, and not looked at"))?;
        }
        if outcome.not_checked_out > 0 {
            let others = plural(outcome.not_checked_out, "file", "files");
            session.ui.report(&format!("{others} of the version not checked out, and not looked at"))?;
        }
    }
    Ok(if intact { Answer::Yes } else { Answer::No })
}
