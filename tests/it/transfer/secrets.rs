//! Secrets in the environment and in the files of the cloud's tools, and the real program: nothing that it says or leaves holds one.

use std::path::Path;

use super::Two;
use crate::remote::servers::Place;
use crate::support::raw_server::{RawServer, Reply, closed_port};

/// The secret key that SeaweedFS accepts, and what the other secrets contain.
const SECRETS: [&str; 2] = ["dsvtest-secret", "aHVudGVyMmh1bnRlcjIx"];

fn assert_clean(what: &str, bytes: &[u8]) {
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(
            !found,
            "{what} holds a secret: {}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(2000)])
        );
    }
}

fn assert_folder_clean(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_clean("the name of a file", path.as_os_str().as_encoded_bytes());
        if path.is_dir() && !path.ends_with(".aws") {
            assert_folder_clean(&path);
        } else if path.is_file() {
            assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

/// Runs a command; returns its code.
fn run(two: &Two, arguments: &[&str]) -> i32 {
    let run = two.sandbox.run(arguments);
    assert_clean(&format!("standard output of {arguments:?}"), &run.out);
    assert_clean(&format!("standard error of {arguments:?}"), run.err.as_bytes());
    run.code
}

/// Everything that can be done with a remote, whatever comes of it.
fn run_all(two: &Two, url: &str, reach: &[&str]) -> Vec<i32> {
    let commands: [&[&str]; 12] = [
        &["remote"],
        &["remote", "check"],
        &["push"],
        &["ls-remote"],
        &["fetch"],
        &["pull"],
        &["verify", "--remote", "origin"],
        &["gc", "--remote", "origin"],
        &["log"],
        &["show"],
        &["config", "list"],
        &["info"],
    ];
    let (clone, get) = (["clone", url, "../clone"], ["get", url, "cats"]);
    let from_url = [[&clone, reach].concat(), [&get, reach].concat()];
    let commands = commands.iter().map(|command| command.to_vec()).chain(from_url);
    let mut codes = Vec::new();
    for command in commands {
        codes.push(run(two, &command));
        // As a program would, whatever comes of it a second time.
        run(two, &[&command, &["--json"][..]].concat());
    }
    codes
}

/// Ada, whose environment is full of secrets.
fn planted() -> Option<Two> {
    let mut two = Two::committed_for(Some(Place::s3()?));
    let sas = format!("sv=2021-08-06&sig={}%3D", SECRETS[1]);
    let proxy = format!("http://user:{}@127.0.0.1:9", SECRETS[1]);
    for (name, value) in [
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_STORAGE_ACCOUNT_KEY", SECRETS[1]),
        ("AZURE_STORAGE_SAS_TOKEN", &sas),
        ("AZURE_CLIENT_SECRET", SECRETS[1]),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", SECRETS[1]),
        ("HTTPS_PROXY", &proxy),
    ] {
        two.sandbox.set(name, value);
    }
    Some(two)
}

/// A server that repeats what it was sent, as far as it is secret.
fn echo() -> RawServer {
    let body = format!(
        "<Error><Code>AccessDenied</Code><Message>No access to https://h/k?sig={} for you</Message></Error>",
        SECRETS[1]
    );
    RawServer::start(vec![Reply::answer("403 Forbidden", &[], &body)])
}

#[test]
fn nothing_that_the_program_leaves_holds_a_secret() {
    let Some(mut two) = planted() else { return };
    let (url, endpoint) = (two.url(), two.reach()[1].to_owned());
    let reach = ["--endpoint", endpoint.as_str()];
    assert!(run_all(&two, &url, &reach).iter().all(|code| *code == 0));

    // The same by a profile, and not by the environment.
    let folder = two.path("home/.aws");
    std::fs::create_dir(&folder).unwrap();
    let keys = format!("[lab]\naws_access_key_id = dsvtest\naws_secret_access_key = {}\n", SECRETS[0]);
    std::fs::write(folder.join("credentials"), keys).unwrap();
    two.sandbox.set("AWS_ACCESS_KEY_ID", "");
    two.sandbox.set("AWS_SECRET_ACCESS_KEY", "");
    two.sandbox.set("AWS_PROFILE", "lab");
    two.sandbox.write("more", "more");
    two.ok(&["add", "."]);
    two.ok(&["commit", "-m", "More"]);
    std::fs::remove_dir_all(two.path("clone")).unwrap();
    assert!(run_all(&two, &url, &reach).iter().all(|code| *code == 0));

    // And where all of it fails.
    let echo = echo();
    let closed = format!("http://127.0.0.1:{}", closed_port());
    for endpoint in [&echo.address(), &closed] {
        two.ok(&["remote", "set-url", "origin", &url, "--endpoint", endpoint]);
        two.sandbox.write("file", endpoint);
        two.ok(&["add", "."]);
        two.ok(&["commit", "-m", "Another"]);
        assert!(run_all(&two, &url, &["--endpoint", endpoint]).contains(&5));
    }
    two.ok(&["remote", "set-url", "origin", &url, "--endpoint", &endpoint]);
    std::fs::write(folder.join("credentials"), format!("[lab\n{}", SECRETS[0])).unwrap();
    assert!(run_all(&two, &url, &reach).contains(&5));

    assert_folder_clean(two.sandbox.root());
    two.sandbox.set("AWS_PROFILE", "");
    for key in two.keys() {
        assert_clean(&key, key.as_bytes());
        assert_clean(&key, &two.object(&key));
    }
}

#[test]
fn an_address_with_a_secret_is_not_kept() {
    let two = Two::committed();
    for endpoint in
        [format!("http://u:{}@127.0.0.1:9", SECRETS[1]), format!("http://127.0.0.1:9/?sig={}", SECRETS[1])]
    {
        for verb in [&["remote", "add", "lab"][..], &["remote", "set-url", "origin"]] {
            let said = two.sandbox.fails(5, [verb, &["s3://bucket/p", "--endpoint", &endpoint]].concat());
            assert!(said.contains("secrets belong into the environment"), "{said}");
            assert_clean("the error", said.as_bytes());
        }
    }
    for url in [format!("s3://u:{}@bucket/p", SECRETS[1]), format!("s3://bucket/p?sig={}", SECRETS[1])] {
        let said = two.sandbox.fails(2, ["remote", "add", "lab", &url]);
        assert_clean("the error", said.as_bytes());
    }
    assert_folder_clean(two.sandbox.root());
}
