//! Patterns of paths: `*` and `?` stop at a slash, `**` as a whole component does not; `[a-z]`, `[!a]`, `{a,b}`
//! and `\` as shells have them.
//!
//! Paths are bytes. They are matched character by character, and a byte that is part of none counts as one:
//! `caf?` matches `café` in UTF-8 and in Latin-1 alike.

use std::fmt;

/// Alternatives that braces may expand to.
const MAX_ALTERNATIVES: usize = 1000;

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// `[` without `]`.
    #[error("a '[' is never closed")]
    OpenClass,
    /// `{` without `}`.
    #[error("a '{{' is never closed")]
    OpenBrace,
    /// `[z-a]`.
    #[error("a range runs backwards")]
    BackwardRange,
    /// The last character is a lone backslash.
    #[error("nothing follows the last '\\'")]
    DanglingEscape,
    /// Braces within braces stand for very many patterns.
    #[error("its braces stand for more than {MAX_ALTERNATIVES} patterns")]
    TooMany,
}

/// A pattern, ready to match.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::porcelain) struct Glob {
    alternatives: Vec<Vec<Token>>,
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Glob").field("alternatives", &self.alternatives.len()).finish()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This character.
    Char(char),
    /// One character that is no slash.
    Any,
    /// One character of these ranges, or of none of them; never a slash.
    Class { negated: bool, ranges: Vec<(char, char)> },
    /// Characters that are no slash.
    Star,
    /// Everything.
    Rest,
    /// No component, or some with their slashes: the way in …
    SkipEnter,
    /// … and the way through.
    SkipLoop,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is malformed.
    pub(in crate::porcelain) fn new(pattern: &[u8]) -> Result<Self, GlobError> {
        let chars: Vec<char> = characters(pattern).collect();
        let expanded = expand(&chars)?;
        let alternatives = expanded.iter().map(|chars| tokens(chars)).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether it matches a path, or a folder that holds it.
    pub(in crate::porcelain) fn matches(&self, path: &[u8]) -> bool {
        self.alternatives.iter().any(|tokens| matches(tokens, path))
    }
}

/// Characters, and for each byte that is part of none a character that no name has: one of the last private ones.
fn characters(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid =
            chunk.invalid().iter().filter_map(|byte| char::from_u32(0x0010_FF00 + u32::from(*byte)));
        chunk.valid().chars().chain(invalid)
    })
}

/// What the braces of a pattern stand for.
fn expand(chars: &[char]) -> Result<Vec<Vec<char>>, GlobError> {
    let Some(open) = find_plain(chars, '{') else { return Ok(vec![chars.to_vec()]) };
    let (parts, end) = brace(&chars[open + 1..])?;
    let tails = expand(&chars[open + 1 + end..])?;
    let mut all = Vec::new();
    for part in parts {
        for inner in expand(part)? {
            for tail in &tails {
                all.push([&chars[..open], &inner, tail].concat());
                if all.len() > MAX_ALTERNATIVES {
                    return Err(GlobError::TooMany);
                }
            }
        }
    }
    Ok(all)
}

/// Where a character stands that is neither escaped nor in a class.
fn find_plain(chars: &[char], wanted: char) -> Option<usize> {
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            c if c == wanted => return Some(at),
            '\\' => at += 1,
            '[' => at += class_len(&chars[at..]).unwrap_or(1) - 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The parts between an open brace and its end, and what they take with the closing one.
fn brace(chars: &[char]) -> Result<(Vec<&[char]>, usize), GlobError> {
    let (mut parts, mut depth, mut start, mut at) = (Vec::new(), 0, 0, 0);
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '[' => at += class_len(&chars[at..]).unwrap_or(1) - 1,
            '{' => depth += 1,
            ',' if depth == 0 => {
                parts.push(&chars[start..at]);
                start = at + 1;
            }
            '}' if depth == 0 => {
                parts.push(&chars[start..at]);
                return Ok((parts, at + 1));
            }
            '}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Err(GlobError::OpenBrace)
}

/// Characters of the class that the text begins with, brackets included; a `]` that comes first is part of it.
fn class_len(chars: &[char]) -> Option<usize> {
    let first = if matches!(chars.get(1), Some('!' | '^')) { 2 } else { 1 };
    let end = chars.iter().skip(first + 1).position(|c| *c == ']')?;
    Some(first + 1 + end + 1)
}

fn tokens(chars: &[char]) -> Result<Vec<Token>, GlobError> {
    let mut tokens = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let begins = at == 0 || chars[at - 1] == '/';
        match chars[at..] {
            ['*', '*'] if begins => {
                tokens.push(Token::Rest);
                at += 1;
            }
            ['*', '*', '/', ..] if begins => {
                tokens.extend([Token::SkipEnter, Token::SkipLoop]);
                at += 2;
            }
            ['*', ..] => tokens.push(Token::Star),
            ['?', ..] => tokens.push(Token::Any),
            ['[', ..] => {
                let len = class_len(&chars[at..]).ok_or(GlobError::OpenClass)?;
                tokens.push(class(&chars[at + 1..at + len - 1])?);
                at += len - 1;
            }
            ['\\', escaped, ..] => {
                tokens.push(Token::Char(escaped));
                at += 1;
            }
            ['\\'] => return Err(GlobError::DanglingEscape),
            _ => tokens.push(Token::Char(chars[at])),
        }
        at += 1;
    }
    Ok(tokens)
}

/// What stands between brackets.
fn class(inner: &[char]) -> Result<Token, GlobError> {
    let (negated, mut rest) = match inner {
        ['!' | '^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges = Vec::new();
    while let [first, behind @ ..] = rest {
        let (last, behind) = match behind {
            ['-', last, behind @ ..] => (last, behind),
            behind => (first, behind),
        };
        if last < first {
            return Err(GlobError::BackwardRange);
        }
        ranges.push((*first, *last));
        rest = behind;
    }
    Ok(Token::Class { negated, ranges })
}

impl Token {
    /// Whether it matches nothing as well.
    const fn may_be_nothing(&self) -> bool {
        matches!(self, Self::Star | Self::Rest)
    }

    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::Any | Self::Star => c != '/',
            Self::Class { negated, ranges } => {
                c != '/' && ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *negated
            }
            Self::Rest | Self::SkipLoop => true,
            Self::SkipEnter => false,
        }
    }
}

/// All ways to match are followed at once, so that no pattern takes longer than its length times the path's.
fn matches(tokens: &[Token], path: &[u8]) -> bool {
    let mut now = vec![false; tokens.len() + 1];
    let mut next = now.clone();
    reach(tokens, &mut now, 0);
    for c in characters(path) {
        if c == '/' && now[tokens.len()] {
            return true;
        }
        next.fill(false);
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| now[*at]) {
            if !token.takes(c) {
                continue;
            }
            match token {
                Token::Star | Token::Rest => reach(tokens, &mut next, at),
                Token::SkipLoop => {
                    next[at] = true;
                    if c == '/' {
                        reach(tokens, &mut next, at + 1);
                    }
                }
                _ => reach(tokens, &mut next, at + 1),
            }
        }
        std::mem::swap(&mut now, &mut next);
    }
    now[tokens.len()]
}

/// Notes that everything before a token has matched, and what follows from that without another character.
fn reach(tokens: &[Token], states: &mut [bool], mut at: usize) {
    loop {
        states[at] = true;
        match tokens.get(at) {
            Some(Token::SkipEnter) => {
                states[at + 1] = true;
                at += 2;
            }
            Some(token) if token.may_be_nothing() => at += 1,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &[u8]) -> bool {
        Glob::new(pattern.as_bytes()).unwrap().matches(path)
    }

    #[test]
    fn patterns_and_what_they_match() {
        for (pattern, yes, no) in [
            ("*.csv", &["a.csv", ".csv", "a.csv/below"][..], &["d/a.csv", "a.csvx"][..]),
            ("a?c", &["abc", "aéc"], &["a/c", "ac", "abbc"]),
            ("**/*.csv", &["a.csv", "d/e/a.csv"], &["a.txt"]),
            ("d/**", &["d/a", "d/e/f"], &["d", "de/a"]),
            ("d/**/x", &["d/x", "d/e/f/x"], &["dx", "d/ex"]),
            ("**", &["a", "a/b"], &[]),
            ("a**b", &["ab", "axxb"], &["a/b"]),
            ("[a-cx].txt", &["b.txt", "x.txt"], &["d.txt", "/.txt"]),
            ("[!a-c]", &["d", "é"], &["a", "/"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[а-я]?", &["жx"], &["zx"]),
            ("x.{csv,js{,on}}", &["x.csv", "x.js", "x.json"], &["x.", "x.{csv"]),
            (r"\*[*]", &["**"], &["ab"]),
            ("*a*a*a*a*a*b", &["aaaaaab"], &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
        ] {
            yes.iter().for_each(|path| assert!(fits(pattern, path.as_bytes()), "{pattern} {path}"));
            no.iter().for_each(|path| assert!(!fits(pattern, path.as_bytes()), "{pattern} {path}"));
        }
    }

    #[test]
    fn a_byte_that_is_no_text_counts_as_a_character() {
        assert!(fits("caf?", b"caf\xe9") && fits("caf?", "café".as_bytes()));
        assert!(!fits("caf??", "café".as_bytes()));
        assert!(fits("*.csv", b"\xff\xfe.csv") && fits("[!a]", b"\xff"));
        assert!(Glob::new(b"\xff*").unwrap().matches(b"\xffx"));
        assert!(!Glob::new(b"\xff*").unwrap().matches(b"\xfex"));
    }

    #[test]
    fn malformed_patterns() {
        for (pattern, error) in [
            ("[a", GlobError::OpenClass),
            ("{a", GlobError::OpenBrace),
            ("[z-a]", GlobError::BackwardRange),
            ("*\\", GlobError::DanglingEscape),
        ] {
            assert_eq!(Glob::new(pattern.as_bytes()), Err(error), "{pattern}");
        }
        let many = "{a,b,c,d,e,f,g,h,i,j}".repeat(4);
        assert_eq!(Glob::new(many.as_bytes()), Err(GlobError::TooMany));
    }
}
