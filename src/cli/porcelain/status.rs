//! `dsv status`

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;

use super::drafts::DraftDocument;
use super::merge::{ConflictLine, PROCEED, SOLVE, conflicts};
use super::views::{Count, SHORT, json_path};
use crate::cli::Answer;
use crate::cli::args::change::Status;
use crate::cli::error::{Failure, one_line};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Item, Palette, Row, Table, Ui, fold, plural, size};
use crate::model::{Entry, EntryKind, Head, RemoteName, RepoPath, Totals, VersionId};
use crate::porcelain::merge::UnderWay;
use crate::porcelain::status::{self, WorktreeChange};

/// Lines of a section, for each way to change; where there is more, folders stand for what they hold.
const MAX_LISTED: usize = 20;

#[derive(Serialize)]
struct Document {
    dataset: Option<String>,
    version: Option<String>,
    label: Option<String>,
    clean: bool,
    /// What is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    merge: Option<MergeLine>,
    staged: Vec<Change>,
    changed: Vec<Change>,
    untracked: Vec<Change>,
    problems: Vec<String>,
    unchanged: Count,
    /// Of a folder that is to hold a part of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_checked_out: Option<Count>,
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<DraftDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aside: Vec<DraftDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unfinished: Vec<Unfinished>,
    hashed_bytes: u64,
}

#[derive(Serialize)]
struct MergeLine {
    action: &'static str,
    /// Whether it was interrupted before all that merges was there.
    halfway: bool,
    theirs: Vec<String>,
    conflicts: Vec<ConflictLine>,
}

#[derive(Serialize)]
struct Change {
    path: String,
    change: &'static str,
    files: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// `link` of an external link; else there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

/// Runs it.
pub(crate) fn run(args: &Status, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = status::Options { paths: args.paths.clone(), all: args.all };
    let outcome = session.monitored(|monitor| status::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else if args.nul {
        records(&outcome, session.ui.out())?;
        outcome.problems.iter().for_each(|problem| session.ui.warn(&one_line(problem)));
    } else {
        render(args.all, &outcome, &mut session.ui)?;
    }
    Ok(if outcome.has_unreadable() { Answer::No } else { Answer::Yes })
}

/// An upload that has not ended.
#[derive(Serialize)]
struct Unfinished {
    remote: String,
    version: String,
}

impl From<&(RemoteName, VersionId)> for Unfinished {
    fn from((remote, version): &(RemoteName, VersionId)) -> Self {
        Self { remote: remote.to_string(), version: version.to_string() }
    }
}

/// One line of a section.
struct Line {
    path: RepoPath,
    change: &'static str,
    totals: Totals,
    from: Option<RepoPath>,
    is_dir: bool,
    is_link: bool,
}

fn is_link(entry: &Entry) -> bool {
    entry.kind == EntryKind::ExternalLink
}

fn staged_lines(outcome: &status::Outcome) -> Vec<Line> {
    let mut lines: Vec<Line> = outcome
        .staged
        .iter()
        .map(|change| {
            let (word, entry) = match (&change.old, &change.new) {
                (None, new) => ("added", new),
                (old, None) => ("removed", old),
                (Some(_), new) => ("modified", new),
            };
            let totals = entry.as_ref().map(crate::model::Entry::totals).unwrap_or_default();
            let is_dir = entry.as_ref().is_some_and(|entry| entry.kind.is_dir());
            let is_link = entry.as_ref().is_some_and(is_link);
            Line { path: change.path.clone(), change: word, totals, from: None, is_dir, is_link }
        })
        .collect();
    lines.extend(outcome.renamed.iter().map(|rename| Line {
        path: rename.to.clone(),
        change: "renamed",
        totals: rename.entry.totals(),
        from: Some(rename.from.clone()),
        is_dir: false,
        is_link: is_link(&rename.entry),
    }));
    lines.sort_by(|a, b| a.path.cmp(&b.path));
    lines
}

fn changed_lines(outcome: &status::Outcome) -> Vec<Line> {
    let line = |(path, change, bytes): &(RepoPath, WorktreeChange, u64)| {
        let change = match change {
            WorktreeChange::Modified => "modified",
            WorktreeChange::Deleted => "deleted",
        };
        Line {
            path: path.clone(),
            change,
            totals: Totals { files: 1, bytes: *bytes },
            from: None,
            is_dir: false,
            is_link: false,
        }
    };
    outcome.changed.iter().map(line).collect()
}

fn untracked_lines(outcome: &status::Outcome) -> Vec<Line> {
    let line = |item: &status::Untracked| Line {
        path: item.path.clone(),
        change: "untracked",
        totals: item.totals,
        from: None,
        is_dir: item.is_dir,
        is_link: false,
    };
    outcome.untracked.iter().map(line).collect()
}

fn document(outcome: &status::Outcome) -> Document {
    let change = |line: &Line| Change {
        path: json_path(&line.path),
        change: line.change,
        files: line.totals.files,
        bytes: line.totals.bytes,
        from: line.from.as_ref().map(json_path),
        kind: line.is_link.then_some(EntryKind::ExternalLink.as_str()),
    };
    let changes = |lines: Vec<Line>| lines.iter().map(change).collect();
    Document {
        dataset: outcome.head.dataset().map(ToString::to_string),
        version: outcome.version.as_ref().map(|(id, _)| id.to_string()),
        label: outcome.version.as_ref().map(|(_, label)| label.to_string()),
        clean: outcome.is_clean(),
        merge: outcome.merge.as_ref().map(|merge| MergeLine {
            action: merge.state.action.as_str(),
            halfway: !merge.state.applied,
            theirs: merge.state.theirs.iter().map(ToString::to_string).collect(),
            conflicts: merge.conflicts.iter().map(ConflictLine::new).collect(),
        }),
        staged: changes(staged_lines(outcome)),
        changed: changes(changed_lines(outcome)),
        untracked: changes(untracked_lines(outcome)),
        problems: outcome.problems.iter().map(|problem| one_line(problem)).collect(),
        unchanged: outcome.unchanged.into(),
        not_checked_out: outcome.not_checked_out.map(Count::from),
        draft: outcome.draft.as_ref().map(DraftDocument::from),
        aside: outcome.aside.iter().map(DraftDocument::from).collect(),
        unfinished: outcome.unfinished.iter().map(Unfinished::from).collect(),
        hashed_bytes: outcome.hashed_bytes,
    }
}

fn render(all: bool, outcome: &status::Outcome, ui: &mut Ui) -> io::Result<()> {
    let (name, id) = (ui.palette.name, ui.palette.id);
    // A label of another dataset is found by its full name only.
    let other = outcome.made_for.as_ref().filter(|made_for| outcome.head.dataset() != Some(made_for));
    let of = other.map_or_else(String::new, |made_for| format!("{made_for}@"));
    let at = outcome.version.as_ref().map_or_else(
        || ", no version yet".to_owned(),
        |(version, label)| format!(" at {name}{of}{label}{name:#}  {id}{}{id:#}", version.short(12)),
    );
    match &outcome.head {
        Head::Dataset(dataset) if outcome.draft.is_some() => {
            ui.report(&format!("On a draft of {name}{dataset}{name:#}{}", draft_parents(outcome)))?;
        }
        Head::Dataset(dataset) => ui.report(&format!("On dataset {name}{dataset}{name:#}{at}"))?,
        Head::Detached(_) => ui.report(&format!("On no dataset{at}"))?,
    }
    for draft in &outcome.aside {
        ui.report(&format!(
            "A draft of {name}{}{name:#} lies aside ({})",
            draft.dataset,
            draft.time.to_minute()
        ))?;
    }
    for (remote, version) in &outcome.unfinished {
        ui.report(&format!("The upload of {id}{}{id:#} to {remote} has not ended", version.short(12)))?;
    }
    if let Some(merge) = &outcome.merge {
        under_way(merge, ui)?;
    }
    let (out, palette) = ui.out_and_palette();
    section(out, palette, "Staged for the next version", palette.added, &staged_lines(outcome), all)?;
    section(out, palette, "Changed, not staged", palette.removed, &changed_lines(outcome), all)?;
    section(out, palette, "Untracked", palette.removed, &untracked_lines(outcome), all)?;
    for problem in &outcome.problems {
        ui.warn(&one_line(problem));
    }
    if let Some(Totals { files, bytes }) = outcome.not_checked_out {
        let files = plural(files, "file", "files");
        ui.report(&format!("{files} ({}) not checked out", size(bytes)))?;
    }
    let tracked =
        format!("{} ({})", plural(outcome.unchanged.files, "file", "files"), size(outcome.unchanged.bytes));
    if outcome.is_clean() && outcome.draft.is_some() {
        ui.report(&format!("Nothing staged yet; {tracked} unchanged"))?;
        ui.hint("dsv add stages, dsv commit ends the draft, dsv abort sets it aside");
    } else if outcome.is_clean() {
        ui.report(&format!("Nothing to commit; {tracked} unchanged"))?;
    } else if !outcome.changed.is_empty() || !outcome.untracked.is_empty() {
        ui.report("")?;
        ui.hint(&next(outcome));
    }
    Ok(())
}

/// Whether and from what the open draft inherits.
fn draft_parents(outcome: &status::Outcome) -> String {
    match outcome.draft_parents.as_slice() {
        [] => String::new(),
        parents => format!(" from {}", parents.join(", ")),
    }
}

/// The merge that is under way, and what is to be solved.
fn under_way(merge: &UnderWay, ui: &mut Ui) -> io::Result<()> {
    let short = |id: &VersionId| id.short(SHORT);
    let theirs: Vec<String> = merge.state.theirs.iter().map(short).collect();
    let left = merge.conflicts.iter().filter(|conflict| !conflict.solved).count() as u64;
    let conflicts_left = match (merge.state.applied, left) {
        (false, _) => "interrupted".to_owned(),
        (true, 0) => "all conflicts solved".to_owned(),
        (true, left) => format!("{} to solve", plural(left, "conflict", "conflicts")),
    };
    let action = merge.state.action.as_str();
    ui.report(&format!("A {action} of {} is under way, {conflicts_left}", theirs.join(", ")))?;
    conflicts(&merge.conflicts, ui)?;
    ui.hint(if left > 0 && merge.state.applied { SOLVE } else { PROCEED });
    Ok(())
}

/// What can be done about what is not staged.
fn next(outcome: &status::Outcome) -> String {
    let any = |wanted| outcome.changed.iter().any(|(_, change, _)| *change == wanted);
    let mut parts = vec!["dsv add PATH stages"];
    if !outcome.staged.is_empty() || !outcome.renamed.is_empty() {
        parts.push("dsv commit makes a version of what is staged");
    }
    if any(WorktreeChange::Modified) {
        parts.push("dsv restore --force PATH undoes");
    } else if any(WorktreeChange::Deleted) {
        parts.push("dsv restore PATH brings back");
    }
    parts.join(", ")
}

/// Every path with what is to be told of it, in bytes that nothing can be mistaken for.
fn records(outcome: &status::Outcome, out: &mut dyn Write) -> io::Result<()> {
    let sections = [
        ("staged", staged_lines(outcome)),
        ("unstaged", changed_lines(outcome)),
        ("untracked", untracked_lines(outcome)),
    ];
    for (section, lines) in sections {
        for line in lines {
            let word = if section == "untracked" {
                section.to_owned()
            } else {
                format!("{section} {}", line.change)
            };
            out.write_all(word.as_bytes())?;
            for path in line.from.iter().chain([&line.path]) {
                out.write_all(b"\0")?;
                out.write_all(path.as_bytes())?;
            }
            out.write_all(if line.is_dir { b"/\0" } else { b"\0" })?;
        }
    }
    Ok(())
}

fn section(
    out: &mut dyn Write,
    palette: &Palette,
    title: &str,
    style: Style,
    lines: &[Line],
    all: bool,
) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let heading = palette.heading;
    let sum = lines.iter().map(|line| line.totals).fold(Totals::default(), Totals::plus);
    let empty = lines.iter().filter(|line| line.is_dir && line.totals.files == 0).count() as u64;
    let files = (sum.files > 0 || empty == 0)
        .then(|| format!("{}, {}", plural(sum.files, "file", "files"), size(sum.bytes)));
    let folders = (empty > 0).then(|| plural(empty, "empty folder", "empty folders"));
    let counts: Vec<String> = files.into_iter().chain(folders).collect();
    writeln!(out, "\n{heading}{title}{heading:#} ({})", counts.join("; "))?;
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left], 2);
    if all || lines.len() <= MAX_LISTED {
        for line in lines {
            table.row([
                (line.change.to_owned(), style),
                (size(line.totals.bytes), Style::new()),
                (shown(line), Style::new()),
            ]);
        }
        return table.write(out);
    }
    let mut hidden = Totals::default();
    for change in ["added", "modified", "renamed", "removed", "deleted", "untracked"] {
        let chosen = lines.iter().filter(|line| line.change == change);
        let mut items: Vec<Item> = chosen
            .map(|line| Item { path: line.path.clone(), is_dir: line.is_dir, totals: line.totals })
            .collect();
        items.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let folded = fold(&items, MAX_LISTED);
        hidden = hidden.plus(folded.left_out);
        for Row { text, totals, is_dir } in folded.rows {
            let files = plural(totals.files, "file", "files");
            let place = if is_dir { format!("{text} ({files})") } else { text };
            table.row([
                (change.to_owned(), style),
                (size(totals.bytes), Style::new()),
                (place, Style::new()),
            ]);
        }
    }
    table.write(out)?;
    if hidden.files > 0 {
        writeln!(out, "  and {} more; --all lists every path", plural(hidden.files, "file", "files"))?;
    }
    Ok(())
}

fn shown(line: &Line) -> String {
    let slash = if line.is_dir { "/" } else { "" };
    let files = match line.totals.files {
        0 if line.is_dir => " (empty)".to_owned(),
        0 | 1 => String::new(),
        n => format!(" ({})", plural(n, "file", "files")),
    };
    match &line.from {
        Some(from) => format!("{from} -> {}", line.path),
        None if line.is_link => format!("{} (link)", line.path),
        None => format!("{}{slash}{files}", line.path),
    }
}
