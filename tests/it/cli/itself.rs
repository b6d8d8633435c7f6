//! What the binary tells of itself, and how it behaves whatever the command.

use std::process::Stdio;

use crate::support::sandbox::Sandbox;

#[test]
fn version_and_help() {
    let sandbox = Sandbox::new();
    let version = sandbox.ok(["--version"]);
    assert_eq!(version, format!("dsv {}\n", env!("CARGO_PKG_VERSION")));
    let help = sandbox.ok(["help"]);
    assert!(help.contains("Plumbing, for scripts: dsv help --all"), "{help}");
    assert!(!help.contains('\u{1b}'), "no colour where there is no terminal");
    assert_eq!(help, sandbox.ok(["--help"]));
    assert!(sandbox.ok(["help", "man"]).contains("Examples:"));
}

#[test]
fn wrong_usage_is_code_2() {
    let sandbox = Sandbox::new();
    assert!(sandbox.fails(2, [""; 0]).contains("Usage: dsv"));
    assert!(sandbox.fails(2, ["complet"]).contains("'completions'"));
    assert!(sandbox.fails(2, ["help", "nothing"]).contains("there is no command 'nothing'"));
    let error = sandbox.fails(2, ["mna", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(document["error"]["kind"], "usage");
    assert_eq!(document["error"]["exit_code"], 2);
}

#[test]
fn an_environment_without_meaning_is_refused() {
    let mut sandbox = Sandbox::new();
    sandbox.set("DSV_NOW", "yesterday");
    let error = sandbox.fails(2, ["help"]);
    assert!(error.contains("DSV_NOW") && error.contains("because: 'yesterday'"), "{error}");
}

#[test]
fn colour_is_a_choice() {
    let mut sandbox = Sandbox::new();
    assert!(sandbox.ok(["help", "--color", "always"]).contains('\u{1b}'));
    assert!(sandbox.fails(2, ["mna", "--color=always"]).contains('\u{1b}'));
    sandbox.set("CLICOLOR_FORCE", "1");
    assert!(sandbox.ok(["help"]).contains('\u{1b}'));
    assert!(!sandbox.ok(["help", "--color", "never"]).contains('\u{1b}'));
    sandbox.set("NO_COLOR", "1");
    assert!(!sandbox.ok(["help"]).contains('\u{1b}'));
}

#[test]
fn completions_and_man_pages() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(sandbox.ok(["completions", shell]).contains("completions"), "{shell}");
    }
    assert!(sandbox.ok(["man"]).starts_with(".ie"));
    let error = sandbox.fails(3, ["man", "pages"]);
    assert!(error.contains("hint: mkdir -p '$ROOT/work/pages'"), "{error}");
    std::fs::create_dir(sandbox.work().join("pages")).unwrap();
    sandbox.ok(["man", "pages"]);
    assert!(sandbox.work().join("pages/dsv-completions.1").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command()
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
