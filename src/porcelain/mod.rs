//! What a person means: one module a verb, each with typed options and outcome, on an open
//! [`Repository`].

mod environment;
mod error;
pub mod fsck;
pub mod gc;
pub mod init;
mod repository;
pub mod settings;

pub use environment::{Environment, GitStatus};
pub use error::Error;
pub use repository::Repository;
