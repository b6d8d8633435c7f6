//! Where a remote is.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::model::{LinkUrl, LinkUrlError};

/// What kind of service a remote is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Amazon S3, or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A folder of this machine, or one that is mounted.
    File,
    /// A web server. It holds sources of external links; no remote can be there.
    Https,
    /// A web server that is spoken to in the clear.
    Http,
}

impl Scheme {
    /// The scheme as dsv writes it: `s3`, `gs`, `az` or `file`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
            Self::File => "file",
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// What people call the thing that holds the objects: `bucket`, `container` or `folder`.
    pub const fn holder(self) -> &'static str {
        match self {
            Self::S3 | Self::Gcs => "bucket",
            Self::Azure => "container",
            Self::File => "folder",
            Self::Https | Self::Http => "server",
        }
    }
}

/// Why a text is no URL of a remote. Never repeats what may be secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of the remote {why}")]
pub struct UrlError {
    /// What is wrong with it.
    pub why: String,
    /// What to write instead.
    pub hint: &'static str,
}

const FORMS: &str = "write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///FOLDER, or the path of a folder";
const SECRETS: &str =
    "secrets belong into the environment or the files of the cloud's own tools, never into a URL";
const ABFS_HOST: &str = ".dfs.core.windows.net";

/// The place of a remote: a service, a bucket of it, and what all keys there begin with.
///
/// It never holds credentials, so that it can be shown, stored and sent.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    scheme: Scheme,
    /// Empty for folders.
    bucket: String,
    /// Without a slash at either end; of a folder its absolute path without what is in front of it.
    prefix: String,
    /// The storage account, where the URL names one.
    account: Option<String>,
}

impl RemoteUrl {
    /// Reads a URL, or the path of a folder, which is taken as relative to `cwd`.
    ///
    /// # Errors
    /// When the text is neither, or when it carries a password or a query, which may be secret.
    pub fn parse(text: &str, cwd: &Path) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(fail("is empty", FORMS));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::of_folder(&cwd.join(text));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "s3" | "s3a" => Self::of_bucket(Scheme::S3, rest),
            "gs" | "gcs" => Self::of_bucket(Scheme::Gcs, rest),
            "az" | "azure" => Self::of_bucket(Scheme::Azure, rest),
            "abfs" | "abfss" => Self::of_abfs(rest),
            "file" => Self::of_file_url(rest),
            "http" | "https" => Err(fail(
                "is an address of the web",
                "write s3://BUCKET/PREFIX (or gs://, az://) and give the address of the server as the remote's endpoint",
            )),
            _ => Err(fail("has an unknown scheme", FORMS)),
        }
    }

    /// A folder by its absolute path. `.` and `..` are resolved by their text alone.
    ///
    /// # Errors
    /// When the path is relative, or is no Unicode.
    pub fn of_folder(path: &Path) -> Result<Self, UrlError> {
        let mut clean = PathBuf::new();
        for component in path.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    clean.pop();
                }
                other => clean.push(other),
            }
        }
        if !clean.is_absolute() {
            return Err(fail("is a relative path", FORMS));
        }
        let text = clean.to_str().ok_or_else(|| fail("is a path that is no Unicode", FORMS))?;
        let prefix = text.replace(std::path::MAIN_SEPARATOR, "/").trim_matches('/').to_owned();
        check_prefix(&prefix)?;
        Ok(Self { scheme: Scheme::File, bucket: String::new(), prefix, account: None })
    }

    fn of_bucket(scheme: Scheme, rest: &str) -> Result<Self, UrlError> {
        check_no_secrets(rest)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err(fail("carries a user name or password", SECRETS));
        }
        Self::with_parts(scheme, bucket, prefix, None)
    }

    fn of_abfs(rest: &str) -> Result<Self, UrlError> {
        check_no_secrets(rest)?;
        let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let form = || fail("does not name container and account", FORMS);
        let (container, host) = authority.split_once('@').ok_or_else(form)?;
        let account = host.strip_suffix(ABFS_HOST).ok_or_else(form)?;
        let is_account = !account.is_empty() && account.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_account {
            return Err(form());
        }
        Self::with_parts(Scheme::Azure, container, prefix, Some(account.to_owned()))
    }

    fn with_parts(
        scheme: Scheme,
        bucket: &str,
        prefix: &str,
        account: Option<String>,
    ) -> Result<Self, UrlError> {
        check_bucket(scheme, bucket)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        check_prefix(prefix)?;
        Ok(Self { scheme, bucket: bucket.to_owned(), prefix: prefix.to_owned(), account })
    }

    fn of_file_url(rest: &str) -> Result<Self, UrlError> {
        check_no_secrets(rest)?;
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(fail(
                "names another machine or a relative path",
                "write file:///FOLDER, with three slashes",
            ));
        }
        let bytes: Vec<u8> = percent_decode(path);
        let path = String::from_utf8(bytes).map_err(|_| fail("is a path that is no Unicode", FORMS))?;
        // `file:///C:/data` is the folder `C:/data`.
        let path = if cfg!(windows) { path.trim_start_matches('/').to_owned() } else { path };
        Self::of_folder(Path::new(&path))
    }

    /// What holds the bytes of a link, whole, and their key there.
    ///
    /// # Errors
    /// When the URL names a bucket that cannot exist, or a path that is no Unicode.
    pub fn of_link(url: &LinkUrl) -> Result<(Self, String), UrlError> {
        let (scheme, holder, path) = url.parts();
        let of_bucket = |scheme| {
            let url = Self::with_parts(scheme, holder, "", None)?;
            Ok((url, path.to_owned()))
        };
        match scheme {
            "s3" => of_bucket(Scheme::S3),
            "gs" => of_bucket(Scheme::Gcs),
            "az" => of_bucket(Scheme::Azure),
            "abfss" => Ok((Self::of_abfs(holder)?, path.to_owned())),
            "https" | "http" => {
                let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
                let url = Self { scheme, bucket: holder.to_owned(), prefix: String::new(), account: None };
                Ok((url, path.to_owned()))
            }
            _ => {
                let key = String::from_utf8(percent_decode(path))
                    .map_err(|_| fail("is a path that is no Unicode", FORMS))?;
                let url = Self {
                    scheme: Scheme::File,
                    bucket: String::new(),
                    prefix: String::new(),
                    account: None,
                };
                Ok((url, key))
            }
        }
    }

    /// The URL of a link to an object of what [`Self::of_link`] gave.
    ///
    /// # Errors
    /// When no link can lead there.
    pub fn link_to(&self, key: &str) -> Result<LinkUrl, LinkUrlError> {
        let base = self.to_string();
        let base = base.strip_suffix('/').unwrap_or(&base);
        let key = if self.scheme == Scheme::File { percent_encode(key) } else { key.to_owned() };
        let base = if self.scheme == Scheme::File { "file://" } else { base };
        LinkUrl::new(format!("{base}/{key}"))
    }

    /// The kind of service.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket or container; empty for a folder.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What all keys begin with, without a slash at either end. Of a folder, its absolute path without the
    /// slash in front.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The storage account, where the URL names one.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.scheme, &self.account) {
            (Scheme::File, _) => return write!(f, "file:///{}", percent_encode(&self.prefix)),
            (_, Some(account)) => write!(f, "abfss://{}@{account}{ABFS_HOST}", self.bucket)?,
            (scheme, None) => write!(f, "{}://{}", scheme.as_str(), self.bucket)?,
        }
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({self})")
    }
}

fn fail(why: impl Into<String>, hint: &'static str) -> UrlError {
    UrlError { why: why.into(), hint }
}

/// Queries carry signatures and tokens, fragments nothing that a remote knows.
fn check_no_secrets(rest: &str) -> Result<(), UrlError> {
    if rest.contains(['?', '#']) {
        Err(fail("has a query or a fragment ('?' or '#')", SECRETS))
    } else {
        Ok(())
    }
}

fn check_bucket(scheme: Scheme, bucket: &str) -> Result<(), UrlError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'$');
    if bucket.is_empty() {
        return Err(fail(format!("names no {}", scheme.holder()), FORMS));
    }
    if bucket.contains([':', '@']) {
        return Err(fail("carries a port, a user name or a password", SECRETS));
    }
    if !bucket.bytes().all(allowed) || bucket.len() > 255 {
        return Err(fail(
            format!("names a {} that cannot exist", scheme.holder()),
            "letters, digits, '-', '.' and '_' are allowed there",
        ));
    }
    Ok(())
}

fn check_prefix(prefix: &str) -> Result<(), UrlError> {
    if prefix.is_empty() {
        return Ok(());
    }
    let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(char::is_control);
    if prefix.split('/').any(bad) || object_store::path::Path::parse(prefix).is_err() {
        return Err(fail("has a part between slashes that is empty, '.', '..' or unprintable", FORMS));
    }
    Ok(())
}

/// `%41` becomes `A`; what is no such triple stays.
fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match digits
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u8::from_str_radix(d, 16).ok())
        {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// Only what would be read as something else.
fn percent_encode(text: &str) -> String {
    text.replace('%', "%25").replace('?', "%3F").replace('#', "%23").replace('\\', "%5C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<RemoteUrl, UrlError> {
        RemoteUrl::parse(text, Path::new("/work/here"))
    }

    #[test]
    fn urls_have_one_spelling() {
        for (text, shown) in [
            ("s3://bucket", "s3://bucket"),
            ("S3://bucket/", "s3://bucket"),
            ("s3://my.bucket/a/b/", "s3://my.bucket/a/b"),
            ("gs://bucket_1/data sets", "gs://bucket_1/data sets"),
            ("az://container/p", "az://container/p"),
            ("azure://container/p", "az://container/p"),
            ("abfs://c@acct.dfs.core.windows.net/p", "abfss://c@acct.dfs.core.windows.net/p"),
            ("file:///srv/data%20x/", "file:///srv/data x"),
            ("file://localhost/srv", "file:///srv"),
            ("/srv/100%/#1", "file:///srv/100%25/%231"),
            ("../there/./x", "file:///work/there/x"),
            ("mirror", "file:///work/here/mirror"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_remote_is_refused() {
        for text in [
            "",
            "s3://",
            "s3:///prefix",
            "s3://bucket//x",
            "s3://bucket/a/../b",
            "s3://bucket/a\nb",
            "s3://bucket:9000/x",
            "https://bucket.s3.amazonaws.com/x",
            "ftp://host/x",
            "file://host/share",
            "file://relative",
            "abfss://c@acct.example.com/p",
            "abfss://c/p",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_refused_and_not_repeated() {
        for text in [
            "s3://AKIA:hunter2@bucket/x",
            "s3://bucket/x?sig=hunter2",
            "az://container?sv=1&sig=hunter2",
            "https://user:hunter2@host/x",
            "hunter2://x",
            "file://user:hunter2@host/x",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn links_lead_to_a_key_and_back() {
        for (text, holder, key) in [
            ("s3://bucket/a/b?c#d", "s3://bucket", "a/b?c#d"),
            ("gs://bucket/100%25", "gs://bucket", "100%25"),
            ("az://container/x", "az://container", "x"),
            ("abfss://c@acct.dfs.core.windows.net/p/x", "abfss://c@acct.dfs.core.windows.net", "p/x"),
            ("https://host:8443/a%20b", "https://host:8443", "a%20b"),
            ("http://localhost/x", "http://localhost", "x"),
            ("file:///srv/100%25/x%3F", "file:///", "srv/100%/x?"),
        ] {
            let url = LinkUrl::new(text).unwrap();
            let (place, found) = RemoteUrl::of_link(&url).unwrap();
            assert_eq!((place.to_string().as_str(), found.as_str()), (holder, key));
            assert_eq!(place.link_to(&found).unwrap(), url);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_shown_parses_back(text in "(s3://|gs://|az://|file:///|/|)[a-zA-Z0-9%#?@ :._~\\\\/-]{0,30}") {
            if let Ok(url) = parse(&text) {
                prop_assert_eq!(parse(&url.to_string()).unwrap(), url);
            }
        }
    }
}
