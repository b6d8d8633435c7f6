//! Plumbing of objects and packs.

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn the_id_of_a_file_is_its_sha256() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "hello");
    assert_eq!(sandbox.ok(["hash-object", "a"]).trim(), HELLO);
    let stdin = sandbox.run_with_input(["hash-object", "--stdin"], b"hello").expect(0);
    assert_eq!(stdin.text(&sandbox).trim(), HELLO);
    let paths = sandbox.run_with_input(["hash-object", "--stdin-paths", "-z"], b"a\0a\0").expect(0);
    assert_eq!(paths.text(&sandbox), format!("{HELLO}\n{HELLO}\n"));
    assert_snapshot!(sandbox.fails(3, ["hash-object", "b"]), @r"
    error: cannot open '$ROOT/work/b'
      because: No such file or directory
    ");
    assert_snapshot!(sandbox.fails(3, ["hash-object", "."]), @r"
    error: reading failed
      because: Is a directory
    ");
    sandbox.fails(2, ["hash-object"]);
}

#[test]
fn packs_can_be_listed_checked_and_indexed() {
    let sandbox = Sandbox::repository();
    sandbox.write("a", "hello");
    sandbox.ok(["hash-object", "-w", "a"]);
    assert_snapshot!(sandbox.ok(["count-objects"]), @r"
    records          number  raw   stored
    blob                  1  5 B      5 B
    tree                  0  0 B      0 B
    version               0  0 B      0 B
    chunked-blob          0  0 B      0 B
    chunk-node            0  0 B      0 B
    chunk                 0  0 B      0 B

    files            number         bytes
    packs                 1         134 B
    indexes               1       1.1 KiB
    unlisted packs        0           0 B
    temporary files       0           0 B
    ");
    let document = sandbox.json(["count-objects", "--json"]);
    assert_eq!(document["records"][0]["kind"], "blob");
    assert_eq!(document["records"][0]["records"], 1);
    let objects = sandbox.work().join(".dsv/objects");
    let names: Vec<String> =
        objects.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let pack = format!(".dsv/objects/{}", names.iter().find(|name| name.ends_with(".pack")).unwrap());
    let index = format!(".dsv/objects/{}", names.iter().find(|name| name.ends_with(".idx")).unwrap());
    assert!(sandbox.ok(["show-index", &index]).starts_with(&format!("{HELLO} blob ")));
    assert!(sandbox.ok(["verify-pack", "-v", &pack]).starts_with(&format!("{HELLO} blob ")));
    let made = sandbox.ok(["index-pack", "-o", "copy.idx", &pack]);
    assert_eq!(made.trim(), "$ROOT/work/copy.idx");
    assert_eq!(sandbox.read("copy.idx"), sandbox.read(&index));

    let mut bytes = sandbox.read(&pack);
    let at = bytes.windows(5).position(|window| window == b"hello").unwrap();
    bytes[at] ^= 1;
    sandbox.write("bad.pack", bytes);
    let run = sandbox.run(["verify-pack", "bad.pack"]).expect(1);
    assert!(run.text(&sandbox).starts_with(&format!("bad.pack: damaged blob {HELLO} at byte ")));
}

#[test]
fn chunks_cover_the_file() {
    let sandbox = Sandbox::new();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    sandbox.write("large", &bytes);
    let text = sandbox.ok(["chunk-file", "large"]);
    let mut end = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0].parse::<u64>().unwrap(), end, "{line}");
        end += words[1].parse::<u64>().unwrap();
    }
    assert_eq!(end, bytes.len() as u64);
    let first: serde_json::Value =
        serde_json::from_str(sandbox.ok(["chunk-file", "--json", "large"]).lines().next().unwrap()).unwrap();
    assert_eq!(first["offset"], 0);
}
