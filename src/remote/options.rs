//! How to reach a remote: everything that the faces know, as values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How to reach a remote. What is `None` is taken from [`variables`](Self::variables), and after that from the files
/// of the cloud's own tools.
#[derive(Clone)]
pub struct RemoteOptions {
    /// The variables of the environment that a face read: `AWS_*`, `GOOGLE_*`, `STORAGE_EMULATOR_HOST`, `AZURE_*`,
    /// `HTTPS_PROXY`, `SSL_CERT_FILE` and so on. Others are not looked at.
    pub variables: BTreeMap<String, String>,
    /// The folder in which the files of the cloud's tools are looked for, such as `.aws/config`.
    pub home: Option<PathBuf>,
    /// The address of the server, `http://127.0.0.1:9000`, where it is not the cloud's own.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// The profile of the shared AWS files.
    pub profile: Option<String>,
    /// Whether to send requests unencrypted. `None` allows it to this machine only.
    pub allow_http: Option<bool>,
    /// A file of certificates, as PEM, that are trusted beside the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Whether the bucket stands in the path of S3 requests and not in the name of the host. `None` does so with
    /// every endpoint but the cloud's own.
    pub path_style: Option<bool>,
    /// Whether S3 is sent a checksum header besides the signed SHA-256 of each body, which it keeps with the object.
    /// Off unless told: some servers that speak S3's protocol refuse the header.
    pub checksum_header: Option<bool>,
    /// Requests that a transfer has on their way at once, at least 1; see [`super::Client::connections`].
    pub connections: usize,
    /// Longest time for a connection to be made.
    pub connect_timeout: Duration,
    /// Longest time in which no byte moves in either direction.
    pub idle_timeout: Duration,
    /// How often a request that failed in a way that may pass is sent again.
    pub retries: u32,
    /// No request is sent again when this much time has passed since the first one.
    pub retry_budget: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            home: None,
            endpoint: None,
            region: None,
            profile: None,
            allow_http: None,
            ca_certificate: None,
            path_style: None,
            checksum_header: None,
            connections: 8,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(15),
            retries: 3,
            retry_budget: Duration::from_secs(20),
        }
    }
}

impl RemoteOptions {
    /// The value of a variable of the environment, unless it is empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of some variables that has a value.
    pub fn first_variable(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variable(name))
    }
}

/// Shows which variables are set and not what they hold, which may be secret.
impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("variables", &self.variables.keys())
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("allow_http", &self.allow_http)
            .field("path_style", &self.path_style)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("retries", &self.retries)
            .field("retry_budget", &self.retry_budget)
            .finish_non_exhaustive()
    }
}
