//! The way of every request over the wire: counted, and ended when nothing moves.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

use super::answer;
use super::cause::{Answer, Break, CredentialsError, Transport};
use super::network::{Network, transport};
use super::stats::{Counters, Verb};

/// Longest piece of a body that is sent before progress is noted, in bytes: a slow line moves one within the idle
/// timeout.
const PIECE: usize = 64 << 10;

/// Makes the services of one remote.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    network: Arc<Network>,
    counters: Arc<Counters>,
    idle: Duration,
    /// The host that holds the objects: others are asked for credentials.
    host: Option<String>,
}

impl Connector {
    pub(super) fn new(
        network: Arc<Network>,
        counters: Arc<Counters>,
        idle: Duration,
        host: Option<String>,
    ) -> Self {
        Self { network, counters, idle, host }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // The services that give credentials to machines of a cloud are asked for by a shorter time.
        let connect = options
            .get_config_value(&ClientConfigKey::ConnectTimeout)
            .filter(|text| text == "1s" || text == "1 second")
            .map(|_| Duration::from_secs(1));
        let headers = options.get_default_headers().cloned().unwrap_or_default();
        let client = self
            .network
            .client(connect, headers)
            .map_err(|why| object_store::Error::Generic { store: "HTTP", source: why.into() })?;
        Ok(HttpClient::new(Service { client, connector: self.clone() }))
    }
}

struct Service {
    client: reqwest::Client,
    connector: Connector,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let is_foreign = self.connector.host.as_ref().is_some_and(|own| *own != host);
        let verb = verb(request.method());
        if !is_foreign {
            self.connector.counters.request(verb);
        }
        let done = self.exchange(request).await;
        if is_foreign { done.map_err(|error| of_credentials(error, &host)) } else { done }
    }
}

impl Service {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let idle = self.connector.idle;
        let pulse = Arc::new(Pulse::new());
        let (parts, body) = request.into_parts();
        let url =
            parts.uri.to_string().parse().map_err(|_| failed(Break::Protocol, "the address is malformed"))?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        // What has no body can be sent again to where the server sends.
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if !reads || body.content_length() > 0 {
            let sent = SentBody::new(body, Arc::clone(&pulse), Arc::clone(&self.connector.counters));
            *request.body_mut() = Some(reqwest::Body::wrap(sent));
        }

        let response =
            pulse.guard(idle, self.client.execute(request)).await?.map_err(|e| http_error(transport(e)))?;
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let body = ReceivedBody {
            body: Box::pin(body),
            sleep: Box::pin(tokio::time::sleep(idle)),
            idle,
            counters: Arc::clone(&self.connector.counters),
        };
        let response = HttpResponse::from_parts(parts, HttpResponseBody::new(body));
        answer::check(response).await
    }
}

fn verb(method: &Method) -> Verb {
    match *method {
        Method::GET => Verb::Get,
        Method::HEAD => Verb::Head,
        Method::PUT => Verb::Put,
        Method::DELETE => Verb::Delete,
        _ => Verb::Other,
    }
}

/// A failure of the way, as the store hands it up.
pub(super) fn http_error(broken: Transport) -> HttpError {
    let kind = match broken.how {
        Break::Dns | Break::Refused | Break::Connect | Break::Tls | Break::ConnectTimeout => {
            HttpErrorKind::Connect
        }
        Break::Stalled => HttpErrorKind::Timeout,
        Break::Reset => HttpErrorKind::Interrupted,
        Break::Protocol => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, broken)
}

fn failed(how: Break, detail: &str) -> HttpError {
    http_error(Transport { how, detail: detail.to_owned() })
}

/// A failure of another host than the one of the objects.
fn of_credentials(error: HttpError, host: &str) -> HttpError {
    let source = std::error::Error::source(&error);
    let error_of = CredentialsError {
        text: source.map(ToString::to_string).unwrap_or_default(),
        answer: source.and_then(|source| source.downcast_ref::<Answer>()).cloned(),
        broken: source.and_then(|source| source.downcast_ref::<Transport>()).cloned(),
        of_machine: host.starts_with("169.254.") || host.starts_with("metadata"),
    };
    HttpError::new(error.kind(), error_of)
}

/// When a request last moved a byte.
#[derive(Debug)]
struct Pulse {
    began: Instant,
    /// Milliseconds since `began`.
    last: AtomicU64,
}

impl Pulse {
    fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    fn beat(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Runs `work` to its end unless there was no beat for so long.
    async fn guard<T>(&self, idle: Duration, work: impl Future<Output = T>) -> Result<T, HttpError> {
        tokio::pin!(work);
        loop {
            let deadline = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed)) + idle;
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(deadline.into()) => {
                    let last = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed));
                    if last.elapsed() >= idle {
                        return Err(failed(Break::Stalled, ""));
                    }
                }
            }
        }
    }
}

/// A body on its way out, in pieces, each noted.
struct SentBody {
    body: HttpRequestBody,
    piece: Bytes,
    left: u64,
    pulse: Arc<Pulse>,
    counters: Arc<Counters>,
}

impl SentBody {
    fn new(body: HttpRequestBody, pulse: Arc<Pulse>, counters: Arc<Counters>) -> Self {
        let left = body.content_length() as u64;
        Self { body, piece: Bytes::new(), left, pulse, counters }
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.pulse.beat();
        while self.piece.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => self.piece = frame.into_data().unwrap_or_default(),
                other => return other,
            }
        }
        let len = self.piece.len().min(PIECE);
        let piece = self.piece.split_to(len);
        self.left = self.left.saturating_sub(len as u64);
        self.counters.sent(len as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A body on its way in, which fails when nothing comes for too long.
struct ReceivedBody {
    body: Pin<Box<reqwest::Body>>,
    sleep: Pin<Box<tokio::time::Sleep>>,
    idle: Duration,
    counters: Arc<Counters>,
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match self.body.as_mut().poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                self.counters.received(len as u64);
                let deadline = tokio::time::Instant::now() + self.idle;
                self.sleep.as_mut().reset(deadline);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(http_error(transport(error))))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.sleep.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(failed(Break::Stalled, "")))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
