//! `dsv create`, `dsv abort`, `dsv resume`, `dsv meta`, `dsv squash`

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::views::{SHORT, Side, Sums, json_path, sums_text};
use crate::cli::Answer;
use crate::cli::args::datasets::{Abort, Create, Meta, MetaAction, Resume, Squash, Upload};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Ui, plural, size, tame};
use crate::model::{DatasetName, Head, RemoteName, TagName, Totals, VersionId};
use crate::plumbing::overlay_tree::Overridden;
use crate::porcelain::draft::{abort, create, meta, resume, upload};
use crate::porcelain::{Draft, rename, squash};

/// Overridden paths that a person is shown.
const SHOWN: usize = 10;

/// A draft, for a program.
#[derive(Debug, Serialize)]
pub(crate) struct DraftDocument {
    dataset: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    parents: Vec<String>,
    label: Option<String>,
    tags: Vec<String>,
    description: Option<String>,
    metadata: BTreeMap<String, serde_json::Value>,
    open: bool,
    who: String,
    time: String,
}

impl From<&Draft> for DraftDocument {
    fn from(draft: &Draft) -> Self {
        Self {
            dataset: draft.dataset.to_string(),
            state: crate::model::VersionState::from(draft.state).as_str(),
            reason: draft.reason.clone(),
            parents: draft.parents.iter().map(VersionId::to_string).collect(),
            label: draft.label.as_ref().map(ToString::to_string),
            tags: draft.tags.iter().map(ToString::to_string).collect(),
            description: draft.description.clone(),
            metadata: draft.metadata.clone(),
            open: draft.staged.is_none(),
            who: draft.who.clone(),
            time: draft.time.to_string(),
        }
    }
}

#[derive(Serialize)]
struct OverriddenLine {
    path: String,
    old: Side,
    new: Side,
}

impl From<&Overridden> for OverriddenLine {
    fn from(one: &Overridden) -> Self {
        Self { path: json_path(&one.path), old: (&one.lower).into(), new: (&one.upper).into() }
    }
}

#[derive(Serialize)]
struct Created {
    draft: DraftDocument,
    files: u64,
    bytes: u64,
    overridden: Vec<OverriddenLine>,
    files_written: u64,
    files_removed: u64,
}

/// Runs `dsv create`.
pub(crate) fn create(args: &Create, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let mut dataset = DatasetName::new(args.dataset.as_str())?;
    if let Some(project) = &args.project {
        dataset = rename::in_project(&dataset, project)?;
    }
    let parents = args.parents.iter().map(|text| repository.resolve_version(text));
    let options = create::Options {
        dataset,
        parents: parents.collect::<Result<_, _>>()?,
        label: args.label.as_deref().map(str::parse).transpose()?,
        tags: args.tags.iter().map(|tag| TagName::new(tag.as_str())).collect::<Result<_, _>>()?,
        description: args.description.clone(),
        metadata: args.metadata.iter().map(|text| crate::cli::metadata(text)).collect::<Result<_, _>>()?,
        checkout: args.checkout,
    };
    let outcome = session.monitored(|monitor| create::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Created {
            draft: (&outcome.draft).into(),
            files: outcome.inherited.files,
            bytes: outcome.inherited.bytes,
            overridden: outcome.overridden.iter().map(OverriddenLine::from).collect(),
            files_written: outcome.stats.written,
            files_removed: outcome.stats.removed,
        })?;
    } else {
        created(&outcome, &mut session.ui)?;
    }
    Ok(Answer::Yes)
}

fn created(outcome: &create::Outcome, ui: &mut Ui) -> io::Result<()> {
    let name = ui.palette.name;
    let create::Outcome { draft, parents, inherited, overridden, stats, not_checked_out } = outcome;
    let from = if parents.is_empty() { String::new() } else { format!(" from {}", parents.join(", ")) };
    ui.report(&format!("Opened a draft of {name}{}{name:#}{from}", draft.dataset))?;
    if !parents.is_empty() {
        let Totals { files, bytes } = *inherited;
        ui.report(&format!("  {} ({}) inherited", plural(files, "file", "files"), size(bytes)))?;
    }
    overridden_text(overridden, ui)?;
    if stats.written + stats.removed > 0 {
        let (written, removed) =
            (plural(stats.written, "file", "files"), plural(stats.removed, "file", "files"));
        ui.report(&format!("  {written} written ({}), {removed} removed in the folder", size(stats.bytes)))?;
    }
    if let Some(Totals { files, .. }) = not_checked_out.filter(|absent| absent.files > 0) {
        let files = plural(files, "file is", "files are");
        ui.hint(&format!(
            "{files} not in the folder; dsv checkout HEAD -- PATH brings some, dsv checkout --full HEAD all"
        ));
    }
    Ok(())
}

/// What later versions have otherwise than those before them.
fn overridden_text(overridden: &[Overridden], ui: &mut Ui) -> io::Result<()> {
    if overridden.is_empty() {
        return Ok(());
    }
    let paths = plural(overridden.len() as u64, "path", "paths");
    ui.report(&format!("  {paths} overridden by a later one:"))?;
    let changed = ui.palette.changed;
    for one in overridden.iter().take(SHOWN) {
        let (old, new) = (size(one.lower.size), size(one.upper.size));
        ui.report(&format!("    {changed}{}{changed:#}  {old} -> {new}", one.path))?;
    }
    if let Some(more) = overridden.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        ui.report(&format!("    and {more} more; --json lists all"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Ended {
    draft: DraftDocument,
    #[serde(flatten)]
    changes: Sums,
    files_written: u64,
    files_removed: u64,
    dry_run: bool,
}

/// Runs `dsv abort`.
pub(crate) fn abort(args: &Abort, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let options = abort::Options { dry_run: args.dry_run };
    let outcome = session.monitored(|monitor| abort::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Ended {
            draft: (&outcome.draft).into(),
            changes: (&outcome.changes).into(),
            files_written: outcome.stats.written,
            files_removed: outcome.stats.removed,
            dry_run: args.dry_run,
        })?;
        return Ok(Answer::Yes);
    }
    let verb = if args.dry_run { "Would set aside" } else { "Set aside" };
    let dataset = &outcome.draft.dataset;
    session.ui.report(&format!("{verb} the draft of {dataset}: {}", sums_text(&outcome.changes)))?;
    if !args.dry_run {
        let head = match &outcome.head {
            Head::Dataset(name) => format!("On dataset {name}"),
            Head::Detached(id) => format!("At {}", id.short(SHORT)),
        };
        session.ui.report(&head)?;
        session.ui.hint(&format!("dsv resume {dataset} goes on with it"));
    }
    Ok(Answer::Yes)
}

#[derive(Serialize)]
struct Uploaded {
    draft: DraftDocument,
    remote: String,
    files: u64,
    packs: u64,
    bytes: u64,
}

/// Runs `dsv upload`.
pub(crate) fn upload(args: &Upload, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let remote = args.remote.as_deref().map(RemoteName::new).transpose()?;
    let options = upload::Options { remote };
    let outcome = session.monitored(|monitor| upload::run(&repository, &options, monitor))?;
    let sent = &outcome.sent;
    if args.json.json {
        session.ui.json(&Uploaded {
            draft: (&outcome.draft).into(),
            remote: outcome.remote.to_string(),
            files: sent.files,
            packs: sent.packs,
            bytes: sent.bytes,
        })?;
    } else if sent.packs == 0 {
        session.ui.report(&format!("{} has all that is staged", outcome.remote))?;
    } else {
        let (files, remote) = (plural(sent.files, "file", "files"), &outcome.remote);
        session.ui.report(&format!("Sent {files} of the draft to {remote} ({})", size(sent.bytes)))?;
    }
    Ok(Answer::Yes)
}

/// Runs `dsv resume`.
pub(crate) fn resume(args: &Resume, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let dataset = args.dataset.as_deref().map(DatasetName::new).transpose()?;
    let as_dataset = args.as_dataset.as_deref().map(DatasetName::new).transpose()?;
    let options = resume::Options { dataset, as_dataset };
    let outcome = session.monitored(|monitor| resume::run(&repository, &options, monitor))?;
    if args.json.json {
        session.ui.json(&Ended {
            draft: (&outcome.draft).into(),
            changes: (&outcome.changes).into(),
            files_written: outcome.stats.written,
            files_removed: outcome.stats.removed,
            dry_run: false,
        })?;
    } else {
        let changes = sums_text(&outcome.changes);
        session.ui.report(&format!("Opened the draft of {} again: {changes}", outcome.draft.dataset))?;
    }
    Ok(Answer::Yes)
}

/// Runs `dsv meta`.
pub(crate) fn meta(args: &Meta, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let (options, json, wanted) = match &args.action {
        MetaAction::Get { key, revision, json } => {
            let version = revision.as_deref().map(|text| repository.resolve_version(text)).transpose()?;
            (meta::Options::Get { version, key: key.clone() }, json, key.as_ref())
        }
        MetaAction::Set { values, unset, json } => {
            let values = values.iter().map(|text| crate::cli::metadata(text)).collect::<Result<_, _>>()?;
            (meta::Options::Set { values, unset: unset.clone() }, json, None)
        }
    };
    let metadata = session.monitored(|monitor| meta::run(&repository, &options, monitor))?;
    if json.json {
        session.ui.json(&metadata)?;
    } else {
        for (key, value) in &metadata {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let line = if wanted.is_some() { value } else { format!("{key} = {value}") };
            session.ui.report(&tame(&line))?;
        }
    }
    Ok(if wanted.is_some() && metadata.is_empty() { Answer::No } else { Answer::Yes })
}

#[derive(Serialize)]
struct Squashed {
    id: Option<String>,
    dataset: String,
    label: String,
    files: u64,
    bytes: u64,
    overridden: Vec<OverriddenLine>,
    dry_run: bool,
}

/// Runs `dsv squash`.
pub(crate) fn squash(args: &Squash, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let versions = args.revisions.iter().map(|text| repository.resolve_version(text));
    let options = squash::Options {
        versions: versions.collect::<Result<_, _>>()?,
        name: DatasetName::new(args.name.as_str())?,
        label: args.label.as_deref().map(str::parse).transpose()?,
        message: args.message.clone(),
        tags: args.tags.iter().map(|tag| TagName::new(tag.as_str())).collect::<Result<_, _>>()?,
        dry_run: args.dry_run,
    };
    let outcome = session.monitored(|monitor| squash::run(&repository, &options, monitor))?;
    let version = &outcome.version;
    if args.json.json {
        session.ui.json(&Squashed {
            id: outcome.id.map(|id| id.to_string()),
            dataset: version.dataset.to_string(),
            label: version.label.to_string(),
            files: version.totals.files,
            bytes: version.totals.bytes,
            overridden: outcome.overridden.iter().map(OverriddenLine::from).collect(),
            dry_run: args.dry_run,
        })?;
        return Ok(Answer::Yes);
    }
    let (name, id) = (session.ui.palette.name, session.ui.palette.id);
    let shown = outcome.id.map_or_else(String::new, |made| format!("  {id}{}{id:#}", made.short(SHORT)));
    let verb = if args.dry_run { "Would make " } else { "" };
    let label = version.full_label();
    session.ui.report(&format!("{verb}{name}{label}{name:#}{shown}  {}", tame(version.subject())))?;
    let Totals { files, bytes } = version.totals;
    session.ui.report(&format!("  {}, {}, no parents", plural(files, "file", "files"), size(bytes)))?;
    overridden_text(&outcome.overridden, &mut session.ui)?;
    Ok(Answer::Yes)
}
