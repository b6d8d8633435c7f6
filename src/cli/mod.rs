//! The face for a terminal: parses arguments, calls one function below, renders its outcome.
//!
//! This is the only layer that prints, reads the environment and decides exit codes.

mod args;
mod dispatch;
mod env;
mod error;
mod git;
mod maintain;
mod plumbing;
mod porcelain;
mod reference;
mod session;
mod signals;
mod ui;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::Cli;
use error::Failure;
use session::Session;
use ui::{ColorWhen, Palette};

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was done, or the answer is yes.
    Yes,
    /// The answer is no, and the output says why.
    No,
}

/// Runs `dsv` with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(report_bug));
    // The hook has told the person already.
    panic::catch_unwind(run)
        .unwrap_or_else(|_| ExitCode::from(error::exit_code(crate::model::ErrorKind::Internal)))
}

fn report_bug(info: &panic::PanicHookInfo<'_>) {
    let what = info.payload();
    let message = what
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| what.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let place = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(
        io::stderr(),
        "error: this is a bug in dsv {version}: {message} ({place})\n\
         hint: nothing that was committed is lost; please report this, with the command you ran"
    );
}

fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let early = Early::of(&arguments);
    let parsed = args::command(early.color)
        .try_get_matches_from(&arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return end_of_parsing(&error, &early),
    };
    let mut palette = Palette::for_stream(cli.global.color, &io::stderr());
    let result = Session::new(&cli.global).map_err(Failure::from).and_then(|mut session| {
        palette = session.ui.talk_palette;
        let answer = dispatch::run(cli.command, &mut session)?;
        session.ui.finish()?;
        Ok(answer)
    });
    match result {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Where even standard error is gone, the exit code still tells.
            let _ = if early.json {
                failure.write_json(&mut io::stderr())
            } else {
                failure.write_text(&mut io::stderr(), &palette)
            };
            ExitCode::from(failure.exit_code())
        }
    }
}

/// What must be known before the arguments are parsed, since parsing itself can fail.
struct Early {
    json: bool,
    color: ColorWhen,
    /// The command, if the first word that is no option is one.
    command: Option<String>,
}

impl Early {
    fn of(arguments: &[OsString]) -> Self {
        let mut early = Self { json: false, color: ColorWhen::Auto, command: command_of(arguments) };
        let texts = arguments.iter().skip(1).map(|a| a.to_str().unwrap_or_default());
        let mut texts = texts.take_while(|text| *text != "--").peekable();
        while let Some(text) = texts.next() {
            let color = match text {
                "--color" => texts.peek().copied(),
                _ => text.strip_prefix("--color="),
            };
            match color {
                Some("always") => early.color = ColorWhen::Always,
                Some("never") => early.color = ColorWhen::Never,
                _ => {}
            }
            early.json |= text == "--json";
        }
        early
    }
}

/// Help and version are answers; everything else that ends parsing is wrong usage.
fn end_of_parsing(error: &clap::Error, early: &Early) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let palette = Palette::for_stream(early.color, &io::stderr());
    let rendered = error.render();
    let advice =
        early.command.as_ref().map_or_else(|| "see dsv help".to_owned(), |c| format!("see dsv help {c}"));
    if early.json {
        let text = rendered.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let failure = Failure::from(error::UsageError::new(message, advice));
        let _ = failure.write_json(&mut io::stderr());
        return ExitCode::from(failure.exit_code());
    }
    let text = if palette.is_colored() { rendered.ansi().to_string() } else { rendered.to_string() };
    // clap's own last line leads to the short help only.
    let text = text.split("\nFor more information").next().unwrap_or_default().trim_end();
    let hint = palette.hint;
    let is_help = error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let end = if is_help { String::new() } else { format!("{hint}hint{hint:#}: {advice}\n") };
    let _ = write!(io::stderr(), "{text}\n{end}");
    ExitCode::from(error::exit_code(crate::model::ErrorKind::Usage))
}

/// The first argument that is the name of a command.
fn command_of(arguments: &[OsString]) -> Option<String> {
    let command = Cli::command();
    let mut words = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    words.find(|word| command.find_subcommand(word).is_some()).map(str::to_owned)
}

/// A key and a value: JSON when it is JSON, else text.
pub(crate) fn metadata(text: &str) -> Result<(String, serde_json::Value), Failure> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => (key.trim(), value),
        _ => {
            let message = format!("'{text}' is not KEY=VALUE");
            return Err(error::UsageError::new(message, "for example --meta rows=1000").into());
        }
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}
