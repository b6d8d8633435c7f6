//! Each kind of damage once: `fsck` names what is lost, nothing panics, and the rest can be read.

use std::path::{Path, PathBuf};

use dsv::model::{BlobId, ErrorKind, RepoPath, VersionId};
use dsv::plumbing::host::OsFs;
use dsv::plumbing::{index_pack, show_index, verify_pack};
use dsv::porcelain::fsck::Outcome;
use dsv::store::consolidate::rewrite_packs;
use dsv::store::{PackFile, Writer};
use insta::assert_snapshot;
use sha2::{Digest, Sha256};

use crate::support::mini::{Files, Mini, files, noise};
use crate::support::scratch;
use crate::support::tree::{Node, read_tree, write_tree};

/// A repository with two versions in four packs, and one staged file.
struct Damaged {
    folder: tempfile::TempDir,
    versions: Vec<(&'static str, VersionId, Files)>,
}

/// The data packs are told apart by what only they hold.
const FIRST: &str = "one.csv";
const SECOND: &str = "sub/two.csv";

impl Damaged {
    fn new() -> Self {
        let folder = scratch();
        let mini = Mini::init(folder.path());
        let mut content = files([(FIRST, noise(1, 3000)), ("sub/shared.csv", noise(2, 3000))]);
        let first = mini.commit("1.0.0", &content);
        let versions = vec![("cats@1.0.0", first, content.clone())];
        content.insert(SECOND.to_owned(), noise(3, 3000));
        // Large enough to be stored as chunks.
        content.insert("large.bin".to_owned(), noise(4, 1_500_000));
        let second = mini.commit("1.1.0", &content);
        mini.stage(&files([("staged.csv", noise(5, 3000))]));
        let mut damaged = Self { folder, versions };
        damaged.versions.push(("cats@1.1.0", second, content));
        assert!(damaged.fsck(true).is_whole());
        damaged
    }

    fn open(&self) -> Mini {
        Mini::open(self.folder.path())
    }

    fn dsv(&self, path: &str) -> PathBuf {
        self.folder.path().join(".dsv").join(path)
    }

    /// The pack that holds the content of a file of the second version.
    fn pack_of(&self, path: &str) -> PathBuf {
        let content = &self.versions[1].2[path];
        let packs = self.open().object_files(".pack");
        packs.into_iter().find(|pack| position(pack, content).is_some()).unwrap()
    }

    /// The index that lists the content of a file of the second version.
    fn index_of(&self, path: &str) -> PathBuf {
        let id = id_of(&self.versions[1].2[path]);
        let lists =
            |index: &PathBuf| std::fs::read(index).unwrap().windows(32).any(|window| window == id.as_bytes());
        self.open().object_files(".idx").into_iter().find(lists).unwrap()
    }

    fn fsck(&self, full: bool) -> Outcome {
        self.open().fsck(full)
    }

    /// Checks that what a full check calls lost is what cannot be read, and that a quick one calls
    /// nothing lost that can be; returns what the full check found, without what differs each time.
    fn examine(&self) -> String {
        let (quick, full) = (self.fsck(false), self.fsck(true));
        assert!(!full.is_whole());
        let mini = self.open();
        for (name, version, files) in &self.versions {
            for (path, bytes) in files {
                let readable = mini.file(version, path).as_ref() == Some(bytes);
                let path = RepoPath::new(path.as_str()).unwrap();
                let called_lost = |outcome: &Outcome| {
                    outcome.lost.iter().any(|lost| lost.version == *version && path.starts_with(&lost.path))
                };
                let without_history = full.lost.iter().any(|lost| lost.name.ends_with("before it"));
                assert!(readable || called_lost(&full) || without_history, "{name}:{path} is lost");
                assert!(!(readable && called_lost(&full)), "{name}:{path} is not lost");
                assert!(!(readable && called_lost(&quick)), "{name}:{path} is not lost");
            }
        }
        let findings = full.findings.iter().map(|finding| format!("{}: {finding}", finding.kind()));
        let lost = full.lost.iter().map(|lost| format!("lost {lost}"));
        let lines: Vec<String> = findings.chain(lost).map(|line| self.neutral(&line)).collect();
        lines.join("\n")
    }

    /// Without the folder's name, and ids cut short.
    fn neutral(&self, line: &str) -> String {
        let line = line.replace(&format!("{}/", self.folder.path().display()), "");
        let mut out = String::new();
        let mut hex = String::new();
        for c in line.chars().chain(['\n']) {
            if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
                hex.push(c);
                continue;
            }
            out.push_str(if hex.len() >= 16 { "ID" } else { &hex });
            hex.clear();
            out.push(c);
        }
        out.trim_end().to_owned()
    }
}

fn id_of(bytes: &[u8]) -> BlobId {
    BlobId::from_bytes(Sha256::digest(bytes).into())
}

fn position(file: &Path, bytes: &[u8]) -> Option<usize> {
    let content = std::fs::read(file).unwrap();
    content.windows(64).position(|window| window == &bytes[..64])
}

/// Changes a file as nobody does who goes by the rules.
fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, at: usize) {
    change(path, |bytes| bytes[at] ^= 0x20);
}

#[test]
fn a_flipped_byte_in_a_record() {
    let damaged = Damaged::new();
    let pack = damaged.pack_of(FIRST);
    flip(&pack, position(&pack, &damaged.versions[1].2[FIRST]).unwrap() + 100);
    assert!(damaged.fsck(false).is_whole(), "only a full check reads the bytes of files");
    assert_snapshot!(damaged.examine(), @r#"
    damaged-record: '.dsv/objects/pack-ID.pack', byte 5: the blob ID: record does not match its checksum
    lost cats@1.1.0:one.csv
    lost cats@1.0.0:one.csv
    "#);
}

#[test]
fn a_flipped_byte_in_the_header_of_a_record() {
    let damaged = Damaged::new();
    let pack = damaged.pack_of(SECOND);
    flip(&pack, position(&pack, &damaged.versions[1].2[SECOND]).unwrap() - 45);
    assert_snapshot!(damaged.examine(), @r#"
    damaged-record: '.dsv/objects/pack-ID.pack', byte 1501155: the blob ID: pack is malformed: lengths 536873912 and 3000 of a record
    lost cats@1.1.0:sub/two.csv
    "#);
}

#[test]
fn a_flipped_byte_in_a_chunk() {
    let damaged = Damaged::new();
    let pack = damaged.pack_of("large.bin");
    flip(&pack, position(&pack, &damaged.versions[1].2["large.bin"]).unwrap() + 1000);
    assert_snapshot!(damaged.examine(), @r#"
    damaged-record: '.dsv/objects/pack-ID.pack', byte 5: the chunk ID: record does not match its checksum
    lost cats@1.1.0:large.bin
    "#);
}

#[test]
fn a_flipped_byte_in_the_table_of_a_pack() {
    let damaged = Damaged::new();
    let pack = damaged.pack_of(FIRST);
    let len = std::fs::read(&pack).unwrap().len();
    flip(&pack, len - 32 - 20);
    assert!(!damaged.fsck(false).is_whole());
    assert_snapshot!(damaged.examine(), @r#"
    damaged-file: '.dsv/objects/pack-ID.pack': pack table does not match its checksum
    "#);
}

#[test]
fn a_flipped_byte_in_the_trailer_of_a_pack() {
    let damaged = Damaged::new();
    let pack = damaged.pack_of(FIRST);
    let len = std::fs::read(&pack).unwrap().len();
    flip(&pack, len - 1);
    assert_snapshot!(damaged.examine(), @r#"
    damaged-file: '.dsv/objects/pack-ID.pack': pack is cut off at byte 6221
    "#);
}

#[test]
fn a_pack_that_is_cut_off() {
    let damaged = Damaged::new();
    let pack = damaged.pack_of(FIRST);
    change(&pack, |bytes| bytes.truncate(bytes.len() / 2));
    assert!(!damaged.fsck(false).lost.is_empty(), "what lies behind the end is lost for sure");
    assert_snapshot!(damaged.examine(), @r#"
    damaged-file: '.dsv/objects/pack-ID.pack': pack is cut off at byte 3110
    lost cats@1.1.0:sub/shared.csv
    lost cats@1.0.0:sub/shared.csv
    "#);

    // What is left of it can be saved.
    let mini = damaged.open();
    let saved = {
        let _lock = mini.repo.lock_objects(&dsv::model::Monitor::quiet()).unwrap();
        let writer = Writer::new(mini.repo.db()).unwrap();
        let saved = index_pack::salvage(&OsFs, &pack, &writer, &dsv::model::Monitor::quiet()).unwrap();
        writer.finish().unwrap();
        saved
    };
    assert_eq!((saved.intact, saved.new), (1, 0), "{saved:?}");
}

#[test]
fn a_missing_pack() {
    let damaged = Damaged::new();
    std::fs::remove_file(damaged.pack_of(SECOND)).unwrap();
    assert_snapshot!(damaged.examine(), @r#"
    missing-pack: the pack '.dsv/objects/pack-ID.pack' is missing; records in it: 24
    lost cats@1.1.0:large.bin
    lost cats@1.1.0:sub/two.csv
    "#);
    let quick = damaged.fsck(false);
    assert_eq!(quick.lost, damaged.fsck(true).lost);
}

#[test]
fn missing_indexes_are_made_again_from_the_packs() {
    let damaged = Damaged::new();
    let mini = damaged.open();
    for index in mini.object_files(".idx") {
        std::fs::remove_file(index).unwrap();
    }
    assert_snapshot!(damaged.examine(), @r#"
    missing-object: the blob ID is missing
    missing-object: the version ID is missing
    lost-staged-file: the staged file 'staged.csv' is lost: ID
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack'
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack'
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack'
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack', which holds 1 of what is missing: 'dsv index-pack' brings it back
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack'
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack', which holds 1 of what is missing: 'dsv index-pack' brings it back
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack'
    lost cats and what came before it
    "#);
    for pack in mini.object_files(".pack") {
        let fs = OsFs::new();
        index_pack::run(&fs, &pack, &Default::default(), &dsv::model::Monitor::quiet()).unwrap();
    }
    assert!(damaged.fsck(true).is_whole());
}

/// Damages the index of the first version's files at a place counted from its beginning.
fn damage_index(at: impl Fn(&[u8]) -> usize) -> Damaged {
    let damaged = Damaged::new();
    let index = damaged.index_of(FIRST);
    let at = at(&std::fs::read(&index).unwrap());
    flip(&index, at);
    damaged
}

/// Where ids and locators begin in an index, by its header.
fn parts(bytes: &[u8]) -> (usize, usize, usize) {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let fanout = 16 + number(8) * 32;
    (fanout, fanout + 1024, fanout + 1024 + number(12) * 32)
}

#[test]
fn a_damaged_index_header() {
    let damaged = damage_index(|_| 1);
    assert_snapshot!(damaged.examine(), @r#"
    damaged-file: '.dsv/objects/idx-ID.idx': not a pack index: wrong magic bytes
    missing-object: the blob ID is missing
    missing-object: the blob ID is missing
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack', which holds 2 of what is missing: 'dsv index-pack' brings it back
    lost cats@1.1.0:one.csv
    lost cats@1.1.0:sub/shared.csv
    lost cats@1.0.0:one.csv
    lost cats@1.0.0:sub/shared.csv
    "#);
    let index = damaged.index_of(FIRST);
    let shown = show_index::run::<dsv::store::StoreError>(&OsFs, &index, |_, _| Ok(()));
    assert_eq!(shown.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_damaged_index_fan_out() {
    assert_snapshot!(damage_index(|bytes| parts(bytes).0 + 3).examine(), @r#"
    damaged-file: '.dsv/objects/idx-ID.idx': pack index is malformed: the fan-out is not in order
    missing-object: the blob ID is missing
    missing-object: the blob ID is missing
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack', which holds 2 of what is missing: 'dsv index-pack' brings it back
    lost cats@1.1.0:one.csv
    lost cats@1.1.0:sub/shared.csv
    lost cats@1.0.0:one.csv
    lost cats@1.0.0:sub/shared.csv
    "#);
}

#[test]
fn a_damaged_id_in_an_index() {
    assert_snapshot!(damage_index(|bytes| parts(bytes).1 + 31).examine(), @r#"
    damaged-file: '.dsv/objects/idx-ID.idx': pack index does not match its checksum
    wrong-index: '.dsv/objects/idx-ID.idx' is wrong about 1 of the records of '.dsv/objects/pack-ID.pack', the first of them ID
    missing-object: the blob ID is missing
    unlisted-records: records of '.dsv/objects/pack-ID.pack' that no index lists: 1; 'dsv index-pack' makes a new index
    lost cats@1.1.0:one.csv
    lost cats@1.0.0:one.csv
    "#);
}

#[test]
fn a_damaged_locator_in_an_index() {
    assert_snapshot!(damage_index(|bytes| parts(bytes).2 + 5).examine(), @r#"
    damaged-file: '.dsv/objects/idx-ID.idx': pack index does not match its checksum
    wrong-index: '.dsv/objects/idx-ID.idx' is wrong about 1 of the records of '.dsv/objects/pack-ID.pack', the first of them ID
    lost cats@1.1.0:one.csv
    lost cats@1.0.0:one.csv
    "#);
}

#[test]
fn a_damaged_index_checksum() {
    assert_snapshot!(damage_index(|bytes| bytes.len() - 1).examine(), @r#"
    damaged-file: '.dsv/objects/idx-ID.idx': pack index does not match its checksum
    "#);
}

#[test]
fn an_index_of_a_newer_format() {
    let damaged = Damaged::new();
    let index = damaged.index_of(FIRST);
    change(&index, |bytes| bytes[4] = 9);
    assert_snapshot!(damaged.examine(), @r#"
    damaged-file: '.dsv/objects/idx-ID.idx': pack index has format 9, this dsv reads up to 1; upgrade dsv to read it
    missing-object: the blob ID is missing
    missing-object: the blob ID is missing
    unlisted-pack: no index lists the pack '.dsv/objects/pack-ID.pack', which holds 2 of what is missing: 'dsv index-pack' brings it back
    lost cats@1.1.0:one.csv
    lost cats@1.1.0:sub/shared.csv
    lost cats@1.0.0:one.csv
    lost cats@1.0.0:sub/shared.csv
    "#);
    let mini = damaged.open();
    let (_, version, _) = &damaged.versions[1];
    let errors = damaged.versions[1].2.keys().filter(|path| mini.file(version, path).is_none()).count();
    assert!(errors > 0);
    let newer = mini.repo.db().get(dsv::codec::pack::RecordKind::Blob, &[7; 32]).unwrap_err();
    assert_eq!(newer.kind(), ErrorKind::UnsupportedFormat);
}

#[test]
fn a_tree_whose_bytes_are_another_tree() {
    let damaged = Damaged::new();
    let mini = damaged.open();
    // A root that names a tree node under which something else was stored, checksum and all.
    let (tree, totals) = mini.tree(&files([("a.csv", noise(8, 100))]));
    let wrong = dsv::model::TreeId::from_bytes([0x77; 32]);
    let bytes = mini.repo.db().get(dsv::codec::pack::RecordKind::Tree, tree.as_bytes()).unwrap();
    mini.write(|writer, compressor| {
        writer.put(dsv::codec::pack::RecordKind::Tree, *wrong.as_bytes(), &bytes, compressor).unwrap();
    });
    let parent = damaged.versions[1].1;
    mini.commit_tree("1.2.0", wrong, totals, Some(parent));
    assert!(!damaged.fsck(false).is_whole(), "trees are proved by the quick check too");
    assert_snapshot!(damaged.examine(), @r#"
    damaged-record: '.dsv/objects/pack-ID.pack', byte 5: the tree ID: record is malformed: its bytes have the id ID
    wrong-object: the tree ID: its bytes have the id ID
    lost cats@1.2.0
    "#);
}

#[test]
fn a_tree_whose_totals_are_wrong() {
    let damaged = Damaged::new();
    let mini = damaged.open();
    let (tree, mut totals) = mini.tree(&files([("a.csv", noise(8, 100))]));
    totals.files += 1;
    mini.commit_tree("1.2.0", tree, totals, Some(damaged.versions[1].1));
    assert!(damaged.fsck(false).is_whole());
    assert_snapshot!(damaged.examine(), @r#"
    wrong-object: the version ID: its number of files or bytes is not that of its tree
    "#);
}

#[test]
fn a_tree_that_is_cut_in_other_places() {
    use dsv::codec::tree::{ChildNode, TreeNode};
    let damaged = Damaged::new();
    let mini = damaged.open();
    let content: Files = (0..40).map(|n| (format!("{n:03}"), noise(n, 10))).collect();
    let (tree, totals) = mini.tree(&content);
    let TreeNode::Leaf(entries) = mini.repo.db().tree_node(&tree).unwrap() else { panic!("one leaf") };
    let root = mini.write(|writer, compressor| {
        let mut child = |entries: &[dsv::model::Entry]| {
            let node = TreeNode::Leaf(entries.to_vec());
            let id = writer.put_tree_node(&node, compressor).unwrap();
            let first = entries[0].name.clone();
            ChildNode { first, entries: node.entry_count(), totals: node.totals(), id }
        };
        let children = vec![child(&entries[..7]), child(&entries[7..])];
        writer.put_tree_node(&TreeNode::Inner { level: 1, children }, compressor).unwrap()
    });
    mini.commit_tree("1.2.0", root, totals, Some(damaged.versions[1].1));
    assert!(damaged.fsck(false).is_whole());
    assert_snapshot!(damaged.examine(), @r#"
    wrong-object: the tree ID: it is cut too early
    "#);
}

#[test]
fn a_missing_blob() {
    let damaged = Damaged::new();
    let mini = damaged.open();
    let lost = id_of(&damaged.versions[1].2[FIRST]);
    let packs = mini.repo.db().indexes().iter().flat_map(|index| index.packs()).collect();
    let interrupt = dsv::model::Interrupt::new();
    rewrite_packs(mini.repo.db(), &packs, |_, _, info| info.id != *lost.as_bytes(), &interrupt).unwrap();
    assert_snapshot!(damaged.examine(), @r#"
    missing-object: the blob ID is missing
    lost cats@1.1.0:one.csv
    lost cats@1.0.0:one.csv
    "#);
    assert_eq!(damaged.fsck(false), damaged.fsck(true));
}

#[test]
fn a_ref_to_nothing() {
    let damaged = Damaged::new();
    std::fs::write(damaged.dsv("refs/datasets/dogs"), format!("{}\n", "ab".repeat(32))).unwrap();
    assert_snapshot!(damaged.examine(), @r#"
    missing-object: the version ID is missing
    lost dogs and what came before it
    "#);
}

#[test]
fn a_ref_of_garbage() {
    let damaged = Damaged::new();
    std::fs::write(damaged.dsv("refs/datasets/dogs"), b"\0\xff garbage").unwrap();
    assert_snapshot!(damaged.examine(), @r#"
    damaged-ref: the ref 'refs/datasets/dogs': ref is malformed: expected 64 hexadecimal digits and a line feed
    "#);
}

#[test]
fn a_head_of_garbage() {
    let damaged = Damaged::new();
    std::fs::write(damaged.dsv("HEAD"), b"nowhere").unwrap();
    assert_snapshot!(damaged.examine(), @r#"
    damaged-ref: the ref 'HEAD': ref is malformed: expected 64 hexadecimal digits and a line feed
    "#);
}

#[test]
fn a_torn_line_of_events() {
    let damaged = Damaged::new();
    let mini = damaged.open();
    mini.tag(damaged.versions[0].1, "gold");
    change(&damaged.dsv("events/log.jsonl"), |bytes| {
        let whole = bytes.clone();
        bytes.truncate(30);
        bytes.push(b'\n');
        bytes.extend(whole);
    });
    assert_snapshot!(damaged.examine(), @r#"
    damaged-line: '.dsv/events/log.jsonl', line 1: event is malformed: EOF while parsing a string at line 1 column 30
    "#);
    assert_eq!(mini.repo.events().read().unwrap().tags().len(), 1);
}

#[test]
fn a_damaged_staging_journal() {
    let damaged = Damaged::new();
    flip(&damaged.dsv("index/journal"), 2);
    assert_snapshot!(damaged.examine(), @r#"
    damaged-file: '.dsv/index/journal': not a staging journal: wrong magic bytes
    "#);
}

#[test]
fn a_staged_file_whose_pack_is_gone() {
    let damaged = Damaged::new();
    let mini = damaged.open();
    let staged = noise(5, 3000);
    let packs = mini.object_files(".pack");
    let pack = packs.iter().find(|pack| position(pack, &staged).is_some()).unwrap();
    std::fs::remove_file(pack).unwrap();
    assert_snapshot!(damaged.examine(), @r#"
    missing-pack: the pack '.dsv/objects/pack-ID.pack' is missing; records in it: 1
    lost-staged-file: the staged file 'staged.csv' is lost: ID
    "#);
}

#[test]
fn a_repository_of_a_newer_format_is_refused_with_advice() {
    let damaged = Damaged::new();
    change(&damaged.dsv("format"), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen('1', "9", 1).into_bytes();
    });
    let error = Mini::try_open(OsFs::new(), damaged.folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat, "{error}");
}

/// Any flipped bit of any pack or index is noticed, hides no other file, and makes nothing panic.
#[test]
fn every_flipped_byte_is_noticed() {
    let folder = scratch();
    let mini = Mini::init(folder.path());
    let content =
        files([("a.csv", noise(1, 90)), ("b/c.csv", b"text, ".repeat(30)), ("b/d.csv", noise(2, 60))]);
    let version = mini.commit("1.0.0", &content);
    drop(mini);
    let tree = read_tree(folder.path());
    for (path, node) in &tree {
        let Node::File { bytes, .. } = node else { continue };
        if !path.extension().is_some_and(|extension| extension == "pack" || extension == "idx") {
            continue;
        }
        // A fan-out is mostly the same number again and again.
        let step = if bytes.len() > 1024 { 7 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            let file = folder.path().join(path);
            let mut damaged = (**bytes).clone();
            damaged[at] ^= 1 << (at % 8);
            std::fs::write(&file, damaged).unwrap();
            let mini = Mini::open(folder.path());
            let outcome = mini.fsck(true);
            assert!(!outcome.is_whole(), "byte {at} of {}", path.display());
            for (name, bytes) in &content {
                let covered = outcome
                    .lost
                    .iter()
                    .any(|lost| RepoPath::new(name.as_str()).unwrap().starts_with(&lost.path));
                let readable = mini.file(&version, name).as_ref() == Some(bytes);
                assert_eq!(covered, !readable, "{name} with byte {at} of {} flipped", path.display());
            }
            let _ = verify_pack::run(&OsFs, &file, &dsv::model::Monitor::quiet());
            let _ = PackFile::open(&OsFs, &file).map(|pack| pack.scan().count());
            std::fs::write(&file, &**bytes).unwrap();
        }
    }
    write_tree(&tree, folder.path());
    assert!(Mini::open(folder.path()).fsck(true).is_whole());
}

/// Whatever file goes missing, `fsck` says so unless nothing needs it.
#[test]
fn every_missing_file_is_noticed() {
    let damaged = Damaged::new();
    let tree = read_tree(damaged.folder.path());
    for (path, node) in &tree {
        let needed = path.extension().is_some_and(|extension| extension == "pack" || extension == "idx");
        if !needed || !matches!(node, Node::File { .. }) {
            continue;
        }
        std::fs::remove_file(damaged.folder.path().join(path)).unwrap();
        damaged.examine();
        write_tree(&tree, damaged.folder.path());
    }
}
