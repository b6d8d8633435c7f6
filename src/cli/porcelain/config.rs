//! `dsv config`

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::cli::Answer;
use crate::cli::args::maintain::{Config, ConfigAction};
use crate::cli::error::{Failure, UsageError};
use crate::cli::session::Session;
use crate::cli::ui::{Align, Table, Ui};
use crate::porcelain::settings::{KEYS, Scope, Setting, Settings, SettingsError, find_key};

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
    let environment = session.environment();
    // Outside of a repository a person's own settings can be read and changed all the same.
    let repository = if args.global { None } else { session.repository().map(Some).or_else(none_here)? };
    let file = repository.as_ref().map(|repository| repository.layout().config());
    let fs = &environment.fs;
    let mut settings = Settings::read(&**fs, file.as_deref(), environment.user_config.as_deref())?;
    let scope = if repository.is_some() { Scope::Repository } else { Scope::User };
    let must_have_place = || match (args.global, &repository) {
        (false, None) => session.repository().map(drop),
        _ => Ok(()),
    };
    let action = args
        .action()
        .ok_or_else(|| UsageError::new("these words mean nothing to dsv config", "see dsv help config"))?;
    match action {
        ConfigAction::List => list(&settings, args.json.json, &mut session.ui)?,
        ConfigAction::Get { key } => {
            let key = find_key(&key)?;
            let setting = settings.get(key)?.ok_or(SettingsError::NotSet { key: key.name })?;
            if args.json.json {
                session.ui.json(&line(key.name, Some(&setting)))?;
            } else {
                writeln!(session.ui.out(), "{}", setting.value)?;
            }
        }
        ConfigAction::Set { key, value } => {
            must_have_place()?;
            settings.set(fs, scope, find_key(&key)?, &value)?;
        }
        ConfigAction::Unset { key } => {
            must_have_place()?;
            if !settings.unset(fs, scope, find_key(&key)?)? {
                session.ui.talk(&format!("{key} was not set there"));
                return Ok(Answer::No);
            }
        }
    }
    Ok(Answer::Yes)
}

/// No repository is fine, one that cannot be opened is not.
fn none_here<T>(failure: Failure) -> Result<Option<T>, Failure> {
    if failure.kind() == crate::model::ErrorKind::NotARepository { Ok(None) } else { Err(failure) }
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

fn list(settings: &Settings, json: bool, ui: &mut Ui) -> Result<(), Failure> {
    let set = settings.list()?;
    let find = |name: &str| set.iter().find(|setting| setting.key.name == name);
    let lines: Vec<Line<'_>> = KEYS.iter().map(|key| line(key.name, find(key.name))).collect();
    if json {
        ui.json(&lines)?;
    } else {
        render(&lines, ui)?;
    }
    for (name, path) in settings.unknown() {
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
