//! What a person means: one module a verb, each with typed options and outcome, on an open
//! [`Repository`].

pub mod add;
pub mod checkout;
pub mod commit;
pub mod config;
mod environment;
mod error;
pub mod fsck;
pub mod gc;
pub mod init;
pub mod mv;
mod pathspec;
mod repository;
pub mod restore;
pub mod rm;
pub mod settings;
pub mod status;
pub mod verify;
mod work;

pub use environment::{Environment, GitStatus};
pub use error::Error;
pub use pathspec::Pathspec;
pub use repository::Repository;
