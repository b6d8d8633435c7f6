//! Line by line differences of texts, as data: who shows them chooses form and colours.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Lines of context around what differs.
pub const CONTEXT_LINES: usize = 3;
/// Texts that differ beyond measure get a coarser answer after this time.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A file with a NUL among its first bytes is no text; so git holds it, too.
const PROBE_LEN: usize = 8000;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineChange {
    /// It is in both texts.
    Same,
    /// It is in the old text only.
    Removed,
    /// It is in the new text only.
    Added,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What became of it.
    pub change: LineChange,
    /// Its bytes without the line feed; not necessarily UTF-8.
    pub text: Vec<u8>,
    /// Whether a line feed follows; only the last line of a text may have none.
    pub ends: bool,
}

/// Lines that differ, with the lines around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Number of its first line in the old text, from 1; of the line before it when it has none there.
    pub old_start: usize,
    /// Lines of the old text.
    pub old_lines: usize,
    /// As `old_start`, in the new text.
    pub new_start: usize,
    /// Lines of the new text.
    pub new_lines: usize,
    /// The lines, removed ones before added ones.
    pub lines: Vec<Line>,
}

/// Whether bytes are taken for a text.
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes[..bytes.len().min(PROBE_LEN)].contains(&0)
}

/// The differences of two texts; none when they are equal.
pub fn diff_text(old: &[u8], new: &[u8]) -> Vec<Hunk> {
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_lines(old, new);
    let mut hunks = Vec::new();
    for group in diff.grouped_ops(CONTEXT_LINES) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let old_range = first.old_range().start..last.old_range().end;
        let new_range = first.new_range().start..last.new_range().end;
        let lines = group.iter().flat_map(|op| diff.iter_changes(op)).map(|change| {
            let text: &[u8] = change.value();
            Line {
                change: match change.tag() {
                    ChangeTag::Equal => LineChange::Same,
                    ChangeTag::Delete => LineChange::Removed,
                    ChangeTag::Insert => LineChange::Added,
                },
                text: text.strip_suffix(b"\n").unwrap_or(text).to_vec(),
                ends: text.ends_with(b"\n") || text.ends_with(b"\r"),
            }
        });
        hunks.push(Hunk {
            old_start: old_range.start + usize::from(!old_range.is_empty()),
            old_lines: old_range.len(),
            new_start: new_range.start + usize::from(!new_range.is_empty()),
            new_lines: new_range.len(),
            lines: lines.collect(),
        });
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unified(hunk: &Hunk) -> String {
        let Hunk { old_start, old_lines, new_start, new_lines, .. } = hunk;
        let mut text = format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n");
        for line in &hunk.lines {
            text.push(match line.change {
                LineChange::Same => ' ',
                LineChange::Removed => '-',
                LineChange::Added => '+',
            });
            text.push_str(&String::from_utf8_lossy(&line.text));
            text.push_str(if line.ends { "\n" } else { "$\n" });
        }
        text
    }

    #[test]
    fn hunks_are_numbered_as_diff_does() {
        let old: String = (1..=30).map(|n| format!("row {n}\n")).collect();
        let new = old.replace("row 5\n", "row five\n").replace("row 30\n", "row 30");
        let hunks = diff_text(old.as_bytes(), new.as_bytes());
        let shown: Vec<_> = hunks.iter().map(unified).collect();
        assert_eq!(
            shown[0],
            "@@ -2,7 +2,7 @@\n row 2\n row 3\n row 4\n-row 5\n+row five\n row 6\n row 7\n row 8\n"
        );
        assert_eq!(shown[1], "@@ -27,4 +27,4 @@\n row 27\n row 28\n row 29\n-row 30\n+row 30$\n");
        assert_eq!(hunks.len(), 2);
        assert_eq!(unified(&diff_text(b"", b"a\n")[0]), "@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(unified(&diff_text(b"a\n", b"")[0]), "@@ -1,1 +0,0 @@\n-a\n");
        assert_eq!(diff_text(b"a\xff\n", b"a\xff\n"), []);
    }

    #[test]
    fn a_nul_makes_a_binary() {
        assert!(is_text(b"") && is_text("grün\n".as_bytes()) && is_text(b"\xff\xfe latin"));
        assert!(!is_text(b"PAR1\0\0"));
    }
}
