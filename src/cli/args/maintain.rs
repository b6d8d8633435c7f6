//! Commands that look after the repository and the tool.

use std::path::PathBuf;

use clap::Args;

/// Print the completions for a shell
///
/// Writes the script that teaches a shell dsv's commands and options.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv completions bash > ~/.local/share/bash-completion/completions/dsv
  dsv completions zsh > ~/.zfunc/_dsv
  dsv completions fish > ~/.config/fish/completions/dsv.fish")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Print or write the man pages
///
/// Prints the man page of dsv, or writes one page for each command into DIR.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv man | man -l -
  dsv man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// An existing folder for dsv.1, dsv-add.1 and so on
    pub(crate) dir: Option<PathBuf>,
}

/// Explain a command
///
/// Without a command all of them are listed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv help commit
  dsv help --all")]
pub(crate) struct Help {
    /// The command
    pub(crate) command: Option<String>,
    /// List plumbing too
    #[arg(long, conflicts_with = "command")]
    pub(crate) all: bool,
}
