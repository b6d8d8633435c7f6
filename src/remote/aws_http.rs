//! The requests of AWS's own code for credentials, over the same clients as all others.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::HeaderMap;

use super::cause::{Break, Transport};
use super::network::{Network, transport};

/// Longest time for an answer where the caller names none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// For connecting, and for the answer.
type Limits = (Option<Duration>, Option<Duration>);

/// Makes connectors, one for each limit of time.
pub(super) struct AwsHttp {
    network: Arc<Network>,
    made: Mutex<HashMap<Limits, SharedHttpConnector>>,
}

impl AwsHttp {
    pub(super) fn new(network: Arc<Network>) -> Self {
        Self { network, made: Mutex::default() }
    }
}

impl HttpClient for AwsHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let client = self.network.client(limits.0, HeaderMap::new());
            SharedHttpConnector::new(Connector { client, timeout: limits.1.unwrap_or(ANSWER_TIMEOUT) })
        };
        made.entry(limits).or_insert_with(make).clone()
    }
}

struct Connector {
    client: Result<reqwest::Client, String>,
    timeout: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, timeout) = (self.client.clone(), self.timeout);
        HttpConnectorFuture::new(async move {
            let client = client.map_err(|why| ConnectorError::user(why.into()))?;
            let request =
                convert(&request).ok_or_else(|| ConnectorError::user("a malformed request".into()))?;
            match tokio::time::timeout(timeout, exchange(&client, request)).await {
                Ok(done) => done.map_err(connector_error),
                Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
            }
        })
    }
}

fn convert(request: &HttpRequest) -> Option<reqwest::Request> {
    let method = request.method().parse().ok()?;
    let mut converted = reqwest::Request::new(method, request.uri().parse().ok()?);
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        converted.headers_mut().append(name, value.parse().ok()?);
    }
    *converted.body_mut() = Some(Bytes::copy_from_slice(request.body().bytes()?).into());
    Some(converted)
}

async fn exchange(client: &reqwest::Client, request: reqwest::Request) -> Result<HttpResponse, Transport> {
    let response = client.execute(request).await.map_err(transport)?;
    let status = response.status().as_u16().try_into();
    let status = status.map_err(|_| Transport { how: Break::Protocol, detail: String::new() })?;
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(transport)?;
    let mut converted = HttpResponse::new(status, SdkBody::from(body.to_vec()));
    for (name, value) in &headers {
        if let Ok(value) = value.to_str() {
            converted.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(converted)
}

fn connector_error(broken: Transport) -> ConnectorError {
    match broken.how {
        Break::ConnectTimeout | Break::Stalled => ConnectorError::timeout(broken.into()),
        _ => ConnectorError::io(broken.into()),
    }
}

impl fmt::Debug for AwsHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsHttp")
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
