//! Commands for people: arguments to options, one call, its outcome to text or JSON.

pub(crate) mod config;
pub(crate) mod gc;
pub(crate) mod init;
