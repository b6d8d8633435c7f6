//! `dsv add`, `dsv rm`, `dsv mv`

use std::io;

use serde::Serialize;

use super::views::{Count, json_path, sums_text};
use crate::cli::Answer;
use crate::cli::args::change::{Add, Mv, Rm};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Ui, plural, size};
use crate::model::RepoPath;
use crate::plumbing::diff_tree::DiffTotals;
use crate::porcelain::add::{self, StageAction};
use crate::porcelain::{add_from, dataset_path, mv, rm};

/// What happens to a path, for a program.
#[derive(Serialize)]
pub(crate) struct Change {
    path: String,
    action: &'static str,
}

#[derive(Serialize)]
struct Document {
    dry_run: bool,
    added: Count,
    modified: Count,
    removed: Count,
    stored_bytes: u64,
    deduplicated_bytes: u64,
    gitignored: Vec<String>,
    changes: Vec<Change>,
}

/// Runs `dsv add`.
pub(crate) fn run(args: &Add, session: &mut Session) -> Result<Answer, Failure> {
    if args.link || args.refresh {
        return super::link::add(args, session);
    }
    let repository = session.repository()?;
    let outcome = if args.from.is_empty() {
        let (paths, update) = (args.paths.clone(), args.update);
        let (non_recursive, dry_run) = (args.non_recursive, args.dry_run);
        let options = add::Options { paths, update, non_recursive, dry_run };
        session.monitored(|monitor| add::run(&repository, &options, monitor))?
    } else {
        let to = args
            .to
            .as_ref()
            .map(|to| dataset_path(to.as_os_str()))
            .transpose()?
            .unwrap_or_else(RepoPath::root);
        let (sources, non_recursive, dry_run) = (args.from.clone(), args.non_recursive, args.dry_run);
        let options = add_from::Options { sources, to, non_recursive, dry_run };
        session.monitored(|monitor| add_from::run(&repository, &options, monitor))?
    };
    for warning in &outcome.staged.warnings {
        session.ui.warn(&warning.to_string());
    }
    if args.json.json {
        session.ui.json(&document(args, &outcome))?;
    } else {
        render(args, &outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

const fn word(action: StageAction) -> &'static str {
    match action {
        StageAction::Added => "added",
        StageAction::Modified => "modified",
        StageAction::Removed => "removed",
    }
}

/// What happens to each path, for a program.
pub(crate) fn changes(changes: &[(RepoPath, StageAction)]) -> Vec<Change> {
    let change =
        |(path, action): &(RepoPath, StageAction)| Change { path: json_path(path), action: word(*action) };
    changes.iter().map(change).collect()
}

/// What happens to each path, a line each.
pub(crate) fn list(changes: &[(RepoPath, StageAction)], ui: &mut Ui) -> io::Result<()> {
    for (path, action) in changes {
        let style = match action {
            StageAction::Added => ui.palette.added,
            StageAction::Modified => ui.palette.changed,
            StageAction::Removed => ui.palette.removed,
        };
        writeln!(ui.out(), "{style}{:<9}{style:#} {path}", word(*action))?;
    }
    Ok(())
}

fn document(args: &Add, outcome: &add::Outcome) -> Document {
    let staged = &outcome.staged;
    Document {
        dry_run: args.dry_run,
        added: staged.added.into(),
        modified: staged.modified.into(),
        removed: staged.removed.into(),
        stored_bytes: outcome.stored.stored_bytes,
        deduplicated_bytes: outcome.stored.deduplicated_bytes,
        gitignored: outcome.gitignored.clone(),
        changes: changes(&staged.changes),
    }
}

fn render(args: &Add, outcome: &add::Outcome, ui: &mut Ui) -> io::Result<()> {
    let staged = &outcome.staged;
    if args.verbose || args.dry_run {
        list(&staged.changes, ui)?;
    }
    if staged.changes.is_empty() {
        ui.report("Nothing new to stage")?;
    } else {
        report(args, outcome, ui)?;
    }
    if !outcome.gitignored.is_empty() {
        ui.talk(&format!(
            "{} added to .gitignore, so that git leaves the data to dsv",
            plural(outcome.gitignored.len() as u64, "line", "lines")
        ));
    }
    Ok(())
}

/// What was staged, in one line.
fn report(args: &Add, outcome: &add::Outcome, ui: &mut Ui) -> io::Result<()> {
    let staged = &outcome.staged;
    let (added, modified, removed) = (staged.added, staged.modified, staged.removed);
    let totals = DiffTotals { added, modified, removed, ..Default::default() };
    let what = if added.files + modified.files + removed.files > 0 {
        sums_text(&totals)
    } else {
        plural(staged.changes.len() as u64, "empty folder", "empty folders")
    };
    let verb = if args.dry_run { "Would stage" } else { "Staged" };
    let stored =
        if args.dry_run { String::new() } else { format!("; {} stored", size(outcome.stored.stored_bytes)) };
    ui.report(&format!("{verb} {what}{stored}"))
}

#[derive(Serialize)]
struct Removed {
    removed: Vec<String>,
}

/// Runs `dsv rm`.
pub(crate) fn rm(args: &Rm, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = rm::Options {
        paths: args.paths.clone(),
        cached: args.cached,
        force: args.force,
        dry_run: args.dry_run,
    };
    let outcome = session.monitored(|monitor| rm::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Removed { removed: outcome.removed.iter().map(json_path).collect() })?;
    } else {
        let files = plural(outcome.removed.len() as u64, "file", "files");
        let kept = if args.cached { " from the dataset; the files stay" } else { "" };
        if args.dry_run {
            for path in &outcome.removed {
                writeln!(session.ui.out(), "removed   {path}")?;
            }
        }
        let verb = if args.dry_run { "Would remove" } else { "Removed" };
        session.ui.report(&format!("{verb} {files}{kept}"))?;
    }
    Ok(Answer::Yes)
}

#[derive(Serialize)]
struct Moved {
    from: String,
    to: String,
    files: u64,
}

/// Runs `dsv mv`.
pub(crate) fn mv(args: &Mv, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = mv::Options { from: args.from.clone(), to: args.to.clone() };
    let mv::Outcome { from, to, files } =
        session.monitored(|monitor| mv::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Moved { from: json_path(&from), to: json_path(&to), files })?;
    } else {
        session.ui.report(&format!("Renamed {from} to {to} ({})", plural(files, "file", "files")))?;
    }
    Ok(Answer::Yes)
}
