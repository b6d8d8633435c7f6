//! A repository as an earlier program wrote it: it can be read for ever.
//!
//! `tests/fixtures/v1` was made once, with `DSV_MAKE_FIXTURES=1 cargo test --test it golden`, by a program
//! that writes format 1, and is never made again: a new format gets a new folder beside it. The same
//! call writes the seeds of the fuzz targets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dsv::codec::header::{PACK, PACK_INDEX, TREE, VERSION};
use dsv::codec::pack::RecordKind;
use dsv::model::{TagName, VersionId};

use crate::support::mini::{Files, Mini, files, noise};
use crate::support::scratch;
use crate::support::tree::{Node, read_tree};

/// The versions of the fixture: label and id.
const VERSIONS: [(&str, &str); 2] = [
    ("1.0.0", "bda8ee25622fda44a986eb75776326c504f75c63256282c97636da11e27a3219"),
    ("1.1.0", "b51c84e04380addb25723ec562ac2fc4f23a0ebf698c80655fe2d8935d6cbd2a"),
];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

fn first() -> Files {
    let many = (0..700).map(|n| (format!("many/{n:04}.txt"), format!("file number {n}\n").into_bytes()));
    let mut content: Files = many.collect();
    content.extend(files([
        ("README.md", b"# A dataset\n".to_vec()),
        ("empty", Vec::new()),
        ("sp\u{e9}cial name\n", b"odd\n".to_vec()),
        // Stored as chunks, which all compress to next to nothing.
        ("large.bin", vec![7; 1_200_000]),
        ("noise.bin", noise(1, 2000)),
    ]));
    content
}

fn second() -> Files {
    let mut content = first();
    content.insert("many/0350.txt".to_owned(), b"changed\n".to_vec());
    content.remove("README.md");
    content
}

/// Makes the repository that the fixture holds.
fn make(folder: &Path) {
    let mini = Mini::init(folder);
    let one = mini.commit("1.0.0", &first());
    mini.commit("1.1.0", &second());
    mini.tag(one, "gold");
    mini.stage(&files([("staged.txt", b"staged\n".to_vec())]));
}

#[test]
fn a_repository_of_format_1_is_read_as_it_was_written() {
    if std::env::var_os("DSV_MAKE_FIXTURES").is_some() {
        let target = here("fixtures/v1");
        assert!(!target.exists(), "a fixture is never made again");
        let folder = scratch();
        make(folder.path());
        copy(folder.path(), &target);
        make_seeds(folder.path());
    }
    // A copy, since to open a repository makes lock files.
    let folder = scratch();
    copy(&here("fixtures/v1"), folder.path());
    let mini = Mini::open(folder.path());
    let outcome = mini.fsck(true);
    assert!(outcome.is_whole(), "{outcome:#?}");
    assert_eq!((outcome.counts.versions, outcome.counts.staged), (2, 1));
    for ((label, id), content) in VERSIONS.iter().zip([first(), second()]) {
        let id: VersionId = id.parse().unwrap();
        let version = mini.repo.db().version(&id).unwrap();
        assert_eq!(version.full_label(), format!("cats@{label}"));
        assert_eq!(version.totals.files, content.len() as u64);
        assert!(mini.has(&id, &content), "{label}");
    }
    let newest: VersionId = VERSIONS[1].1.parse().unwrap();
    assert_eq!(mini.repo.refs().head_version().unwrap(), Some(newest));
    let tags = mini.repo.events().read().unwrap().tags();
    assert_eq!(tags[&TagName::new("gold").unwrap()].first().unwrap().to_string(), VERSIONS[0].1);
    assert_eq!(mini.staged("staged.txt").unwrap(), b"staged\n");
}

/// What is written today has the same ids: a change of these would store everything again.
#[test]
fn the_same_files_still_make_the_same_versions() {
    let folder = scratch();
    make(folder.path());
    let mini = Mini::open(folder.path());
    for (_, id) in VERSIONS {
        assert!(mini.repo.db().version(&id.parse().unwrap()).is_ok(), "{id}");
    }
}

/// Copies a folder, but for what is empty, such as locks. The names that git or dsv itself would give a
/// meaning to stand in the fixture without their dot.
fn copy(from: &Path, to: &Path) {
    let renamed = |path: &Path| -> PathBuf {
        path.iter()
            .map(|part| match part.to_str() {
                Some(".dsv") => "dsv".into(),
                Some("dsv") => ".dsv".into(),
                Some(".gitignore") => "gitignore".into(),
                Some("gitignore") => ".gitignore".into(),
                _ => part.to_owned(),
            })
            .collect()
    };
    for (path, node) in read_tree(from) {
        let target = to.join(renamed(&path));
        match node {
            Node::Directory => std::fs::create_dir_all(target).unwrap(),
            Node::File { bytes, .. } if !bytes.is_empty() => {
                std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                std::fs::write(target, &**bytes).unwrap();
            }
            Node::File { .. } | Node::Symlink(_) => {}
        }
    }
}

/// Writes what real encodings look like, for the fuzz targets to begin with.
fn make_seeds(folder: &Path) {
    let mini = Mini::open(folder);
    let mut seeds: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let mut kinds: BTreeMap<u8, usize> = BTreeMap::new();
    for index in mini.repo.db().indexes().iter() {
        seeds.entry("pack_index").or_default().push(index.bytes().to_vec());
        for entry in index.entries() {
            let entry = entry.unwrap();
            let target = match entry.locator.kind {
                RecordKind::Tree => "tree_node",
                RecordKind::Version => "version",
                RecordKind::ChunkedBlob | RecordKind::ChunkNode => "chunk_list",
                RecordKind::Blob | RecordKind::Chunk => continue,
            };
            let seen = kinds.entry(entry.locator.kind.code()).or_default();
            *seen += 1;
            if *seen <= 4 {
                let bytes = mini.repo.db().get(entry.locator.kind, &entry.id).unwrap();
                seeds.entry(target).or_default().push(bytes);
            }
        }
    }
    let files = read_tree(&folder.join(".dsv"));
    for (path, node) in files {
        let Node::File { bytes, .. } = node else { continue };
        let bytes = bytes.to_vec();
        let path = path.to_str().unwrap().to_owned();
        let target = match path.as_str() {
            "HEAD" | "format" => "ref_file",
            "config" => "config",
            "index/journal" => "staging_journal",
            _ if path.starts_with("refs/") => "ref_file",
            _ if path.starts_with("index/base") => "staging_base",
            _ if path.ends_with(".pack") => "pack",
            _ if path.ends_with(".jsonl") => {
                let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty());
                seeds.entry("json_line").or_default().extend(lines.map(<[u8]>::to_vec));
                continue;
            }
            _ => continue,
        };
        seeds.entry(target).or_default().push(bytes);
    }
    seeds.entry("config").or_default().push(b"[core]\nlock-timeout = 5\n[user]\nname = \"Ada\"\n".to_vec());
    for (target, seeds) in seeds {
        let folder = here("fuzz/seeds").join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, bytes) in seeds.iter().enumerate().filter(|(_, bytes)| bytes.len() <= 64 * 1024) {
            std::fs::write(folder.join(format!("{number:02}")), bytes).unwrap();
        }
    }
}

#[test]
fn the_program_still_writes_format_1() {
    assert_eq!([PACK, PACK_INDEX, TREE, VERSION].map(|format| format.number), [1; 4]);
}
