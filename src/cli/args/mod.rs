//! The one definition of every command: parser, help, completions, man pages and reference follow
//! from it.

pub(crate) mod change;
pub(crate) mod datasets;
pub(crate) mod get;
mod groups;
pub(crate) mod link;
pub(crate) mod look;
pub(crate) mod maintain;
pub(crate) mod merge;
pub(crate) mod plumbing;
pub(crate) mod remotes;
pub(crate) mod start;
pub(crate) mod sync;

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

#[cfg(test)]
pub(crate) use groups::{GROUPS, Group, PLUMBING};

use super::ui::{ColorWhen, ProgressStyle};

/// dsv versions datasets as git versions code, and is built for data: many files, large files, one
/// store without duplicates, no server.
#[derive(Debug, Parser)]
#[command(
    name = "dsv",
    version,
    about = "Version datasets as git versions code",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    help_template = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\nOptions:\n{options}\n"
)]
pub(crate) struct Cli {
    /// What holds for all commands.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, action = ArgAction::Append)]
    pub(crate) chdir: Vec<PathBuf>,
    /// Use the repository in DIR instead of searching upwards
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) repo: Option<PathBuf>,
    /// Say nothing but what was asked for, and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// When to colour
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub(crate) color: ColorWhen,
    /// How to show progress
    #[arg(long, value_name = "HOW", global = true, default_value = "auto")]
    pub(crate) progress: ProgressStyle,
}

/// `--json`, for commands that report something.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Report as JSON, for a program
    #[arg(long)]
    pub(crate) json: bool,
}

/// Every command; what each does is said where its arguments are defined, and shown from there.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(start::Init),
    Add(change::Add),
    Materialize(link::Materialize),
    Sync(sync::Sync),
    Rm(change::Rm),
    Mv(change::Mv),
    Restore(change::Restore),
    Commit(change::Commit),
    Checkout(change::Checkout),
    Switch(change::Switch),
    Merge(merge::Merge),
    Revert(merge::Revert),
    CherryPick(merge::CherryPick),
    Status(change::Status),
    Verify(change::Verify),
    Log(look::Log),
    Show(look::Show),
    Diff(look::Diff),
    Ls(look::Ls),
    Cat(look::Cat),
    Info(look::Info),
    Branch(look::Branch),
    Tag(look::Tag),
    Untag(datasets::Untag),
    Create(datasets::Create),
    Abort(datasets::Abort),
    Upload(datasets::Upload),
    Resume(datasets::Resume),
    Meta(datasets::Meta),
    List(datasets::List),
    Search(datasets::Search),
    Describe(datasets::Describe),
    Note(datasets::Note),
    Archive(datasets::Archive),
    RestoreArchived(datasets::RestoreArchived),
    Publish(datasets::Publish),
    Delete(datasets::Delete),
    Rename(datasets::Rename),
    Move(datasets::Move),
    Squash(datasets::Squash),
    Compare(datasets::Compare),
    Remote(remotes::Remote),
    Clone(remotes::Clone),
    Fetch(remotes::Fetch),
    Pull(remotes::Pull),
    Push(remotes::Push),
    LsRemote(remotes::LsRemote),
    Evict(remotes::Evict),
    Get(get::Get),
    Cache(get::Cache),
    Gc(maintain::Gc),
    Config(maintain::Config),
    Completions(maintain::Completions),
    Man(maintain::Man),
    Help(maintain::Help),
    HashObject(plumbing::objects::HashObject),
    CatFile(plumbing::objects::CatFile),
    LsTree(plumbing::trees::LsTree),
    LsFiles(plumbing::index::LsFiles),
    UpdateIndex(plumbing::index::UpdateIndex),
    ReadTree(plumbing::index::ReadTree),
    Mktree(plumbing::index::Mktree),
    DiffTree(plumbing::trees::DiffTree),
    WriteTree(plumbing::trees::WriteTree),
    CommitTree(plumbing::trees::CommitTree),
    PackObjects(plumbing::packs::PackObjects),
    RevParse(plumbing::refs::RevParse),
    RevList(plumbing::refs::RevList),
    MergeBase(plumbing::refs::MergeBase),
    MergeTree(plumbing::merge::MergeTree),
    UpdateRef(plumbing::refs::UpdateRef),
    ShowRef(plumbing::refs::ShowRef),
    ForEachRef(plumbing::refs::ForEachRef),
    SymbolicRef(plumbing::refs::SymbolicRef),
    Fsck(plumbing::objects::Fsck),
    CountObjects(plumbing::objects::CountObjects),
    ChunkFile(plumbing::objects::ChunkFile),
    IndexPack(plumbing::packs::IndexPack),
    VerifyPack(plumbing::packs::VerifyPack),
    ShowIndex(plumbing::packs::ShowIndex),
}

/// The definition with the list of commands by group, ready to parse or to be explained.
pub(crate) fn command(color: ColorWhen) -> clap::Command {
    let command = Cli::command();
    let listing = groups::listing(&command, false);
    command.after_help(listing).color(match color {
        ColorWhen::Auto => clap::ColorChoice::Auto,
        ColorWhen::Always => clap::ColorChoice::Always,
        ColorWhen::Never => clap::ColorChoice::Never,
    })
}

/// The definition with every command listed, plumbing too.
pub(crate) fn command_with_plumbing(color: ColorWhen) -> clap::Command {
    let listing = groups::listing(&Cli::command(), true);
    command(color).after_help(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command(ColorWhen::Auto).debug_assert();
    }

    #[test]
    fn every_command_is_in_one_group() {
        let mut listed: Vec<&str> =
            GROUPS.iter().chain([&PLUMBING]).flat_map(|group| group.commands).copied().collect();
        let command = Cli::command();
        let mut defined: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        listed.sort_unstable();
        defined.sort_unstable();
        assert_eq!(listed, defined);
    }

    #[test]
    fn every_command_has_an_example() {
        for command in Cli::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Examples:\n  dsv "), "{} has no example", command.get_name());
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }

    #[test]
    fn examples_parse() {
        for command in Cli::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, examples) = after.split_once("Examples:\n").unwrap_or_default();
            for line in examples.lines().take_while(|line| line.starts_with("  ")) {
                let Some(words) = words_of_dsv(line.trim()) else { continue };
                if let Err(error) = super::command(ColorWhen::Never).try_get_matches_from(&words) {
                    assert!(!error.use_stderr(), "{line}\n{error}");
                }
            }
        }
    }

    /// The words of the `dsv` call in a line of shell; `None` when it has none.
    fn words_of_dsv(line: &str) -> Option<Vec<String>> {
        let call = &line[line.find("dsv ")?..];
        let mut words: Vec<String> = Vec::new();
        let (mut word, mut quote) = (None::<String>, None);
        for c in call.chars() {
            match (quote, c) {
                (Some(q), c) if c == q => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, '|' | '>' | '<' | ')' | ';' | '#') => break,
                (None, ' ') => words.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        Some(words)
    }
}
