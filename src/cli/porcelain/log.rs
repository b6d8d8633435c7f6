//! `dsv log`, `dsv show`

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::ls::{EntryDocument, entry_line, meant_as_path};
use super::views::{
    ChangeLine, SHORT, VersionDocument, change_lines, json_path, marks_text, style, sums_text,
};
use crate::cli::Answer;
use crate::cli::args::look::{Log, Show};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Graph, Palette, Ui, count, plural, size, tame};
use crate::model::{RepoPath, Version, VersionId};
use crate::plumbing::cat_file::{self, ObjectKind};
use crate::porcelain::log::{self, LogEntry};
use crate::porcelain::show::{self, FileView, Listing, VersionView};
use crate::porcelain::{self, Marks, Repository};

/// Changed paths of a version, and entries of a folder, that a person is shown.
const SHOWN: usize = 100;

/// Runs `dsv log`.
pub(crate) fn run(args: &Log, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let mut options = log::Options {
        all: args.all,
        limit: args.limit,
        stat: args.stat,
        graph: args.graph,
        ..log::Options::default()
    };
    let interrupt = crate::cli::signals::interrupt();
    for text in &args.revisions {
        let range = repository.names(interrupt).range(text).map_err(porcelain::Error::from);
        let (include, exclude) =
            range.map_err(|error| meant_as_path(&repository, error, text.as_ref(), "dsv log --"))?;
        options.starts.extend(include);
        options.exclude.extend(exclude);
    }
    for path in &args.paths {
        options.paths.push(repository.repo_path(Path::new(path))?);
    }
    let outcome = session.monitored(|monitor| log::run(&repository, &options, monitor))?;
    if args.json {
        for entry in &outcome.entries {
            let LogEntry { id, version, marks, stat, .. } = entry;
            session.ui.json(&VersionDocument::new(id, version, marks, stat.as_ref()))?;
        }
        return Ok(Answer::Yes);
    }
    let mut graph = args.graph.then(Graph::new);
    for (number, entry) in outcome.entries.iter().enumerate() {
        let (out, palette) = session.ui.out_and_palette();
        let last = number + 1 == outcome.entries.len();
        let lines = lines(entry, args.oneline, last, palette);
        let Some(graph) = &mut graph else {
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            continue;
        };
        let shown = |id: &VersionId| outcome.entries[number + 1..].iter().any(|later| later.id == *id);
        let parents: Vec<VersionId> = entry.lines.iter().copied().filter(shown).collect();
        let beside = graph.next(entry.id, &parents);
        for (number, line) in lines.iter().enumerate() {
            let drawn = if number == 0 { &beside.first } else { &beside.rest };
            writeln!(out, "{}", format!("{drawn} {line}").trim_end())?;
        }
        beside.below.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(Answer::Yes)
}

/// The lines of one version in the log.
fn lines(entry: &LogEntry, oneline: bool, last: bool, palette: &Palette) -> Vec<String> {
    let LogEntry { id, version, marks, stat, .. } = entry;
    let stat = stat.as_ref().map(sums_text);
    if oneline {
        let Palette { id: id_style, .. } = palette;
        let (label, marks) = (version.full_label(), marks_text(marks, palette));
        let line =
            format!("{id_style}{}{id_style:#} {label}{marks} {}", id.short(SHORT), tame(version.subject()));
        return std::iter::once(line).chain(stat.map(|stat| format!("  {stat}"))).collect();
    }
    let mut lines = headline(id, version, marks, palette);
    lines.push(String::new());
    lines.extend(version.message.lines().map(|line| format!("    {}", tame(line))));
    if let Some(stat) = stat {
        lines.extend([String::new(), format!("  {stat}")]);
    }
    if !last {
        lines.push(String::new());
    }
    lines
}

/// Label, id, names, author and time.
fn headline(id: &VersionId, version: &Version, marks: &Marks, palette: &Palette) -> Vec<String> {
    let Palette { id: id_style, name, .. } = palette;
    let (label, marks) = (version.full_label(), marks_text(marks, palette));
    let mut lines = vec![format!("{name}{label}{name:#}  {id_style}{}{id_style:#}{marks}", id.short(SHORT))];
    if version.parents.len() > 1 {
        let parents: Vec<String> = version.parents.iter().map(|parent| parent.short(SHORT)).collect();
        lines.push(format!("Merges: {}", parents.join(" ")));
    }
    lines.push(format!("Author: {}", tame(&version.author.to_string())));
    lines.push(format!("Date:   {}", version.time.to_human()));
    lines
}

/// Runs `dsv show`.
pub(crate) fn show(args: &Show, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let object = repository.resolve(args.object.as_encoded_bytes())?;
    let limit = if args.json.json || args.all { usize::MAX } else { SHOWN };
    let options = show::Options { object, limit };
    let outcome = session.monitored(|monitor| show::run(&repository, &options, monitor))?;
    match (&outcome, args.json.json) {
        (show::Outcome::Version(view), false) => version(view, &mut session.ui)?,
        (show::Outcome::Directory(listing), false) => directory(listing, &mut session.ui)?,
        (show::Outcome::File(view), false) => file(&repository, view, session)?,
        (show::Outcome::Version(view), true) => session.ui.json(&ViewDocument {
            version: VersionDocument::new(&view.id, &view.version, &view.marks, Some(&view.changes.totals)),
            paths: change_lines(&view.changes.changed, &view.changes.renamed),
        })?,
        (show::Outcome::Directory(listing), true) => session.ui.json(&DirectoryDocument {
            path: listing.path.as_ref().map(json_path),
            id: listing.id.to_string(),
            files: listing.totals.files,
            bytes: listing.totals.bytes,
            entries: listing
                .entries
                .iter()
                .map(|entry| EntryDocument::new(&RepoPath::from(entry.name.clone()), entry))
                .collect(),
        })?,
        (show::Outcome::File(view), true) => session.ui.json(&FileDocument {
            path: view.path.as_ref().map(json_path),
            kind: view.kind.map(crate::model::EntryKind::as_str),
            id: view.id.to_string(),
            bytes: view.size,
        })?,
    }
    Ok(Answer::Yes)
}

#[derive(Serialize)]
struct ViewDocument<'a> {
    #[serde(flatten)]
    version: VersionDocument<'a>,
    paths: Vec<ChangeLine>,
}

#[derive(Serialize)]
struct DirectoryDocument {
    path: Option<String>,
    id: String,
    files: u64,
    bytes: u64,
    entries: Vec<EntryDocument>,
}

#[derive(Serialize)]
struct FileDocument {
    path: Option<String>,
    kind: Option<&'static str>,
    id: String,
    bytes: u64,
}

fn version(view: &VersionView, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let VersionView { id, version, marks, changes } = view;
    headline(id, version, marks, palette).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(out, "Id:     {id}")?;
    version.parents.iter().try_for_each(|parent| writeln!(out, "Parent: {parent}"))?;
    let files = plural(version.totals.files, "file", "files");
    writeln!(out, "Holds:  {files}, {}", size(version.totals.bytes))?;
    for (key, value) in &version.metadata {
        writeln!(out, "Meta:   {} = {}", tame(key), tame(&value.to_string()))?;
    }
    if let Some(git) = &version.origin.git {
        let branch = git.branch.as_ref().map_or_else(String::new, |branch| format!(" on {branch}"));
        let dirty = if git.dirty == Some(true) { ", with changes" } else { "" };
        let remote = git.remote.as_ref().map_or_else(String::new, |remote| format!(" of {remote}"));
        writeln!(out, "Code:   {}", tame(&format!("{}{branch}{remote}{dirty}", git.commit)))?;
    }
    version.origin.command.iter().try_for_each(|command| writeln!(out, "Made by {}", tame(command)))?;
    for note in &marks.record.notes {
        let by = format!("{}, {}", note.by.who, note.by.time.to_minute());
        writeln!(out, "Note:   {} ({})", tame(&note.text), tame(&by))?;
    }
    for (what, by) in [("Published", &marks.record.published), ("Deleted", &marks.record.deleted)] {
        if let Some(by) = by {
            writeln!(out, "{what} by {}, {}", tame(&by.who), by.time.to_minute())?;
        }
    }
    if let Some(description) = &marks.record.description {
        writeln!(out)?;
        description.lines().try_for_each(|line| writeln!(out, "  {}", tame(line)))?;
    }
    writeln!(out)?;
    version.message.lines().try_for_each(|line| writeln!(out, "    {}", tame(line)))?;
    writeln!(out)?;
    for line in change_lines(&changes.changed, &changes.renamed) {
        path_line(out, palette, &line)?;
    }
    if changes.omitted > 0 {
        writeln!(out, "  and {} more; --all lists them", count(changes.omitted))?;
    }
    writeln!(out, "{}", sums_text(&changes.totals))
}

fn path_line(out: &mut dyn Write, palette: &Palette, line: &ChangeLine) -> io::Result<()> {
    let style = style(palette, line.action);
    let bytes = line.new.as_ref().or(line.old.as_ref()).map_or(0, |side| side.bytes);
    let from = line.from.as_ref().map_or_else(String::new, |from| format!("{} -> ", tame(from)));
    let side = line.new.as_ref().or(line.old.as_ref());
    let empty = if side.is_some_and(|side| side.kind == "dir") { "/ (empty)" } else { "" };
    writeln!(
        out,
        "  {style}{:<8}{style:#} {:>9}  {from}{}{empty}",
        line.action,
        size(bytes),
        tame(&line.path)
    )
}

fn directory(listing: &Listing, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    for entry in &listing.entries {
        entry_line(out, palette, (&RepoPath::from(entry.name.clone()), None), entry, false)?;
    }
    if listing.omitted > 0 {
        writeln!(out, "  and {} more; --all lists them", count(listing.omitted))?;
    }
    Ok(())
}

/// The bytes; on a terminal, of what is no text only what it is.
fn file(repository: &Repository, view: &FileView, session: &mut Session) -> Result<(), Failure> {
    let interrupt = crate::cli::signals::interrupt();
    let id = view.id.object();
    if session.ui.width.is_some() && !looks_like_text(repository, view)? {
        let path = view.path.as_ref().map_or_else(|| view.id.short(SHORT), ToString::to_string);
        let text = format!("{path} is no text: {}, SHA-256 {}", size(view.size), view.id);
        writeln!(session.ui.out(), "{text}")?;
        session.ui.hint("dsv cat writes its bytes");
        return Ok(());
    }
    cat_file::copy(repository.db(), ObjectKind::Blob, &id, session.ui.out(), interrupt)?;
    Ok(())
}

/// Whether the beginning of a file has no byte that texts do not have.
fn looks_like_text(repository: &Repository, view: &FileView) -> Result<bool, Failure> {
    let mut reader = repository.db().open_blob(&view.id)?;
    let bytes = reader.fill()?;
    Ok(crate::plumbing::diff_text::is_text(bytes))
}
