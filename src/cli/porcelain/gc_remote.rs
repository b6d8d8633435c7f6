//! `dsv gc --remote`

use std::io;

use anstyle::Style;
use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::maintain::Gc;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui, plural, size};
use crate::model::{DatasetName, RemoteName};
use crate::porcelain::gc_remote::{self, Amount, Outcome};

#[derive(Serialize)]
struct Document<'a> {
    url: &'a str,
    done: bool,
    datasets: u64,
    removed: Objects,
    rewritten: Objects,
    copies: Objects,
    condemned: Objects,
    waiting: Objects,
    kept: Objects,
    due: Option<String>,
    upload_marks_removed: u64,
    busy_datasets: Vec<&'a DatasetName>,
    requests: u64,
}

#[derive(Serialize)]
struct Objects {
    objects: u64,
    bytes: u64,
}

impl From<Amount> for Objects {
    fn from(Amount { objects, bytes }: Amount) -> Self {
        Self { objects, bytes }
    }
}

/// Runs it.
pub(super) fn run(remote: &str, args: &Gc, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = gc_remote::Options {
        remote: Some(RemoteName::new(remote)?),
        dry_run: args.dry_run,
        grace: args.grace,
    };
    let outcome = session.monitored(|monitor| gc_remote::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else {
        render(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn document(outcome: &Outcome) -> Document<'_> {
    let done = &outcome.done;
    Document {
        url: &outcome.url,
        done: done.done,
        datasets: done.datasets,
        removed: done.removed.into(),
        rewritten: done.rewritten.into(),
        copies: done.copies.into(),
        condemned: done.condemned.into(),
        waiting: done.waiting.into(),
        kept: done.kept.into(),
        due: done.due.map(|time| time.to_string()),
        upload_marks_removed: done.marks,
        busy_datasets: done.busy.iter().collect(),
        requests: outcome.requests,
    }
}

fn render(outcome: &Outcome, ui: &mut Ui) -> io::Result<()> {
    let Outcome { remote, url, done, .. } = outcome;
    let objects = |number| plural(number, "object", "objects");
    let packs = |number| plural(number, "pack", "packs");
    let copies =
        format!("what is in use of them is {} in {}", size(done.copies.bytes), packs(done.copies.objects));
    let due = done.due.map_or_else(String::new, |due| format!("can be removed after {}", due.to_human()));
    let (removed, rewritten, condemned) = match done.done {
        true => ("removed", "rewritten", "condemned"),
        false => ("to remove", "to rewrite", "to condemn"),
    };
    let all = [
        (removed, objects(done.removed.objects), done.removed, String::new()),
        (rewritten, packs(done.rewritten.objects), done.rewritten, copies),
        (condemned, objects(done.condemned.objects), done.condemned, due.clone()),
        ("waiting", objects(done.waiting.objects), done.waiting, due),
    ];
    let kept = format!("{} in {} kept", size(done.kept.bytes), objects(done.kept.objects));
    let rows: Vec<_> = all.into_iter().filter(|(_, _, amount, _)| amount.objects > 0).collect();
    if rows.is_empty() {
        ui.report(&format!("Nothing to remove on {remote}, {url}; {kept}"))?;
    } else {
        ui.report(&format!("{remote}, {url}; {kept}"))?;
        let mut table = Table::new(&[Align::Left, Align::Right, Align::Right, Align::Left], 2);
        for (what, count, amount, about) in rows {
            let cells = [what.to_owned(), count, size(amount.bytes), about];
            table.row(cells.map(|text| (text, Style::new())));
        }
        table.write(ui.out())?;
    }
    if done.marks > 0 {
        let marks = plural(done.marks, "mark of an upload", "marks of uploads");
        ui.talk(&format!(
            "{marks} that ended without an end {}",
            if done.done { "removed" } else { "to remove" }
        ));
    }
    if done.condemned.objects > 0 && done.done {
        ui.hint(&format!("run 'dsv gc --remote {remote}' again then; what is condemned stays until that"));
    }
    for dataset in &done.busy {
        ui.warn(&format!(
            "somebody pushed to {dataset} each time; its packs stay as they are until the next run"
        ));
    }
    Ok(())
}
