//! `dsv add --link`, `dsv add --refresh`, `dsv materialize`

use std::io;

use serde::Serialize;

use super::views::{Count, json_path};
use crate::cli::Answer;
use crate::cli::args::change::Add;
use crate::cli::args::link::Materialize;
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Ui, count, plural, size};
use crate::model::{BlobId, ExternalLink, SourceTag, Totals};
use crate::porcelain::link::{
    self, AddOptions, AddOutcome, LinkAction, LinkChange, MaterializeOptions, RefreshOptions, RefreshOutcome,
};

/// What a link says, for a program.
#[derive(Debug, Serialize)]
pub(super) struct LinkDocument {
    url: String,
    bytes: u64,
    etag: Option<String>,
    version_id: Option<String>,
    modified: Option<String>,
    sha256: Option<String>,
}

impl LinkDocument {
    /// Of a link.
    pub(super) fn new(link: &ExternalLink) -> Self {
        let text = |tag: &Option<SourceTag>| tag.as_ref().map(ToString::to_string);
        Self {
            url: link.url.to_string(),
            bytes: link.size,
            etag: text(&link.etag),
            version_id: text(&link.version),
            modified: text(&link.modified),
            sha256: link.sha256.map(|id| id.to_string()),
        }
    }
}

#[derive(Serialize)]
struct ChangeDocument {
    path: String,
    action: &'static str,
    kind: &'static str,
    link: LinkDocument,
}

#[derive(Serialize)]
struct AddDocument {
    dry_run: bool,
    added: Count,
    modified: Count,
    unchanged: Count,
    requests: u64,
    changes: Vec<ChangeDocument>,
}

#[derive(Serialize)]
struct RefreshDocument {
    dry_run: bool,
    modified: Count,
    unchanged: Count,
    gone: Vec<ChangeDocument>,
    requests: u64,
    changes: Vec<ChangeDocument>,
}

const fn word(action: LinkAction) -> &'static str {
    match action {
        LinkAction::Added => "added",
        LinkAction::Modified => "modified",
        LinkAction::Removed => "removed",
    }
}

fn documents(changes: &[LinkChange]) -> Vec<ChangeDocument> {
    let document = |LinkChange { path, action, link }: &LinkChange| {
        let (path, action) = (json_path(path), word(*action));
        ChangeDocument { path, action, kind: "link", link: LinkDocument::new(link) }
    };
    changes.iter().map(document).collect()
}

/// Runs `dsv add --link` or `dsv add --refresh`.
pub(crate) fn add(args: &Add, session: &mut Session) -> Result<Answer, Failure> {
    if args.refresh { refresh(args, session) } else { link_to(args, session) }
}

fn link_to(args: &Add, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let text = |url: &std::ffi::OsString| {
        url.to_str().map(str::to_owned).ok_or_else(|| {
            UsageError::new("a URL to link to is no Unicode", "write it with '%' escapes").into()
        })
    };
    let urls = args.paths.iter().map(text).collect::<Result<Vec<_>, Failure>>()?;
    let (to, non_recursive, dry_run) = (args.to.clone(), args.non_recursive, args.dry_run);
    let list = dry_run || args.verbose || args.json.json;
    let options = AddOptions { urls, to, non_recursive, dry_run, list };
    let outcome = session.monitored(|monitor| link::add(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&AddDocument {
            dry_run,
            added: outcome.added.into(),
            modified: outcome.modified.into(),
            unchanged: outcome.unchanged.into(),
            requests: outcome.requests.requests(),
            changes: documents(&outcome.changes),
        })?;
    } else {
        render(args, &outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn render(args: &Add, outcome: &AddOutcome, ui: &mut Ui) -> io::Result<()> {
    if args.verbose || args.dry_run {
        list(&outcome.changes, ui)?;
    }
    if outcome.added.files + outcome.modified.files == 0 {
        return ui.report(&format!("Nothing new to link to; {}", unchanged(outcome.unchanged)));
    }
    let verb = if args.dry_run { "Would link" } else { "Linked" };
    let counts = [(outcome.added, "new"), (outcome.modified, "changed")];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(totals, _)| totals.files > 0)
        .map(|(totals, word)| {
            let files = if totals.files == 1 { "file" } else { "files" };
            format!("{} {word} {files} ({})", count(totals.files), size(totals.bytes))
        })
        .collect();
    ui.report(&format!("{verb} {}; nothing was downloaded", parts.join(", ")))
}

fn unchanged(totals: Totals) -> String {
    let links = plural(totals.files, "link", "links");
    format!("{links} ({}) unchanged", size(totals.bytes))
}

fn list(changes: &[LinkChange], ui: &mut Ui) -> io::Result<()> {
    for LinkChange { path, action, link } in changes {
        let style = match action {
            LinkAction::Added => ui.palette.added,
            LinkAction::Modified => ui.palette.changed,
            LinkAction::Removed => ui.palette.removed,
        };
        let dim = ui.palette.dim;
        writeln!(ui.out(), "{style}{:<9}{style:#} {path}  {dim}-> {}{dim:#}", word(*action), link.url)?;
    }
    Ok(())
}

fn refresh(args: &Add, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let (update, dry_run) = (args.update, args.dry_run);
    let options = RefreshOptions { paths: args.paths.clone(), update, dry_run };
    let outcome = session.monitored(|monitor| link::refresh(&repository, &options, monitor))?;
    let is_left = !outcome.gone.is_empty() && !update;
    if args.json.json {
        session.ui.json(&RefreshDocument {
            dry_run,
            modified: outcome.modified.into(),
            unchanged: outcome.unchanged.into(),
            gone: documents(&outcome.gone),
            requests: outcome.requests.requests(),
            changes: documents(&outcome.changes),
        })?;
    } else {
        render_refresh(args, &outcome, &mut session.ui)?;
    }
    Ok(if is_left { Answer::No } else { Answer::Yes })
}

/// Sources that are gone and listed; more are counted.
const MAX_GONE: usize = 10;

fn render_refresh(args: &Add, outcome: &RefreshOutcome, ui: &mut Ui) -> io::Result<()> {
    if args.verbose || args.dry_run {
        list(&outcome.changes, ui)?;
    }
    let (changed, same) = (outcome.modified, outcome.unchanged);
    let verb = if args.dry_run { "Would take" } else { "Took" };
    if changed.files > 0 {
        let sources = plural(changed.files, "changed source", "changed sources");
        ui.report(&format!("{verb} {sources} ({}); {}", size(changed.bytes), unchanged(same)))?;
    } else {
        ui.report(&format!("No source changed; {}", unchanged(same)))?;
    }
    if outcome.gone.is_empty() {
        return Ok(());
    }
    let count = outcome.gone.len() as u64;
    let what = match (args.update, args.dry_run) {
        (true, true) => "would no longer be linked to",
        (true, false) => "no longer linked to",
        (false, _) => "still linked to",
    };
    ui.report(&format!("{} gone, {what}:", plural(count, "source is", "sources are")))?;
    for LinkChange { path, link, .. } in outcome.gone.iter().take(MAX_GONE) {
        ui.report(&format!("  {path} -> {}", link.url))?;
    }
    if outcome.gone.len() > MAX_GONE {
        ui.report(&format!("  and {} more; --json lists every one", outcome.gone.len() - MAX_GONE))?;
    }
    if !args.update {
        ui.hint("dsv add --refresh --update unstages what is gone");
    }
    Ok(())
}

#[derive(Serialize)]
struct FileDocument {
    path: String,
    id: Option<String>,
}

#[derive(Serialize)]
struct MaterializeDocument {
    dry_run: bool,
    stored: Count,
    requests: u64,
    files: Vec<FileDocument>,
}

/// Runs `dsv materialize`.
pub(crate) fn materialize(args: &Materialize, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = MaterializeOptions { paths: args.paths.clone(), dry_run: args.dry_run };
    let outcome = session.monitored(|monitor| link::materialize(&repository, &options, monitor))?;
    let totals = outcome.totals;
    if args.json.json {
        let file = |(path, id): &(crate::model::RepoPath, Option<BlobId>)| FileDocument {
            path: json_path(path),
            id: id.map(|id| id.to_string()),
        };
        session.ui.json(&MaterializeDocument {
            dry_run: args.dry_run,
            stored: totals.into(),
            requests: outcome.requests,
            files: outcome.files.iter().map(file).collect(),
        })?;
        return Ok(Answer::Yes);
    }
    if args.dry_run {
        for (path, _) in &outcome.files {
            writeln!(session.ui.out(), "{path}")?;
        }
    }
    let verb = if args.dry_run { "Would store" } else { "Stored" };
    let links = plural(totals.files, "link", "links");
    let then = if args.dry_run { "" } else { "; dsv commit makes a version of it" };
    session.ui.report(&format!("{verb} what {links} led to ({}){then}", size(totals.bytes)))?;
    Ok(Answer::Yes)
}
