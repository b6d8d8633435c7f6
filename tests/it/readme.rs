//! The console examples of the pages are run, and show what dsv prints. `DSV_UPDATE_DOCS=1` rewrites them.

use std::path::Path;
use std::process::Command;

use crate::support::scratch;

/// The pages, whose `console` blocks are run, each page in one folder from top to bottom.
const PAGES: &[&str] = &[
    "README.md",
    "docs/how-to/beside-git.md",
    "docs/how-to/check-and-repair.md",
    "docs/how-to/find-a-version.md",
    "docs/how-to/ignore-files.md",
    "docs/how-to/link-external-data.md",
    "docs/how-to/merge.md",
    "docs/how-to/save-space.md",
    "docs/how-to/script.md",
    "docs/how-to/share-a-store.md",
    "docs/how-to/sync-a-folder.md",
    "docs/how-to/undo.md",
    "docs/remotes.md",
    "docs/tutorial.md",
];

#[test]
fn no_page_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec!["README.md".to_owned()];
    for folder in ["docs", "docs/how-to", "docs/decisions"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && std::fs::read_to_string(&path).unwrap().contains("```console\n") {
                found.push(format!("{folder}/{}", path.file_name().unwrap().display()));
            }
        }
    }
    found.sort();
    assert_eq!(found, PAGES);
}

/// Runs one line of shell as a person would, in a home and at a time that never change; standard output and
/// standard error together, as a terminal shows them.
fn run(line: &str, root: &Path) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_dsv")).parent().unwrap().to_owned();
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {line}\n}} 2>&1")])
        .current_dir(root.join("cats"))
        .env_clear()
        .env("HOME", root)
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()))
        .env("TZ", "UTC")
        .env("DSV_NOW", "2026-11-23T14:05:09+01:00")
        .env("DSV_AUTHOR_NAME", "Ada")
        .env("DSV_AUTHOR_EMAIL", "ada@example.org")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace(&std::fs::canonicalize(root).unwrap().display().to_string(), "~")
}

/// A page with the output of each command as it is now.
fn refresh(page: &str) -> String {
    let root = scratch();
    std::fs::create_dir(root.path().join("cats")).unwrap();
    let mut out = String::new();
    let mut in_block = false;
    for line in page.lines() {
        if in_block && line != "```" {
            if let Some(command) = line.strip_prefix("$ ") {
                out.push_str(&format!("{line}\n{}", run(command, root.path())));
            }
            continue;
        }
        in_block = line == "```console";
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn console_examples_show_what_is_printed() {
    for page in PAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("```console\n$ "), "{page} has no examples");
        let fresh = refresh(&text);
        if std::env::var_os("DSV_UPDATE_DOCS").is_some() {
            std::fs::write(&path, fresh).unwrap();
        } else {
            assert_eq!(text, fresh, "{page}: what it shows is not what dsv prints");
        }
    }
}
