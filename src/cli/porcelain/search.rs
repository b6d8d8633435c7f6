//! `dsv search`

use std::io;

use anstyle::Style;
use serde::Serialize;

use super::views::SHORT;
use crate::cli::Answer;
use crate::cli::args::datasets::Search;
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, plural, size, tame};
use crate::model::Time;
use crate::porcelain::Repository;
use crate::porcelain::search::{self, Found, Query, QueryError, Term};

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    dataset: &'a str,
    label: String,
    state: &'static str,
    archived: bool,
    tags: Vec<&'a str>,
    author: &'a crate::model::Author,
    time: String,
    subject: &'a str,
    description: Option<&'a str>,
    metadata: &'a std::collections::BTreeMap<String, serde_json::Value>,
    files: u64,
    bytes: u64,
    remotes: Vec<&'a str>,
}

impl<'a> From<&'a Found> for Line<'a> {
    fn from(found: &'a Found) -> Self {
        let known = &found.known;
        let version = &known.version;
        Self {
            id: known.id.to_string(),
            dataset: known.dataset.as_str(),
            label: version.label.to_string(),
            state: known.state().as_str(),
            archived: known.record.archived.is_some(),
            tags: known.record.tags.iter().map(crate::model::TagName::as_str).collect(),
            author: &version.author,
            time: version.time.to_string(),
            subject: version.subject(),
            description: known.record.description.as_deref(),
            metadata: &version.metadata,
            files: version.totals.files,
            bytes: version.totals.bytes,
            remotes: found.remotes.iter().map(String::as_str).collect(),
        }
    }
}

/// Runs it.
pub(crate) fn run(args: &Search, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let query = query(args, &repository)?;
    let options = search::Options { query, archived: args.all, limit: args.limit };
    let outcome = session.monitored(|monitor| search::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&outcome.found.iter().map(Line::from).collect::<Vec<_>>())?;
    } else {
        render(&outcome, &mut session.ui)?;
    }
    Ok(if outcome.found.is_empty() { Answer::No } else { Answer::Yes })
}

fn query(args: &Search, repository: &Repository) -> Result<Query, Failure> {
    let bad = |error: QueryError| Failure::from(crate::porcelain::Error::from(error));
    let mut query: Query = Query::default();
    for text in &args.terms {
        query.extend(text.parse().map_err(bad)?);
    }
    let options = [
        ("project", &args.project),
        ("name", &args.name),
        ("label", &args.label),
        ("state", &args.state),
        ("author", &args.author),
    ];
    for (key, value) in options {
        if let Some(value) = value {
            query.add(Term::equal(key, value).map_err(bad)?);
        }
    }
    for tag in &args.tags {
        query.add(Term::equal("tag", tag).map_err(bad)?);
    }
    let time = |text: &String| {
        Time::from_words(text, repository.now())
            .map_err(|error| UsageError::new(error.to_string(), "a date as 2026-01-31 does, or '30 days'"))
    };
    if let Some(since) = &args.since {
        query.add(Term::since(time(since)?));
    }
    if let Some(until) = &args.until {
        query.add(Term::until(time(until)?));
    }
    Ok(query)
}

fn render(outcome: &search::Outcome, ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let plain = Style::new();
    let mut table =
        Table::new(&[Align::Left, Align::Left, Align::Left, Align::Right, Align::Left, Align::Left], 0);
    for found in &outcome.found {
        let known = &found.known;
        let mut about = tame(known.version.subject()).into_owned();
        let tags = known.record.tags.iter().map(|tag| format!("tag: {tag}"));
        let remotes = found.remotes.iter().map(|remote| format!("on {remote}"));
        let archived = known.record.archived.iter().map(|_| "archived".to_owned());
        let marks: Vec<String> = tags.chain(remotes).chain(archived).collect();
        if !marks.is_empty() {
            about.push_str(&format!("  ({})", marks.join(", ")));
        }
        table.row([
            (known.full_label(), palette.name),
            (known.id.short(SHORT), palette.id),
            (known.state().to_string(), plain),
            (size(known.version.totals.bytes), plain),
            (known.version.time.to_minute(), plain),
            (about, plain),
        ]);
    }
    table.write(out)?;
    if outcome.found.is_empty() {
        ui.report("No version found")?;
    }
    if outcome.omitted > 0 {
        ui.hint(&format!("{} more; give a larger -n", plural(outcome.omitted, "version", "versions")));
    }
    Ok(())
}
