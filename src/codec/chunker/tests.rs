use proptest::prelude::*;
use std::collections::HashSet;
use std::fmt::Write as _;

use super::*;

/// Rule 1 of the module's text as it is written, position by position.
fn naive_accepts(b: &[u8], n: usize) -> bool {
    let u = |i: usize| {
        (0..8).fold(
            0_u8,
            |sum, k| if k % 2 == 0 { sum.wrapping_add(b[i - k]) } else { sum.wrapping_sub(b[i - k]) },
        )
    };
    let f = |x: u8| x ^ (x >> 3);
    let g =
        |i: usize| (0..8).fold(0_u8, |sum, j| sum.wrapping_add((1_u8 << j).wrapping_mul(f(u(i - 64 * j)))));
    n >= 40 * 1024 && g(n - 1) == 128 && xxh3_64(&b[n - 128..n]) < 192_153_584_101_141_162
}

/// The whole rule as it is written.
fn naive_cut(b: &[u8]) -> usize {
    (40 * 1024..b.len().min(256 * 1024)).find(|&n| naive_accepts(b, n)).unwrap_or(b.len().min(256 * 1024))
}

fn cut_all(data: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut rest = data;
    while let Some(n) = Chunker::new().next_cut(rest, true) {
        lengths.push(n);
        rest = &rest[n..];
    }
    assert!(rest.is_empty());
    lengths
}

/// Cuts what arrives in reads of the given lengths, in turn.
fn cut_in_reads(data: &[u8], reads: &[usize]) -> Vec<usize> {
    let (mut lengths, mut begin, mut end) = (Vec::new(), 0, 0);
    for read in reads.iter().cycle() {
        end = (end + read).min(data.len());
        let at_end = end == data.len();
        while let Some(n) = Chunker::new().next_cut(&data[begin..end], at_end) {
            lengths.push(n);
            begin += n;
        }
        if at_end {
            break;
        }
    }
    lengths
}

fn random(seed: &str, len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut data);
    data
}

/// xorshift64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A table as people have them: a running number, a date, a word, integers and a decimal fraction.
fn table(rows: u64) -> Vec<u8> {
    const WORDS: [&str; 6] = ["north", "south", "east", "west", "unknown", "ok"];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut text = String::new();
    for row in 0..rows {
        let word = WORDS[dice.below(6) as usize];
        let (month, day) = (1 + dice.below(12), 1 + dice.below(28));
        let (count, whole, part) = (dice.below(100_000), dice.below(500), dice.below(10_000));
        writeln!(text, "{row},2024-{month:02}-{day:02},{word},{count},{whole}.{part:04}").unwrap();
    }
    text.into_bytes()
}

/// Ten classes as little-endian 64-bit integers: one byte in eight says something.
fn labels(len: usize) -> Vec<u8> {
    let mut dice = Dice(88_172_645_463_325_252);
    (0..len / 8).flat_map(|_| dice.below(10).to_le_bytes()).collect()
}

/// Frozen with the format. If this fails, the chunker is wrong, not the test: a repository written before would
/// store all its large files again.
#[test]
fn golden_boundaries() {
    check_golden(
        &random("dsv chunker golden", 8 << 20),
        127,
        [60065, 42657, 91288, 52912, 59774, 74987, 75828, 59912],
        "22e786c68d16f988a9f0e38d6426e68069be5e2d6385a9b88e3bef1aaee5d4be",
    );
    check_golden(
        &table(150_000),
        89,
        [63240, 76096, 56764, 46444, 42287, 46748, 48670, 84346],
        "4ad25d61bc44d66d8141c9c4c6acee5d23f08a2c9b624c32f6ad104826cfba3d",
    );
    check_golden(
        &labels(4 << 20),
        68,
        [73623, 41077, 48669, 65800, 55371, 55099, 111256, 72606],
        "716eaa231e206110bc35c5257d835f180d22b31e86fb8db185da21b7d5600ca9",
    );
}

/// The number of chunks, the first lengths, and the BLAKE3 of all lengths as little-endian 32-bit numbers.
fn check_golden(data: &[u8], count: usize, first: [usize; 8], all: &str) {
    let lengths = cut_all(data);
    let bytes: Vec<u8> = lengths.iter().flat_map(|n| (*n as u32).to_le_bytes()).collect();
    assert_eq!(lengths[..8], first);
    assert_eq!((lengths.len(), blake3::hash(&bytes).to_hex().as_str()), (count, all));
}

#[test]
fn lengths_are_within_bounds_and_near_the_average() {
    for data in [random("bounds", 16 << 20), table(300_000), labels(8 << 20)] {
        let lengths = cut_all(&data);
        assert_eq!(lengths.iter().sum::<usize>(), data.len());
        assert!(lengths[..lengths.len() - 1].iter().all(|n| (MIN..=MAX).contains(n)));
        let mean = data.len() / lengths.len();
        assert!((AVG * 8 / 10..AVG * 12 / 10).contains(&mean), "{mean}");
    }
}

#[test]
fn an_insert_moves_only_the_cuts_near_it() {
    let before = random("insert", 8 << 20);
    let mut after = before.clone();
    after.splice(3_000_000..3_000_000, random("inserted", 100_000));
    let ends = |data: &[u8]| -> HashSet<usize> {
        let mut at = 0;
        cut_all(data)
            .into_iter()
            .map(|n| {
                at += n;
                data.len() - at
            })
            .collect()
    };
    // Counted from the end of the data, a cut behind the insert stands where it stood.
    let (before_ends, after_ends) = (ends(&before), ends(&after));
    let behind = |end: &&usize| **end < before.len() - 3_000_000 - 4 * AVG;
    assert_eq!(
        before_ends.iter().filter(behind).collect::<HashSet<_>>(),
        after_ends.iter().filter(behind).collect()
    );
    assert!(before_ends.iter().filter(behind).count() > 50);
}

/// The first position that is tested, the rows and the end of the data meet in all ways.
#[test]
fn cuts_at_every_offset_from_the_minimum_and_the_end() {
    let data = random("edges", MAX);
    let cut = naive_cut(&data);
    for past in 0..200 {
        // What makes the cut lies within 456 bytes of it, so that it stands wherever the chunk begins.
        let chunk = &data[cut - MIN - past..];
        for more in [0, 1, 70] {
            assert_eq!(Chunker::new().next_cut(&chunk[..MIN + past + more], false), Some(MIN + past));
        }
        assert_eq!(naive_cut(chunk), MIN + past);
    }
}

#[test]
fn data_that_never_passes_is_cut_at_the_maximum() {
    for byte in [0, 1, 0x20, 0x80, 0xff] {
        assert_eq!(cut_all(&vec![byte; 2 * MAX + 5]), [MAX, MAX, 5], "{byte}");
    }
}

#[test]
fn asks_for_more_only_while_the_cut_is_open() {
    let data = random("open", MAX);
    let chunker = Chunker::new();
    assert_eq!(chunker.next_cut(&[], false), None);
    assert_eq!(chunker.next_cut(&[], true), None);
    assert_eq!(chunker.next_cut(&data[..1], true), Some(1));
    let cut = naive_cut(&data);
    assert_eq!(chunker.next_cut(&data[..cut - 1], false), None);
    assert_eq!(chunker.next_cut(&data[..cut - 1], true), Some(cut - 1));
    assert_eq!(chunker.next_cut(&data[..cut], false), Some(cut));
    assert_eq!(chunker.next_cut(&[0; MAX - 1], false), None);
    assert_eq!(chunker.next_cut(&[0; MAX], false), Some(MAX));
}

/// Data of every density: few symbols or many, in runs or singly, little or much of it.
fn any_data() -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(any::<u8>(), 1..20), 1..40_u64, any::<u64>(), 0..3 * MAX, any::<bool>()).prop_map(
        |(alphabet, run, seed, len, dense)| {
            let mut dice = Dice(seed | 1);
            let mut data = Vec::with_capacity(len + 40);
            while data.len() < len {
                let symbol = if dense {
                    dice.below(256) as u8
                } else {
                    alphabet[dice.below(alphabet.len() as u64) as usize]
                };
                let times = 1 + dice.below(run) as usize;
                data.extend(std::iter::repeat_n(symbol, times));
            }
            data
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cuts_where_the_rule_says(data in any_data()) {
        let mut rest = &data[..];
        while let Some(n) = Chunker::new().next_cut(rest, true) {
            prop_assert_eq!(n, naive_cut(rest));
            rest = &rest[n..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn cuts_the_same_however_it_is_read(data in any_data(), reads in prop::collection::vec(10_000..400_000_usize, 1..8)) {
        prop_assert_eq!(cut_in_reads(&data, &reads), cut_all(&data));
    }
}
