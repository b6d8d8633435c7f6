//! Links to objects of real buckets, and of one that keeps all states of its objects.

use dsv::model::Interrupt;
use dsv::remote::Client;

use super::is_there;
use crate::remote::servers::Place;
use crate::support::raw_server::{RawServer, Reply};
use crate::support::sandbox::Sandbox;

static NEVER: Interrupt = Interrupt::new();

/// A repository that reaches a place as its remote is reached.
fn at(place: &Place) -> Sandbox {
    let mut sandbox = Sandbox::repository();
    for (name, value) in &place.options.variables {
        sandbox.set(name, value);
    }
    sandbox.ok([&["remote", "add", "origin", &place.url], &place.reach()[..]].concat());
    sandbox
}

fn put(client: &Client, key: &str, bytes: &[u8]) {
    client.put(key, &bytes.to_vec().into(), &NEVER).unwrap();
}

fn story(place: Option<Place>) {
    let Some(place) = place else { return };
    let (sandbox, client) = (at(&place), place.client());
    let large = crate::transfer::large(3);
    for (key, bytes) in
        [("p/a.jpg", &b"one"[..]), ("p/b.jpg", b"two!"), ("p/c d.txt", b"three"), ("p/sub/e.jpg", &large)]
    {
        put(&client, key, bytes);
    }
    let url = format!("{}/p/", place.url);
    let done = sandbox.json(["add", "--link", &url, "--to", "data", "--json"]);
    // One page of a listing, and no byte of the data.
    assert_eq!((&done["added"]["files"], &done["requests"]), (&4.into(), &1.into()), "{}", place.name);
    assert!(
        done["changes"].as_array().unwrap().iter().all(|change| change["link"]["etag"].is_string()),
        "{done}"
    );
    let pattern = sandbox.json(["add", "--link", &format!("{url}*.jpg"), "--to", "x", "--json", "--dry-run"]);
    assert_eq!((&pattern["added"]["files"], &pattern["requests"]), (&2.into(), &1.into()));
    let single = sandbox.json(["add", "--link", &format!("{url}a.jpg"), "--json", "--dry-run"]);
    assert_eq!((&single["changes"][0]["path"], &single["requests"]), (&"a.jpg".into(), &1.into()));
    sandbox.ok(["commit", "-m", "Links"]);
    sandbox.ok(["restore", "data/sub"]);
    assert_eq!(sandbox.read("data/sub/e.jpg"), large);
    assert_eq!(sandbox.json(["add", "--refresh", "--json"])["unchanged"]["files"], 4, "{}", place.name);

    put(&client, "p/b.jpg", b"owl!");
    let told = sandbox.fails(3, ["restore", "data"]);
    assert!(told.contains("'data/b.jpg' links to") && told.contains("which changed"), "{told}");
    assert!(!is_there(&sandbox, "data/a.jpg"));
    client.delete("p/c d.txt", &NEVER).unwrap();
    // What did come is here, until garbage is collected.
    sandbox.ok(["gc", "--grace", "0s"]);
    let told = sandbox.fails(3, ["cat", "HEAD:data/c d.txt"]);
    assert!(told.contains("which is gone"), "{told}");
    let done = sandbox.json(["add", "--refresh", "--update", "--json"]);
    assert_eq!((&done["modified"]["files"], &done["unchanged"]["files"]), (&1.into(), &2.into()));
    assert_eq!(done["gone"][0]["path"], "data/c d.txt");
    sandbox.ok(["materialize", "data"]);
    sandbox.ok(["commit", "-m", "Stored"]);
    assert_eq!(sandbox.read("data/b.jpg"), b"owl!");
    sandbox.ok(["push"]);
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn seaweedfs() {
    story(Place::s3());
}

#[test]
fn fake_gcs_server() {
    story(Place::gcs());
}

#[test]
fn azurite() {
    story(Place::azure());
}

#[test]
fn a_thousand_keys_are_a_page() {
    let Some(place) = Place::s3() else { return };
    let (sandbox, client) = (at(&place), place.client());
    std::thread::scope(|scope| {
        for part in 0..8 {
            let client = &client;
            scope.spawn(move || {
                (0..1001).filter(|n| n % 8 == part).for_each(|n| put(client, &format!("p/{n:04}"), b"x"));
            });
        }
    });
    let url = format!("{}/p/", place.url);
    let done = sandbox.json(["add", "--link", &url, "--to", "data", "--json"]);
    assert_eq!((&done["added"]["files"], &done["requests"]), (&1001.into(), &2.into()));
    let again = sandbox.json(["add", "--refresh", "--json"]);
    assert_eq!((&again["unchanged"]["files"], &again["requests"]), (&1001.into(), &2.into()));
    let flat = sandbox.json(["add", "--link", &url, "--to", "flat", "--non-recursive", "--json"]);
    assert_eq!((&flat["added"]["files"], &flat["requests"]), (&1001.into(), &2.into()));
}

/// An answer of a bucket that keeps all states of its objects.
fn answer(version: &str, body: &str) -> Reply {
    let headers = [
        ("ETag", "\"1\""),
        ("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT"),
        ("x-amz-version-id", version),
    ];
    Reply::answer("200 OK", &headers, body)
}

#[test]
fn a_version_id_is_recorded_and_asked_for() {
    let head = |version: &str| {
        let Reply::Bytes(bytes) = answer(version, "hello") else { panic!("an answer is bytes") };
        Reply::Bytes(bytes[..bytes.len() - 5].to_vec())
    };
    let server = RawServer::start(vec![head("v1"), answer("v1", "hello")]);
    let mut sandbox = Sandbox::repository();
    sandbox.set("AWS_NO_SIGN_REQUEST", "true");
    sandbox.set("AWS_ENDPOINT_URL_S3", &server.address());
    let done = sandbox.json(["add", "--link", "s3://bucket/p/x", "--json"]);
    assert_eq!(done["changes"][0]["link"]["version_id"], "v1");
    sandbox.ok(["restore", "x"]);
    assert_eq!(sandbox.read("x"), b"hello");
    let heads = server.heads();
    assert!(heads[0].starts_with("HEAD /bucket/p/x HTTP"), "{heads:?}");
    assert!(heads[1].starts_with("GET /bucket/p/x?versionId=v1 HTTP"), "{heads:?}");
    assert!(heads[1].to_ascii_lowercase().contains("if-match: \"1\""), "{heads:?}");
    assert_eq!(heads.len(), 2);
}

#[test]
fn markers_of_folders_are_no_links_and_hostile_keys_are_refused() {
    let list = |keys: &[(&str, u64)]| {
        let entry = |(key, size): &(&str, u64)| {
            format!(
                "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;1&quot;</ETag>\
                 <LastModified>2026-11-23T10:00:00Z</LastModified></Contents>"
            )
        };
        let entries: String = keys.iter().map(entry).collect();
        let body = format!("<ListBucketResult>{entries}<IsTruncated>false</IsTruncated></ListBucketResult>");
        Reply::answer("200 OK", &[], &body)
    };
    let good = [("p/", 0), ("p/d/", 0), ("p/d/x", 3), ("p/e/", 0), ("p/e/empty.txt", 0), ("p/y", 1)];
    let server = RawServer::start(vec![list(&good), list(&[("p/.dsv/HEAD", 3)])]);
    let mut sandbox = Sandbox::repository();
    sandbox.set("AWS_NO_SIGN_REQUEST", "true");
    sandbox.set("AWS_ENDPOINT_URL_S3", &server.address());
    let done = sandbox.json(["add", "--link", "s3://bucket/p/", "--json"]);
    let paths: Vec<_> = done["changes"].as_array().unwrap().iter().map(|change| &change["path"]).collect();
    assert_eq!(paths, ["p/d/x", "p/e/empty.txt", "p/y"]);
    let told = sandbox.fails(2, ["add", "--link", "s3://bucket/p/"]);
    assert!(told.contains(".dsv/HEAD"), "{told}");
    assert_eq!(sandbox.json(["status", "--json"])["staged"].as_array().unwrap().len(), 3);
}
