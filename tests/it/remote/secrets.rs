//! Secrets are planted everywhere, and nothing that can be shown may hold one.

use std::error::Error;

use dsv::model::Interrupt;
use dsv::remote::{Client, PutBody, RemoteError, RemoteOptions};

use super::servers::{url, variables};
use crate::support::raw_server::{RawServer, Reply, closed_port};

static NEVER: Interrupt = Interrupt::new();
/// What each secret contains; base64, so that it can be a key of Azure too.
const SECRET: &str = "aHVudGVyMmh1bnRlcjIx";

fn options(endpoint: String) -> RemoteOptions {
    let sas = format!("sv=2021-08-06&sig={SECRET}%3D");
    let names =
        ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_CLIENT_SECRET"];
    let mut variables = variables(&[
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_STORAGE_SAS_TOKEN", &sas),
        ("HTTPS_PROXY", &format!("http://user:{SECRET}@127.0.0.1:9")),
    ]);
    variables.extend(names.map(|name| (name.to_owned(), SECRET.to_owned())));
    RemoteOptions { variables, endpoint: Some(endpoint), retries: 0, ..RemoteOptions::default() }
}

fn check(shown: &str) {
    assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "{shown}");
}

fn check_error(error: &RemoteError) {
    check(&format!("{error:?} {error:#?} {:?}", error.hint()));
    let mut at: Option<&dyn Error> = Some(error);
    while let Some(cause) = at {
        check(&format!("{cause} {cause:?}"));
        at = cause.source();
    }
}

/// Every call against one remote; all fail.
fn check_calls(client: &Client) {
    check(&format!("{client:?} {:?}", client.stats()));
    check_error(&client.get("k", 10, &NEVER).unwrap_err());
    check_error(&client.put("k", &PutBody::from("x"), &NEVER).unwrap_err());
    check_error(&client.create("k", "x", &NEVER).unwrap_err());
    check_error(&client.head("k", &NEVER).unwrap_err());
    check_error(&client.delete("k", &NEVER).unwrap_err());
    check_error(&client.list("", None, &NEVER, &mut |_| Ok(())).unwrap_err());
    check_error(&client.list_folders("", &NEVER).unwrap_err());
}

#[test]
fn no_error_shows_a_secret() {
    let echo = format!(
        "<Error><Code>AccessDenied</Code><Message>No access to https://h/k?sig={SECRET} for you</Message></Error>"
    );
    let replies = [
        Reply::answer("403 Forbidden", &[], &echo),
        Reply::answer("400 Bad Request", &[], "garbage"),
        Reply::answer("500 Error", &[], ""),
        Reply::answer("302 Found", &[("Location", &format!("https://h/k?sig={SECRET}"))], ""),
        Reply::Close,
    ];
    let servers: Vec<_> = replies.into_iter().map(|reply| RawServer::start(vec![reply])).collect();
    let mut addresses: Vec<_> = servers.iter().map(RawServer::address).collect();
    addresses.push(format!("http://127.0.0.1:{}", closed_port()));
    for address in addresses {
        let mut options = options(address);
        check(&format!("{options:?} {options:#?}"));
        check_calls(&Client::open(&url("s3://bucket/p"), &options).unwrap());
        check_calls(&Client::open(&url("gs://bucket/p"), &options).unwrap());
        check_calls(&Client::open(&url("az://container/p"), &options).unwrap());
        options.variables.remove("AZURE_STORAGE_ACCOUNT_KEY");
        options.variables.remove("AZURE_CLIENT_SECRET");
        check_calls(&Client::open(&url("az://container/p"), &options).unwrap());
    }
}

#[test]
fn no_mistake_in_the_settings_shows_a_secret() {
    let closed = || format!("http://127.0.0.1:{}", closed_port());
    let bad = [
        ("AZURE_STORAGE_ACCOUNT_KEY", format!("no base64 {SECRET}!")),
        ("AZURE_STORAGE_SAS_TOKEN", SECRET.to_owned()),
        ("HTTPS_PROXY", format!("http://user:{SECRET}@[")),
        ("AZURE_STORAGE_CONNECTION_STRING", format!("AccountKey={SECRET}")),
        ("AWS_ACCESS_KEY_ID", String::new()),
    ];
    for (name, value) in bad {
        let mut options = options(closed());
        options.variables.insert(name.to_owned(), value);
        for text in ["s3://bucket/p", "gs://bucket/p", "az://container/p"] {
            if let Err(error) = Client::open(&url(text), &options) {
                check_error(&error);
            }
        }
    }
    for endpoint in [format!("http://u:{SECRET}@127.0.0.1"), format!("http://127.0.0.1/?sig={SECRET}")] {
        check_error(&Client::open(&url("s3://bucket/p"), &options(endpoint)).unwrap_err());
    }
}

#[test]
fn malformed_shared_files_are_not_shown() {
    let home = crate::support::scratch();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let text = format!("[default\naws_secret_access_key {SECRET}\n");
    std::fs::write(home.path().join(".aws/credentials"), text).unwrap();
    let options = RemoteOptions { home: Some(home.path().to_owned()), ..RemoteOptions::default() };
    let error = Client::open(&url("s3://bucket/p"), &options).unwrap_err();
    check_error(&error);
    assert!(error.to_string().contains("malformed"), "{error}");
}
