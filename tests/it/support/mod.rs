//! What the tests have in common: backends of the file system that record and fail, and scratch space.

pub(crate) mod crash;
pub(crate) mod cutting_proxy;
pub(crate) mod fault;
pub(crate) mod flaky_store;
pub(crate) mod mini;
pub(crate) mod raw_server;
pub(crate) mod record;
pub(crate) mod repo;
pub(crate) mod rng;
pub(crate) mod sandbox;
pub(crate) mod scenario;
pub(crate) mod timed_store;
pub(crate) mod tree;
pub(crate) mod web_server;

use std::path::Path;

use tempfile::TempDir;

/// A fresh folder, in memory where the system has a place for that, since thousands are made.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made =
        if memory.is_dir() { tempfile::tempdir_in(memory) } else { Err(std::io::ErrorKind::NotFound.into()) };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Tells what was being tried when an assertion inside failed.
pub(crate) struct Context<F: Fn() -> String>(pub(crate) F);

impl<F: Fn() -> String> Drop for Context<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\nwhile testing: {}", (self.0)());
        }
    }
}
