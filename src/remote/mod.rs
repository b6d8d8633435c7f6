//! The other side: a blocking client of object stores and shared folders.
//!
//! The only user of tokio, object_store and reqwest; everything asynchronous stays inside.

mod body;
mod cause;
mod client;
mod error;
mod failure;
pub mod keys;
mod open;
mod options;
mod retry;
mod runtime;
mod stats;
mod url;

pub use body::PutBody;
pub use cause::{Answer, Break, Cause, Transport};
pub use client::{Client, Created, ObjectInfo};
pub use error::{Action, RemoteError};
pub use options::RemoteOptions;
pub use stats::RequestStats;
pub use url::{RemoteUrl, Scheme, UrlError};
