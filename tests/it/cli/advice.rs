//! What is refused although it could be done, and what the error advises.

use std::fs;

use insta::assert_snapshot;

use super::paths::two_versions;

#[test]
fn refs_have_full_names() {
    let sandbox = two_versions();
    assert_snapshot!(sandbox.fails(2, ["update-ref", "refs/foo", "HEAD"]), @r"error: 'refs/foo' is not a valid ref: a full name is refs/datasets/NAME");
    assert_snapshot!(sandbox.fails(3, ["symbolic-ref", "HEAD", "dogs"]), @r"
    error: there is no dataset 'dogs'
    hint: 'dsv branch' lists them; begin one with 'dsv switch -c NAME'
    ");
    sandbox.ok(["symbolic-ref", "HEAD", "refs/datasets/dogs"]);
    sandbox.ok(["symbolic-ref", "HEAD", "cats"]);
    sandbox.ok(["update-ref", "dogs", "HEAD"]);
    assert_snapshot!(sandbox.fails(3, ["update-ref", "--absent", "dogs", "HEAD"]), @r"
    error: the dataset 'dogs' moved meanwhile: expected no version, found f786072de38a
    hint: look at what is there now, and run it again if it is still right
    ");
    sandbox.write("new", "1");
    assert_snapshot!(sandbox.fails(2, ["update-index", "new"]), @r"
    error: 'new' is not staged yet
    hint: --add stages what is new
    ");
    sandbox.ok(["update-index", "a"]);
}

#[test]
fn an_error_tells_what_was_meant() {
    let sandbox = two_versions();
    assert_snapshot!(sandbox.fails(2, ["commit", "-m", " "]), @r"
    error: the message is empty
    hint: say with -m why the version is made
    ");
    assert_snapshot!(sandbox.fails(3, ["mv", "a", "b"]), @r"
    error: cannot move 'a' to 'b': the target exists
    hint: choose another name, or remove what is there first with 'dsv rm'
    ");
    assert_snapshot!(sandbox.fails(3, ["mv", "a", "a"]), @r"error: cannot move 'a' to 'a': they are the same");
    assert_snapshot!(sandbox.fails(2, ["cat", "HEAD:d"]), @r"
    error: 'HEAD:d' is a tree, not a file
    hint: 'dsv ls HEAD:d' lists what is in it
    ");
    assert_snapshot!(sandbox.fails(3, ["cat", "d/x"]), @r"
    error: there is no dataset, tag or version 'd/x'
    hint: did you mean HEAD:d/x?
    ");
    assert_snapshot!(sandbox.fails(3, ["log", "d/x"]), @r"
    error: there is no dataset, tag or version 'd/x'
    hint: did you mean dsv log -- d/x?
    ");
    assert_snapshot!(sandbox.fails(3, ["checkout", "d/x"]), @r"
    error: there is no dataset, tag or version 'd/x'
    hint: did you mean dsv restore d/x?
    ");
    assert_snapshot!(sandbox.fails(2, ["switch", "cats@1.0.0"]), @r"
    error: 'cats@1.0.0' is not a valid dataset name: only letters, digits, '.', '_', '-' and '+' are allowed, and '/' between parts
    hint: 'dsv checkout cats@1.0.0' goes to that version
    ");
    assert_snapshot!(sandbox.fails(3, ["rev-parse", "28d"]), @r"
    error: there is no dataset, tag or version '28d'
    hint: the beginning of an id needs 4 digits or more; 'dsv log' lists the versions
    ");
    assert_snapshot!(sandbox.fails(2, ["branch", "a b"]), @r"error: 'a b' is not a valid dataset name: only letters, digits, '.', '_', '-' and '+' are allowed, and '/' between parts");
    assert_snapshot!(sandbox.run_with_input(["mktree"], b"x y\n").expect(2).err, @r"
    error: 'x y' has not the form KIND ID [SIZE]<TAB>NAME
    hint: lines are as 'dsv ls-tree' prints them: KIND ID<TAB>NAME, with file, exec, symlink or dir for KIND
    ");
    assert_snapshot!(sandbox.fails(2, ["status", "--foo"]), @r"
    error: unexpected argument '--foo' found
    
      tip: to pass '--foo' as a value, use '-- --foo'
    
    Usage: dsv status [OPTIONS] [PATHS]...
    hint: see dsv help status
    ");
    assert_snapshot!(sandbox.fails(2, ["frobnicate"]), @r"
    error: unrecognized subcommand 'frobnicate'
    
    Usage: dsv [OPTIONS] <COMMAND>
    hint: see dsv help
    ");
    let again = sandbox.run(["init", "--dataset", "other", "--store", "../store"]).expect(0);
    assert_snapshot!(again.err, @r"
    warning: --dataset was passed over; 'dsv switch -c other' begins that dataset
    warning: --store was passed over: where the objects of a repository lie is told when it is made
    ");
}

#[test]
fn what_cannot_be_added_is_told_in_one_go() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = two_versions();
    sandbox.write("folder/x", "1");
    sandbox.write("file", "1");
    for path in ["folder", "file"] {
        fs::set_permissions(sandbox.work().join(path), fs::Permissions::from_mode(0o000)).unwrap();
    }
    assert_snapshot!(sandbox.run_as_nobody(&["add", "."]).expect(3).err, @r"
    error: 2 of the paths cannot be added
      file cannot be read: Permission denied
      folder cannot be read: Permission denied
    hint: leave them out with a line in .dsvignore, or make them readable; nothing was staged
    ");
    fs::set_permissions(sandbox.work().join("folder"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_renamed_dataset_shows_labels_that_are_found() {
    let sandbox = two_versions();
    sandbox.ok(["branch", "-m", "cats", "tigers"]);
    assert!(sandbox.ok(["status"]).contains("On dataset tigers at cats@1.0.1  "));
    assert!(sandbox.ok(["branch"]).contains("tigers  cats@1.0.1  "));
    sandbox.ok(["rev-parse", "cats@1.0.1"]);
}

#[test]
fn paths_for_programs_end_in_nul() {
    let sandbox = two_versions();
    sandbox.ok(["mv", "-q", "b", "c\nd"]);
    sandbox.write("a", "33");
    sandbox.write("new/x", "1");
    assert_eq!(
        sandbox.ok(["status", "-z"]),
        "staged renamed\0b\0c\nd\0unstaged modified\0a\0untracked\0new/\0"
    );
    assert_eq!(sandbox.ok(["ls", "-z", "HEAD", "d"]), "d/x\0d/y\0");
    let verified = sandbox.run(["verify", "-z"]).expect(1).text(&sandbox);
    assert_eq!(verified, "different\0a\0missing\0b\0extra\0c\nd\0extra\0new/x\0");
}

#[test]
fn an_empty_folder_is_shown_as_one() {
    let sandbox = two_versions();
    fs::create_dir(sandbox.work().join("nothing")).unwrap();
    sandbox.ok(["add", "-q", "."]);
    assert!(sandbox.ok(["diff", "--staged"]).contains("nothing/ (empty)\n"));
    sandbox.ok(["commit", "-qm", "3"]);
    assert!(sandbox.ok(["show"]).contains("nothing/ (empty)\n"));
}

#[test]
fn the_hint_of_status_is_about_what_is_there() {
    let sandbox = two_versions();
    let hint = || sandbox.run(["status"]).expect(0).err;
    assert_eq!(hint(), "");
    sandbox.write("new", "1");
    assert_snapshot!(hint(), @r"hint: dsv add PATH stages");
    fs::remove_file(sandbox.work().join("b")).unwrap();
    assert_snapshot!(hint(), @r"hint: dsv add PATH stages, dsv restore PATH brings back");
    sandbox.write("a", "33");
    sandbox.ok(["add", "-q", "new"]);
    assert_snapshot!(hint(), @r"hint: dsv add PATH stages, dsv commit makes a version of what is staged, dsv restore --force PATH undoes");
}
