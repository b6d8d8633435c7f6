use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn staged(seed: u64) -> Staged {
    let kind = EntryKind::ALL[(seed % 5) as usize];
    let stat = (!seed.is_multiple_of(3)).then_some(StatFacts {
        mtime_ns: -(seed as i64),
        ctime_ns: i64::MAX - seed as i64,
        inode: u64::MAX - seed,
        mode: 0o7777,
        racy: seed.is_multiple_of(2),
    });
    Staged {
        kind,
        size: seed << 40,
        id: ObjectId::Sha256(*blake3::hash(&seed.to_le_bytes()).as_bytes()),
        stat,
        absent: false,
    }
}

/// Directories in order, with names in order.
type Model = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Staged>>;

/// Keys whose byte order is the order of directories.
fn key(dir: &str) -> Vec<u8> {
    dir.bytes().map(|b| if b == b'/' { 0 } else { b }).collect()
}

fn model(entries: &[(&str, &str)]) -> Model {
    let mut model = Model::new();
    for (seed, (dir, name)) in entries.iter().enumerate() {
        model.entry(key(dir)).or_default().insert(name.as_bytes().to_vec(), staged(seed as u64));
    }
    model
}

fn dir_of(key: &[u8]) -> Vec<u8> {
    key.iter().map(|&b| if b == 0 { b'/' } else { b }).collect()
}

fn write(model: &Model) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = BaseWriter::new(7, &mut out);
    for (dir, names) in model {
        for (name, staged) in names {
            writer.push(&dir_of(dir), name, staged, &mut out).unwrap();
        }
    }
    writer.finish(&mut out);
    out
}

fn sample() -> Model {
    let mut model =
        model(&[("", "z"), ("a", "x"), ("a", "y"), ("a/b", "x"), ("a-b", "x"), ("a/b/c", "x"), ("b", "")]);
    let many = (0..600).map(|n| (format!("f{n:04}").into_bytes(), staged(n))).collect();
    model.insert(key("many"), many);
    model
}

fn assert_holds(base: &Base<&[u8]>, model: &Model) {
    base.check().unwrap();
    assert_eq!(base.dir_count() as usize, model.len());
    let total: usize = model.values().map(BTreeMap::len).sum();
    assert_eq!(base.entry_count() as usize, total);
    for (number, (dir, names)) in model.iter().enumerate() {
        let path = dir_of(dir);
        let found = base.dir(number as u32).unwrap();
        assert_eq!(found.path, path);
        assert_eq!(base.find_dir(&path).unwrap().unwrap(), found);
        assert_eq!(found.entries.len(), names.len());
        for (entry, (name, staged)) in found.entries.zip(names) {
            assert_eq!(base.entry(entry).unwrap(), EntryRef { name, staged: *staged });
            assert_eq!(base.find(&path, name).unwrap(), Some(*staged));
        }
    }
}

#[test]
fn a_base_holds_what_was_written() {
    for model in [sample(), Model::new(), model(&[("", "a")]), model(&[("a/b/c", "a")])] {
        let bytes = write(&model);
        let base = Base::open(bytes.as_slice()).unwrap();
        assert_eq!(base.generation(), 7);
        assert_holds(&base, &model);
        for absent in ["", "a", "a/a", "zz", "many/f"] {
            assert_eq!(base.find(absent.as_bytes(), b"absent").unwrap(), None);
        }
    }
}

#[test]
fn what_lies_below_a_directory_is_one_range() {
    let bytes = write(&sample());
    let base = Base::open(bytes.as_slice()).unwrap();
    let below = |path: &str| {
        let range = base.subtree(path.as_bytes()).unwrap();
        range.map(|n| String::from_utf8(base.dir(n).unwrap().path.to_vec()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(below("a"), ["a", "a/b", "a/b/c"]);
    assert_eq!(below("a/b"), ["a/b", "a/b/c"]);
    assert_eq!(below("a-b"), ["a-b"]);
    assert_eq!(below("nothing"), [""; 0]);
    assert_eq!(below("").len(), 7);
}

#[test]
fn seek_finds_the_place_of_an_absent_name() {
    let bytes = write(&sample());
    let base = Base::open(bytes.as_slice()).unwrap();
    let entries = base.find_dir(b"many").unwrap().unwrap().entries;
    assert_eq!(base.seek(entries.clone(), b"").unwrap(), entries.start);
    assert_eq!(base.seek(entries.clone(), b"f0300").unwrap(), entries.start + 300);
    assert_eq!(base.seek(entries.clone(), b"f0300x").unwrap(), entries.start + 301);
    assert_eq!(base.seek(entries.clone(), b"g").unwrap(), entries.end);
}

#[test]
fn order_is_demanded() {
    let mut out = Vec::new();
    let mut writer = BaseWriter::new(1, &mut out);
    writer.push(b"a/b", b"m", &staged(0), &mut out).unwrap();
    for (dir, name) in [("a/b", "m"), ("a/b", "l"), ("a", "z"), ("", "z")] {
        assert_eq!(writer.push(dir.as_bytes(), name.as_bytes(), &staged(0), &mut out), Err(OutOfOrder));
    }
    writer.push(b"a-b", b"a", &staged(0), &mut out).unwrap();
    assert_eq!(writer.push(b"a-b", &[b'x'; 70_000], &staged(0), &mut out), Err(OutOfOrder));
}

#[test]
fn every_flipped_byte_is_noticed() {
    let bytes = write(&sample());
    for at in (0..bytes.len()).filter(|at| at % 7 == 0 || at + 2000 > bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let outcome = Base::open(damaged.as_slice()).and_then(|base| base.check());
        assert!(outcome.is_err(), "byte {at}");
    }
}

#[test]
fn a_damaged_block_leaves_the_others_readable() {
    let mut bytes = write(&sample());
    bytes[20] ^= 1;
    let base = Base::open(bytes.as_slice()).unwrap();
    let error = base.find(b"a", b"x").unwrap_err();
    assert!(error.to_string().contains("byte 8"), "{error}");
    assert_eq!(base.find(b"many", b"f0599").unwrap(), Some(staged(599)));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    use crate::model::ErrorKind;
    let mut base = write(&sample());
    base[4] = 9;
    assert_eq!(Base::open(base.as_slice()).unwrap_err().kind(), ErrorKind::UnsupportedFormat);
    let mut journal = journal_header(1);
    journal[4] = 9;
    let error = Journal::open(&journal).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
    assert!(error.to_string().contains("upgrade"), "{error}");
}

fn ops() -> Vec<Op<'static>> {
    vec![
        Op::Tree(TreeId::from_bytes([3; 32])),
        Op::Set { path: b"a/b", staged: staged(1), edited: true },
        Op::Set { path: b"c", staged: staged(3), edited: false },
        Op::Set { path: b"d", staged: Staged { absent: true, ..staged(3) }, edited: true },
        Op::Remove { path: b"a/x", edited: true },
        Op::Edited { path: b"q" },
        Op::Sparse,
    ]
}

fn journal_of(frames: &[&[Op<'_>]]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = journal_header(5);
    let mut ends = vec![bytes.len()];
    for ops in frames {
        let mut frame = Frame::new();
        ops.iter().for_each(|op| frame.push(*op));
        bytes.extend(frame.finish(bytes.len()));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn read_ops<'a>(journal: &Journal<'a>) -> Vec<Op<'a>> {
    journal.ops().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_journal_tells_its_operations_in_order() {
    let ops = ops();
    let (bytes, _) = journal_of(&[&ops[..2], &[], &ops[2..]]);
    let journal = Journal::open(&bytes).unwrap();
    assert_eq!((journal.generation(), journal.kept_len()), (5, bytes.len()));
    assert_eq!(read_ops(&journal), ops);
}

/// A journal with one frame of this payload, made without the writer.
fn journal_with(payload: &[u8]) -> Vec<u8> {
    use xxhash_rust::xxh3::xxh3_64;
    let mut bytes = journal_header(0);
    let (len, check) = ((payload.len() as u32).to_le_bytes(), xxh3_64(payload).to_le_bytes());
    let offset = (bytes.len() as u64).to_le_bytes();
    let header_check = xxh3_64(&[&len[..], &check, &offset].concat()) as u32;
    bytes.extend([&len[..], &header_check.to_le_bytes(), &check, payload].concat());
    bytes
}

#[test]
fn an_operation_of_a_newer_program_is_refused() {
    assert_eq!(read_ops(&Journal::open(&journal_with(&[5])).unwrap()), [Op::Sparse]);
    for unknown in [0, 6, 255] {
        let bytes = journal_with(&[5, unknown]);
        let journal = Journal::open(&bytes).unwrap();
        let error = journal.ops().last().unwrap().unwrap_err();
        assert!(error.to_string().contains("unknown operation"), "{error}");
    }
}

#[test]
fn a_torn_tail_never_was() {
    let ops = ops();
    let (bytes, ends) = journal_of(&[&ops[..2], &ops[2..]]);
    for len in ends[0]..bytes.len() {
        let journal = Journal::open(&bytes[..len]).unwrap();
        let whole = usize::from(len >= ends[1]);
        assert_eq!(journal.kept_len(), ends[whole], "{len}");
        assert_eq!(read_ops(&journal), ops[..2 * whole]);
    }
    // The length reached the disk, some of the pages did not.
    for torn in [ends[1]..bytes.len(), ends[1]..ends[1] + 5, bytes.len() - 9..bytes.len()] {
        let mut bytes = bytes.clone();
        bytes[torn.clone()].fill(0);
        assert_eq!(Journal::open(&bytes).unwrap().kept_len(), ends[1], "{torn:?}");
    }
}

#[test]
fn damage_in_the_middle_is_an_error_that_names_the_offset() {
    let ops = ops();
    let (bytes, ends) = journal_of(&[&ops[..2], &ops[2..], &ops[..1]]);
    for at in ends[0]..ends[2] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let error = Journal::open(&damaged).unwrap_err();
        let frame = if at < ends[1] { ends[0] } else { ends[1] };
        assert!(error.to_string().contains(&format!("byte {frame} ")), "{at}: {error}");
    }
    for at in 0..ends[0] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Journal::open(&damaged).is_err(), "{at}");
    }
}

#[test]
fn directories_are_ordered_by_component() {
    let sorted = ["", "a", "a/b", "a/b/c", "a/b-c", "a-b", "a.b", "aa", "b"];
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(dir_order(a.as_bytes(), b.as_bytes()), i.cmp(&j), "{a} {b}");
        }
    }
    assert!(is_at_or_below(b"a/b", b"a") && is_at_or_below(b"a", b"a") && is_at_or_below(b"a", b""));
    assert!(!is_at_or_below(b"ab", b"a") && !is_at_or_below(b"a", b"a/b"));
}

#[test]
fn a_base_holds_nothing_that_is_absent() {
    let mut model = model(&[("", "z")]);
    model.entry(key("a")).or_default().insert(b"x".to_vec(), Staged { absent: true, ..staged(3) });
    let bytes = write(&model);
    let base = Base::open(bytes.as_slice()).unwrap();
    assert!(base.entry(1).is_err() && base.check().is_err());
}

fn any_staged() -> impl Strategy<Value = Staged> {
    any::<u64>().prop_map(|seed| staged(seed >> 8))
}

fn any_model() -> impl Strategy<Value = Model> {
    let dir = "([a-c]{1,2}(/[a-c.-]{1,2}){0,3})?".prop_map(|dir| key(&dir));
    let names = proptest::collection::btree_map(proptest::collection::vec(1u8.., 1..6), any_staged(), 1..80);
    proptest::collection::btree_map(dir, names, 0..12)
}

/// Reads all that can be read; only a panic would be wrong.
fn exercise(bytes: &[u8]) {
    if let Ok(base) = Base::open(bytes) {
        let _ = base.check();
        for number in 0..base.dir_count().min(50) {
            let _ = base.dir(number).map(|dir| base.find(dir.path, b"f0300"));
        }
        for number in (0..base.entry_count().min(5000)).step_by(100) {
            let _ = base.entry(number);
        }
        let _ = (
            base.subtree(b"a"),
            base.seek(0..base.entry_count(), b"x"),
            base.entry(u32::MAX),
            base.dir(u32::MAX),
        );
    }
    if let Ok(journal) = Journal::open(bytes) {
        assert!(journal.kept_len() <= bytes.len());
        journal.ops().for_each(drop);
    }
}

/// Puts the right checksum under damaged tables, so that what lies behind it is tested too.
fn repair_trailer(bytes: &mut [u8]) {
    let len = bytes.len();
    let dirs_at =
        usize::try_from(u64::from_le_bytes(bytes[len - 40..len - 32].try_into().unwrap())).unwrap_or(0);
    if let Some(covered) = bytes.get(dirs_at..len - 8) {
        let checksum = xxhash_rust::xxh3::xxh3_64(covered);
        bytes[len - 8..].copy_from_slice(&checksum.to_le_bytes());
    }
}

proptest! {
    #[test]
    fn bases_round_trip(model in any_model()) {
        let bytes = write(&model);
        assert_holds(&Base::open(bytes.as_slice()).unwrap(), &model);
    }

    #[test]
    fn any_bytes_never_panic(
        random in proptest::collection::vec(any::<u8>(), 0..200),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        exercise(&random);
        let ops = ops();
        for mut bytes in [write(&sample()), journal_of(&[&ops[..2], &ops[2..], &ops]).0] {
            exercise(&bytes[..cut.index(bytes.len())]);
            for (at, value, near_end) in &damage {
                let span = if *near_end { bytes.len().min(600) } else { bytes.len() };
                let at = bytes.len() - 1 - at.index(span);
                bytes[at] = *value;
            }
            exercise(&bytes);
            repair_trailer(&mut bytes);
            exercise(&bytes);
        }
    }
}
