//! The address of a server, where it is not the cloud's own.

use url::{Host, Url};

use super::error::RemoteError;
use super::options::RemoteOptions;
use super::url::RemoteUrl;

/// Demands that the address of a remote's server is one, and holds no secret, so that it can be written down. Whether the
/// remote can be opened by it is not asked.
///
/// # Errors
/// [`RemoteError::Configuration`], without the address.
pub fn check_endpoint(url: &RemoteUrl, text: &str) -> Result<(), RemoteError> {
    let options = RemoteOptions { allow_http: Some(true), ..RemoteOptions::default() };
    let failed = |why| RemoteError::Configuration { url: url.clone(), why };
    Endpoint::parse(text, &options).map(drop).map_err(failed)
}

/// A server by its address, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Without a slash at the end.
    pub(super) text: String,
    /// The name or number of the host alone.
    pub(super) host: String,
    /// Whether it is this machine.
    pub(super) is_local: bool,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, or that it is not encrypted and this was not allowed.
    pub(super) fn parse(text: &str, options: &RemoteOptions) -> Result<Self, String> {
        // The secret part of an address that is refused is not repeated.
        let url =
            Url::parse(text).map_err(|_| "the endpoint is no address like https://HOST:PORT".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("the endpoint carries a user name, a password or a query; secrets belong into the \
                        environment"
                .to_owned());
        }
        let host = url.host().ok_or_else(|| "the endpoint names no host".to_owned())?;
        let is_local = match &host {
            Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        match url.scheme() {
            "https" => {}
            "http" if options.allow_http.unwrap_or(is_local) => {}
            "http" => {
                return Err(format!(
                    "the endpoint {} is not encrypted; allow that explicitly if the network is yours",
                    url.as_str().trim_end_matches('/')
                ));
            }
            _ => return Err("the endpoint is neither https:// nor http://".to_owned()),
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), host: host.to_string(), is_local })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine() {
        let parse = |text: &str| Endpoint::parse(text, &RemoteOptions::default());
        assert!(parse("http://127.0.0.1:9000/").unwrap().is_local);
        assert!(parse("http://[::1]:9000").unwrap().is_local);
        assert!(parse("http://localhost:9000").unwrap().is_local);
        assert!(parse("http://minio.lan:9000").unwrap_err().contains("not encrypted"));
        assert_eq!(parse("https://minio.lan/").unwrap().text, "https://minio.lan");
        let allowed = RemoteOptions { allow_http: Some(true), ..RemoteOptions::default() };
        assert!(Endpoint::parse("http://minio.lan:9000", &allowed).is_ok());
        let refused = RemoteOptions { allow_http: Some(false), ..RemoteOptions::default() };
        assert!(Endpoint::parse("http://127.0.0.1:9000", &refused).is_err());
    }

    #[test]
    fn secrets_in_an_address_are_refused_and_not_repeated() {
        for text in ["https://u:hunter2@h/", "https://h/?sig=hunter2", "hunter2", "ftp://hunter2"] {
            let why = Endpoint::parse(text, &RemoteOptions::default()).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
