//! Credentials of AWS from wherever its own tools find them: shared files with profiles, roles, processes and SSO, and
//! what containers and machines of the cloud are given.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError as AwsError;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use super::aws_files::Profile;
use super::aws_http::AwsHttp;
use super::cause::{CredentialsError, deepest, tidy};
use super::network::Network;
use super::options::RemoteOptions;

/// Credentials are asked for anew when they last no longer than this.
const MARGIN: Duration = Duration::from_secs(300);
/// Longest time for a machine's own service to answer: where there is none, nobody does.
const IMDS_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time in which all the places together must have answered.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Finds credentials at the first request, keeps them, and renews them before they end.
pub(super) struct Login {
    chain: CredentialsProviderChain,
    profile: String,
    kept: Mutex<Option<Kept>>,
}

/// Credentials, and when they end.
struct Kept {
    credential: Arc<AwsCredential>,
    expiry: Option<SystemTime>,
}

impl Kept {
    fn lasts(&self) -> bool {
        let left = |at: SystemTime| at.elapsed().map_err(|ahead| ahead.duration());
        self.expiry.is_none_or(|at| left(at).is_err_and(|left| left > MARGIN))
    }
}

impl Login {
    /// The places to look at, in the order of AWS's own tools.
    pub(super) fn new(
        options: &RemoteOptions,
        profile: Profile,
        region: String,
        network: Arc<Network>,
    ) -> Self {
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(region)))
            .with_http_client(AwsHttp::new(network));
        let name = profile.name.clone();
        let chain = chain(options, profile, &config);
        Self { chain, profile: name, kept: Mutex::new(None) }
    }

    async fn ask(&self) -> Result<Credentials, CredentialsError> {
        match tokio::time::timeout(LOGIN_TIMEOUT, self.chain.provide_credentials()).await {
            Ok(Ok(credentials)) => Ok(credentials),
            Ok(Err(AwsError::CredentialsNotLoaded(_))) => Err(CredentialsError::other(format!(
                "none in the environment, none in the profile '{}' of the shared AWS files, and this machine is given \
                 none by a cloud",
                self.profile
            ))),
            Ok(Err(error)) => Err(CredentialsError::other(tidy(&deepest(&error)))),
            Err(_) => Err(CredentialsError::other("nobody gave any in time".to_owned())),
        }
    }
}

fn chain(options: &RemoteOptions, profile: Profile, config: &ProviderConfig) -> CredentialsProviderChain {
    let shared = ProfileFileCredentialsProvider::builder()
        .configure(config)
        .profile_files(profile.files)
        .profile_name(profile.name)
        .build();
    let mut chain = CredentialsProviderChain::first_try("profile", shared);
    if let Some(identity) = web_identity(options) {
        let provider = WebIdentityTokenCredentialsProvider::builder()
            .configure(config)
            .static_configuration(identity)
            .build();
        chain = chain.or_else("web identity", provider);
    }
    let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    if options.first_variable(&container).is_some() {
        chain = chain.or_else("container", EcsCredentialsProvider::builder().configure(config).build());
    }
    let is_off =
        options.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if is_off { chain } else { chain.or_else("machine", machine(config)) }
}

fn web_identity(options: &RemoteOptions) -> Option<StaticConfiguration> {
    Some(StaticConfiguration {
        web_identity_token_file: PathBuf::from(options.variable("AWS_WEB_IDENTITY_TOKEN_FILE")?),
        role_arn: options.variable("AWS_ROLE_ARN")?.to_owned(),
        session_name: options.variable("AWS_ROLE_SESSION_NAME").unwrap_or("dsv").to_owned(),
    })
}

fn machine(config: &ProviderConfig) -> ImdsCredentialsProvider {
    let client = imds::Client::builder()
        .configure(config)
        .max_attempts(2)
        .connect_timeout(IMDS_TIMEOUT)
        .read_timeout(IMDS_TIMEOUT)
        .build();
    ImdsCredentialsProvider::builder().configure(config).imds_client(client).build()
}

#[async_trait]
impl CredentialProvider for Login {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.lasts()) {
            return Ok(Arc::clone(&kept.credential));
        }
        let found = self
            .ask()
            .await
            .map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *kept = Some(Kept { credential: Arc::clone(&credential), expiry: found.expiry() });
        Ok(credential)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("profile", &self.profile).finish_non_exhaustive()
    }
}
