//! `gc` and `fsck`.

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

/// The packs of a repository, by their paths in the worktree.
fn packs(sandbox: &Sandbox) -> Vec<String> {
    let objects = sandbox.work().join(".dsv/objects").read_dir().unwrap();
    let names = objects.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".pack")).map(|name| format!(".dsv/objects/{name}")).collect()
}

#[test]
fn gc_removes_what_nothing_refers_to() {
    let sandbox = Sandbox::repository();
    assert_snapshot!(sandbox.ok(["gc"]), @"Nothing to remove; 0 B in 0 packs kept");
    sandbox.run_with_input(["hash-object", "-w", "--stdin"], b"of no use").expect(0);
    let young = sandbox.run(["gc"]).expect(0);
    assert_snapshot!(young.text(&sandbox), @"Nothing to remove; 138 B in 1 pack kept");
    assert_snapshot!(young.err, @"hint: 138 B of that is not in use, and too young or too little to be worth the work; see --grace");
    assert_snapshot!(sandbox.ok(["gc", "-n", "--grace", "0s"]), @"Would free 138 B: 1 pack removed; 0 B in 0 packs kept");
    assert_eq!(packs(&sandbox).len(), 1);
    assert_eq!(sandbox.json(["gc", "--grace", "0s", "--json"])["packs_removed"], 1);
    assert_eq!(packs(&sandbox).len(), 0);
    sandbox.fails(2, ["gc", "--grace", "soon"]);
}

#[test]
fn gc_tells_what_it_keeps_since_a_dataset_stood_there() {
    let sandbox = super::paths::two_versions();
    sandbox.ok(["switch", "-qc", "big"]);
    sandbox.write("c", "much".repeat(100));
    sandbox.ok(["add", "-q", "."]);
    sandbox.ok(["commit", "-qm", "big"]);
    sandbox.ok(["switch", "-q", "cats"]);
    sandbox.ok(["branch", "-q", "-d", "-f", "big"]);
    assert_snapshot!(sandbox.run(["gc", "--grace", "0s"]).expect(0).err, @r"hint: 305 B of that is kept only since a dataset stood there of late (setting gc.log-days); 'dsv gc --grace 0s --forget-moves' frees it");
    assert!(sandbox.json(["gc", "-n", "--grace", "0s", "--json"])["kept_named_bytes"].as_u64() > Some(0));
    let freed = sandbox.json(["gc", "--grace", "0s", "--forget-moves", "--json"]);
    assert!(freed["freed_bytes"].as_u64() > Some(0) && freed["kept_named_bytes"] == 0, "{freed}");
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn fsck_tells_what_is_damaged() {
    let sandbox = Sandbox::repository();
    sandbox.run_with_input(["hash-object", "-w", "--stdin"], b"some content").expect(0);
    assert_snapshot!(sandbox.ok(["fsck"]), @"The repository is whole: 0 files in 0 versions, 1 record in 1 pack (contents were not read, --full does)");
    let pack = packs(&sandbox).remove(0);
    let mut bytes = sandbox.read(&pack);
    let at = bytes.windows(4).position(|window| window == b"some").unwrap();
    bytes[at] ^= 1;
    sandbox.write(&pack, bytes);
    let run = sandbox.run(["fsck", "--full"]).expect(1);
    let text = run.text(&sandbox).replace(&pack, "PACK");
    assert_snapshot!(text, @r"
    damage: '$ROOT/work/PACK', byte 5: the blob 290f493c44f5d63d06b374d0a5abd292fae38b92cab2fae5efefe1b0e9347f56: record does not match its checksum
    The repository is damaged: 0 files in 0 versions, 1 record in 1 pack (every byte was read)
    ");
    let run = sandbox.run(["fsck", "--full", "--json"]).expect(1);
    let document: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
    assert_eq!((&document["whole"], &document["findings"][0]["damage"]), (&false.into(), &true.into()));
}
