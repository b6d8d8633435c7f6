//! `dsv merge`, `dsv revert`, `dsv cherry-pick`

use std::io;

use anstyle::Style;
use serde::Serialize;

use super::commit::label_choice;
use super::views::{SHORT, Sums, json_path, sums_text};
use crate::cli::Answer;
use crate::cli::args::merge::{CherryPick, Merge, NewLabel, Pick, Revert, Strategy};
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, plural, size, tame};
use crate::model::{ConflictKind, ErrorKind, Favour, MergedEntry, RepoPath};
use crate::porcelain::commit::LabelChoice;
use crate::porcelain::merge::{self, ConflictStatus, End, Outcome, PickOptions, SolveOptions};

/// Lines of a list of conflicts; a program gets all.
const MAX_LISTED: usize = 50;

/// What a merge, a revert or a pick came to.
#[derive(Serialize)]
pub(crate) struct Document {
    action: &'static str,
    /// `up-to-date`, `forward`, `would-forward`, `made`, `waits` or `dry-run`.
    result: &'static str,
    version: Option<String>,
    label: Option<String>,
    parents: Vec<String>,
    /// What was taken from the other side.
    taken: Sums,
    conflicts: Vec<ConflictLine>,
    /// Conflicts that were solved by the side that was chosen for all.
    favoured: Vec<ConflictLine>,
    merged_by_lines: Vec<String>,
    carried: Vec<CarriedLine>,
    files_written: u64,
    files_removed: u64,
    /// Versions that are still to be picked.
    todo: usize,
}

/// One conflict, for a program.
#[derive(Serialize)]
pub(crate) struct ConflictLine {
    path: String,
    kind: &'static str,
    base: Option<SideLine>,
    ours: Option<SideLine>,
    theirs: Option<SideLine>,
    /// Where theirs goes when both are kept.
    beside: Option<String>,
    solved: bool,
}

#[derive(Serialize)]
struct SideLine {
    kind: &'static str,
    bytes: u64,
    id: String,
}

#[derive(Serialize)]
struct CarriedLine {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct SolvedDocument {
    solved: Vec<String>,
    left: Vec<String>,
    files_written: u64,
    files_removed: u64,
}

#[derive(Serialize)]
struct AbortedDocument {
    action: Option<&'static str>,
    files_written: u64,
    files_removed: u64,
}

impl ConflictLine {
    /// How a conflict is told to a program.
    pub(crate) fn new(status: &ConflictStatus) -> Self {
        let side = |entry: &MergedEntry| SideLine {
            kind: entry.kind.as_str(),
            bytes: entry.size,
            id: entry.id.to_string(),
        };
        let conflict = &status.conflict;
        Self {
            path: json_path(&conflict.path),
            kind: conflict.kind.as_str(),
            base: conflict.base.as_ref().map(side),
            ours: conflict.ours.as_ref().map(side),
            theirs: conflict.theirs.as_ref().map(side),
            beside: conflict.beside.as_ref().map(json_path),
            solved: status.solved,
        }
    }
}

/// Runs `dsv merge`.
pub(crate) fn run(args: &Merge, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    if args.abort {
        let aborted = session.monitored(|monitor| merge::abort(&repository, monitor))?;
        return tell_aborted(aborted, args.json.json, session);
    }
    if args.proceed {
        let message = args.message.as_deref();
        let outcomes = session.monitored(|monitor| merge::proceed(&repository, message, monitor))?;
        return tell(&outcomes, args.json.json, session);
    }
    let favour = favour(args);
    // While a merge is under way, what is given are paths.
    if merge::under_way(&repository)?.is_some() {
        let side = favour.ok_or_else(|| Failure::from(under_way()))?;
        let options = SolveOptions { paths: args.what.clone(), side, force: args.force };
        let solved = session.monitored(|monitor| merge::solve(&repository, &options, monitor))?;
        return tell_solved(&solved, side, args.json.json, session);
    }
    let versions = args.what.iter().map(|text| {
        let text = text.to_str().ok_or_else(|| {
            UsageError::new("a revision has to be text", "paths are given while a merge is under way")
        })?;
        Ok(repository.resolve_version(text)?)
    });
    let options = merge::Options {
        versions: versions.collect::<Result<_, Failure>>()?,
        favour,
        message: args.message.clone(),
        label: label(&args.label)?,
        no_commit: args.no_commit,
        no_ff: args.no_ff,
        allow_unrelated: args.allow_unrelated,
        dry_run: args.dry_run,
    };
    let outcome = session.monitored(|monitor| merge::run(&repository, &options, monitor)).map_err(advised)?;
    tell(&[outcome], args.json.json, session)
}

/// What is in the way of something that has not begun is not to be forced.
fn advised(error: crate::porcelain::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.kind() {
        ErrorKind::WouldOverwrite => {
            failure.with_hint("commit these files, or move them away, and run it again; nothing was changed")
        }
        _ => failure,
    }
}

fn under_way() -> UsageError {
    UsageError::new(
        "a merge is under way, and no side is given for these paths",
        "'dsv merge --ours|--theirs|--both PATH' solves conflicts, --continue makes the version, --abort goes back",
    )
}

const fn favour(args: &Merge) -> Option<Favour> {
    match args.strategy {
        None | Some(Strategy::Recursive) => args.side.favour(),
        Some(Strategy::Ours) => Some(Favour::Ours),
        Some(Strategy::Theirs) => Some(Favour::Theirs),
        Some(Strategy::Both) => Some(Favour::Both),
    }
}

fn label(args: &NewLabel) -> Result<LabelChoice, Failure> {
    label_choice(args.label.as_deref(), args.major, args.minor)
}

/// Runs `dsv revert`.
pub(crate) fn revert(args: &Revert, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let version = repository.resolve_version(&args.revision)?;
    let options = pick_options(&args.how)?;
    let outcome = session
        .monitored(|monitor| merge::revert(&repository, version, &options, monitor))
        .map_err(advised)?;
    tell(&[outcome], args.how.json.json, session)
}

/// Runs `dsv cherry-pick`.
pub(crate) fn cherry_pick(args: &CherryPick, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let versions: Vec<_> =
        args.revisions.iter().map(|text| repository.resolve_version(text)).collect::<Result<_, _>>()?;
    let options = pick_options(&args.how)?;
    let outcomes = session
        .monitored(|monitor| merge::cherry_pick(&repository, &versions, &options, monitor))
        .map_err(advised)?;
    tell(&outcomes, args.how.json.json, session)
}

fn pick_options(args: &Pick) -> Result<PickOptions, Failure> {
    Ok(PickOptions {
        mainline: args.mainline,
        favour: args.side.favour(),
        message: args.message.clone(),
        label: label(&args.label)?,
        no_commit: args.no_commit,
        dry_run: args.dry_run,
    })
}

/// Tells what was done; a program gets a line for each version.
pub(crate) fn tell(outcomes: &[Outcome], json: bool, session: &mut Session) -> Result<Answer, Failure> {
    for outcome in outcomes {
        if json {
            session.ui.json(&document(outcome))?;
        } else {
            render(outcome, &mut session.ui)?;
        }
    }
    Ok(if outcomes.iter().any(Outcome::has_conflicts) { Answer::No } else { Answer::Yes })
}

/// How an outcome is told to a program.
pub(crate) fn document(outcome: &Outcome) -> Document {
    let (result, id, version) = match &outcome.end {
        End::UpToDate => ("up-to-date", None, None),
        End::Forward(id, version) => ("forward", Some(id), Some(version)),
        End::WouldForward(id, version) => ("would-forward", Some(id), Some(version)),
        End::Made(made) => ("made", Some(&made.id), Some(&made.version)),
        End::Waits => ("waits", None, None),
        End::DryRun => ("dry-run", None, None),
    };
    let trees = &outcome.trees;
    Document {
        action: outcome.action.as_str(),
        result,
        version: id.map(ToString::to_string),
        label: version.map(|version| version.label.to_string()),
        parents: version
            .map_or_else(Vec::new, |version| version.parents.iter().map(ToString::to_string).collect()),
        taken: Sums::from(&trees.taken),
        conflicts: outcome.conflicts.iter().map(ConflictLine::new).collect(),
        favoured: trees.favoured().iter().map(ConflictLine::new).collect(),
        merged_by_lines: trees.merged_by_lines.iter().map(json_path).collect(),
        carried: trees
            .carried
            .iter()
            .map(|carried| CarriedLine { from: json_path(&carried.from), to: json_path(&carried.to) })
            .collect(),
        files_written: outcome.stats.written,
        files_removed: outcome.stats.removed,
        todo: outcome.todo,
    }
}

fn render(outcome: &Outcome, ui: &mut Ui) -> io::Result<()> {
    let (name, id) = (ui.palette.name, ui.palette.id);
    let trees = &outcome.trees;
    match &outcome.end {
        End::UpToDate => return ui.report("Up to date: the current version has it all"),
        End::Forward(version_id, version) => {
            let short = version_id.short(SHORT);
            ui.report(&format!("Forward to {name}{}{name:#}  {id}{short}{id:#}", version.full_label()))?;
            let (written, removed) = (outcome.stats.written, outcome.stats.removed);
            return ui.report(&format!(
                "  {} written, {} removed",
                plural(written, "file", "files"),
                plural(removed, "file", "files")
            ));
        }
        End::WouldForward(version_id, version) => {
            let (label, short) = (version.full_label(), version_id.short(SHORT));
            return ui.report(&format!("Would go forward to {name}{label}{name:#}  {id}{short}{id:#}"));
        }
        End::Made(made) => {
            let version = &made.version;
            ui.report(&format!(
                "{name}{}{name:#}  {id}{}{id:#}  {}",
                version.full_label(),
                made.id.short(SHORT),
                tame(version.subject())
            ))?;
            ui.report(&format!("  {}", sums_text(&made.changes)))?;
        }
        End::DryRun => ui.report(&format!("Would take: {}", sums_text(&trees.taken)))?,
        End::Waits if !trees.taken.is_empty() => ui.report(&format!("Taken: {}", sums_text(&trees.taken)))?,
        End::Waits => {}
    }
    for path in &trees.merged_by_lines {
        ui.report(&format!("  merged by lines: {path}"))?;
    }
    for carried in &trees.carried {
        ui.report(&format!("  changed and moved: {} -> {}", carried.from, carried.to))?;
    }
    if !trees.favoured.is_empty() {
        let count = plural(trees.favoured.len() as u64, "conflict", "conflicts");
        ui.report(&format!("  {count} solved by the side that was chosen"))?;
    }
    let left = outcome.conflicts.iter().filter(|conflict| !conflict.solved).count() as u64;
    if left > 0 {
        ui.report(&format!("{}:", plural(left, "conflict", "conflicts")))?;
        conflicts(&outcome.conflicts, ui)?;
    }
    if outcome.todo > 0 && matches!(outcome.end, End::Waits) {
        ui.report(&format!("{} to pick afterwards", plural(outcome.todo as u64, "version", "versions")))?;
    }
    match outcome.end {
        End::Waits if left > 0 => ui.hint(SOLVE),
        End::Waits => ui.hint(PROCEED),
        _ => {}
    }
    Ok(())
}

/// How conflicts are solved.
pub(crate) const SOLVE: &str = "'dsv merge --ours|--theirs|--both PATH' solves one, or edit and 'dsv add' it; then 'dsv merge --continue', or \
                                '--abort' to go back";
/// How a merge without conflicts is ended.
pub(crate) const PROCEED: &str = "'dsv merge --continue' makes the version, 'dsv merge --abort' goes back";

/// Lists conflicts that are not solved, with what each side has.
pub(crate) fn conflicts(all: &[ConflictStatus], ui: &mut Ui) -> io::Result<()> {
    let unsolved: Vec<_> = all.iter().filter(|status| !status.solved).collect();
    let (out, palette) = ui.out_and_palette();
    let side_columns = [Align::Left, Align::Right, Align::Left];
    let columns = [&[Align::Left][..], &side_columns, &side_columns, &[Align::Left]].concat();
    let mut table = Table::new(&columns, 2);
    let side = |entry: &Option<MergedEntry>| match entry {
        None => ("-".to_owned(), String::new()),
        Some(entry) => (size(entry.size), short(entry)),
    };
    for ConflictStatus { conflict, .. } in unsolved.iter().take(MAX_LISTED) {
        let (our_size, ours) = side(&conflict.ours);
        let (their_size, theirs) = side(&conflict.theirs);
        table.row([
            (what_happened(conflict.kind, conflict.ours.is_some()).to_owned(), palette.changed),
            ("ours".to_owned(), Style::new()),
            (our_size, Style::new()),
            (ours, palette.id),
            ("theirs".to_owned(), Style::new()),
            (their_size, Style::new()),
            (theirs, palette.id),
            (conflict.path.to_string(), Style::new()),
        ]);
    }
    table.write(out)?;
    if unsolved.len() > MAX_LISTED {
        writeln!(out, "  and {} more; --json lists all", unsolved.len() - MAX_LISTED)?;
    }
    Ok(())
}

fn short(entry: &MergedEntry) -> String {
    let mut id = entry.id.to_string();
    id.truncate(SHORT);
    id
}

const fn what_happened(kind: ConflictKind, ours: bool) -> &'static str {
    match (kind, ours) {
        (ConflictKind::Content, _) => "both changed it",
        (ConflictKind::ChangedRemoved, true) => "theirs removed it",
        (ConflictKind::ChangedRemoved, false) => "ours removed it",
        (ConflictKind::Added, _) => "both added it",
        (ConflictKind::Kind, _) => "of two kinds",
        (ConflictKind::FileDirectory, _) => "file and folder",
    }
}

fn tell_solved(
    solved: &merge::Solved,
    side: Favour,
    json: bool,
    session: &mut Session,
) -> Result<Answer, Failure> {
    if json {
        let paths = |paths: &[RepoPath]| paths.iter().map(json_path).collect();
        session.ui.json(&SolvedDocument {
            solved: paths(&solved.paths),
            left: paths(&solved.left),
            files_written: solved.stats.written,
            files_removed: solved.stats.removed,
        })?;
        return Ok(Answer::Yes);
    }
    let ui = &mut session.ui;
    let count = plural(solved.paths.len() as u64, "conflict", "conflicts");
    ui.report(&format!("Solved {count} with {}", side.as_str()))?;
    if solved.left.is_empty() {
        ui.hint(PROCEED);
    } else {
        let left = plural(solved.left.len() as u64, "conflict is", "conflicts are");
        ui.report(&format!("{left} left; dsv status lists them"))?;
    }
    Ok(Answer::Yes)
}

fn tell_aborted(aborted: merge::Aborted, json: bool, session: &mut Session) -> Result<Answer, Failure> {
    let action = aborted.action.map(crate::model::MergeAction::as_str);
    let (files_written, files_removed) = (aborted.stats.written, aborted.stats.removed);
    if json {
        session.ui.json(&AbortedDocument { action, files_written, files_removed })?;
    } else {
        session.ui.report(&format!(
            "Took the {} back: {} written, {} removed",
            action.unwrap_or("merge"),
            plural(files_written, "file", "files"),
            plural(files_removed, "file", "files")
        ))?;
    }
    Ok(Answer::Yes)
}
