//! External links: what a dataset knows of bytes that stay where they are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::BlobId;

/// Longest URL of a link, in bytes: a key of 1024 bytes, each of them escaped, behind the longest name of a host.
pub const MAX_LINK_URL_LEN: usize = 4096;

/// Longest ETag or version id, in bytes.
const MAX_TAG_LEN: usize = 1024;

/// Why a text is no URL of a link. Never repeats what may be secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of the link {0}")]
pub struct LinkUrlError(pub &'static str);

/// Where linked bytes are: `s3://BUCKET/KEY`, `gs://…`, `az://CONTAINER/KEY`, `abfss://CONTAINER@ACCOUNT…/KEY`,
/// `https://HOST/PATH`, `http://…` or `file:///PATH`.
///
/// It holds no user, no password and no query. Keys of buckets stand as they are, so that `?` and `#` in them are part of
/// the key; paths on web servers and on disks have `%` escapes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkUrl(String);

impl LinkUrl {
    /// Takes a URL that obeys the rules.
    ///
    /// # Errors
    /// When it breaks one.
    pub fn new(text: impl Into<String>) -> Result<Self, LinkUrlError> {
        let text = text.into();
        check(&text).map_err(LinkUrlError)?;
        Ok(Self(text))
    }

    /// The URL as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme, the host or bucket (empty for files), and what is behind it without the slash in front.
    pub fn parts(&self) -> (&str, &str, &str) {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        (scheme, authority, path)
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_LINK_URL_LEN {
        return Err("is longer than 4096 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("has a character that cannot be printed");
    }
    let (scheme, rest) = text.split_once("://").ok_or("has no scheme")?;
    let (authority, path) = rest.split_once('/').ok_or("names no object")?;
    if path.is_empty() || path.ends_with('/') {
        return Err("names a folder and no object");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("has a part between slashes that is empty, '.' or '..'");
    }
    let plain = |allowed: &str| authority.chars().all(|c| c.is_ascii_alphanumeric() || allowed.contains(c));
    match scheme {
        "file" if authority.is_empty() => {}
        "file" => return Err("names another machine"),
        "s3" | "gs" | "az" if !authority.is_empty() && plain(".-_$") => return Ok(()),
        "abfss" if authority.split('@').count() == 2 && plain(".-_$@") => return Ok(()),
        "http" | "https" if !authority.is_empty() && plain(".-_:[]") => {}
        "s3" | "gs" | "az" | "abfss" | "http" | "https" => {
            return Err("names a bucket or host that cannot exist, or carries a user name or password");
        }
        _ => return Err("has an unknown scheme"),
    }
    if path.contains(['?', '#']) { Err("has a query or a fragment ('?' or '#')") } else { Ok(()) }
}

impl fmt::Display for LinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for LinkUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LinkUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An ETag, a version id or a time, in the words of the store that gave it: printable, and not long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceTag(String);

impl SourceTag {
    /// Takes a text; `None` when it is empty, too long, or has characters that cannot be printed.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= MAX_TAG_LEN && !text.chars().any(char::is_control);
        fits.then_some(Self(text))
    }

    /// An ETag in the one form in which it is recorded: quoted, since some stores leave the quotes out in listings; a weak
    /// one as it is.
    pub fn etag(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.trim_matches('"');
        if bare.is_empty() {
            return None;
        }
        if text.starts_with("W/") { Self::new(text) } else { Self::new(format!("\"{bare}\"")) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a server may take two different texts for the same by this ETag.
    pub fn is_weak(&self) -> bool {
        self.0.starts_with("W/")
    }
}

impl fmt::Display for SourceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SourceTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SourceTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).ok_or_else(|| serde::de::Error::custom("an ETag, version or time that cannot be one"))
    }
}

/// Bytes that stay where they are: where that is, and what proves that they are still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalLink {
    /// The store's word for these bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<SourceTag>,
    /// When they were last written, by the store's clock; for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub modified: Option<SourceTag>,
    /// Their hash, where somebody has read them.
    #[serde(with = "blob_hex", skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<BlobId>,
    /// Their number.
    pub size: u64,
    /// Where they are.
    pub url: LinkUrl,
    /// The store's name for this state of the object, by which it is had even when a newer one is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<SourceTag>,
}

impl ExternalLink {
    /// Whether both stand for the same state of the same source, as far as is known: the time is for people alone, and a hash
    /// or a version that only one of them knows tells nothing.
    pub fn same_source(&self, other: &Self) -> bool {
        (&self.url, self.size, &self.etag) == (&other.url, other.size, &other.etag)
            && (self.etag.is_some() || self.modified == other.modified)
    }
}

/// Ids of blobs in JSON: 64 hexadecimal digits.
mod blob_hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::BlobId;

    pub(super) fn serialize<S: Serializer>(id: &Option<BlobId>, serializer: S) -> Result<S::Ok, S::Error> {
        id.map(|id| id.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<BlobId>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Some).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_may_stand_in_a_link() {
        for text in [
            "s3://bucket/key",
            "s3://my.bucket/a b/what?.txt#1",
            "gs://bucket_1/ü",
            "az://container/p/x",
            "abfss://c@acct.dfs.core.windows.net/p",
            "https://host/a%20b",
            "http://127.0.0.1:8080/x",
            "http://[::1]:80/x",
            "file:///srv/data%3F",
        ] {
            assert_eq!(LinkUrl::new(text).unwrap().as_str(), text);
        }
        let url = LinkUrl::new("s3://bucket/a/b").unwrap();
        assert_eq!(url.parts(), ("s3", "bucket", "a/b"));
    }

    #[test]
    fn hostile_urls_are_refused_and_not_repeated() {
        let long = format!("s3://b/{}", "hunter2".repeat(600));
        for text in [
            "",
            "hunter2",
            "s3://hunter2",
            "s3://bucket/hunter2/",
            "s3:///hunter2",
            "s3://user:hunter2@bucket/x",
            "https://user:hunter2@host/x",
            "https://host/x?sig=hunter2",
            "https://host/x#hunter2",
            "http:///hunter2",
            "file://host/hunter2",
            "file:///a/../hunter2",
            "s3://b/a//hunter2",
            "s3://b/hunter2\n",
            "ftp://host/hunter2",
            "abfss://a@b@c/hunter2",
            &long,
        ] {
            let error = LinkUrl::new(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn etags_have_one_form() {
        let form = |text: &str| SourceTag::etag(text).map(|tag| tag.as_str().to_owned());
        assert_eq!(form("\"abc\"").as_deref(), Some("\"abc\""));
        assert_eq!(form("0x8D").as_deref(), Some("\"0x8D\""));
        assert_eq!(form("W/\"abc\"").as_deref(), Some("W/\"abc\""));
        assert_eq!((form("\"\""), form("a\nb"), form(&"x".repeat(2000))), (None, None, None));
    }
}
