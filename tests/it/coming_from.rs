//! The tables for people who come from other tools: each row's command is run, from top to bottom.

use std::path::Path;
use std::process::Command;

use crate::support::scratch;

/// The commands in the last column of a page's tables, with their lines' numbers.
fn commands(page: &str) -> Vec<(usize, String)> {
    let mut commands = Vec::new();
    for (number, line) in page.lines().enumerate() {
        let Some(cell) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else { continue };
        let cell = cell.rsplit(" | ").next().unwrap().trim();
        if let Some(command) = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            commands.push((number + 1, command.to_owned()));
        }
    }
    commands
}

fn shell(line: &str, root: &Path) -> (i32, String) {
    let bin = Path::new(env!("CARGO_BIN_EXE_dsv")).parent().unwrap().to_owned();
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {line}\n}} 2>&1")])
        .current_dir(root.join("work"))
        .env_clear()
        .env("HOME", root)
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()))
        .env("TZ", "UTC")
        .env("DSV_NOW", "2026-11-23T14:05:09+01:00")
        .env("DSV_AUTHOR_NAME", "Ada")
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Runs the rows of a page in a repository with a remote, some files that are not added, and folders beside it.
fn try_rows(page: &str, at_least: usize, prepare: &[&str]) {
    let root = scratch();
    for folder in ["work", "incoming", "elsewhere", "remote"] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
    }
    for line in [
        "echo 1 > ../incoming/one && echo 2 > ../incoming/two && echo 3 > ../elsewhere/three",
        "dsv init --dataset cats && dsv remote add origin ../remote",
        "echo 1 > table.csv && mkdir images data raw && echo x > images/1.png && echo 1 > data/a.csv && echo o > raw/old.csv",
    ]
    .iter()
    .chain(prepare)
    {
        let (code, said) = shell(line, root.path());
        assert_eq!(code, 0, "{line}\n{said}");
    }
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let commands = commands(&text);
    assert!(commands.len() >= at_least, "{}", commands.len());
    let mut failed = Vec::new();
    for (number, command) in commands {
        let (code, said) = shell(&command, root.path());
        if code != 0 {
            failed.push(format!("{page}:{number}: {command}\n  ended with {code}: {said}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_row_for_people_from_clearml_is_run() {
    try_rows("docs/coming-from-clearml.md", 40, &["echo n > new.txt"]);
}

#[test]
fn every_row_for_people_from_dvc_is_run() {
    let first = "dsv add table.csv && dsv commit -m First && dsv push";
    try_rows("docs/coming-from-dvc.md", 30, &[first]);
}
