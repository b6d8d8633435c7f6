//! How the commands are listed: by what a person wants to do.

use std::fmt::Write;

use anstyle::Style;

use crate::cli::env::VARIABLES;

/// Commands listed under one title.
#[derive(Debug)]
pub(crate) struct Group {
    /// What a person wants to do.
    pub(crate) title: &'static str,
    /// Names of commands.
    pub(crate) commands: &'static [&'static str],
}

/// The groups of `dsv help`, in its order.
pub(crate) const GROUPS: &[Group] = &[
    Group { title: "Start", commands: &["init", "clone"] },
    Group {
        title: "Datasets",
        commands: &[
            "create",
            "upload",
            "abort",
            "resume",
            "list",
            "search",
            "describe",
            "note",
            "meta",
            "tag",
            "untag",
            "archive",
            "restore-archived",
            "publish",
            "squash",
            "rename",
            "move",
            "delete",
        ],
    },
    Group { title: "Change", commands: &["add", "sync", "materialize", "rm", "mv", "commit"] },
    Group { title: "Bring together", commands: &["merge", "cherry-pick", "revert"] },
    Group { title: "Look", commands: &["status", "diff", "log", "compare", "show", "ls", "cat", "info"] },
    Group { title: "Go back", commands: &["checkout", "restore", "switch", "branch"] },
    Group {
        title: "Share",
        commands: &["push", "pull", "fetch", "remote", "ls-remote", "evict", "get", "cache"],
    },
    Group { title: "Maintain", commands: &["verify", "gc", "config", "completions", "man", "help"] },
];

/// What scripts and other tools build on.
pub(crate) const PLUMBING: Group = Group {
    title: "Plumbing",
    commands: &[
        "hash-object",
        "cat-file",
        "ls-tree",
        "mktree",
        "ls-files",
        "update-index",
        "write-tree",
        "read-tree",
        "commit-tree",
        "diff-tree",
        "rev-parse",
        "rev-list",
        "merge-base",
        "merge-tree",
        "update-ref",
        "show-ref",
        "for-each-ref",
        "symbolic-ref",
        "pack-objects",
        "index-pack",
        "verify-pack",
        "show-index",
        "count-objects",
        "chunk-file",
        "fsck",
    ],
};

/// Titles, names and what each command does; what it does comes from the definition.
pub(super) fn listing(definition: &clap::Command, plumbing: bool) -> String {
    let heading = Style::new().bold().underline();
    let literal = Style::new().bold();
    let mut text = String::new();
    for group in GROUPS.iter().chain(plumbing.then_some(&PLUMBING)) {
        let _ = writeln!(text, "\n{heading}{}:{heading:#}", group.title);
        for name in group.commands {
            let about = definition.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name:<16}{literal:#} {about}");
        }
    }
    if plumbing {
        let _ = writeln!(text, "\n{heading}Environment:{heading:#}");
        for (name, meaning) in VARIABLES {
            let _ = writeln!(text, "  {literal}{name}{literal:#}\n      {meaning}");
        }
    } else {
        let _ = writeln!(text, "\nPlumbing, for scripts: {literal}dsv help --all{literal:#}");
    }
    text.trim().to_owned()
}
