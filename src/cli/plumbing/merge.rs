//! `merge-tree`

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::plumbing::merge::MergeTree;
use crate::cli::error::Failure;
use crate::cli::plumbing::end_with_path;
use crate::cli::porcelain::views::{Side, json_path};
use crate::cli::session::Session;
use crate::model::{ConflictKind, Entry};
use crate::plumbing::Writer;
use crate::plumbing::merge_tree::{self, Base, Conflict, Options, Outcome};

#[derive(Serialize)]
struct Document {
    tree: String,
    files: u64,
    bytes: u64,
    conflicts: Vec<ConflictLine>,
    favoured: Vec<ConflictLine>,
    merged_by_lines: Vec<String>,
}

#[derive(Serialize)]
struct ConflictLine {
    path: String,
    kind: &'static str,
    base: Option<Side>,
    ours: Option<Side>,
    theirs: Option<Side>,
    beside: Option<String>,
}

/// `dsv merge-tree`
pub(crate) fn merge_tree(args: &MergeTree, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let tree = |text: &std::ffi::OsStr| repository.resolve_tree(text.as_encoded_bytes());
    let base = Base { tree: Some(tree(&args.base)?), ..Base::default() };
    let options = Options {
        base: &base,
        ours: Some(tree(&args.our_tree)?),
        theirs: Some(tree(&args.their_tree)?),
        favour: args.side.favour(),
        label: &args.word,
    };
    let outcome = session.monitored(|monitor| -> Result<Outcome, Failure> {
        let _objects = repository.lock_objects(monitor)?;
        let writer = Writer::new(repository.db())?;
        let outcome = merge_tree::run(&writer, &options, monitor)?;
        writer.finish()?;
        Ok(outcome)
    })?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else {
        lines(&outcome, args.nul, session.ui.out())?;
    }
    Ok(if outcome.conflicts.is_empty() { Answer::Yes } else { Answer::No })
}

fn document(outcome: &Outcome) -> Document {
    let line = |conflict: &Conflict| ConflictLine {
        path: json_path(&conflict.path),
        kind: conflict.kind.as_str(),
        base: conflict.base.as_ref().map(Side::from),
        ours: conflict.ours.as_ref().map(Side::from),
        theirs: conflict.theirs.as_ref().map(Side::from),
        beside: conflict.beside.as_ref().map(json_path),
    };
    Document {
        tree: outcome.tree.id.to_string(),
        files: outcome.tree.totals.files,
        bytes: outcome.tree.totals.bytes,
        conflicts: outcome.conflicts.iter().map(line).collect(),
        favoured: outcome.favoured.iter().map(line).collect(),
        merged_by_lines: outcome.merged_by_lines.iter().map(json_path).collect(),
    }
}

fn lines(outcome: &Outcome, nul: bool, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", outcome.tree.id)?;
    out.write_all(if nul { b"\0" } else { b"\n" })?;
    for conflict in &outcome.conflicts {
        let letter = match conflict.kind {
            ConflictKind::Content => 'C',
            ConflictKind::ChangedRemoved => 'R',
            ConflictKind::Added => 'A',
            ConflictKind::Kind => 'K',
            ConflictKind::FileDirectory => 'D',
        };
        let sides = [&conflict.base, &conflict.ours, &conflict.theirs];
        let kinds = sides.map(|entry| entry.as_ref().map_or("-", |entry| entry.kind.as_str()));
        let id = |entry: &Option<Entry>| entry.as_ref().map_or_else(|| "-".to_owned(), |e| e.id.to_string());
        write!(out, "{letter} {} {}\t", kinds.join(" "), sides.map(id).join(" "))?;
        end_with_path(out, conflict.path.as_bytes(), nul)?;
    }
    Ok(())
}
