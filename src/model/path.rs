//! Names and paths inside a dataset: bytes, checked once, then trusted.

use std::borrow::Borrow;
use std::fmt;

use bstr::{BString, ByteSlice};

/// Longest name of one entry, in bytes.
pub const MAX_NAME_LEN: usize = 1024;
/// Longest path, in bytes.
pub const MAX_PATH_LEN: usize = 16 * 1024;
/// Most directories that may lie inside each other.
pub const MAX_DEPTH: usize = 1024;

/// How the name of every temporary file begins.
pub const TEMP_PREFIX: &str = ".tmp-dsv-";

/// Why bytes are no name or path of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A component is empty (`a//b`, a leading or a trailing slash).
    #[error("'{0}' has an empty component")]
    Empty(String),
    /// `.`, `..`, a repository, a temporary file, or bytes that no file name may have.
    #[error("'{0}' is not allowed as a name in a dataset")]
    Forbidden(String),
    /// Too many bytes or too deep.
    #[error("'{0}…' is too long ({1} bytes) or too deep")]
    TooLong(String, usize),
}

/// The name of one entry in a directory: bytes without `/` and NUL, not `.` or `..`, not that of a
/// repository, dsv's or git's, nor of a [temporary file](is_temp_name).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryName(BString);

impl EntryName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// When it could escape the worktree or cannot be a file name.
    pub fn new(name: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let name = name.into();
        check_name(&name)?;
        Ok(Self(BString::from(name)))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for EntryName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote_path(&self.0))
    }
}

/// A path inside a dataset: names joined by `/`; the empty path is the root.
///
/// Ordered by bytes, `/` included, as the formats demand.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(BString);

impl RepoPath {
    /// The root of the dataset.
    pub const fn root() -> Self {
        Self(BString::new(Vec::new()))
    }

    /// Checks and takes a path; the empty one is the root.
    ///
    /// # Errors
    /// When a component is no [`EntryName`], or the whole is too long or too deep.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let path = path.into();
        if path.is_empty() {
            return Ok(Self::root());
        }
        if path.len() > MAX_PATH_LEN || path.iter().filter(|&&b| b == b'/').count() >= MAX_DEPTH {
            return Err(PathError::TooLong(quote_path(&path[..path.len().min(80)]), path.len()));
        }
        path.split(|&b| b == b'/').try_for_each(check_name)?;
        Ok(Self(BString::from(path)))
    }

    /// The bytes, without a leading or trailing slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path with one more name.
    #[must_use]
    pub fn join(&self, name: &EntryName) -> Self {
        self.join_bytes(name.as_bytes())
    }

    /// This path with another one below it.
    #[must_use]
    pub fn join_path(&self, below: &Self) -> Self {
        if below.is_root() { self.clone() } else { self.join_bytes(&below.0) }
    }

    fn join_bytes(&self, below: &[u8]) -> Self {
        let mut joined = Vec::with_capacity(self.0.len() + 1 + below.len());
        if !self.is_root() {
            joined.extend_from_slice(&self.0);
            joined.push(b'/');
        }
        joined.extend_from_slice(below);
        Self(BString::from(joined))
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind_byte(b'/').unwrap_or(0);
        Some(Self(BString::from(&self.0[..end])))
    }

    /// This path and the directories that hold it, the innermost first; without the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent).take_while(|path| !path.is_root())
    }

    /// The last component; `None` for the root.
    pub fn name(&self) -> Option<EntryName> {
        if self.is_root() {
            return None;
        }
        let start = self.0.rfind_byte(b'/').map_or(0, |at| at + 1);
        Some(EntryName(BString::from(&self.0[start..])))
    }

    /// The components in order.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = EntryName> + '_ {
        self.0.split(|&b| b == b'/').filter(|c| !c.is_empty()).map(|c| EntryName(BString::from(c)))
    }

    /// Whether this path is `ancestor` or lies below it.
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self.0.strip_prefix(ancestor.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }

    /// The part below `ancestor`; `None` when this path does not lie there.
    pub fn strip_prefix(&self, ancestor: &Self) -> Option<Self> {
        if ancestor.is_root() {
            return Some(self.clone());
        }
        match self.0.strip_prefix(ancestor.as_bytes())? {
            [] => Some(Self::root()),
            [b'/', rest @ ..] => Some(Self(BString::from(rest))),
            _ => None,
        }
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// For people: quoted as git does when a byte is no printable UTF-8.
impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote_path(&self.0))
    }
}

impl From<EntryName> for RepoPath {
    fn from(name: EntryName) -> Self {
        Self(name.0)
    }
}

fn check_name(name: &[u8]) -> Result<(), PathError> {
    if name.is_empty() {
        return Err(PathError::Empty(String::new()));
    }
    if name.len() > MAX_NAME_LEN {
        return Err(PathError::TooLong(quote_path(&name[..80]), name.len()));
    }
    let forbidden = matches!(name, b"." | b"..")
        || is_repository(name)
        || is_temp_name(name)
        || name.iter().any(|b| matches!(b, b'/' | 0))
        || (cfg!(windows) && forbidden_on_windows(name));
    if forbidden { Err(PathError::Forbidden(quote_path(name))) } else { Ok(()) }
}

/// Whether a file or directory of this name is never data, and is passed over without a word: a repository,
/// dsv's or git's, or what an interrupted write left.
pub fn is_never_data(name: &[u8]) -> bool {
    matches!(name, b".dsv" | b".git") || is_temp_name(name)
}

/// Whether a name is that of a repository in any case. On a file system that folds case it would be the
/// repository itself, and a version that came from elsewhere could put into it what is run later.
fn is_repository(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".dsv") || name.eq_ignore_ascii_case(b".git")
}

/// Whether a file of this name was left by a publication that did not end, and can be removed when
/// nobody is at work.
///
/// Only the exact shape that writers make counts, so that nobody's own file is taken for one.
pub fn is_temp_name(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(TEMP_PREFIX.as_bytes()) else { return false };
    let mut parts = rest.split(|&b| b == b'-');
    let mut part =
        |allowed: fn(&u8) -> bool| parts.next().is_some_and(|p| !p.is_empty() && p.iter().all(allowed));
    let pid = part(u8::is_ascii_digit);
    let nonce = part(u8::is_ascii_hexdigit);
    let counter = part(u8::is_ascii_digit);
    pid && nonce && counter && parts.next().is_none()
}

/// Names that Windows gives a meaning of its own or silently changes; among them the short ones that it
/// makes for repositories.
fn forbidden_on_windows(name: &[u8]) -> bool {
    const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
    let stem = name.split(|&b| b == b'.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = stem.len() == 4
        && (stem.starts_with(b"COM") || stem.starts_with(b"LPT"))
        && (b'1'..=b'9').contains(&stem[3]);
    name.iter().any(|b| *b < 0x20 || br#"<>:"\|?*"#.contains(b))
        || matches!(name.last(), Some(b'.' | b' '))
        || numbered
        || name.eq_ignore_ascii_case(b"git~1")
        || name.eq_ignore_ascii_case(b"dsv~1")
        || DEVICES.iter().any(|d| d.as_bytes() == stem)
}

/// The text shown for a path: as it is, or in C quotes with octal escapes when it has control
/// characters, quotes, backslashes or bytes that are not UTF-8 (git's `core.quotePath` form).
pub fn quote_path(path: &[u8]) -> String {
    let plain =
        path.to_str().is_ok_and(|text| !text.chars().any(|c| c.is_control() || c == '"' || c == '\\'));
    if plain {
        return String::from_utf8_lossy(path).into_owned();
    }
    let mut out = String::from("\"");
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                c if c.is_control() => {
                    let mut utf8 = [0; 4];
                    for b in c.encode_utf8(&mut utf8).bytes() {
                        out.push_str(&format!("\\{b:03o}"));
                    }
                }
                c => out.push(c),
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\{b:03o}"));
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_escape_are_refused() {
        for bad in ["", ".", "..", ".dsv", ".DSV", ".git", ".Git", ".tmp-dsv-1-ab-2", "a/b", "a\0b"] {
            assert!(EntryName::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["/a", "a/", "a//b", "../a", "a/../b", "a/.dsv/b", ".git/hooks/pre-commit", "a/.GIT"] {
            assert!(RepoPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(RepoPath::new("a/.dsvignore/.gitignore/.git-x/.tmp-dsv-notes/..b/...").is_ok());
        assert!(RepoPath::new("x/".repeat(MAX_DEPTH) + "x").is_err());
    }

    #[test]
    fn family() {
        let path = RepoPath::new("a/b/c").unwrap();
        assert_eq!(path.parent().unwrap(), RepoPath::new("a/b").unwrap());
        assert_eq!(path.name().unwrap().as_bytes(), b"c");
        assert!(path.starts_with(&RepoPath::new("a").unwrap()));
        assert!(!RepoPath::new("ab").unwrap().starts_with(&RepoPath::new("a").unwrap()));
        assert_eq!(path.strip_prefix(&RepoPath::new("a").unwrap()).unwrap(), RepoPath::new("b/c").unwrap());
        assert_eq!(RepoPath::root().join(&EntryName::new("x").unwrap()).to_string(), "x");
        assert_eq!(path.components().count(), 3);
        assert_eq!(RepoPath::root().components().count(), 0);
        assert_eq!(RepoPath::root().parent(), None);
        let ancestors: Vec<_> = path.ancestors().map(|at| at.to_string()).collect();
        assert_eq!(ancestors, ["a/b/c", "a/b", "a"]);
        assert_eq!(RepoPath::root().ancestors().count(), 0);
    }

    #[test]
    fn odd_bytes_are_quoted() {
        assert_eq!(quote_path("grün.csv".as_bytes()), "grün.csv");
        assert_eq!(quote_path(b"a\nb\xff\"\\"), r#""a\nb\377\"\\""#);
    }
}
