//! `init` and `config`.

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

#[test]
fn init_makes_a_repository_once() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(["init", "photos", "--dataset", "vision/cats"]).expect(0);
    assert_snapshot!(first.text(&sandbox), @"Made a repository in $ROOT/work/photos, dataset vision/cats");
    assert_snapshot!(first.err, @"hint: put your data there, then: dsv add . && dsv commit -m 'First version'");
    let second = sandbox.run(["-C", "photos", "init", "--dataset", "dogs"]).expect(0);
    assert_snapshot!(second.text(&sandbox), @"There is a repository in $ROOT/work/photos already, dataset vision/cats; nothing was changed");
    assert_snapshot!(second.err, @"warning: --dataset was passed over; 'dsv switch -c dogs' begins that dataset");
    assert_eq!(sandbox.ok(["-q", "init", "quiet"]), "");
}

#[test]
fn init_takes_the_name_of_the_folder() {
    let sandbox = Sandbox::new();
    let answer = sandbox.json(["init", "--json", "My photos"]);
    assert_eq!((&answer["created"], &answer["dataset"]), (&true.into(), &"My-photos".into()));
}

#[test]
fn a_name_without_meaning_is_refused() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.fails(2, ["init", "--dataset", "a b"]), @"error: 'a b' is not a valid dataset name: only letters, digits, '.', '_', '-' and '+' are allowed, and '/' between parts");
    assert!(!sandbox.work().join(".dsv").exists());
}

#[test]
fn without_a_repository_the_error_tells_what_to_do() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.fails(3, ["count-objects"]), @r"
    error: '$ROOT/work' is not inside a dsv repository
    hint: make one with 'dsv init' in the folder of your data
    ");
    assert_snapshot!(sandbox.fails(3, ["count-objects", "--json"]), @r#"{"error":{"kind":"not-a-repository","message":"'$ROOT/work' is not inside a dsv repository","causes":[],"details":[],"hint":"make one with 'dsv init' in the folder of your data","exit_code":3}}"#);
}

#[test]
fn settings_of_a_repository_and_of_a_person() {
    let sandbox = Sandbox::repository();
    sandbox.ok(["config", "--global", "user.name", "Eva"]);
    sandbox.ok(["config", "set", "core.compression", "9"]);
    assert_eq!(sandbox.ok(["config", "get", "user.name"]), "Eva\n");
    assert_eq!(sandbox.ok(["config", "core.compression"]), "9\n");
    assert!(sandbox.root().join("home/.config/dsv/config.toml").exists());
    assert_snapshot!(sandbox.ok(["config"]), @"
    cache.max-size          50GiB  default
    core.compression        9      repository
    core.gitignore          true   default
    core.large-compression  1      default
    core.lock-timeout       60     default
    core.pack-size          64     default
    core.small-compression  1      default
    gc.log-days             90     default
    store.path              -      unset
    transfer.connections    8      default
    user.email              -      unset
    user.name               Eva    user
    ");
    sandbox.ok(["config", "unset", "core.compression"]);
    assert_eq!(sandbox.json(["config", "core.compression", "--json"])["origin"], "default");
    assert_eq!(sandbox.run(["config", "unset", "core.compression"]).code, 1);
}

#[test]
fn settings_without_meaning_are_refused() {
    let sandbox = Sandbox::repository();
    assert_snapshot!(sandbox.fails(3, ["config", "core.name"]), @r"
    error: there is no setting 'core.name'
    hint: did you mean user.name?
    ");
    assert_snapshot!(sandbox.fails(2, ["config", "core.gitignore", "perhaps"]), @"error: 'perhaps' is no value of the setting 'core.gitignore': expected true or false");
    sandbox.fails(2, ["config", "set", "core.gitignore"]);
    let outside = Sandbox::new();
    assert!(outside.ok(["config"]).contains("core.compression"));
    outside.fails(3, ["config", "core.gitignore", "false"]);
}
