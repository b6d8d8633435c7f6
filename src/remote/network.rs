//! HTTP clients: proxies, certificates, names of hosts.

use std::io;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{NoProxy, Proxy, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::cause::{Break, Transport, tidy};
use super::options::RemoteOptions;
use super::web::is_machine_service;

/// How long an idle connection is kept for the next request.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// What all HTTP clients of one remote have in common.
pub(super) struct Network {
    tls: ClientConfig,
    proxies: Vec<Proxy>,
    connect_timeout: Duration,
    /// Whether to go where a server sends.
    follows: bool,
}

/// Shows nothing: a proxy's address may hold a password.
impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    /// Reads certificates and settings.
    ///
    /// # Errors
    /// A text that tells what is wrong with them.
    pub(super) fn new(options: &RemoteOptions) -> Result<Self, String> {
        let (tls, proxies) = (tls(options)?, proxies(options)?);
        Ok(Self { tls, proxies, connect_timeout: options.connect_timeout, follows: false })
    }

    /// The same, going where a server sends.
    pub(super) fn following(self) -> Self {
        Self { follows: true, ..self }
    }

    /// A client that sends these headers with each request.
    ///
    /// # Errors
    /// A text that tells what is wrong.
    pub(super) fn client(
        &self,
        connect: Option<Duration>,
        headers: HeaderMap,
    ) -> Result<reqwest::Client, String> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("dsv/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(if self.follows { redirects() } else { redirect::Policy::none() })
            .connect_timeout(connect.unwrap_or(self.connect_timeout))
            .pool_idle_timeout(POOL_IDLE)
            .http1_only()
            .no_proxy()
            .dns_resolver(Arc::new(Resolver));
        for proxy in &self.proxies {
            builder = builder.proxy(proxy.clone());
        }
        builder.build().map_err(|error| tidy(&error.without_url().to_string()))
    }
}

/// Most addresses that are gone through.
const MAX_REDIRECTS: usize = 5;

/// Follows a web server elsewhere, but never out of encryption nor to what gives credentials. A server of objects that sends elsewhere is in another
/// region, which is told and not followed.
fn redirects() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let was_safe = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > MAX_REDIRECTS
            || (was_safe && attempt.url().scheme() != "https")
            || attempt.url().host().is_none_or(|host| is_machine_service(&host))
        {
            attempt.stop()
        } else {
            attempt.follow()
        }
    })
}

/// TLS by ring, which needs no C compiler's time, with the system's certificates.
fn tls(options: &RemoteOptions) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match options.variable("SSL_CERT_FILE") {
        Some(file) => add_file(&mut roots, Path::new(file))?,
        None => {
            // One that cannot be read is missed when a server is signed by it.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let more = [options.ca_certificate.as_deref(), options.variable("AWS_CA_BUNDLE").map(Path::new)];
    for file in more.into_iter().flatten() {
        add_file(&mut roots, file)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let failed = |why: String| format!("the certificates in '{}' cannot be read: {why}", file.display());
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(tidy(&error.to_string())))?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 { Err(failed("there are none, as PEM".to_owned())) } else { Ok(()) }
}

/// The proxies that the environment names. `HTTP_PROXY` in capitals is obeyed too: no request from outside sets it.
fn proxies(options: &RemoteOptions) -> Result<Vec<Proxy>, String> {
    type Make = fn(&str) -> reqwest::Result<Proxy>;
    let makers: [(&[&str], Make); 3] = [
        (&["https_proxy", "HTTPS_PROXY"], |url| Proxy::https(url)),
        (&["http_proxy", "HTTP_PROXY"], |url| Proxy::http(url)),
        (&["all_proxy", "ALL_PROXY"], |url| Proxy::all(url)),
    ];
    let except = options.first_variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    // What runs on this machine, or gives credentials to it, is never behind a proxy.
    let except = NoProxy::from_string(&format!("{except},localhost,127.0.0.0/8,::1,169.254.0.0/16"));
    let mut proxies = Vec::new();
    for (names, make) in makers {
        if let Some(url) = options.first_variable(names) {
            let proxy = make(url).map_err(|_| format!("the proxy in {} is no URL", names[1]))?;
            proxies.push(proxy.no_proxy(except.clone()));
        }
    }
    Ok(proxies)
}

/// The name of a host could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct DnsFailure(#[source] io::Error);

/// Asks the system, and gives its failures a type.
#[derive(Debug)]
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs()).await?;
            Ok(Box::new(found.map_err(DnsFailure)?) as Addrs)
        })
    }
}

/// How a request of the HTTP client broke.
pub(super) fn transport(error: reqwest::Error) -> Transport {
    let error = error.without_url();
    let (how, detail) = break_of(&error);
    Transport { how, detail }
}

fn break_of(error: &reqwest::Error) -> (Break, String) {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(cause) = at {
        last = tidy(&cause.to_string());
        if cause.is::<DnsFailure>() {
            return (Break::Dns, last);
        }
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return (Break::Tls, tidy(&found.to_string()));
        }
        // What an error of I/O was made of is not among its sources.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(how) = cause.downcast_ref().filter(|_| wrapped.is_none()).and_then(break_of_io) {
            return (how, String::new());
        }
        at =
            wrapped.map_or_else(|| cause.source(), |inner| Some(inner as &(dyn std::error::Error + 'static)));
    }
    if error.is_connect() {
        return (if error.is_timeout() { Break::ConnectTimeout } else { Break::Connect }, last);
    }
    if error.is_timeout() { (Break::Stalled, String::new()) } else { (ended(error), last) }
}

fn break_of_io(error: &io::Error) -> Option<Break> {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Some(Break::Refused),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
            Some(Break::Reset)
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => Some(Break::Connect),
        _ => None,
    }
}

/// An exchange that ended early is a cut connection: hyper has no public type for it below reqwest's.
fn ended(error: &reqwest::Error) -> Break {
    if error.is_request() || error.is_body() || error.is_decode() { Break::Reset } else { Break::Protocol }
}
