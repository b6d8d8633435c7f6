//! The shared files of AWS's tools, `~/.aws/config` and `~/.aws/credentials`.

use std::path::PathBuf;

use aws_config::profile::ProfileSet;
use aws_runtime::env_config::file::{EnvConfigFileKind as Kind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_types::os_shim_internal::{Env, Fs};

use super::options::RemoteOptions;
use super::runtime;

/// One profile, and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) files: EnvConfigFiles,
    region: Option<String>,
    endpoint: Option<String>,
}

impl Profile {
    /// Reads the profile that was asked for.
    ///
    /// # Errors
    /// When the files are malformed, or do not have a profile that was asked for by name.
    pub(super) fn load(options: &RemoteOptions) -> Result<Self, String> {
        let asked = options
            .profile
            .as_deref()
            .or_else(|| options.first_variable(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
        let name = asked.unwrap_or("default").to_owned();
        let files = files(options);
        let set = read(&files, &name)?;
        let found = set.get_profile(&name);
        if found.is_none() && asked.is_some() {
            return Err(format!("the shared AWS files have no profile '{name}'"));
        }
        let get = |key| found.and_then(|profile| profile.get(key)).map(str::to_owned);
        let endpoint = service_endpoint(&set, get("services")).or_else(|| get("endpoint_url"));
        Ok(Self { region: get("region"), endpoint, name, files })
    }

    /// The region that it names.
    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The address of S3 that it names.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}

/// The files that exist, of those that the environment names and those below the home folder.
fn files(options: &RemoteOptions) -> EnvConfigFiles {
    let below_home = |name: &str| options.home.as_ref().map(|home| home.join(".aws").join(name));
    let named = |variable: &str| options.variable(variable).map(PathBuf::from);
    let config = named("AWS_CONFIG_FILE").or_else(|| below_home("config"));
    let credentials = named("AWS_SHARED_CREDENTIALS_FILE").or_else(|| below_home("credentials"));
    let mut builder = EnvConfigFiles::builder();
    let mut any = false;
    for (kind, file) in [(Kind::Config, config), (Kind::Credentials, credentials)] {
        if let Some(file) = file.filter(|file| file.is_file()) {
            builder = builder.with_file(kind, file);
            any = true;
        }
    }
    // Without a file the builder would take those of the process.
    if any { builder.build() } else { builder.with_contents(Kind::Config, "").build() }
}

fn read(files: &EnvConfigFiles, name: &str) -> Result<ProfileSet, String> {
    let handle = runtime::handle().map_err(|error| error.to_string())?;
    let (fs, env) = (Fs::real(), Env::from_slice(&[]));
    let load = aws_config::profile::load(&fs, &env, files, Some(name.to_owned().into()));
    // Malformed lines are not shown: they may hold keys.
    handle
        .block_on(load)
        .map_err(|_| "the shared AWS files (~/.aws/config, ~/.aws/credentials) are malformed".to_owned())
}

/// `endpoint_url` below `s3 =` of a `[services NAME]` section.
fn service_endpoint(set: &ProfileSet, services: Option<String>) -> Option<String> {
    let key = PropertiesKey::builder()
        .section_key("services")
        .section_name(services?)
        .property_name("s3")
        .sub_property_name("endpoint_url")
        .build();
    set.other_sections().get(&key.ok()?).map(ToString::to_string)
}
