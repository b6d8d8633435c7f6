//! `dsv get`

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::remotes::{config, name};
use super::views::SHORT;
use crate::cli::Answer;
use crate::cli::args::get::Get;
use crate::cli::error::{Failure, StreamError, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{plural, size};
use crate::model::CopyFacts;
use crate::plumbing::shares::Share;
use crate::porcelain::get::{self, Delivery, From, is_url};

#[derive(Serialize)]
struct Document<'a> {
    dataset: &'a str,
    label: String,
    version: String,
    url: &'a str,
    path: &'a Path,
    cached: bool,
    files: u64,
    bytes: u64,
    requests: u64,
    bytes_received: u64,
    freed_bytes: u64,
}

/// Runs it.
pub(crate) fn run(args: &Get, session: &mut Session) -> Result<Answer, Failure> {
    let (url, what, paths) = split(&args.words)?;
    let options = get::Options {
        from: From {
            url: url.map(str::to_owned),
            name: name(args.remote.as_deref())?,
            repo: session.env.repo.clone(),
            reach: config("", &args.reach),
        },
        what: what.to_owned(),
        paths: paths.to_vec(),
        part: part(args)?,
        offline: args.offline,
        delivery: match (&args.copy, &args.link) {
            (Some(folder), _) => Delivery::Copy(folder.clone()),
            (None, Some(link)) => Delivery::Link(link.clone()),
            (None, None) => Delivery::Cache,
        },
    };
    let environment = session.environment();
    let outcome = session.monitored(|monitor| get::run(&environment, &options, monitor))?;
    let facts = &outcome.facts;
    if args.offline {
        session.ui.warn(&format!(
            "'{}' was not asked: {} is what was got on {}",
            outcome.url,
            full_label(facts),
            facts.made.to_human()
        ));
    }
    if args.json.json {
        session.ui.json(&Document {
            dataset: facts.dataset.as_str(),
            label: facts.label.to_string(),
            version: facts.version.to_string(),
            url: &outcome.url,
            path: &outcome.path,
            cached: outcome.cached,
            files: facts.files,
            bytes: facts.bytes,
            requests: outcome.requests,
            bytes_received: outcome.bytes_received,
            freed_bytes: outcome.trimmed.freed,
        })?;
        return Ok(Answer::Yes);
    }
    session.ui.talk(&told(&outcome));
    if outcome.trimmed.freed > 0 {
        session.ui.talk(&format!("  {} left the cache for it", size(outcome.trimmed.freed)));
    }
    let mut line = outcome.path.as_os_str().as_encoded_bytes().to_vec();
    line.push(b'\n');
    session.ui.out().write_all(&line).map_err(StreamError::output)?;
    Ok(Answer::Yes)
}

/// The words: URL, what to get, paths.
fn split(words: &[OsString]) -> Result<(Option<&str>, &str, &[OsString]), Failure> {
    const HINT: &str = "write dsv get [URL] DATASET[@LABEL] [PATH]...";
    let text = |word: &'_ OsString| -> Result<(), Failure> {
        let message = format!("'{}' is no UTF-8", word.to_string_lossy());
        word.to_str().map(drop).ok_or_else(|| UsageError::new(message, HINT).into())
    };
    words.iter().take(2).try_for_each(text)?;
    let word = |at: usize| words.get(at).and_then(|word| word.to_str());
    match (word(0), word(1)) {
        (Some(url), Some(what)) if is_url(url) => Ok((Some(url), what, &words[2..])),
        (Some(what), _) if !is_url(what) => Ok((None, what, &words[1..])),
        _ => Err(UsageError::new("no dataset is named", HINT).into()),
    }
}

fn part(args: &Get) -> Result<Option<Share>, Failure> {
    let (Some(part), Some(parts)) = (args.part, args.num_parts) else { return Ok(None) };
    let share = Share::new(part, parts).ok_or_else(|| {
        let message = format!("there is no part {part} of {}", plural(u64::from(parts), "part", "parts"));
        let hint = match parts {
            0 => "--num-parts must be 1 or more".to_owned(),
            parts => format!("--part is a number from 0 to {}", parts - 1),
        };
        UsageError::new(message, hint)
    })?;
    Ok(Some(share))
}

/// `cats@1.0.0`, with what was chosen of it.
pub(super) fn full_label(facts: &CopyFacts) -> String {
    let mut text = format!("{}@{}", facts.dataset, facts.label);
    match facts.paths.as_slice() {
        [] => {}
        [path] => text.push_str(&format!(" {}", if path.is_empty() { "." } else { path })),
        paths => text.push_str(&format!(" {} and {} more", paths[0], paths.len() - 1)),
    }
    if let Some((part, parts)) = facts.part {
        text.push_str(&format!(", part {part} of {parts}"));
    }
    text
}

fn told(outcome: &get::Outcome) -> String {
    let facts = &outcome.facts;
    let came = if outcome.cached {
        "from the cache".to_owned()
    } else {
        format!(
            "{} fetched in {}",
            size(outcome.bytes_received),
            plural(outcome.requests, "request", "requests")
        )
    };
    format!(
        "{}  {}  {}, {}; {came}",
        full_label(facts),
        facts.version.short(SHORT),
        plural(facts.files, "file", "files"),
        size(facts.bytes)
    )
}
