//! From a parsed command to the function that runs it.

use super::Answer;
use super::args::Command;
use super::error::Failure;
use super::maintain;
use super::session::Session;

/// Runs one command.
///
/// # Errors
/// Whatever ended it.
pub(crate) fn run(command: Command, session: &mut Session) -> Result<Answer, Failure> {
    match command {
        Command::Completions(args) => maintain::completions(&args, session),
        Command::Man(args) => maintain::man(&args, session),
        Command::Help(args) => maintain::help(&args, session),
    }
}
