//! `dsv verify`

use serde::Serialize;

use super::views::json_path;
use crate::cli::Answer;
use crate::cli::args::change::Verify;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{plural, size};
use crate::porcelain::verify::{self, Finding};

#[derive(Serialize)]
struct Document {
    version: Option<String>,
    intact: bool,
    intact_files: u64,
    intact_bytes: u64,
    not_checked_out: u64,
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

/// Runs it.
pub(crate) fn run(args: &Verify, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let version = args.revision.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
    let options = verify::Options { version, dir: args.dir.clone(), size_only: args.size_only };
    let outcome = session.monitored(|monitor| verify::run(&repository, &options, monitor))?;
    for problem in &outcome.problems {
        session.ui.warn(&problem.to_string());
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
            findings: outcome.findings.iter().map(line).collect(),
        })?;
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
        if outcome.not_checked_out > 0 {
            let others = plural(outcome.not_checked_out, "file", "files");
            session.ui.report(&format!("{others} of the version not checked out, and not looked at"))?;
        }
    }
    Ok(if intact { Answer::Yes } else { Answer::No })
}
