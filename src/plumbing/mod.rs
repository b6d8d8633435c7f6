//! One file an operation: what git calls plumbing. Each takes handles of the layers below and typed
//! options, and returns a typed outcome.

pub mod checkout;
pub mod hash_file;
pub mod store_files;
