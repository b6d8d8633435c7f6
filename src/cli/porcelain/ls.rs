//! `dsv ls`, `dsv cat`

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::diff::split_words;
use super::link::LinkDocument;
use super::views::json_path;
use crate::cli::Answer;
use crate::cli::args::look::{Cat, Ls};
use crate::cli::error::{Failure, StreamError, UsageError};
use crate::cli::plumbing::end_with_path;
use crate::cli::session::Session;
use crate::cli::ui::{Palette, plural, size};
use crate::model::{BlobId, Entry, EntryKind, ErrorKind, ExternalLink, RepoPath};
use crate::porcelain::{self, Repository, cat, link, ls};

/// An entry, for a program.
#[derive(Debug, Serialize)]
pub(super) struct EntryDocument {
    path: String,
    kind: &'static str,
    bytes: u64,
    files: u64,
    id: String,
    /// What an external link says.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkDocument>,
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
            link: None,
        }
    }

    /// The same with what a link says.
    fn leading(self, link: Option<&ExternalLink>) -> Self {
        Self { link: link.map(LinkDocument::new), ..self }
    }
}

/// What an entry that is an external link says, where that is shown.
fn link_of(
    repository: &Repository,
    entry: &Entry,
    shown: bool,
) -> Result<Option<ExternalLink>, porcelain::Error> {
    let is_link = shown && entry.kind == EntryKind::ExternalLink;
    is_link.then(|| link::read(repository, &BlobId::new(entry.id))).transpose()
}

/// Writes an entry for a person.
pub(super) fn entry_line(
    out: &mut dyn Write,
    palette: &Palette,
    (path, url): (&RepoPath, Option<&str>),
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
    } else if entry.kind == EntryKind::ExternalLink && url.is_none() {
        writeln!(out, "{path}  {dim}link{dim:#}")
    } else if let Some(url) = url {
        writeln!(out, "{path}  {dim}-> {url}{dim:#}")
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
        let link = link_of(&repository, &listed.entry, args.json || (args.long && !args.nul))?;
        let written = if args.json {
            ui.json(&EntryDocument::new(&listed.path, &listed.entry).leading(link.as_ref()))
        } else if args.nul {
            end_with_path(ui.out(), listed.path.as_bytes(), true)
        } else {
            let (out, palette) = ui.out_and_palette();
            let url = link.as_ref().map(|link| link.url.as_str());
            entry_line(out, palette, (&listed.path, url), &listed.entry, args.long)
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

/// An error about a revision that there is not, with the advice to put something in front of it when it is a path.
pub(super) fn meant_as_path(
    repository: &Repository,
    error: impl Into<Failure>,
    word: &OsStr,
    before: &str,
) -> Failure {
    let failure = error.into();
    let is_name = matches!(failure.kind(), ErrorKind::NotFound | ErrorKind::InvalidName);
    let Some(path) = repository.repo_path(Path::new(word)).ok().filter(|path| is_name && !path.is_root())
    else {
        return failure;
    };
    let options = ls::Options { paths: vec![word.to_owned()], ..Default::default() };
    let quiet = crate::model::Monitor::quiet();
    let in_head = ls::run(repository, &options, &quiet, &mut |_| Ok(())).is_ok();
    let on_disk = repository.fs().stat(&repository.env().cwd.join(word)).is_ok();
    match before {
        "HEAD:" if in_head => failure.with_hint(format!("did you mean HEAD:{path}?")),
        "HEAD:" => failure,
        _ if in_head || on_disk => failure.with_hint(format!("did you mean {before} {}?", word.display())),
        _ => failure,
    }
}

/// Runs `dsv cat`.
pub(crate) fn cat(args: &Cat, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let monitor = crate::model::Monitor {
        interrupt: crate::cli::signals::interrupt(),
        ..crate::model::Monitor::quiet()
    };
    for object in &args.objects {
        let shown = cat::run(&repository, object.as_encoded_bytes(), session.ui.out(), &monitor);
        shown.map_err(|error| meant_as_path(&repository, error, object, "HEAD:"))?;
    }
    Ok(Answer::Yes)
}
