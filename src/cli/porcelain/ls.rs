//! `dsv ls`, `dsv cat`

use std::io::{self, Write};

use serde::Serialize;

use super::diff::split_words;
use super::views::json_path;
use crate::cli::Answer;
use crate::cli::args::look::{Cat, Ls};
use crate::cli::error::{Failure, StreamError, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Palette, plural, size};
use crate::model::{Entry, RepoPath};
use crate::porcelain::{self, cat, ls};

/// An entry, for a program.
#[derive(Debug, Serialize)]
pub(super) struct EntryDocument {
    path: String,
    kind: &'static str,
    bytes: u64,
    files: u64,
    id: String,
}

impl EntryDocument {
    /// An entry and where it stands.
    pub(super) fn new(path: &RepoPath, entry: &Entry) -> Self {
        Self {
            path: json_path(path),
            kind: entry.kind.as_str(),
            bytes: entry.size,
            files: entry.files,
            id: entry.id.to_string(),
        }
    }
}

/// Writes an entry for a person.
pub(super) fn entry_line(
    out: &mut dyn Write,
    palette: &Palette,
    path: &RepoPath,
    entry: &Entry,
    long: bool,
) -> io::Result<()> {
    let Palette { id, heading, dim, .. } = palette;
    if long {
        write!(out, "{id}{}{id:#}  {:<7}  ", entry.id, entry.kind.as_str())?;
    }
    write!(out, "{:>9}  ", size(entry.size))?;
    if entry.kind.is_dir() {
        let files = plural(entry.files, "file", "files");
        writeln!(out, "{heading}{path}/{heading:#}  {dim}{files}{dim:#}")
    } else {
        writeln!(out, "{path}")
    }
}

/// Runs `dsv ls`.
pub(crate) fn run(args: &Ls, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let mut words = args.words.clone();
    // Only the first word can be a version.
    let rest = if words.len() > 1 { words.split_off(1) } else { Vec::new() };
    let (trees, mut paths) = split_words(&repository, &words).or_else(|failure| {
        // Without a version of that name, it is what is looked for in HEAD.
        let here = ls::Options { paths: words.clone(), ..ls::Options::default() };
        let quiet = crate::model::Monitor::quiet();
        ls::run(&repository, &here, &quiet, &mut |_| Ok(())).map(|_| (Vec::new(), words)).map_err(|_| failure)
    })?;
    if trees.len() > 1 {
        return Err(UsageError::new("there is one version to list", "compare two with dsv diff").into());
    }
    paths.extend(rest);
    let options = ls::Options { tree: trees.first().copied(), paths, recursive: args.recursive };
    let interrupt = crate::cli::signals::interrupt();
    let monitor = crate::model::Monitor { interrupt, ..crate::model::Monitor::quiet() };
    let ui = &mut session.ui;
    let mut broken = None;
    let listed = ls::run(&repository, &options, &monitor, &mut |listed| {
        let written = if args.json {
            ui.json(&EntryDocument::new(&listed.path, &listed.entry))
        } else {
            let (out, palette) = ui.out_and_palette();
            entry_line(out, palette, &listed.path, &listed.entry, args.long)
        };
        written.map_err(|error| {
            // The walk is ended by the only error it can take from here; the cause is told instead.
            broken = Some(error);
            porcelain::Error::from(crate::model::Interrupted)
        })
    });
    if let Some(error) = broken {
        return Err(StreamError::output(error).into());
    }
    listed?;
    Ok(Answer::Yes)
}

/// Runs `dsv cat`.
pub(crate) fn cat(args: &Cat, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let monitor = crate::model::Monitor {
        interrupt: crate::cli::signals::interrupt(),
        ..crate::model::Monitor::quiet()
    };
    for object in &args.objects {
        cat::run(&repository, object.as_encoded_bytes(), session.ui.out(), &monitor)?;
    }
    Ok(Answer::Yes)
}
