//! `dsv cache`

use std::io;
use std::path::Path;

use anstyle::Style;
use serde::Serialize;

use super::get::full_label;
use crate::cli::Answer;
use crate::cli::args::get::{Cache, CacheAction};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, plural, size};
use crate::model::{Time, quote_path};
use crate::porcelain::cache::{self, CachedCopy, LinkedCopy, Trimmed};

#[derive(Serialize)]
struct CopyLine<'a> {
    dataset: &'a str,
    label: String,
    version: String,
    url: &'a str,
    paths: &'a [String],
    part: Option<u32>,
    num_parts: Option<u32>,
    files: u64,
    bytes: u64,
    made: String,
    used: String,
    path: &'a Path,
}

#[derive(Serialize)]
struct LinkLine<'a> {
    #[serde(flatten)]
    copy: CopyLine<'a>,
    link: &'a Path,
    host: Option<&'a str>,
}

impl<'a> LinkLine<'a> {
    fn new(linked: &'a LinkedCopy) -> Self {
        Self { copy: CopyLine::new(&linked.copy), link: &linked.link, host: linked.host.as_deref() }
    }
}

#[derive(Serialize)]
struct TrimDocument<'a> {
    removed: Vec<CopyLine<'a>>,
    in_use: Vec<CopyLine<'a>>,
    linked: Vec<LinkLine<'a>>,
    freed_bytes: u64,
    kept_bytes: u64,
}

impl<'a> CopyLine<'a> {
    fn new(copy: &'a CachedCopy) -> Self {
        let facts = &copy.facts;
        Self {
            dataset: facts.dataset.as_str(),
            label: facts.label.to_string(),
            version: facts.version.to_string(),
            url: &facts.url,
            paths: &facts.paths,
            part: facts.part.map(|(part, _)| part),
            num_parts: facts.part.map(|(_, parts)| parts),
            files: facts.files,
            bytes: facts.bytes,
            made: facts.made.to_string(),
            used: used(copy).to_string(),
            path: &copy.path,
        }
    }

    fn all(copies: &'a [CachedCopy]) -> Vec<Self> {
        copies.iter().map(Self::new).collect()
    }
}

/// When a copy was used last, in the zone that it was made in.
const fn used(copy: &CachedCopy) -> Time {
    Time { seconds: copy.used_ns / 1_000_000_000, offset: copy.facts.made.offset }
}

/// Runs it.
pub(crate) fn run(args: &Cache, session: &mut Session) -> Result<Answer, Failure> {
    match &args.action {
        None => list(args.json.json, session),
        Some(CacheAction::Ls { json }) => list(json.json, session),
        Some(CacheAction::Gc { max_size, json }) => {
            let environment = session.environment();
            let trimmed = session.monitored(|monitor| cache::gc(&environment, *max_size, monitor))?;
            report(&trimmed, json.json, &mut session.ui)?;
            Ok(Answer::Yes)
        }
        Some(CacheAction::Clear { json }) => {
            let environment = session.environment();
            let trimmed = session.monitored(|monitor| cache::clear(&environment, monitor))?;
            report(&trimmed, json.json, &mut session.ui)?;
            Ok(Answer::Yes)
        }
    }
}

fn list(json: bool, session: &mut Session) -> Result<Answer, Failure> {
    let copies = cache::list(&session.environment())?;
    if json {
        session.ui.json(&CopyLine::all(&copies))?;
        return Ok(Answer::Yes);
    }
    if copies.is_empty() {
        session.ui.talk("No copy is in the cache");
    }
    let (out, palette) = session.ui.out_and_palette();
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left, Align::Left], 0);
    for copy in &copies {
        table.row([
            (full_label(&copy.facts), palette.name),
            (size(copy.facts.bytes), Style::new()),
            (used(copy).to_human(), palette.dim),
            (copy.path.display().to_string(), Style::new()),
        ]);
    }
    table.write(out)?;
    Ok(Answer::Yes)
}

fn report(trimmed: &Trimmed, json: bool, ui: &mut Ui) -> io::Result<()> {
    if json {
        return ui.json(&TrimDocument {
            removed: CopyLine::all(&trimmed.removed),
            in_use: CopyLine::all(&trimmed.in_use),
            linked: trimmed.linked.iter().map(LinkLine::new).collect(),
            freed_bytes: trimmed.freed,
            kept_bytes: trimmed.kept,
        });
    }
    let kept = format!("{} kept", size(trimmed.kept));
    if trimmed.freed == 0 && trimmed.removed.is_empty() {
        ui.report(&format!("Nothing to remove; {kept}"))?;
    } else {
        let copies = plural(trimmed.removed.len() as u64, "copy", "copies");
        ui.report(&format!("Freed {}: {copies} removed; {kept}", size(trimmed.freed)))?;
    }
    for copy in &trimmed.in_use {
        ui.report(&format!("  {} stays: somebody uses it", full_label(&copy.facts)))?;
    }
    for LinkedCopy { copy, link, host } in &trimmed.linked {
        let on =
            host.as_ref().map_or_else(String::new, |host| format!(" on {}", quote_path(host.as_bytes())));
        let label = full_label(&copy.facts);
        let link = quote_path(link.as_os_str().as_encoded_bytes());
        ui.report(&format!("  {label} stays: the link '{link}'{on} leads to it"))?;
    }
    Ok(())
}
