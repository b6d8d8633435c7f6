//! Damage: what is told, and that the advice helps.

use std::fs;

use insta::assert_snapshot;

use super::paths::two_versions;

#[test]
fn a_damaged_index_is_made_anew() {
    let sandbox = two_versions();
    let mut journal = sandbox.read(".dsv/index/journal");
    journal[20] ^= 1;
    sandbox.write(".dsv/index/journal", journal);
    for words in [&["status"][..], &["add", "a"], &["commit", "-m", "x"], &["checkout", "HEAD~1"]] {
        let error = sandbox.fails(4, words);
        assert!(error.contains("hint: 'dsv read-tree HEAD' makes the index anew"), "{error}");
    }
    sandbox.ok(["read-tree", "HEAD"]);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn a_damaged_or_lost_format_file_is_written_anew() {
    let sandbox = two_versions();
    sandbox.ok(["switch", "-qc", "dogs"]);
    let whole = sandbox.read(".dsv/format");
    sandbox.write(".dsv/format", "garbage");
    assert_snapshot!(sandbox.fails(4, ["status"]), @r"
    error: '$ROOT/work/.dsv/format' is damaged
      because: format file is malformed: key with no value, expected `=`
    hint: remove that file; then 'dsv init' writes it anew, and all else stays
    ");
    fs::remove_file(sandbox.work().join(".dsv/format")).unwrap();
    sandbox.fails(3, ["status"]);
    assert_snapshot!(sandbox.ok(["init", "--dataset", "others"]), @"Repaired the repository in $ROOT/work, dataset dogs; its file 'format' was lost");
    assert_eq!(sandbox.read(".dsv/format"), whole);
    assert_eq!(sandbox.json(["status", "--json"])["clean"], true);
    assert_eq!(sandbox.ok(["symbolic-ref", "--short", "HEAD"]), "dogs\n");
    // And when HEAD went with it, one of the datasets is it.
    fs::remove_file(sandbox.work().join(".dsv/format")).unwrap();
    fs::remove_file(sandbox.work().join(".dsv/HEAD")).unwrap();
    sandbox.ok(["init"]);
    assert_eq!(sandbox.ok(["symbolic-ref", "--short", "HEAD"]), "cats\n");
}

#[test]
fn a_damaged_pack_hides_no_other() {
    let sandbox = two_versions();
    let objects = fs::read_dir(sandbox.work().join(".dsv/objects")).unwrap();
    let mut packs: Vec<String> = objects
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pack"))
        .map(|name| format!(".dsv/objects/{name}"))
        .collect();
    packs.sort();
    let whole = sandbox.read(&packs[0]);
    sandbox.write(&packs[0], &whole[..whole.len() - 3]);
    let words = std::iter::once("verify-pack").chain(packs.iter().map(String::as_str));
    let told = sandbox.run(words).expect(1).text(&sandbox);
    assert_eq!(told.lines().count(), packs.len(), "{told}");
    assert!(told.lines().next().unwrap().contains(": damaged: "), "{told}");
    assert!(told.lines().skip(1).all(|line| line.contains(": ok, ")), "{told}");
}
