//! Links to files of web servers.

use super::{is_there, put};
use crate::support::raw_server::{RawServer, Reply};
use crate::support::sandbox::Sandbox;
use crate::support::web_server::{WebFile, WebServer};

#[test]
fn a_file_is_linked_to_by_one_question_and_read_once() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    server.put("data/a%20b.txt", WebFile::new("hello", "\"1\""));
    let done = sandbox.json(["add", "--link", &server.url("data/a b.txt"), "--to", "a.txt", "--json"]);
    assert_eq!(server.asked(), ["HEAD /data/a%20b.txt"]);
    let link = &done["changes"][0]["link"];
    assert_eq!((&link["etag"], &link["bytes"]), (&"\"1\"".into(), &5.into()));
    sandbox.ok(["commit", "-m", "Link"]);
    assert_eq!(server.asked(), [""; 0]);
    assert_eq!(sandbox.ok(["cat", "HEAD:a.txt"]), "hello");
    assert_eq!(server.asked(), ["GET /data/a%20b.txt"]);
    sandbox.ok(["cat", "HEAD:a.txt"]);
    sandbox.ok(["restore", "a.txt"]);
    sandbox.ok(["materialize", "a.txt"]);
    assert_eq!(server.asked(), [""; 0]);
}

#[test]
fn a_large_file_comes_in_parts_each_of_the_same_state() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    let bytes: Vec<u8> = (0..20u32 << 20).map(|n| (n >> 7) as u8).collect();
    server.put("big", WebFile::new(bytes.clone(), "\"1\""));
    sandbox.ok(["add", "--link", &server.url("big")]);
    server.asked();
    sandbox.ok(["restore", "big"]);
    assert_eq!(sandbox.read("big"), bytes);
    assert_eq!(
        server.asked(),
        ["GET /big 0-8388607", "GET /big 8388608-16777215", "GET /big 16777216-20971519"]
    );
    // A server without parts can give small files alone.
    server.put("whole", WebFile { parts: false, ..WebFile::new(bytes, "\"1\"") });
    sandbox.ok(["add", "--link", &server.url("whole")]);
    let told = sandbox.fails(5, ["restore", "whole"]);
    assert!(told.contains("gives no parts of files"), "{told}");
}

#[test]
fn changed_and_gone_files_are_told() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    server.put("a", WebFile::new("hello", "\"1\""));
    server.put("weak", WebFile::new("hello", "W/\"1\""));
    sandbox.ok(["add", "--link", &server.url("a"), &server.url("weak")]);
    server.put("a", WebFile::new("HELLO", "\"2\""));
    server.put("weak", WebFile::new("HELLO", "W/\"2\""));
    for path in ["a", "weak"] {
        let told = sandbox.fails(3, ["restore", path]);
        assert!(told.contains("which changed") && told.contains("ETag"), "{told}");
        assert!(!is_there(&sandbox, path));
    }
    let done = sandbox.json(["add", "--refresh", "--json"]);
    assert_eq!(done["modified"]["files"], 2);
    sandbox.ok(["restore", "a", "weak"]);
    assert_eq!(sandbox.read("weak"), b"HELLO");
    server.remove("a");
    let gone = sandbox.run(["add", "--refresh", "--json"]).expect(1);
    assert!(String::from_utf8(gone.out).unwrap().contains(r#""gone":[{"path":"a""#));
}

#[test]
fn without_an_etag_the_time_counts() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    server.put("a", WebFile { etag: None, ..WebFile::new("hello", "") });
    sandbox.ok(["add", "--link", &server.url("a")]);
    sandbox.ok(["restore", "a"]);
    assert_eq!(sandbox.json(["add", "--refresh", "--json"])["unchanged"]["files"], 1);
    server.put("a", WebFile { etag: None, ..WebFile::new("hello!", "") });
    assert_eq!(sandbox.json(["add", "--refresh", "--json"])["modified"]["files"], 1);
}

#[test]
fn servers_that_tell_no_length_and_folders_are_refused() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    server.put("a", WebFile { tells_length: false, ..WebFile::new("hello", "\"1\"") });
    let told = sandbox.fails(5, ["add", "--link", &server.url("a")]);
    assert!(told.contains("does not tell the length"), "{told}");
    for path in ["", "folder/", "*.csv"] {
        let told = sandbox.fails(2, ["add", "--link", &server.url(path)]);
        assert!(told.contains("names no single file"), "{told}");
    }
    assert!(sandbox.fails(3, ["add", "--link", &server.url("nope")]).contains("there is nothing at"));
}

#[test]
fn redirects_are_followed() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    let moved = |to: String| WebFile { moved_to: Some(to), ..WebFile::new("", "") };
    server.put("a", moved(server.url("b")));
    server.put("b", moved(server.url("c")));
    server.put("c", WebFile::new("hello", "\"1\""));
    server.put("round", moved(server.url("round")));
    sandbox.ok(["add", "--link", &server.url("a")]);
    sandbox.ok(["restore", "a"]);
    assert_eq!(sandbox.read("a"), b"hello");
    let told = sandbox.fails(5, ["add", "--link", &server.url("round")]);
    assert!(server.asked().len() < 20, "{told}");
}

#[test]
fn a_kill_in_the_middle_leaves_nothing_half() {
    let Reply::Bytes(whole) = Reply::object("hello world") else { panic!("an object is bytes") };
    let head = Reply::Bytes(whole[..whole.len() - 11].to_vec());
    let server = RawServer::start(vec![head, Reply::half_object("hello world"), Reply::Bytes(whole)]);
    let sandbox = Sandbox::repository();
    sandbox.ok(["add", "--link", &format!("{}/a", server.address())]);
    let mut child =
        sandbox.command().args(["restore", "a"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    while server.heads().len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!is_there(&sandbox, "a"));
    assert_eq!(sandbox.json(["status", "--json"])["changed"].as_array().unwrap().len(), 0);
    sandbox.ok(["restore", "a"]);
    assert_eq!(sandbox.read("a"), b"hello world");
    sandbox.ok(["gc", "--grace", "0s"]);
    sandbox.ok(["fsck", "--full"]);
}

#[test]
fn a_cut_connection_leaves_nothing_half() {
    let (server, sandbox) = (WebServer::start(), Sandbox::repository());
    put(&sandbox, "src/other", "other");
    server.put("a", WebFile::new("hello", "\"1\""));
    sandbox.ok(["add", "--link", &server.url("a"), "../src/other"]);
    server.put("a", WebFile { cut_after: Some(3), ..WebFile::new("hello", "\"1\"") });
    server.asked();
    let told = sandbox.fails(5, ["restore", "a", "other"]);
    assert!(told.contains("'a' links to") && told.contains("cannot be read"), "{told}");
    assert!(server.asked().len() > 1, "it is tried again");
    assert!(!is_there(&sandbox, "a") && !is_there(&sandbox, "other"));
    server.put("a", WebFile::new("hello", "\"1\""));
    sandbox.ok(["restore", "a", "other"]);
    assert_eq!(sandbox.read("a"), b"hello");
    sandbox.ok(["fsck", "--full"]);
}
