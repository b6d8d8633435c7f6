//! The binary as a person and as a script meet it.

mod itself;
mod objects;
mod start;
