//! External links, by the real program.

mod local;
mod servers;
mod shared;
mod web;

use sha2::{Digest, Sha256};

use crate::support::sandbox::Sandbox;

/// The id of the blob of some bytes.
fn blob_id(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file beside the work folder.
fn put(sandbox: &Sandbox, path: &str, bytes: impl AsRef<[u8]>) {
    let path = sandbox.root().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Whether a file is in the work folder.
fn is_there(sandbox: &Sandbox, path: &str) -> bool {
    sandbox.work().join(path).exists()
}

/// The kinds that the newest version has, by path.
fn kinds(sandbox: &Sandbox) -> Vec<(String, String)> {
    let text = sandbox.ok(["ls-tree", "-r", "HEAD"]);
    text.lines()
        .map(|line| {
            let (facts, path) = line.split_once('\t').unwrap();
            (path.to_owned(), facts.split_whitespace().next().unwrap().to_owned())
        })
        .collect()
}
