//! `dsv fsck`

use std::io;

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::plumbing::objects::Fsck;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Ui, count, plural};
use crate::porcelain::fsck;

#[derive(Serialize)]
struct Document {
    whole: bool,
    full: bool,
    findings: Vec<FindingLine>,
    more_findings: u64,
    lost: Vec<LostLine>,
    more_lost: u64,
    checked: Checked,
}

#[derive(Serialize)]
struct FindingLine {
    kind: &'static str,
    damage: bool,
    message: String,
}

#[derive(Serialize)]
struct LostLine {
    version: String,
    name: String,
    path: String,
}

#[derive(Serialize)]
struct Checked {
    packs: u64,
    indexes: u64,
    records: u64,
    versions: u64,
    trees: u64,
    files: u64,
    staged: u64,
    promised: u64,
}

/// Runs it.
pub(crate) fn run(args: &Fsck, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = fsck::Options { full: args.full };
    let outcome = session.monitored(|monitor| fsck::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome, args.full))?;
    } else {
        render(&outcome, args.full, &mut session.ui)?;
    }
    Ok(if outcome.is_whole() { Answer::Yes } else { Answer::No })
}

fn document(outcome: &fsck::Outcome, full: bool) -> Document {
    let finding = |finding: &fsck::Finding| FindingLine {
        kind: finding.kind(),
        damage: finding.is_damage(),
        message: finding.to_string(),
    };
    let lost = |lost: &fsck::Lost| LostLine {
        version: lost.version.to_string(),
        name: lost.name.clone(),
        path: lost.path.to_string(),
    };
    let fsck::Counts { packs, indexes, records, versions, trees, files, staged, promised } = outcome.counts;
    Document {
        whole: outcome.is_whole(),
        full,
        findings: outcome.findings.iter().map(finding).collect(),
        more_findings: outcome.more_findings,
        lost: outcome.lost.iter().map(lost).collect(),
        more_lost: outcome.more_lost,
        checked: Checked { packs, indexes, records, versions, trees, files, staged, promised },
    }
}

fn render(outcome: &fsck::Outcome, full: bool, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    for finding in &outcome.findings {
        let (word, style) =
            if finding.is_damage() { ("damage", palette.error) } else { ("untidy", palette.warning) };
        writeln!(out, "{style}{word}{style:#}: {finding}")?;
    }
    if outcome.more_findings > 0 {
        writeln!(out, "and {} more findings", count(outcome.more_findings))?;
    }
    let error = palette.error;
    for lost in &outcome.lost {
        writeln!(out, "{error}lost{error:#}: {lost}")?;
    }
    if outcome.more_lost > 0 {
        writeln!(out, "and {} more files or folders are lost", count(outcome.more_lost))?;
    }
    let counts = &outcome.counts;
    if counts.promised > 0 {
        let objects = plural(counts.promised, "object", "objects");
        let has = if full { "has" } else { "lists" };
        writeln!(out, "{objects} not here; the remote that this repository fetches from {has} them")?;
    }
    let verdict = if outcome.is_whole() { "The repository is whole" } else { "The repository is damaged" };
    let how = if full { "every byte was read" } else { "contents were not read, --full does" };
    writeln!(
        out,
        "{verdict}: {} in {}, {} in {} ({how})",
        plural(counts.files, "file", "files"),
        plural(counts.versions, "version", "versions"),
        plural(counts.records, "record", "records"),
        plural(counts.packs, "pack", "packs"),
    )
}
