//! What can go wrong with a remote.

use crate::model::{ErrorKind, Interrupted};

use super::cause::{Break, Cause};
use super::url::{RemoteUrl, Scheme, UrlError};

/// What was being done to a remote, as a verb in the infinitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Reading an object, or a part of it.
    Read,
    /// Writing an object.
    Write,
    /// Listing objects.
    List,
    /// Removing an object.
    Delete,
}

impl Action {
    /// The verb.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }

    /// The permissions of S3, Google and Azure that it takes.
    const fn permission(self, scheme: Scheme) -> &'static str {
        match (scheme, self) {
            (Scheme::S3, Self::Read) => "s3:GetObject (and s3:ListBucket, to tell what is missing)",
            (Scheme::S3, Self::Write) => "s3:PutObject",
            (Scheme::S3, Self::List) => "s3:ListBucket",
            (Scheme::S3, Self::Delete) => "s3:DeleteObject",
            (Scheme::Gcs, Self::Read) => "storage.objects.get",
            (Scheme::Gcs, Self::Write) => "storage.objects.create (and storage.objects.delete, to overwrite)",
            (Scheme::Gcs, Self::List) => "storage.objects.list",
            (Scheme::Gcs, Self::Delete) => "storage.objects.delete",
            (Scheme::Azure, Self::Read | Self::List) => "the role Storage Blob Data Reader",
            (Scheme::Azure, Self::Write | Self::Delete) => "the role Storage Blob Data Contributor",
            (Scheme::File, Self::Read | Self::List) => "to read in that folder",
            (Scheme::File, Self::Write | Self::Delete) => "to write in that folder",
            (Scheme::Https | Scheme::Http, _) => "a server that lets everybody read there",
        }
    }
}

/// A failure of a remote. Says where and what; never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The URL makes no sense.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The operation was ended from outside.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// What is configured for the remote, or found in the environment, makes no sense or is not enough.
    #[error("'{url}' cannot be used as it is configured: {why}")]
    Configuration {
        /// The remote.
        url: RemoteUrl,
        /// What is missing or wrong.
        why: String,
    },
    /// There are no credentials, or the remote does not accept those that there are.
    #[error("no valid credentials for '{url}'")]
    Credentials {
        /// The remote.
        url: RemoteUrl,
        /// Why they are not valid.
        #[source]
        source: Cause,
    },
    /// The credentials are valid and do not allow this.
    #[error("not allowed to {} '{key}' on '{url}'", action.as_str())]
    Denied {
        /// The remote.
        url: RemoteUrl,
        /// The key, or what the listed keys begin with.
        key: String,
        /// What was tried.
        action: Action,
        /// What was answered.
        #[source]
        source: Cause,
    },
    /// The bucket or container does not exist.
    #[error("there is no {} '{}'", url.scheme().holder(), url.bucket())]
    NoBucket {
        /// The remote.
        url: RemoteUrl,
        /// What was answered.
        #[source]
        source: Cause,
    },
    /// The bucket is in another region.
    #[error("'{url}' is not in the region that it was looked for in{}", told(region))]
    WrongRegion {
        /// The remote.
        url: RemoteUrl,
        /// The region that it is in, if the server told.
        region: Option<String>,
        /// What was answered.
        #[source]
        source: Cause,
    },
    /// The clock of this machine is wrong.
    #[error("'{url}' refuses requests from a machine whose clock is wrong")]
    ClockSkew {
        /// The remote.
        url: RemoteUrl,
        /// What was answered.
        #[source]
        source: Cause,
    },
    /// No connection can be made.
    #[error("'{url}' cannot be reached{}", at(endpoint))]
    Unreachable {
        /// The remote.
        url: RemoteUrl,
        /// The address of the server, where it was given.
        endpoint: Option<String>,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A transfer stalled or was cut, and trying again did not help.
    #[error("the connection to '{url}' failed when asked to {} '{key}'", action.as_str())]
    Broken {
        /// The remote.
        url: RemoteUrl,
        /// The key, or what the listed keys begin with.
        key: String,
        /// What was tried.
        action: Action,
        /// How it broke.
        #[source]
        source: Cause,
    },
    /// The remote is overloaded or out of order for longer than is waited for.
    #[error("'{url}' is overloaded or out of order")]
    Busy {
        /// The remote.
        url: RemoteUrl,
        /// What was answered.
        #[source]
        source: Cause,
    },
    /// The remote cannot create an object only if it is absent.
    #[error("'{url}' does not support creating an object only if it is absent")]
    NoConditionalPut {
        /// The remote.
        url: RemoteUrl,
        /// What was answered.
        #[source]
        source: Cause,
    },
    /// An object is longer than it can be.
    #[error("'{key}' on '{url}' has {len} bytes, more than the {max} that it can have")]
    TooLong {
        /// The remote.
        url: RemoteUrl,
        /// The key.
        key: String,
        /// Its length in bytes.
        len: u64,
        /// The largest length in bytes.
        max: u64,
    },
    /// Fewer or more bytes came than were asked for.
    #[error("'{key}' on '{url}' gave {found} bytes of {expected}")]
    WrongLength {
        /// The remote.
        url: RemoteUrl,
        /// The key.
        key: String,
        /// Number of bytes that were asked for.
        expected: u64,
        /// Number of bytes that came.
        found: u64,
    },
    /// A key cannot be used.
    #[error("'{key}' is no key of a remote")]
    BadKey {
        /// The key.
        key: String,
    },
    /// A failure of any other kind.
    #[error("cannot {} '{key}' on '{url}'", action.as_str())]
    Other {
        /// The remote.
        url: RemoteUrl,
        /// The key, or what the listed keys begin with.
        key: String,
        /// What was tried.
        action: Action,
        /// Why it failed.
        #[source]
        source: Cause,
    },
}

fn told(region: &Option<String>) -> String {
    region.as_ref().map_or_else(String::new, |region| format!(": it is in '{region}'"))
}

fn at(endpoint: &Option<String>) -> String {
    endpoint.as_ref().map_or_else(String::new, |endpoint| format!(" at {endpoint}"))
}

impl RemoteError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Url(_) => ErrorKind::Usage,
            Self::Interrupted(_) => ErrorKind::Interrupted,
            Self::Credentials { .. } | Self::Denied { .. } | Self::ClockSkew { .. } => {
                ErrorKind::RemoteDenied
            }
            Self::NoBucket { .. } => ErrorKind::RemoteNotFound,
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Busy { .. } => {
                ErrorKind::RemoteUnreachable
            }
            Self::Configuration { .. }
            | Self::WrongRegion { .. }
            | Self::NoConditionalPut { .. }
            | Self::TooLong { .. }
            | Self::WrongLength { .. }
            | Self::BadKey { .. }
            | Self::Other { .. } => ErrorKind::Remote,
        }
    }

    /// What the person can do next, when there is something.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Url(error) => error.hint.to_owned(),
            Self::Credentials { url, .. } => credentials_hint(url.scheme()).to_owned(),
            Self::Denied { url, action, .. } => format!("it takes {}", action.permission(url.scheme())),
            Self::NoBucket { url, .. } => {
                format!("check the spelling, or make the {}; dsv makes none", url.scheme().holder())
            }
            Self::WrongRegion { region: Some(region), .. } => format!("set the remote's region to {region}"),
            Self::WrongRegion { region: None, .. } => "set the remote's region, or AWS_REGION".to_owned(),
            Self::ClockSkew { .. } => "set the clock of this machine".to_owned(),
            Self::Unreachable { source, .. } => unreachable_hint(source).to_owned(),
            Self::Broken { .. } | Self::Busy { .. } => "run it again: what was transferred is kept".to_owned(),
            Self::NoConditionalPut { .. } => {
                "concurrent pushes could overwrite each other there; docs/remotes.md lists servers that support it"
                    .to_owned()
            }
            Self::Interrupted(_)
            | Self::Configuration { .. }
            | Self::TooLong { .. }
            | Self::WrongLength { .. }
            | Self::BadKey { .. }
            | Self::Other { .. } => return None,
        };
        Some(text)
    }
}

const fn credentials_hint(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => {
            "log in with the cloud's own tool ('aws configure' or 'aws sso login'), name a profile, or set \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        }
        Scheme::Gcs => {
            "log in with 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to a file of keys"
        }
        Scheme::Azure => {
            "log in with 'az login', or set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY \
             (or AZURE_STORAGE_SAS_TOKEN)"
        }
        Scheme::File => "see who owns the folder",
        Scheme::Https | Scheme::Http => {
            "dsv sends no passwords to web servers; bring the file here and 'dsv add' it"
        }
    }
}

fn unreachable_hint(source: &Cause) -> &'static str {
    match source {
        Cause::Transport(broken) if broken.how == Break::Tls => {
            "set SSL_CERT_FILE, or the remote's certificate, to the file of the authority that signed the server's"
        }
        Cause::Transport(broken) if broken.how == Break::Refused => {
            "is the server running, and is the endpoint's port right?"
        }
        _ => "check the endpoint and the network; behind a proxy, set HTTPS_PROXY",
    }
}
