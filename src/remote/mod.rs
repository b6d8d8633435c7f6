//! The other side: a blocking client of object stores and shared folders.
//!
//! The only user of tokio, object_store and reqwest; everything asynchronous stays inside.

#[cfg(feature = "cloud")]
mod answer;
#[cfg(feature = "s3")]
mod aws_files;
#[cfg(feature = "s3")]
mod aws_http;
#[cfg(feature = "s3")]
mod aws_login;
#[cfg(feature = "azure")]
mod azure;
mod body;
mod cause;
mod client;
mod endpoint;
mod error;
mod failure;
#[cfg(feature = "gcs")]
mod gcs;
#[cfg(feature = "cloud")]
mod http;
pub mod keys;
#[cfg(feature = "cloud")]
mod network;
mod open;
mod options;
mod pieces;
pub mod probe;
mod retry;
mod runtime;
#[cfg(feature = "s3")]
mod s3;
mod source;
mod stats;
mod url;
#[cfg(feature = "cloud")]
mod web;

pub use body::PutBody;
pub use cause::{Answer, Break, Cause, Transport};
pub use client::{Client, Created, ObjectInfo};
pub use endpoint::check_endpoint;
pub use error::{Action, RemoteError};
pub use options::RemoteOptions;
pub use pieces::Pieces;
pub use probe::{ProbeOutcome, ProbeStep};
pub use source::{Pin, Pinned, same_etag};
pub use stats::RequestStats;
pub use url::{RemoteUrl, Scheme, UrlError};
