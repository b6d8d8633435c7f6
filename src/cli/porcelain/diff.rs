//! `dsv diff`

use std::io::{self, Write};

use serde::Serialize;

use super::commit::changes;
use crate::cli::Answer;
use crate::cli::args::look::Diff;
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Palette, Table, size};
use crate::model::{RepoPath, Totals};
use crate::plumbing::diff_text::{Hunk, LineChange};
use crate::porcelain::Repository;
use crate::porcelain::diff::{self, ContentDiff, FileChange, FileState, Sides};

#[derive(Serialize)]
struct Document {
    added: Count,
    modified: Count,
    removed: Count,
    renamed: Count,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Count {
    files: u64,
    bytes: u64,
}

impl From<Totals> for Count {
    fn from(totals: Totals) -> Self {
        Self { files: totals.files, bytes: totals.bytes }
    }
}

#[derive(Serialize)]
struct Change {
    path: String,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    old_size: Option<u64>,
    new_size: Option<u64>,
    old_id: Option<String>,
    new_id: Option<String>,
}

/// Runs it.
pub(crate) fn run(args: &Diff, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = diff::Options {
        sides: sides(args, &repository)?,
        paths: args.paths.clone(),
        totals_only: args.summary && !args.json.json,
    };
    let outcome = session.monitored(|monitor| diff::run(&repository, &options, monitor))?;
    for problem in &outcome.problems {
        session.ui.warn(&problem.to_string());
    }
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else if args.summary {
        writeln!(session.ui.out(), "{}", changes(&outcome.totals))?;
    } else if args.name_status {
        name_status(&outcome, session.ui.out(), if args.zero { "\0" } else { "\n" })?;
    } else if args.content {
        for change in &outcome.changes {
            let content = diff::content(&repository, change)?;
            let (out, palette) = session.ui.out_and_palette();
            render_content(change, &content, out, palette)?;
        }
    } else {
        let (out, palette) = session.ui.out_and_palette();
        stat(&outcome, out, palette)?;
    }
    Ok(Answer::Yes)
}

fn sides(args: &Diff, repository: &Repository) -> Result<Sides, Failure> {
    let tree = |text: &String| repository.resolve_tree(text.as_bytes());
    Ok(match (args.revisions.as_slice(), args.staged) {
        ([], false) => Sides::Worktree,
        ([], true) => Sides::Staged(None),
        ([a], true) => Sides::Staged(Some(tree(a)?)),
        ([a], false) => Sides::TreeAndWorktree(tree(a)?),
        ([a, b], false) => Sides::Trees(tree(a)?, tree(b)?),
        _ => {
            let message = "--staged compares with one version at the most";
            return Err(UsageError::new(message, "leave --staged out to compare two versions").into());
        }
    })
}

const fn word(change: &FileChange) -> (&'static str, &'static str) {
    match (&change.old, &change.new) {
        (None, _) => ("A", "added"),
        (_, None) => ("D", "removed"),
        _ => ("M", "modified"),
    }
}

fn document(outcome: &diff::Outcome) -> Document {
    let lossy = |path: &RepoPath| String::from_utf8_lossy(path.as_bytes()).into_owned();
    let id = |state: &Option<FileState>| state.and_then(|state| state.id).map(|id| id.to_hex().to_string());
    let change = |change: &FileChange| Change {
        path: lossy(&change.path),
        change: word(change).1,
        from: None,
        old_size: change.old.map(|state| state.size),
        new_size: change.new.map(|state| state.size),
        old_id: id(&change.old),
        new_id: id(&change.new),
    };
    let mut changes: Vec<Change> = outcome.changes.iter().map(change).collect();
    changes.extend(outcome.renames.iter().map(|rename| Change {
        path: lossy(&rename.to),
        change: "renamed",
        from: Some(lossy(&rename.from)),
        old_size: Some(rename.entry.size),
        new_size: Some(rename.entry.size),
        old_id: Some(rename.entry.id.to_hex().to_string()),
        new_id: Some(rename.entry.id.to_hex().to_string()),
    }));
    let totals = &outcome.totals;
    Document {
        added: totals.added.into(),
        modified: totals.modified.into(),
        removed: totals.removed.into(),
        renamed: totals.renamed.into(),
        changes,
    }
}

fn name_status(outcome: &diff::Outcome, out: &mut dyn Write, end: &str) -> io::Result<()> {
    let raw = end == "\0";
    let path = |out: &mut dyn Write, path: &RepoPath| {
        if raw { out.write_all(path.as_bytes()) } else { write!(out, "{path}") }
    };
    for change in &outcome.changes {
        write!(out, "{}\t", word(change).0)?;
        path(out, &change.path)?;
        write!(out, "{end}")?;
    }
    for rename in &outcome.renames {
        write!(out, "R\t")?;
        path(out, &rename.from)?;
        write!(out, "\t")?;
        path(out, &rename.to)?;
        write!(out, "{end}")?;
    }
    Ok(())
}

fn stat(outcome: &diff::Outcome, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left], 0);
    let plain = anstyle::Style::new();
    for change in &outcome.changes {
        let style = match word(change).0 {
            "A" => palette.added,
            "D" => palette.removed,
            _ => palette.changed,
        };
        let sizes = match (&change.old, &change.new) {
            (Some(old), Some(new)) if old.size != new.size => {
                format!("{} -> {}", size(old.size), size(new.size))
            }
            (_, Some(state)) | (Some(state), None) => size(state.size),
            (None, None) => String::new(),
        };
        table.row([(word(change).1.to_owned(), style), (sizes, plain), (change.path.to_string(), plain)]);
    }
    for rename in &outcome.renames {
        let paths = format!("{} -> {}", rename.from, rename.to);
        table.row([
            ("renamed".to_owned(), palette.renamed),
            (size(rename.entry.size), plain),
            (paths, plain),
        ]);
    }
    table.write(out)?;
    if !outcome.changes.is_empty() || !outcome.renames.is_empty() {
        writeln!(out, "{}", changes(&outcome.totals))?;
    }
    Ok(())
}

fn render_content(
    change: &FileChange,
    content: &ContentDiff,
    out: &mut dyn Write,
    palette: &Palette,
) -> io::Result<()> {
    let heading = palette.heading;
    let (letter, _) = word(change);
    writeln!(out, "{heading}{letter} {}{heading:#}", change.path)?;
    let sizes = || {
        let side =
            |state: &Option<FileState>| state.map_or_else(|| "nothing".to_owned(), |state| size(state.size));
        format!("{} -> {}", side(&change.old), side(&change.new))
    };
    match content {
        ContentDiff::Binary => writeln!(out, "  binary, {}", sizes()),
        ContentDiff::TooLarge => writeln!(out, "  too large to compare by lines, {}", sizes()),
        ContentDiff::Text(hunks) => hunks.iter().try_for_each(|hunk| render_hunk(hunk, out, palette)),
    }
}

fn render_hunk(hunk: &Hunk, out: &mut dyn Write, palette: &Palette) -> io::Result<()> {
    let id = palette.id;
    writeln!(
        out,
        "{id}@@ -{},{} +{},{} @@{id:#}",
        hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines
    )?;
    for line in &hunk.lines {
        let (sign, style) = match line.change {
            LineChange::Same => (" ", anstyle::Style::new()),
            LineChange::Removed => ("-", palette.removed),
            LineChange::Added => ("+", palette.added),
        };
        write!(out, "{style}{sign}")?;
        out.write_all(&line.text)?;
        writeln!(out, "{style:#}")?;
        if !line.ends {
            writeln!(out, "\\ No newline at end of file")?;
        }
    }
    Ok(())
}
