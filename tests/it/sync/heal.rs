//! What is remembered of a folder is believed only as far as it is still stored.

use super::World;

/// Removes all that nothing refers to.
fn collect(world: &World) {
    world.sandbox.ok(["gc", "--grace", "0s", "--forget-moves"]);
}

/// What was taken in can be had whole.
fn assert_there(world: &World, large: &[u8]) {
    world.sandbox.ok(["fsck", "--full"]);
    assert_eq!(world.sandbox.ok(["cat", "sensors:a.csv"]), "1,2");
    assert_eq!(world.sandbox.run(["cat", "sensors:large"]).expect(0).out, large);
}

#[test]
fn what_was_deleted_and_collected_is_stored_again() {
    let world = World::new();
    let sandbox = &world.sandbox;
    let large: Vec<u8> =
        (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(world.folder().join("large"), &large).unwrap();
    sandbox.write("own.txt", "own");
    sandbox.ok(["add", "."]);
    sandbox.ok(["commit", "-m", "Own"]);
    let sync = ["sync", "--folder", "../incoming", "--dataset", "sensors"];
    sandbox.ok(sync);
    assert_there(&world, &large);
    // The tree is gone, and all of it.
    sandbox.ok(["branch", "-d", "--force", "sensors"]);
    collect(&world);
    sandbox.ok(sync);
    assert_there(&world, &large);
}

#[test]
fn what_others_removed_from_the_dataset_is_stored_again() {
    let world = World::new();
    let sandbox = &world.sandbox;
    world.put("keep", "keep");
    sandbox.ok(["sync", "--folder", "../incoming"]);
    sandbox.ok(["rm", "a.csv"]);
    sandbox.ok(["commit", "-m", "Without"]);
    // Nothing leads to the file any more, while the trees around it stay in use in packs that stay.
    let squashed = sandbox.json(["show", "HEAD", "--json"]);
    let tree = squashed["tree"].as_str().map(str::to_owned);
    if let Some(tree) = tree {
        let id = sandbox.ok(["commit-tree", &tree, "-m", "Alone", "--dataset", "cats"]);
        sandbox.ok(["update-ref", "cats", id.trim()]);
    }
    collect(&world);
    sandbox.ok(["sync", "--folder", "../incoming"]);
    sandbox.ok(["fsck", "--full"]);
    assert_eq!(sandbox.ok(["cat", "HEAD:a.csv"]), "1,2");
    world.assert_clean();
}

#[test]
fn what_is_remembered_may_be_damaged_or_removed() {
    let world = World::new();
    let sandbox = &world.sandbox;
    sandbox.ok(["sync", "--folder", "../incoming"]);
    let sources = sandbox.work().join(".dsv/sources");
    let source = std::fs::read_dir(&sources).unwrap().next().unwrap().unwrap().path();
    for entry in std::fs::read_dir(&source).unwrap().map(Result::unwrap) {
        std::fs::write(entry.path(), "damaged").unwrap();
    }
    assert_eq!(sandbox.ok(["sync", "--folder", "../incoming"]).trim(), "Nothing changed");
    std::fs::remove_dir_all(&sources).unwrap();
    assert_eq!(sandbox.ok(["sync", "--folder", "../incoming", "-n"]).trim(), "Nothing changed");
    assert_eq!(sandbox.ok(["sync", "--folder", "../incoming"]).trim(), "Nothing changed");
}
