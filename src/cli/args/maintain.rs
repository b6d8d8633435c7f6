//! Commands that look after the repository and the tool.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Json;
use crate::porcelain::config::Action;

/// Remove what nothing refers to
///
/// Frees the space of objects that no dataset, tag, log of a dataset or staged file leads to: what was staged and never
/// committed, and what an interrupted command left. Recent objects are kept, since a running command may still need them; what a
/// dataset stood at in the last 90 days (setting gc.log-days) is kept, so that a dataset can be brought back.
///
/// With --remote, the same on a remote, while others may push to it: what no dataset there leads to, or led to within the time of grace, is
/// condemned, and removed by a run that comes a time of grace later. Packs of which much is not in use, and many small ones, are
/// made into new ones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  dsv gc -n
  dsv gc
  dsv gc --grace 2h
  dsv gc --grace 0s --forget-moves
  dsv gc --remote origin")]
pub(crate) struct Gc {
    /// Remove what nothing refers to on this remote, not here
    #[arg(long, value_name = "NAME", conflicts_with_all = ["forget_moves", "forget_missing"])]
    pub(crate) remote: Option<String>,
    /// Tell what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Keep what is younger than this, such as 90s, 2h or 30d; 14 days unless told, on a remote an hour at least
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) grace: Option<Duration>,
    /// Keep nothing for the reason that a dataset stood there of late, as gc.log-days tells; a deleted or moved dataset cannot be brought
    /// back from the log then
    #[arg(long)]
    pub(crate) forget_moves: bool,
    /// Forget repositories that shared this store and are gone; what only they referred to is removed
    #[arg(long)]
    pub(crate) forget_missing: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// A number with `s`, `m`, `h`, `d` or `w` behind it.
fn age(text: &str) -> Result<Duration, String> {
    let bad = || "expected a number with s, m, h, d or w behind it, such as 14d".to_owned();
    let unit = text.chars().last().ok_or_else(bad)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| bad())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return Err(bad()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(bad)
}

/// Read or change settings
///
/// Settings of the repository override those of the person (--global). Without more words all settings are listed, with where
/// they come from. `dsv config KEY` is short for get, `dsv config KEY VALUE` for set.
#[derive(Debug, Args)]
#[command(
    override_usage = "dsv config [OPTIONS] [list]\n       dsv config [OPTIONS] [get] KEY\n       \
                      dsv config [OPTIONS] [set] KEY VALUE\n       dsv config [OPTIONS] unset KEY",
    after_help = "\
Examples:
  dsv config
  dsv config get user.name
  dsv config set --global user.name 'Eva Example'
  dsv config unset core.gitignore"
)]
pub(crate) struct Config {
    /// What to do: list, get KEY, set KEY VALUE, unset KEY
    #[arg(value_name = "WORD", num_args = 0..=3)]
    pub(crate) words: Vec<String>,
    /// Use the person's own settings, not the repository's
    #[arg(long)]
    pub(crate) global: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

impl Config {
    /// What the words mean; `None` when they mean nothing.
    pub(crate) fn action(&self) -> Option<Action> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let own = str::to_owned;
        Some(match words[..] {
            [] | ["list"] => Action::List,
            ["unset", key] => Action::Unset { key: own(key) },
            ["set", key, value] => Action::Set { key: own(key), value: own(value) },
            ["get" | "set" | "unset"] | ["set", _] => return None,
            [key] | ["get", key] => Action::Get { key: own(key) },
            [key, value] => Action::Set { key: own(key), value: own(value) },
            _ => return None,
        })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        assert_eq!(age("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(age("2w"), Ok(Duration::from_secs(1_209_600)));
        for bad in ["", "s", "5", "-1d", "1y", "99999999999999999w", "1ä"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }
}
