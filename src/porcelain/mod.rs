//! What a person means: one module a verb, each with typed options and outcome, on an open
//! [`Repository`].

mod about;
pub mod add;
pub mod branch;
pub mod cache;
pub mod cat;
pub mod checkout;
pub mod clone;
pub mod commit;
pub mod config;
pub mod diff;
mod environment;
mod error;
pub mod evict;
mod fast_forward;
pub mod fetch;
pub mod fsck;
pub mod gc;
pub mod gc_remote;
pub mod get;
pub mod info;
pub mod init;
pub mod log;
pub mod ls;
pub mod ls_remote;
pub mod mv;
mod pathspec;
pub mod pull;
pub mod push;
pub mod remotes;
mod repository;
pub mod restore;
pub mod rm;
pub mod settings;
pub mod show;
pub mod status;
pub mod sync_events;
pub mod tag;
#[cfg(test)]
mod test_line;
pub mod verify;
pub mod verify_remote;
mod work;

pub use about::{Changes, Marks, VersionSummary};
pub use environment::{Environment, GitStatus, UNKNOWN_USER, Variables};
pub use error::{Error, store_hint};
pub use pathspec::{GlobError, Pathspec, is_pattern};
pub use repository::Repository;
