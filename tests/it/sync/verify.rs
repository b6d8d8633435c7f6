//! `dsv verify` of folders: which one is meant, and what differs in it.

use insta::assert_snapshot;

use super::World;

#[test]
fn a_copy_or_a_folder_of_the_worktree_is_compared() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.ok(["sync", "--folder", "../incoming"]);
    assert_snapshot!(sandbox.ok(["verify", "../incoming"]), @"2 files (6 B) verified, all as they should be");
    world.put("a.csv", "1,3");
    world.put("extra", "1");
    std::fs::remove_file(world.folder().join("deep/b.csv")).unwrap();
    assert_snapshot!(sandbox.run(["verify", "../incoming"]).expect(1).text(sandbox), @"
    different  a.csv
    missing    deep/b.csv
    extra      extra
    3 paths differ; 0 files (0 B) as they should be
    ");
    // The size is the same.
    assert_snapshot!(sandbox.run(["verify", "../incoming", "--size-only"]).expect(1).text(sandbox), @"
    missing    deep/b.csv
    extra      extra
    2 paths differ; 1 file (3 B) as they should be
    ");
    sandbox.ok(["sync", "--folder", "../incoming"]);
    assert_snapshot!(sandbox.run(["verify", "HEAD~1", "../incoming"]).expect(1).text(sandbox), @"
    different  a.csv
    missing    deep/b.csv
    extra      extra
    3 paths differ; 0 files (0 B) as they should be
    ");
    assert_snapshot!(sandbox.ok(["verify", "HEAD", "../incoming"]), @"2 files (4 B) verified, all as they should be");
    let document = sandbox.run(["verify", "HEAD~1", "../incoming", "--json"]).expect(1).out;
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["findings"].as_array().unwrap().len(), 3);
}

#[test]
fn a_folder_of_the_worktree_is_compared_with_its_place() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.write("raw/a", "1");
    sandbox.write("raw/b", "1");
    sandbox.write("other/c", "2");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "All"]);
    sandbox.write("raw/a", "2");
    sandbox.write("raw/new", "2");
    sandbox.write("other/c", "3");
    std::fs::remove_file(sandbox.work().join("raw/b")).unwrap();
    assert_snapshot!(sandbox.run(["verify", "raw"]).expect(1).text(sandbox), @"
    different  raw/a
    missing    raw/b
    extra      raw/new
    3 paths differ; 0 files (0 B) as they should be
    ");
    assert_snapshot!(sandbox.run(["verify", "raw", "--size-only"]).expect(1).text(sandbox), @"
    missing    raw/b
    extra      raw/new
    2 paths differ; 1 file (1 B) as they should be
    ");
    // One that the version does not have is a copy of the whole.
    sandbox.write("copy/other/c", "2");
    assert_snapshot!(sandbox.run(["verify", "copy"]).expect(1).text(sandbox), @"
    missing    raw/a
    missing    raw/b
    2 paths differ; 1 file (1 B) as they should be
    ");
    sandbox.ok(["branch", "raw"]);
    assert_snapshot!(sandbox.fails(2, ["verify", "raw"]), @"
    error: 'raw' is a folder and a revision
    hint: give './raw' for the folder, or 'raw .' for the revision
    ");
    sandbox.run(["verify", "./raw"]).expect(1);
    sandbox.run(["verify", "raw", "."]).expect(1);
}
