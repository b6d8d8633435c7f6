//! Amazon S3, and what speaks its protocol.

use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, AwsCredential, AwsCredentialProvider, Checksum};

use super::aws_files::Profile;
use super::aws_login::Login;
use super::client::Opened;
use super::endpoint::Endpoint;
use super::open::{Wire, no_retries};
use super::options::RemoteOptions;
use super::url::RemoteUrl;

/// The region that S3's own tools take when none is named.
const DEFAULT_REGION: &str = "us-east-1";

/// Opens a bucket.
///
/// # Errors
/// What is wrong with the configuration.
pub(super) fn open(url: &RemoteUrl, options: &RemoteOptions) -> Result<Opened, String> {
    let profile = Profile::load(options)?;
    let endpoint = endpoint(options, &profile)?;
    let region = region(options, &profile);
    let wire = Wire::new(options, None)?;
    let path_style = options.path_style.unwrap_or_else(|| endpoint.is_some() || url.bucket().contains('.'));

    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(url.bucket())
        .with_region(&region)
        .with_retry(no_retries())
        .with_virtual_hosted_style_request(!path_style)
        // Not all servers know how to delete many at once.
        .with_disable_bulk_delete(true)
        .with_allow_http(true)
        .with_http_connector(wire.connector());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(bucket_address(endpoint, url.bucket(), path_style));
    }
    if options.checksum_header == Some(true) {
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    builder = match options.first_variable(&["AWS_NO_SIGN_REQUEST", "AWS_SKIP_SIGNATURE"]) {
        Some("true" | "1") => builder.with_skip_signature(true).with_credentials(nobody()),
        _ => builder.with_credentials(credentials(options, profile, region, &wire)?),
    };
    let store = builder.build().map_err(|error| wire.describe(&error))?;
    Ok(wire.opened(Arc::new(store), endpoint.map(|endpoint| endpoint.text)))
}

/// With the bucket in the name of the host, the address of the bucket is the server's.
fn bucket_address(endpoint: &Endpoint, bucket: &str, path_style: bool) -> String {
    if path_style {
        return endpoint.text.clone();
    }
    endpoint.text.replacen("://", &format!("://{bucket}."), 1)
}

fn endpoint(options: &RemoteOptions, profile: &Profile) -> Result<Option<Endpoint>, String> {
    let of_variables = || options.first_variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let text = options.endpoint.as_deref().or_else(of_variables).or_else(|| profile.endpoint());
    text.map(|text| Endpoint::parse(text, options)).transpose()
}

fn region(options: &RemoteOptions, profile: &Profile) -> String {
    let of_variables = || options.first_variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
    let named = options.region.as_deref().or_else(of_variables).or_else(|| profile.region());
    named.unwrap_or(DEFAULT_REGION).to_owned()
}

/// Keys of the environment, unless a profile was asked for; else whatever the cloud's own tools would find.
fn credentials(
    options: &RemoteOptions,
    profile: Profile,
    region: String,
    wire: &Wire,
) -> Result<AwsCredentialProvider, String> {
    let keys = (options.variable("AWS_ACCESS_KEY_ID"), options.variable("AWS_SECRET_ACCESS_KEY"));
    match keys {
        (Some(id), Some(secret)) if options.profile.is_none() => {
            let token = options.variable("AWS_SESSION_TOKEN").map(str::to_owned);
            Ok(fixed(id.to_owned(), secret.to_owned(), token))
        }
        (Some(_), None) if options.profile.is_none() => {
            Err("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not".to_owned())
        }
        _ => Ok(Arc::new(Login::new(options, profile, region, wire.network()))),
    }
}

fn fixed(key_id: String, secret_key: String, token: Option<String>) -> AwsCredentialProvider {
    Arc::new(StaticCredentialProvider::new(AwsCredential { key_id, secret_key, token }))
}

fn nobody() -> AwsCredentialProvider {
    fixed(String::new(), String::new(), None)
}
