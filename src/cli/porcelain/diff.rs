//! `dsv diff`

use std::ffi::OsString;
use std::io::{self, Write};

use bstr::ByteSlice;
use serde::Serialize;

use super::views::{ChangeLine, Side, Sums, action, json_path, style, sums_text};
use crate::cli::Answer;
use crate::cli::args::datasets::Compare;
use crate::cli::args::look::Diff;
use crate::cli::error::{Failure, UsageError, one_line};
use crate::cli::plumbing::end_with_path;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Palette, Table, Ui, plural, size};
use crate::model::{ErrorKind, Totals, TreeId};
use crate::plumbing::diff_text::{Hunk, LineChange};
use crate::plumbing::diff_tree::DiffTotals;
use crate::porcelain::diff::{self, ContentDiff, FileChange, FileState, Outcome, Sides};
use crate::porcelain::{Repository, is_pattern};

/// Runs it.
pub(crate) fn run(args: &Diff, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let (revisions, mut paths) = split_words(&repository, &args.words)?;
    paths.extend(args.paths.iter().cloned());
    let options = diff::Options {
        sides: sides(&revisions, args.staged)?,
        paths,
        totals_only: args.summary && !args.json.json,
    };
    let outcome = session.monitored(|monitor| diff::run(&repository, &options, monitor))?;
    for problem in &outcome.problems {
        session.ui.warn(&one_line(problem));
    }
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else if args.summary {
        writeln!(session.ui.out(), "{}", sums_text(&outcome.totals))?;
    } else if args.name_status {
        name_status(&outcome, args.nul, session.ui.out())?;
    } else if args.content {
        contents(&repository, &outcome, session)?;
    } else {
        stat(&outcome, &mut session.ui)?;
    }
    let same = outcome.changes.is_empty() && outcome.renames.is_empty();
    Ok(if outcome.has_unreadable() || (args.exit_code && !same) { Answer::No } else { Answer::Yes })
}

/// Runs `dsv compare`.
pub(crate) fn compare(args: &Compare, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let tree = |text: &str| repository.resolve_tree(text.as_bytes());
    let sides = Sides::Trees(tree(&args.source)?, tree(&args.target)?);
    let totals_only = !args.verbose && !args.json.json;
    let options = diff::Options { sides, paths: Vec::new(), totals_only };
    let outcome = session.monitored(|monitor| diff::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
        return Ok(Answer::Yes);
    }
    if args.verbose {
        name_status(&outcome, false, session.ui.out())?;
    }
    let DiffTotals { added, modified, removed, renamed } = outcome.totals;
    let count = |totals: Totals| plural(totals.files, "file", "files");
    let sentence = format!(
        "Comparison summary: {} removed, {} modified, {} added, {} renamed",
        count(removed),
        count(modified),
        count(added),
        count(renamed)
    );
    writeln!(session.ui.out(), "{sentence}")?;
    Ok(Answer::Yes)
}

/// Words that name directories of versions, and from the first one on that does not, paths.
pub(super) fn split_words(
    repository: &Repository,
    words: &[OsString],
) -> Result<(Vec<TreeId>, Vec<OsString>), Failure> {
    let mut trees = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let bytes = word.as_encoded_bytes();
        let found = match bytes.split_once_str("..") {
            Some((old, new)) if !bytes.contains(&b'/') => {
                let side = |text: &[u8]| if text.is_empty() { b"HEAD".to_vec() } else { text.to_vec() };
                let old = repository.resolve_tree(&side(old));
                old.and_then(|old| Ok(vec![old, repository.resolve_tree(&side(new))?]))
            }
            _ => repository.resolve_tree(bytes).map(|tree| vec![tree]),
        };
        match found {
            Ok(found) => trees.extend(found),
            Err(error) => {
                let no_name =
                    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidName | ErrorKind::Usage);
                let on_disk = repository.fs().stat(&repository.env().cwd.join(word)).is_ok();
                if no_name && (on_disk || is_pattern(word)) {
                    return Ok((trees, words[at..].to_vec()));
                }
                return Err(error.into());
            }
        }
    }
    Ok((trees, Vec::new()))
}

fn sides(revisions: &[TreeId], staged: bool) -> Result<Sides, UsageError> {
    match (revisions, staged) {
        ([], false) => Ok(Sides::Worktree),
        ([], true) => Ok(Sides::Staged(None)),
        ([one], false) => Ok(Sides::TreeAndWorktree(*one)),
        ([one], true) => Ok(Sides::Staged(Some(*one))),
        ([old, new], false) => Ok(Sides::Trees(*old, *new)),
        ([_, _], true) => {
            Err(UsageError::new("with --staged there is at most one version", "leave out --staged"))
        }
        _ => Err(UsageError::new("there are at most two versions to compare", "paths go behind --")),
    }
}

#[derive(Serialize)]
struct Document {
    changes: Vec<ChangeLine>,
    totals: Sums,
}

fn document(outcome: &Outcome) -> Document {
    let side = |state: &FileState| Side {
        kind: state.kind.as_str(),
        bytes: state.size,
        id: state.id.map(|id| id.to_string()),
    };
    let changed = outcome.changes.iter().map(|change| ChangeLine {
        action: action(change.old.is_some(), change.new.is_some()),
        path: json_path(&change.path),
        from: None,
        old: change.old.as_ref().map(side),
        new: change.new.as_ref().map(side),
    });
    let changes = changed.chain(super::views::change_lines(&[], &outcome.renames)).collect();
    Document { changes, totals: (&outcome.totals).into() }
}

fn name_status(outcome: &Outcome, nul: bool, out: &mut dyn Write) -> io::Result<()> {
    for change in &outcome.changes {
        let letter = match (&change.old, &change.new) {
            (None, _) => 'A',
            (Some(_), None) => 'D',
            (Some(old), Some(new)) if old.kind == new.kind => 'M',
            (Some(_), Some(_)) => 'T',
        };
        write!(out, "{letter}{}", if nul { '\0' } else { '\t' })?;
        end_with_path(out, change.path.as_bytes(), nul)?;
    }
    for rename in &outcome.renames {
        if nul {
            out.write_all(b"R\0")?;
            end_with_path(out, rename.from.as_bytes(), true)?;
        } else {
            write!(out, "R\t{}\t", rename.from)?;
        }
        end_with_path(out, rename.to.as_bytes(), nul)?;
    }
    Ok(())
}

fn stat(outcome: &Outcome, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let plain = anstyle::Style::new();
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Left], 2);
    for change in &outcome.changes {
        let word = action(change.old.is_some(), change.new.is_some());
        let (old, new) = (change.old.map(|old| old.size), change.new.map(|new| new.size));
        let grown = old.zip(new).map_or_else(String::new, |(old, new)| difference(old, new));
        table.row([
            (word.to_owned(), style(palette, word)),
            (size(new.or(old).unwrap_or_default()), plain),
            (grown, palette.dim),
            (shown(change), plain),
        ]);
    }
    for rename in &outcome.renames {
        table.row([
            ("renamed".to_owned(), palette.renamed),
            (size(rename.entry.size), plain),
            (String::new(), plain),
            (format!("{} -> {}", rename.from, rename.to), plain),
        ]);
    }
    table.write(out)?;
    writeln!(out, "{}", sums_text(&outcome.totals))
}

/// The path; of an empty folder, that it is one.
fn shown(change: &FileChange) -> String {
    let state = change.new.or(change.old);
    let is_folder = state.is_some_and(|state| state.kind.is_dir() && state.files == 0);
    if is_folder { format!("{}/ (empty)", change.path) } else { change.path.to_string() }
}

/// `+4 B`, `-1.0 KiB`, `+0 B`.
fn difference(old: u64, new: u64) -> String {
    let sign = if new < old { '-' } else { '+' };
    format!("{sign}{}", size(new.abs_diff(old)))
}

fn contents(repository: &Repository, outcome: &Outcome, session: &mut Session) -> Result<(), Failure> {
    for change in &outcome.changes {
        let differs = diff::content(repository, change)?;
        let (out, palette) = session.ui.out_and_palette();
        content(out, palette, change, &differs)?;
    }
    let out = session.ui.out();
    for rename in &outcome.renames {
        writeln!(out, "renamed {} -> {}", rename.from, rename.to)?;
    }
    Ok(())
}

fn content(
    out: &mut dyn Write,
    palette: &Palette,
    change: &FileChange,
    differs: &ContentDiff,
) -> io::Result<()> {
    let Palette { heading, .. } = palette;
    let path = &change.path;
    let size_of = |state: &Option<FileState>| state.map_or_else(|| "nothing".to_owned(), |s| size(s.size));
    let sizes = format!("{} -> {}", size_of(&change.old), size_of(&change.new));
    let hunks = match differs {
        ContentDiff::Binary => {
            return writeln!(out, "{heading}{path}{heading:#}: binary, {sizes}");
        }
        ContentDiff::TooLarge => {
            let limit = size(diff::TEXT_LIMIT);
            return writeln!(out, "{heading}{path}{heading:#}: larger than {limit}, {sizes}");
        }
        ContentDiff::Text(hunks) => hunks,
    };
    let name = |state: &Option<FileState>, side: &str| {
        if state.is_some() { format!("{side}/{path}") } else { "/dev/null".to_owned() }
    };
    writeln!(out, "{heading}--- {}{heading:#}", name(&change.old, "a"))?;
    writeln!(out, "{heading}+++ {}{heading:#}", name(&change.new, "b"))?;
    if let (Some(old), Some(new)) = (&change.old, &change.new)
        && old.kind != new.kind
    {
        writeln!(out, "kind {} -> {}", old.kind.as_str(), new.kind.as_str())?;
    }
    hunks.iter().try_for_each(|part| hunk(out, palette, part))
}

fn hunk(out: &mut dyn Write, palette: &Palette, hunk: &Hunk) -> io::Result<()> {
    let renamed = palette.renamed;
    let Hunk { old_start, old_lines, new_start, new_lines, lines } = hunk;
    writeln!(out, "{renamed}@@ -{old_start},{old_lines} +{new_start},{new_lines} @@{renamed:#}")?;
    for line in lines {
        let (sign, style) = match line.change {
            LineChange::Same => (' ', anstyle::Style::new()),
            LineChange::Removed => ('-', palette.removed),
            LineChange::Added => ('+', palette.added),
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
