//! Commands for people: arguments to options, one call, its outcome to text or JSON.

pub(crate) mod add;
pub(crate) mod cache;
pub(crate) mod checkout;
pub(crate) mod commit;
pub(crate) mod config;
pub(crate) mod delete;
pub(crate) mod diff;
pub(crate) mod drafts;
pub(crate) mod evict;
pub(crate) mod gc;
mod gc_remote;
pub(crate) mod get;
pub(crate) mod info;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod ls;
pub(crate) mod merge;
pub(crate) mod names;
pub(crate) mod record;
pub(crate) mod remotes;
pub(crate) mod rename;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod transfer;
pub(crate) mod verify;
pub(in crate::cli) mod views;
