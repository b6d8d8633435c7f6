//! `docs/format.md` says what the program does: its constants and example bytes are compared with the
//! code. `DSV_UPDATE_DOCS=1` rewrites the example bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dsv::codec::chunk_list::{ChunkList, Piece};
use dsv::codec::json_line::{
    encode_condemned, encode_event, encode_link, encode_ref_entry, encode_ref_move, encode_upload,
};
use dsv::codec::pack::{self, RecordInfo, RecordKind};
use dsv::codec::ref_file::encode_head;
use dsv::codec::repository_format::RepositoryFormat;
use dsv::codec::segment::{self, Placed, encode_segment};
use dsv::codec::staging_index::{self, BaseWriter, Frame, Op, Staged, StatFacts, journal_header};
use dsv::codec::tree::TreeNode;
use dsv::codec::{Compression, boundary, chunker, encode_version};
use dsv::model::{
    Author, ChunkId, CondemnedList, CondemnedObject, DatasetName, Entry, EntryKind, EntryName, Event,
    EventAction, ExternalLink, Head, Label, LinkUrl, ObjectId, Origin, RefEntry, RefMove, RefName,
    SegmentInfo, SourceTag, TagName, Time, Totals, TreeId, Upload, UploadState, Version, VersionId,
};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/format.md")
}

fn hex_dump(bytes: &[u8]) -> String {
    let lines =
        bytes.chunks(16).map(|line| line.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "));
    lines.map(|line| line + "\n").collect()
}

fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let entry = |name: &str, kind, size, files, id| Entry {
        name: EntryName::new(name).unwrap(),
        kind,
        size,
        files,
        id: ObjectId::Sha256([id; 32]),
    };
    let leaf = TreeNode::Leaf(vec![
        entry("a", EntryKind::File, 300, 1, 9),
        entry("b", EntryKind::Directory, 7, 5, 10),
    ]);
    let version = Version {
        tree: TreeId::from_bytes([1; 32]),
        parents: vec![],
        dataset: DatasetName::new("cats").unwrap(),
        label: Label::first(),
        author: Author { name: "Ada".into(), email: "ada@example.org".into() },
        time: Time { seconds: 1_700_000_000, offset: 3600 },
        message: "First".into(),
        metadata: BTreeMap::from([("rows".to_owned(), serde_json::json!(12))]),
        origin: Origin::default(),
        totals: Totals { files: 2, bytes: 307 },
    };
    let list = ChunkList { level: 0, pieces: vec![Piece { len: 70_000, id: ChunkId([5; 32]) }] };
    let info = RecordInfo {
        kind: RecordKind::Blob,
        compression: Compression::Raw,
        stored_len: 5,
        raw_len: 5,
        id: {
            use sha2::Digest;
            sha2::Sha256::digest(b"hello").into()
        },
    };
    let record = [&info.encode_header(b"hello")[..], b"hello"].concat();
    vec![
        ("tree-leaf", leaf.encode()),
        ("version", encode_version(&version)),
        ("chunk-list", list.encode()),
        ("record", record),
        ("segment", segment()),
        ("staging-base", staging_base()),
        ("staging-journal", staging_journal()),
        ("staging-sparse", staging_sparse()),
    ]
}

/// The files that are text.
fn texts() -> Vec<(&'static str, String)> {
    let id = VersionId::from_bytes([1; 32]);
    let who = "Ada <ada@example.org>".to_owned();
    let time = Time { seconds: 1_700_000_000, offset: 3600 };
    let dataset = DatasetName::new("vision/cats").unwrap();
    let moved = RefMove {
        name: RefName::Dataset(dataset.clone()),
        old: None,
        new: Some(id),
        time,
        who: who.clone(),
        why: "commit: First".into(),
    };
    let entry = RefEntry {
        format: 1,
        reader_features: vec![],
        dataset: dataset.clone(),
        number: 2,
        version: Some(id),
        previous: Some(VersionId::from_bytes([2; 32])),
        write_id: "0123456789abcdef0123456789abcdef".to_owned(),
        who: who.clone(),
        time,
        why: "push".to_owned(),
        segments: vec![SegmentInfo { name: "03".repeat(32), bytes: 139, metadata_bytes: 0, records: 1 }],
    };
    let link = ExternalLink {
        url: LinkUrl::new("s3://bucket/images/1.jpg").unwrap(),
        size: 300,
        etag: SourceTag::etag("d41d8c"),
        version: SourceTag::new("3HL4kqtJ"),
        modified: SourceTag::new("2023-11-14T22:13:20+00:00"),
        sha256: None,
    };
    let upload = Upload {
        version: id,
        dataset: dataset.clone(),
        label: Label::first(),
        files: 2,
        bytes: 307,
        state: UploadState::Uploading,
        reason: None,
        who: who.clone(),
        host: "lab".to_owned(),
        time,
        to_send: 800,
        sent: 0,
    };
    let object = |key: String, bytes, since| CondemnedObject { key, bytes, since, gone: None };
    let condemned = CondemnedList {
        format: 1,
        reader_features: vec![],
        number: 2,
        who: who.clone(),
        time,
        objects: vec![
            object(format!("index/{}.seg", "03".repeat(32)), 139, None),
            object(format!("packs/04/{}.pack", "04".repeat(32)), 800, Some(Time { offset: 0, ..time })),
        ],
    };
    let action = EventAction::TagAdded { tag: TagName::new("gold").unwrap() };
    let event = Event { version: id, action, who, time, host: "lab".into(), sequence: 0 };
    let line = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap() + "\n";
    vec![
        ("format", RepositoryFormat::default().encode()),
        ("head", encode_head(&Head::Dataset(dataset))),
        ("ref-move", line(encode_ref_move(&moved))),
        ("event", line(encode_event(&event))),
        ("external-link", line(encode_link(&link))),
        ("ref-entry", line(encode_ref_entry(&entry))),
        ("upload", line(encode_upload(&upload))),
        ("condemned", line(encode_condemned(&condemned))),
    ]
}

fn segment() -> Vec<u8> {
    let placed = Placed {
        id: [9; 32],
        kind: RecordKind::Blob,
        pack: [4; 32],
        offset: 5,
        stored_len: 100,
        raw_len: 300,
    };
    encode_segment(&[], &[placed])
}

fn staging_base() -> Vec<u8> {
    let facts = StatFacts { mtime_ns: 1, ctime_ns: 2, inode: 3, mode: 0o644, racy: false };
    let staged = Staged {
        kind: EntryKind::File,
        size: 300,
        id: ObjectId::Sha256([9; 32]),
        stat: Some(facts),
        absent: false,
    };
    let mut bytes = Vec::new();
    let mut writer = BaseWriter::new(1, &mut bytes);
    writer.push(b"a", b"b", &staged, &mut bytes).unwrap();
    writer.finish(&mut bytes);
    bytes
}

fn staging_journal() -> Vec<u8> {
    let mut bytes = journal_header(1);
    let mut frame = Frame::new();
    frame.push(Op::Remove { path: b"a/b", edited: true });
    bytes.extend(frame.finish(bytes.len()));
    bytes
}

fn staging_sparse() -> Vec<u8> {
    let mut bytes = journal_header(0);
    let mut frame = Frame::new();
    frame.push(Op::Tree(TreeId::from_bytes([1; 32])));
    frame.push(Op::Sparse);
    frame.push(Op::Remove { path: b"a", edited: true });
    bytes.extend(frame.finish(bytes.len()));
    bytes
}

#[test]
fn example_bytes() {
    let mut text = std::fs::read_to_string(page()).unwrap();
    let update = std::env::var_os("DSV_UPDATE_DOCS").is_some();
    for (name, bytes) in examples() {
        let opening = format!("```hex {name}\n");
        let start = text.find(&opening).unwrap_or_else(|| panic!("no example {name}")) + opening.len();
        let end = start + text[start..].find("```").unwrap();
        let expected = hex_dump(&bytes);
        if update {
            text.replace_range(start..end, &expected);
        }
        assert_eq!(&text[start..start + expected.len().min(text.len() - start)], expected, "{name}");
    }
    if update {
        std::fs::write(page(), text).unwrap();
    }
}

#[test]
fn example_texts() {
    let page = std::fs::read_to_string(page()).unwrap();
    for (name, text) in texts() {
        assert!(page.contains(&format!("```text {name}\n{text}```\n")), "{name} is not\n{text}");
    }
}

#[test]
fn constants() {
    let text = std::fs::read_to_string(page()).unwrap();
    let constants = [
        ("MIN_ITEMS", boundary::MIN_ITEMS as u64),
        ("MAX_ITEMS", boundary::MAX_ITEMS as u64),
        ("MASK", boundary::MASK),
        ("chunker::MIN", chunker::MIN as u64),
        ("chunker::MAX", chunker::MAX as u64),
        ("RECORD_HEADER_LEN", pack::RECORD_HEADER_LEN as u64),
        ("TABLE_ENTRY_LEN", pack::TABLE_ENTRY_LEN as u64),
        ("TRAILER_LEN", pack::TRAILER_LEN as u64),
        ("MAX_RAW_LEN", pack::MAX_RAW_LEN as u64),
        ("PAGE_LEN", segment::PAGE_LEN as u64),
        ("SEGMENT_HEAD_LEN", segment::SEGMENT_HEAD_LEN as u64),
        ("SEGMENT_ENTRY_LEN", segment::SEGMENT_ENTRY_LEN as u64),
        ("STAGED_LEN", staging_index::STAGED_LEN as u64),
        ("BLOCK_ENTRIES", staging_index::BLOCK_ENTRIES as u64),
    ];
    for (name, value) in constants {
        let row = format!("| `{name}` | {value} |");
        assert!(text.contains(&row), "the page does not say {row}");
    }
    for kind in RecordKind::ALL {
        assert!((1..=6).contains(&kind.code()));
    }
}
