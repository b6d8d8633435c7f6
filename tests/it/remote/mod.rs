//! Remotes: one suite on every kind, faults on purpose, servers that misbehave on the wire, secrets.

mod conformance;
mod credentials;
mod faults;
mod secrets;
pub(crate) mod servers;
mod wire;
