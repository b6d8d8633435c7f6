//! Cutting, beside the hash that names the chunks: the hash is the floor that cutting must not raise.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use dsv::codec::chunker::{AVG, Chunker};

const LEN: usize = 32 << 20;

pub(crate) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunk");
    group.throughput(Throughput::Bytes(LEN as u64)).sample_size(20);
    for (name, data) in [("random", random()), ("table", table()), ("labels", labels())] {
        group.bench_function(name, |b| b.iter(|| cut_all(black_box(&data))));
    }
    let data = random();
    group.bench_function("floor-blake3", |b| {
        b.iter(|| {
            data.chunks(AVG)
                .map(|chunk| blake3::hash(black_box(chunk)).as_bytes()[0])
                .fold(0, u8::wrapping_add)
        })
    });
    group.finish();
}

fn cut_all(data: &[u8]) -> usize {
    let chunker = Chunker::new();
    let (mut count, mut rest) = (0, data);
    while let Some(n) = chunker.next_cut(rest, true) {
        count += 1;
        rest = &rest[n..];
    }
    count
}

fn random() -> Vec<u8> {
    let mut data = vec![0; LEN];
    blake3::Hasher::new().update(b"bench").finalize_xof().fill(&mut data);
    data
}

/// xorshift64.
fn dice(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Rows of numbers and words as text.
fn table() -> Vec<u8> {
    let mut state = 1;
    let mut text = String::with_capacity(LEN + 100);
    for row in 0.. {
        if text.len() >= LEN {
            break;
        }
        let word = ["north", "south", "east", "west"][dice(&mut state) as usize % 4];
        let (count, part) = (dice(&mut state) % 100_000, dice(&mut state) % 10_000);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{row},{word},{count},{}.{part:04}", count % 61);
    }
    let mut data = text.into_bytes();
    data.truncate(LEN);
    data
}

/// Ten classes as 64-bit integers.
fn labels() -> Vec<u8> {
    let mut state = 1;
    (0..LEN / 8).flat_map(|_| (dice(&mut state) % 10).to_le_bytes()).collect()
}
