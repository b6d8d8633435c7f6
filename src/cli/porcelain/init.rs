//! `dsv init`

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::start::Init;
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::Ui;
use crate::model::{DatasetName, Head};
use crate::porcelain::init;

#[derive(Serialize)]
struct Document<'a> {
    created: bool,
    repaired: bool,
    root: &'a Path,
    dataset: Option<&'a DatasetName>,
    store: Option<&'a Path>,
}

/// Runs it.
pub(crate) fn run(args: &Init, session: &mut Session) -> Result<Answer, Failure> {
    let options = init::Options {
        dir: args.dir.clone(),
        dataset: args.dataset.as_deref().map(DatasetName::new).transpose()?,
        store: args.store.clone(),
    };
    let environment = session.environment();
    let outcome = session.monitored(|monitor| init::run(&environment, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Document {
            created: outcome.created,
            repaired: outcome.repaired,
            root: &outcome.root,
            dataset: outcome.head.dataset(),
            store: outcome.store.as_deref(),
        })?;
    } else {
        render(&options, &outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn render(options: &init::Options, outcome: &init::Outcome, ui: &mut Ui) -> io::Result<()> {
    let root = outcome.root.display();
    let name = ui.palette.name;
    let on = match &outcome.head {
        Head::Dataset(dataset) => format!(", dataset {name}{dataset}{name:#}"),
        Head::Detached(_) => String::new(),
    };
    if outcome.created {
        ui.report(&format!("Made a repository in {root}{on}"))?;
        if let Some(store) = &outcome.store {
            ui.report(&format!("Objects are kept in {}", store.display()))?;
        }
        ui.hint("put your data there, then: dsv add . && dsv commit -m 'First version'");
    } else if outcome.repaired {
        ui.report(&format!("Repaired the repository in {root}{on}; its file 'format' was lost"))?;
    } else {
        ui.report(&format!("There is a repository in {root} already{on}; nothing was changed"))?;
        if let Some(dataset) = options.dataset.as_ref().filter(|name| outcome.head.dataset() != Some(name)) {
            ui.warn(&format!("--dataset was passed over; 'dsv switch -c {dataset}' begins that dataset"));
        }
        if options.store.is_some() {
            ui.warn("--store was passed over: where the objects of a repository lie is told when it is made");
        }
    }
    Ok(())
}
