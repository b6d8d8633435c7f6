//! `hash-object`, `chunk-file`, `count-objects`.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::plumbing::objects::{ChunkFile, CountObjects, HashObject};
use crate::cli::error::{Failure, StreamError};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, count, size};
use crate::model::{BlobId, Monitor};
use crate::plumbing::host::{FileReader, bytes_to_path};
use crate::plumbing::{Writer, chunk_file, count_objects, hash_object};

/// `dsv hash-object`
pub(crate) fn hash_object(args: &HashObject, session: &mut Session) -> Result<Answer, Failure> {
    let mut files = args.files.clone();
    if args.stdin_paths {
        files.extend(paths_on_stdin(args.nul)?);
    }
    let ids = if args.write {
        let repository = session.repository()?;
        session.monitored(|monitor| -> Result<_, Failure> {
            let lock = repository.lock_objects(monitor)?;
            let writer = Writer::new(repository.db())?;
            let ids = hash_all(args.stdin, &files, session, Some(&writer), monitor)?;
            writer.finish()?;
            drop(lock);
            Ok(ids)
        })?
    } else {
        session.monitored(|monitor| hash_all(args.stdin, &files, session, None, monitor))?
    };
    for id in ids {
        writeln!(session.ui.out(), "{id}")?;
    }
    Ok(Answer::Yes)
}

fn hash_all(
    stdin: bool,
    files: &[PathBuf],
    session: &Session,
    writer: Option<&Writer>,
    monitor: &Monitor<'_>,
) -> Result<Vec<BlobId>, Failure> {
    let mut ids = Vec::new();
    if stdin {
        ids.push(hash_object::run(&mut io::stdin().lock(), writer, monitor)?.id);
    }
    let fs = session.environment().fs;
    for file in files {
        let mut source = FileReader::open(&*fs, &session.env.cwd.join(file))?;
        monitor.progress.phase(&format!("Hashing {}", file.display()), None, source.size());
        ids.push(hash_object::run(&mut source, writer, monitor)?.id);
    }
    Ok(ids)
}

/// Names of files on standard input, a line each.
fn paths_on_stdin(nul: bool) -> Result<Vec<PathBuf>, Failure> {
    let end = if nul { 0 } else { b'\n' };
    let lines = io::stdin().lock().split(end).collect::<io::Result<Vec<_>>>().map_err(StreamError::input)?;
    lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| Ok(bytes_to_path(line).map_err(StreamError::input)?.to_owned()))
        .collect()
}

#[derive(Serialize)]
struct ChunkLine {
    offset: u64,
    bytes: u64,
    blake3: String,
}

/// `dsv chunk-file`
pub(crate) fn chunk_file(args: &ChunkFile, session: &mut Session) -> Result<Answer, Failure> {
    let fs = session.environment().fs;
    let path: &Path = &session.env.cwd.join(&args.file);
    let mut source = FileReader::open(&*fs, path)?;
    let interrupt = crate::cli::signals::interrupt();
    chunk_file::run(&mut source as &mut dyn Read, interrupt, |chunk| -> Result<(), Failure> {
        if args.json {
            let line = ChunkLine { offset: chunk.offset, bytes: chunk.len, blake3: chunk.id.to_string() };
            session.ui.json(&line)?;
        } else {
            writeln!(session.ui.out(), "{:>14} {:>8} {}", chunk.offset, chunk.len, chunk.id)?;
        }
        Ok(())
    })?;
    Ok(Answer::Yes)
}

#[derive(Serialize)]
struct CountDocument {
    records: Vec<KindLine>,
    packs: FilesLine,
    indexes: FilesLine,
    unlisted_packs: FilesLine,
    temporary_files: FilesLine,
    missing_packs: u64,
    damaged_indexes: u64,
}

#[derive(Serialize)]
struct KindLine {
    kind: &'static str,
    records: u64,
    raw_bytes: u64,
    stored_bytes: u64,
}

#[derive(Serialize)]
struct FilesLine {
    files: u64,
    bytes: u64,
}

impl From<&count_objects::Outcome> for CountDocument {
    fn from(outcome: &count_objects::Outcome) -> Self {
        let files = |count: count_objects::FileCount| FilesLine { files: count.files, bytes: count.bytes };
        let kind = |count: &count_objects::KindCount| KindLine {
            kind: count.kind.as_str(),
            records: count.records,
            raw_bytes: count.raw_bytes,
            stored_bytes: count.stored_bytes,
        };
        Self {
            records: outcome.kinds.iter().map(kind).collect(),
            packs: files(outcome.packs),
            indexes: files(outcome.indexes),
            unlisted_packs: files(outcome.unlisted_packs),
            temporary_files: files(outcome.temporary),
            missing_packs: outcome.missing_packs,
            damaged_indexes: outcome.damaged_indexes,
        }
    }
}

/// `dsv count-objects`
pub(crate) fn count_objects(args: &CountObjects, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let outcome = session.monitored(|monitor| count_objects::run(repository.db(), monitor))?;
    if args.json.json {
        session.ui.json(&CountDocument::from(&outcome))?;
    } else {
        render_count(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn render_count(outcome: &count_objects::Outcome, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let plain = anstyle::Style::new();
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Right], 0);
    table.row(["records", "number", "raw", "stored"].map(|text| (text.to_owned(), palette.heading)));
    for kind in &outcome.kinds {
        let cells = [
            kind.kind.as_str().to_owned(),
            count(kind.records),
            size(kind.raw_bytes),
            size(kind.stored_bytes),
        ];
        table.row(cells.map(|text| (text, plain)));
    }
    table.row([]);
    table.row(["files", "number", "", "bytes"].map(|text| (text.to_owned(), palette.heading)));
    for (name, files) in [
        ("packs", outcome.packs),
        ("indexes", outcome.indexes),
        ("unlisted packs", outcome.unlisted_packs),
        ("temporary files", outcome.temporary),
    ] {
        let cells = [name.to_owned(), count(files.files), String::new(), size(files.bytes)];
        table.row(cells.map(|text| (text, plain)));
    }
    table.write(out)?;
    for (number, what) in
        [(outcome.missing_packs, "packs are missing"), (outcome.damaged_indexes, "indexes are damaged")]
    {
        if number > 0 {
            writeln!(out, "{} {what}: see dsv fsck", count(number))?;
        }
    }
    Ok(())
}
