//! `dsv` versions datasets as git versions code, and is built for data.
//!
//! Data flows one way through the layers; each serves without those above it:
//!
//! ```text
//! cli                          faces: parse, call, render
//! porcelain                    what a person means: add, commit, diff, checkout ...
//! plumbing                     one file an operation: diff-tree, rev-parse, fsck, gc ...
//! store  remote  worktree      the local database | the other side | the user's files
//! codec   sys                  bytes <-> values, pure | the operating system
//! model                        plain values: ids, paths, names, objects, error kinds
//! ```

#[cfg(feature = "cli")]
pub mod cli;
pub mod codec;
pub mod model;
pub mod plumbing;
pub mod porcelain;
pub mod remote;
pub mod store;
pub mod sys;
pub mod worktree;
