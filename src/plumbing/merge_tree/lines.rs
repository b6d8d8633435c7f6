//! Texts that both sides changed, line by line.

use std::io::Read;
use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffTag, capture_diff_slices_deadline};

use crate::model::{BlobId, Entry, EntryKind, Monitor, RepoPath};
use crate::plumbing::TreeError;
use crate::store::{StoreError, Writer};

/// Longest text that is merged by lines, in bytes.
pub const MAX_TEXT: u64 = 4 * 1024 * 1024;
/// Texts that differ beyond measure are compared more coarsely after this time, which makes more of them conflicts and none of
/// them wrong.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A stretch of lines of the base, and the lines of a side that stand for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hunk {
    base: Range<usize>,
    side: Range<usize>,
}

/// Merges two texts that were made from one. `None` when both changed the same lines, or lines that touch each other,
/// to something else; when one of them is no text or too long.
pub fn merge_lines(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    if ![base, ours, theirs].into_iter().all(is_mergeable) {
        return None;
    }
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    let (mut our_hunks, mut their_hunks) = (Hunks::new(&base, &ours), Hunks::new(&base, &theirs));
    let (mut merged, mut at) = (Vec::new(), 0);
    while let Some(start) = our_hunks.next_start().into_iter().chain(their_hunks.next_start()).min() {
        // All that touches each other is looked at as one.
        let mut end = start;
        loop {
            let before = end;
            end = their_hunks.reach(our_hunks.reach(end));
            if end == before && !our_hunks.touches(end) && !their_hunks.touches(end) {
                break;
            }
        }
        let (our_part, their_part) = (our_hunks.take(start..end), their_hunks.take(start..end));
        let (our_part, their_part) = (our_part.map(|at| &ours[at]), their_part.map(|at| &theirs[at]));
        let part = match (our_part, their_part) {
            (Some(our_part), Some(their_part)) if our_part == their_part => our_part,
            (Some(part), None) | (None, Some(part)) => part,
            _ => return None,
        };
        merged.extend_from_slice(&base[at..start]);
        merged.extend_from_slice(part);
        at = end;
    }
    merged.extend_from_slice(&base[at..]);
    Some(merged.concat())
}

fn is_mergeable(text: &[u8]) -> bool {
    text.len() as u64 <= MAX_TEXT && !text.contains(&0)
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// What a side changed, from one end of the text to the other.
struct Hunks {
    hunks: Vec<Hunk>,
    /// The first that is not taken.
    next: usize,
    /// The first that is not within reach.
    reached: usize,
    /// How many lines the side has more than the base, of all that was taken.
    shift: isize,
}

impl Hunks {
    fn new(base: &[&[u8]], side: &[&[u8]]) -> Self {
        let deadline = Instant::now() + TIMEOUT;
        let ops = capture_diff_slices_deadline(Algorithm::Myers, base, side, Some(deadline));
        let changed = ops.iter().filter(|op| op.tag() != DiffTag::Equal);
        let hunks = changed.map(|op| Hunk { base: op.old_range(), side: op.new_range() }).collect();
        Self { hunks, next: 0, reached: 0, shift: 0 }
    }

    fn next_start(&self) -> Option<usize> {
        self.hunks.get(self.next).map(|hunk| hunk.base.start)
    }

    /// Whether a hunk that was not reached begins at or before a line.
    fn touches(&self, end: usize) -> bool {
        self.hunks.get(self.reached).is_some_and(|hunk| hunk.base.start <= end)
    }

    /// Reaches for all hunks that begin at or before a line; gives the line behind them.
    fn reach(&mut self, mut end: usize) -> usize {
        while let Some(hunk) = self.hunks.get(self.reached).filter(|hunk| hunk.base.start <= end) {
            end = end.max(hunk.base.end);
            self.reached += 1;
        }
        end
    }

    /// Takes the hunks within reach: the lines that this side has for these of the base; `None` when it has the same.
    fn take(&mut self, base: Range<usize>) -> Option<Range<usize>> {
        let taken = &self.hunks[self.next..self.reached];
        let start = base.start.checked_add_signed(self.shift)?;
        for hunk in taken {
            self.shift += hunk.side.len() as isize - hunk.base.len() as isize;
        }
        let is_changed = !taken.is_empty();
        self.next = self.reached;
        let end = base.end.checked_add_signed(self.shift)?;
        is_changed.then_some(start..end)
    }
}

/// A text that both sides changed.
struct Text {
    path: RepoPath,
    kind: EntryKind,
    /// Base, ours, theirs.
    entries: [Entry; 3],
}

/// Merges texts, all of them after they were fetched at once.
pub(super) struct TextMerger<'a> {
    writer: &'a Writer,
    monitor: &'a Monitor<'a>,
    waiting: Vec<Text>,
    merged: Vec<RepoPath>,
}

impl<'a> TextMerger<'a> {
    pub(super) const fn new(writer: &'a Writer, monitor: &'a Monitor<'a>) -> Self {
        Self { writer, monitor, waiting: Vec::new(), merged: Vec::new() }
    }

    /// Notes a text that is to be merged.
    pub(super) fn add(
        &mut self,
        path: &RepoPath,
        kind: EntryKind,
        base: &Entry,
        ours: &Entry,
        theirs: &Entry,
    ) {
        let entries = [base.clone(), ours.clone(), theirs.clone()];
        self.waiting.push(Text { path: path.clone(), kind, entries });
    }

    /// Merges what waits; `None` where that cannot be done.
    pub(super) fn run(&mut self) -> Result<Vec<(RepoPath, Option<Entry>)>, TreeError> {
        let waiting = std::mem::take(&mut self.waiting);
        let short = waiting.iter().filter(|text| text.is_short());
        let blobs = short.flat_map(|text| &text.entries).map(|entry| (BlobId::new(entry.id), entry.size));
        self.writer.db().prefetch_blobs(blobs, self.monitor)?;
        let mut done = Vec::with_capacity(waiting.len());
        for text in waiting {
            self.monitor.interrupt.check()?;
            let entry = if text.is_short() { self.merge(&text)? } else { None };
            if entry.is_some() {
                self.merged.push(text.path.clone());
            }
            done.push((text.path, entry));
        }
        Ok(done)
    }

    fn merge(&self, text: &Text) -> Result<Option<Entry>, TreeError> {
        let [base, ours, theirs] = &text.entries;
        let (base, theirs_text) = (self.read(base)?, self.read(theirs)?);
        let Some(merged) = merge_lines(&base, &self.read(ours)?, &theirs_text) else { return Ok(None) };
        let mut compressors = self.writer.blob_compressors()?;
        let (id, size) = self.writer.put_blob(&mut merged.as_slice(), &mut compressors)?;
        Ok(Some(Entry { kind: text.kind, size, id: id.object(), ..ours.clone() }))
    }

    fn read(&self, entry: &Entry) -> Result<Vec<u8>, TreeError> {
        let mut blob = self.writer.db().open_blob(&BlobId::new(entry.id))?;
        let mut bytes = Vec::new();
        // A blob that is longer than its entry says is no text of ours.
        blob.by_ref().take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(StoreError::Source)?;
        Ok(bytes)
    }

    /// The texts that were merged, in the order in which they came.
    pub(super) fn into_merged(self) -> Vec<RepoPath> {
        self.merged
    }
}

impl Text {
    fn is_short(&self) -> bool {
        self.entries.iter().all(|entry| entry.size <= MAX_TEXT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        let texts = [base, ours, theirs].map(|text| text.replace(' ', "\n"));
        let merged = merge_lines(texts[0].as_bytes(), texts[1].as_bytes(), texts[2].as_bytes());
        merged.map(|merged| String::from_utf8(merged).unwrap().replace('\n', " "))
    }

    #[test]
    fn lines_that_one_side_changed_are_taken_from_it() {
        assert_eq!(merged("a b c d ", "A b c d ", "a b c D ").unwrap(), "A b c D ");
        assert_eq!(merged("a b c d ", "b c d ", "a b c d e f ").unwrap(), "b c d e f ");
        assert_eq!(merged("a b c d e ", "a x y b c d e ", "a b c e ").unwrap(), "a x y b c e ");
        assert_eq!(merged("a b c", "a b c", "a b C").unwrap(), "a b C");
        // Both did the same, and one of them more.
        assert_eq!(merged("a b c d e ", "A b c d e ", "A b c d E ").unwrap(), "A b c d E ");
        assert_eq!(merged("a ", "", "").unwrap(), "");
    }

    #[test]
    fn lines_that_both_changed_are_a_conflict() {
        assert_eq!(merged("a b c ", "a x c ", "a y c "), None);
        // Lines that touch each other belong together, as a key and its value may.
        assert_eq!(merged("a b c d ", "a x c d ", "a b y d "), None);
        assert_eq!(merged("a b ", "a x b ", "a y b "), None);
        assert_eq!(merged("a b c ", "a c ", "a x c "), None);
        // Appended on both sides: nobody knows in which order.
        assert_eq!(merged("a b ", "a b c ", "a b d "), None);
        // The end of the last line is part of it.
        assert_eq!(merged("a b", "a b c", "a B"), None);
    }

    #[test]
    fn what_is_no_text_is_not_merged() {
        assert_eq!(merge_lines(b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nc\0\n"), None);
        let long = vec![b'\n'; MAX_TEXT as usize + 1];
        assert_eq!(merge_lines(&long, &long, &long[1..]), None);
        // Bytes that are no UTF-8 are lines all the same.
        assert_eq!(merge_lines(b"\xff\nb\nc\n", b"\xfe\nb\nc\n", b"\xff\nb\nC\n").unwrap(), b"\xfe\nb\nC\n");
    }

    proptest! {
        #[test]
        fn one_side_alone_is_taken_whole(base in "[ab\n]{0,40}", side in "[ab\n]{0,40}") {
            let (base, side) = (base.as_bytes(), side.as_bytes());
            prop_assert_eq!(merge_lines(base, side, base).unwrap(), side);
            prop_assert_eq!(merge_lines(base, base, side).unwrap(), side);
            prop_assert_eq!(merge_lines(base, side, side).unwrap(), side);
        }

        #[test]
        fn the_sides_can_be_swapped(
            base in "[abc\n]{0,60}", ours in "[abc\n]{0,60}", theirs in "[abc\n]{0,60}",
        ) {
            let (base, ours, theirs) = (base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
            prop_assert_eq!(merge_lines(base, ours, theirs), merge_lines(base, theirs, ours));
        }

        /// Every line is changed, removed or followed by another on one side at most, and none of its neighbours is.
        #[test]
        fn edits_that_lie_apart_always_merge(edits in proptest::collection::vec(0..7u8, 1..30)) {
            let mut texts = [String::new(), String::new(), String::new(), String::new()];
            for (number, edit) in edits.iter().enumerate() {
                let line = format!("line {number}\n");
                let changed = match edit % 3 {
                    0 => String::new(),
                    1 => format!("changed {number}\n"),
                    _ => format!("{line}more {number}\n"),
                };
                let (ours, theirs, all) = match edit {
                    0..3 => (&changed, &line, &changed),
                    3..6 => (&line, &changed, &changed),
                    _ => (&line, &line, &line),
                };
                for (text, part) in texts.iter_mut().zip([&line, ours, theirs, all]) {
                    text.push_str(part);
                    text.push_str(&format!("apart {number}\nfrom the next\n"));
                }
            }
            let [base, ours, theirs, expected] = texts;
            let merged = merge_lines(base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
            prop_assert_eq!(String::from_utf8(merged.unwrap()).unwrap(), expected);
        }
    }
}
