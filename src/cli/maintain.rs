//! What dsv tells of itself: completions, man pages, help.

use std::io;
use std::path::PathBuf;

use crate::model::ErrorKind;

use super::Answer;
use super::args;
use super::args::maintain::{Completions, Help, Man};
use super::error::{Explained, Failure, UsageError};
use super::session::Session;
use super::ui::{ColorWhen, plural};

/// `dsv completions SHELL`.
pub(crate) fn completions(args: &Completions, session: &mut Session) -> Result<Answer, Failure> {
    // Into memory first: the generator panics when a write fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(ColorWhen::Never), "dsv", &mut script);
    session.ui.out().write_all(&script)?;
    Ok(Answer::Yes)
}

/// A man page cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write man pages into '{}'", dir.display())]
struct ManError {
    dir: PathBuf,
    #[source]
    cause: io::Error,
}

impl Explained for ManError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::of_io(&self.cause)
    }

    fn hint(&self) -> Option<String> {
        (self.cause.kind() == io::ErrorKind::NotFound).then(|| format!("mkdir -p '{}'", self.dir.display()))
    }
}

/// `dsv man [DIR]`.
pub(crate) fn man(args: &Man, session: &mut Session) -> Result<Answer, Failure> {
    let Some(dir) = &args.dir else {
        let command = args::command_with_plumbing(ColorWhen::Never);
        clap_mangen::Man::new(command).render(session.ui.out())?;
        return Ok(Answer::Yes);
    };
    let dir = session.env.cwd.join(dir);
    let command = args::command_with_plumbing(ColorWhen::Never);
    let pages = command.get_subcommands().count() as u64 + 1;
    clap_mangen::generate_to(command, &dir).map_err(|cause| ManError { dir: dir.clone(), cause })?;
    session.ui.talk(&format!("{} written to {}", plural(pages, "page", "pages"), dir.display()));
    Ok(Answer::Yes)
}

/// `dsv help [COMMAND]`.
pub(crate) fn help(args: &Help, session: &mut Session) -> Result<Answer, Failure> {
    let color = if session.ui.is_colored() { ColorWhen::Always } else { ColorWhen::Never };
    let mut command = if args.all { args::command_with_plumbing(color) } else { args::command(color) };
    command.build();
    let explained = match &args.command {
        None => &mut command,
        Some(name) => command.find_subcommand_mut(name).ok_or_else(|| {
            UsageError::new(format!("there is no command '{name}'"), "dsv help --all lists every command")
        })?,
    };
    let text = explained.render_long_help();
    if session.ui.is_colored() {
        write!(session.ui.out(), "{}", text.ansi())?;
    } else {
        write!(session.ui.out(), "{text}")?;
    }
    Ok(Answer::Yes)
}
