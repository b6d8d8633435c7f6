//! The file `.dsv/remotes`.

use std::collections::BTreeMap;
use std::io;

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use crate::model::RemoteName;
use crate::plumbing::host::{Fs, IoContext, publish};
use crate::porcelain::settings::SettingsError;
use crate::porcelain::{Error, Repository};
use crate::store::Layout;

/// Where a remote is and what its server needs. `None` leaves a thing to the environment and to the cloud's own files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteConfig {
    /// `s3://bucket/prefix`, `gs://…`, `az://…`, `file:///folder` or a path.
    pub url: String,
    /// The server's address, where it is not the cloud's own.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// The profile of the shared AWS files.
    pub profile: Option<String>,
    /// A file of certificates to trust besides the system's.
    pub ca_certificate: Option<String>,
    /// Whether the bucket stands in the path of S3 requests.
    pub path_style: Option<bool>,
    /// Whether to send requests unencrypted.
    pub allow_http: Option<bool>,
    /// Whether what is not here is fetched from it when it is needed.
    pub promisor: Option<bool>,
}

impl RemoteConfig {
    /// The same at another place.
    pub(super) fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// This, and where it says nothing, the other.
    pub(in crate::porcelain) fn or(self, other: Self) -> Self {
        Self {
            url: self.url,
            endpoint: self.endpoint.or(other.endpoint),
            region: self.region.or(other.region),
            profile: self.profile.or(other.profile),
            ca_certificate: self.ca_certificate.or(other.ca_certificate),
            path_style: self.path_style.or(other.path_style),
            allow_http: self.allow_http.or(other.allow_http),
            promisor: self.promisor.or(other.promisor),
        }
    }
}

/// The file, edited without touching what else stands in it.
pub(super) struct RemotesFile {
    document: DocumentMut,
    path: std::path::PathBuf,
}

impl RemotesFile {
    pub(super) fn read(fs: &dyn Fs, layout: &Layout) -> Result<Self, Error> {
        let path = layout.remotes();
        let bytes = match fs.read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.at("read", &path)?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let document = text.parse().map_err(|error: toml_edit::TomlError| SettingsError::Malformed {
            path: path.clone(),
            why: error.message().to_owned(),
        })?;
        Ok(Self { document, path })
    }

    pub(super) fn all(&self) -> Result<BTreeMap<RemoteName, RemoteConfig>, Error> {
        let mut remotes = BTreeMap::new();
        for (name, item) in self.document.iter() {
            let malformed = |why: String| SettingsError::Malformed { path: self.path.clone(), why };
            let Some(table) = item.as_table_like() else {
                return Err(malformed(format!("'{name}' is no table")).into());
            };
            let text = |key| table.get(key).and_then(Item::as_str).map(str::to_owned);
            let flag = |key| table.get(key).and_then(Item::as_bool);
            let url = text("url").ok_or_else(|| malformed(format!("'{name}' has no url")))?;
            let config = RemoteConfig {
                url,
                endpoint: text("endpoint"),
                region: text("region"),
                profile: text("profile"),
                ca_certificate: text("ca-certificate"),
                path_style: flag("path-style"),
                allow_http: flag("allow-http"),
                promisor: flag("promisor"),
            };
            remotes.insert(RemoteName::new(name)?, config);
        }
        Ok(remotes)
    }

    pub(super) fn set(&mut self, name: &RemoteName, config: &RemoteConfig) {
        let entry = self.document.entry(name.as_str()).or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = entry.as_table_like_mut() else { return };
        table.insert("url", value(config.url.as_str()));
        let texts = [
            ("endpoint", &config.endpoint),
            ("region", &config.region),
            ("profile", &config.profile),
            ("ca-certificate", &config.ca_certificate),
        ];
        for (key, text) in texts {
            put(table, key, text.as_deref().map(value));
        }
        let flags = [
            ("path-style", config.path_style),
            ("allow-http", config.allow_http),
            ("promisor", config.promisor),
        ];
        for (key, flag) in flags {
            put(table, key, flag.map(value));
        }
    }

    pub(super) fn remove(&mut self, name: &RemoteName) {
        self.document.remove(name.as_str());
    }

    pub(super) fn write(&self, repo: &Repository) -> Result<(), Error> {
        Ok(publish(repo.fs(), &self.path, self.document.to_string().as_bytes())?)
    }
}

fn put(table: &mut dyn TableLike, key: &str, item: Option<Item>) {
    match item {
        Some(item) => drop(table.insert(key, item)),
        None => drop(table.remove(key)),
    }
}
