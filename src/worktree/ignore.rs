//! What is no data: `.dsvignore` files, in the syntax of `.gitignore`.
//!
//! Such a file may lie in any directory and speaks of what is below it; the deeper file wins, and in a file
//! the later line. A directory that is ignored is not entered, so nothing below it can be taken back by a
//! `!`. `.dsvignore` itself is data. `.gitignore` is not obeyed, since data is usually git-ignored.
//!
//! Patterns are text; a line that is not UTF-8 cannot be one and is reported.

use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::sys::bytes_to_path;

/// The name of the files that hold patterns.
pub const IGNORE_FILE: &str = ".dsvignore";

/// A line of an ignore file that is no pattern, and was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// The patterns that hold in one directory: its own and those of the directories above. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    innermost: Option<Arc<Level>>,
}

/// One ignore file.
#[derive(Debug)]
struct Level {
    outer: Option<Arc<Level>>,
    /// Bytes of a path that lead to what the patterns are matched against.
    prefix_len: usize,
    patterns: Gitignore,
}

impl IgnoreRules {
    /// The rules in `dir` (relative to the root, empty for the root), whose ignore file holds `text`. Lines
    /// that are no patterns are returned.
    pub fn descend(&self, dir: &[u8], text: &[u8]) -> (Self, Vec<BadPattern>) {
        let mut bad = Vec::new();
        // Paths are matched relative to the directory, so that the builder has no prefix to strip.
        let mut builder = GitignoreBuilder::new(".");
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        for (line, pattern) in (1..).zip(text.split(|&b| b == b'\n')) {
            let outcome = match std::str::from_utf8(pattern) {
                Ok(pattern) => builder.add_line(None, pattern).map(drop).map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            };
            bad.extend(outcome.err().map(|why| BadPattern { line, why }));
        }
        let patterns = builder.build().unwrap_or_else(|error| {
            bad.push(BadPattern { line: 0, why: error.to_string() });
            Gitignore::empty()
        });
        if patterns.is_empty() {
            return (self.clone(), bad);
        }
        let prefix_len = if dir.is_empty() { 0 } else { dir.len() + 1 };
        let level = Level { outer: self.innermost.clone(), prefix_len, patterns };
        (Self { innermost: Some(Arc::new(level)) }, bad)
    }

    /// Whether a path in the directory of these rules is ignored. The directory itself is not asked about.
    pub fn is_ignored(&self, path: &[u8], is_dir: bool) -> bool {
        let mut next = self.innermost.as_deref();
        while let Some(level) = next {
            let relative = path.get(level.prefix_len..).unwrap_or_default();
            // A name that this system cannot have cannot be matched either.
            let Ok(relative) = bytes_to_path(relative) else { return false };
            match level.patterns.matched(relative, is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => next = level.outer.as_deref(),
            }
        }
        false
    }

    /// Whether there is no pattern at all.
    pub const fn is_empty(&self) -> bool {
        self.innermost.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> IgnoreRules {
        let (rules, bad) = IgnoreRules::default().descend(b"", text.as_bytes());
        assert_eq!(bad, []);
        rules
    }

    #[test]
    fn patterns_are_those_of_gitignore() {
        let rules = rules("# note\n*.tmp\n/only-here\nbuild/\n!keep.tmp\ndocs/**/x\n\\#hash\n\r\n  \n");
        for (path, is_dir, ignored) in [
            ("a.tmp", false, true),
            ("d/e/a.tmp", false, true),
            ("keep.tmp", false, false),
            ("d/keep.tmp", false, false),
            ("only-here", false, true),
            ("d/only-here", false, false),
            ("build", true, true),
            ("build", false, false),
            ("d/build", true, true),
            ("docs/a/b/x", false, true),
            ("#hash", false, true),
            ("# note", false, false),
        ] {
            assert_eq!(rules.is_ignored(path.as_bytes(), is_dir), ignored, "{path}");
        }
    }

    #[test]
    fn the_deeper_file_wins() {
        let outer = rules("*.bin\n*.log\n");
        let (inner, _) = outer.descend(b"d", b"!*.bin\n/x\n");
        assert!(outer.is_ignored(b"a.bin", false));
        assert!(!inner.is_ignored(b"d/a.bin", false));
        assert!(inner.is_ignored(b"d/a.log", false));
        assert!(inner.is_ignored(b"d/x", false));
        assert!(!inner.is_ignored(b"d/e/x", false));
        let (same, _) = inner.descend(b"d/e", b"# nothing\n");
        assert!(!same.is_ignored(b"d/e/a.bin", false));
    }

    #[test]
    fn bad_lines_are_told_and_skipped() {
        let (rules, bad) = IgnoreRules::default().descend(b"", b"\xef\xbb\xbf*.a\n{x\n\xff\n*.b");
        assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [2, 3]);
        assert!(rules.is_ignored(b"x.a", false) && rules.is_ignored(b"x.b", false));
        assert!(IgnoreRules::default().is_empty() && !rules.is_empty());
    }

    #[test]
    fn odd_names_are_matched() {
        let rules = rules("*.x");
        assert!(rules.is_ignored(b"\xff\xfe.x", false));
        assert!(rules.is_ignored(b"a\nb.x", false));
    }
}
