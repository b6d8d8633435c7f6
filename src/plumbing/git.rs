//! The git worktree around a dataset: which commit it is at, and what git is to pass over. Its files
//! are read; git is not run.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::model::{GitOrigin, RepoPath};
use crate::sys::{FileKind, Fs, IoContext, IoError, bytes_to_path, publish};

/// Most bytes of a file of git's that are looked at.
const MAX_FILE_LEN: usize = 16 * 1024 * 1024;
/// Symbolic refs followed before a circle is suspected.
const MAX_HOPS: usize = 5;

/// A git worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitWorktree {
    /// Its root.
    pub root: PathBuf,
    /// Where its `HEAD` is.
    git_dir: PathBuf,
    /// Where refs and configuration are; differs in a linked worktree.
    common_dir: PathBuf,
}

impl GitWorktree {
    /// The innermost git worktree that holds `start`; `None` when there is none or it cannot be read,
    /// since a dataset needs no git.
    pub fn find(fs: &dyn Fs, start: &Path) -> Option<Self> {
        start.ancestors().find_map(|root| Self::at(fs, root))
    }

    fn at(fs: &dyn Fs, root: &Path) -> Option<Self> {
        let dot_git = root.join(".git");
        let git_dir = match fs.stat(&dot_git).ok()?.kind {
            FileKind::Directory => dot_git,
            FileKind::File => {
                let text = read_text(fs, &dot_git)?;
                root.join(text.strip_prefix("gitdir:")?.trim())
            }
            FileKind::Symlink => fs.canonicalize(&dot_git).ok()?,
            FileKind::Other => return None,
        };
        read_text(fs, &git_dir.join("HEAD"))?;
        let common_dir = match read_text(fs, &git_dir.join("commondir")) {
            Some(text) => git_dir.join(text.trim()),
            None => git_dir.clone(),
        };
        Some(Self { root: root.to_owned(), git_dir, common_dir })
    }

    /// Commit, branch and remote; `None` when nothing is committed yet. Whether files are dirty is not
    /// asked here.
    pub fn origin(&self, fs: &dyn Fs) -> Option<GitOrigin> {
        let head = read_text(fs, &self.git_dir.join("HEAD"))?;
        let (commit, branch) = match head.trim().strip_prefix("ref:") {
            Some(name) => (self.resolve(fs, name.trim())?, name.trim().strip_prefix("refs/heads/")),
            None => (commit_id(&head)?, None),
        };
        let config = read_text(fs, &self.common_dir.join("config")).unwrap_or_default();
        let remote = remote_url(&config, "origin").map(|url| without_credentials(&url));
        Some(GitOrigin { commit, branch: branch.map(str::to_owned), dirty: None, remote })
    }

    fn resolve(&self, fs: &dyn Fs, name: &str) -> Option<String> {
        let mut name = name.to_owned();
        for _ in 0..MAX_HOPS {
            let plain = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
            if !plain {
                return None;
            }
            let Some(text) = read_text(fs, &self.common_dir.join(&name)) else {
                return self.packed_ref(fs, &name);
            };
            match text.trim().strip_prefix("ref:") {
                Some(next) => name = next.trim().to_owned(),
                None => return commit_id(&text),
            }
        }
        None
    }

    fn packed_ref(&self, fs: &dyn Fs, name: &str) -> Option<String> {
        let text = read_text(fs, &self.common_dir.join("packed-refs"))?;
        let found = text.lines().find_map(|line| line.split_once(' ').filter(|(_, of)| *of == name))?;
        commit_id(found.0)
    }
}

/// A whole file as text; `None` when it cannot be read or is no text.
fn read_text(fs: &dyn Fs, path: &Path) -> Option<String> {
    let mut file = fs.open(path).ok()?;
    let mut bytes = Vec::new();
    let mut buf = vec![0; 64 * 1024];
    while bytes.len() < MAX_FILE_LEN {
        match file.read(&mut buf).ok()? {
            0 => return String::from_utf8(bytes).ok(),
            n => bytes.extend_from_slice(&buf[..n]),
        }
    }
    None
}

/// The trimmed text if it is a SHA-1 or SHA-256.
fn commit_id(text: &str) -> Option<String> {
    let text = text.trim();
    let hex = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| text.to_owned())
}

/// The URL of a remote in git's configuration.
fn remote_url(config: &str, remote: &str) -> Option<String> {
    let section = format!("[remote \"{remote}\"]");
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == section;
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "url"
        {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

/// The URL without what may be secret: user information of web URLs, passwords, queries.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    // The user of ssh is part of the address; that of the web may be a token.
    let user = user.filter(|_| scheme.contains("ssh"));
    let user = user.map(|user| user.split(':').next().unwrap_or_default());
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let at = if user.is_some() { "@" } else { "" };
    format!("{scheme}://{}{at}{host}{path}", user.unwrap_or_default())
}

/// The file in the root of a dataset by which git is told to pass over what the dataset holds. Where dsv keeps it, it
/// is git's, and no data.
pub const GITIGNORE: &str = ".gitignore";

/// The `.gitignore` in the root of a dataset.
pub struct GitignoreFile {
    path: PathBuf,
    text: Vec<u8>,
    rules: ignore::gitignore::Gitignore,
}

impl GitignoreFile {
    /// Reads the one in `folder`; one that is not there is empty.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(fs: &dyn Fs, folder: &Path) -> Result<Self, IoError> {
        let path = folder.join(GITIGNORE);
        let text = match fs.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).at("read", &path),
        };
        let mut builder = ignore::gitignore::GitignoreBuilder::new("/");
        for line in String::from_utf8_lossy(&text).lines() {
            // A line that git would not understand either covers nothing.
            let _ = builder.add_line(None, line);
        }
        let rules = builder.build().unwrap_or_else(|_| ignore::gitignore::Gitignore::empty());
        Ok(Self { path, text, rules })
    }

    /// Whether a line speaks of the path or of a folder that holds it, be it by `!`: then a person has decided.
    pub fn decides(&self, path: &RepoPath, is_dir: bool) -> bool {
        // No line can name what the system cannot.
        let Ok(below) = bytes_to_path(path.as_bytes()) else { return true };
        !self.rules.matched_path_or_any_parents(Path::new("/").join(below), is_dir).is_none()
    }

    /// Adds lines for paths, each of which is a directory or not; what is decided already is not repeated. Returns the
    /// lines that were added.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(
        mut self,
        fs: &Arc<dyn Fs>,
        paths: &BTreeSet<(RepoPath, bool)>,
    ) -> Result<Vec<String>, IoError> {
        let new = paths.iter().filter(|(path, is_dir)| !self.decides(path, *is_dir));
        let added: Vec<String> = new.filter_map(|(path, is_dir)| pattern(path, *is_dir)).collect();
        if added.is_empty() {
            return Ok(added);
        }
        if !self.text.is_empty() && !self.text.ends_with(b"\n") {
            self.text.push(b'\n');
        }
        for line in &added {
            self.text.extend_from_slice(line.as_bytes());
            self.text.push(b'\n');
        }
        publish(fs, &self.path, &self.text)?;
        Ok(added)
    }
}

/// What lies in a folder and may be data.
///
/// # Errors
/// When the folder cannot be listed.
pub fn top_level(fs: &dyn Fs, folder: &Path) -> Result<Vec<(RepoPath, bool)>, IoError> {
    let entries = fs.list(folder).and_then(|folder| folder.entries()).at("list", folder)?;
    let data = entries.into_iter().filter(|(name, _)| {
        !matches!(
            name.as_slice(),
            b".git" | b".gitignore" | b".gitattributes" | b".gitmodules" | b".dsvignore"
        )
    });
    // `.dsv` is no valid path, and ignores itself.
    Ok(data
        .filter_map(|(name, kind)| Some((RepoPath::new(name).ok()?, kind == FileKind::Directory)))
        .collect())
}

/// The line for one path, anchored; `None` for a path that no line can express.
fn pattern(path: &RepoPath, is_dir: bool) -> Option<String> {
    let text = std::str::from_utf8(path.as_bytes()).ok().filter(|text| !text.contains(['\n', '\r']))?;
    let mut line = String::from("/");
    for c in text.chars() {
        match c {
            // In brackets, since not every reader of such files understands it before a slash.
            '\\' => line.push_str(r"[\\]"),
            '*' | '?' | '[' | ']' | '{' | '}' => line.extend(['\\', c]),
            c => line.push(c),
        }
    }
    if is_dir {
        line.push('/');
    } else if let Some(last) = text.chars().last().filter(|last| last.is_whitespace()) {
        // White space at the end of a line is cut off unless it is in brackets, which hold single bytes.
        if !last.is_ascii() {
            return None;
        }
        line.truncate(line.len() - last.len_utf8());
        line.extend(['[', last, ']']);
    }
    Some(line)
}

#[cfg(test)]
mod tests;
