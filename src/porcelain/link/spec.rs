//! What a person wants to link to.

use std::path::Path;

use super::LinkError;
use crate::model::{LinkUrl, LinkUrlError};
use crate::plumbing::host::{FileKind, Fs};
use crate::porcelain::pathspec::Glob;
use crate::porcelain::repository::lexical;
use crate::porcelain::{Error, Repository};
use crate::remote::{RemoteUrl, Scheme};

const FORMS: &str = "write s3://BUCKET/KEY, gs://…, az://CONTAINER/KEY, https://HOST/PATH or file:///PATH; a folder ends in '/'";
const QUERY: &str = "queries carry signatures, which run out and are secret: dsv takes credentials from the environment and the \
                     cloud's own files";
const SECRET: &str =
    "secrets belong into the environment or the files of the cloud's own tools, never into a URL";

/// What of a place is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// One object.
    One,
    /// All below a folder.
    Folder,
    /// What a pattern matches below a folder.
    Matching(Pattern),
}

/// A pattern of keys. Unlike one of paths it matches whole keys, as a shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    glob: Glob,
    /// Slashes in it; `None` when `**` matches any number.
    depth: Option<usize>,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, Error> {
        let bad = |source| Error::BadPattern { pattern: text.to_owned(), source };
        let glob = Glob::new(text.as_bytes()).map_err(bad)?;
        let depth = (!text.contains("**")).then(|| text.matches('/').count());
        Ok(Self { glob, depth })
    }

    /// Whether a key below the folder matches.
    pub(super) fn matches(&self, below: &str) -> bool {
        self.depth.is_none_or(|depth| depth == below.matches('/').count())
            && self.glob.matches(below.as_bytes())
    }

    /// Whether only what is right in the folder can match.
    pub(super) fn is_flat(&self) -> bool {
        self.depth == Some(0)
    }
}

/// What to link to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spec {
    /// As it is shown.
    pub(super) text: String,
    /// The bucket, server or disk.
    pub(super) place: RemoteUrl,
    /// The key of the object, or of the folder; empty for all of a bucket.
    pub(super) key: String,
    pub(super) what: What,
}

fn fail<T>(why: impl Into<String>, hint: &'static str) -> Result<T, Error> {
    Err(LinkError::Url { why: why.into(), hint }.into())
}

fn is_wild(part: &str) -> bool {
    part.contains(['*', '['])
}

impl Spec {
    /// Reads a URL, or the path of a file or folder.
    pub(super) fn parse(repo: &Repository, text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::of_path(repo.fs().as_ref(), &repo.env().cwd, text);
        };
        match scheme.to_ascii_lowercase().as_str() {
            "s3" | "s3a" => Self::of_bucket("s3", rest),
            "gs" | "gcs" => Self::of_bucket("gs", rest),
            "az" | "azure" => Self::of_bucket("az", rest),
            "abfs" | "abfss" => Self::of_bucket("abfss", rest),
            "file" => Self::of_file(rest),
            "http" | "https" => Self::of_web(text),
            _ => fail("has an unknown scheme", FORMS),
        }
    }

    fn of_bucket(scheme: &str, rest: &str) -> Result<Self, Error> {
        if rest.contains('?') {
            return fail("has a query ('?')", QUERY);
        }
        let (holder, path) = rest.split_once('/').unwrap_or((rest, ""));
        if holder.contains('@') && scheme != "abfss" {
            return fail("carries a user name or password", SECRET);
        }
        Self::of_parts(scheme, holder, path)
    }

    fn of_file(rest: &str) -> Result<Self, Error> {
        if rest.contains(['?', '#']) {
            return fail(
                "has a query or a fragment ('?' or '#')",
                "write %3F and %23 for these in file names",
            );
        }
        match rest.strip_prefix("localhost").unwrap_or(rest).strip_prefix('/') {
            Some(path) => Self::of_parts("file", "", path),
            None => {
                fail("names another machine or a relative path", "write file:///PATH, with three slashes")
            }
        }
    }

    fn of_web(text: &str) -> Result<Self, Error> {
        let Ok(url) = url::Url::parse(text) else { return fail("is malformed", FORMS) };
        if !url.username().is_empty() || url.password().is_some() {
            return fail("carries a user name or password", SECRET);
        }
        if url.query().is_some() {
            return fail("has a query ('?')", QUERY);
        }
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return fail("names no host", FORMS),
        };
        let path = url.path().trim_start_matches('/');
        if path.is_empty() || path.ends_with('/') || is_wild(path) {
            return fail(
                "names no single file of a web server",
                "web servers do not list what they have: give the URL of each file",
            );
        }
        Self::of_parts(url.scheme(), &host, path)
    }

    /// A path on this machine; a folder need not end in a slash.
    fn of_path(fs: &dyn Fs, cwd: &Path, text: &str) -> Result<Self, Error> {
        let absolute = lexical(&cwd.join(text));
        let Some(absolute) = absolute.to_str() else { return fail("is a path that is no Unicode", FORMS) };
        let key = absolute.replace(std::path::MAIN_SEPARATOR, "/");
        let mut key = key.trim_start_matches('/').to_owned();
        let stat = fs.stat(Path::new(absolute));
        if text.ends_with('/') || stat.is_ok_and(|stat| stat.kind == FileKind::Directory) {
            key.push('/');
        }
        let place = Self::place("file", "")?;
        Self::of_key(place, &key)
    }

    /// The holder, which must be one that a link can lead to.
    fn place(scheme: &str, holder: &str) -> Result<RemoteUrl, Error> {
        let url = |error: LinkUrlError| LinkError::Url { why: error.0.to_owned(), hint: FORMS };
        let probe = LinkUrl::new(format!("{scheme}://{holder}/x")).map_err(url)?;
        let (place, _) = RemoteUrl::of_link(&probe)
            .map_err(|error| LinkError::Url { why: error.why.clone(), hint: error.hint })?;
        Ok(place)
    }

    fn of_parts(scheme: &str, holder: &str, path: &str) -> Result<Self, Error> {
        let place = Self::place(scheme, holder)?;
        if place.scheme() != Scheme::File {
            return Self::of_key(place, path);
        }
        // Escapes are those of a URL; what they stand for is a name.
        let probe = format!("file:///{}", path.trim_end_matches('/'));
        if path.trim_end_matches('/').is_empty() {
            return Self::of_key(place, "");
        }
        let url =
            LinkUrl::new(probe).map_err(|error| LinkError::Url { why: error.0.to_owned(), hint: FORMS })?;
        let (_, mut key) = RemoteUrl::of_link(&url)
            .map_err(|error| LinkError::Url { why: error.why.clone(), hint: error.hint })?;
        if path.ends_with('/') {
            key.push('/');
        }
        Self::of_key(place, &key)
    }

    fn of_key(place: RemoteUrl, path: &str) -> Result<Self, Error> {
        let shown = place.to_string();
        let text = format!("{}/{path}", shown.strip_suffix('/').unwrap_or(&shown));
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let parts: Vec<&str> = trimmed.split('/').collect();
        if !trimmed.is_empty() && parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return fail("has a part between slashes that is empty, '.' or '..'", FORMS);
        }
        if let Some(at) = parts.iter().position(|part| is_wild(part)) {
            let mut pattern = parts[at..].join("/");
            // What is in the folders that match.
            if path.ends_with('/') {
                pattern.push_str("/**");
            }
            let (key, what) = (parts[..at].join("/"), What::Matching(Pattern::new(&pattern)?));
            return Ok(Self { text, place, key, what });
        }
        let what = if path.is_empty() || path.ends_with('/') { What::Folder } else { What::One };
        Ok(Self { text, place, key: trimmed.to_owned(), what })
    }

    /// The name that what is linked to has unless told: the last part that is no pattern.
    pub(super) fn name(&self) -> &str {
        let name = self.key.rsplit('/').next().unwrap_or_default();
        if name.is_empty() { self.place.bucket() } else { name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Spec, Error> {
        match text.split_once("://") {
            Some(("file", rest)) => Spec::of_file(rest),
            Some(("http" | "https", _)) => Spec::of_web(text),
            Some((scheme, rest)) => Spec::of_bucket(scheme, rest),
            None => Spec::of_path(&crate::plumbing::host::OsFs, Path::new("/nowhere"), text),
        }
    }

    #[test]
    fn objects_folders_and_patterns_are_told_apart() {
        for (text, place, key, name, what) in [
            ("s3://b/p/x.jpg", "s3://b", "p/x.jpg", "x.jpg", "one"),
            ("s3://b/p/", "s3://b", "p", "p", "folder"),
            ("gs://b", "gs://b", "", "b", "folder"),
            ("az://c/p/*.jpg", "az://c", "p", "p", "flat"),
            ("s3://b/p/**/*.jpg", "s3://b", "p", "p", "deep"),
            ("s3://b/*/", "s3://b", "", "b", "deep"),
            ("https://h:1/a%20b", "https://h:1", "a%20b", "a%20b", "one"),
            ("file:///srv/a%20b/", "file:///", "srv/a b", "a b", "folder"),
            ("data/x", "file:///", "nowhere/data/x", "x", "one"),
            ("../data/", "file:///", "data", "data", "folder"),
        ] {
            let spec = parse(text).unwrap();
            let found = match &spec.what {
                What::One => "one",
                What::Folder => "folder",
                What::Matching(pattern) if pattern.is_flat() => "flat",
                What::Matching(_) => "deep",
            };
            assert_eq!(
                (spec.place.to_string().as_str(), spec.key.as_str(), spec.name(), found),
                (place, key, name, what)
            );
        }
    }

    #[test]
    fn patterns_match_whole_keys() {
        let matches = |pattern: &str, key: &str| Pattern::new(pattern).unwrap().matches(key);
        assert!(matches("*.jpg", "a.jpg") && !matches("*.jpg", "d/a.jpg"));
        assert!(!matches("*", "d/a.jpg") && matches("*/*", "d/a.jpg"));
        assert!(matches("**/*.jpg", "a.jpg") && matches("**/*.jpg", "d/e/a.jpg"));
        assert!(matches("20*/**", "2024/a/b") && !matches("20*/**", "1999/a"));
    }

    #[test]
    fn secrets_are_refused_and_not_repeated() {
        for text in [
            "https://user:hunter2@host/x",
            "https://host/x?X-Amz-Signature=hunter2",
            "s3://key:hunter2@bucket/x",
            "s3://bucket/x?X-Amz-Signature=hunter2",
            "az://c/x?sig=hunter2",
            "abfss://c:hunter2@acct.dfs.core.windows.net/x",
            "file://hunter2/x",
            "http://host/",
            "https://host/*.jpg",
            "s3://b/a/../x",
            "s3:///x",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"), "{error:?}");
        }
    }
}
