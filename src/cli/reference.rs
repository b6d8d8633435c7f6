//! `docs/cli.md`, generated from the definition of the commands. `DSV_REGENERATE=1 cargo test` writes it.

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::cli::args::{self, GROUPS, Group, PLUMBING};
    use crate::cli::env::VARIABLES;
    use crate::cli::ui::ColorWhen;

    const INTRODUCTION: &str = "\
# Commands

Generated from the definition of the commands; `dsv help COMMAND` and `man dsv-COMMAND` say the same.

Data goes to standard output, talk and progress to standard error. Exit codes and kinds of errors are in
[errors.md](errors.md).
";

    fn reference() -> String {
        let mut command = args::command(ColorWhen::Never).term_width(100);
        command.build();
        let mut page = INTRODUCTION.to_owned();
        page.push_str("\n## Environment\n\n| variable | meaning |\n|---|---|\n");
        for (name, meaning) in VARIABLES {
            let _ = writeln!(page, "| {name} | {meaning} |");
        }
        for group in GROUPS.iter().chain([&PLUMBING]) {
            section(&mut page, group, &mut command);
        }
        page
    }

    fn section(page: &mut String, group: &Group, command: &mut clap::Command) {
        let _ = write!(page, "\n## {}\n", group.title);
        for name in group.commands {
            let subcommand = command.find_subcommand_mut(name).unwrap();
            let help = subcommand.render_long_help().to_string();
            let own = help.split("\nOptions of every command:").next().unwrap_or(&help);
            let examples = help.find("\nExamples:").map_or("", |at| &help[at..]);
            let rest = if own.contains(examples) { "" } else { examples };
            let mut text = String::new();
            for line in own.trim_end().lines().chain(rest.trim_end().lines()) {
                let _ = writeln!(text, "{}", line.trim_end());
            }
            let _ = write!(page, "\n### dsv {name}\n\n```text\n{text}```\n");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test that compares or writes a document")]
    fn the_reference_is_fresh() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
        let wanted = reference();
        if crate::cli::env::process_variable("DSV_REGENERATE").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page == wanted, "docs/cli.md is stale: DSV_REGENERATE=1 cargo test the_reference");
    }
}
