//! Servers that refuse, stall and cut: each its own clear error, within seconds.

use std::io::Write;
use std::time::{Duration, Instant};

use dsv::model::{ErrorKind, Interrupt};
use dsv::remote::{Client, Created, PutBody, RemoteError, RemoteOptions, probe};

use super::servers::{url, variables};
use crate::support::raw_server::{RawServer, Reply, closed_port};

static NEVER: Interrupt = Interrupt::new();
const IDLE: Duration = Duration::from_millis(700);

pub(super) fn options(endpoint: &str) -> RemoteOptions {
    RemoteOptions {
        variables: variables(&[("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "secret")]),
        endpoint: Some(endpoint.to_owned()),
        idle_timeout: IDLE,
        ..RemoteOptions::default()
    }
}

fn client(server: &RawServer) -> Client {
    Client::open(&url("s3://bucket/p"), &options(&server.address())).unwrap()
}

/// The failure of a call, which must come within some seconds.
fn soon<T: std::fmt::Debug>(seconds: u64, call: impl FnOnce() -> Result<T, RemoteError>) -> RemoteError {
    let began = Instant::now();
    let error = call().unwrap_err();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(seconds), "{took:?}: {error:?}");
    error
}

fn refusal(status: &str, headers: &[(&str, &str)], code: &str) -> RemoteError {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>In words.</Message></Error>");
    let server = RawServer::start(vec![Reply::answer(status, headers, &body)]);
    let client = client(&server);
    let error = soon(3, || client.get("k", 10, &NEVER));
    assert_eq!(server.heads().len(), 1, "a refusal is no reason to ask again: {error:?}");
    error
}

#[test]
fn a_server_that_is_down_is_told() {
    let endpoint = format!("http://127.0.0.1:{}", closed_port());
    let client = Client::open(&url("s3://bucket/p"), &options(&endpoint)).unwrap();
    let error = soon(4, || client.get("k", 10, &NEVER));
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::RemoteUnreachable);
    assert_eq!(error.to_string(), format!("'s3://bucket/p' cannot be reached at {endpoint}"));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the connection is refused");
}

#[test]
fn a_name_that_leads_nowhere_is_told() {
    let client = Client::open(&url("s3://bucket/p"), &options("https://no-such-host.invalid")).unwrap();
    let error = soon(15, || client.get("k", 10, &NEVER));
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("the name of the host cannot be resolved"), "{cause}");
}

#[test]
fn a_server_without_tls_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let client = Client::open(&url("s3://bucket/p"), &options(&endpoint)).unwrap();
    let error = soon(4, || client.get("k", 10, &NEVER));
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("SSL_CERT_FILE"), "{error:?}");
}

#[test]
fn a_server_that_says_nothing_is_told() {
    for reply in [Reply::Mute, Reply::half_object("0123456789")] {
        let server = RawServer::start(vec![reply]);
        let client = client(&server);
        let error = soon(4, || client.get("k", 10, &NEVER));
        assert!(matches!(error, RemoteError::Broken { .. }), "{error:?}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "nothing moved for too long");
    }
}

#[test]
fn an_upload_that_stalls_is_told() {
    let server = RawServer::start(vec![Reply::Deaf]);
    let client = client(&server);
    let body = PutBody::from(vec![1; 32 << 20]);
    let error = soon(6, || client.put("pack", &body, &NEVER));
    assert!(matches!(error, RemoteError::Broken { .. }), "{error:?}");
    let sent = client.stats().bytes_sent;
    assert!(sent > 0 && sent < 32 << 20, "{sent}");
}

#[test]
fn a_transfer_that_stalls_once_is_done_again() {
    let whole = Reply::object("0123456789");
    let replies = vec![whole.clone(), Reply::half_object("0123456789"), Reply::Mute, Reply::Close, whole];
    let server = RawServer::start(replies);
    let client = client(&server);
    for _ in 0..2 {
        assert_eq!(client.get("k", 10, &NEVER).unwrap().unwrap(), "0123456789");
    }
    assert_eq!(client.stats().gets, 5);
    assert_eq!(client.stats().bytes_received, 25);
}

/// The server is slow and never stands still for as long as is allowed.
#[test]
fn what_moves_is_given_its_time() {
    let server = RawServer::start(vec![Reply::object("0123456789")]);
    let mut options = options(&server.address());
    options.idle_timeout = Duration::from_secs(15);
    let client = Client::open(&url("s3://bucket/p"), &options).unwrap();
    client.put("pack", &PutBody::from(vec![1; 40 << 20]), &NEVER).unwrap();
    assert_eq!(client.stats().bytes_sent, 40 << 20);
    let head = &server.heads()[0];
    assert!(head.to_ascii_lowercase().contains(&format!("content-length: {}", 40 << 20)), "{head}");
}

#[test]
fn refusals_are_told_apart() {
    let error = refusal("403 Forbidden", &[], "InvalidAccessKeyId");
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the server answered 403 InvalidAccessKeyId: In words."
    );
    let error = refusal("403 Forbidden", &[], "SignatureDoesNotMatch");
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");
    let error = refusal("401 Unauthorized", &[], "Unauthorized");
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");
    let error = refusal("400 Bad Request", &[], "ExpiredToken");
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");

    let error = refusal("403 Forbidden", &[], "AccessDenied");
    assert_eq!(error.to_string(), "not allowed to read 'k' on 's3://bucket/p'");
    assert!(error.hint().unwrap().contains("s3:GetObject"));

    let error = refusal("403 Forbidden", &[], "RequestTimeTooSkewed");
    assert!(matches!(error, RemoteError::ClockSkew { .. }), "{error:?}");
    assert_eq!(error.hint().unwrap(), "set the clock of this machine");

    let error = refusal("404 Not Found", &[], "NoSuchBucket");
    assert_eq!(error.to_string(), "there is no bucket 'bucket'");
}

#[test]
fn the_right_region_is_named() {
    let error = refusal("301 Moved", &[("x-amz-bucket-region", "eu-west-3")], "PermanentRedirect");
    assert!(matches!(&error, RemoteError::WrongRegion { region: Some(_), .. }), "{error:?}");
    assert_eq!(error.hint().unwrap(), "set the remote's region to eu-west-3");
    let headers = [("Location", "http://127.0.0.1:1/elsewhere"), ("x-amz-bucket-region", "eu-west-3")];
    let error = refusal("307 Temporary Redirect", &headers, "TemporaryRedirect");
    assert!(matches!(&error, RemoteError::WrongRegion { region: Some(_), .. }), "{error:?}");
    let error = refusal("400 Bad Request", &[], "AuthorizationHeaderMalformed");
    assert!(matches!(&error, RemoteError::WrongRegion { region: None, .. }), "{error:?}");
}

#[test]
fn a_server_that_is_overloaded_is_told_within_seconds() {
    let body = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
    let server = RawServer::start(vec![Reply::answer("503 Slow Down", &[], body)]);
    let client = client(&server);
    let error = soon(12, || client.get("k", 10, &NEVER));
    assert!(matches!(error, RemoteError::Busy { .. }), "{error:?}");
    assert_eq!(server.heads().len(), 4);
}

#[test]
fn a_lost_answer_to_a_create_is_no_conflict_of_others() {
    let exists =
        Reply::answer("412 Precondition Failed", &[], "<Error><Code>PreconditionFailed</Code></Error>");
    let server = RawServer::start(vec![Reply::object("x"), Reply::Close, exists]);
    let client = client(&server);
    client.get("k", 10, &NEVER).unwrap();
    assert_eq!(client.create("log/1", "mine", &NEVER).unwrap(), Created::Exists);
    let heads = server.heads();
    assert_eq!(heads.len(), 3);
    assert!(heads[2].to_ascii_lowercase().contains("if-none-match: *"), "{}", heads[2]);
}

#[test]
fn a_server_that_ignores_conditions_is_found_out() {
    let client = crate::remote::servers::in_memory();
    assert!(probe::check(&client, &NEVER).iter().all(probe::ProbeStep::is_done));
    let listing = "<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let put = Reply::answer("200 OK", &[("ETag", "\"1\"")], "");
    let server = RawServer::start(vec![Reply::answer("200 OK", &[], listing), put.clone(), put]);
    let steps = probe::check(&super::wire::client(&server), &NEVER);
    assert!(steps[0].is_done() && steps[1].is_done(), "{steps:?}");
    assert!(steps[2].problem().unwrap().0.starts_with("conditional put not honoured"), "{steps:?}");
}
