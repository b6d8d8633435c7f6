//! Wrong credentials, permissions and buckets on real servers: each its own error, at once.

use std::time::{Duration, Instant};

use dsv::model::{ErrorKind, Interrupt};
use dsv::remote::{Client, ProbeStep, PutBody, RemoteError, RemoteOptions, probe};

use super::servers::{address, azure_options, fresh, s3_options, url, variables};

static NEVER: Interrupt = Interrupt::new();

/// The failure of a first request, which must come soon.
fn failure(client: &Client) -> RemoteError {
    let began = Instant::now();
    let error = client.get("k", 10, &NEVER).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}: {error}", began.elapsed());
    error
}

#[test]
fn wrong_keys_are_told_from_missing_permissions() {
    let Some(options) = s3_options("dsvtest", "wrong-secret") else { return };
    let client = Client::open(&fresh("s3", "dsv-test"), &options).unwrap();
    let error = failure(&client);
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::RemoteDenied);

    let options = s3_options("nobody", "wrong-secret").unwrap();
    let error = failure(&Client::open(&fresh("s3", "dsv-test"), &options).unwrap());
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");

    let options = s3_options("dsvreader", "dsvreader-secret").unwrap();
    let client = Client::open(&fresh("s3", "dsv-test"), &options).unwrap();
    assert_eq!(client.get("k", 10, &NEVER).unwrap(), None);
    let error = client.put("k", &PutBody::from("x"), &NEVER).unwrap_err();
    assert!(matches!(error, RemoteError::Denied { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("s3:PutObject"), "{error:?}");
    let steps = probe::check(&client, &NEVER);
    assert_eq!(steps.iter().map(ProbeStep::is_done).filter(|done| *done).count(), 1, "{steps:?}");
    assert!(steps[1].problem().unwrap().1.unwrap().contains("s3:PutObject"), "{steps:?}");
}

#[test]
fn a_missing_bucket_is_no_missing_object() {
    if let Some(options) = s3_options("dsvtest", "dsvtest-secret") {
        let error = failure(&Client::open(&url("s3://no-such-bucket/x"), &options).unwrap());
        assert!(matches!(error, RemoteError::NoBucket { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::RemoteNotFound);
        assert_eq!(error.to_string(), "there is no bucket 'no-such-bucket'");
    }
    let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    if let Some(options) = azure_options(key) {
        let error = failure(&Client::open(&url("az://no-such-container/x"), &options).unwrap());
        assert!(matches!(error, RemoteError::NoBucket { .. }), "{error:?}");
    }
    if let Some(address) = address("DSV_TEST_GCS") {
        let options = RemoteOptions { endpoint: Some(address), ..RemoteOptions::default() };
        let client = Client::open(&url("gs://no-such-bucket/x"), &options).unwrap();
        let error = client.create("k", "x", &NEVER).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RemoteNotFound, "{error:?}");
    }
}

#[test]
fn a_wrong_key_of_azure_is_refused() {
    let Some(options) = azure_options("d3Jvbmc=") else { return };
    let error = failure(&Client::open(&fresh("az", "dsv-test"), &options).unwrap());
    // Azurite says AuthorizationFailure where Azure says AuthenticationFailed.
    assert_eq!(error.kind(), ErrorKind::RemoteDenied, "{error:?}");
}

#[test]
fn keys_of_a_profile_are_found_in_the_shared_files() {
    let Some(endpoint) = address("DSV_TEST_S3") else { return };
    let home = crate::support::scratch();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let config = format!(
        "[profile lab]\nregion = eu-central-1\nservices = lab\n[services lab]\ns3 =\n  endpoint_url = {endpoint}\n"
    );
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    let keys = "[lab]\naws_access_key_id = dsvtest\naws_secret_access_key = dsvtest-secret\n";
    std::fs::write(home.path().join(".aws/credentials"), keys).unwrap();
    let mut options = RemoteOptions { home: Some(home.path().to_owned()), ..RemoteOptions::default() };
    options.profile = Some("lab".to_owned());
    let client = Client::open(&fresh("s3", "dsv-test"), &options).unwrap();
    client.put("k", &PutBody::from("x"), &NEVER).unwrap();

    options.profile = Some("other".to_owned());
    let error = Client::open(&fresh("s3", "dsv-test"), &options).unwrap_err();
    assert!(error.to_string().contains("no profile 'other'"), "{error}");
}

#[test]
fn a_process_may_give_the_keys() {
    let Some(endpoint) = address("DSV_TEST_S3") else { return };
    let home = crate::support::scratch();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let answer = r#"{"Version": 1, "AccessKeyId": "dsvtest", "SecretAccessKey": "dsvtest-secret"}"#;
    std::fs::write(home.path().join("answer"), answer).unwrap();
    let config = format!("[default]\ncredential_process = cat {}\n", home.path().join("answer").display());
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    let options = RemoteOptions {
        home: Some(home.path().to_owned()),
        endpoint: Some(endpoint),
        ..RemoteOptions::default()
    };
    let client = Client::open(&fresh("s3", "dsv-test"), &options).unwrap();
    client.put("k", &PutBody::from("x"), &NEVER).unwrap();
}

/// No file, no variable, and no service of a cloud: told within seconds.
#[test]
fn that_there_are_no_credentials_is_told_soon() {
    let options = RemoteOptions {
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        variables: variables(&[("AWS_EC2_METADATA_DISABLED", "true")]),
        ..RemoteOptions::default()
    };
    let error = failure(&Client::open(&url("s3://bucket/x"), &options).unwrap());
    assert!(matches!(error, RemoteError::Credentials { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("AWS_ACCESS_KEY_ID"));
}
