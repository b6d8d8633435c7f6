//! The remotes that the suite runs on: in memory, in a folder, and on real servers of this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dsv::remote::{Client, RemoteOptions, RemoteUrl};
use object_store::memory::InMemory;

/// The bucket that `scripts/servers.sh` makes on each server.
const BUCKET: &str = "dsv-test";
/// The key that every Azurite has; it is public.
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A remote of its own, with what it stands on.
pub(super) struct Remote {
    pub(super) name: &'static str,
    pub(super) client: Client,
    _folder: Option<tempfile::TempDir>,
}

/// A prefix of its own on a server, and all that it takes to reach it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) options: RemoteOptions,
}

impl Place {
    fn new(name: &'static str, scheme: &str, options: RemoteOptions) -> Self {
        Self { name, url: fresh(scheme, BUCKET).to_string(), options }
    }

    /// On SeaweedFS.
    pub(crate) fn s3() -> Option<Self> {
        Some(Self::new("S3", "s3", s3_options("dsvtest", "dsvtest-secret")?))
    }

    /// On fake-gcs-server.
    pub(crate) fn gcs() -> Option<Self> {
        Some(Self::new("GCS", "gs", gcs_options()?))
    }

    /// On Azurite.
    pub(crate) fn azure() -> Option<Self> {
        Some(Self::new("Azure", "az", azure_options(AZURITE_KEY)?))
    }

    /// A connection of the library's to it.
    pub(crate) fn client(&self) -> Client {
        Client::open(&url(&self.url), &self.options).unwrap()
    }

    /// The options of the program that say how it is reached.
    pub(crate) fn reach(&self) -> Vec<&str> {
        self.options.endpoint.iter().flat_map(|endpoint| ["--endpoint", endpoint]).collect()
    }
}

/// Reads a URL of a test.
pub(super) fn url(text: &str) -> RemoteUrl {
    RemoteUrl::parse(text, Path::new("/")).unwrap()
}

/// Variables of the environment, as a face hands them down.
pub(super) fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An empty remote in memory.
pub(super) fn in_memory() -> Client {
    Client::with_store(Arc::new(InMemory::new()), url("s3://bucket/some/prefix")).unwrap()
}

/// One remote of each kind that is to be had, each with a prefix that nobody else uses. Says which are not.
pub(super) fn all() -> Vec<Remote> {
    let folder = crate::support::scratch();
    let path = folder.path().join("not yet/there");
    let mut remotes = vec![
        Remote { name: "memory", client: in_memory(), _folder: None },
        Remote { name: "folder", client: Client::open_folder(&path).unwrap(), _folder: Some(folder) },
    ];
    for place in [Place::s3(), Place::gcs(), Place::azure()].into_iter().flatten() {
        remotes.push(Remote { name: place.name, client: place.client(), _folder: None });
    }
    remotes
}

/// What the server listens at: a variable of the environment, or what `scripts/servers.sh` left. Says so when there is none:
/// then a test does not run on it.
pub(super) fn address(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok().or_else(|| left_by_script(variable));
    if found.is_none() {
        eprintln!("NOT RUN: there is no server for {variable}; start them with scripts/servers.sh");
    }
    found
}

fn left_by_script(variable: &str) -> Option<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let text = std::fs::read_to_string(target.join("servers/env")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('=').map(str::to_owned))
}

/// A URL with a prefix that no other test uses.
pub(super) fn fresh(scheme: &str, bucket: &str) -> RemoteUrl {
    url(&format!("{scheme}://{bucket}/test-{:016x}", fastrand::u64(..)))
}

/// Options for the S3 server with these keys.
pub(super) fn s3_options(id: &str, secret: &str) -> Option<RemoteOptions> {
    Some(RemoteOptions {
        variables: variables(&[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]),
        endpoint: Some(address("DSV_TEST_S3")?),
        ..RemoteOptions::default()
    })
}

fn gcs_options() -> Option<RemoteOptions> {
    Some(RemoteOptions {
        variables: variables(&[("STORAGE_EMULATOR_HOST", &address("DSV_TEST_GCS")?)]),
        ..RemoteOptions::default()
    })
}

/// Options for Azurite with this key.
pub(super) fn azure_options(key: &str) -> Option<RemoteOptions> {
    Some(RemoteOptions {
        variables: variables(&[
            ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1"),
            ("AZURE_STORAGE_ACCOUNT_KEY", key),
        ]),
        endpoint: Some(address("DSV_TEST_AZURE")?),
        ..RemoteOptions::default()
    })
}
