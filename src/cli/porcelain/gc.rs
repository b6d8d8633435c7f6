//! `dsv gc`

use std::io;

use serde::Serialize;

use super::gc_remote;
use crate::cli::Answer;
use crate::cli::args::maintain::Gc;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Ui, plural, size};
use crate::porcelain::gc;

#[derive(Serialize)]
struct Document {
    done: bool,
    freed_bytes: u64,
    kept_bytes: u64,
    kept_unused_bytes: u64,
    kept_named_bytes: u64,
    packs_removed: usize,
    packs_rewritten: usize,
    packs_kept: usize,
    files_removed: usize,
    damaged_packs: Vec<String>,
}

/// Runs it.
pub(crate) fn run(args: &Gc, session: &mut Session) -> Result<Answer, Failure> {
    if let Some(remote) = &args.remote {
        return gc_remote::run(remote, args, session);
    }
    let repository = session.repository()?;
    let options = gc::Options {
        dry_run: args.dry_run,
        grace: args.grace,
        forget_moves: args.forget_moves,
        forget_missing: args.forget_missing,
    };
    let outcome = session.monitored(|monitor| gc::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&document(&outcome))?;
    } else {
        render(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn document(outcome: &gc::Outcome) -> Document {
    let plan = &outcome.plan;
    Document {
        done: outcome.done,
        freed_bytes: plan.freed(),
        kept_bytes: plan.kept(),
        kept_unused_bytes: plan.kept_unused(),
        kept_named_bytes: outcome.named,
        packs_removed: plan.remove.len(),
        packs_rewritten: plan.rewrite.len(),
        packs_kept: plan.keep.len(),
        files_removed: plan.unlisted.len() + plan.temporaries.len(),
        damaged_packs: outcome.damaged.iter().map(|path| path.display().to_string()).collect(),
    }
}

fn render(outcome: &gc::Outcome, ui: &mut Ui) -> io::Result<()> {
    let plan = &outcome.plan;
    let packs = |number: usize| plural(number as u64, "pack", "packs");
    let kept = format!("{} in {} kept", size(plan.kept()), packs(plan.keep.len() + plan.rewrite.len()));
    if plan.is_empty() {
        ui.report(&format!("Nothing to remove; {kept}"))?;
    } else {
        let verb = if outcome.done { "Freed" } else { "Would free" };
        let leftovers = (plan.unlisted.len() + plan.temporaries.len()) as u64;
        let parts = [
            (plan.remove.len(), format!("{} removed", packs(plan.remove.len()))),
            (plan.rewrite.len(), format!("{} rewritten", packs(plan.rewrite.len()))),
            (
                plan.unlisted.len() + plan.temporaries.len(),
                plural(leftovers, "leftover file", "leftover files"),
            ),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|part| part.0 > 0).map(|part| part.1).collect();
        ui.report(&format!("{verb} {}: {}; {kept}", size(plan.freed()), parts.join(", ")))?;
    }
    if plan.kept_unused() > 0 {
        ui.hint(&format!(
            "{} of that is not in use, and too young or too little to be worth the work; see --grace",
            size(plan.kept_unused())
        ));
    }
    if outcome.named > 0 {
        ui.hint(&format!(
            "{} of that is kept only since a dataset stood there of late (setting gc.log-days); 'dsv gc --grace 0s \
             --forget-moves' frees it",
            size(outcome.named)
        ));
    }
    for path in &outcome.damaged {
        ui.warn(&format!("{} is damaged and stays; run dsv fsck --full", path.display()));
    }
    Ok(())
}
