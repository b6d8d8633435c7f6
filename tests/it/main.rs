//! The integration tests, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking and prepare files behind the back of the code under test"
)]

mod cache;
mod cli;
mod coming_from;
mod crash;
mod damage;
mod fault;
mod format_doc;
mod gc;
mod golden;
mod kill;
mod layers;
mod links;
mod merge;
mod model;
mod readme;
mod refs;
mod remote;
mod sparse;
mod staging_index;
mod store;
mod support;
mod sync;
mod sys;
mod transfer;
mod workflow;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every `.rs` file below `directory`.
fn sources(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
}

/// `file` and everything that its `mod` lines reach; `children` is where its modules live.
fn reachable(file: PathBuf, children: &Path, found: &mut BTreeSet<PathBuf>) {
    let text = std::fs::read_to_string(&file).unwrap();
    found.insert(file);
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        let below = children.join(name);
        let beside = children.join(format!("{name}.rs"));
        let child = if beside.exists() { beside } else { below.join("mod.rs") };
        reachable(child, &below, found);
    }
}

#[test]
fn no_forgotten_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let (mut present, mut named) = (BTreeSet::new(), BTreeSet::new());
    sources(&root, &mut present);
    reachable(root.join("main.rs"), &root, &mut named);
    let forgotten: Vec<_> = present.difference(&named).collect();
    assert!(forgotten.is_empty(), "no mod line leads to {forgotten:?}");
}
