//! `dsv rename`, `dsv move`

use serde::Serialize;

use super::list::remote_option;
use crate::cli::Answer;
use crate::cli::args::datasets::{Move, Rename};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::plural;
use crate::model::{DatasetName, RemoteName};
use crate::porcelain::rename;

#[derive(Serialize)]
struct Document<'a> {
    from: &'a DatasetName,
    to: &'a DatasetName,
    version: Option<String>,
    versions: u64,
    remote: Option<String>,
    dry_run: bool,
}

/// Runs `dsv rename`.
pub(crate) fn rename(args: &Rename, session: &mut Session) -> Result<Answer, Failure> {
    let (from, to) = (DatasetName::new(args.from.as_str())?, DatasetName::new(args.to.as_str())?);
    let remote = remote_option(&args.remote)?;
    run(rename::Options { from, to, remote, dry_run: args.dry_run }, args.json.json, session)
}

/// Runs `dsv move`.
pub(crate) fn move_to(args: &Move, session: &mut Session) -> Result<Answer, Failure> {
    let from = DatasetName::new(args.dataset.as_str())?;
    let to = rename::in_project(&from, &args.project)?;
    let remote = remote_option(&args.remote)?;
    run(rename::Options { from, to, remote, dry_run: args.dry_run }, args.json.json, session)
}

fn run(options: rename::Options, json: bool, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let outcome = session.monitored(|monitor| rename::run(&repository, &options, monitor))?;
    let rename::Options { from, to, dry_run, .. } = &options;
    if json {
        session.ui.json(&Document {
            from,
            to,
            version: outcome.version.map(|id| id.to_string()),
            versions: outcome.versions,
            remote: outcome.remote.as_ref().map(ToString::to_string),
            dry_run: *dry_run,
        })?;
        return Ok(Answer::Yes);
    }
    let verb = if *dry_run { "Would rename" } else { "Renamed" };
    let versions = plural(outcome.versions, "version", "versions");
    let too = outcome.remote.as_ref().map_or_else(String::new, |remote| format!(", on {remote} too"));
    session.ui.report(&format!("{verb} {from} to {to} ({versions}){too}"))?;
    if !outcome.remotes.is_empty() && !dry_run {
        let remotes: Vec<&str> = outcome.remotes.iter().map(RemoteName::as_str).collect();
        session.ui.hint(&format!(
            "{} still has it as {from}; give --remote to rename it there, too",
            remotes.join(", ")
        ));
    }
    Ok(Answer::Yes)
}
