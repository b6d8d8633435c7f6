//! `dsv config`

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::maintain::Config;
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui};
use crate::porcelain::config::{self, Outcome};
use crate::porcelain::settings::{KEYS, Scope, Setting, find_key};

#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    value: Option<&'a str>,
    origin: &'static str,
    file: Option<&'a Path>,
    description: &'static str,
}

/// Runs it.
pub(crate) fn run(args: &Config, session: &mut Session) -> Result<Answer, Failure> {
    let action = args
        .action()
        .ok_or_else(|| UsageError::new("these words mean nothing to dsv config", "see dsv help config"))?;
    let options = config::Options { action, user: args.global, root: session.env.repo.clone() };
    let environment = session.environment();
    let outcome = session.monitored(|monitor| config::run(&environment, &options, monitor))?;
    match outcome {
        Outcome::List { settings, unknown } => list(&settings, &unknown, args.json.json, &mut session.ui)?,
        Outcome::Value(setting) if args.json.json => {
            session.ui.json(&line(setting.key.name, Some(&setting)))?;
        }
        Outcome::Value(setting) => writeln!(session.ui.out(), "{}", setting.value)?,
        Outcome::Changed => {}
        Outcome::NotSet => {
            session.ui.talk("it was not set there");
            return Ok(Answer::No);
        }
    }
    Ok(Answer::Yes)
}

fn line<'a>(key: &'a str, setting: Option<&'a Setting>) -> Line<'a> {
    let origin = setting.and_then(|setting| setting.origin.as_ref());
    Line {
        key,
        value: setting.map(|setting| setting.value.as_str()),
        origin: match (setting, origin) {
            (None, _) => "unset",
            (Some(_), None) => "default",
            (Some(_), Some((Scope::Repository, _))) => "repository",
            (Some(_), Some((Scope::User, _))) => "user",
        },
        file: origin.map(|(_, path)| path.as_path()),
        description: find_key(key).map_or("", |key| key.doc),
    }
}

fn list(set: &[Setting], unknown: &[(String, PathBuf)], json: bool, ui: &mut Ui) -> Result<(), Failure> {
    let find = |name: &str| set.iter().find(|setting| setting.key.name == name);
    let lines: Vec<Line<'_>> = KEYS.iter().map(|key| line(key.name, find(key.name))).collect();
    if json {
        ui.json(&lines)?;
    } else {
        render(&lines, ui)?;
    }
    for (name, path) in unknown {
        ui.warn(&format!("{} has an unknown setting: {name}", path.display()));
    }
    Ok(())
}

fn render(lines: &[Line<'_>], ui: &mut Ui) -> io::Result<()> {
    let (out, palette) = ui.out_and_palette();
    let plain = anstyle::Style::new();
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left], 0);
    for line in lines {
        let style = if line.file.is_some() { palette.added } else { plain };
        table.row([
            (line.key.to_owned(), palette.name),
            (line.value.unwrap_or("-").to_owned(), style),
            (line.origin.to_owned(), palette.dim),
        ]);
    }
    table.write(out)
}
