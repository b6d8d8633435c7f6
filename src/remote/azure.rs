//! Azure Blob Storage.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

use super::client::Opened;
use super::endpoint::Endpoint;
use super::open::{Wire, no_retries};
use super::options::RemoteOptions;
use super::url::RemoteUrl;

/// Variables that are handed to the store as they are, each the first that has a value.
const VARIABLES: &[(AzureConfigKey, &[&str])] = &[
    (
        AzureConfigKey::AccessKey,
        &["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"],
    ),
    (AzureConfigKey::SasKey, &["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"]),
    (AzureConfigKey::Token, &["AZURE_STORAGE_TOKEN"]),
    (AzureConfigKey::ClientId, &["AZURE_CLIENT_ID", "AZURE_STORAGE_CLIENT_ID"]),
    (AzureConfigKey::ClientSecret, &["AZURE_CLIENT_SECRET", "AZURE_STORAGE_CLIENT_SECRET"]),
    (AzureConfigKey::AuthorityId, &["AZURE_TENANT_ID", "AZURE_STORAGE_TENANT_ID"]),
    (AzureConfigKey::AuthorityHost, &["AZURE_AUTHORITY_HOST"]),
    (AzureConfigKey::FederatedTokenFile, &["AZURE_FEDERATED_TOKEN_FILE"]),
    (AzureConfigKey::MsiEndpoint, &["IDENTITY_ENDPOINT", "AZURE_MSI_ENDPOINT"]),
];

/// Opens a container.
///
/// # Errors
/// What is wrong with the configuration.
pub(super) fn open(url: &RemoteUrl, options: &RemoteOptions) -> Result<Opened, String> {
    let connection =
        options.variable("AZURE_STORAGE_CONNECTION_STRING").map(Connection::parse).unwrap_or_default();
    let account = account(url, options, &connection)?;
    let endpoint = endpoint(options, &connection)?;
    let host = endpoint
        .as_ref()
        .map_or_else(|| format!("{account}.blob.core.windows.net"), |endpoint| endpoint.host.clone());
    let wire = Wire::new(options, Some(host))?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(account)
        .with_container_name(url.bucket())
        .with_retry(no_retries())
        .with_allow_http(true)
        .with_http_connector(wire.connector());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint.text.clone());
    }
    builder = with_credentials(builder, options, &connection);
    let store =
        builder.build().map_err(|error| format!("a key or token is malformed: {}", wire.describe(&error)))?;
    Ok(wire.opened(Arc::new(store), endpoint.map(|endpoint| endpoint.text)))
}

fn account(url: &RemoteUrl, options: &RemoteOptions, connection: &Connection) -> Result<String, String> {
    let of_variables = || options.first_variable(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]);
    let found = url.account().or_else(of_variables).or_else(|| connection.get("accountname"));
    found.map(str::to_owned).ok_or_else(|| {
        "no storage account is named; set AZURE_STORAGE_ACCOUNT_NAME, or write \
         abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX"
            .to_owned()
    })
}

fn endpoint(options: &RemoteOptions, connection: &Connection) -> Result<Option<Endpoint>, String> {
    let of_variables = || options.first_variable(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]);
    let text = options.endpoint.as_deref().or_else(of_variables).or_else(|| connection.get("blobendpoint"));
    text.map(|text| Endpoint::parse(text, options)).transpose()
}

/// Whatever the environment holds; else the login of `az`, if there was one; else the machine's own service is asked.
fn with_credentials(
    mut builder: MicrosoftAzureBuilder,
    options: &RemoteOptions,
    connection: &Connection,
) -> MicrosoftAzureBuilder {
    let mut any = false;
    for (key, names) in VARIABLES {
        if let Some(value) = options.first_variable(names) {
            builder = builder.with_config(*key, value);
            any = true;
        }
    }
    let in_connection =
        [(AzureConfigKey::AccessKey, "accountkey"), (AzureConfigKey::SasKey, "sharedaccesssignature")];
    for (key, name) in in_connection {
        if let Some(value) = connection.get(name).filter(|_| !any) {
            builder = builder.with_config(key, value);
            any = true;
        }
    }
    let azure_cli = options.home.as_ref().map(|home| home.join(".azure").join("azureProfile.json"));
    if !any && azure_cli.is_some_and(|file| file.is_file()) {
        builder = builder.with_use_azure_cli(true);
    }
    if options.variable("AZURE_SKIP_SIGNATURE") == Some("true") {
        builder = builder.with_skip_signature(true);
    }
    builder
}

/// A connection string: `Name=Value` between semicolons.
#[derive(Default)]
struct Connection(BTreeMap<String, String>);

impl Connection {
    fn parse(text: &str) -> Self {
        let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect())
    }

    /// A value by its name in lower case.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_taken_apart() {
        let text = "DefaultEndpointsProtocol=https;AccountName=me;AccountKey=YWI=;BlobEndpoint=http://127.0.0.1:1/me;";
        let connection = Connection::parse(text);
        assert_eq!(connection.get("accountname"), Some("me"));
        assert_eq!(connection.get("accountkey"), Some("YWI="));
        assert_eq!(connection.get("blobendpoint"), Some("http://127.0.0.1:1/me"));
        assert_eq!(connection.get("queueendpoint"), None);
    }
}
