//! Google Cloud Storage.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};

use super::client::Opened;
use super::endpoint::Endpoint;
use super::open::{Wire, no_retries};
use super::options::RemoteOptions;
use super::url::RemoteUrl;

const HOST: &str = "storage.googleapis.com";
/// Where `gcloud auth application-default login` leaves its file, below the folder of its settings.
const DEFAULT_FILE: &str = "application_default_credentials.json";

/// Opens a bucket.
///
/// # Errors
/// What is wrong with the configuration.
pub(super) fn open(url: &RemoteUrl, options: &RemoteOptions) -> Result<Opened, String> {
    let endpoint = endpoint(options)?;
    let host = endpoint.as_ref().map_or(HOST, |endpoint| endpoint.host.as_str());
    let wire = Wire::new(options, Some(host.to_owned()))?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(url.bucket())
        .with_retry(no_retries())
        .with_http_connector(wire.connector());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(&endpoint.text);
    }
    // An emulator wants no signature, and must not get one that is real.
    let is_emulator = endpoint.as_ref().is_some_and(|endpoint| endpoint.is_local);
    if is_emulator || options.variable("GOOGLE_SKIP_SIGNATURE") == Some("true") {
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        builder = builder.with_skip_signature(true).with_credentials(Arc::new(nobody));
    } else if let Some(file) = credentials_file(options) {
        let text = file.to_str().ok_or_else(|| "the path of the credentials is no Unicode".to_owned())?;
        builder = builder.with_application_credentials(text);
    }
    let store = builder.build().map_err(|error| wire.describe(&error))?;
    Ok(wire.opened(Arc::new(store), endpoint.map(|endpoint| endpoint.text)))
}

fn endpoint(options: &RemoteOptions) -> Result<Option<Endpoint>, String> {
    let of_variables = || options.first_variable(&["STORAGE_EMULATOR_HOST", "GOOGLE_BASE_URL"]);
    let Some(text) = options.endpoint.as_deref().or_else(of_variables) else { return Ok(None) };
    // The emulators' own convention has no scheme.
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Endpoint::parse(&whole, options).map(Some)
}

/// The file that the environment names, or that of `gcloud` if there is one. Without, the machine's own service is
/// asked.
fn credentials_file(options: &RemoteOptions) -> Option<PathBuf> {
    if let Some(file) = options.variable("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(PathBuf::from(file));
    }
    let of_variable = options.variable("CLOUDSDK_CONFIG").map(PathBuf::from);
    let of_windows = options.variable("APPDATA").map(|folder| PathBuf::from(folder).join("gcloud"));
    let of_home = options.home.as_ref().map(|home| home.join(".config").join("gcloud"));
    let folders = [of_variable, of_windows, of_home];
    folders.into_iter().flatten().map(|folder| folder.join(DEFAULT_FILE)).find(|file| file.is_file())
}
