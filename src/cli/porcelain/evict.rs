//! `dsv evict`

use serde::Serialize;

use super::remotes::name;
use crate::cli::Answer;
use crate::cli::args::remotes::Evict;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{plural, size};
use crate::porcelain::evict;

#[derive(Serialize)]
struct Document<'a> {
    remote: &'a str,
    done: bool,
    blobs: u64,
    bytes: u64,
    kept: u64,
}

/// Runs it.
pub(crate) fn run(args: &Evict, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = evict::Options { remote: name(args.remote.as_deref())?, dry_run: args.dry_run };
    let outcome = session.monitored(|monitor| evict::run(&repository, &options, monitor))?;
    let evict::Outcome { remote, evicted } = &outcome;
    let (blobs, bytes, kept) = (evicted.blobs, evicted.bytes, evicted.kept);
    if args.json.json {
        session.ui.json(&Document { remote: remote.as_str(), done: !args.dry_run, blobs, bytes, kept })?;
        return Ok(Answer::Yes);
    }
    let verb = if args.dry_run { "Would drop" } else { "Dropped" };
    let what = plural(blobs, "file", "files");
    session.ui.report(&match blobs {
        0 => format!("Nothing to drop: of the data that is still here, no dataset on {remote} leads to any"),
        _ => format!("{verb} {} of {what}, which {remote} holds", size(bytes)),
    })?;
    if kept > 0 {
        let kept = plural(kept, "file", "files");
        session.ui.report(&format!("  kept: {kept} that no dataset on {remote} leads to"))?;
    }
    Ok(Answer::Yes)
}
