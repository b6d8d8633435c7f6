//! The binary as a person and as a script meet it.

mod advice;
mod bad_input;
mod halfway;
mod history;
mod itself;
mod keep;
mod maintain;
mod objects;
mod output;
mod paths;
mod repair;
mod start;
mod workflow;
