//! `dsv add --from` and `--non-recursive`.

use insta::assert_snapshot;

use super::World;

#[test]
fn files_folders_and_patterns_are_staged_from_elsewhere() {
    let world = World::new();
    let sandbox = &world.sandbox;
    world.put("deep/er/c.csv", "5");
    world.put("notes.txt", "6");
    sandbox.write("own.txt", "own");
    sandbox.ok(["add", "own.txt"]);
    assert_snapshot!(sandbox.ok(["add", "--from", "../incoming", "--to", "raw", "-n"]), @"
    added     raw/a.csv
    added     raw/deep/b.csv
    added     raw/deep/er/c.csv
    added     raw/notes.txt
    Would stage 4 files added (8 B)
    ");
    assert_snapshot!(sandbox.ok(["add", "--from", "../incoming", "--to", "raw", "-v"]), @"
    added     raw/a.csv
    added     raw/deep/b.csv
    added     raw/deep/er/c.csv
    added     raw/notes.txt
    Staged 4 files added (8 B); 208 B stored
    ");
    assert_snapshot!(sandbox.ok(["add", "--from", "../incoming", "--to", "raw"]), @"Nothing new to stage");
    assert_snapshot!(sandbox.ok(["add", "-v", "--from", "../incoming/a.csv", "../incoming/deep"]), @"
    added     a.csv
    added     b.csv
    added     er/c.csv
    Staged 3 files added (7 B); 0 B stored
    ");
    assert_snapshot!(sandbox.ok(["add", "-v", "--from", "../incoming/**/*.csv", "--to", "p"]), @"
    added     p/a.csv
    added     p/deep/b.csv
    added     p/deep/er/c.csv
    Staged 3 files added (7 B); 0 B stored
    ");
    assert_snapshot!(sandbox.ok(["add", "-v", "--from", "../incoming/*.csv", "--to", "q"]), @"
    added     q/a.csv
    Staged 1 file added (3 B); 0 B stored
    ");
    assert_snapshot!(sandbox.ok(["add", "-v", "--non-recursive", "--from", "../incoming", "--to", "flat"]), @"
    added     flat/a.csv
    added     flat/notes.txt
    Staged 2 files added (4 B); 0 B stored
    ");
    // What was staged before stays, and nothing came into the worktree.
    sandbox.ok(["commit", "-m", "All"]);
    assert_snapshot!(world.paths(), @"
    3 B  a.csv
    3 B  b.csv
    1 B  er/c.csv
    3 B  flat/a.csv
    1 B  flat/notes.txt
    3 B  own.txt
    3 B  p/a.csv
    3 B  p/deep/b.csv
    1 B  p/deep/er/c.csv
    3 B  q/a.csv
    3 B  raw/a.csv
    3 B  raw/deep/b.csv
    1 B  raw/deep/er/c.csv
    1 B  raw/notes.txt
    ");
    assert!(!sandbox.work().join("raw").exists());
    world.assert_clean();
    sandbox.ok(["checkout", "--full", "cats"]);
    assert_eq!(sandbox.read("raw/deep/er/c.csv"), b"5");
    // Nothing else is removed, and what is in the worktree follows.
    world.put("a.csv", "7");
    std::fs::remove_file(world.folder().join("notes.txt")).unwrap();
    assert_snapshot!(sandbox.ok(["add", "-v", "--from", "../incoming", "--to", "raw"]), @"
    modified  raw/a.csv
    Staged 1 file modified (1 B); 51 B stored
    ");
    assert_eq!(sandbox.read("raw/a.csv"), b"7");
    assert_eq!(sandbox.read("raw/notes.txt"), b"6");
    sandbox.ok(["commit", "-m", "More"]);
    world.assert_clean();
}

#[test]
fn what_cannot_be_staged_from_elsewhere_is_told() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.write("a.csv", "mine");
    assert_snapshot!(sandbox.fails(3, ["add", "--from", "../incoming"]), @"
    error: 1 uncommitted file would be lost
      a.csv (untracked)
    hint: move them away, or commit them with 'dsv add' and 'dsv commit'; nothing was changed
    ");
    assert_eq!(sandbox.read("a.csv"), b"mine");
    assert_snapshot!(sandbox.fails(3, ["add", "--from", "../nowhere"]), @"
    error: '../nowhere' does not exist
    hint: check the spelling; paths are relative to the current folder
    ");
    assert_snapshot!(sandbox.fails(3, ["add", "--from", "../incoming/*.png"]), @"
    error: no file matches '../incoming/*.png'
    hint: quote the pattern, and check the folder in front of it
    ");
    assert_snapshot!(sandbox.fails(3, ["add", "--from", "a.csv", "--to", "x"]), @"
    error: '$ROOT/work' lies in the worktree, at 'a.csv'
    hint: it is part of the dataset where it is: leave --to and --dataset out, or move it out of the worktree
    ");
    assert_snapshot!(sandbox.fails(3, ["add", "--from", ".."]), @"
    error: '$ROOT' holds this repository
    hint: a repository cannot take itself in; move it out of that folder, or sync folders beside it
    ");
    sandbox.ok(["add", "a.csv"]);
    assert_snapshot!(sandbox.fails(3, ["add", "--from", "../incoming", "--to", "a.csv"]), @"
    error: 'a.csv' is a file in the dataset
    hint: give another PATH, or remove the file first with 'dsv rm' and 'dsv commit'
    ");
    assert_eq!(sandbox.ok(["ls-files"]).trim(), "a.csv");
}

#[test]
fn only_the_files_right_in_a_folder() {
    let world = World::new();
    let sandbox = &world.sandbox;
    for path in ["top", "dir/a.csv", "dir/sub/b.csv", "other/sub/c.csv"] {
        sandbox.write(path, path);
    }
    assert_snapshot!(sandbox.ok(["add", "--non-recursive", "-n", "."]), @"
    added     top
    Would stage 1 file added (3 B)
    ");
    assert_snapshot!(sandbox.ok(["add", "--non-recursive", "-n", "dir", "other/sub/c.csv"]), @"
    added     dir/a.csv
    added     other/sub/c.csv
    Would stage 2 files added (24 B)
    ");
    assert_snapshot!(sandbox.ok(["add", "--non-recursive", "-n", "*"]), @"
    added     top
    Would stage 1 file added (3 B)
    ");
    assert_snapshot!(sandbox.ok(["add", "--non-recursive", "-n", "**/*.csv"]), @"
    added     dir/a.csv
    added     dir/sub/b.csv
    added     other/sub/c.csv
    Would stage 3 files added (37 B)
    ");
    sandbox.ok(["add", "."]);
    std::fs::remove_dir_all(sandbox.work().join("dir")).unwrap();
    assert_snapshot!(sandbox.ok(["add", "--non-recursive", "-v", "dir"]), @"
    removed   dir/a.csv
    Staged 1 file removed (9 B); 0 B stored
    ");
}
