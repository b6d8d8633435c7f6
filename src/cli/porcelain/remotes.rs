//! `dsv remote`

use std::io;

use anstyle::Style;
use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::remotes::{Reach, Remote, RemoteAction, RemoteTarget};
use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui};
use crate::model::RemoteName;
use crate::porcelain::remotes::{self, ProbeOutcome, ProbeStep, RemoteConfig};

#[derive(Serialize)]
struct RemoteLine<'a> {
    name: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

#[derive(Serialize)]
struct ActionDocument<'a> {
    action: &'static str,
    name: &'a str,
    url: String,
}

#[derive(Serialize)]
struct StepLine {
    step: &'static str,
    outcome: &'static str,
    problem: Option<String>,
    hint: Option<String>,
}

/// What a configuration says, as arguments give it.
pub(super) fn config(url: &str, reach: &Reach) -> RemoteConfig {
    RemoteConfig {
        url: url.to_owned(),
        endpoint: reach.endpoint.clone(),
        region: reach.region.clone(),
        profile: reach.profile.clone(),
        ca_certificate: reach.ca_certificate.as_ref().map(|path| path.to_string_lossy().into_owned()),
        path_style: reach.path_style,
        allow_http: reach.allow_http.then_some(true),
        promisor: None,
    }
}

/// The remote of an option `--remote`.
pub(super) fn name(text: Option<&str>) -> Result<Option<RemoteName>, Failure> {
    Ok(text.map(RemoteName::new).transpose()?)
}

/// Runs `dsv remote`.
pub(crate) fn run(args: &Remote, session: &mut Session) -> Result<Answer, Failure> {
    match &args.action {
        None => list(args.json.json, session),
        Some(RemoteAction::List { json }) => list(json.json, session),
        Some(RemoteAction::Add(target)) => add(target, session),
        Some(RemoteAction::SetUrl(target)) => set_url(target, session),
        Some(RemoteAction::Remove { name, json }) => remove(name, json.json, session),
        Some(RemoteAction::Check { name, json }) => check(name.as_deref(), json.json, session),
    }
}

fn list(json: bool, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let remotes = remotes::list(&repository)?;
    if json {
        let lines: Vec<RemoteLine<'_>> = remotes
            .iter()
            .map(|(name, config)| RemoteLine {
                name: name.as_str(),
                url: &config.url,
                endpoint: config.endpoint.as_deref(),
                region: config.region.as_deref(),
                profile: config.profile.as_deref(),
            })
            .collect();
        session.ui.json(&lines)?;
        return Ok(Answer::Yes);
    }
    let (out, palette) = session.ui.out_and_palette();
    let mut table = Table::new(&[Align::Left; 3], 0);
    for (name, config) in &remotes {
        let endpoint = config.endpoint.as_ref().map_or_else(String::new, |at| format!("at {at}"));
        table.row([
            (name.to_string(), palette.name),
            (config.url.clone(), Style::new()),
            (endpoint, palette.dim),
        ]);
    }
    table.write(out)?;
    Ok(Answer::Yes)
}

fn add(target: &RemoteTarget, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let name = RemoteName::new(target.name.as_str())?;
    let config = config(&target.url, &target.reach);
    let url = session.monitored(|monitor| remotes::add(&repository, &name, &config, monitor))?;
    tell(&mut session.ui, target.json.json, "added", &name, &url.to_string())?;
    if !target.json.json {
        session.ui.hint(&format!("see whether it works: dsv remote check {name}"));
    }
    Ok(Answer::Yes)
}

fn set_url(target: &RemoteTarget, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let name = RemoteName::new(target.name.as_str())?;
    let config = config(&target.url, &target.reach);
    let url = session.monitored(|monitor| remotes::set_url(&repository, &name, &config, monitor))?;
    tell(&mut session.ui, target.json.json, "changed", &name, &url.to_string())?;
    Ok(Answer::Yes)
}

fn remove(name: &str, json: bool, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let name = RemoteName::new(name)?;
    let old = session.monitored(|monitor| remotes::remove(&repository, &name, monitor))?;
    tell(&mut session.ui, json, "removed", &name, &old.url)?;
    Ok(Answer::Yes)
}

fn tell(ui: &mut Ui, json: bool, action: &'static str, name: &RemoteName, url: &str) -> io::Result<()> {
    if json {
        return ui.json(&ActionDocument { action, name: name.as_str(), url: url.to_owned() });
    }
    let done = match action {
        "added" => "Added",
        "removed" => "Removed",
        _ => "Changed",
    };
    ui.report(&format!("{done} the remote {name}, {url}"))
}

fn check(text: Option<&str>, json: bool, session: &mut Session) -> Result<Answer, Failure> {
    let repository = session.repository()?;
    let (name, config) = remotes::choose(&repository, name(text)?.as_ref())?;
    let steps = session.monitored(|monitor| remotes::check(&repository, &name, monitor))?;
    let fine = steps.iter().all(ProbeStep::is_done);
    if json {
        let lines: Vec<StepLine> = steps.iter().map(step_line).collect();
        session.ui.json(&lines)?;
    } else {
        render(&steps, &mut session.ui)?;
        let verdict = if fine { "works" } else { "does not give what dsv needs" };
        session.ui.report(&format!("The remote {name}, {}, {verdict}", config.url))?;
    }
    Ok(if fine { Answer::Yes } else { Answer::No })
}

fn step_line(step: &ProbeStep) -> StepLine {
    let (problem, hint) = step.problem().unzip();
    StepLine { step: step.name, outcome: outcome_word(step), problem, hint: hint.flatten() }
}

fn outcome_word(step: &ProbeStep) -> &'static str {
    match &step.outcome {
        ProbeOutcome::Done => "ok",
        ProbeOutcome::Skipped => "skipped",
        ProbeOutcome::Wrong(_) => "wrong",
        ProbeOutcome::Failed(_) => "failed",
    }
}

fn render(steps: &[ProbeStep], ui: &mut Ui) -> io::Result<()> {
    let mut hints = Vec::new();
    let (out, palette) = ui.out_and_palette();
    let mut table = Table::new(&[Align::Left; 3], 0);
    for step in steps {
        let style = match &step.outcome {
            ProbeOutcome::Done => palette.added,
            ProbeOutcome::Skipped => palette.dim,
            ProbeOutcome::Wrong(_) | ProbeOutcome::Failed(_) => palette.removed,
        };
        let (problem, hint) = step.problem().unzip();
        table.row([
            (outcome_word(step).to_owned(), style),
            (step.name.to_owned(), Style::new()),
            (problem.unwrap_or_default(), Style::new()),
        ]);
        hints.extend(hint.flatten());
    }
    table.write(out)?;
    hints.dedup();
    hints.iter().for_each(|hint| ui.hint(hint));
    Ok(())
}
