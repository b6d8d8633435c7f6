//! What is shown to people and to programs.

use insta::assert_snapshot;

use super::paths::two_versions;

#[test]
fn a_terminal_obeys_nothing_that_data_says() {
    let sandbox = two_versions();
    let wild = "evil \u{1b}]0;title\u{7}\u{1b}[2J\rgone\n\nbody\u{9b}31m\u{202e}";
    sandbox.write("a", "3");
    let mut command = sandbox.command();
    command.env("DSV_AUTHOR_NAME", "E\u{1b}[1mve");
    command.args(["commit", "-am", wild, "--meta", "k=\u{1b}[1m"]);
    let shown = [
        String::from_utf8(command.output().unwrap().stdout).unwrap(),
        sandbox.ok(["log"]),
        sandbox.ok(["log", "--oneline"]),
        sandbox.ok(["show"]),
        sandbox.ok(["branch"]),
        sandbox.ok(["tag", "gold"]) + &sandbox.ok(["tag"]),
        sandbox.ok(["status"]),
        sandbox.fails(2, ["log", "\u{1b}[31m"]),
    ];
    for text in shown {
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
    assert!(sandbox.ok(["log", "-n1"]).contains(r"    evil \x1b]0;title\x07\x1b[2J\rgone"));
    assert_eq!(sandbox.json(["log", "-n1", "--json"])["message"], wild);
}

#[test]
fn programs_are_told_all() {
    let sandbox = two_versions();
    sandbox.write("a", "3");
    sandbox.ok(["add", "-q", "a"]);
    assert_eq!(sandbox.json(["restore", "--staged", "a", "--json"])["unstaged"], 1);
    sandbox.ok(["branch", "gold", "HEAD~1"]);
    sandbox.ok(["tag", "gold"]);
    assert_snapshot!(sandbox.fails(3, ["log", "gold"]), @r"
    error: 'gold' is ambiguous: it has 2 meanings
      dataset  8bb8eba428df cats@1.0.0 1
      tag      f786072de38a cats@1.0.1 2
    hint: write refs/datasets/NAME, refs/tags/NAME or more digits of the id
    ");
    let error = sandbox.fails(3, ["show", "gold", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["error"]["details"].as_array().unwrap().len(), 2);
}
