//! Web servers, as stores of which objects are read by their address and nothing else can be done.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderMap, Method, StatusCode};
use object_store::client::{HttpClient, HttpConnector, HttpRequestBody};
use object_store::path::Path;
use object_store::{
    ClientOptions, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use url::Host;

use super::client::Opened;
use super::open::Wire;
use super::options::RemoteOptions;
use super::url::RemoteUrl;

/// Opens a server.
///
/// # Errors
/// What is wrong with certificates or proxies.
pub(super) fn open(url: &RemoteUrl, options: &RemoteOptions) -> std::result::Result<Opened, String> {
    let base = format!("{}://{}", url.scheme().as_str(), url.bucket());
    // As it will be understood: there are many ways to write an address.
    let parsed = url::Url::parse(&base).map_err(|_| "it names no host".to_owned())?;
    if parsed.host().is_none_or(|host| is_machine_service(&host)) {
        return Err("it gives credentials to this machine, and is never read for data".to_owned());
    }
    let wire = Wire::of_web(options)?;
    let client = wire.connector().connect(&ClientOptions::new()).map_err(|error| wire.describe(&error))?;
    Ok(wire.opened(Arc::new(WebStore { base, client }), None))
}

/// Whether a host is one of the services that give credentials to machines of a cloud, to which a link of somebody else must
/// not lead.
pub(super) fn is_machine_service(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.to_ascii_lowercase().starts_with("metadata."),
        Host::Ipv4(address) => address.is_link_local(),
        Host::Ipv6(address) => {
            let of_cloud = address.segments()[..2] == [0xfd00, 0x0ec2];
            of_cloud
                || address.is_unicast_link_local()
                || address.to_ipv4_mapped().is_some_and(|address| address.is_link_local())
        }
    }
}

/// A server. The keys are what stands in its URLs behind the host, escapes and all.
struct WebStore {
    base: String,
    client: HttpClient,
}

impl fmt::Debug for WebStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebStore({})", self.base)
    }
}

impl fmt::Display for WebStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "web", source: source.into() }
}

fn read_only<T>() -> Result<T> {
    let source = "a web server is only read, one address at a time".into();
    Err(object_store::Error::NotSupported { source })
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Which bytes of how many an answer with status 206 holds.
fn content_range(headers: &HeaderMap) -> Option<(Range<u64>, u64)> {
    let (range, total) = text(headers, &CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first..last.checked_add(1)?, total.parse().ok()?))
}

/// When the object was last written; long ago where the server does not tell.
fn last_modified(headers: &HeaderMap) -> SystemTime {
    let stamp = text(headers, &LAST_MODIFIED)
        .and_then(|text| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok());
    let seconds = stamp.and_then(|stamp| u64::try_from(stamp.as_second()).ok()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl WebStore {
    fn request(&self, location: &Path, options: &GetOptions) -> Result<http::Request<HttpRequestBody>> {
        let method = if options.head { Method::HEAD } else { Method::GET };
        let mut request = http::Request::builder().method(method).uri(format!("{}/{location}", self.base));
        if let Some(etag) = &options.if_match {
            request = request.header(IF_MATCH, etag);
        }
        if let Some(GetRange::Bounded(range)) = &options.range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        }
        request.body(HttpRequestBody::empty()).map_err(generic)
    }
}

#[async_trait::async_trait]
impl ObjectStore for WebStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let request = self.request(location, &options)?;
        let (parts, body) = self.client.execute(request).await.map_err(generic)?.into_parts();
        let headers = &parts.headers;
        let (range, size) = if parts.status == StatusCode::PARTIAL_CONTENT {
            content_range(headers).ok_or_else(|| generic("the server does not tell which part it sends"))?
        } else {
            let len = text(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
            let len: u64 = len.ok_or_else(|| generic("the server does not tell the length of the file"))?;
            (0..len, len)
        };
        let is_asked_for = match &options.range {
            Some(GetRange::Bounded(asked)) => range.start == asked.start && range.end == asked.end.min(size),
            _ => range == (0..size),
        };
        if !is_asked_for {
            return Err(generic("the server gives no parts of files"));
        }
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: last_modified(headers).into(),
            size,
            e_tag: text(headers, &ETAG).map(str::to_owned),
            version: None,
        };
        let payload = GetResultPayload::Stream(body.bytes_stream().map_err(generic).boxed());
        let (attributes, extensions) = Default::default();
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        read_only()
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        read_only()
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::iter([read_only()]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter([read_only()]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        read_only()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        read_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_answers_are_read_and_nonsense_is_not() {
        let range = |text: &str| {
            let headers = HeaderMap::from_iter([(CONTENT_RANGE, text.parse().unwrap())]);
            content_range(&headers)
        };
        assert_eq!(range("bytes 2-4/10"), Some((2..5, 10)));
        for bad in ["bytes 2-4/*", "bytes 4-2/10", "2-4/10", "bytes */10", "bytes 0-18446744073709551615/1"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }

    #[test]
    fn services_that_give_credentials_are_not_read() {
        let is_refused = |host: &str| {
            let url = url::Url::parse(&format!("http://{host}/x")).unwrap();
            is_machine_service(&url.host().unwrap())
        };
        for host in [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe:80",
            "metadata.google.internal",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
        ] {
            assert!(is_refused(host), "{host}");
        }
        for host in ["example.org", "127.0.0.1:80", "16.9.25.4", "[::1]"] {
            assert!(!is_refused(host), "{host}");
        }
    }

    #[test]
    fn times_of_the_web_are_read() {
        let headers =
            HeaderMap::from_iter([(LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap())]);
        let since = last_modified(&headers).duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 784_111_777);
        assert_eq!(last_modified(&HeaderMap::new()), SystemTime::UNIX_EPOCH);
    }
}
